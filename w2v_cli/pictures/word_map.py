"""Draw words as a map: all of them, the neighbourhood of one, or along two directions that the user names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from w2v_cli.choices import MAP_TOP, MAP_WORDS, require_whole
from w2v_cli.config import available_cores
from w2v_cli.embeddings.queries import find_nearest, unit_rows
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError
from w2v_cli.pictures.figures import check_picture, theme_of
from w2v_cli.pictures.fonts import shown
from w2v_cli.pictures.groups import group_words
from w2v_cli.pictures.layout import (
    NAMES,
    OnProgress,
    default_method,
    lay_out,
    principal_components,
    silent,
)
from w2v_cli.pictures.scene import Scene, draw
from w2v_cli.storage.words import Words

_GAP = 0.25  # radians on both sides of what rings say
# Where the nearest word lies, as a share of the distance of the farthest.
_INNER = 0.25


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
    top: int = MAP_TOP,
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
        scene = _along_axes(vectors, axes, words or MAP_WORDS)
    elif around is not None:
        scene = _around(vectors, around, top, words)
    else:
        scene, method = _whole_map(vectors, words or MAP_WORDS, on_progress or silent)
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
    ids = vectors.covering([one, other]).ids_of([one, other])
    if ids[0] == ids[1]:
        raise ConfigError(f"the axis {text!r} leads from a word to itself", hint="name two words")
    return one, other


def _whole_map(vectors: WordVectors, words: int, on_progress: OnProgress) -> tuple[Scene, str]:
    some = vectors.first(words)
    _require_several(len(some))
    positions, method, _ = lay_out(some, default_method(), 1, available_cores(), on_progress)
    which = "all" if len(some) == len(vectors) else f"the {len(some):,} most frequent of"
    caption = f"{which} {len(vectors):,} words, laid out by {NAMES[method]}; a colour for each group of near directions"
    scene = Scene(some.words, positions, group_words(some, 1).of_words, "Words near each other", caption)
    return scene, method


def _around(vectors: WordVectors, word: str, top: int, words: int | None) -> Scene:
    """Return the nearest words around a word: the larger the cosine, the nearer to the middle."""
    vectors = vectors.covering([word])
    center = int(vectors.ids_of([word])[0])
    (found,) = find_nearest(vectors, unit_rows(vectors, np.array([center])), top, [[center]], words)
    _require_several(1 + len(found.ids))
    ids = np.array([center, *found.ids.tolist()])
    near = WordVectors([vectors.spelling(word_id) for word_id in ids.tolist()], vectors.rows(ids))
    largest, smallest = float(found.scores[0]), float(found.scores[-1])
    # If all cosines are the same, all words lie on one ring.
    inner, range_ = (_INNER, largest - smallest) if largest > smallest else (1.0, 1.0)
    reach = inner + (1 - inner) * (largest - found.scores) / range_
    rings = dict(zip(np.linspace(inner, 1, 3).tolist(), np.linspace(largest, smallest, 3).tolist(), strict=True))
    angles = _angles(unit_rows(near, np.arange(len(ids))))
    places = reach[:, np.newaxis] * np.column_stack([np.cos(angles), np.sin(angles)])
    return Scene(
        words=near.words,
        positions=np.vstack([np.zeros((1, 2)), places]),
        groups=group_words(near, 1).of_words,
        title=f"The {len(found.ids):,} words nearest to {shown(vectors.spelling(center))}",
        caption="the nearer to the middle, the larger the cosine; side by side: words of similar directions",
        chosen=1,
        rings=tuple((radius, f"{cosine:.2f}".replace("-", "−")) for radius, cosine in rings.items()),
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


def _along_axes(vectors: WordVectors, axes: Sequence[str], words: int) -> Scene:
    if isinstance(axes, str) or len(axes) != 2:
        raise ConfigError("a map has two axes", hint='such as ["man:woman", "bad:good"]')
    ends = [parse_axis(axis, vectors) for axis in axes]
    vectors = vectors.covering([word for pair in ends for word in pair])
    named = list(dict.fromkeys(vectors.ids_of([word for pair in ends for word in pair]).tolist()))
    rows = [unit_rows(vectors, vectors.ids_of(pair)) for pair in ends]
    directions = np.array([other - one for one, other in rows])
    lengths = np.linalg.norm(directions, axis=1)
    if not lengths.all():
        raise ConfigError(f"the words of {axes[int(lengths.argmin())]} have the same direction")
    directions = (directions / lengths[:, np.newaxis]).astype(np.float32)
    some = vectors.first(words)
    positions = np.hstack([vectors.cosines(directions, len(some)), _of_rows(vectors, named, directions)]).T
    # The most telling words come first: those far out.
    deviations = positions[: len(some)].std(axis=0)
    far = ((positions[: len(some)] / np.where(deviations > 0, deviations, 1)) ** 2).sum(axis=1)
    order = np.argsort(-far, kind="stable")
    order = order[~np.isin(order, named)]
    ids = np.concatenate([np.array(named), order])
    places = np.vstack([positions[len(some) :], positions[order]])
    (x, y), shown_ends = ends, [(shown(one), shown(other)) for one, other in ends]
    return Scene(
        words=Words.of([vectors.spelling(word_id) for word_id in ids.tolist()]),
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


def _require_several(words: int) -> None:
    if words < 2:
        raise ConfigError(f"{words} word makes no map", hint="a map takes two words or more")
