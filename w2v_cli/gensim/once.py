"""Warnings about what gensim has and w2v does otherwise, each given once."""

from __future__ import annotations

import warnings

_given: set[str] = set()


def warn_once(message: str) -> None:
    """Warn the caller of the method that calls this, unless the same was said before."""
    if message not in _given:
        _given.add(message)
        warnings.warn(message, UserWarning, stacklevel=3)
