"""A matrix of vectors: their norms, and their cosines with directions, on all cores.

Nothing here knows about words. The matrix may be a memory map, or its rows may be computed when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.config import available_cores
from w2v_cli.embeddings.computed import Computed, release
from w2v_cli.errors import ModelFileError
from w2v_cli.storage.mapped import writable

# How much of the matrix each thread reads at a time.
_CHUNK_BYTES = 1 << 24
# A chunk that is computed stays in the cache until it is used.
_COMPUTED_BYTES = 1 << 20
# Computed rows of up to so many bytes are kept from the second batch of questions on. Those of a larger matrix are
# computed again for each batch, so that they take no memory; and often there is only one.
_KEPT_BYTES = 1 << 28
# Starting threads takes longer than to search a matrix of this size.
_SMALL_BYTES = 1 << 22


class Matrix:
    """V vectors of D numbers.

    The matrix is read-only, so its norms can be cached, and pages of a mapped file can be freed after use. This ends
    when `hand_out` gives the matrix to a caller who may write to it.

    Parameters
    ----------
    matrix : float (V, D), usually float32, or what computes the rows.
    norms : the length of each row, float32 (V,), if it is known; 1 for a row of zeros.
    """

    def __init__(self, matrix: np.ndarray | Computed, norms: np.ndarray | None = None) -> None:
        self._rows: np.ndarray | Computed = matrix if isinstance(matrix, Computed) else _read_only(matrix)
        self._norms = norms

    def __len__(self) -> int:
        return len(self._rows)

    def spelling(self, row: int) -> str:
        """Return what messages call a row."""
        return f"row {row}"

    @property
    def dim(self) -> int:
        """D, the length of a vector."""
        return self._rows.shape[1]

    @property
    def held(self) -> np.ndarray | Computed:
        """The vectors as they are in memory: an array, or what computes them."""
        return self._rows

    @property
    def matrix(self) -> np.ndarray:
        """The vectors, float32 (V, D); if they have to be computed, all of them are, and they are kept."""
        if isinstance(self._rows, Computed):
            self._rows = _read_only(_whole(self._rows))
        return self._rows

    @property
    def reusable(self) -> np.ndarray | Computed:
        """The vectors for whoever reads the same rows again and again: all computed, unless that takes much memory."""
        return self._rows if self._rows.nbytes > _KEPT_BYTES else self.matrix

    def hand_out(self) -> np.ndarray:
        """Return the matrix to a caller who may write to it; later answers reflect what was written."""
        self._rows = writable(self.matrix)
        self._norms = None
        return self._rows

    @property
    def handed_out(self) -> bool:
        """Whether somebody may write to the matrix."""
        return not isinstance(self._rows, Computed) and self._rows.flags.writeable

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
        if self._norms is not None and len(self._norms) == count == len(self):
            rows = self.reusable
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
            release(rows, start, stop)

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

    def rows(self, ids: np.ndarray) -> np.ndarray:
        """Return a copy of the vectors of n rows, float32 (n, D)."""
        return self._rows[ids]


def _read_only(matrix: np.ndarray) -> np.ndarray:
    """Return a view of a matrix that cannot be written to."""
    view = matrix.view()
    view.flags.writeable = False
    return view


def _whole(computed: Computed) -> np.ndarray:
    """Return all rows, float32 (V, D), which are computed now if nobody has done so."""
    if computed.kept is not None:
        return computed.kept
    whole = np.empty(computed.shape, np.float32)

    def work(start: int, stop: int) -> None:
        computed.write(whole, start, stop)
        computed.release(start, stop)

    _on_chunks(computed, len(computed), work)
    computed.kept = whole
    return whole


def _on_chunks(matrix: np.ndarray | Computed, rows: int, work: Callable[[int, int], None]) -> None:
    """Call `work(start, stop)` for chunks of the first rows, on all cores; every core gets equally many chunks."""
    threads, size = available_cores(), rows * matrix.shape[1] * matrix.itemsize
    chunk_bytes = min(_CHUNK_BYTES, _COMPUTED_BYTES) if isinstance(matrix, Computed) else _CHUNK_BYTES
    if size <= min(_SMALL_BYTES, chunk_bytes):
        work(0, rows)
        return
    rounds = max(1, -(-size // (threads * chunk_bytes)))
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
