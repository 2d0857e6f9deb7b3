"""Find the words nearest to a direction, or those that complete an analogy. The search is exact.

Every word is looked at. The cosines of many queries are computed in float32 as one matrix product. Words that could be
among the best, given the error of those cosines, are scored again in float64. So rounding decides neither the ranking
nor a tie: words of equal score come in vocabulary order.

References: Mikolov et al. 2013, NAACL (3CosAdd); Levy & Goldberg 2014, CoNLL (3CosMul).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.matrix import Matrix
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError

COSMUL_EPSILON = 1e-6  # as in gensim; Levy & Goldberg use 1e-3
_SCORE_BYTES = 1 << 26  # cosines held in memory at once, whatever the number of queries
# `_reached_by` uses this many blocks per answer, so that the k best words are nearly always in k different blocks.
_BLOCKS_PER_ANSWER = 8


class Neighbour(NamedTuple):
    """A word, and the cosine of the angle between its vector and the query."""

    word: str
    cosine: float


class Answer(NamedTuple):
    """A word, and how well it answers a question by the chosen method."""

    word: str
    score: float


class Found(NamedTuple):
    """The ids of the words that were found, int64 (k,), and their scores, float64 (k,); best first."""

    ids: np.ndarray
    scores: np.ndarray


class Query(NamedTuple):
    """A sum of words, each with the sign +1 or −1."""

    words: tuple[str, ...]
    signs: tuple[int, ...]

    @property
    def text(self) -> str:
        """The sum as it is written: king - man + woman."""
        signed = (f"{'+' if sign > 0 else '-'} {word}" for word, sign in zip(self.words, self.signs, strict=True))
        return " ".join(signed).removeprefix("+ ")


def parse_query(text: str, known: Container[str]) -> Query:
    """Parse a word, or a sum such as `king - man + woman` or `king -man +woman`.

    A sign counts only at the start or after white space, so `well-known` is one word. A text that is itself a known
    word is taken as that word.

    Raises
    ------
    ConfigError
        If the text is empty, or a sign is not followed by a word.

    Examples
    --------
    >>> parse_query("king - man + woman", known=[])
    Query(words=('king', 'man', 'woman'), signs=(1, -1, 1))
    >>> parse_query("+1", known=["+1"])
    Query(words=('+1',), signs=(1,))
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
    """Return for each word, or sum of words, the k other words with the largest cosine.

    Parameters
    ----------
    words : words or queries; the direction of a query is the sum of its words' unit vectors.
    exclude : words that must not be answers; they need not be known.
    restrict_vocab : search only this many of the most frequent words; None: all.
    threshold : the smallest cosine that an answer may have.

    Raises
    ------
    UnknownWordError
        If any word is unknown; the error names all of them.

    Examples
    --------
    >>> matrix = np.array([[1, 0], [4, 3], [0, 1]], dtype=np.float32)
    >>> vectors = WordVectors(["east", "northeast", "north"], matrix)
    >>> similar(vectors, ["east"], k=1)
    [[Neighbour(word='northeast', cosine=0.8)]]
    >>> similar(vectors, [parse_query("east + north", vectors)])[0][0].word
    'northeast'
    """
    queries = [Query((word,), (1,)) if isinstance(word, str) else word for word in words]
    vectors = vectors.covering([word for query in queries for word in query.words])
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
    """Return the k words with the largest cosine to each direction; words of equal cosine in vocabulary order.

        cos(q, r) = q·r / (|q| |r|)

    Parameters
    ----------
    directions : float (n, D), of any length; a zero vector has cosine 0 with every word.
    excluded : for each of the n directions, the ids of words that must not be answers.
    restrict_vocab, threshold : as in `similar`.

    Examples
    --------
    >>> vectors = WordVectors(["east", "north", "west"], np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32))
    >>> nearest(vectors, np.array([[5.0, 0.0]]), k=2, excluded=[[]])
    [[Neighbour(word='east', cosine=1.0), Neighbour(word='north', cosine=0.0)]]
    """
    answers = []
    for ids, cosines in find_nearest(vectors, directions, k, excluded, restrict_vocab):
        wanted = len(ids) if threshold is None else int(np.count_nonzero(cosines >= threshold))
        found = zip(ids[:wanted].tolist(), cosines[:wanted].tolist(), strict=True)
        answers.append([Neighbour(vectors.words[word_id], cosine) for word_id, cosine in found])
    return answers


def find_nearest(
    vectors: Matrix,
    directions: np.ndarray,
    k: int,
    excluded: Sequence[Collection[int]],
    restrict_vocab: int | None = None,
) -> Iterator[Found]:
    """Yield what `nearest` finds for each direction, as ids."""
    if not len(vectors):
        raise ModelFileError(
            "the model has no words that could be answers", hint="w2v distance and w2v ngrams need no other words"
        )
    units = _unit(directions.astype(np.float64))
    margin = 2 * _cosine_error(vectors)  # both sides of a comparison may be off
    batch = max(1, _SCORE_BYTES // (4 * vectors.searched(restrict_vocab)))
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
    """Return the k best answers to each question "a is to b as c is to ?"; a, b and c are never answers.

    Raises
    ------
    UnknownWordError
        If any word is unknown; the error names all of them.

    Examples
    --------
    >>> matrix = np.array([[0, 1, 1], [0, -1, 1], [1, 1, 1], [1, -1, 1]], dtype=np.float32)
    >>> vectors = WordVectors(["man", "woman", "king", "queen"], matrix)
    >>> analogy(vectors, [("man", "king", "woman")], k=1)[0][0].word
    'queen'
    """
    vectors = vectors.covering([word for question in questions for word in question])
    ids = vectors.ids_of([word for question in questions for word in question]).reshape(-1, 3)
    return [
        [Answer(vectors.words[word_id], score) for word_id, score in zip(*map(np.ndarray.tolist, found), strict=True)]
        for found in find_analogies(vectors, ids, k, method, restrict_vocab)
    ]


def find_analogies(
    vectors: Matrix, questions: np.ndarray, k: int, method: str = "3cosadd", restrict_vocab: int | None = None
) -> Iterator[Found]:
    """Yield what `analogy` finds for each question, as ids. The score of a word w is

        3cosadd: cos(w, b̂ − â + ĉ)      3cosmul: s_b·s_c / (s_a + ε), s_x = (1 + cos(w, x)) / 2

    Parameters
    ----------
    questions : int (n, 3), the ids of a, b and c.
    method : one of `choices.METHODS`.
    """
    if method == "3cosmul":
        yield from _find_products(vectors, questions, k, restrict_vocab)
        return
    a, b, c = (unit_rows(vectors, column) for column in questions.T)
    yield from find_nearest(vectors, b - a + c, k, questions.tolist(), restrict_vocab)


def _find_products(vectors: Matrix, questions: np.ndarray, k: int, restrict_vocab: int | None) -> Iterator[Found]:
    """Answer questions by 3CosMul.

    The float32 cosines give a lower and an upper bound of every word's score. Only words whose upper bound reaches the
    k-th best lower bound are scored again in float64.
    """
    error = np.float32(_cosine_error(vectors) / 2)
    # A question needs at most three rows of cosines; fewer if questions share words.
    batch = max(1, _SCORE_BYTES // (3 * 4 * vectors.searched(restrict_vocab)))
    for first in range(0, len(questions), batch):
        asked, rows = np.unique(questions[first : first + batch], return_inverse=True)
        units = unit_rows(vectors, asked)
        shifted = vectors.cosines(units.astype(np.float32), restrict_vocab)
        shifted += 1
        shifted /= 2
        for abc in rows.reshape(-1, 3):
            s_a, s_b, s_c = shifted[abc]
            low = np.maximum(s_b - error, 0) * np.maximum(s_c - error, 0) / (s_a + error + COSMUL_EPSILON)
            high = (s_b + error) * (s_c + error) / (np.maximum(s_a - error, 0) + COSMUL_EPSILON)
            for bounds in (low, high):
                _bar_ids(bounds, asked[abc])
            ids = np.flatnonzero(high >= max(_reached_by(low, k), 0))
            s_a, s_b, s_c = ((1 + _cosines(vectors, ids, units[row])) / 2 for row in abc)
            yield _best(ids, s_b * s_c / (s_a + COSMUL_EPSILON), k)


def odd_one_out(vectors: WordVectors, words: Sequence[str]) -> list[Neighbour]:
    """Return the words with their cosines to the mean of their unit vectors, smallest first: the odd one leads.

    Examples
    --------
    >>> matrix = np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32)
    >>> vectors = WordVectors(["lunch", "dinner", "bridge"], matrix)
    >>> odd_one_out(vectors, ["lunch", "bridge", "dinner"])[0].word
    'bridge'
    """
    vectors = vectors.covering(words)
    ids = vectors.ids_of(words)
    mean = _unit(unit_rows(vectors, ids).sum(axis=0, keepdims=True))[0]
    cosines = _cosines(vectors, ids, mean)
    return [Neighbour(words[i], float(cosines[i])) for i in np.argsort(cosines, kind="stable")]


def cosines_between(vectors: WordVectors, words: Sequence[str]) -> np.ndarray:
    """Return the cosine of every pair of n words, float64 (n, n).

    Examples
    --------
    >>> vectors = WordVectors(["east", "north", "west"], np.array([[2, 0], [0, 1], [-1, 0]], dtype=np.float32))
    >>> cosines_between(vectors, ["east", "west"]).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    vectors = vectors.covering(words)
    units = unit_rows(vectors, vectors.ids_of(words))
    return _clipped(np.einsum("ik,jk->ij", units, units))


def unit_rows(vectors: Matrix, ids: np.ndarray) -> np.ndarray:
    """Return the unit vectors of some words, float64 (n, D); a zero vector stays zero.

    Raises
    ------
    ModelFileError
        If one of the vectors holds NaN or infinity.
    """
    rows = vectors.rows(ids).astype(np.float64)
    vectors.require_finite(np.einsum("ij,ij->i", rows, rows), ids)
    return _unit(rows)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1; rows of zeros stay zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.where(norms > 0, norms, 1)[:, np.newaxis]


def _cosines(vectors: Matrix, ids: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return the cosines of some words with a unit vector, float64."""
    # einsum and not @, which may add in another order from row to row: equal rows must get equal cosines.
    return _clipped(np.einsum("ij,j->i", unit_rows(vectors, ids), unit))


def _clipped(cosines: np.ndarray) -> np.ndarray:
    """Return cosines without the last digit that rounding may put beyond −1 or 1."""
    return np.clip(cosines, -1, 1)


def _cosine_error(vectors: Matrix) -> float:
    """Bound the error of a float32 cosine of two D-vectors: a sum of D terms, and a few more roundings."""
    return float((vectors.dim + 8) * np.finfo(np.float32).eps)


def _bar_ids(scores: np.ndarray, ids: Collection[int]) -> None:
    """Give some words the score −∞, so that they are never answers; ids outside a restriction are ignored."""
    scores[[word_id for word_id in ids if word_id < len(scores)]] = -np.inf


def _reached_by(values: np.ndarray, k: int) -> float:
    """Return a value that at least k elements reach, and few more; −∞ if there are fewer than k elements.

    It is the k-th largest maximum of short blocks: finding the k-th largest element itself would take longer.
    """
    if k > len(values):
        return -np.inf
    width = len(values) // (k * _BLOCKS_PER_ANSWER)
    if width > 1:
        values = values[: len(values) // width * width].reshape(-1, width).max(axis=1)
    return float(np.partition(values, len(values) - k)[len(values) - k])


def _best(ids: np.ndarray, scores: np.ndarray, k: int) -> Found:
    """Return the k largest scores, best first; `ids` ascend, and so do those of equal scores."""
    order = np.argsort(-scores, kind="stable")[:k]
    return Found(ids[order], scores[order])
