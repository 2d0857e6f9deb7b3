"""Kinds of files are told by their first bytes, and words of a text that begin alike are not taken for them."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from w2v_cli.storage.signatures import SUFFIXES, kind_of


def archive(*names: str) -> bytes:
    """Return a zip archive of empty files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name in names:
            file.writestr(name, b"")
    return target.getvalue()


def tar(style: int) -> bytes:
    """Return a tar archive of one file."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=style) as file:
        member = tarfile.TarInfo("one.txt")
        member.size = 3
        file.addfile(member, io.BytesIO(b"one"))
    return target.getvalue()


@pytest.mark.parametrize(
    ("head", "path", "kind"),
    [
        (b"%PDF-1.7\n", "a", "a PDF"),
        (b"%!PS-Adobe-3.0\n", "a", "a PostScript document"),
        (b"SQLite format 3\0" + bytes(84), "a.db", "an SQLite database"),
        (b"PAR1\x15\x04", "a", "a Parquet file"),
        (b"ARROW1\0\0", "a", "an Arrow file"),
        (b"(dp0\nS'a'\n", "a", "a Python pickle"),
        (b"BZh91AY&SY\x00", "a", "compressed with bzip2"),
        (b"BZh9\x17\x72\x45\x38\x50\x90", "a", "compressed with bzip2"),
        (b"\x1f\x8b\x08\0", "a.gz", "compressed with gzip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a.txt", "a Git LFS pointer"),
        (b"GIF89a\x01\0\x01\0", "a.gif", "a GIF image"),
        (archive("letters/one.txt"), "a.zip", "a zip archive"),
        (archive(), "a.zip", "a zip archive"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "a", "an Excel workbook"),
        (archive("one.xml"), "A.DOCX", "a Word document"),
        (tar(tarfile.USTAR_FORMAT), "a", "a tar archive"),
        (tar(tarfile.GNU_FORMAT), "a", "a tar archive"),
    ],
)
def test_a_file_that_is_not_text_is_told_by_how_it_begins(head: bytes, path: str, kind: str) -> None:
    assert kind_of(head, path) == kind


@pytest.mark.parametrize(
    "text",
    [
        b"", b"PAR1 0.1 0.2\n", b"BZhang went home\n", b"FiFu is a word\n", b"GGUF, too\n", b"GIF89a. A format.\n",
        b"%PDF 1 2\n", b"%!PS 1 2\n", b"PK is short\n", b"ARROW1 2\n", b"II*", b"ID3 tags\n", b"ORC and elf\n",
        b"MZ\n", b" " * 257 + b"ustar words\n" * 30, "« 7z »".encode(), b"Rar! said the crow\n",
    ],
)  # fmt: skip
def test_a_text_whose_first_word_begins_like_a_signature_is_a_text(text: bytes) -> None:
    assert kind_of(text, "a.txt") is None


def test_every_kind_of_compressed_file_has_a_suffix() -> None:
    assert list(SUFFIXES.values()) == [".gz", ".bz2", ".xz", ".zst"]
