"""Joining a Ray cluster, or starting a local one: its address, its environment, its signals and what it prints.

What the replicas do there is in `ray`.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from w2v_cli.errors import ConfigError, MissingExtraError, TrainingError

# How long a cluster may take to answer, seconds.
CONNECT_SECONDS = 5.0
# Nobody is told that w2v runs, and Ray's own lines are kept out of ours.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
}
# A local cluster listens to this machine alone, and only to those who know its token.
# Ray gives its workers a low priority, so that other work on the machine would slow the replicas down.
PRIVATE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_worker_niceness": "0"}
# Where Ray writes the address of the cluster that runs on this machine.
_RUNNING = "ray/ray_current_cluster"
# What a client of HTTP/2 begins with, and empty settings; the server answers with its own.
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS_TYPE = 4
# So many of the last lines that Ray wrote are shown if it fails: it repeats itself every second.
_SHOWN_LINES = 3
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def cluster_address() -> str:
    """Return the address of the cluster: host:port, or `local` for one that must be started.

    Raises
    ------
    ConfigError
        If RAY_ADDRESS is a client's address, or `auto` where no cluster runs.
    """
    named = os.environ.get("RAY_ADDRESS", "").strip()
    if named.startswith("ray://"):
        raise ConfigError(
            f"RAY_ADDRESS is {named}, a Ray client; a run must be inside the cluster",
            hint="unset it and send the run there: ray job submit --address http://HOST:8265 -- w2v train …",
        )
    if named not in ("", "auto"):
        return named
    with suppress(OSError):
        running = Path(os.environ.get("RAY_TMPDIR", "/tmp"), _RUNNING).read_text().strip()
        # A cluster that was killed leaves the file behind.
        if running and (named == "auto" or _reaches(running)):
            return running
    if named == "auto":
        raise ConfigError("RAY_ADDRESS is auto, and no Ray cluster runs on this machine", hint="ray start --head")
    return "local"


def _reaches(address: str) -> bool:
    """Return whether something answers at host:port that speaks HTTP/2, as Ray does.

    Ray itself would wait for an answer without end.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as server:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return True
            server.sendall(_HTTP2)
            # The length of a frame, in three bytes, comes before its type.
            answer = server.recv(4, socket.MSG_WAITALL)
            return len(answer) == 4 and answer[3] == _SETTINGS_TYPE
    except (OSError, ValueError, OverflowError):
        return False


@contextmanager
def connected(address: str, processors: int) -> Iterator[Any]:
    """Join a cluster, or start a local one, and yield the module `ray`; leave or end it afterwards.

    Parameters
    ----------
    address : as `cluster_address` returns it.
    processors : how many a local one is told that it has.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    TrainingError
        If the cluster does not answer, or has other versions.
    """
    if address != "local" and not _reaches(address):
        raise TrainingError(
            f"no Ray cluster answers at {address}", hint="see whether it runs (ray status), or unset RAY_ADDRESS"
        )
    with ExitStack() as stack:
        stack.enter_context(_environment(SETTINGS, replacing=False))
        options, startup = dict[str, Any](address=address), dict[str, str]()
        if address == "local":
            options |= {"include_dashboard": False, "num_cpus": processors, "_node_ip_address": "127.0.0.1"}
            home = stack.enter_context(_local_home())
            # With a folder of its own, nobody takes it for a cluster that could be joined.
            options["_temp_dir"], startup["HOME"] = home, home
            stack.enter_context(_environment(PRIVATE | {"RAY_AUTH_TOKEN": secrets.token_hex(16)}, replacing=True))
        with _quiet_startup(), _own_signals(), _environment(startup, replacing=True):
            ray = _import_ray()
            try:
                ray.init(log_to_driver=False, logging_level="ERROR", **options)
            except (RuntimeError, ConnectionError, ValueError, OSError) as error:
                raise _refused(address, error) from error
        stack.callback(ray.shutdown)
        yield ray


@contextmanager
def _local_home() -> Iterator[str]:
    """Yield a folder for the files of a local cluster, in which it finds that it is not in a cloud."""
    # The path of a socket may have 107 bytes, of which Ray needs some sixty.
    parent = tempfile.gettempdir() if len(tempfile.gettempdir()) < 30 else "/tmp"
    with tempfile.TemporaryDirectory(prefix="w2v-", dir=parent, ignore_cleanup_errors=True) as home:
        # Without this file in its home, Ray asks the metadata servers of clouds.
        Path(home, "ray_bootstrap_config.yaml").touch()
        yield home


def _import_ray() -> Any:
    """Return the module `ray`, which then prints nothing about its processes."""
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise MissingExtraError("--cluster ray", "ray") from error
    # Otherwise Ray prints "(raylet) A worker died" to stdout, which may be JSON. The name is private, and may go.
    with suppress(ImportError):
        import ray._private.worker as worker

        if hasattr(worker, "_worker_logs_enabled"):
            worker._worker_logs_enabled = False
    return ray


def _refused(address: str, error: Exception) -> TrainingError:
    """Return the error for a cluster that could not be joined or started."""
    text = " ".join(str(error).split())
    if "ersion mismatch" in text:
        return TrainingError(
            f"the cluster at {address} has other versions than this program: {text}",
            hint="install the same versions of Python and ray on all nodes",
        )
    if address == "local":
        return TrainingError(f"Ray could not start: {text}", hint="train without --cluster on one machine")
    return TrainingError(
        f"the Ray cluster at {address} refused the run: {text}",
        hint="if it wants a token, give its own in RAY_AUTH_TOKEN with RAY_AUTH_MODE=token",
    )


@contextmanager
def _environment(settings: Mapping[str, str], replacing: bool) -> Iterator[None]:
    """Set variables of the environment, and restore them afterwards.

    Parameters
    ----------
    replacing : whether variables that are set already are replaced.
    """
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update({name: value for name, value in settings.items() if replacing or before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore our handlers of signals afterwards, because Ray installs its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _quiet_startup() -> Iterator[None]:
    """Keep what Ray's C++ code writes to stderr and stdout, and show it only if something fails."""
    sys.stderr.flush()
    sys.stdout.flush()
    with tempfile.TemporaryFile() as kept:
        saved = {number: os.dup(number) for number in (1, 2)}
        for number in saved:
            os.dup2(kept.fileno(), number)
        failed = True
        try:
            yield
            failed = False
        finally:
            for number, copy in saved.items():
                os.dup2(copy, number)
                os.close(copy)
            if failed:
                kept.seek(0)
                os.write(2, b"".join(kept.readlines()[-_SHOWN_LINES:]))
