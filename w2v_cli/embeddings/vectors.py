"""Words and their vectors, looked up by spelling; what to say when a spelling is unknown.

Nothing here knows files or the command line. The matrix may be a memory map: looking a word up reads one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.config import available_cores
from w2v_cli.corpus.vocabulary import MOST_TOKENS
from w2v_cli.embeddings.spelling import Spellings
from w2v_cli.errors import ModelFileError, UnknownWordError
from w2v_cli.storage.mapped import release_pages, writable
from w2v_cli.storage.words import Words

# Of the matrix at a time, for each thread.
_BLOCK_BYTES = 1 << 24


class WordVectors:
    """V words, most frequent first, each with a vector of D numbers.

    The matrix is read-only, so that its norms may be kept, and the pages of a mapped file freed after use. Both end
    when `hand_out` gives it to somebody who may write to it.

    Parameters
    ----------
    words : V distinct words; a word's place is its id and its row.
    matrix : float32 (V, D).
    counts : int64 (V,), occurrences in the corpus, or None if unknown.
    """

    def __init__(self, words: Sequence[str], matrix: np.ndarray, counts: np.ndarray | None = None) -> None:
        if matrix.ndim != 2 or len(matrix) != len(words):
            raise ValueError(f"{len(words)} words do not name the rows of a matrix of shape {matrix.shape}")
        self.words = Words.of(words)
        self.matrix = matrix.view()
        self.matrix.flags.writeable = False
        self.counts = counts
        self._norms: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.words

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector of a word, float32 (D,); UnknownWordError if there is none."""
        return self.matrix[self.ids_of([word])[0]]

    def hand_out(self) -> np.ndarray:
        """The matrix, for a caller who may write to it; answers follow what is in it then."""
        self.matrix = writable(self.matrix)
        self._norms = None
        return self.matrix

    def fault(self, empty_words: bool = False) -> str | None:
        """What keeps a file from holding these words and counts, as the end of a sentence; None if nothing does.

        Readers and writers ask here, so that nothing is written that could not be read.

        Parameters
        ----------
        empty_words : a word may be empty, as where it will be escaped.
        """
        words, counts = self.words, self.counts
        if 0 in self.matrix.shape:
            return "holds no vectors"
        if counts is not None and counts.shape != (len(words),):
            return f"has counts of shape {counts.shape} for {len(words)} words"
        if counts is not None and (counts.min() < 0 or counts.sum(dtype=np.float64) > MOST_TOKENS):
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
        return self.matrix.shape[1]

    @cached_property
    def ids(self) -> dict[str, int]:
        """Id of every word; `id_of` finds a few without making this."""
        return {word: word_id for word_id, word in enumerate(self.words)}

    @property
    def norms(self) -> np.ndarray:
        """|row| of every row, float32 (V,); 1 for a row of zeros, so that its cosines are 0.

        Raises
        ------
        ModelFileError
            If a row holds NaN or infinity, or is too long for float32.
        """
        if self._norms is not None and len(self._norms) == len(self):
            return self._norms
        return self._measured(np.empty((0, self.dim), np.float32), None)[1]

    def cosines(self, units: np.ndarray, restrict_vocab: int | None = None) -> np.ndarray:
        """The cosine of each direction with each word's vector, float32 (n, V); 0 for a vector of zeros.

        The matrix is read once, block by block, and its norms are made on the way; of a mapped file only those blocks
        are in memory.

        Parameters
        ----------
        units : float32 (n, D), of length 1.
        restrict_vocab : with so many of the first words only; no other row is read.

        Raises
        ------
        ModelFileError
            As of `norms`, for those rows.
        """
        products, norms = self._measured(units, restrict_vocab)
        products /= norms
        return products

    def _measured(self, directions: np.ndarray, restrict_vocab: int | None) -> tuple[np.ndarray, np.ndarray]:
        """The products of directions with the first rows, and the rows' norms, which are kept if they cannot change."""
        matrix = self.matrix[:restrict_vocab]
        products = np.empty((len(directions), len(matrix)), np.float32)
        known = self._norms[: len(matrix)] if self._norms is not None else np.empty(0, np.float32)
        measure = len(known) < len(matrix)
        norms = np.empty(len(matrix), np.float32) if measure else known

        threads = available_cores()
        # As many blocks for every thread.
        rounds = max(1, -(-len(matrix) * self.dim * matrix.itemsize // (threads * _BLOCK_BYTES)))
        step = max(1, -(-len(matrix) // (threads * rounds)))

        def work(start: int) -> None:
            block = matrix[start : start + step]
            with np.errstate(all="ignore"):
                if len(directions):
                    np.matmul(directions, block.T, out=products[:, start : start + step])
                if measure:
                    np.sqrt(np.einsum("ij,ij->i", block, block), out=norms[start : start + step])
            release_pages(block)

        with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(0, len(matrix), step)))
        if measure:
            self.require_finite(norms, range(len(norms)))
            norms[norms == 0] = 1
            if not self.matrix.flags.writeable:
                self._norms = norms
        return products, norms

    def require_finite(self, norms: np.ndarray, ids: Sequence[int] | np.ndarray) -> None:
        """Refuse vectors that have no direction.

        Parameters
        ----------
        norms : float (n,), the length of each vector or its square · ids : n, whose vectors they are.

        Raises
        ------
        ModelFileError
            If one of them is NaN or infinite; names the word.
        """
        finite = np.isfinite(norms)
        if not finite.all():
            raise ModelFileError(
                f"the vector of {self.words[int(ids[int(np.argmin(finite))])]} has no finite length",
                hint="the model has diverged or is damaged; train again with a lower --alpha",
            )

    @property
    def unit_rows(self) -> np.ndarray:
        """Every row at length 1 (rows of zeros stay zero), float32 (V, D)."""
        return self.matrix / self.norms[:, np.newaxis]

    def id_of(self, word: str) -> int | None:
        """The id of a word, None if it is unknown."""
        return self.words.find(word)

    def ids_of(self, words: Sequence[str]) -> np.ndarray:
        """The ids of several words, int32; UnknownWordError names every unknown one."""
        ids = [self.words.find(word) for word in words]
        unknown = [word for word, word_id in zip(words, ids, strict=True) if word_id is None]
        if unknown:
            raise self.unknown(unknown)
        return np.array(ids, dtype=np.int32)

    def known_ids(self, words: Iterable[str]) -> list[int]:
        """The ids of those words that are known."""
        ids = (self.id_of(word) for word in words)
        return [word_id for word_id in ids if word_id is not None]

    def suggestions(self, word: str, most: int = 5) -> list[str]:
        """Known words spelled nearly like `word`, nearest first, then most frequent first.

        Case does not count, so variants of case come before all others. Words shorter than four letters may
        differ by one edit, longer ones by two.
        """
        return [self.words[word_id] for word_id in self._spellings.near(word, most)]

    @cached_property
    def _spellings(self) -> Spellings:
        return Spellings(self.words)

    def unknown(self, words: Sequence[str]) -> UnknownWordError:
        """The error that says that these words are unknown, with the known spellings nearest to each."""
        words = list(dict.fromkeys(words))
        near = {word: self.suggestions(word) for word in words}
        found = [f"{word} → {', '.join(known)}" for word, known in near.items() if known]
        hint = f"near spellings: {'; '.join(found)}" if found else "train leaves out what is rarer than --min-count"
        return UnknownWordError(f"not in the vocabulary: {', '.join(words)}", hint)


def first_not_finite(matrix: np.ndarray) -> int | None:
    """The first row that holds NaN or infinity, None if none does; looks at 1,000 rows of a mapped file at a time."""
    for start in range(0, len(matrix), 1000):
        block = matrix[start : start + 1000]
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            return start + int(np.argmin(finite))
    return None
