"""numba where there is one, plain Python where there is not: the only place that asks.

A function decorated with `compiled` is a numba function, or itself. Code under it is written so that both
mean the same, down to the last bit of the random stream.
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
    """numba, also with NUMBA_NUM_THREADS=0, with which it does not import: nothing here runs on its threads."""
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    if not re.fullmatch(r"\s*(0+|-[0-9]+)\s*", asked):
        return importlib.import_module("numba")
    os.environ["NUMBA_NUM_THREADS"] = "1"
    try:
        return importlib.import_module("numba")
    finally:
        os.environ["NUMBA_NUM_THREADS"] = asked


numba: Any = None
# A clause that says why nothing is compiled; None if it is.
WHY_NOT_COMPILED: str | None = None
try:
    numba = _import_numba()
except Exception as error:  # numba raises SystemError, ImportError, … on a Python or numpy it does not know
    WHY_NOT_COMPILED = f"numba does not import ({type(error).__name__}: {error})"
else:
    if numba.config.DISABLE_JIT:
        WHY_NOT_COMPILED = "NUMBA_DISABLE_JIT is set"

COMPILES = WHY_NOT_COMPILED is None

if COMPILES:
    from w2v_cli.compute.code_cache import CodeCache, listening, why_not_kept


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function with numba (no GIL, cached on disk), or return it unchanged without numba.

    Parameters
    ----------
    function : the function, when used as a bare decorator.
    options : further options of `numba.njit`, such as `fastmath`.
    """
    if function is None:
        return lambda f: compiled(f, **options)
    if not COMPILES:
        return function
    # error_model: a test for a zero divisor would keep loops from being vectorised.
    dispatcher = numba.njit(**{"nogil": True, "error_model": "numpy", **options})(function)
    dispatcher._cache = CodeCache(function, _sources_digest())
    return dispatcher


@contextmanager
def told_of_compiling(begins: Callable[[], None], not_kept: Callable[[str], None]) -> Iterator[None]:
    """Within, `begins` is called when a function has to be compiled; `not_kept` at the end, if the code is on no disk.

    Parameters
    ----------
    not_kept : gets the reason, as a clause.
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
    """sha256 of every source that a compiled function may take code or a constant from: all but the command line.

    A file need not know of compiling for that: a constant is compiled into each function that uses it.
    """
    package = Path(__file__).parents[1]
    sources = sorted(path for path in package.rglob("*.py") if path.parent.name != "cli")
    contents = (str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() for path in sources)
    return hashlib.sha256(b"\0".join(contents)).hexdigest()
