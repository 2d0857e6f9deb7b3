"""Find words with a spelling near another's, by the number of edits between them, ignoring case.

All words are case-folded once, into one array of letters: folding millions of Python strings would take seconds.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.storage.words import Words

# How many words are folded, or compared, at a time: few enough that their letters fit into the cache.
_WORDS_AT_ONCE = 1 << 16


class Spellings:
    """The case-folded letters of some words.

    Parameters
    ----------
    words : V words, any of which may be empty.
    """

    def __init__(self, words: Words) -> None:
        parts = [_folded(words, first) for first in range(0, len(words) or 1, _WORDS_AT_ONCE)]
        # The letters of all words, uint32, one word after the other; a final zero keeps the array from being empty.
        self._letters = np.concatenate([*(letters for letters, _ in parts), np.zeros(1, np.uint32)])
        self._lengths = np.concatenate([lengths for _, lengths in parts])
        self._starts = np.cumsum(self._lengths) - self._lengths

    def near(self, word: str, most: int) -> list[int]:
        """Return the indices of the nearest words, nearest first; at equal distance, in vocabulary order.

        Case is ignored. Words shorter than four letters may differ by one edit, longer ones by two.
        """
        target = np.frombuffer(word.casefold().encode("utf-32-le", "surrogatepass"), np.uint32)
        limit = 1 if len(target) < 4 else 2
        ids = np.flatnonzero(np.abs(self._lengths - len(target)) <= limit)
        found, distances = [ids[:0]], [np.zeros(0, np.int8)]
        for first in range(0, len(ids), _WORDS_AT_ONCE):
            some = ids[first : first + _WORDS_AT_ONCE]
            edits = self._edits(target, some, limit)
            found.append(some[edits <= limit])
            distances.append(edits[edits <= limit])
        order = np.argsort(np.concatenate(distances), kind="stable")[:most]
        return np.concatenate(found)[order].tolist()

    def _edits(self, target: np.ndarray, ids: np.ndarray, limit: int) -> np.ndarray:
        """Count the edits (insert, delete, replace, swap neighbours) between a word and each of n others.

        This fills the table of optimal string alignment, in which every cell is an array over the n others. Cells
        further than `limit` from the diagonal are left out, because every path through them is too long.

        Parameters
        ----------
        target : uint32, the folded letters of the word.
        ids : int (n,), the others; their lengths must differ from the word's by at most `limit`.

        Returns
        -------
        int8 (n,), where `limit` + 1 stands for any number above the limit.
        """
        starts, lengths = self._starts[ids], self._lengths[ids]
        width, far = len(target) + limit, limit + 1
        # Letters beyond the end of a word affect only cells beyond its result.
        letters = [self._letters[np.minimum(starts + j, len(self._letters) - 1)] for j in range(width)]
        rows = [np.full((width + 1, len(ids)), far, dtype=np.int8)]
        for j in range(limit + 1):
            rows[0][j] = j
        for i, code in enumerate(target, start=1):
            row, above = np.full_like(rows[0], far), rows[-1]
            row[0] = min(i, far)
            for j in range(max(1, i - limit), min(i + limit, width) + 1):
                best = np.minimum(above[j], row[j - 1]) + 1
                np.minimum(best, above[j - 1] + (letters[j - 1] != code), out=best)
                if i > 1 and j > 1:
                    swapped = (letters[j - 2] == code) & (letters[j - 1] == target[i - 2])
                    np.minimum(best, rows[-2][j - 2] + 1, out=best, where=swapped)
                row[j] = np.minimum(best, far)
            rows = [above, row]
        return rows[-1][lengths, np.arange(len(ids))]


def _folded(words: Words, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Fold `_WORDS_AT_ONCE` words, beginning with word number `first`.

    Returns
    -------
    Their letters, uint32, and how many letters each word has, int64.
    """
    offsets = words.offsets[first : first + _WORDS_AT_ONCE + 1]
    utf8 = words.text[offsets[0] : offsets[-1]]
    text = utf8.tobytes().decode("utf-8", "surrogatepass")
    letters = np.frombuffer(text.casefold().encode("utf-32-le", "surrogatepass"), np.uint32)
    # Count the letters before each word: each has exactly one byte that is not a UTF-8 continuation byte.
    before = np.concatenate(([0], np.cumsum((utf8 & 0xC0) != 0x80)))[offsets - offsets[0]]
    if len(letters) > len(text):
        # Some letters fold into several, such as ß into ss.
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        sizes = np.zeros(codes.max() + 1, np.int64)
        for letter in set(text):
            sizes[ord(letter)] = len(letter.casefold())
        before = np.concatenate(([0], np.cumsum(sizes[codes])))[before]
    return letters, np.diff(before)
