"""Questions to the vectors: which words lie nearest to a direction, or fit an analogy. Exact: every word is looked at.

Cosines of many queries are made in float32 as one matrix product. The words that might belong to the best by them are
scored again in float64, so that neither the ranking nor a tie hangs on a rounding: ties come in vocabulary order.

References: Mikolov et al. 2013, NAACL (3CosAdd); Levy & Goldberg 2014, CoNLL (3CosMul).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError

COSMUL_EPSILON = 1e-6  # as gensim; Levy & Goldberg take 1e-3
_SCORE_BYTES = 1 << 26  # of cosines held at once, whatever the number of queries
# So many times k blocks: then the k best words lie in k blocks, nearly.
_BLOCKS_PER_ANSWER = 8


class Neighbour(NamedTuple):
    """A word and the cosine of its angle to what was asked for."""

    word: str
    cosine: float


class Answer(NamedTuple):
    """A word and how well it fits a question, by the question's method."""

    word: str
    score: float


class Found(NamedTuple):
    """Words that were found, best first: ids int64 (k,), scores float64 (k,)."""

    ids: np.ndarray
    scores: np.ndarray


class Query(NamedTuple):
    """A sum of words, each taken +1 or −1 times."""

    words: tuple[str, ...]
    signs: tuple[int, ...]

    @property
    def text(self) -> str:
        """As it is written: king - man + woman."""
        signed = (f"{'+' if sign > 0 else '-'} {word}" for word, sign in zip(self.words, self.signs, strict=True))
        return " ".join(signed).removeprefix("+ ")


def parse_query(text: str, known: Container[str]) -> Query:
    """Read a word, or a sum such as `king - man + woman` or `king -man +woman`.

    A sign counts at the start and after white space, so `well-known` is a word; and what is a known word as it stands
    is that word.

    Raises
    ------
    ConfigError
        If there is no word, or a sign has none.
    """
    if text in known:
        return Query((text,), (1,))
    if not text.strip(" \t"):
        raise ConfigError("a question is empty", hint='ask for a word, or for a sum: "king - man + woman"')
    first, *rest = re.split(r"(?:^|[ \t]+)([+-])[ \t]*", text)
    signs = [1, *(1 if sign == "+" else -1 for sign in rest[::2])]
    words = [first, *rest[1::2]]
    if rest and not first:
        signs, words = signs[1:], words[1:]
    if not all(words):
        raise ConfigError(f"a sign has no word in {text!r}", hint='write sums as "king - man + woman"')
    return Query(tuple(words), tuple(signs))


def similar(
    vectors: WordVectors,
    words: Sequence[str | Query],
    k: int = 10,
    *,
    exclude: Collection[str] = (),
    restrict_vocab: int | None = None,
    threshold: float | None = None,
) -> list[list[Neighbour]]:
    """For each word, or sum of words, the k others with the largest cosine.

    Parameters
    ----------
    words : words; or queries, whose direction is the sum of their words' vectors at length 1.
    exclude : words that are no answers; they need not be known.
    restrict_vocab : answer among so many of the first words; None: among all.
    threshold : the smallest cosine of an answer.

    Raises
    ------
    UnknownWordError
        If words are unknown; names all of them.
    """
    queries = [Query((word,), (1,)) if isinstance(word, str) else word for word in words]
    ids = vectors.ids_of([word for query in queries for word in query.words])
    barred = set(vectors.known_ids(exclude))
    directions, excluded, start = np.zeros((len(queries), vectors.dim)), [], 0
    for row, query in enumerate(queries):
        own = ids[start : start + len(query.words)]
        start += len(own)
        directions[row] = np.array(query.signs) @ unit_rows(vectors, own)
        excluded.append(barred | set(own.tolist()))
    return nearest(vectors, directions, k, excluded, restrict_vocab, threshold)


def nearest(
    vectors: WordVectors,
    directions: np.ndarray,
    k: int,
    excluded: Sequence[Collection[int]],
    restrict_vocab: int | None = None,
    threshold: float | None = None,
) -> list[list[Neighbour]]:
    """The k words with the largest cosine to each direction; words of equal cosine in vocabulary order.

        cos(q, r) = q·r / (|q| |r|)

    Parameters
    ----------
    directions : float (n, D), of any length; a zero vector has cosine 0 with every word.
    excluded : n collections of ids that are no answer.
    restrict_vocab, threshold : as of `similar`.
    """
    answers = []
    for ids, cosines in find_nearest(vectors, directions, k, excluded, restrict_vocab):
        wanted = len(ids) if threshold is None else int(np.count_nonzero(cosines >= threshold))
        found = zip(ids[:wanted].tolist(), cosines[:wanted].tolist(), strict=True)
        answers.append([Neighbour(vectors.words[word_id], cosine) for word_id, cosine in found])
    return answers


def find_nearest(
    vectors: WordVectors,
    directions: np.ndarray,
    k: int,
    excluded: Sequence[Collection[int]],
    restrict_vocab: int | None = None,
) -> Iterator[Found]:
    """`nearest` by ids, a direction after the other."""
    units = _unit(directions.astype(np.float64))
    margin = 2 * _cosine_error(vectors)  # for both sides of a comparison
    batch = max(1, _SCORE_BYTES // (4 * len(vectors.matrix[:restrict_vocab])))
    for first in range(0, len(units), batch):
        cosines = vectors.cosines(units[first : first + batch].astype(np.float32), restrict_vocab)
        for unit, row, barred in zip(units[first:], cosines, excluded[first:], strict=False):
            _bar_ids(row, barred)
            ids = np.flatnonzero(row >= max(_reached_by(row, k) - margin, -2))
            yield _best(ids, _cosines(vectors, ids, unit), k)


def analogy(
    vectors: WordVectors,
    questions: Sequence[tuple[str, str, str]],
    k: int = 10,
    method: str = "3cosadd",
    restrict_vocab: int | None = None,
) -> list[list[Answer]]:
    """For each question "a is to b as c is to ?" the k words that answer it best; never one of a, b, c.

    Raises
    ------
    UnknownWordError
        If words are unknown; names all of them.
    """
    ids = vectors.ids_of([word for question in questions for word in question]).reshape(-1, 3)
    return [
        [Answer(vectors.words[word_id], score) for word_id, score in zip(*map(np.ndarray.tolist, found), strict=True)]
        for found in find_analogies(vectors, ids, k, method, restrict_vocab)
    ]


def find_analogies(
    vectors: WordVectors, questions: np.ndarray, k: int, method: str = "3cosadd", restrict_vocab: int | None = None
) -> Iterator[Found]:
    """`analogy` by ids.

        3cosadd: cos(w, b̂ − â + ĉ)      3cosmul: s_b·s_c / (s_a + ε), s_x = (1 + cos(w, x)) / 2

    Parameters
    ----------
    questions : int (n, 3), rows a, b, c.
    method : one of `choices.METHODS`.
    """
    if method == "3cosmul":
        yield from _find_products(vectors, questions, k, restrict_vocab)
        return
    a, b, c = (unit_rows(vectors, column) for column in questions.T)
    yield from find_nearest(vectors, b - a + c, k, questions.tolist(), restrict_vocab)


def _find_products(vectors: WordVectors, questions: np.ndarray, k: int, restrict_vocab: int | None) -> Iterator[Found]:
    """3CosMul: the float32 cosines give bounds of every word's score; words that may win by them are scored again."""
    error = np.float32(_cosine_error(vectors) / 2)
    # Questions share words; a batch has at most three cosines a question.
    batch = max(1, _SCORE_BYTES // (3 * 4 * len(vectors.matrix[:restrict_vocab])))
    for first in range(0, len(questions), batch):
        asked, places = np.unique(questions[first : first + batch], return_inverse=True)
        units = unit_rows(vectors, asked)
        shifted = vectors.cosines(units.astype(np.float32), restrict_vocab)
        shifted += 1
        shifted /= 2
        for abc in places.reshape(-1, 3):
            s_a, s_b, s_c = shifted[abc]
            low = np.maximum(s_b - error, 0) * np.maximum(s_c - error, 0) / (s_a + error + COSMUL_EPSILON)
            high = (s_b + error) * (s_c + error) / (np.maximum(s_a - error, 0) + COSMUL_EPSILON)
            for bounds in (low, high):
                _bar_ids(bounds, asked[abc])
            ids = np.flatnonzero(high >= max(_reached_by(low, k), 0))
            s_a, s_b, s_c = ((1 + _cosines(vectors, ids, units[place])) / 2 for place in abc)
            yield _best(ids, s_b * s_c / (s_a + COSMUL_EPSILON), k)


def odd_one_out(vectors: WordVectors, words: Sequence[str]) -> list[Neighbour]:
    """Words with their cosines to the mean of all their vectors at length 1, the one that does not belong first."""
    ids = vectors.ids_of(words)
    mean = _unit(unit_rows(vectors, ids).sum(axis=0, keepdims=True))[0]
    cosines = _cosines(vectors, ids, mean)
    return [Neighbour(words[i], float(cosines[i])) for i in np.argsort(cosines, kind="stable")]


def cosines_between(vectors: WordVectors, words: Sequence[str]) -> np.ndarray:
    """The cosine of every two of n words, float64 (n, n)."""
    units = unit_rows(vectors, vectors.ids_of(words))
    return np.einsum("ik,jk->ij", units, units)


def unit_rows(vectors: WordVectors, ids: np.ndarray) -> np.ndarray:
    """The vectors of some words at length 1, float64; ModelFileError if one holds NaN or infinity."""
    rows = vectors.matrix[ids].astype(np.float64)
    vectors.require_finite(np.einsum("ij,ij->i", rows, rows), ids)
    return _unit(rows)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows at length 1; rows of zeros stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.where(norms > 0, norms, 1)[:, np.newaxis]


def _cosines(vectors: WordVectors, ids: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Cosines of some words to a direction of length 1, float64."""
    # einsum and not @: equal rows must give equal sums, wherever they stand.
    return np.einsum("ij,j->i", unit_rows(vectors, ids), unit)


def _cosine_error(vectors: WordVectors) -> float:
    """What the float32 cosine of two D-vectors is off by, at most: the sums of D terms, and a few roundings besides."""
    return float((vectors.dim + 8) * np.finfo(np.float32).eps)


def _bar_ids(scores: np.ndarray, ids: Collection[int]) -> None:
    """Make some words win nothing; they may lie outside the restriction."""
    scores[[word_id for word_id in ids if word_id < len(scores)]] = -np.inf


def _reached_by(values: np.ndarray, k: int) -> float:
    """A value that k or more elements reach, and few besides: the k-th largest maximum of blocks; −∞ if there are
    not so many."""
    if k > len(values):
        return -np.inf
    width = len(values) // (k * _BLOCKS_PER_ANSWER)
    if width > 1:
        values = values[: len(values) // width * width].reshape(-1, width).max(axis=1)
    return float(np.partition(values, len(values) - k)[len(values) - k])


def _best(ids: np.ndarray, scores: np.ndarray, k: int) -> Found:
    """The k largest scores, equal ones in the order of ids, which ascend."""
    order = np.argsort(-scores, kind="stable")[:k]
    return Found(ids[order], scores[order])
