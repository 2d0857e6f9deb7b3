"""Reading the first words of a file only, and words in another encoding."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.errors import ConfigError, CutShortError, ModelFileError
from w2v_cli.formats import text

WORDS = [f"wörd{i}" for i in range(300)]


@pytest.fixture(scope="module")
def model() -> w2v.Model:
    return w2v.Model.of(WORDS, np.random.default_rng(1).normal(size=(300, 5)))


@pytest.mark.parametrize("suffix", [".txt", ".bin", ".glove", ".txt.gz", ".bin.gz"])
@pytest.mark.parametrize("limit", [1, 2, 299, 300, 5000])
def test_the_first_words_are_read(
    tmp_path: Path, model: w2v.Model, suffix: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "CHUNK_BYTES", 1000)
    path = tmp_path / f"vectors{suffix}"
    model.save(path)
    few = w2v.load(path, limit=limit)
    assert list(few.words) == WORDS[:limit]
    assert np.array_equal(few.vectors, model.vectors[:limit])


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.glove", "vectors.bin"])
def test_what_follows_the_limit_is_not_looked_at(tmp_path: Path, model: w2v.Model, name: str) -> None:
    path = tmp_path / name
    model.save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b"\0 bad\n bad")
    with pytest.raises(ModelFileError):
        w2v.load(path)
    assert len(w2v.load(path, limit=50)) == 50


def test_a_file_with_fewer_words_than_it_promises_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("3 1\na 1\nb 2\n")
    with pytest.raises(CutShortError, match="promises 3 words, but 2 lines follow"):
        w2v.load(path, limit=3)
    assert list(w2v.load(path, limit=2).words) == ["a", "b"]


def test_other_formats_are_read_whole(tmp_path: Path, model: w2v.Model) -> None:
    path = tmp_path / "model.safetensors"
    model.save(path)
    with pytest.raises(ConfigError, match="is safetensors, which is read whole"):
        w2v.load(path, limit=3)
    with pytest.raises(ConfigError, match="limit"):
        w2v.load(path, limit=0)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("name", ["vectors.txt", "vectors.bin.gz"])
def test_words_in_another_encoding(tmp_path: Path, model: w2v.Model, encoding: str, name: str) -> None:
    path, plain = tmp_path / name, tmp_path / name.removesuffix(".gz")
    model.save(plain)
    recoded = plain.read_bytes().replace("ö".encode(), "ö".encode(encoding))
    path.write_bytes(gzip.compress(recoded) if name.endswith(".gz") else recoded)
    assert list(w2v.load(path, encoding=encoding).words) == WORDS
    with pytest.raises(ModelFileError, match="is not UTF-8"):
        w2v.load(path)
    with pytest.raises(ModelFileError, match="the word is not ascii"):
        w2v.load(path, encoding="ascii")
    with pytest.raises(ConfigError, match="cannot be encoded as utf-16"):
        w2v.load(path, encoding="utf-16")
