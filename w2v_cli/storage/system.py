"""What systems do differently with open files: locks, positions, names.

Each function goes the way of Linux where the system has it, and another way elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# Whether a file can be renamed and removed while it is open. On Windows it cannot.
MOVES_OPEN_FILES = os.name != "nt"
# Where the system can only read and write at the current position of a file, one thread at a time moves it.
_MOVING = threading.Lock()
# The paths of the files that stood in for files without names. They are remembered, because a model is asked how it was
# made when its text is gone.
_STAND_INS: set[str] = set()


def open_no_link(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file unless it is a symbolic link, which could lead anywhere; return its descriptor."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o666)


def lock(descriptor: int) -> bool | None:
    """Lock a file that has just been opened: False if another process holds the lock, None if there are no locks.

    Network file systems may have none. On Windows nobody else can read the byte that is locked, so only files that
    nobody reads are locked.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, ImportError):
        return None
    return True


def read_at(descriptor: int, buffer: memoryview, position: int) -> int:
    """Fill bytes from a position of an open file on; return how many. Any number of threads may do so at once."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [buffer], position)
    with _moved(descriptor, position):
        data = os.read(descriptor, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def write_at(descriptor: int, data: memoryview | bytes, position: int) -> int:
    """Write bytes to a position of an open file; return how many. Any number of threads may do so at once."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, position)
    with _moved(descriptor, position):
        return os.write(descriptor, data)


@contextlib.contextmanager
def _moved(descriptor: int, position: int) -> Iterator[None]:
    """Move an open file to a position, and back at the end."""
    with _MOVING:
        before = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, position, os.SEEK_SET)
        try:
            yield
        finally:
            os.lseek(descriptor, before, os.SEEK_SET)


def rename_open(file: IO[bytes], path: Path, target: Path) -> None:
    """Rename an open file; it may be closed afterwards."""
    if not MOVES_OPEN_FILES:
        file.close()
    os.replace(path, target)


def remove_open(descriptor: int, path: Path) -> None:
    """Remove an open file if that is possible, and close it."""
    if MOVES_OPEN_FILES:
        with contextlib.suppress(OSError):
            path.unlink()
    os.close(descriptor)
    if not MOVES_OPEN_FILES:
        with contextlib.suppress(OSError):
            path.unlink()


def path_of(file: IO[bytes]) -> str | None:
    """Return a path under which this process can open a file without a name again; None if the system has none.

    Each time it is opened, the file has a position of its own. On macOS it would share the one of `file`, which does
    not help.
    """
    path = f"/dev/fd/{file.fileno()}"
    try:
        again = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        before = os.lseek(file.fileno(), 0, os.SEEK_CUR)
        os.lseek(again, before + 1, os.SEEK_SET)
        shared = os.lseek(file.fileno(), 0, os.SEEK_CUR) != before
        if shared:
            os.lseek(file.fileno(), before, os.SEEK_SET)
        return None if shared else path
    finally:
        os.close(again)


@contextlib.contextmanager
def nameless_file() -> Iterator[tuple[IO[bytes], str]]:
    """Make a file that disappears with this process, however it ends, and the path under which it can be opened again.

    Where the system has no such files, it has a name in the system's folder for temporary files, and disappears at the
    end of the block.
    """
    with tempfile.TemporaryFile() as file:
        path = path_of(file)
        if path is not None:
            yield file, path
            return
    with tempfile.TemporaryDirectory(prefix="w2v-", ignore_cleanup_errors=True) as folder:
        path = str(Path(folder, "sentences"))
        with open(path, "w+b") as file:
            _STAND_INS.add(path)
            yield file, path


def is_stand_in(path: str) -> bool:
    """Whether a path is, or was, that of a file that stands in for one without a name."""
    return path in _STAND_INS
