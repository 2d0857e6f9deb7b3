"""Opening files and URLs for reading: `-` is stdin, and the suffix of a name says how the file is compressed."""

from __future__ import annotations

import bz2
import errno
import gzip
import importlib
import io
import lzma
import os
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any, Protocol

from w2v_cli.errors import MissingExtraError
from w2v_cli.storage import remote
from w2v_cli.storage.urls import absolute_path, is_url, local_path, without_query

STDIN = "-"


class Readable(Protocol):
    """A file object of bytes that can at least be read."""

    def read(self, size: int, /) -> bytes: ...


def name_of(path: str) -> str:
    """Return what an input is called in a message."""
    return "stdin" if path == STDIN else path


def missing_hint(path: str, error: OSError) -> str | None:
    """Return what to do about an input that cannot be opened, if it is missing: its name may be mistyped."""
    if error.errno != errno.ENOENT:
        return None
    # Imported here because only a mistyped name needs it.
    from difflib import get_close_matches

    folder, name = os.path.split(path)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return f"there is no folder {folder}"
    if parted := [other for other in names if other.startswith(f"{name} ")]:
        quoted = shlex.quote(os.path.join(folder, parted[0]))
        return f"a name with blanks needs quotation marks: {quoted}"
    if near := get_close_matches(name, names, n=1):
        return f"did you mean {shlex.quote(os.path.join(folder, near[0]))}?"
    return f"is the name right? It was looked for in {os.path.abspath(folder)}"


def absolute(path: str) -> str:
    """Return the same input for any working folder."""
    return path if path == STDIN else absolute_path(path)


def status_of(path: str) -> os.stat_result:
    """Return the status of an input, links followed; for that of a URL, see `remote.status`.

    Raises
    ------
    OSError
        If there is no such file, or stdin is closed or not a file of the system.
    """
    if is_url(path):
        return remote.status(path)
    return os.fstat(_stdin().fileno()) if path == STDIN else os.stat(local_path(path))


def open_input(path: str | os.PathLike[str]) -> AbstractContextManager[IO[bytes]]:
    """Open an input for reading bytes, as a context manager that leaves stdin open.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    name = os.fspath(path)
    if is_url(name):
        return remote.open_object(name)
    return nullcontext(_stdin()) if name == STDIN else open(local_path(name), "rb")


def whole_text(path: str | os.PathLike[str], errors: str = "strict") -> str:
    """Return the whole text of a small UTF-8 file, without a byte order mark.

    Raises
    ------
    OSError, UnicodeDecodeError
        If it cannot be read, or is not UTF-8.
    """
    with open_input(path) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors=errors)
        try:
            return text.read()
        finally:
            # Otherwise closing the wrapper would close stdin.
            text.detach()


def suffix_of(path: str) -> str:
    """Return the suffix of a name in lower case, such as `.gz`."""
    return os.path.splitext(without_query(path))[1].lower()


def without_packing(name: str) -> str:
    """Return a name without the suffix that says how the file is compressed."""
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in OPENERS else name


def decompressed(path: str, raw: IO[bytes]) -> Readable:
    """Return a file object that reads the text in `raw`, decompressed if the suffix of `path` says so.

    Raises
    ------
    MissingExtraError
        If the file is compressed with zstandard, and the package for that is not installed.
    """
    suffix = suffix_of(path)
    return OPENERS[suffix](raw) if suffix in OPENERS else raw


def _stdin() -> IO[bytes]:
    """Return the bytes of stdin, which Python sets to None if the process was started without one."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, "stdin is closed")
    return sys.stdin.buffer


def _gzip(raw: IO[bytes]) -> Readable:
    try:
        from isal import igzip
    except ImportError:  # no wheel for this platform
        return gzip.GzipFile(fileobj=raw)
    return igzip.IGzipFile(fileobj=raw)


def zstandard(what: str, otherwise: str) -> Any:
    """Return the module for files in the format .zst; the parameters are those of the error if it is not there.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    # Python has had this module itself since 3.14.
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError(what, "backports.zstd", otherwise) from None


def _zstandard(raw: IO[bytes]) -> Readable:
    return zstandard("reading .zst", "unpack the file").ZstdFile(raw)


OPENERS: dict[str, Callable[[IO[bytes]], Readable]] = {
    ".gz": _gzip,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstandard,
}
