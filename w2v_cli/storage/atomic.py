"""Files that are written whole or not at all, one at a time or in pairs, and the locks of those who write them.

A file is written beside its target under a temporary name, synced, and then renamed. Whoever writes a temporary file
holds a lock on it, so that the next writer can tell the leftovers of a killed process from the work of a running one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import os
import secrets
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from w2v_cli.errors import ModelFileError

# A link under a temporary name or a lock's name was put there by somebody else: writing through it would harm a file.
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_TEMPORARY, _OLD = ".tmp", ".old"


def packing(file: IO[bytes], path: str | os.PathLike[str]) -> contextlib.AbstractContextManager[IO[bytes]]:
    """What to write into so that `file` gets what a file of that name holds: gzip if it ends in .gz."""
    if not os.fspath(path).lower().endswith(".gz"):
        return contextlib.nullcontext(file)
    # Neither name nor time: the same contents are the same bytes.
    return gzip.GzipFile("", "wb", 6, file, mtime=0)  # type: ignore[return-value]


@dataclass
class _Staged:
    """A file that is being written beside its target."""

    path: str | os.PathLike[str]
    target: Path
    temporary: Path
    file: BinaryIO
    old: Path | None = None


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    A file that is replaced hands on its permissions, and its owner where that is permitted.
    """
    with atomic_files(path) as (file,):
        yield file


@contextlib.contextmanager
def atomic_files(*paths: str | os.PathLike[str]) -> Iterator[list[BinaryIO]]:
    """Open binary files that become `paths` together when the block ends well, and vanish when it does not.

    Several files cannot be renamed at once. So the first one, the main file, is absent while the others are replaced:
    at no instant does an old one lie beside a new one. The next writer puts the older files back where one was killed
    at such an instant.

    Raises
    ------
    ModelFileError
        If a file cannot be written, or another process is replacing the same files. What was there stays.
    """
    with contextlib.ExitStack() as stack:
        if len(paths) > 1:
            # Two writers at once would mix their pairs.
            stack.enter_context(_exclusive_together(paths))
        # All of them are open before the first is written.
        staged = [stack.enter_context(_staged(path)) for path in paths]
        # Else what cannot be written would always be said to be the last one.
        with _telling(" and ".join(os.fspath(path) for path in paths)):
            yield [item.file for item in staged]
        for item in staged:
            with _telling(item.path):
                item.file.flush()
                os.fsync(item.file.fileno())
        if len(staged) == 1:
            with _telling(paths[0]):
                os.replace(staged[0].temporary, staged[0].target)
        else:
            _replace_together(staged)
        for folder in {item.target.parent for item in staged}:
            _sync_folder(folder)


@contextlib.contextmanager
def _staged(path: str | os.PathLike[str]) -> Iterator[_Staged]:
    """A new file beside the target, locked; gone when the block ends, unless it was renamed."""
    with _telling(path):
        target = _target(path)
        remove_leftovers(target)
        descriptor, temporary = _new_sibling(target)
    try:
        # Closed after the renaming: with the lock gone, another writer would take the file for a leftover.
        with os.fdopen(descriptor, "wb") as file:
            try:
                with _telling(path):
                    yield _Staged(path, target, temporary, file)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                # What is still buffered must not be written after an error such as a full disk.
                with contextlib.suppress(OSError):
                    file.close()
                raise
    except OSError as error:
        raise _unwritable(path, error) from error


def _replace_together(staged: list[_Staged]) -> None:
    """Rename several files onto their targets, all of them or none.

    The older main file goes first, and the new one comes last: `_exclusive_together` takes its absence as the sign of
    an interrupted replacement. Where the others replace nothing it comes first, as there would be nothing to put back.
    """
    placed: list[_Staged] = []
    try:
        for item in staged:
            with _telling(item.path), contextlib.suppress(FileNotFoundError):
                old = item.temporary.with_suffix(_OLD)
                os.replace(item.target, old)
                item.old = old
                _sync_folder(item.target.parent)
        for item in reversed(staged) if any(item.old for item in staged[1:]) else staged:
            with _telling(item.path):
                os.replace(item.temporary, item.target)
                placed.append(item)
                _sync_folder(item.target.parent)
    except BaseException:
        for item in reversed(placed):
            with contextlib.suppress(OSError):
                item.target.unlink()
        for item in reversed(staged):
            if item.old is not None:
                with contextlib.suppress(OSError):
                    os.replace(item.old, item.target)
        raise
    for item in staged:
        if item.old is not None:
            with contextlib.suppress(OSError):
                item.old.unlink()


def check_writable(path: str | os.PathLike[str]) -> None:
    """Make sure that a file can be written at `path`, without touching what may be there already.

    Raises
    ------
    ModelFileError
        If its folder is missing, it is a folder or a device itself, or no file can be made beside it.
    """
    with _telling(path):
        descriptor, sibling = _new_sibling(_target(path))
        os.close(descriptor)
        sibling.unlink()


def _target(path: str | os.PathLike[str]) -> Path:
    """The file that `path` means, links followed; refused where renaming onto it would do harm."""
    if not os.fspath(path):
        raise ModelFileError("the name of the output is empty", hint="name a file")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise ModelFileError(f"{os.fspath(path)} is a folder", hint="name a file in it")
    if target.exists() and not target.is_file():
        raise ModelFileError(f"{os.fspath(path)} is not a regular file", hint="name a file, not a device or a pipe")
    if not target.parent.is_dir():
        raise ModelFileError(f"there is no folder {target.parent}", hint="make it first, or name another")
    return target


def _new_sibling(target: Path) -> tuple[int, Path]:
    """Open and lock a new file beside the target, with the permissions that it is to have in the end."""
    while True:
        sibling = target.parent / f"{_prefix(target)}-{secrets.token_hex(6)}{_TEMPORARY}"
        descriptor = os.open(sibling, _NEW_FILE, 0o666)
        try:
            # Another writer may have taken it for a leftover before it was locked.
            if _lock(descriptor) is not False and _is_open_as(sibling, descriptor):
                _hand_on_permissions(target, descriptor)
                return descriptor, sibling
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                sibling.unlink()
            raise
        os.close(descriptor)


def _hand_on_permissions(target: Path, descriptor: int) -> None:
    """Give a new file the owner and the permissions of the file that it will replace, as far as the system lets us."""
    try:
        old = os.stat(target)
    except OSError:
        return
    # A change of owner clears special bits, so the permissions come last.
    for owner in (old.st_uid, -1):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, old.st_gid)
            break
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o777)


def _prefix(target: Path) -> str:
    """How the names of a file's temporary siblings begin: of a fixed length, as its own may be the longest allowed."""
    return f".w2v-{zlib.crc32(os.fsencode(target.name)):08x}"


def _siblings(target: Path, end: str) -> list[Path]:
    """The files beside a target that bear its temporary names; none in a folder that can be written but not listed."""
    try:
        names = os.listdir(target.parent)
    except PermissionError:
        return []
    return [target.parent / name for name in names if name.startswith(f"{_prefix(target)}-") and name.endswith(end)]


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
        descriptor = _open_lock(lock)
    except BlockingIOError:
        raise ModelFileError(
            f"another run is writing {os.fspath(path)}", hint="wait for it to end, or name another"
        ) from None
    except OSError as error:
        raise _unwritable(lock if error.errno == errno.ELOOP else path, error) from error
    try:
        remove_leftovers(target)
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(descriptor)


@contextlib.contextmanager
def _exclusive_together(paths: Sequence[str | os.PathLike[str]]) -> Iterator[None]:
    """Be the only one to write several files, and undo a replacement of them in which a writer was killed."""
    with contextlib.ExitStack() as stack:
        for path in paths:
            stack.enter_context(exclusive(path))
        targets = [_target(path) for path in paths]
        interrupted = not targets[0].exists()
        # The main file last: it must not lie beside what has not been put back.
        for target in reversed(targets):
            with _telling(target):
                for old in _siblings(target, _OLD):
                    if interrupted:
                        os.replace(old, target)
                    else:
                        with contextlib.suppress(OSError):
                            old.unlink()
        yield


def undo_interrupted(*paths: str | os.PathLike[str]) -> None:
    """Put the older files back where a writer was killed while it replaced these together, the main file first.

    Raises
    ------
    ModelFileError
        If that cannot be done, or another process is replacing them.
    """
    with _exclusive_together(paths):
        pass


def _open_lock(path: Path) -> int:
    """Open and lock a file; its holder removes it in the end, so that it may be gone as soon as it is locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        locked = _lock(descriptor)
        if locked is None or (locked and _is_open_as(path, descriptor)):
            return descriptor
        os.close(descriptor)
        if not locked:
            raise BlockingIOError


def _lock(descriptor: int) -> bool | None:
    """Lock an open file; False if another process holds it, None if the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_open_as(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def remove_leftovers(target: Path) -> None:
    """Remove the temporary siblings of a file that a killed writer has left; those of a running one are locked."""
    # One that stays, even because the folder cannot be listed, does no harm.
    with contextlib.suppress(OSError):
        for leftover in _siblings(target, _TEMPORARY):
            with contextlib.suppress(OSError):
                # Some network file systems lock only what is open for writing.
                mode = os.O_RDWR if os.access(leftover, os.W_OK) else os.O_RDONLY
                descriptor = os.open(leftover, mode | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    if _lock(descriptor) and _is_open_as(leftover, descriptor):
                        leftover.unlink()
                finally:
                    os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable, if the system can: the file is there in any case."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _telling(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the system says within into the error that names the file."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: str | os.PathLike[str], error: OSError) -> ModelFileError:
    return ModelFileError(
        f"cannot write {os.fspath(path)}: {error.strerror or error}",
        hint="free some space, mend the permissions, or name another place",
    )
