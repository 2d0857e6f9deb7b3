"""What a run has to do, saved in its checkpoint folder so that it can be resumed without the options being repeated."""

from __future__ import annotations

import functools
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from w2v_cli.choices import require_seconds
from w2v_cli.config import TrainConfig, option_name, share_of
from w2v_cli.corpus.files import corpus_files
from w2v_cli.corpus.inputs import is_nameless
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError, CorpusError, ModelFileError, TrainingError, without_secrets
from w2v_cli.storage.atomic import atomic_file
from w2v_cli.storage.opening import STDIN, absolute, open_input
from w2v_cli.storage.outputs import Named
from w2v_cli.storage.remote import Url
from w2v_cli.storage.tensors import parse_json
from w2v_cli.storage.urls import absolute_path, is_url
from w2v_cli.training.origin import IN_MEMORY, Facts, Origin

NAME = "run.json"
CHECKPOINT_SECONDS = 600.0
# The options that may be different when a run is resumed. The number of epochs may only become higher.
CHANGEABLE = ("threads", "output", "checkpoint_every", "log")
# A longer run.json is refused; the names of any corpus take far less.
_MOST_BYTES = 1 << 26
# How much of an error about a run.json is shown: it may quote what is in it.
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Job:
    """The texts, all options, and where the model goes.

    Attributes
    ----------
    texts : the corpus.
    config : the options of training.
    output : the model file, or None.
    checkpoint_every : seconds, more than 0; infinity for a single checkpoint, at the end.
    sizes : the size of each text in bytes when the run began.
    folder : the working folder in which the run began, to which `config.vocab` is relative. `config` keeps that path as
        the user gave it, because it goes into the model file.
    log : the file of the run's log, or None.
    run_id : tells whether a log is that of this run.
    init : what is recorded of the model that the run goes on from, or None.

    Raises
    ------
    ConfigError
        If `checkpoint_every` is not a length of time.
    """

    texts: Texts
    config: TrainConfig
    output: str | None
    checkpoint_every: float = CHECKPOINT_SECONDS
    sizes: tuple[int, ...] = ()
    folder: str = ""
    log: str | None = None
    run_id: str = field(default_factory=lambda: secrets.token_hex(8))
    init: Facts | None = None

    def __post_init__(self) -> None:
        require_seconds("--checkpoint-every", self.checkpoint_every)

    @property
    def inputs(self) -> list[Named]:
        """Every file that the run reads."""
        others = ((self.vocab, "the vocabulary"), (self.init_path, "the model to go on from"))
        files = [*self.texts.named, *(Named(path, what) for path, what in others if path is not None)]
        held_out = [] if self.held_out is None else self.held_out.named
        return [*files, *(file._replace(what="the held-out text", hint="name another output") for file in held_out)]

    @property
    def vocab(self) -> str | None:
        """The file that the words are taken from, or None."""
        return self._path(self.config.vocab)

    @property
    def init_path(self) -> str | None:
        """The file of the model that the run goes on from; None if there is none, or it was never in a file."""
        return None if self.config.init == IN_MEMORY else self._path(self.config.init)

    @functools.cached_property
    def held_out(self) -> Texts | None:
        """The text of its own that the loss is measured on, read as the corpus is; None without one."""
        path = self.config.validate
        if path is None or share_of(path) is not None:
            return None
        # A folder may have other files when the run is resumed, but then its ids are kept.
        files = [path] if path == STDIN else corpus_files([self._located(path)])
        options = self.texts.options
        with suppress(OSError):  # a file that is missing has a name
            if is_nameless(files[0]):  # sentences from Python are no Parquet
                options = replace(options, column=None)
        return Texts(files, options, self.texts.on_remark)

    def _located(self, path: str) -> str:
        """Return a path of `config` for any working folder."""
        return path if is_url(path) else os.path.join(self.folder, path)

    def _path(self, path: str | None) -> str | None:
        """Return a path of `config` for any working folder, if there is one."""
        return None if path is None else self._located(path)

    @property
    def _validate(self) -> str | None:
        """What `--validate` names: a path for any working folder, or a share."""
        path = self.config.validate
        return path if path is None or share_of(path) is not None or path == STDIN else self._located(path)

    def origin(self) -> Origin:
        """Read the model that the run goes on from again.

        Raises
        ------
        ModelFileError
            If it cannot be read.
        TrainingError
            If it has changed since the run began.
        """
        origin = Origin.read(str(self.init_path))
        facts = origin.facts(self.config.loss)
        if facts[1:] != (self.init or facts)[1:]:
            raise TrainingError(
                f"{self.init_path} has changed since the run began",
                hint="bring the old model back, or train anew with another --checkpoint folder",
            )
        return origin

    def require_no_secrets(self) -> None:
        """Refuse URLs with passwords or tokens, because they would be written to the run's files.

        Raises
        ------
        ConfigError
            If there is one.
        """
        named = (self.output, self.config.vocab, self.config.validate, self.config.init)
        for path in (*self.texts.paths, *(name or "" for name in named)):
            if without_secrets(path) != path:
                raise ConfigError(
                    f"{path} has a password or a token in it, which would be written to {NAME}",
                    hint="give it in the environment or in the configuration of fsspec, or train without --checkpoint",
                )

    def save(self, folder: Path | Url) -> None:
        """Write the job into a checkpoint folder, with absolute paths."""
        values = {
            **_absolute({"corpus": self.texts.paths, "config": self.config.as_dict()}),
            "text": self.texts.options.as_dict(),
            "output": None if self.output is None else absolute_path(self.output),
            "checkpoint_every": self.checkpoint_every,
            "sizes": self.sizes,
            "folder": os.path.abspath(self.folder),
            **({} if self.log is None else {"log": os.path.abspath(self.log), "run_id": self.run_id}),
            **({} if self.init is None else {"init": self.init._asdict()}),
        }
        with atomic_file(folder / NAME) as file:
            file.write(json.dumps(values, indent=1).encode())

    def changed(self, options: Mapping[str, Any]) -> Job:
        """Return the same job with other options that may differ: threads, output, interval, log, or more epochs.

        Parameters
        ----------
        options : as on the command line, by the names of their fields; `corpus` is a sequence of paths.

        Raises
        ------
        ConfigError
            If another option differs from what the run was begun with.
        """
        was = {
            **asdict(self.config),
            **asdict(self.texts.options),
            **_absolute({"vocab": self.vocab, "validate": self._validate, "init": self.init_path}),
            "corpus": self.texts.paths,
            "output": self.output,
            "checkpoint_every": self.checkpoint_every,
            "log": self.log,
        }
        now = _absolute(options)
        different = {name: value for name, value in now.items() if value != was[name]}
        for name, value in different.items():
            more = name == "epochs" and value > was[name]
            # A run that did not look for the best epoch has not kept it.
            patience = name == "stop_early" and was[name] is not None
            if name in CHANGEABLE or more or patience:
                continue
            typed = option_name(name) if value is True else f"{option_name(name)} {_shown(value)}"
            shown = "the corpus" if name == "corpus" else typed
            hint = "leave it out; --threads, --output, --checkpoint-every, --log and a higher --epochs may change"
            if was["stop_early"] is not None:
                hint += ", and --stop-early"
            if name == "corpus":
                hint = "leave it out; to go on with another text, begin a run with --init"
            if was[name] is None or was[name] is False or was[name] == ():
                raise ConfigError(f"{shown} cannot be given now: the run was begun without {option_name(name)}", hint)
            raise ConfigError(f"{shown} is not what the run was begun with ({_shown(was[name])})", hint)
        config = replace(
            self.config, **{k: v for k, v in different.items() if k in ("epochs", "threads", "stop_early")}
        )
        own = {k: v for k, v in different.items() if k in ("output", "checkpoint_every", "log")}
        return replace(self, config=config, **own)

    def require_same_text(self, fingerprint: str) -> list[str]:
        """Refuse a corpus whose text has changed since the run began.

        Returns
        -------
        The paths of texts that no longer exist. If there are any, or a pipe, the others are not compared.

        Raises
        ------
        CorpusError
            If the text has changed; says which file.
        """
        # A pipe can be read only once.
        if not self.texts.are_files:
            return self.texts.missing
        if self.texts.fingerprint() != fingerprint:
            other_sizes = [
                f"{path} had {old:,} bytes and has {new:,}"
                for path, old, new in zip(self.texts.paths, self.sizes, self.texts.sizes, strict=True)
                if old != new
            ]
            what = "; ".join(other_sizes) or f"{', '.join(self.texts.paths)}: the same length as before, but other text"
            raise CorpusError(
                f"the corpus has changed since the run began: {what}",
                hint="restore the old text, or train anew with another --checkpoint folder",
            )
        return []


def _shown(value: Any) -> str:
    """Return the value of an option for an error message."""
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _absolute(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with absolute paths, which mean the same in any working folder."""
    paths: dict[str, Any] = {}
    if options.get("corpus"):
        paths["corpus"] = Texts(options["corpus"]).absolute().paths
    for name in ("output", "vocab", "init", "log"):
        if options.get(name) is not None:
            paths[name] = absolute_path(options[name])
    held_out = options.get("validate")
    if held_out is not None and share_of(held_out) is None:
        paths["validate"] = absolute(held_out)
    return {**options, **paths}


def load_job(folder: Path | Url) -> Job:
    """Read what the run of a checkpoint folder has to do.

    Raises
    ------
    TrainingError
        If no run was begun in the folder.
    ModelFileError
        If its run.json is not what `Job.save` writes.
    """
    try:
        with open_input(folder / NAME) as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError("it is too long")
        return _job_of(parse_json(text.decode()))
    except OSError as error:
        raise TrainingError(
            f"there is no run to resume in {folder}: {error.strerror or error}",
            hint="name the folder that was given to w2v train --checkpoint",
        ) from error
    # The file may come from somebody else, so its values may have any type, or be nested too deep to be shown.
    except (ValueError, TypeError, KeyError, RecursionError, ConfigError) as error:
        raise ModelFileError(
            f"{folder / NAME} cannot be understood: {str(error)[:_SHOWN_CHARACTERS]}",
            hint="was it written by another version?",
        ) from error


def _job_of(values: Any) -> Job:
    """Return the job that the values of a run.json describe.

    Raises
    ------
    ValueError, TypeError, KeyError, ConfigError
        If they describe none.
    """
    if not isinstance(values, dict):
        raise ValueError("it is not an object with names")
    corpus, sizes, output = values.pop("corpus"), values.pop("sizes"), values["output"]
    if not isinstance(corpus, list) or not isinstance(sizes, list) or len(corpus) != len(sizes):
        raise ValueError("corpus and sizes are not lists of one length")
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("a size is not a number of bytes")
    config, options = TrainConfig.from_dict(values.pop("config")), TextOptions(**values.pop("text"))
    log, run_id = values.get("log"), values.get("run_id", "")
    if not isinstance(run_id, str):
        raise ValueError("the run_id is not a name")
    named = (output, log, config.vocab, config.validate, config.init)
    for path in (*corpus, values["folder"], *(name for name in named if name is not None)):
        # The system refuses a NUL in a path, and half a character has no bytes; `os.fsencode` raises for the latter.
        if not isinstance(path, str) or b"\0" in os.fsencode(path):
            raise ValueError("a path is not valid")
    init = values.pop("init", None)
    facts = None if init is None else Facts(**init)
    described = facts is None or [type(fact) for fact in facts] == [str, int, str, bool, int]
    if (facts is None) != (config.init is None) or not described:
        raise ValueError("the model to go on from is not described")
    # Whatever else is in the file must be a field, or it is a TypeError.
    return Job(**values, texts=Texts(corpus, options), config=config, sizes=tuple(sizes), init=facts)
