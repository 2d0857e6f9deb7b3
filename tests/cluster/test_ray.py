"""Replicas on a local Ray cluster, in a network namespace with loopback alone, so that nothing can reach out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from w2v_cli.cluster import ray
from w2v_cli.cluster.local import LocalCluster
from w2v_cli.cluster.ray import RayCluster
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.spool import FILE_NAMES
from w2v_cli.errors import ConfigError, MissingExtraError
from w2v_cli.training.run import train_model

ROOT = Path(__file__).parents[2]
NAMESPACE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
OPTIONS = ["--dim", "8", "--min-count", "1", "--subsample", "0", "--threads", "1"]
TRAIN = ("-m", "w2v_cli", "train", "corpus.txt", *OPTIONS, "--cluster", "ray")
# Two processes on this machine count parts of the text, as if they were nodes.
COUNTED_BY_TWO = """
from w2v_cli.cluster.ray import RayCluster
from w2v_cli.config import TrainConfig
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import train_model

class Teller(Observer):
    def remark(self, message):
        print(message, flush=True)

config = TrainConfig(dim=8, min_count=1, subsample=0.0, threads=1, epochs=1)
machine = RayCluster(1, counters=2, part_bytes=100_000)
train_model(["corpus.txt"], config, output="cluster", observer=Teller(), machine=machine, checkpoint="run")
"""
Start = Callable[..., "subprocess.Popen[str]"]


def why_not() -> str | None:
    """Return why Ray cannot be tested here."""
    if find_spec("ray") is None:
        return "ray is not here (it is in the extra cluster)"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return "unshare or ip is not here, so Ray could reach the network"
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        return "no network namespace may be made here, so Ray could reach the network"
    return None


needs_ray = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Change to a folder with a text of 12 blocks; return a function that starts w2v train on a local cluster."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    rng = np.random.default_rng(1)
    words = np.minimum(rng.geometric(0.05, (12_000, 10)), 300)
    Path("corpus.txt").write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.tolist()))
    home = tmp_path / "home"
    home.mkdir()
    (home / "ray_bootstrap_config.yaml").touch()
    # Compiled code lies in the folder of the package, or else under HOME.
    environment = os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT)}

    def starts(*arguments: str, program: tuple[str, ...] = TRAIN) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*NAMESPACE, sys.executable, *program, *arguments],
            env=environment,
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return starts


def wait_for(process: subprocess.Popen[str], phrase: str) -> str:
    """Read what a run says until it says something; return that line."""
    assert process.stderr is not None
    heard = []
    for line in process.stderr:
        heard.append(line)
        if phrase in line:
            return line
    raise AssertionError("".join(heard))


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes of replicas in the namespace of a run."""
    space = os.readlink(f"/proc/{process.pid}/ns/net")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray::Worker" in (folder / "cmdline").read_bytes() and os.readlink(folder / "ns/net") == space:
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


@needs_ray
@pytest.mark.parametrize("replicas", [1, 2])
def test_the_model_is_that_of_one_machine_or_of_replicas_in_turn(start: Start, replicas: int) -> None:
    more = ["--epochs", "2", "--replicas", str(replicas), "--merge-every", "10000", "--json", "-o", "cluster"]
    with start(*more) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert json.loads(out)["output"] == "cluster"
    assert len(out.splitlines()) == 1
    config = TrainConfig(dim=8, min_count=1, subsample=0.0, threads=1, epochs=2)
    if replicas == 1:
        train_model(["corpus.txt"], config, output="here")
    else:
        train_model(["corpus.txt"], config, output="here", machine=LocalCluster(2, 10_000))
    assert Path("cluster").read_bytes() == Path("here").read_bytes()
    assert sorted(os.listdir()) == ["cluster", "corpus.txt", "here", "home"]


@needs_ray
def test_nodes_that_count_make_the_files_of_one_machine(start: Start) -> None:
    with start("-c", COUNTED_BY_TWO, program=()) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.splitlines() == ["2 nodes count the text", "One replica with 1 thread: the same as on one machine"]
    config = TrainConfig(dim=8, min_count=1, subsample=0.0, threads=1, epochs=1)
    train_model(["corpus.txt"], config, output="here", checkpoint="alone")
    assert Path("cluster").read_bytes() == Path("here").read_bytes()
    for name in ("corpus.safetensors", *FILE_NAMES):
        assert Path("run", name).read_bytes() == Path("alone", name).read_bytes()


@needs_ray
def test_a_killed_worker_costs_nothing_and_stdout_stays_clean(start: Start) -> None:
    with start("--epochs", "40", "--replicas", "2", "--merge-every", "10000", "--json") as process:
        wait_for(process, "Training ")
        os.kill(workers(process)[0], signal.SIGKILL)
        wait_for(process, "was lost: its process has ended")
        wait_for(process, "is back")
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert len(json.loads(out)["loss"]) == 40
    assert "Traceback" not in err and "raylet" not in err + out


@needs_ray
def test_ctrl_c_leaves_a_checkpoint(start: Start) -> None:
    more = ["--epochs", "100000", "--replicas", "2", "--merge-every", "10000", "--checkpoint", "run", "--json"]
    with start(*more) as process:
        wait_for(process, "Training ")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == "" and "Interrupted: finishing" in err
    assert "nothing is lost; go on with w2v train --resume run" in err
    assert Path("run/checkpoint-0.safetensors").exists()


def test_threads_are_those_that_the_smallest_node_has_for_each_of_its_replicas() -> None:
    nodes = [{"Resources": {"CPU": cpus}} for cpus in (8.0, 5.0)]
    assert ray._threads(TrainConfig(), nodes, 2) == 5
    # One of the nodes has two of the three.
    assert ray._threads(TrainConfig(), nodes, 3) == 2
    assert ray._threads(TrainConfig(threads=2), nodes, 3) == 2
    with pytest.raises(ConfigError, match="3 replicas of 3 threads each: the smallest of the 2 nodes has 5"):
        ray._threads(TrainConfig(threads=3), nodes, 3)
    with pytest.raises(ConfigError, match=r"no room for 2 replicas: the node has 1 processor$"):
        ray._threads(TrainConfig(), [{"Resources": {"CPU": 1.0}}], 2)


def test_a_client_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ConfigError, match="a Ray client") as caught:
        RayCluster()
    assert caught.value.hint is not None and "ray job submit" in caught.value.hint


def test_an_address_where_nothing_listens_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("a b\n" * 50)
    # Port 1 of this machine, where nothing listens.
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(Exception, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        train_model(["corpus.txt"], TrainConfig(min_count=1), output="model", machine=RayCluster())
    assert os.listdir() == ["corpus.txt"]


def test_a_missing_ray_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("a b\n" * 50)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match="--cluster ray needs the package ray"):
        train_model(["corpus.txt"], TrainConfig(min_count=1), output="model", machine=RayCluster())
