"""Rows of vectors that are computed when they are needed: what a matrix may have in place of an array.

Asking about a word reads one row, and a search reads the rows in chunks; so neither takes the memory of a whole matrix.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from w2v_cli.storage.mapped import release_pages


class Computed(ABC):
    """Float32 rows that are computed when they are needed.

    Attributes
    ----------
    shape : (V, D).
    kept : all rows, float32 (V, D), once they have been computed, and somebody may have written to them; None before.
    """

    ndim = 2
    itemsize = np.dtype(np.float32).itemsize
    shape: tuple[int, int]
    kept: np.ndarray | None = None

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """How much memory all rows would take."""
        return math.prod(self.shape) * self.itemsize

    @abstractmethod
    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return some rows, float32 (n, D)."""

    @abstractmethod
    def write(self, target: np.ndarray, start: int, stop: int) -> None:
        """Write the rows from `start` to `stop` to a matrix of all rows."""

    @abstractmethod
    def first(self, count: int) -> Computed:
        """Return the first rows."""

    @abstractmethod
    def release(self, start: int, stop: int) -> None:
        """Free the memory of rows that are mapped from a file."""


class Stored(Computed):
    """Vectors that are stored in fewer bytes than float32.

    Once all of them have become float32, everybody gets them from there: whoever shares them sees what was written.

    Parameters
    ----------
    numbers : float16 or int8 (V, D), which may be mapped from a file.
    scales : float32 (V,), by which the numbers of each row are multiplied; None: 1.

    Examples
    --------
    >>> Stored(np.array([[1, -2], [3, 4]], np.int8), np.array([0.5, 2], np.float32))[:].tolist()
    [[0.5, -1.0], [6.0, 8.0]]
    """

    def __init__(self, numbers: np.ndarray, scales: np.ndarray | None = None) -> None:
        self.numbers, self.scales = numbers, scales
        rows, dim = numbers.shape
        self.shape = rows, dim

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        if self.kept is not None:
            return self.kept[rows]
        found = self.numbers[rows].astype(np.float32)
        if self.scales is not None:
            found *= self.scales[rows, np.newaxis]
        return found

    def write(self, target: np.ndarray, start: int, stop: int) -> None:
        target[start:stop] = self.numbers[start:stop]
        if self.scales is not None:
            target[start:stop] *= self.scales[start:stop, np.newaxis]

    def first(self, count: int) -> Stored:
        some = Stored(self.numbers[:count], None if self.scales is None else self.scales[:count])
        some.kept = None if self.kept is None else self.kept[:count]
        return some

    def release(self, start: int, stop: int) -> None:
        release_pages(self.numbers[start:stop])


def release(rows: np.ndarray | Computed, start: int, stop: int) -> None:
    """Free the memory of rows that are mapped from a file, however they are held."""
    if isinstance(rows, Computed):
        rows.release(start, stop)
    else:
        release_pages(rows[start:stop])
