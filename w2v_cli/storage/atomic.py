"""Files that are written as a whole or not at all.

A file is written beside its target under a temporary name, synced to disk, and renamed onto the target. Whenever the
process is killed, the target is either the old file or the new one. `pairs` does the same for files that belong
together; `locks` recognises what a killed process left behind. The object of a URL is written to a temporary file, and
sent when it is complete; see `remote`.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO

from w2v_cli.storage import remote
from w2v_cli.storage.locks import new_temporary, remove_leftovers
from w2v_cli.storage.opening import suffix_of, zstandard
from w2v_cli.storage.pairs import Staged, exclusive_together, replace_together
from w2v_cli.storage.siblings import naming, sync_folder, target_of, unwritable
from w2v_cli.storage.system import rename_open
from w2v_cli.storage.urls import is_url


def packing(file: IO[bytes], path: str | os.PathLike[str]) -> contextlib.AbstractContextManager[IO[bytes]]:
    """Return what to write into, so that `file` holds what its name promises: compressed, if it ends so.

    Raises
    ------
    MissingExtraError
        If the name ends in .zst, and the package for that is not installed.
    """
    pack = _PACKERS.get(suffix_of(os.fspath(path)))
    return contextlib.nullcontext(file) if pack is None else pack(file)


def _zstd_module() -> Any:
    return zstandard("writing .zst", "write .xz")


_PACKERS: dict[str, Callable[[IO[bytes]], Any]] = {
    # The header holds neither a name nor a time, so that the same contents give the same bytes.
    ".gz": lambda file: gzip.GzipFile("", "wb", 6, file, mtime=0),
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115
    ".zst": lambda file: _zstd_module().ZstdFile(file, "wb"),
}


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that becomes `path` if the block ends well, and is removed if it does not.

    The new file gets the permissions of the file that it replaces, and its owner if the system permits that.
    """
    with atomic_files(path) as (file,):
        yield file


@contextlib.contextmanager
def atomic_files(*paths: str | os.PathLike[str]) -> Iterator[list[BinaryIO]]:
    """Open binary files that become `paths` together if the block ends well, and are removed if it does not.

    The first file is the main one; see `pairs`.

    Raises
    ------
    ModelFileError
        If a file cannot be written, or another process is replacing the same files. The older files stay.
    """
    with contextlib.ExitStack() as stack:
        if is_url(paths[0]):
            yield stack.enter_context(_objects([os.fspath(path) for path in paths]))
            return
        if len(paths) > 1:
            # Two processes that write the same files at once would mix theirs.
            stack.enter_context(exclusive_together(paths))
        # All files are opened before the first is written.
        staged = [stack.enter_context(_staged(path)) for path in paths]
        # An error within the block may come from any of the files. Without this the last one would be blamed.
        with naming(" and ".join(os.fspath(path) for path in paths)):
            yield [item.file for item in staged]
        for item in staged:
            with naming(item.path):
                item.file.flush()
                os.fsync(item.file.fileno())
        if len(staged) == 1:
            with naming(paths[0]):
                rename_open(staged[0].file, staged[0].temporary, staged[0].target)
        else:
            replace_together(staged)
        for folder in {item.target.parent for item in staged}:
            sync_folder(folder)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Make sure that a file can be written at `path`, without touching a file that already exists.

    Raises
    ------
    ModelFileError
        If the folder is missing, `path` is itself a folder or a device, or no file can be made beside it.
    MissingExtraError
        As `packing`.
    """
    if suffix_of(os.fspath(path)) == ".zst":
        _zstd_module()
    with naming(path):
        if is_url(path):
            remote.check_writable(os.fspath(path))
            return
        descriptor, temporary = new_temporary(target_of(path))
        os.close(descriptor)
        temporary.unlink()


@contextlib.contextmanager
def _staged(path: str | os.PathLike[str]) -> Iterator[Staged]:
    """Make a locked temporary file beside the target; it is removed if the block fails."""
    with naming(path):
        target = target_of(path)
        remove_leftovers(target)
        descriptor, temporary = new_temporary(target)
    try:
        # The file stays open until it has been renamed. Closing it would release its lock, and another writer would
        # then remove it as a leftover.
        with os.fdopen(descriptor, "wb") as file:
            try:
                _copy_permissions(target, descriptor)
                with naming(path):
                    yield Staged(path, target, temporary, file)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                # Closing the file writes what is buffered, which fails again after an error such as a full disk.
                with contextlib.suppress(OSError):
                    file.close()
                raise
    except OSError as error:
        raise unwritable(path, error) from error


@contextlib.contextmanager
def _objects(urls: Sequence[str]) -> Iterator[list[BinaryIO]]:
    """Make temporary files, and send them if the block ends well."""
    with naming(" and ".join(urls)), contextlib.ExitStack() as stack:
        files: list[BinaryIO] = [stack.enter_context(tempfile.TemporaryFile()) for _ in urls]
        yield files
        remote.upload(list(zip(files, urls, strict=True)))


def _copy_permissions(target: Path, descriptor: int) -> None:
    """Give a new file the owner and the permissions of the file that it will replace, as far as the system permits."""
    try:
        old = os.stat(target)
    except OSError:
        return
    # Windows has no owners and permissions of this kind.
    # Changing the owner clears special bits, so the permissions come last.
    # A user who may not set the owner can often still set the group.
    for owner in (old.st_uid, -1):
        with contextlib.suppress(OSError, AttributeError):
            os.fchown(descriptor, owner, old.st_gid)
            break
    with contextlib.suppress(OSError, AttributeError):
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode) & 0o777)
