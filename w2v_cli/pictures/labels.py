"""Place labels beside points so that no two of them overlap: greedily, the most important first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

# The sides of a point on which its label may lie, best first: the label's center is moved from the point by this many
# halves of its width and height.
_SIDES = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)])
# After this many points in a row that found no room, the picture counts as full.
_PATIENCE = 500


class Label(NamedTuple):
    """A label that has found room: the index of its point, and the left, lower, right and upper edge of its box."""

    point: int
    box: tuple[float, float, float, float]


def place_labels(
    points: np.ndarray,
    size_of: Callable[[int], tuple[float, float] | None],
    area: tuple[float, float, float, float],
    distance: float,
    margin: float = 0.0,
    most: int | None = None,
    first: int = 0,
    taken: Sequence[tuple[float, float, float, float]] = (),
) -> list[Label]:
    """Choose which points get a label, and on which side of the point it lies.

    The points are visited in their order. A label lies on the side where it covers the fewest points. It never overlaps
    a label that has been placed before, and never leaves the area. A point that lies under a label gets none, except
    for the `first` ones.

    Parameters
    ----------
    points : float (n, 2), the most important first.
    size_of : the width and height of the label of a point, by its index; None if it must not get one.
    area : left, lower, right and upper edge of what may be used.
    distance : how far a label lies from its point · margin : how far labels are apart at least.
    most : no more labels than this; None: as many as find room.
    first : that many points get their label even if they lie under another's.
    taken : boxes that are not free.

    Returns
    -------
    The labels in the order of their points.

    Examples
    --------
    >>> points = np.array([[10.0, 10.0], [11.0, 10.0], [30.0, 10.0]])
    >>> [label.point for label in place_labels(points, lambda _: (15.0, 4.0), (0, 0, 60, 14), distance=1.0)]
    [0, 2]
    """
    placed, boxes, failures = list[Label](), np.array(taken, float).reshape(-1, 4), 0
    for point in range(len(points)):
        if failures == _PATIENCE or len(placed) == most:
            break
        box = None
        # Measuring a label takes longer than all else, so it comes last.
        if point < first or not _covering(boxes, points[point]).any():
            size = size_of(point)
            if size is None:
                continue
            box = _best(_candidates(points[point], size, distance), boxes, area, points, margin)
        failures = 0 if box is not None else failures + 1
        if box is not None:
            boxes = np.vstack([boxes, box])
            placed.append(Label(point, (float(box[0]), float(box[1]), float(box[2]), float(box[3]))))
    return placed


def _candidates(point: np.ndarray, size: tuple[float, float], distance: float) -> np.ndarray:
    """Return the boxes in which the label of a point may lie, float (8, 4)."""
    half = np.array(size) / 2
    # On a diagonal, a label begins nearer to its point, so that it looks as near as on the other sides.
    away = distance * np.where(np.abs(_SIDES).sum(axis=1, keepdims=True) == 2, 0.5, 1.0)
    centers = point + _SIDES * (half + away)
    return np.hstack([centers - half, centers + half])


def _best(
    candidates: np.ndarray,
    boxes: np.ndarray,
    area: tuple[float, float, float, float],
    points: np.ndarray,
    margin: float,
) -> np.ndarray | None:
    """Return the first of the free candidates that cover the fewest points; None if none is free."""
    inside = np.all((candidates[:, :2] >= area[:2]) & (candidates[:, 2:] <= area[2:]), axis=1)
    beside = (candidates[:, np.newaxis, :2] >= boxes[:, 2:] + margin) | (
        candidates[:, np.newaxis, 2:] <= boxes[:, :2] - margin
    )
    free = candidates[inside & np.all(np.any(beside, axis=2), axis=1)]
    if not len(free):
        return None
    return free[np.argmin([np.count_nonzero(_covered(box, points)) for box in free])]


def _covered(box: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Tell which points lie in a box, bool (n,)."""
    return np.asarray(np.all((points > box[:2]) & (points < box[2:]), axis=1))


def _covering(boxes: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Tell which boxes hold a point, bool (n,)."""
    return np.asarray(np.all((boxes[:, :2] < point) & (boxes[:, 2:] > point), axis=1))
