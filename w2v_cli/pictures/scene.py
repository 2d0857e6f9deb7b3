"""Draw a scene: words at their places, a dot for each, and labels for as many of them as find room."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v_cli.pictures.figures import Theme, drawing, head_and_foot, new_figure, save, theme_of
from w2v_cli.pictures.fonts import Fonts, find_fonts, shown
from w2v_cli.pictures.labels import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (720.0, 560.0)  # points
_MOST_LABELS = 250
_LABEL_SIZES = (11.0, 7.5)  # of the first label, and of the smallest
_DISTANCE, _MARGIN = 3.0, 3.0  # of a label from its dot, and of labels from each other
_RING_LABEL = (12, 5)  # half the width and height of what a ring says
# So many dots are drawn as pixels within an SVG, which would be large and slow otherwise.
_RASTERIZED = 2_000


@dataclass(frozen=True)
class Scene:
    """What a map shows.

    Attributes
    ----------
    words : n words, the most important first.
    positions : float (n, 2).
    groups : int (n,), the colour of each word.
    chosen : this many of the first words are emphasised: those that the user has named.
    title, caption : above the map, and below it.
    rings : circles around the origin: the radius of each, and what it says.
    axes : for each axis the words at its lower and at its upper end; None: the axes have no meaning.
    """

    words: Sequence[str]
    positions: np.ndarray
    groups: np.ndarray
    title: str
    caption: str
    chosen: int = 0
    rings: tuple[tuple[float, str], ...] = ()
    axes: tuple[tuple[str, str], tuple[str, str]] | None = None


def draw(
    scene: Scene,
    path: str | os.PathLike[str],
    theme: str = "light",
    size: tuple[float, float] = SIZE,
) -> tuple[list[str], list[str]]:
    """Draw a scene to a file.

    Parameters
    ----------
    size : width and height in points.

    Returns
    -------
    The words that got a label, and those that no installed font can draw.
    """
    colours, labels = theme_of(theme), [shown(word) for word in scene.words]
    ends = [end for pair in scene.axes or () for end in pair]
    fonts = find_fonts([*labels, scene.title, *ends])
    with drawing(colours, fonts.families):
        figure = new_figure(*size)
        axis = _axis(figure, scene, size, fonts, colours)
        _draw_rings(axis, scene, colours)
        labelled = _draw_labels(axis, scene, labels, fonts, colours)
        _draw_dots(axis, scene, colours, labelled)
        head_and_foot(figure, colours, fonts.legible(scene.title), scene.caption)
        save(figure, path, scene.title)
    undrawn = [word for word, label in zip(scene.words, labels, strict=True) if not fonts.can_draw(label)]
    return [scene.words[i] for i in labelled], undrawn


def _axis(figure: Figure, scene: Scene, size: tuple[float, float], fonts: Fonts, colours: Theme) -> Axes:
    """Return the axes of a map, with limits around its words."""
    left, lower, right, upper = (54, 66, 16, 40) if scene.axes else (16, 28, 16, 40)
    width, height = size
    axis: Axes = figure.add_axes(
        (left / width, lower / height, (width - left - right) / width, (height - lower - upper) / height)
    )
    low, high = scene.positions.min(axis=0), scene.positions.max(axis=0)
    room = np.where(high > low, high - low, 1) * 0.04
    axis.set_xlim(low[0] - room[0], high[0] + room[0])
    axis.set_ylim(low[1] - room[1], high[1] + room[1])
    if scene.axes is None:
        axis.set_axis_off()
        return axis
    axis.grid()
    axis.tick_params(length=0)
    for line in (axis.axhline, axis.axvline):
        line(0, color=colours.muted, linewidth=0.8, zorder=1)
    for spine in axis.spines.values():
        spine.set_visible(False)
    (west, east), (south, north) = (map(fonts.legible, pair) for pair in scene.axes)
    end: dict[str, Any] = {"transform": axis.transAxes, "fontsize": 10, "weight": "bold", "color": colours.accent}
    below, beside = -30 / (height - lower - upper), -38 / (width - left - right)
    axis.text(0, below, f"← {west}", ha="left", va="center", **end)
    axis.text(1, below, f"{east} →", ha="right", va="center", **end)
    axis.text(beside, 0, f"← {south}", ha="center", va="bottom", rotation=90, **end)
    axis.text(beside, 1, f"{north} →", ha="center", va="top", rotation=90, **end)
    return axis


def _draw_rings(axis: Axes, scene: Scene, colours: Theme) -> None:
    """Draw the circles around the origin, and make a unit as long upwards as sideways, so that they are circles."""
    from matplotlib.patches import Circle

    if not scene.rings:
        return
    box = axis.get_window_extent()
    reach = 1.06 * max(radius for radius, _ in scene.rings)
    axis.set_xlim(-reach * box.width / box.height, reach * box.width / box.height)
    axis.set_ylim(-reach, reach)
    for radius, text in scene.rings:
        axis.add_patch(Circle((0, 0), radius, fill=False, color=colours.line, linewidth=0.8, zorder=1))
        behind = {"facecolor": colours.background, "edgecolor": "none", "pad": 1.5}
        axis.text(0, -radius, text, ha="center", va="center", fontsize=7, color=colours.muted, zorder=1, bbox=behind)


def _draw_dots(axis: Axes, scene: Scene, colours: Theme, labelled: Sequence[int]) -> None:
    """Draw a dot for each word, the most important on top, and larger ones for those with labels."""
    n, palette = len(scene.words), np.array(colours.series)
    area, shades = float(np.clip(8_000 / n, 2, 18)), palette[scene.groups % len(palette)]
    alpha, many = (0.75 if n < _RASTERIZED else 0.4), n > _RASTERIZED
    x, y = scene.positions[::-1].T
    axis.scatter(x, y, area, shades[::-1].tolist(), linewidths=0, alpha=alpha, rasterized=many, zorder=2)
    x, y = scene.positions[labelled].T
    axis.scatter(x, y, max(area, 9), shades[labelled].tolist(), linewidths=0, zorder=3)
    x, y = scene.positions[: scene.chosen].T
    axis.scatter(x, y, max(area, 26), colours.accent, linewidths=0, zorder=3)


def _draw_labels(axis: Axes, scene: Scene, labels: list[str], fonts: Fonts, colours: Theme) -> list[int]:
    """Label as many words as find room, and return their indices."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    @functools.cache
    def font_of_size(size: float, weight: str) -> FontProperties:
        return FontProperties(family=fonts.families, size=size, weight=weight)

    def font_of(point: int) -> FontProperties:
        largest, smallest = _LABEL_SIZES
        if point < scene.chosen:
            return font_of_size(largest, "bold")
        return font_of_size(max(smallest, round(2 * (largest - 1.5 * np.log10(point + 1))) / 2), "normal")

    def size_of(point: int) -> tuple[float, float] | None:
        if not fonts.can_draw(labels[point]):
            return None
        font = font_of(point)
        width, _, _ = text_to_path.get_text_width_height_descent(labels[point], font, ismath=False)
        # All labels of a size are of one height, with room for accents and descenders.
        return width + 2, font.get_size_in_points() * 1.2

    box = axis.get_window_extent()
    points = axis.transData.transform(scene.positions)
    area = (box.x0, box.y0, box.x1, box.y1)
    rings = [axis.transData.transform((0, -radius)) for radius, _ in scene.rings]
    taken = [(*(ring - _RING_LABEL), *(ring + _RING_LABEL)) for ring in rings]
    placed = place_labels(points, size_of, area, _DISTANCE, _MARGIN, _MOST_LABELS, scene.chosen, taken)
    # Dots shine through what lies behind a label. An outline around its letters would make an SVG six times as large.
    behind = {"facecolor": colours.background, "alpha": 0.7, "edgecolor": "none", "boxstyle": "round,pad=0.08"}
    to_data = axis.transData.inverted()
    for point, (left, lower, right, upper) in placed:
        x, y = to_data.transform(((left + right) / 2, (lower + upper) / 2))
        axis.text(
            x,
            y,
            labels[point],
            fontproperties=font_of(point),
            color=colours.accent if point < scene.chosen else colours.text,
            ha="center",
            va="center_baseline",
            bbox=behind,
            zorder=4,
        )
    return [label.point for label in placed]
