"""Training over several blocks in one call, compiled: what is random about each block is drawn here as well.

Between two blocks, Python would hold its lock for several hundredths of a millisecond, in which no other thread could
begin a block. That would limit a run to about 25 threads (measured: help/design.md, "Several blocks in one call").
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.files import read_at
from w2v_cli.compute.jit import compiled, inlined
from w2v_cli.compute.random import extended_key
from w2v_cli.compute.simd import number_at
from w2v_cli.corpus.spool import ID_BYTES
from w2v_cli.engines.arguments import Windows
from w2v_cli.engines.block import train_cbow, train_paths, train_skipgram
from w2v_cli.engines.parameters import LARGEST_NUMBER, PROBED_ROWS
from w2v_cli.engines.private_copies import merge_nodes, merge_words
from w2v_cli.engines.sampling import NOISE, WINDOWS, draw_noise, draw_windows
from w2v_cli.engines.subword_block import train_subwords

# What is returned if the ids cannot be read.
UNREAD = -2


@compiled
def train_skipgram_blocks(blocks, draws, room, tables, scratch, flags):
    """Train skip-gram with negative sampling over several blocks.

    Parameters
    ----------
    blocks, draws, room, tables, scratch, flags : see `arguments`.

    Returns
    -------
    The index of the block after which a vector had grown without bound, −1 if none had, or `UNREAD`; and whether any
    window had a context word.
    """
    trained = False
    for i in range(len(blocks.firsts)):
        if not _read(blocks, room, i):
            return UNREAD, trained
        windows = _draw_block(blocks, draws, room, i)
        train_skipgram(windows, tables, scratch, flags)
        trained |= _any_context(windows)
        if _has_diverged(tables, windows):
            return i, trained
    merge_words(tables, scratch)
    return -1, trained


@compiled
def train_cbow_blocks(blocks, draws, room, tables, scratch, flags):
    """Train CBOW with negative sampling over several blocks, as `train_skipgram_blocks` does."""
    trained = False
    for i in range(len(blocks.firsts)):
        if not _read(blocks, room, i):
            return UNREAD, trained
        windows = _draw_block(blocks, draws, room, i)
        train_cbow(windows, tables, scratch, flags)
        trained |= _any_context(windows)
        if _has_diverged(tables, windows):
            return i, trained
    merge_words(tables, scratch)
    return -1, trained


@compiled
def train_paths_blocks(blocks, draws, room, tree, tables, scratch, flags):
    """Train hierarchical softmax over several blocks, as `train_skipgram_blocks` does."""
    trained = False
    for i in range(len(blocks.firsts)):
        if not _read(blocks, room, i):
            return UNREAD, trained
        windows = _draw_block(blocks, draws, room, i)
        train_paths(windows, tree, tables, scratch, flags)
        # The threads' copies of the nodes near the root must not drift apart, because their average is taken.
        merge_nodes(tables, scratch)
        trained |= _any_context(windows)
        if _has_diverged(tables, windows):
            return i, trained
    merge_words(tables, scratch)
    return -1, trained


@compiled
def train_subword_blocks(blocks, draws, room, parts, tree, tables, scratch, flags):
    """Train with parts of words over several blocks, as `train_skipgram_blocks` does."""
    trained = False
    for i in range(len(blocks.firsts)):
        if not _read(blocks, room, i):
            return UNREAD, trained
        windows = _draw_block(blocks, draws, room, i)
        train_subwords(windows, parts, tree, tables, scratch, flags)
        merge_nodes(tables, scratch)
        trained |= _any_context(windows)
        for pos in range(min(windows.centers, PROBED_ROWS)):
            first = parts.offsets[windows.kept_ids[pos]]
            if first < parts.offsets[windows.kept_ids[pos] + 1] and _is_too_large(tables, parts.rows[first]):
                return i, trained
    merge_words(tables, scratch)
    return -1, trained


@inlined
def _read(blocks, room, i):
    """Read the ids of a block into `room`; return whether that worked."""
    wanted, done = (blocks.stops[i] - blocks.firsts[i]) * ID_BYTES, 0
    while done < wanted:
        count = read_at(blocks.file, room.ids.ctypes.data + done, wanted - done, blocks.firsts[i] * ID_BYTES + done)
        if count <= 0:
            return False
        done += count
    return True


@inlined
def _draw_block(blocks, draws, room, i):
    """Draw the windows of a block into `room`, exactly as `Sampler.sample` does, with the learning rate of each."""
    ids = room.ids[: blocks.stops[i] - blocks.firsts[i]]
    boundaries = blocks.boundaries[blocks.boundary_starts[i] : blocks.boundary_stops[i]]
    key = extended_key(blocks.epoch_key, np.uint64(blocks.numbers[i]))
    kept = draw_windows(
        extended_key(key, np.uint64(WINDOWS)), ids, boundaries, blocks.firsts[i], draws.keep_limits, draws.window,
        draws.fixed_window, draws.harmonic, draws.per_step, room.kept_ids, room.starts, room.stops, room.positions,
    )  # fmt: skip
    noise_ids = room.noise_ids[: (kept + draws.per_step - 1) // draws.per_step]
    if noise_ids.size:
        stream = extended_key(key, np.uint64(NOISE))
        draw_noise(stream, draws.pool_words, draws.noise_limits, draws.noise_aliases, noise_ids.reshape(-1))
    alphas = room.alphas[:kept]
    for pos in range(kept):
        done = np.float64(blocks.trained[i] + room.positions[pos]) / draws.total_tokens
        alphas[pos] = draws.alpha_start - (draws.alpha_start - draws.alpha_end) * done
    return Windows(
        room.kept_ids[:kept], room.starts[:kept], room.stops[:kept], noise_ids, alphas,
        kept, draws.per_step, draws.negatives,
    )  # fmt: skip


@inlined
def _any_context(windows):
    """Return whether any window has a context word."""
    pos = 0
    while pos < windows.centers and windows.stops[pos] - windows.starts[pos] <= 1:
        pos += 1
    return pos < windows.centers


@inlined
def _has_diverged(tables, windows):
    """Return whether one of the first rows that a block trained holds a number that is too large, or NaN."""
    diverged = False
    for pos in range(min(windows.centers, PROBED_ROWS)):
        diverged |= _is_too_large(tables, windows.kept_ids[pos])
    return diverged


@inlined
def _is_too_large(tables, number):
    """Return whether an input row holds a number that is too large, or NaN."""
    row, too_large = tables.inputs[number], False
    for k in range(tables.dim):
        # Written so that NaN counts as too large.
        too_large |= not abs(number_at(row, k)) < LARGEST_NUMBER
    return too_large
