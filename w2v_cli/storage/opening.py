"""Opening files: compressed ones by the suffix of their names, small texts as a whole, and `-` for stdin."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import sys
from collections.abc import Callable
from typing import IO, Any

from w2v_cli.errors import MissingExtraError

STDIN = "-"
# Of a .zst, unpacked at a time: four bytes may stand for 128 KiB.
_ZSTANDARD_BYTES = 1 << 12
# How compressed files begin, and the suffix that says so.
MAGIC = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}


def whole_text(path: str | os.PathLike[str], errors: str = "strict") -> str:
    """A small file of UTF-8 as it is, stdin for `-`; without a byte order mark.

    Raises
    ------
    OSError, UnicodeDecodeError
        If it cannot be read, or is no UTF-8.
    """
    if path != STDIN:
        with open(path, encoding="utf-8-sig", errors=errors) as file:
            return file.read()
    if sys.stdin is None:
        raise OSError(errno.EBADF, "stdin is closed")
    stdin = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors=errors)
    try:
        return stdin.read()
    finally:
        stdin.detach()


def suffix_of(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def decompressed(path: str, raw: IO[bytes]) -> Any:
    """A file object of the text in `raw`, by the suffix of its name."""
    suffix = suffix_of(path)
    return OPENERS[suffix](raw) if suffix in OPENERS else raw


def _gzip(raw: IO[bytes]) -> Any:
    try:
        from isal import igzip
    except ImportError:  # no wheel for this platform
        return gzip.GzipFile(fileobj=raw)
    return igzip.IGzipFile(fileobj=raw)


def _zstandard(raw: IO[bytes]) -> Any:
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError(
            "reading .zst needs the package zstandard", hint="pip install 'w2v-cli[zstd]', or unpack the file"
        ) from None
    return _Zstandard(raw, zstandard.ZstdDecompressor())


class _Zstandard:
    """Reads zstandard frames, and unlike the package's own reader does not take a file's end for that of a frame."""

    def __init__(self, raw: IO[bytes], decompressor: Any) -> None:
        self._raw = raw
        self._decompressor = decompressor
        self._frame: Any = None
        self._rest = b""

    def read(self, size: int) -> bytes:
        """`size` bytes or somewhat more; fewer only at the end."""
        texts: list[bytes] = []
        missing = size
        while missing > 0:
            compressed = self._rest or self._raw.read(_ZSTANDARD_BYTES)
            self._rest = b""
            if not compressed:
                if self._frame is not None:
                    raise EOFError("it ends in the middle")
                break
            self._frame = self._frame or self._decompressor.decompressobj()
            texts.append(self._frame.decompress(compressed))
            missing -= len(texts[-1])
            if self._frame.eof:
                self._rest = self._frame.unused_data
                self._frame = None
        return b"".join(texts)


OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": _gzip,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstandard,
}
