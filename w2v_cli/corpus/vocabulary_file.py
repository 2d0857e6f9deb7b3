"""A vocabulary that is given: words with counts in a file, as `w2v vocab` prints them and word2vec.c saves them."""

from __future__ import annotations

import os

import numpy as np

from w2v_cli.corpus.tokens import PADDING, Tokens, make_tokens
from w2v_cli.corpus.vocabulary import MOST_TOKENS, Vocabulary
from w2v_cli.errors import VocabularyError

# A word that occurs more often than that is in no text.
MOST_DIGITS = 13


def read_vocabulary(path: str | os.PathLike[str], min_count: int, max_vocab: int | None) -> Vocabulary:
    """The words of a file in its order, with its counts.

    Parameters
    ----------
    path : lines of a word, a tab or a space, and its count; what follows a second tab is ignored.
    min_count : words with a smaller count are left out · max_vocab : at most so many of the others, the first ones.

    Raises
    ------
    VocabularyError
        If the file cannot be read, a line is no word with a count, a word is there twice, none is left, or the counts
        are more than any text has.
    """
    name = os.fspath(path)
    words, counts = list[str](), list[int]()
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                fields = line.rstrip("\r\n").split("\t" if "\t" in line else " ")
                if fields == [""]:
                    continue
                if len(fields) < 2 or fields[0].encode().split() != [fields[0].encode()] or not _is_count(fields[1]):
                    raise VocabularyError(f"{name}, line {number}: expected a word and its count", hint="see w2v vocab")
                if int(fields[1]) >= min_count:
                    words.append(fields[0])
                    counts.append(int(fields[1]))
    except OSError as error:
        raise VocabularyError(f"cannot read {name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{name} is not UTF-8 text") from error
    if not words:
        raise VocabularyError(f"{name} has no word with a count of {min_count} or more", hint="lower --min-count")
    if len(set(words)) < len(words):
        again = next(word for word, before in zip(sorted(words)[1:], sorted(words), strict=False) if word == before)
        raise VocabularyError(f"{name} has the word {again} twice")
    if sum(counts[:max_vocab]) > MOST_TOKENS:
        raise VocabularyError(f"{name} has counts that no text can have: their sum is {sum(counts[:max_vocab]):,}")
    return Vocabulary(words[:max_vocab], np.array(counts[:max_vocab], np.int64))


def _is_count(field: str) -> bool:
    """Whether a field is a whole number, and small enough for their sum to be one of 64 bits."""
    return field.isdecimal() and len(field) <= MOST_DIGITS


def ids_in(vocabulary: Vocabulary, tokens: Tokens) -> np.ndarray:
    """How a table's entries translate into the ids of a vocabulary: int32 (tokens.size,), −1 for other words."""
    table = make_tokens()
    # The table numbers words in the order of first sight, and the end of a line is 0.
    table.add("\n".join(vocabulary.words).encode() + PADDING)
    entries = table.absorb(tokens)
    return np.where((entries > 0) & (entries <= len(vocabulary)), entries - 1, -1).astype(np.int32)
