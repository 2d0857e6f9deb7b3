"""What all pictures have in common: colours, the settings of matplotlib, and files that are written whole.

The same input gives the same bytes: there is no date in a file, the ids in an SVG are not random, text is kept as
outlines, and the user's own settings of matplotlib have no effect.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from w2v_cli.choices import PICTURES, THEMES, require_choice
from w2v_cli.errors import ConfigError, MissingExtraError
from w2v_cli.storage.atomic import atomic_file, check_writable
from w2v_cli.storage.outputs import Named, require_apart

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Points per inch, the unit of all lengths here. A PNG has PNG_DPI pixels per inch.
POINTS = 72
PNG_DPI = 200


class Theme(NamedTuple):
    """Colours. The `series` differ in brightness too, for those who do not see all hues."""

    background: str
    text: str
    muted: str
    line: str
    accent: str
    series: tuple[str, ...]


_LIGHT = Theme(
    background="#ffffff",
    text="#1f2328",
    muted="#59636e",
    line="#d1d9e0",
    accent="#bc4c00",
    series=("#0969da", "#d1570f", "#0f8a5f", "#9a4fb0", "#8a6d00", "#3d4bb8", "#a14a58", "#0b7f96", "#6e7781"),
)
_DARK = Theme(
    background="#0d1117",
    text="#e6edf3",
    muted="#9198a1",
    line="#30363d",
    accent="#ffa657",
    series=("#58a6ff", "#ff9352", "#3fc795", "#d69be6", "#e0c14f", "#a3a9ff", "#f08a9b", "#56cfe1", "#98a2ad"),
)
_THEMES = dict(zip(THEMES, (_LIGHT, _DARK), strict=True))


def theme_of(name: str) -> Theme:
    """Return the colours of a theme.

    Raises
    ------
    ConfigError
        If there is no theme of that name.
    """
    require_choice("theme", name, THEMES)
    return _THEMES[name]


def check_picture(path: str | os.PathLike[str], inputs: Sequence[str] = ()) -> None:
    """Make sure that a picture can be drawn and written to `path`, before anything long is computed.

    Parameters
    ----------
    inputs : the files that the picture shows.

    Raises
    ------
    ConfigError
        If the suffix is none of `choices.PICTURES`, or an input would be overwritten.
    MissingExtraError
        If matplotlib is not installed.
    ModelFileError
        If the file cannot be written.
    """
    name = os.fspath(path)
    if os.path.splitext(name)[1].lower() not in PICTURES:
        raise ConfigError(f"{name} is not the name of a picture", hint=f"it must end in {' or '.join(PICTURES)}")
    require_matplotlib()
    require_apart([Named(name, "the picture")], [Named(source, "the input") for source in inputs])
    check_writable(path)


def require_matplotlib() -> None:
    """Make sure that matplotlib is installed.

    Raises
    ------
    MissingExtraError
        If it is not.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtraError("drawing a picture", "matplotlib") from None


@contextlib.contextmanager
def drawing(theme: Theme, families: Sequence[str]) -> Iterator[None]:
    """Within this context, matplotlib has the colours of a theme, and fonts, and no settings of the user's."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": list(families),
                "font.size": 9,
                "text.parse_math": False,
                "text.color": theme.text,
                "figure.facecolor": theme.background,
                "axes.facecolor": theme.background,
                "axes.edgecolor": theme.line,
                "axes.labelcolor": theme.muted,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.axisbelow": True,
                "grid.color": theme.line,
                "grid.linewidth": 0.6,
                "xtick.color": theme.line,
                "ytick.color": theme.line,
                "xtick.labelcolor": theme.muted,
                "ytick.labelcolor": theme.muted,
                "legend.frameon": False,
                "svg.hashsalt": "w2v",
                "svg.fonttype": "path",
            }
        )
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in points."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / POINTS, height / POINTS), dpi=POINTS)


def head_and_foot(figure: Figure, theme: Theme, title: str, caption: str) -> None:
    """Write a title over the figure, and a sentence about it below."""
    width, height = figure.get_size_inches() * POINTS
    figure.text(16 / width, 1 - 12 / height, title, fontsize=13, weight="bold", va="top")
    figure.text(16 / width, 10 / height, caption, fontsize=8, color=theme.muted, va="bottom")


def save(figure: Figure, path: str | os.PathLike[str], title: str) -> None:
    """Write a figure to a file, completely or not at all; within the same `drawing`.

    Parameters
    ----------
    path : its suffix is one of `choices.PICTURES`.
    title : what the file says about itself.
    """
    kind = os.path.splitext(os.fspath(path))[1].lower().removeprefix(".")
    drawn = io.BytesIO()
    # Neither a date nor the version of matplotlib, so that the same figure gives the same bytes.
    metadata = {"Title": title, "Date": None, "Creator": None} if kind == "svg" else {"Title": title, "Software": None}
    figure.savefig(drawn, format=kind, dpi=PNG_DPI, metadata=metadata)
    with atomic_file(path) as file:
        file.write(drawn.getvalue())
