"""Draw words as a map: all of them, the neighbourhood of one, or along two directions that the user names."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from w2v_cli.choices import require_whole
from w2v_cli.config import available_cores
from w2v_cli.embeddings.queries import find_nearest, unit_rows
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError
from w2v_cli.pictures.figures import Theme, check_picture, drawing, head_and_foot, new_figure, save, theme_of
from w2v_cli.pictures.fonts import Fonts, find_fonts, shown
from w2v_cli.pictures.groups import group_words
from w2v_cli.pictures.labels import place_labels
from w2v_cli.pictures.layout import OnProgress, can_tsne, first_words, lay_out, principal_components

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Words of a map, and neighbours of a word, unless the user chooses.
DEFAULT_WORDS = 20_000
DEFAULT_TOP = 50
SIZE = (720.0, 560.0)  # points
_MOST_LABELS = 250
_LABEL_SIZES = (11.0, 7.5)  # of the first label, and of the smallest
_MARGIN = 3.0
_GAP = 0.25  # radians on both sides of the labels of rings
# So many dots are drawn as pixels within an SVG, which would be large and slow otherwise.
_RASTERIZED = 2_000
_LAYOUTS = {"tsne": "t-SNE", "pca": "PCA", "file": "a file"}


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


class Drawn(NamedTuple):
    """A map that has been drawn.

    Attributes
    ----------
    words : how many words it shows · labelled : the words that have a label.
    undrawn : words without a label because no installed font can draw them.
    layout : what placed the words: tsne or pca; None for two directions.
    """

    words: int
    labelled: list[str]
    undrawn: list[str]
    layout: str | None


def plot_words(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    *,
    words: int | None = None,
    around: str | None = None,
    top: int = DEFAULT_TOP,
    axes: Sequence[str] | None = None,
    theme: str = "light",
    on_progress: OnProgress | None = None,
    inputs: Sequence[str] = (),
) -> Drawn:
    """Draw a map of words to a file; see `Model.plot`.

    Parameters
    ----------
    inputs : files that must not be overwritten.
    """
    if around is not None and axes is not None:
        raise ConfigError("a map shows what is around a word or two axes, not both", hint="draw two pictures")
    require_whole("words", words, 2, optional=True)
    require_whole("top", top, 1)
    theme_of(theme)
    check_picture(path, inputs)
    method = None
    if axes is not None:
        scene = _along_axes(vectors, axes, words or DEFAULT_WORDS)
    elif around is not None:
        scene = _around(vectors, around, top, words)
    else:
        scene, method = _whole_map(vectors, words or DEFAULT_WORDS, on_progress)
    labelled, undrawn = draw(scene, path, theme)
    return Drawn(len(scene.words), labelled, undrawn, method)


def parse_axis(text: str, vectors: WordVectors) -> tuple[str, str]:
    """Return the two words of an axis such as `man:woman`, which leads from the first to the second.

    A word may itself hold colons: the text is divided where both sides are known words.

    Raises
    ------
    ConfigError
        If the text has no colon, or both words are the same.
    UnknownWordError
        If a word is unknown.

    Examples
    --------
    >>> parse_axis("man:woman", WordVectors(["man", "woman"], np.eye(2, dtype=np.float32)))
    ('man', 'woman')
    """
    ends = [(text[:at], text[at + 1 :]) for at, letter in enumerate(text) if letter == ":"]
    if not ends:
        raise ConfigError(f"the axis {text!r} has no colon", hint="write an axis as man:woman")
    one, other = next(((a, b) for a, b in ends if a in vectors and b in vectors), ends[0])
    ids = vectors.ids_of([one, other])
    if ids[0] == ids[1]:
        raise ConfigError(f"the axis {text!r} leads from a word to itself", hint="name two words")
    return one, other


def _whole_map(vectors: WordVectors, words: int, on_progress: OnProgress | None) -> tuple[Scene, str]:
    some = first_words(vectors, words)
    _require_several(some)
    positions, method = _laid_out(some, on_progress)
    which = "all" if len(some) == len(vectors) else f"the {len(some):,} most frequent of"
    caption = (
        f"{which} {len(vectors):,} words, laid out by {_LAYOUTS[method]}; a colour for each group of near directions"
    )
    scene = Scene(some.words, positions, group_words(some, 1).of_words, "Words near each other", caption)
    return scene, method


def _around(vectors: WordVectors, word: str, top: int, words: int | None) -> Scene:
    """Return the nearest words around a word: the larger the cosine, the nearer to the middle."""
    center = int(vectors.ids_of([word])[0])
    (found,) = find_nearest(vectors, unit_rows(vectors, np.array([center])), top, [[center]], words)
    if not len(found.ids):
        raise ConfigError("1 word makes no map", hint="a map takes two words or more")
    ids = np.array([center, *found.ids.tolist()])
    near = WordVectors(vectors.words.take(ids), vectors.matrix[ids])
    largest, smallest = float(found.scores[0]), float(found.scores[-1])
    inner = 0.25 if largest > smallest else 1.0
    reach = inner + (1 - inner) * (largest - found.scores) / ((largest - smallest) or 1)
    angles = _angles(unit_rows(near, np.arange(len(ids))))
    places = reach[:, np.newaxis] * np.column_stack([np.cos(angles), np.sin(angles)])
    return Scene(
        words=near.words,
        positions=np.vstack([np.zeros((1, 2)), places]),
        groups=group_words(near, 1).of_words,
        title=f"The {len(found.ids):,} words nearest to {shown(vectors.words[center])}",
        caption="the nearer to the middle, the larger the cosine; side by side: words of similar directions",
        chosen=1,
        rings=tuple(
            (radius, _cosine(largest - (radius - inner) / ((1 - inner) or 1) * (largest - smallest)))
            for radius in ((inner, (inner + 1) / 2, 1.0) if inner < 1 else (1.0,))
        ),
    )


def _angles(units: np.ndarray) -> np.ndarray:
    """Return where the neighbours of the first word lie around it, so that similar ones lie side by side.

    They are ordered by the angle of the two principal components of what distinguishes them from the first word, and
    then spread evenly, so that their labels find room. At the bottom, where the rings are labelled, is a gap.

    Parameters
    ----------
    units : float64 (n + 1, D), the unit vectors of a word and of its n neighbours.

    Returns
    -------
    float64 (n,), radians.
    """
    rest = units[1:] - (units[1:] @ units[0])[:, np.newaxis] * units[0]
    x, y = principal_components(WordVectors([str(i) for i in range(len(rest))], rest.astype(np.float32))).T
    order = np.argsort(np.arctan2(y, x), kind="stable")
    angles = np.empty(len(rest))
    angles[order] = _GAP + (2 * np.pi - 2 * _GAP) * (np.arange(len(rest)) + 0.5) / len(rest)
    return angles - np.pi / 2


def _cosine(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _along_axes(vectors: WordVectors, axes: Sequence[str], words: int) -> Scene:
    if isinstance(axes, str) or len(axes) != 2:
        raise ConfigError("a map has two axes", hint='such as ["man:woman", "bad:good"]')
    ends = [parse_axis(axis, vectors) for axis in axes]
    named = list(dict.fromkeys(vectors.ids_of([word for pair in ends for word in pair]).tolist()))
    rows = [unit_rows(vectors, vectors.ids_of(pair)) for pair in ends]
    directions = np.array([other - one for one, other in rows])
    lengths = np.linalg.norm(directions, axis=1)
    if not lengths.all():
        raise ConfigError(f"the words of {axes[int(lengths.argmin())]} have the same direction")
    directions = (directions / lengths[:, np.newaxis]).astype(np.float32)
    some = first_words(vectors, words)
    positions = np.hstack([vectors.cosines(directions, len(some)), _of_rows(vectors, named, directions)]).T
    # The most telling words come first: those far out.
    spread = (positions[: len(some)] / positions[: len(some)].std(axis=0)) ** 2
    order = np.argsort(-spread.sum(axis=1), kind="stable")
    order = order[~np.isin(order, named)]
    ids = np.concatenate([np.array(named), order])
    places = np.vstack([positions[len(some) :], positions[order]])
    (x, y), shown_ends = ends, [(shown(one), shown(other)) for one, other in ends]
    return Scene(
        words=vectors.words.take(ids),
        positions=places,
        groups=np.zeros(len(ids), np.uint8),
        title=f"From {shown(x[0])} to {shown(x[1])}, and from {shown(y[0])} to {shown(y[1])}",
        caption=f"cosines of {len(ids):,} words with the differences of the vectors of the named words",
        chosen=len(named),
        axes=(shown_ends[0], shown_ends[1]),
    )


def _of_rows(vectors: WordVectors, ids: list[int], directions: np.ndarray) -> np.ndarray:
    """Return the cosines of some words with directions, float64 (directions, ids)."""
    return directions.astype(np.float64) @ unit_rows(vectors, np.array(ids)).T


def _require_several(vectors: WordVectors) -> None:
    if len(vectors) < 2:
        raise ConfigError(f"{len(vectors)} word makes no map", hint="a map takes two words or more")


def _laid_out(vectors: WordVectors, on_progress: OnProgress | None) -> tuple[np.ndarray, str]:
    """Return positions by t-SNE, float32 (n, 2), or by PCA if openTSNE is missing; and which of them it was."""
    told = {} if on_progress is None else {"on_progress": on_progress}
    layout = lay_out(vectors, "tsne" if can_tsne() else "pca", 1, available_cores(), **told)
    return layout.positions, layout.method


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
    taken = [(x - 12, y - 5, x + 12, y + 5) for x, y in rings]
    placed = place_labels(points, size_of, area, 3.0, _MARGIN, _MOST_LABELS, scene.chosen, taken)
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
