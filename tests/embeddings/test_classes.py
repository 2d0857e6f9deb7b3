"""`w2v classes` puts words of one direction into one class."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import call_for_lines

from w2v_cli.embeddings.classes import word_classes
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError
from w2v_cli.formats.model_file import save_model

REASON = "scikit-learn is not here (it is in the classes and bench extras)"


def bundles() -> WordVectors:
    """Return five bundles of directions: word i belongs to bundle i mod 5, and lengths range from 0.1 to 10."""
    rng = np.random.default_rng(0)
    rows = np.tile(np.eye(5, 8), (40, 1)) + 0.05 * rng.standard_normal((200, 8))
    return WordVectors([f"w{i}" for i in range(200)], (rows * rng.uniform(0.1, 10, (200, 1))).astype(np.float32))


def test_directions_are_clustered_whatever_the_lengths() -> None:
    pytest.importorskip("sklearn", reason=REASON)
    assert word_classes(bundles(), 5).tolist() == [0, 1, 2, 3, 4] * 40
    many = word_classes(bundles(), 20, seed=3)
    assert set(many.tolist()) == set(range(many.max() + 1)) and np.array_equal(
        many, word_classes(bundles(), 20, seed=3)
    )
    assert all(len(set((np.flatnonzero(many == number) % 5).tolist())) == 1 for number in range(many.max() + 1))
    with pytest.raises(ConfigError, match="there are 200 words"):
        word_classes(bundles(), 201)


def test_the_command_prints_word_and_class(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    matrix = np.array([[1, 0], [0, 2], [3, 0.1], [0, 1]], np.float32)
    save_model("model.safetensors", ["a", "b", "c", "d"], np.arange(4, 0, -1), {"input_vectors": matrix}, {})

    def classes(*options: str) -> tuple[int, list[str], str]:
        return call_for_lines(capsys, "classes", *options)

    with monkeypatch.context() as without:
        without.setitem(sys.modules, "sklearn.cluster", None)
        code, out, err = classes("-k", "2")
        assert (code, out) == (3, []) and "-m pip install scikit-learn\n" in err
    pytest.importorskip("sklearn", reason=REASON)
    assert classes("-k", "2") == (0, ["a\t0", "b\t1", "c\t0", "d\t1"], "")
    assert classes("-k", "2", "--sort")[1] == ["a\t0", "c\t0", "b\t1", "d\t1"]
    assert json.loads(classes("-k", "2", "--json")[1][1]) == {"word": "b", "class": 1}
    assert classes("-k", "5")[0] == 2
