"""Which files a command writes: none of them may be a file that it reads, and no two may be the same file.

Every command, and the Python API, states all its outputs and inputs here before it opens any of them.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from w2v_cli.errors import ConfigError
from w2v_cli.storage.opening import STDIN


class Named(NamedTuple):
    """A file, and what it is to the command, as a noun for an error message."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path} ({self.what})"


def require_apart(outputs: Sequence[Named], inputs: Sequence[Named] = ()) -> None:
    """Refuse an output that is also an input, or that is also another output.

    Two paths are compared as files, so that links, `./x` for `x`, and names that differ only in case do not hide that
    they are the same. Files that do not exist yet are compared by their real paths.

    Parameters
    ----------
    outputs : all files that may be written, including those whose names the user did not give.
    inputs : all files that are read; `-` is stdin.

    Raises
    ------
    ConfigError
        If two are the same file; names both.
    """
    hint = "name another output"
    # An output named `-` is a file of that name here, not stdin.
    written = [(output, _identity(os.path.abspath(output.path))) for output in outputs]
    for output, identity in written:
        for read in inputs:
            if _identity(read.path) == identity:
                raise ConfigError(f"{output} would overwrite {read}", hint=hint)
    for (one, identity), (other, its_identity) in itertools.combinations(written, 2):
        if identity == its_identity:
            raise ConfigError(f"{one} and {other} are the same file", hint=hint)


def _identity(path: str) -> tuple[int, int] | str:
    """What all paths of a file have in common: its device and inode, or the real path of what is not there yet."""
    try:
        status = os.fstat(sys.stdin.fileno()) if path == STDIN else os.stat(path)
    except (OSError, AttributeError):  # there is no such file; stdin is closed, or not a file
        return os.path.realpath(path)
    return status.st_dev, status.st_ino
