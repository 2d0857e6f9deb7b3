"""The rates of the rows of a run: what the step of each row is multiplied by, computed before the run.

A frequent word takes thousands of steps and a rare one a few. So with one learning rate for all, frequent words still
jump about when rare ones have hardly moved (measured: help/design.md, "Rates of rows").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.engines.objective import Objective, Rates

if TYPE_CHECKING:
    from w2v_cli.engines.huffman import Paths

# The lowest and the highest rate.
LEAST_RATE, MOST_RATE = 0.25, 4.0
# How many words' paths are counted at a time.
_WORDS = 1 << 16


def rates_of(config: TrainConfig, objective: Objective, kept: np.ndarray) -> Rates | None:
    """Return the rates of the rows of a run, or None if all are 1.

    They depend on the options and the counts alone, so that a resumed run has those that it began with.

    Parameters
    ----------
    kept : float64 (V,), how many tokens of each word subsampling leaves in an epoch, on average.
    """
    if not config.input_exponent and not config.output_power:
        return None
    used = kept if objective.paths is None else node_counts(objective.paths, kept)
    return Rates(row_rates(kept, config.input_exponent), row_rates(used, config.output_power))


def row_rates(counts: np.ndarray, exponent: float) -> np.ndarray:
    """Return rates that fall with the counts of the rows.

        rate(i) = (count(i) ÷ g)^−exponent, held to 1/4 … 4      log g = Σ count·log count ÷ Σ count

    g is the geometric mean of the counts over the tokens, so that the geometric mean of the rates over the tokens is 1
    where no limit holds them. A row that does not occur has the rate 1.

    Parameters
    ----------
    counts : float64 (rows,), how often each row is used.

    Returns
    -------
    float32 (rows,).
    """
    logs = np.log(np.where(counts > 0, counts, 1.0))
    mean = (counts @ logs) / max(counts.sum(), 1.0)
    rates = np.exp(np.clip(exponent * (mean - logs), np.log(LEAST_RATE), np.log(MOST_RATE)))
    return np.where(counts > 0, rates, 1.0).astype(np.float32)


def node_counts(paths: Paths, counts: np.ndarray) -> np.ndarray:
    """Return how often each node of a Huffman tree is on the path of a word that occurs as `counts` says.

    Parameters
    ----------
    counts : float64 (V,).

    Returns
    -------
    float64 (V − 1,).
    """
    used = np.zeros(len(counts) - 1)
    for first in range(0, len(counts), _WORDS):
        starts = paths.starts[first : first + _WORDS + 1]
        node_ids = paths.node_ids[starts[0] : starts[-1]]
        weights = np.repeat(counts[first : first + _WORDS], np.diff(starts))
        used += np.bincount(node_ids, weights, len(used))
    return used
