"""Files written whole or not at all, and safetensors: tensors by name, memory-mapped, believed only when checked.

Layout of safetensors: 8 bytes, the header's length N (little-endian); N bytes of JSON; the tensors, without gaps.

The bytes are laid out here and not by the safetensors package: that one writes metadata in a random order
(the same model must be the same bytes) and copies what it reads (asking a model must not load it).

References: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import math
import mmap
import os
import secrets
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from w2v_cli.errors import ModelFileError
from w2v_cli.words import Words

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
    """Write a safetensors file, atomically; the same tensors and metadata give the same bytes."""
    # Widest elements first, as safetensors does: so every tensor starts at a multiple of its element's size.
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))
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
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_file(path) as file:
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


def packing(file: IO[bytes], path: str | os.PathLike[str]) -> contextlib.AbstractContextManager[IO[bytes]]:
    """What to write into so that `file` gets what a file of that name holds: gzip if it ends in .gz."""
    if not os.fspath(path).lower().endswith(".gz"):
        return contextlib.nullcontext(file)
    # Neither name nor time: the same contents are the same bytes.
    return gzip.GzipFile("", "wb", 6, file, mtime=0)  # type: ignore[return-value]


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well, and vanishes when it does not."""
    try:
        target = _target(path)
        descriptor, sibling = _new_sibling(target)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(sibling, target)
        except BaseException:
            with contextlib.suppress(OSError):
                sibling.unlink()
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Make sure that a file can be written at `path`, without touching what may be there already.

    Raises
    ------
    ModelFileError
        If its folder is missing, it is a folder or a device itself, or no file can be made beside it.
    """
    try:
        descriptor, sibling = _new_sibling(_target(path))
        os.close(descriptor)
        sibling.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def _target(path: str | os.PathLike[str]) -> Path:
    """The file that `path` means, links followed; refused where renaming onto it would do harm."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise ModelFileError(f"{os.fspath(path)} is a folder", hint="name a file in it")
    if target.exists() and not target.is_file():
        raise ModelFileError(f"{os.fspath(path)} is not a regular file", hint="name a file, not a device or a pipe")
    if not target.parent.is_dir():
        raise ModelFileError(f"there is no folder {target.parent}", hint="make it first, or name another")
    return target


def _new_sibling(target: Path) -> tuple[int, Path]:
    """Open a new file beside the target, with the permissions that any new file gets."""
    sibling = target.parent / f"{_prefix(target)}-{secrets.token_hex(6)}.tmp"
    return os.open(sibling, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), sibling


def _prefix(target: Path) -> str:
    """How the names of a file's temporary siblings begin: of a fixed length, as its own may be the longest allowed."""
    return f".w2v-{zlib.crc32(os.fsencode(target.name)):08x}"


@contextlib.contextmanager
def exclusive(path: str | os.PathLike[str]) -> Iterator[None]:
    """Be the only one to write a file, and clear away what a killed writer has left beside it.

    Raises
    ------
    ModelFileError
        If another process holds it, or its folder cannot be written.
    """
    target = _target(path)
    lock = target.parent / f"{_prefix(target)}.lock"
    try:
        descriptor = _locked(lock)
    except BlockingIOError:
        raise ModelFileError(
            f"another run is writing {os.fspath(path)}", hint="wait for it to end, or name another"
        ) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        remove_leftovers(target)
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _locked(lock: Path) -> int:
    """Open and lock a file; its holder removes it in the end, so that it may be gone as soon as it is locked."""
    while True:
        # A link in its place would have a file made wherever it leads.
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.stat(lock), os.fstat(descriptor)):
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise
        except OSError:
            return descriptor  # a file system without locks
        os.close(descriptor)


def remove_leftovers(target: Path) -> None:
    """Remove the temporary siblings of a file that nobody is writing."""
    for leftover in target.parent.glob(f"{_prefix(target)}-*.tmp"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable, where the system has a way to ask for it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unwritable(path: str | os.PathLike[str], error: OSError) -> ModelFileError:
    return ModelFileError(
        f"cannot write {os.fspath(path)}: {error.strerror or error}",
        hint="free some space, mend the permissions, or name another place",
    )


def parse_json(text: str, pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """`json.loads` of what a stranger may have written: whatever is wrong with it, it is a ValueError.

    That is bad JSON, a number of 5,000 digits, and what is nested so deep that Python gives up.
    """
    try:
        return json.loads(text, object_pairs_hook=pairs_hook)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def release_pages(array: np.ndarray) -> None:
    """Let go of the memory that rows of a mapped file take, until they are read again; nothing happens to others."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    # What can be written may hold changes that are not in the file.
    if not isinstance(base, mmap.mmap) or array.flags.writeable or not hasattr(mmap, "MADV_DONTNEED"):
        return
    first = array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    start, stop = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE, (first + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if start < stop:
        base.madvise(mmap.MADV_DONTNEED, start, stop - start)


class TensorFile:
    """A safetensors file, memory-mapped; every claim of its header is checked before it is believed.

    Attributes
    ----------
    metadata : str to str, as written.

    Raises
    ------
    ModelFileError
        If the file cannot be read, is not safetensors, or is shorter than its header says.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        try:
            # Asked before opening: opening a pipe would wait for its writer.
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise self.wrong("is not a regular file", hint="a model is memory-mapped; name a file")
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                length = int.from_bytes(file.read(8), "little")
                if size < 8 or length > size - 8:
                    raise self.wrong("is not a safetensors file, or is cut short")
                if length > MAX_HEADER_BYTES:
                    raise self.wrong(f"has a header of {length:,} bytes; {MAX_HEADER_BYTES:,} are the most")
                header = self._parse(file.read(length))
            self._data = np.memmap(path, dtype=np.uint8, mode="r")[8 + length :]
        except FileNotFoundError as error:
            raise ModelFileError(
                f"there is no file {self.path}", hint="make one with w2v train CORPUS, or name one with -m"
            ) from error
        except OSError as error:
            raise self.wrong(f"cannot be read: {error.strerror or error}", hint=None) from error
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
        """One tensor, read-only, without reading it; `dtype` is safetensors' name of what it must be."""
        if name not in self._entries:
            raise self.wrong(f"has no {name}")
        found, shape, start, stop = self._entries[name]
        if found != dtype or len(shape) != axes:
            raise self.wrong(f"has {name} as {found} {shape}, not as {dtype} with {axes} axes")
        return self._data[start:stop].view(_DTYPES[dtype]).reshape(shape).view(np.ndarray)

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
