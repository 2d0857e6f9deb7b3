"""Search for the best options by successive halving: many trials on a small share of the text, few on all of it.

All trials begin on a ninth of the text. The better third of them go on to a third of the text, and the better third of
those to the whole. The defaults go on in any case, so that there is something to compare with.

References: Jamieson & Talwalkar 2016, AISTATS (successive halving); Bergstra & Bengio 2012, JMLR (random search).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from w2v_cli.tuning.trials import Trial, TrialFile

# The shares of the text, from small to large, as one of so many parts; and one of how many trials goes on.
SHARES, KEPT = (9, 3, 1), 3
# By when the trials on each share must have ended, as a part of the time for all.
_DEADLINES = (0.25, 0.5, 1.0)

# Trains and scores: the number of the trial, its share, and its options.
Attempt = Callable[[int, int, dict[str, Any]], Trial]


@dataclass(frozen=True)
class Rung:
    """The trials on one share of the text: `order` has their numbers, most promising first, the defaults before them.

    `most_seconds` is how long all trials up to the end of this rung may take.
    """

    share: int
    order: list[int]
    most_seconds: float


@dataclass
class Search:
    """A search, which goes on from the trials in its file.

    Parameters
    ----------
    options : those of each trial; the first are the defaults.
    attempt : runs a trial.
    most_seconds : how long all trials may take; infinity for as long as it takes.
    """

    options: Sequence[dict[str, Any]]
    file: TrialFile
    attempt: Attempt
    most_seconds: float = math.inf
    _spent: float = field(default=0.0, init=False)

    def run(self) -> Iterator[tuple[Trial, bool]]:
        """Yield each trial when it has ended, and whether it was in the file already."""
        order = list(range(len(self.options)))
        for number, (share, deadline) in enumerate(zip(SHARES, _DEADLINES, strict=True)):
            rung = Rung(share, order, self.most_seconds * deadline)
            done: list[Trial] = []
            for trial, was_known in self._run_rung(rung):
                done.append(trial)
                yield trial, was_known
            better = [trial.trial for trial in ranked(done) if trial.trial]
            kept = max(1, len(self.options) // KEPT ** (number + 1))
            order = [0, *better[:kept]]

    def _run_rung(self, rung: Rung) -> Iterator[tuple[Trial, bool]]:
        """Run the trials of a rung for which there is time; the defaults always."""
        for number in rung.order:
            known = self.file.trials.get((number, rung.share))
            if known is None and number and self._spent + self._expected(number, rung.share) > rung.most_seconds:
                continue
            trial = self.attempt(number, rung.share, self.options[number]) if known is None else known
            if known is None:
                self.file.add(trial)
            self._spent += trial.seconds
            yield trial, known is not None

    def _expected(self, number: int, share: int) -> float:
        """Return about how many seconds a trial will take, from how long it took on a smaller share; 0 if unknown."""
        earlier = [trial for (trial_number, _), trial in self.file.trials.items() if trial_number == number]
        return max((trial.seconds * trial.share / share for trial in earlier if trial.share > share), default=0.0)


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Return trials on the same share, the best one first; those without a score come last."""
    return sorted(trials, key=lambda trial: (math.inf if trial.score is None else -trial.score, trial.trial))


def latest(trials: Sequence[Trial]) -> list[Trial]:
    """Return for each number its trial on the largest share; the largest share comes first, then the best score."""
    last: dict[int, Trial] = {}
    for trial in trials:
        if trial.trial not in last or trial.share < last[trial.trial].share:
            last[trial.trial] = trial
    on_share = ([trial for trial in last.values() if trial.share == share] for share in sorted(SHARES))
    return [trial for trials_there in on_share for trial in ranked(trials_there)]
