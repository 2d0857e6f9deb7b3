"""What a training run tells the program that started it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.training.state import LossPoint, Progress
from w2v_cli.training.trainer import Trainer

if TYPE_CHECKING:
    from w2v_cli.training.saving import Run


class Observer:
    """Receives the events of a run, in the thread that started it. A subclass overrides what it wants to know.

    Attributes
    ----------
    looks_at_epochs : whether the training waits at the end of each epoch for `epoch`.
    """

    looks_at_epochs = False

    def compiling(self) -> AbstractContextManager[None]:
        """Return a context that is entered while code may be compiled."""
        return nullcontext()

    def reads(self) -> None:
        """Learn that the run begins to read: options that contradict each other have been refused."""

    def corpus(self, phase: str, done: int, total: int | None) -> None:
        """Receive the progress of a pass over the corpus: `count` in bytes, `encode` in tokens; no total for a pipe."""

    def encoded(self, corpus: EncodedCorpus, text: TextOptions) -> None:
        """Receive the corpus when the text has become ids."""

    def ready(self, trainer: Trainer, estimated_seconds: float) -> None:
        """Receive the trainer when training begins, and about how long it will take."""

    def begins(self, trainer: Trainer, tokens: int) -> None:
        """Receive the trainer just before its first block, and how many tokens an earlier part of the run trained."""

    def measured(self, point: LossPoint) -> None:
        """Receive a loss that was measured: at the end of each epoch, in between, and where the run is saved."""

    def training(self, progress: Progress) -> None:
        """Receive the progress of training, about ten times a second."""

    def epoch(self, run: Run) -> None:
        """Receive what the run has made by the end of an epoch, if `looks_at_epochs`; its arrays change afterwards."""

    def stop(self) -> bool:
        """Return whether the run must stop; asked about ten times a second."""
        return False

    def remark(self, message: str) -> None:
        """Receive something that the user should know, as a sentence."""
