"""Replicas on a local Ray cluster, in a network namespace with loopback alone, so that nothing can reach out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from w2v_cli.cluster import ray, ray_connection
from w2v_cli.cluster.local import LocalCluster
from w2v_cli.cluster.ray import RayCluster
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.spool import FILE_NAMES
from w2v_cli.errors import ConfigError, MissingExtraError, TrainingError
from w2v_cli.training.run import train_model

ROOT = Path(__file__).parents[2]
NAMESPACE = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
OPTIONS = ["--dim", "8", "--min-count", "1", "--subsample", "0", "--threads", "1", "--json"]
TWO = ["--replicas", "2", "--merge-every", "10000"]
MOST_SECONDS = 120.0
# A replica that is frozen is given up after as many seconds as the first argument says.
IMPATIENT = """
import sys
from w2v_cli.__main__ import run
from w2v_cli.cluster import conductor
conductor.LEAST_PATIENCE = float(sys.argv.pop(1))
run()
"""
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


def why_not() -> str | None:
    """Return why Ray cannot be tested here."""
    if find_spec("ray") is None:
        return "ray is not here: it has wheels for Python 3.10 to 3.14"
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return "unshare, nsenter or ip is not here, so Ray could reach the network"
    if subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        return "no network namespace may be made here, so Ray could reach the network; root may make one"
    return None


needs_ray = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def environment(home: Path) -> dict[str, str]:
    """Return an environment for Ray whose home says that it is not in a cloud; else it asks for that."""
    home.mkdir()
    (home / "ray_bootstrap_config.yaml").touch()
    # Compiled code lies in the folder of the package, or else under HOME.
    kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}


class Place:
    """A network namespace with loopback alone, in which Ray may run.

    Parameters
    ----------
    inside : the command that runs a program there · environment : see `environment`.
    """

    def __init__(self, inside: list[str], environment: dict[str, str]) -> None:
        self.inside, self.environment = inside, environment

    def start(self, *arguments: str, patience: float = 30.0) -> subprocess.Popen[str]:
        """Start w2v train on the text of the current folder."""
        command = ["train", "corpus.txt", *OPTIONS, "--cluster", "ray", *arguments]
        return self.run(IMPATIENT, str(patience), *command)

    def run(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program of Python, which is killed after a while, so that a test fails instead of waiting."""
        process = subprocess.Popen(
            [*self.inside, sys.executable, "-c", program, *arguments],
            env=self.environment,
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        killer = threading.Timer(MOST_SECONDS, kill, (process,))
        killer.daemon = True
        killer.start()
        return process


@pytest.fixture(autouse=True)
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with a text of 12 blocks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    rng = np.random.default_rng(1)
    words = np.minimum(rng.geometric(0.05, (12_000, 10)), 300)
    Path("corpus.txt").write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.tolist()))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Place]:
    """Start a cluster of one node, and return where runs join it."""
    # Sockets lie in this folder, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="w2v-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        own = environment(Path(folder, "home"))
        options = ["--head", "--port=6379", "--num-cpus=2", "--node-ip-address=127.0.0.1", "--include-dashboard=false"]
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", *options, f"--temp-dir={folder}/ray", "--block"]
        with subprocess.Popen(
            [*NAMESPACE, *ray], env=own, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as head:
            try:
                wait_for(head, "Ray runtime started")
                inside = ["nsenter", f"--net=/proc/{head.pid}/ns/net"]
                yield Place(inside, own | {"RAY_ADDRESS": "127.0.0.1:6379"})
            finally:
                head.terminate()


@pytest.fixture
def alone(tmp_path: Path) -> Place:
    """Return where no cluster runs, so that a run starts its own."""
    return Place(NAMESPACE, environment(tmp_path / "home"))


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a program and all that it has started, unless it has ended."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(process: subprocess.Popen[str], phrase: str) -> None:
    """Read what a program says until it says something."""
    heard = []
    for line in process.stderr or process.stdout or ():
        heard.append(line)
        if phrase in line:
            return
    raise AssertionError("".join(heard))


def replicas(process: subprocess.Popen[str]) -> list[int]:
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
@pytest.mark.parametrize("count", [1, 2])
def test_the_model_is_that_of_one_machine_or_of_replicas_in_turn(cluster: Place, count: int) -> None:
    more = ["--epochs", "2", "--replicas", str(count), "--merge-every", "10000", "-o", "cluster"]
    with cluster.start(*more) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "Connected to the Ray cluster at 127.0.0.1:6379, with 1 node" in err
    said = json.loads(out)
    assert said["output"] == "cluster"
    assert (said["replicas"], said["merge_every"]) == (count, None if count == 1 else 10_000)
    assert len(out.splitlines()) == 1
    config = TrainConfig(dim=8, min_count=1, subsample=0.0, threads=1, epochs=2)
    if count == 1:
        train_model(["corpus.txt"], config, output="here")
    else:
        train_model(["corpus.txt"], config, output="here", machine=LocalCluster(2, 10_000))
    assert Path("cluster").read_bytes() == Path("here").read_bytes()
    assert sorted(os.listdir()) == ["cluster", "corpus.txt", "here"]


@needs_ray
def test_nodes_that_count_make_the_files_of_one_machine(alone: Place) -> None:
    with alone.run(COUNTED_BY_TWO) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.splitlines() == ["2 nodes count the text", "One replica with 1 thread: the same as on one machine"]
    config = TrainConfig(dim=8, min_count=1, subsample=0.0, threads=1, epochs=1)
    train_model(["corpus.txt"], config, output="here", checkpoint="alone")
    assert Path("cluster").read_bytes() == Path("here").read_bytes()
    for name in ("corpus.safetensors", *FILE_NAMES):
        assert Path("run", name).read_bytes() == Path("alone", name).read_bytes()


@needs_ray
def test_a_local_cluster_bears_killed_and_frozen_replicas_and_ctrl_c_with_a_clean_stdout(alone: Place) -> None:
    with alone.start("--epochs", "100000", *TWO, "--checkpoint", "run", patience=3.0) as process:
        wait_for(process, "Training ")
        os.kill(replicas(process)[0], signal.SIGKILL)
        wait_for(process, "was lost: its process has ended")
        wait_for(process, "is back")
        os.kill(replicas(process)[0], signal.SIGSTOP)
        # A training replica is waited for 3 s, one that merges for a third of that.
        wait_for(process, "was lost: no answer within ")
        wait_for(process, "is back")
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == "" and "Interrupted: finishing" in err
    assert "nothing is lost; go on with w2v train --resume run" in err
    assert "Traceback" not in err and "raylet" not in err
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


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00"])
def test_an_address_where_something_else_listens_is_refused(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    monkeypatch.setattr(ray_connection, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.sendall(answer)
                # Until the other one gives up, which it may do with something unread.
                with suppress(ConnectionError):
                    while client.recv(100):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(TrainingError, match="no Ray cluster answers at"), ray_connection.connected(address, 1):
            pass
        thread.join()


def test_a_missing_ray_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("a b\n" * 50)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match="--cluster ray needs the package ray"):
        train_model(["corpus.txt"], TrainConfig(min_count=1), output="model", machine=RayCluster())
