"""A single input of a corpus: what a look at it shows, opening it, and how far it has been read."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import AbstractContextManager
from typing import IO, NamedTuple

from w2v_cli.errors import CorpusError
from w2v_cli.storage import remote
from w2v_cli.storage.opening import STDIN, missing_hint, name_of, open_input, status_of
from w2v_cli.storage.system import is_stand_in
from w2v_cli.storage.urls import is_url


class Input(NamedTuple):
    """What a look at one text has found: its status, if there is one, and why it cannot be read, if it cannot."""

    path: str
    status: os.stat_result | None
    problem: CorpusError | None

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, which has a size and can be read again."""
        return self.path != STDIN and self.status is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def size(self) -> int:
        """Bytes on disk; 0 for what is not a regular file."""
        return self.status.st_size if self.status is not None and self.is_file else 0


def is_nameless(path: str) -> bool:
    """Whether a file has no name in any folder. It holds sentences from Python, whose tokens may be any text."""
    return is_stand_in(path) or (path.startswith("/dev/fd/") and os.stat(path).st_nlink == 0)


def is_open_already(path: str) -> bool:
    """Whether a path means a file that only this process has open: sentences from Python, or a pipe of the shell."""
    return path.startswith("/dev/fd/") or is_stand_in(path)


def is_piped(path: str) -> bool:
    """Whether a text has no name of its own: stdin, or the output of another command."""
    return path == STDIN or is_open_already(path) or path.startswith(("/dev/stdin", "/proc/self/fd/"))


def inspected(path: str) -> Input:
    """Look at a text, and open it if it is a regular file; opening a FIFO would take its writer's only reader away."""
    status, problem = None, None
    try:
        status = status_of(path)
        if path == STDIN:
            pass
        elif stat.S_ISDIR(status.st_mode):
            problem = CorpusError(f"{path} is a directory", hint="name its files, such as FOLDER/*.txt")
        # The status of a URL has shown already that the object can be reached.
        elif stat.S_ISREG(status.st_mode) and not is_url(path):
            open_input(path).__exit__(None, None, None)
    except OSError as error:
        if path != STDIN:
            problem = _unreadable(path, error)
        elif error.errno == errno.EBADF:
            problem = CorpusError("stdin is closed", hint="pipe a text into it, or name files")
    return Input(path, status, problem)


def opened(path: str) -> AbstractContextManager[IO[bytes]]:
    """Open a text for reading bytes.

    Raises
    ------
    CorpusError
        If it cannot be opened.
    """
    try:
        return open_input(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> CorpusError:
    # A URL with one slash is the path of a file.
    lost = re.match(r"(\w+):/(?!/)", path)
    hint = missing_hint(path, error) if lost is None else f"a URL has two slashes: {lost[1]}://{path[lost.end() :]}"
    return CorpusError(f"{name_of(path)} cannot be read: {error.strerror or error}", hint=hint)


def state_of(path: str, raw: IO[bytes]) -> object:
    """Return the length and the time of change of a regular file, which tell whether it is still being written."""
    if is_url(path):
        try:
            return remote.version(path)
        except OSError as error:
            raise _unreadable(path, error) from error
    try:
        status = os.fstat(raw.fileno())
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def bytes_read_of(raw: IO[bytes], offset: int) -> int:
    """Return how far a file has been read; a pipe cannot tell, so there it is how much text has come out."""
    try:
        return raw.tell()
    except OSError:
        return offset
