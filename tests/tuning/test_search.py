"""Successive halving, with trials that need no training; a search that was killed goes on where it was."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from w2v_cli.errors import LogFileError
from w2v_cli.tuning.search import SHARES, Search, latest
from w2v_cli.tuning.trials import Trial, TrialFile

ABOUT = {"corpus": ["a.txt"], "score": ["pairs.tsv"]}
OPTIONS: list[dict[str, Any]] = [{"window": 2 + number} for number in range(18)]


class Attempts:
    """Trials that score their window, and take a second on the whole text; after `most`, the process is killed."""

    def __init__(self, most: float = math.inf, seconds: float = 1.0) -> None:
        self.made: list[tuple[int, int]] = []
        self._most, self._seconds = most, seconds

    def __call__(self, number: int, share: int, options: dict[str, Any]) -> Trial:
        if len(self.made) == self._most:
            raise KeyboardInterrupt
        self.made.append((number, share))
        score = None if options["window"] == 4 else float(options["window"])
        return Trial(number, share, options, score, {"pairs.tsv": score}, self._seconds / share)


def test_the_better_third_goes_on_and_the_defaults_always_do() -> None:
    attempts = Attempts()
    file = TrialFile(None, ABOUT)
    ended = [trial for trial, _ in Search(OPTIONS, file, attempts).run()]
    assert [number for number, share in attempts.made if share == 9] == [*range(18)]
    assert [number for number, share in attempts.made if share == 3] == [0, 17, 16, 15, 14, 13, 12]
    assert [number for number, share in attempts.made if share == 1] == [0, 17, 16]
    assert ended == list(file.trials.values())
    best, *others = latest(ended)
    assert (best.trial, best.share, best.score) == (17, 1, 19.0)
    assert [trial.trial for trial in others[:6]] == [16, 0, 15, 14, 13, 12]
    # A trial without a score is the last of its share.
    assert others[-1].trial == 2


def test_trials_that_would_end_too_late_are_left_out() -> None:
    search = Search(OPTIONS, TrialFile(None, ABOUT), Attempts(), 4.5)
    trials = [trial for trial, _ in search.run()]
    # A quarter of the time, 1.125 s, is for trials on a ninth. Each takes a ninth of a second; the last begins before.
    assert len([trial for trial in trials if trial.share == 9]) == 11
    assert sum(trial.seconds for trial in trials) <= 4.5
    assert next(trial.trial for trial in trials if trial.share == 1) == 0
    # However little time there is, the defaults are tried.
    slow = Search(OPTIONS, TrialFile(None, ABOUT), Attempts(seconds=100), 1e-3)
    assert [(trial.trial, trial.share) for trial, _ in slow.run()] == [(0, share) for share in SHARES]


def test_a_search_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    whole = [trial for trial, _ in Search(OPTIONS, TrialFile(None, ABOUT), Attempts()).run()]
    for most in (3, 15, 4):
        with pytest.raises(KeyboardInterrupt):
            list(Search(OPTIONS, TrialFile(path, ABOUT), Attempts(most)).run())
        # A line that was being written when the process was killed.
        with open(path, "a") as file:
            file.write('{"trial": 3, "sha')
    attempts = Attempts()
    assert [trial for trial, _ in Search(OPTIONS, TrialFile(path, ABOUT), attempts).run()] == whole
    assert len(attempts.made) == len(whole) - 22
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 1 + len(whole)
    attempts = Attempts()
    assert all(known for _, known in Search(OPTIONS, TrialFile(path, ABOUT), attempts).run())
    assert attempts.made == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("anna finds the bench\n", "does not hold the trials of w2v tune"),
        ("anna finds", "does not hold the trials of w2v tune"),
        ('{"event": "start"}\n', "does not hold the trials of w2v tune"),
        ('{"tune": 1, "corpus": ["b.txt"], "score": ["pairs.tsv"]}\n', "another tuning: corpus differ"),
        ('{"tune": 1, "corpus": ["a.txt"], "score": ["pairs.tsv"]}\n{"trial": 1}\n', "does not hold the trials"),
        (
            '{"tune": 1, "corpus": ["a.txt"], "score": ["pairs.tsv"]}\n{"trial": 1, "share": 9, "options": {},'
            ' "score": "x", "scores": {}, "seconds": 1}\n',
            "does not hold the trials",
        ),
    ],
)
def test_a_file_of_something_else_is_refused_and_stays(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text(content)
    with pytest.raises(LogFileError, match=message):
        TrialFile(path, ABOUT)
    assert path.read_text() == content
