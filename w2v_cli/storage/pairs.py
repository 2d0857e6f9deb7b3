"""Files that belong together and are replaced together, such as a matrix and the list of its words.

Several files cannot be renamed in one step. So the main file, which is the first, is moved aside before the others and
its replacement comes last: at no instant does an old file lie beside a new one. If the main file is missing and older
files lie aside, a writer was killed in between, and the next writer puts the older files back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from w2v_cli.errors import ModelFileError
from w2v_cli.storage.locks import exclusive
from w2v_cli.storage.siblings import OLD, naming, sibling, siblings, sync_folder, target_of
from w2v_cli.storage.system import rename_open
from w2v_cli.storage.urls import is_url


@dataclass
class Staged:
    """A file that is being written beside its target.

    Attributes
    ----------
    path : the target as the user named it, for error messages.
    target : the file that is written in the end, with links followed.
    temporary, file : where the contents are written until then; `file` is open, and locked.
    old : where the older file lies while it is aside, or None.
    """

    path: str | os.PathLike[str]
    target: Path
    temporary: Path
    file: BinaryIO
    old: Path | None = None


def replace_together(staged: Sequence[Staged]) -> None:
    """Rename several files onto their targets: all of them, or none.

    If only the main file replaces anything, its replacement comes first instead of last, because there would be no
    older companions to put back.
    """
    placed: list[Staged] = []
    try:
        for item in staged:
            _move_aside(item)
        for item in reversed(staged) if any(item.old for item in staged[1:]) else staged:
            with naming(item.path):
                # Noted before it is done, or a Ctrl-C during the call would keep it from being undone.
                placed.append(item)
                rename_open(item.file, item.temporary, item.target)
                sync_folder(item.target.parent)
    except BaseException:
        for item in reversed(placed):
            with contextlib.suppress(OSError):
                item.target.unlink()
        for item in reversed(staged):
            if item.old is not None:
                with contextlib.suppress(OSError):
                    os.replace(item.old, item.target)
        raise
    _remove(item.old for item in staged if item.old is not None)


@contextlib.contextmanager
def exclusive_together(paths: Sequence[str | os.PathLike[str]]) -> Iterator[None]:
    """Be the only process that writes several files, after undoing a replacement whose writer was killed.

    Raises
    ------
    ModelFileError
        If that cannot be undone, or another process is writing one of the files.
    """
    with contextlib.ExitStack() as stack:
        for path in paths:
            stack.enter_context(exclusive(path))
        _recover([target_of(path) for path in paths])
        yield


def undo_interrupted(*paths: str | os.PathLike[str]) -> None:
    """Put the older files back if a writer was killed while it replaced these files together, the main file first.

    Objects of URLs are replaced in another way, which leaves nothing to put back; see `remote.upload`.

    Raises
    ------
    ModelFileError
        If that cannot be done, or another process is writing one of the files.
    """
    if not is_url(paths[0]):
        with exclusive_together(paths):
            pass


def _recover(targets: Sequence[Path]) -> None:
    """Put the older files back if the main file, the first target, is missing; remove them if it exists.

    Raises
    ------
    ModelFileError
        If an older file would overwrite something that the killed writer did not put there. Nothing is moved then.
    """
    olds: list[tuple[Path, Path]] = []
    # The main file comes last, because it must not lie beside a companion that has not been put back.
    for target in reversed(targets):
        with naming(target):
            olds += [(old, target) for old in siblings(target, OLD)]
    if targets[0].exists():
        _remove(old for old, _ in olds)
        return
    for old, target in olds:
        with naming(target), contextlib.suppress(FileNotFoundError):
            if old != _aside(target, os.stat(target)):
                raise ModelFileError(
                    f"{target} has been changed since a process was killed that was replacing it,"
                    " and the older file cannot be put back over it",
                    hint=f"move {target.name} elsewhere and try again",
                )
    for old, target in olds:
        with naming(target):
            os.replace(old, target)


def _move_aside(item: Staged) -> None:
    """Rename the file that is to be replaced, if there is one."""
    with naming(item.path):
        # Set before the call, for the same reason as in `replace_together`.
        item.old = _aside(item.target, os.fstat(item.file.fileno()))
        try:
            os.replace(item.target, item.old)
        except FileNotFoundError:
            item.old = None
        else:
            sync_folder(item.target.parent)


def _aside(target: Path, replacement: os.stat_result) -> Path:
    """Return where an older file waits while `replacement` takes its place.

    The name identifies the replacement. If this process is killed, the next writer may put the older file back over
    that replacement, but not over a file that the user has put there since, or a replacement that the user has edited.
    """
    identity = f"-{replacement.st_ino:x}-{replacement.st_size:x}-{replacement.st_mtime_ns:x}"
    return sibling(target, f"{identity}{OLD}")


def _remove(paths: Iterator[Path]) -> None:
    """Remove files; one that stays does no harm."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
