"""Files of vectors: the model file, a safetensors file of vectors, counts and words; and the door to all others.

The words are one uint8 tensor and their offsets, because the header is capped.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import IO

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.texts import TextOptions
from w2v_cli.embeddings.vectors import WordVectors, first_not_finite
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.binary import read_binary
from w2v_cli.formats.recognise import VectorFile
from w2v_cli.storage.tensors import MAX_HEADER_BYTES, TensorFile, parse_json, word_tensors, write_tensors

FORMAT = "w2v-cli"
FORMAT_VERSION = "1"
# The losses of more epochs than this are a tensor: the header that holds the metadata is short.
MOST_LOSSES = 1000
LOSSES = "losses"
# The tables that a model of w2v train may hold.
_TABLES = ("input_vectors", "output_vectors", "node_vectors")
_BLOCK_BYTES = 1 << 20


def save_model(
    path: str | os.PathLike[str],
    words: Sequence[str],
    counts: np.ndarray | None,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
) -> None:
    """Write a model; the file at `path` is the old one or the new one, whole, at every instant.

    Parameters
    ----------
    path : packed as gzip if it ends in .gz.
    words : V distinct words, none of them empty, most frequent first.
    counts : int64 (V,), or None if unknown.
    tensors : by name, of at least one axis; rows may be slices of wider tables.
    metadata : what the model was made with; `format` and `format_version` are added.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or `ModelFile` would refuse it. Nothing is left behind then, and an older file
        stays as it was.
    """
    vectors = WordVectors(words, tensors["input_vectors"], counts)
    fault = vectors.fault()
    if fault is not None:
        raise ModelFileError(f"cannot write {os.fspath(path)}: the model {fault}", hint="no program could read it")
    for table in tensors.values():
        row = first_not_finite(table) if table.ndim == 2 else None
        if row is not None:
            raise ModelFileError(
                f"cannot write {os.fspath(path)}: the vector number {row} holds NaN or infinity",
                hint="the model has diverged or was changed",
            )
    contents = {**tensors, **word_tensors(vectors.words)}
    if counts is not None:
        contents["counts"] = np.asarray(counts, dtype=np.int64)
    write_tensors(path, contents, {**metadata, "format": FORMAT, "format_version": FORMAT_VERSION})


class ModelFile:
    """A file of vectors, of any format that can be read, opened once.

    Everything comes from the file that was opened, so that one which is replaced in the meantime cannot mix with
    another. A model of ours is memory-mapped, one in a gzip file after it was unpacked into an unlinked file.

    Parameters
    ----------
    path : the file.
    format : one of `formats.READABLE`; None to go by the file's name and by what is in it.

    Attributes
    ----------
    name : as it was given · format : one of READABLE · status : what the system says of the file.
    tensors : of a model of ours, None of other formats.

    Raises
    ------
    ModelFileError
        If it cannot be read, or is nothing that holds vectors.
    """

    def __init__(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        self._file = VectorFile(path, format)
        self.name, self.format, self.status = self._file.name, self._file.format, self._file.status
        self.tensors: TensorFile | None = None
        if self.format == "safetensors":
            with self:
                self.tensors = self._unpacked() if self._file.packed else TensorFile(self.name, self._file.raw)

    def __enter__(self) -> ModelFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    @cached_property
    def vectors(self) -> WordVectors:
        """The words with their vectors; a model's are its input vectors.

        Raises
        ------
        ModelFileError
            If the file is damaged, or holds words that are empty, repeated or not UTF-8.
        """
        if self.tensors is not None:
            return self._input_vectors(self.tensors)
        with self:
            if self.format == "binary":
                return read_binary(self._file)
            # Here and not above: only text waits for numba.
            from w2v_cli.formats.text import read_text

            return read_text(self._file)

    @property
    def metadata(self) -> dict[str, str]:
        """What a model was made with; nothing if it is no model of ours."""
        return self.tensors.metadata if self.tensors is not None else {}

    @property
    def losses(self) -> np.ndarray | None:
        """The losses of a training of many epochs, float64; shorter ones are in the metadata."""
        if self.tensors is None or self.tensors.dtype(LOSSES) != "F64":
            return None
        return self.tensors.tensor(LOSSES, "F64", axes=1)

    @property
    def tables(self) -> dict[str, np.ndarray]:
        """Every table of a model, float32, by name."""
        names = [name for name in _TABLES if self.tensors is not None and self.tensors.dtype(name) == "F32"]
        return {name: self.table(name) for name in names}

    def table(self, name: str) -> np.ndarray:
        """A table of a model, such as `output_vectors`: float32, two axes.

        Raises
        ------
        ModelFileError
            If the file has no such table, or one of another shape than its words and dimensions.
        """
        model = self._model
        table = model.tensor(name, "F32", axes=2)
        words, dim = self.matrix.shape
        # A tree of V leaves has V − 1 nodes.
        if table.shape != (words - (name == "node_vectors"), dim):
            raise model.wrong(f"has {name} of another shape than its {words} words × {dim}")
        return table

    @property
    def matrix(self) -> np.ndarray:
        """The input vectors of a model of ours as they lie in the file, float32 or float16 (V, D).

        Raises
        ------
        ModelFileError
            If the file is no model of ours.
        """
        model = self._model
        return model.tensor("input_vectors", model.dtype("input_vectors") or "F32", axes=2)

    @property
    def _model(self) -> TensorFile:
        """The tables of a model of ours, where there must be one."""
        if self.tensors is None:
            raise ModelFileError(f"{self.name} has one matrix only", hint="a model of w2v train has others")
        return self.tensors

    def choices(self) -> tuple[TrainConfig, TextOptions]:
        """The options that a model was trained with, and how its text was read.

        Raises
        ------
        ModelFileError
            If the file does not say, or says what no option can be.
        """
        try:
            config = TrainConfig.from_dict(parse_json(self.metadata["config"]))
            return config, TextOptions(**parse_json(self.metadata.get("text", "{}")))
        except (KeyError, ValueError, TypeError, ConfigError) as error:
            raise ModelFileError(
                f"{self.name} does not say how it was trained", hint="this takes a model of w2v train"
            ) from error

    def _unpacked(self) -> TensorFile:
        with tempfile.TemporaryFile() as plain:
            _unpack(self._file, plain)
            plain.flush()
            return TensorFile(self.name, plain)

    def _input_vectors(self, file: TensorFile) -> WordVectors:
        if file.dtype("input_vectors") == "F16":
            matrix = file.tensor("input_vectors", "F16", axes=2).astype(np.float32)
        else:
            matrix = file.tensor("input_vectors", "F32", axes=2)
        counts = file.tensor("counts", "I64", axes=1) if file.dtype("counts") else None
        offsets = file.tensor("word_offsets", "I64", axes=1)
        if 0 in matrix.shape:
            raise file.wrong("holds no vectors")
        if len(offsets) != len(matrix) + 1 or (counts is not None and len(counts) != len(matrix)):
            counted = "no" if counts is None else len(counts)
            raise file.wrong(f"has {len(matrix)} vectors, {counted} counts and {len(offsets)} word_offsets")
        vectors = WordVectors(file.words(), matrix, counts)
        fault = vectors.fault()
        if fault is not None:
            raise file.wrong(fault)
        return vectors


def _unpack(packed: VectorFile, plain: IO[bytes]) -> None:
    """Unpack a model, and never more than its header says: a small file may unpack to very much.

    Raises
    ------
    ModelFileError
        If the file goes on behind its end, or claims more than it can hold or the disk has free.
    """
    begin = packed.read(8)
    length = int.from_bytes(begin, "little")
    if length > MAX_HEADER_BYTES:
        raise packed.wrong(f"has a header of {length:,} bytes; {MAX_HEADER_BYTES:,} are the most")
    header = packed.read(length)
    plain.write(begin + header)
    claimed = _claimed_bytes(header)
    if claimed is not None:
        size, folder = 8 + length + claimed, tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
        if size > packed.most_bytes:
            raise packed.wrong(f"cannot hold the {size:,} bytes that its header claims: it is damaged, or cut short")
        if size > free:
            raise packed.wrong(
                f"unpacks to {size:,} bytes, and {free:,} are free in {folder}",
                "name a larger folder in TMPDIR, or unpack the file and give that",
            )
        while (left := size - packed.tell()) > 0 and (block := packed.read(min(left, _BLOCK_BYTES))):
            plain.write(block)
        if packed.read(1):
            raise packed.wrong(f"goes on after the {size:,} bytes that its header claims")
    plain.flush()


def _claimed_bytes(header: bytes) -> int | None:
    """How many bytes follow a safetensors header by what it says; None if it is damaged, as `TensorFile` will find."""
    try:
        entries = parse_json(header.decode()).items()
        return max((int(entry["data_offsets"][1]) for name, entry in entries if name != "__metadata__"), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        return None


def load_vectors(path: str | os.PathLike[str], format: str | None = None) -> WordVectors:
    """The words of a file with their vectors, as `ModelFile` has them."""
    with ModelFile(path, format) as file:
        return file.vectors
