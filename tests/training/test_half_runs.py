"""Runs with tables of float16: what they write, what reads it, and what such a run cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call

import w2v_cli as w2v
from w2v_cli.cluster.machine import ClusterMachine
from w2v_cli.config import TrainConfig
from w2v_cli.errors import ConfigError
from w2v_cli.storage.tensors import TensorFile
from w2v_cli.subwords.compose import compose
from w2v_cli.subwords.rows import WordRows
from w2v_cli.training.memory import tables_of
from w2v_cli.training.run import resume_training, train_model


def config(**options: Any) -> TrainConfig:
    given = {"dim": 20, "epochs": 2, "min_count": 20, "threads": 1, "engine": "reference", "table": "float16"}
    return TrainConfig(**{**given, **options})


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "toyland.txt"
    path.write_text("".join((ROOT / "data" / "toyland.txt").read_text().splitlines(True)[:500]))
    return path


@pytest.fixture(scope="module")
def model(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    train_model([str(text)], config(), output=path)
    return path


def test_the_file_holds_what_the_run_held_and_is_read_as_float32(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = TensorFile(model)
    assert [file.dtype(name) for name in ("input_vectors", "output_vectors")] == ["F16", "F16"]
    loaded = w2v.load(model)
    for name, table in loaded.tables.items():
        assert table.dtype == np.float32
        np.testing.assert_array_equal(table, file.tensor(name, "F16", axes=2))
    assert loaded.training_options()[0].table == "float16"
    assert loaded.predict(list(loaded.words[:2]))
    code, out, _ = call(capsys, "info", "--json", str(model))
    assert (code, json.loads(out)["dtype"], json.loads(out)["config"]["table"]) == (0, "float16", "float16")


def test_the_loss_of_the_file_is_that_of_the_run(text: Path, tmp_path: Path) -> None:
    run = train_model([str(text)], config(validate=0.2), output=tmp_path / "model.safetensors")
    held_out = run.trained.validation_losses[-1]
    again = train_model([str(text)], config(validate=0.2, table="float32"))
    # Rounding changes the loss, but hardly.
    assert held_out != again.trained.validation_losses[-1]
    assert held_out == pytest.approx(again.trained.validation_losses[-1], rel=0.01)
    model = w2v.load(tmp_path / "model.safetensors")
    assert model.validation_losses[-1] == held_out


def test_a_resumed_run_fills_its_tables_with_float16(text: Path, tmp_path: Path) -> None:
    train_model([str(text)], config(epochs=1), checkpoint=tmp_path)
    longer = resume_training(tmp_path, {"epochs": 2})
    again = resume_training(tmp_path, {"epochs": 2})
    assert TensorFile(tmp_path / "checkpoint-0.safetensors").dtype("input_vectors") == "F16"
    for name, table in longer.tensors.items():
        assert table.dtype == np.float16
        np.testing.assert_array_equal(table, again.tensors[name])


def test_a_run_goes_on_from_float16_and_leaves_frozen_rows_alone(text: Path, model: Path, tmp_path: Path) -> None:
    before = w2v.load(model)
    after = w2v.train(
        text, init=model, table="float16", engine="reference", threads=1, epochs=1, min_count=20, freeze="known"
    )
    same = [after.words[i] for i in range(len(after)) if after.words[i] in before]
    assert same
    for word in same:
        np.testing.assert_array_equal(after[word], before[word])
    assert after.vectors.dtype == np.float32


def test_parts_of_words_are_composed_of_float16(text: Path, tmp_path: Path) -> None:
    parts = config(subwords="floret", buckets=300, epochs=1, max_vocab=20)
    train_model([str(text)], parts, output=tmp_path / "model.safetensors")
    file, model = TensorFile(tmp_path / "model.safetensors"), w2v.load(tmp_path / "model.safetensors")
    assert file.dtype("subword_vectors") == "F16"
    np.testing.assert_array_equal(model[model.words[0]], model.vectors[0])
    assert model["unseenword"].dtype == np.float32


def test_composing_float16_gives_the_same_as_float32() -> None:
    rng = np.random.default_rng(1)
    table = rng.standard_normal((50, 7)).astype(np.float16)
    rows = WordRows(np.cumsum([0, *rng.integers(0, 9, 5000)]), rng.integers(0, 50, 40_000).astype(np.int32))
    np.testing.assert_array_equal(compose(table, rows), compose(table.astype(np.float32), rows))


def test_tables_of_float16_take_half_the_memory() -> None:
    half, whole = (tables_of(config(dim=300, table=table), 1_000_000) for table in ("float16", "float32"))
    assert (half.size, whole.size) == (2 * 10**6 * 304 * 2, 2 * 10**6 * 304 * 4)
    assert "--table float16" in whole.hint
    assert "--table float16" not in half.hint


def test_the_full_softmax_and_a_cluster_are_refused_before_anything_is_read() -> None:
    with pytest.raises(ConfigError, match="--table has no meaning with --loss softmax"):
        config(loss="softmax")
    with pytest.raises(ConfigError, match="a cluster cannot train tables of float16"):
        train_model(["no-such-file.txt"], config(), machine=ClusterMachine(None))


def test_only_a_table_of_float16_is_recorded() -> None:
    assert config().as_dict()["table"] == "float16"
    assert "table" not in config(table="float32").as_dict()
    assert TrainConfig.from_dict(config().as_dict()) == config()
