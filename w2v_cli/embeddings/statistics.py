"""Correlations, and 95 % confidence intervals by the percentile bootstrap (Efron & Tibshirani 1993)."""

from __future__ import annotations

import math

import numpy as np

RESAMPLES = 2_000
_SEED = 1  # fixed, so that the same results always have the same interval
_PERCENTILES = (2.5, 97.5)
# Many more than the continued fraction of `_incomplete_beta` needs; √n are enough for n pairs.
_MOST_TERMS = 10_000

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


def correlation_p_value(correlation: float, count: int) -> float:
    """Compute the probability that `count` pairs of unrelated normal values have a correlation at least as large.

    r √(n − 2) / √(1 − r²) has Student's t-distribution with n − 2 degrees of freedom, so that p is the regularised
    incomplete beta function I of 1 − r² with the parameters (n − 2) / 2 and 1/2. For Spearman's ρ, it is approximate.
    NaN for fewer than 2 values.
    """
    if count < 2:
        return math.nan
    if count == 2:
        return 1.0
    return _incomplete_beta(1 - correlation**2, (count - 2) / 2, 0.5)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Compute the regularised incomplete beta function by its continued fraction (Lentz's method)."""
    if x in (0, 1):
        return x
    if x > (a + 1) / (a + b + 2):  # the fraction of the complement converges faster
        return 1 - _incomplete_beta(1 - x, b, a)
    scale = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            c, d = 1 + term / c, 1 / (1 + term * d)
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return scale * fraction / a


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
