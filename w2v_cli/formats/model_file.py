"""Model files: safetensors files that hold vectors, counts and words; and `ModelFile`, which opens every format.

The words are stored as one uint8 tensor with their offsets, because a safetensors header is too short to list them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import IO

import numpy as np

from w2v_cli.embeddings.computed import Stored
from w2v_cli.embeddings.matrix import Matrix, first_not_finite
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.binary import read_binary
from w2v_cli.formats.contents import FASTTEXT_NODES, KEPT_BUCKETS, SUBWORD_VECTORS, Contents, Tables, subword_table
from w2v_cli.formats.model2vec import TENSORS, is_model2vec, read_model2vec
from w2v_cli.formats.reading import DEFAULT_READING, ReadOptions
from w2v_cli.formats.vector_file import CHUNK_BYTES, VectorFile
from w2v_cli.storage.tensors import MAX_HEADER_BYTES, TensorFile, parse_json, word_tensors, write_tensors

FORMAT = "w2v-cli"
FORMAT_VERSION = "1"
# Losses of more epochs than this are stored as a tensor: the metadata must fit into the header.
MOST_LOSSES = 1000
LOSSES, VALIDATION_LOSSES = "losses", "validation_losses"
# The scale of each row of input vectors that are whole numbers.
SCALES = "input_scales"
# The tables that training may leave beside the input vectors. fastText has a Huffman tree of its own.
_OTHER_TABLES = ("output_vectors", "node_vectors", FASTTEXT_NODES)


def save_model(
    path: str | os.PathLike[str],
    words: Sequence[str],
    counts: np.ndarray | None,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
) -> None:
    """Write a model file. At every instant the file at `path` is either the old one or the complete new one.

    Parameters
    ----------
    path : the file to write; compressed if its name ends in .gz, .bz2, .xz or .zst.
    words : V distinct words, none of them empty, most frequent first.
    counts : int64 (V,), or None if unknown.
    tensors : arrays of one axis or more, by name; rows may be slices of a wider table.
    metadata : how the model was made; `format` and `format_version` are added.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or if `ModelFile` would refuse to read it. An older file then stays as it was,
        and nothing else is left behind.
    """
    parts = subword_table(tensors, metadata, *tensors["input_vectors"].shape)
    vectors = WordVectors(words, tensors["input_vectors"], counts, parts)
    fault = vectors.fault()
    if fault is not None:
        raise ModelFileError(f"cannot write {os.fspath(path)}: the model {fault}", hint="no program could read it")
    for table in tensors.values():
        row = first_not_finite(table) if table.ndim == 2 else None
        if row is not None:
            raise ModelFileError(
                f"cannot write {os.fspath(path)}: vector number {row} holds NaN or infinity",
                hint="the model has diverged or was changed",
            )
    contents = {**tensors, **word_tensors(vectors.words)}
    if counts is not None:
        contents["counts"] = np.asarray(counts, dtype=np.int64)
    write_tensors(path, contents, {**metadata, "format": FORMAT, "format_version": FORMAT_VERSION})


class ModelFile:
    """A file of vectors in any readable format, opened once.

    Everything is read from the file that was opened, so replacing it in the meantime cannot mix two models. A
    safetensors file is memory-mapped; one that is compressed is first decompressed into an unnamed temporary file.

    Parameters
    ----------
    path : the file to read, or a folder of model2vec.
    reading : what kind of file it is, and what to do about what is wrong with it.

    Attributes
    ----------
    name : the path as it was given · format : one of READABLE · status : the result of `os.fstat`.
    tensors : the mapped safetensors file; None for other formats.
    remarks : what the user should know about the file once its vectors have been read, one sentence each.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or does not hold vectors.
    """

    def __init__(self, path: str | os.PathLike[str], reading: ReadOptions = DEFAULT_READING) -> None:
        is_folder = is_model2vec(path)
        if reading.format == "model2vec" and not is_folder:
            raise ModelFileError(
                f"{os.fspath(path)} is not a folder of model2vec", hint="leave out --format and --from"
            )
        self._file = VectorFile(os.path.join(path, TENSORS) if is_folder else path, reading)
        self.remarks = self._file.remarks
        self.name, self.format, self.status = os.fspath(path), self._file.format, self._file.status
        self.tensors: TensorFile | None = None
        if self.format == "safetensors" or is_folder:
            # A mapping outlives its file, so the file need not stay open.
            with self._file as file, tempfile.TemporaryFile() if file.packed else file.raw as plain:
                if file.packed:
                    _unpack(file, plain)
                self.tensors = TensorFile(self._file.name, plain)
        if is_folder:
            self.format = "model2vec"

    def __enter__(self) -> ModelFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    @cached_property
    def vectors(self) -> WordVectors:
        """The words with their vectors; for a model of `w2v train`, its input vectors.

        Raises
        ------
        ModelFileError
            If the file is damaged, or holds words that are empty, repeated or not UTF-8.
        """
        if self.tensors is None:
            return self._contents.vectors
        is_folder = self.format == "model2vec"
        return read_model2vec(self.name, self.tensors) if is_folder else _input_vectors(self.tensors)

    @cached_property
    def _contents(self) -> Contents:
        """What a file in a format other than safetensors holds."""
        with self._file as file:
            if self.format == "binary":
                return Contents(read_binary(file))
            # Imported here because they load numba, which the other formats do not need.
            from w2v_cli.formats.fasttext import read_fasttext
            from w2v_cli.formats.floret import read_floret
            from w2v_cli.formats.text import read_text

            if self.format == "fasttext":
                return read_fasttext(file)
            return read_floret(file) if self.format == "floret" else Contents(read_text(file))

    @cached_property
    def tables(self) -> Tables:
        """All tensors by name, float32, without words and counts: the `tensors` that `save_model` takes.

        Raises
        ------
        ModelFileError
            If the shape of a table does not fit the words and dimensions.
        """
        if self.tensors is None:
            return Tables({"input_vectors": self.vectors, **self._contents.tables})
        others = [name for name in _OTHER_TABLES if self.tensors.dtype(name) in ("F32", "F16")]
        many = {LOSSES: self.losses, VALIDATION_LOSSES: self.validation_losses}
        return Tables(
            {
                "input_vectors": self.vectors,
                **{name: self._table(self.tensors, name) for name in others},
                **{
                    name: Matrix(_as_float32(t)) if t.ndim == 2 else t
                    for name, t in _parts_tables(self.tensors).items()
                },
                **{name: losses for name, losses in many.items() if losses is not None},
            }
        )

    @property
    def table_names(self) -> list[str]:
        """The names of the tensors of a model file, with those of words and counts; of other files, of the tables."""
        return list(self.tables) if self.tensors is None else self.tensors.names

    @property
    def metadata(self) -> dict[str, str]:
        """How a model was made; empty for formats that do not say."""
        return self.tensors.metadata if self.tensors is not None else self._contents.metadata

    @property
    def losses(self) -> np.ndarray | None:
        """The loss of each epoch, float64, if there are more than MOST_LOSSES; fewer are in the metadata."""
        return self._losses(LOSSES)

    @property
    def validation_losses(self) -> np.ndarray | None:
        """The same on held-out text."""
        return self._losses(VALIDATION_LOSSES)

    def _losses(self, name: str) -> np.ndarray | None:
        if self.tensors is None or self.tensors.dtype(name) != "F64":
            return None
        return self.tensors.tensor(name, "F64", axes=1)

    @property
    def matrix(self) -> np.ndarray:
        """The input vectors exactly as the model file stores them, float32, float16 or int8 (V, D).

        Raises
        ------
        ModelFileError
            If the file is not safetensors.
        """
        if self.tensors is None:
            raise ModelFileError(f"{self.name} has only one matrix", hint="this needs a model of w2v train")
        name = "embeddings" if self.format == "model2vec" else "input_vectors"
        return self.tensors.tensor(name, self.tensors.dtype(name) or "F32", axes=2)

    def _table(self, file: TensorFile, name: str) -> Matrix:
        """Return a table that belongs to the words or to the nodes of their tree."""
        table, (words, dim) = _numbers(file, name), self.matrix.shape
        # A Huffman tree with V leaves has V − 1 inner nodes.
        if table.shape != (words - (name == "node_vectors"), dim):
            raise file.wrong(f"has {name} of another shape than its {words} words × {dim}")
        return Matrix(_as_float32(table))


def _input_vectors(file: TensorFile) -> WordVectors:
    """Return words, vectors and counts of a safetensors file, after checking that they fit together."""
    if file.names and not {"input_vectors", "word_offsets"} & {*file.names}:
        found = ", ".join(file.names[:3])
        raise file.wrong(
            f"is a safetensors file of another program: it holds {found}, and no words",
            "w2v reads those of w2v train; let the other program write word2vec's text or binary format",
        )
    whole = file.dtype("input_vectors") == "I8"
    matrix = _whole_numbers(file) if whole else _as_float32(_numbers(file, "input_vectors"))
    counts = file.tensor("counts", "I64", axes=1) if file.dtype("counts") else None
    offsets = file.tensor("word_offsets", "I64", axes=1)
    if len(offsets) != len(matrix) + 1 or (counts is not None and len(counts) != len(matrix)):
        counted = "no" if counts is None else len(counts)
        raise file.wrong(f"has {len(matrix)} vectors, {counted} counts and {len(offsets)} word_offsets")
    try:
        parts = subword_table(_parts_tables(file), file.metadata, *matrix.shape)
    except ConfigError as error:
        raise file.wrong(f"has impossible subwords: {error.message}") from error
    vectors = WordVectors(file.words(), matrix, counts, parts)
    fault = vectors.fault()
    if fault is not None:
        raise file.wrong(fault)
    return vectors


def _numbers(file: TensorFile, name: str) -> np.ndarray:
    """Return a table as the file stores it, float32 or float16; nothing is read yet."""
    return file.tensor(name, "F16" if file.dtype(name) == "F16" else "F32", axes=2)


def _as_float32(table: np.ndarray) -> np.ndarray | Stored:
    """Return a table whose rows are float32; they are converted when they are used."""
    return Stored(table) if table.dtype == np.float16 else table


def _whole_numbers(file: TensorFile) -> Stored:
    """Return input vectors that are stored as whole numbers, after checking that they have their scales."""
    numbers, scales = file.tensor("input_vectors", "I8", axes=2), file.tensor(SCALES, "F32", axes=1)
    if len(scales) != len(numbers):
        raise file.wrong(f"has {len(numbers)} vectors and {len(scales)} {SCALES}")
    if not (np.isfinite(scales) & (scales >= 0)).all():
        raise file.wrong(f"has {SCALES} that are negative or not finite")
    return Stored(numbers, scales)


def _parts_tables(file: TensorFile) -> dict[str, np.ndarray]:
    """Return the tensors of parts of words as the file stores them; empty if there are none. Nothing is read yet."""
    if file.dtype(SUBWORD_VECTORS) is None:
        return {}
    tables = {SUBWORD_VECTORS: _numbers(file, SUBWORD_VECTORS)}
    if file.dtype(KEPT_BUCKETS) is not None:
        tables[KEPT_BUCKETS] = file.tensor(KEPT_BUCKETS, "I32", axes=1)
    return tables


def _unpack(packed: VectorFile, plain: IO[bytes]) -> None:
    """Decompress a model, but never more than its header claims: a small file may expand to an enormous one.

    Raises
    ------
    ModelFileError
        If the file continues after its last tensor, or claims more bytes than it can hold or the disk has free.
    """
    start = packed.read(8)
    length = int.from_bytes(start, "little")
    if length > MAX_HEADER_BYTES:
        raise packed.wrong(f"has a header of {length:,} bytes; the limit is {MAX_HEADER_BYTES:,}")
    header = packed.read(length)
    plain.write(start + header)
    claimed = _claimed_bytes(header)
    if claimed is not None:
        _copy(packed, plain, 8 + length + claimed)
    plain.flush()


def _copy(packed: VectorFile, plain: IO[bytes], size: int) -> None:
    """Copy the rest of a file that must have `size` bytes when decompressed."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if size > packed.most_bytes:
        raise packed.wrong(f"cannot hold the {size:,} bytes that its header claims: it is damaged or cut short")
    if size > free:
        raise packed.wrong(
            f"unpacks to {size:,} bytes, but only {free:,} are free in {folder}",
            "set TMPDIR to a folder with more space, or unpack the file and use that",
        )
    while (left := size - packed.tell()) > 0 and (chunk := packed.read(min(left, CHUNK_BYTES))):
        plain.write(chunk)
    if packed.read(1):
        raise packed.wrong(f"continues after the {size:,} bytes that its header claims")


def _claimed_bytes(header: bytes) -> int | None:
    """Return how many bytes must follow a safetensors header; None if it is damaged, which `TensorFile` reports."""
    try:
        entries = parse_json(header.decode()).items()
        return max((int(entry["data_offsets"][1]) for name, entry in entries if name != "__metadata__"), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        return None
