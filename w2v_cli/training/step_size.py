"""How long the steps of a run are, and the learning rate at which they are not too long.

A step moves a row by the sum of the gradients of all scores that the row takes part in. Each score s = x·o adds
σ'(s)·|o|² ≤ ¼·|o|² to the curvature of the loss along x, so where a row takes part in hundreds of scores, because the
window is wide, the noise words are many, or the row is repeated, a step at the usual learning rate overshoots and the
vectors grow without bound. How many scores there are is measured on the windows of the loss sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample

# The most that alpha × pairs and alpha × scores may be (see `_row_load`). Measured on 100 kB to 20 MB of enwiki-100m
# and on texts of a few words, with windows of 5 to 100 context words and 5 to 200 noise words: at twice as much most
# runs diverge, and at half as much few learn better. Every window moves the Huffman nodes near the root, so hs bears
# less.
MOST_STEP = {"ns": (1.5, 5.0), "hs": (0.75, 5.0), "softmax": (1.0, 1.0)}
# Windows of each group of the sample that are looked at.
WINDOWS = 20


def default_alpha(config: TrainConfig, objective: Objective, samples: Sequence[Sample]) -> float:
    """The learning rate at the start of a run that names none.

    Parameters
    ----------
    samples : windows of the text, drawn as training draws them.
    """
    limits = zip(MOST_STEP[objective.loss], _row_load(objective, samples), strict=True)
    return min(config.alpha_start, *(most / load for most, load in limits))


def _row_load(objective: Objective, samples: Sequence[Sample]) -> tuple[float, float]:
    """How many scores a step's rows take part in: an output row, and an input row (CBOW: the hidden vector)."""
    width, repeats = _window_size(samples)
    windows, negatives = samples[0].step_windows, samples[0].negative_ids.shape[1]
    if objective.loss == "softmax":
        # Every output is scored against every center, and the center's distribution is one score for each context.
        return (width, width) if objective.model == "skipgram" else (1.0, _hidden_moves(objective, width, repeats))
    if objective.paths is None:
        outputs = windows * (1.0 + negatives)
        # A noise word that is drawn twice for a step counts twice.
        noise = np.concatenate([sample.negative_ids.ravel() for sample in samples])
        same = 1.0 + negatives * _chance_of_two(noise)
    else:
        targets = np.concatenate([sample.kept_ids for sample in samples])
        outputs, same = float(np.diff(objective.paths.starts)[targets].mean()), 1.0
    if objective.model == "skipgram":
        return windows * width * same, outputs * repeats
    return same, outputs * _hidden_moves(objective, width, repeats)


def _hidden_moves(objective: Objective, width: float, repeats: float) -> float:
    """How many times its gradient a CBOW window's hidden vector moves when its context rows take their steps."""
    weight = float(objective.row_weight(width))
    return width * weight * weight * float(objective.input_scale(width)) * repeats


def _window_size(samples: Sequence[Sample]) -> tuple[float, float]:
    """The context words of a window, and how often each of them is in it; both are means over the pairs."""
    contexts = [ids for sample in samples for ids in _some_contexts(sample)]
    sizes = np.array([len(ids) for ids in contexts], np.float64)
    repeats = [np.square(np.unique(ids, return_counts=True)[1]).sum() for ids in contexts]
    return float(np.square(sizes).sum() / sizes.sum()), float(np.sum(repeats) / sizes.sum())


def _some_contexts(sample: Sample) -> Iterator[np.ndarray]:
    """The context words of some windows that have any."""
    wide = np.flatnonzero(sample.window_stops - sample.window_starts > 1)
    for pos in wide[:: max(1, len(wide) // WINDOWS)].tolist():
        ids = sample.kept_ids[sample.window_starts[pos] : sample.window_stops[pos]]
        yield np.delete(ids, pos - sample.window_starts[pos])


def _chance_of_two(ids: np.ndarray) -> float:
    """The chance that two of the words are the same."""
    shares = np.unique(ids, return_counts=True)[1] / max(1, len(ids))
    return float(np.square(shares).sum())
