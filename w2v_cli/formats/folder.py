"""Folders that a format needs for its files: written completely or not at all, and never over other people's files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from w2v_cli.errors import ModelFileError
from w2v_cli.storage.atomic import atomic_files, check_writable
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.pairs import undo_interrupted
from w2v_cli.storage.siblings import HIDDEN
from w2v_cli.storage.urls import is_url

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class FolderFormat:
    """The files of a folder, and how to know that w2v wrote it.

    Attributes
    ----------
    reader : the program that the folder is for, as messages call it.
    names : the files. The first says whose folder it is: it is the main one for `atomic_files`.
    mark : the contents of the first file, the same in every such folder.
    """

    reader: str
    names: tuple[str, ...]
    mark: bytes

    def paths(self, folder: AnyPath) -> list[str]:
        """Return the paths of the files in a folder."""
        return [os.path.join(folder, name) for name in self.names]

    def check(self, folder: AnyPath, source: str | None = None) -> None:
        """Make sure that a folder can be written, and that this destroys no other file.

        Parameters
        ----------
        folder : a folder that does not exist, is empty, or was written by `writing`.
        source : the file that the vectors come from, or None.

        Raises
        ------
        ConfigError
            If the source would be overwritten.
        ModelFileError
            If the folder holds other files, or cannot be written.
        """
        name, paths = os.fspath(folder), self.paths(folder)
        if is_url(name):
            raise ModelFileError(
                f"{name} is not a folder of this machine", hint="write the folder here, and copy it there"
            )
        outputs = [Named(path, f"a file for {self.reader}") for path in paths]
        sources = [] if source is None else [source, *(self.paths(source) if os.path.isdir(source) else [])]
        require_apart(outputs, [Named(path, "the input") for path in sources])
        if not os.path.lexists(folder):
            check_writable(name.rstrip(os.sep) or name)
            return
        if not os.path.isdir(folder):
            raise ModelFileError(f"{name} is a file, but {self.reader} takes a folder", hint="name a new folder")
        self._require_own(folder)
        for path in paths:
            check_writable(path)

    @contextlib.contextmanager
    def writing(self, folder: AnyPath) -> Iterator[list[BinaryIO]]:
        """Open the files of a folder, which is made if it does not exist; all appear if the block ends well, or none.

        The mark is written here.

        Raises
        ------
        ModelFileError
            If the folder holds other files, or a file cannot be written. Older files then stay as they were.
        """
        with self._folder(folder), atomic_files(*self.paths(folder)) as files:
            files[0].write(self.mark)
            yield files[1:]

    @contextlib.contextmanager
    def _folder(self, folder: AnyPath) -> Iterator[None]:
        """Make a folder, and remove it again if the block fails."""
        try:
            os.mkdir(folder)
        except FileExistsError:
            self.check(folder)
            yield
            return
        except OSError as error:
            raise ModelFileError(
                f"cannot make the folder {os.fspath(folder)}: {error.strerror or error}", hint="name another place"
            ) from error
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                os.rmdir(folder)
            raise

    def _require_own(self, folder: AnyPath) -> None:
        """Raise an error if a folder holds anything that `writing` did not put there."""
        name, hint = os.fspath(folder), "name a new or an empty folder"
        try:
            with os.scandir(folder) as entries:
                own = {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
            hidden = {entry for entry in own if entry.startswith(HIDDEN)}
            others = sorted(set(os.listdir(folder)) - hidden - (own & set(self.names)))
            if others:
                more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
                raise ModelFileError(f"{name} holds other files: {others[0]}{more}", hint)
            if hidden:
                # If a writer was killed, the main file may still be set aside.
                undo_interrupted(*self.paths(folder))
            main = Path(folder, self.names[0])
            if own - hidden and not (main.is_file() and main.read_bytes() == self.mark):
                raise ModelFileError(f"{name} holds files that w2v did not write", hint)
        except OSError as error:
            raise ModelFileError(f"cannot read the folder {name}: {error.strerror or error}", hint) from error
