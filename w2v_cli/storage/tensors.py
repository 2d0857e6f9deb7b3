"""safetensors files: tensors by name, memory-mapped. Everything that a file claims is checked before it is used.

A safetensors file has 8 bytes with the length N of its header (little-endian), N bytes of JSON, and then the tensors
without gaps.

The safetensors package is not used, because it writes the metadata in a random order, but the same model must give the
same bytes; and because it copies what it reads, but a query must not load the whole model.

Reference: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, BinaryIO

import numpy as np

from w2v_cli.errors import ModelFileError
from w2v_cli.storage.atomic import atomic_file, packing
from w2v_cli.storage.mapped import map_file, open_regular
from w2v_cli.storage.words import Words

# safetensors allows 100 MB, and that much JSON can take gigabytes once it is parsed. The header of a model has a few
# thousand bytes.
MAX_HEADER_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 24
# More than fit into any machine. numpy computes sizes with 63 bits, even for an array without elements.
_MOST_ELEMENTS = 1 << 56

_DTYPES = {
    "F64": "<f8",
    "I64": "<i8",
    "U64": "<u8",
    "F32": "<f4",
    "I32": "<i4",
    "U32": "<u4",
    "F16": "<f2",
    "I16": "<i2",
    "U16": "<u2",
    "I8": "|i1",
    "U8": "|u1",
}
_DTYPE_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}


def write_tensors(path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file atomically. The same tensors and metadata always give the same bytes.

    Parameters
    ----------
    path : the file to write; compressed if it ends in .gz, .bz2, .xz or .zst.
    tensors : by name, of any dtype in `_DTYPES`.
    metadata : text by name.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or if `TensorFile` would refuse its metadata, because they are too long or not
        text.
    """
    with atomic_file(path) as plain, packing(plain, path) as file:
        write_tensors_into(file, os.fspath(path), tensors, metadata)


def write_tensors_into(
    file: IO[bytes], name: str, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write what `write_tensors` does into an open file, which error messages call by its name."""
    # Tensors with the widest elements come first, as in the safetensors package, so that every tensor starts at a
    # multiple of its element size.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    header = _header(name, ordered, metadata)
    file.write(len(header).to_bytes(8, "little"))
    file.write(header)
    for _, tensor in ordered:
        for chunk in _chunks(tensor):
            file.write(chunk)


def _header(name: str, tensors: Sequence[tuple[str, np.ndarray]], metadata: Mapping[str, str]) -> bytes:
    """Return the JSON that describes tensors in the order in which they are written; `name` is the file's."""
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise ModelFileError(f"cannot write {name}: its metadata are not all text", hint="convert them with str(...)")
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    start = 0
    for tensor_name, tensor in tensors:
        stop = start + tensor.nbytes
        header[tensor_name] = {
            "dtype": dtype_name(tensor),
            "shape": list(tensor.shape),
            "data_offsets": [start, stop],
        }
        start = stop
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ModelFileError(f"cannot write {name}: its metadata are not Unicode text") from error
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_BYTES:
        raise ModelFileError(
            f"cannot write {name}: its metadata make a header of {len(text):,} bytes;"
            f" {MAX_HEADER_BYTES:,} are the most that can be read",
            hint="shorten the metadata",
        )
    return text


def dtype_name(tensor: np.ndarray) -> str:
    """Return the safetensors name of an array's dtype."""
    return _DTYPE_NAMES[tensor.dtype.newbyteorder("<")]


def _chunks(tensor: np.ndarray) -> Iterator[bytes]:
    """Yield a tensor's bytes in chunks, so that a slice of a wider table is never copied as a whole."""
    rows = max(1, _CHUNK_BYTES * len(tensor) // max(1, tensor.nbytes))
    for row in range(0, len(tensor), rows):
        chunk = tensor[row : row + rows]
        yield chunk.astype(chunk.dtype.newbyteorder("<"), copy=False).tobytes()


def checksum(tensors: Mapping[str, np.ndarray], text: str = "") -> str:
    """Return the CRC-32 of a text and of tensors by name. It detects damaged files, but not forged ones."""
    value = zlib.crc32(text.encode())
    for name in sorted(tensors):
        for chunk in _chunks(tensors[name]):
            value = zlib.crc32(chunk, value)
    return f"{value:08x}"


def word_tensors(words: Sequence[str]) -> dict[str, np.ndarray]:
    """Return words as two tensors.

    Returns
    -------
    word_bytes : uint8, the words in UTF-8, one after the other.
    word_offsets : int64 (V + 1,), the offset of each word, and of the end.
    """
    stored = Words.of(words)
    return {"word_bytes": stored.text, "word_offsets": stored.offsets}


def parse_json(text: str, pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Parse JSON from an untrusted source.

    Parameters
    ----------
    text : the JSON.
    pairs_hook : converts the (name, value) pairs of an object, as `object_pairs_hook` of `json.loads`.

    Raises
    ------
    ValueError
        If the text is not JSON, has a number with thousands of digits, or is nested too deeply for Python.
    """
    try:
        return json.loads(text, object_pairs_hook=pairs_hook)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class TensorFile:
    """A memory-mapped safetensors file. Everything that its header claims is checked before it is used.

    The file is opened only once, so the contents stay the same even if another file is renamed onto its path. If it is
    truncated in place instead, the system kills a process that reads the missing bytes (SIGBUS). Python cannot prevent
    that.

    Parameters
    ----------
    path : the file to open; if `file` is given, only its name for error messages.
    file : an open file to map instead of opening `path`. It may be closed afterwards.

    Attributes
    ----------
    path : as given, as a string.
    metadata : text by name, as written.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is not safetensors, or is shorter than its header says.
    """

    def __init__(self, path: str | os.PathLike[str], file: BinaryIO | None = None) -> None:
        self.path = os.fspath(path)
        if file is None:
            with open_regular(path) as opened:
                header = self._open(opened)
        else:
            header = self._open(file)
        self.metadata: dict[str, str] = header.pop("__metadata__", {})
        if not isinstance(self.metadata, dict) or not all(isinstance(v, str) for v in self.metadata.values()):
            raise self.wrong("has metadata that are not text")
        self._entries = {name: self._check(name, entry) for name, entry in header.items()}
        self._require_every_byte_once()

    @property
    def names(self) -> list[str]:
        """Names of all tensors."""
        return list(self._entries)

    def dtype(self, name: str) -> str | None:
        """Return the safetensors name of a tensor's dtype; None if there is no such tensor."""
        return self._entries[name][0] if name in self._entries else None

    def tensor(self, name: str, dtype: str, axes: int) -> np.ndarray:
        """Return one tensor as a read-only view of the file; nothing is read yet. See also `writable`.

        Parameters
        ----------
        name : the tensor's name.
        dtype, axes : the dtype, by its safetensors name, and the number of axes that the tensor must have.

        Raises
        ------
        ModelFileError
            If there is no such tensor.
        """
        if name not in self._entries:
            raise self.wrong(f"has no {name}")
        found, shape, start, stop = self._entries[name]
        if found != dtype or len(shape) != axes:
            raise self.wrong(f"has {name} as {found} {shape}, not as {dtype} with {axes} axes")
        tensor = self._data[start:stop].view(_DTYPES[dtype]).reshape(shape)
        tensor.flags.writeable = False
        return tensor

    def words(self) -> Words:
        """Return the words that `word_tensors` wrote.

        Raises
        ------
        ModelFileError
            If they are missing, or if one of them is empty or not UTF-8.
        """
        offsets = self.tensor("word_offsets", "I64", axes=1)
        word_bytes = self.tensor("word_bytes", "U8", axes=1)
        ends = offsets[[0, -1]].tolist() if len(offsets) else []
        if ends != [0, len(word_bytes)] or not (offsets[1:] > offsets[:-1]).all():
            raise self.wrong("has word_offsets that do not ascend from 0 to the end of word_bytes")
        words = Words(word_bytes, offsets)
        undecodable = words.undecodable()
        if undecodable is not None:
            raise self.wrong(f"has a word that is not UTF-8, number {undecodable}")
        return words

    def _open(self, file: BinaryIO) -> dict[str, Any]:
        """Read the header, and map the tensors that follow it."""
        try:
            size = os.fstat(file.fileno()).st_size
            file.seek(0)
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise self.wrong("is not a safetensors file, or is cut short")
            if length > MAX_HEADER_BYTES:
                raise self.wrong(f"has a header of {length:,} bytes; {MAX_HEADER_BYTES:,} are the most")
            text = file.read(length)
            self._data = np.frombuffer(map_file(file), np.uint8)[8 + length :]
        except OSError as error:
            raise self.wrong(f"cannot be read: {error.strerror or error}", hint=None) from error
        return self._parse(text)

    def _parse(self, text: bytes) -> dict[str, Any]:
        """Return the header as a table of tensors by name."""
        try:
            header = parse_json(text.decode(), _without_repeats)
        except ValueError as error:
            raise self.wrong("is not a safetensors file: its header is not JSON") from error
        if not isinstance(header, dict):
            raise self.wrong("is not a safetensors file: its header is not a table of tensors")
        return header

    def _check(self, name: str, entry: Any) -> tuple[str, list[int], int, int]:
        """Return (dtype, shape, start, stop) of one tensor.

        The numbers are Python integers, which do not overflow.
        """
        match entry:
            case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [start, stop]}:
                numbers = [*shape, start, stop]
            case _:
                raise self.wrong(f"has a malformed entry for {name}")
        if not all(type(number) is int and number >= 0 for number in numbers) or start > stop:
            raise self.wrong(f"has a malformed entry for {name}")
        if stop > len(self._data):
            raise self.wrong(f"is cut short: {name} ends at byte {stop:,} of {len(self._data):,}")
        if math.prod(max(size, 1) for size in shape) > _MOST_ELEMENTS:
            raise self.wrong(f"has a malformed entry for {name}")
        if dtype in _DTYPES and math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize != stop - start:
            raise self.wrong(f"has {name} as {dtype} {shape} in {stop - start:,} bytes")
        return dtype, shape, start, stop

    def _require_every_byte_once(self) -> None:
        """Refuse overlapping tensors, gaps between tensors, and bytes after the last one, as the format demands."""
        end = 0
        for name, (_, _, start, stop) in sorted(self._entries.items(), key=lambda item: item[1][2:]):
            if start != end:
                raise self.wrong(f"has {name} at byte {start:,} instead of {end:,}: tensors overlap or leave a gap")
            end = stop
        if end != len(self._data):
            raise self.wrong(f"has {len(self._data) - end:,} bytes after its last tensor")

    def wrong(self, what: str, hint: str | None = "make a new one with w2v train") -> ModelFileError:
        """Return the error that says what is wrong with this file; `what` is a predicate."""
        return ModelFileError(f"{self.path} {what}", hint=hint)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, and refuse repeated names, of which different readers could use different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found
