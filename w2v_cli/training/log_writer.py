"""Write the log of a run, one flushed JSON line for each event; `run_log` says what the lines are, and reads them."""

from __future__ import annotations

import errno
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from w2v_cli import __version__
from w2v_cli.errors import DivergedError, LogFileError, StoppedError, without_secrets
from w2v_cli.storage.locks import exclusive
from w2v_cli.storage.siblings import naming, target_of
from w2v_cli.storage.strict_json import strict_json
from w2v_cli.storage.system import open_no_link
from w2v_cli.storage.urls import is_url
from w2v_cli.training.job import Job
from w2v_cli.training.memory import resident_bytes
from w2v_cli.training.observer import Observer
from w2v_cli.training.run_log import VALIDATION_LOSS, RunLog, read_run_log
from w2v_cli.training.state import LossPoint, Progress
from w2v_cli.training.trainer import Trainer

# Seconds between two steps; a loss that is measured gets a step of its own. Speed is not measured over less time than
# the second constant says, because steps count whole blocks.
STEP_SECONDS, SPEED_SECONDS = 0.5, 0.1
# Room in the first line for the rest of the start, so that writing it later needs no more of the disk.
_ROOM_BYTES = 400
_PACKAGES = ("numpy", "numba")


@contextmanager
def logged(job: Job, observer: Observer, resumable: bool) -> Iterator[Observer]:
    """Keep the log of a job, if it has one; the caller tells the yielded observer what happens.

    Parameters
    ----------
    observer : receives a remark if the log cannot be written; the run goes on.
    resumable : whether the log is kept even if the run fails before it begins, because it can be resumed.

    Raises
    ------
    LogFileError
        If the file exists and is not the log of this run.
    ModelFileError
        If the file cannot be opened, or another run is writing it.
    """
    if job.log is None:
        yield Observer()
        return
    with exclusive(job.log):
        earlier = earlier_log(job.log, job.run_id)
        with naming(job.log):
            descriptor = open_no_link(target_of(job.log), os.O_RDWR | os.O_CREAT)
            if earlier is None:
                # A run that was ended before it trained may have left its start.
                os.ftruncate(descriptor, 0)
        try:
            log = _Log(descriptor, job, earlier, observer)
            try:
                yield log
                log.end("finished")
            except BaseException as error:
                log.end(_outcome(error), str(error) or None)
                if not (log.begun or resumable):
                    with suppress(OSError):
                        os.unlink(target_of(job.log))
                raise
        finally:
            os.close(descriptor)


def earlier_log(path: str, run_id: str) -> RunLog | None:
    """Return what the log of a run holds already; None if there is no such file, or nothing was trained in it.

    Raises
    ------
    LogFileError
        If the file holds anything else, which is not overwritten, or is not on this machine.
    ModelFileError
        If it is not a file.
    """
    if is_url(path):
        raise LogFileError(f"{path} cannot be added to while training", hint="write the log to a file, and copy it")
    # A folder that is missing may be the checkpoint folder, which is made later.
    if not os.path.exists(path) or os.stat(target_of(path)).st_size == 0:
        return None
    try:
        log = read_run_log(path)
    except LogFileError as error:
        raise LogFileError(f"{path} exists and is not the log of a run", hint="name another file") from error
    if log.start.get("run") != run_id:
        if not log.begun:
            return None
        raise LogFileError(f"{path} holds the log of another run", hint="name another file, or remove that one first")
    return log


def _outcome(error: BaseException) -> str:
    """Return the word of an end event for what has ended a run."""
    match error:
        case StoppedError() | KeyboardInterrupt():
            return "stopped"
        case DivergedError():
            return "diverged"
    return "failed"


class _Log(Observer):
    """Writes the events of a run.

    Parameters
    ----------
    descriptor : the open file.
    earlier : what the file holds already, if the run is resumed.
    observer : receives the remark if the file cannot be written.
    """

    def __init__(self, descriptor: int, job: Job, earlier: RunLog | None, observer: Observer) -> None:
        self._descriptor, self._job, self._observer = descriptor, job, observer
        self._earlier = earlier if earlier is not None and earlier.begun else None
        self._failed = self._torn = self.begun = False
        self._unwritten: list[tuple[str, bytes]] = []
        if earlier is None:
            # Until the corpus is known this line says whose log it is, so that a run that is killed can be resumed.
            self._write("start", _ROOM_BYTES, **self._first_facts())
        size = os.fstat(descriptor).st_size
        # Whether the last line has no end, because a crash has cut it short.
        if size > 0:
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            self._torn = os.read(descriptor, 1) != b"\n"

    def begins(self, trainer: Trainer, tokens: int) -> None:
        """Write how the run was begun, or from where it is resumed."""
        self._schedule, self.begun = trainer.schedule, True
        resumed = tokens > 0 or self._earlier is not None
        log = self._earlier or RunLog(str(self._job.log), {})
        if self._earlier is None:
            self._complete_start({**self._first_facts(), **self._facts(trainer)})
        if resumed:
            total = trainer.schedule.total_tokens
            self._write("resume", words=tokens, total_words=total, threads=trainer.config.thread_count, time=_now())
            log.add({"event": "resume", "words": tokens})
        self._words, self._loss = tokens, log.losses[-1][1] if log.losses else None
        self._seconds_before = (log.steps["seconds"] or [0.0])[-1] or 0.0
        # The words and the seconds at the end of the last epoch, and where the speed was measured last. The seconds are
        # unknown if a part of the run is missing from the log.
        ended: dict[str, Any] = log.epochs[-1] if log.epochs else {"words": 0, "seconds": 0.0}
        self._epoch_end = ended["words"], ended["seconds"] if log.last_words == tokens else None
        self._timed_at = tokens, self._seconds_before
        self._seconds = self._seconds_before
        self._words_per_second: float | None = None

    def training(self, progress: Progress) -> None:
        """Write a step, if the last one is long enough ago."""
        seconds = self._seconds_before + progress.seconds
        if seconds - self._seconds >= STEP_SECONDS and progress.tokens > self._words:
            self._step(progress.tokens, progress.epoch, seconds, progress.alpha)

    def measured(self, point: LossPoint) -> None:
        """Write a step for a loss, and the end of an epoch if that is where it was measured."""
        schedule, seconds = self._schedule, max(self._seconds_before + point.seconds, self._seconds)
        # With several threads, others have trained on while one was measuring.
        words = max(point.tokens, self._words)
        if (words, point.loss) == (self._words, self._loss):
            return
        self._loss = point.loss
        epoch, rest = divmod(point.tokens, schedule.token_count)
        alpha = float(schedule.rate.at(point.tokens))
        self._step(words, epoch + (rest > 0 or epoch == 0), seconds, alpha)
        if rest == 0 and epoch:
            fields = self._epoch_fields(words, epoch, seconds, alpha)
            if point.validation_loss is not None:
                fields[VALIDATION_LOSS] = point.validation_loss
            self._write("epoch", **fields)

    def end(self, outcome: str, message: str | None = None) -> None:
        """Write how the run has ended, if it has begun."""
        if self.begun:
            values: dict[str, Any] = {"words": self._words, "seconds": round(self._seconds, 3), "loss": self._loss}
            self._write("end", outcome=outcome, **values, message=message, time=_now())

    def _step(self, words: int, epoch: int, seconds: float, alpha: float) -> None:
        """Write where the training is."""
        self._words, self._seconds = words, seconds
        first, since = self._timed_at
        if seconds - since >= SPEED_SECONDS or (self._words_per_second is None and seconds > since):
            self._words_per_second = (words - first) / (seconds - since)
            self._timed_at = words, seconds
        self._write(
            "step",
            words=words,
            epoch=epoch,
            seconds=round(seconds, 3),
            loss=self._loss,
            alpha=alpha,
            words_per_second=_rounded(self._words_per_second),
            rss_mb=_rounded(resident_bytes() / 1e6 or None),
        )

    def _epoch_fields(self, words: int, epoch: int, seconds: float, alpha: float) -> dict[str, Any]:
        """Return what is written at the end of an epoch, with the speed since the end of the one before."""
        first, begun = self._epoch_end
        self._epoch_end = words, seconds
        speed = None if begun is None or seconds <= begun else (words - first) / (seconds - begun)
        return {
            "epoch": epoch,
            "loss": self._loss,
            "words": words,
            "seconds": round(seconds, 3),
            "alpha": alpha,
            "words_per_second": _rounded(speed),
        }

    def _first_facts(self) -> dict[str, Any]:
        """Return what is known of the run before the corpus is: its options, and the versions of what computes."""
        job = self._job
        return {
            "run": job.run_id,
            "time": _now(),
            "versions": {"w2v": __version__, "python": platform.python_version(), **_versions()},
            "config": job.config.as_dict(),
            "text": job.texts.options.as_dict(),
            "corpus": list(job.texts.paths),
            "output": job.output,
            **({} if job.init is None else {"init": job.init._asdict()}),
            "corpus_fingerprint": None,
        }

    def _facts(self, trainer: Trainer) -> dict[str, Any]:
        """Return what is known of the run when it begins: what depends on the text, the engine, and the corpus."""
        corpus, schedule = trainer.corpus, trainer.schedule
        return {
            "config": trainer.config.as_dict(),
            "engine": trainer.engine,
            "threads": trainer.config.thread_count,
            "alpha_start": schedule.rate.start,
            "alpha_min": schedule.rate.end,
            "corpus_fingerprint": corpus.fingerprint,
            "corpus_tokens": corpus.token_count,
            "vocabulary": len(corpus.vocabulary),
            "total_words": schedule.total_tokens,
        }

    def _complete_start(self, facts: dict[str, Any]) -> None:
        """Write the whole start over the part that was known, in one call, so that a kill leaves one of the two."""
        self._unwritten.clear()
        size = os.fstat(self._descriptor).st_size
        if size == 0:
            self._write("start", **facts)
            return
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, _line("start", facts).ljust(size - 1) + b"\n")
        except OSError as error:
            self._say_failed(error)

    def _write(self, event: str, room: int = 0, **values: Any) -> None:
        """Write a line; if that fails say so once, and try again before the next line.

        Steps are not kept for that: they may be many, and the next one says more.

        Parameters
        ----------
        room : how many spaces to put behind the JSON.
        """
        self._unwritten.append((event, _line(event, values) + b" " * room + b"\n"))
        try:
            while self._unwritten:
                self._append(self._unwritten[0][1])
                self._unwritten.pop(0)
        except OSError as error:
            self._unwritten = [(event, line) for event, line in self._unwritten if event != "step"]
            self._say_failed(error)

    def _say_failed(self, error: OSError) -> None:
        """Say the first time that the file cannot be written."""
        if not self._failed:
            self._failed = True
            why = error.strerror or error
            self._observer.remark(f"cannot write {self._job.log}: {why}; training goes on, but the log has gaps")

    def _append(self, line: bytes) -> None:
        """Append a line in one piece, so that a process that is killed leaves none cut short."""
        line = b"\n" + line if self._torn else line
        os.lseek(self._descriptor, 0, os.SEEK_END)
        written = os.write(self._descriptor, line)
        if written < len(line):  # the disk is full: leave no part of a line
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False


def _line(event: str, values: dict[str, Any]) -> bytes:
    """Return a line without its end."""
    # The name of a file may hold bytes that are not UTF-8.
    line = without_secrets(strict_json({"event": event, **values}))
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _versions() -> dict[str, str]:
    """Return the versions of the packages that compute, if they are installed."""
    found = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _now() -> str:
    """Return the time as ISO 8601 writes it, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
