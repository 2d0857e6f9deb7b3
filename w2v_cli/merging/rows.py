"""Which rows of a table are merged together, and how they are divided among the replicas that merge them.

The hot rows are merged often. The others are divided into groups, which take turns. Each set of rows is cut into slots,
so that every replica has a share of the merging. A slot is a run of neighbouring rows: they come from memory several
times as fast as rows with others between them.
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
    groups : number of groups that the other rows are divided into.
    hot_last : whether the hot rows are the last ones, as the nodes near the root of a Huffman tree are.
    """

    rows: int
    hot: int
    groups: int
    hot_last: bool = False

    def select(self, which: int, slots: int, slot: int) -> slice:
        """Return the rows of a slot.

        Parameters
        ----------
        which : `HOT`, `ALL`, or the number of a group.
        slots : P, how many slots there are · slot : which one, 0…P−1.
        """
        hot = min(self.hot, self.rows)
        if which == ALL:
            return _part(slice(0, self.rows), slots, slot)
        hot_rows, others = slice(0, hot), slice(hot, self.rows)
        if self.hot_last:
            hot_rows, others = slice(self.rows - hot, self.rows), slice(0, self.rows - hot)
        return _part(hot_rows if which == HOT else _part(others, self.groups, which), slots, slot)


def _part(rows: slice, parts: int, part: int) -> slice:
    """Return one of several parts of some rows; they differ by one row at most."""
    start, count = rows.start, rows.stop - rows.start
    return slice(start + count * part // parts, start + count * (part + 1) // parts)
