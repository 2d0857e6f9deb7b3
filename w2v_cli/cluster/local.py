"""Replicas in turn, in this process: for tests, and to measure what merging does to a model without a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakSet

from w2v_cli.cluster.backend import Call, LostError, Missing, Ref
from w2v_cli.cluster.counter import Counter
from w2v_cli.cluster.machine import ClusterMachine
from w2v_cli.cluster.replica import Replica
from w2v_cli.cluster.shared_corpus import SharedCorpus
from w2v_cli.config import TrainConfig
from w2v_cli.errors import W2VError
from w2v_cli.training.observer import Observer


class NodeLostError(LostError):
    """A replica is lost, and with it all parts that it has made."""


class _Answering(Protocol):
    """A replica, or a node that counts."""

    def answer(self, method: str, args: Sequence[Any]) -> tuple[Any, ...]: ...
    def close(self) -> None: ...


@dataclass(eq=False)
class _Value:
    """What a call has returned, or why it failed."""

    value: Any
    error: Exception | None = None


class LocalBackend:
    """A `Backend` whose calls are done when they return.

    Parameters
    ----------
    make_replica : makes the replica with a number · count : how many there are.
    before : called before each call with the number of the replica and the name of the method. If it raises
        `LostError`, the replica is lost with all it knows, as if its process had been killed; if it raises
        `NodeLostError`, what it had returned is lost too.
    """

    threads = 1

    def __init__(
        self,
        make_replica: Callable[[int], _Answering],
        count: int,
        before: Callable[[int, str], None] = lambda replica, method: None,
    ) -> None:
        self.count = count
        self._make_replica, self._before = make_replica, before
        self._made: dict[int, WeakSet[_Value]] = {}
        self._replicas = {number: make_replica(number) for number in range(count)}

    def call(self, replica: int, call: Call) -> list[Ref]:
        """Let a replica do what it is asked; return its reply and its parts."""
        try:
            self._before(replica, call.method)
        except LostError as error:
            self.kill(replica)
            if isinstance(error, NodeLostError):
                for value in self._made.pop(replica, ()):
                    value.error = error
            return [_Value(None, error)] * (1 + call.parts)
        args = call.args
        if call.found is not None:
            lost = tuple(key for key, ref in call.found.items() if ref.error is not None)
            if lost:
                return [_Value(Missing(lost)), *[_Value(None, LostError("its maker found too little"))] * call.parts]
            args = (*args, {key: ref.value for key, ref in call.found.items()})
        try:
            values = [_Value(value) for value in self._replicas[replica].answer(call.method, args)]
            self._made.setdefault(replica, WeakSet()).update(values)
            return values
        except (LostError, W2VError) as error:
            return [_Value(None, error)] * (1 + call.parts)

    def ready(self, refs: Sequence[Ref], seconds: float) -> list[Ref]:
        """Return all replies."""
        return list(refs)

    def value(self, ref: Ref) -> Any:
        """Return a reply, or raise why there is none."""
        if ref.error is not None:
            raise ref.error
        return ref.value

    def put(self, value: Any) -> Ref:
        """Return a reference to a value."""
        return _Value(value)

    def kill(self, replica: int) -> None:
        """Put a new replica in the place of one."""
        self._replicas[replica].close()
        self._replicas[replica] = self._make_replica(replica)

    def close(self) -> None:
        """Close the files of the replicas."""
        for replica in self._replicas.values():
            replica.close()


class LocalCluster(ClusterMachine):
    """Replicas in turn, and before them nodes that count in turn.

    Parameters
    ----------
    replicas : how many · merge_every : see `ClusterMachine` · before : see `LocalBackend`.
    counters : how many nodes count; if none does, this machine counts without them.
    part_bytes : how long the parts of the text are that they count.
    """

    def __init__(
        self,
        replicas: int,
        merge_every: int | None = None,
        before: Callable[[int, str], None] = lambda replica, method: None,
        counters: int = 0,
        part_bytes: int = 1 << 20,
    ) -> None:
        super().__init__(merge_every)
        self._replicas, self._before = replicas, before
        self._counters = counters
        self.part_bytes: int | None = part_bytes

    @contextmanager
    def _cluster(self, config: TrainConfig, observer: Observer) -> Iterator[LocalCluster]:
        """Yield this cluster."""
        yield self

    def replicas(self, config: TrainConfig, shared: SharedCorpus) -> LocalBackend:
        """Make the replicas."""
        return LocalBackend(lambda _: Replica(config, shared, self._replicas > 1), self._replicas, self._before)

    def counters(self, make: Callable[[int], Counter]) -> LocalBackend | None:
        """Make the nodes that count."""
        return LocalBackend(lambda _: make(1), self._counters, self._before) if self._counters else None
