"""What a run does with held-out text: measure the loss after each epoch, keep the best epoch, and stop early."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.held_out import HeldOut
from w2v_cli.engines.choose import Measure
from w2v_cli.engines.parameters import Parameters
from w2v_cli.engines.sampling import sampler_of
from w2v_cli.errors import TrainingError
from w2v_cli.training.held_out_loss import HeldOutSample
from w2v_cli.training.state import RunState, Tally


def best_epoch(validation_losses: np.ndarray) -> int | None:
    """Return the epoch with the least held-out loss, counted from 1, the first of equals; None if none has ended.

    Parameters
    ----------
    validation_losses : float64, one for each epoch; NaN for those that have not ended.
    """
    known = np.isfinite(validation_losses)
    return int(np.where(known, validation_losses, np.inf).argmin()) + 1 if known.any() else None


def stops_early(validation_losses: np.ndarray, patience: int | None) -> bool:
    """Return whether the last `patience` epochs have brought no better held-out loss; never if that is None."""
    best = best_epoch(validation_losses)
    return patience is not None and best is not None and np.isfinite(validation_losses).sum() - best >= patience


class BestEpoch(Protocol):
    """Where the vectors of the best epoch are kept.

    Attributes
    ----------
    nbytes : how much memory they take.
    """

    @property
    def nbytes(self) -> int: ...

    def keep(self, parameters: Parameters, state: RunState) -> None:
        """Keep the parameters of an epoch that is better than all before it, in place of the earlier ones."""

    def fill(self, parameters: Parameters) -> None:
        """Fill tables with what was kept last."""


class InMemory:
    """The vectors of the best epoch, in memory.

    Parameters
    ----------
    parameters : tables of the same shapes as those that will be kept.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.nbytes = parameters.nbytes
        self._kept: dict[str, np.ndarray] = {}

    def keep(self, parameters: Parameters, state: RunState) -> None:
        """Keep the parameters of an epoch, as `BestEpoch` says."""
        for name, table in parameters.tensors().items():
            if name not in self._kept:
                self._kept[name] = np.empty_like(table)
            np.copyto(self._kept[name], table)

    def fill(self, parameters: Parameters) -> None:
        """Fill tables with what was kept last."""
        for name, table in parameters.tensors().items():
            np.copyto(table, self._kept[name])


class Validation:
    """The held-out text of a run.

    Parameters
    ----------
    config, held_out : of the run.
    counts : int64 (V,), those that the model file will hold, with which the loss can be measured again.
    parameters : the tables that the run trains.

    Attributes
    ----------
    best : where the vectors of the best epoch are kept; None if the run does not stop early.
    seconds : how long all of this has taken so far.

    Raises
    ------
    TrainingError
        If there is nothing to predict in the held-out text.
    """

    def __init__(self, config: TrainConfig, held_out: HeldOut, counts: np.ndarray, parameters: Parameters) -> None:
        self._sample = HeldOutSample(held_out, sampler_of(config, counts))
        if not self._sample.predicts:
            raise TrainingError(
                f"there is nothing to predict in the held-out text (--validate {config.validate}): no line has two"
                f" words of the vocabulary, and {held_out.unknown:,} words are unknown",
                hint="take a text like the corpus, with the same --tokenize and --lower; or a larger share",
            )
        self._parameters, self._patience = parameters, config.stop_early
        self.best: BestEpoch | None = None if config.stop_early is None else InMemory(parameters)
        self.seconds = 0.0

    def measure(self, tally: Tally, epoch: int, measure: Measure, threads: int) -> None:
        """Measure the loss at the end of an epoch, while no worker is training, and keep the epoch if it is the best.

        The time that this takes does not count as training.

        Parameters
        ----------
        epoch : counted from 1 · measure, threads : as in `HeldOutSample.measure`.
        """
        losses = tally.validation_losses
        if np.isfinite(losses[epoch - 1]):
            return  # the run is resumed where it was measured
        begun = time.perf_counter()
        losses[epoch - 1] = self.loss(measure, threads)
        if self.best is not None and best_epoch(losses) == epoch:
            self.best.keep(self._parameters, tally.state())
        spent = time.perf_counter() - begun
        self.seconds += spent
        with tally.lock:
            tally.begun += spent
            tally.points[-1] = tally.points[-1]._replace(validation_loss=float(losses[epoch - 1]))

    def loss(self, measure: Measure, threads: int) -> float:
        """Return the held-out loss of the parameters as they are now; `measure` and `threads` as in `measure`."""
        tables = self._parameters.input_vectors, self._parameters.output_vectors
        return self._sample.measure(measure, *tables, threads).loss

    def stops(self, tally: Tally) -> bool:
        """Return whether the run has nothing more to gain."""
        return stops_early(tally.validation_losses, self._patience)

    def restore_best(self, tally: Tally) -> int | None:
        """Fill the tables with those of the best epoch, if the run looks for it; return that epoch."""
        best = None if self.best is None else best_epoch(tally.validation_losses)
        if self.best is not None and best is not None:
            self.best.fill(self._parameters)
        return best
