"""A whole training run, from texts to a model file: read, encode, train, save.

This is what `w2v train` and the Python API call. It prints nothing: whoever wants to see the run going on passes
an `Observer`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

# Here, so that it is known before the training, and is that of the program which does it.
from w2v_cli import __version__
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus, compile_passes, encode
from w2v_cli.corpus.resumable import forget_corpus, keep_corpus, kept_corpus
from w2v_cli.corpus.texts import TextOptions, check_readable
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.engines.choose import resolve_engine
from w2v_cli.engines.parameters import parameter_bytes
from w2v_cli.errors import ConfigError, ModelFileError, StoppedError, TrainingError, W2VError
from w2v_cli.formats.model_file import LOSSES, MOST_LOSSES, save_model
from w2v_cli.storage.atomic import check_writable
from w2v_cli.storage.locks import exclusive
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.tensors import TensorFile
from w2v_cli.training.checkpoint import NAMES as CHECKPOINT_NAMES
from w2v_cli.training.checkpoint import Checkpoints
from w2v_cli.training.job import CHECKPOINT_SECONDS, Job, file_sizes
from w2v_cli.training.job import NAME as RUN_NAME
from w2v_cli.training.memory import telling_memory
from w2v_cli.training.run_folder import begun_in, files_in, is_inside, load_run, resume_command
from w2v_cli.training.state import Progress, Trained
from w2v_cli.training.trainer import Trainer

_PARTIAL = ".partial.safetensors"
# NAME_MAX of every common file system.
_MOST_NAME_BYTES = 255
# In the metadata of a model whose run was stopped: only such a one may be replaced by the next that is.
UNFINISHED = "unfinished"


class Observer:
    """Told how a run goes on, in the thread that called `train_model`; does nothing unless overridden."""

    def compiling(self) -> AbstractContextManager[None]:
        """Entered while code may be compiled."""
        return nullcontext()

    def corpus(self, phase: str, done: int, total: int | None) -> None:
        """A corpus pass: `count` in bytes, `encode` in tokens; `total` is None for a pipe."""

    def encoded(self, corpus: EncodedCorpus, text: TextOptions) -> None:
        """The text has become ids."""

    def ready(self, trainer: Trainer, estimated_seconds: float) -> None:
        """Training begins, and takes about so long."""

    def training(self, progress: Progress) -> None:
        """The training itself, about ten times a second."""

    def stop(self) -> bool:
        """Asked as often: whether the run shall stop, to be resumed or left."""
        return False

    def remark(self, message: str) -> None:
        """Something that the user should know, as a sentence."""


@dataclass(frozen=True)
class Run:
    """What a run has made, and what with.

    Attributes
    ----------
    config, text : the choices · engine : reference or compiled.
    vocabulary : the words, in the order of the parameters' rows.
    token_count : tokens of the vocabulary in the corpus · corpus_fingerprint : sha256 of the text.
    trained : parameters and losses.
    output : the model file, or None.
    seconds : of the phases `count`, `encode`, `compile`, `train` and `save`.
    """

    config: TrainConfig
    text: TextOptions
    engine: str
    vocabulary: Vocabulary
    token_count: int
    corpus_fingerprint: str
    trained: Trained
    output: str | None
    seconds: dict[str, float]

    @property
    def metadata(self) -> dict[str, str]:
        """What the model file says about its making."""
        return {
            "version": __version__,
            "config": json.dumps(self.config.as_dict()),
            "text": json.dumps(asdict(self.text)),
            "seed": str(self.config.seed),
            "corpus_fingerprint": self.corpus_fingerprint,
            "corpus_tokens": str(self.token_count),
            **({} if len(self.trained.losses) > MOST_LOSSES else {"loss": json.dumps(self.trained.losses)}),
            **({} if self.trained.finished else {UNFINISHED: "true"}),
        }

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """The tables of the model file, and the losses where they are too many for its metadata."""
        losses = self.trained.losses
        return self.trained.parameters.tensors() | (
            {LOSSES: np.array(losses, np.float64)} if len(losses) > MOST_LOSSES else {}
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file."""
        save_model(path, self.vocabulary.words, self.vocabulary.counts, self.tensors, self.metadata)

    def keep(self, path: str, folder: Path | None) -> None:
        """Write the model file; where that fails, what was learnt is not lost.

        Raises
        ------
        ModelFileError
            If it cannot be written; says where the model is instead: in the checkpoint `folder`, if there is one, or in
            a new folder among the system's temporary ones or here.
        """
        try:
            self.save(path)
        except ModelFileError as error:
            if folder is not None:
                hint = f"{error.hint}; then {resume_command(folder, path)} writes it"
                raise ModelFileError(f"{error.message}; nothing is lost", hint) from error
            other = self._saved_elsewhere(Path(path).name)
            if other is None:
                raise
            raise ModelFileError(f"{error.message}; the model is in {other} instead", "move it from there") from error

    def _saved_elsewhere(self, name: str) -> Path | None:
        """Write the model file where there may be space for it; None if there is nowhere."""
        for place in (tempfile.gettempdir(), os.curdir):
            with suppress(OSError):
                # A folder of its own: nobody else can have put a file of that name there.
                folder = Path(tempfile.mkdtemp(prefix="w2v-", dir=place))
                try:
                    self.save(folder / name)
                    return folder / name
                except W2VError:
                    folder.rmdir()
        return None


def train_model(
    corpus: Sequence[str],
    config: TrainConfig,
    text: TextOptions | None = None,
    output: str | os.PathLike[str] | None = None,
    observer: Observer | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    read: Sequence[Named] = (),
) -> Run:
    """Train on texts, and write the model unless there is no `output`.

    Parameters
    ----------
    corpus : files, `-` for stdin.
    config, text : every choice.
    output : the model file; while the run lasts the ids lie beside it, or in the system's temporary folder.
    observer : told how the run goes on.
    checkpoint : a folder, made if need be, that the run can be resumed from (`resume_training`).
    checkpoint_every : seconds between two checkpoints.
    read : other files that the caller has read, such as one of options; no output may be one of them.

    Raises
    ------
    StoppedError
        If the observer wanted it.
    ConfigError
        If something would be written over a file that is read.
    TrainingError
        If the folder is not empty and not that of such a run, or has checkpoints already.
    W2VError
        Of the kind that names what went wrong; an older file at `output` is as it was then.
    """
    check_readable(corpus)
    job = Job(
        tuple(corpus),
        config,
        text or TextOptions(),
        None if output is None else os.fspath(output),
        checkpoint_every,
        file_sizes(corpus),
    )
    folder = None if checkpoint is None else Path(checkpoint)
    require_apart(_outputs(job, folder), [*job.inputs, *read])
    if folder is None:
        return _train(job, None, observer or Observer())
    before = begun_in(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise TrainingError(f"cannot make the folder {folder}: {error.strerror}", hint="name another") from error
    with exclusive(folder / RUN_NAME):
        if any((folder / name).exists() for name in CHECKPOINT_NAMES):
            resume = resume_command(folder, None if before is None else before.output)
            raise TrainingError(
                f"{folder} holds the checkpoints of another run", hint=f"name another folder, or go on with {resume}"
            )
        # Of a run that was killed before its first checkpoint, and had other options or another text.
        forget_corpus(folder)
        job.save(folder)
        return _train(job, folder, observer or Observer())


def resume_training(
    checkpoint: str | os.PathLike[str], options: Mapping[str, Any] | None = None, observer: Observer | None = None
) -> Run:
    """Go on with a run from its newest whole checkpoint, or from the beginning if there is none yet.

    With one thread the model is the uninterrupted run's, byte for byte. With more epochs than before, the learning
    rate goes on where the line of the longer run is: higher than it was.

    Parameters
    ----------
    checkpoint : the folder.
    options : of those the run was begun with only `threads`, `output`, `checkpoint_every` and more `epochs` may differ.
        `output` must be named if it is not in the folder: the folder may come from somebody else.

    Raises
    ------
    ConfigError
        If another option differs, the output must be named, or it would be written over a file that is read.
    CorpusError
        If the corpus has changed.
    TrainingError
        If there is no run, or no checkpoint of it is whole.
    """
    folder = Path(checkpoint)
    _resumed(folder, options or {})
    with exclusive(folder / RUN_NAME):
        # Once more: it may have been changed by whoever held the lock.
        job = _resumed(folder, options or {})
        job.save(folder)
        return _train(job, folder, observer or Observer())


def _resumed(folder: Path, options: Mapping[str, Any]) -> Job:
    """What the run of a folder has to do now; nothing is written."""
    begun = load_run(folder)
    job = begun.changed(options)
    # The folder may come from somebody else, and must not say where files are to be written.
    if begun.output is not None and "output" not in options and not is_inside(begun.output, folder):
        raise ConfigError(
            f"the run in {folder} writes {begun.output}, which is outside that folder: name it, if you want that",
            hint=resume_command(folder, begun.output),
        )
    require_apart(_outputs(job, folder), job.inputs)
    return job


def _train(job: Job, folder: Path | None, observer: Observer) -> Run:
    """Do a job; the checkpoints are in `folder`, unless it is None."""
    config, output = job.config, job.output
    with ExitStack() as stack:
        if output is not None:
            check_writable(output)
            stack.enter_context(exclusive(output))
            if folder is None:
                partial = _partial(output)
                _require_replaceable(partial)
                stack.enter_context(exclusive(partial))
        resolve_engine(config.engine)
        with observer.compiling():
            compile_seconds = compile_passes()
        encoded = stack.enter_context(_encoded(job, folder, observer))
        observer.encoded(encoded, job.text)
        words = len(encoded.vocabulary)
        tables = f"{words:,} words × {config.dim} dimensions"
        stack.enter_context(telling_memory(parameter_bytes(words, config.dim), tables))
        trainer = Trainer(config, encoded)
        with observer.compiling():
            compile_seconds += trainer.compile()
        observer.ready(trainer, trainer.estimate_seconds())
        trained = _trained(trainer, folder, job, observer)
        seconds = {**encoded.seconds, "compile": compile_seconds, "train": trained.seconds, "save": 0.0}
        run = Run(
            config, job.text, trainer.engine, encoded.vocabulary, encoded.token_count, encoded.fingerprint, trained,
            output, seconds,
        )  # fmt: skip
        # The ids take the disk space that the model may need.
        encoded.close()
        if not trained.finished:
            raise _stopped(run, folder, output)
        begun = time.perf_counter()
        if output is not None:
            run.keep(output, folder)
            seconds["save"] = time.perf_counter() - begun
    return run


def _encoded(job: Job, folder: Path | None, observer: Observer) -> EncodedCorpus:
    """The corpus as ids: those that the folder keeps, or else the texts are read."""
    kept = kept_corpus(folder) if folder is not None else None
    if kept is not None:
        try:
            for path in job.require_same_text(kept.fingerprint):
                observer.remark(f"{path} is gone: going on with its ids, which lie in {folder}")
        except BaseException:
            kept.close()
            raise
        return kept
    config = job.config
    check_readable(job.corpus)
    if folder is not None:
        forget_corpus(folder)
    spools = folder or (tempfile.gettempdir() if job.output is None else Path(job.output).absolute().parent)
    return encode(
        job.corpus, config.min_count, config.max_vocab, job.text, config.thread_count, spools, observer.corpus,
        named=folder is not None, vocab=job.vocab,
    )  # fmt: skip


def _trained(trainer: Trainer, folder: Path | None, job: Job, observer: Observer) -> Trained:
    """Train from the newest checkpoint on, and write others."""
    if folder is None:
        return trainer.train(observer.training, stop=observer.stop)
    checkpoints = Checkpoints(folder, trainer.corpus)
    # After the trial steps of `estimate_seconds`, which must not touch these parameters even by the sign of a zero.
    start = checkpoints.load(trainer.parameters, job.config.epochs)
    # Not before: ids that do not belong to the checkpoints would stand in the way of those that do.
    keep_corpus(trainer.corpus, folder)
    for name in checkpoints.damaged:
        observer.remark(f"{folder / name} is damaged: going on from the checkpoint before it")
    if start is not None:
        share = start.block / (trainer.schedule.blocks * job.config.epochs)
        observer.remark(f"Resuming in epoch {start.block // trainer.schedule.blocks + 1}, at {share:.0%}")
    return trainer.train(
        observer.training,
        start,
        lambda standing: checkpoints.save(trainer.parameters, standing),
        job.checkpoint_every,
        observer.stop,
    )


def _stopped(run: Run, folder: Path | None, output: str | None) -> StoppedError:
    """Keep what there is of a run that was stopped, and say where it is."""
    epoch = f"stopped in epoch {max(len(run.trained.losses), 1)} of {run.config.epochs}"
    if folder is not None:
        return StoppedError(f"{epoch}; nothing is lost", hint=f"go on with {resume_command(folder, output)}")
    hint = "with --checkpoint FOLDER a run can be resumed"
    if output is None:
        return StoppedError(epoch, hint=hint)
    partial = _partial(output)
    run.keep(partial, folder)
    return StoppedError(f"{epoch}; what was learnt so far is in {partial}", hint=hint)


def _partial(output: str) -> str:
    """Where the model of a stopped run goes; its name is shortened to what a file system allows."""
    folder, name = os.path.split(output.removesuffix(".safetensors"))
    while len(os.fsencode(name + _PARTIAL)) > _MOST_NAME_BYTES:
        name = name[:-1]
    return os.path.join(folder, name + _PARTIAL)


def _require_replaceable(partial: str) -> None:
    """Refuse to begin a run that could not be stopped without losing a file that no stopped run has left."""
    if not os.path.lexists(partial):
        return
    with suppress(ModelFileError):
        if not os.path.islink(partial) and UNFINISHED in TensorFile(partial).metadata:
            return
    raise TrainingError(
        f"{partial} is there, where the model of this run would go if it were stopped, and was not left by such a run",
        hint="move it elsewhere, or name another output (-o)",
    )


def _outputs(job: Job, folder: Path | None) -> list[Named]:
    """Every file that a run may write."""
    files = [] if folder is None else files_in(folder)
    if job.output is None:
        return files
    partial = [Named(_partial(job.output), "the model if the run is stopped")] if folder is None else []
    return [Named(job.output, "the model"), *partial, *files]
