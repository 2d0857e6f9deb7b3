"""What is not plain text is refused by its name; what only looks a little like it is a text."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

import w2v_cli as w2v
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import CorpusError

LINES = b"the harbour was quiet that evening\nand the boats came home late\n" * 20


def tar(mode: str = "w", style: int = tarfile.USTAR_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode, format=style) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("letters/one.txt")
        member.size = len(LINES)
        archive.addfile(member, io.BytesIO(LINES))
    return target.getvalue()


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "application/vnd.oasis.opendocument.text" if name == "mimetype" else "<x/>")
    return target.getvalue()


RECORDS = [{"id": i, "body": f"letter {i}, from the harbour"} for i in range(9)]
JSON_LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
HTML = b"\n<!DOCTYPE html>\n<html><head><title>Harbour</title></head><body><p>The boats</p></body></html>\n"
CSV = b'id,title,body\n1,one,"The boats, late"\n2,two,They came home\n3,three,"It was ""quiet"" there"\n'

# The name of a file, what is in it, what it is called, and what the hint says.
FILES = [
    ("letters.tar", tar(), "a tar archive", "tar xf"),
    ("letters.tar.gz", tar("w:gz"), "a tar archive", "tar xf"),
    ("letters.tar.bz2", bz2.compress(tar()), "a tar archive", "tar xf"),
    ("letters.tgz", tar("w:gz"), "a compressed tar archive", "tar xf"),
    ("pax.tar", tar(style=tarfile.PAX_FORMAT), "a tar archive", "tar xf"),
    ("letters.zip", zipped("letters/one.txt"), "a zip archive", "unpack"),
    ("letter.docx", zipped("[Content_Types].xml", "word/document.xml"), "a Word document", "pandoc"),
    ("table.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", "plain text"),
    ("letter.odt", zipped("mimetype", "content.xml"), "an OpenDocument file", "pandoc"),
    ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an old Office document", "plain text"),
    ("paper.pdf", b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", "a PDF", "pdftotext"),
    ("paper.txt.gz", gzip.compress(b"%PDF-1.4\n1 0 obj\n"), "a PDF", "pdftotext"),
    ("letter.rtf", b"{\\rtf1\\ansi The boats came home.}", "an RTF document", "pandoc"),
    ("page.html", HTML, "HTML", "pandoc"),
    ("page.gz", gzip.compress(HTML), "HTML", "pandoc"),
    ("fragment.txt", b"<div><p>The <a href='x'>boats</a></p><p>came</p><p>home</p></div>\n" * 2, "HTML", "pandoc"),
    ("feed.xml", b"<?xml version='1.0'?>\n<letters><letter>The boats</letter></letters>", "XML", "xmllint"),
    ("tei.xml", b'<TEI xmlns="http://www.tei-c.org/ns/1.0"><text>The boats</text></TEI>', "XML", "xmllint"),
    ("letters.jsonl", JSON_LINES, "JSON lines", "jq -r '.body'"),
    ("letters.jsonl.gz", gzip.compress(JSON_LINES), "JSON lines", "jq -r '.body'"),
    ("letters.json", json.dumps(RECORDS).encode(), "JSON", "jq -r '.[] | .body'"),
    ("pretty.json", json.dumps(RECORDS, indent=2).encode(), "JSON", "jq"),
    ("lists.jsonl", b'["the", "boats"]\n["came", "home"]\n', "JSON lines", "jq"),
    ("letters.csv", CSV, "CSV", "r[2]"),
    ("letters.txt", CSV, "CSV", "r[2]"),
    ("semicolons.csv", CSV.replace(b",", b";"), "CSV", "delimiter=';'"),
    ("letters.db", b"SQLite format 3\0" + bytes(84), "an SQLite database", "sqlite3"),
    ("letters.parquet", b"PAR1\x15\x04\x15" + bytes(50), "a Parquet file", "export"),
    ("boat.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image", "plain text"),
    ("boat", b"\x7fELF\x02\x01" + bytes(60), "a program", "plain text"),
    ("vectors.bin", bytes(random.Random(1).choices(range(60), k=2000)), "binary data", "plain text"),
    ("no-suffix", gzip.compress(LINES), "compressed with gzip", "ends in .gz"),
    ("twice.gz", gzip.compress(gzip.compress(LINES)), "compressed with gzip", "twice"),
]


def read(path: Path | str, remarks: list[str] | None = None, **options: str) -> bytes:
    texts = Texts([str(path)], TextOptions(**options), ([] if remarks is None else remarks).append)  # type: ignore[arg-type]
    return b"".join(piece.data for piece in texts.pieces())


@pytest.mark.parametrize(("name", "data", "kind", "hint"), FILES, ids=[file[0] for file in FILES])
def test_a_file_that_is_not_plain_text_is_refused_by_name(
    tmp_path: Path, name: str, data: bytes, kind: str, hint: str
) -> None:
    (tmp_path / name).write_bytes(data)
    cases: tuple[dict[str, Any], ...] = ({}, {"errors": "replace"}, {"encoding": "latin-1"})
    for options in cases:
        with pytest.raises(CorpusError, match=f"{name} is {kind}, not plain text") as caught:
            read(tmp_path / name, **options)
        assert hint in str(caught.value.hint)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", ["the boats came home\n", "лодки пришли домой поздно вечером\n"])
def test_utf16_and_utf32_are_named(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "t.txt").write_bytes(text.encode(encoding))
    cases: tuple[dict[str, Any], ...] = ({}, {"errors": "ignore"}, {"encoding": "latin-1"})
    for options in cases:
        with pytest.raises(CorpusError, match=r"t.txt is not UTF-8") as caught:
            read(tmp_path / "t.txt", **options)
        assert f"--encoding {encoding}" in str(caught.value.hint)
    assert read(tmp_path / "t.txt", encoding=encoding).decode() == text + "\n"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{ a brace begins this text }\nand another line\n",
        b"{not json: at all}\n",
        b'{"quoted"} words, in braces\nand prose after it\n',
        b'{"a": "one"}\nis how a record looks in JSON\n',
        b"[1] The first footnote.\n[2] The second one.\n",
        b"< 5 boats came home >\n",
        b"<s> the boats came home </s>\n" * 20,
        b'<doc id="1" title="Harbour">\nThe boats came home.\n</doc>\n' * 5,
        b"The tag <p> begins a paragraph and </p> ends it.\n" * 20,
        b"Late, the boats came.\nThen, it was dark.\nSoon, we slept.\nNow, it is day.\n",
        b"The boats came,\nThe night fell,\nThe harbour slept,\nAnd all was still,\n",
        b"int boats;\nint night;\nint harbour;\n",
        b"the , boats\ncame , home\nand , slept\n",
        b"one, two, three\n" * 20,
        b"the\tboats\tcame\nhome\tvery\tlate\n" * 20,
        b"so far; no further\nso good; no better\nso it is; no doubt\n",
        b"PK is an abbreviation\n",
        b"BZ and GIF are, too\n",
        b"a\0b and a few\0zeros in words\n" * 3,
        b"tar files begin with names\n" + b" " * 600,
        b"Was 1,000 now 2,000\nWas 3,000 now 4,000\n",
        "« œuvre » … <fin>\n".encode(),
    ],
)
def test_a_text_that_only_looks_a_little_like_it_is_a_text(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "t.txt").write_bytes(text)
    remarks: list[str] = []
    assert read(tmp_path / "t.txt", remarks) == text + b"\n" and remarks == []


def w2v_stdin(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "w2v_cli", *arguments], input=data, capture_output=True)


def test_a_pipe_is_the_way_out_but_not_a_silent_one() -> None:
    done = w2v_stdin(CSV * 3, "vocab", "-")
    assert (
        done.returncode == 0
        and b"stdin is CSV, not plain text" in done.stderr
        and b"They\t" in done.stdout.replace(b"2,two,", b"")
    )
    done = w2v_stdin(tar(), "vocab", "-")
    assert done.returncode == 3 and b"stdin is a tar archive, not plain text" in done.stderr and done.stdout == b""


def test_sentences_in_python_may_look_like_anything() -> None:
    sentences = [["<html>", "1,2", '{"a":', "1}"], ["{\\rtfm", "1,2"]] * 30
    assert "1,2" in w2v.train(sentences, dim=2, epochs=1, threads=1, subsample=0)


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("昨天晚上我们在河边散步，那里的人不多。\n天已经黑了，我们很快就回家了。\n", "jieba"),
        ("昨日の夜、私たちは川に沿って散歩しました。\nとても静かでした。\n", "SudachiPy"),
        ("เมื่อวานนี้เราไปเดินเล่นริมแม่น้ำและอากาศดีมาก\nเราจึงกลับบ้านช้ากว่าปกติ\n", "PyThaiNLP"),
        ("昨天 晚上 我们 在 河边 散步 ， 那里 的 人 不 多 。\n", None),
        ("昨日 の 夜 、 私 たち は 川 に 沿っ て 散歩 し まし た 。\n", None),
        ("เมื่อวานนี้ เรา ไป เดินเล่น ริม แม่น้ำ และ อากาศ ดี มาก\n", None),
        ("The word 散步 means to take a walk, and 昨天晚上我们在河边散步 is a sentence of it.\n", None),
        ("어제 저녁에 우리는 강을 따라 산책을 했고 날씨가 좋았다\n", None),
        ("Вчера вечером мы долго гуляли\n", None),
    ],
)
def test_text_without_spaces_between_words_gets_a_hint(tmp_path: Path, text: str, tool: str | None) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.txt").write_text(text * 5, encoding="gb18030")
    remarks: list[str] = []
    paths = [str(tmp_path / name) for name in sorted(os.listdir(tmp_path))]
    list(Texts(paths, TextOptions(encoding="gb18030"), remarks.append).pieces())
    assert len(remarks) == (tool is not None) and all(f"{tool}" in remark for remark in remarks)
