"""A corpus in parts: ranges end where one machine could stop reading, and files that cannot be cut stay whole."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import Any

import pytest

from w2v_cli.corpus.parts import Checksum, cut_parts
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Part, Texts


def parts(text: bytes, part_bytes: int, **options: Any) -> list[bytes]:
    """Return the parts of a text as bytes."""
    Path("t.txt").write_bytes(text)
    cut = cut_parts(Texts(["t.txt"], TextOptions(**options)), part_bytes)
    assert sum(part.size for part in cut) == len(text)
    return [text[part.start : part.stop] for part in cut]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_long_file_is_cut_behind_line_ends() -> None:
    assert parts(b"a b\nc d\ne f\ng h\n", 8) == [b"a b\nc d\n" + b"e f\n", b"g h\n"]
    # A text of one line is cut behind white space, unless lines with damage are counted.
    assert parts(b"aa bb cc dd ee", 5) == [b"aa bb ", b"cc dd ", b"ee"]
    assert parts(b"aa bb cc dd ee", 5, errors="replace") == [b"aa bb cc dd ee"]
    assert parts(b"a" * 20, 5) == [b"a" * 20]
    assert parts(b"", 5) == [b""]


@pytest.mark.parametrize(
    "options", [{"unwrap": True}, {"encoding": "utf-16"}, {"field": "x"}, {"column": "x"}], ids=str
)
def test_what_depends_on_the_lines_before_it_is_not_cut(options: dict[str, Any]) -> None:
    assert len(parts(b"a b\n" * 10, 8, **options)) == 1


def test_short_files_share_a_part_in_the_order_of_the_text() -> None:
    sizes = {"a": 3, "b": 4, "c": 20, "d": 0, "e": 5, "f.gz": 30, "g": 1}
    for name, size in sizes.items():
        Path(name).write_bytes(b"x\n" * (size // 2) + b"x" * (size % 2))
    assert cut_parts(Texts(list(sizes)), 10) == [
        Part(0, 2, 0, None, 7),
        Part(2, 3, 0, 12, 12),
        Part(2, 3, 12, None, 8),
        Part(3, 5, 0, None, 5),
        Part(5, 6, 0, None, 30),
        Part(6, 7, 0, None, 1),
    ]


def test_a_checksum_updates_another_digest_too() -> None:
    digest = hashlib.sha256()
    checksum = Checksum(digest)
    for data in (b"some ", b"text"):
        checksum.update(data)
    assert checksum.value == zlib.crc32(b"some text")
    assert digest.hexdigest() == hashlib.sha256(b"some text").hexdigest()
