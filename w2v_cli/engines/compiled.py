"""The fast engine: the numba kernels behind the reference engine's interface."""

from __future__ import annotations

import numpy as np

from w2v_cli.engines import block, step
from w2v_cli.engines.huffman import Paths
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.parameters import aligned_zeros
from w2v_cli.engines.sampling import Sample

# Threads that write the same rows wait for each other's cache lines: each trains the hot ones in a copy.
# Hot words: the first of the vocabulary, which noise is full of; none if others are more frequent (`--vocab`).
# A copy that settles with the table so often is never far from it, and what it moved is added whole. Two threads on
# enwiki-100m, ns a window of CBOW: 301 without, 271, 266 and 266 with 32, 64 and 96 words, 266 to 272 with 16 to 64
# uses; skip-gram gains a hundredth. With 1,024 uses, when two threads have as many that the other does not see as 128
# have with 16, neither loss nor scores were worse.
HOT_WORDS, MOST_USES = 64, 16
# Hot nodes: those near the root, so many divided by the number of threads. Every window trains some, so often in a
# block that they have arrived where they tend to at its end: their mean goes back then, not their sum; the more threads
# there are, the less of a node that has not. Two threads on enwiki-100m: 0, 16, 64 and 256 copied nodes make 1.8, 2.3,
# 2.5 and 2.5 M words/s with skip-gram, and with CBOW 16 and 256 answer 28.0 and 28.7 % of the analogies; copies of 128
# that settle every 32 uses, 28.3 %. On toyland CBOW's loss, 3.88 with one thread, is 3.97 to 4.02 with 2 to 16, and
# were it 256 for each of 16, 4.57.
HOT_NODES = 512
NO_PATHS = Paths(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int8))


def train_logistic(
    objective: Objective,
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    threads: int = 1,
    wants_loss: bool = True,
) -> tuple[float, int]:
    """Negative sampling or hierarchical softmax over one block, as `reference.train_logistic` defines it.

    Only skip-gram with negative sampling has steps of several windows. Without `wants_loss` both results are 0.
    """
    hot, most_uses, share = 0, 1, 1.0
    if threads > 1 and objective.paths is None:
        hot, most_uses = min(HOT_WORDS, len(output_vectors)) if objective.frequent_first else 0, MOST_USES
    elif threads > 1:
        # As many uses as there are windows: a copy settles at the end.
        hot, most_uses, share = min(HOT_NODES // threads, len(output_vectors)), len(sample.kept_ids), 1 / threads
    return _run_kernel(
        objective, sample, alphas, input_vectors, output_vectors, hot, most_uses, share, wants_loss, learns=True
    )


def measure_logistic(
    objective: Objective, sample: Sample, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """The loss of a block as `reference.measure_logistic` defines it, by the kernel that trains; the tables stay."""
    nothing = np.zeros(len(sample.kept_ids))
    return _run_kernel(
        objective, sample, nothing, input_vectors, output_vectors, 0, 1, 1.0, wants_loss=True, learns=False
    )


def _run_kernel(
    objective: Objective,
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    hot: int,
    most_uses: int,
    share: float,
    wants_loss: bool,
    learns: bool,
) -> tuple[float, int]:
    """Call `block.train_logistic` with the scratch buffers that the block needs."""
    if sample.step_windows != 1 and (objective.model != "skipgram" or objective.paths is not None):
        raise ValueError("only skip-gram with negative sampling has steps of several windows")
    paths = objective.paths or NO_PATHS
    windows = sample.step_windows
    places = np.arange(len(sample.kept_ids), dtype=np.int32)
    before, after = (places - sample.window_starts).max(initial=0), (sample.window_stops - places).max(initial=1) - 1
    most_inputs = max(min(int(before + windows + after), len(places)), step.PAIR)
    most_outputs = windows + sample.negative_ids.shape[1] if objective.paths is None else paths.longest
    dim = input_vectors.shape[1]
    rows, width = block.scratch_shape(most_inputs, most_outputs)
    offsets_size, scratch_size = block.scratch_sizes(rows, width, windows, hot, dim)
    loss, predictions = block.train_logistic(
        sample.kept_ids,
        sample.window_starts,
        sample.window_stops,
        sample.negative_ids,
        paths.starts,
        paths.node_ids,
        paths.labels,
        objective.model == "cbow",
        objective.averages,
        objective.scales_step,
        alphas,
        input_vectors,
        output_vectors,
        np.zeros(offsets_size, np.int64),
        # So that no vector in it lies in more cache lines than it must.
        aligned_zeros((scratch_size,), input_vectors.dtype),
        rows,
        width,
        windows,
        hot,
        most_uses,
        share,
        wants_loss,
        learns,
    )
    return float(loss), int(predictions)
