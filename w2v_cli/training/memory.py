"""Memory: how much there is, and how much a run will have taken at its peak."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from w2v_cli.errors import TrainingError

if TYPE_CHECKING:
    from w2v_cli.training.trainer import Trainer

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
            f"{what} take {_size(needed)} of memory and {_size(available)} are available", hint=_NEED_LESS
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
            f"{what} take {_size(needed)} of memory, and there was too little for the work on them", hint=_NEED_LESS
        ) from error


def _size(count: int) -> str:
    """Bytes as a person says them."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, within the limits of the process; None where nobody says."""
    limits = [limit for limit in (_machine_memory(), _group_memory(), _address_space()) if limit is not None]
    return min(limits, default=None)


def estimated_peak(trainer: Trainer) -> int:
    """The most memory that the process will have had resident when the run has ended, bytes.

    What is resident now is measured, after the trial steps: the program, the vocabulary and all of the parameters.
    """
    copied = min(trainer.parameters.input_vectors.nbytes, SAVE_BYTES)
    noise = trainer.schedule.span(0)[1] // trainer.sampler.step_windows * trainer.sampler.negatives * 4
    later = trainer.workers * (WORKER_BYTES + noise) + copied + trainer.corpus.boundary_bytes + trainer.work_bytes
    return max(resident_bytes() + later, peak_bytes())


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


def _group_memory() -> int | None:
    """What the control group of a container leaves; its file cache gives way."""
    try:
        folder = Path("/sys/fs/cgroup")
        facts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return int((folder / "memory.max").read_text()) - int(facts["anon"])
    except (OSError, ValueError, KeyError):
        return None  # no group, or no limit


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
