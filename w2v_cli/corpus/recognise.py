"""Recognise files that are not plain text by how they begin, so that nobody trains on one without noticing.

A file is refused only if there is no doubt. Formats of text, such as HTML or CSV, are only remarked on if they come
through a pipe: so a text that looks like one of them by accident can still be read.
"""

from __future__ import annotations

import codecs
import json
import re
import shlex
from typing import NamedTuple

from w2v_cli.corpus.encodings import UTF8
from w2v_cli.corpus.guess import encoding_hint, iso_2022, marked_encoding, utf16_or_32
from w2v_cli.corpus.records import column_hint
from w2v_cli.corpus.tables import table_kind, word_vectors
from w2v_cli.storage.opening import STDIN
from w2v_cli.storage.signatures import SUFFIXES, kind_of

# How much of a text is looked at.
SAMPLE_BYTES = 1 << 16

_PACKED = "unpack it first, and name the files in it or their folder"
_UNPACKED = f"unpack it first, or use {', '.join(SUFFIXES.values())}"
_PANDOC = "pandoc -t plain turns it into text"
_DATABASE = "export a column of texts to a plain file first"
# What to do with a file that is not text.
_HINTS = {
    "a PDF": "pdftotext turns it into text",
    "a DjVu document": "djvutxt turns it into text",
    "a Mobipocket book": "ebook-convert BOOK text.txt of Calibre turns it into text",
    "a PostScript document": "ps2ascii turns it into text",
    "an RTF document": _PANDOC,
    "an old Office document": "save it as plain text, or use catdoc or antiword",
    "a Word document": _PANDOC,
    "an Excel workbook": "save its column of texts as a plain text file",
    "a PowerPoint presentation": "save it as plain text",
    "an OpenDocument file": _PANDOC,
    "an EPUB book": _PANDOC,
    "a zip archive": _PACKED,
    "a 7z archive": _PACKED,
    "a RAR archive": _PACKED,
    "compressed with LZ4": _UNPACKED,
    "compressed with LZMA": _UNPACKED,
    "compressed with compress": _UNPACKED,
    "compressed with Snappy": _UNPACKED,
    "an SQLite database": "sqlite3 FILE 'select COLUMN from TABLE' > text.txt writes a text",
    "an Arrow file": _DATABASE,
    "an ORC file": _DATABASE,
    "an Avro file": _DATABASE,
    "an HDF5 file": _DATABASE,
    "a Python pickle": "write its texts to a plain file first",
    "a safetensors file": "it may be a model of w2v; name only texts",
    "a Git LFS pointer": "git lfs pull downloads the file",
}
_OTHER = "w2v reads plain text"
_IS_HTML = ("HTML", "pandoc -f html -t plain turns it into text")

_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b[^<>]*>", re.I | re.S)
_XML = re.compile(rb"\s*<(?:\?xml\s|!doctype\s|mediawiki\b|tmx\s|(?:\w+:)?\w+\s[^<>]*\bxmlns(?::\w+)?\s*=)", re.I)
_HTML_TAG = re.compile(rb"</?(?:p|div|span|a|li|ul|td|tr|table|h[1-6]|br|img|script|style|title)\b[^<>]*>", re.I)
_JSON = re.compile(rb'\s*(?:\[\s*)?\{\s*"(?:[^"\\\n]|\\.)*"\s*:\s*(?:["\[{\d-]|true|false|null)')
_SUBTITLES = re.compile(rb"\s*(?:WEBVTT\b[^\r\n]*\r?\n|[0-9]+[ ]*\r?\n[0-9:,. ]+-->)")
# Words may have apostrophes, which Python puts between double quotes.
_RECORD = re.compile(rb"""\s*\{'[^'\n]+': ['"\[{0-9]""")
_NESTED = re.compile(rb"""\s*\[[\[(](?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"),? ?['"\])]""")
_LIST = re.compile(rb"""\[(?:'(?:[^'\\\n]|\\.)*'|"[^"\n]*")(?:, (?:'(?:[^'\\\n]|\\.)*'|"[^"\n]*"))*\]\r?""")
_STRINGS = re.compile(rb'\s*\[\s*(?:"(?:[^"\\\n]|\\.)*",\s*\n\s*){2}"')
_CONTROLS = bytes({*range(32)} - {*b"\t\n\v\f\r\x1b"})


class Kind(NamedTuple):
    """What a file is if it is not plain text.

    Attributes
    ----------
    what : the predicate of a sentence about the file, such as "is a PDF, not plain text".
    hint : what to do with it.
    is_certain : whether no plain text begins like this.
    """

    what: str
    hint: str
    is_certain: bool = True


def binary_kind(sample: bytes, path: str, encoding: str) -> Kind | None:
    """Return which kind of file begins with these bytes; None if it may be a text.

    Parameters
    ----------
    sample : the first bytes, decompressed · path : the file · encoding : the one that the text is read in.
    """
    kind = kind_of(sample, path)
    if kind in SUFFIXES:
        return _compressed(path, kind)
    if kind == "a tar archive":
        return _kind(kind, f"unpack it first (tar xf {path}), and name the folder")
    if kind == "a Parquet file":
        return _kind(kind, column_hint(path))
    if kind is not None:
        return _kind(kind, _HINTS.get(kind, _OTHER))
    if encoding.startswith(("utf-16", "utf-32")):
        return None
    return _wide(sample) or _binary(sample) or (_binary_without_zeros(sample) if encoding == UTF8 else None)


def text_kind(sample: bytes, path: str) -> Kind | None:
    """Return which format of text begins like this, such as HTML; None if it is plain text.

    Parameters
    ----------
    sample : the first bytes, as UTF-8; the last line may be incomplete · path : the file.
    """
    sample = sample.removeprefix(b"\xef\xbb\xbf")
    is_cut = len(sample) >= SAMPLE_BYTES
    found = _markup(sample, path) or _json(sample) or _lists(sample)
    found = found or word_vectors(sample, path) or table_kind(sample, path, is_cut)
    if found is None:
        return None
    name, hint = found
    if path != STDIN:
        hint = f"{hint}; to read it as it is all the same, pipe it into w2v (- stands for stdin)"
    return _kind(name, hint, is_certain=False)


def _kind(name: str, hint: str, is_certain: bool = True) -> Kind:
    return Kind(f"is {name}, not plain text", hint, is_certain)


def _compressed(path: str, kind: str) -> Kind:
    """Say that a text is compressed although its name does not say so; ".tgz" does not count."""
    if re.search(r"\.t(?:gz|az|bz2?|xz|zst|ar\.\w+)$", path.lower()):
        return _kind("a compressed tar archive", f"unpack it first (tar xf {path}), and name the folder")
    how = "unpack it before w2v" if path == STDIN else f"give it a name that ends in {SUFFIXES[kind]}"
    if path.lower().endswith(SUFFIXES[kind]):
        how = "it has been compressed twice: unpack it once"
    return _kind(kind, f"it looks compressed: {how}")


def _wide(sample: bytes) -> Kind | None:
    """Recognise UTF-16 and UTF-32, with a byte order mark or without."""
    if marked_encoding(sample) is not None:
        return Kind("is not UTF-8 at byte 0", encoding_hint(sample, 0, UTF8))
    wide = utf16_or_32(sample[:4096]) if b"\0" in sample[:4096] else None
    if wide is None:
        return None
    return Kind(f"is not UTF-8: it is {wide.upper()} without a byte order mark", f"pass --encoding {wide}")


def _binary(sample: bytes) -> Kind | None:
    """Recognise a file of an unknown kind by its control characters: a few may be in a text that was damaged."""
    zeros, others = sample.count(0), len(sample) - len(sample.translate(None, _CONTROLS))
    if zeros >= 8 and (zeros > len(sample) / 50 or others > len(sample) / 10):
        return _kind("binary data", f"it has bytes that are 0, which no text has; {_OTHER}")
    return None


def _binary_without_zeros(sample: bytes) -> Kind | None:
    """Recognise ISO-2022 and short or compressed binary data, which nothing but control characters betrays."""
    if (name := iso_2022(sample)) is not None:
        return Kind(f"is not UTF-8: it is {name.upper().replace('_', '-')}", f"pass --encoding {name}")
    try:
        codecs.getincrementaldecoder(UTF8)().decode(sample)
    except UnicodeDecodeError:
        controls = len(sample) - len(sample.translate(None, _CONTROLS))
        if controls >= 4 and controls > len(sample) / 50:
            return _kind("binary data", f"it has control characters, and is in no encoding of text; {_OTHER}")
    return None


def _markup(sample: bytes, path: str) -> tuple[str, str] | None:
    if _SUBTITLES.match(sample):
        return "a file of subtitles", "tr -d '\\r' < FILE | grep -v -e '-->' -e '^[0-9]*$' leaves what is said"
    if not sample.lstrip().startswith(b"<"):
        return None
    name, tags, begins_xml = path.lower(), _HTML_TAG.findall(sample), _XML.match(sample) is not None
    has_many_tags = len(tags) >= 10 and 20 * len(b"".join(tags)) > len(sample)
    if _HTML.match(sample) or name.endswith((".html", ".htm")) or (has_many_tags and not begins_xml):
        return _IS_HTML
    if not begins_xml and not name.endswith((".xml", ".tei")):
        return None
    if b"<html" in sample[:2048].lower():
        return _IS_HTML
    if b"<mediawiki" in sample[:2048]:
        return "an XML dump of a wiki", "wikiextractor turns it into text"
    return "XML", "take the text out of it first, such as with xmllint --xpath 'string(/)'"


def _lists(sample: bytes) -> tuple[str, str] | None:
    """Recognise sentences that Python has printed as lists of words."""
    lines = [line for line in sample.split(b"\n")[:20] if line.strip()]
    if len(lines) > 1 and all(_RECORD.match(line) for line in lines):
        return "records as Python prints them", "write the text of each record on a line instead"
    # A list of lists is on one line, and JSON has been recognised before.
    if _NESTED.match(sample) or (len(lines) > 1 and all(_LIST.fullmatch(line) for line in lines[:-1])):
        return "lists of words as Python prints them", 'write " ".join(words) for each list instead'
    return None


def _json(sample: bytes) -> tuple[str, str] | None:
    """Recognise JSON lines, and JSON that is spread over many lines or is longer than the sample."""
    if sample.lstrip()[:1] not in (b"{", b"[", b'"'):
        return None
    # An incomplete last line is left out, unless it is the only one.
    lines = [line for line in sample.split(b"\n") if line.strip()]
    lines = lines[:-1] if len(lines) > 1 and len(sample) >= SAMPLE_BYTES else lines
    values = [_parsed(line) for line in lines[:20]]
    if all(isinstance(value, dict | list) and value for value in values):
        record = values[0][0] if isinstance(values[0], list) and isinstance(values[0][0], dict) else values[0]
        if isinstance(record, dict):
            if isinstance(values[0], dict):
                return "JSON lines", f"--field {shlex.quote(_longest(record))} reads that field of every line"
            return ("JSON lines" if len(values) > 1 else "JSON"), _jq(record)
        if len(values) == 1 and isinstance(values[0], list) and isinstance(values[0][0], list):
            return "JSON", "jq -r '.[] | join(\" \")' turns a list of lists of words into lines"
        words = " ".join(map(str, values[0])).split() if isinstance(values[0], list) else []
        if len(values) == 1 and isinstance(values[0], list) and len(words) > len(values[0]):
            return "JSON", "jq -r '.[]' turns a list of texts into lines"
        return "JSON lines", "jq -r 'join(\" \")' turns lists of words into text"
    # Prose may be in quotation marks as well, but has no escapes.
    if values and all(isinstance(value, str) for value in values):
        return ("JSON lines", "jq -r . turns strings into text") if b"\\" in sample else None
    if _STRINGS.match(sample):
        return "JSON", "jq -r '.[]' turns a list of texts into lines"
    # A first line that is JSON by itself, before lines that are not, is the odd first line of a text.
    if values[0] is None and _JSON.match(sample) and len(re.findall(rb'"\s*:', sample)) >= 2:
        return "JSON", "jq -r .FIELD turns it into text, a line for each record"
    return None


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _longest(record: dict[str, object]) -> str:
    """Return the field called text or, if there is none, the one with the longest string."""
    texts = {key: len(value) for key, value in record.items() if isinstance(value, str)}
    return "text" if "text" in texts else max(texts, key=lambda name: texts[name], default="FIELD")


def _jq(record: dict[str, object]) -> str:
    """Return the command that takes the text out of each record of a list."""
    key = _longest(record)
    field = f".{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f".[{json.dumps(key)}]"
    return f"jq -r '.[] | {field}' turns it into text"
