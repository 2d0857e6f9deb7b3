"""Which nodes that count still go on, and how far they have come."""

from __future__ import annotations

import time
from collections.abc import Iterable

from w2v_cli.cluster.backend import Backend, Call, LostError, Ref

# A node that counts is lost if it has read nothing for so long, seconds, or does not send a chunk of ids in that time.
# However slow it is, it may count as long as it goes on.
PATIENCE = 60.0


class Watch:
    """Asks nodes that count how far they have come.

    Attributes
    ----------
    bytes_read : how much all of them have read of the parts that they are counting, on disk.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._asked: dict[int, Ref] = {}
        # By node, how much it had read when that was last seen to grow, and when that was.
        self._moved: dict[int, tuple[int, float]] = {}

    @property
    def bytes_read(self) -> int:
        return sum(read for read, _ in self._moved.values())

    def silent(self, nodes: Iterable[int]) -> list[int]:
        """Return those of the nodes that have read nothing for too long."""
        now, counting = time.perf_counter(), set(nodes)
        for known in (self._asked, self._moved):
            for node in known.keys() - counting:
                del known[node]
        for node in counting:
            self._moved.setdefault(node, (0, now))
            if node not in self._asked:
                self._asked[node] = self._backend.call(node, Call("progress"))[0]
        ready = self._backend.ready(list(self._asked.values()), 0.0) if self._asked else []
        for node in [node for node, ref in self._asked.items() if ref in ready]:
            try:
                read = self._backend.value(self._asked.pop(node))
            except LostError:
                # Whoever waits for what it counts will know.
                continue
            if read != self._moved[node][0]:
                self._moved[node] = read, now
        return [node for node, (_, when) in self._moved.items() if now - when > PATIENCE]
