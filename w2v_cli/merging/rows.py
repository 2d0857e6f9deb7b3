"""Which rows of a table are merged together, and how they are divided among the replicas that merge them.

The hot rows are merged often. The others are dealt to groups, which take turns. Each set of rows is cut into slots, so
that every replica has a share of the merging; a slot is a slice of the table.
"""

from __future__ import annotations

from dataclasses import dataclass

# Sets of rows beside the groups, which are numbered from 0.
HOT, ALL = -1, -2


@dataclass(frozen=True)
class RowSets:
    """The hot rows and the groups of one table.

    Attributes
    ----------
    rows : number of rows of the table.
    hot : number of rows that are merged often; all rows if the table has fewer.
    groups : number of groups that the other rows are dealt to.
    hot_last : whether the hot rows are the last ones, as the nodes near the root of a Huffman tree are.
    """

    rows: int
    hot: int
    groups: int
    hot_last: bool = False

    def select(self, which: int, slots: int, slot: int) -> slice:
        """Return the rows of a slot.

        Row r of the others, counted from their first one, is in group r mod K and in slot (r // K) mod P, so that every
        slot has a share of every group. With slot r mod P, a group could lie in a single slot.

        Parameters
        ----------
        which : `HOT`, `ALL`, or the number of a group.
        slots : P, how many slots there are · slot : which one, 0…P−1.
        """
        hot = min(self.hot, self.rows)
        if which == ALL:
            return slice(slot, self.rows, slots)
        if which == HOT:
            first = self.rows - hot if self.hot_last else 0
            return slice(first + slot, first + hot, slots)
        first, stop = (0, self.rows - hot) if self.hot_last else (hot, self.rows)
        return slice(min(first + which + self.groups * slot, stop), stop, self.groups * slots)
