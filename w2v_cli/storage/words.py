"""Words as they lie in a file: their UTF-8 one after the other, and where each begins; decoded when asked for.

A million words are 8 MB here, and 150 MB as Python strings in a dict. They are found by a hash of their bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, overload

import numpy as np

from w2v_cli.compute.hashing import SECRET, mix_block

_MASK = (1 << 64) - 1
# Words are hashed together, about so many bytes of them at a time.
_RUN_BYTES = 1 << 16
# Longer words are hashed one by one, which would otherwise take a turn of numpy's for every eight bytes of the longest.
_LONG_WORD = 256
# _LOW_BYTES[n] keeps the n lowest bytes of eight.
_LOW_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)


class Words(Sequence[str]):
    """V words in their order, found by place or by spelling.

    Parameters
    ----------
    text : uint8, the UTF-8 of all words without anything between them; may be a memory map.
    offsets : int64 (V + 1,), where each word begins in `text`, and where the last one ends.
    """

    def __init__(self, text: np.ndarray, offsets: np.ndarray) -> None:
        self.text = text
        self.offsets = offsets

    @classmethod
    def of(cls, words: Sequence[str]) -> Words:
        """The same words out of strings."""
        if isinstance(words, Words):
            return words
        encoded = [_encoded(word) for word in words]
        offsets = np.fromiter(accumulate(map(len, encoded), initial=0), np.int64, len(encoded) + 1)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(f"there is no word {place} among {len(self)}")
        return str(self.bytes_of(place % len(self)), "utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        text = self.text.tobytes()
        return (str(text[start:stop], "utf-8", "surrogatepass") for start, stop in pairwise(self.offsets.tolist()))

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.find(word) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and not isinstance(other, str) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        # Without `_keys`: another process has another secret.
        return Words, (self.text, self.offsets)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:5]))
        return f"<{len(self)} words: {shown}{', …' if len(self) > 5 else ''}>"

    def bytes_of(self, word_id: int) -> bytes:
        """The UTF-8 of one word."""
        return self.text[self.offsets[word_id] : self.offsets[word_id + 1]].tobytes()

    def find(self, word: str) -> int | None:
        """The place of a word; None if it is not among them."""
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
        """The places of the first word that stands there twice, earlier and later; None if all are distinct."""
        low = np.uint64(self._id_mask)
        hashes, ids = self._keys & ~low, self._keys & low
        same = np.flatnonzero(hashes[1:] == hashes[:-1])
        seen: dict[bytes, int] = {}
        for word_id in np.unique(ids[np.concatenate((same, same + 1))]).tolist():
            before = seen.setdefault(self.bytes_of(word_id), word_id)
            if before != word_id:
                return before, word_id
        return None

    def undecodable(self) -> int | None:
        """The place of the first word that is not UTF-8; None if all are."""
        # An empty word at the end begins nowhere.
        starts = self.offsets[:-1][self.offsets[:-1] < len(self.text)]
        try:
            self.text.tobytes().decode()
        except UnicodeDecodeError as error:
            return int(np.searchsorted(self.offsets, error.start, side="right")) - 1
        # All of it is UTF-8, then so is each word, unless it begins inside a character.
        inside = (self.text[starts] & 0xC0) == 0x80
        return max(0, int(np.argmax(inside)) - 1) if inside.any() else None

    @property
    def _id_mask(self) -> int:
        """The low bits of a key that hold an id."""
        return (1 << len(self).bit_length()) - 1

    @cached_property
    def _keys(self) -> np.ndarray:
        """What words are found by, uint64 (V,), ascending: the high bits of a word's hash, and its id below them.

        So one sort of plain numbers brings equal hashes together and keeps whose they are.
        """
        low = np.uint64(self._id_mask)
        return np.sort(_hashes(self.text, self.offsets) & ~low | np.arange(len(self), dtype=np.uint64))


def _encoded(word: str) -> bytes:
    # Half a character, as a terminal may send it, is a word that nobody knows.
    return word.encode("utf-8", "surrogatepass")


def _hash(word: bytes) -> int:
    """The hash of one word, as `hashing` defines it; of a long one, the keyed BLAKE2 of its bytes."""
    if len(word) > _LONG_WORD:
        return int.from_bytes(hashlib.blake2b(word, digest_size=8, key=b"".join(SECRET)).digest(), "little")
    with np.errstate(over="ignore"):
        state = SECRET[0] + np.uint64(len(word))
        for block in np.frombuffer(word + bytes(max(16 - len(word), -len(word) % 8)), "<u8"):
            state = mix_block(state, block, SECRET)
    return int(state)


def _hashes(text: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The hash of every word, uint64 (V,)."""
    hashes = np.empty(len(offsets) - 1, np.uint64)
    first = 0
    while first < len(hashes):
        last = max(int(np.searchsorted(offsets, offsets[first] + _RUN_BYTES, side="right")) - 1, first + 1)
        run, starts = text[offsets[first] : offsets[last]], offsets[first:last] - offsets[first]
        hashes[first:last] = _hashes_of_run(run, starts, np.diff(offsets[first : last + 1]))
        first = last
    return hashes


def _hashes_of_run(text: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The hashes of some words, eight bytes of all of them at a time."""
    padded = np.concatenate((text, np.zeros(8, np.uint8)))
    # The eight bytes from every place on, as one number each.
    eights = np.ndarray(len(text) + 1, "<u8", padded, strides=(1,))
    states = SECRET[0] + lengths.astype(np.uint64)
    short = lengths <= _LONG_WORD
    for done in range(0, max(int(lengths[short].max(initial=0)), 16), 8):
        left = np.clip(lengths - done, 0, 8)
        going = np.flatnonzero(short & ((left > 0) | (done < 16)))
        blocks = eights[np.minimum(starts[going] + done, len(text))] & _LOW_BYTES[left[going]]
        states[going] = mix_block(states[going], blocks, SECRET)
    for place in np.flatnonzero(~short).tolist():
        states[place] = _hash(text[starts[place] : starts[place] + lengths[place]].tobytes())
    return states
