"""Files that are mapped into memory: opening them, writing to the memory, and freeing it."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
from typing import Any, BinaryIO

import numpy as np

from w2v_cli.errors import ModelFileError
from w2v_cli.storage import remote
from w2v_cli.storage.urls import is_url, local_path


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading; that of a URL is copied to a temporary file, so that it can be mapped.

    Raises
    ------
    ModelFileError
        If there is no such file, it cannot be read, or it is a folder, a pipe or a device.
    """
    name = os.fspath(path)
    try:
        if is_url(name):
            return remote.download(name)
        path = local_path(name)
        # Checked before opening, because opening a pipe waits for its writer.
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise ModelFileError(f"{name} is a folder", hint="name a file of vectors")
        if not stat.S_ISREG(mode):
            raise ModelFileError(f"{name} is not a regular file", hint="write the vectors to a file, and name that")
        return open(path, "rb")
    except FileNotFoundError as error:
        raise ModelFileError(
            f"there is no file {name}", hint="check the name; w2v train CORPUS makes a model"
        ) from error
    except OSError as error:
        raise ModelFileError(f"{name} cannot be read: {error.strerror or error}") from error


def map_file(file: BinaryIO) -> mmap.mmap:
    """Map a whole file copy-on-write, so that writing to the memory never changes the file."""
    try:
        if not hasattr(mmap, "MAP_NORESERVE"):
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        # Otherwise Linux may refuse a file that is larger than its memory, in case all of it is written to.
        flags = mmap.MAP_PRIVATE | mmap.MAP_NORESERVE
        return mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def writable(array: np.ndarray) -> np.ndarray:
    """Let an array be written to, if its memory can be, and return it.

    Writing to a mapped file changes only the memory, not the file. Everybody who holds this array sees that it may have
    been written to, and does not release its pages.
    """
    with contextlib.suppress(ValueError):  # the memory cannot be written to, for example that of a bytes object
        array.flags.writeable = True
    return array


def release_pages(array: np.ndarray) -> None:
    """Free the memory of an array that is mapped from a file; reading it again reads the file.

    Other arrays are left alone.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    # Pages that were written to differ from the file and would be lost; see `writable`.
    if not isinstance(base, mmap.mmap) or array.flags.writeable or not hasattr(mmap, "MADV_DONTNEED"):
        return
    first = array.ctypes.data - np.frombuffer(base, np.uint8).ctypes.data
    start, stop = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE, (first + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if start < stop:
        base.madvise(mmap.MADV_DONTNEED, start, stop - start)
