"""The trials of a tuning, and their file: JSON lines, one for what is tuned and one for each trial that has ended.

The file is what a killed tuning goes on from. A line that was not written whole is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from w2v_cli.errors import LogFileError
from w2v_cli.storage.siblings import naming
from w2v_cli.storage.strict_json import strict_json
from w2v_cli.storage.tensors import parse_json
from w2v_cli.storage.urls import is_url, local_path

_VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One run with some options on a share of the text.

    Attributes
    ----------
    trial : its number; trial 0 has the defaults.
    share : the share of the text that it was trained on: 1 of so many parts.
    options : what differs from the defaults, and from the options that all trials have.
    score : the mean of the scores, the more the better; None if the run failed, or no question could be asked.
    scores : the score of each gold set, by its file.
    seconds : how long training and scoring took.
    """

    trial: int
    share: int
    options: dict[str, Any]
    score: float | None
    scores: dict[str, float | None]
    seconds: float

    def __post_init__(self) -> None:
        numbers = (self.trial, self.share, self.seconds, 0 if self.score is None else self.score)
        # A file may come from somebody else.
        if not all(isinstance(value, int | float) for value in numbers) or not isinstance(self.options, dict):
            raise TypeError("a value of a trial has another type")


class TrialFile:
    """The file of the trials, to which each is added when it has ended.

    Parameters
    ----------
    path : the file; made with the first trial if it does not exist. None: the trials are not kept.
    about : what is tuned. A file about something else is refused.

    Raises
    ------
    LogFileError
        If the file holds something else than trials of this tuning, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None, about: Mapping[str, Any]) -> None:
        self.trials: dict[tuple[int, int], Trial] = {}
        self._path = None if path is None else local_path(os.fspath(path))
        self._first_line: Mapping[str, Any] | None = None
        about = json.loads(strict_json({"tune": _VERSION, **about}))
        if self._path is None:
            return
        if is_url(self._path):
            raise LogFileError(f"{self._path} cannot be added to", hint="let the trials go to a file on this machine")
        lines = _whole_lines(self._path)
        if lines:
            self.trials = _trials_in(self._path, lines, about)
        # Written with the first trial, so that a command that fails at once leaves no file for the next to trip over.
        self._first_line = None if lines else about

    def add(self, trial: Trial) -> None:
        """Keep a trial that has ended."""
        self.trials[trial.trial, trial.share] = trial
        if self._path is None:
            return
        if self._first_line is not None:
            _write_line(self._path, self._first_line)
            self._first_line = None
        _write_line(self._path, asdict(trial))


def _whole_lines(path: str) -> list[str]:
    """Return the lines of a file of trials, and cut off one that was not written whole."""
    with naming(path):
        if not os.path.exists(path):
            return []
        with open(path, "rb") as file:
            data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data) and data.startswith(b'{"tune"'):
            os.truncate(path, whole)
            data = data[:whole]
    return data.decode(errors="replace").splitlines()


def _trials_in(path: str, lines: Sequence[str], about: Mapping[str, Any]) -> dict[tuple[int, int], Trial]:
    """Return the trials in the lines of a file, by their numbers and shares.

    Raises
    ------
    LogFileError
        If they are not those of this tuning.
    """
    try:
        first, *others = (parse_json(line) for line in lines)
        if not isinstance(first, dict) or "tune" not in first:
            raise ValueError("its first line does not say what is tuned")
        trials = [Trial(**values) for values in others]
    except (ValueError, TypeError, RecursionError) as error:
        raise LogFileError(
            f"{path} exists and does not hold the trials of w2v tune", hint="name another file with --log"
        ) from error
    different = [name for name in {**first, **about} if first.get(name) != about.get(name)]
    if different:
        raise LogFileError(
            f"{path} holds the trials of another tuning: {', '.join(different)} differ",
            hint="name another file with --log, or remove that one",
        )
    return {(trial.trial, trial.share): trial for trial in trials}


def _write_line(path: str, values: Mapping[str, Any]) -> None:
    """Add a line to a file of trials."""
    with naming(path), open(path, "ab") as file:
        file.write(strict_json(values).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
