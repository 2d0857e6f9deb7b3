"""The compiled part of `phrases`: count candidates in hash tables, join the chosen ones, spell the text.

A table is uint64 pairs of key and value, in open addressing; a key is a node and the word after it, and 0 is a free
slot. A node is where a path stands: a word's id, or V + n for the n-th path that ends with a connector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from w2v_cli.compute.hashing import SECRET, mix_block, slot_of_hash
from w2v_cli.compute.jit import COMPILES, compiled

if COMPILES:
    from w2v_cli.compute.simd import prefetch_to_write
else:

    def prefetch_to_write(array: Any, offset: Any) -> None:
        """Nothing that Python could do."""


FIRST_CAPACITY = 1 << 16
# Tokens ahead of the one that is counted, for which memory is asked.
AHEAD = 16
# Bytes of a word that are copied at a time.
EIGHT = 8
ONE, THIRTY_TWO = np.uint64(1), np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)


class Candidates:
    """The candidates that begin with some of the words: every `parts`-th, from `part` on.

    Parameters
    ----------
    connectors, frequent : bool (V,); the words at both ends of a candidate are frequent, and no connectors.
    """

    def __init__(self, connectors: np.ndarray, frequent: np.ndarray, part: int = 0, parts: int = 1) -> None:
        self._connectors, self._frequent = connectors, frequent
        self._part, self._parts = part, parts
        self._slots = np.zeros(2 * FIRST_CAPACITY, np.uint64)
        self._parents, self._ends = np.zeros(FIRST_CAPACITY, np.int64), np.zeros(FIRST_CAPACITY, np.int32)
        self._size = self._nodes = 0

    def count(self, ids: np.ndarray, boundaries: np.ndarray) -> None:
        """Count a block: ids int32, boundaries int64, where its sentences begin."""
        place, first, node, sentence = 0, -1, 0, 0
        while place < len(ids):
            # Without numba the hash's overflow would be warned of.
            with np.errstate(over="ignore"):
                place, first, node, sentence, self._size, self._nodes = _count(
                    ids, boundaries, self._connectors, self._frequent, self._part, self._parts, place, first, node,
                    sentence, SECRET, self._slots, self._size, self._parents, self._ends, self._nodes,
                )  # fmt: skip
            if self._size >= len(self._slots) // 4:
                keys = self._slots[0::2] != 0
                self._slots = table_of(self._slots[0::2][keys], self._slots[1::2][keys], self._size + 1)
            if self._nodes == len(self._ends):
                self._parents, self._ends = (np.concatenate([a, np.zeros_like(a)]) for a in (self._parents, self._ends))

    def occurring(self, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of every candidate that occurs so often: the node before its last word, its first and last word, its count;
        int64.
        """
        # The value of a connector's slot is no count, and the slot no candidate: it is left out below.
        used = np.flatnonzero(self._slots[1::2] >= np.uint64(least))
        keys = self._slots[0::2][used] - ONE
        lasts = (keys & LOW_HALF).astype(np.int64)
        whole = ~self._connectors[lasts]
        nodes, lasts = (keys[whole] >> THIRTY_TWO).astype(np.int64), lasts[whole]
        firsts = nodes.copy()
        while (inside := firsts >= len(self._connectors)).any():
            firsts[inside] = self._parents[firsts[inside] - len(self._connectors)]
        return nodes, firsts, lasts, self._slots[1::2][used][whole].astype(np.int64)

    def path(self, node: int, last: int) -> tuple[int, ...]:
        """The word ids of a candidate."""
        path = [last]
        while node >= len(self._connectors):
            path.append(int(self._ends[node - len(self._connectors)]))
            node = int(self._parents[node - len(self._connectors)])
        return (node, *reversed(path))


class Joins:
    """Paths that are joined, and the word that each becomes.

    Parameters
    ----------
    connectors : bool (V,) · joined_ids : a word id for every path of word ids.
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
        """A block with its phrases joined: ids int32, boundaries int64."""
        joined, places = np.empty_like(ids), np.empty_like(boundaries)
        with np.errstate(over="ignore"):
            size = _join(ids, boundaries, self._connectors, SECRET, self._slots, joined, places)
        return joined[:size], places


def table_of(keys: np.ndarray, values: np.ndarray, room: int) -> np.ndarray:
    """A table with these entries, uint64, and slots for twice so many as there shall be room for."""
    slots = np.zeros(4 << max(room - 1, 1).bit_length(), np.uint64)
    with np.errstate(over="ignore"):
        _fill(SECRET, slots, keys, values)
    return slots


def spelled(
    ids: np.ndarray, boundaries: np.ndarray, ends_line: bool, word_bytes: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """A block as UTF-8, uint8: a space after each word, or a newline after the last of a line.

    Parameters
    ----------
    word_bytes : uint8, all words, and eight bytes more · starts : int64 (V + 1,), where each word begins in them.
    """
    size = int(np.diff(starts)[ids].sum()) + len(ids)
    # Words are copied by eight bytes, and what is behind a word is written over by the next.
    text = np.empty(size + EIGHT, np.uint8)
    ends = np.full(len(ids), ord(" "), np.uint8)
    ends[boundaries - 1] = ord("\n")
    if ends_line:
        ends[-1:] = ord("\n")
    _spell(ids, ends, word_bytes, starts, text)
    return text[:size]


_mix_block = compiled(mix_block)
_slot_of_hash = compiled(slot_of_hash)


@compiled
def _first_place(secret: Any, slots: Any, key: Any) -> Any:
    """Where a key is looked for first."""
    slot = _slot_of_hash(_mix_block(secret[0], key, secret), np.uint64(len(slots) // 2))
    return slot + slot


@compiled
def _slot_of(secret: Any, slots: Any, key: Any) -> Any:
    """The place of a key, or the free one where it belongs; its value is behind it."""
    mask = np.uint64(len(slots) - 1)
    slot = _first_place(secret, slots, key)
    while slots[slot] != np.uint64(0) and slots[slot] != key:
        slot = (slot + ONE + ONE) & mask
    return slot


@compiled
def _fill(secret: Any, slots: Any, keys: Any, values: Any) -> None:
    for i in range(len(keys)):
        slot = _slot_of(secret, slots, keys[i])
        slots[slot], slots[slot + ONE] = keys[i], values[i]


@compiled
def _count(  # type: ignore[no-untyped-def]
    ids, boundaries, connectors, frequent, part, parts, place, first, node, sentence,
    secret, slots, size, parents, ends, nodes,
):  # fmt: skip
    """Count from `place` on until the end, or until a quarter of the slots or all nodes are taken.

    `first` is the word that a candidate would begin with, −1 for none; `node` is where the path from it stands.
    """
    room = len(slots) // 4
    while place < len(ids) and size < room and nodes < len(ends):
        if sentence < len(boundaries) and place == boundaries[sentence]:
            first = -1
            sentence += 1
        if place + AHEAD < len(ids):
            near, after = np.int64(ids[place + AHEAD - 1]), np.int64(ids[place + AHEAD])
            if near % parts == part and frequent[near] and frequent[after]:
                prefetch_to_write(slots, np.int64(_first_place(secret, slots, np.uint64((near << 32 | after) + 1))))
        word = np.int64(ids[place])
        place += 1
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
    return place, first, node, sentence, size, nodes


@compiled
def _join(ids, boundaries, connectors, secret, slots, joined, places):  # type: ignore[no-untyped-def]
    """Write a block with its phrases joined; returns how many ids it has.

    What may still become a phrase, from its first word on, is written as it stands, and written over when it does.
    """
    written, begin, node, sentence = 0, -1, np.int64(0), 0
    for place in range(len(ids)):
        if sentence < len(boundaries) and place == boundaries[sentence]:
            places[sentence] = written
            sentence += 1
            begin = -1
        word = np.int64(ids[place])
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
def _spell(ids: Any, ends: Any, word_bytes: Any, starts: Any, text: Any) -> None:
    at = np.uint64(0)
    for place in range(len(ids)):
        start, stop = starts[ids[place]], starts[ids[place] + 1]
        for done in range(0, stop - start, EIGHT):
            source, target = np.uint64(start + done), at + np.uint64(done)
            # LLVM makes one load and one store of it.
            for i in range(EIGHT):
                text[target + np.uint64(i)] = word_bytes[source + np.uint64(i)]
        at += np.uint64(stop - start)
        text[at] = ends[place]
        at += ONE
