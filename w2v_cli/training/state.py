"""What a run reports: `Progress` and `LossPoint` while it trains, `RunState` between blocks, `Trained` at its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from w2v_cli.engines.parameters import Parameters


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes
    ----------
    tokens, total_tokens : tokens trained so far, and tokens of all epochs together.
    epoch : the current epoch, counted from 1.
    alpha : the current learning rate.
    loss : nats per prediction on the `LossSample` when it was last measured; None before the first measurement.
    words_per_second : tokens per second of training, counted before subsampling.
    seconds : how long the run has trained since it was last started.
    validation_loss : the same on held-out text, after the last epoch that has ended; None before that.
    """

    tokens: int
    total_tokens: int
    epoch: int
    alpha: float
    loss: float | None
    words_per_second: float
    seconds: float = 0.0
    validation_loss: float | None = None


class LossPoint(NamedTuple):
    """A loss that was measured during a run.

    Attributes
    ----------
    tokens : tokens of all epochs that come before the point at which it was measured.
    loss : nats per prediction on the `LossSample`.
    seconds : how long the run had trained then since it was last started.
    validation_loss : the loss on held-out text, if an epoch has ended there.
    """

    tokens: int
    loss: float
    seconds: float
    validation_loss: float | None = None


@dataclass(frozen=True)
class RunState:
    """State of a run between two blocks: with the parameters, it is all that resuming the run needs.

    Attributes
    ----------
    block : blocks trained so far, in all epochs together.
    losses : float64 (epochs,), nats per prediction at the end of each epoch; NaN for epochs that have not ended.
    validation_losses : the same on held-out text; None if the run has none.
    """

    block: int
    losses: np.ndarray
    validation_losses: np.ndarray | None = None


class Cluster(NamedTuple):
    """The replicas that trained a run on a cluster.

    Attributes
    ----------
    replicas : how many · threads : how many each has.
    merge_every : tokens of a replica between two merges of the hot rows; None if there is only one replica.
    """

    replicas: int
    threads: int
    merge_every: int | None


@dataclass(frozen=True)
class Trained:
    """Result of a run.

    Attributes
    ----------
    parameters : the trained tables.
    losses : mean negative log-likelihood on the `LossSample` at the end of each epoch, nats per prediction. The last
        one is measured where the run has ended, even within an epoch. `parameters` are those there, unless there is a
        best epoch.
    standard_error : standard error of the last loss, nats; NaN if unknown.
    seconds, words_per_second : time of training alone since the run was last started, and its speed in tokens per
        second, counted before subsampling.
    finished : whether every token was trained in every epoch, or the run has stopped early; if not, it was stopped.
    cluster : what trained it; None for this machine.
    validation_losses : the loss on held-out text at the end of each epoch that has ended; empty if there is no such
        text.
    best_epoch : the epoch, counted from 1, after which `parameters` were as they are, because its held-out loss is the
        least; None if the run does not look for it, or no epoch has ended.
    validation_seconds : time of measuring the held-out loss and keeping the best epoch; not in `seconds`.
    """

    parameters: Parameters
    losses: list[float]
    standard_error: float
    seconds: float
    words_per_second: float
    finished: bool = True
    cluster: Cluster | None = None
    validation_losses: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    validation_seconds: float = 0.0

    @property
    def perplexities(self) -> list[float]:
        """e^loss of each epoch, for a full softmax; infinity if it exceeds float64."""
        return _exponentials(self.losses)

    @property
    def validation_perplexities(self) -> list[float]:
        """e^loss of each epoch on held-out text, for a full softmax."""
        return _exponentials(self.validation_losses)


def _exponentials(losses: list[float]) -> list[float]:
    with np.errstate(over="ignore"):
        return [float(value) for value in np.exp(losses)]


@dataclass
class Tally:
    """What the workers of a run have done so far. They change it under `lock`.

    Attributes
    ----------
    losses, validation_losses : as in `RunState`, but empty if the run has no held-out text.
    loss : the loss when it was last measured, nats per prediction; None before the first measurement.
    begun : when the run was last started, on the clock of `time.perf_counter`; later by the time that was spent on
        held-out text.
    points : the losses that were measured and have not been reported yet.
    block : blocks that workers have taken so far, in all epochs together.
    tokens : tokens trained so far, in all epochs together.
    trained : whether any window had a context word.
    measured_at : the block before which the loss was measured last; −1 before the first measurement.
    reported_epoch : the last epoch whose end the caller was told, counted from 1; 0 before that.
    """

    losses: np.ndarray
    loss: float | None = None
    begun: float = field(default_factory=time.perf_counter)
    points: list[LossPoint] = field(default_factory=list)
    block: int = 0
    tokens: int = 0
    trained: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    validation_losses: np.ndarray = field(default_factory=lambda: np.zeros(0))
    measured_at: int = -1
    reported_epoch: int = 0

    def take(self, end: Callable[[int], int]) -> range:
        """Take the next blocks, up to the one that `end` returns for the first of them; none if it returns that one."""
        with self.lock:
            taken = range(self.block, end(self.block))
            self.block = taken.stop
            return taken

    def take_points(self) -> list[LossPoint]:
        """Return the losses that were measured since the last call."""
        with self.lock:
            points, self.points = self.points, []
        return points

    def validation_loss(self, epoch: int) -> float | None:
        """Return the held-out loss after an epoch, counted from 1; None if it is not known."""
        if len(self.validation_losses) == 0 or epoch == 0 or np.isnan(self.validation_losses[epoch - 1]):
            return None
        return float(self.validation_losses[epoch - 1])

    def last_validation_loss(self, epoch: int) -> float | None:
        """Return the held-out loss after an epoch, or the one before if the workers are still busy with its end."""
        known = self.validation_loss(epoch)
        return known if known is not None or epoch == 0 else self.validation_loss(epoch - 1)

    def state(self) -> RunState:
        """Return the state of the run; call it only while no worker is training."""
        held_out = self.validation_losses.copy() if len(self.validation_losses) else None
        return RunState(self.block, self.losses.copy(), held_out)
