"""Tokens of a text as provisional ids: a hash table without a Python object per token.

Tokens are what ASCII white space separates, as in `bytes.split()`. Every thread has a table of its own and numbers the
words in the order in which it first sees them; id 0 is the end of a line. `Tokens.absorb` translates the ids of one
table into those of another.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from w2v_cli.compute.hashing import SECRET
from w2v_cli.compute.jit import COMPILES
from w2v_cli.corpus.token_kernels import GROUP_BYTES, NEWLINE_ID, TokenTable, absorb, fill_slots, scan
from w2v_cli.storage.words import Words

# `scan` reads whole groups of bytes, so a piece must be followed by this many bytes.
PADDING = b"\n" * GROUP_BYTES
FIRST_CAPACITY = 1 << 14
SLOTS_PER_ENTRY = 2
# `tokens_of` adds so many words at a time, because it copies them.
_WORDS_ADDED = 1 << 16


class Tokens(Protocol):
    """The distinct tokens of a text, with their counts.

    An entry is the number of a distinct token in the table. Entry 0 is the newline, NEWLINE_ID.

    Attributes
    ----------
    size : how many entries there are, including the newline.
    counts : int64 (size,), occurrences of each entry.
    words : the token of each entry; that of the newline is empty.
    """

    @property
    def size(self) -> int: ...
    @property
    def counts(self) -> np.ndarray: ...
    @property
    def words(self) -> Words: ...

    def add(self, data: bytes) -> np.ndarray:
        """Count the tokens of a piece.

        Parameters
        ----------
        data : whole tokens, then `PADDING`.

        Returns
        -------
        int32: the entries of the tokens in order, with NEWLINE_ID between lines; valid until the next call.
        """

    def absorb(self, other: Any) -> np.ndarray:
        """Add the words and counts of another table; return this table's entry for each of its entries, int32."""

    def recount(self, counts: np.ndarray) -> None:
        """Replace the counts of all entries, int64 (size,)."""

    def seal(self) -> None:
        """Free the memory that only lookups need. The table is read-only afterwards."""


def make_tokens() -> Tokens:
    """Make an empty table, a compiled one if numba works."""
    return CompiledTokens() if COMPILES else PlainTokens()


def token_total(tokens: Tokens) -> int:
    """Return how many tokens a table has counted, without newlines."""
    return int(tokens.counts[NEWLINE_ID + 1 :].sum())


def tokens_of(words: Words, counts: np.ndarray) -> Tokens:
    """Make a table of the words and counts of one of another process, whose hashes have no meaning in this one."""
    table = make_tokens()
    for first in range(1, len(words), _WORDS_ADDED):
        offsets = words.offsets[first : first + _WORDS_ADDED + 1]
        text = words.text[offsets[0] : offsets[-1]]
        table.add(np.insert(text, offsets[1:] - offsets[0], ord(" ")).tobytes() + PADDING)
    table.recount(counts)
    return table


class CompiledTokens:
    """A hash table with open addressing over flat arrays, filled by compiled code."""

    def __init__(self) -> None:
        self.size = 1
        self._ids = np.zeros(0, np.int32)
        self._table = TokenTable(
            slots=_empty_slots(FIRST_CAPACITY),
            hashes=np.zeros(FIRST_CAPACITY, np.uint64),
            offsets=np.zeros(FIRST_CAPACITY + 1, np.int64),
            counts=np.zeros(FIRST_CAPACITY, np.int64),
            arena=np.zeros(0, np.uint8),
        )

    @property
    def counts(self) -> np.ndarray:
        return self._table.counts[: self.size]

    @property
    def words(self) -> Words:
        offsets = self._table.offsets[: self.size + 1]
        return Words(self._table.arena[: offsets[-1]], offsets)

    def add(self, data: bytes) -> np.ndarray:
        """Count the tokens of a piece."""
        array = np.frombuffer(data, np.uint8)
        end = len(data) - len(PADDING)
        if end > len(self._ids):
            self._ids = np.empty(end, np.int32)
        self._reserve_bytes(end)
        pos, count = 0, 0
        while True:
            pos, count, self.size = scan(array, pos, end, SECRET, self._table, self.size, self._ids, count)
            if pos >= end:
                return self._ids[:count]
            self._grow()

    def absorb(self, other: CompiledTokens) -> np.ndarray:
        """Add the words and counts of another table."""
        translation = np.empty(other.size, np.int32)
        translation[NEWLINE_ID] = NEWLINE_ID
        self._table.counts[NEWLINE_ID] += other._table.counts[NEWLINE_ID]
        self._reserve_bytes(len(other.words.text))
        done = 1
        while True:
            done, self.size = absorb(self._table, self.size, other._table, other.size, done, translation)
            if done >= other.size:
                return translation
            self._grow()

    def recount(self, counts: np.ndarray) -> None:
        """Replace the counts of all entries."""
        self.counts[:] = counts

    def seal(self) -> None:
        """Free the lookup slots."""
        self._table = self._table._replace(slots=_empty_slots(0))

    def _reserve_bytes(self, more: int) -> None:
        """Make space for this many bytes of new words."""
        arena, used = self._table.arena, int(self._table.offsets[self.size])
        if used + more > len(arena):
            self._table = self._table._replace(arena=_enlarged(arena, max(2 * used, used + more)))

    def _grow(self) -> None:
        """Make space for twice as many entries."""
        capacity = 2 * len(self._table.counts)
        # Free the old slots first: memory would be at its peak with both.
        self.seal()
        table = self._table._replace(
            hashes=_enlarged(self._table.hashes, capacity),
            offsets=_enlarged(self._table.offsets, capacity + 1),
            counts=_enlarged(self._table.counts, capacity),
        )
        self._table = table._replace(slots=_empty_slots(capacity))
        fill_slots(self._table, self.size)


def _empty_slots(capacity: int) -> np.ndarray:
    """Return free slots for this many entries."""
    return np.zeros(2 * SLOTS_PER_ENTRY * capacity, np.uint64)


class PlainTokens:
    """The same table as a dict, for a Python without numba."""

    def __init__(self) -> None:
        # No token contains a newline, so this key cannot be one of them.
        self._ids: dict[bytes, int] = {b"\n": NEWLINE_ID}
        self._counts = [0]

    @property
    def size(self) -> int:
        return len(self._ids)

    @property
    def counts(self) -> np.ndarray:
        return np.array(self._counts, np.int64)

    @property
    def words(self) -> Words:
        words = [b"", *list(self._ids)[1:]]
        offsets = np.concatenate(([0], np.cumsum([len(word) for word in words], dtype=np.int64)))
        return Words(np.frombuffer(b"".join(words), np.uint8), offsets)

    def add(self, data: bytes) -> np.ndarray:
        """Count the tokens of a piece."""
        ids: list[int] = []
        lines = data[: -len(PADDING)].split(b"\n")
        for number, line in enumerate(lines):
            ids += [self._id_of(token, 1) for token in line.split()]
            if number < len(lines) - 1 and ids[-1:] != [NEWLINE_ID]:
                ids.append(self._id_of(b"\n", 1))
        return np.array(ids, np.int32)

    def absorb(self, other: PlainTokens) -> np.ndarray:
        """Add the words and counts of another table."""
        counted = zip(other._ids, other._counts, strict=True)
        return np.array([self._id_of(word, count) for word, count in counted], np.int32)

    def recount(self, counts: np.ndarray) -> None:
        """Replace the counts of all entries."""
        self._counts = counts.tolist()

    def seal(self) -> None:
        """Free nothing, because the dict holds the words themselves."""

    def _id_of(self, word: bytes, count: int) -> int:
        """Count a word `count` times, and return its entry."""
        word_id = self._ids.setdefault(word, len(self._ids))
        if word_id == len(self._counts):
            self._counts.append(0)
        self._counts[word_id] += count
        return word_id


def _enlarged(array: np.ndarray, size: int) -> np.ndarray:
    """Return a longer copy of an array, with zeros at its end."""
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger
