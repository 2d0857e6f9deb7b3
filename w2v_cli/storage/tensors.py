"""safetensors: tensors by name, memory-mapped, believed only when checked.

Layout of safetensors: 8 bytes, the header's length N (little-endian); N bytes of JSON; the tensors, without gaps.

The bytes are laid out here and not by the safetensors package: that one writes metadata in a random order
(the same model must be the same bytes) and copies what it reads (asking a model must not load it).

References: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import mmap
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from w2v_cli.errors import ModelFileError
from w2v_cli.storage.atomic import atomic_file, packing
from w2v_cli.storage.words import Words

# safetensors itself allows 100 MB, which as JSON may unfold to gigabytes; headers of models have a few thousand bytes.
MAX_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 24
# No machine has as many; numpy counts bytes in 63 bits, those of an array without elements too.
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
    """Write a safetensors file, atomically; the same tensors and metadata give the same bytes.

    Parameters
    ----------
    path : packed as gzip if it ends in .gz.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or `TensorFile` would refuse it: metadata that are too long or not text.
    """
    # Widest elements first, as safetensors does: so every tensor starts at a multiple of its element's size.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise ModelFileError(f"cannot write {os.fspath(path)}: its metadata are not all text", hint="str(...) makes it")
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    start = 0
    for name, tensor in ordered:
        stop = start + tensor.nbytes
        header[name] = {
            "dtype": _DTYPE_NAMES[tensor.dtype.newbyteorder("<")],
            "shape": list(tensor.shape),
            "data_offsets": [start, stop],
        }
        start = stop
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ModelFileError(f"cannot write {os.fspath(path)}: its metadata are not Unicode text") from error
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_BYTES:
        raise ModelFileError(
            f"cannot write {os.fspath(path)}: its metadata make a header of {len(text):,} bytes;"
            f" {MAX_HEADER_BYTES:,} are the most that can be read",
            hint="shorten the metadata",
        )
    with atomic_file(path) as plain, packing(plain, path) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for _, tensor in ordered:
            for block in _blocks(tensor):
                file.write(block)


def _blocks(tensor: np.ndarray) -> Iterator[bytes]:
    """A tensor's bytes, block by block, so that a slice of a wider table is never copied as a whole."""
    rows = max(1, _BLOCK_BYTES * len(tensor) // max(1, tensor.nbytes))
    for row in range(0, len(tensor), rows):
        block = tensor[row : row + rows]
        yield block.astype(block.dtype.newbyteorder("<"), copy=False).tobytes()


def checksum(tensors: Mapping[str, np.ndarray], text: str = "") -> str:
    """CRC-32 of a text and of tensors in the order of their names: against torn files, not against enemies."""
    value = zlib.crc32(text.encode())
    for name in sorted(tensors):
        for block in _blocks(tensors[name]):
            value = zlib.crc32(block, value)
    return f"{value:08x}"


def word_tensors(words: Sequence[str]) -> dict[str, np.ndarray]:
    """Words as two tensors: their UTF-8, one after the other, and int64 (V + 1,) where each begins."""
    stored = Words.of(words)
    return {"word_bytes": stored.text, "word_offsets": stored.offsets}


def parse_json(text: str, pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """`json.loads` of what a stranger may have written: whatever is wrong with it, it is a ValueError.

    That is bad JSON, a number of 5,000 digits, and what is nested so deep that Python gives up.
    """
    try:
        return json.loads(text, object_pairs_hook=pairs_hook)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def writable(array: np.ndarray) -> np.ndarray:
    """The same memory for whoever may write to it; of a mapped file, what is written changes the memory only."""
    view = array.view()
    try:
        view.flags.writeable = True
    except ValueError:  # such as the memory of a bytes object
        return array
    return view


def release_pages(array: np.ndarray) -> None:
    """Free the memory that rows of a mapped file take, until they are read again; nothing happens to other arrays."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    # Pages that were written to are not in the file and would be lost: see `writable`.
    if not isinstance(base, mmap.mmap) or array.flags.writeable or not hasattr(mmap, "MADV_DONTNEED"):
        return
    first = array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    start, stop = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE, (first + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if start < stop:
        base.madvise(mmap.MADV_DONTNEED, start, stop - start)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading.

    Raises
    ------
    ModelFileError
        If there is none, it cannot be read, or it is a folder, a pipe or a device.
    """
    name = os.fspath(path)
    try:
        # Asked before opening: opening a pipe would wait for its writer.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ModelFileError(f"{name} is not a regular file", hint="name a file of vectors")
        return open(path, "rb")
    except FileNotFoundError as error:
        raise ModelFileError(
            f"there is no file {name}", hint="check the name; w2v train CORPUS makes a model"
        ) from error
    except OSError as error:
        raise ModelFileError(f"{name} cannot be read: {error.strerror or error}") from error


def _mapped(file: BinaryIO) -> mmap.mmap:
    """Map a whole file, copy-on-write: writing to it changes a page in memory, and never the file."""
    # Without a reservation: else the system may refuse what is larger than its memory, as if all were written to.
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    try:
        return mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class TensorFile:
    """A safetensors file, memory-mapped; every claim of its header is checked before it is believed.

    The file is opened once. One that is replaced later, as everything here does it, stays what it was. One that is cut
    short in place takes mapped bytes away, and the system ends a process that reads them (SIGBUS); nothing in Python
    can prevent that.

    Parameters
    ----------
    path : the file, or what it is called if `file` is given.
    file : an open file to map instead of opening `path`; it may be closed afterwards.

    Attributes
    ----------
    metadata : str to str, as written.

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
        """The names of all tensors."""
        return list(self._entries)

    def dtype(self, name: str) -> str | None:
        """safetensors' name of a tensor's type; None if there is no tensor of that name."""
        return self._entries[name][0] if name in self._entries else None

    def tensor(self, name: str, dtype: str, axes: int) -> np.ndarray:
        """One tensor, without reading it, and read-only but for `writable`; `dtype` is what safetensors calls it."""
        if name not in self._entries:
            raise self.wrong(f"has no {name}")
        found, shape, start, stop = self._entries[name]
        if found != dtype or len(shape) != axes:
            raise self.wrong(f"has {name} as {found} {shape}, not as {dtype} with {axes} axes")
        tensor = self._data[start:stop].view(_DTYPES[dtype]).reshape(shape)
        tensor.flags.writeable = False
        return tensor

    def words(self) -> Words:
        """The words that `word_tensors` wrote, every one of which must be UTF-8 and not empty."""
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
        """Read the header and map what follows it."""
        try:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(os.pread(file.fileno(), 8, 0), "little")
            if size < 8 or length > size - 8:
                raise self.wrong("is not a safetensors file, or is cut short")
            if length > MAX_HEADER_BYTES:
                raise self.wrong(f"has a header of {length:,} bytes; {MAX_HEADER_BYTES:,} are the most")
            text = os.pread(file.fileno(), length, 8)
            self._data = np.frombuffer(_mapped(file), np.uint8)[8 + length :]
        except OSError as error:
            raise self.wrong(f"cannot be read: {error.strerror or error}", hint=None) from error
        return self._parse(text)

    def _parse(self, text: bytes) -> dict[str, Any]:
        try:
            header = parse_json(text.decode(), _without_repeats)
        except ValueError as error:
            raise self.wrong("is not a safetensors file: its header is not JSON") from error
        if not isinstance(header, dict):
            raise self.wrong("is not a safetensors file: its header is not a table of tensors")
        return header

    def _check(self, name: str, entry: Any) -> tuple[str, list[int], int, int]:
        """(dtype, shape, start, stop) of one tensor, in Python's integers, which do not overflow."""
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
        """Refuse tensors that overlap, gaps between them and what follows them, as the format does."""
        place = 0
        for name, (_, _, start, stop) in sorted(self._entries.items(), key=lambda item: item[1][2:]):
            if start != place:
                raise self.wrong(
                    f"has {name} at byte {start:,}, where {place:,} is next: tensors overlap or leave a gap"
                )
            place = stop
        if place != len(self._data):
            raise self.wrong(f"has {len(self._data) - place:,} bytes after its last tensor")

    def wrong(self, what: str, hint: str | None = "make a new one with w2v train") -> ModelFileError:
        return ModelFileError(f"{self.path} {what}", hint=hint)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object that names nothing twice: else two readers could take it for different things."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
