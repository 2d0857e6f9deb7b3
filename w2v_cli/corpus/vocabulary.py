"""The words of a corpus: which are kept, in which order, and how often each occurs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from w2v_cli.corpus.texts import Texts
from w2v_cli.corpus.tokens import NEWLINE_ID, Tokens
from w2v_cli.errors import VocabularyError
from w2v_cli.storage.tensors import word_tensors
from w2v_cli.storage.words import Words

# numpy sorts words in parts of this size, because it needs several times as much memory for a word as the word has.
PART_WORDS = 1 << 16


class Joined(NamedTuple):
    """How the words of a text and of a model make up one vocabulary; see `joining`.

    Attributes
    ----------
    rows : int32 (V,), the row of each word in the model; −1 for a new word.
    text_counts : int64 (V,), occurrences in the text alone.
    training_counts : int64 (V,), those that drive noise and subsampling.
    """

    rows: np.ndarray
    text_counts: np.ndarray
    training_counts: np.ndarray


class Vocabulary:
    """The words of a model, in the order of its rows.

    Words from a text come in descending order of count, and words with the same count in the order of their UTF-8
    bytes. Words from a `--vocab` file come in the order of the file. A vocabulary that goes on from that of a model is
    ordered by its counts, too; of words with the same count, those of the model come first, in their order.

    Attributes
    ----------
    words : V words.
    counts : int64 (V,), occurrences of each word in the corpus; with a model also those that it was trained on.
    joined : how a model and a text make it up; None if there is no model.
    """

    def __init__(self, words: Sequence[str], counts: np.ndarray, joined: Joined | None = None) -> None:
        self.words = Words.of(words)
        self.counts = counts
        self.joined = joined

    def __len__(self) -> int:
        return len(self.words)

    @property
    def text_counts(self) -> np.ndarray:
        """Occurrences of each word in the text that is trained on, int64 (V,)."""
        return self.counts if self.joined is None else self.joined.text_counts

    @property
    def training_counts(self) -> np.ndarray:
        """The counts that drive noise and subsampling, int64 (V,)."""
        return self.counts if self.joined is None else self.joined.training_counts

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the words and all that is known of them, by name."""
        joined = {} if self.joined is None else self.joined._asdict()
        return {"counts": self.counts, **joined, **word_tensors(self.words)}


def first_ids(texts: Texts, ids_of: Mapping[str, int], limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of the first tokens of a text that an existing vocabulary has.

    Parameters
    ----------
    ids_of : the id of each word of the vocabulary.
    limit : the most tokens to return.

    Returns
    -------
    ids : int32 (n,), n ≤ limit.
    boundaries : int64, ascending, inside (0, n): where a new line begins.
    """
    ids: list[int] = []
    boundaries: list[int] = []
    for piece in texts.pieces():
        for number, line in enumerate(piece.data.split(b"\n")):
            if number:
                boundaries.append(len(ids))
            # The bytes are split, not the decoded text, where U+00A0 or U+3000 would separate words.
            ids += [ids_of[word] for word in map(bytes.decode, line.split()) if word in ids_of]
        if len(ids) >= limit:
            break
    inside = sorted({boundary for boundary in boundaries if 0 < boundary < min(len(ids), limit)})
    return np.array(ids[:limit], np.int32), np.array(inside, np.int64)


def make_vocabulary(
    tokens: Tokens, min_count: int, max_vocab: int | None, source: str
) -> tuple[Vocabulary, np.ndarray]:
    """Choose the words of a vocabulary among all counted tokens.

    Parameters
    ----------
    tokens : the words of the whole corpus.
    min_count : words that occur less often are dropped.
    max_vocab : at most this many are kept, the most frequent ones; None keeps all.
    source : the name of the corpus, for the error message.

    Returns
    -------
    The vocabulary, and for each entry of the table its id, int32 (tokens.size,); −1 for a word that is dropped.

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
            raise VocabularyError(f"there are no words in {source}")
        raise VocabularyError(f"no word occurs {min_count} times or more in {source}", hint="lower --min-count")
    words = tokens.words
    order = kept[by_count_then_bytes(kept, counts, words)][:max_vocab]
    del kept
    ids = np.full(len(counts), -1, np.int32)
    ids[order] = np.arange(len(order), dtype=np.int32)
    return Vocabulary(words.take(order), counts[order]), ids


def by_count_then_bytes(entries: np.ndarray, counts: np.ndarray, words: Words) -> np.ndarray:
    """Return the indices that put `entries` into the order of the vocabulary, int64.

    numpy sorts by count and by the first eight bytes; Python sorts the few words that still tie.
    """
    heads = _heads(entries, words)
    order = np.lexsort((heads, -counts[entries]))
    ranked_counts, ranked_heads = counts[entries][order], heads[order]
    ties = (ranked_counts[1:] == ranked_counts[:-1]) & (ranked_heads[1:] == ranked_heads[:-1])
    edges = np.flatnonzero(np.diff(np.concatenate(([0], ties.astype(np.int8), [0]))))
    for first, last in edges.reshape(-1, 2):
        tied = order[first : last + 1]
        order[first : last + 1] = sorted(tied, key=lambda index: words.bytes_of(int(entries[index])))
    return order


def _heads(entries: np.ndarray, words: Words) -> np.ndarray:
    """Return the first eight bytes of each word as a number that sorts in the same order, uint64."""
    heads = np.zeros(len(entries), np.uint64)
    for first in range(0, len(entries), PART_WORDS):
        part = entries[first : first + PART_WORDS]
        starts, ends = words.offsets[part], words.offsets[part + 1]
        for i in range(8):
            inside = starts + i < ends
            byte = words.text[(starts + i)[inside]].astype(np.uint64)
            heads[first : first + PART_WORDS][inside] |= byte << np.uint64(56 - 8 * i)
    return heads
