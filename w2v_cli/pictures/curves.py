"""Draw the logs of runs: the loss, the learning rate and the speed against the words trained, one run over another."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from w2v_cli.errors import ConfigError, LogFileError
from w2v_cli.pictures.figures import Theme, check_picture, drawing, head_and_foot, new_figure, save, theme_of
from w2v_cli.pictures.fonts import find_fonts, shown
from w2v_cli.storage.urls import local_path
from w2v_cli.training.run_log import RunLog, read_run_log, short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (720.0, 560.0)  # points
# Runs differ in their lines too, so that a colour is never the only sign.
_LINES = ("-", "--", "-.", ":")
# So few measurements are marked one by one.
_MARKED = 40
_LEGEND_COLUMNS = 5
_JSON = re.compile(rb"\s*\{\s*(?:\"[^\"\n]*\"\s*:|\})")
_HEAD_BYTES = 1 << 12


def is_log(path: str | os.PathLike[str]) -> bool:
    """Tell by its first bytes whether a file is JSON, as logs are and vectors are not; False if it cannot be read."""
    try:
        with open(local_path(os.fspath(path)), "rb") as file:
            return _JSON.match(file.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


def plot_runs(
    logs: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    theme: str = "light",
    size: tuple[float, float] = SIZE,
) -> list[str]:
    """Draw the logs of one run or of several to a file.

    Parameters
    ----------
    logs : files of `w2v train --log`; a run may go on, or may have been killed.
    path : the picture; it ends in .svg or .png.
    theme : light or dark · size : width and height in points.

    Returns
    -------
    What was wrong with the logs, as sentences.

    Raises
    ------
    LogFileError
        If a file cannot be read, is not the log of a run, or says nothing of its training yet.
    ConfigError
        If there is no log, the name of the picture does not end in .svg or .png, or it is one of the logs.
    MissingExtraError
        If matplotlib is not installed.
    ModelFileError
        If the picture cannot be written.
    """
    if isinstance(logs, str | os.PathLike):
        raise ConfigError("the logs are one path, not a list", hint='such as ["run.jsonl"]')
    if not logs:
        raise ConfigError("there is no log to draw", hint="name a file of w2v train --log")
    colours = theme_of(theme)
    check_picture(path, [os.fspath(log) for log in logs])
    runs = [read_run_log(log) for log in logs]
    for run in runs:
        if not run.steps["words"] and not run.epochs:
            raise LogFileError(f"{run.path} has no step yet", hint="wait until the run has trained for a while")
    names = [shown(name) for name in short_names([run.path for run in runs])]
    title = names[0] if len(runs) == 1 else f"{len(runs)} runs"
    fonts = find_fonts([*names, title])
    names, title = [fonts.legible(name) for name in names], fonts.legible(title)
    with drawing(colours, fonts.families):
        figure = new_figure(*size)
        _draw(figure, runs, names, colours, size)
        head_and_foot(figure, colours, title, "")
        save(figure, path, title)
    return [notice for run in runs for notice in run.notices]


def _draw(figure: Any, runs: Sequence[RunLog], names: Sequence[str], colours: Theme, size: tuple[float, float]) -> None:
    width, height = size
    several, resumed = len(runs) > 1, any(run.resumed_at for run in runs)
    validated = any(run.validation_losses for run in runs)
    entries = len(runs) * several + validated + resumed
    head = 50 + 16 * -(-entries // _LEGEND_COLUMNS)
    sides = {"left": 64 / width, "right": 1 - 20 / width, "top": 1 - head / height, "bottom": 40 / height}
    panels = figure.subplots(3, sharex=True, height_ratios=(2.2, 1, 1), gridspec_kw={**sides, "hspace": 0.2})
    lines = []
    for number, run in enumerate(runs):
        colour = colours.series[number % len(colours.series)]
        style = {"color": colour, "linestyle": _LINES[number % len(_LINES)], "linewidth": 1.6}
        lines += _draw_line(panels[0], _losses(run), style, marked=True)
        if run.validation_losses:
            _draw_held_out(panels[0], run.validation_losses, style)
        _draw_line(panels[1], _column(run, "alpha"), style)
        _draw_line(panels[2], _column(run, "words_per_second"), style)
        for words in run.resumed_at:
            for panel in panels:
                panel.axvline(words, color=colour, linestyle=":", linewidth=1)
            panels[0].plot([words], [1], "v", color=colour, transform=panels[0].get_xaxis_transform(), clip_on=False)
    _dress(panels, colours)
    handles = lines if several else []
    if validated:
        handles = [*handles, *_draw_held_out(panels[0], [], {"color": colours.muted})]
    if resumed:
        handles = [*handles, *panels[0].plot([], [], "v", color=colours.muted)]
    if entries:
        labels = [*(names if several else ()), *["held out"] * validated, *["resumed"] * resumed]
        corner = (16 / width, 1 - 32 / height)
        figure.legend(handles, labels, ncols=_LEGEND_COLUMNS, loc="upper left", bbox_to_anchor=corner, borderaxespad=0)


def _draw_line(panel: Axes, points: dict[int, float], style: dict[str, Any], marked: bool = False) -> list[Any]:
    """Draw values against words, a few of them with a dot for each if they are `marked`; return the line."""
    marker: dict[str, Any] = {"marker": "o", "markersize": 4} if marked and len(points) <= _MARKED else {}
    lines: list[Any] = panel.plot(list(points), list(points.values()), **style, **marker)
    return lines


def _draw_held_out(panel: Axes, losses: Sequence[tuple[int, float]], style: dict[str, Any]) -> list[Any]:
    """Draw the losses on held-out text as hollow dots on a thin line of the run's colour."""
    hollow = {"marker": "o", "markersize": 5, "markerfacecolor": "none", "linestyle": "-", "linewidth": 0.8}
    lines: list[Any] = panel.plot([w for w, _ in losses], [loss for _, loss in losses], **{**style, **hollow})
    return lines


def _dress(panels: Sequence[Axes], colours: Theme) -> None:
    """Name the axes, and show large numbers as people write them."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    names = ("loss, nats per prediction", "alpha", "words/s")
    for panel, name in zip(panels, names, strict=True):
        panel.set_title(name, loc="left", fontsize=9, color=colours.muted)
        panel.grid(axis="y")
        panel.tick_params(length=0)
        panel.yaxis.set_major_locator(MaxNLocator(5))
        panel.spines[["left"]].set_visible(False)
    for panel in panels[1:]:
        panel.set_ylim(bottom=0)
    panels[2].yaxis.set_major_formatter(EngFormatter(sep=" "))
    panels[2].xaxis.set_major_formatter(EngFormatter(sep=" "))
    panels[2].set_xlabel("words trained")
    panels[2].set_xlim(left=0)


def _losses(run: RunLog) -> dict[int, float]:
    """Return the losses that were measured, by the words trained until then."""
    measured = dict(run.losses)
    measured.update((epoch["words"], epoch["loss"]) for epoch in run.epochs if epoch["loss"] is not None)
    return dict(sorted(measured.items()))


def _column(run: RunLog, name: str) -> dict[int, float]:
    """Return what steps and the ends of epochs say, by the words trained until then."""
    steps = zip(run.steps["words"], run.steps[name], strict=True)
    values = {words: value for words, value in steps if value is not None}
    if not values:  # so short a run has no step
        values = {epoch["words"]: epoch[name] for epoch in run.epochs if epoch[name] is not None}
    return values
