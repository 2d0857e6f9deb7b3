"""Questions about keys and their vectors, with gensim's names and answers. The search is w2v's."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from w2v_cli.embeddings.matrix import Matrix
from w2v_cli.embeddings.queries import COSMUL_EPSILON, find_nearest
from w2v_cli.errors import MissingExtraError, UnknownWordError
from w2v_cli.gensim.once import warn_once
from w2v_cli.gensim.rows import KEY_TYPES, Key, KeyedRows

logger = logging.getLogger(__name__)


class Similarities(KeyedRows):
    """What can be asked of keys and their vectors.

    A key is a str or a whole number, see `get_index`. Methods that take unknown keys say so; the others raise KeyError.
    Cosines are those of gensim to six digits. Keys of equal cosine come in the order of their rows, while gensim's
    order is by chance.
    """

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
    ) -> Any:
        """Return the keys nearest to a weighted mean of vectors, with their cosines, best first.

        A vector of zeros has cosine 0 with everything, where gensim has NaN. Rows without a key are no answers.

        Parameters
        ----------
        positive, negative : a key, a vector, or a list of keys, of vectors, or of pairs of either with a weight. Keys
            count with vectors of length 1, given vectors as they are. Without a weight, it is 1 or −1. Given keys are
            never answers.
        topn : how many answers. None: return the cosines of all rows instead.
        clip_start, clip_end : answer among these rows; None or 0 as the end: to the last.
        restrict_vocab : answer among this many of the first rows.
        indexer : an object whose `most_similar(vector, topn)` answers instead, such as an index of neighbours.

        Returns
        -------
        A list of (key, cosine), or an array (rows,).

        Raises
        ------
        KeyError
            If a key is unknown.
        ValueError
            If neither keys nor vectors are given.
        ModelFileError
            If one of the vectors holds NaN or infinity.
        """
        if isinstance(topn, Integral) and topn < 1:
            return []
        terms = [_weighted(item, 1) for item in as_list(positive)] + [_weighted(item, -1) for item in as_list(negative)]
        keys, weights = [key for key, _ in terms], np.array([weight for _, weight in terms], np.float64)
        mean = self.get_mean_vector(keys, weights, post_normalize=True, ignore_missing=False)
        own = self._rows_of(keys)
        if indexer is not None and isinstance(topn, int):
            return indexer.most_similar(mean, topn)
        if restrict_vocab:
            clip_start, clip_end = 0, restrict_vocab
        start, stop, _ = slice(clip_start, clip_end or None).indices(len(self.vectors))
        matrix = self._searched(start, stop)
        if topn is None:
            return matrix.cosines(mean[np.newaxis])[0]
        if not len(matrix):
            return []
        barred = {row - start for row in own | self._unused_rows() if start <= row < stop}
        found = next(find_nearest(matrix, mean[np.newaxis], topn, [barred]))
        best = zip(found.ids.tolist(), found.scores.tolist(), strict=True)
        return [(self.index_to_key[start + row], cosine) for row, cosine in best]

    def _searched(self, start: int = 0, stop: int | None = None) -> Matrix:
        """Return some rows as w2v searches them.

        Raises
        ------
        ModelFileError
            If one of them holds NaN or infinity.
        """
        norms = self._filled_norms()[start:stop].astype(np.float32)
        norms[norms == 0] = 1
        matrix = Matrix(self.vectors[start:stop].astype(np.float32, copy=False), norms)
        matrix.require_finite(norms, range(start, start + len(norms)))
        return matrix

    def _unused_rows(self) -> set[int]:
        """Return the reserved rows that have no key yet."""
        if self.next_index >= len(self) or self.index_to_key[self.next_index] is not None:
            return set()
        return {row for row, key in enumerate(self.index_to_key) if key is None}

    def similar_by_key(self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Return the keys nearest to a key; see `most_similar`."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_word(self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Return the keys nearest to a word; see `most_similar`."""
        return self.similar_by_key(word, topn, restrict_vocab)

    def similar_by_vector(self, vector: np.ndarray, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """Return the keys nearest to a vector, (D,); see `most_similar`. A key that has this vector is an answer."""
        return self.most_similar([np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self, positive: Any = None, negative: Any = None, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """Return the keys with the largest product of similarities, 3CosMul (Levy & Goldberg 2014), best first.

        The similarity of two vectors is (1 + cos) / 2; those to negative keys divide the product, after 1e-6 was added.

        Parameters
        ----------
        positive, negative : a key, a vector, or a list of them. Keys count with vectors of length 1, given vectors as
            they are. Given keys are never answers.
        topn : how many answers. None: return the scores of all rows instead.
        restrict_vocab : ignored, as in gensim.

        Raises
        ------
        KeyError
            If a key is unknown.
        ValueError
            If no positive key or vector is given.
        """
        if isinstance(topn, Integral) and topn < 1:
            return []
        if restrict_vocab:
            warn_once("most_similar_cosmul ignores restrict_vocab, as gensim does; w2v.Model.analogy heeds it")
        given, signs = as_list(positive) + as_list(negative), len(as_list(positive))
        if not signs:
            raise ValueError("cannot compute similarity with no input")
        vectors = [self.get_vector(item, norm=True) if isinstance(item, KEY_TYPES) else item for item in given]
        similarities = (1 + self._searched().cosines(np.array(vectors, np.float32))) / 2
        scores = similarities[:signs].prod(axis=0) / (similarities[signs:].prod(axis=0) + np.float32(COSMUL_EPSILON))
        if topn is None:
            return scores
        own = self._rows_of(given) | self._unused_rows()
        order = np.argsort(-scores, kind="stable")[: topn + len(own)].tolist()
        return [(self.index_to_key[row], float(scores[row])) for row in order if row not in own][:topn]

    def _rows_of(self, items: Iterable[Any]) -> set[int]:
        """Return the rows of those of some keys and vectors that have one; a subclass composes vectors without one."""
        return {row for key in items if isinstance(key, KEY_TYPES) and (row := self.get_index(key, -1)) >= 0}

    def get_mean_vector(
        self,
        keys: Any,
        weights: Any = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> np.ndarray:
        """Return the weighted mean of vectors, (D,): the sum divided by the sum of the sizes of the weights.

        Parameters
        ----------
        keys : a list of keys or vectors, or an array (n, D).
        weights : a number for each; None: 1.
        pre_normalize : whether the vectors of keys have length 1; given vectors stay as they are.
        post_normalize : whether the mean gets length 1.
        ignore_missing : leave unknown keys out; without known ones, the mean is zero.

        Raises
        ------
        ValueError
            If there are no keys, or not as many weights.
        KeyError
            If a key is unknown and must not be left out.
        """
        if len(keys) == 0:
            raise ValueError("cannot compute mean with no input")
        given = np.ones(len(keys), self.vectors.dtype) if weights is None else np.asarray(weights)
        if len(given) != len(keys):
            raise ValueError("keys and weights array must have same number of elements")
        mean, total = np.zeros(self.vector_size, self.vectors.dtype), 0.0
        for key, weight in zip(keys, given, strict=True):
            if isinstance(key, np.ndarray):
                vector = key
            elif key in self:
                vector = self.get_vector(key, norm=pre_normalize)
            elif ignore_missing:
                continue
            else:
                raise UnknownWordError(f"Key '{key}' not present in vocabulary")
            mean += (weight * vector).astype(mean.dtype)
            total += abs(weight)
        if total > 0:
            mean = (mean / total).astype(mean.dtype)
        return _unit(mean).astype(np.float32) if post_normalize else mean

    def similarity(self, w1: Key, w2: Key) -> Any:
        """Return the cosine of two keys."""
        return np.dot(_unit(self[w1]), _unit(self[w2]))

    def _cosine(self, one: int, other: int) -> Any:
        """Return the cosine of two rows."""
        return np.dot(_unit(self.vectors[one]), _unit(self.vectors[other]))

    def distance(self, w1: Key, w2: Key) -> Any:
        """Return 1 − the cosine of two keys."""
        return 1 - self.similarity(w1, w2)

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> Any:
        """Return the cosine of the means of two lists of keys; unknown keys are left out.

        Raises
        ------
        ZeroDivisionError
            If one of the lists is empty.
        """
        if not (len(ws1) and len(ws2)):
            raise ZeroDivisionError("At least one of the passed list is empty.")
        one, other = (self.get_mean_vector(keys, pre_normalize=False) for keys in (ws1, ws2))
        return np.dot(_unit(one), _unit(other))

    @staticmethod
    def cosine_similarities(vector_1: np.ndarray, vectors_all: np.ndarray) -> np.ndarray:
        """Return the cosines of a vector, (D,), with the rows of a matrix, (n, D); NaN for vectors of zeros."""
        with np.errstate(divide="ignore", invalid="ignore"):
            norms = np.linalg.norm(vector_1) * np.linalg.norm(vectors_all, axis=1)
            return np.dot(vectors_all, vector_1) / norms

    def distances(self, word_or_vector: Any, other_words: Sequence[Key] = ()) -> np.ndarray:
        """Return 1 − the cosine of a key or vector with other keys, or with all rows, (n,)."""
        vector = self.get_vector(word_or_vector) if isinstance(word_or_vector, KEY_TYPES) else word_or_vector
        others = self.vectors[[self.get_index(word) for word in other_words]] if len(other_words) else self.vectors
        return 1 - self.cosine_similarities(vector, others)

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """Return the key of a list that is nearest to a key."""
        return keys_list[int(np.argmax([self.similarity(key1, key) for key in keys_list]))]

    def closer_than(self, key1: Key, key2: Key) -> list[Key]:
        """Return the keys that are nearer to the first key than the second one is, in the order of their rows."""
        distances, own = self.distances(key1), self.get_index(key1)
        closer = np.flatnonzero(distances < distances[self.get_index(key2)]).tolist()
        return [self.index_to_key[row] for row in closer if row != own]

    def rank(self, key1: Key, key2: Key) -> int:
        """Return 1 + the number of keys that are nearer to the first key than the second one is."""
        return len(self.closer_than(key1, key2)) + 1

    def rank_by_centrality(self, words: Iterable[Key], use_norm: bool = True) -> list[tuple[Any, Key]]:
        """Return (cosine to the mean, word) of each word, the most central first. Unknown words are left out.

        Parameters
        ----------
        use_norm : whether vectors get length 1; otherwise, the scores are dot products with the mean's direction.

        Raises
        ------
        ValueError
            If no word is known.
        """
        words = list(words)
        known = [word for word in words if word in self]
        if len(known) < len(words):
            logger.warning("left out, because they are unknown: %s", set(words) - set(known))
        if not known:
            raise ValueError("cannot select a word from an empty list")
        vectors = np.vstack([self.get_vector(word, norm=use_norm) for word in known]).astype(np.float32)
        scores = np.dot(vectors, self.get_mean_vector(vectors, post_normalize=True))
        return sorted(zip(scores, known, strict=True), reverse=True)

    def doesnt_match(self, words: Iterable[Key]) -> Key:
        """Return the word that is farthest from the mean of all. Unknown words are left out."""
        return self.rank_by_centrality(words)[-1][1]

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Return the cosine of two words, divided by the sum of the cosines of the first one's neighbours.

        Raises
        ------
        ValueError
            If there are no neighbours.
        """
        neighbours = self.similar_by_word(wa, topn)
        if not neighbours:
            raise ValueError("Cannot calculate relative cosine similarity without any similar words.")
        return float(self.similarity(wa, wb)) / sum(cosine for _, cosine in neighbours)

    def wmdistance(self, document1: Sequence[Key], document2: Sequence[Key], norm: bool = True) -> float:
        """Return the Word Mover's Distance of two lists of words (Kusner et al. 2015); unknown words are left out.

        Parameters
        ----------
        norm : whether vectors get length 1.

        Returns
        -------
        The distance; infinity if no word of a document is known or, as in gensim, if all words have the same vector.

        Raises
        ------
        ImportError
            If the package POT, which solves the transport problem, is not installed.
        """
        try:
            from ot import emd2
        except ImportError as error:
            raise MissingExtraError("the Word Mover's Distance", "POT") from error
        documents = [[word for word in document if word in self] for document in (document1, document2)]
        left_out = len(document1) + len(document2) - sum(map(len, documents))
        if left_out:
            logger.info("%d unknown words left out", left_out)
        if not all(documents):
            logger.warning("At least one of the documents had no words that were in the vocabulary.")
            return float("inf")
        if len({*documents[0], *documents[1]}) == 1:
            return 0.0
        distinct = [sorted(set(document), key=document.index) for document in documents]
        one, other = (np.array([self.get_vector(word, norm=norm) for word in words], float) for words in distinct)
        costs = np.linalg.norm(one[:, np.newaxis] - other, axis=2)
        if costs.sum() < 1e-8:
            return float("inf")
        shares = [
            np.array([document.count(word) / len(document) for word in words])
            for document, words in zip(documents, distinct, strict=True)
        ]
        return float(emd2(shares[0], shares[1], costs))


def as_list(value: Any) -> list[Any]:
    """Return one key or vector as a list of it, the rows of a matrix as a list, and None as an empty list."""
    if value is None:
        return []
    if isinstance(value, KEY_TYPES) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return [value]
    return list(value)


def _weighted(item: Any, sign: int) -> tuple[Any, float]:
    """Return a key or vector with its weight; a given weight counts as it is, without the sign."""
    if isinstance(item, (*KEY_TYPES, np.ndarray)):
        return item, sign
    return item[0], item[1]


def _unit(vector: np.ndarray) -> np.ndarray:
    """Scale a vector to length 1, or leave it as zero, with the roundings of gensim, which may decide ties."""
    exact = vector.astype(np.float64)
    length = np.linalg.norm(exact)
    return (exact * (1 / length)).astype(vector.dtype) if length > 0 else vector
