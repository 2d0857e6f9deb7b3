"""The check that no output of a command overwrites one of its inputs, or another of its outputs.

Every command, and the Python API, names all its outputs and inputs here before it opens any of them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from w2v_cli.errors import ConfigError
from w2v_cli.storage import remote
from w2v_cli.storage.opening import status_of
from w2v_cli.storage.urls import absolute_path, is_url, local_path


class Named(NamedTuple):
    """A file that a command reads or writes.

    Attributes
    ----------
    path : where it is; for an input, `-` is stdin.
    what : what it is to the command, as a noun for an error message.
    status : the file's `os.stat`, if the caller already has it; otherwise None.
    hint : for an input, what to do if an output would overwrite it.
    """

    path: str
    what: str
    status: os.stat_result | None = None
    hint: str = "name another output"

    def __str__(self) -> str:
        return f"{self.path} ({self.what})"


def require_apart(outputs: Sequence[Named], inputs: Sequence[Named] = ()) -> None:
    """Refuse an output that is also an input, or that is also another output.

    Files are compared by device and inode, so links, `./x` for `x`, and names that differ only in case on a file system
    that ignores case are all seen through, and so are URLs of files on this machine. Files that do not exist yet are
    compared by their real paths, and other URLs by what they name, so that `s3a://b/k` is `s3://b/k`.

    Parameters
    ----------
    outputs : every file that may be written, including those whose names the user did not give.
    inputs : every file that is read.

    Raises
    ------
    ConfigError
        If two of them are the same file; names both.
    """
    written = [(output, _identity_of_output(output)) for output in outputs]
    read = [(source, _identity(source)) for source in inputs]
    for (output, identity), (source, its_identity) in itertools.product(written, read):
        if identity == its_identity:
            raise ConfigError(f"{output} would overwrite {source}", hint=source.hint)
    for (one, identity), (other, its_identity) in itertools.combinations(written, 2):
        if identity == its_identity:
            raise ConfigError(f"{one} and {other} are the same file", hint=one.hint)


def would_overwrite(output: str | os.PathLike[str], source: str) -> bool:
    """Return whether an output is the same file as an input."""
    return _identity_of_output(Named(os.fspath(output), "the output")) == _identity(Named(source, "the input"))


def _identity_of_output(output: Named) -> Hashable:
    """Return the identity of an output: if it is called `-` it is a file of that name, not stdin."""
    return _identity(output._replace(path=absolute_path(output.path)))


def _identity(file: Named) -> Hashable:
    """Return what all paths of a file have in common: its device and inode, or the real path if it does not exist."""
    if is_url(file.path):
        return remote.identity(file.path)
    try:
        status = file.status or status_of(file.path)
    except OSError:
        return os.path.realpath(local_path(file.path))
    return status.st_dev, status.st_ino
