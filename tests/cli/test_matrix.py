"""`--matrix`: which vectors of a model are asked and converted, and what says so."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call, load_vectors

import w2v_cli as w2v
from w2v_cli.formats.matrices import default_matrix
from w2v_cli.formats.model_file import save_model

WORDS = ["king", "queen", "man", "woman", "apple"]
RNG = np.random.default_rng(5)
INPUTS = RNG.standard_normal((5, 4)).astype(np.float32)
OUTPUTS = (3 * RNG.standard_normal((5, 4))).astype(np.float32)
LARGE = "5000000"


def mix(share: float) -> np.ndarray:
    """Return the mix, by the rule: what is added has this share of the mean length of the input vectors."""
    return INPUTS + share * np.linalg.norm(INPUTS, axis=1).mean() / np.linalg.norm(OUTPUTS, axis=1).mean() * OUTPUTS


def cosine(matrix: np.ndarray, one: int, other: int) -> float:
    a, b = matrix[one].astype(np.float64), matrix[other].astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def about(loss: str = "ns", model: str = "skipgram", tokens: str = LARGE) -> dict[str, str]:
    return {"config": json.dumps({"model": model, "loss": loss}), "corpus_tokens": tokens}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with models of several kinds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)
    tables = {"input_vectors": INPUTS, "output_vectors": OUTPUTS}
    save_model("model.safetensors", WORDS, np.arange(5, 0, -1), tables, about())
    save_model("cbow.safetensors", WORDS, None, tables, about(model="cbow"))
    save_model("small.safetensors", WORDS, None, tables, about(tokens="4999999"))
    save_model("softmax.safetensors", WORDS, None, tables, about("softmax"))
    nodes = {"input_vectors": INPUTS, "node_vectors": OUTPUTS[:4]}
    save_model("hs.safetensors", WORDS, None, nodes, about("hs"))
    save_model("tree.safetensors", WORDS, None, {**nodes, "output_vectors": OUTPUTS}, about("hs", tokens="5"))
    Path("pairs.tsv").write_text("king\tqueen\t9\nman\twoman\t5\nman\tapple\t1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        ("model.safetensors", [], mix(0.5)),
        ("cbow.safetensors", [], mix(0.75)),
        ("model.safetensors", ["--matrix", "input"], INPUTS),
        ("model.safetensors", ["--matrix", "output"], OUTPUTS),
        ("model.safetensors", ["--matrix", "sum"], INPUTS + OUTPUTS),
        ("model.safetensors", ["--matrix", "concat"], np.hstack([INPUTS, OUTPUTS])),
        ("small.safetensors", [], INPUTS),
        ("small.safetensors", ["--matrix", "mix"], mix(0.5)),
        ("softmax.safetensors", [], INPUTS),
        ("hs.safetensors", [], INPUTS),
        ("tree.safetensors", [], mix(0.5)),
    ],
)
def test_every_command_answers_with_the_vectors_that_were_chosen(
    capsys: pytest.CaptureFixture[str], path: str, options: list[str], expected: np.ndarray
) -> None:
    ask = ["-m", path, "--json", *options]
    _, out, _ = call(capsys, "similar", "-k", "4", *ask, "king")
    found = {item["word"]: item["cosine"] for item in json.loads(out)["neighbours"]}
    # float32 vectors of four numbers.
    assert found == pytest.approx({word: cosine(expected, 0, i) for i, word in enumerate(WORDS) if i}, abs=1e-6)
    _, out, _ = call(capsys, "distance", *ask, "man", "woman")
    assert json.loads(out)["cosine"] == pytest.approx(cosine(expected, 2, 3), abs=1e-6)
    assert call(capsys, "convert", path, "v.txt", *options)[0] == 0
    assert load_vectors("v.txt").matrix == pytest.approx(expected, rel=1e-5, abs=1e-6)
    Path("line.txt").write_text("king\n")
    assert call(capsys, "embed", "line.txt", "-m", path, "-o", "line.npy", *options)[0] == 0
    assert np.load("line.npy")[0] == pytest.approx(expected[0], rel=1e-5, abs=1e-6)
    for command in (["odd", "king", "man", "apple"], ["analogy", "man", "king", "woman"], ["classes", "-k", "2"]):
        assert call(capsys, *command, "-m", path, *options)[0] == 0, command


@pytest.mark.parametrize(
    "command", [["similar", "king"], ["odd", "king", "man", "apple"], ["analogy", "man", "king", "woman"],
                ["distance", "man", "king"], ["classes", "-k", "2"], ["embed", "line.txt"],
                ["explore", "-o", "map.html", "--layout", "pca"]],
)  # fmt: skip
def test_questions_say_which_vectors_answer(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    Path("line.txt").write_text("king\n")
    weight = 0.5 * np.linalg.norm(INPUTS, axis=1).mean() / np.linalg.norm(OUTPUTS, axis=1).mean()
    mixed = f"input + {weight:.3g} × output vectors"
    code, _, err = call(capsys, *command)
    assert code == 0 and err.startswith(f"Note: model.safetensors answers with {mixed}\n") and err.count(mixed) == 1
    assert "answers with sums of input and output vectors" in call(capsys, *command, "--matrix", "sum")[2]
    assert "answers with" not in call(capsys, *command, "--matrix", "input")[2]
    if command[0] not in ("classes", "embed"):
        assert json.loads(call(capsys, *command, "--json")[1])["matrix"] == "mix"
    if command[0] == "explore":
        assert "answers with" not in call(capsys, *command, "-q")[2]


def test_a_shell_says_once_which_vectors_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"king\nodd king man apple\nqueen\n")))
    assert call(capsys, "shell")[2].count("answers with") == 1


def test_info_eval_and_convert_say_which_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    weight = 0.5 * np.linalg.norm(INPUTS, axis=1).mean() / np.linalg.norm(OUTPUTS, axis=1).mean()
    said = f"input + {weight:.3g} × output vectors"
    assert json.loads(call(capsys, "info", "--json", "model.safetensors")[1])["matrix"] == "mix"
    assert "# matrix\tmix\n" in call(capsys, "info", "model.safetensors")[1]
    assert json.loads(call(capsys, "info", "--json", "hs.safetensors")[1])["matrix"] == "input"
    _, out, _ = call(capsys, "eval", "pairs.tsv")
    assert out.splitlines()[1].endswith(f", {said}")
    _, out, _ = call(capsys, "eval", "pairs.tsv", "--matrix", "input")
    assert "vectors" not in out.splitlines()[1]
    _, out, _ = call(capsys, "eval", "--json", "pairs.tsv", "-m", "model.safetensors", "-m", "hs.safetensors")
    assert [json.loads(line)["matrix"] for line in out.splitlines()] == ["mix", "input"]
    _, out, _ = call(capsys, "eval", "pairs.tsv", "-m", "model.safetensors", "-m", "hs.safetensors")
    assert said in out.splitlines()[-2] and "input vectors" in out.splitlines()[-2]
    _, out, _ = call(capsys, "eval", "--csv", "pairs.tsv")
    assert out.splitlines()[0].endswith(",matrix") and out.splitlines()[1].endswith(",mix")
    _, out, err = call(capsys, "convert", "--json", "model.safetensors", "v.txt")
    assert json.loads(out)["matrix"] == "mix" and f"the input and output vectors apart (it has {said})" in err


def test_without_output_vectors_of_words_a_mix_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "convert", "model.safetensors", "v.txt")
    for path, message in (("hs.safetensors", "only those of the nodes of a tree"), ("v.txt", "has only one matrix")):
        for command in (["similar", "king", "-m", path], ["convert", path, "w.txt"], ["eval", "pairs.tsv", "-m", path]):
            code, out, err = call(capsys, *command, "--matrix", "mix")
            assert (code, out) == (3, "") and message in err and "Hint:" in err, command
    assert not Path("w.txt").exists()


def test_a_mix_in_a_model_file_stays_one_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--dtype", "int8"], ["--dims", "3"], ["--top", "2"]):
        assert call(capsys, "convert", "model.safetensors", "v.safetensors", *options)[0] == 0
        assert json.loads(call(capsys, "info", "--json", "v.safetensors")[1])["matrix"] == "mix"
        assert call(capsys, "similar", "-m", "v.safetensors", "--matrix", "mix", "king")[0] == 0
        code, _, err = call(capsys, "similar", "-m", "v.safetensors", "--matrix", "input", "king")
        assert code == 3 and "v.safetensors holds mixes of input and output vectors and no others" in err
    assert call(capsys, "convert", "model.safetensors", "v.safetensors", "--dtype", "int8")[0] == 0
    # No number moves by more than half a step, which is the largest number of its row ÷ 127.
    half_step = float(np.abs(mix(0.5)).max()) / 127 / 2
    assert load_vectors("v.safetensors").matrix == pytest.approx(mix(0.5), abs=1.01 * half_step)


def test_fasttexts_format_keeps_both_tables_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "convert", "model.safetensors", "v.bin", "--format", "fasttext")[0] == 0
    model = w2v.load("v.bin")
    assert np.array_equal(model.vectors, INPUTS) and model.matrix == "input"
    assert model.output_vectors is not None and np.array_equal(model.output_vectors, OUTPUTS)


def test_common_directions_are_taken_out_before_all_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "convert", "model.safetensors", "v.txt", "--center", "--top", "3")[0] == 0
    assert load_vectors("v.txt").matrix == pytest.approx((mix(0.5) - mix(0.5).mean(axis=0))[:3], abs=1e-5)
    assert call(capsys, "convert", "model.safetensors", "v.txt", "--remove-top", "1", "--matrix", "input")[0] == 0
    found = load_vectors("v.txt").matrix
    assert found.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-5) and np.linalg.matrix_rank(found, tol=1e-4) == 3
    code, _, err = call(capsys, "convert", "model.safetensors", "v.txt", "--remove-top", "4")
    assert code == 2 and "--remove-top 4 would leave nothing of 4 dimensions" in err


def test_python_chooses_in_the_same_words_and_keeps_both_tables() -> None:
    model = w2v.load("model.safetensors")
    assert (model.matrix, w2v.load("model.safetensors", matrix="sum").matrix) == ("mix", "sum")
    assert model.vectors == pytest.approx(mix(0.5), rel=1e-5, abs=1e-6)
    model.save("again.safetensors")
    again = w2v.load("again.safetensors")
    assert again.matrix == "mix" and np.array_equal(again.table("input_vectors"), INPUTS)
    assert np.array_equal(again.table("output_vectors"), OUTPUTS)
    assert np.array_equal(model.using("input").vectors, INPUTS)
    model.save("v.vec")
    assert np.array_equal(w2v.load("v.vec").vectors, model.vectors)
    with pytest.raises(w2v.W2VError, match="matrix best is not one of mix, input"):
        w2v.load("model.safetensors", matrix="best")


def test_a_mix_that_was_changed_is_saved_as_it_is_and_alone() -> None:
    model = w2v.load("model.safetensors")
    model.vectors[1] = [9, 9, 9, 9]
    model.save("changed.safetensors")
    changed = w2v.load("changed.safetensors")
    assert np.array_equal(changed.vectors, model.vectors) and changed.output_vectors is None
    assert model.similar("king")[0] == changed.similar("king")[0]
    model.save("changed.vec")
    assert np.array_equal(w2v.load("changed.vec").vectors, model.vectors)


def test_what_was_written_to_a_table_outlives_answers_made_of_it() -> None:
    # So large that pages of the mapped file could be freed after an answer.
    rows = np.random.default_rng(6).standard_normal((3000, 8)).astype(np.float32)
    tables = {"input_vectors": rows, "output_vectors": rows[::-1].copy()}
    save_model("large.safetensors", [f"w{i}" for i in range(3000)], None, tables, about())
    model = w2v.load("large.safetensors")
    inputs, outputs = model.using("input").vectors, model.output_vectors
    assert outputs is not None
    inputs[:], outputs[:] = 7, 9
    model.similar("w1")
    assert (inputs == 7).all() and (outputs == 9).all()


def test_a_run_goes_on_from_the_two_tables_and_not_from_the_mix() -> None:
    model = w2v.load("model.safetensors")
    _ = model.vectors
    for init in (model, "model.safetensors"):
        options: dict[str, Any] = {"min_count": 1, "epochs": 0, "threads": 1, "engine": "reference"}
        begun = w2v.train([WORDS], init=init, **options)
        rows = begun.word_vectors.ids_of(WORDS)
        assert np.array_equal(begun.table("input_vectors")[rows], INPUTS)
        assert np.array_equal(begun.table("output_vectors")[rows], OUTPUTS)


def test_parts_of_words_keep_the_input_vectors_unless_a_mix_is_asked_for() -> None:
    options: dict[str, Any] = {"dim": 4, "min_count": 1, "epochs": 1, "threads": 1, "engine": "reference"}
    model = w2v.train([WORDS] * 3, subwords="fasttext", buckets=50, **options)
    mixed = model.using("mix")
    assert default_matrix(model.tables, {**model.metadata, "corpus_tokens": LARGE}) == "input"
    assert np.array_equal(mixed["kings"], model["kings"]) and not np.array_equal(mixed["king"], model["king"])
    assert "kings" not in mixed.using("concat").composed(["kings"])


def test_a_run_that_goes_on_from_a_converted_mix_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "convert", "model.safetensors", "v.safetensors")[0] == 0
    Path("text.txt").write_text(" ".join(WORDS))
    options = ["--epochs", "0", "--min-count", "1", "--threads", "1", "--engine", "reference", "-o", "w.safetensors"]
    code, _, err = call(capsys, "train", "text.txt", "--init", "v.safetensors", *options)
    assert code == 0 and "v.safetensors holds mixes of input and output vectors: they become the input vectors" in err


@pytest.mark.parametrize(
    ("tables", "metadata", "format", "expected"),
    [
        (["output_vectors"], about(), None, "mix"),
        (["output_vectors"], about(), "text", "mix"),
        (["output_vectors"], about(), "fasttext", "input"),
        (["output_vectors"], about(model="cbow"), None, "mix"),
        (["output_vectors"], about("softmax"), None, "input"),
        (["output_vectors"], about(tokens="many"), None, "input"),
        (["output_vectors"], {}, None, "input"),
        (["output_vectors"], {"config": "[1"}, None, "input"),
        (["output_vectors", "subword_vectors"], about(), None, "input"),
        (["node_vectors"], about("hs"), None, "input"),
        ([], {"matrix": "concat"}, None, "concat"),
        ([], {"matrix": "wrong"}, None, "input"),
    ],
)
def test_the_default_follows_from_how_the_model_was_made(
    tables: list[str], metadata: Mapping[str, str], format: str | None, expected: str
) -> None:
    assert default_matrix(tables, metadata, format) == expected


def test_align_says_which_vectors_a_file_without_output_vectors_has(capsys: pytest.CaptureFixture[str]) -> None:
    apart = "the input and output vectors apart (it has input + "
    for options, words in (([], apart), (["--matrix", "input"], "the output vectors, how")):
        code, _, err = call(capsys, "align", *options, "cbow.safetensors", "model.safetensors", "-o", "v.vec")
        assert code == 0 and words in err
