"""The trials of a tuning, and their file: JSON lines, one for what is tuned and one for each trial that has ended.

The file is what a killed tuning goes on from. A line that was not written whole is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from w2v_cli.errors import ConfigError, LogFileError
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
    score : the mean of the scores, the more the better; None if the run diverged, or no question could be asked.
    scores : the score of each gold set, by its file.
    seconds : how long training and scoring took.
    """

    trial: int
    share: int
    options: dict[str, Any]
    score: float | None
    scores: dict[str, float | None]
    seconds: float


class TrialFile:
    """The file of the trials, to which each is added when it has ended.

    Parameters
    ----------
    path : the file; made if it does not exist. None: the trials are not kept.
    about : what is tuned. A file about something else is refused.

    Raises
    ------
    LogFileError
        If the file holds something else than trials of this tuning, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None, about: Mapping[str, Any]) -> None:
        self.trials: dict[tuple[int, int], Trial] = {}
        self._path = None if path is None else local_path(os.fspath(path))
        about = json.loads(strict_json({"tune": _VERSION, **about}))
        if self._path is None:
            return
        if is_url(self._path):
            raise LogFileError(f"{self._path} cannot be added to", hint="let the trials go to a file on this machine")
        lines = self._whole_lines()
        if lines:
            self._read(lines, about)
        else:
            self._write_line(about)

    def add(self, trial: Trial) -> None:
        """Keep a trial that has ended."""
        self.trials[trial.trial, trial.share] = trial
        if self._path is not None:
            self._write_line(asdict(trial))

    def _whole_lines(self) -> list[str]:
        """Return the lines of the file, and cut off one that was not written whole."""
        assert self._path is not None
        with naming(self._path):
            if not os.path.exists(self._path):
                return []
            with open(self._path, "rb") as file:
                data = file.read()
            whole = data.rfind(b"\n") + 1
            text = data[:whole].decode(errors="replace")
            if whole < len(data) and (whole or data.startswith(b'{"tune"')):
                os.truncate(self._path, whole)
            elif whole < len(data):
                text = data.decode(errors="replace")
        return text.splitlines()

    def _read(self, lines: list[str], about: Mapping[str, Any]) -> None:
        """Take the trials from the lines of the file."""
        try:
            first, *others = (parse_json(line) for line in lines)
            if not isinstance(first, dict) or "tune" not in first:
                raise ValueError("its first line does not say what is tuned")
            trials = [Trial(**values) for values in others]
        except (ValueError, TypeError, RecursionError) as error:
            raise LogFileError(
                f"{self._path} exists and does not hold the trials of w2v tune", hint="name another file with --log"
            ) from error
        different = [name for name in {**first, **about} if first.get(name) != about.get(name)]
        if different:
            raise LogFileError(
                f"{self._path} holds the trials of another tuning: {', '.join(different)} differ",
                hint="name another file with --log, or remove that one",
            )
        self.trials = {(trial.trial, trial.share): trial for trial in trials}

    def _write_line(self, values: Mapping[str, Any]) -> None:
        assert self._path is not None
        with naming(self._path), open(self._path, "ab") as file:
            file.write(strict_json(values).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def require_time(seconds: float | None) -> None:
    """Refuse a length of time that is none.

    Raises
    ------
    ConfigError
        If it is not above 0.
    """
    if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
        raise ConfigError(f"--time {seconds!r} is not a length of time", hint="it takes seconds above 0")
