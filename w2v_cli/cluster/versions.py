"""What must be the same on all nodes of a cluster."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping

import numpy as np

from w2v_cli import __version__
from w2v_cli.errors import TrainingError


def versions() -> dict[str, str]:
    """Return the versions that must be the same on all nodes."""
    return {"Python": ".".join(platform.python_version_tuple()[:2]), "w2v": __version__, "numpy": np.__version__}


def require_agreeing(nodes: Iterable[tuple[str, Mapping[str, str]]]) -> None:
    """Refuse nodes with different versions.

    Parameters
    ----------
    nodes : the host of each, and its versions.

    Raises
    ------
    TrainingError
        If a node has another version of something than this machine.
    """
    own = versions()
    for host, found in nodes:
        different = [f"{name} {found.get(name)} instead of {own[name]}" for name in own if found.get(name) != own[name]]
        if different:
            raise TrainingError(
                f"the node {host} has {', '.join(different)}", hint="install the same versions on all nodes"
            )
