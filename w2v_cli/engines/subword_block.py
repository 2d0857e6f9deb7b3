"""Training over a block with parts of words, compiled: a word is a list of input rows, and predicts through their mean.

One kernel serves both models and both losses. In skip-gram, the center predicts each of its context words: its rows are
gathered once, their mean is scored against all context words and the noise words that these share, and the rows move
once. fastText gathers and moves them for every pair. In CBOW, the mean is over all rows of all context words, as in
fastText, and predicts the center.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, inlined
from w2v_cli.compute.simd import addresses, prefetch
from w2v_cli.engines.arguments import CELL, MEAN_TILE
from w2v_cli.engines.block import AHEAD, context_words, prefetch_output, prefetch_row, reach_of
from w2v_cli.engines.gather import all_differ
from w2v_cli.engines.private_copies import locate_outputs, merge_all, replace_frozen_inputs
from w2v_cli.engines.step import mean_errors, mean_of_rows, mean_update, move_inputs


@compiled
def train_subwords(windows, parts, tree, tables, scratch, flags):
    """Train with parts of words over one block; return (loss in nats, predictions that it is the sum of).

    Parameters
    ----------
    windows, tree, tables, scratch, flags : see `arguments`. The tree is empty with negative sampling.
    parts : the input rows of each word, see `subwords.rows.WordRows`.
    """
    w, p, n, t, s = addresses(windows), addresses(parts), addresses(tree), addresses(tables), addresses(scratch)
    reach = reach_of(w)
    loss, predictions = 0.0, 0
    for pos in range(w.centers):
        contexts = context_words(w, pos, pos + 1)
        if contexts == 0:
            continue
        count = _input_rows(w, p, t, s, pos, flags.means)
        if count == 0:
            continue
        replace_frozen_inputs(t, s, count)
        outputs = _path_outputs(w, n, s, pos, flags.means) if flags.paths else _word_outputs(w, s, pos, flags.means)
        tiles = _pad_outputs(s, outputs)
        repeats = tiles > 1 or not all_differ(s.output_offsets, MEAN_TILE)
        locate_outputs(t, s, tiles * MEAN_TILE)
        if flags.wants_loss:
            predictions += 1 if flags.means else contexts
        weight = 1 / count
        mean_of_rows(t, s, count, weight)
        loss += mean_errors(t, s, s.counts, tiles, w.alphas[pos], flags.wants_loss)
        _prefetch_window(w, p, t, pos + AHEAD, reach, flags)
        if flags.learns:
            mean_update(t, s, tiles, repeats)
            move_inputs(t, s, count, 1.0 if flags.scales_step else weight)
    merge_all(t, s)
    return loss, predictions


@inlined
def _input_rows(w, p, t, s, pos, means):
    """Write the offsets of all rows of the words that predict; return how many there are."""
    count = 0
    first, last = (w.starts[pos], w.stops[pos]) if means else (pos, pos + 1)
    for word_pos in range(first, last):
        if word_pos != pos or not means:
            word_id = w.kept_ids[word_pos]
            for at in range(p.offsets[word_id], p.offsets[word_id + 1]):
                s.input_offsets[count] = np.int64(p.rows[at]) * t.dim
                count += 1
    return count


@inlined
def _word_outputs(w, s, pos, means):
    """Write the targets of a window and its noise words, with their labels and counts; return how many there are."""
    outputs = 0
    first, last = (pos, pos + 1) if means else (w.starts[pos], w.stops[pos])
    for target_pos in range(first, last):
        if target_pos != pos or means:
            _write_output(s, outputs, w.kept_ids[target_pos], 1, 1)
            outputs += 1
    targets = outputs
    for i in range(pos * w.negatives, (pos + 1) * w.negatives):
        # word2vec.c: noise that is the target is dropped.
        count = 0
        for j in range(targets):
            count += s.output_offsets[j] != w.noise_ids[i]
        _write_output(s, outputs, w.noise_ids[i], 0, count)
        outputs += 1
    return outputs


@inlined
def _path_outputs(w, tree, s, pos, means):
    """Write the nodes on the paths of all targets of a window, as `_word_outputs` does."""
    outputs = 0
    first, last = (pos, pos + 1) if means else (w.starts[pos], w.stops[pos])
    for target_pos in range(first, last):
        if target_pos != pos or means:
            target_id = w.kept_ids[target_pos]
            for at in range(tree.starts[target_id], tree.starts[target_id + 1]):
                _write_output(s, outputs, tree.node_ids[at], tree.labels[at], 1)
                outputs += 1
    return outputs


@inlined
def _pad_outputs(s, outputs):
    """Fill the last tile with rows that do not count; return the number of tiles."""
    tiles = (outputs + MEAN_TILE - 1) // MEAN_TILE
    for j in range(outputs, tiles * MEAN_TILE):
        _write_output(s, j, -1 - j, 0, 0)
    return tiles


@inlined
def _write_output(s, j, row, label, count):
    """Write output number j. There is no second input: the second half of each cell stays 0."""
    cell = j // MEAN_TILE * CELL + j % MEAN_TILE
    s.output_offsets[j], s.labels[cell], s.counts[cell] = row, label, count


@inlined
def _prefetch_window(w, p, t, pos, reach, flags):
    """Prefetch the rows that a later window needs and those before it did not, and which rows a still later one has."""
    if pos + AHEAD < w.centers:
        offset = p.offsets[w.kept_ids[pos + AHEAD]]
        prefetch(p.rows, offset)
        prefetch(p.rows, offset + 16)
    if pos < w.centers:
        entering = min(pos + reach, w.centers - 1)
        inputs, target = (entering, pos) if flags.means else (pos, entering)
        word_id = w.kept_ids[inputs]
        for at in range(p.offsets[word_id], p.offsets[word_id + 1]):
            prefetch_row(t.inputs, np.int64(p.rows[at]) * t.dim, t.dim)
        if not flags.paths:
            prefetch_output(t, np.int64(w.kept_ids[target]))
            for i in range(pos * w.negatives, (pos + 1) * w.negatives):
                prefetch_output(t, np.int64(w.noise_ids[i]))
