"""The vocabulary of a run that goes on from a model: the words of the model, and those of the text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.corpus.tokens import NEWLINE_ID, Tokens
from w2v_cli.corpus.vocabulary import Joined, Vocabulary, by_count_then_bytes
from w2v_cli.errors import VocabularyError
from w2v_cli.storage.words import MOST_TOKENS, Words


class Earlier(NamedTuple):
    """The words that a run begins with, and how they join those of the text.

    Attributes
    ----------
    name : what messages call the model.
    words : its words, in the order of its rows.
    counts : int64, how often each occurred in the text of the model; None if unknown, which counts as 0.
    keeps : which words the run has: both, text (those that the text lacks are dropped), or model (those that the model
        lacks are dropped, and its order and counts stay).
    drives : whose counts drive noise and subsampling: text, sum or model.
    """

    name: str
    words: Words
    counts: np.ndarray | None
    keeps: str
    drives: str


def join_vocabulary(
    earlier: Earlier, tokens: Tokens, min_count: int, max_vocab: int | None, source: str
) -> tuple[Vocabulary, np.ndarray]:
    """Choose the words of a model and of all counted tokens, most frequent first unless those of the model are kept.

    Parameters
    ----------
    tokens : the words of the whole corpus.
    min_count : words that the model lacks are dropped if they occur less often in the text.
    max_vocab : at most this many words are kept in all; None keeps all.
    source : the name of the corpus, for the error message.

    Returns
    -------
    The vocabulary, and for each entry of the table its id, int32 (tokens.size,); −1 for a word that is dropped.

    Raises
    ------
    VocabularyError
        If no word of the model is left, or the counts are higher than any text has.
    """
    known, counts = len(earlier.words), tokens.counts
    entries = _entries(earlier.words, tokens)
    is_new = counts >= min_count if earlier.keeps != "model" else np.zeros(len(counts), bool)
    is_new[entries[entries >= 0]] = is_new[NEWLINE_ID] = False
    new = np.flatnonzero(is_new)
    new = new[by_count_then_bytes(new, counts, tokens.words)]
    rows = np.flatnonzero(entries >= 0) if earlier.keeps == "text" else np.arange(known)
    if len(rows) == 0:
        raise VocabularyError(
            f"no word of {earlier.name} is in {source}, so --words text would keep nothing of it",
            hint="split the text into words as that of the model was, such as with --lower",
        )
    # The entry −1 finds the 0 at the end.
    in_text = np.concatenate((np.append(counts, 0)[entries[rows]], counts[new]))
    earlier_counts = np.zeros(known, np.int64) if earlier.counts is None else np.asarray(earlier.counts, np.int64)
    before = np.concatenate((earlier_counts[rows], np.zeros(len(new), np.int64)))
    if int(in_text.sum()) + int(before.sum()) > MOST_TOKENS:
        raise VocabularyError(f"{earlier.name} has counts that no text can have, together with those of {source}")
    total = in_text + before
    # A new word has no count in the model, so it takes part with that of the text.
    drives = {"text": in_text, "sum": total, "model": np.concatenate((before[: len(rows)], in_text[len(rows) :]))}
    order = np.argsort(-total, kind="stable")[:max_vocab]
    if earlier.keeps == "model":
        order = np.arange(len(total))[:max_vocab]
        total = total if earlier.counts is None else before
    all_rows, all_entries = np.append(rows, np.full(len(new), -1)), np.append(entries[rows], new)
    words = Words.joined(earlier.words.take(rows), tokens.words.take(new)).take(order)
    joined = Joined(all_rows[order].astype(np.int32), in_text[order], drives[earlier.drives][order])
    ids = np.full(len(counts) + 1, -1, np.int32)
    ids[all_entries[order]] = np.arange(len(order), dtype=np.int32)
    # The last element stands for words without an entry, which are written at −1.
    return Vocabulary(words, total[order], joined), ids[:-1].copy()


def _entries(words: Words, tokens: Tokens) -> np.ndarray:
    """Return the entry of each word in the table of the text, int64; −1 for a word that the text lacks."""
    entries = np.full(len(words), -1)
    for word_id, found in Words.joined(words, tokens.words).repeats():
        entries[word_id] = found - len(words)
    return entries
