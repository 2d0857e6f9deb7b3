"""`w2v.train`: text in, a model out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from w2v_cli.api.corpus import Corpus, corpus_paths, require_bytes
from w2v_cli.api.model import Model
from w2v_cli.choices import require_choice, require_whole
from w2v_cli.config import TrainConfig, recipe_options
from w2v_cli.corpus.files import corpus_files
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.errors import ConfigError
from w2v_cli.option import plain_value
from w2v_cli.storage.urls import local_path
from w2v_cli.training.machine import Machine
from w2v_cli.training.origin import Origin
from w2v_cli.training.run import THIS_MACHINE, Observer, train_model
from w2v_cli.training.saving import Run
from w2v_cli.training.state import Progress


def train(
    corpus: Corpus,
    *,
    output: str | os.PathLike[str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[int, Model], None] | None = None,
    log: str | os.PathLike[str] | None = None,
    suffix: str | None = None,
    cluster: str | None = None,
    replicas: int | None = None,
    merge_every: int | None = None,
    validate: str | os.PathLike[str] | float | Corpus | None = None,
    init: Model | str | os.PathLike[str] | None = None,
    recipe: str | None = None,
    **options: Any,
) -> Model:
    """Learn word vectors.

    Parameters
    ----------
    corpus : the path of a text file such as `w2v train` takes, of a folder, or a pattern such as `texts/*.txt`, or
        several of them, or URLs; or sentences, each a list of tokens. Any iterable will do, such as a generator or a
        column of pandas; it is read once. A str is always a path or a URL.
    output : a model file to write at the end, in the format that its suffix names; only safetensors holds everything.
    on_progress : called about ten times a second, in this thread. If it raises, the training ends.
    on_epoch : called at the end of each epoch with its number, counted from 1, and the model so far, in this thread and
        while nothing is trained. Only until it returns, the model has these vectors.
    log : a new file for the log of the run, JSON lines; `read_run_log` reads it.
    suffix : which files of folders and patterns are read, such as .txt, which takes .txt.gz too; None takes all.
    cluster : "ray" to train on several machines, see `w2v help cluster`; None for this one.
    replicas : how many copies of the model a cluster trains; None for one on each node.
    merge_every : words that a replica trains between two merges; None to choose them.
    validate : text to measure the loss on after each epoch, which is not trained on: a share of the corpus, such as
        0.05 or "5%"; the path of a text, which is read as the corpus is; or sentences. `model.validation_losses` has
        the losses. With stop_early=N, the training stops when N epochs have brought no better one, and the model is
        that of the best epoch.
    init : a model to go on from, or its path, in any format that `load` reads: see `w2v help continue`. The options
        dim, model and loss, and those for parts of words, are then those of the model unless they are given. The
        options init_counts, words and freeze say what happens to its counts, its words and its vectors.
    recipe : the name of options that work well together, "best"; those that are given override them.
    options : fields of `TrainConfig`, such as dim, window, epochs, min_count, threads and seed; and how a text is read:
        tokenize, lower, normalize, unwrap, errors, encoding, column and field. See `w2v train --help`.

    Raises
    ------
    CorpusError
        If a text cannot be read, or the sentences hold something other than tokens.
    ConfigError
        If there is no such option, or it has no such value.
    W2VError
        A subclass that says what went wrong.

    Examples
    --------
    >>> import w2v_cli as w2v
    >>> model = w2v.train([["a", "b", "c"]] * 20, dim=4, subsample=0, epochs=2, threads=1)
    >>> len(model), model.dim, len(model.losses)
    (3, 4, 2)
    """
    text, others = TextOptions.from_options(options)
    origin = None if init is None else origin_of(init)
    machine = _machine(cluster, replicas, merge_every)
    if cluster is not None and on_epoch is not None:
        raise ConfigError("on_epoch has no effect on a cluster, whose replicas do not wait for one another")
    with _held_out(validate, text.unwrap) as held_out, corpus_paths(corpus, text.unwrap) as paths:
        others = {**others, "validate": held_out, **({} if origin is None else {"init": origin.name})}
        inherited = {} if origin is None else origin.options
        if recipe is not None:
            inherited |= recipe_options(recipe, {**inherited, **others})
        config = TrainConfig.continued(others, inherited)
        require_bytes(corpus, paths, text)
        files, observer = corpus_files(paths, suffix), _CallingObserver(on_progress, on_epoch)
        run = train_model(files, config, text, output, observer, log=log, machine=machine, origin=origin)
    return Model(run.vectors, run.tables, run.metadata)


@contextmanager
def _held_out(validate: Any, unwrap: bool) -> Iterator[Any]:
    """Yield the value of `TrainConfig.validate`; sentences are in a temporary file as long as the context lasts.

    Raises
    ------
    CorpusError
        If it is nothing that can be held out.
    """
    validate = plain_value(validate)
    if validate is None or isinstance(validate, str | os.PathLike | int | float):
        yield os.fspath(validate) if isinstance(validate, os.PathLike) else validate
        return
    with corpus_paths(validate, unwrap) as paths:
        if len(paths) != 1:
            raise ConfigError(f"validate names {len(paths)} files", hint="name one file, or a folder")
        yield paths[0]


def origin_of(init: Model | str | os.PathLike[str]) -> Origin:
    """Return the model to go on from."""
    if isinstance(init, Model):
        return init.origin()
    if not isinstance(init, str | os.PathLike):
        raise ConfigError("init is neither a model nor a path", hint='such as init="model.safetensors"')
    return Origin.read(local_path(os.fspath(init)))


def _machine(cluster: str | None, replicas: int | None, merge_every: int | None) -> Machine:
    """Return where to train."""
    replicas, merge_every = map(plain_value, (replicas, merge_every))
    require_choice("cluster", cluster, (None, "ray"))
    require_whole("replicas", replicas, 1, optional=True)
    require_whole("merge_every", merge_every, 1, optional=True)
    if cluster is None:
        if replicas is not None or merge_every is not None:
            raise ConfigError("replicas and merge_every have no effect without a cluster", hint='cluster="ray"')
        return THIS_MACHINE
    # Imported here because few runs need it.
    from w2v_cli.cluster.ray import RayCluster

    return RayCluster(replicas, merge_every)


class _CallingObserver(Observer):
    """Calls `on_progress` and `on_epoch` as the training goes on."""

    def __init__(
        self, on_progress: Callable[[Progress], None] | None, on_epoch: Callable[[int, Model], None] | None
    ) -> None:
        self._on_progress, self._on_epoch = on_progress, on_epoch
        self.looks_at_epochs = on_epoch is not None

    def training(self, progress: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    def epoch(self, run: Run) -> None:
        if self._on_epoch is not None:
            self._on_epoch(len(run.trained.losses), Model(run.vectors, run.tensors, run.metadata))
