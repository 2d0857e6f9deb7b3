"""Correlations, and how sure a score is: 95 % intervals by the bootstrap (Efron & Tibshirani 1993, percentiles)."""

from __future__ import annotations

import math

import numpy as np

RESAMPLES = 2_000
_SEED = 1  # the same scores have the same interval
_PERCENTILES = (2.5, 97.5)

Interval = tuple[float, float]


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's ρ: Pearson's r of the ranks, equal values sharing their average rank; None if undefined."""
    return pearson(_average_ranks(x), _average_ranks(y))


def pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    """Pearson's r = Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²); None for fewer than 2 values or a constant."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / math.sqrt((x @ x) * (y @ y)))


def share_interval(correct: int, total: int) -> Interval | None:
    """Between which shares (0…1) `correct` of `total` lies when the questions are drawn again; None of none."""
    if total == 0:
        return None
    # Of questions drawn with replacement, each is right with the share that is right: a binomial number of them.
    counts = np.random.default_rng(_SEED).binomial(total, correct / total, RESAMPLES)
    low, high = np.percentile(counts / total, _PERCENTILES)
    return float(low), float(high)


def spearman_interval(x: np.ndarray, y: np.ndarray) -> Interval | None:
    """Between which values Spearman's ρ lies when the n pairs are drawn again; None where it is undefined."""
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
