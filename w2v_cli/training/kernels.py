"""Training over a block, compiled: arrays in, arrays changed; window after window, one of the steps of `steps`."""

from __future__ import annotations

import numpy as np

from w2v_cli.jit import compiled
from w2v_cli.simd import (
    LANES,
    add,
    address,
    constant,
    distance,
    load,
    multiply,
    prefetch,
    shifted,
    spread,
    store,
)
from w2v_cli.training.parameters import CACHE_LINE_BYTES
from w2v_cli.training.steps import CELL, TILE, logistic_step, pooled_step, set_output

# Windows between the call for a row and its use: one would be too late, more find it gone.
AHEAD = 2
# Nodes at the start of a path that are in the cache anyway.
CACHED_NODES = 8


@compiled(forceinline=True)
def _noise_outputs(  # type: ignore[no-untyped-def]
    target_id, negative_ids, first, negatives, dim, alpha, output_offsets, labels, scales
):
    """Negative sampling: the target and its noise, filled up with the target; returns how many outputs."""
    m = (negatives + TILE) // TILE * TILE
    for j in range(m):
        negative = 0 < j <= negatives
        output_id = negative_ids[first + j - 1] if negative else target_id
        output_offsets[j] = np.int64(output_id) * dim
        # word2vec.c: a noise word that is the target is dropped.
        counts = j == 0 or (negative and output_id != target_id)
        set_output(j, j == 0, alpha if counts else 0, labels, scales)
    return m


@compiled(forceinline=True)
def _path_outputs(  # type: ignore[no-untyped-def]
    target_id, path_starts, path_nodes, path_labels, first_hot, hot_place, dim, alpha, output_offsets, labels, scales
):
    """Hierarchical softmax: the nodes of the target's path, filled up with the first; returns how many outputs.

    Nodes from `first_hot` on are taken from `hot_place`.
    """
    first = path_starts[target_id]
    nodes = path_starts[target_id + 1] - first
    m = (nodes + TILE - 1) // TILE * TILE
    for j in range(nodes):
        node = np.int64(path_nodes[first + j])
        output_offsets[j] = node * dim if node < first_hot else hot_place + (node - first_hot) * dim
        set_output(j, path_labels[first + j], alpha, labels, scales)
    for j in range(nodes, m):
        output_offsets[j] = output_offsets[0]
        set_output(j, 0, 0, labels, scales)
    return m


@compiled(forceinline=True)
def _pool_rows(table, offsets, count, dim, weight, hidden):  # type: ignore[no-untyped-def]
    """hidden = weight·Σ rows; the weight is an array of one."""
    for k in range(0, dim, LANES):
        total = constant(hidden, 0)
        for i in range(count):
            total = add(total, load(table, offsets[i] + k))
        store(hidden, k, multiply(spread(weight, 0), total))


@compiled(forceinline=True)
def _add_to_rows(table, offsets, count, dim, weight, step):  # type: ignore[no-untyped-def]
    """Each row += weight·step; step becomes 0."""
    for k in range(0, dim, LANES):
        moved = multiply(spread(weight, 0), load(step, k))
        store(step, k, constant(step, 0))
        for i in range(count):
            store(table, offsets[i] + k, add(load(table, offsets[i] + k), moved))


@compiled(forceinline=True)
def _prefetch_row(table, offset, dim):  # type: ignore[no-untyped-def]
    for k in range(0, dim, CACHE_LINE_BYTES // 4):
        prefetch(table, offset + k)


@compiled(forceinline=True)
def _prefetch_window(  # type: ignore[no-untyped-def]
    pos, reach, centers, kept, negatives, negative_ids, has_paths, path_starts, path_nodes, inputs, outputs, dim
):
    """Call for the rows that the window at `pos` needs and those before it did not."""
    if pos >= centers:
        return
    target_id = kept[pos]
    if has_paths:
        # The first nodes are on every path, and in the cache.
        for place in range(path_starts[target_id] + CACHED_NODES, path_starts[target_id + 1]):
            _prefetch_row(outputs, np.int64(path_nodes[place]) * dim, dim)
    else:
        _prefetch_row(outputs, np.int64(target_id) * dim, dim)
        for place in range(pos * negatives, (pos + 1) * negatives):
            if negative_ids[place] != negative_ids[place - negatives]:
                _prefetch_row(outputs, np.int64(negative_ids[place]) * dim, dim)
    if pos + reach < centers:
        _prefetch_row(inputs, np.int64(kept[pos + reach]) * dim, dim)


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
    hot,
    share,
    loss_every,
):
    """Negative sampling or hierarchical softmax over one block; returns (loss in nats, predictions it is the sum of).

    Parameters
    ----------
    kept_ids : int32 (N,) · window_starts, window_stops : int32 (N,) · negative_ids : int32 (N, K)
    path_starts, path_nodes, path_labels : int64, int32, int8, see `huffman.Paths`; empty for negative sampling
    pools : the context rows predict together (CBOW), not each for itself · averages : by their mean, not their sum
    scales_step : a row's step is n × the mean's gradient
    alphas : float64 (N,), the learning rate of each window
    input_vectors, output_vectors : float (rows, D), D a multiple of LANES; changed in place
    offsets_scratch : int64 · scratch : float, zeros; as long as `scratch_sizes` says
    rows, width : of the widest window, see `scratch_shape`
    hot : so many nodes near the root are trained in a copy, and `share` of what they moved is added in the end
    loss_every : the loss is taken at every so manieth window
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
    labels = shifted(weight, LANES)
    scales = shifted(labels, width)
    terms = shifted(scales, width)
    scores = shifted(terms, width)
    inputs = shifted(scores, rows * width)
    outputs = shifted(inputs, rows * dim)
    hot_rows = shifted(outputs, width * dim)
    hot_before = shifted(hot_rows, hot * dim)
    first_hot = output_vectors.shape[0] - hot
    shared_rows = shifted(output_table, first_hot * dim)
    for k in range(hot * dim):
        hot_rows[k] = hot_before[k] = shared_rows[k]
    hot_place = distance(output_table, hot_rows)
    reach = 0
    for pos in range(centers):
        reach = max(reach, stops[pos] - 1 - pos)
    loss, predictions = 0.0, 0
    for pos in range(centers):
        _prefetch_window(
            pos + AHEAD, reach, centers, kept, negatives, noise, has_paths, path_start, path_node, input_table,
            output_table, dim,
        )  # fmt: skip
        count = 0
        for context_pos in range(starts[pos], stops[pos]):
            if context_pos != pos:
                input_offsets[count] = np.int64(kept[context_pos]) * dim
                count += 1
        if count == 0:
            continue
        target_id, alpha = kept[pos], rates[pos]
        if has_paths:
            m = _path_outputs(
                target_id, path_start, path_node, path_label, first_hot, hot_place, dim, alpha, output_offsets, labels,
                scales,
            )  # fmt: skip
        else:
            m = _noise_outputs(target_id, noise, pos * negatives, negatives, dim, alpha, output_offsets, labels, scales)
        wants_loss = pos % loss_every == 0
        if pools:
            weight[0] = 1 / count if averages else 1
            _pool_rows(input_table, input_offsets, count, dim, weight, hidden)
            loss += pooled_step(
                hidden, hidden_sums, output_table, output_offsets, labels, scales, m, dim, scores, terms, wants_loss
            )
            if scales_step:
                weight[0] = 1
            _add_to_rows(input_table, input_offsets, count, dim, weight, hidden_sums)
        else:
            loss += logistic_step(
                input_table, input_offsets, count, output_table, output_offsets, labels, scales, m, dim, inputs,
                outputs, scores, terms, wants_loss,
            )  # fmt: skip
        if wants_loss:
            predictions += 1 if pools else count
    for k in range(hot * dim):
        shared_rows[k] += share * (hot_rows[k] - hot_before[k])
    return loss, predictions


def scratch_shape(most_inputs: int, most_outputs: int) -> tuple[int, int]:
    """Input rows of a window, with room for the twin of an odd one out, and numbers in the cells of a pair of them."""
    return most_inputs + 1, (most_outputs + TILE - 1) // TILE * CELL


def scratch_sizes(rows: int, width: int, hot: int, dim: int) -> tuple[int, int]:
    """How many numbers `offsets_scratch` and `scratch` have."""
    return rows + width, 2 * dim + LANES + 3 * width + rows * width + (rows + width + 2 * hot) * dim
