"""`w2v convert`, `w2v info` and `w2v train --config` on the command line, and with gensim and fastText."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, bits, call, load_vectors, write_unchecked

from w2v_cli.compute.jit import COMPILES
from w2v_cli.formats.model_file import save_model

WORDS = ["the", "Köln", "한국", "\u00a0"]
INPUT = np.array([[0.1, -2.5, 3e-20], [1e30, 7, -0.0], [1.1754944e-38, 1e-45, 1 / 3], [0, 0, 0]], dtype=np.float32)
OUTPUT = np.arange(12, dtype=np.float32).reshape(4, 3)
COUNTS = np.array([9, 5, 3, 2])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)
    save_model(
        "model.safetensors", WORDS, COUNTS, {"input_vectors": INPUT, "output_vectors": OUTPUT}, {"loss": "[1.5]"}
    )
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["a.txt", "a.vec", "a.bin", "a.glove", "a.txt.gz", "a.bin.gz", "a.glove.gz", "a.safetensors", "a.safetensors.gz"],
)
def test_every_format_gives_back_every_bit(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, err = call(capsys, "convert", "model.safetensors", name)
    assert (code, out) == (0, "")
    lost = "the output vectors" if "safetensors" in name else "the counts of the words, the output vectors"
    expected = f"Not in {name}: {lost}\nWrote {name}: 4 words × 3\n"
    assert err == expected
    assert load_vectors(name).words == WORDS and bits(load_vectors(name).matrix) == bits(INPUT)
    first = Path(name).read_bytes()
    assert call(capsys, "convert", name, "back.safetensors")[0] == 0
    assert bits(load_vectors("back.safetensors").matrix) == bits(INPUT)
    assert call(capsys, "convert", "model.safetensors", name)[0] == 0
    assert Path(name).read_bytes() == first


def test_the_binary_format_is_word2vec_cs_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "convert", "model.safetensors", "a.bin", "--matrix", "output", "--top", "2")
    rows = b"the " + struct.pack("<3f", 0, 1, 2) + b"\nK\xc3\xb6ln " + struct.pack("<3f", 3, 4, 5) + b"\n"
    assert Path("a.bin").read_bytes() == b"2 3\n" + rows


def test_text_and_glove_differ_by_the_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.txt", "a.glove"):
        call(capsys, "convert", "model.safetensors", name, "--matrix", "output", "--top", "2")
    assert Path("a.txt").read_text() == "2 3\nthe 0 1 2\nKöln 3 4 5\n"
    assert Path("a.glove").read_text() == "the 0 1 2\nKöln 3 4 5\n"


def test_the_projectors_files_and_numpys(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "convert", "model.safetensors", "a.tsv", "--matrix", "output", "--top", "2", "--json")
    assert code == 0
    assert json.loads(out) == {
        "output": ["a.tsv", "a_metadata.tsv"], "words": 2, "dim": 3, "dtype": "float32", "matrix": "output",
    }  # fmt: skip
    assert Path("a.tsv").read_text() == "0\t1\t2\n3\t4\t5\n"
    assert Path("a_metadata.tsv").read_text() == "the\nKöln\n"
    assert call(capsys, "convert", "model.safetensors", "b.npy", "--dtype", "float16", "--matrix", "output")[0] == 0
    assert np.load("b.npy").dtype == np.float16 and np.load("b.npy").tolist() == OUTPUT.tolist()
    assert Path("b_words.txt").read_text() == "".join(f"{word}\n" for word in WORDS)


def test_the_projectors_labels_are_as_many_lines_as_the_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    save_model("m", ["a\u2028b", "c\u0085d", "e"], None, {"input_vectors": np.eye(3, dtype=np.float32)}, {})
    assert call(capsys, "convert", "m", "a.tsv")[0] == 0
    assert Path("a_metadata.tsv").read_text(encoding="utf-8").splitlines() == ["a\\u2028b", "c\\u0085d", "e"]
    assert len(Path("a.tsv").read_text().splitlines()) == 3


def test_a_file_that_is_cut_short_is_told_without_an_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cut.vec").write_text("1000 2\na 1 2\n")
    for command in (["info", "cut.vec"], ["similar", "-m", "cut.vec", "a"], ["convert", "cut.vec", "b.bin"]):
        code, out, err = call(capsys, *command)
        assert (code, out) == (3, "") and err.startswith("Error: cut.vec is cut short")


def test_matrices_are_added_and_put_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "convert", "model.safetensors", "s.npy", "--matrix", "sum")
    call(capsys, "convert", "model.safetensors", "c.npy", "--matrix", "concat")
    assert np.array_equal(np.load("s.npy"), INPUT + OUTPUT)
    assert np.array_equal(np.load("c.npy"), np.concatenate([INPUT, OUTPUT], axis=1))


def test_normalised_vectors_have_length_one_and_zeros_stay(capsys: pytest.CaptureFixture[str]) -> None:
    save_model("m", ["a", "b"], None, {"input_vectors": np.array([[3, 4], [0, 0]], np.float32)}, {})
    call(capsys, "convert", "m", "n.safetensors", "--normalize", "--dtype", "float16")
    vectors = load_vectors("n.safetensors")
    assert vectors.matrix == pytest.approx(np.array([[0.6, 0.8], [0, 0]]), abs=2e-4) and vectors.counts is None


@pytest.mark.parametrize(
    ("words", "name", "message"),
    [
        (["a", "New York", "b\tc"], "a.txt", "a.txt: text cannot hold 'New York', 'b\\tc'"),
        (["a\nb"], "a.bin", "a.bin: binary cannot hold 'a\\nb'"),
        (["a\x0bb"], "a.glove", "a.glove: glove cannot hold 'a\\x0bb'"),
        (["a\nb"], "a.npy", "a.npy: npy cannot hold 'a\\nb'"),
    ],
)
def test_a_word_that_a_format_cannot_hold_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], folder: Path, words: list[str], name: str, message: str
) -> None:
    save_model("odd.safetensors", words, None, {"input_vectors": INPUT[: len(words)]}, {})
    before = sorted(folder.iterdir())
    code, out, err = call(capsys, "convert", "odd.safetensors", name)
    assert (code, out) == (3, "") and err.startswith(f"Error: {message}\nHint: --escape")
    assert sorted(folder.iterdir()) == before
    assert call(capsys, "convert", "odd.safetensors", name, "--escape")[0] == 0


def test_escaped_words_say_what_was_there_and_do_not_collide(capsys: pytest.CaptureFixture[str]) -> None:
    save_model("odd.safetensors", ["New York", "a\nb"], None, {"input_vectors": INPUT[:2]}, {})
    assert call(capsys, "convert", "odd.safetensors", "a.txt", "--escape")[0] == 0
    assert load_vectors("a.txt").words == ["New\\u0020York", "a\\u000ab"]
    save_model("odd.safetensors", ["a b", "a\\u0020b"], None, {"input_vectors": INPUT[:2]}, {})
    code, _, err = call(capsys, "convert", "odd.safetensors", "b.txt", "--escape")
    assert code == 3 and "two words would both be written as a\\u0020b" in err and not Path("b.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["model.safetensors", "a.xyz"], 2, "a.xyz has no suffix that names a format"),
        (["model.safetensors", "a.bin", "--dtype", "float16"], 2, "holds float32 only"),
        (["cut.safetensors.gz", "a.txt"], 3, "cut.safetensors.gz is damaged or cut short"),
        (["torn.safetensors.gz", "a.txt"], 3, "torn.safetensors.gz is cut short: word_bytes ends at byte"),
        (["model.safetensors", "a.txt", "--dtype", "float16"], 3, "the vector of Köln has a number that float16"),
        (["model.safetensors", "model.safetensors"], 2, "model.safetensors (the output) would overwrite"),
        (["numbers.tsv", "a.txt"], 3, "numbers.tsv has no words"),
        (["model.safetensors", "nowhere/a.txt"], 3, "there is no folder"),
        (["missing.bin", "a.txt"], 3, "there is no file missing.bin"),
        (["hs.safetensors", "a.txt", "--matrix", "sum"], 3, "has no output vectors"),
        (["shape.safetensors", "a.txt", "--matrix", "sum"], 3, "has output_vectors of another shape than its 2 words"),
        (["text.txt", "a.bin", "--matrix", "output"], 3, "has only one matrix"),
        (["nan.safetensors", "a.bin"], 3, "the vector of b holds NaN or infinity"),
        (["text.txt", "a.bin", "--from", "binary"], 3, "text.txt"),
    ],
)
def test_what_cannot_be_converted_leaves_nothing(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], code: int, message: str
) -> None:
    save_model("hs.safetensors", ["a"], None, {"input_vectors": INPUT[:1], "node_vectors": INPUT[:1]}, {})
    write_unchecked("nan.safetensors", ["a", "b"], None, {"input_vectors": np.array([[1], [np.nan]], np.float32)}, {})
    odd = {"input_vectors": INPUT[:2], "output_vectors": INPUT[:1]}
    save_model("shape.safetensors", ["a", "b"], None, odd, {})
    Path("text.txt").write_text("1 2\na 1 2\n")
    Path("numbers.tsv").write_text("0.5\t-1\n")
    model = Path("model.safetensors").read_bytes()
    Path("cut.safetensors.gz").write_bytes(gzip.compress(model)[:-20])
    Path("torn.safetensors.gz").write_bytes(gzip.compress(model[:-1]))
    before = sorted(folder.iterdir())
    found, out, err = call(capsys, "convert", *arguments)
    assert (found, out) == (code, "") and message in err
    assert sorted(folder.iterdir()) == before


def test_every_command_takes_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    Path("v.dat").write_bytes(gzip.compress(b"a 1 0\nb 1 0.1\nc -1 0\n"))
    Path("gold.txt").write_text("a b 9\na c 1\n")
    assert call(capsys, "similar", "-m", "v.dat", "-k", "1", "a")[1] == "a\tb\t0.9950\n"
    assert call(capsys, "similar", "-m", "v.dat", "--format", "glove", "-k", "1", "a")[1] == "a\tb\t0.9950\n"
    assert call(capsys, "similar", "-m", "v.dat", "--format", "text", "a")[0] == 3
    assert call(capsys, "eval", "-m", "v.dat", "--json", "gold.txt")[0] == 0
    code, out, _ = call(capsys, "info", "v.dat", "--json")
    assert code == 0 and (json.loads(out)["format"], json.loads(out)["words"], json.loads(out)["dim"]) == (
        "glove",
        3,
        2,
    )


@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
@pytest.mark.parametrize("arguments", ["similar -m v.txt a", "convert v.txt v.bin", "info v.txt"])
def test_compiling_is_announced_where_text_is_read(tmp_path: Path, arguments: str) -> None:
    Path("v.txt").write_text("2 2\na 1 0\nb 1 0.1\n")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "w2v_cli", *arguments.split()]
    done = [subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in done] == [0, 0] and done[0].stdout == done[1].stdout
    assert done[0].stderr == "Compiling for this processor\n" + done[1].stderr


def test_a_missing_file_gets_a_hint_about_options_that_the_command_has(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["convert", "nothere", "x.txt"], ["info", "nothere"]):
        code, out, err = call(capsys, *command)
        assert (code, out) == (3, "") and err.startswith("Error: there is no file nothere\nHint: ") and "-m" not in err
    assert "check the name" in call(capsys, "similar", "-m", "nothere", "a")[2]


def test_info_prints_a_file_that_train_takes(capsys: pytest.CaptureFixture[str]) -> None:
    Path("corpus.txt").write_text("A b C d\n" * 300)
    options = ["--dim", "7", "--epochs", "2", "--alpha", "1e-5", "--threads", "1", "--lower", "--model", "cbow", "-q"]
    assert call(capsys, "train", "corpus.txt", "-o", "one.safetensors", *options)[0] == 0
    code, out, _ = call(capsys, "info", "one.safetensors")
    assert code == 0
    assert (
        "# words\t4\n# dim\t7\n# dtype\tfloat32\n" in out and "\nalpha = 1e-05\n" in out and "\nlower = true\n" in out
    )
    Path("again.toml").write_text(out)
    arguments = ["train", "corpus.txt", "-q", "--config", "again.toml"]
    assert call(capsys, *arguments, "-o", "two.safetensors")[0] == 0
    assert Path("two.safetensors").read_bytes() == Path("one.safetensors").read_bytes()
    assert call(capsys, *arguments, "-o", "three.safetensors", "--dim", "9")[0] == 0
    code, out, _ = call(capsys, "info", "--json", "three.safetensors")
    facts = json.loads(out)
    assert (facts["dim"], facts["config"]["dim"], facts["config"]["model"], facts["seed"]) == (9, 9, "cbow", 1)
    assert len(facts["loss"]) == 2 and len(facts["corpus_fingerprint"]) == 64 and facts["written"].endswith("+00:00")


def test_info_does_not_read_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    nan = np.full((2, 3), np.nan, np.float32)
    write_unchecked("nan.safetensors", ["a", "b"], None, {"input_vectors": nan}, {"config": "{", "loss": "7"})
    code, out, _ = call(capsys, "info", "--json", "nan.safetensors")
    assert code == 0 and json.loads(out)["config"] is None and json.loads(out)["loss"] is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("dim = 0\n", "c.toml: --dim 0 is too small"),
        ("dim = 5.5\n", "c.toml: --dim 5.5 is not a whole number"),
        ("dims = 5\n", "c.toml: unknown options: dims"),
        ('recipe = "best"\n', "give --recipe on the command line"),
        ("lower = 1\n", "c.toml: --lower 1 has no meaning"),
        ("dim = \n", "c.toml is not TOML"),
        ('model = "glove"\n', "c.toml: --model glove is not one of skipgram, cbow"),
    ],
)
def test_a_bad_config_file_is_a_usage_error(capsys: pytest.CaptureFixture[str], content: str, message: str) -> None:
    Path("c.toml").write_text(content)
    Path("corpus.txt").write_text("a b\n" * 9)
    code, out, err = call(capsys, "train", "corpus.txt", "--config", "c.toml")
    assert (code, out) == (2, "") and message in err
    assert call(capsys, "train", "corpus.txt", "--config", "none.toml")[0] == 2


def test_a_closed_pipe_ends_in_silence() -> None:
    command = f"{sys.executable} -m w2v_cli info model.safetensors | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# gensim leaves the file open when there is no header.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_what_is_written_and_the_other_way_round(capsys: pytest.CaptureFixture[str], binary: bool) -> None:
    gensim = pytest.importorskip("gensim.models")
    name = "a.bin" if binary else "a.txt"
    call(capsys, "convert", "model.safetensors", name)
    theirs = gensim.KeyedVectors.load_word2vec_format(name, binary=binary)
    assert theirs.index_to_key == WORDS and bits(theirs.vectors) == bits(INPUT)
    theirs.save_word2vec_format("b", binary=binary)
    assert load_vectors("b").words == WORDS and bits(load_vectors("b").matrix) == bits(INPUT)
    call(capsys, "convert", "model.safetensors", "c.glove")
    glove = gensim.KeyedVectors.load_word2vec_format("c.glove", no_header=True)
    assert glove.index_to_key == WORDS and bits(glove.vectors) == bits(INPUT)


def test_what_fasttext_writes_is_read() -> None:
    fasttext = pytest.importorskip("fasttext")
    Path("corpus.txt").write_text("ein wort und noch ein wort\n" * 50)
    model = fasttext.train_unsupervised("corpus.txt", dim=5, epoch=1, minCount=1, thread=1, verbose=0)
    words = model.get_words()
    lines = [f"{word} {' '.join(f'{x:.5g}' for x in model.get_word_vector(word))} \n" for word in words]
    Path("f.vec").write_text(f"{len(words)} 5\n" + "".join(lines))
    vectors = load_vectors("f.vec")
    assert vectors.words == words
    assert vectors.matrix == pytest.approx(np.array([model.get_word_vector(word) for word in words]), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        (["a.bin"], "the counts of the words, the output vectors, how the model was made"),
        (["a.npy", "--matrix", "sum"], "the counts of the words, how the model was made"),
        (["a.safetensors", "--matrix", "output"], "the input vectors"),
        (["a.safetensors", "--matrix", "concat"], None),
    ],
)
def test_convert_says_what_the_target_lacks(
    capsys: pytest.CaptureFixture[str], options: list[str], lost: str | None
) -> None:
    tables = {"input_vectors": INPUT[:2], "output_vectors": OUTPUT[:2]}
    save_model("made.safetensors", WORDS[:2], COUNTS[:2], tables, {"config": "{}"})
    code, _, err = call(capsys, "convert", "made.safetensors", *options)
    assert code == 0
    assert err.splitlines()[:-1] == ([] if lost is None else [f"Not in {options[0]}: {lost}"])


def test_convert_loses_nothing_of_a_file_that_has_only_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "convert", "model.safetensors", "a.bin")
    assert call(capsys, "convert", "a.bin", "b.npy")[2] == "Wrote b.npy, b_words.txt: 4 words × 3\n"


def test_info_takes_the_model_as_the_other_commands_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = call(capsys, "info", "model.safetensors")
    assert named[0] == 0 and call(capsys, "info") == call(capsys, "info", "-m", "model.safetensors") == named
    Path("model.safetensors").rename("other.safetensors")
    monkeypatch.setenv("W2V_MODEL", "other.safetensors")
    assert json.loads(call(capsys, "info", "--json")[1])["file"] == "other.safetensors"
    code, out, err = call(capsys, "info", "-m", "other.safetensors", "third.safetensors")
    assert (code, out) == (2, "") and "name two models" in err


def test_info_calls_a_format_by_the_name_of_its_program(capsys: pytest.CaptureFixture[str]) -> None:
    Path("v.bin").write_bytes(b"1 2\nup " + struct.pack("<2f", 1, 0) + b"\n")
    lines = call(capsys, "info", "v.bin")[1].splitlines()
    assert "# format\tbinary (word2vec's binary format)" in lines and "# words\t1" in lines and "# dim\t2" in lines
    assert json.loads(call(capsys, "info", "--json", "v.bin")[1])["format"] == "binary"
