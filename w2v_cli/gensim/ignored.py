"""Warn about what gensim's callers ask for and w2v has no use for, once in a process each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

_WARNED: set[str] = set()


def warn_once(message: str, stacklevel: int = 3) -> None:
    """Warn, unless this process has had the same warning before."""
    if message not in _WARNED:
        _WARNED.add(message)
        warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)


def warn_of_ignored(what: str, given: Mapping[str, Any], usual: Mapping[str, Any]) -> None:
    """Warn of each argument of a call that has no effect, and has another value than usual.

    Parameters
    ----------
    what : the name of the call.
    usual : the value that each argument without effect has by default.
    """
    for name, default in usual.items():
        if given.get(name, default) not in (default, None):
            warn_once(f"{what} ignores {name}: it has no effect on w2v's engine", stacklevel=4)
