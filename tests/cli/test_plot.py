"""`w2v plot`: which picture an input gets, and what is said of wrong ones."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import call, everything

import w2v_cli as w2v

LOG = [
    {"event": "start", "config": {}},
    {"event": "step", "words": 10, "epoch": 1, "seconds": 1.0, "loss": 2.0, "alpha": 0.05, "words_per_second": 10.0},
]
WORDS = ["man", "woman", "bad", "good", "king"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    w2v.Model.of(WORDS, np.random.default_rng(2).normal(size=(5, 3))).save("model.safetensors")
    for name in ("run.jsonl", "log.txt"):
        Path(name).write_text("".join(json.dumps(event) + "\n" for event in LOG))
    Path("empty.jsonl").write_text(json.dumps(LOG[0]) + "\n")
    return tmp_path


def plot(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code, out, err = call(capsys, "plot", *arguments)
    assert out == ""
    return code, err


def test_the_content_says_whether_an_input_is_a_log_or_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    assert plot(capsys, "log.txt", "-o", "a.svg") == (0, "Wrote a.svg: 1 run\n")
    assert plot(capsys, "log.txt", "run.jsonl", "-o", "b.png") == (0, "Wrote b.png: 2 runs\n")
    code, err = plot(capsys, "model.safetensors", "-o", "c.svg", "--theme", "dark")
    assert code == 0 and err.endswith("Wrote c.svg: 5 words, 5 of them labelled\n")
    assert Path("b.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_draws_what_python_draws(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    model = w2v.load("model.safetensors")
    assert plot(capsys, "model.safetensors", "-o", "a.svg", "--around", "king", "--top", "3")[0] == 0
    model.plot("b.svg", around="king", top=3)
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    assert plot(capsys, "model.safetensors", "-o", "a.svg", "--axes", "man:woman", "bad:good")[0] == 0
    model.plot("b.svg", axes=["man:woman", "bad:good"])
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()


def test_without_an_input_it_is_the_model_that_other_commands_ask(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    assert plot(capsys, "-o", "a.svg")[1].endswith("Wrote a.svg: 5 words, 5 of them labelled\n")
    monkeypatch.setenv("W2V_MODEL", "my model.txt")
    code, err = plot(capsys, "-o", "a.svg")
    assert code == 3 and err.startswith("Error: there is no file my model.txt\n")


def test_words_that_cannot_be_drawn_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    monkeypatch.setattr("w2v_cli.pictures.fonts._others", list)
    w2v.Model.of(["king", "東京", "queen"], np.eye(3)).save("model.safetensors")
    _, err = plot(capsys, "model.safetensors", "-o", "a.svg")
    assert "no installed font can draw 1 word, which has no label: 東京;" in err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["model.safetensors"], 2, "Missing option '-o'"),
        (["model.safetensors", "-o", "a.pdf"], 2, "a.pdf is not the name of a picture"),
        (["model.safetensors", "-o", "no/a.svg"], 3, "there is no folder"),
        (["model.safetensors", "-o", "a.svg", "--around", "kong"], 1, "not in the vocabulary: kong"),
        (["model.safetensors", "-o", "a.svg", "--axes", "man:woman", "bad"], 2, "the axis 'bad' has no colon"),
        (["model.safetensors", "-o", "a.svg", "--top", "3"], 2, "--top says how many words are around another"),
        (["model.safetensors", "model.safetensors", "-o", "a.svg"], 2, "one picture shows one model"),
        (["run.jsonl", "model.safetensors", "-o", "a.svg"], 2, "vectors and logs do not go into one picture"),
        (["run.jsonl", "-o", "a.svg", "--around", "king"], 2, "--around is for vectors, but run.jsonl is the log"),
        (["run.jsonl", "-o", "a.svg", "--words", "9"], 2, "--words is for vectors"),
        (["empty.jsonl", "-o", "a.svg"], 3, "empty.jsonl has no step yet"),
        (["missing", "-o", "a.svg"], 3, "there is no file missing"),
    ],
)
def test_a_mistake_is_a_sentence_and_changes_no_file(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    before = everything(folder)
    found, err = plot(capsys, *arguments)
    assert found == code and sentence in err
    assert everything(folder) == before


def test_a_missing_extra_is_one_sentence_with_the_command_that_installs_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for source in ("model.safetensors", "run.jsonl"):
        _, err = plot(capsys, source, "-o", "a.svg")
        assert err.startswith("Error: drawing a picture needs the package matplotlib\nHint: ")
        assert err.endswith(" -m pip install matplotlib\n")
    assert "a.svg" not in os.listdir()
