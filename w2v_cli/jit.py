"""numba where there is one, plain Python where there is not: the only place that asks.

A function decorated with `compiled` is a numba function, or itself. Code under it is written so that both
mean the same, down to the last bit of the random stream.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

numba: Any
try:
    import numba
except Exception as error:  # numba raises SystemError, ImportError, … on a Python or numpy it does not know
    numba = None
    WHY_NOT_COMPILED: str | None = f"{type(error).__name__}: {error}"
else:
    WHY_NOT_COMPILED = None

COMPILES = numba is not None


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function with numba (no GIL, cached on disk), or return it unchanged without numba.

    Parameters
    ----------
    function : the function, when used as a bare decorator.
    options : further options of `numba.njit`, such as `fastmath`.
    """
    if function is None:
        return lambda f: compiled(f, **options)
    if numba is None:
        return function
    # error_model: a test for a zero divisor would keep loops from being vectorised.
    settings = {"nogil": True, "error_model": "numpy", **options}
    try:
        dispatcher = numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # no folder for the cache can be written: compile every time
        return numba.njit(**settings)(function)
    # numba's cache looks at the function's own file, and would miss a change in what it calls in another one.
    dispatcher._cache._cache_file._source_stamp = _sources_digest(os.path.dirname(function.__code__.co_filename))
    return dispatcher


@functools.cache
def _sources_digest(folder: str) -> str:
    """sha256 of those files of a folder, and of this one, that have to do with compiling."""
    folders = dict.fromkeys((folder, os.path.dirname(__file__)))
    sources = [path.read_bytes() for place in folders for path in sorted(Path(place).glob("*.py"))]
    return hashlib.sha256(b"".join(text for text in sources if b"numba" in text or b"compiled" in text)).hexdigest()
