"""The questions of the Python API that words and their vectors alone can answer."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from w2v_cli.choices import (
    METHODS,
    MOST_SEED,
    OOV,
    PROTOCOL_NAMES,
    TASKS,
    require_choice,
    require_number,
    require_whole,
)
from w2v_cli.embeddings.queries import Answer, Neighbour, cosines_between, nearest, odd_one_out, parse_query
from w2v_cli.embeddings.queries import analogy as answer_analogies
from w2v_cli.embeddings.queries import similar as most_similar
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, shown

if TYPE_CHECKING:
    from w2v_cli.embeddings.evaluation import Score
    from w2v_cli.embeddings.gold import GoldSet
    from w2v_cli.subwords.table import Part


class Questions:
    """Words with their vectors, and what can be asked of them. `Pictures` adds maps; `Model`, what training leaves."""

    def __init__(self, vectors: WordVectors) -> None:
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, word: object) -> bool:
        return word in self._vectors

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __getitem__(self, word: str) -> np.ndarray:
        """Return a copy of the vector of a word, float32 (D,); raise UnknownWordError if it is unknown.

        If the model has subwords, the vector of an unknown word is composed of its parts; see `composed`.
        """
        return self._vectors[word].copy()

    def composed(self, words: Collection[str]) -> list[str]:
        """Return those of the words that are not in the vocabulary, but whose vectors are composed of their parts.

        A model with subwords answers questions about such words like any others. They are not `in` the model, and are
        never answers.
        """
        return self._vectors.composed(word_list(words, "words"))

    def ngrams(self, word: str) -> list[Part]:
        """Return the parts of a word with their rows and shares, in the order in which they are added up.

        The share of a part is the projection of its row, divided by the number of rows, onto the vector of the word, as
        a fraction of that vector's length. The shares of a word add up to 1.

        Raises
        ------
        UnknownWordError
            If the word is not in the vocabulary and none of its parts was learnt.
        ConfigError
            If the model has no vectors for parts of words.
        """
        parts = self._vectors.require_parts()
        self._vectors.covering([word])
        return parts.parts(word, self._vectors.id_of(word))

    @property
    def words(self) -> Sequence[str]:
        """The words, most frequent first. The index of a word is the row of its vector."""
        return self._vectors.words

    @property
    def vectors(self) -> np.ndarray:
        """The vectors, float32 (V, D). The next answer, and `save`, use whatever was written to them."""
        return self._vectors.hand_out()

    @property
    def word_vectors(self) -> WordVectors:
        """The words and vectors as the functions of `w2v_cli.embeddings.queries` take them, for many questions at once.

        Its matrix is read-only, unless `vectors` has been asked for.
        """
        return self._vectors

    @property
    def counts(self) -> np.ndarray | None:
        """Occurrences of each word in the corpus, int64 (V,), or None if unknown."""
        return self._vectors.counts

    @property
    def dim(self) -> int:
        """D, the length of a vector."""
        return self._vectors.dim

    def similar(
        self,
        query: str | np.ndarray,
        k: int = 10,
        *,
        exclude: Collection[str] = (),
        restrict_vocab: int | None = None,
        threshold: float | None = None,
    ) -> list[Neighbour]:
        """Return the k words with the largest cosine, best first. The words of the query are never answers.

        Parameters
        ----------
        query : a word, a sum such as "king - man + woman", or a vector, float (D,).
        exclude : words that must not be answers.
        restrict_vocab : answer among this many of the most frequent words; None: among all.
        threshold : the smallest cosine of an answer.

        Raises
        ------
        UnknownWordError
            If words are unknown; the message names all of them.
        ConfigError
            If the query is no word, sum or vector of D numbers, or an option is out of range.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> model = w2v.Model.of(["up", "high", "down"], np.array([[1, 0], [1, 0.1], [-1, 0]], dtype=np.float32))
        >>> word, cosine = model.similar("up", k=1)[0]
        >>> word, round(cosine, 3)
        ('high', 0.995)
        """
        require_whole("k", k, 1)
        require_whole("restrict_vocab", restrict_vocab, 1, optional=True)
        if threshold is not None:
            require_number("threshold", threshold)
        barred = word_list(exclude, "exclude")
        if isinstance(query, str):
            queries = [parse_query(query, self._vectors)]
            return most_similar(
                self._vectors, queries, k, exclude=barred, restrict_vocab=restrict_vocab, threshold=threshold
            )[0]
        excluded = [self._vectors.known_ids(barred)]
        return nearest(self._vectors, self._direction(query), k, excluded, restrict_vocab, threshold)[0]

    def _direction(self, query: object) -> np.ndarray:
        """Return a query vector as the only row of a matrix, (1, D)."""
        with contextlib.suppress(ValueError):  # rows of different lengths
            direction = np.asarray(query)
            if direction.shape == (self.dim,) and direction.dtype.kind in "fiu" and np.isfinite(direction).all():
                return direction[np.newaxis]
        raise ConfigError(
            f"the query is neither a str nor a vector of {self.dim} finite numbers",
            hint="ask for one word, sum or vector at a time",
        )

    def analogy(
        self, a: str, b: str, c: str, k: int = 10, *, method: str = "3cosadd", restrict_vocab: int | None = None
    ) -> list[Answer]:
        """Return the k best answers to "a is to b as c is to ?", with their scores.

        Parameters
        ----------
        method : 3cosadd or 3cosmul.
        restrict_vocab : answer among this many of the most frequent words; None: among all.

        Raises
        ------
        UnknownWordError
            If words are unknown; the message names all of them.
        ConfigError
            If an option is out of range.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> vectors = np.array([[0, 1], [1, 1], [0, -1], [1, -1]], dtype=np.float32)
        >>> model = w2v.Model.of(["man", "king", "woman", "queen"], vectors)
        >>> model.analogy("man", "king", "woman", k=1)[0].word
        'queen'
        """
        require_whole("k", k, 1)
        require_whole("restrict_vocab", restrict_vocab, 1, optional=True)
        require_choice("method", method, METHODS)
        return answer_analogies(self._vectors, [(a, b, c)], k, method, restrict_vocab)[0]

    def similarity(self, one: str, other: str) -> float:
        """Return the cosine of two words."""
        return float(cosines_between(self._vectors, [one, other])[0, 1])

    def odd(self, words: Collection[str]) -> list[Neighbour]:
        """Return the words with their cosines to the mean of all of them; the word that does not belong comes first.

        Parameters
        ----------
        words : at least three different words.

        Raises
        ------
        UnknownWordError
            If words are unknown; the message names all of them.
        ConfigError
            If there are fewer than three different words, or `words` is a str.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> vectors = np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32)
        >>> model = w2v.Model.of(["Paris", "Berlin", "banana"], vectors)
        >>> model.odd(["Paris", "banana", "Berlin"])[0].word
        'banana'
        """
        distinct = list(dict.fromkeys(word_list(words, "words")))
        if len(distinct) < 3:
            raise ConfigError("finding the odd word takes three different words", hint="give three words or more")
        return odd_one_out(self._vectors, distinct)

    def classes(self, k: int = 500, *, seed: int = 1) -> np.ndarray:
        """Sort the words into k classes by the directions of their vectors (spherical k-means).

        Parameters
        ----------
        k : the number of classes, at most the number of words.
        seed : random seed for the initial cluster centers, from 0 to 2³² − 1.

        Returns
        -------
        int32 (V,), the class of each word, from 0 to k − 1. Classes are numbered by their most frequent words.

        Raises
        ------
        MissingExtraError
            If scikit-learn is not installed.
        ConfigError
            If k or the seed is out of range.
        """
        from w2v_cli.embeddings.classes import word_classes

        require_whole("k", k, 1)
        require_whole("seed", seed, 0, MOST_SEED)
        return word_classes(self._vectors, k, seed)

    def evaluate(
        self,
        gold: str | os.PathLike[str] | GoldSet,
        *,
        task: str | None = None,
        column: str | int | None = None,
        protocol: str = "word2vec",
        method: str = "3cosadd",
        oov: str | None = None,
        restrict_vocab: int | None = None,
    ) -> Score:
        """Score the vectors on a file of analogies or of word pairs; its content tells which it is.

        If no question can be asked because words of each are unknown, `seen` is 0 and `remarks` gives the reason.

        Parameters
        ----------
        gold : the path of a file or of a folder of analogies, or what `w2v_cli.embeddings.gold.read_gold` returned.
        task : how to read the file: pairs, analogies or odd, which must be asked for (sets of words, the last of which
            does not belong). None: the content tells.
        column : the column of the ratings of pairs, by its name in the header or its number, from 1. None: the header
            and the numbers tell.
        protocol : whose rules to follow: word2vec, gensim or strict.
        method : how analogies are answered: 3cosadd or 3cosmul.
        oov : what happens to questions with unknown words: skip, wrong (pairs then have cosine 0), or compose, if the
            model has vectors for parts of words. None: as the protocol says.
        restrict_vocab : answer analogies among this many of the most frequent words. None: as the protocol says.

        Raises
        ------
        GoldFileError
            If the file cannot be read or is no gold set, or a line is malformed; with the line.
        ConfigError
            If an option has no such value.

        Examples
        --------
        >>> import numpy as np, os, tempfile, w2v_cli as w2v
        >>> path = os.path.join(tempfile.mkdtemp(), "pairs.tsv")
        >>> with open(path, "w") as file:
        ...     _ = file.write("up high 9\\nup left 5\\nup down 1\\n")
        >>> vectors = np.array([[0, 1], [0.1, 1], [1, 0], [0, -1]], dtype=np.float32)
        >>> w2v.Model.of(["up", "high", "left", "down"], vectors).evaluate(path).score
        100.0
        """
        from w2v_cli.embeddings.evaluation import evaluate
        from w2v_cli.embeddings.gold import AnalogySet, OddSet, PairSet, read_gold
        from w2v_cli.embeddings.protocols import PROTOCOLS

        require_choice("task", task, (None, *TASKS))
        require_choice("protocol", protocol, PROTOCOL_NAMES)
        require_choice("method", method, METHODS)
        require_choice("oov", oov, (None, *OOV))
        require_whole("restrict_vocab", restrict_vocab, 1, optional=True)
        if not isinstance(gold, str | os.PathLike | AnalogySet | OddSet | PairSet):
            raise ConfigError(
                f"the gold set is a {type(gold).__name__}, not a path", hint="evaluate one file at a time"
            )
        questions = read_gold(gold, task, column) if isinstance(gold, str | os.PathLike) else gold
        return evaluate(self._vectors, questions, PROTOCOLS[protocol], method, oov, restrict_vocab)


def word_list(words: Collection[str], name: str) -> list[str]:
    """Return the words as a list. A str is refused: it would be taken for a list of its letters."""
    listed = None if isinstance(words, str) or not isinstance(words, Iterable) else list(words)
    if listed is None or not all(isinstance(word, str) for word in listed):
        raise ConfigError(f"{name} must be a list of words, not {shown(words)}", hint='such as ["king", "queen"]')
    return listed
