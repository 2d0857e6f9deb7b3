"""`w2v similar` and `w2v eval` on the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, ROYAL_VECTORS, ROYAL_WORDS, call

from w2v_cli.api.model import Model, Prediction
from w2v_cli.cli.console import print_rows
from w2v_cli.formats.model_file import save_model

MORE: dict[str, list[float]] = {"ev\x1bil": [-1, 0.1, -1], "한국": [0, 0, -1]}
WORDS = [*ROYAL_WORDS, *MORE]
MATRIX = np.array([*ROYAL_VECTORS, *MORE.values()], dtype=np.float32)


@pytest.fixture(autouse=True)
def model(royal_model: Callable[[Mapping[str, Sequence[float]]], Path]) -> Path:
    """Change to a folder with a model and gold sets; return the model's path."""
    path = royal_model(MORE)
    Path("analogies.txt").write_text(": royal\nman king woman queen\nman king woman apple\n: other\nx y z w\n")
    Path("pairs.tsv").write_text("man\tking\t9\nman\twoman\t5\nman\tapple\t1\nman\tduke\t1\n")
    return path


def test_similar_prints_query_word_and_cosine_between_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "similar", "-k", "2", "king", "apple")
    assert (code, err) == (0, "")
    assert out == ("king\tman\t0.8165\nking\tqueen\t0.3333\napple\tev\x1bil\t0.9975\napple\t한국\t0.7071\n")


@pytest.mark.parametrize(
    "arguments",
    [
        "similar -k 6 king",
        "analogy -k 4 man king woman",
        "odd man woman ev\x1bil",
        "distance king ev\x1bil",
        "distance king man ev\x1bil",
        "predict king",
        "classes",
        "eval pairs.tsv ev\x1bil.txt",
        "eval --csv ev\x1bil.txt",
    ],
)
def test_a_file_gets_words_as_they_are_and_a_terminal_gets_them_harmless(
    arguments: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "predict", lambda *_: [Prediction(word, 0.5, 0.7) for word in WORDS])
    monkeypatch.setattr("w2v_cli.embeddings.classes.word_classes", lambda *_: np.arange(len(WORDS)))
    Path("ev\x1bil.txt").write_text("man\tking\t9\nman\twoman\t5\nman\tapple\t1\n")
    code, plain, _ = call(capsys, *arguments.split(" "))
    assert code == 0 and "ev\x1bil" in plain and "\\u" not in plain
    for module in ("console", "tables"):
        monkeypatch.setattr(f"w2v_cli.cli.{module}.answers_at_terminal", lambda: True)
    code, shown, _ = call(capsys, *arguments.split(" "))
    assert code == 0 and "\x1b" not in shown
    # A terminal gets aligned columns, and a file tabs.
    assert shown.replace("\\u001b", "\x1b").split() == plain.split()


def test_classes_in_a_file_are_of_words_that_the_model_knows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("w2v_cli.embeddings.classes.word_classes", lambda *_: np.arange(len(WORDS)))
    _, out, _ = call(capsys, "classes")
    assert [line.split("\t")[0] for line in out.split("\n")[:-1]] == WORDS


def test_a_field_that_holds_a_tab_or_a_line_end_stays_one_field(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([("a\tb\nc\x1b", "1"), ("d\ud800", "2")])
    assert capsys.readouterr().out == "a\\u0009b\\u000ac\x1b\t1\nd\\ud800\t2\n"


def test_answers_are_utf8_and_names_of_files_their_own_bytes_whatever_the_locale(tmp_path: Path) -> None:
    name = os.fsdecode(b"k\xf6nig.txt")
    Path(name).write_text("man\tking\t9\nman\twoman\t5\nman\tapple\t1\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}

    def out(*arguments: str) -> bytes:
        command = [sys.executable, "-m", "w2v_cli", *arguments]
        return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout

    assert out("similar", "-k", "1", "ev\x1bil", "한국").decode().startswith("ev\x1bil\tapple\t0.9975\n한국\t")
    assert json.loads(out("similar", "--json", "-k", "1", "한국"))["query"] == "한국"
    assert out("eval", name).startswith(b"k\xf6nig.txt: pairs\n")


def test_similar_prints_an_object_for_each_query(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "similar", "--json", "-k", "1", "king", "apple")
    first, second = map(json.loads, out.splitlines())
    assert code == 0
    nearest = [{"word": "man", "cosine": pytest.approx(2 / 6**0.5)}]
    assert first == {"query": "king", "matrix": "input", "neighbours": nearest}
    assert second["neighbours"][0]["word"] == "ev\x1bil"
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "line", "is_there"),
    [
        (["similar", "-k", "1", "한국"], "한국\t", True),
        (["analogy", "-k", "1", "king", "man", "한국"], "king man 한국\t", True),
        (["similar", "apple", "--exclude", "king"], "apple\t한국\t", True),
        (["similar", "apple", "--exclude", "한국"], "apple\t한국\t", False),
    ],
)
def test_words_are_understood_in_a_locale_of_ascii(arguments: list[str], line: str, is_there: bool) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "w2v_cli", *arguments]
    done = subprocess.run(command, env={**os.environ, **ascii_only}, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (line in done.stdout.decode()) == is_there


def test_unknown_words_are_named_together_and_the_rest_is_answered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = call(capsys, "similar", "-k", "1", "kign", "King", "man", "qqq\x1b[2J")
    assert code == 1
    assert out == "man\tking\t0.8165\n"
    assert err == (
        "Error: not in the vocabulary: kign, King, qqq\\u001b[2J\nHint: near spellings: kign → king; King → king\n"
    )


def test_the_model_is_named_by_an_option_or_by_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    model.rename("other.safetensors")
    code, _, err = call(capsys, "similar", "king")
    assert code == 3
    assert err.startswith("Error: there is no file model.safetensors\nHint: ")
    assert call(capsys, "similar", "-m", "other.safetensors", "king")[0] == 0
    monkeypatch.setenv("W2V_MODEL", "other.safetensors")
    assert call(capsys, "similar", "king")[0] == 0


@pytest.mark.parametrize("arguments", [["similar"], ["similar", "-k", "0", "king"], ["eval"], ["eval", "--no"]])
def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "Usage: w2v" in err


def test_eval_prints_an_aligned_table_with_its_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "eval", "analogies.txt", "pairs.tsv")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "analogies.txt: analogies"
    assert lines[1].startswith("word2vec: 3CosAdd on unit vectors")
    assert [line.rstrip() for line in lines[2:7]] == [
        "section  score  correct  seen  total       95 %",
        "royal     50.0        1     2      2",
        "other        –        0     0      1",
        "total     50.0        1     2      3  0.0…100.0",
        "",
    ]
    assert lines[7] == "pairs.tsv: pairs"
    assert lines[8].startswith("word2vec: Spearman's ρ × 100")
    assert lines[9].split() == ["section", "score", "pearson", "seen", "total", "95", "%"]
    assert lines[10].split()[:2] == ["total", "100.0"] and lines[10].split()[3:5] == ["3", "4"]


def test_eval_wraps_the_protocol_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, plain, _ = call(capsys, "eval", "pairs.tsv")
    protocol = plain.splitlines()[1]
    assert len(protocol) > 80
    monkeypatch.setattr("w2v_cli.cli.eval.answers_at_terminal", lambda: True)
    _, shown, _ = call(capsys, "eval", "pairs.tsv")
    first, second = shown.splitlines()[1:3]
    assert f"{first} {second}" == protocol and max(len(first), len(second)) <= 80


def test_eval_prints_one_object_per_file(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "eval", "--json", "analogies.txt", "pairs.tsv")
    analogies, pairs = map(json.loads, out.splitlines())
    assert code == 0
    keys = ["file", "kind", "score", "seen", "total", "sections", "protocol", "oov", "interval", "remarks"]
    assert list(analogies) == [*keys, "model", "matrix"]
    assert list(pairs) == [*keys, "pearson", "column", "column_name", "model", "matrix"]
    assert (pairs["column"], pairs["column_name"], pairs["remarks"]) == (3, None, [])
    assert (analogies["file"], analogies["kind"], analogies["score"]) == ("analogies.txt", "analogies", 50)
    assert analogies["sections"][1] == {"name": "other", "correct": 0, "seen": 0, "total": 1, "score": None}
    assert (pairs["kind"], pairs["seen"], pairs["total"], pairs["sections"]) == ("pairs", 3, 4, [])
    assert pairs["score"] == pytest.approx(100)


@pytest.mark.parametrize(("require", "code"), [("49.9", 0), ("50", 0), ("50.1", 1)])
def test_a_score_under_the_required_one_exits_with_1(
    capsys: pytest.CaptureFixture[str], require: str, code: int
) -> None:
    found, out, err = call(capsys, "eval", "analogies.txt", "pairs.tsv", "--require", require)
    assert found == code and "total" in out
    assert err == ("" if code == 0 else "analogies.txt: 50.0 is under the required 50.1\n")


def test_a_score_that_nobody_can_know_is_under_every_requirement(capsys: pytest.CaptureFixture[str]) -> None:
    Path("none.txt").write_text("x y 1\nx z 2\n")
    code, out, err = call(capsys, "eval", "--json", "none.txt", "--require", "-100")
    assert code == 1
    assert json.loads(out)["score"] is None
    assert err.endswith("\nnone.txt: – is under the required -100\n")


@pytest.mark.parametrize("output", [[], ["--json"], ["--csv"]])
def test_a_file_of_which_nothing_can_be_asked_exits_with_1_and_the_others_are_scored(
    capsys: pytest.CaptureFixture[str], output: list[str]
) -> None:
    Path("deutsch.txt").write_text("König\tKönigin\t9\nKönig\tHaus\t1\n")
    code, out, err = call(capsys, "eval", *output, "deutsch.txt", "pairs.tsv")
    assert code == 1
    assert err == (
        "deutsch.txt: none of the 2 pairs can be asked: the model lacks words of each, such as König, Königin, Haus."
        " Is it in the model's language? The model's most frequent words are man, woman, king, queen, apple\n"
    )
    assert out.count("deutsch.txt") == 1 and "pairs.tsv" in out and "100.0" in out
    assert output or "no question can be asked" in out
    assert not output or "seen" in out


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("KING\tQUEEN\t9\n", ["--protocol", "strict"], "The case differs: the model has king, not KING"),
        ("man apple queen king\n", ["--restrict-vocab", "2"], "Some are not among the 2 most frequent words"),
        ("roi\treine/reines\nhomme\tfemme\n", [], "none of the 2 questions can be asked"),
        ("king queen x y z\n", ["--task", "odd"], "the only set cannot be asked"),
    ],
)
def test_the_reason_why_nothing_can_be_asked_is_given(
    capsys: pytest.CaptureFixture[str], text: str, options: list[str], reason: str
) -> None:
    Path("gold.txt").write_text(text)
    code, out, err = call(capsys, "eval", *options, "gold.txt")
    assert code == 1 and "total" not in out
    assert reason in err


def test_a_model_that_knows_no_question_is_named_beside_others(capsys: pytest.CaptureFixture[str]) -> None:
    save_model("fr.safetensors", ["roi", "reine"], np.ones(2, np.int64), {"input_vectors": MATRIX[:2]}, {})
    code, out, err = call(capsys, "eval", "-m", "model.safetensors", "-m", "fr.safetensors", "pairs.tsv")
    assert code == 1 and "3 / 4" in out and "0 / 4" in out
    assert err.startswith("fr.safetensors: pairs.tsv: none of the 4 pairs can be asked") and err.count("\n") == 1


def test_the_column_of_the_ratings_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    # The first rater's order is the reverse of the mean's.
    Path("raters.csv").write_text("w1,w2,A,B,mean\nman,king,1,20,10\nman,woman,5,5,5\nman,apple,9,-7,1\n")
    code, out, err = call(capsys, "eval", "raters.csv")
    assert (code, err) == (0, "") and "ratings in column 5 (mean)" in out and "total    100.0" in out
    values = json.loads(call(capsys, "eval", "--json", "raters.csv")[1])
    assert (values["column"], values["column_name"]) == (5, "mean")
    Path("bare.csv").write_text("man,king,9,2\nman,woman,5,1\nman,apple,1,1\n")
    code, out, err = call(capsys, "eval", "bare.csv")
    assert code == 0 and "ratings in column 3," in out
    assert err == "bare.csv: no header says which column of numbers is the mean rating: column 3 was taken\n"


def test_eval_scores_the_files_of_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bats").mkdir()
    Path("bats/G01.txt").write_text("man\tking\nwoman\tqueen/quean\n")
    Path("bats/G02.txt").write_text("man\twoman\nking\tapple\n")
    code, out, err = call(capsys, "eval", "bats")
    lines = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert lines[0] == ["bats:", "analogies"] and "ordered pairs of the word pairs" in out
    assert lines[3:6] == [
        ["G01", "100.0", "2", "2", "2"],
        ["G02", "0.0", "0", "2", "2"],
        ["total", "50.0", "2", "4", "4", "0.0…100.0"],
    ]


def test_a_file_of_a_folder_of_which_nothing_can_be_asked_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bats").mkdir()
    Path("bats/G01.txt").write_text("man\tking\nwoman\tqueen\n")
    Path("bats/G02.txt").write_text("ox\toxen\nmouse\tmice\n")
    Path("bats/google.txt").write_text(": a\nox oxen mouse mice\n: b\nman king woman queen\n")
    code, out, err = call(capsys, "eval", "bats")
    scores = {line.split("  ")[0]: line.split()[-4:] for line in out.splitlines()[3:-2]}
    assert code == 1 and scores["G01"][1:] == ["2", "2", "2"] and scores["google: b"][1:] == ["1", "1", "1"]
    assert err == "bats: no question can be asked of G02: the model lacks words of each\n"


def test_eval_finds_odd_words_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd.txt").write_text(
        ": people\nking man king queen apple\nking man queen woman\n: other\nking man duke apple\n"
    )
    code, out, err = call(capsys, "eval", "--task", "odd", "odd.txt", "--json")
    values = json.loads(out)
    assert (code, err) == (0, "")
    assert (values["kind"], values["seen"], values["total"]) == ("odd", 2, 3)
    # In the second set, man and woman have the same cosine, and man stands first.
    assert [section["correct"] for section in values["sections"]] == [1, 0] and values["score"] == 50
    assert "smallest cosine to the mean" in values["protocol"] and "column" not in values


def test_eval_reads_a_gold_set_from_stdin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from_file = call(capsys, "eval", "--json", "pairs.tsv")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path("pairs.tsv").read_bytes())))
    code, out, _ = call(capsys, "eval", "--json", "-")
    assert code == 0 and json.loads(out) == {**json.loads(from_file[1]), "file": "-"}


def test_eval_reads_every_gold_file_before_it_works(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.txt").write_text("a b c d\na b c\n")
    code, out, err = call(capsys, "eval", "analogies.txt", "bad.txt")
    assert (code, out) == (3, "")
    assert err.startswith("Error: bad.txt, line 2: expected four words, found 3\nHint: ")


def test_models_stand_side_by_side(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    counts = np.ones(4, np.int64)
    save_model("other one.safetensors", ["man", "king", "apple", "woman"], counts, {"input_vectors": MATRIX[:4]}, {})
    models = ["-m", model.name, "-m", "other one.safetensors"]
    code, out, _ = call(capsys, "eval", *models, "analogies.txt")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert lines[2] == ["section", "model.safetensors", "other", "one.safetensors"]
    assert lines[3:6] == [["royal", "50.0", "0.0"], ["other", "–", "–"], ["total", "50.0", "0.0"]]
    assert lines[7] == ["seen", "/", "total", "2", "/", "3", "1", "/", "3"]
    code, out, err = call(capsys, "eval", *models, "--json", "analogies.txt", "--require", "50")
    assert [json.loads(line)["model"] for line in out.splitlines()] == [models[1], models[3]]
    assert code == 1 and err == "analogies.txt with other one.safetensors: 0.0 is under the required 50\n"


def test_eval_prints_csv(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "eval", "--csv", "--oov", "wrong", "analogies.txt", "pairs.tsv")
    rows = list(csv.DictReader(out.splitlines()))
    assert code == 0
    assert [(row["section"], row["correct"], row["seen"], row["total"]) for row in rows] == [
        ("royal", "1", "2", "2"),
        ("other", "0", "0", "1"),
        ("total", "1", "2", "3"),
        ("total", "", "3", "4"),
    ]
    assert float(rows[2]["score"]) == pytest.approx(100 / 3) and rows[2]["oov"] == "wrong"
    assert rows[3]["pearson"] and rows[3]["kind"] == "pairs" and "," in rows[3]["protocol"]
    assert call(capsys, "eval", "--csv", "--json", "analogies.txt")[0] == 2
