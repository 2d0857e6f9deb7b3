"""Words with their vectors, looked up by spelling, and the error for an unknown spelling.

Nothing here knows about files or the command line. The matrix may be a memory map, or a blend of two: looking a word
up reads one row of each.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.config import available_cores
from w2v_cli.embeddings.blend import Blend
from w2v_cli.embeddings.spelling import Spellings
from w2v_cli.errors import ConfigError, ModelFileError, UnknownWordError
from w2v_cli.storage.mapped import release_pages, writable
from w2v_cli.storage.words import MOST_TOKENS, Words
from w2v_cli.subwords.table import SubwordTable

# How much of the matrix each thread reads at a time.
_CHUNK_BYTES = 1 << 24
# A chunk of a blend stays in the cache between being computed and being used.
_BLENDED_BYTES = 1 << 20
# The rows of a blend of up to so many bytes are computed once and kept. Those of a larger one are computed again for
# each batch of questions, so that they take no memory.
_KEPT_BYTES = 1 << 28
# So many rows are compared at a time.
_COMPARED_ROWS = 1 << 12


class WordVectors:
    """V words, most frequent first, each with a vector of D numbers.

    The matrix is read-only, so its norms can be cached, and pages of a mapped file can be freed after use. This ends
    when `hand_out` gives the matrix to a caller who may write to it.

    Parameters
    ----------
    words : V distinct words; a word's index is its id and its row.
    matrix : float32 (V, D); or a blend of two matrices, whose rows are computed when they are needed.
    counts : int64 (V,), occurrences in the corpus, or None if unknown.
    parts : the rows of parts of words, of which vectors of other words are composed; None: only these V words have
        vectors.
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: np.ndarray | Blend,
        counts: np.ndarray | None = None,
        parts: SubwordTable | None = None,
    ) -> None:
        if matrix.ndim != 2 or len(matrix) != len(words):
            raise ValueError(f"{len(words)} words do not name the rows of a matrix of shape {matrix.shape}")
        self.words = Words.of(words)
        self._blend = matrix if isinstance(matrix, Blend) else None
        self._rows: np.ndarray | Blend = matrix if isinstance(matrix, Blend) else _read_only(matrix)
        self.counts = counts
        self.parts = parts
        self._norms: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.id_of(word) is not None

    def __getitem__(self, word: str) -> np.ndarray:
        """Return the vector of a word, float32 (D,), composed if need be; UnknownWordError if it has none."""
        covering = self.covering([word])
        return covering.rows(covering.ids_of([word]))[0]

    @property
    def matrix(self) -> np.ndarray:
        """The vectors, float32 (V, D); of a blend, they are all computed, and kept."""
        if isinstance(self._rows, Blend):
            blend, whole = self._rows, np.empty(self._rows.shape, np.float32)

            def work(start: int, stop: int) -> None:
                blend.write(whole, start, stop)
                blend.release(start, stop)

            _on_chunks(blend, len(blend), work)
            self._rows = _read_only(whole)
        return self._rows

    def hand_out(self) -> np.ndarray:
        """Return the matrix to a caller who may write to it; later answers reflect what was written."""
        self._rows = writable(self.matrix)
        self._norms = None
        return self._rows

    @property
    def handed_out(self) -> bool:
        """Whether somebody may write to the matrix."""
        return not isinstance(self._rows, Blend) and self._rows.flags.writeable

    def first(self, count: int) -> WordVectors:
        """Return the `count` most frequent words with their vectors, which are not copied."""
        if count >= len(self):
            return self
        rows = self._rows.first(count) if isinstance(self._rows, Blend) else self._rows[:count]
        counts = None if self.counts is None else self.counts[:count]
        return WordVectors(self.words.take(np.arange(count)), rows, counts)

    @property
    def mix_weight(self) -> float | None:
        """The weight of the output vectors in a mix; None if these vectors are none that is made here."""
        return self._blend.weight if self._blend is not None and self._blend.kind == "mix" else None

    @property
    def edited(self) -> bool:
        """Whether vectors that are a blend are not what they were made of any more."""
        if self._blend is None or not self.handed_out:
            return False
        starts = range(0, len(self), _COMPARED_ROWS)
        pairs = ((self.matrix[at : at + _COMPARED_ROWS], self._blend[at : at + _COMPARED_ROWS]) for at in starts)
        return not all(np.array_equal(one, other) for one, other in pairs)

    def fault(self, empty_words: bool = False) -> str | None:
        """Say why no file can hold these words and counts, as the end of a sentence; None if a file can.

        Readers and writers share this check, so nothing is written that could not be read again.

        Parameters
        ----------
        empty_words : whether a word may be empty, as when it will be escaped.
        """
        words, counts = self.words, self.counts
        if self.dim == 0 or (not len(words) and self.parts is None):
            return "holds no vectors"
        if counts is not None and counts.shape != (len(words),):
            return f"has counts of shape {counts.shape} for {len(words)} words"
        if counts is not None and len(counts) and (counts.min() < 0 or counts.sum(dtype=np.float64) > MOST_TOKENS):
            return "has counts that no text can have"
        empty = np.flatnonzero(np.diff(words.offsets) == 0)
        if len(empty) and not empty_words:
            return f"has a word that is empty, number {empty[0]}"
        undecodable = words.undecodable()
        if undecodable is not None:
            return f"has a word that is not UTF-8, number {undecodable}"
        repeated = words.repeated()
        if repeated is not None:
            return f"has the same word twice: {words[repeated[0]]}, numbers {repeated[0]} and {repeated[1]}"
        return None

    @property
    def dim(self) -> int:
        """D, the length of a vector."""
        return self._rows.shape[1]

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every word; to look up only a few, `id_of` needs no such dict."""
        return {word: word_id for word_id, word in enumerate(self.words)}

    @property
    def norms(self) -> np.ndarray:
        """The length of every row, float32 (V,); 1 for a row of zeros, so that its cosines are 0.

        Raises
        ------
        ModelFileError
            If a row holds NaN or infinity, or its length overflows float32.
        """
        if self._norms is not None and len(self._norms) == len(self):
            return self._norms
        return self._measured(np.empty((0, self.dim), np.float32), None)[1]

    def searched(self, restrict_vocab: int | None) -> int:
        """Return among how many words the answers are: all, or so many of the most frequent ones."""
        return len(self) if restrict_vocab is None else min(restrict_vocab, len(self))

    def cosines(self, units: np.ndarray, restrict_vocab: int | None = None) -> np.ndarray:
        """Return the cosine of each direction with each word's vector, float32 (n, V); 0 for a vector of zeros.

        The matrix is read once, chunk by chunk, and its norms are computed on the way. Of a mapped file, only those
        chunks are in memory.

        Parameters
        ----------
        units : float32 (n, D), rows of length 1.
        restrict_vocab : use only this many of the most frequent words, and read no other row; None: all.

        Raises
        ------
        ModelFileError
            If one of those rows holds NaN or infinity, or its length overflows float32.
        """
        products, norms = self._measured(units, restrict_vocab)
        products /= norms
        return products

    def _measured(self, directions: np.ndarray, restrict_vocab: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the products of directions with the first rows, and the rows' norms.

        Norms that are computed here are cached, unless somebody may write to the matrix.
        """
        rows, count = self._rows, self.searched(restrict_vocab)
        if isinstance(rows, Blend) and rows.nbytes <= _KEPT_BYTES:
            rows = self.matrix
        products = np.empty((len(directions), count), np.float32)
        known = self._norms[:count] if self._norms is not None else np.empty(0, np.float32)
        measure = len(known) < count
        norms = np.empty(count, np.float32) if measure else known

        def work(start: int, stop: int) -> None:
            chunk = rows[start:stop]
            with np.errstate(all="ignore"):
                if len(directions):
                    np.matmul(directions, chunk.T, out=products[:, start:stop])
                if measure:
                    np.sqrt(np.einsum("ij,ij->i", chunk, chunk), out=norms[start:stop])
            if isinstance(rows, Blend):
                rows.release(start, stop)
            else:
                release_pages(chunk)

        _on_chunks(rows, count, work)
        if measure:
            self.require_finite(norms, range(len(norms)))
            norms[norms == 0] = 1
            if not self.handed_out:
                self._norms = norms
        return products, norms

    def require_finite(self, norms: np.ndarray, ids: Sequence[int] | np.ndarray) -> None:
        """Raise an error if a vector has no direction.

        Parameters
        ----------
        norms : float (n,), the length of each vector, or its square · ids : the n words they belong to.

        Raises
        ------
        ModelFileError
            If one of the lengths is NaN or infinite; the error names the word.
        """
        finite = np.isfinite(norms)
        if not finite.all():
            raise ModelFileError(
                f"the vector of {self.spelling(int(ids[int(np.argmin(finite))]))} has no finite length",
                hint="the model has diverged or is damaged; train again with a lower --alpha",
            )

    @property
    def unit_rows(self) -> np.ndarray:
        """Every row scaled to length 1, float32 (V, D); rows of zeros stay zero."""
        return self.matrix / self.norms[:, np.newaxis]

    def id_of(self, word: str) -> int | None:
        """Return the id of a word, as it is spelled or else in the normal form NFC or NFD; None if it is unknown.

        An accented letter may be one character or two, which look the same. A user types one of them, and the text may
        have had the other.
        """
        found = self.words.find(word)
        if found is None and not word.isascii():
            forms = (self.words.find(unicodedata.normalize(form, word)) for form in ("NFC", "NFD"))
            found = next((word_id for word_id in forms if word_id is not None), None)
        return found

    def ids_of(self, words: Sequence[str]) -> np.ndarray:
        """Return the ids of n words, int32 (n,).

        Raises
        ------
        UnknownWordError
            If any word is unknown; the error names all of them.
        ConfigError
            If one of them is not a str.
        """
        _require_str(words)
        ids = [self.id_of(word) for word in words]
        unknown = [word for word, word_id in zip(words, ids, strict=True) if word_id is None]
        if unknown:
            raise self.unknown(unknown)
        return np.array(ids, dtype=np.int32)

    def require_parts(self) -> SubwordTable:
        """Return the rows of parts of words.

        Raises
        ------
        ConfigError
            If there are none.
        """
        if self.parts is None:
            raise ConfigError("the model has no vectors for parts of words", hint="train one with --subwords fasttext")
        return self.parts

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """Return a copy of the vectors of n words, float32 (n, D)."""
        return self._rows[ids]

    def spelling(self, word_id: int) -> str:
        """Return the word with an id."""
        return self.words[word_id]

    def composed(self, words: Iterable[str]) -> list[str]:
        """Return those of the words that are not in the vocabulary but have vectors, because they have known parts."""
        return list(self._composed(words))

    def answerable(self, words: Iterable[str]) -> list[str]:
        """Return those of the words that have vectors, in their order: known words and composed ones."""
        listed = list(words)
        composed = self._composed(listed)
        return [word for word in listed if word in composed or word in self]

    def covering(self, words: Sequence[str]) -> WordVectors:
        """Return these vectors with an id for each of some words, whether they are in the vocabulary or not.

        Words that are not get vectors composed of their parts, and ids from V on. They are never answers.

        Raises
        ------
        UnknownWordError
            If words are unknown and have no known parts; the error names all of them.
        ConfigError
            If one of them is not a str.
        """
        _require_str(words)
        composed = self._composed(words)
        unknown = [word for word in words if word not in composed and word not in self]
        if unknown:
            error = self.unknown(unknown)
            if self.parts is not None:
                error.hint = "the model composes vectors of parts of words, and such a word has none"
            raise error
        return _Covering(self, composed) if composed else self

    def _composed(self, words: Iterable[str]) -> dict[str, np.ndarray]:
        """Return the vectors, float32 (D,), of the words that are not in the vocabulary and have known parts."""
        if self.parts is None:
            return {}
        unseen = [word for word in dict.fromkeys(words) if word not in self and word]
        if not unseen:
            return {}
        vectors, have_parts = self.parts.unseen_vectors(Words.of(unseen))
        return {word: vectors[i] for i, word in enumerate(unseen) if have_parts[i]}

    def known_ids(self, words: Iterable[str]) -> list[int]:
        """Return the ids of the words that are known."""
        ids = (self.id_of(word) for word in words)
        return [word_id for word_id in ids if word_id is not None]

    def suggestions(self, word: str, most: int = 5) -> list[str]:
        """Return known words with a spelling near `word`, nearest first; at equal distance, most frequent first.

        Case is ignored, so words that differ only in case come before all others. Words shorter than four letters may
        differ by one edit, longer ones by two.
        """
        return [self.words[word_id] for word_id in self._spellings.near(word, most)]

    @cached_property
    def _spellings(self) -> Spellings:
        return Spellings(self.words)

    def unknown(self, words: Sequence[str]) -> UnknownWordError:
        """Return the error that lists unknown words, with near spellings of each as the hint."""
        words = list(dict.fromkeys(words))
        near = {word: self.suggestions(word) for word in words}
        found = [f"{word} → {', '.join(known)}" for word, known in near.items() if known]
        hint = f"near spellings: {'; '.join(found)}" if found else "words rarer than --min-count are not in the model"
        return UnknownWordError(f"not in the vocabulary: {', '.join(words)}", hint)


class _Covering(WordVectors):
    """Vectors with some more words, which have ids but are not in the vocabulary.

    Parameters
    ----------
    base : the vectors of the vocabulary · composed : the vector of each further word, float32 (D,).
    """

    def __init__(self, base: WordVectors, composed: dict[str, np.ndarray]) -> None:
        super().__init__(base.words, base._rows, base.counts, base.parts)
        self._base = base
        self._further = list(composed)
        self._further_ids = {word: len(base) + i for i, word in enumerate(composed)}
        self._further_rows = np.array(list(composed.values()))

    def id_of(self, word: str) -> int | None:
        return self._further_ids[word] if word in self._further_ids else super().id_of(word)

    def rows(self, ids: np.ndarray) -> np.ndarray:
        further = ids >= len(self)
        rows = np.empty((len(ids), self.dim), np.float32)
        rows[~further] = self._rows[ids[~further]]
        rows[further] = self._further_rows[ids[further] - len(self)]
        return rows

    def spelling(self, word_id: int) -> str:
        return self.words[word_id] if word_id < len(self) else self._further[word_id - len(self)]

    def _measured(self, directions: np.ndarray, restrict_vocab: int | None) -> tuple[np.ndarray, np.ndarray]:
        # The norms stay with the vectors of the vocabulary, which outlive this question.
        return self._base._measured(directions, restrict_vocab)


def _require_str(words: Iterable[object]) -> None:
    for word in words:
        if not isinstance(word, str):
            raise ConfigError(f"{word!r:.60} is not a word", hint="a word is a str")


def _read_only(matrix: np.ndarray) -> np.ndarray:
    """Return a view of a matrix that cannot be written to."""
    view = matrix.view()
    view.flags.writeable = False
    return view


def _on_chunks(matrix: np.ndarray | Blend, rows: int, work: Callable[[int, int], None]) -> None:
    """Call `work(start, stop)` for chunks of the first rows, on all cores; every core gets equally many chunks."""
    threads = available_cores()
    chunk_bytes = min(_CHUNK_BYTES, _BLENDED_BYTES) if isinstance(matrix, Blend) else _CHUNK_BYTES
    rounds = max(1, -(-rows * matrix.shape[1] * matrix.itemsize // (threads * chunk_bytes)))
    step = max(1, -(-rows // (threads * rounds)))
    starts = range(0, rows, step)
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, starts, (min(start + step, rows) for start in starts)))


def first_not_finite(matrix: np.ndarray) -> int | None:
    """Return the index of the first row that holds NaN or infinity; None if all are finite.

    Rows are checked 1,000 at a time, so that a mapped file need not fit into memory.
    """
    for start in range(0, len(matrix), 1000):
        finite = np.isfinite(matrix[start : start + 1000]).all(axis=1)
        if not finite.all():
            return start + int(np.argmin(finite))
    return None
