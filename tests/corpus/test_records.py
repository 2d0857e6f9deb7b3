"""Texts in a column of Parquet, or in a field of JSON lines."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from w2v_cli.corpus.records import json_texts
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError, CorpusError, MissingExtraError

RECORDS: list[dict[str, Any]] = [
    {"id": 1, "text": "The boats came home.", "tags": ["the", "boats"]},
    {"id": 2, "text": None, "tags": []},
    {"id": 3, "text": "So they did.\nLate.", "tags": ["so"]},
    {"id": 4, "text": "Ёлка 😀", "tags": None},
]
TEXT = "The boats came home.\nSo they did.\nLate.\nЁлка 😀\n"


def read(path: Path | str, remarks: list[str] | None = None, **options: Any) -> str:
    texts = Texts([str(path)], TextOptions(**options), ([] if remarks is None else remarks).append)
    data = b"".join(piece.data for piece in texts.pieces())
    assert data.endswith(b"\n")  # the end of the file
    return data[:-1].decode()


def write_lines(path: Path, records: list[Any] = RECORDS) -> Path:
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def write_parquet(path: Path, **options: Any) -> Path:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not here (it is in the extra test)")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(RECORDS), path, **options)
    return path


def test_a_field_of_json_lines_is_the_text(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl")
    assert read(path, field="text") == TEXT
    assert read(path, field="tags") == "the boats\n\nso\n"
    assert read(path, field="text", lower=True, tokenize="words").split() == TEXT.lower().replace(".", "").split()[:-1]


def test_json_lines_may_be_compressed_or_in_another_encoding(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + lines.encode()))
    (tmp_path / "b.jsonl").write_bytes(lines.encode("utf-16"))
    assert read(tmp_path / "a.jsonl.gz", field="text") == TEXT
    assert read(tmp_path / "b.jsonl", field="text", encoding="utf-16") == TEXT


def test_records_are_paragraphs_if_lines_are_joined(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"text": "one\ntwo"}, {"text": "three"}])
    assert read(path, field="text", unwrap=True).split("\n")[:2] == ["one two", "three"]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_may_be_cut_anywhere_between_blocks(size: int) -> None:
    data = "\n".join(map(json.dumps, RECORDS)).encode()
    blocks = iter([data[i : i + size] for i in range(0, len(data), size)])
    assert b"".join(json_texts(blocks, "a", "text", b"\n", "strict")).decode() == TEXT


def test_a_later_record_may_lack_the_field_but_not_the_first(tmp_path: Path) -> None:
    assert read(write_lines(tmp_path / "a.jsonl", [{"a": "x"}, {"b": "y"}, {"a": "z"}]), field="a") == "x\nz\n"
    with pytest.raises(CorpusError, match=r"a\.jsonl, line 1, has no field b") as caught:
        read(tmp_path / "a.jsonl", field="b")
    assert caught.value.hint == "its fields of text: a"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (b'{"text": "a"}\n\n{"text": "b"\n', r"line 3, is not JSON"),
        (b'{"text": "a"}\n[1, 2]\n', r"line 2, is not a JSON object"),
        (b'{"text": "a"}\n{"text": 5}\n', r"line 2, has no text in the field text, but 5"),
        (b'{"text": "a"}\n{"text": ["a", 5]}\n', r"line 2, has no text in the field text, but \['a', 5\]"),
        (b'{"text": "a"}\n{"text": "\xff"}\n', r"line 2, is not UTF-8 at its byte 10"),
        (b'{"text": "\\ud83d"}\n', r"line 1, has half a character"),
        (b"the boats came home\n", r"line 1, is not JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, lines: bytes, message: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines)
    with pytest.raises(CorpusError, match=message):
        read(tmp_path / "a.jsonl", field="text")


def test_half_a_character_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a\\ud83d b"}\n')
    assert read(tmp_path / "a.jsonl", field="text", errors="ignore") == "a b\n"
    assert "\ufffd" in read(tmp_path / "a.jsonl", field="text", errors="replace")


def test_json_that_is_not_lines_is_refused_with_a_way_out() -> None:
    blocks = iter([b'[{"text": "a"},' + b" " * (1 << 20)] * 65)
    with pytest.raises(CorpusError, match="has a line of more than 64 MiB") as caught:
        list(json_texts(blocks, "a", "text", b"\n", "strict"))
    assert "jq -c" in (caught.value.hint or "")


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_a_column_of_parquet_is_the_text(tmp_path: Path, rows: int) -> None:
    path = write_parquet(tmp_path / "a.parquet", row_group_size=rows)
    assert read(path, column="text") == TEXT
    assert read(path, column="tags") == "the boats\n\nso\n"
    digests = [Texts([str(path)], TextOptions(column=name)).fingerprint() for name in ("text", "text", "tags")]
    assert digests[0] == digests[1] != digests[2]


def test_parquet_that_cannot_be_sought_in_is_read_from_a_copy(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet")
    command = [sys.executable, "-m", "w2v_cli", "vocab", "-", "--column", "text"]
    with path.open("rb") as file:
        piped = subprocess.run(["cat"], stdin=file, stdout=subprocess.PIPE, check=True)
    found = subprocess.run(command, input=piped.stdout, capture_output=True, check=True)
    assert {line.split("\t")[0] for line in found.stdout.decode().splitlines()} == set(TEXT.split())


def test_a_column_that_is_not_there_or_has_no_texts_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a\.parquet has no column txt") as caught:
        read(path, column="txt")
    assert caught.value.hint == "its columns of texts: text, tags"
    with pytest.raises(CorpusError, match=r"has no texts, but int64, in id"):
        read(path, column="id")


def test_a_file_that_is_no_parquet_or_damaged_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet")
    damaged = path.read_bytes()[:-20]
    path.write_bytes(damaged)
    with pytest.raises(CorpusError, match=r"a\.parquet cannot be read"):
        read(path, column="text")
    path.write_text("the boats came home")
    with pytest.raises(CorpusError, match="is not a Parquet file"):
        read(path, column="text")


def test_a_file_of_records_is_not_read_as_text_but_the_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is JSON lines, not plain text") as caught:
        read(write_lines(tmp_path / "a.jsonl"))
    assert (caught.value.hint or "").startswith("--field text reads that field of every line")
    with pytest.raises(CorpusError, match="is a Parquet file, not plain text") as caught:
        read(write_parquet(tmp_path / "a.parquet"))
    assert caught.value.hint == "--column text reads its column of texts"


def test_the_hint_names_the_columns_if_it_cannot_choose(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not here (it is in the extra test)")
    table = arrow.table({"title": ["a"], "body": ["b"], "n": [1]})
    pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "a.parquet")
    with pytest.raises(CorpusError) as caught:
        read(tmp_path / "a.parquet")
    assert caught.value.hint == "--column NAME reads the column of that name: title, body"


def test_without_pyarrow_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1\x15\x04\x15")
    with pytest.raises(MissingExtraError, match="reading Parquet needs the package pyarrow"):
        read(tmp_path / "a.parquet", column="text")


@pytest.mark.parametrize(
    "options", [{"column": "a", "field": "b"}, {"column": "a", "encoding": "cp1251"}, {"column": ""}, {"field": 3}]
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        TextOptions(**options)


def test_options_that_name_nothing_are_not_recorded() -> None:
    assert "column" not in TextOptions().as_dict() and TextOptions(field="a").as_dict()["field"] == "a"


def test_memory_does_not_grow_with_a_row_group(tmp_path: Path) -> None:
    """A column of 256 MB in a single row group is read in under 100 MB, most of which are pyarrow's own buffers."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not here (it is in the extra test)")
    parquet = pytest.importorskip("pyarrow.parquet")
    row = "the boats came home " * 50
    table = arrow.table({"text": [f"{i} {row}" for i in range(1 << 14)]})
    with parquet.ParquetWriter(tmp_path / "a.parquet", table.schema, compression="none") as writer:
        writer.write_table(arrow.concat_tables([table] * 16), row_group_size=1 << 20)
    program = (
        "import sys\n"
        "def peak():\n"  # not ru_maxrss, in which the peak of the parent may count
        "    return int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])\n"
        "import pyarrow.parquet\n"
        "from w2v_cli.corpus.texts import Texts\n"
        "from w2v_cli.corpus.text_options import TextOptions\n"
        "before = peak()\n"
        "size = sum(len(p.data) for p in Texts([sys.argv[1]], TextOptions(column='text')).pieces())\n"
        "print(size, peak() - before)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "a.parquet")]
    size, grown = map(int, subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())
    assert size > 250_000_000 and grown < 100_000  # kilobytes


def test_the_copy_of_a_pipe_is_no_different(tmp_path: Path) -> None:
    """The reader may get its bytes from anything that can be read."""
    from hashlib import sha256

    from w2v_cli.corpus.records import parquet_texts

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe(write_parquet(tmp_path / "a.parquet").read_bytes())
    assert b"".join(parquet_texts(pipe, "a", "text", b"\n", 10, sha256())).decode() == TEXT
