"""Memory: how much is available, and how much a run needs at its peak."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from w2v_cli.config import TrainConfig
from w2v_cli.control_groups import MEMBERSHIP, MOUNTED, groups_of
from w2v_cli.engines.parameters import parameter_bytes
from w2v_cli.errors import TrainingError
from w2v_cli.subwords.lengths import subwords_of

# Memory of a worker: its windows without their noise words, and the scratch buffer for up to some hundred noise words.
# With thousands of them the scratch buffer is larger.
WORKER_BYTES = 2 << 20
# How much of a table is copied at a time while it is written.
SAVE_BYTES = 1 << 24
_NEED_LESS = "lower --dim, raise --min-count or set --max-vocab"
_HALF = "; --table float16 takes half"
_NEED_FEWER_ROWS = "lower --buckets or --dim; floret does with 50,000 buckets"


class Tables(NamedTuple):
    """The tables of a run, for messages: a plural noun for them, their size in bytes, and how they become smaller."""

    what: str
    size: int
    hint: str = _NEED_LESS


def rows_of(config: TrainConfig, words: int) -> tuple[int, int]:
    """Return how many rows the input table and the output table of a run have, given the number of its words.

    Raises
    ------
    ConfigError
        If there are more rows than int32 can number.
    """
    subwords = subwords_of(config)
    # A Huffman tree with V leaves has V − 1 nodes.
    return words if subwords is None else subwords.table_rows(words), words - (config.loss == "hs")


def tables_of(config: TrainConfig, words: int) -> Tables:
    """Return the tables that a run with a vocabulary of that many words trains or computes.

    Raises
    ------
    ConfigError
        If there are more rows than int32 can number.
    """
    inputs, outputs = rows_of(config, words)
    # With a tree, the output vectors of the words are computed in the end, beside its nodes.
    summed = words if config.loss == "hs" and config.subwords is None else 0
    size = parameter_bytes(inputs + outputs + summed, config.dim, config.table)
    half = _HALF if config.table == "float32" and config.loss != "softmax" else ""
    if config.subwords is None:
        return Tables(f"{words:,} words × {config.dim} dimensions", size, _NEED_LESS + half)
    return Tables(f"{inputs:,} rows of words and their parts × {config.dim} dimensions", size, _NEED_FEWER_ROWS + half)


def require_memory(tables: Tables) -> None:
    """Refuse tables that do not fit into memory.

    Raises
    ------
    TrainingError
        If fewer bytes are available than they take.
    """
    available = available_memory()
    if available is not None and tables.size > available:
        raise TrainingError(
            f"{tables.what} take {size_text(tables.size)} of memory and {size_text(available)} are available",
            hint=tables.hint,
        )


@contextmanager
def telling_memory(tables: Tables) -> Iterator[None]:
    """Turn a MemoryError within the block into a TrainingError that names the size of the tables.

    Tables that passed `require_memory` can still leave too little, because steps and BLAS need memory as well.

    Raises
    ------
    TrainingError
        Instead of a MemoryError.
    """
    try:
        yield
    except MemoryError as error:
        raise TrainingError(
            f"{tables.what} take {size_text(tables.size)} of memory, and there was too little for the work on them",
            hint=tables.hint,
        ) from error


def size_text(count: int) -> str:
    """Return a number of bytes as text for people: 1.5 GiB, 300 MiB, 40 KiB."""
    if count < 2**20:
        return f"{count / 2**10:.0f} KiB"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def available_memory() -> int | None:
    """Return how many bytes this process can allocate without swapping, within its limits; None if unknown."""
    limits = [limit for limit in (_machine_memory(), group_memory(), _address_space()) if limit is not None]
    return min(limits, default=None)


def peak_after(more: int) -> int:
    """Return the peak of resident memory, in bytes, after `more` bytes have been allocated in addition."""
    return max(resident_bytes() + more, peak_bytes())


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes, its peak if the current value is unknown, or 0."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return peak_bytes()


def peak_bytes() -> int:
    """Return the peak of resident memory of this process so far, in bytes; 0 if it is unknown, as on Windows."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # The unit is KiB on Linux, bytes on macOS.
    return peak if sys.platform == "darwin" else peak * 1024


def _machine_memory() -> int | None:
    """Return how many bytes of the machine's memory are free or used only by caches; None if unknown."""
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


def group_memory(membership: Path = MEMBERSHIP, mounted: Path = MOUNTED) -> int | None:
    """Return how many bytes the control groups of this process leave, such as a container's; None without a limit.

    The file cache of a group counts as free, because the system drops it when memory is short.

    Parameters
    ----------
    membership, mounted : where the groups are found; see `control_groups.groups_of`.
    """
    free = (_free_in_group(*group) for group in groups_of("memory", membership, mounted))
    return min((count for count in free if count is not None), default=None)


def _free_in_group(folder: Path, version: int) -> int | None:
    """Return how many bytes the limit of one control group leaves; None if it has no limit."""
    limit, usage, prefix = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        2: ("memory.max", "memory.current", ""),
    }[version]
    try:
        facts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cache = int(facts[f"{prefix}inactive_file"]) + int(facts[f"{prefix}active_file"])
        return int((folder / limit).read_text()) - int((folder / usage).read_text()) + cache
    except (OSError, ValueError, KeyError):
        return None  # there is no such group, or its limit is "max"


def _address_space() -> int | None:
    """Return how many bytes of address space RLIMIT_AS (`ulimit -v`) leaves; None without a limit."""
    try:
        import resource
    except ImportError:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        return limit - int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return limit
