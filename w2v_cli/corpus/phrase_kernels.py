"""The compiled part of `phrases`: count candidates in hash tables, join the chosen ones, spell the text.

A candidate is a path of words through a tree. Its nodes are numbers: node w < V is the path of the single word w, and
node V + n is the n-th of the longer paths, all of which end with a connector. The step from a node to the next word has
the key node·2³² + word + 1.

A table is an array of pairs (key, value), uint64, in open addressing; key 0 is a free slot. The value is the number of
the node that a step leads to, if its word is a connector. Otherwise the candidate is complete, and the value is its
count (in `Candidates`) or the id of the joined word (in `Joins`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.compute.hashing import SECRET, mix_block, slot_of_hash
from w2v_cli.compute.jit import COMPILES, compiled, helper

if COMPILES:
    from w2v_cli.compute.simd import prefetch_to_write
else:

    def prefetch_to_write(array, offset) -> None:
        """Do nothing: Python has no prefetch."""


FIRST_CAPACITY = 1 << 16
# How many tokens ahead the slot of a candidate is prefetched.
AHEAD = 16
# Words are copied by this many bytes at a time.
EIGHT = 8
ONE, THIRTY_TWO = np.uint64(1), np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)


class WordKinds(NamedTuple):
    """What may stand where in a candidate: connectors inside, and at its ends frequent words that are not connectors.

    Attributes
    ----------
    connectors, frequent : bool (V,).
    """

    connectors: np.ndarray
    frequent: np.ndarray


class Paths(NamedTuple):
    """The longer paths: path n is that of node parents[n] and the connector ends[n]; int64 and int32."""

    parents: np.ndarray
    ends: np.ndarray


class Cursor(NamedTuple):
    """How far counting has come.

    Attributes
    ----------
    pos : the next token · sentence : the next boundary.
    first : the word that a candidate would begin with, −1 for none · node : where the path from it has led.
    size : how many slots are taken · nodes : how many longer paths there are.
    """

    pos: int
    sentence: int
    first: int
    node: int
    size: int
    nodes: int


class Candidates:
    """The candidates that begin with a word whose id is `part` modulo `parts`, and their counts.

    Every thread has candidates of its own, so that they need no locks.

    Parameters
    ----------
    connectors, frequent : bool (V,), see `WordKinds`.
    """

    def __init__(self, connectors: np.ndarray, frequent: np.ndarray, part: int = 0, parts: int = 1) -> None:
        self._kinds = WordKinds(connectors, frequent)
        self._share = (part, parts)
        self._slots = np.zeros(2 * FIRST_CAPACITY, np.uint64)
        self._paths = Paths(np.zeros(FIRST_CAPACITY, np.int64), np.zeros(FIRST_CAPACITY, np.int32))
        self._size = self._nodes = 0

    def count(self, ids: np.ndarray, boundaries: np.ndarray) -> None:
        """Count the candidates of a chunk: ids int32, boundaries int64, where its sentences begin."""
        cursor = Cursor(0, 0, -1, 0, self._size, self._nodes)
        while cursor.pos < len(ids):
            # Without numba, numpy would warn that the hash overflows.
            with np.errstate(over="ignore"):
                cursor = Cursor(
                    *_count(ids, boundaries, self._kinds, self._share, cursor, SECRET, self._slots, self._paths)
                )
            if cursor.size >= len(self._slots) // 4:
                keys = self._slots[0::2] != 0
                self._slots = table_of(self._slots[0::2][keys], self._slots[1::2][keys], cursor.size + 1)
            if cursor.nodes == len(self._paths.ends):
                self._paths = Paths(*(np.concatenate([array, np.zeros_like(array)]) for array in self._paths))
        self._size, self._nodes = cursor.size, cursor.nodes

    def occurring(self, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the candidates that occur at least `least` times.

        Returns
        -------
        Four arrays, int64: the node before the last word, the first word, the last word, and the count of each.
        """
        # This also finds steps to a connector, whose value is a node and not a count. They are left out below.
        used = np.flatnonzero(self._slots[1::2] >= np.uint64(least))
        keys = self._slots[0::2][used] - ONE
        lasts = (keys & LOW_HALF).astype(np.int64)
        whole = ~self._kinds.connectors[lasts]
        nodes, lasts = (keys[whole] >> THIRTY_TWO).astype(np.int64), lasts[whole]
        firsts, words = nodes.copy(), len(self._kinds.connectors)
        while (inside := firsts >= words).any():
            firsts[inside] = self._paths.parents[firsts[inside] - words]
        return nodes, firsts, lasts, self._slots[1::2][used][whole].astype(np.int64)

    def path(self, node: int, last: int) -> tuple[int, ...]:
        """Return the word ids of a candidate, by the node before its last word, and its last word."""
        path, words = [last], len(self._kinds.connectors)
        while node >= words:
            path.append(int(self._paths.ends[node - words]))
            node = int(self._paths.parents[node - words])
        return (node, *reversed(path))


class Joins:
    """The paths that one pass joins, and the word that each becomes.

    Parameters
    ----------
    connectors : bool (V,).
    joined_ids : the id of the joined word for every path of word ids.
    """

    def __init__(self, connectors: np.ndarray, joined_ids: dict[tuple[int, ...], int]) -> None:
        self._connectors = connectors
        entries: dict[int, int] = {}
        nodes = len(connectors)
        for (node, *inside, last), joined_id in joined_ids.items():
            for word in inside:
                key = (node << 32 | word) + 1
                if key not in entries:
                    entries[key] = nodes
                    nodes += 1
                node = entries[key]
            entries[(node << 32 | last) + 1] = joined_id
        keys, values = (np.fromiter(column, np.uint64, len(entries)) for column in (entries.keys(), entries.values()))
        self._slots = table_of(keys, values, len(entries))

    def join(self, ids: np.ndarray, boundaries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a chunk with its phrases joined: ids int32, boundaries int64."""
        joined, joined_boundaries = np.empty_like(ids), np.empty_like(boundaries)
        with np.errstate(over="ignore"):
            size = _join(ids, boundaries, self._connectors, SECRET, self._slots, joined, joined_boundaries)
        return joined[:size], joined_boundaries


def table_of(keys: np.ndarray, values: np.ndarray, capacity: int) -> np.ndarray:
    """Return a table with these keys and values, uint64, that has at least two slots for each of `capacity` entries."""
    slots = np.zeros(4 << max(capacity - 1, 1).bit_length(), np.uint64)
    with np.errstate(over="ignore"):
        _fill(SECRET, slots, keys, values)
    return slots


def spelled(
    ids: np.ndarray, boundaries: np.ndarray, ends_line: bool, word_bytes: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Return a chunk as UTF-8, uint8, with a space after each word, or a newline after the last word of a line.

    Parameters
    ----------
    word_bytes : uint8, all words with nothing between them, and eight more bytes.
    starts : int64 (V + 1,), where each word begins in `word_bytes`.
    """
    size = int(np.diff(starts)[ids].sum()) + len(ids)
    # Words are copied by eight bytes at a time. The next word overwrites what was copied too much; after the last word
    # there must be space for it.
    text = np.empty(size + EIGHT, np.uint8)
    ends = np.full(len(ids), ord(" "), np.uint8)
    ends[boundaries - 1] = ord("\n")
    if ends_line:
        ends[-1:] = ord("\n")
    _spell(ids, ends, word_bytes, starts, text)
    return text[:size]


_mix_block = helper(mix_block)
_slot_of_hash = helper(slot_of_hash)


@helper
def _first_slot(secret, slots, key):
    """Return the index in `slots` where the search for a key begins."""
    slot = _slot_of_hash(_mix_block(secret[0], key, secret), np.uint64(len(slots) // 2))
    return slot + slot


@helper
def _slot_of(secret, slots, key):
    """Return the index of a key, or of the free slot where it belongs. Its value is at the next index."""
    mask = np.uint64(len(slots) - 1)
    slot = _first_slot(secret, slots, key)
    while slots[slot] != np.uint64(0) and slots[slot] != key:
        slot = (slot + ONE + ONE) & mask
    return slot


@compiled
def _fill(secret, slots, keys, values) -> None:
    """Enter keys and values into a table."""
    for i in range(len(keys)):
        slot = _slot_of(secret, slots, keys[i])
        slots[slot], slots[slot + ONE] = keys[i], values[i]


@compiled
def _count(ids, boundaries, kinds, share, cursor, secret, slots, paths):
    """Count candidates from a cursor on, until the end or until half of the slots or all paths are taken.

    Parameters
    ----------
    ids : int32 · boundaries : int64 · kinds : WordKinds · share : part and parts of `Candidates`.
    cursor : a Cursor · slots : a table, uint64 · paths : Paths.

    Returns
    -------
    The values of the new cursor.
    """
    connectors, frequent = kinds
    part, parts = share
    pos, sentence, first, node, size, nodes = cursor
    parents, ends = paths
    most = len(slots) // 4
    while pos < len(ids) and size < most and nodes < len(ends):
        if sentence < len(boundaries) and pos == boundaries[sentence]:
            first = -1
            sentence += 1
        if pos + AHEAD < len(ids):
            near, after = np.int64(ids[pos + AHEAD - 1]), np.int64(ids[pos + AHEAD])
            if near % parts == part and frequent[near] and frequent[after]:
                prefetch_to_write(slots, np.int64(_first_slot(secret, slots, np.uint64((near << 32 | after) + 1))))
        word = np.int64(ids[pos])
        pos += 1
        if first >= 0 and (connectors[word] or frequent[word]):
            key = np.uint64((np.int64(node) << 32 | word) + 1)
            slot = _slot_of(secret, slots, key)
            if slots[slot] == np.uint64(0):
                slots[slot] = key
                size += 1
                if connectors[word]:
                    slots[slot + ONE] = np.uint64(len(connectors) + nodes)
                    parents[nodes], ends[nodes] = node, word
                    nodes += 1
            if connectors[word]:
                node = np.int64(slots[slot + ONE])
            else:
                slots[slot + ONE] += ONE
        if not connectors[word]:
            first = word if frequent[word] and word % parts == part else np.int64(-1)
            node = first
    return pos, sentence, first, node, size, nodes


@compiled
def _join(ids, boundaries, connectors, secret, slots, joined, joined_boundaries):
    """Write a chunk with its phrases joined; return how many ids it has.

    The words of a path are written one by one, from index `begin` on. If the path turns out to be a phrase, the joined
    word overwrites them.
    """
    written, begin, node, sentence = 0, -1, np.int64(0), 0
    for pos in range(len(ids)):
        if sentence < len(boundaries) and pos == boundaries[sentence]:
            joined_boundaries[sentence] = written
            sentence += 1
            begin = -1
        word = np.int64(ids[pos])
        if begin >= 0:
            slot = _slot_of(secret, slots, np.uint64((node << 32 | word) + 1))
            if slots[slot] == np.uint64(0):
                begin = -1
            elif connectors[word]:
                node = np.int64(slots[slot + ONE])
            else:
                joined[begin] = slots[slot + ONE]
                written = begin + 1
                begin = -1
                continue
        if not connectors[word]:
            begin, node = written, word
        joined[written] = word
        written += 1
    return written


@compiled
def _spell(ids, ends, word_bytes, starts, text) -> None:
    """Write words, each followed by its end, a space or a newline. Both byte arrays have eight spare bytes."""
    at = np.uint64(0)
    for pos in range(len(ids)):
        start, stop = starts[ids[pos]], starts[ids[pos] + 1]
        for done in range(0, stop - start, EIGHT):
            source, target = np.uint64(start + done), at + np.uint64(done)
            # LLVM turns the loop into one load and one store.
            for i in range(EIGHT):
                text[target + np.uint64(i)] = word_bytes[source + np.uint64(i)]
        at += np.uint64(stop - start)
        text[at] = ends[pos]
        at += ONE
