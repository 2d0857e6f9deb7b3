"""Decimal numbers in a text as float32, each the nearest there is: a compiled fast path, exact arithmetic for the rest.

A number's first 19 digits and a power of ten give it in float64 with an error below 3 units in the last place. That
decides its float32, unless the midpoint between two float32 lies within the error; one number in 30 million.

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
# Below this there is room for one more digit in a uint64.
ROOM = np.uint64(10**18)
# float32 reaches from 1e-45 to 3.4e38; with 19 digits before the point the exponents are these.
MOST_EXPONENT = 64
POWERS = np.array([float(f"1e{n}") for n in range(MOST_EXPONENT + 1)])
# What float32 drops of a float64's 52 bits, its half, and how near to that is too near.
DROPPED, HALF, NEAR = np.uint64((1 << 29) - 1), np.int64(1 << 28), np.int64(8)
LEAST_NORMAL, MOST = 1.18e-38, 3.4028e38


def nearest_float32(text: bytes) -> np.float32:
    """The float32 nearest to a decimal number, ties to even.

    Raises
    ------
    ValueError
        If the text is not a number, or is none that float32 has.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError("is not a number")
    value = float(text)
    with np.errstate(over="ignore", under="ignore"):
        nearest = np.float32(value)
        other = np.nextafter(nearest, np.float32(np.inf if value > float(nearest) else -np.inf))
    if not np.isfinite(nearest):
        raise ValueError("is too large for float32")
    # Rounded once to float64, a number may have landed on the midpoint of two float32, and not be it.
    if float(nearest) != value and np.isfinite(other) and (float(nearest) + float(other)) / 2 == value:
        exact = Decimal(text.decode())
        if exact != Decimal(value):
            return max(nearest, other) if exact > Decimal(value) else min(nearest, other)
    return nearest


@compiled
def _number(data, at, bits, double):  # type: ignore[no-untyped-def]
    """The number at a place; returns the place after it, its value, and whether its float32 is sure.

    `bits` and `double` are the same eight bytes.
    """
    negative = data[at] == MINUS
    if negative or data[at] == PLUS:
        at += 1
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
    plain = digits > 0
    if plain and (data[at] == LOWER_E or data[at] == UPPER_E):
        at += 1
        down = data[at] == MINUS
        if down or data[at] == PLUS:
            at += 1
        plain, shift = ZERO <= data[at] <= NINE, 0
        while ZERO <= data[at] <= NINE:
            shift = min(10 * shift + (np.int64(data[at]) - ZERO), 9999)
            at += 1
        exponent += -shift if down else shift
    while data[at] != SPACE and data[at] != TAB and data[at] != NEWLINE and data[at] != RETURN:
        plain = False
        at += 1
    value = 0.0
    if plain and mantissa != np.uint64(0):
        plain = -MOST_EXPONENT <= exponent <= MOST_EXPONENT
        if plain:
            value = np.float64(mantissa)
            value = value / POWERS[-exponent] if exponent < 0 else value * POWERS[exponent]
            double[0] = value
            from_half = np.int64(bits[0] & DROPPED) - HALF
            plain = (from_half > NEAR or from_half < -NEAR) and LEAST_NORMAL < value < MOST
    return at, -value if negative else value, plain


@compiled
def parse_rows(data, pos, rows, row, text, used, lengths, hard):  # type: ignore[no-untyped-def]
    """Lines of a word and its numbers, as long as they are plain.

    Parameters
    ----------
    data : uint8, whole lines, the last newline included · pos : where to begin.
    rows : float32 (n, D), filled from `row` on.
    text : uint8, the words, filled from `used` on · lengths : int64 (n,), how long each is.
    hard : int64 (m, 3) with m ≥ D, filled with row, column and place of numbers that this function leaves to others.

    Returns
    -------
    pos, row, used, hard_count : where it stopped: at the end, at a line that is not plain, or with `hard` full.
        Without numba it stops at once.
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
            begun = at
            at, value, plain = _number(data, at, bits, double)
            if plain:
                rows[row, column] = np.float32(value)
            else:
                hard[hard_count, 0], hard[hard_count, 1], hard[hard_count, 2] = row, column, begun
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
