"""Recognise files that are given by mistake for gold sets, such as an error page that a download left."""

from __future__ import annotations

import re

from w2v_cli.errors import GoldFileError
from w2v_cli.storage.signatures import SUFFIXES, kind_of

# This much of a file is enough to recognise it.
HEAD_BYTES = 1 << 16
_DOWNLOAD = "a download may have failed: look at the file, and download it again"
_UNPACK = "unpack it, and score the files inside"
_PLAIN = "give a text with one question a line"
_VECTORS = "give vectors with -m, and a gold set as GOLD"
_LINES = "write one question a line, with tabs or blanks between its words"
# Formats of text: how they begin, what they are, and what to do.
_TEXTS = (
    (rb"\s*<(!doctype html|html|head|body|script)", "is a web page", _DOWNLOAD),
    (rb"\s*<([?!]|[a-z]\w*[\s>/].*</)", "is an XML document", _DOWNLOAD),
    (rb'\s*(\{\s*["}]|\[\s*[\[{"])', "is JSON", _LINES),
    (rb"[0-9]+ [0-9]+\n[^\n]*[\x80-\xff\0]{3}", "holds vectors", _VECTORS),
)
# What to do with a file that is not text.
_HINTS = {
    "a Git LFS pointer": "fetch the file: git lfs pull",
    "a PDF": "find the plain text of the gold set",
    "a zip archive": _UNPACK,
    "a tar archive": _UNPACK,
    "a 7z archive": _UNPACK,
    "a RAR archive": _UNPACK,
    "an Excel workbook": "save it as CSV",
    "an old Office document": "save it as CSV",
    "a Python pickle": _LINES,
    **dict.fromkeys(SUFFIXES, _UNPACK),
}
_TITLE = re.compile(rb"<(?:title|code)>\s*([^<]{1,80}?)\s*<", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d*\.?\d+([eE][-+]?\d+)?")


def refuse_other_files(name: str, head: bytes) -> None:
    """Refuse a file that certainly holds no questions, and say what it is.

    Parameters
    ----------
    head : the first HEAD_BYTES of the file, or all of it.

    Raises
    ------
    GoldFileError
        If the file is a web page, an archive, a file of vectors, or another known kind of file.
    """
    text = head.removeprefix(b"\xef\xbb\xbf")
    kind = kind_of(text, name)
    if kind in ("a safetensors file", "a numpy array", "a fastText model", "a finalfusion file"):
        raise GoldFileError(f"{name} holds vectors, not a gold set", _VECTORS)
    if kind is not None:
        raise GoldFileError(f"{name} is {kind}, not a gold set", _HINTS.get(kind, _PLAIN))
    for pattern, what, hint in _TEXTS:
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            title = _TITLE.search(text) if hint == _DOWNLOAD else None
            quoted = f' ("{title[1].decode(errors="replace")}")' if title else ""
            raise GoldFileError(f"{name} {what}{quoted}, not a gold set", hint)
    if _holds_vectors(text.decode(errors="replace")):
        raise GoldFileError(f"{name} holds vectors, not a gold set", _VECTORS)
    if len(head) == HEAD_BYTES and b"\n" not in head and b"\r" not in head:
        raise GoldFileError(f"{name} is one long line of text, not a gold set", _PLAIN)
    # Text in UTF-16 has zero bytes too; that is another error.
    if b"\0" in text and not text.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise GoldFileError(f"{name} is a binary file, not a gold set", _PLAIN)


def _holds_vectors(text: str) -> bool:
    """Return whether the lines are words with their vectors, with or without word2vec's header."""
    lines = [line.split() for line in text.split("\n", 4)[:4] if line.strip()]
    if not lines:
        return False
    header, *rows = lines
    if len(header) == 2 and all(map(str.isdecimal, header)) and rows:
        return len(rows[0]) == int(header[1][:9]) + 1 and _all_numbers(rows[0][1:])
    return len(lines) > 1 and all(len(row) > 3 and _all_numbers(row[1:]) for row in lines[:2])


def _all_numbers(fields: list[str]) -> bool:
    return all(_NUMBER.fullmatch(field) for field in fields)
