"""Maps of words: what they show, that they are repeatable, and what is refused."""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as tree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, everything

import w2v_cli as w2v
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, MissingExtraError, ModelFileError, UnknownWordError
from w2v_cli.pictures import fonts, word_map
from w2v_cli.pictures.scene import Scene, draw
from w2v_cli.pictures.word_map import parse_axis, plot_words

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

WORDS = ["man", "woman", "bad", "good", "king", "queen", "the", "10:30", "<b>", "$x$", "well-known", "naïve"]
KINDS: list[dict[str, Any]] = [{}, {"around": "king", "top": 6}, {"axes": ["man:woman", "bad:good"]}]
NAMES = ["map", "around", "axes"]


def model(words: list[str] = WORDS, dim: int = 6) -> w2v.Model:
    return w2v.Model.of(words, np.random.default_rng(7).normal(size=(len(words), dim)))


def written(path: Path) -> list[str]:
    """Return the texts of an SVG: matplotlib puts each, in a comment, before its outlines."""
    assert tree.parse(path).getroot().tag.endswith("svg")
    return [html.unescape(text) for text in re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("suffix", [".svg", ".png"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_the_same_input_gives_the_same_bytes(kind: dict[str, Any], theme: str, suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in ("one", "other")]
    for path in paths:
        model().plot(path, theme=theme, **kind)
    one, other = (path.read_bytes() for path in paths)
    assert one == other and len(one) > 5_000
    assert suffix == ".png" or (b"#0d1117" in one) == (theme == "dark")


def test_a_layout_by_tsne_is_the_same_for_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openTSNE", reason="t-SNE needs openTSNE")
    monkeypatch.setattr("w2v_cli.pictures.layout.ROUNDS", (50, 50))
    words, told = [f"word{number}" for number in range(60)], list[str]()
    for threads in (1, 2):
        monkeypatch.setattr(word_map, "available_cores", lambda threads=threads: threads)
        drawn = model(words).plot(tmp_path / f"{threads}.svg", on_progress=lambda phase, *_: told.append(phase))
        assert drawn.layout == "tsne"
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()
    assert "Laying out" in told


def test_a_map_labels_its_words(tmp_path: Path) -> None:
    drawn = model().plot(tmp_path / "map.svg")
    assert drawn.words == 12 and drawn.undrawn == [] and drawn.layout == "pca"
    assert set(drawn.labelled) <= set(WORDS) and len(drawn.labelled) >= 8
    texts = written(tmp_path / "map.svg")
    assert set(drawn.labelled) <= set(texts)
    assert "all 12 words, laid out by PCA; a colour for each group of near directions" in texts


def test_only_the_most_frequent_words_are_drawn(tmp_path: Path) -> None:
    assert sorted(model().plot(tmp_path / "map.svg", words=4).labelled) == sorted(WORDS[:4])
    assert "the 4 most frequent of 12 words" in written(tmp_path / "map.svg")[-1]


def test_the_neighbours_of_a_word_are_those_of_similar(tmp_path: Path) -> None:
    asked = model()
    drawn = asked.plot(tmp_path / "king.svg", around="king", top=4)
    near = asked.similar("king", 4)
    assert drawn.labelled[0] == "king" and set(drawn.labelled) == {"king", *(answer.word for answer in near)}
    texts = written(tmp_path / "king.svg")
    assert "The 4 words nearest to king" in texts
    assert {f"{answer.cosine:.2f}".replace("-", "−") for answer in (near[0], near[-1])} <= set(texts)


def test_the_distance_from_the_middle_follows_the_cosine() -> None:
    scene = word_map._around(model().word_vectors, "king", 5, None)
    reach = np.linalg.norm(scene.positions, axis=1)
    assert reach[0] == 0 and reach[1:].tolist() == sorted(reach[1:]) and reach[-1] == pytest.approx(1)


def test_axes_are_cosines_with_the_differences_of_unit_vectors() -> None:
    asked = model()
    scene = word_map._along_axes(asked.word_vectors, ["man:woman", "bad:good"], 12)
    vectors = {word: asked[word].astype(float) for word in WORDS}
    units = {word: vector / np.linalg.norm(vector) for word, vector in vectors.items()}
    assert list(scene.words[:4]) == WORDS[:4] and sorted(scene.words) == sorted(WORDS) and scene.chosen == 4
    for word, place in zip(scene.words, scene.positions, strict=True):
        for (one, other), value in zip((("man", "woman"), ("bad", "good")), place, strict=True):
            axis = units[other] - units[one]
            # The cosines of many words are computed in float32.
            assert value == pytest.approx(units[word] @ axis / np.linalg.norm(axis), abs=1e-6)


def test_the_ends_of_axes_are_named(tmp_path: Path) -> None:
    drawn = model().plot(tmp_path / "axes.svg", axes=["man:woman", "10:30:good"])
    assert {"man", "woman", "10:30", "good"} <= set(drawn.labelled) and drawn.layout is None
    assert {"← man", "woman →", "← 10:30", "good →"} <= set(written(tmp_path / "axes.svg"))


def test_an_axis_is_divided_where_both_sides_are_known() -> None:
    vectors = model().word_vectors
    assert parse_axis("10:30:the", vectors) == ("10:30", "the")
    assert parse_axis("the:10:30", vectors) == ("the", "10:30")


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"around": "kong"}, UnknownWordError, "not in the vocabulary: kong"),
        ({"axes": ["man:kong", "bad:good"]}, UnknownWordError, "kong"),
        ({"axes": ["man", "bad:good"]}, ConfigError, "has no colon"),
        ({"axes": ["man:man", "bad:good"]}, ConfigError, "from a word to itself"),
        ({"axes": ["man:woman"]}, ConfigError, "two axes"),
        ({"axes": "man:woman"}, ConfigError, "two axes"),
        ({"axes": ["man:woman", "bad:good"], "around": "king"}, ConfigError, "not both"),
        ({"theme": "blue"}, ConfigError, "light, dark"),
        ({"words": 1}, ConfigError, "words 1"),
        ({"around": "king", "top": 0}, ConfigError, "top 0"),
    ],
)
def test_a_wrong_option_is_a_sentence(
    options: dict[str, Any], error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=sentence):
        model().plot(tmp_path / "map.svg", **options)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["map.pdf", "map", "map.svg.gz"])
def test_only_names_of_pictures_are_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not the name of a picture") as caught:
        model().plot(tmp_path / name)
    assert caught.value.hint == "it must end in .svg or .png"


@pytest.mark.parametrize("kind", KINDS[:2], ids=NAMES[:2])
def test_one_word_makes_no_map(kind: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 word makes no map"):
        model(["king"]).plot(tmp_path / "map.svg", **kind)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS, ids=NAMES)
def test_a_vector_with_nan_is_a_sentence(kind: dict[str, Any], tmp_path: Path) -> None:
    vectors = model().vectors.copy()
    vectors[5, 2] = np.nan
    with pytest.raises(ModelFileError, match="queen"):
        plot_words(WordVectors(WORDS, vectors), tmp_path / "map.svg", **kind)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS[:2], ids=NAMES[:2])
def test_equal_words_and_one_dimension_make_a_map(kind: dict[str, Any], tmp_path: Path) -> None:
    equal = WordVectors(["king", "queen"], np.ones((2, 3), np.float32))
    line = WordVectors(["king", "queen", "man"], np.array([[1], [-1], [2]], np.float32))
    for vectors in (equal, line):
        assert plot_words(vectors, tmp_path / "map.svg", **kind).words == len(vectors)


def test_neighbours_of_one_cosine_lie_on_one_ring(tmp_path: Path) -> None:
    vectors = WordVectors(["king", *"abcd"], np.vstack([np.ones(4), np.eye(4)]).astype(np.float32))
    scene = word_map._around(vectors, "king", 4, None)
    assert np.linalg.norm(scene.positions[1:], axis=1) == pytest.approx(1)
    assert scene.rings == ((1.0, "0.50"),)


def test_axes_across_which_all_words_lie_alike_are_drawn(tmp_path: Path) -> None:
    words = ["one", "other", "left", "right"]
    vectors = WordVectors(words, np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0, -1]], np.float32))
    drawn = plot_words(vectors, tmp_path / "axes.svg", axes=["left:right", "one:other"], words=2)
    assert sorted(drawn.labelled) == sorted(words)
    with pytest.raises(ConfigError, match="have the same direction"):
        plot_words(WordVectors(words, np.ones((4, 2), np.float32)), tmp_path / "a.svg", axes=["one:other"] * 2)


def test_the_model_is_not_overwritten(tmp_path: Path) -> None:
    model().save(tmp_path / "model.safetensors")
    (tmp_path / "model.svg").symlink_to("model.safetensors")
    before = everything(tmp_path)
    with pytest.raises(ConfigError, match="would overwrite"):
        w2v.load(tmp_path / "model.safetensors").plot(tmp_path / "model.svg")
    assert everything(tmp_path) == before


def test_without_matplotlib_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="drawing a picture needs the package matplotlib") as caught:
        model().plot(tmp_path / "map.svg")
    assert caught.value.hint == f"{sys.executable} -m pip install matplotlib"


def test_the_users_settings_of_matplotlib_have_no_effect_and_are_left(tmp_path: Path) -> None:
    import matplotlib

    model().plot(tmp_path / "one.svg")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        model().plot(tmp_path / "other.svg")
        assert matplotlib.rcParams["font.size"] == 30
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_words_of_many_kinds_are_drawn(tmp_path: Path) -> None:
    words = ["$x$", r"$\frac", "</svg>", "--", "-->", "a&b", "x" * 200, "a\u2028b", "tab\there", "Ελλάδα", "мир"]
    drawn = model(words).plot(tmp_path / "map.svg")
    assert len(drawn.labelled) >= 8 and drawn.undrawn == []
    assert {"$x$", r"$\frac", "a&b", "мир"} & set(drawn.labelled) <= set(written(tmp_path / "map.svg"))


def test_a_word_is_shown_so_that_it_does_no_harm() -> None:
    assert fonts.shown("x" * 41) == "x" * 39 + "…" and fonts.shown("x" * 40) == "x" * 40
    assert fonts.shown("a\u2028b\n\u202e") == "a\\u2028b\\u000a\\u202e"


def test_words_without_a_font_are_named_and_not_drawn_as_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_others", list)  # as where no other font is installed
    drawn = model(["king", "東京", "queen", "हिन्दी"]).plot(tmp_path / "map.svg")
    assert drawn.undrawn == ["東京", "हिन्दी"] and sorted(drawn.labelled) == ["king", "queen"]
    assert not {"東京", "हिन्दी"} & set(written(tmp_path / "map.svg"))


@pytest.mark.parametrize("kind", [{"around": "東京"}, {"axes": ["king:東京", "queen:man"]}], ids=NAMES[1:])
def test_a_word_without_a_font_may_be_asked_about(
    kind: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "_others", list)
    for name in ("map.svg", "map.png"):
        drawn = model(["king", "東京", "queen", "man"]).plot(tmp_path / name, **kind)
    assert drawn.undrawn == ["東京"]
    # matplotlib would warn of letters that it draws as boxes, and warnings are errors here.
    assert any("??" in text for text in written(tmp_path / "map.svg"))


def test_a_font_that_has_the_letters_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = {"/latin": {"k"}, "/han": {"東", "京"}, "/all": {"東", "京", "k"}}
    monkeypatch.setattr(fonts, "_others", lambda: [("Latin", "/latin"), ("Han", "/han"), ("All", "/all")])
    monkeypatch.setattr(fonts, "_letters", lambda path: letters.get(path, {"k"}))
    assert fonts.find_fonts(["k"]).families == [fonts.BASE]
    assert fonts.find_fonts(["k", "東京"]).families == [fonts.BASE, "Han"]
    assert fonts.find_fonts(["東京語"]).missing == {"語"}


def test_an_older_matplotlib_would_turn_hebrew_around() -> None:
    old = fonts.Fonts([fonts.BASE], frozenset(), shapes=False)
    assert old.can_draw("king") and not old.can_draw("שלום") and not old.can_draw("العربية")


def test_letters_that_are_joined_need_no_glyph_for_the_joiner() -> None:
    assert fonts.find_fonts(["a\u200db\ufe0f"]).missing == frozenset()


def test_a_large_map_is_drawn_in_pixels_behind_its_labels(tmp_path: Path) -> None:
    places = np.random.default_rng(3).normal(size=(3000, 2))
    scene = Scene([f"word{number}" for number in range(3000)], places, np.zeros(3000, int), "t", "c")
    labelled, _ = draw(scene, tmp_path / "map.svg")
    assert 100 <= len(labelled) <= 250
    text = (tmp_path / "map.svg").read_text()
    assert "<image" in text and len(text) < 1_000_000


KILLED = """
import os, sys, time
import numpy as np, w2v_cli as w2v
def wait(*names):
    print("writing", flush=True)
    time.sleep(60)
os.replace = wait
w2v.Model.of(["a", "b", "c"], np.eye(3)).plot(sys.argv[1])
"""


def test_a_killed_plot_leaves_the_old_picture(tmp_path: Path) -> None:
    picture = tmp_path / "map.svg"
    picture.write_text("old")
    command = [sys.executable, "-c", KILLED, str(picture)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        assert process.stdout is not None and process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert picture.read_text() == "old"
    model().plot(picture)
    assert os.listdir(tmp_path) == ["map.svg"]
