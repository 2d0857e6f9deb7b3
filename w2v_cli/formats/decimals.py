"""Parse decimal numbers to the nearest float32: a compiled fast path, and exact arithmetic for the rest.

The first 19 digits of a number and a power of ten give its value in float64, with an error below 3 units in the last
place. This determines the nearest float32, unless the midpoint between two float32 lies within the error, which happens
for one number in 30 million.

Reference: Clinger 1990, "How to read floating point numbers accurately".
"""

from __future__ import annotations

import re
from decimal import Decimal

import numpy as np

from w2v_cli.compute.jit import COMPILES, compiled

_NUMBER = re.compile(rb"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")

TAB, NEWLINE, RETURN, SPACE = 9, 10, 13, 32
PLUS, MINUS, DOT, ZERO, NINE, UPPER_E, LOWER_E = 43, 45, 46, 48, 57, 69, 101
TEN = np.uint64(10)
# A uint64 below this value can take one more digit.
ROOM = np.uint64(10**18)
# float32 ranges from 1e-45 to 3.4e38, so 19 digits before the point need no larger exponent than this.
MOST_EXPONENT = 64
POWERS = np.array([float(f"1e{n}") for n in range(MOST_EXPONENT + 1)])
# The bits of a float64 that float32 drops, half of their range (a midpoint), and what counts as too near to it.
DROPPED, HALF, NEAR = np.uint64((1 << 29) - 1), np.int64(1 << 28), np.int64(8)
LEAST_NORMAL, MOST = 1.18e-38, 3.4028e38


def nearest_float32(text: bytes) -> np.float32:
    """Return the float32 nearest to a decimal number, ties to even.

    Raises
    ------
    ValueError
        If the text is not a number, or the number is too large for float32.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError("is not a number")
    value = float(text)
    with np.errstate(over="ignore", under="ignore"):
        nearest = np.float32(value)
        other = np.nextafter(nearest, np.float32(np.inf if value > float(nearest) else -np.inf))
    if not np.isfinite(nearest):
        raise ValueError("is too large for float32")
    # The rounding to float64 may have moved a number onto the midpoint of two float32; then the exact value decides.
    if float(nearest) != value and np.isfinite(other) and (float(nearest) + float(other)) / 2 == value:
        exact = Decimal(text.decode())
        if exact != Decimal(value):
            return max(nearest, other) if exact > Decimal(value) else min(nearest, other)
    return nearest


@compiled
def _exponent(data: np.ndarray, at: int) -> tuple[int, int, bool]:
    """Parse what follows the letter e; return the offset after it, the exponent, and whether it has any digits."""
    negative = data[at] == MINUS
    if negative or data[at] == PLUS:
        at += 1
    valid, exponent = ZERO <= data[at] <= NINE, 0
    while ZERO <= data[at] <= NINE:
        exponent = min(10 * exponent + (np.int64(data[at]) - ZERO), 9999)
        at += 1
    return at, -exponent if negative else exponent, valid


@compiled
def _number(data: np.ndarray, at: int, bits: np.ndarray, double: np.ndarray) -> tuple[int, float, bool]:
    """Parse the number at an offset; return the offset after it, its value, and whether its float32 is certain.

    `bits` and `double` are two views of the same eight bytes, uint64 and float64.
    """
    negative = data[at] == MINUS
    if negative or data[at] == PLUS:
        at += 1
    # Digits that do not fit into the mantissa only count in the exponent. A function for these loops would make parsing
    # slower by a fifth (measured: help/design.md, "Reading and writing vectors").
    mantissa, exponent, digits = np.uint64(0), 0, 0
    while ZERO <= data[at] <= NINE:
        if mantissa < ROOM:
            mantissa = mantissa * TEN + np.uint64(data[at] - ZERO)
        else:
            exponent += 1
        digits += 1
        at += 1
    if data[at] == DOT:
        at += 1
        while ZERO <= data[at] <= NINE:
            if mantissa < ROOM:
                mantissa = mantissa * TEN + np.uint64(data[at] - ZERO)
                exponent -= 1
            digits += 1
            at += 1
    certain = digits > 0
    if certain and (data[at] == LOWER_E or data[at] == UPPER_E):
        at, shift, certain = _exponent(data, at + 1)
        exponent += shift
    while data[at] != SPACE and data[at] != TAB and data[at] != NEWLINE and data[at] != RETURN:
        certain = False
        at += 1
    value = 0.0
    if certain and mantissa != np.uint64(0):
        certain = -MOST_EXPONENT <= exponent <= MOST_EXPONENT
        if certain:
            value = np.float64(mantissa)
            value = value / POWERS[-exponent] if exponent < 0 else value * POWERS[exponent]
            double[0] = value
            from_half = np.int64(bits[0] & DROPPED) - HALF
            certain = (from_half > NEAR or from_half < -NEAR) and LEAST_NORMAL < value < MOST
    return at, -value if negative else value, certain


@compiled
def parse_rows(
    data: np.ndarray,
    pos: int,
    rows: np.ndarray,
    row: int,
    text: np.ndarray,
    used: int,
    lengths: np.ndarray,
    hard: np.ndarray,
) -> tuple[int, int, int, int]:
    """Parse lines of a word and D numbers, up to the first line that is irregular.

    Parameters
    ----------
    data : uint8, complete lines, including the last newline · pos : the offset to begin at.
    rows : float32 (n, D), filled from `row` on.
    text : uint8, the words, filled from `used` on · lengths : int64 (n,), the bytes of each word.
    hard : int64 (m, 3) with m ≥ D, filled with row, column and offset of numbers that are left to the caller.

    Returns
    -------
    pos, row, used, hard_count : where it stopped: at the end, at an irregular line, or because `hard` is full. Without
        numba it stops at once.
    """
    dim, hard_count = rows.shape[1], 0
    bits = np.empty(1, np.uint64)
    double = bits.view(np.float64)
    while COMPILES and pos < len(data) and hard_count + dim <= len(hard):
        at = pos
        while data[at] != SPACE and data[at] != TAB and data[at] != NEWLINE:
            text[used + at - pos] = data[at]
            at += 1
        length = at - pos
        column, first_hard = 0, hard_count
        while column < dim:
            while data[at] == SPACE or data[at] == TAB:
                at += 1
            if data[at] == NEWLINE or data[at] == RETURN:
                break
            start = at
            at, value, certain = _number(data, at, bits, double)
            if certain:
                rows[row, column] = np.float32(value)
            else:
                hard[hard_count, 0], hard[hard_count, 1], hard[hard_count, 2] = row, column, start
                hard_count += 1
            column += 1
        while data[at] == SPACE or data[at] == TAB or data[at] == RETURN:
            at += 1
        if column < dim or length == 0 or data[at] != NEWLINE:
            return pos, row, used, first_hard
        lengths[row] = length
        used += length
        row += 1
        pos = at + 1
    return pos, row, used, hard_count
