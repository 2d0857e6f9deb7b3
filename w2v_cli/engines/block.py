"""Training over a block, compiled: arrays in, arrays changed; step after step, each one of `steps`."""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, inlined
from w2v_cli.compute.simd import (
    LANES,
    add,
    address,
    distance,
    load,
    multiply,
    multiply_add,
    prefetch,
    prefetch_to_write,
    shifted,
    spread,
    store,
    subtract,
)
from w2v_cli.engines.gather import (
    all_differ,
    count_noise,
    count_step,
    noise_outputs,
    path_outputs,
    step_inputs,
    step_outputs,
    window_inputs,
)
from w2v_cli.engines.parameters import CACHE_LINE_BYTES
from w2v_cli.engines.step import (
    CELL,
    PAIR,
    POOLED_TILE,
    TILE,
    logistic_errors,
    logistic_update,
    pooled_errors,
    pooled_update,
)

# Windows between a call for memory and its use, or a whole step where it has more: one would be too late, more find it
# gone. A path's rows are called for by what has been called for so much earlier, and that likewise.
AHEAD = 2
# Nodes at the start of a path that are in the cache anyway.
CACHED_NODES = 8


@inlined
def _settle(table, place, copy, share, dim):  # type: ignore[no-untyped-def]
    """A row of the table takes a share of what its copy has moved since they last met, and the copy starts from there.

    Behind a copy stands the row as it was then; both begin as zeros. The share is an array of one.
    """
    s = spread(share, 0)
    for k in range(0, dim, LANES):
        moved = subtract(load(table, copy + k), load(table, copy + dim + k))
        row = multiply_add(s, moved, load(table, place + k))
        store(table, place + k, row)
        store(table, copy + k, row)
        store(table, copy + dim + k, row)


@inlined
def _place_outputs(  # type: ignore[no-untyped-def]
    count, output_offsets, table, first_hot, hot, copies, uses, most_uses, share, dim
):
    """What are numbers of rows in `output_offsets` become their offsets in the table.

    A hot row's is that of this thread's copy, which settles with the table at its first use and at the first after so
    many; `uses` counts down to 1. Numbers below 0 are the idle row, which is zeros, never moves, and is there to fill
    up a tile.
    """
    for j in range(count):
        row = output_offsets[j]
        i, place = row - first_hot, row * dim
        if 0 <= i < hot:
            copy = copies + 2 * i * dim
            if uses[i] <= 1:
                _settle(table, place, copy, share, dim)
                uses[i] = most_uses + 1
            uses[i] -= 1
            place = copy
        output_offsets[j] = place if row >= 0 else copies - dim


@inlined
def _pool_rows(table, offsets, count, dim, weight, hidden):  # type: ignore[no-untyped-def]
    """hidden = weight·Σ rows, four vectors of columns at a time; the weight is an array of one."""
    w, width = spread(weight, 0), 4 * LANES
    wide = dim if dim >= width else 0
    for column in range(0, wide, width):
        # The last four may begin among those before.
        k = min(column, dim - width)
        row = offsets[0] + k
        a, b = load(table, row), load(table, row + LANES)
        c, d = load(table, row + 2 * LANES), load(table, row + 3 * LANES)
        for i in range(1, count):
            row = offsets[i] + k
            a, b = add(a, load(table, row)), add(b, load(table, row + LANES))
            c, d = add(c, load(table, row + 2 * LANES)), add(d, load(table, row + 3 * LANES))
        store(hidden, k, multiply(w, a))
        store(hidden, k + LANES, multiply(w, b))
        store(hidden, k + 2 * LANES, multiply(w, c))
        store(hidden, k + 3 * LANES, multiply(w, d))
    for k in range(wide, dim, LANES):
        a = load(table, offsets[0] + k)
        for i in range(1, count):
            a = add(a, load(table, offsets[i] + k))
        store(hidden, k, multiply(w, a))


@inlined
def _add_to_rows(table, offsets, count, dim, weight, step):  # type: ignore[no-untyped-def]
    """Each row += weight·step, an odd one out first and then two by two."""
    w, odd = spread(weight, 0), count % PAIR
    if odd:
        for k in range(0, dim, LANES):
            place = offsets[0] + k
            store(table, place, multiply_add(w, load(step, k), load(table, place)))
    for i in range(odd, count, PAIR):
        a, b = offsets[i], offsets[i + 1]
        for k in range(0, dim, LANES):
            moved = load(step, k)
            store(table, a + k, multiply_add(w, moved, load(table, a + k)))
            store(table, b + k, multiply_add(w, moved, load(table, b + k)))


@inlined
def _reach(centers, stops):  # type: ignore[no-untyped-def]
    """How far the widest window reaches beyond its center."""
    reach = 0
    for pos in range(centers):
        reach = max(reach, stops[pos] - 1 - pos)
    return reach


@inlined
def _prefetch_row(table, offset, dim):  # type: ignore[no-untyped-def]
    for k in range(0, dim, CACHE_LINE_BYTES // 4):
        prefetch_to_write(table, offset + k)


@inlined
def _prefetch_output(row, table, first_hot, hot, dim):  # type: ignore[no-untyped-def]
    """Of a hot row the copy is trained, which is in the cache."""
    if not first_hot <= row < first_hot + hot:
        _prefetch_row(table, row * dim, dim)


@inlined
def _prefetch_path(pos, centers, kept, path_starts, path_nodes, path_labels):  # type: ignore[no-untyped-def]
    """Call for what tells of the paths of later windows: first where they are, then what they are."""
    later = pos + AHEAD
    if later + AHEAD < centers:
        prefetch(path_starts, np.int64(kept[later + AHEAD]))
    if later < centers:
        first, last = path_starts[kept[later]], path_starts[kept[later] + 1] - 1
        prefetch(path_nodes, first)
        prefetch(path_nodes, last)
        prefetch(path_labels, first)
        prefetch(path_labels, last)


@inlined
def _prefetch_step(  # type: ignore[no-untyped-def]
    step, windows, reach, centers, kept, negatives, noise, has_paths, path_starts, path_nodes, path_labels,
    input_table, output_table, first_hot, hot, dim,
):  # fmt: skip
    """Call for the rows that a step needs and those before it did not, and for the paths of later ones."""
    first = step * windows
    if has_paths:
        _prefetch_path(first, centers, kept, path_starts, path_nodes, path_labels)
    for pos in range(first, min(first + windows, centers)):
        target_id = kept[pos]
        if has_paths:
            # The first nodes are on every path, and in the cache.
            for place in range(path_starts[target_id] + CACHED_NODES, path_starts[target_id + 1]):
                _prefetch_output(np.int64(path_nodes[place]), output_table, first_hot, hot, dim)
        else:
            _prefetch_output(np.int64(target_id), output_table, first_hot, hot, dim)
        if pos + reach < centers:
            _prefetch_row(input_table, np.int64(kept[pos + reach]) * dim, dim)
    if first < centers:
        for place in range(step * negatives, (step + 1) * negatives):
            _prefetch_output(np.int64(noise[place]), output_table, first_hot, hot, dim)


@compiled
def train_logistic(  # type: ignore[no-untyped-def]
    kept_ids,
    window_starts,
    window_stops,
    negative_ids,
    path_starts,
    path_nodes,
    path_labels,
    pools,
    averages,
    scales_step,
    alphas,
    input_vectors,
    output_vectors,
    offsets_scratch,
    scratch,
    rows,
    width,
    windows,
    hot,
    most_uses,
    share,
    wants_loss,
    learns,
):
    """Negative sampling or hierarchical softmax over one block; returns (loss in nats, predictions it is the sum of).

    Parameters
    ----------
    kept_ids : int32 (N,) · window_starts, window_stops : int32 (N,) · negative_ids : int32 (steps, K)
    path_starts, path_nodes, path_labels : int64, int32, int8, see `huffman.Paths`; empty for negative sampling
    pools : the context rows predict together (CBOW), not each for itself · averages : by their mean, not their sum
    scales_step : a row's step is n × the mean's gradient
    alphas : float64 (N,), the learning rate at each window; a step takes its first one's
    input_vectors, output_vectors : float (rows, D), D a multiple of LANES; changed in place
    offsets_scratch : int64 · scratch : float, zeros from a cache line on; as long as `scratch_sizes` says
    rows, width : of the widest step, see `scratch_shape` · windows : of a step
    hot : so many output rows, the first of words or the last of nodes, are trained in a copy of this thread's
    most_uses : of a copy before it settles with the table, by `share` of what it has moved; all do at the end
    wants_loss : whether the loss before each step is summed up; else both results are 0
    learns : whether the tables change; without it only the loss is measured, and `hot` must be 0
    """
    centers, negatives, dim = kept_ids.shape[0], negative_ids.shape[1], input_vectors.shape[1]
    has_paths = path_starts.shape[0] > 0
    kept, starts, stops, rates = address(kept_ids), address(window_starts), address(window_stops), address(alphas)
    noise, path_start = address(negative_ids), address(path_starts)
    path_node, path_label = address(path_nodes), address(path_labels)
    input_table, output_table = address(input_vectors), address(output_vectors)
    input_offsets = address(offsets_scratch)
    output_offsets = shifted(input_offsets, rows)
    hidden = address(scratch)
    hidden_sums = shifted(hidden, dim)
    weight = shifted(hidden_sums, dim)
    alpha = shifted(weight, LANES)
    labels = shifted(alpha, LANES)
    terms = shifted(labels, width)
    scores = shifted(terms, width)
    counts = shifted(scores, rows * width)
    patterns = shifted(counts, rows * width)
    inputs = shifted(patterns, (windows + 1) * width)
    moves = shifted(inputs, rows * dim)
    hot_rows = shifted(moves, width * LANES)
    # Before them is the idle row.
    copies = distance(output_table, hot_rows) + dim
    uses = shifted(output_offsets, width)
    # Words are in falling order of count where any are hot; the nodes near the root are always the last.
    first_hot = output_vectors.shape[0] - hot if has_paths else 0
    shares = shifted(alpha, 1)
    shares[0] = share
    reach = _reach(centers, stops)
    ahead = max(1, AHEAD // windows)
    loss, predictions = 0.0, 0
    # A path has no node twice. With noise, whole steps whose outputs differ have the same labels and counts.
    distinct = has_paths
    for step in range((centers + windows - 1) // windows):
        first = step * windows
        last = min(first + windows, centers)
        pairs = 0
        for pos in range(first, last):
            pairs += stops[pos] - starts[pos] - 1
        if pairs == 0:
            continue
        stride = 0
        if pools or has_paths:
            count = window_inputs(first, kept, starts, stops, dim, input_offsets)
        if has_paths and pools:
            tiles = path_outputs(
                kept[first], path_start, path_node, path_label, POOLED_TILE, output_offsets, labels, counts
            )
        elif has_paths:
            tiles = path_outputs(kept[first], path_start, path_node, path_label, TILE, output_offsets, labels, counts)
        elif pools:
            tiles = noise_outputs(kept[first], noise, step * negatives, negatives, output_offsets)
            differed, distinct = distinct, tiles == 1 and all_differ(output_offsets, POOLED_TILE)
            if not (differed and distinct):
                count_noise(tiles, negatives, output_offsets, labels, counts)
        else:
            tiles = step_outputs(first, last, kept, noise, step * negatives, negatives, output_offsets)
            differed, distinct = distinct, tiles == 1 and last - first == windows and all_differ(output_offsets, TILE)
            if not (differed and distinct):
                count_step(last - first, tiles, negatives, output_offsets, labels, patterns)
            count = step_inputs(first, last, kept, starts, stops, tiles, dim, input_offsets, patterns, counts)
            stride = tiles * CELL
        _place_outputs(
            tiles * (POOLED_TILE if pools else TILE), output_offsets, output_table, first_hot, hot, copies, uses,
            most_uses, shares, dim,
        )  # fmt: skip
        if wants_loss:
            predictions += 1 if pools else pairs
        alpha[0] = rates[first]
        if pools:
            weight[0] = 1 / count if averages else 1
            _pool_rows(input_table, input_offsets, count, dim, weight, hidden)
            loss += pooled_errors(
                hidden, output_table, output_offsets, labels, counts, alpha, tiles, dim, scores, terms, wants_loss
            )
        else:
            loss += logistic_errors(
                input_table, input_offsets, count, output_table, output_offsets, labels, counts, stride, alpha, tiles,
                dim, inputs, scores, terms, wants_loss,
            )  # fmt: skip
        # While the processor waits for the errors (CBOW: 10 to 14 % faster than at the start of the step). Where there
        # was nothing to train, nothing is called for either, and the rows of a later step will have to be waited for.
        _prefetch_step(
            step + ahead, windows, reach, centers, kept, negatives, noise, has_paths, path_start, path_node,
            path_label, input_table, output_table, first_hot, hot, dim,
        )  # fmt: skip
        if not learns:
            continue
        if pools:
            pooled_update(tiles, distinct, dim, hidden, hidden_sums, output_table, output_offsets, scores)
            if scales_step:
                weight[0] = 1
            _add_to_rows(input_table, input_offsets, count, dim, weight, hidden_sums)
        else:
            logistic_update(
                count, tiles, distinct, dim, input_table, input_offsets, output_table, output_offsets, inputs, scores,
                moves,
            )  # fmt: skip
    for i in range(hot):
        if uses[i] > 0:
            _settle(output_table, (first_hot + i) * dim, copies + 2 * i * dim, shares, dim)
    return loss, predictions


def scratch_shape(most_inputs: int, most_outputs: int) -> tuple[int, int]:
    """Input rows of a step, with room for the twin of an odd one out, and numbers in the cells of a pair of them."""
    return most_inputs + 1, (most_outputs + POOLED_TILE - 1) // POOLED_TILE * CELL


def scratch_sizes(rows: int, width: int, windows: int, hot: int, dim: int) -> tuple[int, int]:
    """How many numbers `offsets_scratch` and `scratch` have."""
    vectors = 2 * dim + 2 * LANES + (rows + 2 * hot + 1) * dim + width * LANES
    return rows + width + hot, vectors + (2 + 2 * rows + windows + 1) * width
