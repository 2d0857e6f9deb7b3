"""How many threads a container's processor time is worth, with control groups as Linux shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from w2v_cli import config, control_groups
from w2v_cli.config import TrainConfig, available_cores
from w2v_cli.control_groups import group_cores


def make_group(folder: Path, limit: str) -> None:
    """Write the files of a control group: version 1 if the limit names no period."""
    folder.mkdir(parents=True, exist_ok=True)
    if " " in limit:
        (folder / "cpu.max").write_text(f"{limit}\n")
    else:
        (folder / "cpu.cfs_quota_us").write_text(f"{limit}\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")


@pytest.mark.parametrize(
    ("membership", "groups", "expected"),
    [
        ("0::/\n", {}, None),
        # A container with version 2, whose own group is the mount point.
        ("0::/\n", {"": "400000 100000"}, 4),
        ("0::/\n", {"": "max 100000"}, None),
        ("0::/\n", {"": "100000 50000"}, 2),
        # A half of a processor and more counts as a whole one.
        ("0::/\n", {"": "150000 100000"}, 2),
        ("0::/\n", {"": "140000 100000"}, 1),
        ("0::/\n", {"": "10000 100000"}, 1),
        # The process's own group and those above it, of which the tightest limit counts.
        ("0::/a/b\n", {"": "max 100000", "a": "300000 100000", "a/b": "500000 100000"}, 3),
        ("0::/a/b\n", {"a": "900000 100000", "a/b": "120000 40000"}, 3),
        ("0::/a/b\n", {"a": "900000 100000", "a/b": "max 100000"}, 9),
        # The group of another process does not matter.
        ("0::/a/b\n", {"a/c": "100000 100000"}, None),
        # Version 1, where a container may see the name that its group has outside.
        ("5:cpu,cpuacct:/docker/1\n", {"cpu,cpuacct": "250000"}, 3),
        ("5:cpu:/x/y\n4:memory:/\n", {"cpu": "-1", "cpu/x": "200000", "cpu/x/y": "-1"}, 2),
        ("5:cpu:/x\n", {"cpu": "-1", "cpu/x": "-1"}, None),
        # A set of processors is no limit of their time; the affinity of the process shows it.
        ("5:cpuset:/x\n", {"cpuset/x": "200000"}, None),
        # Both versions at once.
        ("4:cpu:/x\n0::/y\n", {"cpu/x": "300000", "y": "200000 100000"}, 2),
        # What no kernel writes is no limit.
        ("0::/\n", {"": "many 100000"}, None),
        ("0::/\n", {"": "100000 0"}, None),
        ("no line of this kind\n", {"": "100000 100000"}, None),
    ],
)
def test_the_processor_time_of_control_groups_is_found_wherever_it_is_limited(
    tmp_path: Path, membership: str, groups: dict[str, str], expected: int | None
) -> None:
    (tmp_path / "membership").write_text(membership)
    for name, limit in groups.items():
        make_group(tmp_path / "mounted" / name, limit)
    assert group_cores(tmp_path / "membership", tmp_path / "mounted") == expected


def test_a_system_without_control_groups_has_no_limit_of_theirs(tmp_path: Path) -> None:
    assert group_cores(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize(("processors", "allowed", "threads"), [(8, None, 8), (8, 3, 3), (2, 16, 2)])
def test_threads_default_to_what_the_container_may_use(
    monkeypatch: pytest.MonkeyPatch, processors: int, allowed: int | None, threads: int
) -> None:
    monkeypatch.setattr(config.os, "sched_getaffinity", lambda process: range(processors), raising=False)
    monkeypatch.setattr(config, "group_cores", lambda: allowed)
    assert available_cores() == threads
    assert TrainConfig().thread_count == threads
    assert TrainConfig(threads=5).thread_count == 5


def test_this_system_can_be_asked() -> None:
    assert (group_cores() or 1) >= 1 and control_groups.MOUNTED.is_absolute()
