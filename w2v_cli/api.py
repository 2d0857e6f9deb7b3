"""The Python API: train on texts or sentences, load vectors of any format, ask them, save them.

Nothing here prints; errors are those of `errors`, each with a hint.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.texts import TextOptions
from w2v_cli.embeddings.queries import Answer, Neighbour, cosines_between, nearest, parse_query
from w2v_cli.embeddings.queries import analogy as answer_analogies
from w2v_cli.embeddings.queries import similar as most_similar
from w2v_cli.embeddings.vectors import WordVectors, first_not_finite
from w2v_cli.errors import CorpusError, VocabularyError
from w2v_cli.formats.export import target_format, write_vectors
from w2v_cli.formats.model_file import LOSSES, ModelFile, save_model
from w2v_cli.formats.summary import making
from w2v_cli.formats.target import check_target
from w2v_cli.storage.mapped import writable
from w2v_cli.training.run import Observer, train_model
from w2v_cli.training.state import Progress

Corpus = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Iterable[Sequence[str]]


class Model:
    """Words with their vectors, most frequent first.

    Attributes
    ----------
    words : sequence of V str · vectors : float32 (V, D); writing to it changes the model and its answers, not the file.
    counts : int64 (V,), occurrences in the corpus, or None if unknown.
    metadata : what a model was made with, as text: config, version, loss, corpus_fingerprint.

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
        # The file it was loaded from, wherever the working folder is by now.
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
        """A copy of the vector of a word, float32 (D,); UnknownWordError, with near spellings, if there is none."""
        return self._vectors[word].copy()

    @property
    def words(self) -> Sequence[str]:
        """The words, most frequent first; a word's place is its row."""
        return self._vectors.words

    @property
    def vectors(self) -> np.ndarray:
        """The vectors, float32 (V, D); what is written to them is in the next answer and in what `save` writes."""
        return self._vectors.hand_out()

    @property
    def output_vectors(self) -> np.ndarray | None:
        """The vectors that words were predicted with, float32 (V, D); None where there are none."""
        table = self._tables.get("output_vectors")
        return None if table is None else writable(table)

    @property
    def counts(self) -> np.ndarray | None:
        """Occurrences in the corpus, int64 (V,)."""
        return self._vectors.counts

    @property
    def dim(self) -> int:
        """D, the length of a vector."""
        return self._vectors.dim

    @property
    def losses(self) -> list[float]:
        """Mean negative log-likelihood of each epoch, nats per prediction; empty if unknown."""
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
        """The k words with the largest cosine, best first; the words of the query are no answers.

        Parameters
        ----------
        query : a word, a sum such as "king - man + woman", or a vector, float (D,).
        exclude : words that are no answers.
        restrict_vocab : answer among so many of the first words; None: among all.
        threshold : the smallest cosine of an answer.

        Raises
        ------
        UnknownWordError
            If words are unknown; names all of them.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> model = w2v.Model.of(["up", "high", "down"], np.array([[1, 0], [1, 0.1], [-1, 0]], dtype=np.float32))
        >>> word, cosine = model.similar("up", k=1)[0]
        >>> word, round(cosine, 3)
        ('high', 0.995)
        """
        if isinstance(query, str):
            queries = [parse_query(query, self._vectors)]
            return most_similar(
                self._vectors, queries, k, exclude=exclude, restrict_vocab=restrict_vocab, threshold=threshold
            )[0]
        directions, excluded = np.asarray(query)[np.newaxis], [self._vectors.known_ids(exclude)]
        return nearest(self._vectors, directions, k, excluded, restrict_vocab, threshold)[0]

    def analogy(
        self, a: str, b: str, c: str, k: int = 10, *, method: str = "3cosadd", restrict_vocab: int | None = None
    ) -> list[Answer]:
        """What D is, where a is to b as c is to D: the k best answers with their scores.

        Parameters
        ----------
        method : 3cosadd or 3cosmul.
        restrict_vocab : answer among so many of the first words; None: among all.

        Examples
        --------
        >>> import numpy as np, w2v_cli as w2v
        >>> vectors = np.array([[0, 1], [1, 1], [0, -1], [1, -1]], dtype=np.float32)
        >>> model = w2v.Model.of(["man", "king", "woman", "queen"], vectors)
        >>> model.analogy("man", "king", "woman", k=1)[0].word
        'queen'
        """
        return answer_analogies(self._vectors, [(a, b, c)], k, method, restrict_vocab)[0]

    def similarity(self, one: str, other: str) -> float:
        """The cosine of two words."""
        return float(cosines_between(self._vectors, [one, other])[0, 1])

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write a file, whole or not at all.

        Parameters
        ----------
        path : .safetensors keeps everything that a model has; .txt .vec .bin .glove .tsv .npy the words' vectors.
        format : safetensors, text, binary, glove, tsv or npy; None to go by the suffix.

        Raises
        ------
        ConfigError
            If the suffix says no format, or the list of words would replace the file that the model was loaded from.
        ModelFileError
            If the file cannot be written, or could not be read again: a word that the format cannot hold, a vector with
            NaN or infinity, metadata that are too long; or if its list of words (`.tsv`, `.npy`) would replace another
            file. An older file stays as it was then.
        """
        kind = target_format(path, format, "float32")
        # A model may be saved as the file that it comes from, but that file must not become a list of words.
        own = self._source is not None and os.path.exists(path) and os.path.samefile(path, self._source)
        check_target(path, kind, None if own else self._source)
        if kind == "safetensors":
            save_model(path, self.words, self.counts, self._tables, self.metadata)
        else:
            write_vectors(path, self._vectors, format)

    @classmethod
    def of(cls, words: Sequence[str], vectors: np.ndarray, counts: np.ndarray | None = None) -> Model:
        """Make a model out of words and their vectors.

        Parameters
        ----------
        words : V distinct words, none of them empty, most frequent first.
        vectors : (V, D), as float32; not copied if they are that.
        counts : whole numbers (V,), occurrences in a corpus, if known.

        Raises
        ------
        VocabularyError
            If they do not fit together, or no file could hold them: no words, a word that is empty, repeated or not
            Unicode text, NaN or infinity, counts that are negative or more than any text has.
        """
        if not all(isinstance(word, str) for word in words):
            raise VocabularyError("the model has a word that is not a str")
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity
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
        # The caller has the array, and may write to it.
        made.hand_out()
        return cls(made)


def load(path: str | os.PathLike[str], format: str | None = None) -> Model:
    """Load vectors; a model of `w2v train` is memory-mapped, so that loading it takes no time.

    A file that is replaced while it is in use stays what it was for this model. One that is cut short in place takes
    the mapped bytes away, and the system ends a process that reads them (SIGBUS); whatever writes models must replace
    them, as `save` does.

    Parameters
    ----------
    path : our safetensors; word2vec's text and binary, GloVe's text; each also gzipped.
    format : safetensors, text, binary or glove; None to go by the file's name and by what is in it.

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
        return Model(file.vectors, file.tables, file.metadata, file.name)


def train(
    corpus: Corpus,
    *,
    output: str | os.PathLike[str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    tokenize: str = "whitespace",
    lower: bool = False,
    errors: str = "strict",
    **options: Any,
) -> Model:
    """Learn word vectors.

    Parameters
    ----------
    corpus : a path or several, of text files as `w2v train` takes them; or sentences, each a list of tokens. It is
        read once, but must be one that could be read again, not a generator.
    output : a model file, written at the end.
    on_progress : called about ten times a second, in this thread; what it raises ends the training.
    tokenize, lower, errors : how a text is read; see `w2v train --help`.
    options : the fields of `TrainConfig`, such as dim, window, epochs, min_count, threads, seed.

    Raises
    ------
    CorpusError
        If a text cannot be read, or the sentences are a generator or hold what is no token.
    ConfigError
        If there is no such option, or it has no such value.
    W2VError
        Of another kind that names what went wrong.

    Examples
    --------
    >>> import w2v_cli as w2v
    >>> model = w2v.train([["a", "b", "c"]] * 20, dim=4, subsample=0, epochs=2, threads=1)
    >>> len(model), model.dim, len(model.losses)
    (3, 4, 2)
    """
    config = TrainConfig.from_dict(options)
    text = TextOptions(errors=errors, lower=lower, tokenize=tokenize)
    with _paths(corpus) as paths:
        run = train_model(paths, config, text, output, _Caller(on_progress))
    vectors = WordVectors(run.vocabulary.words, run.tensors["input_vectors"], run.vocabulary.counts)
    return Model(vectors, run.tensors, run.metadata)


class _Caller(Observer):
    """Passes the progress of training on."""

    def __init__(self, on_progress: Callable[[Progress], None] | None) -> None:
        self._on_progress = on_progress

    def training(self, progress: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)


@contextlib.contextmanager
def _paths(corpus: Corpus) -> Iterator[list[str]]:
    """The files of a corpus; sentences are one while the context lasts."""
    if isinstance(corpus, str | os.PathLike):
        yield [os.fspath(corpus)]
        return
    if iter(corpus) is corpus:
        raise CorpusError(
            f"the corpus is a {type(corpus).__name__}, which can be read once only: whoever trains again, or resumes,"
            " would find it empty",
            hint="give a list of sentences, or an object whose __iter__ begins anew; or the path of a file",
        )
    first = next(iter(corpus), None)
    if isinstance(first, str | os.PathLike):
        yield [os.fspath(path) for path in corpus]  # type: ignore[arg-type]
        return
    # Without a name, so that it is gone with the process, whatever ends that.
    with tempfile.TemporaryFile() as file:
        for number, sentence in enumerate(corpus):
            file.write(_line(sentence, number))  # type: ignore[arg-type]
        file.seek(0)
        yield [f"/dev/fd/{file.fileno()}"]


def _line(sentence: Sequence[str], number: int) -> bytes:
    """A sentence as a line of text; refused if reading it would not give its tokens back."""
    try:
        line = " ".join(sentence).encode()
        if not isinstance(sentence, str) and len(line.split()) == len(sentence):
            return line + b"\n"
        wrong = "is a str" if isinstance(sentence, str) else "has a token that is empty or holds white space"
    except (TypeError, UnicodeEncodeError) as error:
        wrong = f"is no list of tokens: {error}"
    raise CorpusError(
        f"sentence {number} of the corpus {wrong}: {str(sentence)[:60]!r}", hint='tokens are words: ["the", "cat"]'
    )
