"""Files of vectors: the model file, a safetensors file of vectors, counts and words; and the door to all others.

The words are one uint8 tensor and their offsets, because the header is capped.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.reader import TextOptions
from w2v_cli.embeddings.binary_format import read_binary
from w2v_cli.embeddings.formats import VectorFile
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.storage import MAX_HEADER_BYTES, TensorFile, atomic_file, packing, parse_json, word_tensors, write_tensors

# No text has as many, and int64 still holds their sum.
MOST_TOKENS = 1 << 62
FORMAT = "w2v-cli"
FORMAT_VERSION = "1"
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
    counts : int64 (V,), or None where nobody knows.
    tensors : by name, of at least one axis; rows may be slices of wider tables.
    metadata : what the model was made with; `format` and `format_version` are added.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or a word is empty. Nothing is left behind then, and an older file stays as it
        was.
    """
    contents = {**tensors, **word_tensors(words)}
    if (np.diff(contents["word_offsets"]) == 0).any():
        raise ModelFileError(f"{os.fspath(path)}: a word is empty", hint="leave it out, or name it")
    if counts is not None:
        contents["counts"] = np.asarray(counts, dtype=np.int64)
    facts = {**metadata, "format": FORMAT, "format_version": FORMAT_VERSION}
    if not os.fspath(path).lower().endswith(".gz"):
        write_tensors(path, contents, facts)
        return
    with tempfile.TemporaryDirectory() as folder, atomic_file(path) as file:
        plain = os.path.join(folder, "model")
        write_tensors(plain, contents, facts)
        with open(plain, "rb") as source, packing(file, path) as packer:
            shutil.copyfileobj(source, packer, _BLOCK_BYTES)


def open_model(path: str | os.PathLike[str]) -> TensorFile:
    """A model's tensors, memory-mapped; one in a gzip file is unpacked into an unlinked one first.

    Raises
    ------
    ModelFileError
        If it is none.
    """
    with VectorFile(path, "safetensors") as packed:
        if not packed.packed:
            return TensorFile(path)
        with tempfile.NamedTemporaryFile() as plain:
            _unpack(packed, plain)
            try:
                model = TensorFile(plain.name)
            except ModelFileError as error:
                raise ModelFileError(error.message.replace(plain.name, packed.name), error.hint) from error
    model.path = packed.name
    return model


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
    """The words of a file with their vectors; a model's are its input vectors, memory-mapped.

    Parameters
    ----------
    format : one of `formats.READABLE`; None to go by the file's name and by what is in it.

    Raises
    ------
    ModelFileError
        If the file holds no vectors, is damaged, or holds words that are empty, repeated or not UTF-8.
    """
    with VectorFile(path, format) as other:
        if other.format == "binary":
            return read_binary(other)
        if other.format != "safetensors":
            # Here and not above: only text waits for numba.
            from w2v_cli.embeddings.text_format import read_text

            return read_text(other)
    file = open_model(path)
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
    if counts is not None and (counts.min() < 0 or counts.sum(dtype=np.float64) > MOST_TOKENS):
        raise file.wrong("has counts that no text can have")
    words = file.words()
    repeated = words.repeated()
    if repeated is not None:
        raise file.wrong(f"has the same word twice: {words[repeated[0]]}, numbers {repeated[0]} and {repeated[1]}")
    return WordVectors(words, matrix, counts)


def load_tensors(path: str | os.PathLike[str], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Tables (float32, two axes) of a model by name, such as `output_vectors`, memory-mapped."""
    file = open_model(path)
    tables = {name: file.tensor(name, "F32", axes=2) for name in names}
    words, dim = file.tensor("input_vectors", file.dtype("input_vectors") or "F32", axes=2).shape
    for name, table in tables.items():
        # A tree of V leaves has V − 1 nodes.
        if table.shape != (words - (name == "node_vectors"), dim):
            raise file.wrong(f"has {name} of another shape than its {words} words × {dim}")
    return tables


def load_choices(path: str | os.PathLike[str]) -> tuple[TrainConfig, TextOptions]:
    """The options that a model was trained with, and how its text was read.

    Raises
    ------
    ModelFileError
        If the file does not say, or says what no option can be.
    """
    metadata = load_metadata(path)
    try:
        config = TrainConfig.from_dict(parse_json(metadata["config"]))
        return config, TextOptions(**parse_json(metadata.get("text", "{}")))
    except (KeyError, ValueError, TypeError, ConfigError) as error:
        raise ModelFileError(
            f"{os.fspath(path)} does not say how it was trained", hint="this takes a model of w2v train"
        ) from error


def load_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """What a model was made with; reads the header only."""
    return open_model(path).metadata
