"""Show the trials of `w2v tune` while they go on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from w2v_cli.cli.progress import ProgressLine, duration
from w2v_cli.config import option_name
from w2v_cli.training.state import Progress
from w2v_cli.tuning.trials import Trial
from w2v_cli.tuning.tune import TuneObserver


class TrialNarrator(TuneObserver):
    """Shows each trial when it has ended, and the progress of the one that runs.

    Parameters
    ----------
    show : where it is shown.
    """

    def __init__(self, show: ProgressLine) -> None:
        self._show = show
        self._name = ""

    def compiling(self) -> AbstractContextManager[None]:
        """Say if code is compiled."""
        return self._show.compiling()

    def begins_trial(self, number: int, share: int, options: Mapping[str, Any]) -> None:
        """Remember which trial runs."""
        self._name = f"Trial {number} on {share_name(share)}"

    def training(self, progress: Progress) -> None:
        """Show the progress of a run."""
        self._show.show(self._name, progress.tokens, progress.total_tokens, " words")

    def tried(self, trial: Trial, was_known: bool) -> None:
        """Say how a trial has ended."""
        took = "known" if was_known else duration(trial.seconds)
        score = "–" if trial.score is None else f"{trial.score:.4g}"
        self._show.say(f"Trial {trial.trial} on {share_name(trial.share)}: {score} ({took}): {options_text(trial)}")

    def remark(self, message: str) -> None:
        """Say what should be known about the texts."""
        self._show.say(message)


def share_name(share: int) -> str:
    """Return what a share of the text is called."""
    return "the text" if share == 1 else f"1/{share}"


def options_text(trial: Trial) -> str:
    """Return the options of a trial as the command line writes them."""
    return " ".join(f"{option_name(name)} {value}" for name, value in trial.options.items()) or "defaults"
