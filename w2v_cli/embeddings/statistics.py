"""Correlations, and 95 % confidence intervals by the percentile bootstrap (Efron & Tibshirani 1993)."""

from __future__ import annotations

import math

import numpy as np

RESAMPLES = 2_000
_SEED = 1  # fixed, so that the same results always have the same interval
_PERCENTILES = (2.5, 97.5)

Interval = tuple[float, float]


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Compute Spearman's ρ, Pearson's r of the ranks; equal values share their average rank. None if undefined."""
    return pearson(_average_ranks(x), _average_ranks(y))


def pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    """Compute Pearson's r = Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²); None for fewer than 2 values, or constant ones."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    # Rounding may put the last digit beyond −1 or 1.
    return max(-1.0, min(1.0, float(x @ y / math.sqrt((x @ x) * (y @ y)))))


def share_interval(correct: int, total: int) -> Interval | None:
    """Compute the interval of the share `correct` / `total`, 0…1, over resampled questions; None if there are none."""
    if total == 0:
        return None
    # Each question drawn with replacement is a correct one with probability correct / total, so the number of correct
    # ones has a binomial distribution.
    counts = np.random.default_rng(_SEED).binomial(total, correct / total, RESAMPLES)
    low, high = np.percentile(counts / total, _PERCENTILES)
    return float(low), float(high)


def spearman_interval(x: np.ndarray, y: np.ndarray) -> Interval | None:
    """Compute the interval of Spearman's ρ over resampled pairs; None if ρ is undefined."""
    if spearman(x, y) is None:
        return None
    random = np.random.default_rng(_SEED)
    draws = (random.integers(0, len(x), len(x)) for _ in range(RESAMPLES))
    values = [value for draw in draws if (value := spearman(x[draw], y[draw])) is not None]
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high)


def _average_ranks(values: np.ndarray) -> np.ndarray:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    return (last_rank - (counts - 1) / 2)[group]
