"""Training over a block with parts of words, compiled: a word is a list of input rows, and predicts through their mean.

One kernel serves both models and both losses. In skip-gram, the center predicts each of its context words. The windows
of one word follow each other (`word_order`): its rows are gathered for the first of them, and moved after the last. In
between, each step moves the mean by as much as it moves when the rows do, so that this is the same as to gather and
move the rows for every window. fastText does it for every pair of words. In CBOW, the mean is over all rows of all
context words, as in fastText, and predicts the center.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, inlined
from w2v_cli.compute.simd import addresses, prefetch
from w2v_cli.engines.arguments import CELL, MEAN_TILE
from w2v_cli.engines.block import AHEAD, context_words, prefetch_output
from w2v_cli.engines.gather import all_differ, write_input
from w2v_cli.engines.private_copies import locate_outputs, merge_all, replace_frozen_inputs
from w2v_cli.engines.step import follow_step, forget_steps, mean_errors, mean_of_rows, mean_update, move_inputs
from w2v_cli.engines.word_order import word_by_word

# How many windows of a word are trained before its rows move, so that other threads see what it has learnt.
MOST_WINDOWS = 32


@compiled
def train_subwords(windows, parts, tree, tables, scratch, flags):
    """Train with parts of words over one block; return (loss in nats, predictions that it is the sum of).

    Parameters
    ----------
    windows, tree, tables, scratch, flags : see `arguments`. The tree is empty with negative sampling.
    parts : the input rows of each word, see `subwords.rows.WordRows`.
    """
    order = np.arange(windows.centers) if flags.means else word_by_word(windows.kept_ids, len(parts.offsets) - 1)
    w, p, n, t, s = addresses(windows), addresses(parts), addresses(tree), addresses(tables), addresses(scratch)
    loss, predictions, first = 0.0, 0, 0
    while first < w.centers:
        # The mean follows its own steps as if all rows moved, and those that are frozen do not.
        alone = flags.means or t.freezes is not None
        last = first + 1 if alone else _last_window(w, order, first)
        count = _input_rows(w, p, t, s, order[first], flags.means)
        if count > 0:
            replace_frozen_inputs(t, s, count)
            weight = 1 / count
            scale = 1.0 if flags.scales_step else weight
            share = scale * weight * _equal_pairs(t, s, count) if last - first > 1 else 0.0
            mean_of_rows(t, s, count, weight)
            forget_steps(t, s)
            for i in range(first, last):
                pos = order[i]
                contexts = context_words(w, pos, pos + 1)
                if contexts == 0:
                    continue
                if flags.paths:
                    outputs = _path_outputs(w, n, s, pos, flags.means)
                else:
                    outputs = _word_outputs(w, s, pos, flags.means)
                tiles = _pad_outputs(s, outputs)
                repeats = tiles > 1 or not all_differ(s.output_offsets, MEAN_TILE)
                locate_outputs(t, s, tiles * MEAN_TILE)
                if flags.wants_loss:
                    predictions += 1 if flags.means else contexts
                loss += mean_errors(t, s, s.counts, tiles, w.alphas[pos], flags.wants_loss)
                if i + 2 * AHEAD < w.centers:
                    _prefetch_window(w, order[i + 2 * AHEAD])
                if i + AHEAD < w.centers:
                    _prefetch_outputs(w, t, order[i + AHEAD], flags)
                if flags.learns:
                    mean_update(t, s, tiles, repeats)
                    follow_step(t, s, share)
            if flags.learns:
                move_inputs(t, s, s.moved, count, scale)
        first = last
    merge_all(t, s)
    return loss, predictions


@inlined
def _last_window(w, order, first):
    """Return where the windows of a word end that are trained before its rows move."""
    last, limit = first + 1, min(first + MOST_WINDOWS, w.centers)
    while last < limit and w.kept_ids[order[last]] == w.kept_ids[order[first]]:
        last += 1
    return last


@inlined
def _equal_pairs(t, s, count):
    """Return how many pairs of the inputs are the same row, each paired with itself too: n, if no row is repeated.

    A pair counts as often as the rate of its row says.
    """
    pairs = 0.0
    for a in range(count):
        equal = 1
        for b in range(a):
            equal += 2 * (s.input_offsets[a] == s.input_offsets[b])
        pairs += equal if t.rated is None else equal * s.input_rates[a]
    return pairs


@inlined
def _input_rows(w, p, t, s, pos, means):
    """Write the offsets of all rows of the words that predict; return how many there are."""
    count = 0
    first, last = (w.starts[pos], w.stops[pos]) if means else (pos, pos + 1)
    for word_pos in range(first, last):
        if word_pos != pos or not means:
            word_id = w.kept_ids[word_pos]
            for at in range(p.offsets[word_id], p.offsets[word_id + 1]):
                write_input(t, s, count, p.rows[at])
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
def _prefetch_window(w, pos):
    """Prefetch what is known of a later window. In the text, it is not near the windows before it."""
    prefetch(w.kept_ids, pos)
    prefetch(w.starts, pos)
    prefetch(w.stops, pos)
    prefetch(w.alphas, pos)
    prefetch(w.noise_ids, pos * w.negatives)


@inlined
def _prefetch_outputs(w, t, pos, flags):
    """Prefetch the targets and the noise words of a later window.

    Its input rows are not prefetched: so many prefetches at once only make the processor wait for them (measured:
    help/design.md, "Parts of words").
    """
    if not flags.paths:
        first, last = (pos, pos + 1) if flags.means else (w.starts[pos], w.stops[pos])
        for target_pos in range(first, last):
            prefetch_output(t, np.int64(w.kept_ids[target_pos]))
        for i in range(pos * w.negatives, (pos + 1) * w.negatives):
            prefetch_output(t, np.int64(w.noise_ids[i]))
