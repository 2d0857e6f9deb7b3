"""The learning rate of every token of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LearningRate:
    """A learning rate that falls linearly.

    Attributes
    ----------
    start, end : the rate before the first token, and after the last.
    total_tokens : tokens of all epochs together.
    """

    start: float
    end: float
    total_tokens: int

    def at(self, tokens: np.ndarray | float) -> np.ndarray:
        """Return the learning rate after `tokens` tokens of all epochs, float64. `engines.stretch` does the same."""
        return np.asarray(self.start - (self.start - self.end) * (np.asarray(tokens, np.float64) / self.total_tokens))
