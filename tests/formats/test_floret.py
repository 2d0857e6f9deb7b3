"""floret's text: a table of rows without words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import bits, make_subword_model

import w2v_cli as w2v
from w2v_cli.errors import ConfigError, ModelFileError


def test_a_table_survives_bit_for_bit(tmp_path: Path) -> None:
    table = make_subword_model(tmp_path / "a.safetensors", "floret", buckets=23)
    model = w2v.load(tmp_path / "a.safetensors")
    model.save(tmp_path / "a.floret")
    lines = (tmp_path / "a.floret").read_text().split("\n")
    assert lines[0] == "23 6 3 5 2 2166136261 < >" and lines[23].startswith("22 ") and lines[24:] == [""]
    assert [float(number) for number in lines[1].split()[1:]] == [float(f"{number:.9g}") for number in table.vectors[0]]
    again = w2v.load(tmp_path / "a.floret")
    assert (len(again), again.dim, list(again.words)) == (0, 6, [])
    for word in ("walk", "walking", "Flüsse"):
        assert bits(again[word]) == bits(model[word])
    again.save(tmp_path / "b.safetensors")
    w2v.load(tmp_path / "b.safetensors").save(tmp_path / "b.floret.gz")
    w2v.load(tmp_path / "b.floret.gz").save(tmp_path / "b.floret")
    assert (tmp_path / "b.floret").read_bytes() == (tmp_path / "a.floret").read_bytes()


def test_a_model_without_words_compares_words_but_has_no_answers(tmp_path: Path) -> None:
    make_subword_model(tmp_path / "a.safetensors", "floret", buckets=23)
    w2v.load(tmp_path / "a.safetensors").save(tmp_path / "a.floret")
    model = w2v.load(tmp_path / "a.floret")
    assert model.similarity("walk", "walk") == pytest.approx(1)
    assert len(model.odd(["walk", "walked", "Fluß"])) == 3
    with pytest.raises(ModelFileError, match="no words that could be answers"):
        model.similar("walk")
    with pytest.raises(ConfigError, match="no words"):
        model.explore(tmp_path / "map.html")
    assert "no words that could be answers" in model._repr_html_()
    with pytest.raises(ModelFileError, match="holds no vectors of words"):
        model.save(tmp_path / "a.txt")


def test_floret_on_trailing_blanks_is_read(tmp_path: Path) -> None:
    # floret writes a blank after the last number.
    (tmp_path / "a.vectors").write_text("2 2 3 4 1 2166136261 < >\n0 1 0.5 \n1 -1 2 \n")
    model = w2v.load(tmp_path / "a.vectors")
    rows = np.array([[1, 0.5], [-1, 2]])
    assert len(model.ngrams("cat")) == 6
    np.testing.assert_allclose(model["cat"], rows[[part.row for part in model.ngrams("cat")]].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 2 3 4 1 2166136261 < >\n0 1 2\n2 3 4\n", "line 3: expected the row 1"),
        ("2 2 3 4 1 2166136261 < >\n0 1 2\n", "is cut short"),
        ("2 2 3 4 1 2166136261 [ ]\n0 1 2\n1 3 4\n", "another seed or other marks"),
        ("2 2 5 4 1 2166136261 < >\n0 1 2\n1 3 4\n", "min-ngram 5 is above max-ngram 4"),
        ("0 2 3 4 1 2166136261 < >\n0 1 2\n", "buckets 0 is not a whole number"),
        ("2 2 3 4 1 2166136261 < >\n0 1 2\n1 x 4\n", "“x” is not a number"),
        ("2 2\n", "expected floret's eight fields"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.floret").write_text(text)
    with pytest.raises(ModelFileError, match=message):
        w2v.load(tmp_path / "a.floret", format="floret")


def test_only_models_of_floret_become_a_table_of_floret(tmp_path: Path) -> None:
    make_subword_model(tmp_path / "a.safetensors", "fasttext")
    with pytest.raises(ModelFileError, match="hashes parts of words as fastText does"):
        w2v.load(tmp_path / "a.safetensors").save(tmp_path / "a.floret")
    with pytest.raises(ModelFileError, match="has no parts of words"):
        w2v.Model.of(["a"], np.ones((1, 2), np.float32)).save(tmp_path / "a.floret")
    assert not (tmp_path / "a.floret").exists()
