"""Warn about arguments of gensim's calls that have no effect in w2v, once in a process each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from w2v_cli.gensim.once import warn_once


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
