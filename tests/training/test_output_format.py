"""`w2v train -o` writes the format that the suffix names, under the same rules as `w2v convert`."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import call, load_vectors

import w2v_cli as w2v
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.model_file import ModelFile

OPTIONS = ["--dim", "4", "--min-count", "1", "--epochs", "1", "--threads", "1", "--engine", "reference"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.txt").write_text("ice is cold and fire is hot\n" * 30)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "format", "start"),
    [
        ("v.txt", "text", b"6 4\n"),
        ("v.vec", "text", b"6 4\n"),
        ("v.bin", "binary", b"6 4\n"),
        ("v.glove", "glove", b"is "),
        ("v.vec.gz", "text", b"\x1f\x8b"),
        ("v.txt.bz2", "text", b"BZh9"),
        ("v.bin.xz", "binary", b"\xfd7zXZ\0"),
        ("v.xz", "safetensors", b"\xfd7zXZ\0"),
        ("v", "safetensors", b""),
        ("v.model", "safetensors", b""),
    ],
)
def test_the_suffix_names_the_format_of_the_model(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, format: str, start: bytes
) -> None:
    assert call(capsys, "train", "c.txt", *OPTIONS)[0] == 0
    code, _, err = call(capsys, "train", "c.txt", "-o", name, *OPTIONS)
    assert code == 0 and ("words and vectors only" in err) == (format != "safetensors")
    assert (folder / name).read_bytes().startswith(start)
    with ModelFile(name) as file:
        assert file.format == format and file.vectors.words == load_vectors("model.safetensors").words
        assert np.array_equal(file.vectors.matrix, load_vectors("model.safetensors").matrix)


@pytest.mark.parametrize(("name", "words"), [("v.tsv", "v_metadata.tsv"), ("v.npy", "v_words.txt")])
def test_a_word_list_is_written_too_but_replaces_no_other_file(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    code, _, err = call(capsys, "train", "c.txt", "-o", name, *OPTIONS)
    assert code == 0 and "Next:" not in err and len((folder / words).read_text().splitlines()) == 6
    assert call(capsys, "train", "c.txt", "-o", name, *OPTIONS)[0] == 0
    (folder / name).unlink()
    (folder / words).write_text("mine\n")
    code, _, err = call(capsys, "train", "c.txt", "-o", name, *OPTIONS)
    assert code == 3 and "is not their word list" in err and (folder / words).read_text() == "mine\n"
    with pytest.raises(ConfigError, match="would overwrite"):
        (folder / words).write_bytes((folder / "c.txt").read_bytes())
        w2v.train(str(folder / words), output=folder / name, min_count=1)


@pytest.mark.parametrize("name", ["v.csv", "v.csv.bz2", "v.JSON", "v.zip"])
def test_a_suffix_that_promises_another_format_is_refused_before_the_training(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, _, err = call(capsys, "train", "c.txt", "-o", name, *OPTIONS)
    assert code == 2 and f"w2v does not write {Path(name.removesuffix('.bz2')).suffix.lower()}" in err and ".vec" in err
    assert os.listdir(folder) == ["c.txt"]


def test_a_run_with_parts_of_floret_writes_their_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [*OPTIONS, "--subwords", "floret", "--buckets", "50"]
    assert call(capsys, "train", "c.txt", *parts)[0] == 0
    code, _, err = call(capsys, "train", "c.txt", "-o", "v.floret", *parts)
    assert code == 0 and "Wrote v.floret: 50 rows × 4" in err and "Next: w2v ngrams -m v.floret" in err
    assert call(capsys, "convert", "model.safetensors", "w.floret")[0] == 0
    assert (folder / "v.floret").read_bytes() == (folder / "w.floret").read_bytes()
    (folder / "v.floret").unlink()
    for others in (OPTIONS, [*OPTIONS, "--subwords", "fasttext"]):
        code, _, err = call(capsys, "train", "c.txt", "-o", "v.floret", *others)
        assert code == 2 and "add --subwords floret" in err
    assert sorted(os.listdir(folder)) == ["c.txt", "model.safetensors", "w.floret"]


def test_a_folder_is_no_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "old").mkdir()
    for name in ("old/", "old", "new/"):
        assert call(capsys, "train", "c.txt", "-o", name, *OPTIONS)[0] == 3
    assert sorted(path.name for path in folder.iterdir()) == ["c.txt", "old"]


def test_the_whole_model_of_a_run_with_checkpoints_can_be_written_later(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, "train", "c.txt", "-o", "v.bin", "--checkpoint", "run", *OPTIONS)
    assert code == 0 and "w2v train --resume run -o model.safetensors writes the whole model" in err
    assert call(capsys, "train", "--resume", "run", "-o", "model.safetensors")[0] == 0
    model = w2v.load("model.safetensors")
    assert model.output_vectors is not None and np.array_equal(model.vectors, w2v.load("v.bin").vectors)


def test_words_that_the_format_cannot_hold_are_refused_before_the_training(folder: Path) -> None:
    seen: list[object] = []
    with pytest.raises(ModelFileError, match="binary cannot hold 'a\\\\x00b'"):
        w2v.train([["a\0b", "c"]] * 9, output=folder / "v.bin", min_count=1, on_progress=seen.append)
    assert not seen and not (folder / "v.bin").exists()


def test_a_lossy_output_that_cannot_be_written_leaves_the_whole_model_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from w2v_cli.training import saving

    def full(*_: object, **__: object) -> None:
        raise ModelFileError("cannot write v.vec: the disk is full", hint="free some space")

    monkeypatch.setattr(saving, "write_vectors", full)
    monkeypatch.setattr(saving.tempfile, "gettempdir", lambda: str(folder))
    with pytest.raises(ModelFileError, match=r"the model is in .*/v.vec.safetensors instead"):
        w2v.train("c.txt", output="v.vec", min_count=1, dim=4, epochs=1)
    assert w2v.load(next(folder.glob("w2v-*/v.vec.safetensors"))).output_vectors is not None
