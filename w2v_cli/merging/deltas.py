"""What a replica has moved since the last merge, as 16-bit numbers: cut from its tables, and given back when merged.

A replica has a copy of each table as it was merged last, the base. A delta is the difference between a row and its
base. The base is the same in every replica, bit for bit, because each adds the same 16-bit updates to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v_cli.compute.jit import COMPILES, compiled

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
        return np.unpackbits(self.touched, count=self.rows).astype(bool)


def cut_deltas(table: np.ndarray, base: np.ndarray, rows: slice) -> Deltas:
    """Return what the rows of a slot have moved.

    A row that holds NaN counts as touched, so that every replica learns of it.

    Parameters
    ----------
    table, base : float32 (R, D).
    rows : the slot.
    """
    start, stop, step = rows.indices(len(table))
    count = len(range(start, stop, step))
    touched, moves = np.zeros(count, np.bool_), np.empty((count, table.shape[1]), np.float32)
    found = (_find_moves if COMPILES else _find_with_numpy)(table, base, start, step, touched, moves)
    with np.errstate(all="ignore"):
        return Deltas(count, np.packbits(touched), moves[:found].astype(np.float16))


@compiled
def _find_moves(table, base, start, step, touched, moves):
    """Write the moves of the rows that are touched one after another; return how many there are."""
    found = 0
    for i in range(len(touched)):
        row, far = start + i * step, False
        for k in range(moves.shape[1]):
            move = table[row, k] - base[row, k]
            moves[found, k] = move
            # Written so that NaN counts as a move.
            if not abs(move) < LEAST_MOVE:
                far = True
        touched[i] = far
        if far:
            found += 1
    return found


def _find_with_numpy(table, base, start, step, touched, moves):
    """Do as `_find_moves` does."""
    rows = slice(start, start + len(touched) * step, step)
    with np.errstate(all="ignore"):
        every = table[rows] - base[rows]
        touched[:] = ~(np.abs(every) < LEAST_MOVE).all(axis=1)
    found = int(touched.sum())
    moves[:found] = every[touched]
    return found


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
    start, _, step = rows.indices(len(table))
    add = _add_moves if COMPILES else _add_with_numpy
    if sent is not None:
        add(table, start, step, sent.flags(), -sent.moves.astype(np.float32))
    flags, moves = update.flags(), update.moves.astype(np.float32)
    add(table, start, step, flags, moves)
    add(base, start, step, flags, moves)


@compiled
def _add_moves(table, start, step, flags, moves):
    """Add moves to the rows that are flagged."""
    place = 0
    for i in range(len(flags)):
        if flags[i]:
            row = start + i * step
            for k in range(moves.shape[1]):
                table[row, k] += moves[place, k]
            place += 1


def _add_with_numpy(table, start, step, flags, moves):
    """Do as `_add_moves` does."""
    with np.errstate(all="ignore"):
        table[start + np.flatnonzero(flags) * step] += moves
