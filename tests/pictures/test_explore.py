"""`w2v explore` and `model.explore`: one file, written whole or not at all, that says how it was made."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import call, in_child, write_unchecked

import w2v_cli.pictures.explore as explore_module
from w2v_cli.api.model import Model, load
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError
from w2v_cli.formats.model_file import save_model
from w2v_cli.pictures.explore import title_of

WORDS = ["the", "king", "man", "woman", "queen", "</script><script>alert(1)</script>", "{{data}}"]


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with a model of 300 words; return the model's path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)
    words = [*WORDS, *(f"word{i}" for i in range(293))]
    rows = np.random.default_rng(1).standard_normal((300, 10)).astype(np.float32)
    save_model("model.safetensors", words, np.arange(300, 0, -1), {"input_vectors": rows}, {})
    return tmp_path / "model.safetensors"


def explored(path: Path | str = "map.html", **options: object) -> str:
    """Write a map of a small model and return the page."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        Model.of(WORDS, np.eye(7, 4, dtype=np.float32)).explore(path, **{"layout": "pca", **options})  # type: ignore[arg-type]
    return Path(path).read_text(encoding="utf-8")


def test_the_command_writes_a_page_and_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "explore", "-o", "map.html", "--layout", "pca")
    assert (code, out) == (0, "")
    assert re.fullmatch(r"Wrote map\.html: 300 words × 10, 0\.\d MB\. Open it in a browser\.\n", err)
    assert call(capsys, "explore", "model.safetensors", "-o", "again.html", "--layout", "pca", "-q") == (0, "", "")
    assert Path("again.html").read_bytes() == Path("map.html").read_bytes()
    code, out, err = call(capsys, "explore", "-m", "model.safetensors", "-o", "c.html", "--layout", "pca", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts.pop("bytes") == Path("c.html").stat().st_size
    assert facts == {
        "path": "c.html",
        "words": 300,
        "left_out": 0,
        "dim": 10,
        "bits": 8,
        "layout": "pca",
        "placed": 0,
        "remarks": [],
        "matrix": "input",
    }


def test_the_page_says_which_vectors_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    headers: list[dict[str, list[str]]] = []

    def pack(header: dict[str, list[str]], *others: object) -> str:
        headers.append(header)
        return ""

    monkeypatch.setattr(explore_module, "pack", pack)
    tables = {"input_vectors": np.eye(7, 4, dtype=np.float32), "output_vectors": np.ones((7, 4), np.float32)}
    for matrix in ("input", "mix"):
        Model(WordVectors(WORDS, tables["input_vectors"]), tables, matrix=matrix).explore("map.html", layout="pca")
    assert headers[0]["facts"][0].endswith("here with 8 bits each.")
    assert headers[1]["facts"][0].endswith("here with 8 bits each. The vectors are input + 0.143 × output vectors.")


def test_the_environment_names_the_model(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("model.safetensors").rename("other.safetensors")
    code, _, err = call(capsys, "explore", "-o", "map.html", "--layout", "pca")
    assert code == 3 and "make one with w2v train CORPUS, or name one with -m" in err
    monkeypatch.setenv("W2V_MODEL", "other.safetensors")
    assert call(capsys, "explore", "-o", "map.html", "--layout", "pca")[0] == 0
    assert call(capsys, "explore", "other.safetensors", "-o", "map.html", "--layout", "pca")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("explore", 2, "Missing option '-o'"),
        ("explore model.safetensors -m model.safetensors -o map.html", 2, "name two models"),
        ("explore -o map.html --layout tnse", 2, "neither tsne, pca nor a .npy file"),
        ("explore -o map.html --layout none.npy", 3, "none.npy: No such file"),
        ("explore -o map.html --max-size big", 2, "'big' is not a size"),
        ("explore -o map.html --max-size 10kB --layout pca", 2, "not even one word fits"),
        ("explore -o model.safetensors --layout pca", 2, "would overwrite"),
        ("explore -o places.npy --layout places.npy", 2, "would overwrite"),
        ("explore -o notes.md --layout pca", 2, "notes.md is not the name of a page"),
        ("explore -o - --layout pca", 2, "- is not the name of a page"),
        ("explore -o none/map.html --layout pca", 3, "there is no folder"),
        ("explore -o map.html --words 0", 2, "--words"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(
    arguments: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("places.npy", np.zeros((300, 2)))
    Path("notes.md").write_text("mine")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    given, out, err = call(capsys, *arguments.split())
    assert (given, out) == (code, "") and message in err and "Traceback" not in err
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_help_does_not_import_numpy() -> None:
    script = (
        "import sys\nfrom w2v_cli.cli.main import run\n"
        "try:\n    run(['explore', '--help'])\n"
        "finally:\n    print([name for name in ('numpy', 'openTSNE', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[]"


def test_without_opentsne_the_layout_is_pca_with_a_remark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore_module, "can_tsne", lambda: False)
    monkeypatch.setattr("w2v_cli.pictures.layout.can_tsne", lambda: False)
    code, _, err = call(capsys, "explore", "-o", "map.html")
    assert code == 0
    assert err.startswith("Note: The layout is PCA") and "pip install openTSNE" in err
    code, _, err = call(capsys, "explore", "-o", "other.html", "--layout", "tsne")
    assert code == 3 and "pip install openTSNE" in err and not Path("other.html").exists()


def test_a_model_that_is_too_large_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    # A map of seven words is little more than the page itself.
    limit = len(explored().encode()) + 5000
    code, _, err = call(capsys, "explore", "-o", "cut.html", "--layout", "pca", "--max-size", str(limit))
    assert code == 0 and Path("cut.html").stat().st_size <= limit
    left = re.search(r"The (\d+) rarest words were left out to keep the page under", err)
    assert left is not None and 0 < int(left[1]) < 300
    assert "have 6 bits per number instead of 8" in err


def test_the_number_of_words_can_be_given() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = Model.of(WORDS, np.eye(7, 4, dtype=np.float32)).explore("map.html", words=3, layout="pca")
    assert (made.words, made.left_out, made.placed, made.remarks) == (3, 0, 0, ())


def test_a_file_of_places_may_end_before_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("places.npy", np.random.default_rng(0).random((100, 2)))
    code, out, _ = call(capsys, "explore", "-o", "map.html", "--layout", "places.npy", "--json")
    facts = json.loads(out)
    assert (code, facts["layout"], facts["placed"]) == (0, "file", 200)


def test_few_words_are_laid_out_by_pca_and_python_warns() -> None:
    with pytest.warns(UserWarning, match="The layout is PCA"):
        Model.of(WORDS, np.eye(7, 4, dtype=np.float32)).explore("map.html")


def test_tsne_gives_the_same_page_with_any_number_of_threads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openTSNE", reason="openTSNE is not here (it is in the extra plot)")
    monkeypatch.setattr("w2v_cli.pictures.layout.ROUNDS", (50, 50))
    for threads in ("1", "2"):
        assert call(capsys, "explore", "-o", f"{threads}.html", "--threads", threads)[0] == 0
    assert Path("1.html").read_bytes() == Path("2.html").read_bytes()
    call(capsys, "explore", "-o", "3.html", "--seed", "2")
    assert Path("1.html").read_bytes() != Path("3.html").read_bytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_model_that_has_diverged_is_refused(bad: float, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.ones((2, 2), np.float32)
    rows[1, 0] = bad
    write_unchecked("bad.safetensors", ["good", "bad"], None, {"input_vectors": rows}, {})
    code, _, err = call(capsys, "explore", "bad.safetensors", "-o", "map.html", "--layout", "pca")
    assert code == 3 and "the vector of bad has no finite length" in err
    assert not Path("map.html").exists()


def test_a_killed_writer_leaves_the_older_page() -> None:
    explored()
    before = Path("map.html").read_bytes()

    def killed(*_: object) -> None:
        os._exit(9)

    def work() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "replace", killed)  # the last step of the writer
            explored(words=3)

    assert in_child(work) == 9
    assert Path("map.html").read_bytes() == before
    explored(words=3)  # removes what the killed process left
    assert sorted(path.name for path in Path().iterdir()) == ["map.html", "model.safetensors"]


def test_the_page_names_no_address_and_its_policy_admits_only_its_own_script() -> None:
    page = explored()
    assert not re.search(r"https?:|//[a-z]+\.", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and policy[1].startswith("default-src 'none'; script-src 'sha256-")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(scripts) == len(styles) == 1
    for text in (*scripts, *styles):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy[1]
    # Words are only in the packed data.
    assert page.count("<script") == 2 and "alert(1)" not in page and "{{" not in page


def test_the_title_is_text_and_comes_from_the_file_name() -> None:
    save_model("<b>&{{data}}.safetensors", WORDS, None, {"input_vectors": np.eye(7, 4, dtype=np.float32)}, {})
    load("<b>&{{data}}.safetensors").explore("map.html", layout="pca")
    page = Path("map.html").read_text(encoding="utf-8")
    assert "<title>&lt;b&gt;&amp;{{data}} · word map</title>" in page
    assert [title_of(name) for name in ("a/wiki.safetensors", "x.vec.gz", "y", ".bin")] == ["wiki", "x", "y", ".bin"]


def test_the_page_of_a_model_without_a_name_is_called_a_word_map_once() -> None:
    Model.of(WORDS, np.eye(7, 4, dtype=np.float32)).explore("map.html", layout="pca")
    page = Path("map.html").read_text(encoding="utf-8")
    assert "<title>Word map</title>" in page and '<h1 id="title" dir="auto">Word map</h1>' in page


def test_an_option_out_of_range_is_refused_in_python() -> None:
    for options in ({"words": 0}, {"seed": -1}, {"threads": 0}, {"max_size": "x"}, {"layout": "tnse"}):
        with pytest.raises(ConfigError):
            explored(**options)
