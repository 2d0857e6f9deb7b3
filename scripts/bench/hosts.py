"""Hosts that are network namespaces without a way out, and trainings on a Ray cluster within them. This needs root."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("recorded.py")


class Host:
    """A network namespace with loopback.

    Parameters
    ----------
    name : of the namespace · home : where its programs find their files, made if it does not exist.

    Attributes
    ----------
    settings : variables of the environment of its programs.
    """

    def __init__(self, name: str, home: Path) -> None:
        self.name, self.settings = name, {"HOME": str(home), "RAY_USAGE_STATS_ENABLED": "0"}
        home.mkdir(exist_ok=True)
        # With this file in its home, Ray does not ask the metadata servers of clouds.
        (home / "ray_bootstrap_config.yaml").touch()

    def popen(self, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Start a program on the host."""
        kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        own = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])} | self.settings
        command = ["ip", "netns", "exec", self.name, *command]
        return subprocess.Popen(command, env=kept | own, text=True, start_new_session=True, **options)

    def processes(self, name: bytes = b"") -> list[int]:
        """Return its processes whose command contains a name."""
        listed = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True).stdout
        found = []
        for process in map(int, listed.split()):
            with suppress(OSError):
                if name in Path(f"/proc/{process}/cmdline").read_bytes():
                    found.append(process)
        return found

    def replicas(self) -> list[int]:
        """Return the processes of its replicas."""
        return self.processes(b"ray::Worker")

    def kill(self) -> None:
        """Kill all its processes."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@contextmanager
def two_hosts(folder: Path, store_bytes: int) -> Iterator[tuple[Host, Host]]:
    """Yield two hosts with a cable between them, each a node of a Ray cluster with one processor.

    Parameters
    ----------
    folder : for their files; its path must be short, because sockets lie in it.
    store_bytes : the memory of each for what replicas exchange.
    """
    with host("w2v-a", folder / "a") as first, host("w2v-b", folder / "b") as second:
        cable = ["ip", "link", "add", "cable", "netns", first.name, "type", "veth"]
        subprocess.run([*cable, "peer", "name", "cable", "netns", second.name], check=True)
        for number, place in enumerate((first, second), 1):
            subprocess.run(
                ["ip", "-n", place.name, "address", "add", f"10.77.0.{number}/24", "dev", "cable"], check=True
            )
            subprocess.run(["ip", "-n", place.name, "link", "set", "cable", "up"], check=True)
            role = ["--head", "--port=6379", f"--temp-dir={folder}/ray", "--include-dashboard=false"]
            begin = role if number == 1 else ["--address=10.77.0.1:6379"]
            node = [f"--node-ip-address=10.77.0.{number}", "--num-cpus=1", f"--object-store-memory={store_bytes}"]
            ray = [sys.executable, "-m", "ray.scripts.scripts", "start", *begin, *node, "--disable-usage-stats"]
            place.settings["RAY_ADDRESS"] = "10.77.0.1:6379"
            if place.popen(ray, stdout=subprocess.DEVNULL).wait():
                raise RuntimeError("Ray did not start")
        yield first, second


def sent_bytes(place: Host) -> int:
    """Return how many bytes a host has sent through its cable."""
    command = ["ip", "-n", place.name, "-s", "-j", "link", "show", "cable"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(json.loads(shown)[0]["stats64"]["tx"]["bytes"])


def set_cable(place: Host, state: str) -> None:
    """Pull the cable of a host, or put it back: `down` or `up`."""
    subprocess.run(["ip", "-n", place.name, "link", "set", "cable", state], check=True)


@contextmanager
def host(name: str, home: Path) -> Iterator[Host]:
    """Yield a new host, and remove it afterwards."""
    made = Host(f"{name}-{os.getpid()}", home)
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    try:
        subprocess.run(["ip", "-n", made.name, "link", "set", "lo", "up"], check=True)
        yield made
    finally:
        made.kill()
        subprocess.run(["ip", "netns", "delete", made.name], check=True)


class Training:
    """A `w2v train` with --json whose rounds are recorded.

    Parameters
    ----------
    host : where it runs · arguments : of `w2v train` · rounds : the file of the rounds, see `recorded`.

    Attributes
    ----------
    heard : the lines that it has written to stderr so far.
    begun : when it was started, on the clock of `time.monotonic`.
    """

    def __init__(self, host: Host, arguments: Sequence[str], rounds: Path) -> None:
        self.begun = time.monotonic()
        self.heard: list[str] = []
        command = [sys.executable, str(RECORDED), str(rounds), "train", *arguments, "--cluster", "ray", "--json"]
        self.process = host.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.heard.append(line.rstrip())

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.begun

    def wait_for(self, phrase: str, seconds: float = 300.0) -> None:
        """Wait until it has said something.

        Raises
        ------
        RuntimeError
            If it ends before, or does not say it in time.
        """
        end = time.monotonic() + seconds
        while not self.said(phrase):
            if time.monotonic() > end or not self.running:
                self._listener.join(1)
                if not self.said(phrase):
                    raise RuntimeError("\n".join([f"{phrase!r} was not said:", *self.heard]))
            time.sleep(0.02)

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def end(self, seconds: float) -> tuple[int | None, dict[str, Any]]:
        """Wait for its end; return its exit code, None if it hangs, and what it printed."""
        assert self.process.stdout is not None
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None, {}
        out = self.process.stdout.read()
        self._listener.join(5)
        return self.process.returncode, json.loads(out) if out.strip() else {}

    def said(self, phrase: str) -> int:
        """Return in how many lines it has said something."""
        return sum(phrase in line for line in self.heard)
