"""The control groups of this process on Linux, such as a container's, which limit its memory and processor time.

A limit may be set on the process's own group or on any group above it, and the tightest one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

MEMBERSHIP, MOUNTED = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


class Group(NamedTuple):
    """A control group that may set limits: the folder of its files, and the version of its hierarchy, 1 or 2."""

    folder: Path
    version: int


def groups_of(controller: str, membership: Path = MEMBERSHIP, mounted: Path = MOUNTED) -> Iterator[Group]:
    """Yield the process's own group and all those above it, in every hierarchy that may limit `controller`.

    Some may not exist: inside a container, the names above its own group may be missing, and its own group may be the
    mount point.

    Parameters
    ----------
    controller : what is limited, such as memory or cpu.
    membership : file with a line "number:controllers:group" for each hierarchy; version 2 names no controllers.
    mounted : where version 2 is mounted. Version 1 has a folder there for each set of controllers.
    """
    with suppress(OSError, ValueError):
        for line in membership.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            parts = [part for part in group.split("/") if part]
            for depth in range(len(parts) + 1):
                yield Group(mounted.joinpath(controllers, *parts[:depth]), 1 if controllers else 2)


def group_cores(membership: Path = MEMBERSHIP, mounted: Path = MOUNTED) -> int | None:
    """Return how many threads suit the processor time that the control groups allow; None without a limit.

    It is rounded: with 1.5 processors, two threads that the system pauses for a quarter of the time do more than one
    that it never pauses, but with 1.1 they do less (measured: help/design.md, "How many threads").
    """
    quotas = (_quota(*group) for group in groups_of("cpu", membership, mounted))
    return min((max(int(quota + 0.5), 1) for quota in quotas if quota is not None), default=None)


def _quota(folder: Path, version: int) -> float | None:
    """Return how many processors' time one control group allows; None if it has no limit."""
    try:
        if version == 2:
            allowed, period = (folder / "cpu.max").read_text().split()
        else:
            allowed, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        quota = int(allowed) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # there is no such group, or its limit is "max"
    # Version 1 writes −1 for no limit.
    return quota if quota > 0 else None
