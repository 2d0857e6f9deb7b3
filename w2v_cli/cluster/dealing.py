"""Which node counts which part of the corpus: a ledger, in which no part is forgotten when a node is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class PartLedger:
    """The parts of a corpus by their numbers. A node gets one at a time, so a fast node gets more of them.

    Parameters
    ----------
    sizes : how long each part is · nodes : the nodes that count.

    Attributes
    ----------
    alive : the nodes that are not lost, ascending.
    busy : the part that each node is counting.
    holders : the node that has counted each part, and keeps its ids.
    """

    def __init__(self, sizes: Sequence[int], nodes: Iterable[int]) -> None:
        self._sizes = sizes
        self.alive = sorted(nodes)
        self.busy: dict[int, int] = {}
        self.holders: dict[int, int] = {}
        self._waiting = self._longest_last(range(len(sizes)))
        # The parts whose counts are known, and those of them whose node is lost, until their ids are needed.
        self._known, self._aside = set[int](), list[int]()
        self._needs_ids = False

    @property
    def settled(self) -> bool:
        """Whether all parts are counted."""
        return not self._waiting and not self.busy

    @property
    def counted_bytes(self) -> int:
        """How long all parts are that are counted."""
        return sum(self._sizes[part] for part in self._known | self.holders.keys())

    def deal(self) -> dict[int, int]:
        """Give a part to each node that is idle, the longest ones first; return them by node."""
        dealt: dict[int, int] = {}
        for node in self.alive:
            if node not in self.busy and self._waiting:
                dealt[node] = self.busy[node] = self._waiting.pop()
        return dealt

    def counted(self, node: int) -> None:
        """Record that a node has counted its part."""
        self.holders[self.busy.pop(node)] = node

    def merged(self, node: int) -> None:
        """Record that the counts of a node are known, so that only its ids are lost if it is lost."""
        self._known |= {part for part, holder in self.holders.items() if holder == node}

    def need_ids(self) -> None:
        """Record that all counts are known, and that a part whose ids are lost must be counted again from now on."""
        self._needs_ids = True
        self._waiting, self._aside = self._longest_last([*self._waiting, *self._aside]), []

    def lost(self, node: int) -> None:
        """Record that a node is lost: what it has counted must be counted by others."""
        self.alive.remove(node)
        again = [part for part, holder in self.holders.items() if holder == node]
        for part in again:
            del self.holders[part]
        if node in self.busy:
            again.append(self.busy.pop(node))
        # Counted twice, words would be in the vocabulary twice as often.
        aside = set() if self._needs_ids else self._known
        self._aside += [part for part in again if part in aside]
        self._waiting = self._longest_last([*self._waiting, *(part for part in again if part not in aside)])

    def _longest_last(self, parts: Iterable[int]) -> list[int]:
        return sorted(parts, key=lambda part: (self._sizes[part], -part))
