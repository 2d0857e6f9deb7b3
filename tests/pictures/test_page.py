"""The page in a browser: what it finds is what the library finds, and everyone can use it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from w2v_cli.api.model import Model
from w2v_cli.pictures.explore import write_map

HOSTILE = [
    "</script><script>window.harmed = 1</script>",
    "<img src=x onerror='window.harmed = 1'>",
    "__proto__",
    "constructor",
    "New York",
    "a + b",
    "-",
    "+",
    "- x",
    "C++",
    "well-known",
    "100%",
    "%41",
    "#king",
    "مرحبا",
    "שלום",
    "日本語",
    "👩‍👩‍👧‍👦",
    "e\u0301te\u0301",
    "a\u2028b",
    "x" * 200,
    " leading",
    "{{data}}",
    "&amp;",
]
ORDINARY = ["the", "king", "man", "woman", "queen", "Paris", "kingdom", "kings"]

# The boxes of all labels, as left, top, right and bottom.
BOXES = "() => wordMap.map.labels.map(({x, y, w, h}) => [x, y, x + w, y + h])"
PIXELS = "() => { wordMap.map.draw(); return new Set(wordMap.map.pixels).size; }"


class Example(NamedTuple):
    """A page, and the model that it shows."""

    path: Path
    model: Model


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Return a page of 3,000 words in loose bundles, hostile ones among them."""
    words = [*ORDINARY, *HOSTILE, *(f"word{i}" for i in range(3000 - len(ORDINARY) - len(HOSTILE)))]
    random = np.random.default_rng(5)
    rows = random.standard_normal((60, 32))[np.arange(3000) % 60] + 0.9 * random.standard_normal((3000, 32))
    model = Model.of(words, rows.astype(np.float32))
    path = tmp_path_factory.mktemp("page") / "map.html"
    # Places without a pattern, so that neighbours lie apart and labels everywhere.
    np.save(path.with_suffix(".npy"), random.random((3000, 2)))
    write_map(path, model.word_vectors, "<b>title</b> & more", layout=path.with_suffix(".npy"))
    return Example(path, model)


def overlaps(boxes: list[list[float]]) -> int:
    return sum(
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
        for one, other in combinations(boxes, 2)
    )


def test_the_page_opens_offline_and_cannot_call_out(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    assert it.page.title() == "<b>title</b> & more · word map"
    assert it.page.inner_text("#title") == "<b>title</b> & more"
    assert it.page.inner_text("#summary") == "3,000 words × 32"
    refused = it.do("() => fetch('https://example.org/').then(() => 'answered', () => 'refused')")
    assert refused == "refused" and any("Content Security Policy" in text for text in it.complaints)
    assert it.do("() => { const s = document.createElement('script'); s.text = 'window.harmed = 1';"
                 "document.body.append(s); return window.harmed; }") is None  # fmt: skip
    it.complaints.clear()


@pytest.mark.parametrize(("width", "height", "least"), [(1440, 900, 150), (390, 844, 30)])
def test_labels_do_not_overlap_at_any_zoom(
    width: int, height: int, least: int, example: Example, open_page: Callable[..., Any]
) -> None:
    it = open_page(example.path, width, height)
    for step in range(5):
        boxes = it.do(BOXES)
        assert overlaps(boxes) == 0
        assert len(boxes) >= (least if step == 0 else 1)
        assert it.do(PIXELS) > 5  # not blank
        size = it.do("() => [wordMap.map.width, wordMap.map.height]")
        assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= size[0] and box[3] <= size[1] for box in boxes)
        it.do("() => { wordMap.map.zoom(3); wordMap.map.draw(); }")


def test_every_word_can_be_brought_to_show_its_label(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    shown = it.do(
        """() => Array.from({length: 200}, (_, i) => i * 15).filter((id) => {
            const {map, table} = wordMap;
            map.show({x: table.x[id], y: table.y[id], scale: map.largestScale});
            map.draw();
            return map.labels.some((label) => label.id === id);
        }).length"""
    )
    assert shown == 200


def test_the_nearest_words_are_those_of_the_library(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    same = 0
    for word in example.model.words[::60]:
        found = it.do(
            "(word) => { const {table} = wordMap; return table.nearest(table.parse(word), 10)"
            ".map(({id, score}) => [table.words[id], score]); }",
            word,
        )
        right = example.model.similar(word, 10)
        same += len({name for name, _ in found} & {one.word for one in right})
        scores = {one.word: one.cosine for one in right}
        assert all(abs(score - scores[name]) < 0.01 for name, score in found if name in scores)
    # 8 bits keep 99 % of the neighbours of vectors with 100 numbers, and a little less of 32.
    assert same >= 0.97 * 500


def test_a_sum_is_answered_as_the_analogy_is(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    for text in ("king - man + woman", "king -man +woman", "King − MAN + woman", " king – man + woman "):
        it.ask(text)
        assert it.status == "Nearest to king − man + woman"
        assert it.results[:5] == [answer.word for answer in example.model.analogy("man", "king", "woman", 5)]
    assert it.do("() => wordMap.map.labels.filter(({kind}) => kind === 'chosen').length") >= 1


def test_words_are_found_in_any_case_and_unknown_ones_are_told(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    for text, status in [
        ("KING", "Nearest to king"),
        ("  paris ", "Nearest to Paris"),
        ("été", "Nearest to e\u0301te\u0301"),
        ("kingg", "The map does not have “kingg”. Did you mean one of these?"),
        ("king-man", "The map does not have “king-man”. In a sum, put spaces around the signs."),
        ("king - nobody + noone", "The map does not have “nobody” and “noone”."),
        ("king -", "A sign has no word after it. Write sums like king - man + woman."),
        ("", ""),
    ]:
        it.ask(text)
        assert it.status == status
    it.ask("king + Pariss")
    it.page.click("#near button >> nth=0")
    it.page.wait_for_selector("#results button")
    assert it.status == "Nearest to king + Paris"


def test_hostile_words_are_found_and_nothing_runs(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    it.page.click("#places summary")
    for word in HOSTILE:
        it.do("(word) => wordMap.ask(word)", word)
        it.do("() => new Promise((resolve) => setTimeout(resolve))")
        assert it.do("() => wordMap.table.words[wordMap.map.chosen[0]]") == word
        assert it.do("() => wordMap.map.chosen.length") == 1 and len(it.results) == 10
        it.do("() => wordMap.map.draw()")
    assert it.do("() => window.harmed") is None
    assert it.page.locator("#panel img, #panel script").count() == 0


def test_keys_alone_are_enough(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    keys = it.page.keyboard
    keys.press("/")
    keys.type("king - man")
    keys.press("Enter")
    it.page.wait_for_selector("#results button")
    # Over the button to the first answer.
    keys.press("Tab")
    keys.press("Tab")
    first = it.results[0]
    keys.press("Enter")
    arrived = "(word) => wordMap.map.chosen.length === 1 && location.hash === '#' + encodeURIComponent(word)"
    it.page.wait_for_function(arrived, arg=first)
    it.page.focus("#map")
    view = "() => ({...wordMap.map.view})"
    before = it.do(view)
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    after = it.do(view)
    assert after["x"] > before["x"] and after["y"] > before["y"]
    keys.press("+")
    assert it.do(view)["scale"] > after["scale"]
    keys.press("-")
    assert it.do(view)["scale"] == pytest.approx(after["scale"])
    keys.press("0")
    assert it.do("() => wordMap.map.view.scale === wordMap.map.fittedScale")
    keys.press("Escape")
    it.page.wait_for_function("() => !wordMap.map.chosen.length && location.hash === ''")


def test_the_address_names_the_word(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path, address="#king")
    assert it.status == "Nearest to king"
    it.do("() => { location.hash = '#queen'; }")
    it.page.wait_for_function("() => document.querySelector('#status').textContent.includes('queen')")
    it.page.go_back()
    it.page.wait_for_function("() => document.querySelector('#status').textContent.includes('king')")
    it.do("() => { location.hash = '#%E0%A4%A'; }")
    it.page.wait_for_function("() => document.querySelector('#status').textContent.includes('%E0%A4%A')")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_word_and_its_neighbours_are_in_view_or_marked_at_the_edge(
    width: int, height: int, example: Example, open_page: Callable[..., Any]
) -> None:
    it = open_page(example.path, width, height)
    for word in example.model.words[::300]:
        it.ask(word)
        it.do("() => wordMap.map.draw()")
        labels = it.do(
            "() => wordMap.map.labels.filter(({kind}) => kind).map(({id, kind, edge}) => [id, kind, !!edge])"
        )
        chosen = [label for label in labels if label[1] == "chosen"]
        assert len(chosen) == 1 and not chosen[0][2]
        outside = it.do(
            "() => wordMap.map.near.filter((id) => { const [x, y] = [wordMap.map.screenX(id), wordMap.map.screenY(id)];"
            "return x < 0 || y < 0 || x > wordMap.map.width || y > wordMap.map.height; })"
        )
        assert {label[0] for label in labels if label[2]} <= set(outside)
        assert len([label for label in labels if label[1] == "near"]) >= 8
        hidden = it.do(
            "() => { const {map} = wordMap; return map.labels.filter(({x, y, w, h}) => [...map.chosen, ...map.near]"
            ".some((id) => map.screenX(id) > x && map.screenX(id) < x + w && map.screenY(id) > y"
            " && map.screenY(id) < y + h)).length; }"
        )
        assert hidden == 0  # no label lies on a point of the query
    # The panel lies beside the map or below it, and covers nothing.
    panel, stage = (it.page.locator(part).bounding_box() for part in ("#panel", "#stage"))
    assert panel["x"] + panel["width"] <= stage["x"] + 1 or stage["y"] + stage["height"] <= panel["y"] + 1


def test_a_click_on_a_label_asks_for_its_word(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    box = it.page.locator("#map").bounding_box()
    label = it.do("() => wordMap.map.labels[3]")
    it.page.mouse.click(box["x"] + label["x"] + label["w"] / 2, box["y"] + label["y"] + label["h"] / 2)
    it.page.wait_for_selector("#results button")
    assert it.do("() => wordMap.map.chosen") == [label["id"]]
    # Dragging moves the map and picks nothing.
    before = it.do("() => wordMap.map.view.x")
    it.page.mouse.move(box["x"] + 500, box["y"] + 400)
    it.page.mouse.down()
    it.page.mouse.move(box["x"] + 300, box["y"] + 400, steps=4)
    it.page.mouse.up()
    assert it.do("() => wordMap.map.view.x") > before
    assert it.do("() => wordMap.map.chosen") == [label["id"]]


def test_without_reduced_motion_the_view_flies(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path, reduced_motion="no-preference")
    it.ask("king")
    assert it.do("() => wordMap.map.flight !== undefined")
    it.page.wait_for_function("() => wordMap.map.flight === undefined")
    assert it.do("() => Math.abs(wordMap.map.screenX(1) - wordMap.map.width / 2) < wordMap.map.width / 2")
    still = open_page(example.path)
    still.ask("king")
    assert still.do("() => wordMap.map.flight === undefined")


def test_the_list_of_places_says_what_lies_beside_a_word(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    it.page.click("#places summary")
    it.page.wait_for_selector("#places li")
    lines = it.page.locator("#places li").all_text_contents()
    assert len(lines) == 40
    assert re.fullmatch(r"the near .+, .+, .+; (top|middle|bottom) (left|center|right)", lines[0])
    places = np.array(it.do("() => Array.from(wordMap.table.x, (x, id) => [x, wordMap.table.y[id]]).slice(0, 1500)"))
    distances = np.hypot(*(places - places[0]).T)
    nearest = [example.model.words[i] for i in np.argsort(distances)[1:4].tolist()]
    assert lines[0].startswith(f"the near {', '.join(nearest)};")


def test_colours_show_groups_or_frequency(example: Example, open_page: Callable[..., Any]) -> None:
    it = open_page(example.path)
    assert it.page.locator("#groups li").count() == 9
    everything = it.do("() => wordMap.map.labels.length")
    it.page.click("#groups button >> nth=2")
    it.do("() => wordMap.map.draw()")
    assert set(it.do("() => wordMap.map.labels.map(({id}) => wordMap.table.group[id])")) == {2}
    assert 0 < it.do("() => wordMap.map.labels.length") <= everything
    it.page.click("#by-rank")
    assert it.page.is_visible("#ramp") and not it.page.is_visible("#groups")
    assert it.do(PIXELS) > 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(scheme: str, example: Example, open_page: Callable[..., Any]) -> None:
    reason = "axe is not here (it is in the extra test)"
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason)
    script = (Path(axe.__file__).parent / "axe.min.js").read_text()
    it = open_page(example.path, address="#king", color_scheme=scheme)
    for summary in ("#places summary", "#about summary"):
        it.page.click(summary)
    it.do(script)
    # The last is a window of 1440 × 900 at a zoom of 200 %.
    for width, height in [(1440, 900), (390, 844), (720, 450)]:
        it.page.set_viewport_size({"width": width, "height": height})
        it.do("() => new Promise(requestAnimationFrame)")
        found = it.do("() => axe.run()")
        assert [(rule["id"], [node["html"][:80] for node in rule["nodes"]]) for rule in found["violations"]] == []
        small = it.do(
            "() => [...document.querySelectorAll('button, input, summary')].filter((one) => one.offsetParent)"
            ".map((one) => one.getBoundingClientRect()).filter((box) => Math.min(box.width, box.height) < 24).length"
        )
        assert small == 0
        assert it.do("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("rows", [[[1.0, 2.0]], [[1, 1], [1, 1]], [[1], [-2], [3]], [[0, 0], [1, 0]]])
def test_a_map_of_few_words_works(rows: list[list[float]], tmp_path: Path, open_page: Callable[..., Any]) -> None:
    model = Model.of([f"w{i}" for i in range(len(rows))], np.array(rows))
    write_map(tmp_path / "map.html", model.word_vectors, "few", layout="pca")
    it = open_page(tmp_path / "map.html", address="#w0")
    assert it.results == [one.word for one in model.similar("w0", 10)]
    assert it.status == ("There is no other word than w0." if len(rows) == 1 else "Nearest to w0")
    it.do("() => { wordMap.map.zoom(1e9); wordMap.map.draw(); wordMap.map.zoom(1e-9); wordMap.map.draw(); }")
    assert it.do("() => wordMap.map.labels.length") >= 1


def test_a_damaged_page_says_so(example: Example, tmp_path: Path, browser: Any) -> None:
    text = example.path.read_text(encoding="utf-8")
    (tmp_path / "cut.html").write_text(re.sub(r'(id="data">.{5000})[^<]*', r"\1", text), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "cut.html").as_uri())
    page.wait_for_function("() => document.querySelector('#loading').textContent.includes('Is the file complete?')")
    page.close()
