"""The pictures of the documentation are those that `scripts/pictures.py` draws, from figures that are written down."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from w2v_cli.choices import THEMES
from w2v_cli.pictures import figures

matplotlib = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
PINNED = re.search(r"matplotlib==([\d.]+)", (ROOT / "pyproject.toml").read_text())
HELP = ROOT / "w2v_cli" / "help"


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Any:
    assert PINNED is not None
    if matplotlib.__version__ != PINNED[1]:
        pytest.skip(f"the pictures are drawn with matplotlib {PINNED[1]}")
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("pictures")


def test_every_picture_is_what_the_script_draws(pictures: Any) -> None:
    assert pictures.check() == 0


def test_a_changed_colour_is_noticed(
    pictures: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = figures._THEMES["dark"]._replace(text="#e6edf4")
    monkeypatch.setitem(figures._THEMES, "dark", changed)
    assert pictures.check() == 1
    named = re.findall(r"(\w+-\w+\.svg) is not", capsys.readouterr().err)
    assert named == ["curve-dark.svg", "loss-dark.svg", "map-dark.svg", "speed-dark.svg"]


def test_a_missing_picture_is_noticed(pictures: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one.svg").write_bytes(b"1")
    assert not pictures.same(tmp_path / "missing.svg", tmp_path / "one.svg")


def test_the_figures_of_speed_and_scores_are_those_of_the_benchmarks(pictures: Any) -> None:
    kinds = pictures.measured()
    assert [kind.name for kind in kinds] == ["skip-gram ns", "CBOW ns", "skip-gram hs", "CBOW hs"]
    for kind in kinds:
        # The benchmarks give the median of the ratios of pairs, which is near the ratio of the medians.
        assert kind.times == pytest.approx(kind.speed / kind.peer_speed, rel=0.25)
        assert 20 < kind.score < 50 and 20 < kind.peer_score < 50


def test_a_curve_has_a_point_for_each_run_at_the_seconds_of_the_median_speed(pictures: Any, tmp_path: Path) -> None:
    timed = [
        {"trainer": "w2v", "seed": 1, "words_per_second": speed, "tokens": 100, "epochs": 1} for speed in (9, 10, 50)
    ]
    scored = [
        {"trainer": name, "seed": seed, "words_per_second": 4, "tokens": 100, "epochs": epochs, "scores": scores}
        for name, seed, epochs, scores in (
            ("w2v", 1, 2, {"a": 30, "b": 50}),
            ("w2v", 2, 2, {"a": 31, "b": 51}),
            ("gensim", 1, 1, {"a": 20, "b": 40}),
        )
    ]
    path = tmp_path / "curve.jsonl"
    path.write_text("".join(json.dumps(run) + "\n" for run in timed + scored))
    points = pictures.points_of(path)
    assert points == [("w2v", 20, 40), ("w2v", 20, 41), ("gensim", 25, 30)]
    for name in ("one.svg", "other.svg"):
        pictures.draw_curve(points, tmp_path / name, "light")
    assert pictures.same(tmp_path / "one.svg", tmp_path / "other.svg")


def test_the_data_of_the_pictures_come_from_toyland_as_it_is(pictures: Any) -> None:
    words = set((ROOT / "data" / "toyland.txt").read_text(encoding="utf-8").split())
    assert set(pictures.scene_of(pictures.MAP).words) <= words
    for run in pictures.RUNS:
        start = json.loads((pictures.DATA / f"{run}.jsonl").read_text().splitlines()[0])
        assert start["corpus"] == ["data/toyland.txt"]


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(HELP.glob("*.md"))], ids=lambda page: page.stem)
def test_every_picture_of_a_page_exists_and_says_what_is_seen(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for tag in re.findall(r"<img[^>]*>", text):
        assert re.search(r'alt="[^"]{20,}"', tag), tag
    for description in re.findall(r"!\[([^\]]*)\]", text):
        assert len(description) >= 20, description
    for name in re.findall(r'(?:src|srcset)="([^"]+)"', text):
        assert (page.parent / name).exists(), name
        if name.endswith("-light.svg"):
            # A page shows the picture that suits its colours.
            assert name.replace("-light", "-dark") in text


@pytest.mark.parametrize("theme", THEMES)
def test_the_colours_of_a_theme_can_be_told_from_its_background(theme: str) -> None:
    colours = figures.theme_of(theme)
    for colour in (colours.text, colours.muted, colours.accent):
        assert contrast(colour, colours.background) >= 4.5, colour
    for colour in colours.series:
        assert contrast(colour, colours.background) >= 3, colour
    assert len(set(colours.series)) == len(colours.series)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, from 1 to 21."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
