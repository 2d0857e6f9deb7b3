"""Unseen words on the command line: answers on stdout, what was composed on stderr; `w2v ngrams`; conversions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import call, call_for_lines, make_subword_model

import w2v_cli as w2v
from w2v_cli.formats.model_file import save_model
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords

NOTE = "Note: not in the vocabulary, but composed of parts: "


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)
    make_subword_model("model.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "composed"),
    [
        (["similar", "walking"], "walking"),
        (["similar", "walk", "walking - walk + talks"], "walking, talks"),
        (["analogy", "walk", "walking", "talk"], "walking"),
        (["odd", "walk", "walking", "talk"], "walking"),
        (["distance", "walks", "walk"], "walks"),
        (["ngrams", "walks", "walk"], "walks"),
    ],
)
def test_unseen_words_are_answered_and_named_on_stderr(
    capsys: pytest.CaptureFixture[str], arguments: list[str], composed: str
) -> None:
    code, out, err = call_for_lines(capsys, *arguments)
    assert (code, err) == (0, f"{NOTE}{composed}\n") and out


def test_known_words_are_answered_without_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "distance", "walk", "talk")[2] == ""


def test_a_word_without_parts_is_still_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    save_model("short.safetensors", ["walk"], None, *_tables(["walk"], Subwords("fasttext", 4, 5, 9)))
    code, out, err = call_for_lines(capsys, "similar", "-m", "short.safetensors", "x", "walks")
    assert (code, out) == (1, [f"walks\twalk\t{w2v.load('short.safetensors').similarity('walks', 'walk'):.4f}"])
    assert err.splitlines() == [
        f"{NOTE}walks",
        "Error: not in the vocabulary: x",
        "Hint: the model composes vectors of parts of words, but has learnt no part of such a word",
    ]


def _tables(words: list[str], subwords: Subwords) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    rows = np.random.default_rng(2).standard_normal((subwords.table_rows(len(words)), 3)).astype(np.float32)
    tables = {"input_vectors": np.ones((len(words), 3), np.float32), "subword_vectors": rows}
    return tables, {"subwords": subwords.as_json()}


def test_several_models_say_which_of_them_composed(capsys: pytest.CaptureFixture[str]) -> None:
    w2v.Model.of(["walk", "walks"], np.eye(2, dtype=np.float32)).save("plain.safetensors")
    code, _, err = call(capsys, "similar", "-m", "model.safetensors", "-m", "plain.safetensors", "walks")
    assert (code, err) == (0, f"{NOTE[:6]}model.safetensors: {NOTE[6:]}walks\n")


def test_ngrams_prints_parts_rows_and_shares(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call_for_lines(capsys, "ngrams", "walk")
    fields = [line.split("\t") for line in out]
    expected = ["walk", "<wa", "<wal", "<walk", "wal", "walk", "walk>", "alk", "alk>", "lk>"]
    assert code == 0 and [field[1] for field in fields] == expected
    assert fields[0][:3] == ["walk", "walk", "0"] and {field[0] for field in fields} == {"walk"}
    assert sum(float(field[3]) for field in fields) == pytest.approx(1, abs=0.001)  # four decimals each
    code, out, _ = call_for_lines(capsys, "ngrams", "--json", "walk", "walks")
    known, unseen = map(json.loads, out)
    assert (known["word"], known["known"], unseen["word"], unseen["known"]) == ("walk", True, "walks", False)
    assert list(known["parts"][0]) == ["part", "row", "share"] and known["parts"][0]["part"] == "walk"
    assert unseen["parts"][0]["part"] == "<wa"


def test_ngrams_needs_a_model_with_parts(capsys: pytest.CaptureFixture[str]) -> None:
    w2v.Model.of(["walk", "walks"], np.eye(2, dtype=np.float32)).save("plain.safetensors")
    code, out, err = call_for_lines(capsys, "ngrams", "-m", "plain.safetensors", "walk")
    assert (code, out) == (2, []) and "no vectors for parts of words" in err and "--subwords" in err


def test_eval_composes_if_it_is_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pairs.tsv").write_text("walk\ttalk\t9\nwalks\ttalk\t5\nwalking\tтечь\t1\nwalked\ttalk\t7\n")
    skipped, composed = (
        json.loads(call(capsys, "eval", "--json", "pairs.tsv", *more)[1]) for more in ([], ["--oov", "compose"])
    )
    assert (skipped["oov"], skipped["seen"], composed["oov"], composed["seen"]) == ("skip", 2, "compose", 4)
    assert composed["composed"] == 2
    assert "--oov compose" in call(capsys, "eval", "pairs.tsv")[2]
    assert "composed of their parts" in call(capsys, "eval", "pairs.tsv", "--oov", "compose")[1]


def test_convert_keeps_the_parts_where_it_can(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "convert", "model.safetensors", "a.bin", "--format", "fasttext")[0] == 0
    code, _, err = call(capsys, "convert", "a.bin", "b.safetensors")
    assert (code, err) == (0, "Wrote b.safetensors: 6 words × 6\n")
    assert call(capsys, "convert", "b.safetensors", "b.bin", "--format", "fasttext")[0] == 0
    assert Path("a.bin").read_bytes() == Path("b.bin").read_bytes()
    code, _, err = call(capsys, "convert", "a.bin", "a.txt")
    lost = "the vectors of parts of words, the counts of the words, the output vectors"
    assert (code, err) == (0, f"Not in a.txt: {lost}\nWrote a.txt: 6 words × 6\n")
    for choice in (["--top", "3"], ["--normalize"], ["--dtype", "float16"], ["--matrix", "output"]):
        code, _, err = call(capsys, "convert", "a.bin", "some.safetensors", *choice)
        assert code == 0 and "Not in some.safetensors: the vectors of parts of words" in err, choice
        assert w2v.load("some.safetensors").composed(["walks"]) == []
    code, _, err = call(capsys, "convert", "a.bin", "small.bin", "--format", "fasttext", "--top", "3")
    assert code == 0 and w2v.load("small.bin").composed(["walks"]) == []


def test_what_is_written_to_floret_is_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    make_subword_model("f.safetensors", "floret")
    code, _, err = call(capsys, "convert", "f.safetensors", "f.floret")
    lost = "the words, the counts of the words, the output vectors"
    assert (code, err) == (0, f"Not in f.floret: {lost}\nWrote f.floret: 97 rows × 6\n")
    for name in ("g.floret", "g.safetensors"):
        assert call(capsys, "convert", "f.floret", name)[0] == 0
    assert Path("g.floret").read_bytes() == Path("f.floret").read_bytes()
    code, _, err = call(capsys, "convert", "model.safetensors", "a.ftz")
    assert code == 2 and "does not quantise" in err


def test_parts_are_not_kept_beside_vectors_that_have_been_turned(capsys: pytest.CaptureFixture[str]) -> None:
    model = w2v.load("model.safetensors")
    for name, format in (("a.safetensors", "safetensors"), ("a.bin", "fasttext")):
        code, _, err = call(capsys, "convert", "model.safetensors", name, "--dims", "6", "--format", format)
        assert code == 0 and f"Not in {name}: the vectors of parts of words" in err
        turned = w2v.load(name)
        assert turned.composed(["walks"]) == []
        assert turned.similarity("walk", "talk") == pytest.approx(model.similarity("walk", "talk"), abs=1e-5)


@pytest.mark.parametrize("choice", [["--top", "3"], ["--dims", "2"], ["--normalize"], ["--matrix", "sum"]])
def test_a_table_of_floret_is_written_as_it_is(capsys: pytest.CaptureFixture[str], choice: list[str]) -> None:
    make_subword_model("f.safetensors", "floret")
    code, _, err = call(capsys, "convert", "f.safetensors", "f.floret", *choice)
    assert code == 2 and "as they are" in err and choice[0] in err and not Path("f.floret").exists()


def test_embed_says_how_many_words_were_composed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("lines.txt").write_text("walk walking talks\n\nx walk\n")
    code, out, err = call_for_lines(capsys, "embed", "lines.txt", "--json")
    found = [json.loads(line) for line in out]
    assert code == 0 and [(line["known"], line["composed"]) for line in found] == [(1, 2), (0, 0), (1, 1)]
    assert "3 lines × 6; 40.0% of 5 words are known, and 60.0% are composed of their parts" in err
    assert "Lines without a known or composed word: 1 of 3" in err


def test_lines_are_embedded_with_a_table_of_floret(capsys: pytest.CaptureFixture[str]) -> None:
    make_subword_model("f.safetensors", "floret")
    assert call(capsys, "convert", "f.safetensors", "f.floret")[0] == 0
    Path("lines.txt").write_text("walk talks\n\ntalk\n")
    for name in ("f.safetensors", "f.floret"):
        assert call(capsys, "embed", "lines.txt", "-m", name, "-o", f"{name}.npy")[0] == 0
    rows = np.load("f.floret.npy")
    np.testing.assert_array_equal(rows, np.load("f.safetensors.npy"))
    np.testing.assert_allclose(rows[0], (w2v.load("f.floret")["walk"] + w2v.load("f.floret")["talks"]) / 2, rtol=1e-6)


@pytest.mark.parametrize("choice", [["--top", "3"], ["--dims", "2"], ["--normalize"], ["--dtype", "int8"]])
def test_a_model_without_words_cannot_be_changed(capsys: pytest.CaptureFixture[str], choice: list[str]) -> None:
    make_subword_model("f.safetensors", "floret")
    assert call(capsys, "convert", "f.safetensors", "f.floret")[0] == 0
    code, _, err = call(capsys, "convert", "f.floret", "g.safetensors", *choice)
    assert code == 3 and "holds no vectors of words" in err and not Path("g.safetensors").exists()


def test_info_says_how_words_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    out = call(capsys, "info", "model.safetensors")[1]
    assert "# subwords\tkind fasttext, min_ngram 3, max_ngram 5, buckets 97, hashes 1\n" in out
    call(capsys, "convert", "model.safetensors", "a.bin", "--format", "fasttext")
    facts = json.loads(call(capsys, "info", "--json", "a.bin")[1])
    assert (facts["format"], facts["words"], facts["subwords"]["buckets"]) == ("fasttext", 6, 97)


def test_a_question_does_not_read_the_table_of_parts(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    # The table is a hole in the file. Reading it would take its pages into this process.
    words, subwords = Words.of([f"w{i}" for i in range(50)]), Subwords("fasttext", buckets=300_000)
    rows = subwords.table_rows(50)
    tables = {"input_vectors": np.eye(50, dtype=np.float32), "subword_vectors": np.zeros((rows, 50), np.float32)}
    save_model("big.safetensors", words, None, tables, {"subwords": subwords.as_json()})
    model = w2v.load("big.safetensors")
    before = _resident()
    model.similar("w1")
    assert _resident() - before < rows * 50 * 4 / 4


def _resident() -> int:
    """Return how many bytes of this process are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
