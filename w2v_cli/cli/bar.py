"""A bar: the last line of a terminal, which is drawn anew whenever there is progress.

A package such as tqdm would draw one as well. This one leaves out what matters least where the terminal is narrow, and
can be erased by a signal handler, which must not use a stream that may be in the middle of a write.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

# The fewest cells that a bar is worth, and the most that it takes in a wide terminal.
_LEAST_CELLS, _MOST_CELLS = 10, 40
# The width of a terminal that does not tell it.
_COLUMNS = 80


class Bar:
    """What is drawn on the last line of the terminal at stderr."""

    def __init__(self) -> None:
        self._width = 0

    def draw(self, parts: Sequence[str], extras: Sequence[str], share: float | None) -> None:
        """Draw the line anew; see `bar_line`."""
        # A terminal may move on to the next line as soon as its last column is filled.
        line = bar_line(parts, extras, share, _columns() - 1)
        # Set before the line is written, because a signal handler may erase it before this function ends.
        before, self._width = self._width, max(self._width, len(line))
        # The cursor goes back to the beginning, so that the ^C which a terminal shows is erased with the line.
        _write("\r" + line.ljust(before) + "\r")
        self._width = len(line)

    def erasing(self) -> str:
        """Return the characters that remove the line, and leave the cursor at its beginning. There may be none."""
        return "\r" + " " * self._width + "\r" if self._width else ""

    def erase(self) -> None:
        """Remove the line from the terminal."""
        if self._width:
            _write(self.erasing())
            self._width = 0


def bar_line(parts: Sequence[str], extras: Sequence[str], share: float | None, columns: int) -> str:
    """Return a line of at most so many columns.

    Parameters
    ----------
    parts : what the line says, the most important first. What does not fit is left out, from the end.
    extras : what it says if there is still room beside a short bar.
    share : how much is done, from 0 to 1, for the bar; None if unknown. The bar takes the room that is left.
    """
    line = parts[0][:columns]
    for number, part in enumerate([*parts[1:], *extras], start=1):
        bar = len(" []") + _LEAST_CELLS if number >= len(parts) else 0
        if len(line) + len(", ") + len(part) + bar > columns:
            break
        line += f", {part}"
    cells = min(columns - len(line) - len(" []"), _MOST_CELLS)
    if share is None or cells < _LEAST_CELLS:
        return line
    full = min(int(share * cells), cells)
    return f"{line} [{'#' * full}{'.' * (cells - full)}]"


def _write(text: str) -> None:
    """Write to the terminal in one call, past `sys.stderr`.

    A signal handler that ran while the text was in the buffer of `sys.stderr` would have its message written first, and
    the bar behind it.
    """
    with suppress(OSError):  # the terminal is gone
        os.write(sys.stderr.fileno(), text.encode(sys.stderr.encoding, "backslashreplace"))


def _columns() -> int:
    """Return the width of the terminal now: its window may have been resized."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _COLUMNS
    except (OSError, ValueError):  # the terminal is gone, or stderr has been replaced
        return _COLUMNS
