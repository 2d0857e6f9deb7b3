"""What a run needs of a cluster: to start replicas or nodes that count, to call them, to wait, and to kill them.

Both are called replicas here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

# Something that a call will return: a reply or a part. Only a backend knows what is in it.
Ref = Any


class Call(NamedTuple):
    """What a replica is asked to do.

    Attributes
    ----------
    method : one of `Replica` or `Counter` · args : its arguments.
    found : the parts that it is given as a last argument, by key; None for no such argument. If a part is lost, the
        reply is `Missing`.
    parts : how many parts it returns after its reply.
    seconds : how long it waits for the parts that it is given.
    """

    method: str
    args: tuple[Any, ...] = ()
    found: Mapping[Any, Ref] | None = None
    parts: int = 0
    seconds: float = 60.0


class Missing(NamedTuple):
    """The reply of a call that did not find all the parts it was to be given.

    Attributes
    ----------
    keys : the keys of the parts that are lost.
    """

    keys: tuple[Any, ...]


class LostError(Exception):
    """A replica has not answered: it was killed, its node is gone, or its deadline has passed."""


class Backend(Protocol):
    """Runs replicas, numbered from 0. What they are asked to do, they do while the caller goes on.

    Attributes
    ----------
    count : number of replicas.
    threads : how many threads each has.
    """

    count: int
    threads: int

    def call(self, replica: int, call: Call) -> list[Ref]:
        """Let a replica begin with a call; return the references to its reply and its parts."""

    def ready(self, refs: Sequence[Ref], seconds: float) -> list[Ref]:
        """Wait until all replies are there or have failed, but no longer than `seconds`; return those."""

    def value(self, ref: Ref) -> Any:
        """Return a reply that is ready.

        Raises
        ------
        LostError
            If the replica has not answered.
        W2VError
            If that is what it raised.
        """

    def put(self, value: Any) -> Ref:
        """Return a reference to a value, to be given to replicas as a part."""

    def kill(self, replica: int) -> None:
        """End a replica that does not answer, and start it again elsewhere or at the same place."""

    def close(self) -> None:
        """End all replicas."""
