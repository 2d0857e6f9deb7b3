"""A model file is opened once, and mapped so that writing to its vectors changes the model but never the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call

import w2v_cli as w2v
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.formats.vector_file import VectorFile

ROWS = 3000
WORDS = [f"w{number}" for number in range(ROWS)]
MATRIX = np.random.default_rng(0).standard_normal((ROWS, 8)).astype(np.float32)


def save(path: Path, words: list[str], sign: int) -> None:
    tables = {"input_vectors": sign * MATRIX[: len(words)], "output_vectors": 2 * sign * MATRIX[: len(words)]}
    save_model(path, words, np.arange(len(words), 0, -1), tables, {"sign": str(sign)})


@pytest.mark.parametrize("name", ["m.safetensors", "m.safetensors.gz"])
def test_a_model_that_is_replaced_while_it_is_read_does_not_mix_with_the_new_one(tmp_path: Path, name: str) -> None:
    save(tmp_path / name, WORDS, 1)
    with ModelFile(tmp_path / name) as file:
        save(tmp_path / name, ["x", "y"], -1)
        assert file.vectors.words == WORDS and np.array_equal(file.vectors.matrix, MATRIX)
        assert np.array_equal(file.tables["output_vectors"], 2 * MATRIX) and file.metadata["sign"] == "1"
        assert file.status.st_size != os.path.getsize(tmp_path / name)
    assert w2v.load(tmp_path / name).words == ["x", "y"]


@pytest.mark.parametrize("name", ["m.txt", "m.bin", "m.glove", "m.vec.gz"])
def test_vectors_that_are_replaced_while_they_are_read_are_the_old_ones(tmp_path: Path, name: str) -> None:
    w2v.Model.of(WORDS, MATRIX).save(tmp_path / name)
    with ModelFile(tmp_path / name) as file:
        w2v.Model.of(["x"], np.ones((1, 2))).save(tmp_path / name)
        assert file.vectors.words == WORDS and np.array_equal(file.vectors.matrix, MATRIX)


@pytest.mark.parametrize("name", ["m.safetensors", "m.safetensors.gz"])
def test_loading_and_converting_open_the_model_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    save(tmp_path / name, WORDS, 1)
    opened, real = [], open

    def counting(file: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(os.fspath(file) if isinstance(file, str | os.PathLike) else file)
        return real(file, *arguments, **options)

    monkeypatch.setattr("builtins.open", counting)
    assert w2v.load(tmp_path / name).output_vectors is not None
    assert opened.count(str(tmp_path / name)) == 1
    arguments = [str(tmp_path / name), str(tmp_path / "sum.bin"), "--matrix", "sum"]
    assert call(capsys, "convert", *arguments)[0] == 0
    assert opened.count(str(tmp_path / name)) == 2


def test_a_model_in_a_gzip_file_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "m.safetensors", WORDS, 1)
    save(tmp_path / "m.safetensors.gz", WORDS, 1)
    read, real = [0], VectorFile.read

    def counting(file: VectorFile, size: int) -> bytes:
        data = real(file, size)
        read[0] += len(data)
        return data

    monkeypatch.setattr(VectorFile, "read", counting)
    model = w2v.load(tmp_path / "m.safetensors.gz")
    assert model.words == WORDS and model.output_vectors is not None and model.metadata["sign"] == "1"
    # The whole file once, and its beginning a second time, to recognise the format.
    assert read[0] < 1.1 * os.path.getsize(tmp_path / "m.safetensors")


def test_vectors_of_a_file_may_be_written_to_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save(path, WORDS, 1)
    before = path.read_bytes()
    model = w2v.load(path)
    best, _ = model.similar("w0", 1)[0]
    assert best != "w1"
    model.vectors[1] = 7 * MATRIX[0]
    assert model.similar("w0", 1)[0] == ("w1", pytest.approx(1))
    model.vectors[:] *= -1
    assert model.similarity("w0", "w1") == pytest.approx(1)
    assert model.output_vectors is not None
    model.output_vectors[0] = 9
    model.save(tmp_path / "changed.safetensors")
    assert path.read_bytes() == before
    changed = w2v.load(tmp_path / "changed.safetensors")
    assert np.array_equal(changed["w1"], -7 * MATRIX[0]) and np.array_equal(changed["w0"], -MATRIX[0])
    assert changed.output_vectors is not None and changed.output_vectors[0].tolist() == [9] * 8


def test_what_is_written_to_the_vectors_outlives_every_answer(tmp_path: Path) -> None:
    save(tmp_path / "m.safetensors", WORDS, 1)
    model = w2v.load(tmp_path / "m.safetensors")
    # This writes to every page of the mapped file.
    model.vectors[:] = MATRIX[::-1]
    for _ in range(2):
        model.similar("w0")
        model.analogy("w0", "w1", "w2", method="3cosmul")
    assert np.array_equal(model.vectors, MATRIX[::-1])


def test_a_library_that_ignores_the_read_only_flag_does_not_crash_the_program(tmp_path: Path) -> None:
    save(tmp_path / "m.safetensors", WORDS, 1)
    program = (
        "import ctypes, w2v_cli as w2v\nmodel = w2v.load('m.safetensors')\n"
        "ctypes.memset(model.vectors.ctypes.data, 0, 32)\nassert not model['w0'].any() and model['w1'].any()"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path).returncode == 0


def test_a_vector_that_is_asked_for_is_a_copy(tmp_path: Path) -> None:
    save(tmp_path / "m.safetensors", WORDS, 1)
    for model in (w2v.load(tmp_path / "m.safetensors"), w2v.Model.of(WORDS, MATRIX.copy())):
        model["w0"][:] = 0
        assert np.array_equal(model["w0"], MATRIX[0])


@pytest.mark.parametrize("kind", ["made", "text"])
def test_answers_follow_what_is_written_to_vectors_of_any_origin(tmp_path: Path, kind: str) -> None:
    matrix = np.eye(3, dtype=np.float32)
    model = w2v.Model.of(["a", "b", "c"], matrix)
    if kind == "text":
        model.save(tmp_path / "m.txt")
        model = w2v.load(tmp_path / "m.txt")
        matrix = model.vectors
    model.similar("a")
    matrix[1] = [5, 0, 0]
    assert model.similar("a", 1)[0] == ("b", pytest.approx(1))


def test_norms_are_kept_until_the_matrix_is_handed_out() -> None:
    vectors = WordVectors(WORDS, MATRIX.copy())
    assert vectors.norms is vectors.norms
    vectors.hand_out()[:] *= 2
    assert vectors.norms == pytest.approx(2 * np.linalg.norm(MATRIX, axis=1))
    assert vectors.norms is not vectors.norms


def test_read_only_vectors_can_be_a_model_too() -> None:
    frozen = np.frombuffer(MATRIX.tobytes(), np.float32).reshape(MATRIX.shape)
    model = w2v.Model.of(WORDS, frozen)
    assert not model.vectors.flags.writeable and model.similar("w0")
