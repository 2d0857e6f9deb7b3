"""The parameters of a model: allocated for the kernels, started from the seed, handed out at their true width."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from w2v_cli.compute.random import GOLDEN, mix_bits, stream_key

# Rows are padded with zeros to whole cache lines of float32, which are whole vectors on every processor so far.
ROW_ALIGNMENT = 16
CACHE_LINE_BYTES = 64


@dataclass(frozen=True)
class Parameters:
    """The two tables of a run, float32 or float64, of padded width; the padding is zero.

    Attributes
    ----------
    input_vectors : the vectors people want.
    output_vectors : the ones they are scored against: words, or the nodes of hierarchical softmax.
    dim : D, the true width.
    output_name : output_vectors or node_vectors.
    """

    input_vectors: np.ndarray
    output_vectors: np.ndarray
    dim: int
    output_name: str = "output_vectors"

    def tensors(self) -> dict[str, np.ndarray]:
        """The tables by name, of true width: views, no copies."""
        return {
            "input_vectors": self.input_vectors[:, : self.dim],
            self.output_name: self.output_vectors[:, : self.dim],
        }

    @property
    def nbytes(self) -> int:
        """Memory of the tables, bytes."""
        return self.input_vectors.nbytes + self.output_vectors.nbytes

    def finite(self) -> bool:
        """Whether no number has become infinite or NaN."""
        with np.errstate(all="ignore"):
            return all(bool(np.isfinite(table.sum())) for table in (self.input_vectors, self.output_vectors))


def padded(dim: int) -> int:
    """The width of a table's rows in memory."""
    return -(-dim // ROW_ALIGNMENT) * ROW_ALIGNMENT


def parameter_bytes(words: int, dim: int) -> int:
    """Memory of both tables in float32."""
    return 2 * words * padded(dim) * 4


def initial_parameters(
    words: int, dim: int, seed: int, outputs: int | None = None, output_name: str = "output_vectors"
) -> Parameters:
    """Input vectors from U[−1, 1) ÷ D, output vectors 0, in float32.

    Twice as long as word2vec.c's, as gensim and fastText have them: the first steps of the output vectors are twice as
    long too (enwiki-100m, analogies of three seeds: CBOW 36.1 → 36.7 %, skip-gram 38.0 → 38.4 %).
    Row i depends on (seed, i) alone. `outputs` rows of output vectors, as many as words unless given.
    """
    outputs = words if outputs is None else outputs
    parameters = Parameters(
        aligned_zeros((words, padded(dim))), aligned_zeros((outputs, padded(dim))), dim, output_name
    )
    rows = max(1, (1 << 20) // dim)
    for first in range(0, words, rows):
        stop = min(first + rows, words)
        parameters.input_vectors[first:stop, :dim] = _uniform_rows(seed, first, stop, dim)
    return parameters


def _uniform_rows(seed: int, first: int, stop: int, dim: int) -> np.ndarray:
    """Rows first…stop−1 of U[−1, 1) ÷ D, float32: element k of row i is number i·D + k of the seed's stream."""
    places = np.arange(first * dim, stop * dim, dtype=np.uint64) + np.uint64(1)
    states = np.uint64(stream_key(seed)) + places * np.uint64(GOLDEN)
    bits = mix_bits(states) >> np.uint64(40)
    return ((bits.astype(np.float32) * np.float32(2.0**-23) - np.float32(1)) / np.float32(dim)).reshape(-1, dim)


def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
    """Zeros that begin at a cache line.

    Filled, not `np.zeros`: numpy asks for pages of 2 MiB for the one and not for the other. Training touches rows at
    random, and most pages of 4 KiB would miss the processor's table of them (a window of CBOW: 395 and 283 ns).
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + CACHE_LINE_BYTES, np.uint8)
    raw.fill(0)
    start = -raw.ctypes.data % CACHE_LINE_BYTES
    return raw[start : start + size].view(dtype).reshape(shape)
