"""Training over a block with parts of words, compiled: a word is a list of input rows, and predicts through their mean.

One kernel serves both models and both losses. In skip-gram, the center predicts each of its context words, and each of
these predictions is a step, as in fastText. The windows of one word follow each other (`word_order`): its rows are
gathered for the first of them, and moved after the last. In between, each step moves the mean by as much as it moves
when the rows do, so that this is the same as to gather and move the rows for every step. In CBOW, the mean is over all
rows of all context words, as in fastText, and predicts the center.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, inlined
from w2v_cli.compute.simd import addresses, prefetch
from w2v_cli.engines.arguments import MEAN_TILE
from w2v_cli.engines.block import AHEAD, context_words, prefetch_output, write_usual_window
from w2v_cli.engines.gather import all_differ, mean_counts, mean_outputs, path_counts, path_outputs
from w2v_cli.engines.private_copies import locate_input, locate_outputs
from w2v_cli.engines.step import follow_step, forget_steps, mean_errors, mean_of_rows, mean_update, move_inputs
from w2v_cli.engines.word_order import word_by_word

# How many windows of a word are trained before its rows move, so that other threads see what it has learnt.
MOST_WINDOWS = 32
# How many windows ahead noise words are prefetched. A window uses its own and those of the next windows: as many as it
# has context words.
NOISE_AHEAD = 8


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
    if not flags.paths:
        write_usual_window(w, s)
    while first < w.centers:
        last = first + 1 if flags.means else _last_window(w, order, first)
        count = _input_rows(w, p, t, s, order[first], flags.means)
        if count > 0:
            weight = 1 / count
            scale = 1.0 if flags.scales_step else weight
            share = 0.0 if flags.means else scale * weight * _equal_pairs(t, p, s, w.kept_ids[order[first]])
            mean_of_rows(t, s, count, weight)
            forget_steps(t, s)
            for i in range(first, last):
                pos, noise = order[i], i
                if i + 2 * AHEAD < w.centers:
                    _prefetch_window(w, order[i + 2 * AHEAD])
                if i + AHEAD < w.centers:
                    _prefetch_targets(w, t, s, order[i + AHEAD], flags)
                if i + NOISE_AHEAD < w.centers and not flags.paths:
                    _prefetch_noise(w, t, s, i + NOISE_AHEAD)
                start, stop = (pos, pos + 1) if flags.means else (w.starts[pos], w.stops[pos])
                if context_words(w, pos, pos + 1) == 0:
                    stop = start
                for target_pos in range(start, stop):
                    if target_pos == pos and not flags.means:
                        continue
                    counts, repeats = s.counts, False
                    if flags.paths:
                        tiles = path_outputs(n, t, s, w.kept_ids[target_pos], MEAN_TILE)
                        if flags.wants_loss:
                            path_counts(n, s, w.kept_ids[target_pos])
                    else:
                        tiles = mean_outputs(w, s, target_pos, noise)
                        noise = noise + 1 if noise + 1 < w.centers else 0
                        repeats = tiles > 1 or not all_differ(s.output_offsets, MEAN_TILE)
                        if repeats:
                            mean_counts(counts, s.output_offsets, w.negatives, tiles)
                        else:
                            counts = s.usual_counts
                        locate_outputs(t, s, tiles * MEAN_TILE)
                    predictions += flags.wants_loss
                    loss += mean_errors(t, s, counts, tiles, w.alphas[pos], flags.wants_loss)
                    if flags.learns:
                        mean_update(t, s, tiles, repeats)
                        follow_step(t, s, share)
            if flags.learns:
                move_inputs(t, s, s.moved, count, scale)
        first = last
    return loss, predictions


@inlined
def _last_window(w, order, first):
    """Return where the windows of a word end that are trained before its rows move."""
    last, limit = first + 1, min(first + MOST_WINDOWS, w.centers)
    while last < limit and w.kept_ids[order[last]] == w.kept_ids[order[first]]:
        last += 1
    return last


@inlined
def _equal_pairs(t, p, s, word_id):
    """Return how many pairs of a word's rows are the same row, each paired with itself too: n, if none is repeated.

    Frozen rows are not counted, because they do not move, and others as often as the rate of their row says.
    """
    pairs, first, last = 0.0, p.offsets[word_id], p.offsets[word_id + 1]
    for a in range(first, last):
        if t.freezes is None or not t.frozen_inputs[p.rows[a]]:
            equal = 0
            for b in range(first, last):
                equal += p.rows[a] == p.rows[b]
            pairs += equal if t.rated is None else equal * s.input_rates[a - first]
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
                locate_input(t, s, count, p.rows[at])
                count += 1
    return count


@inlined
def _prefetch_window(w, pos):
    """Prefetch what is known of a later window. In the text, it is not near the windows before it."""
    prefetch(w.kept_ids, pos)
    prefetch(w.starts, pos)
    prefetch(w.stops, pos)
    prefetch(w.alphas, pos)


@inlined
def _prefetch_targets(w, t, s, pos, flags):
    """Prefetch the targets of a later window.

    Its input rows are not prefetched: so many prefetches at once only make the processor wait for them (measured:
    help/design.md, "Parts of words").
    """
    if not flags.paths:
        first, last = (pos, pos + 1) if flags.means else (w.starts[pos], w.stops[pos])
        for target_pos in range(first, last):
            prefetch_output(t, s, np.int64(w.kept_ids[target_pos]))


@inlined
def _prefetch_noise(w, t, s, number):
    """Prefetch the noise words that a later window uses first."""
    for i in range(number * w.negatives, (number + 1) * w.negatives):
        prefetch_output(t, s, np.int64(w.noise_ids[i]))
