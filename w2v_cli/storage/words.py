"""A list of words stored as in a file: all their UTF-8 in one array, and the offset where each word begins.

A word is decoded only when it is asked for, and looked up by a hash of its bytes. This takes a fraction of the memory
of Python strings in a dict (measured: help/design.md, "Words stay bytes, with offsets").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, overload

import numpy as np

from w2v_cli.compute.hashing import SECRET, mix_block

# No text has more tokens than this. Counts of words with a larger sum are refused, so int64 holds every sum of counts.
MOST_TOKENS = 1 << 62
_MASK = (1 << 64) - 1
# Many words are hashed at once, in runs of about this many bytes.
_RUN_BYTES = 1 << 16
# Longer words are hashed one by one. In a run, a single long word would cost a numpy pass for each of its eight bytes.
_LONG_WORD = 256
# `take` copies this many words at a time, because the indices that it needs take eight bytes for each byte of a word.
_WORDS_COPIED = 1 << 16
# _LOW_BYTES[n] is a mask of the n low bytes of eight.
_LOW_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)


class Words(Sequence[str]):
    """A sequence of V words that can be looked up by index or by spelling.

    Parameters
    ----------
    text : uint8, the UTF-8 of all words with nothing between them; may be a memory map.
    offsets : int64 (V + 1,), where each word begins in `text`, and where the last one ends.

    Examples
    --------
    >>> words = Words.of(["the", "cat", "sat"])
    >>> words[1], words.find("sat"), words.find("dog")
    ('cat', 2, None)
    >>> words.take(np.array([2, 0]))
    <2 words: 'sat', 'the'>
    """

    def __init__(self, text: np.ndarray, offsets: np.ndarray) -> None:
        self.text = text
        self.offsets = offsets

    @classmethod
    def of(cls, words: Sequence[str]) -> Words:
        """Encode strings; return the argument itself if it is a `Words` already."""
        if isinstance(words, Words):
            return words
        encoded = [_encoded(word) for word in words]
        offsets = np.fromiter(accumulate(map(len, encoded), initial=0), np.int64, len(encoded) + 1)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    @classmethod
    def joined(cls, first: Words, second: Words) -> Words:
        """Return the words of both, those of `first` first."""
        ends = second.offsets - second.offsets[0] + first.offsets[-1]
        return cls(np.concatenate((first.text, second.text)), np.concatenate((first.offsets, ends[1:])))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no word {index} among {len(self)}")
        return str(self.bytes_of(index % len(self)), "utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        text = self.text.tobytes()
        return (str(text[start:stop], "utf-8", "surrogatepass") for start, stop in pairwise(self.offsets.tolist()))

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.find(word) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and not isinstance(other, str) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        # The keys are left out, because every process draws its own secret for them.
        return Words, (self.text, self.offsets)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:5]))
        return f"<{len(self)} words: {shown}{', …' if len(self) > 5 else ''}>"

    def bytes_of(self, word_id: int) -> bytes:
        """Return the UTF-8 of one word."""
        return self.text[self.offsets[word_id] : self.offsets[word_id + 1]].tobytes()

    def take(self, ids: np.ndarray) -> Words:
        """Return a copy of the words with these ids, int (n,), in this order."""
        lengths = self.offsets[ids + 1] - self.offsets[ids]
        offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
        text = np.empty(offsets[-1], np.uint8)
        for first in range(0, len(ids), _WORDS_COPIED):
            part = slice(first, first + _WORDS_COPIED)
            begin, end = offsets[first], offsets[min(first + _WORDS_COPIED, len(ids))]
            # Byte i of the result comes from i plus the distance that its word has moved.
            moved = np.repeat(self.offsets[ids[part]] - offsets[:-1][part], lengths[part])
            text[begin:end] = self.text[np.arange(begin, end) + moved]
        return Words(text, offsets)

    def find(self, word: str) -> int | None:
        """Return the id of a word, or None if it is not among these words."""
        wanted = _encoded(word)
        low = self._id_mask
        key = _hash(wanted) & ~low & _MASK
        at = int(np.searchsorted(self._keys, np.uint64(key)))
        for found in map(int, self._keys[at:]):
            if found & ~low != key:
                return None
            if self.bytes_of(found & low) == wanted:
                return found & low
        return None

    def repeated(self) -> tuple[int, int] | None:
        """Return the earlier and the later id of the first word that is repeated, or None if all are distinct."""
        return next(self.repeats(), None)

    def repeats(self) -> Iterator[tuple[int, int]]:
        """Yield, for each id whose word has occurred before, in order: the first id of that word, and the id."""
        low = np.uint64(self._id_mask)
        hashes, ids = self._keys & ~low, self._keys & low
        same = np.flatnonzero(hashes[1:] == hashes[:-1])
        seen: dict[bytes, int] = {}
        for word_id in np.unique(ids[np.concatenate((same, same + 1))]).tolist():
            before = seen.setdefault(self.bytes_of(word_id), word_id)
            if before != word_id:
                yield before, word_id

    def undecodable(self) -> int | None:
        """Return the id of the first word that is not valid UTF-8, or None if all are valid."""
        try:
            self.text.tobytes().decode()
        except UnicodeDecodeError as error:
            return int(np.searchsorted(self.offsets, error.start, side="right")) - 1
        # The text as a whole is valid, so every word is, unless an offset lies inside a character. The offset of an
        # empty word at the end is the length of the text, where there is no byte to look at.
        starts = self.offsets[:-1][self.offsets[:-1] < len(self.text)]
        inside = (self.text[starts] & 0xC0) == 0x80
        return max(0, int(np.argmax(inside)) - 1) if inside.any() else None

    @property
    def _id_mask(self) -> int:
        """A mask of the low bits of a key, which hold the id."""
        return (1 << len(self).bit_length()) - 1

    @cached_property
    def _keys(self) -> np.ndarray:
        """The keys for looking up words, uint64 (V,), sorted: the high bits are a word's hash, the low bits its id.

        With both in one number, a plain sort brings equal hashes together and still knows whose they are.
        """
        low = np.uint64(self._id_mask)
        return np.sort(_hashes(self.text, self.offsets) & ~low | np.arange(len(self), dtype=np.uint64))


def _encoded(word: str) -> bytes:
    # A terminal may send half a character. That must be an unknown word, not an error.
    return word.encode("utf-8", "surrogatepass")


def _hash(word: bytes) -> int:
    """Return the hash of one word as `hashing` defines it, or its keyed BLAKE2 if the word is long."""
    if len(word) > _LONG_WORD:
        return int.from_bytes(hashlib.blake2b(word, digest_size=8, key=b"".join(SECRET)).digest(), "little")
    with np.errstate(over="ignore"):
        state = SECRET[0] + np.uint64(len(word))
        for block in np.frombuffer(word + bytes(max(16 - len(word), -len(word) % 8)), "<u8"):
            state = mix_block(state, block, SECRET)
    return int(state)


def _hashes(text: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the hash of every word, uint64 (V,)."""
    hashes = np.empty(len(offsets) - 1, np.uint64)
    first = 0
    while first < len(hashes):
        last = max(int(np.searchsorted(offsets, offsets[first] + _RUN_BYTES, side="right")) - 1, first + 1)
        run, starts = text[offsets[first] : offsets[last]], offsets[first:last] - offsets[first]
        hashes[first:last] = _hashes_of_run(run, starts, np.diff(offsets[first : last + 1]))
        first = last
    return hashes


def _hashes_of_run(text: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the hashes of a run of words, uint64; each pass takes the next eight bytes of all of them."""
    padded = np.concatenate((text, np.zeros(8, np.uint8)))
    # eights[i] is the number that bytes i…i+7 of the text make.
    eights = np.ndarray(len(text) + 1, "<u8", padded, strides=(1,))
    states = SECRET[0] + lengths.astype(np.uint64)
    short = lengths <= _LONG_WORD
    for done in range(0, max(int(lengths[short].max(initial=0)), 16), 8):
        left = np.clip(lengths - done, 0, 8)
        going = np.flatnonzero(short & ((left > 0) | (done < 16)))
        blocks = eights[np.minimum(starts[going] + done, len(text))] & _LOW_BYTES[left[going]]
        states[going] = mix_block(states[going], blocks, SECRET)
    for word in np.flatnonzero(~short).tolist():
        states[word] = _hash(text[starts[word] : starts[word] + lengths[word]].tobytes())
    return states
