"""Memory: how much there is, and how much a run will have taken at its peak."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from w2v_cli.errors import TrainingError

# Of a worker: its windows without their noise words, and the scratch of up to some hundred noise words; with thousands
# it is larger than that (`kernels.scratch_sizes`).
WORKER_BYTES = 2 << 20
# What is copied of a table at a time while it is written.
SAVE_BYTES = 1 << 24
_NEED_LESS = "lower --dim, raise --min-count or set --max-vocab"


def require_memory(needed: int, what: str) -> None:
    """Refuse what will not fit.

    Raises
    ------
    TrainingError
        If fewer bytes are available than `needed`.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise TrainingError(
            f"{what} take {size_text(needed)} of memory and {size_text(available)} are available", hint=_NEED_LESS
        )


@contextmanager
def telling_memory(needed: int, what: str) -> Iterator[None]:
    """Within, memory that runs out is an error that tells what the tables take; steps and BLAS want some on top.

    Raises
    ------
    TrainingError
        In place of a MemoryError.
    """
    try:
        yield
    except MemoryError as error:
        raise TrainingError(
            f"{what} take {size_text(needed)} of memory, and there was too little for the work on them", hint=_NEED_LESS
        ) from error


def size_text(count: int) -> str:
    """Bytes as a person says them: 1.5 GiB, 300 MiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, within the limits of the process; None where nobody says."""
    limits = [limit for limit in (_machine_memory(), group_memory(), _address_space()) if limit is not None]
    return min(limits, default=None)


def peak_after(more: int) -> int:
    """The most memory that the process will have had resident when so many bytes more have been, bytes."""
    return max(resident_bytes() + more, peak_bytes())


def resident_bytes() -> int:
    """Memory that this process has resident now, bytes; its peak where the system tells no more."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return peak_bytes()


def peak_bytes() -> int:
    """The most memory that this process has had resident, bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024


def _machine_memory() -> int | None:
    """Memory of the machine that nobody uses, or that can be taken from caches."""
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def group_memory(membership: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that the control groups of this process leave, as those of a container; None if none has a limit.

    A limit may be set on the process's own group or on any above it, and its file cache gives way.

    Parameters
    ----------
    membership : a line "number:controllers:group" for each hierarchy; of version 2 without controllers.
    mounted : where version 2 is mounted, and version 1 with a folder for each set of controllers.
    """
    rooms = []
    with suppress(OSError, ValueError):
        for line in membership.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            # Inside a container the names above its own group may be missing, and that one be what is mounted.
            parts = [part for part in group.split("/") if part]
            for depth in range(len(parts) + 1):
                rooms.append(_room_of_group(mounted.joinpath(controllers, *parts[:depth]), 1 if controllers else 2))
    return min((room for room in rooms if room is not None), default=None)


def _room_of_group(folder: Path, version: int) -> int | None:
    """What the limit of one control group leaves; None if it has none."""
    limit, usage, prefix = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        2: ("memory.max", "memory.current", ""),
    }[version]
    try:
        facts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cache = int(facts[f"{prefix}inactive_file"]) + int(facts[f"{prefix}active_file"])
        return int((folder / limit).read_text()) - int((folder / usage).read_text()) + cache
    except (OSError, ValueError, KeyError):
        return None  # no such group, or "max"


def _address_space() -> int | None:
    """What RLIMIT_AS leaves (`ulimit -v`)."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        return limit - int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return limit
