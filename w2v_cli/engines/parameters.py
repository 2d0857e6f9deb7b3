"""The parameters of a model: allocated as the kernels need them, initialised, and returned at their true width."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from w2v_cli.compute.random import GOLDEN, mix_bits, stream_key

# Rows are padded with zeros to whole cache lines of float32. Those are whole SIMD vectors on every current processor.
ROW_ALIGNMENT = 16
CACHE_LINE_BYTES = 64
# How many rows of each table have private copies in every thread, at most; see `private_copies`.
HOT_WORDS = 512
# How many of the rows that a block trained are checked after it, and the largest number that they may hold. A NaN, or a
# number larger than any in a model that has learnt something, soon spreads to every row.
PROBED_ROWS, LARGEST_NUMBER = 32, 1e4


@dataclass(frozen=True)
class Parameters:
    """The two tables of a run, float16, float32 or float64. Their rows are padded with zeros.

    Attributes
    ----------
    input_vectors : (V, padded D), the vectors that people want; or (R, padded D), the rows that these are composed of.
    output_vectors : the vectors that those are scored against, (V, padded D) for words, or (V − 1, padded D) for the
        nodes of hierarchical softmax.
    dim : D, the true width.
    output_name : output_vectors or node_vectors.
    input_name : input_vectors, or subword_vectors if they are composed.
    """

    input_vectors: np.ndarray
    output_vectors: np.ndarray
    dim: int
    output_name: str = "output_vectors"
    input_name: str = "input_vectors"

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the tables by name, at their true width, as views."""
        return {
            self.input_name: self.input_vectors[:, : self.dim],
            self.output_name: self.output_vectors[:, : self.dim],
        }

    @property
    def nbytes(self) -> int:
        """Memory that the tables take, bytes."""
        return self.input_vectors.nbytes + self.output_vectors.nbytes

    def finite(self) -> bool:
        """Whether every number is finite."""
        return all_finite(self.input_vectors) and all_finite(self.output_vectors)


def all_finite(table: np.ndarray) -> bool:
    """Return whether every number of a table is finite, and their sum."""
    with np.errstate(all="ignore"):
        # In float16, a sum of many numbers would be infinite.
        return bool(np.isfinite(table.sum(dtype=np.float32 if table.dtype == np.float16 else None)))


def padded(dim: int) -> int:
    """Return the width of a row of `dim` numbers in memory."""
    return -(-dim // ROW_ALIGNMENT) * ROW_ALIGNMENT


def parameter_bytes(rows: int, dim: int, dtype: DTypeLike = np.float32) -> int:
    """Return the memory that tables of so many rows together take, bytes."""
    return rows * padded(dim) * np.dtype(dtype).itemsize


def initial_parameters(
    words: int,
    dim: int,
    seed: int,
    outputs: int | None = None,
    output_name: str = "output_vectors",
    dtype: DTypeLike = np.float32,
) -> Parameters:
    """Return tables with input vectors from U[−1, 1) ÷ D and output vectors of 0.

    As in gensim and fastText, the input vectors are twice as long as word2vec.c's, so that the first steps of the
    output vectors are twice as long, too (measured: help/design.md, "Initial vectors"). Row i depends only on
    (seed, i).

    Parameters
    ----------
    words : V.
    dim : D.
    seed : the random seed.
    outputs : number of output vectors; V if None.
    output_name : name of the output table; see `Parameters`.
    dtype : float32 or float16, to which the numbers of float32 are rounded.
    """
    outputs = words if outputs is None else outputs
    parameters = Parameters(
        aligned_zeros((words, padded(dim)), dtype), aligned_zeros((outputs, padded(dim)), dtype), dim, output_name
    )
    _draw_rows(parameters.input_vectors, np.arange(words), dim, seed)
    return parameters


def initial_subword_parameters(
    table_rows: int,
    used_rows: np.ndarray,
    dim: int,
    seed: int,
    outputs: int,
    output_name: str,
    dtype: DTypeLike = np.float32,
) -> Parameters:
    """Return tables as `initial_parameters` does, but with a table of rows that words are composed of.

    Rows that no word has stay 0. They would only add noise to the vectors of unseen words.

    Parameters
    ----------
    table_rows : R · used_rows : int, the numbers of the rows that words have; some may be repeated.
    """
    inputs = aligned_zeros((table_rows, padded(dim)), dtype)
    _draw_rows(inputs, np.unique(used_rows), dim, seed)
    return Parameters(inputs, aligned_zeros((outputs, padded(dim)), dtype), dim, output_name, "subword_vectors")


def _draw_rows(table: np.ndarray, rows: np.ndarray, dim: int, seed: int) -> None:
    """Draw rows of a table, a few at a time: the random numbers take several times as much memory as the rows."""
    at_once = max(1, (1 << 20) // dim)
    for first in range(0, len(rows), at_once):
        some = rows[first : first + at_once]
        table[some, :dim] = _uniform_rows(seed, some, dim)


def _uniform_rows(seed: int, rows: np.ndarray, dim: int) -> np.ndarray:
    """Draw rows from U[−1, 1) ÷ D, float32: element k of row i is number i·D + k of the seed's stream."""
    numbers = (rows.astype(np.uint64)[:, None] * np.uint64(dim) + np.arange(1, dim + 1, dtype=np.uint64)).ravel()
    states = np.uint64(stream_key(seed)) + numbers * np.uint64(GOLDEN)
    bits = mix_bits(states) >> np.uint64(40)
    return ((bits.astype(np.float32) * np.float32(2.0**-23) - np.float32(1)) / np.float32(dim)).reshape(-1, dim)


def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return an array of zeros that begins at a cache line.

    The array is filled with zeros instead of made by `np.zeros`, because numpy then asks the system for pages of 2 MiB.
    Training reads rows at random, and with pages of 4 KiB most reads would miss the TLB (measured: help/design.md,
    "Large pages").
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + CACHE_LINE_BYTES, np.uint8)
    raw.fill(0)
    start = -raw.ctypes.data % CACHE_LINE_BYTES
    return raw[start : start + size].view(dtype).reshape(shape)
