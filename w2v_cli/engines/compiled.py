"""The fast engine: the numba kernels behind the reference engine's interface."""

from __future__ import annotations

import numpy as np

from w2v_cli.engines import block
from w2v_cli.engines.arguments import Flags, Tables, Tree, Windows, make_scratch
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample

# Negative sampling: the first 64 words of the vocabulary are hot, because noise is full of them; none are if the
# vocabulary is not in order of frequency (`--vocab`). A private copy that is merged after 16 uses is never far from its
# row, so all that it has moved is added (measured: help/design.md, "Private copies").
HOT_WORDS, MOST_USES = 64, 16
# Hierarchical softmax: this many nodes near the root, divided by the number of threads, are hot. Every window trains
# some of them, so they converge within a block, and threads average their copies at its end instead of summing them.
# With more threads, the average moves a node that has not converged by less, so fewer nodes are hot (measured:
# help/design.md, "Private copies").
HOT_NODES = 512


def train_logistic(
    objective: Objective,
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    threads: int = 1,
    wants_loss: bool = True,
) -> tuple[float, int]:
    """Train negative sampling or hierarchical softmax over one block, as `reference.train_logistic` defines it.

    Parameters
    ----------
    sample : only skip-gram with negative sampling may have steps of several windows.
    alphas : float64 (N,), the learning rate at each window.
    input_vectors, output_vectors : float32 or float64 (rows, D), D padded; changed in place.
    threads : how many threads train these tables at once.
    wants_loss : compute the loss; otherwise both results are 0.

    Returns
    -------
    The loss in nats, and the number of predictions that it is the sum of.

    Raises
    ------
    ValueError : if steps of several windows are not possible with the objective.
    """
    outputs, dim = output_vectors.shape
    tables = Tables(input_vectors, output_vectors, dim, first_hot=0, hot=0, most_uses=1, share=1.0)
    if threads > 1 and objective.paths is None:
        hot = min(HOT_WORDS, outputs) if objective.frequent_first else 0
        tables = tables._replace(hot=hot, most_uses=MOST_USES)
    elif threads > 1:
        # The nodes near the root are the last ones. No copy has more uses than there are windows, so all are merged at
        # the end.
        hot = min(HOT_NODES // threads, outputs)
        tables = tables._replace(first_hot=outputs - hot, hot=hot, most_uses=len(sample.kept_ids), share=1 / threads)
    return _run_kernel(objective, sample, alphas, tables, wants_loss, learns=True)


def measure_logistic(
    objective: Objective, sample: Sample, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """Measure the loss of a block with the training kernel, as `reference.measure_logistic` defines it.

    Returns
    -------
    The loss in nats, and the number of predictions that it is the sum of. The tables stay as they are.
    """
    tables = Tables(input_vectors, output_vectors, input_vectors.shape[1], first_hot=0, hot=0, most_uses=1, share=1.0)
    alphas = np.zeros(len(sample.kept_ids))
    return _run_kernel(objective, sample, alphas, tables, wants_loss=True, learns=False)


def _run_kernel(
    objective: Objective, sample: Sample, alphas: np.ndarray, tables: Tables, wants_loss: bool, learns: bool
) -> tuple[float, int]:
    """Call the kernel for an objective's kind of step, with the scratch that the block needs."""
    paths, means = objective.paths, objective.model == "cbow"
    per_step, negatives = sample.step_windows, sample.negative_ids.shape[1]
    if per_step != 1 and (means or paths is not None):
        raise ValueError("only skip-gram with negative sampling has steps of several windows")
    windows = Windows(
        sample.kept_ids, sample.window_starts, sample.window_stops, sample.negative_ids, alphas,
        len(sample.kept_ids), per_step, negatives,
    )  # fmt: skip
    flags = Flags(means, objective.averages, objective.scales_step, wants_loss, learns)
    most_outputs = per_step + negatives if paths is None else paths.longest
    scratch = make_scratch(
        _most_inputs(sample), most_outputs, per_step, tables.hot, tables.dim, means, tables.inputs.dtype
    )
    if paths is not None:
        tree = Tree(paths.starts, paths.node_ids, paths.labels)
        loss, predictions = block.train_paths(windows, tree, tables, scratch, flags)
    elif means:
        loss, predictions = block.train_cbow(windows, tables, scratch, flags)
    else:
        loss, predictions = block.train_skipgram(windows, tables, scratch, flags)
    return float(loss), int(predictions)


def _most_inputs(sample: Sample) -> int:
    """Return an upper bound of the input rows of one step."""
    pos = np.arange(len(sample.kept_ids), dtype=np.int32)
    before, after = (pos - sample.window_starts).max(initial=0), (sample.window_stops - pos).max(initial=1) - 1
    return max(min(int(before) + sample.step_windows + int(after), len(pos)), 1)
