"""The rounds of a run on several replicas: which blocks are trained, and how many of them a slow replica gets.

A round deals the next blocks of the run to the replicas in turn, so that the blocks that are trained come first in the
order of the run: what a checkpoint says of a run on one machine is then true of this one as well.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

# A replica that takes longer than twice the usual time in three rounds, one after another, gets fewer blocks.
SLOW, SLOW_ROUNDS, LEAST_SHARE = 2.0, 3, 0.25


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

    def trained(self, replica: int, blocks: Sequence[int]) -> None:
        """Record what a replica says that it has trained. Whatever else it was given must be trained again."""
        given = self._dealt.pop(replica, [])
        self.again = sorted([*self.again, *(set(given) - set(blocks))])

    def lost(self, replica: int) -> None:
        """Record that a replica was lost: what it was given must be trained again."""
        self.trained(replica, [])


class Shares:
    """How much each replica trains: a slow one less, so that the others need not wait for it."""

    def __init__(self) -> None:
        self._slow_rounds: dict[int, int] = {}
        self._share: dict[int, float] = {}

    def quota(self, replica: int, blocks: int) -> int:
        """Return how many blocks a replica gets of those that one which is not slow gets."""
        return max(1, round(blocks * self._share.get(replica, 1.0)))

    def notice(self, pace: Mapping[int, float]) -> None:
        """Record how long each replica took for a block in a round.

        Parameters
        ----------
        pace : seconds a block, by replica. Nobody is slow alone.
        """
        if len(pace) < 2:
            return
        usual = statistics.median_low(pace.values())
        for replica, seconds in pace.items():
            slow = self._slow_rounds.get(replica, 0) + 1 if seconds > SLOW * usual else 0
            self._slow_rounds[replica] = slow
            self._share[replica] = max(LEAST_SHARE, usual / seconds) if slow >= SLOW_ROUNDS else 1.0

    def forget(self, replica: int) -> None:
        """Give a replica a whole share again, because it was started anew."""
        self._slow_rounds.pop(replica, None)
        self._share.pop(replica, None)
