"""What a run was asked to do, written into its checkpoint folder so that it can be resumed without being told again."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from w2v_cli.config import TrainConfig, option_name
from w2v_cli.corpus.texts import Reader, TextOptions
from w2v_cli.errors import ConfigError, CorpusError, ModelFileError, TrainingError
from w2v_cli.storage.atomic import atomic_file
from w2v_cli.storage.opening import STDIN
from w2v_cli.storage.outputs import Named
from w2v_cli.storage.tensors import parse_json

NAME = "run.json"
CHECKPOINT_SECONDS = 600.0
# What may be another when a run is resumed; epochs may only become more.
CHANGEABLE = ("threads", "output", "checkpoint_every")
# Of run.json: far more than the names of any corpus take.
_MOST_BYTES = 1 << 26
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Job:
    """The texts, every choice, and where the model goes.

    Attributes
    ----------
    corpus : paths, `-` for stdin · output : a path, or None.
    checkpoint_every : seconds, more than 0; infinity for one checkpoint, at the end.
    sizes : bytes of each file of the corpus when the run began.
    folder : where it began, and so what a relative `config.vocab` is relative to; the model file says it as given.

    Raises
    ------
    ConfigError
        If `checkpoint_every` is no length of time.
    """

    corpus: tuple[str, ...]
    config: TrainConfig
    text: TextOptions
    output: str | None
    checkpoint_every: float = CHECKPOINT_SECONDS
    sizes: tuple[int, ...] = ()
    folder: str = ""

    def __post_init__(self) -> None:
        seconds = self.checkpoint_every
        # A whole number too large for a float would fail where it is added to a time.
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not is_number or not (0 < seconds <= sys.float_info.max or seconds == math.inf):
            raise ConfigError(
                f"--checkpoint-every {seconds!r} is not a length of time", hint="it takes seconds above 0"
            )

    @property
    def inputs(self) -> list[Named]:
        """Every file that the run reads."""
        texts = [Named(path, "a text of the corpus") for path in self.corpus]
        return texts if self.vocab is None else [*texts, Named(self.vocab, "the vocabulary")]

    @property
    def vocab(self) -> str | None:
        """The file that the words are taken from, or None."""
        return None if self.config.vocab is None else os.path.join(self.folder, self.config.vocab)

    def save(self, folder: Path) -> None:
        """Write it into a checkpoint folder, with absolute paths."""
        paths = absolute({"corpus": self.corpus, "output": self.output})
        values = {**asdict(self), **paths, "folder": os.path.abspath(self.folder)}
        with atomic_file(folder / NAME) as file:
            file.write(json.dumps(values, indent=1).encode())

    def changed(self, options: Mapping[str, Any]) -> Job:
        """The same job with other threads, output or interval, or more epochs.

        Raises
        ------
        ConfigError
            If another option differs from what the run was begun with.
        """
        was = {**asdict(self), **self.config.as_dict(), **asdict(self.text), **absolute({"vocab": self.vocab})}
        different = {name: value for name, value in absolute(options).items() if value != was[name]}
        for name, value in different.items():
            if name == "epochs" and value > was[name]:
                continue
            if name not in CHANGEABLE:
                shown = "the corpus" if name == "corpus" else f"{option_name(name)} {value}"
                raise ConfigError(
                    f"{shown} is not what the run was begun with ({_shown(was[name])})",
                    hint="leave it out; --threads, --output, --checkpoint-every and a higher --epochs may change",
                )
        config = replace(self.config, **{k: v for k, v in different.items() if k in ("epochs", "threads")})
        own = {k: v for k, v in different.items() if k in ("output", "checkpoint_every")}
        return replace(self, config=config, **own)

    def require_same_text(self, fingerprint: str) -> list[str]:
        """Refuse a corpus whose text is no longer what the run was begun with; returns the files that are gone.

        Raises
        ------
        CorpusError
            If it has changed; with what has.
        """
        gone = [path for path in self.corpus if path != STDIN and not os.path.exists(path)]
        # What is no file, as a pipe, can be read once only.
        if any(path == STDIN or not os.path.isfile(path) for path in self.corpus):
            return gone
        reader = Reader(self.corpus, replace(self.text, errors="ignore", lower=False, tokenize="whitespace"))
        for _ in reader.pieces():
            pass
        if reader.fingerprint != fingerprint:
            sizes = file_sizes(self.corpus)
            grown = [
                f"{path} had {old:,} bytes and has {new:,}"
                for path, old, new in zip(self.corpus, self.sizes, sizes, strict=True)
                if old != new
            ]
            what = "; ".join(grown) or f"{', '.join(self.corpus)}: as long as before, but other text"
            raise CorpusError(
                f"the corpus has changed since the run began: {what}",
                hint="bring the old text back, or train anew with another --checkpoint folder",
            )
        return []


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def absolute(options: Mapping[str, Any]) -> dict[str, Any]:
    """The same options for any working folder; stdin stays what it is."""
    paths: dict[str, Any] = {}
    if options.get("corpus"):
        paths["corpus"] = tuple(path if path == STDIN else os.path.abspath(path) for path in options["corpus"])
    for name in ("output", "vocab"):
        if options.get(name) is not None:
            paths[name] = os.path.abspath(options[name])
    return {**options, **paths}


def file_sizes(corpus: Sequence[str]) -> tuple[int, ...]:
    """Bytes of each file, 0 for what is none."""
    return tuple(os.path.getsize(path) if os.path.isfile(path) else 0 for path in corpus)


def load_job(folder: Path) -> Job:
    """What the run of a checkpoint folder was asked to do.

    Raises
    ------
    TrainingError
        If no run was begun in the folder.
    ModelFileError
        If its run.json is not what `Job.save` writes.
    """
    try:
        with open(folder / NAME, "rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError("it is too long")
        return _understood(parse_json(text.decode()))
    except OSError as error:
        raise TrainingError(
            f"there is no run to resume in {folder}: {error.strerror or error}",
            hint="name the folder that was given to w2v train --checkpoint",
        ) from error
    # The file may come from somebody else, and hold what is of any kind, or too deep to be shown.
    except (ValueError, TypeError, KeyError, RecursionError, ConfigError) as error:
        raise ModelFileError(
            f"{folder / NAME} cannot be understood: {str(error)[:_SHOWN_CHARACTERS]}",
            hint="was it written by another version?",
        ) from error


def _understood(values: Any) -> Job:
    """The job that the values of a run.json say; ValueError, TypeError, KeyError or ConfigError if they say none."""
    corpus, sizes, output = values["corpus"], values["sizes"], values["output"]
    if not isinstance(corpus, list) or not isinstance(sizes, list) or len(corpus) != len(sizes):
        raise ValueError("corpus and sizes are not lists of one length")
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("a size is not a number of bytes")
    config = TrainConfig.from_dict(values["config"])
    for path in (*corpus, values["folder"], *(path for path in (output, config.vocab) if path is not None)):
        # Both are errors of the system's calls otherwise: half a character, and a NUL.
        if not isinstance(path, str) or b"\0" in os.fsencode(path):
            raise ValueError("a path is not a path")
    read = {"corpus": tuple(corpus), "sizes": tuple(sizes), "config": config, "text": TextOptions(**values["text"])}
    return Job(**{**values, **read})
