"""Replicas on Ray: one actor for each. Only this module and `ray_connection` import Ray.

Of Ray, only actors and the object store are used.
"""

from __future__ import annotations

import os
import pickle
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from w2v_cli.cluster.backend import Call, LostError, Missing, Ref
from w2v_cli.cluster.counter import Counter
from w2v_cli.cluster.machine import ClusterMachine
from w2v_cli.cluster.ray_connection import cluster_address, connected
from w2v_cli.cluster.replica import Replica
from w2v_cli.cluster.shared_corpus import SharedCorpus
from w2v_cli.config import TrainConfig, available_cores
from w2v_cli.errors import ConfigError, TrainingError, W2VError
from w2v_cli.training.observer import Observer

# How long a reply or a table may take to travel once it is there, seconds.
REPLY_SECONDS = 120.0


class RayCluster(ClusterMachine):
    """The cluster of RAY_ADDRESS, or the one that runs on this machine, or else a local one that ends with the run.

    Parameters
    ----------
    replicas : how many; one on each node if None.
    merge_every : see `ClusterMachine`.
    counters, part_bytes : how many nodes count the text, and how long the parts are that it is cut into; None for all
        nodes, and only if there is one beside this machine that sees the text.

    Raises
    ------
    ConfigError
        If RAY_ADDRESS is one that a run cannot use.
    """

    def __init__(
        self,
        replicas: int | None = None,
        merge_every: int | None = None,
        counters: int | None = None,
        part_bytes: int | None = None,
    ) -> None:
        super().__init__(merge_every)
        self._replicas, self._counters, self._part_bytes = replicas, counters, part_bytes
        self._address = cluster_address()

    @contextmanager
    def _cluster(self, config: TrainConfig, observer: Observer) -> Iterator[RayNodes]:
        """Connect to the cluster, and yield it.

        Raises
        ------
        MissingExtraError
            If Ray is not installed.
        TrainingError
            If the cluster cannot be joined or started.
        ConfigError
            If the nodes have not enough processors.
        """
        # As on one machine, more threads than processors are allowed; a node of a cluster says itself what it has.
        wanted = max(self._replicas or 1, self._counters or 1) * (config.threads or 1)
        with connected(self._address, max(wanted, available_cores())) as ray:
            nodes = _nodes(ray)
            count = self._replicas or len(nodes)
            threads = _threads(config, nodes, count)
            if self._address != "local":
                observer.remark(f"Connected to the Ray cluster at {self._address}, with {_counted(len(nodes), 'node')}")
            if count > len(nodes) > 1:
                observer.remark(f"There are {len(nodes)} nodes, so some have several of the {count} replicas")
            home = os.path.expanduser("~") if self._address == "local" else None
            yield RayNodes(ray, nodes, count, threads, self._counters, self._part_bytes, home)


class RayNodes:
    """A `Cluster` of Ray nodes.

    Parameters
    ----------
    ray : the module · nodes : as Ray describes them, this machine's first.
    replicas, threads : how many replicas train, and how many threads each has.
    counters, part_bytes : see `RayCluster`.
    home : the home folder of all processes; that of their nodes if None.
    """

    def __init__(
        self,
        ray: Any,
        nodes: Sequence[Mapping[str, Any]],
        replicas: int,
        threads: int,
        counters: int | None,
        part_bytes: int | None,
        home: str | None,
    ) -> None:
        self._ray, self._nodes, self._replicas, self._threads = ray, nodes, replicas, threads
        self._counters, self.part_bytes, self._home = counters, part_bytes, home

    def replicas(self, config: TrainConfig, shared: SharedCorpus) -> RayBackend:
        """Start the replicas."""
        count, own = self._replicas, replace(config, threads=self._threads)
        return self._start(partial(Replica, own, shared, count > 1), count, self._threads)

    def counters(self, make: Callable[[int], Counter]) -> RayBackend | None:
        """Start a process on each node that will have replicas, with as many threads as these together."""
        count = self._counters or min(self._replicas, len(self._nodes))
        hosts = {node["NodeManagerHostname"] for node in self._nodes[:count]}
        if self._counters is None and len(hosts) == 1:
            return None
        threads = self._threads * max(1, self._replicas // count)
        return self._start(partial(make, threads), count, threads)

    def _start(self, make: Callable[[], Any], count: int, threads: int) -> RayBackend:
        return RayBackend(self._ray, make, count, threads, [node["NodeID"] for node in self._nodes], self._home)


class RayBackend:
    """A `Backend` of Ray actors.

    Parameters
    ----------
    ray : the module · make : makes a replica · count, threads : how many there are, and the threads of each.
    nodes : the ids of the nodes, to which the replicas are dealt in turn.
    home : the home folder of the replicas; that of their nodes if None.
    """

    def __init__(
        self,
        ray: Any,
        make: Callable[[], Any],
        count: int,
        threads: int,
        nodes: Sequence[str],
        home: str | None = None,
    ) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._ray, self.count, self.threads = ray, count, threads
        # Kept, because an actor that is started again asks for it, and Ray deletes what nobody refers to.
        self._made = ray.put(pickle.dumps(make))
        worker = _worker_class(ray)
        # A replica whose node is gone is started again on another one.
        self._actors = [
            worker.options(
                num_cpus=self.threads,
                scheduling_strategy=NodeAffinitySchedulingStrategy(nodes[number % len(nodes)], soft=True),
            ).remote(home, self._made)
            for number in range(count)
        ]

    def call(self, replica: int, call: Call) -> list[Ref]:
        """Let an actor begin with a call, as `Backend` says."""
        actor = self._actors[replica]
        # These are done while the replica trains, or counts.
        remote = actor.merge if call.method in ("merge", "progress") else actor.answer
        refs = remote.options(num_returns=1 + call.parts).remote(call)
        return refs if call.parts else [refs]

    def ready(self, refs: Sequence[Ref], seconds: float) -> list[Ref]:
        """Wait for replies, as `Backend` says."""
        # Without fetch_local=False, every part that is waited for would travel to this process.
        return self._ray.wait(list(refs), num_returns=len(refs), timeout=seconds, fetch_local=False)[0]

    def value(self, ref: Ref) -> Any:
        """Return a reply, or raise why there is none, as `Backend` says."""
        exceptions = self._ray.exceptions
        try:
            return self._ray.get(ref, timeout=REPLY_SECONDS)
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, W2VError | LostError):
                raise error.cause from None
            if isinstance(error.cause, exceptions.ObjectStoreFullError):
                raise TrainingError(
                    "Ray's memory for what replicas exchange is full",
                    hint="start the nodes with ray start --object-store-memory=BYTES",
                ) from error
            raise
        except exceptions.ActorUnschedulableError as error:
            raise TrainingError(
                "the cluster has no room for a replica", hint="lower --threads or --replicas, or see ray status"
            ) from error
        except exceptions.ActorUnavailableError:
            raise LostError("its process has ended") from None
        except (exceptions.RayError, TimeoutError) as error:
            raise LostError(_first_line(error)) from None

    def put(self, value: Any) -> Ref:
        """Return a reference to a value."""
        return self._ray.put(value)

    def kill(self, replica: int) -> None:
        """End the process of a replica; Ray starts another."""
        self._ray.kill(self._actors[replica], no_restart=False)

    def close(self) -> None:
        """End all replicas."""
        for actor in self._actors:
            with suppress(Exception):
                self._ray.kill(actor)


def _worker_class(ray: Any) -> Any:
    """Return the class of actors."""

    class Worker:
        """Holds a replica, and gives it the parts that a call is to be given."""

        def __init__(self, home: str | None, made: bytes) -> None:
            # A local cluster was started in a home of its own, where no compiled code lies.
            if home is not None:
                os.environ["HOME"] = home
            # Only now, because that imports what looks for compiled code.
            self._replica = pickle.loads(made)()

        def answer(self, call: Call) -> Any:
            """Call a method of the replica."""
            args = call.args
            if call.found is not None:
                # The references are within the call. If one were itself an argument and its node gone, the actor would
                # wait.
                values, missing = _fetched(ray, call.found, call.seconds)
                if missing:
                    reply = Missing(tuple(missing))
                    return (reply, *[None] * call.parts) if call.parts else reply
                args = (*args, values)
            answer = self._replica.answer(call.method, args)
            return answer if call.parts else answer[0]

        @ray.method(concurrency_group="merge")
        def merge(self, call: Call) -> Any:
            """Call a method of the replica while it does something else."""
            return self.answer(call)

    return ray.remote(
        concurrency_groups={"merge": 1}, max_restarts=-1, max_task_retries=0, allow_out_of_order_execution=True
    )(Worker)


def _fetched(ray: Any, refs: Mapping[Any, Any], seconds: float) -> tuple[dict[Any, Any], list[Any]]:
    """Return the values of references, and the keys of those that do not arrive in time."""
    end = time.perf_counter() + seconds
    ray.wait(list(refs.values()), num_returns=len(refs), timeout=seconds)
    values, missing = dict[Any, Any](), list[Any]()
    for key, ref in refs.items():
        value = None
        # Whatever went wrong where it was made: it is not here.
        with suppress(Exception):
            value = ray.get(ref, timeout=max(0.01, end - time.perf_counter()))
        # It is None if the replica that was to make it has not found what it needed.
        if value is None:
            missing.append(key)
        else:
            values[key] = value
    return values, missing


def _nodes(ray: Any) -> list[dict[str, Any]]:
    """Return the nodes that can train, this machine's first."""
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise TrainingError("no node of the cluster has a processor", hint="ray start --num-cpus=N")
    own = ray.get_runtime_context().get_node_id()
    return sorted(nodes, key=lambda node: (node["NodeID"] != own, node["NodeManagerAddress"], node["NodeID"]))


def _threads(config: TrainConfig, nodes: Sequence[Mapping[str, Any]], count: int) -> int:
    """Return how many threads each replica has: those that were asked for, or what its node has for each.

    Raises
    ------
    ConfigError
        If the nodes have not enough processors.
    """
    processors = min(int(node["Resources"]["CPU"]) for node in nodes)
    most = processors // -(-count // len(nodes))
    threads = config.threads or most
    if not 1 <= threads <= most:
        each = "" if config.threads is None else f" of {_counted(config.threads, 'thread')} each"
        where = "the node has" if len(nodes) == 1 else f"the smallest of the {len(nodes)} nodes has"
        raise ConfigError(
            f"no room for {_counted(count, 'replica')}{each}: {where} {_counted(processors, 'processor')}",
            hint="lower --replicas or --threads",
        )
    return threads


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _first_line(error: Exception) -> str:
    """Return what an error of Ray says, without its details."""
    lines = [re.sub(r"\s+", " ", line).strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # If the actor could not be made, the last line says why: perhaps w2v is not installed on its node.
    shown = lines[-1] if "creation task" in lines[0] else lines[0]
    return shown[:120].rstrip(". :")
