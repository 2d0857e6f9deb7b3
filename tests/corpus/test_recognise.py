"""What is not plain text is refused by its name; what only looks a little like it is a text."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import random
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

import w2v_cli as w2v
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import CorpusError, W2VError

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

TABLE = b'id\tday\tbody\n1\tmonday\tThe boats were late.\n2\ttuesday\t"They came home"\n3\tfriday\tIt was quiet there\n'
CONLLU = b"# sent_id = 1\n# text = Boats came\n" + b"".join(
    b"%d\t%b\t%b\tX\t_\t_\t0\troot\t_\t_\n" % (number, word, word) for number, word in ((1, b"Boats"), (2, b"came"))
)
NOISE = random.Random(2).randbytes(999)

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
    ("letters.jsonl", JSON_LINES, "JSON lines", "--field body reads"),
    ("letters.jsonl.gz", gzip.compress(JSON_LINES), "JSON lines", "--field body reads"),
    ("letters.json", json.dumps(RECORDS).encode(), "JSON", "jq -r '.[] | .body'"),
    ("pretty.json", json.dumps(RECORDS, indent=2).encode(), "JSON", "jq"),
    ("lists.jsonl", b'["the", "boats"]\n["came", "home"]\n', "JSON lines", "jq"),
    ("letters.csv", CSV, "CSV", "r[2]"),
    ("letters.txt", CSV, "CSV", "r[2]"),
    ("semicolons.csv", CSV.replace(b",", b";"), "CSV", "delimiter=';'"),
    ("pipes.csv", CSV.replace(b",", b"|"), "CSV", "delimiter='|'"),
    ("two letters.csv.gz", gzip.compress(CSV), "CSV", "zcat"),
    ("numbered.tsv", TABLE, "a table with tabs", "cut -f 3 < "),
    ("numbered.txt", TABLE.split(b"\n", 1)[1], "a table with tabs", "cut -f 3 < "),
    ("numbered.tsv.gz", gzip.compress(TABLE), "a table with tabs", " | cut -f 3"),
    (
        "speakers.txt",
        b"ANN\tThe boats are late.\nBEN\tSo they are, and so are we.\n" * 5,
        "a table with tabs",
        "cut -f 2",
    ),
    ("tree.conllu", CONLLU, "a CoNLL-U table", "awk"),
    (
        "lists.txt",
        b"['the', 'boats', \"don't\"]\n['came', 'home']\n" * 3,
        "lists of words as Python prints them",
        "join",
    ),
    ("list.txt", b"[['the', 'boats'], ['came', 'home']]", "lists of words as Python prints them", "join"),
    ("pairs.txt", b"[('the', 'DT'), ('boats', 'NNS')]", "lists of words as Python prints them", "join"),
    ("nested.json", b'[["the", "boats"], ["came", "home"]]', "JSON", "'.[] | join"),
    ("strings.jsonl", b'"The boats\\ncame home."\n"They \\"slept\\"."\n', "JSON lines", "jq -r ."),
    ("fragment.html", b"<p>The boats came home.</p>\n", "HTML", "pandoc"),
    (
        "records.txt",
        b"{'text': 'The boats', 'id': 1}\n{'text': 'They', 'id': 2}\n",
        "records as Python prints them",
        "line",
    ),
    ("fragment.xml", b"<letter><p>The boats came home.</p></letter>\n", "XML", "xmllint"),
    ("a.vec", b"2 3\nboat 1 2 3\nship 1 2 4\n", "a file of word vectors", "similar"),
    ("glove.txt", b"boat 0.5 -.25 1e-3\nship 0.5 0.25 1\nsea 0.1 0.2 0.3\n", "a file of word vectors", "similar"),
    (
        "conll.txt",
        b"The DT B-NP\nboats NNS I-NP\ncame VBD B-VP\n. . O\n\n" * 3,
        "a table of words and their tags",
        "awk",
    ),
    ("tree.vrt", b"<s>\nThe\tDT\tthe\nboats\tNNS\tboat\n.\tSENT\t.\n</s>\n", "a table of words and their tags", "awk"),
    ("strings.json", json.dumps(["The boats came", "They slept", "It was late"], indent=1).encode(), "JSON", "'.[]'"),
    ("one-line.json", json.dumps(["The boats came home", "They slept"]).encode(), "JSON", "'.[]'"),
    ("film.srt", b"1\r\n00:00:01,000 --> 00:00:03,000\r\nThe boats are late.\r\n" * 3, "a file of subtitles", "grep"),
    ("film.vtt", b"WEBVTT\n\n00:01.000 --> 00:03.000\nThe boats are late.\n", "a file of subtitles", "grep"),
    ("memory.tmx", b'<tmx version="1.4">\n<body><tu><seg>The boats</seg></tu></body></tmx>\n', "XML", "xmllint"),
    ("book.djvu", b"AT&TFORM\0\1\2\3DJVM" + bytes(99), "a DjVu document", "djvutxt"),
    ("book.mobi", b"Boats".ljust(60, b"\0") + b"BOOKMOBI" + bytes(99), "a Mobipocket book", "ebook-convert"),
    ("marked.pdf", b"\xef\xbb\xbf%PDF-1.4\n1 0 obj\n", "a PDF", "pdftotext"),
    ("text.Z", b"\x1f\x9d\x90" + NOISE, "compressed with compress", "unpack"),
    ("text.lz4", b"\x04\x22\x4d\x18" + NOISE, "compressed with LZ4", ".xz"),
    ("text.lzma", lzma.compress(LINES, lzma.FORMAT_ALONE), "compressed with LZMA", "unpack"),
    ("old.pickle", pickle.dumps(["the boats"], 0), "a Python pickle", "plain file"),
    ("older.pickle", pickle.dumps(["the boats"], 1), "a Python pickle", "plain file"),
    ("model.safetensors", b"\x40\0\0\0\0\0\0\0" + b'{"a":{}}'.ljust(64), "a safetensors file", "model"),
    ("boat.webp", b"RIFF\x10\0\0\0WEBPVP8 " + NOISE, "a WebP image", "plain text"),
    ("boat.mp4", b"\0\0\0\x20ftypisom" + NOISE, "a film or a photograph", "plain text"),
    ("letters.db", b"SQLite format 3\0" + bytes(84), "an SQLite database", "sqlite3"),
    ("letters.parquet", b"PAR1\x15\x04\x15" + bytes(50), "a Parquet file", "--column NAME reads"),
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
    ("text", "encoding", "name"),
    [
        ("一条船很晚才回家，港口很安静。\n", "utf-16-le", "utf-16-le"),
        ("一条船很晚才回家，港口很安静。\n", "utf-16-be", "utf-16-be"),
        ("가을 저녁에 배가 늦게 돌아왔다\n", "utf-16-le", "utf-16-le"),
        ("舟は夜おそく港に帰った。\n", "iso2022_jp", "iso2022_jp"),
        ("배가 늦게 돌아왔다\n", "iso2022_kr", "iso2022_kr"),
    ],
)
def test_asian_text_without_a_mark_is_named(tmp_path: Path, text: str, encoding: str, name: str) -> None:
    (tmp_path / "t.txt").write_bytes((text * 20).encode(encoding))
    with pytest.raises(CorpusError, match=r"t.txt is not UTF-8: it is") as caught:
        read(tmp_path / "t.txt")
    assert f"--encoding {name}" in str(caught.value.hint)
    assert read(tmp_path / "t.txt", encoding=encoding).decode().startswith(text)


def test_a_text_that_begins_with_many_blank_lines_is_looked_at_once(tmp_path: Path) -> None:
    """With a pattern that may match a blank line in two ways, this would take longer than anybody lives."""
    Path(tmp_path / "t.txt").write_bytes(b"\n \n" * 100 + LINES)
    assert read(tmp_path / "t.txt").split() == LINES.split()


@pytest.mark.parametrize("header", ["", "9 6\n"])
@pytest.mark.parametrize("blank", [" ", "\t"])
def test_word_vectors_are_no_text_but_numbers_are(tmp_path: Path, header: str, blank: str) -> None:
    rows = [["0.25", "-1.5e-3", ".5", "-7.", "1", "0.125"]] * 9
    for suffix in ("txt", "vec"):
        path = tmp_path / f"v.{suffix}"
        path.write_text(header + "".join(blank.join([f"w{n}", *row]) + "\n" for n, row in enumerate(rows)))
        with pytest.raises(CorpusError, match="is a file of word vectors, not plain text") as caught:
            read(path)
        assert f"w2v similar -m {path} WORD asks it" in str(caught.value.hint)
    for line in (["1.5", *rows[0]], [f"item{n}" for n in range(7)], ["basket", *map(str, range(6))], ["v1.0", "2.5"]):
        path.write_text((blank.join(line) + "\n") * 9)
        assert read(path).split() == " ".join(line * 9).encode().split()


def test_short_and_packed_binary_data_are_not_taken_for_another_encoding(tmp_path: Path) -> None:
    for data in (NOISE[:300].replace(b"\0", b"\1"), zlib.compress(LINES + NOISE)):
        (tmp_path / "t.txt").write_bytes(data)
        for errors in ("strict", "replace"):
            with pytest.raises(CorpusError, match=r"t.txt is binary data, not plain text"):
                read(tmp_path / "t.txt", errors=errors)


def test_the_command_that_takes_a_text_out_of_a_table_works(tmp_path: Path) -> None:
    tables = [
        ("a b.csv.gz", gzip.compress(CSV), 'body\nThe boats, late\nThey came home\nIt was "quiet" there\n'),
        ("a b.tsv", TABLE, 'body\nThe boats were late.\n"They came home"\nIt was quiet there\n'),
        ("a.txt", b"The DT B-NP\nboats NNS I-NP\ncame VBD B-VP\n\nThey PRP O\n\n", "The boats came \nThey \n"),
        ("a.vrt", b"<s>\nThe\tDT\tthe\nboats\tNNS\tboat\n.\tSENT\t.\n</s>\n", "The boats . \n"),
        ("a b.conllu", CONLLU + b"\n", "Boats came \n"),
    ]
    for name, data, text in tables:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CorpusError) as caught:
            read(tmp_path / name)
        command = str(caught.value.hint).split(" writes ")[0].replace("python3 -c", f"{sys.executable} -c")
        subprocess.run(command, shell=True, check=True, cwd=tmp_path)
        assert (tmp_path / "text.txt").read_text() == text


def test_of_several_files_the_way_out_is_to_leave_one_out(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(LINES)
    w2v.train(str(tmp_path), dim=2, epochs=1, threads=1, output=tmp_path / "model.safetensors")
    for output in (tmp_path / "model.safetensors", tmp_path / "other.bin"):
        with pytest.raises(W2VError, match=r"model\.safetensors") as caught:
            w2v.train(str(tmp_path), dim=2, epochs=1, threads=1, output=output)
        assert "--suffix .txt" in str(caught.value.hint)
    assert w2v.train(str(tmp_path), dim=2, epochs=1, threads=1, output=tmp_path / "model.safetensors", suffix=".txt")


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
        b"sites A B C\nwells A C D E\nB D\n" * 5,
        b"1 2 3\n2 3 4\n9 1 2\n",
        b"12 3\n4 5 6\n7 8 9\n",
        b"boats 1 2\nships 3 4\n",
        b'"The boats are late."\n"So they are."\n' * 5,
        b"<p> is a tag, and so is </p>\n",
        b"one, two, three\n" * 20,
        b"the\tboats\tcame\nhome\tvery\tlate\n" * 20,
        b"\tThe boats came home late.\n\tIt was dark by then.\n" * 20,
        b"The boats\tcame home late.\nIt was dark by then.\nWe slept\twell\tthat night.\n" * 20,
        b"The boats came home late.\t\nIt was dark by then.\t\n" * 20,
        b"The boats came home late |\nIt was dark by then |\n" * 20,
        b"['quoted'] and not a list\n" * 20,
        "“Tabs”\tand a few other characters: «é»\n".encode(),
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
        (
            "昨天\u3000晚上\u3000我们\u3000在\u3000河边\u3000散步\u3000，\u3000那里\u3000的\u3000人\u3000不\u3000多\n",
            "nfkc",
        ),
        ("\u3000昨日の夜、私たちは川に沿って散歩しました。\n\u3000とても静かでした。\n", "SudachiPy"),
        ("昨日 の 夜 、 私 たち は 川 に 沿っ て 散歩 し まし た 。\n", None),
        ("เมื่อวานนี้ เรา ไป เดินเล่น ริม แม่น้ำ และ อากาศ ดี มาก\n", None),
        ("The word 散步 means to take a walk, and 昨天晚上我们在河边散步 is a sentence of it.\n", None),
        ("어제 저녁에 우리는 강을 따라 산책을 했고 날씨가 좋았다\n", None),
        ("ຂ້ອຍໄປຕະຫຼາດກັບແມ່ແລະຊື້ໝາກໄມ້ຫຼາຍຢ່າງ\n", "ICU"),
        ("ខ្ញុំទៅផ្សារជាមួយម្តាយហើយទិញផ្លែឈើជាច្រើន\n", "ICU"),
        ("ကျွန်တော်သည်အမေနှင့်အတူစျေးသို့သွားပြီးသစ်သီးဝယ်ခဲ့သည်\n", "ICU"),
        ("ខ្ញុំ\u200bទៅ\u200bផ្សារ\u200bជាមួយ\u200bម្តាយ\n", None),
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
