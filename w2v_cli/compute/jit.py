"""numba where it works, plain Python where it does not: the only module that asks which.

A function decorated with `compiled`, `helper` or `inlined` is a numba function, or stays as it is. Such functions are
written so that both mean the same, down to the last bit of the random stream.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from w2v_cli.errors import W2VError

# numba would warn with a traceback, once for every process.
if not re.fullmatch(r"\s*[-+]?[0-9]*\s*", os.environ.get("NUMBA_NUM_THREADS", "")):
    raise W2VError(
        f"NUMBA_NUM_THREADS is not a whole number: {os.environ['NUMBA_NUM_THREADS']}",
        hint="unset it, or set it to a number; w2v has --threads and W2V_THREADS of its own",
    )


def _import_numba() -> Any:
    """Import numba, which refuses to import with NUMBA_NUM_THREADS=0; nothing here runs on its threads."""
    requested = os.environ.get("NUMBA_NUM_THREADS", "")
    if not re.fullmatch(r"\s*(0+|-[0-9]+)\s*", requested):
        return importlib.import_module("numba")
    os.environ["NUMBA_NUM_THREADS"] = "1"
    try:
        return importlib.import_module("numba")
    finally:
        os.environ["NUMBA_NUM_THREADS"] = requested


numba: Any = None
# A clause that says why nothing is compiled, or None if functions are compiled.
WHY_NOT_COMPILED: str | None = None
try:
    numba = _import_numba()
except Exception as error:  # numba raises SystemError, ImportError, … on a Python or numpy that it does not know
    WHY_NOT_COMPILED = f"numba does not import ({type(error).__name__}: {error})"
else:
    if numba.config.DISABLE_JIT:
        WHY_NOT_COMPILED = "NUMBA_DISABLE_JIT is set"

COMPILES = WHY_NOT_COMPILED is None

if COMPILES:
    from w2v_cli.compute.code_cache import CodeCache, listening, why_not_kept

# With numba's own error model, a test for a zero divisor would keep loops from being vectorised.
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that Python calls: without the GIL, and cached on disk. Without numba, return it unchanged."""
    if not COMPILES:
        return function
    dispatcher = numba.njit(**_OPTIONS)(function)
    dispatcher._cache = CodeCache(function, _sources_digest())
    return dispatcher


def helper(function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function that only compiled functions call. Without numba, return it unchanged.

    It becomes part of its callers' code, so it needs neither a file of its own in the cache nor the wrappers through
    which Python and C call a function.

    Parameters
    ----------
    options : more options of `numba.njit`.
    """
    if not COMPILES:
        return function
    return numba.njit(**_OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a helper as lines of its caller: for helpers that are used once, or whose arguments are NamedTuples.

    Every use adds to the time that compiling takes, but passing a NamedTuple on, field by field, would add more.
    """
    return helper(function, inline="always")


@contextmanager
def told_of_compiling(begins: Callable[[], None], not_kept: Callable[[str], None]) -> Iterator[None]:
    """Call `begins` whenever a function has to be compiled, and `not_kept` at the end if the code could not be saved.

    Parameters
    ----------
    not_kept : receives the reason, as a clause.
    """
    if not COMPILES:
        yield
        return
    with listening(begins):
        yield
    if why := why_not_kept():
        not_kept(why)


@functools.cache
def _sources_digest() -> str:
    """Return the sha256 of every source that may end up in a compiled function: all but the command line's.

    Constants are compiled into the functions that use them, so a module matters even if nothing in it is compiled.
    """
    package = Path(__file__).parents[1]
    sources = sorted(path for path in package.rglob("*.py") if path.parent.name != "cli")
    contents = (str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() for path in sources)
    return hashlib.sha256(b"\0".join(contents)).hexdigest()
