"""`w2v similar` with all its sources, `analogy`, `odd`, `distance`: answers, JSON, unknown words, empty input."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import assert_a_closed_pipe_is_silent, call, call_for_lines

import w2v_cli as w2v

MORE: dict[str, list[float]] = {"pear": [-1, 0.1, -1], "-man": [-0.5, -1, -0.5], "well-known": [1, 0, 0]}


@pytest.fixture(autouse=True)
def model(royal_model: Callable[[Mapping[str, Sequence[float]]], Path]) -> None:
    royal_model(MORE)


def give_stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.mark.parametrize(
    "arguments",
    [
        ["king - apple + woman"],
        ["king -apple +woman"],
        ["king", "--", "-apple", "+woman"],
        ["--", "king", "-apple", "+woman"],
    ],
)
def test_sums_are_understood_quoted_and_unquoted(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, out, _ = call_for_lines(capsys, "similar", "-k", "1", *arguments)
    # (1,1,1)/√3 + (1,0,1)/√2 + (0,−1,1)/√2: of the remaining words, queen, (1,−1,1), is nearest.
    direction = np.array([1, 1, 1]) / 3**0.5 + np.array([1, 0, 1]) / 2**0.5 + np.array([0, -1, 1]) / 2**0.5
    cosine = direction @ [1, -1, 1] / np.linalg.norm(direction) / 3**0.5
    assert (code, out) == (0, [f"king - apple + woman\tqueen\t{cosine:.4f}"])


def test_a_known_word_is_itself_whatever_it_looks_like(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call_for_lines(capsys, "similar", "-k", "1", "--", "well-known", "-man")
    assert code == 0
    assert [line.split("\t")[0] for line in out] == ["well-known", "-man"]


def test_a_sign_without_a_word_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call_for_lines(capsys, "similar", "king - ")
    assert (code, out) == (2, []) and "a sign has no word" in err
    code, out, err = call_for_lines(capsys, "similar", " ")
    assert (code, out) == (2, []) and "a question is empty" in err


def test_words_come_from_stdin_and_from_files(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("words.txt").write_text("apple\n\nking - man\n")
    give_stdin(monkeypatch, "pear\r\n -man \nnone\n")
    code, out, err = call_for_lines(capsys, "similar", "-k", "1", "man", "-", "queen", "--words-from", "words.txt")
    assert code == 1 and err.startswith("Error: not in the vocabulary: none\n")
    assert [line.split("\t")[0] for line in out] == ["man", "pear", "-man", "queen", "apple", "king - man"]


def test_vectors_are_asked_for_from_files(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("one.npy", np.array([2.0, 0, 0]))
    Path("many.txt").write_text("1, 0, 0\n-1 0 -1\n")
    Path("named.vec").write_text("a 0 2 2\n7 0 -1 1\n")
    Path("text.txt").write_text("the apple and the apple pear\n")
    Path("list.txt").write_text("apple\napple\npear\n")
    found = [
        call_for_lines(capsys, "similar", "-k", "1", "--vector-of", name)
        for name in ("one.npy", "many.txt", "named.vec", "text.txt", "list.txt")
    ]
    assert [code for code, _, _ in found] == [0] * 5
    assert [line.split("\t")[:2] for _, out, _ in found for line in out] == [
        ["one.npy", "well-known"],
        ["many.txt:1", "well-known"],
        ["many.txt:2", "apple"],
        ["a", "man"],
        ["7", "woman"],
        ["text.txt", "apple"],
        ["list.txt", "apple"],
    ]


def test_vectors_come_from_stdin_and_stdin_is_read_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_stdin(monkeypatch, "-1 0 -1\n")
    code, out, _ = call_for_lines(capsys, "similar", "-k", "1", "--vector-of", "-")
    assert (code, out) == (0, ["-\tapple\t1.0000"])
    for twice in (["-", "-"], ["-", "--words-from", "-"], ["--words-from", "-", "--vector-of", "-"]):
        code, out, err = call_for_lines(capsys, "similar", *twice)
        assert (code, out) == (2, []) and "stdin can be read only once" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 2\n", "2 numbers"),
        ("1 2 3\n4 5\n", "vector 2: 2 numbers"),
        ("a 1 2 3\nb\n", "vector 2: 0 numbers"),
        ("1 nan 3\n", "not finite"),
        ("", "neither"),
    ],
)
def test_bad_vectors_are_refused(capsys: pytest.CaptureFixture[str], content: str, message: str) -> None:
    Path("bad.txt").write_text(content)
    code, out, err = call_for_lines(capsys, "similar", "--vector-of", "bad.txt")
    assert (code, out) == (3, []) and message in err and "bad.txt" in err
    assert call_for_lines(capsys, "similar", "--vector-of", "absent.npy")[0] == 3


@pytest.mark.parametrize("content", [None, [], ["a"], [1j, 1j, 1j], [(1.0,), (2.0,), (3.0,)]])
def test_arrays_without_numbers_are_refused(capsys: pytest.CaptureFixture[str], content: list[object] | None) -> None:
    if content is None:
        Path("bad.npy").write_bytes(b"")
    else:
        np.save("bad.npy", np.array(content, [("x", "f4")] if isinstance([*content, 0][0], tuple) else None))
    code, out, err = call_for_lines(capsys, "similar", "--vector-of", "bad.npy")
    assert (code, out) == (3, []) and err.startswith("Error: ") and "bad.npy" in err and "bug" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["similar", "man", "--threshold", "nan"],
        ["eval", "pairs.tsv", "--require", "nan"],
        ["phrases", "text.txt", "-o", "-", "--threshold", "nan"],
    ],
)
def test_nan_is_no_limit(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, out, err = call_for_lines(capsys, *arguments)
    assert (code, out) == (2, []) and f"Invalid value for '{arguments[-2]}': nan is not a number" in err


def test_answers_can_be_limited(capsys: pytest.CaptureFixture[str]) -> None:
    def words(*options: str) -> list[str]:
        code, out, _ = call_for_lines(capsys, "similar", "king", *options)
        assert code == 0
        return [line.split("\t")[1] for line in out]

    assert words("-k", "2") == ["man", "well-known"]
    assert words("-k", "2", "--exclude", "man", "--exclude", "unheard") == ["well-known", "queen"]
    assert words("--restrict-vocab", "2") == ["man", "woman"]
    assert words("--threshold", "0.5") == ["man", "well-known"]
    assert words("--threshold", "0.99") == []
    # A cosine is not a percentage.
    assert call_for_lines(capsys, "similar", "king", "--threshold", "50")[0] == 2


def test_analogies_are_answered_by_both_methods(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call_for_lines(capsys, "analogy", "-k", "1", "man", "king", "woman")
    assert (code, [line.split("\t")[:2] for line in out]) == (0, [["man king woman", "queen"]])
    code, out, _ = call_for_lines(capsys, "analogy", "--json", "--method", "3cosmul", "-k", "1", "man", "king", "woman")
    answer = json.loads(out[0])
    assert (answer["question"], answer["method"]) == (["man", "king", "woman"], "3cosmul")
    # Cosines of queen: to man 0, to king 1/3, to woman √(2/3).
    assert answer["answers"] == [
        {"word": "queen", "score": pytest.approx((2 / 3) * (1 + (2 / 3) ** 0.5) / 2 / (0.5 + 1e-6), rel=1e-6)}
    ]


def test_questions_come_in_batches_from_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    give_stdin(monkeypatch, "man king woman\nman king none\nking man queen\n")
    code, out, err = call_for_lines(capsys, "analogy", "-k", "1", "-")
    assert code == 1 and "not in the vocabulary: none" in err
    assert [line.split("\t")[:2] for line in out] == [["man king woman", "queen"], ["king man queen", "woman"]]
    give_stdin(monkeypatch, "man king\n")
    assert call_for_lines(capsys, "analogy", "-")[0] == 2
    assert call_for_lines(capsys, "analogy", "man", "king")[0] == 2


def test_the_odd_word_is_the_one_that_does_not_belong(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call_for_lines(capsys, "odd", "man", "apple", "king", "queen")
    assert (code, err) == (0, "") and out[0].split("\t")[0] == "apple" and len(out) == 1
    code, out, err = call_for_lines(capsys, "odd", "--json", "man", "apple", "king", "none")
    assert code == 1 and json.loads(out[0])["odd"] == "apple" and "none" in err
    assert [item["word"] for item in json.loads(out[0])["words"]] == ["apple", "king", "man"]
    assert call_for_lines(capsys, "odd", "man", "apple")[0] == 2


def test_distance_prints_a_pair_or_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert call_for_lines(capsys, "distance", "king", "queen") == (0, ["king\tqueen\t0.3333"], "")
    code, out, _ = call_for_lines(capsys, "distance", "king", "queen", "man", "none")
    assert code == 1
    assert [line.split() for line in out] == [
        ["king", "queen", "man"],
        ["king", "1.0000", "0.3333", "0.8165"],
        ["queen", "0.3333", "1.0000", "0.0000"],
        ["man", "0.8165", "0.0000", "1.0000"],
    ]
    assert call_for_lines(capsys, "distance", "king", "king")[1] == ["king\tking\t1.0000"]
    code, out, _ = call_for_lines(capsys, "distance", "king", "none")
    assert (code, out) == (1, [])
    code, out, _ = call_for_lines(capsys, "distance", "--json", "king", "queen")
    cosine = {"cosine": pytest.approx(1 / 3), "distance": pytest.approx(2 / 3)}
    assert json.loads(out[0]) == {"a": "king", "b": "queen", **cosine, "matrix": "input"}
    assert call_for_lines(capsys, "distance", "king")[0] == 2


@pytest.mark.parametrize("command", ["similar", "analogy", "odd", "distance"])
def test_empty_input_has_no_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    give_stdin(monkeypatch, "\n")
    code, out, err = call_for_lines(capsys, command, "-")
    assert (code, out) == ((2, []) if command == "odd" else (0, [])), err


def test_a_closed_pipe_is_silent() -> None:
    Path("words.txt").write_text("king\n" * 20_000)
    assert_a_closed_pipe_is_silent("similar", "--words-from", "words.txt")


@pytest.mark.parametrize(
    "question",
    [
        ("similar", "crème"),
        ("similar", "crème - thé + café"),
        ("distance", "crème", "thé"),
        ("odd", "crème", "thé", "eau"),
        ("analogy", "crème", "thé", "café"),
    ],
)
def test_a_question_in_another_normal_form_has_the_same_answers(
    question: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [unicodedata.normalize("NFC", word) for word in ("crème", "thé", "café", "eau", "lait")]
    matrix = np.random.default_rng(3).normal(size=(5, 4)).astype(np.float32)
    w2v.Model.of(words, matrix).save(tmp_path / "m.safetensors")
    answers = []
    for form in ("NFC", "NFD"):
        asked = [unicodedata.normalize(form, word) for word in question]
        code, out, err = call(capfd, asked[0], "-m", str(tmp_path / "m.safetensors"), *asked[1:])
        assert (code, err) == (0, "")
        answers.append(unicodedata.normalize("NFC", out))
    assert answers[0] == answers[1] != ""
