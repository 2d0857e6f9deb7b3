"""Memory: the printed estimate, limits that are found in advance, and tables with more than 2³¹ elements."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.engines.choose import make_step
from w2v_cli.engines.objective import make_objective
from w2v_cli.engines.parameters import padded
from w2v_cli.engines.sampling import Sample
from w2v_cli.errors import TrainingError
from w2v_cli.training import memory, trainer
from w2v_cli.training.run import train_model


def train(
    folder: Path, words: int, dim: int, *options: str, limit: int | None = None
) -> subprocess.CompletedProcess[str]:
    (folder / "corpus.txt").write_text("".join(f"w{i} w{i + 1}\n" for i in range(words - 1)))
    command = [sys.executable, "-m", "w2v_cli", "train", "corpus.txt", "--min-count", "1", "--epochs", "1", "--json"]

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    command += ["--dim", str(dim), "--threads", "2", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, preexec_fn=limited)


def estimated(done: subprocess.CompletedProcess[str]) -> int:
    """Return the number of bytes that a run said it would take."""
    found = re.search(r"Takes about ([\d.]+) (MiB|GiB) of memory, [\d.]+ (KiB|MiB|GiB) of it for", done.stderr)
    assert found is not None
    return round(float(found[1]) * {"MiB": 2**20, "GiB": 2**30}[found[2]])


@pytest.mark.parametrize(
    ("words", "dim", "options"),
    [(1000, 10, ()), (100_000, 150, ()), (20_000, 10, ("--negatives", "3000")), (100_000, 300, ("--loss", "hs"))],
)
def test_the_estimate_is_near_the_peak(tmp_path: Path, words: int, dim: int, options: tuple[str, ...]) -> None:
    done = train(tmp_path, words, dim, *options)
    assert done.returncode == 0, done.stderr
    # The largest error over a grid of runs was 7 %.
    assert estimated(done) == pytest.approx(json.loads(done.stdout)["peak_rss_bytes"], rel=0.15)


def test_the_estimate_counts_the_noise_of_the_tokens_that_subsampling_leaves(tmp_path: Path) -> None:
    # Some blocks for each thread.
    lines = (ROOT / "data" / "toyland.txt").read_text().splitlines()[:3000]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    options = ["--model", "cbow", "--negatives", "3000", "--alpha", "0.0005"]
    command = [sys.executable, "-m", "w2v_cli", "train", "text.txt", "--epochs", "1", "--json", "--threads", "2"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # If the noise words of all tokens were counted, and not of the kept ones, it would be 18 % too high instead of 1 %.
    assert estimated(done) == pytest.approx(json.loads(done.stdout)["peak_rss_bytes"], rel=0.08)


def make_group(folder: Path, version: int, limit: int | str, usage: int, cache: int) -> None:
    """Write the files of a control group as Linux shows them; half of its file cache is active."""
    folder.mkdir(parents=True, exist_ok=True)
    prefix = "total_" if version == 1 else ""
    own = "inactive_file 0\nactive_file 0\n" if version == 1 else ""
    stat = f"{prefix}inactive_file {cache // 2}\n{prefix}active_file {cache // 2}\n"
    (folder / "memory.stat").write_text(f"{own}{stat}")
    names = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}[version]
    for name, value in zip(names, (limit, usage), strict=True):
        (folder / name).write_text(f"{value}\n")


UNLIMITED_V1 = 9223372036854771712


@pytest.mark.parametrize(
    ("membership", "groups", "expected"),
    [
        ("0::/\n", {}, None),
        # A container with version 2, whose own group is the mount point.
        ("0::/\n", {"": (2, 1000, 500, 200)}, 700),
        ("0::/\n", {"": (2, "max", 500, 200)}, None),
        # The process's own group and those above it, of which the tightest limit counts.
        ("0::/a/b\n", {"a": (2, "max", 900, 0), "a/b": (2, 1000, 500, 200)}, 700),
        ("0::/a/b\n", {"a": (2, 1000, 900, 100), "a/b": (2, "max", 500, 0)}, 200),
        ("0::/a/b\n", {"a": (2, 1000, 900, 100), "a/b": (2, 600, 500, 0)}, 100),
        # The group of another process does not matter.
        ("0::/a/b\n", {"a/c": (2, 10, 5, 0)}, None),
        # Version 1, where a container may see the name that its group has outside.
        ("5:memory:/docker/1\n", {"memory": (1, 1000, 500, 200)}, 700),
        (
            "5:memory:/x/y\n4:cpu:/\n",
            {"memory": (1, UNLIMITED_V1, 5, 0), "memory/x": (1, 800, 700, 50), "memory/x/y": (1, UNLIMITED_V1, 5, 0)},
            150,
        ),
        ("5:cpu,memory:/x\n", {"cpu,memory/x": (1, 800, 700, 0)}, 100),
        # Both versions at once, with the memory in version 1.
        ("4:memory:/x\n0::/\n", {"memory/x": (1, 800, 700, 0)}, 100),
        ("no line of this kind\n", {}, None),
    ],
)
def test_the_limits_of_control_groups_are_found_wherever_they_are_set(
    tmp_path: Path, membership: str, groups: dict[str, tuple[int, int | str, int, int]], expected: int | None
) -> None:
    (tmp_path / "membership").write_text(membership)
    for name, facts in groups.items():
        make_group(tmp_path / "mounted" / name, *facts)
    assert memory.group_memory(tmp_path / "membership", tmp_path / "mounted") == expected


def test_a_system_without_control_groups_has_no_limit_of_theirs(tmp_path: Path) -> None:
    assert memory.group_memory(tmp_path / "none", tmp_path / "none") is None


def test_a_limit_of_a_control_group_is_told_with_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "group_memory", lambda: 3 << 20)
    with pytest.raises(TrainingError, match="tables take 4 MiB of memory and 3 MiB are available"):
        memory.require_memory(memory.Tables("tables", 4 << 20))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS does not bind elsewhere")
def test_a_limit_of_the_address_space_is_told_with_the_estimate(tmp_path: Path) -> None:
    done = train(tmp_path, 20_000, 100_000, limit=4 << 30)
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert re.search(r"20,000 words × 100000 dimensions take 14\.9 GiB of memory and \d\.\d GiB are", done.stderr)
    assert "Hint: lower --dim" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS does not bind elsewhere")
def test_memory_that_runs_out_in_the_midst_of_a_run_is_reported_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "corpus.txt").write_text("a b c d\n" * 9)

    def step(*arguments: object) -> None:
        np.empty(1 << 60, np.uint8)

    monkeypatch.setattr(trainer, "make_step", lambda *arguments, **options: step)
    config = TrainConfig(min_count=1, dim=2**20, engine="reference")
    with pytest.raises(TrainingError, match=r"4 words × 1048576 dimensions take 32 MiB of memory, and there was too"):
        train_model([str(tmp_path / "corpus.txt")], config, output=tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
def test_rows_beyond_two_thousand_million_elements_are_trained_in_their_place(tmp_path: Path, model: str) -> None:
    width = padded(8)
    rows = 2**31 // width + 10
    objective = make_objective(TrainConfig(model=model, dim=8), np.array([9, 5, 3, 2, 1, 1], np.int64))
    rng = np.random.default_rng(0)
    small = [rng.standard_normal((6, width)).astype(np.float32) for _ in range(2)]
    # Sparse files of 8 GiB each, of which only a few pages exist.
    large = [np.memmap(tmp_path / name, np.float32, "w+", shape=(rows, width)) for name in ("inputs", "outputs")]
    far_rows = np.arange(6, dtype=np.int32) + np.int32(rows - 6)
    ids = np.array([0, 3, 1, 5], np.int32)
    noise = np.array([[2, 4]] * 4, np.int32)
    spread, positions = np.zeros(4, np.int32), np.arange(4, dtype=np.int32)
    for table, far in zip(small, large, strict=True):
        far[far_rows] = table
    step, alphas = make_step("compiled", objective), np.full(4, 0.1)
    step(Sample(ids, spread, spread + np.int32(4), noise, positions), alphas, *small)
    step(Sample(far_rows[ids], spread, spread + np.int32(4), far_rows[noise], positions), alphas, *large)
    for table, far in zip(small, large, strict=True):
        assert np.array_equal(far[far_rows], table)
