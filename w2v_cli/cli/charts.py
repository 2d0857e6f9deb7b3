"""Charts of characters, as high as a line or a few lines."""

from __future__ import annotations

import bisect
import math
import shutil
from collections.abc import Sequence
from typing import IO, Any

# Eight heights within a line, with and without Unicode.
BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_ROWS = 10
# Losses that differ by more than this factor are drawn on a logarithmic scale, or the small ones would look alike.
_LOG_FACTOR = 10.0

Points = Sequence[tuple[float, float]]


def marks_for(stream: IO[Any] | None) -> str:
    """Return the characters of a chart that a stream can show: blocks in UTF-8, ASCII in anything else."""
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    return BLOCKS if encoding == "utf8" else ASCII


def terminal_width() -> int:
    """Return the width of the terminal in columns; 80 if there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def sparkline(points: Points, width: int, marks: str, scale_of: Points = (), logarithmic: bool = False) -> str:
    """Return values as a line of characters, one for each point, or `width` of them if there are more points.

    Parameters
    ----------
    points : (x, y) in the order of x, at least one.
    marks : the characters, from the lowest to the highest.
    scale_of : the points whose smallest and largest y are the lowest and the highest mark; `points` if there are none.
    logarithmic : whether equal ratios of y, instead of equal differences, are equally high.
    """
    values = [y for _, y in points] if len(points) <= width else resampled(points, width)
    heights = _heights(values, [y for _, y in scale_of or points], len(marks), logarithmic)
    return "".join(marks[height] for height in heights)


def chart(points: Points, width: int, marks: str, logarithmic: bool = False) -> list[str]:
    """Return the lines of a chart: the area under a curve, with its largest and its smallest y at the left.

    Parameters
    ----------
    points : (x, y) in the order of x, at least one.
    width : of a line, with the labels, in characters.
    marks, logarithmic : as in `sparkline`.
    """
    ys = [y for _, y in points]
    labels = [f"{max(ys):.4g}", *[""] * (_ROWS - 2), f"{min(ys):.4g}"]
    margin = max(map(len, labels))
    heights = _heights(resampled(points, max(width - margin - 2, 1)), ys, _ROWS * len(marks), logarithmic)
    lines = []
    for row, label in zip(reversed(range(_ROWS)), labels, strict=True):
        # How high the column is within this row; the lowest row always has something.
        parts = [min(height + 1 - row * len(marks), len(marks)) for height in heights]
        lines.append(f"{label:>{margin}}  " + "".join(marks[part - 1] if part > 0 else " " for part in parts).rstrip())
    return lines


def needs_logarithm(points: Points) -> bool:
    """Return whether the y of these points, which are losses, are best drawn on a logarithmic scale."""
    ys = [y for _, y in points]
    return min(ys) > 0 and max(ys) >= _LOG_FACTOR * min(ys)


def resampled(points: Points, count: int) -> list[float]:
    """Return `count` values of y at equal distances in x, on straight lines between the points."""
    xs = [x for x, _ in points]
    first, last = xs[0], xs[-1]
    values = []
    for column in range(count):
        x = first + (last - first) * column / max(count - 1, 1)
        after = min(bisect.bisect_left(xs, x), len(xs) - 1)
        (x0, y0), (x1, y1) = points[max(after - 1, 0)], points[after]
        share = (x - x0) / (x1 - x0) if x1 > x0 else 1.0
        values.append(y0 + (y1 - y0) * min(share, 1.0))
    return values


def _heights(values: Sequence[float], scale_of: Sequence[float], count: int, logarithmic: bool) -> list[int]:
    """Return the height of each value, from 0 to count - 1; equal values are in the middle."""
    low, high = (math.log(y) if logarithmic else y for y in (min(scale_of), max(scale_of)))
    if high <= low:
        return [(count - 1) // 2] * len(values)
    shares = [((math.log(value) if logarithmic else value) - low) / (high - low) for value in values]
    return [min(max(round(share * (count - 1)), 0), count - 1) for share in shares]
