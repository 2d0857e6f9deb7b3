"""The model of the Python API: load vectors of any format, ask them, score them, save them.

Nothing here prints. Errors are those of `errors`, each with a hint.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v_cli.choices import METHODS, OOV, PROTOCOL_NAMES, require_choice
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.texts import TextOptions
from w2v_cli.embeddings.queries import Answer, Neighbour, cosines_between, nearest, odd_one_out, parse_query
from w2v_cli.embeddings.queries import analogy as answer_analogies
from w2v_cli.embeddings.queries import similar as most_similar
from w2v_cli.embeddings.vectors import WordVectors, first_not_finite
from w2v_cli.errors import ConfigError, ModelFileError, VocabularyError
from w2v_cli.formats.model_file import LOSSES, ModelFile, save_model
from w2v_cli.formats.summary import making
from w2v_cli.storage.tensors import parse_json, writable

if TYPE_CHECKING:
    from w2v_cli.embeddings.evaluation import Score
    from w2v_cli.embeddings.gold import AnalogySet, PairSet

_MOST_SEED = 2**32 - 1


class Prediction(NamedTuple):
    """A word that a model expects in the middle of a context: `loss` in nats per prediction, `likelihood` = e^−loss."""

    word: str
    likelihood: float
    loss: float


class Model:
    """Words with their vectors, most frequent first.

    Attributes
    ----------
    words : sequence of V str.
    vectors : float32 (V, D). Writing to it changes the model and its answers, but not the file it was loaded from.
    counts : int64 (V,), occurrences in the corpus, or None if unknown.
    metadata : how the model was made, as text: config, version, loss, corpus_fingerprint.

    Examples
    --------
    >>> import w2v_cli as w2v
    >>> model = w2v.train([["the", "cat", "sat"], ["the", "dog", "sat"]] * 50, dim=8, subsample=0, threads=1)
    >>> model
    <Model: 4 words × 8>
    >>> list(model.words)
    ['sat', 'the', 'cat', 'dog']
    >>> "cat" in model, "cow" in model
    (True, False)
    >>> model["cat"].shape, model.vectors.shape
    ((8,), (4, 8))
    """

    def __init__(
        self,
        vectors: WordVectors,
        tables: Mapping[str, np.ndarray] | None = None,
        metadata: Mapping[str, str] = {},
        source: str | None = None,
    ) -> None:
        self._vectors = vectors
        self._tables = dict(tables or {"input_vectors": vectors.matrix})
        self.metadata = dict(metadata)
        self.name = "the model" if source is None else source
        # Absolute, because the working directory may change before the model is saved.
        self._source = None if source is None else os.path.abspath(source)

    def __repr__(self) -> str:
        return f"<Model: {len(self):,} words × {self.dim}>"

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, word: object) -> bool:
        return word in self._vectors

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __getitem__(self, word: str) -> np.ndarray:
        """Return a copy of the vector of a word, float32 (D,); raise UnknownWordError if the word is unknown."""
        return self._vectors[word].copy()

    @property
    def words(self) -> Sequence[str]:
        """The words, most frequent first. The index of a word is the row of its vector."""
        return self._vectors.words

    @property
    def vectors(self) -> np.ndarray:
        """The vectors, float32 (V, D). The next answer, and `save`, use whatever was written to them."""
        return self._vectors.hand_out()

    @property
    def output_vectors(self) -> np.ndarray | None:
        """The vectors against which words were predicted, float32 (V, D), or None if the model has none."""
        table = self._tables.get("output_vectors")
        return None if table is None else writable(table)

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

    @property
    def losses(self) -> list[float]:
        """Mean negative log-likelihood after each epoch, in nats per prediction; empty if unknown."""
        losses = self._tables.get(LOSSES)
        return list(making(self.metadata)["loss"] or []) if losses is None else losses.tolist()

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
        _require_positive(k=k, restrict_vocab=restrict_vocab)
        barred = _words(exclude, "exclude")
        if isinstance(query, str):
            queries = [parse_query(query, self._vectors)]
            return most_similar(
                self._vectors, queries, k, exclude=barred, restrict_vocab=restrict_vocab, threshold=threshold
            )[0]
        direction = np.asarray(query)
        if direction.shape != (self.dim,) or direction.dtype.kind not in "fiu" or not np.isfinite(direction).all():
            raise ConfigError(
                f"the query is neither a str nor a vector of {self.dim} finite numbers",
                hint="ask for one word, sum or vector at a time",
            )
        excluded = [self._vectors.known_ids(barred)]
        return nearest(self._vectors, direction[np.newaxis], k, excluded, restrict_vocab, threshold)[0]

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
        _require_positive(k=k, restrict_vocab=restrict_vocab)
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
        distinct = list(dict.fromkeys(_words(words, "words")))
        if len(distinct) < 3:
            raise ConfigError("finding the odd word takes three different words", hint="give three words or more")
        return odd_one_out(self._vectors, distinct)

    def predict(self, context: Collection[str], k: int = 10) -> list[Prediction]:
        """Return the k words that the model expects most in the middle of a context, the most likely first.

        The loss of a word is that of a training window with this word at its center, without noise words. With softmax
        and hs the likelihood is a probability among all words; with negative sampling it is the probability that the
        word is not noise.

        Parameters
        ----------
        context : the words around the middle, in any order; they are never answers.

        Raises
        ------
        UnknownWordError
            If words are unknown; the message names all of them.
        ModelFileError
            If the model does not say how it was trained, or has no output vectors.
        ConfigError
            If the context is empty or a str, or k is not positive.

        Examples
        --------
        >>> import w2v_cli as w2v
        >>> model = w2v.train([["one", "two", "three"]] * 200, dim=8, alpha=0.1, subsample=0, threads=1)
        >>> model.predict(["one", "three"], k=1)[0].word
        'two'
        """
        # Imported here so that similar and other questions need not wait for it.
        from w2v_cli.embeddings.predict import middle_losses
        from w2v_cli.engines.objective import make_objective

        _require_positive(k=k)
        given = _words(context, "context")
        if not given:
            raise ConfigError("the context has no words", hint="give the words around the middle")
        ids = self._vectors.ids_of(given)
        config, _ = self.training_options()
        if self.counts is None:
            raise ModelFileError(f"{self.name} does not say how often its words occur", hint=_TRAINED)
        objective = make_objective(config, self.counts)
        losses = middle_losses(objective, self._vectors.matrix, self.table(objective.output_name), ids)
        losses[ids] = math.inf
        best = losses.argsort(kind="stable")[: min(k, len(self) - len(set(given)))].tolist()
        return [Prediction(self.words[i], math.exp(-losses[i]), float(losses[i])) for i in best]

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

        _require_positive(k=k)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _MOST_SEED:
            raise ConfigError(f"seed {seed!r} is not a whole number from 0 to {_MOST_SEED:,}")
        return word_classes(self._vectors, k, seed)

    def evaluate(
        self,
        gold: str | os.PathLike[str] | AnalogySet | PairSet,
        *,
        protocol: str = "word2vec",
        method: str = "3cosadd",
        oov: str | None = None,
        restrict_vocab: int | None = None,
    ) -> Score:
        """Score the vectors on a file of analogies or of word pairs; its content tells which it is.

        Parameters
        ----------
        gold : the path of a file, or what `w2v_cli.embeddings.gold.read_gold` has read from one.
        protocol : whose rules to follow: word2vec, gensim or strict.
        method : how analogies are answered: 3cosadd or 3cosmul.
        oov : what happens to questions with unknown words: skip, or wrong (pairs then have cosine 0). None: as the
            protocol says.
        restrict_vocab : answer analogies among this many of the most frequent words. None: as the protocol says.

        Raises
        ------
        GoldFileError
            If the file cannot be read, or holds neither analogies nor pairs; with the line.
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
        from w2v_cli.embeddings.evaluation import PROTOCOLS, evaluate
        from w2v_cli.embeddings.gold import AnalogySet, PairSet, read_gold

        require_choice("protocol", protocol, PROTOCOL_NAMES)
        require_choice("method", method, METHODS)
        require_choice("oov", oov, (None, *OOV))
        _require_positive(restrict_vocab=restrict_vocab)
        if not isinstance(gold, str | os.PathLike | AnalogySet | PairSet):
            raise ConfigError(
                f"the gold set is a {type(gold).__name__}, not a path", hint="evaluate one file at a time"
            )
        questions = gold if isinstance(gold, AnalogySet | PairSet) else read_gold(gold)
        return evaluate(self._vectors, questions, PROTOCOLS[protocol], method, oov, restrict_vocab)

    def training_options(self) -> tuple[TrainConfig, TextOptions]:
        """Return the options that the model was trained with, and how its text was read.

        Raises
        ------
        ModelFileError
            If the metadata do not say, or say what no option can be.
        """
        try:
            config = TrainConfig.from_dict(parse_json(self.metadata["config"]))
            return config, TextOptions(**parse_json(self.metadata.get("text", "{}")))
        except (KeyError, ValueError, TypeError, ConfigError) as error:
            raise ModelFileError(f"{self.name} does not say how it was trained", hint=_TRAINED) from error

    def table(self, name: str) -> np.ndarray:
        """Return a table by its name, float32: input_vectors, output_vectors or, with hs, node_vectors (V − 1, D).

        Raises
        ------
        ModelFileError
            If the model has no such table.
        """
        if name == "input_vectors":
            return self._vectors.matrix
        if name not in self._tables:
            raise ModelFileError(f"{self.name} has no {name}", hint=_TRAINED)
        return self._tables[name]

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the model to a file, completely or not at all.

        Parameters
        ----------
        path : its suffix says the format. `.safetensors` keeps everything that the model holds; `.txt`, `.vec`, `.bin`,
            `.glove`, `.tsv` and `.npy` keep the words and their vectors.
        format : safetensors, text, binary, glove, tsv or npy, whatever the suffix is.

        Raises
        ------
        ConfigError
            If the suffix says no format, or the list of words would overwrite the file that the model was loaded from.
        ModelFileError
            If the file cannot be written, or could not be read again: a word that the format cannot hold, a vector with
            NaN or infinity, metadata that are too long. Also if the list of words (`.tsv`, `.npy`) would overwrite
            some other file. An older file then stays as it was.
        """
        from w2v_cli.formats.export import target_format, write_vectors
        from w2v_cli.formats.target import check_target

        kind = target_format(path, format, "float32")
        # A model may be saved over its own file, but a list of words must not overwrite that file.
        own = self._source is not None and os.path.exists(path) and os.path.samefile(path, self._source)
        check_target(path, kind, None if own else self._source)
        if kind == "safetensors":
            save_model(path, self.words, self.counts, self._tables, self.metadata)
        else:
            write_vectors(path, self._vectors, format)

    @classmethod
    def of(cls, words: Sequence[str], vectors: np.ndarray, counts: np.ndarray | None = None) -> Model:
        """Make a model from words and their vectors.

        Parameters
        ----------
        words : V distinct words, none of them empty, most frequent first.
        vectors : (V, D); converted to float32, and not copied if it is float32 already.
        counts : whole numbers (V,), occurrences in a corpus, or None if unknown.

        Raises
        ------
        VocabularyError
            If the arguments do not fit together, or no file could hold them: no words; a word that is empty, repeated
            or not Unicode text; NaN or infinity; counts that are negative or larger than those of any text.
        """
        if not all(isinstance(word, str) for word in words):
            raise VocabularyError("the model has a word that is not a str")
        with np.errstate(over="ignore"):  # a number too large for float32 becomes infinity, which is refused below
            matrix = np.ascontiguousarray(vectors, np.float32)
        if matrix.ndim != 2 or len(matrix) != len(words):
            raise VocabularyError(f"{len(words)} words do not name the rows of a matrix of shape {matrix.shape}")
        if counts is not None:
            counts = np.asarray(counts)
            if counts.shape != (len(words),) or counts.dtype.kind not in "iu":
                raise VocabularyError(f"the counts are not {len(words)} whole numbers, one for each word")
        made = WordVectors(words, matrix, counts)
        fault = made.fault()
        if fault is not None:
            raise VocabularyError(f"the model {fault}")
        row = first_not_finite(matrix)
        if row is not None:
            raise VocabularyError(f"the vector of {words[row]} holds NaN or infinity")
        made.counts = None if counts is None else counts.astype(np.int64)
        # The caller may still hold the array and write to it.
        made.hand_out()
        return cls(made)

    @classmethod
    def of_file(cls, file: ModelFile) -> Model:
        """Make a model from an open file; see `load`."""
        vectors = file.vectors
        tables = {**file.tables, "input_vectors": vectors.matrix}
        losses = {} if file.losses is None else {LOSSES: file.losses}
        return cls(vectors, {**tables, **losses}, file.metadata, file.name)


def load(path: str | os.PathLike[str], format: str | None = None) -> Model:
    """Load vectors. A model of `w2v train` is memory-mapped, so loading it takes no time.

    If another program replaces the file, this model keeps the old content. If another program shortens the file in
    place, the mapped bytes are gone, and the system ends a process that reads them (SIGBUS). Programs that write models
    must therefore replace the file, as `save` does.

    Parameters
    ----------
    path : a model of `w2v train`, word2vec's text or binary format, or GloVe's text; each of them may be gzipped.
    format : safetensors, text, binary or glove; None to recognise it by the file's name and content.

    Raises
    ------
    ModelFileError
        If the file holds no vectors, or is damaged; with the byte or the line.

    Examples
    --------
    >>> import os, tempfile, w2v_cli as w2v
    >>> path = os.path.join(tempfile.mkdtemp(), "vectors.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("2 3\\nup 1 0.5 0\\ndown -1 0.5 0\\n")
    >>> w2v.load(path)["down"].tolist()
    [-1.0, 0.5, 0.0]
    """
    with ModelFile(path, format) as file:
        return Model.of_file(file)


_TRAINED = "this takes a model of w2v train"


def _words(words: Collection[str], name: str) -> list[str]:
    """Return the words as a list. A str is refused: it would be taken for a list of its letters."""
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{name} must be a list of words, not {words!r:.60}", hint='such as ["king", "queen"]')
    return list(words)


def _require_positive(**numbers: int | None) -> None:
    """Refuse numbers that are not whole and positive; None is allowed."""
    for name, number in numbers.items():
        whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if number is not None and not (whole and number >= 1):
            raise ConfigError(f"{name} {number!r} is not a positive whole number")
