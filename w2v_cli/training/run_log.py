"""Read the log of a run, the JSON lines that `w2v train --log` writes; `log_writer` writes them.

A log has one JSON object per line. Its key `event` says what the line is:

    start    the run begins: its options, the versions, the corpus; corpus_fingerprint is null while that is read
    step     where the training is: words, epoch, seconds, loss, alpha, words_per_second, rss_mb
    epoch    an epoch has ended: the same, without rss_mb; its loss is the one that the run reports at its end. If the
             run measures the loss on held-out text, it is there as validation_loss.
    resume   the run goes on from its checkpoint at `words`; what was trained after that is trained again
    end      how this process has ended: `outcome` is finished, stopped, diverged or failed
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from w2v_cli.errors import LogFileError
from w2v_cli.storage.tensors import parse_json
from w2v_cli.storage.urls import local_path

# The columns of a step, and which of them are whole numbers that no step may lack.
COLUMNS = ("words", "epoch", "seconds", "loss", "alpha", "words_per_second", "rss_mb")
WHOLE = ("words", "epoch")
# What the end of an epoch says besides, if the run has held-out text.
VALIDATION_LOSS = "validation_loss"
# A longer line is none of ours. A start holds the names of the corpus files, and there may be many of them.
_MOST_LINE_BYTES = 1 << 26
_SHOWN_LINES = 5
_HINT = "w2v train --log makes one"


@dataclass
class RunLog:
    """The log of one run, without the steps that were lost when the run was killed.

    Attributes
    ----------
    path : the file.
    start : the event that began the run, with the keys `config`, `text`, `versions`, `corpus_fingerprint`,
        `corpus_tokens` and others.
    steps : a list for each of `COLUMNS`, all of one length, in the order of `words`. `words` (tokens trained so far, in
        all epochs together) and `epoch` are ints, the others floats, or None if unknown. `loss` (nats per prediction)
        is the one that was measured last; `seconds` count the training alone, through all resumptions.
    epochs : the epochs that have ended, in their order, each with the keys of a step except `rss_mb`; the values are
        None if unknown. `words_per_second` is the speed within the epoch. Of a run with held-out text, also with
        `validation_loss`.
    total_words : how many words the whole run trains; None if unknown.
    resumed_at : the `words` at which the run was resumed.
    end : the event that ended the run; None if the run goes on, or was killed.
    notices : what was wrong with the file, as sentences.
    """

    path: str
    start: dict[str, Any]
    steps: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    epochs: list[dict[str, Any]] = field(default_factory=list)
    resumed_at: list[int] = field(default_factory=list)
    end: dict[str, Any] | None = None
    notices: list[str] = field(default_factory=list)
    total_words: int | None = None

    def __post_init__(self) -> None:
        self._set_total(self.start)

    @property
    def begun(self) -> bool:
        """Whether the training has begun. While the corpus is read the log has a first line, without a fingerprint."""
        return self.start.get("corpus_fingerprint", "") is not None or self.steps["words"] != []

    @property
    def last_words(self) -> int:
        """The words of the last step, or 0."""
        return self.steps["words"][-1] if self.steps["words"] else 0

    @property
    def losses(self) -> list[tuple[int, float]]:
        """The losses that were measured, each with the `words` at which it was: steps repeat the last one."""
        found: list[tuple[int, float]] = []
        for words, loss in self.points("loss"):
            if not found or loss != found[-1][1]:
                found.append((words, loss))
        return found

    @property
    def validation_losses(self) -> list[tuple[int, float]]:
        """The losses on held-out text, each with the `words` at which it was measured."""
        found = ((epoch["words"], epoch.get(VALIDATION_LOSS)) for epoch in self.epochs)
        return [(words, loss) for words, loss in found if loss is not None]

    def points(self, name: str) -> list[tuple[int, float]]:
        """Return a column of the steps where it is known, each value with its `words`."""
        pairs = zip(self.steps["words"], self.steps[name], strict=True)
        return [(words, value) for words, value in pairs if value is not None]

    def add(self, event: dict[str, Any]) -> bool:
        """Add the event of a line after the start; return False if it is not such as a run writes."""
        match event.get("event"):
            case "step" | "epoch" if not all(_is_count(event.get(name)) for name in WHOLE):
                return False
            case "step":
                # A loss may be measured where the training has just been seen; the last one counts.
                if self.steps["words"] and self.steps["words"][-1] == event["words"]:
                    for column in self.steps.values():
                        column.pop()
                for name, column in self.steps.items():
                    column.append(event[name] if name in WHOLE else _number(event.get(name)))
            case "epoch":
                values = {name: event[name] if name in WHOLE else _number(event.get(name)) for name in COLUMNS[:-1]}
                if VALIDATION_LOSS in event:
                    values[VALIDATION_LOSS] = _number(event[VALIDATION_LOSS])
                # With several threads, a loss may be measured again; the last one counts, as at the end of the run.
                if self.epochs and self.epochs[-1]["epoch"] == values["epoch"]:
                    self.epochs.pop()
                self.epochs.append(values)
            case "resume" if not _is_count(event.get("words")):
                return False
            case "resume":
                self._go_back_to(event["words"])
                self._set_total(event)
            case "end":
                self.end = event
            case "start":
                return False
        # Later versions may write events that this one does not know.
        return True

    def _set_total(self, event: dict[str, Any]) -> None:
        """Note how many words the run trains, which a resumption with more epochs changes."""
        if _is_count(event.get("total_words")):
            self.total_words = event["total_words"]

    def _go_back_to(self, words: int) -> None:
        """Drop what was trained after a checkpoint, because the run has resumed from there."""
        kept = [row for row, its_words in enumerate(self.steps["words"]) if its_words <= words]
        self.steps = {name: [column[row] for row in kept] for name, column in self.steps.items()}
        self.epochs = [epoch for epoch in self.epochs if epoch["words"] <= words]
        self.resumed_at = [earlier for earlier in self.resumed_at if earlier <= words] + [words]
        self.end = None


def read_run_log(path: str | os.PathLike[str]) -> RunLog:
    """Read the log of a run, even one that goes on, or whose last line was cut short by a crash.

    Parameters
    ----------
    path : the file of `w2v train --log`.

    Raises
    ------
    LogFileError
        If the file cannot be read, or does not begin as such a log.
    """
    name = os.fspath(path)
    try:
        with open(local_path(name), "rb") as file:
            return _read(file, name)
    except OSError as error:
        raise LogFileError(f"cannot read {name}: {error.strerror or error}", hint=_HINT) from error


def short_names(paths: Sequence[str]) -> list[str]:
    """Return a name for each log: that of the file without folder and suffix, or the path if two have the same name."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else list(paths)


def _read(file: BinaryIO, name: str) -> RunLog:
    """Read the log of a run from an open file; `name` is for messages."""
    start = _parsed(file.readline(_MOST_LINE_BYTES))
    if start is None or start.get("event") != "start":
        raise LogFileError(f"{name} is not the log of a run", hint=_HINT)
    log, skipped, number = RunLog(name, start), [], 1
    while line := file.readline(_MOST_LINE_BYTES):
        number += 1
        event = _parsed(line)
        if (event is None or not log.add(event)) and line.strip():
            skipped.append(number)
    if skipped:
        shown = ", ".join(map(str, skipped[:_SHOWN_LINES])) + (", …" if len(skipped) > _SHOWN_LINES else "")
        lines = f"line {shown}" if len(skipped) == 1 else f"{len(skipped):,} lines ({shown})"
        log.notices.append(f"{name}: left out {lines}: cut short or damaged")
    return log


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return the object on a line, or None if there is none."""
    try:
        value = parse_json(line.decode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_count(value: object) -> bool:
    """Return whether a value is a whole number that int64 can hold."""
    return type(value) is int and 0 <= value < 2**63


def _number(value: object) -> float | None:
    """Return a finite number as a float, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an int that no float can hold
        return None
