"""What a replica has moved since the last merge, as 16-bit numbers: cut from its tables, and given back when merged.

A replica has a copy of each table as it was merged last, the base. A delta is the difference between a row and its
base. The base is the same in every replica, bit for bit, because each adds the same 16-bit updates to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.merging.loops import LOOPS

# A row counts as touched if one of its numbers has moved this far. Taking an update leaves a residue of less in a row,
# because a delta is rounded to 16 bits. If that counted, a twentieth of a group would be sent for nothing.
LEAST_MOVE = np.float32(2.0**-15)


class Deltas(NamedTuple):
    """The moves of some rows of a slot, or the updates of these rows.

    Attributes
    ----------
    rows : number of rows of the slot.
    touched : uint8, one bit for each of them, as `np.packbits` makes them.
    moves : float16 (touched rows, D).
    """

    rows: int
    touched: np.ndarray
    moves: np.ndarray

    def flags(self) -> np.ndarray:
        """Return which of the rows of the slot are touched, bool (rows,)."""
        return np.unpackbits(self.touched, count=self.rows).view(np.bool_)

    @property
    def bits(self) -> np.ndarray:
        """The moves as `LOOPS` take them, uint16."""
        return self.moves.view(np.uint16)


def cut_deltas(table: np.ndarray, base: np.ndarray, dim: int) -> Deltas:
    """Return what the rows of a slot have moved.

    A row that holds NaN counts as touched, so that every replica learns of it.

    Parameters
    ----------
    table, base : float32 (rows, D or more), contiguous.
    dim : D.
    """
    moves = np.empty((len(table), dim), np.float16)
    touched = LOOPS.find_moves(table, base, LEAST_MOVE, moves.view(np.uint16))
    return Deltas(len(moves), np.packbits(touched), moves[: touched.sum()])


def take_update(table: np.ndarray, base: np.ndarray, update: Deltas, sent: Deltas | None) -> None:
    """Add an update to the rows of a slot and to their base, and take back from the rows what was sent of them.

    What the rows have moved since the deltas were cut stays in them, and so does what 16 bits could not hold. Both are
    sent with the next deltas.

    Parameters
    ----------
    table, base : float32 (rows, D or more), contiguous, changed in place.
    update : what `merge_deltas` made of the deltas of all replicas.
    sent : this replica's part of them; None if it had none.
    """
    if sent is None:
        sent = Deltas(update.rows, np.zeros_like(update.touched), update.moves[:0])
    LOOPS.take_moves(table, base, sent.flags(), sent.bits, update.flags(), update.bits)
