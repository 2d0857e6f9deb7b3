"""The learning rate of a run that names none: the usual one, or less if its steps would overshoot.

A step moves a row by the sum of the gradients of all scores that the row takes part in. Each score s = x·o adds
σ'(s)·|o|² ≤ ¼·|o|² to the curvature of the loss along x. A row takes part in hundreds of scores if the window is wide,
if there are many noise words, or if the row is repeated. At the usual learning rate, a step then overshoots and the
vectors grow without bound. The number of scores is measured on the windows of the loss sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample

# The largest alpha × load of an output row and of an input row (see `_row_load`). With twice as much most runs diverge,
# and with half as much few learn better (measured: help/design.md, "The largest step"). hs tolerates less, because
# every window moves the Huffman nodes near the root.
MOST_STEP = {"ns": (1.5, 5.0), "hs": (0.75, 5.0), "softmax": (1.0, 1.0)}
# How many windows of each group of the sample are counted.
WINDOWS = 20


def default_alpha(config: TrainConfig, objective: Objective, samples: Sequence[Sample]) -> float:
    """Return the learning rate at the start of a run that names none.

    Parameters
    ----------
    samples : windows of the text, drawn as in training.
    """
    limits = zip(MOST_STEP[objective.loss], _row_load(objective, samples), strict=True)
    return min(config.alpha_start, *(most / load for most, load in limits))


def _row_load(objective: Objective, samples: Sequence[Sample]) -> tuple[float, float]:
    """Count the scores in a step that an output row takes part in, and an input row (in CBOW, the hidden vector)."""
    width, repeats = _window_size(samples)
    windows, negatives = samples[0].step_windows, samples[0].negative_ids.shape[1]
    if objective.loss == "softmax":
        # Each center is scored against every output row, once for each of its context words.
        return (width, width) if objective.model == "skipgram" else (1.0, _hidden_moves(objective, width, repeats))
    if objective.paths is None:
        outputs = windows * (1.0 + negatives)
        # A noise word that is drawn twice in a step counts twice.
        noise = np.concatenate([sample.negative_ids.ravel() for sample in samples])
        same = 1.0 + negatives * _chance_of_two(noise)
    else:
        targets = np.concatenate([sample.kept_ids for sample in samples])
        outputs, same = float(np.diff(objective.paths.starts)[targets].mean()), 1.0
    if objective.center_predicts:
        # Each context word is predicted in a step of its own.
        return same, outputs
    if objective.model == "skipgram":
        return windows * width * same, outputs * repeats
    return same, outputs * _hidden_moves(objective, width, repeats)


def _hidden_moves(objective: Objective, width: float, repeats: float) -> float:
    """Return how many times its own gradient the hidden vector of a CBOW window moves when its context rows move."""
    weight = float(objective.row_weight(width))
    return width * weight * weight * float(objective.input_scale(width)) * repeats


def _window_size(samples: Sequence[Sample]) -> tuple[float, float]:
    """Return the number of context words in a window, and how often one of them occurs in it, as means over pairs."""
    contexts = [ids for sample in samples for ids in _some_contexts(sample)]
    sizes = np.array([len(ids) for ids in contexts], np.float64)
    repeats = [np.square(np.unique(ids, return_counts=True)[1]).sum() for ids in contexts]
    return float(np.square(sizes).sum() / sizes.sum()), float(np.sum(repeats) / sizes.sum())


def _some_contexts(sample: Sample) -> Iterator[np.ndarray]:
    """Yield the context words of some windows that have any."""
    wide = np.flatnonzero(sample.has_context)
    for pos in wide[:: max(1, len(wide) // WINDOWS)].tolist():
        yield sample.context_ids(pos)


def _chance_of_two(ids: np.ndarray) -> float:
    """Return the probability that two of the words, drawn at random, are the same."""
    shares = np.unique(ids, return_counts=True)[1] / max(1, len(ids))
    return float(np.square(shares).sum())
