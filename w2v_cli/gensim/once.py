"""Warnings about what gensim has and w2v does otherwise, each given once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

_given: set[str] = set()


def warn_once(message: str) -> None:
    """Warn the caller of the method that calls this, unless the same was said before."""
    if message not in _given:
        _given.add(message)
        warnings.warn(message, UserWarning, stacklevel=3)


def warn_of_ignored(what: str, given: Mapping[str, Any], usual: Mapping[str, Any]) -> None:
    """Warn of each argument of a call that has no effect, and has another value than usual.

    Parameters
    ----------
    what : the name of the call.
    usual : the value that each argument without effect has by default.
    """
    for name, default in usual.items():
        if given.get(name, default) not in (default, None):
            warn_once(f"{what} ignores {name}: it has no effect on w2v's engine")
