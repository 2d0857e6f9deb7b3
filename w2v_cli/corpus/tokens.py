"""Tokens of a text as provisional ids: a hash table without a Python object per token.

Tokens are what ASCII white space separates, as in `bytes.split()`. Every thread has a table of its own and
numbers the words in its own order of first sight; id 0 is the end of a line. `Tokens.absorb` translates one
table's ids into another's.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from w2v_cli.compute import hashing
from w2v_cli.compute.jit import COMPILES, compiled

if COMPILES:
    from w2v_cli.compute.simd import lowest_bit, white_space

NEWLINE_ID = 0
# `add` reads 64 bytes at a time, so a piece must be followed by this many more.
PADDING = b"\n" * 64

FIRST_CAPACITY = 1 << 14
SLOTS_PER_ENTRY = 2
# Tokens that are split before they are looked up.
BATCH = 512
BLOCK = np.uint64(64)
ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
LOW_HALF = np.uint64(0xFFFFFFFF)
ZERO, ONE, EIGHT, THIRTY_TWO = (np.uint64(n) for n in (0, 1, 8, 32))


class Tokens(Protocol):
    """The distinct tokens of a text, with their counts.

    Attributes
    ----------
    size : entries, the newline's included.
    counts : int64 (size,), occurrences of each entry.
    word_bytes : uint8, the words one after the other · word_offsets : int64 (size + 1,), where each begins.
    """

    @property
    def size(self) -> int: ...
    @property
    def counts(self) -> np.ndarray: ...
    @property
    def word_offsets(self) -> np.ndarray: ...
    @property
    def word_bytes(self) -> np.ndarray: ...

    def add(self, data: bytes) -> np.ndarray:
        """Count a piece's tokens.

        Parameters
        ----------
        data : whole tokens, then `PADDING`.

        Returns
        -------
        int32: the tokens' ids in order, with NEWLINE_ID between lines; valid until the next call.
        """

    def absorb(self, other: Any) -> np.ndarray:
        """Add another table's words and counts; returns this table's id for each of its entries, int32."""

    def seal(self) -> None:
        """Give back the memory that only finding words takes: the table can be read and be absorbed, no more."""


def make_tokens() -> Tokens:
    """An empty table: compiled where it can be."""
    return CompiledTokens() if COMPILES else PlainTokens()


class CompiledTokens:
    """Open addressing over flat arrays, compiled."""

    def __init__(self) -> None:
        self.size = 1
        self._slots = np.zeros(2 * SLOTS_PER_ENTRY * FIRST_CAPACITY, np.uint64)
        self._hashes = np.zeros(FIRST_CAPACITY, np.uint64)
        self._offsets = np.zeros(FIRST_CAPACITY + 1, np.int64)
        self._counts = np.zeros(FIRST_CAPACITY, np.int64)
        self._arena = np.zeros(0, np.uint8)
        self._ids = np.zeros(0, np.int32)

    @property
    def counts(self) -> np.ndarray:
        return self._counts[: self.size]

    @property
    def word_offsets(self) -> np.ndarray:
        return self._offsets[: self.size + 1]

    @property
    def word_bytes(self) -> np.ndarray:
        return self._arena[: self._offsets[self.size]]

    def add(self, data: bytes) -> np.ndarray:
        """Count a piece's tokens."""
        array = np.frombuffer(data, np.uint8)
        end = len(data) - len(PADDING)
        if end > len(self._ids):
            self._ids = np.empty(end, np.int32)
        ids = self._ids
        self._reserve_bytes(end)
        pos, count = 0, 0
        while True:
            pos, count, self.size = _scan(
                array,
                pos,
                end,
                hashing.SECRET,
                self._slots,
                self._hashes,
                self._offsets,
                self._counts,
                self._arena,
                self.size,
                ids,
                count,
            )
            if pos >= end:
                return ids[:count]
            self._grow()

    def absorb(self, other: CompiledTokens) -> np.ndarray:
        """Add another table's words and counts."""
        translation = np.empty(other.size, np.int32)
        translation[0] = NEWLINE_ID
        self._counts[NEWLINE_ID] += other._counts[NEWLINE_ID]
        self._reserve_bytes(len(other.word_bytes))
        done = 1
        while True:
            done, self.size = _absorb(
                self._slots, self._hashes, self._offsets, self._counts, self._arena, self.size,
                other._hashes, other._offsets, other._counts, other._arena, other.size, done, translation,
            )  # fmt: skip
            if done >= other.size:
                return translation
            self._grow()

    def seal(self) -> None:
        """Give back the slots."""
        self._slots = np.zeros(0, np.uint64)

    def _reserve_bytes(self, more: int) -> None:
        """Room for so many bytes of new words."""
        used = int(self._offsets[self.size])
        if used + more > len(self._arena):
            self._arena = _enlarged(self._arena, max(2 * used, used + more))

    def _grow(self) -> None:
        """Twice as many entries."""
        capacity = 2 * len(self._counts)
        # The old slots go first: both at once would be the peak.
        self.seal()
        self._hashes = _enlarged(self._hashes, capacity)
        self._offsets = _enlarged(self._offsets, capacity + 1)
        self._counts = _enlarged(self._counts, capacity)
        self._slots = np.zeros(2 * SLOTS_PER_ENTRY * capacity, np.uint64)
        _fill_slots(self._slots, self._hashes, self._offsets, self.size)


class PlainTokens:
    """The same table as a dict, for a Python without numba."""

    def __init__(self) -> None:
        # A newline is no token, so it can stand for itself.
        self._ids: dict[bytes, int] = {b"\n": NEWLINE_ID}
        self._counts = [0]

    @property
    def size(self) -> int:
        return len(self._ids)

    @property
    def counts(self) -> np.ndarray:
        return np.array(self._counts, np.int64)

    @property
    def word_offsets(self) -> np.ndarray:
        lengths = [0, *(len(word) for word in self._words()[1:])]
        return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))

    @property
    def word_bytes(self) -> np.ndarray:
        return np.frombuffer(b"".join(self._words()[1:]), np.uint8)

    def add(self, data: bytes) -> np.ndarray:
        """Count a piece's tokens."""
        ids: list[int] = []
        lines = data[: -len(PADDING)].split(b"\n")
        for number, line in enumerate(lines):
            ids += [self._id_of(token, 1) for token in line.split()]
            if number < len(lines) - 1 and ids[-1:] != [NEWLINE_ID]:
                ids.append(self._id_of(b"\n", 1))
        return np.array(ids, np.int32)

    def absorb(self, other: PlainTokens) -> np.ndarray:
        """Add another table's words and counts."""
        return np.array(
            [self._id_of(word, count) for word, count in zip(other._ids, other._counts, strict=True)], np.int32
        )

    def seal(self) -> None:
        """The words themselves are what finds them."""

    def _words(self) -> list[bytes]:
        return list(self._ids)

    def _id_of(self, word: bytes, count: int) -> int:
        word_id = self._ids.setdefault(word, len(self._ids))
        if word_id == len(self._counts):
            self._counts.append(0)
        self._counts[word_id] += count
        return word_id


def _enlarged(array: np.ndarray, size: int) -> np.ndarray:
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger


@compiled
def _eight_bytes(data: Any, pos: Any) -> Any:
    """Eight bytes as one little-endian number; LLVM makes one load of it."""
    word = np.uint64(data[pos])
    for i in range(1, 8):
        word |= np.uint64(data[pos + np.uint64(i)]) << np.uint64(8 * i)
    return word


_mix_block = compiled(hashing.mix_block)
_slot_of_hash = compiled(hashing.slot_of_hash)


@compiled
def _lowest_bytes(count: Any) -> Any:
    """A mask of the lowest `count` bytes of eight, 1…8."""
    return ALL_BITS >> (EIGHT * (EIGHT - count))


@compiled
def _hash_of(data: Any, start: Any, length: Any, secret: Any) -> Any:
    """The hash of a word, as `hashing` defines it. Two words of the same length up to eight never have the same.

    Words of up to 16 bytes, which are nearly all, take no branch: whether a word is longer than eight cannot be
    predicted.
    """
    head, tail = _eight_bytes(data, start), _eight_bytes(data, start + EIGHT)
    more = max(length, EIGHT) - EIGHT
    # No bits where there are no more than eight bytes.
    tail &= _lowest_bytes(max(min(more, EIGHT), ONE)) & (ZERO - np.uint64(more != ZERO))
    state = _mix_block(secret[0] + length, head & _lowest_bytes(min(length, EIGHT)), secret)
    state = _mix_block(state, tail, secret)
    pos = EIGHT + EIGHT
    while pos < length:
        state = _mix_block(state, _eight_bytes(data, start + pos) & _lowest_bytes(min(length - pos, EIGHT)), secret)
        pos += EIGHT
    return state


@compiled
def _split(data, pos, end, secret, starts, lengths, hashes):  # type: ignore[no-untyped-def]
    """The next tokens, at most as many as the arrays hold; a newline has length 0. Returns pos, count.

    64 bytes at a time become a mask of white space; a token ends at each of its bits, if it has begun.
    """
    start, block, count = pos, pos, ZERO
    # A block has at most as many tokens and newlines as it has bytes.
    while count + BLOCK <= np.uint64(len(starts)):
        spaces = white_space(data, np.int64(block))
        while spaces != ZERO:
            at = block + lowest_bit(spaces)
            spaces &= spaces - ONE
            stop = min(at, end)
            if stop > start:
                starts[count], lengths[count] = start, stop - start
                hashes[count] = _hash_of(data, start, stop - start, secret)
                count += ONE
            if at >= end:
                return end, count
            if data[at] == 10:
                lengths[count] = ZERO
                count += ONE
            start = at + ONE
        block += BLOCK
    return start, count


@compiled
def _same_bytes(a: Any, a_start: Any, b: Any, b_start: Any, length: Any) -> Any:
    """Whether two words of more than eight bytes are the same."""
    last = length - EIGHT
    if _eight_bytes(a, a_start + last) != _eight_bytes(b, b_start + last):
        return False
    i = ZERO
    while i < last:
        if _eight_bytes(a, a_start + i) != _eight_bytes(b, b_start + i):
            return False
        i += EIGHT
    return True


@compiled
def _entry_of(slots, offsets, arena, size, data, start, length, state):  # type: ignore[no-untyped-def]
    """The entry of a word; `size`, newly made, if it had none.

    A slot is two numbers: the word's hash, and its entry + length·2³²; the second is 0 if the slot is free.
    """
    mask = np.uint64(len(slots) // 2 - 1)
    slot = _slot_of_hash(state, mask + ONE)
    while slots[slot + slot + ONE] != ZERO:
        content = slots[slot + slot + ONE]
        if slots[slot + slot] == state and content >> THIRTY_TWO == length & LOW_HALF:
            entry = content & LOW_HALF
            # Equal hashes of at most eight bytes are equal words already.
            if length <= EIGHT or _same_bytes(arena, np.uint64(offsets[entry]), data, start, length):
                return entry
        slot = (slot + ONE) & mask
    slots[slot + slot], slots[slot + slot + ONE] = state, size | (length << THIRTY_TWO)
    place = np.uint64(offsets[size])
    for i in range(length):
        arena[place + np.uint64(i)] = data[start + np.uint64(i)]
    offsets[size + ONE] = np.int64(place + length)
    return size


@compiled
def _scan(data, pos, end, secret, slots, hashes, offsets, counts, arena, size, ids, count):  # type: ignore[no-untyped-def]
    """Count tokens from `pos` on until the end, or until the table is full; returns pos, count, size.

    A batch at a time: split, read every token's first slot, which lets the cache misses overlap, look up.
    """
    at, stop, size, count = np.uint64(pos), np.uint64(end), np.uint64(size), np.uint64(count)
    starts, lengths = np.empty(BATCH, np.uint64), np.empty(BATCH, np.uint64)
    states, found = np.empty(BATCH, np.uint64), np.empty((BATCH, 2), np.uint64)
    slot_count = np.uint64(len(slots) // 2)
    while at < stop and size + np.uint64(BATCH) <= np.uint64(len(counts)):
        at, tokens = _split(data, at, stop, secret, starts, lengths, states)
        for i in range(tokens):
            slot = _slot_of_hash(states[i], slot_count)
            found[i, 0], found[i, 1] = slots[slot + slot], slots[slot + slot + ONE]
        for i in range(tokens):
            if lengths[i] == ZERO:
                if count == ZERO or ids[count - ONE] != NEWLINE_ID:
                    counts[NEWLINE_ID] += 1
                    ids[count] = NEWLINE_ID
                    count += ONE
                continue
            length, state = lengths[i], states[i]
            entry = found[i, 1] & LOW_HALF
            if found[i, 0] != state or found[i, 1] >> THIRTY_TWO != length or length > EIGHT:
                entry = _entry_of(slots, offsets, arena, size, data, starts[i], length, state)
                if entry == size:
                    hashes[size] = state
                    size += ONE
            counts[entry] += 1
            ids[count] = np.int32(entry)
            count += ONE
    return np.int64(at), np.int64(count), np.int64(size)


@compiled
def _absorb(  # type: ignore[no-untyped-def]
    slots, hashes, offsets, counts, arena, size,
    other_hashes, other_offsets, other_counts, other_arena, other_size, done, translation,
):  # fmt: skip
    """Add entries `done`… of another table until the end, or until this one is full; returns done, size."""
    size, other_count, other = np.uint64(size), np.uint64(other_size), np.uint64(done)
    while other < other_count and size < np.uint64(len(counts)):
        start = np.uint64(other_offsets[other])
        length = np.uint64(other_offsets[other + ONE]) - start
        entry = _entry_of(slots, offsets, arena, size, other_arena, start, length, other_hashes[other])
        if entry == size:
            hashes[size] = other_hashes[other]
            size += ONE
        counts[entry] += other_counts[other]
        translation[other] = np.int32(entry)
        other += ONE
    return np.int64(other), np.int64(size)


@compiled
def _fill_slots(slots: Any, hashes: Any, offsets: Any, size: Any) -> None:
    """Enter all entries into an empty table."""
    mask = np.uint64(len(slots) // 2 - 1)
    for i in range(1, size):
        entry = np.uint64(i)
        slot = _slot_of_hash(hashes[entry], mask + ONE)
        while slots[slot + slot + ONE] != ZERO:
            slot = (slot + ONE) & mask
        length = np.uint64(offsets[entry + ONE] - offsets[entry])
        slots[slot + slot], slots[slot + slot + ONE] = hashes[entry], entry | (length << THIRTY_TWO)
