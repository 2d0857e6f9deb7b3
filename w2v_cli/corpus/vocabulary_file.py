"""A vocabulary from a file of words with counts, as `w2v vocab` prints it and word2vec.c saves it."""

from __future__ import annotations

import io
import os

import numpy as np

from w2v_cli.corpus.tokens import PADDING, Tokens, make_tokens
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.errors import VocabularyError
from w2v_cli.storage.opening import open_input
from w2v_cli.storage.urls import absolute_path
from w2v_cli.storage.words import MOST_TOKENS

# No text has a word that occurs so often that its count has more digits.
MOST_DIGITS = 13


def read_vocabulary(path: str | os.PathLike[str], min_count: int, max_vocab: int | None) -> Vocabulary:
    """Read the words of a file, in its order, with its counts.

    Parameters
    ----------
    path : lines of a word, a tab or a space, and its count; what follows a second tab is ignored.
    min_count : words with a smaller count are left out.
    max_vocab : at most this many of the others are kept, the first ones; None keeps all.

    Raises
    ------
    VocabularyError
        If the file cannot be read, a line is not a word with a count, a word is repeated, no word is left, or the
        counts are higher than any text has.
    """
    name = os.fspath(path)
    words, counts = _words_and_counts(name, min_count)
    if not words:
        raise VocabularyError(f"{name} has no word with a count of {min_count} or more", hint="lower --min-count")
    if len(set(words)) < len(words):
        again = next(word for word, before in zip(sorted(words)[1:], sorted(words), strict=False) if word == before)
        raise VocabularyError(f"{name} has the word {again} twice")
    words, counts = words[:max_vocab], counts[:max_vocab]
    if sum(counts) > MOST_TOKENS:
        raise VocabularyError(f"{name} has counts that no text can have: their sum is {sum(counts):,}")
    return Vocabulary(words, np.array(counts, np.int64))


def _words_and_counts(name: str, min_count: int) -> tuple[list[str], list[int]]:
    """Return the words that occur often enough, and their counts."""
    words, counts = list[str](), list[int]()
    try:
        # An absolute path, because `-` is a file of that name here.
        with open_input(absolute_path(name)) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                fields = line.rstrip("\r\n").split("\t" if "\t" in line else " ")
                if fields == [""]:
                    continue
                if len(fields) < 2 or not _is_word(fields[0]) or not _is_count(fields[1]):
                    raise VocabularyError(f"{name}, line {number}: expected a word and its count", hint="see w2v vocab")
                if int(fields[1]) >= min_count:
                    words.append(fields[0])
                    counts.append(int(fields[1]))
    except OSError as error:
        raise VocabularyError(f"cannot read {name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{name} is not UTF-8 text") from error
    return words, counts


def _is_word(field: str) -> bool:
    """Return whether a field is a single token."""
    return field.encode().split() == [field.encode()]


def _is_count(field: str) -> bool:
    """Return whether a field is a whole number, and small enough for the sum of many to fit into 64 bits."""
    return field.isdecimal() and len(field) <= MOST_DIGITS


def ids_in(vocabulary: Vocabulary, tokens: Tokens) -> np.ndarray:
    """Return for each entry of a table its id in a vocabulary, int32 (tokens.size,); −1 for other words."""
    table = make_tokens()
    # A table numbers words in the order in which it sees them. Entry 0 is the newline, so entry i is word i − 1.
    table.add("\n".join(vocabulary.words).encode() + PADDING)
    entries = table.absorb(tokens)
    return np.where((entries > 0) & (entries <= len(vocabulary)), entries - 1, -1).astype(np.int32)
