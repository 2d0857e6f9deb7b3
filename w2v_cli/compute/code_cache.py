"""Compiled functions on disk, so that the next run need not compile them again.

There is one file for each function, signature, processor and version of the sources. It begins with a digest of its
content, because damaged code would crash the process. If anything is wrong with a file, its function is compiled again
and the file is replaced.

numba has a cache of its own, but it trusts what it reads, and two processes that compile a function for different types
at the same time can get each other's code from it.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

_PACKAGE = Path(__file__).parents[1]
_DIGEST_BYTES = 32

_listeners: list[Callable[[], None]] = []
_failures: list[str] = []


class CodeCache(NullCache):
    """The cache of one function, with the interface that numba's dispatchers expect.

    Parameters
    ----------
    function : the function to compile.
    sources : a digest of all the code that may end up in it.
    """

    def __init__(self, function: Callable[..., Any], sources: str) -> None:
        # Windows has no flags.
        python = sys.implementation.cache_tag + getattr(sys, "abiflags", "")
        self._name = f"{function.__module__}.{function.__qualname__}.{python}"
        self._version = _digest(f"{sources} {numba.__version__} {llvmlite.__version__}".encode()).hex()[:16]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the function compiled for a signature, or tell the listeners and return None if there is none."""
        target_context.refresh()
        name = self._file_name(sig, target_context)
        for folder in cache_folders():
            # Whatever is wrong with a file, the function can be compiled again.
            with suppress(Exception):
                content = (folder / name).read_bytes()
                digest, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
                if digest == _digest(name.encode() + code):
                    return CompileResult._rebuild(target_context, *pickle.loads(code))
        for listener in _listeners:
            listener()
        return None

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Write a compiled function into the first folder that allows it; if none does, `why_not_kept` says why."""
        if cres.library.has_dynamic_globals:
            # The code contains addresses that are valid in this process only: another one would crash.
            return
        name = self._file_name(sig, cres.target_context)
        code = dumps(cres._reduce())
        failures = []
        for folder in cache_folders():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _replace(folder / name, _digest(name.encode() + code) + code)
            except OSError as error:
                failures.append(f"{folder}: {error.strerror or error}")
            else:
                self._remove_outdated(folder)
                return
        _failures[:] = failures

    def _file_name(self, sig: Any, target_context: Any) -> str:
        """Return the name of the file for a signature, which depends on the processor and its features too."""
        key = _digest(repr((sig, target_context.codegen().magic_tuple())).encode()).hex()[:16]
        return f"{self._name}.{self._version}.{key}.nbc"

    def _remove_outdated(self, folder: Path) -> None:
        """Remove this function's files that were compiled from other sources: they would never be read again."""
        for path in folder.glob(f"{self._name}.*.nbc"):
            if not path.name.startswith(f"{self._name}.{self._version}."):
                with suppress(OSError):
                    path.unlink()


@cache
def cache_folders() -> list[Path]:
    """Return the folders in which compiled code is looked for; it is saved in the first that can be written.

    If NUMBA_CACHE_DIR is set, it is the only one. Otherwise they are the package's folder and the user's cache folder.
    """
    # Two installations must not remove each other's files as outdated.
    name = f"w2v_cli_{_digest(os.fsencode(_PACKAGE)).hex()[:16]}"
    chosen: str = vars(config)["CACHE_DIR"]
    if chosen:
        return [Path(chosen, name).absolute()]
    user = Path(AppDirs("numba", appauthor=False).user_cache_dir, name)
    # Without a home directory, the path would be relative: a folder called "~" in the current one.
    return [_PACKAGE / "__pycache__", *([user] if user.is_absolute() else [])]


@contextmanager
def listening(listener: Callable[[], None]) -> Iterator[None]:
    """Call `listener` whenever a function has to be compiled."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def why_not_kept() -> str | None:
    """Return why a compiled function could not be saved, folder by folder, or None if all could be."""
    return "; ".join(_failures) or None


def _replace(path: Path, content: bytes) -> None:
    """Replace a file at once, so that readers find the old or the new content whole while other processes write it."""
    temporary = path.with_name(f"{path.name}-{secrets.token_hex(6)}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
