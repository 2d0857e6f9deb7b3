#!/usr/bin/env python3
"""Draw the pictures of the README and of the help topics, each for a light page and for a dark one.

    pip install '.[test,plot]'
    scripts/pictures.py            draw all of them
    scripts/pictures.py --check    say which of them are not what this script draws
    scripts/pictures.py --remake   train on data/toyland.txt and write data/pictures, which the pictures show

Every picture shows figures that are written down: the table of speed and scores in w2v_cli/help/benchmarks.md, and the
files in data/pictures, which this script and scripts/bench/curve.py write. So drawing them needs no training, and the
same version of matplotlib gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v_cli.choices import THEMES
from w2v_cli.errors import W2VError
from w2v_cli.pictures import figures
from w2v_cli.pictures.curves import plot_runs
from w2v_cli.pictures.fonts import BASE
from w2v_cli.pictures.scene import Scene, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "w2v_cli" / "help"
DATA = ROOT / "data" / "pictures"
TOYLAND = "data/toyland.txt"
MAP = DATA / "map.tsv"
RUNS = ("skipgram", "cbow")
TRAINERS = {"w2v": "w2v", "gensim": "gensim", "fasttext": "fastText"}
CAPTION = "every dot is a run with its own seed and number of epochs"
CURVE = DATA / "curve.jsonl"
SIZE = (720.0, 400.0)  # points, as wide as the text of a README
NUMBER = r"([\d.]+)"
# A line of the table: the kind of training, words/s of w2v and of gensim in millions, how many times as fast w2v is,
# and the scores of both, of which the first are analogies.
LINE = re.compile(rf"^\| ([^|]+?) \| {NUMBER} M \| {NUMBER} M \| {NUMBER} [^|]*\| {NUMBER}, [^|]*\| {NUMBER}, ", re.M)


class Kind(NamedTuple):
    """A kind of training as two trainers do it: million words per second, and analogies in percent."""

    name: str
    speed: float
    peer_speed: float
    times: float
    score: float
    peer_score: float


class Point(NamedTuple):
    """A run of a trainer: seconds of training, and the mean score."""

    trainer: str
    seconds: float
    score: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--check", action="store_true", help="compare the pictures with what would be drawn")
    task.add_argument("--remake", action="store_true", help="make data/pictures anew; needs the extra plot")
    options = parser.parse_args()
    try:
        if options.remake:
            remake()
        require_version()
        if options.check:
            sys.exit(check())
        draw_all(PICTURES)
    except W2VError as error:
        sys.exit(f"Error: {error.message}" + (f"\nHint: {error.hint}" if error.hint else ""))


def require_version() -> None:
    """Exit if matplotlib is not of the version that pyproject.toml names: another one may draw other bytes."""
    figures.require_matplotlib()
    import matplotlib

    pinned = re.search(r"matplotlib==([\d.]+)", (ROOT / "pyproject.toml").read_text())
    assert pinned is not None
    if matplotlib.__version__ != pinned[1]:
        sys.exit(f"Error: matplotlib is {matplotlib.__version__}\nHint: pip install matplotlib=={pinned[1]}")


def draw_all(folder: Path) -> None:
    """Draw every picture into a folder."""
    kinds, scene, runs = measured(), scene_of(MAP), [str(DATA / f"{name}.jsonl") for name in RUNS]
    for theme in THEMES:
        draw_curve(points_of(CURVE), folder / f"curve-{theme}.svg", theme)
        draw_speed(kinds, folder / f"speed-{theme}.svg", theme)
        draw(scene, folder / f"map-{theme}.svg", theme, (720.0, 480.0))
        plot_runs(runs, folder / f"loss-{theme}.svg", theme=theme, size=(720.0, 480.0))


def check() -> int:
    """Name the pictures that are not what `draw_all` draws; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        draw_all(Path(folder))
        names = sorted(path.name for path in Path(folder).iterdir())
        wrong = [name for name in names if not same(PICTURES / name, Path(folder) / name)]
    for name in wrong:
        print(f"{PICTURES / name} is not what scripts/pictures.py draws", file=sys.stderr)
    return 1 if wrong else 0


def same(one: Path, other: Path) -> bool:
    """Tell whether two files have the same bytes; a missing file has none."""
    return one.exists() and one.read_bytes() == other.read_bytes()


def measured() -> list[Kind]:
    """Return the figures of the kinds of training of which benchmarks.md gives the scores of both trainers."""
    table = (PICTURES / "benchmarks.md").read_text().split("\n## Speed and scores\n")[1].split("\n## ")[0]
    return [Kind(name, *map(float, numbers)) for name, *numbers in LINE.findall(table)]


def new_axes(ticks: list[float], unit: str) -> tuple[Figure, Axes]:
    """Return a figure of the usual size with its axes: ticks and their unit along a logarithmic x axis."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, (width, height) = figures.new_figure(*SIZE), SIZE
    axes = figure.add_axes((56 / width, 66 / height, (width - 76) / width, (height - 132) / height))
    axes.set_xscale("log")
    axes.grid(axis="y")
    axes.tick_params(length=0, which="both")
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} {unit}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines["left"].set_visible(False)
    return figure, axes


def add_legend(figure: Figure, columns: int) -> None:
    """Put the legend between the title and the axes."""
    width, height = SIZE
    corner = (16 / width, 1 - 32 / height)
    figure.legend(loc="upper left", bbox_to_anchor=corner, borderaxespad=0, ncols=columns, fontsize=9.5)


def draw_speed(kinds: list[Kind], path: Path, theme: str) -> None:
    """Draw the quality of vectors against the speed of training: a dot for each trainer and kind of training."""
    colours = figures.theme_of(theme)
    ours, theirs = colours.series[0], colours.series[1]
    title = "Words per second, and how good the vectors are"
    with figures.drawing(colours, [BASE]):
        figure, axes = new_axes([0.5, 1, 2, 5, 10, 20], "M")
        axes.set_xlim(0.4, 40)
        axes.set_ylim(26, 41)
        axes.set_xlabel("words per second")
        axes.set_title("analogies answered, %", loc="left", fontsize=9, color=colours.muted)
        for kind in kinds:
            axes.plot(
                [kind.peer_speed, kind.speed],
                [kind.peer_score, kind.score],
                color=colours.muted,
                lw=0.8,
                ls=":",
                zorder=1,
            )
            middle = (kind.peer_speed * kind.speed) ** 0.5, (kind.peer_score + kind.score) / 2
            behind = {"facecolor": colours.background, "edgecolor": "none", "pad": 1.5}
            axes.text(
                *middle, f"{kind.times:g} ×", ha="center", va="center", fontsize=8, color=colours.muted, bbox=behind
            )
            # The names of two kinds that lie side by side would cover each other.
            crowded = any(0 < other.score - kind.score < 1 and other.speed < 2 * kind.speed for other in kinds)
            offset = (9, -9 if crowded else 0)
            axes.annotate(
                kind.name, (kind.speed, kind.score), offset, textcoords="offset points", va="center", fontsize=9.5
            )
        speeds, scores = [kind.speed for kind in kinds], [kind.score for kind in kinds]
        axes.scatter(speeds, scores, 70, ours, linewidths=0, zorder=3, label="w2v")
        speeds, scores = [kind.peer_speed for kind in kinds], [kind.peer_score for kind in kinds]
        axes.scatter(speeds, scores, 52, theirs, marker="s", linewidths=0, zorder=2, label="gensim")
        add_legend(figure, 2)
        caption = (
            "100 MB of English Wikipedia, 100 dimensions, 2 threads; ns: negative sampling, hs: hierarchical softmax"
        )
        figures.head_and_foot(figure, colours, title, caption)
        figures.save(figure, path, title)


def points_of(path: Path) -> list[Point]:
    """Return the runs in a file of scripts/bench/curve.py, with the seconds that their trainer's median speed takes.

    The speed is that of the runs that alternated; of a trainer without any, that of the runs that were scored.
    """
    runs = [json.loads(line) for line in path.read_text().splitlines()]
    speeds = {}
    for name in {run["trainer"] for run in runs}:
        timed = [run["words_per_second"] for run in runs if run["trainer"] == name and "scores" not in run]
        scored = [run["words_per_second"] for run in runs if run["trainer"] == name]
        speeds[name] = statistics.median(timed or scored)
    return [
        Point(run["trainer"], run["epochs"] * run["tokens"] / speeds[run["trainer"]], mean_score(run["scores"]))
        for run in runs
        if "scores" in run
    ]


def mean_score(scores: dict[str, float]) -> float:
    return statistics.mean(scores.values())


def draw_curve(points: list[Point], path: Path, theme: str) -> None:
    """Draw the quality of vectors against the seconds of training: a dot for each run, a line through the means."""
    colours = figures.theme_of(theme)
    title = "How good the vectors are after some seconds of training"
    with figures.drawing(colours, [BASE]):
        figure, axes = new_axes([1, 2, 5, 10, 20, 50, 100, 200, 500], "s")
        axes.set_xlabel("seconds of training, from one epoch to five")
        axes.set_title(
            "mean of four sets: analogies, WordSim, SimLex, MEN", loc="left", fontsize=9, color=colours.muted
        )
        for (name, label), colour, marker in zip(TRAINERS.items(), colours.series, "os^", strict=False):
            runs = [point for point in points if point.trainer == name]
            seconds = sorted({point.seconds for point in runs})
            means = [statistics.mean(point.score for point in runs if point.seconds == at) for at in seconds]
            axes.plot(seconds, means, color=colour, lw=1.6, zorder=2, marker=marker, markersize=7, label=label)
            dots = [point.seconds for point in runs], [point.score for point in runs]
            axes.scatter(*dots, 14, colour, marker=marker, linewidths=0, zorder=3)
        low, high = min(point.seconds for point in points), max(point.seconds for point in points)
        axes.set_xlim(low / 1.5, high * 1.5)
        add_legend(figure, 3)
        caption = "Skip-gram, negative sampling, 100 MB of English Wikipedia, 100 dimensions, 2 threads; " + CAPTION
        figures.head_and_foot(figure, colours, title, caption)
        figures.save(figure, path, title)


def scene_of(path: Path) -> Scene:
    """Return the map in a file: a title, and a line for each word with its position and its group."""
    title, *lines = path.read_text(encoding="utf-8").splitlines()
    words, numbers = zip(*(line.split("\t", 1) for line in lines), strict=True)
    table = np.array([line.split("\t") for line in numbers], np.float64)
    caption = "skip-gram on data/toyland.txt, laid out by t-SNE; a colour for each group of near directions"
    return Scene(words, table[:, :2], table[:, 2].astype(int), title, caption)


def remake() -> None:
    """Train on toyland with one thread, and write the logs and a layout of the words."""
    from w2v_cli.api.model import load
    from w2v_cli.pictures.groups import group_words
    from w2v_cli.pictures.layout import lay_out

    with tempfile.TemporaryDirectory() as folder:
        for model in RUNS:
            log = DATA / f"{model}.jsonl"
            log.unlink(missing_ok=True)
            output, written = f"{folder}/{model}.safetensors", os.path.relpath(log, ROOT)
            arguments = ["--model", model, "--epochs", "10", "--threads", "1", "--log", written, "-q"]
            command = [sys.executable, "-m", "w2v_cli", "train", TOYLAND, "-o", output, *arguments]
            subprocess.run(command, check=True, cwd=ROOT)
        vectors = load(f"{folder}/{RUNS[0]}.safetensors").word_vectors
        layout, groups = lay_out(vectors, "tsne", 1, 1), group_words(vectors, 1)
    rows = zip(vectors.words, layout.positions.tolist(), groups.of_words.tolist(), strict=True)
    lines = [f"{word}\t{x:.4f}\t{y:.4f}\t{group}\n" for word, (x, y), group in rows]
    title = f"{len(vectors):,} words of toyland: near each other if they are used alike\n"
    MAP.write_text(title + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
