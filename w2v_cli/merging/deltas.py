"""What a replica has moved since the last merge, as 16-bit numbers: cut from its tables, and given back when merged.

A replica has a copy of each table as it was merged last, the base. A delta is the difference between a row and its
base. The base is the same in every replica, bit for bit, because each adds the same 16-bit updates to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# A row counts as touched if one of its numbers has moved this far. Taking an update leaves a residue of less in a row,
# because a delta is rounded to 16 bits; a twentieth of a group would be sent for nothing.
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

    @property
    def nbytes(self) -> int:
        """How many bytes are sent."""
        return self.touched.nbytes + self.moves.nbytes

    def flags(self) -> np.ndarray:
        """Return which of the rows of the slot are touched, bool (rows,)."""
        return np.unpackbits(self.touched, count=self.rows).astype(bool)


def cut_deltas(table: np.ndarray, base: np.ndarray, rows: slice) -> Deltas:
    """Return what the rows of a slot have moved.

    A row that holds NaN counts as touched, so that every replica learns of it.

    Parameters
    ----------
    table, base : float32 (R, D).
    rows : the slot.
    """
    with np.errstate(all="ignore"):
        moves = table[rows] - base[rows]
        # Written so that NaN counts as a move.
        touched = ~(np.abs(moves) < LEAST_MOVE).all(axis=1)
        return Deltas(len(touched), np.packbits(touched), moves[touched].astype(np.float16))


def take_update(table: np.ndarray, base: np.ndarray, rows: slice, update: Deltas, sent: Deltas | None) -> None:
    """Add an update to the rows of a slot and to their base, and take back from the rows what was sent of them.

    What the rows have moved since the deltas were cut stays in them, and so does what 16 bits could not hold. Both are
    sent with the next deltas.

    Parameters
    ----------
    table, base : float32 (R, D), changed in place.
    update : what `merge_deltas` made of the deltas of all replicas.
    sent : this replica's part of them; None if it had none.
    """
    part, part_base = table[rows], base[rows]
    with np.errstate(all="ignore"):
        if sent is not None:
            part[sent.flags()] -= sent.moves.astype(np.float32)
        touched, moves = update.flags(), update.moves.astype(np.float32)
        part[touched] += moves
        part_base[touched] += moves
