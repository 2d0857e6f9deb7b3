"""Which rows a step trains, and how often each output counts: ids in, places and counts out.

`input_offsets` are places in the table, `outputs` numbers of rows, idle ones below 0.
Counts and labels lie as the cells of `steps` do.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import inlined
from w2v_cli.compute.simd import TOTALS, add_totals, clear_totals
from w2v_cli.engines.step import CELL, PAIR, POOLED_TILE, TILE


@inlined
def window_inputs(pos, kept, starts, stops, dim, input_offsets):  # type: ignore[no-untyped-def]
    """The context words of one window; returns how many."""
    count = 0
    for place in range(starts[pos], stops[pos]):
        if place != pos:
            input_offsets[count] = np.int64(kept[place]) * dim
            count += 1
    return count


@inlined
def noise_outputs(target_id, noise, first, negatives, outputs):  # type: ignore[no-untyped-def]
    """CBOW's negative sampling: the rows of target and noise, filled up with idle ones; returns how many tiles."""
    tiles = (negatives + POOLED_TILE) // POOLED_TILE
    outputs[0] = target_id
    for j in range(1, tiles * POOLED_TILE):
        outputs[j] = noise[first + j - 1] if j <= negatives else -j
    return tiles


@inlined
def count_noise(tiles, negatives, outputs, labels, counts):  # type: ignore[no-untyped-def]
    """The labels of `noise_outputs`, and how often each counts."""
    for j in range(tiles * POOLED_TILE):
        # word2vec.c: a noise word that is the target is dropped.
        is_noise = 0 < j <= negatives and outputs[j] != outputs[0]
        set_output(j, POOLED_TILE, j == 0, j == 0 or is_noise, labels, counts)


@inlined
def step_inputs(  # type: ignore[no-untyped-def]
    first, last, kept, starts, stops, tiles, dim, input_offsets, patterns, counts
):
    """The words within a step's windows, and how often each output counts for them; returns how many."""
    start, stop = starts[first], stops[first]
    for pos in range(first + 1, last):
        start, stop = min(start, starts[pos]), max(stop, stops[pos])
    size = tiles * TOTALS
    for place in range(start, stop):
        i = place - start
        input_offsets[i] = np.int64(kept[place]) * dim
        cells = i // PAIR * tiles * CELL + i % PAIR * TOTALS
        for tile in range(tiles):
            clear_totals(counts, cells + tile * CELL)
        for pos in range(first, last):
            # The pattern of a window that does not have this place is all 0.
            inside = (starts[pos] <= place) & (place < stops[pos]) & (place != pos)
            pattern = (pos - first + 1) * size if inside else 0
            for tile in range(tiles):
                add_totals(counts, cells + tile * CELL, patterns, pattern + tile * TOTALS)
    return stop - start


@inlined
def step_outputs(first, last, kept, noise, place, negatives, outputs):  # type: ignore[no-untyped-def]
    """Skip-gram's negative sampling of a step's windows: the rows of their targets and noise, filled up with idle ones.

    Returns how many tiles.
    """
    targets = last - first
    tiles = (targets + negatives + TILE - 1) // TILE
    for j in range(tiles * TILE):
        is_noise = targets <= j < targets + negatives
        outputs[j] = noise[place + j - targets] if is_noise else kept[first + j] if j < targets else -j
    return tiles


@inlined
def count_step(targets, tiles, negatives, outputs, labels, patterns):  # type: ignore[no-untyped-def]
    """The labels of `step_outputs`, and for each window its pattern: how often each output counts for its inputs.

    The patterns come after one of zeros.
    """
    for j in range(tiles * TILE):
        is_noise = targets <= j < targets + negatives
        cell = j // TILE * CELL + j % TILE
        labels[cell] = labels[cell + TOTALS] = j < targets
        pattern = (j // TILE + tiles) * TOTALS + j % TILE
        for window in range(targets):
            # word2vec.c: a noise word that is the target is dropped.
            patterns[pattern] = j == window or (is_noise and outputs[j] != outputs[window])
            pattern += tiles * TOTALS


@inlined
def path_outputs(  # type: ignore[no-untyped-def]
    target_id, path_starts, path_nodes, path_labels, tile, outputs, labels, counts
):
    """Hierarchical softmax: the nodes of the target's path, filled up with idle ones; returns how many tiles."""
    first = path_starts[target_id]
    nodes = path_starts[target_id + 1] - first
    tiles = (nodes + tile - 1) // tile
    for j in range(nodes):
        outputs[j] = path_nodes[first + j]
        set_output(j, tile, path_labels[first + j], 1, labels, counts)
    for j in range(nodes, tiles * tile):
        outputs[j] = -1
        set_output(j, tile, 0, 0, labels, counts)
    return tiles


@inlined
def all_differ(rows, count):  # type: ignore[no-untyped-def]
    """Whether none of the first so many rows is there twice."""
    same = False
    for a in range(count):
        for b in range(a):
            same |= rows[a] == rows[b]
    return not same


@inlined
def set_output(j, tile, label, count, labels, counts):  # type: ignore[no-untyped-def]
    """Label and count of output j in tiles of so many, for both inputs of a pair where the tile is for pairs."""
    place = j // tile * CELL + j % tile
    labels[place], counts[place] = label, count
    if tile == TILE:
        labels[place + TOTALS], counts[place + TOTALS] = label, count
