"""Locks: who may write a file, and which temporary files were left by a process that was killed.

Every writer holds a lock on its temporary file. A temporary file that nobody has locked is therefore a leftover. The
locks are those of `system.lock`, which the system releases when their holder dies.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from w2v_cli.errors import ModelFileError
from w2v_cli.storage.siblings import LOCK, TEMPORARY, sibling, siblings, target_of, unwritable
from w2v_cli.storage.system import lock as lock_open
from w2v_cli.storage.system import open_no_link, remove_open
from w2v_cli.storage.urls import is_url


@contextlib.contextmanager
def exclusive(path: str | os.PathLike[str]) -> Iterator[None]:
    """Be the only process that writes a file, and remove the temporary files that a killed writer left beside it.

    A URL cannot be locked: of two processes that write the same object, the last one wins.

    Raises
    ------
    ModelFileError
        If another process holds the lock, or the folder cannot be written.
    """
    if is_url(path):
        yield
        return
    target = target_of(path)
    lock = sibling(target, LOCK)
    try:
        descriptor = _open_lock(lock)
    except BlockingIOError:
        raise ModelFileError(
            f"another run is writing {os.fspath(path)}", hint="wait for it to end, or name another"
        ) from None
    except OSError as error:
        raise unwritable(lock if error.errno == errno.ELOOP else path, error) from error
    try:
        remove_leftovers(target)
        yield
    finally:
        remove_open(descriptor, lock)


def new_temporary(target: Path) -> tuple[int, Path]:
    """Make, open and lock a temporary file beside the target; return its descriptor and its path."""
    while True:
        temporary = sibling(target, f"-{secrets.token_hex(6)}{TEMPORARY}")
        descriptor = open_no_link(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            # Before it was locked, another writer may have removed it as a leftover.
            if lock_open(descriptor) is not False and _is_open_as(temporary, descriptor):
                return descriptor, temporary
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        os.close(descriptor)


def remove_leftovers(target: Path) -> None:
    """Remove the temporary files of a target whose writers were killed; a running writer has locked its own."""
    # A leftover does no harm, so no failure matters here, not even that the folder cannot be listed.
    with contextlib.suppress(OSError):
        for leftover in siblings(target, TEMPORARY):
            with contextlib.suppress(OSError):
                # Some network file systems lock only files that are open for writing.
                mode = os.O_RDWR if os.access(leftover, os.W_OK) else os.O_RDONLY
                descriptor = open_no_link(leftover, mode | getattr(os, "O_NONBLOCK", 0))
                if lock_open(descriptor) and _is_open_as(leftover, descriptor):
                    remove_open(descriptor, leftover)
                else:
                    os.close(descriptor)


def _open_lock(path: Path) -> int:
    """Open and lock a lock file.

    The previous holder removes the file when it is done, perhaps between our opening and our locking it. Then we hold
    the lock of a file that nobody else can find, and try again.

    Raises
    ------
    BlockingIOError
        If another process holds the lock.
    """
    while True:
        # If there is a link under our hidden name, someone else made it, and writing through it could harm the file
        # that it leads to.
        descriptor = open_no_link(path, os.O_RDWR | os.O_CREAT)
        locked = lock_open(descriptor)
        if locked is None or (locked and _is_open_as(path, descriptor)):
            return descriptor
        os.close(descriptor)
        if not locked:
            raise BlockingIOError


def _is_open_as(path: Path, descriptor: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False
