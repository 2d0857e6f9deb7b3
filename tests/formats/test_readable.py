"""Whatever is written can be read again; what could not be read is refused before anything is replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call

import w2v_cli as w2v
from w2v_cli.cli.options import read_config_file
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.vocabulary_file import read_vocabulary
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError, VocabularyError
from w2v_cli.formats.export import write_vectors
from w2v_cli.formats.model_file import MOST_LOSSES, ModelFile, save_model
from w2v_cli.formats.summary import summary
from w2v_cli.storage.tensors import MAX_HEADER_BYTES
from w2v_cli.training.run import train_model

TWO = np.ones((2, 3), np.float32)
NAMES = ["m.safetensors", "m.safetensors.gz", "m.txt", "m.bin", "m.glove", "m.tsv", "m.npy"]


@pytest.mark.parametrize(
    ("words", "vectors", "counts", "message"),
    [
        ([], np.ones((0, 3)), None, "holds no vectors"),
        (["a", "b"], np.ones((2, 0)), None, "holds no vectors"),
        (["a", ""], TWO, None, "a word that is empty, number 1"),
        (["a", "\ud800"], TWO, None, "a word that is not UTF-8, number 1"),
        (["a", "a"], TWO, None, "the same word twice: a, numbers 0 and 1"),
        (["a", 7], TWO, None, "a word that is not a str"),
        (["a"], TWO, None, r"1 words do not name the rows of a matrix of shape \(2, 3\)"),
        (["a", "b"], np.ones(2), None, "do not name the rows"),
        (["a", "b"], [[1, 2], [3, np.nan]], None, "the vector of b holds NaN or infinity"),
        (["a", "b"], [[1, np.inf], [3, 4]], None, "the vector of a holds NaN or infinity"),
        (["a", "b"], [[1, 1e300], [3, 4]], None, "the vector of a holds NaN or infinity"),
        (["a", "b"], TWO, [1], "the counts are not 2 whole numbers"),
        (["a", "b"], TWO, [1.5, 2], "the counts are not 2 whole numbers"),
        (["a", "b"], TWO, [[1, 2]], "the counts are not 2 whole numbers"),
        (["a", "b"], TWO, [1, -1], "counts that no text can have"),
        (["a", "b"], TWO, [2**62, 2**62], "counts that no text can have"),
        (["a", "b"], TWO, np.array([1, 2**64 - 1], np.uint64), "counts that no text can have"),
    ],
)
def test_a_model_that_no_file_can_hold_is_refused_when_it_is_made(
    words: Any, vectors: Any, counts: Any, message: str
) -> None:
    with pytest.raises(VocabularyError, match=message):
        w2v.Model.of(words, vectors, counts)


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64, np.uint64])
def test_counts_of_any_whole_numbers_are_kept(tmp_path: Path, kind: type) -> None:
    w2v.Model.of(["a", "b"], TWO, np.array([3, 2], kind)).save(tmp_path / "m.safetensors")
    counts = w2v.load(tmp_path / "m.safetensors").counts
    assert counts is not None and counts.tolist() == [3, 2]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_was_damaged_later_is_refused_and_the_old_file_stays(tmp_path: Path, name: str) -> None:
    model = w2v.Model.of(["a", "b"], TWO.copy())
    model.save(tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    model.vectors[1, 2] = np.nan
    with pytest.raises(ModelFileError, match="holds NaN or infinity"):
        model.save(tmp_path / name)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", NAMES)
def test_no_words_and_no_dimensions_are_refused_by_every_writer(tmp_path: Path, name: str) -> None:
    for words, matrix in ((["a"], np.ones((1, 0), np.float32)), ([], np.ones((0, 3), np.float32))):
        with pytest.raises(ModelFileError, match="holds no vectors"):
            write_vectors(tmp_path / name, WordVectors(words, matrix))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_word_that_is_not_unicode_is_refused_by_every_writer(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelFileError, match="not UTF-8"):
        write_vectors(tmp_path / name, WordVectors(["a", "\udcff"], TWO))
    assert os.listdir(tmp_path) == []


def test_a_word_that_is_too_long_for_the_binary_format_is_refused(tmp_path: Path) -> None:
    for length in (1 << 20, (1 << 20) + 1):
        model = w2v.Model.of(["a" * length, "b"], TWO)
        for name in ("m.safetensors", "m.txt"):
            model.save(tmp_path / name)
            assert w2v.load(tmp_path / name).words == model.words
        if length > 1 << 20:
            with pytest.raises(ModelFileError, match="binary cannot hold a word of 1,048,577 bytes"):
                model.save(tmp_path / "m.bin")
        else:
            model.save(tmp_path / "m.bin")
            assert w2v.load(tmp_path / "m.bin").words == model.words


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"note": "x" * MAX_HEADER_BYTES}, "its metadata make a header of"),
        ({"note": 7}, "its metadata are not all text"),
        ({7: "x"}, "its metadata are not all text"),
        ({"note": "\ud800"}, "its metadata are not Unicode text"),
    ],
)
def test_metadata_that_could_not_be_read_are_refused(tmp_path: Path, metadata: Any, message: str) -> None:
    model = w2v.Model.of(["a", "b"], TWO)
    model.metadata = metadata
    with pytest.raises(ModelFileError, match=message):
        model.save(tmp_path / "m.safetensors")
    assert os.listdir(tmp_path) == []
    model.metadata = {"note": "x" * (MAX_HEADER_BYTES - 1000)}
    model.save(tmp_path / "m.safetensors")
    assert w2v.load(tmp_path / "m.safetensors").metadata["note"] == model.metadata["note"]


@pytest.mark.parametrize("epochs", [MOST_LOSSES, MOST_LOSSES + 1])
def test_losses_of_any_number_of_epochs_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], epochs: int
) -> None:
    text, output = tmp_path / "c.txt", tmp_path / "m.safetensors"
    text.write_text("a b\n")
    config = TrainConfig(dim=2, epochs=epochs, min_count=1, subsample=0.0, threads=1)
    losses = train_model([str(text)], config, output=output).trained.losses
    model = w2v.load(output)
    assert model.losses == losses == summary(ModelFile(output))["loss"] and len(losses) == epochs
    model.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == output.read_bytes()
    assert call(capsys, "convert", str(output), str(tmp_path / "top.safetensors"), "--top", "1")[0] == 0
    assert w2v.load(tmp_path / "top.safetensors").losses == losses


def test_a_vocabulary_whose_counts_no_text_can_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("".join(f"w{number}\t{10**13 - 1}\n" for number in range(2**62 // 10**13 + 2)))
    with pytest.raises(VocabularyError, match="has counts that no text can have: their sum is"):
        read_vocabulary(path, 1, None)
    assert len(read_vocabulary(path, 1, 1000)) == 1000


def test_a_word_that_begins_with_a_byte_order_mark_comes_back_from_vocab_and_phrases(tmp_path: Path) -> None:
    # A reader strips one byte order mark at the start of a file; the first word has a second one of its own.
    (tmp_path / "c.txt").write_text("\ufeff\ufeffa b \ufeffa b \ufeffa c\n")
    command = [sys.executable, "-m", "w2v_cli"]
    counted = subprocess.run([*command, "vocab", "-q", "c.txt"], cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / "words.tsv").write_bytes(counted.stdout)
    assert read_vocabulary(tmp_path / "words.tsv", 1, None).words == ["\ufeffa", "b", "c"]
    subprocess.run([*command, "phrases", "-q", "c.txt", "-o", "p.txt"], cwd=tmp_path, check=True)
    again = subprocess.run([*command, "vocab", "-q", "p.txt"], cwd=tmp_path, capture_output=True, check=True)
    assert again.stdout == counted.stdout


def test_a_delimiter_that_is_not_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("a b\n" * 9)
    command = [sys.executable, "-m", "w2v_cli", "phrases", "c.txt", "-o", "p.txt", "--delimiter"]
    done = subprocess.run([*command, b"\xff"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "--delimiter" in done.stderr and not (tmp_path / "p.txt").exists()


@pytest.mark.parametrize("vocab", ["plain.tsv", 'quoted "\\ \n.tsv', "Köln.tsv", "\U0001f600.tsv", "\u202e\x7f.tsv"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_what_info_prints_is_read_again_whatever_a_path_holds(tmp_path: Path, vocab: str, encoding: str) -> None:
    config = json.dumps(TrainConfig(vocab=vocab, alpha=1e-5).as_dict())
    save_model(tmp_path / "Köln", ["a"], None, {"input_vectors": TWO[:1]}, {"config": config})
    command = [sys.executable, "-m", "w2v_cli", "info", "Köln"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    (tmp_path / "again.toml").write_bytes(done.stdout)
    read = read_config_file(str(tmp_path / "again.toml"))
    assert (read["vocab"], read["alpha"]) == (vocab, 1e-5)


@pytest.mark.parametrize(
    "options", [{"vocab": "\udcff"}, {"a b\n c": 1}, {"dim": float("inf")}, {"dim": [1, {"a": None}]}, {"": ""}]
)
def test_what_toml_cannot_express_is_a_comment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any]
) -> None:
    metadata = {"config": json.dumps({"window": 3, **options})}
    save_model(tmp_path / "m", ["a"], None, {"input_vectors": TWO[:1]}, metadata)
    code, out, _ = call(capsys, "info", str(tmp_path / "m"))
    (tmp_path / "again.toml").write_text(out)
    assert code == 0 and read_config_file(str(tmp_path / "again.toml")) == {"window": 3}
