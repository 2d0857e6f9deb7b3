"""Which rows a step trains, and how often each output counts: ids in, rows and counts out.

`output_offsets` holds row numbers here; those of padding are below 0. Labels, counts and scores are laid out in cells
(see `arguments`): output j of a tile is number j of a cell for the first input of a pair, and number TOTALS + j for the
second.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import helper, inlined
from w2v_cli.compute.tiles import TOTALS, add_totals, clear_totals, write_halves
from w2v_cli.engines.arguments import CELL, MEAN_TILE, PAIR, PAIR_TILE
from w2v_cli.engines.private_copies import locate_input, locate_node


@inlined
def window_inputs(w, t, s, pos):
    """Write the offsets of one window's context words; return how many there are."""
    count = 0
    for context_pos in range(w.starts[pos], w.stops[pos]):
        if context_pos != pos:
            locate_input(t, s, count, w.kept_ids[context_pos])
            count += 1
    return count


@inlined
def mean_outputs(w, s, pos, noise):
    """Write the rows of the word at `pos` and of its noise, padded to whole tiles; return the number of tiles.

    `noise` is the number of its noise words among those of the block.
    """
    tiles = (1 + w.negatives + MEAN_TILE - 1) // MEAN_TILE
    s.output_offsets[0] = w.kept_ids[pos]
    for j in range(1, tiles * MEAN_TILE):
        s.output_offsets[j] = w.noise_ids[noise * w.negatives + j - 1] if j <= w.negatives else -j
    return tiles


@helper
def mean_counts(counts, rows, negatives, tiles):
    """Write how often one target and its noise count. There is no second input: its counts stay 0."""
    for j in range(tiles * MEAN_TILE):
        # word2vec.c: noise that is the target is dropped.
        is_noise = 0 < j <= negatives and rows[j] != rows[0]
        counts[j // MEAN_TILE * CELL + j % MEAN_TILE] = j == 0 or is_noise


@inlined
def step_outputs(w, s, step, first, last):
    """Write the rows of a skip-gram step's targets and noise, padded to whole tiles; return the number of tiles."""
    targets, noise = last - first, step * w.negatives
    tiles = (targets + w.negatives + PAIR_TILE - 1) // PAIR_TILE
    for j in range(tiles * PAIR_TILE):
        if j < targets:
            s.output_offsets[j] = w.kept_ids[first + j]
        elif j < targets + w.negatives:
            s.output_offsets[j] = w.noise_ids[noise + j - targets]
        else:
            s.output_offsets[j] = -j
    return tiles


@helper
def step_patterns(patterns, rows, targets, negatives, tiles):
    """Write, for each window of a skip-gram step, how often each output counts for its inputs, after one of zeros."""
    for j in range(tiles * PAIR_TILE):
        is_noise = targets <= j < targets + negatives
        pattern = (j // PAIR_TILE + tiles) * TOTALS + j % PAIR_TILE
        for window in range(targets):
            # word2vec.c: noise that is the target is dropped.
            patterns[pattern] = j == window or (is_noise and rows[j] != rows[window])
            pattern += tiles * TOTALS


@inlined
def step_inputs(w, t, s, patterns, first, last, tiles):
    """Write the offsets and the counts of the words in a skip-gram step's windows; return how many words there are."""
    start, stop = w.starts[first], w.stops[first]
    for pos in range(first + 1, last):
        start, stop = min(start, w.starts[pos]), max(stop, w.stops[pos])
    size = tiles * TOTALS
    for context_pos in range(start, stop):
        i = context_pos - start
        locate_input(t, s, i, w.kept_ids[context_pos])
        cells = i // PAIR * tiles * CELL + i % PAIR * TOTALS
        for tile in range(tiles):
            clear_totals(s.counts, cells + tile * CELL)
        for pos in range(first, last):
            # A branch on this could not be predicted, so a window that does not contain the word adds zeros.
            inside = (w.starts[pos] <= context_pos) & (context_pos < w.stops[pos]) & (context_pos != pos)
            pattern = (pos - first + 1) * size if inside else 0
            for tile in range(tiles):
                add_totals(s.counts, cells + tile * CELL, patterns, pattern + tile * TOTALS)
    return stop - start


@helper
def target_labels(labels, targets, tiles, tile):
    """Write the labels of a step whose first outputs are targets and whose others are noise."""
    for j in range(tiles * tile):
        cell = j // tile * CELL + j % tile
        labels[cell] = labels[cell + TOTALS] = j < targets


@inlined
def path_outputs(tree, t, s, target_id, tile):
    """Write where the rows of a path's nodes begin, their rates and their labels; return the number of tiles."""
    first = tree.starts[target_id]
    tiles = tree.starts[target_id + 1] - first
    for i in range(tiles):
        at = (first + i) * TOTALS
        for j in range(tile):
            locate_node(t, s, i * tile + j, np.int64(tree.node_ids[at + j]))
        write_halves(s.labels, i * CELL, tree.labels, at)
        if tile == PAIR_TILE:
            write_halves(s.labels, i * CELL + TOTALS, tree.labels, at)
    return tiles


@inlined
def path_counts(tree, s, target_id):
    """Write that the padding of a path does not count, for the loss. A step has no use for it: its error is 0."""
    first = tree.starts[target_id]
    for i in range(tree.starts[target_id + 1] - first):
        for j in range(TOTALS):
            is_node = tree.labels[(first + i) * TOTALS + j] != 1
            s.counts[i * CELL + j] = s.counts[i * CELL + TOTALS + j] = is_node


@inlined
def all_differ(rows, count):
    """Return whether none of the first `count` rows is repeated."""
    same = False
    for a in range(count):
        for b in range(a):
            same |= rows[a] == rows[b]
    return not same
