"""`KeyedVectors` with gensim's names, on w2v's functions and w2v's files."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from w2v_cli.formats.model_file import ModelFile
from w2v_cli.gensim.evaluation import Evaluations
from w2v_cli.gensim.once import warn_once
from w2v_cli.gensim.rows import Key
from w2v_cli.gensim.saved_rows import has_parts, load_rows, save_rows
from w2v_cli.gensim.word2vec_format import errors_of_gensim, fill, read_counts, read_vectors, write_vectors

if TYPE_CHECKING:
    from w2v_cli.api.model import Model

REAL = np.float32

Path = str | os.PathLike[str]
Self = TypeVar("Self", bound="KeyedVectors")


class KeyedVectors(Evaluations):
    """Keys with their vectors, as gensim 4 has them: what can be asked of them, and their files.

    The attributes are those of `rows.KeyedRows`, and the questions those of `similarity.Similarities` and
    `evaluation.Evaluations`. `w2v help gensim` says what differs from gensim.

    Parameters
    ----------
    vector_size : D, the length of a vector.
    count : how many rows to reserve.
    dtype : the type of the numbers.
    mapfile_path : ignored, as in gensim.

    Examples
    --------
    >>> from w2v_cli.gensim import KeyedVectors
    >>> vectors = KeyedVectors(vector_size=2)
    >>> vectors.add_vectors(["up", "high", "down"], [[1, 0], [4, 3], [-1, 0]])
    >>> vectors.most_similar("up", topn=1)
    [('high', 0.8)]
    """

    def vectors_for_all(
        self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> KeyedVectors:
        """Return new vectors with those of the keys that have vectors, each once, in their order.

        Parameters
        ----------
        allow_inference : whether subclasses may compose vectors for keys that have no row.
        copy_vecattrs : whether to copy the attributes of the keys. Otherwise, the new ones have only an invented
            `count`, from n for the first key to 1 for the last one of n, as in gensim.
        """
        known = [key for key in dict.fromkeys(keys) if key in (self if allow_inference else self.key_to_index)]
        made = KeyedVectors(self.vector_size, dtype=self.vectors.dtype)
        if known:
            made.add_vectors(known, np.array([self[key] for key in known]))
        made.next_index = len(known)
        made.expandos["count"] = np.arange(len(known), 0, -1, dtype=np.int64)
        rows = [self.get_index(key, -1) for key in known]
        for name, values in self.expandos.items() if copy_vecattrs else ():
            made.expandos.setdefault(name, np.zeros(len(known), values.dtype))
            for row, own in enumerate(rows):
                if own >= 0:
                    made.expandos[name][row] = values[own]
        return made

    def save(self, fname: Path, *args: Any, **options: Any) -> None:
        """Write a file of w2v, whatever its name is. `load` restores keys, vectors and attributes; nothing is pickled.

        Options such as `separately` and `pickle_protocol` are ignored, because the file is mapped when it is loaded.

        Raises
        ------
        ModelFileError
            If the file cannot be written or hold the vectors, such as vectors with NaN, or none.
        """
        if args or options:
            warn_once("save ignores all options but the name: w2v's files are never pickles, and always mapped")
        with errors_of_gensim():
            save_rows(self, fname, *self._also_saved())

    def _also_saved(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Return the tables that a subclass keeps too, and what the file says of them."""
        return {}, {}

    @classmethod
    def load(cls: type[Self], fname: Path, mmap: str | None = None) -> Self:
        """Read what `save` wrote, or another file of vectors that w2v reads, such as a model of `w2v train`.

        If it holds fastText's parts of words, they are FastTextKeyedVectors.

        Parameters
        ----------
        mmap : "r" makes the vectors read-only. Otherwise, writing to them changes the memory only, not the file.

        Raises
        ------
        ModelFileError
            If the file cannot be read, or is a pickle of gensim; also a ValueError, or a FileNotFoundError if there is
            no such file. Write the vectors of a pickle with gensim's `save_word2vec_format`, and read those.
        """
        kind: Any = cls
        with errors_of_gensim(), ModelFile(fname) as file:
            if cls is KeyedVectors and has_parts(file.vectors.parts):
                # By its name, because that module imports this one.
                kind = importlib.import_module("w2v_cli.gensim.fasttext_vectors").FastTextKeyedVectors
            return kind._from_file(file, mmap)

    @classmethod
    def _from_file(cls: type[Self], file: ModelFile, mmap: str | None) -> Self:
        """Return what an open file holds; see `load`."""
        made = cls.__new__(cls)
        KeyedVectors.__init__(made, 0)
        load_rows(made, file, mmap)
        return made

    @classmethod
    def load_word2vec_format(
        cls: type[Self],
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: Any = np.float32,
        no_header: bool = False,
    ) -> Self:
        """Read word2vec's text or binary format, or GloVe's text with `no_header`; compressed or not.

        Parameters
        ----------
        fvocab : a file of words and their counts, which become the attribute `count`. None: counts are invented, from V
            for the first word to 1 for the last one, as in gensim.
        binary : whether it is the binary format.
        encoding : that of the words.
        unicode_errors : `strict` refuses words in another encoding, `replace` puts U+FFFD in place of bad bytes, and
            `ignore` leaves them out.
        limit : read only this many of the first words.
        datatype : the type of the numbers.
        no_header : whether the first line already holds a word.

        Raises
        ------
        ModelFileError
            If the file cannot be read. It is also a FileNotFoundError if there is none, an EOFError if it is cut short,
            a UnicodeDecodeError for a word in another encoding, and otherwise a ValueError: for a wrong first line, a
            line that does not fit, and vectors with NaN or infinity, which gensim would take.
        """
        counts = None if fvocab is None else read_counts(fvocab, unicode_errors)
        contents = read_vectors(fname, binary, encoding, unicode_errors, limit, datatype, no_header)
        made = cls(contents.vectors.shape[1])
        fill(made, contents, counts)
        return made

    def save_word2vec_format(
        self,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        total_vec: int | None = None,
        write_header: bool = True,
        prefix: str = "",
        append: bool = False,
        sort_attr: str = "count",
    ) -> None:
        """Write word2vec's text or binary format; compressed if the name ends in .gz, .bz2, .xz or .zst.

        Parameters
        ----------
        fvocab : also write the words and their attribute `sort_attr` to this file.
        binary : whether to write the binary format, float32, rather than decimal numbers.
        total_vec : the number of words that the first line promises; None: as many as are written.
        write_header : whether to write the first line.
        prefix : what to put before every word.
        append : whether to write after what is in the files.
        sort_attr : sort the words by this attribute, the largest first; if they do not have it, leave their order.

        Raises
        ------
        ModelFileError
            If the file cannot be written; if a word cannot: one that is empty or has white space, which gensim writes
            although it could not be read again; or if there are no vectors. The latter two are ValueErrors, too.
        ValueError
            If the words and counts are wanted, and there is no such attribute.
        """
        write_vectors(self, fname, fvocab, binary, total_vec, write_header, prefix, append, sort_attr)

    def intersect_word2vec_format(
        self,
        fname: Path,
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
    ) -> None:
        """Replace vectors by those that a file in word2vec's format has for the same words; no words are added.

        Parameters
        ----------
        lockf : what to put into `vectors_lockf` for these words: what further training multiplies their changes by.
        binary, encoding, unicode_errors : as in `load_word2vec_format`.

        Raises
        ------
        ValueError
            If the vectors have another length.
        ModelFileError
            As in `load_word2vec_format`.
        """
        contents = read_vectors(fname, binary, encoding, unicode_errors)
        if contents.vectors.shape[1] != self.vector_size:
            raise ValueError(f"incompatible vector size {contents.vectors.shape[1]} in file {os.fspath(fname)}")
        common = [
            (row, self.key_to_index[word]) for row, word in enumerate(contents.words) if word in self.key_to_index
        ]
        theirs, own = (np.array(rows, np.int64) for rows in (zip(*common, strict=True) if common else ((), ())))
        self.vectors[own] = contents.vectors[theirs]
        self.norms = None
        factors = getattr(self, "vectors_lockf", np.ones(1, np.float32))
        # One factor may stand for all words.
        self.vectors_lockf = np.broadcast_to(factors, (len(self),)).copy() if len(factors) == 1 else factors
        self.vectors_lockf[own] = lockf

    def to_model(self) -> Model:
        """Return the words and vectors as a model of w2v, with all that it can answer; the vectors are shared."""
        # Imported here so that questions need not wait for it.
        from w2v_cli.api.model import Model

        counts = self.expandos.get("count")
        return Model.of([str(key) for key in self.index_to_key], self.vectors, counts)

    def similarity_unseen_docs(self, *args: Any, **options: Any) -> None:
        """Raise an error: w2v has no Doc2Vec."""
        raise NotImplementedError("Call similarity_unseen_docs on a Doc2Vec model instead.")

    def word_vec(self, *args: Any, **options: Any) -> np.ndarray:
        """Return the vector of a key; deprecated in gensim, too."""
        _deprecated("get_vector")
        return self.get_vector(*args, **options)

    def words_closer_than(self, word1: Key, word2: Key) -> list[Key]:
        """Return the keys nearer than a second one; deprecated in gensim, too."""
        _deprecated("closer_than")
        return self.closer_than(word1, word2)

    def init_sims(self, replace: bool = False) -> None:
        """Compute the norms, and with `replace` scale all vectors to length 1; deprecated in gensim, too."""
        _deprecated("fill_norms")
        self.fill_norms()
        if replace:
            self.unit_normalize_all()

    def __getattr__(self, name: str) -> Any:
        # Only for names that are not there.
        if name in _REMOVED:
            raise AttributeError(f"gensim 4 has no {name}: use {_REMOVED[name]}, here too")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


# What gensim 3 had, and what gensim 4 has instead.
_REMOVED = {
    "vocab": "key_to_index, index_to_key, get_vecattr and set_vecattr",
    "index2word": "index_to_key",
    "index2entity": "index_to_key",
    "vectors_norm": "get_normed_vectors()",
    "syn0": "vectors",
    "syn0norm": "get_normed_vectors()",
}

# The names of gensim 3, with which gensim 4 still has this class.
Word2VecKeyedVectors = Doc2VecKeyedVectors = EuclideanKeyedVectors = KeyedVectors


def load_word2vec_format(*args: Any, **options: Any) -> KeyedVectors:
    """Read word2vec's text or binary format; see `KeyedVectors.load_word2vec_format`."""
    return KeyedVectors.load_word2vec_format(*args, **options)


def _load_word2vec_format(cls: type[Self], fname: Path, *args: Any, **options: Any) -> Self:
    """Read word2vec's format into a class; libraries use this private name of gensim."""
    options.pop("binary_chunk_size", None)
    return cls.load_word2vec_format(fname, *args, **options)


def pseudorandom_weak_vector(size: int, seed_string: str | None = None, hashfxn: Any = hash) -> np.ndarray:
    """Return a short random vector, (D,); always the same for the same text, if there is one."""
    seed = None if not seed_string else hashfxn(seed_string) & 0xFFFFFFFF
    return ((np.random.Generator(np.random.SFC64(seed)).random(size) - 0.5) / size).astype(REAL)


def prep_vectors(
    target_shape: tuple[int, int], prior_vectors: np.ndarray | None = None, seed: int = 0, dtype: Any = REAL
) -> np.ndarray:
    """Return vectors of a shape: the given ones, and random ones for what is missing."""
    if prior_vectors is not None and prior_vectors.shape == target_shape:
        return prior_vectors
    made = KeyedVectors(target_shape[1], dtype=dtype)
    made.index_to_key = [None] * target_shape[0]
    made.vectors = np.zeros((0, 0), dtype) if prior_vectors is None else prior_vectors.astype(dtype)
    made.resize_vectors(seed)
    return made.vectors


def _deprecated(name: str) -> None:
    warnings.warn(f"use {name} instead", DeprecationWarning, stacklevel=3)
