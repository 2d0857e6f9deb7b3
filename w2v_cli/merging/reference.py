"""The loops of merging with numpy: what the compiled ones must do, and what runs where nothing is compiled.

Numbers of 16 bits are float16 as their bits, uint16, because compiled code knows no float16.
"""

from __future__ import annotations

import numpy as np


def find_moves(table: np.ndarray, base: np.ndarray, least: np.float32, moves: np.ndarray) -> np.ndarray:
    """Write the moves of the rows that are touched one after another.

    Parameters
    ----------
    table, base : float32 (rows, D or more).
    least : a row is touched if one of its numbers has moved this far, or is NaN.
    moves : uint16 (rows, D), filled from its first row on.

    Returns
    -------
    Which rows are touched, bool (rows,).
    """
    dim = moves.shape[1]
    with np.errstate(all="ignore"):
        every = table[:, :dim] - base[:, :dim]
        touched: np.ndarray = ~(np.abs(every) < least).all(axis=1)
        moves[: touched.sum()] = every[touched].astype(np.float16).view(np.uint16)
    return touched


def merge_moves(flags: np.ndarray, moves: np.ndarray, firsts: np.ndarray, update: np.ndarray) -> None:
    """Write the update of each row that any replica has touched, one after another.

    Parameters
    ----------
    flags : bool (P, rows), which rows each replica has touched.
    moves : uint16 (touched rows of all replicas, D), those of one replica after those of another.
    firsts : int64 (P,), where the moves of each replica begin.
    update : uint16 (rows that any replica has touched, D), filled.
    """
    replicas = flags.sum(axis=0)
    total = np.zeros((flags.shape[1], moves.shape[1]), np.float32)
    squares = np.zeros(flags.shape[1], np.float32)
    with np.errstate(all="ignore"):
        for flag, first in zip(flags, firsts, strict=True):
            part = _floats(moves[first : first + flag.sum()])
            total[flag] += part
            squares[flag] += np.square(part).sum(axis=1)
        total, squares, replicas = total[replicas > 0], squares[replicas > 0], replicas[replicas > 0]
        length = np.square(total).sum(axis=1)
        share = np.divide(squares, length, out=np.ones_like(squares), where=length != 0)
        share = np.clip(share, (1 / replicas).astype(np.float32), np.float32(1))
        update[:] = (total * share[:, None]).astype(np.float16).view(np.uint16)


def take_moves(
    table: np.ndarray, base: np.ndarray, sent_flags: np.ndarray, sent: np.ndarray, flags: np.ndarray,
    update: np.ndarray,
) -> None:  # fmt: skip
    """Take back what was sent of some rows, and add an update to them and to their base.

    Parameters
    ----------
    table, base : float32 (rows, D or more), changed in place.
    sent_flags, sent : bool (rows,) and uint16 (touched rows, D): what was sent.
    flags, update : the same of the update.
    """
    dim = update.shape[1]
    with np.errstate(all="ignore"):
        table[sent_flags, :dim] -= _floats(sent)
        table[flags, :dim] += _floats(update)
        base[flags, :dim] += _floats(update)


def _floats(bits: np.ndarray) -> np.ndarray:
    return bits.view(np.float16).astype(np.float32)
