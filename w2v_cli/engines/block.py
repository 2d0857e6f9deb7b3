"""Training over a block, compiled: one kernel for each kind of step. Arrays go in, and the tables are changed in place.

A kernel visits the windows of its block in order. Each step gathers its rows (`gather`), scores them, prefetches the
rows of a later step while the processor waits for the errors, and moves its rows (`step`).
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, helper, inlined
from w2v_cli.compute.simd import addresses, element_bytes, prefetch, prefetch_to_write
from w2v_cli.compute.tiles import TOTALS
from w2v_cli.engines.arguments import CELL, MEAN_TILE, PAIR_TILE
from w2v_cli.engines.gather import (
    all_differ,
    mean_counts,
    mean_outputs,
    path_counts,
    path_outputs,
    step_inputs,
    step_outputs,
    step_patterns,
    target_labels,
    window_inputs,
)
from w2v_cli.engines.parameters import CACHE_LINE_BYTES
from w2v_cli.engines.private_copies import locate_outputs, offset_of_input, offset_of_node, offset_of_output
from w2v_cli.engines.step import mean_errors, mean_of_rows, mean_update, move_inputs, pair_errors, pair_update

# How many windows ahead to prefetch, or a whole step if it has more windows: with 1 the rows arrive late, with more
# they are evicted before use. The nodes of a path are prefetched that much earlier than their rows, and where the nodes
# are, that much earlier again.
AHEAD = 2
# How many tiles at the start of a path are in the cache anyway, because their nodes are on nearly every path.
CACHED_TILES = 1


@compiled
def train_skipgram(windows, tables, scratch, flags):
    """Train skip-gram with negative sampling over one block; return (loss in nats, predictions that it is the sum of).

    Parameters
    ----------
    windows, tables, scratch, flags : see `arguments`.
    """
    w, t, s = addresses(windows), addresses(tables), addresses(scratch)
    reach, ahead = reach_of(w), max(1, AHEAD // w.per_step)
    loss, predictions = 0.0, 0
    _write_usual_step(w, s)
    for step in range((w.centers + w.per_step - 1) // w.per_step):
        first = step * w.per_step
        last = min(first + w.per_step, w.centers)
        pairs = context_words(w, first, last)
        if pairs == 0:
            continue
        tiles = step_outputs(w, s, step, first, last)
        repeats = tiles > 1 or not all_differ(s.output_offsets, PAIR_TILE)
        patterns = s.usual_patterns
        if last - first < w.per_step:
            # Only the last step can have fewer windows.
            target_labels(s.labels, last - first, tiles, PAIR_TILE)
        if repeats or last - first < w.per_step:
            patterns = s.patterns
            step_patterns(patterns, s.output_offsets, last - first, w.negatives, tiles)
        count = step_inputs(w, t, s, patterns, first, last, tiles)
        locate_outputs(t, s, tiles * PAIR_TILE)
        if flags.wants_loss:
            predictions += pairs
        loss += pair_errors(t, s, count, tiles, tiles * CELL, w.alphas[first], flags.wants_loss)
        _prefetch_step(w, t, s, step + ahead, reach)
        if flags.learns:
            pair_update(t, s, count, tiles, repeats)
    return loss, predictions


@compiled
def train_cbow(windows, tables, scratch, flags):
    """Train CBOW with negative sampling over one block; arguments and results are those of `train_skipgram`."""
    w, t, s = addresses(windows), addresses(tables), addresses(scratch)
    reach = reach_of(w)
    loss, predictions = 0.0, 0
    write_usual_window(w, s)
    for pos in range(w.centers):
        if context_words(w, pos, pos + 1) == 0:
            continue
        count = window_inputs(w, t, s, pos)
        tiles = mean_outputs(w, s, pos, pos)
        repeats = tiles > 1 or not all_differ(s.output_offsets, MEAN_TILE)
        counts = s.usual_counts
        if repeats:
            counts = s.counts
            mean_counts(counts, s.output_offsets, w.negatives, tiles)
        locate_outputs(t, s, tiles * MEAN_TILE)
        predictions += flags.wants_loss
        weight = 1 / count if flags.averages else 1.0
        mean_of_rows(t, s, count, weight)
        loss += mean_errors(t, s, counts, tiles, w.alphas[pos], flags.wants_loss)
        _prefetch_step(w, t, s, pos + AHEAD, reach)
        if flags.learns:
            mean_update(t, s, tiles, repeats)
            move_inputs(t, s, s.hidden_step, count, 1.0 if flags.scales_step else weight)
    return loss, predictions


@compiled
def train_paths(windows, tree, tables, scratch, flags):
    """Train hierarchical softmax over one block, of skip-gram or CBOW; the results are those of `train_skipgram`.

    No path has a node twice, so outputs never repeat.
    """
    w, p, t, s = addresses(windows), addresses(tree), addresses(tables), addresses(scratch)
    reach = reach_of(w)
    loss, predictions = 0.0, 0
    for pos in range(w.centers):
        if context_words(w, pos, pos + 1) == 0:
            continue
        count = window_inputs(w, t, s, pos)
        if flags.means:
            tiles = path_outputs(p, t, s, w.kept_ids[pos], MEAN_TILE)
            if flags.wants_loss:
                path_counts(p, s, w.kept_ids[pos])
                predictions += 1
            weight = 1 / count if flags.averages else 1.0
            mean_of_rows(t, s, count, weight)
            loss += mean_errors(t, s, s.counts, tiles, w.alphas[pos], flags.wants_loss)
            _prefetch_paths(w, p, t, s, pos + AHEAD, reach, MEAN_TILE)
            if flags.learns:
                mean_update(t, s, tiles, False)
                move_inputs(t, s, s.hidden_step, count, 1.0 if flags.scales_step else weight)
        else:
            tiles = path_outputs(p, t, s, w.kept_ids[pos], PAIR_TILE)
            if flags.wants_loss:
                path_counts(p, s, w.kept_ids[pos])
                predictions += count
            loss += pair_errors(t, s, count, tiles, 0, w.alphas[pos], flags.wants_loss)
            _prefetch_paths(w, p, t, s, pos + AHEAD, reach, PAIR_TILE)
            if flags.learns:
                pair_update(t, s, count, tiles, False)
    return loss, predictions


@inlined
def _write_usual_step(w, s):
    """Write the labels and patterns that most skip-gram steps share: the full ones in which no output is repeated."""
    tiles = (w.per_step + w.negatives + PAIR_TILE - 1) // PAIR_TILE
    for j in range(tiles * PAIR_TILE):
        s.output_offsets[j] = j
    target_labels(s.labels, w.per_step, tiles, PAIR_TILE)
    step_patterns(s.usual_patterns, s.output_offsets, w.per_step, w.negatives, tiles)
    # The last step of the block before may have had fewer tiles, so that its patterns began in the zeros of this one's.
    for k in range(tiles * TOTALS):
        s.patterns[k] = 0


@inlined
def write_usual_window(w, s):
    """Write the labels of steps with one target, and the counts of those in which no output is repeated."""
    tiles = (1 + w.negatives + MEAN_TILE - 1) // MEAN_TILE
    for j in range(tiles * MEAN_TILE):
        s.output_offsets[j] = j
    target_labels(s.labels, 1, tiles, MEAN_TILE)
    mean_counts(s.usual_counts, s.output_offsets, w.negatives, tiles)


@inlined
def context_words(w, first, last):
    """Return how many context words the windows of a step have, counted once for each window."""
    words = 0
    for pos in range(first, last):
        words += w.stops[pos] - w.starts[pos] - 1
    return words


@inlined
def reach_of(w):
    """Return how far the widest window reaches beyond its center."""
    reach = 0
    for pos in range(w.centers):
        reach = max(reach, w.stops[pos] - 1 - pos)
    return reach


@helper
def prefetch_row(table, offset, dim):
    """Prefetch the cache lines of the row at an offset."""
    for k in range(0, dim, CACHE_LINE_BYTES // element_bytes(table)):
        prefetch_to_write(table, offset + k)


@inlined
def prefetch_output(t, s, row):
    """Prefetch an output row, or its private copy."""
    prefetch_row(t.outputs, offset_of_output(t, s, row), t.dim)


@inlined
def _prefetch_input(w, t, s, pos):
    """Prefetch the input row of the word at `pos`, or its private copy, if there is such a word."""
    if pos < w.centers:
        prefetch_row(t.inputs, offset_of_input(t, s, np.int64(w.kept_ids[pos])), t.dim)


@inlined
def _prefetch_step(w, t, s, step, reach):
    """Prefetch the rows that a step of negative sampling needs and those before it did not.

    A step without context words prefetches nothing, so that a later one has to wait for its rows.
    """
    first = step * w.per_step
    for pos in range(first, min(first + w.per_step, w.centers)):
        prefetch_output(t, s, np.int64(w.kept_ids[pos]))
        _prefetch_input(w, t, s, pos + reach)
    if first < w.centers:
        for i in range(step * w.negatives, (step + 1) * w.negatives):
            prefetch_output(t, s, np.int64(w.noise_ids[i]))


@inlined
def _prefetch_paths(w, tree, t, s, pos, reach, tile):
    """Prefetch the rows of a window's path, the nodes of a later path, and the offsets of a still later one."""
    later = pos + AHEAD
    if later + AHEAD < w.centers:
        prefetch(tree.starts, np.int64(w.kept_ids[later + AHEAD]))
    if later < w.centers:
        first, last = tree.starts[w.kept_ids[later]] * TOTALS, tree.starts[w.kept_ids[later] + 1] * TOTALS - 1
        prefetch(tree.node_ids, first)
        prefetch(tree.node_ids, last)
        prefetch(tree.labels, first)
        prefetch(tree.labels, last)
    if pos < w.centers:
        for i in range(tree.starts[w.kept_ids[pos]] + CACHED_TILES, tree.starts[w.kept_ids[pos] + 1]):
            for j in range(tile):
                prefetch_row(t.outputs, offset_of_node(t, s, np.int64(tree.node_ids[i * TOTALS + j])), t.dim)
        _prefetch_input(w, t, s, pos + reach)
