"""The model of the Python API: load vectors of any format, ask them, score them, save them.

Nothing here prints. Every error that a user can act on is a `W2VError`.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from w2v_cli.api.corpus import Corpus
from w2v_cli.api.pictures import Pictures
from w2v_cli.api.questions import word_list
from w2v_cli.choices import LINE_WEIGHTS, require_whole
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.embeddings.matrix import first_not_finite
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError, VocabularyError
from w2v_cli.formats.contents import Tables, subword_table
from w2v_cli.formats.matrices import chosen_vectors, default_matrix, description, holds_tables
from w2v_cli.formats.model_file import LOSSES, VALIDATION_LOSSES, ModelFile, save_model
from w2v_cli.formats.reading import ReadOptions
from w2v_cli.formats.recorded import recorded_options
from w2v_cli.formats.summary import provenance
from w2v_cli.storage.mapped import writable
from w2v_cli.storage.outputs import would_overwrite
from w2v_cli.storage.words import Words

if TYPE_CHECKING:
    from w2v_cli.api.loss import TextLoss
    from w2v_cli.embeddings.alignment import Alignment
    from w2v_cli.training.origin import Origin

# The hint if a model lacks what only training leaves in it.
_TRAINED = "this takes a model of w2v train"


class Prediction(NamedTuple):
    """A word that a model expects in the middle of a context: `loss` in nats per prediction, `likelihood` = e^−loss."""

    word: str
    likelihood: float
    loss: float


class Model(Pictures):
    """Words with their vectors, most frequent first.

    Attributes
    ----------
    words : sequence of V str.
    vectors : float32 (V, D). Writing to it changes the model and its answers, but not the file it was loaded from.
    matrix : which vectors these are: `mix`, w + λ·c of the input and the output vectors, or `input` where there is no
        mix, and with the loss ns after a small text; see `w2v help files`. The model keeps both tables, whichever it
        answers with.
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
        matrix: str | None = None,
    ) -> None:
        self.name = "the model" if source is None else source
        self._tables = Tables(tables) if tables else Tables({"input_vectors": vectors})
        if vectors.parts is None:
            vectors.parts = subword_table(self._tables, metadata, len(vectors), vectors.dim)
        self.metadata, self._inputs = dict(metadata), vectors
        self._matrix = default_matrix(self._tables, metadata) if matrix is None else matrix
        super().__init__(chosen_vectors(vectors, self._tables, metadata, self._matrix, self.name), source)

    def __repr__(self) -> str:
        return f"<Model: {len(self):,} words × {self.dim}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows of the model."""
        from w2v_cli.pictures.notebook import model_html

        return model_html(self._vectors, self.metadata, self.losses)

    def using(self, matrix: str | None) -> Model:
        """Return the same model with other vectors for its answers; the tables are not copied.

        Parameters
        ----------
        matrix : `input`: what the hidden layer is made of; `output`: what is predicted; `mix`: w + λ·c of the two;
            `sum`: w + c; `concat`: one beside the other, 2·D numbers. None: as `train` leaves it.

        Raises
        ------
        ModelFileError
            If the model has no output vectors, and they are needed.
        ConfigError
            If there is no such choice.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> model = w2v.train([["a", "b", "c"]] * 20, dim=4, subsample=0, threads=1)
        >>> model.matrix, model.using("mix").matrix
        ('input', 'mix')
        >>> np.array_equal(model.using("sum").vectors, model.table("input_vectors") + model.output_vectors)
        True
        """
        return Model(self._inputs, self._tables, self.metadata, self._source, matrix)

    @property
    def matrix(self) -> str:
        """Which vectors the model answers with: mix, input, output, sum or concat; see `using`."""
        return self._matrix

    @property
    def matrix_description(self) -> str:
        """Which vectors the model answers with, in words and with the weight of a mix."""
        return description(self._vectors, self.matrix)

    @property
    def made_of(self) -> str | None:
        """What the model answers with, if it is not its input vectors; None if it is."""
        return None if self.matrix == "input" else self.matrix_description

    @property
    def output_vectors(self) -> np.ndarray | None:
        """The output vectors of the words, float32 (V, D), or None if the model has none.

        Words are scored against them. With the loss hs, it is the nodes of a tree that are scored, and the output
        vector of a word is a sum of the nodes on its path.
        """
        table = self._tables.get("output_vectors")
        return None if table is None else writable(table)

    @property
    def tables(self) -> Mapping[str, np.ndarray]:
        """All tables that the model holds, by name; see `table`."""
        return self._tables

    @property
    def losses(self) -> list[float]:
        """Mean negative log-likelihood after each epoch, in nats per prediction; empty if unknown."""
        losses = self._tables.get(LOSSES)
        return list(provenance(self.metadata)["loss"] or []) if losses is None else losses.tolist()

    @property
    def validation_losses(self) -> list[float]:
        """The same on held-out text; empty if the run had none."""
        losses = self._tables.get(VALIDATION_LOSSES)
        return list(provenance(self.metadata).get("validation_loss") or []) if losses is None else losses.tolist()

    def require_counts(self) -> np.ndarray:
        """Return the occurrences of each word in the corpus, int64 (V,).

        Raises
        ------
        ModelFileError
            If they are unknown: word2vec's and GloVe's formats do not hold them.
        """
        if self.counts is None:
            raise ModelFileError(f"{self.name} does not say how often its words occur", hint=_TRAINED)
        return self.counts

    def count(self, word: str) -> int:
        """Return how often a word occurs in the corpus.

        Raises
        ------
        UnknownWordError
            If the word is unknown.
        ModelFileError
            If the counts are unknown.
        """
        return int(self.require_counts()[self._vectors.ids_of([word])[0]])

    def predict(self, context: Collection[str], k: int = 10) -> list[Prediction]:
        """Return the k words that the model expects most in the middle of a context, the most likely first.

        The loss of a word is that of a training window with this word at its center, without noise words. With softmax
        and hs the likelihood is a probability among all words; with negative sampling it is the probability that the
        word is not noise. In skip-gram with parts of words or with softmax, the center has learnt to predict its
        context, so these are probabilities of the context words (their geometric mean).

        Parameters
        ----------
        context : the words around the middle, in any order; they are never answers.

        Raises
        ------
        UnknownWordError
            If words are unknown, or are composed and would have to be predicted; the message names all of them.
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

        require_whole("k", k, 1)
        given = word_list(context, "context")
        if not given:
            raise ConfigError("the context has no words", hint="give the words around the middle")
        known = self.context_words(given)
        if len(known) < len(given):
            raise self._inputs.unknown([word for word in given if word not in known])
        vectors = self._inputs.covering(given)
        ids = vectors.ids_of(given)
        is_own = ids < len(self)
        config, _ = self.training_options()
        word_rows, row_counts, parts = None, None, vectors.parts
        if parts is not None:
            word_rows = parts.vocabulary_rows(vectors.words)
            row_counts = parts.row_counts(Words.of([vectors.spelling(i) for i in ids.tolist()]), is_own)
        objective = make_objective(config, self.require_counts(), word_rows)
        output_vectors = self.table(objective.output_name)
        losses = middle_losses(objective, vectors.matrix, output_vectors, ids, vectors.rows(ids), row_counts)
        excluded = np.unique(ids[is_own])
        losses[excluded] = math.inf
        best = losses.argsort(kind="stable")[: min(k, len(self) - len(excluded))].tolist()
        return [Prediction(self.words[i], math.exp(-losses[i]), float(losses[i])) for i in best]

    def context_words(self, words: Collection[str]) -> list[str]:
        """Return those of the words that `predict` takes, in their order.

        Words that are not in the vocabulary can predict a center if the model composes their vectors, but they cannot
        be predicted by it.

        Raises
        ------
        ModelFileError
            If the model has vectors for parts of words, and does not say how it was trained.
        """
        listed = word_list(words, "context")
        if self._inputs.parts is not None and self.training_options()[0].model == "skipgram":
            return [word for word in listed if word in self]
        return self._inputs.answerable(listed)

    def embed(
        self,
        lines: Iterable[str | Iterable[str]],
        weights: str = LINE_WEIGHTS[0],
        *,
        tokenize: str | None = None,
        lower: bool | None = None,
        normalize: str | None = None,
    ) -> np.ndarray:
        """Return the vector of each line, float32 (n, D): the mean of the vectors of its words.

        Row i belongs to line i. Unknown words are left out; a line without a known word has zeros.

        Parameters
        ----------
        lines : texts, such as those of an open file, or lists of words. Each is read once.
        weights : `mean`, or `sif`: the vector of a word with the share p of the model's text counts a / (a + p), with
            a = 0.001.
        tokenize, lower, normalize : how a text becomes words; None: as the text of the model did.

        Raises
        ------
        CorpusError
            If the lines are one str, or a line is neither a str nor a list of words.
        ModelFileError
            If the weights need the counts of the words, and they are unknown.
        ConfigError
            If an option has no such value.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> model = w2v.Model.of(["up", "high"], np.array([[0, 2], [1, 0]]))
        >>> model.embed(["up high", "", "up what"]).tolist()
        [[0.5, 1.0], [0.0, 0.0], [0.0, 2.0]]
        """
        # Imported here so that other questions need not wait for it.
        from w2v_cli.api.sentences import embed_lines, line_options

        options = line_options(self.metadata, tokenize=tokenize, lower=lower, normalize=normalize)
        return embed_lines(self._vectors, lines, options, weights)

    def align(self, other: Model) -> Model:
        """Return another model, rotated into the space of this one, so that vectors of the two can be compared.

        The rotation (orthogonal Procrustes) is the one with the largest mean cosine of the words that both models have.
        Lengths, and every answer of the other model, stay as they are; its output vectors, if it has any, are rotated
        too. This model does not change.

        Raises
        ------
        ConfigError
            If `other` is no model, or its vectors have another number of dimensions.
        VocabularyError
            If no word is in both models.

        Warns
        -----
        UserWarning
            If fewer words are in both than the vectors have dimensions.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> one = w2v.Model.of(["east", "north"], np.array([[1, 0], [0, 1]]))
        >>> other = w2v.Model.of(["east", "north"], np.array([[0, 2], [-2, 0]]))
        >>> one.align(other)["east"].tolist()
        [2.0, 0.0]
        """
        # Imported here so that other questions need not wait for it.
        from w2v_cli.embeddings.alignment import align

        if not isinstance(other, Model):
            raise ConfigError(f"the other model is a {type(other).__name__}, not a model", hint="w2v.load reads one")
        alignment = align(self._vectors, other._vectors)
        if alignment.remark:
            warnings.warn(alignment.remark, stacklevel=2)
        return other.rotated(alignment)

    def rotated(self, alignment: Alignment) -> Model:
        """Return this model with all its vectors rotated, as `embeddings.alignment.align` has found it."""
        tables = alignment.apply_to_tables(self._tables_now())
        vectors = WordVectors(self.words, tables["input_vectors"], self.counts)
        return Model(vectors, tables, self.metadata, matrix=self.matrix if "output_vectors" in tables else None)

    def loss(
        self,
        texts: Corpus,
        *,
        suffix: str | None = None,
        threads: int | None = None,
        **options: Any,
    ) -> float:
        """Return the mean negative log-likelihood per prediction on texts, in nats; see `w2v help training`.

        It is what `train(..., validate=texts)` measures. Words that the model lacks are left out.

        Parameters
        ----------
        texts : paths or sentences, as `train` takes them.
        suffix : which files of folders and patterns are read.
        threads : None for all cores.
        options : how a text is read, such as tokenize and lower; by default as the text of the model was.

        Raises
        ------
        CorpusError
            If a text cannot be read, or there is nothing to predict in it.
        ModelFileError
            If the model does not say how it was trained, or lacks a table that it was trained with.
        ConfigError
            If an option has no such value.

        Examples
        --------
        >>> import w2v_cli as w2v
        >>> text, others = [["a", "b", "c"]] * 20, [["c", "b", "a"]] * 5
        >>> model = w2v.train(text, dim=4, subsample=0, epochs=2, threads=1, validate=others)
        >>> model.loss(others) == model.validation_losses[-1]
        True
        """
        require_whole("threads", threads, 1, optional=True)
        known, others = TextOptions.from_options(options)
        if others:
            raise ConfigError(f"unknown options: {', '.join(sorted(others))}", hint="w2v help training")
        given = {name: getattr(known, name) for name in options}
        return self.measure(texts, given, suffix, threads).loss

    def measure(self, texts: Corpus, *arguments: Any) -> TextLoss:
        """Measure the loss on texts, with all that `w2v loss` says about it; see `api.loss.text_loss`."""
        # Imported here so that other questions need not wait for it.
        from w2v_cli.api.loss import text_loss

        return text_loss(self._inputs, self._tables, self.metadata, self.name, texts, *arguments)

    def training_options(self) -> tuple[TrainConfig, TextOptions]:
        """Return the options that the model was trained with, and how its text was read.

        Raises
        ------
        ModelFileError
            If the metadata do not say, or say what no option can be.
        """
        return recorded_options(self.metadata, self.name)

    def table(self, name: str) -> np.ndarray:
        """Return a table by its name, float32: input_vectors, output_vectors and, with hs, node_vectors (V − 1, D).

        Raises
        ------
        ModelFileError
            If the model has no such table.
        """
        if name == "input_vectors":
            return self._inputs.matrix
        if name not in self._tables:
            raise ModelFileError(f"{self.name} has no {name}", hint=_TRAINED)
        return self._tables[name]

    def origin(self) -> Origin:
        """Return the model as `w2v.train` goes on from it."""
        # Imported here so that questions need not wait for it.
        from w2v_cli.training.origin import IN_MEMORY, Origin

        tables = self._tables_now()
        return Origin(IN_MEMORY if self._source is None else self.name, self.input_vectors, tables, self.metadata)

    @property
    def input_vectors(self) -> WordVectors:
        """The words with their input vectors, or with the vectors that somebody has written to."""
        return self._vectors if self._vectors.edited else self._inputs

    def _tables_now(self) -> dict[str, np.ndarray]:
        """Return the tables of the model.

        If somebody has written to a mix, it is what the model knows: it takes the place of the input vectors, and there
        are no output vectors, nor nodes, because both were trained with the input vectors.
        """
        if not self._vectors.edited:
            return {**self._tables, "input_vectors": self._inputs.matrix}
        trained_with = ("output_vectors", "node_vectors")
        others = {name: table for name, table in self._tables.items() if name not in trained_with}
        return {**others, "input_vectors": self._vectors.matrix}

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the model to a file, completely or not at all.

        Parameters
        ----------
        path : its suffix says the format. `.safetensors` keeps everything that the model holds; `.txt`, `.vec`, `.bin`,
            `.glove`, `.tsv` and `.npy` keep the words and their vectors, those that `matrix` names.
        format : safetensors, text, binary, glove, tsv or npy, whatever the suffix is; fasttext, which is a `.bin` for
            fastText and gensim; floret, a table of parts of words; or projector or model2vec, which make folders for
            TensorBoard's Embedding Projector, or for model2vec and sentence-transformers.

        Raises
        ------
        ConfigError
            If the suffix says no format, or the list of words would overwrite the file that the model was loaded from.
        ModelFileError
            If the file cannot be written, or could not be read again: a word that the format cannot hold, a vector with
            NaN or infinity, metadata that are too long. Also if the list of words (`.tsv`, `.npy`) would overwrite
            some other file. An older file then stays as it was.
        """
        from w2v_cli.formats.export import tables_to_write, target_format, write_vectors
        from w2v_cli.formats.target import check_target

        kind = target_format(path, format, "float32")
        # A model may be saved over its own file, but a list of words must not overwrite that file.
        own = self._source is not None and would_overwrite(path, self._source)
        check_target(path, kind, None if own else self._source)
        tables = self._tables_now()
        if kind == "safetensors":
            save_model(path, self.words, self.counts, tables, self.metadata)
            return
        vectors = self._vectors
        if holds_tables(kind) and not vectors.edited:
            vectors = self._inputs
        tables, metadata = tables_to_write(kind, tables, self.metadata, is_whole=True)
        write_vectors(path, vectors, format, metadata=metadata, tables=tables)

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
            or not Unicode text; vectors that are not numbers; NaN or infinity; counts that are negative or larger than
            those of any text.
        """
        if isinstance(words, str):
            raise VocabularyError("the words are one str, not a list of words")
        if not all(isinstance(word, str) for word in words):
            raise VocabularyError("the model has a word that is not a str")
        try:
            with np.errstate(over="ignore"):  # a number too large for float32 becomes infinity, which is refused below
                matrix = np.ascontiguousarray(vectors, np.float32)
        except (TypeError, ValueError) as error:
            raise VocabularyError(f"the vectors are not a matrix of numbers: {error}") from error
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
    def of_file(cls, file: ModelFile, matrix: str | None = None) -> Model:
        """Make a model from an open file; see `load`."""
        return cls(file.vectors, file.tables, file.metadata, file.name, matrix)


def load(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    errors: str = "strict",
    repeats: str = "first",
    lenient: bool = False,
    matrix: str | None = None,
    limit: int | None = None,
    encoding: str = "utf-8",
) -> Model:
    """Load vectors. A model of `w2v train` is memory-mapped, so loading it takes no time.

    If another program replaces the file, this model keeps the old content. If another program shortens the file in
    place, the mapped bytes are gone, and the system ends a process that reads them (SIGBUS). Programs that write models
    must therefore replace the file, as `save` does.

    Parameters
    ----------
    path : a model of `w2v train`, word2vec's text or binary format, GloVe's text, a model of fastText, or floret's
        table; each of them may be compressed. Or a folder of model2vec, whose tokens are words.
    format : safetensors, text, binary, glove, fasttext, floret or model2vec; None to recognise it by the file's name
        and content.
    errors : what to do with words that are not UTF-8, are empty or begin with white space: `strict` refuses them,
        `replace` puts U+FFFD in place of bad bytes, `ignore` leaves out what is wrong with them.
    repeats : `first` keeps the first vector of a repeated word, `error` refuses the file.
    lenient : load what can be read of a file that is cut short or has bad lines.
    matrix : which vectors of a model of `w2v train` its answers are made of: mix, input, output, sum or concat; see
        `Model.using`. None: as `train` leaves it.
    limit : load only this many of the first words of a file of text or binary, without reading the others; None: all.
    encoding : how the words of such a file are encoded, such as latin-1.

    Raises
    ------
    ModelFileError
        If the file holds no vectors, or not those that `matrix` asks for, or is damaged; with the byte or the line.
    ConfigError
        If an option has no such value.

    Warns
    -----
    UserWarning
        If something was left out or changed, such as repeated words.

    Examples
    --------
    >>> import os, tempfile, w2v_cli as w2v
    >>> path = os.path.join(tempfile.mkdtemp(), "vectors.txt")
    >>> with open(path, "w") as file:
    ...     _ = file.write("2 3\\nup 1 0.5 0\\ndown -1 0.5 0\\n")
    >>> w2v.load(path)["down"].tolist()
    [-1.0, 0.5, 0.0]
    """
    with ModelFile(path, ReadOptions(format, errors, repeats, lenient, matrix, limit, encoding)) as file:
        model = Model.of_file(file, matrix)
    for remark in file.remarks:
        warnings.warn(remark, stacklevel=2)
    return model
