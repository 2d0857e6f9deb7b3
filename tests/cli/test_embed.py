"""`w2v embed`, and the smaller vectors of `w2v convert`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import assert_a_closed_pipe_is_silent, call, load_vectors

import w2v_cli as w2v
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.storage.tensors import TensorFile, word_tensors, write_tensors

WORDS = [f"w{row}" for row in range(30)]
MATRIX = np.random.default_rng(1).normal(size=(30, 6)).astype(np.float32)
TEXT = "w1 w2\n\nnothing known\nW3, w3\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)
    made = w2v.Model.of(WORDS, MATRIX, np.arange(30, 0, -1))
    made.metadata["text"] = '{"lower": true, "tokenize": "words"}'
    made.save("model.safetensors")
    Path("text.txt").write_text(TEXT)
    return tmp_path


def expected() -> np.ndarray:
    return np.array([(MATRIX[1] + MATRIX[2]) / 2, np.zeros(6), np.zeros(6), MATRIX[3]])


def untimed(err: str) -> list[str]:
    """Return the lines of stderr without the time of day."""
    return [line.split(" ", 1)[1] for line in err.splitlines()]


def test_a_row_for_each_line_is_written_and_what_was_found_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "embed", "text.txt", "-o", "out.npy")
    assert (code, out) == (0, "")
    assert untimed(err) == [
        "Lines without a known word: 2 of 4; their vectors are zeros",
        "Wrote out.npy: 4 lines × 6; 66.7% of 6 words are known",
    ]
    found = np.load("out.npy")
    assert found.dtype == np.float32 and found == pytest.approx(expected(), abs=1e-6)
    assert np.array_equal(found, w2v.load("model.safetensors").embed(TEXT.splitlines()))
    assert call(capsys, "embed", "text.txt", "-o", "sif.npy", "--weights", "sif", "-q") == (0, "", "")
    assert np.array_equal(np.load("sif.npy"), w2v.load("model.safetensors").embed(TEXT.splitlines(), "sif"))


def test_stdin_and_stdout_are_the_defaults(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in ((), ("-",)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        code, out, _ = call(capsys, "embed", *arguments)
        assert code == 0
        assert np.array([line.split() for line in out.splitlines()], np.float32) == pytest.approx(expected(), abs=1e-6)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    objects = [json.loads(line) for line in call(capsys, "embed", "--json")[1].splitlines()]
    assert [(item["line"], item["known"], item["composed"]) for item in objects] == [
        (1, 2, 0), (2, 0, 0), (3, 0, 0), (4, 2, 0),
    ]  # fmt: skip
    assert [item["vector"] for item in objects] == pytest.approx(expected(), abs=1e-6)


def test_a_terminal_is_told_that_lines_are_read_from_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b"w1\n"))
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)
    code, out, err = call(capsys, "embed")
    assert code == 0 and out.count("\n") == 1 and "Reading lines from the terminal; Ctrl-D ends" in err


def test_options_override_how_the_models_text_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "embed", "text.txt", "-o", "a.npy", "--tokenize", "whitespace")[0] == 0
    assert np.load("a.npy")[3] == pytest.approx(MATRIX[3], abs=1e-6)  # "w3," is unknown
    w2v.Model.of(WORDS, MATRIX).save("plain.safetensors")
    Path("capitals.txt").write_text("W1 W2 W3\n")
    err = call(capsys, "embed", "capitals.txt", "-m", "plain.safetensors", "-o", "a.npy")[2]
    assert "Most words are unknown" in err and not np.load("a.npy").any()
    assert call(capsys, "embed", "capitals.txt", "-m", "plain.safetensors", "-o", "a.npy", "--lower")[0] == 0
    assert np.load("a.npy")[0] == pytest.approx(MATRIX[1:4].mean(axis=0), abs=1e-6)
    Path("latin.txt").write_bytes("w1 größe\n".encode("latin-1"))
    assert call(capsys, "embed", "latin.txt", "-o", "a.npy")[0] == 3
    assert call(capsys, "embed", "latin.txt", "-o", "a.npy", "--encoding", "latin-1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["text.txt", "-o", "text.txt"], 2, "text.txt (the output) would overwrite text.txt (the text)"),
        (["text.txt", "-o", "out.csv"], 2, "no suffix that names a format"),
        (["text.txt", "-o", "out.npy", "--json"], 2, "--json writes JSON lines"),
        (["text.txt", "-o", "nowhere/out.npy"], 3, "there is no folder"),
        (["missing.txt"], 3, "missing.txt cannot be read"),
        (["text.txt", "-m", "a.txt", "--weights", "sif"], 3, "does not say how often its words occur"),
        (["model.safetensors"], 3, "model.safetensors"),
    ],
)
def test_mistakes_are_a_sentence_and_change_nothing(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    call(capsys, "convert", "model.safetensors", "a.txt")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    found = call(capsys, "embed", *arguments)
    assert found[:2] == (code, "") and message in found[2]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_closed_pipe_is_silent() -> None:
    Path("text.txt").write_text("w1 w2\n" * 20_000)
    assert_a_closed_pipe_is_silent("embed", "text.txt", "-q")


def test_int8_is_read_everywhere_as_float32(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "convert", "model.safetensors", "q.safetensors", "--dtype", "int8")
    assert (code, out) == (0, "") and err.startswith("recall@10 against float32: ")
    file = TensorFile("q.safetensors")
    numbers, scales = file.tensor("input_vectors", "I8", 2), file.tensor("input_scales", "F32", 1)
    read = w2v.load("q.safetensors")
    assert read.vectors.dtype == np.float32 and np.array_equal(read.vectors, numbers * scales[:, np.newaxis])
    assert read.vectors == pytest.approx(MATRIX, abs=float(np.abs(MATRIX).max()) / 250)
    assert np.array_equal(read.counts, np.arange(30, 0, -1)) and "text" in read.metadata  # type: ignore[arg-type]
    for command in (
        ["similar", "w1"],
        ["analogy", "w1", "w2", "w3"],
        ["odd", "w1", "w2", "w3"],
        ["distance", "w1", "w2"],
    ):
        assert call(capsys, *command, "-m", "q.safetensors")[0] == 0
    assert call(capsys, "embed", "text.txt", "-m", "q.safetensors", "-o", "out.npy", "--weights", "sif")[0] == 0
    facts = json.loads(call(capsys, "info", "--json", "q.safetensors")[1])
    assert (facts["dtype"], facts["memory"]) == ("int8", 30 * 6 * 4)
    for name in ("q.txt", "q.bin", "q.npy"):
        assert call(capsys, "convert", "q.safetensors", name)[0] == 0
    assert np.array_equal(load_vectors("q.txt").matrix, read.vectors)
    assert call(capsys, "convert", "q.safetensors", "again.safetensors", "--dtype", "int8")[0] == 0
    assert np.array_equal(TensorFile("again.safetensors").tensor("input_vectors", "I8", 2), numbers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_scales": np.ones(2, np.float32)}, "3 vectors and 2 input_scales"),
        ({"input_scales": np.array([1, -1, 1], np.float32)}, "negative or not finite"),
        ({"input_scales": np.array([1, np.nan, 1], np.float32)}, "negative or not finite"),
        ({"input_scales": np.ones(3)}, "has input_scales as F64"),
        ({}, "has no input_scales"),
    ],
)
def test_damaged_scales_are_refused(
    change: dict[str, np.ndarray], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tensors("q.safetensors", {"input_vectors": np.ones((3, 2), np.int8), **change, **word_tensors("abc")}, {})
    code, _, err = call(capsys, "similar", "-m", "q.safetensors", "a")
    assert code == 3 and message in err


def test_fewer_dimensions_say_what_they_explain(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "convert", "model.safetensors", "d.safetensors", "--dims", "2")
    values = np.linalg.svd(MATRIX.astype(float), compute_uv=False) ** 2
    assert code == 0 and f"2 components explain {values[:2].sum() / values.sum():.1%} of the variance; 90% takes" in err
    assert load_vectors("d.safetensors").dim == 2
    arguments = ("convert", "model.safetensors", "d.safetensors", "--dims", "3", "--dtype", "int8", "--json")
    facts = json.loads(call(capsys, *arguments)[1])
    assert (facts["dim"], facts["dtype"]) == (3, "int8") and 0 < facts["recall_at_10"] < 1
    assert facts["variance"] == pytest.approx(values[:3].sum() / values.sum())
    assert set(facts["components"]) == {"90%", "95%", "99%"}
    assert call(capsys, "convert", "model.safetensors", "n.txt", "--dims", "3", "--normalize", "--top", "5")[0] == 0
    assert np.linalg.norm(load_vectors("n.txt").matrix, axis=1) == pytest.approx(np.ones(5), abs=1e-6)
    code, _, err = call(capsys, "convert", "model.safetensors", "d.safetensors", "--dims", "7")
    assert code == 2 and "--dims 7 is not between 1 and the 6 dimensions" in err
    code, _, err = call(capsys, "convert", "model.safetensors", "d.txt", "--dtype", "int8")
    assert code == 2 and "text cannot hold int8" in err


def test_a_model_of_int8_has_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    save_model("m", WORDS, None, {"input_vectors": MATRIX}, {"loss": "[1.5]"})
    assert call(capsys, "convert", "m", "q.safetensors", "--dtype", "int8")[0] == 0
    with ModelFile("q.safetensors") as file:
        assert file.metadata["loss"] == "[1.5]" and str(file.matrix.dtype) == "int8"
        assert list(file.tables) == ["input_vectors"] and file.tables["input_vectors"].dtype == np.float32
