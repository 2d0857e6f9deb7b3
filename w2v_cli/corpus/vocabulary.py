"""The words of a corpus: which are kept, in which order, how often each occurs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from w2v_cli.corpus.texts import Reader
from w2v_cli.corpus.tokens import NEWLINE_ID, Tokens
from w2v_cli.errors import VocabularyError

# No text has as many, and int64 still holds their sum.
MOST_TOKENS = 1 << 62
# Words that numpy works on at a time, as what it needs for each is several times as long as the word.
PART_WORDS = 1 << 16


class Vocabulary:
    """V words, most frequent first, words of one count by their UTF-8 bytes.

    Attributes
    ----------
    words : list of str, V of them.
    counts : int64 (V,), occurrences of each word in the corpus.
    """

    def __init__(self, words: Iterable[str], counts: np.ndarray) -> None:
        self.words = list(words)
        self.counts = counts

    def __len__(self) -> int:
        return len(self.words)


def first_ids(reader: Reader, ids_of: Mapping[str, int], limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The first tokens of a text that are in a vocabulary which is there already.

    Returns
    -------
    ids : int32, at most `limit` · boundaries : int64, ascending places in it where a new line begins.
    """
    ids: list[int] = []
    boundaries: list[int] = []
    for piece in reader.pieces():
        for number, line in enumerate(piece.data.split(b"\n")):
            if number:
                boundaries.append(len(ids))
            # As bytes, where U+00A0 or U+3000 separates nothing.
            ids += [ids_of[word] for word in map(bytes.decode, line.split()) if word in ids_of]
        if len(ids) >= limit:
            break
    inside = sorted({place for place in boundaries if 0 < place < min(len(ids), limit)})
    return np.array(ids[:limit], np.int32), np.array(inside, np.int64)


def make_vocabulary(
    tokens: Tokens, min_count: int, max_vocab: int | None, source: str
) -> tuple[Vocabulary, np.ndarray]:
    """The vocabulary of all counted tokens, and how the table's entries translate into its ids.

    Parameters
    ----------
    tokens : the words of the whole corpus.
    min_count : words that occur less often are dropped.
    max_vocab : at most this many are kept, the most frequent ones; None keeps all.
    source : the corpus's name, for the error.

    Returns
    -------
    The vocabulary, and int32 (tokens.size,): each entry's id, or −1 for a word that is dropped.

    Raises
    ------
    VocabularyError
        If no word is left.
    """
    counts = tokens.counts
    kept = np.flatnonzero(counts >= min_count)
    kept = kept[kept != NEWLINE_ID]
    if len(kept) == 0:
        if len(counts) == 1:
            raise VocabularyError(f"there is not one word in {source}")
        raise VocabularyError(f"no word occurs {min_count} times or more in {source}", hint="lower --min-count")
    word_bytes, word_offsets = tokens.word_bytes, tokens.word_offsets
    order = kept[_by_count_then_bytes(kept, counts, word_bytes, word_offsets)][:max_vocab]
    del kept
    words = (word for part in _parts(order) for word in _words(part, word_bytes, word_offsets))
    ids = np.full(len(counts), -1, np.int32)
    ids[order] = np.arange(len(order), dtype=np.int32)
    return Vocabulary(words, counts[order]), ids


def _parts(entries: np.ndarray) -> Iterator[np.ndarray]:
    """A part of the entries after the other."""
    return (entries[first : first + PART_WORDS] for first in range(0, len(entries), PART_WORDS))


def _words(entries: np.ndarray, word_bytes: np.ndarray, word_offsets: np.ndarray) -> list[str]:
    """The words of some entries, in their order: put one after the other, a newline behind each, and split."""
    lengths = word_offsets[entries + 1] - word_offsets[entries]
    ends = np.cumsum(lengths + 1)
    # Within each word the source advances by one; at its start it jumps to the word's own place.
    source = np.ones(ends[-1], np.int64)
    source[0] = word_offsets[entries[0]]
    source[ends[:-1]] = word_offsets[entries[1:]] - (word_offsets[entries[:-1]] + lengths[:-1])
    text = word_bytes[np.minimum(np.cumsum(source), len(word_bytes) - 1)]
    text[ends - 1] = ord("\n")
    return text.tobytes().decode()[:-1].split("\n")


def _by_count_then_bytes(
    entries: np.ndarray, counts: np.ndarray, word_bytes: np.ndarray, word_offsets: np.ndarray
) -> np.ndarray:
    """The places of `entries` in the vocabulary's order.

    numpy sorts by count and by the first eight bytes; the few words that still tie are left to Python.
    """
    heads = np.concatenate([_heads(part, word_bytes, word_offsets) for part in _parts(entries)])
    order = np.lexsort((heads, -counts[entries]))
    ranked_counts, ranked_heads = counts[entries][order], heads[order]
    ties = (ranked_counts[1:] == ranked_counts[:-1]) & (ranked_heads[1:] == ranked_heads[:-1])
    edges = np.flatnonzero(np.diff(np.concatenate(([0], ties.astype(np.int8), [0]))))
    contents = word_bytes.tobytes() if len(edges) else b""
    for first, last in edges.reshape(-1, 2):
        tied = order[first : last + 1]
        order[first : last + 1] = sorted(
            tied, key=lambda place: contents[slice(*word_offsets[entries[place] : entries[place] + 2])]
        )
    return order


def _heads(entries: np.ndarray, word_bytes: np.ndarray, word_offsets: np.ndarray) -> np.ndarray:
    """The first eight bytes of each word as a number, uint64, that sorts as they do."""
    starts, ends = word_offsets[entries], word_offsets[entries + 1]
    heads = np.zeros(len(entries), np.uint64)
    for i in range(8):
        inside = starts + i < ends
        heads[inside] |= word_bytes[(starts + i)[inside]].astype(np.uint64) << np.uint64(56 - 8 * i)
    return heads
