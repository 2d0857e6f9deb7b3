"""The folder for TensorBoard's projector: as many labels as rows, and no file of somebody else is touched."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import call, everything, load_vectors

import w2v_cli as w2v
from w2v_cli.cli import convert
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats import projector
from w2v_cli.formats.projector import PROJECTOR, write_projector
from w2v_cli.storage import atomic

WORDS = ["word", '"quoted"', "#tag", "a\u2028b", "c\x85d", "'s", "two words", "tab\there", "line\nend", "\x1c", "שלום"]
NUMBERS = np.float32(np.random.default_rng(1).normal(size=(len(WORDS), 3)))
FILES = ["projector_config.pbtxt", "vectors.tsv", "words.tsv"]


def vectors(counts: np.ndarray | None = None) -> WordVectors:
    return WordVectors(WORDS, NUMBERS, counts)


def test_there_are_as_many_labels_as_rows_however_lines_are_counted(tmp_path: Path) -> None:
    paths = write_projector(tmp_path / "look", vectors())
    assert paths == [str(tmp_path / "look" / name) for name in FILES]
    labels = Path(paths[2]).read_bytes().decode()
    assert labels.count("\n") == len(labels.splitlines()) == len(WORDS) == Path(paths[1]).read_text().count("\n")
    # A header is only expected where there are several columns, so the word `word` is a label.
    assert labels.splitlines()[:5] == ["word", '"quoted"', "#tag", "a\\u2028b", "c\\u0085d"]
    assert labels.splitlines()[7:10] == ["tab\\u0009here", "line\\u000aend", "\\u001c"]


def test_the_numbers_read_back_equal(tmp_path: Path) -> None:
    write_projector(tmp_path / "look", vectors())
    read = np.loadtxt(tmp_path / "look" / "vectors.tsv", np.float32, delimiter="\t")
    assert np.array_equal(read, NUMBERS)


def test_counts_are_a_second_column_with_a_header(tmp_path: Path) -> None:
    write_projector(tmp_path / "look", vectors(np.arange(len(WORDS), 0, -1)))
    lines = (tmp_path / "look" / "words.tsv").read_text().split("\n")
    assert lines[:2] == ["Word\tCount", "word\t11"] and len(lines) == 1 + len(WORDS) + 1


def test_the_configuration_names_the_files(tmp_path: Path) -> None:
    write_projector(tmp_path / "look", vectors())
    config = (tmp_path / "look" / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "vectors.tsv"' in config and 'metadata_path: "words.tsv"' in config


def test_its_own_folder_and_an_empty_one_are_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "look"
    folder.mkdir()
    write_projector(folder, vectors())
    write_projector(folder, WordVectors(["a"], np.ones((1, 1), np.float32)))
    assert (folder / "words.tsv").read_text() == "a\n"
    assert sorted(os.listdir(folder)) == FILES


@pytest.mark.parametrize("name", ["notes.txt", "vectors.tsv", "folder", "projector_config.pbtxt"])
def test_a_folder_with_other_files_is_left_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    if name == "folder":
        (tmp_path / "folder" / name).mkdir()
    else:
        (tmp_path / "folder" / name).write_text("mine")
    before = everything(tmp_path)
    for work in (lambda: write_projector(tmp_path / "folder", vectors()), lambda: PROJECTOR.check(tmp_path / "folder")):
        with pytest.raises(ModelFileError, match="holds"):
            work()
    assert everything(tmp_path) == before


def test_a_link_in_the_folder_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    write_projector(tmp_path / "look", vectors())
    (tmp_path / "look" / "words.tsv").unlink()
    (tmp_path / "look" / "words.tsv").symlink_to(tmp_path / "mine")
    with pytest.raises(ModelFileError, match=r"holds other files: words\.tsv"):
        write_projector(tmp_path / "look", vectors())
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_failure_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(projector, "_write_words", fail)
    with pytest.raises(ModelFileError, match="No space left"):
        write_projector(tmp_path / "look", vectors())
    assert os.listdir(tmp_path) == []


def test_a_folder_whose_writer_was_killed_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "look"
    write_projector(folder, vectors())
    killed = os.fork()
    if killed == 0:
        monkeypatch.setattr(atomic, "sync_folder", lambda _: None)
        monkeypatch.setattr("w2v_cli.storage.pairs.sync_folder", lambda _: os._exit(9))
        write_projector(folder, WordVectors(["a"], np.ones((1, 1), np.float32)))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == 9
    assert not (folder / "projector_config.pbtxt").exists()
    PROJECTOR.check(folder)
    assert sorted(os.listdir(folder)) == FILES
    assert (folder / "words.tsv").read_text().startswith("word\n")


def test_an_input_in_the_folder_is_not_overwritten(tmp_path: Path) -> None:
    write_projector(tmp_path / "look", vectors())
    with pytest.raises(ConfigError, match="would overwrite"):
        PROJECTOR.check(tmp_path / "look", str(tmp_path / "look" / "vectors.tsv"))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> w2v.Model:
    monkeypatch.chdir(tmp_path)
    made = w2v.Model.of(["the", "Köln", "a"], np.arange(6).reshape(3, 2), np.array([5, 3, 1]))
    made.save("model.safetensors")
    return made


def test_the_command_and_python_write_the_same(model: w2v.Model, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "convert", "model.safetensors", "look/", "--format", "projector")
    assert (code, out) == (0, "") and err.endswith(": 3 words × 2\n")
    model.save("again", format="projector")
    assert everything(Path("look")) == everything(Path("again"))


def test_the_command_writes_the_most_frequent_words_and_says_so(
    model: w2v.Model, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "PROJECTOR_WORDS", 2)
    monkeypatch.setattr(projector, "MOST_WORDS", 2)
    _, _, err = call(capsys, "convert", "model.safetensors", "look", "--format", "projector")
    assert err.startswith("Note: only the 2 most frequent of 3 words; --top N takes more\n")
    assert Path("look/words.tsv").read_text() == "Word\tCount\nthe\t5\nKöln\t3\n"
    _, _, err = call(capsys, "convert", "model.safetensors", "look", "--format", "projector", "--top", "3")
    assert err.startswith("Note: TensorBoard shows only the first 2 of 3 words\n")
    assert len(Path("look/vectors.tsv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("model.safetensors", "is a file, but the projector takes a folder"),
        ("no/look", "there is no folder"),
        (".", "holds other files: model.safetensors"),
    ],
)
def test_a_wrong_target_is_a_sentence(
    target: str, sentence: str, model: w2v.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(Path())
    code, _, err = call(capsys, "convert", "model.safetensors", target, "--format", "projector")
    assert code == 3 and sentence in err and err.count("\n") == 2
    assert everything(Path()) == before
    assert len(load_vectors("model.safetensors")) == 3
