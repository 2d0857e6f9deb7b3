"""The ledger of a run on several replicas: which blocks are trained, which are being trained, and which were lost.

A round deals the next blocks of the run to the replicas in turn, so that the blocks that are trained come first in the
order of the run: what a checkpoint says of a run on one machine is then true of this one as well.
"""

from __future__ import annotations

from collections.abc import Mapping


class Ledger:
    """The blocks of a run by their indices, 0…total−1.

    Parameters
    ----------
    total : number of blocks in all epochs together.
    first : how many of them an earlier part of the run has trained.

    Attributes
    ----------
    next : the first block that no replica has been given yet.
    again : blocks whose replica was lost, ascending; they are dealt before any new one.
    """

    def __init__(self, total: int, first: int = 0) -> None:
        self.total = total
        self.next = first
        self.again: list[int] = []
        self._dealt: dict[int, list[int]] = {}

    @property
    def settled(self) -> bool:
        """Whether all blocks before `next` are trained, so that the run may be saved."""
        return not self.again and not self._dealt

    @property
    def finished(self) -> bool:
        """Whether every block is trained."""
        return self.settled and self.next == self.total

    def deal(self, quotas: Mapping[int, int], stop: int | None = None) -> dict[int, list[int]]:
        """Give the replicas their blocks of a round.

        Parameters
        ----------
        quotas : how many blocks each replica is to get, at least 1.
        stop : no new block is dealt from this one on; the end of the run if None.

        Returns
        -------
        The blocks of each replica, ascending; there are none for some if few are left.
        """
        stop = min(self.total, self.total if stop is None else stop)
        wanted = sum(quotas.values())
        blocks = self.again[:wanted]
        self.again = self.again[wanted:]
        new = range(self.next, max(self.next, min(self.next + wanted - len(blocks), stop)))
        self.next = new.stop
        dealt: dict[int, list[int]] = {replica: [] for replica in quotas}
        open_hands = list(quotas)
        left = iter([*blocks, *new])
        # In turn, as cards are dealt, until each has its quota.
        while open_hands:
            for replica in open_hands:
                block = next(left, None)
                if block is None:
                    open_hands = []
                    break
                dealt[replica].append(block)
            open_hands = [replica for replica in open_hands if len(dealt[replica]) < quotas[replica]]
        self._dealt = {replica: given for replica, given in dealt.items() if given}
        return dealt

    def trained(self, replica: int) -> list[int]:
        """Record that a replica has trained what it was given, and return that."""
        return self._dealt.pop(replica, [])

    def lost(self, replica: int) -> None:
        """Record that a replica was lost: what it was given must be trained again."""
        self.again = sorted([*self.again, *self._dealt.pop(replica, [])])
