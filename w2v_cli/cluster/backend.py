"""What the conductor needs of whatever runs the replicas: to start them, to call them, to wait, and to kill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

# Something that a call will return: a reply or a part. Only a backend knows what is in it.
Ref = Any


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
    """Runs replicas, numbered from 0. Nothing waits but `ready`, and that no longer than it is told to.

    Attributes
    ----------
    count : number of replicas.
    threads : how many threads each has.
    """

    count: int
    threads: int

    def call(
        self,
        replica: int,
        method: str,
        args: Sequence[Any] = (),
        found: Mapping[Any, Ref] | None = None,
        parts: int = 0,
        seconds: float = 60.0,
    ) -> list[Ref]:
        """Call a method of a replica.

        Parameters
        ----------
        method : one of `Replica` · args : its arguments.
        found : the parts that it is given as a last argument, by key. If one is lost, the reply is `Missing`.
        parts : how many parts it returns after its reply.
        seconds : how long it waits for the parts that it is given.

        Returns
        -------
        The reply, and the parts.
        """

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
