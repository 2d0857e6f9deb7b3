"""A whole training run, from texts to a model file: read, encode, train, save.

`w2v train` and the Python API call these functions. They print nothing; a caller that wants to follow the run passes an
`Observer`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from w2v_cli.choices import WITH_WORDS
from w2v_cli.config import KNOWN_RATE, TrainConfig, share_of
from w2v_cli.corpus.encode import EncodedCorpus, compile_passes, encode
from w2v_cli.corpus.resumable import forget_corpus, keep_corpus, kept_corpus
from w2v_cli.corpus.spool import telling_full_disk
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.corpus.vocabulary import Joined
from w2v_cli.engines.choose import resolve_engine
from w2v_cli.errors import ConfigError, StoppedError, TrainingError
from w2v_cli.formats.export import require_words, words_path
from w2v_cli.formats.target import check_target
from w2v_cli.storage.atomic import check_writable
from w2v_cli.storage.locks import exclusive
from w2v_cli.storage.opening import STDIN
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.remote import Url
from w2v_cli.storage.siblings import work_folder
from w2v_cli.storage.urls import local_path
from w2v_cli.training.checkpoint import ALL_NAMES as CHECKPOINT_NAMES
from w2v_cli.training.checkpoint import Checkpoints
from w2v_cli.training.job import CHECKPOINT_SECONDS, Job
from w2v_cli.training.job import NAME as RUN_NAME
from w2v_cli.training.log_writer import earlier_log, logged
from w2v_cli.training.machine import Machine, Workplace
from w2v_cli.training.memory import tables_of, telling_memory
from w2v_cli.training.observer import Observer
from w2v_cli.training.origin import Origin
from w2v_cli.training.run_folder import begun_in, files_in, folder_of, is_inside, load_run, resume_command
from w2v_cli.training.saving import Run, model_format, partial_path, require_holdable, require_replaceable
from w2v_cli.training.state import LossPoint, Progress, RunState, Trained
from w2v_cli.training.trainer import Trainer

THIS_MACHINE = Machine()
# If the model that a run goes on from knows a smaller share of the words, the words are probably spelled otherwise.
FEW_FOUND = 0.5


def train_model(
    corpus: Sequence[str],
    config: TrainConfig,
    text: TextOptions | None = None,
    output: str | os.PathLike[str] | None = None,
    observer: Observer | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    read: Sequence[Named] = (),
    log: str | os.PathLike[str] | None = None,
    machine: Machine = THIS_MACHINE,
    origin: Origin | None = None,
) -> Run:
    """Train on texts, and write the model if there is an `output`.

    Parameters
    ----------
    corpus : files; `-` is stdin.
    config, text : all options.
    output : the model file, in the format that its suffix names; safetensors if it names none. During the run the ids
        lie beside it; without an output, or if it is a URL, in the system's folder of temporary files.
    observer : receives the events of the run.
    checkpoint : a folder, or a URL, that the run can be resumed from (`resume_training`), made if it does not exist.
    checkpoint_every : seconds between two checkpoints.
    read : other files that the caller has read, such as one of options; no output may be one of them.
    log : a new file for the log of the run, JSON lines; see `run_log`.
    machine : where the run trains.
    origin : the model of `config.init`, if the caller has opened it already.

    Raises
    ------
    StoppedError
        If the observer stopped the run.
    ConfigError
        If a file that is written is also a file that is read.
    TrainingError
        If the folder is not empty and does not belong to such a run, or has checkpoints already.
    LogFileError
        If there is something in the log already.
    W2VError
        If anything else goes wrong; its class says what. An older file at `output` is left as it was.
    """
    machine.require_trainable(config)
    watcher = observer or Observer()
    texts = Texts(corpus, text or TextOptions(), watcher.remark)
    texts.check_readable()
    if STDIN in corpus and config.validate == STDIN:
        raise ConfigError("stdin can be read only once", hint="name - as the corpus, or for --validate")
    model_path, log_path = (None if path is None else local_path(os.fspath(path)) for path in (output, log))
    job = Job(texts, config, model_path, checkpoint_every, texts.sizes, log=log_path)
    if job.held_out is not None:
        job.held_out.check_readable()
    folder = None if checkpoint is None else folder_of(checkpoint)
    require_apart(_outputs(job, folder), [*job.inputs, *read])
    if log_path is not None:
        earlier_log(log_path, job.run_id)
    if config.init is not None:
        origin = origin or Origin.read(config.init)
        origin.require_fitting(config)
        for remark in origin.remarks:
            watcher.remark(remark)
        job = replace(job, init=origin.facts(config.loss))
    if folder is None:
        return _train(job, None, watcher, machine, origin)
    return _train_with_checkpoints(job, folder, watcher, machine, origin)


def resume_training(
    checkpoint: str | os.PathLike[str],
    options: Mapping[str, object] | None = None,
    observer: Observer | None = None,
    machine: Machine = THIS_MACHINE,
) -> Run:
    """Resume a run from its newest whole checkpoint, or from the beginning if it has none yet.

    With one thread, the model is byte for byte that of an uninterrupted run. With more epochs than before, the learning
    rate continues on the line of the longer run.

    Parameters
    ----------
    checkpoint : the folder.
    options : those that the user has given. Only `threads`, `output`, `checkpoint_every`, `log` and a higher `epochs`
        may differ from what the run was begun with. `output` must be named if it is outside the folder, because the
        folder may come from somebody else. The same holds for `log`, unless the file holds the log of this run.
    machine : where the run trains now, which need not be where it trained before.

    Raises
    ------
    ConfigError
        If another option differs, the output must be named, or a file that is written is also a file that is read.
    CorpusError
        If the corpus has changed.
    TrainingError
        If there is no run, or no checkpoint of it is whole.
    """
    folder = folder_of(checkpoint)
    # Refuse what can be refused before anything is written, even a lock.
    machine.require_trainable(_resumed(folder, options or {}).config)
    with exclusive(folder / RUN_NAME):
        # Load the job again, because whoever held the lock may have changed it.
        job, watcher = _resumed(folder, options or {}), observer or Observer()
        job = replace(job, texts=replace(job.texts, on_remark=watcher.remark))
        require_apart(_outputs(job, folder), job.inputs)
        return _train(job, folder, watcher, machine)


def _resumed(folder: Path | Url, options: Mapping[str, object]) -> Job:
    """Return what the run of a folder has to do now; nothing is written."""
    begun = load_run(folder)
    job = begun.changed(options)
    # The folder may come from somebody else, and must not decide where files are written.
    if begun.output is not None and "output" not in options and not is_inside(begun.output, folder):
        raise ConfigError(
            f"the run in {folder} writes {begun.output}, which is outside that folder; name it with -o to allow that",
            hint=resume_command(folder, begun.output),
        )
    earlier = None if job.log is None else earlier_log(job.log, job.run_id)
    if job.log is not None and earlier is None and "log" not in options and not is_inside(job.log, folder):
        raise ConfigError(
            f"the run in {folder} writes its log to {job.log}, which is outside that folder and has gone",
            hint="name a log with --log",
        )
    return job


def _train_with_checkpoints(
    job: Job, folder: Path | Url, observer: Observer, machine: Machine, origin: Origin | None
) -> Run:
    """Begin a run in a checkpoint folder."""
    if job.config.epochs == 0:
        raise ConfigError(
            "--checkpoint has no use with --epochs 0, which trains nothing",
            hint="leave one of them out",
        )
    job.require_no_secrets()
    before = begun_in(folder)
    try:
        if isinstance(folder, Path):
            folder.mkdir(exist_ok=True)
        else:
            check_writable(folder / RUN_NAME)
    except OSError as error:
        raise TrainingError(f"cannot make the folder {folder}: {error.strerror}", hint="name another") from error
    with exclusive(folder / RUN_NAME):
        if any((folder / name).exists() for name in CHECKPOINT_NAMES):
            resume = resume_command(folder, None if before is None else before.output)
            raise TrainingError(
                f"{folder} holds the checkpoints of another run", hint=f"name another folder, or go on with {resume}"
            )
        # A run that was killed before its first checkpoint may have left ids, with other options or from another text.
        if isinstance(folder, Path):
            forget_corpus(folder)
        return _train(job, folder, observer, machine, origin)


def _train(
    job: Job, folder: Path | Url | None, observer: Observer, machine: Machine, origin: Origin | None = None
) -> Run:
    """Train what the job says and save the model, with checkpoints in `folder` unless it is None.

    Parameters
    ----------
    origin : the model that the run goes on from; None if there is none, or it was not opened yet. A resumed run opens
        it only if it has not got as far as its first checkpoint.
    """
    with _reserved(job.output, folder), logged(job, observer, folder is not None) as log:
        observer.reads()
        if folder is not None:
            # Only now, because a run that is killed can be resumed with its log only if the log says whose it is.
            job.save(folder)
        resolve_engine(job.config.engine, job.config.table)
        with observer.compiling():
            compile_seconds = compile_passes()
        with (
            machine.connected(job.config, observer) as workplace,
            _ids_folder(job, folder, machine.shares_ids) as ids,
            _encoded(job, folder, ids, observer, workplace, origin) as corpus,
        ):
            observer.encoded(corpus, job.texts.options)
            if corpus.vocabulary.joined is not None:
                observer.remark(_said_of(corpus.vocabulary.joined, job))
            if job.output is not None:
                # Found out only after the training, this would lose the model.
                require_words(corpus.vocabulary.words, model_format(job.output), job.output)
            with telling_memory(tables_of(job.config, len(corpus.vocabulary))):
                run = _run(corpus, job, folder, observer, log, compile_seconds, workplace, origin)
                # The ids take disk space that the model may need.
                corpus.close()
                _finish(run, folder)
    return run


@contextmanager
def _reserved(output: str | None, folder: Path | Url | None) -> Iterator[None]:
    """Keep other runs from writing the model file, and the partial one that is written if this run is stopped.

    Raises
    ------
    ModelFileError
        If a file cannot be written, or another run is writing it.
    TrainingError
        If a partial model would replace a file that was not left by a stopped run.
    """
    with ExitStack() as stack:
        if output is not None:
            check_target(output, model_format(output))
            # The numbers and the word list of a pair are locked together when they are written.
            if model_format(output) not in WITH_WORDS:
                stack.enter_context(exclusive(output))
            if folder is None:
                partial = partial_path(output)
                require_replaceable(partial)
                stack.enter_context(exclusive(partial))
        yield


@contextmanager
def _ids_folder(job: Job, folder: Path | Url | None, shared: bool) -> Iterator[str | Path | None]:
    """Yield where the ids have names: the checkpoint folder, a temporary one if they are shared, or None.

    Ids stay on this machine: those of a run in a URL are not kept.
    """
    if isinstance(folder, Path) or not shared:
        yield folder if isinstance(folder, Path) else None
        return
    parent = _spool_folder(job)
    with telling_full_disk(parent, named=False):
        temporary = tempfile.TemporaryDirectory(prefix="w2v-ids-", dir=parent)
    with temporary as name:
        yield name


def _spool_folder(job: Job) -> str | Path:
    """Return the folder where the ids of a run without checkpoints lie."""
    return tempfile.gettempdir() if job.output is None else work_folder(job.output)


def _encoded(
    job: Job,
    folder: Path | Url | None,
    ids: str | Path | None,
    observer: Observer,
    workplace: Workplace,
    origin: Origin | None,
) -> EncodedCorpus:
    """Return the corpus as ids: those that the folder keeps, or else new ones from the texts.

    Parameters
    ----------
    folder : of the checkpoints · ids : where the ids have names; both may be None.
    """
    kept = kept_corpus(folder) if isinstance(folder, Path) else None
    if kept is not None and (kept.held_out is None) != (job.config.validate is None):
        kept.close()
        kept = None
    if kept is not None:
        try:
            for path in job.require_same_text(kept.fingerprint):
                observer.remark(f"{path} no longer exists: continuing with its ids in {folder}")
            if STDIN in job.texts.paths:
                observer.remark(f"stdin is not read again: continuing with the ids of its text in {folder}")
        except BaseException:
            kept.close()
            raise
        return kept
    job.texts.check_readable()
    if job.held_out is not None:
        job.held_out.check_readable()
    if isinstance(folder, Path):
        forget_corpus(folder)
    config = job.config
    share = None if config.validate is None else share_of(config.validate)
    hold_out = job.held_out if share is None else share
    earlier = None if config.init is None else (origin or job.origin()).earlier(config)
    with workplace.passes(job.texts, config) as passes:
        corpus = encode(
            job.texts, config.min_count, config.max_vocab, config.thread_count, ids or _spool_folder(job),
            observer.corpus, named=ids is not None, vocab=job.vocab, passes=passes, hold_out=hold_out, earlier=earlier,
        )  # fmt: skip
    if job.held_out is not None and _is_trained_on(job.held_out, job.texts, corpus):
        observer.remark(f"{job.held_out} is trained on too: its loss does not show how good the model is on other text")
    return corpus


def _is_trained_on(held_out: Texts, texts: Texts, corpus: EncodedCorpus) -> bool:
    """Return whether a held-out text is the corpus, or shares a file with it."""
    own, others = (
        {file.path if file.status is None else (file.status.st_dev, file.status.st_ino) for file in some.named}
        for some in (held_out, texts)
    )
    return bool(own & others) or (corpus.held_out is not None and corpus.held_out.fingerprint == corpus.fingerprint)


def _run(
    corpus: EncodedCorpus,
    job: Job,
    folder: Path | Url | None,
    observer: Observer,
    log: Observer,
    compile_seconds: float,
    workplace: Workplace,
    origin: Origin | None,
) -> Run:
    """Train on a corpus, to the end or until the observer stops it."""
    goes_on = job.init is not None and job.init.outputs and not job.config.freeze
    trainer = workplace.make_trainer(job.config, corpus, KNOWN_RATE if goes_on else 1.0)
    checkpoints = None if folder is None else Checkpoints(folder, corpus)
    if checkpoints is not None and trainer.validation is not None and trainer.validation.best is not None:
        trainer.validation.best = checkpoints
    _say_parts(trainer, observer)
    with observer.compiling():
        compile_seconds += trainer.compile()
    observer.ready(trainer, trainer.estimate_seconds())
    start = None if checkpoints is None else _resumed_state(trainer, checkpoints, observer)
    if job.config.init is not None:
        if start is None:
            _begin_with(origin or job.origin(), trainer, checkpoints, observer)
        trainer.allow_first_loss()
    log.begins(trainer, 0 if start is None else trainer.schedule.tokens_before(start.block))

    def training(progress: Progress) -> None:
        log.training(progress)
        observer.training(progress)

    def measured(point: LossPoint) -> None:
        log.measured(point)
        observer.measured(point)

    def run_of(trained: Trained) -> Run:
        validated = {} if trainer.validation is None else {"validate": trained.validation_seconds}
        seconds = {**corpus.seconds, "compile": compile_seconds, "train": trained.seconds, **validated, "save": 0.0}
        return Run(
            trainer.config, job.texts.options, trainer.engine, corpus.vocabulary, corpus.token_count,
            corpus.fingerprint, trained, job.output, seconds, trainer.subwords, corpus.held_out, job.init,
        )  # fmt: skip

    save = None if checkpoints is None else lambda state: checkpoints.save(trainer.parameters, state)
    look = (lambda trained: observer.epoch(run_of(trained))) if observer.looks_at_epochs else None
    return run_of(trainer.train(training, start, save, job.checkpoint_every, observer.stop, measured, look))


def _say_parts(trainer: Trainer, observer: Observer) -> None:
    """Say how words are cut into parts, and how many rows these have, if the run learns any."""
    if trainer.subwords is None:
        return
    if trainer.config.ngrams is not None:
        lengths = f"{trainer.subwords.min_ngram} to {trainer.subwords.max_ngram}"
        observer.remark(f"Parts of words have {lengths} characters, which suits the words of the text")
    rows, size = len(trainer.parameters.input_vectors), trainer.parameters.input_vectors.nbytes
    observer.remark(f"Words are composed of {rows:,} rows, {size / 2**20:,.0f} MiB; fewer (--buckets) train faster")


def _begin_with(origin: Origin, trainer: Trainer, checkpoints: Checkpoints | None, observer: Observer) -> None:
    """Let a run begin with the vectors of another model, of which it needs nothing more after that."""
    remark = trainer.begin_with(origin)
    if remark is not None:
        observer.remark(remark)
    origin.forget()
    if checkpoints is not None:
        # The first checkpoint is where the run begins, so that from now on it does not need the other model.
        checkpoints.save(trainer.parameters, trainer.first_state())


def _resumed_state(trainer: Trainer, checkpoints: Checkpoints, observer: Observer) -> RunState | None:
    """Fill the parameters from the newest checkpoint; return the state of the run then, or None if there is none."""
    folder, schedule = checkpoints.folder, trainer.schedule
    # `estimate_seconds` has tried some steps, so this must come after it: not even the sign of a zero may differ.
    start = checkpoints.load(trainer.parameters, trainer.config.epochs)
    # Only now is it known that these ids belong to the checkpoints. Others would replace those that do.
    if isinstance(folder, Path):
        keep_corpus(trainer.corpus, folder)
    for name in checkpoints.damaged:
        observer.remark(f"{folder / name} is damaged: going on from the checkpoint before it")
    if start is not None and trainer.config.stop_early is not None and start.validation_losses is not None:
        checkpoints.require_best(trainer.parameters, start.validation_losses)
    if start is not None:
        share = start.block / (schedule.blocks * trainer.config.epochs)
        epoch = min(start.block // schedule.blocks + 1, trainer.config.epochs)
        observer.remark(f"Resuming in epoch {epoch}, at {share:.0%}")
    return start


def _said_of(joined: Joined, job: Job) -> str:
    """Say how many words of the text the model has to which it joins its own."""
    in_text, known = joined.text_counts > 0, joined.rows >= 0
    found, words = int((in_text & known).sum()), int(in_text.sum())
    name = "the model" if job.init is None else job.init.file
    text = f"{found:,} of {words:,} words of the text are in {name}; {int((known & ~in_text).sum()):,} others stay"
    whose = {"text": "the text", "model": "the model", "sum": "both"}[job.config.init_counts or "text"]
    text += f". Noise and subsampling follow the counts of {whose} (--init-counts)"
    if found < FEW_FOUND * words:
        text += ". Few are known: was the model trained with another --lower, --tokenize or --normalize?"
    return text


def _finish(run: Run, folder: Path | Url | None) -> None:
    """Write the model of a run, or raise if the run was stopped."""
    if not run.trained.finished:
        raise _stopped(run, folder)
    begun = time.perf_counter()
    if run.output is not None:
        run.keep(run.output, folder)
        run.seconds["save"] = time.perf_counter() - begun


def _stopped(run: Run, folder: Path | Url | None) -> StoppedError:
    """Save what a stopped run has learnt so far, and return an error that says where it is."""
    epoch = f"stopped in epoch {max(len(run.trained.losses), 1)} of {run.config.epochs}"
    if folder is not None:
        return StoppedError(f"{epoch}; nothing is lost", hint=f"go on with {resume_command(folder, run.output)}")
    hint = "with --checkpoint FOLDER a run can be resumed"
    if run.output is None:
        return StoppedError(epoch, hint=hint)
    partial = partial_path(run.output)
    run.keep(partial, folder)
    best = run.trained.best_epoch
    what = "what was learnt so far" if best is None else f"the best epoch so far, {best},"
    return StoppedError(f"{epoch}; {what} is in {partial}", hint=hint)


def _outputs(job: Job, folder: Path | Url | None) -> list[Named]:
    """Return every file that a run may write."""
    files = [] if folder is None else files_in(folder)
    if job.log is not None:
        files.append(Named(job.log, "the log"))
    if job.output is None:
        return files
    require_holdable(job.output, job.config)
    model = [Named(job.output, "the model")]
    if model_format(job.output) in WITH_WORDS:
        model.append(Named(words_path(job.output), f"the words of {job.output}"))
    partial = [Named(partial_path(job.output), "the model if the run is stopped")] if folder is None else []
    return [*model, *partial, *files]
