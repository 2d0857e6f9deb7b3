"""What the kernels are given: NamedTuples that numba types, and the layout of their scratch buffer.

numba recognises a NamedTuple by its name and its fields' types, so no other class may share a name with one of these:
calls would take a slow path. Inside a kernel, `simd.addresses` replaces the arrays by their addresses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from w2v_cli.compute.simd import LANES
from w2v_cli.compute.tiles import TOTALS
from w2v_cli.engines.parameters import aligned_zeros

# A step of skip-gram takes two input rows by seven output rows at a time, as many outputs as two windows with five
# noise words have: fourteen sums and two inputs fill the registers of AVX2.
PAIR = 2
PAIR_TILE = 7
# A step of CBOW takes one hidden vector by six output rows, as many as one window with five noise words has.
MEAN_TILE = 6
# The scores of a pair with a tile form a cell: `TOTALS` numbers for the first input, then as many for the second. The
# numbers behind a tile's width belong to no output.
CELL = PAIR * TOTALS
# How often the copy may be used that stands for all rows without one.
ENDLESS_USES = 1 << 62


class Windows(NamedTuple):
    """The windows of one block.

    Attributes
    ----------
    kept_ids, starts, stops : int32 (N,), see `sampling.Sample`.
    noise_ids : int32 (steps, K).
    alphas : float64 (N,), the learning rate at each window; a step takes that of its first window.
    centers : N · per_step : windows of a step · negatives : K.
    """

    kept_ids: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    noise_ids: np.ndarray
    alphas: np.ndarray
    centers: int
    per_step: int
    negatives: int


class Blocks(NamedTuple):
    """Several blocks of a text, in the order in which they are trained.

    Attributes
    ----------
    file : the descriptor of the file of ids.
    numbers : int64 (B,), the number of each block in the text.
    firsts, stops : int64 (B,), where each block begins and ends in the text, in tokens.
    boundaries : int64, where sentences begin in the text · boundary_starts, boundary_stops : int64 (B,), which of them
        lie within each block.
    trained : int64 (B,), how many tokens of the run come before each block.
    epoch_key : uint64, the start of the random streams of the epoch.
    """

    file: int
    numbers: np.ndarray
    firsts: np.ndarray
    stops: np.ndarray
    boundaries: np.ndarray
    boundary_starts: np.ndarray
    boundary_stops: np.ndarray
    trained: np.ndarray
    epoch_key: np.uint64


class Draws(NamedTuple):
    """What the windows of a block are drawn from, see `sampling.Sampler`, and the learning rate of each token.

    Attributes
    ----------
    alpha_start, alpha_end : the learning rate before the first token of the run, and after its last.
    total_tokens : tokens of all epochs, as a float.
    """

    keep_limits: np.ndarray
    noise_limits: np.ndarray
    noise_aliases: np.ndarray
    window: int
    fixed_window: bool
    harmonic: bool
    negatives: int
    per_step: int
    pool_words: int
    alpha_start: float
    alpha_end: float
    total_tokens: float


class Room(NamedTuple):
    """Room for one block of at most n tokens: its `ids`, and its windows, see `Windows`.

    All are of length n, and noise_ids of as many rows as a block of n tokens has steps. `positions` are those of the
    kept tokens.
    """

    ids: np.ndarray
    kept_ids: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    positions: np.ndarray
    noise_ids: np.ndarray
    alphas: np.ndarray


class Tree(NamedTuple):
    """The paths of hierarchical softmax (see `huffman.Paths`), cut into tiles and padded to whole ones.

    Attributes
    ----------
    starts : int64 (V + 1,). The path of word i has the tiles from starts[i] to starts[i + 1].
    node_ids : int32 (tiles · TOTALS,). Each tile has `TOTALS` numbers, of which its width is used. Padding has the
        number after that of the last row.
    labels : int8 (tiles · TOTALS,), 2·y. That of padding is 1: its score is 0, and σ(0) is its label ½, so that its
        error is 0.
    """

    starts: np.ndarray
    node_ids: np.ndarray
    labels: np.ndarray


def make_tree(starts: np.ndarray, node_ids: np.ndarray, labels: np.ndarray, tile: int, nodes: int) -> Tree:
    """Return the paths that `huffman.Paths` holds, in tiles of the given width.

    Parameters
    ----------
    nodes : how many rows the table of the nodes has, and so the number of padding.
    """
    lengths = np.diff(starts)
    firsts = np.concatenate(([0], np.cumsum(-(-lengths // tile))))
    along = np.arange(len(node_ids)) - np.repeat(starts[:-1], lengths)
    at = (np.repeat(firsts[:-1], lengths) + along // tile) * TOTALS + along % tile
    tree = Tree(firsts, np.full(firsts[-1] * TOTALS, nodes, np.int32), np.ones(firsts[-1] * TOTALS, np.int8))
    tree.node_ids[at], tree.labels[at] = node_ids, 2 * labels
    return tree


class Tables(NamedTuple):
    """Both tables, and which output rows are hot: each thread trains those in private copies.

    Attributes
    ----------
    inputs, outputs : float (rows, D), D a multiple of `LANES`; changed in place. Those of float16 are uint16, its bits.
    dim : D.
    is_tree : whether the output rows are the nodes of a tree.
    first_hot, hot : the first hot row, and how many there are: the first words, or the last nodes, down from the root.
    most_uses : how often a private copy of a word's row is used before it is merged; all are at the end of a call, and
        those of nodes after each block.
    share : how much of what a copy has moved is merged.
    hot_inputs, most_input_uses : the same of the input rows. The first ones are hot, and all that a copy has moved is
        merged.
    frozen_inputs, frozen_outputs : uint8 (rows,), whether a row is frozen; not read unless `freezes`.
    freezes : True if any row is; otherwise None, whose type lets the compiler leave out what freezing takes.
    input_rates, output_rates : float32 (rows,), what the step of each row is multiplied by; not read unless `rated`.
    rated : True if rows have rates; otherwise None, in the same way.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    dim: int
    is_tree: bool
    first_hot: int
    hot: int
    most_uses: int
    share: float
    hot_inputs: int = 0
    most_input_uses: int = 1
    frozen_inputs: np.ndarray = np.empty(0, np.uint8)
    frozen_outputs: np.ndarray = np.empty(0, np.uint8)
    freezes: bool | None = None
    input_rates: np.ndarray = np.empty(0, np.float32)
    output_rates: np.ndarray = np.empty(0, np.float32)
    rated: bool | None = None


class Flags(NamedTuple):
    """What a kernel does with each step.

    Attributes
    ----------
    means : context rows predict together (CBOW) rather than each for itself (skip-gram).
    averages : their hidden vector is their mean rather than their sum.
    scales_step : their step is n × the mean's gradient.
    wants_loss : sum the losses before each step; otherwise a kernel's results are 0.
    learns : change the tables; otherwise a kernel only measures the loss, and no row may be hot.
    paths : with parts of words, predictions are scored against the nodes of a path rather than noise words.
    """

    means: bool
    averages: bool
    scales_step: bool
    wants_loss: bool
    learns: bool
    paths: bool


class Scratch(NamedTuple):
    """The kernels' work space, zeros at first except for the last of `uses` and `input_uses`, and the counts of paths.

    Attributes
    ----------
    input_offsets, output_offsets : int64; where the rows of a step begin in their tables, in numbers.
    uses, input_uses : int64 (hot + 1,), (hot_inputs + 1,); how often a private copy may still be used before it is
        merged, plus 1; 0 before its first use. The last number counts the uses of rows without a copy.
    hidden : (D,), CBOW's hidden vector · hidden_step : (D,), what its context rows move by · moved : (D,), the sum of
        the steps of several windows with one hidden vector.
    labels : Y, whose rows are equal, laid out as the cells of one pair.
    scores, errors : S and −alpha·G, a cell for each pair of inputs and tile of outputs.
    counts : c, how often each output counts for each input, laid out like the scores.
    usual_counts : CBOW's counts if no output is repeated.
    patterns : for each window of a skip-gram step, how often each output counts for its inputs, after one pattern of
        zeros · usual_patterns : those of a full step in which no output is repeated.
    terms : the losses of one pair's cells.
    inputs : copies of the input rows of a step, two interleaved · moves : what a vector of each output row moves by.
    outputs : copies of the output rows of a step, those of a tile interleaved, if the tables are float16.
    kept_inputs, kept_outputs : copies of the frozen rows of a step, which are trained in their place, as in the tables.
    input_rates, output_rates : the rates of the rows of a step.
    copies : for each hot row, its private copy and the row as it was at the last merge; then a row of zeros, which
        padding outputs refer to; as in the tables · input_copies : the same for hot inputs, without the row of zeros.
    """

    input_offsets: np.ndarray
    output_offsets: np.ndarray
    uses: np.ndarray
    hidden: np.ndarray
    hidden_step: np.ndarray
    moved: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    errors: np.ndarray
    counts: np.ndarray
    usual_counts: np.ndarray
    patterns: np.ndarray
    usual_patterns: np.ndarray
    terms: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    moves: np.ndarray
    kept_inputs: np.ndarray
    kept_outputs: np.ndarray
    copies: np.ndarray
    input_rates: np.ndarray
    output_rates: np.ndarray
    input_uses: np.ndarray
    input_copies: np.ndarray


def make_scratch(
    most_inputs: int,
    most_outputs: int,
    windows: int,
    hot: int,
    hot_inputs: int,
    dim: int,
    means: bool,
    paths: bool,
    dtype: DTypeLike,
    freezes: bool,
    rated: bool,
) -> Scratch:
    """Allocate the scratch of a block: the only function that knows its layout.

    Parameters
    ----------
    most_inputs, most_outputs : rows of the largest step · windows : of a step · hot, hot_inputs : how many rows of each
        table have a private copy.
    means : whether the kernel makes one hidden vector of the inputs (CBOW) · paths : whether it trains paths, whose
        nodes count once · freezes : whether any row is frozen · rated : whether rows have rates.
    dtype : of the elements of the tables.
    """
    rounds = np.dtype(dtype) == np.uint16
    tile = MEAN_TILE if means else PAIR_TILE
    tiles = -(-most_outputs // tile)
    # An odd row out is paired with itself.
    pairs = 1 if means else -(-most_inputs // PAIR)
    cells = tiles * CELL
    pattern = 0 if means else tiles * TOTALS
    offsets = {
        "input_offsets": most_inputs + most_inputs % PAIR,
        "output_offsets": tiles * tile,
        "uses": hot + 1,
        "input_uses": hot_inputs + 1,
    }
    # In this order, no vector lies in more cache lines than it must: all parts before the last vectors, those of
    # `moves`, are whole lines, if the two of patterns are taken together.
    numbers = {
        "hidden": dim,
        "hidden_step": dim,
        "moved": dim,
        "labels": cells,
        "scores": pairs * cells,
        "errors": pairs * cells,
        "counts": pairs * cells,
        "usual_counts": cells,
        "patterns": (1 + windows) * pattern,
        "usual_patterns": (1 + windows) * pattern,
        "terms": cells,
        "inputs": 0 if means else pairs * PAIR * dim,
        "outputs": tiles * tile * dim if rounds and not means else 0,
        "moves": tiles * tile * LANES,
        "input_rates": most_inputs + most_inputs % PAIR if rated else 0,
        "output_rates": tiles * tile if rated else 0,
    }
    rows = {
        "kept_inputs": most_inputs * dim if freezes else 0,
        "kept_outputs": tiles * tile * dim if freezes else 0,
        "copies": (1 + 2 * hot) * dim,
        "input_copies": 2 * hot_inputs * dim,
    }
    scratch = Scratch(
        **_parts(np.zeros(sum(offsets.values()), np.int64), offsets),
        **_parts(aligned_zeros((sum(numbers.values()),), np.float32 if rounds else dtype), numbers),
        **_parts(aligned_zeros((sum(rows.values()),), dtype), rows),
    )
    scratch.uses[hot] = scratch.input_uses[hot_inputs] = ENDLESS_USES
    scratch.counts[:] = paths
    return scratch


def _parts(buffer: np.ndarray, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """Cut a buffer into parts of the given sizes."""
    parts, start = {}, 0
    for name, size in sizes.items():
        parts[name] = buffer[start : start + size]
        start += size
    return parts
