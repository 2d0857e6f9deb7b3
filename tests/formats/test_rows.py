"""Files of rows: what other programs read, whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from w2v_cli.embeddings.sentences import LineVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.rows import rows_file, rows_format

ROWS = np.array([[0.1, -2.5], [0, 1e-30], [3, 1 / 3]], np.float32)


def some(matrix: np.ndarray) -> LineVectors:
    counts = np.arange(len(matrix))
    return LineVectors(matrix, counts, 2 * counts, 3 * counts)


def write(path: Path, count: int = 3) -> None:
    with rows_file(path, 2) as add:
        for row in ROWS[:count]:
            add(some(row[np.newaxis]))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_numpy_saves_the_same_bytes(count: int, tmp_path: Path) -> None:
    write(tmp_path / "a.npy", count)
    assert np.array_equal(np.load(tmp_path / "a.npy"), ROWS[:count])
    np.save(tmp_path / "b.npy", ROWS[:count])
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_a_header_is_as_long_for_any_number_of_rows(tmp_path: Path) -> None:
    from w2v_cli.formats.rows import _npy_header

    assert len({len(_npy_header(count, dim)) for count in (0, 1, 10**15) for dim in (1, 10**6)}) == 1


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.TXT"])
def test_text_restores_every_bit(name: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    assert np.array_equal(np.array([line.split(" ") for line in text.splitlines()], np.float32), ROWS)


def test_json_lines_number_the_lines(tmp_path: Path) -> None:
    with rows_file(tmp_path / "a.jsonl", 2) as add:
        add(some(ROWS[:2]))
        add(some(ROWS[2:]))
    found = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [(item["line"], item["known"], item["composed"]) for item in found] == [(1, 0, 0), (2, 1, 2), (3, 0, 0)]
    assert np.array_equal(np.array([item["vector"] for item in found], np.float32), ROWS)


@pytest.mark.parametrize("name", ["a.npy", "a.txt", "a.jsonl.gz"])
def test_a_failure_leaves_the_older_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(ModelFileError, match="No space left"), rows_file(tmp_path / name, 2) as add:
        add(some(ROWS))
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_text() == "old"


@pytest.mark.parametrize(
    ("name", "message"), [("a.csv", "no suffix"), ("a", "no suffix"), ("a.npy.gz", "cannot be packed")]
)
def test_other_suffixes_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rows_format(name)
