"""The ways in which answers are printed: tabs, CSV and its byte order mark, aligned columns, models side by side."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import ROYAL_VECTORS, ROYAL_WORDS, call, call_for_lines

from w2v_cli.cli import tables
from w2v_cli.formats.model_file import save_model

HARD = 'a,"b"'


@pytest.fixture(autouse=True)
def models(royal_model: Callable[[Mapping[str, Sequence[float]]], Path]) -> None:
    royal_model({HARD: [1, 1, 0.9], "é": [-1, -1, -1]})
    # Without counts, and without a word for apples.
    save_model("old.safetensors", ROYAL_WORDS[:4], None, {"input_vectors": np.array(ROYAL_VECTORS[:4], np.float32)}, {})


def test_csv_has_a_header_quotes_and_all_digits(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "similar", "-k", "2", "--csv", "king")
    rows = list(csv.DictReader(out.splitlines()))
    assert code == 0 and [row["word"] for row in rows] == [HARD, "man"]
    assert float(rows[1]["cosine"]) == pytest.approx((2 / 3) ** 0.5, abs=1e-12) and rows[0]["query"] == "king"


@pytest.mark.parametrize(
    ("arguments", "header"),
    [
        ("analogy man king woman", "question,word,cosine"),
        ("analogy man king woman --method 3cosmul", "question,word,score"),
        ("odd man king apple", "word,cosine"),
        ("distance man king", "a,b,cosine"),
        ("distance man king apple", ",man,king,apple"),
        ("similar --counts king", "query,word,cosine,count"),
        ("vocab text.txt", "word,count"),
        ("phrases text.txt -o joined.txt --threshold 1 --min-count 1", "phrase,score,pass"),
    ],
)
def test_every_table_has_csv(capsys: pytest.CaptureFixture[str], arguments: str, header: str) -> None:
    Path("text.txt").write_text("new york is new york in my town\n" * 20)
    code, out, _ = call_for_lines(capsys, *arguments.split(), "--csv")
    assert code == 0 and out[0] == header and len(out) > 1
    assert len({len(row) for row in csv.reader(out)}) == 1
    code, out, err = call_for_lines(capsys, *arguments.split(), "--csv", "--json")
    assert (code, out) == (2, []) and "--json and --csv exclude each other" in err


@pytest.mark.parametrize("question", ["similar x", "similar -m model.safetensors -m old.safetensors x y"])
def test_no_header_stands_alone_if_no_word_is_known(capsys: pytest.CaptureFixture[str], question: str) -> None:
    code, out, err = call(capsys, *question.split(), "--csv")
    assert (code, out) == (1, "") and "x" in err


@pytest.mark.parametrize("question", ["analogy man king x", "distance x y", "distance man x", "odd x y z", "predict x"])
def test_no_header_stands_alone_if_no_question_can_be_answered(
    capsys: pytest.CaptureFixture[str], question: str
) -> None:
    code, out, _ = call(capsys, *question.split(), "--csv")
    assert code != 0 and out == ""


def test_a_known_word_without_neighbours_has_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "similar", "king", "--threshold", "0.999", "--csv")[:2] == (0, "query,word,cosine\n")


@pytest.mark.parametrize("word", ["a\nb", "a\rb", '"', "a,b"])
def test_a_field_of_csv_stays_one_field(capsys: pytest.CaptureFixture[str], word: str) -> None:
    tables.print_csv(["word", "n"], [(word, 1), (None, 0.5)])
    out = capsys.readouterr().out
    assert list(csv.reader(io.StringIO(out, newline=""))) == [["word", "n"], [word, "1"], ["", "0.5"]]


def test_a_new_csv_file_begins_with_a_byte_order_mark_and_a_pipe_does_not() -> None:
    command = [sys.executable, "-m", "w2v_cli", "similar", "--csv", "-k", "1", "é"]
    with open("answers.csv", "wb") as file:
        subprocess.run(command, stdout=file, check=True)
    with open("answers.csv", "ab") as file:
        subprocess.run(command, stdout=file, check=True)
    piped = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    assert piped.startswith(b"query,") and "é,".encode() in piped
    assert Path("answers.csv").read_bytes() == b"\xef\xbb\xbf" + piped + piped


def test_distance_has_tabs_in_a_file_and_columns_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = call_for_lines(capsys, "distance", "king", "queen", "man")
    assert out == [
        "\tking\tqueen\tman",
        "king\t1.0000\t0.3333\t0.8165",
        "queen\t0.3333\t1.0000\t0.0000",
        "man\t0.8165\t0.0000\t1.0000",
    ]
    monkeypatch.setattr(tables, "answers_at_terminal", lambda: True)
    _, out, _ = call_for_lines(capsys, "distance", "king", "queen", "man")
    assert out[:2] == ["         king   queen     man", "king   1.0000  0.3333  0.8165"]


def test_columns_on_a_terminal_are_aligned_in_any_script(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "answers_at_terminal", lambda: True)
    rows: list[list[tables.Cell]] = [["한국", 1], ["e\u0301tude", 100], [None, 5]]
    tables.print_answers("text", ["word", "n"], rows, [], titles=["", "n"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["         n", "한국     1", "e\u0301tude  100", "         5"]


def test_models_stand_side_by_side(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    models = ["-m", "model.safetensors", "-m", "old.safetensors"]
    code, out, err = call_for_lines(capsys, "similar", *models, "-k", "2", "king", "apple")
    assert code == 1
    assert err.startswith("Error: old.safetensors: not in the vocabulary: apple\n") and "model.safetensors" not in err
    assert [line.split("\t") for line in out[:3]] == [
        ["query", *(f"{kind} ({path})" for path in models[1::2] for kind in ("word", "cosine"))],
        ["king", HARD, "0.9988", "man", "0.8165"],
        ["king", "man", "0.8165", "queen", "0.3333"],
    ]
    assert [line.split("\t")[3:] for line in out[3:]] == [["", ""], ["", ""]]
    _, out, _ = call_for_lines(capsys, "similar", *models, "-k", "1", "--json", "king", "apple")
    assert [(item["query"], item["model"]) for item in map(json.loads, out)] == [
        ("king", "model.safetensors"),
        ("king", "old.safetensors"),
        ("apple", "model.safetensors"),
    ]
    monkeypatch.setattr(tables, "answers_at_terminal", lambda: True)
    _, out, _ = call_for_lines(capsys, "similar", *models, "-k", "1", "king")
    assert out[0].split() == ["model.safetensors", "cosine", "old.safetensors", "cosine"]


@pytest.mark.parametrize(
    "arguments",
    ["analogy man king woman", "odd man king apple", "distance man king", "predict man", "classes", "shell", "info"],
)
def test_a_second_model_is_refused_where_it_would_be_ignored(
    capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    code, out, err = call(capsys, *arguments.split(), "-m", "model.safetensors", "-m", "old.safetensors")
    assert (code, out) == (2, "")
    assert "-m names 2 models" in err and f"w2v {arguments.split()[0]} takes one" in err.replace("\n", " ")


def test_the_environment_names_one_model_whatever_is_in_its_path(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("old.safetensors").rename("12:30 old.safetensors")
    monkeypatch.setenv("W2V_MODEL", "12:30 old.safetensors")
    assert call(capsys, "similar", "-k", "1", "king")[:2] == (0, "king\tman\t0.8165\n")


def test_counts_stand_beside_the_answers_or_are_asked_of_another_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "similar", "--counts", "-k", "1", "queen")[1] == "queen\twoman\t0.8165\t6\n"
    _, out, _ = call(capsys, "similar", "--counts", "-k", "1", "--json", "queen")
    assert json.loads(out)["neighbours"][0]["count"] == 6
    code, out, err = call(capsys, "similar", "--counts", "-m", "model.safetensors", "-m", "old.safetensors", "king")
    assert (code, out) == (3, "") and err.startswith("Error: old.safetensors does not say how often its words occur")


def test_no_cosine_exceeds_one(capsys: pytest.CaptureFixture[str]) -> None:
    matrix = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    words = [f"w{i}" for i in range(100)]
    save_model("twins.safetensors", words, None, {"input_vectors": np.concatenate([matrix, matrix])}, {})
    _, out, _ = call_for_lines(capsys, "similar", "-m", "twins.safetensors", "--json", "-k", "1", *words[:50])
    found = [json.loads(line)["neighbours"][0] for line in out]
    assert [item["word"] for item in found] == words[50:] and max(item["cosine"] for item in found) <= 1
    _, out, _ = call_for_lines(capsys, "distance", "-m", "twins.safetensors", "--json", *words)
    assert min(json.loads(line)["distance"] for line in out) >= 0
