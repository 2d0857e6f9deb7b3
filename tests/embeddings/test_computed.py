"""Vectors that are stored in fewer bytes than float32: their rows, and models that are asked without reading all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.embeddings import matrix as matrix_module
from w2v_cli.embeddings.blend import Blend
from w2v_cli.embeddings.computed import Computed, Stored
from w2v_cli.embeddings.queries import similar
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.formats.model_file import ModelFile, save_model

RANDOM = np.random.default_rng(5)
WORDS = [f"w{row}" for row in range(60)]
HALF = RANDOM.normal(size=(60, 5)).astype(np.float16)
WHOLE, SCALES = RANDOM.integers(-127, 128, (60, 5), dtype=np.int8), np.float32(RANDOM.uniform(0.01, 1, 60))
STORED = [(Stored(HALF), HALF.astype(np.float32)), (Stored(WHOLE, SCALES), WHOLE * SCALES[:, np.newaxis])]


@pytest.mark.parametrize(("stored", "expected"), STORED)
def test_rows_are_float32_one_at_a_time_and_all_at_once(stored: Stored, expected: np.ndarray) -> None:
    ids = np.array([7, 0, 7, 59])
    vectors = WordVectors(WORDS, stored)
    assert (vectors.dim, stored.nbytes, len(stored), stored[ids].dtype) == (5, 60 * 5 * 4, 60, np.float32)
    for found, wanted in (
        (vectors.rows(ids), expected[ids]),
        (vectors["w3"], expected[3]),
        (stored[4:9], expected[4:9]),
        (stored.first(9)[:], expected[:9]),
        (vectors.first(9).matrix, expected[:9]),
        (vectors.matrix, expected),
    ):
        assert np.array_equal(found, wanted) and found.dtype == np.float32


@pytest.mark.parametrize("kept", [0, 1 << 28])
@pytest.mark.parametrize("kind", ["mix", "sum", "concat", None])
@pytest.mark.parametrize(("stored", "plain"), STORED)
def test_answers_are_those_of_float32(
    stored: Stored, plain: np.ndarray, kind: str | None, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "_KEPT_BYTES", kept)
    monkeypatch.setattr(matrix_module, "_CHUNK_BYTES", 64)
    one, other = (rows if kind is None else Blend(rows, STORED[0][0], kind) for rows in (stored, plain))
    ours, theirs = WordVectors(WORDS, one), WordVectors(WORDS, other)
    for _ in range(2):
        assert similar(ours, ["w3", "w40"], 5) == similar(theirs, ["w3", "w40"], 5)
    assert isinstance(ours.held, Computed) == (kept == 0)
    assert np.array_equal(ours.first(9).matrix, theirs.first(9).matrix)


def test_a_model_of_float16_is_asked_without_its_tables_as_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "_KEPT_BYTES", 0)
    tables = {"input_vectors": HALF, "output_vectors": -HALF}
    save_model(tmp_path / "m.safetensors", WORDS, None, tables, {"config": '{"loss": "ns"}'})
    with ModelFile(tmp_path / "m.safetensors") as file:
        model = w2v.Model.of_file(file, "mix")
    answers = model.similar("w3")
    assert isinstance(file.vectors.held, Stored) and isinstance(file.tables.held("output_vectors"), Stored)
    assert model.using("mix").similar("w3") == answers
    assert np.array_equal(model.tables["output_vectors"], -HALF.astype(np.float32))
    assert isinstance(file.tables.held("output_vectors"), np.ndarray)


@pytest.mark.parametrize("matrix", ["input", "output"])
def test_who_shares_the_tables_of_a_model_sees_what_was_written(
    matrix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_module, "_KEPT_BYTES", 0)
    save_model(tmp_path / "m.safetensors", WORDS, None, {"input_vectors": HALF, "output_vectors": -HALF}, {})
    model, rows = w2v.load(tmp_path / "m.safetensors", matrix="mix"), HALF.astype(np.float32)
    chosen = model.using(matrix)
    chosen.vectors[3] = 9
    assert (model.tables[f"{matrix}_vectors"][3] == 9).all() and (chosen.using(matrix)["w3"] == 9).all()
    assert model.using("sum")["w3"] == pytest.approx(9 - rows[3] if matrix == "input" else 9 + rows[3])
    assert model.similar("w3") == w2v.Model.of(WORDS, model.vectors).similar("w3")
    chosen.save(tmp_path / "n.safetensors")
    assert (w2v.load(tmp_path / "n.safetensors", matrix=matrix)["w3"] == 9).all()
    assert np.array_equal(w2v.load(tmp_path / "m.safetensors", matrix="input").vectors, HALF)
