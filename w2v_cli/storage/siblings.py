"""The hidden files beside a target: temporary files, older files that were moved aside, and locks.

This module gives them their names, and turns an OSError into an error that names the target. `locks` decides who may
use the files; `atomic` and `pairs` write and move them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from w2v_cli.errors import ModelFileError
from w2v_cli.storage.urls import is_url, local_path

TEMPORARY, OLD, LOCK = ".tmp", ".old", ".lock"
# How the names of hidden files begin.
HIDDEN = ".w2v-"


def target_of(path: str | os.PathLike[str]) -> Path:
    """Return the file that `path` means, with links followed.

    Raises
    ------
    ModelFileError
        If renaming a file onto it would do harm, or its folder is missing.
    """
    if not os.fspath(path):
        raise ModelFileError("the name of the output is empty", hint="name a file")
    target = Path(os.path.realpath(local_path(os.fspath(path))))
    if target.is_dir() or os.fspath(path).endswith(os.sep):
        raise ModelFileError(f"{os.fspath(path)} is a folder", hint="name a file in it")
    if target.exists() and not target.is_file():
        raise ModelFileError(f"{os.fspath(path)} is not a regular file", hint="name a file, not a device or a pipe")
    if not target.parent.is_dir():
        missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
        raise ModelFileError(f"there is no folder {target.parent}", hint="make it first, or name another") from missing
    return target


def work_folder(path: str | os.PathLike[str]) -> Path:
    """Return where the temporary files of an output go: into its folder, or to those of the system for a URL."""
    return Path(tempfile.gettempdir()) if is_url(path) else Path(path).absolute().parent


def sibling(target: Path, end: str) -> Path:
    """Return the hidden name that belongs to a target and ends in `end`.

    The name has a fixed length, because the target's own name may be the longest that the file system allows.
    """
    return target.parent / f"{HIDDEN}{zlib.crc32(os.fsencode(target.name)):08x}{end}"


def siblings(target: Path, end: str) -> list[Path]:
    """List the hidden files of a target that end in `end`; none if the folder may be written but not listed."""
    try:
        names = os.listdir(target.parent)
    except PermissionError:
        return []
    start = sibling(target, "-").name
    return [target.parent / name for name in names if name.startswith(start) and name.endswith(end)]


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power failure, if the system can do that.

    If it cannot, that is no error, because the renames are done.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an OSError within the block into a ModelFileError that names the file."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: str | os.PathLike[str], error: OSError) -> ModelFileError:
    """Return the error for a file that the system will not let us write."""
    return ModelFileError(
        f"cannot write {os.fspath(path)}: {error.strerror or error}",
        hint="free some space, correct the permissions, or name another place",
    )
