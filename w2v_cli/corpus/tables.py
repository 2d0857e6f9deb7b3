"""Recognise tables: CSV, columns that are separated by tabs, the sentences of CoNLL-U, and word vectors."""

from __future__ import annotations

import csv
import re
import shlex

from w2v_cli.storage.opening import STDIN, suffix_of, without_packing

# A prose text may have a few lines that look like rows of a table, so this many rows are needed.
_LEAST_ROWS = 3
# A word and numbers; at least one of them has a point, because a text may consist of whole numbers.
_VECTOR = re.compile(rb"(\S+)((?:[ \t]+[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?){2,})\s*")
_WORD = re.compile(rb"[^0-9.,+-]")
_HEADER = re.compile(rb"[0-9]+[ \t]+([0-9]+)[ \t]*\r?\n")
# After the word, the columns of CoNLL's older tables are parts of speech such as NNP and chunks such as B-NP; those of
# TreeTagger are the part of speech and the lemma.
_TAG = rb"(?:[A-Z][A-Z$*-]*|[^\w\s]+|[BIESO]-\S+)"
_TAGS = re.compile(rb"\S+(?:(?:[ \t]+%b){2,}|\t(?:[A-Z][\w$:.*-]*|[^\w\s]+)\t[^\t\n]+)\r?" % _TAG)
# The command that unpacks a file to stdout, by the suffix of the file.
_UNPACKERS = {".gz": "zcat", ".bz2": "bzcat", ".xz": "xzcat", ".zst": "zstdcat"}
# Comments, and then a line for each token of a sentence: its number, the word, and eight more columns.
_CONLLU = re.compile(rb"(?:#[^\n]*\n|[^\S\n]*\n)*1(?:-[0-9]+)?\t[^\t\n]+(?:\t[^\t\n]*){8}\n")
_FIRST_WORDS = """awk 'NF && !/^<|^-DOCSTART-/ {printf "%s ", $1} /^\\r?$|^<\\/s>/ {print ""}'"""
_SENTENCES = """awk -F'\\t' '/^[0-9]+\\t/ {printf "%s ", $2} /^\\r?$/ {print ""}'"""


def table_kind(sample: bytes, path: str, is_cut: bool) -> tuple[str, str] | None:
    """Return the name of the kind of table that begins like this, and how to take a text out of it; None for a text.

    Parameters
    ----------
    sample : the first bytes, as UTF-8 · path : the file · is_cut : whether the file goes on after the sample.
    """
    if _CONLLU.match(sample):
        return "a CoNLL-U table", f"{_command(path, _SENTENCES)} writes its sentences"
    if _has_tags(sample):
        return "a table of words and their tags", f"{_command(path, _FIRST_WORDS)} writes its sentences"
    text = sample.decode("utf-8", "replace")
    for delimiter in ",;|":
        rows = _rows(text, delimiter, is_cut)
        if _is_table(rows, _plain_suffix(path) == ".csv"):
            return "CSV", _csv_hint(_longest(rows), delimiter, path)
    rows = _rows(text, "\t", is_cut)
    if _has_text_column(rows):
        column = _longest(rows)
        command = _command(path, f"cut -f {column}")
        return "a table with tabs", f"{command} writes column {column}, which is a text"
    return None


def word_vectors(sample: bytes, path: str) -> tuple[str, str] | None:
    """Return what word vectors are called, and a hint, if a sample is words with equally many numbers; None if not."""
    header = _HEADER.match(sample)
    lines = sample[header.end() if header else 0 :].split(b"\n", 20)[:-1]
    matches = [_VECTOR.fullmatch(line) for line in lines]
    numbers = [match[2].split() for match in matches if match]
    widths = {len(row) for row in numbers}
    if len(numbers) < max(2, len(lines)) or len(widths) != 1:
        return None
    # Lines of numbers alone, such as the identifiers of products, are a text.
    if 2 * sum(bool(_WORD.search(match[1])) for match in matches if match) < len(numbers):
        return None
    is_headed = header is not None and int(header[1][:9]) in widths
    if not is_headed and 2 * sum(b"." in number for row in numbers for number in row) < len(numbers) * max(widths):
        return None
    return "a file of word vectors", f"w2v similar -m {shlex.quote(path)} WORD asks it; name only texts"


def _has_tags(sample: bytes) -> bool:
    """Whether every line is a word with its tags, as in CoNLL-2003 and from TreeTagger, or separates sentences."""
    lines = [line for line in sample.split(b"\n", 200)[:-1] if line.strip() and not line.startswith((b"<", b"-DOC"))]
    is_lower = any(line[:1].islower() for line in lines)
    has_one_width = len({len(line.split()) for line in lines}) == 1
    return len(lines) >= _LEAST_ROWS and is_lower and has_one_width and all(map(_TAGS.fullmatch, lines))


def _plain_suffix(path: str) -> str:
    """Return the suffix of a name in front of that of a compression."""
    return suffix_of(without_packing(path))


def _rows(text: str, delimiter: str, is_cut: bool) -> list[list[str]]:
    """Return the rows of a text, without the last one if the text may end within it."""
    lines = text.splitlines(keepends=True)
    if not any(delimiter in line for line in lines[:2]):
        return []
    try:
        # Quotation marks protect a delimiter in CSV only.
        cut = (line.rstrip("\r\n").split("\t") for line in lines)
        found = cut if delimiter == "\t" else csv.reader(lines, delimiter=delimiter)
        rows = [row for row in found if row and row != [""]]
    except csv.Error:
        return []
    return rows[:-1] if is_cut else rows


def _has_one_width(rows: list[list[str]]) -> bool:
    """Whether nearly all rows have as many fields as the first one, and at least two."""
    width = len(rows[0]) if rows else 0
    return width > 1 and sum(len(row) == width for row in rows) >= 0.9 * len(rows)


def _is_table(rows: list[list[str]], is_named_so: bool) -> bool:
    """Whether the rows have one width, and no white space follows the delimiters.

    In prose, white space or the end of a line follows a comma. A file that is named .csv may have white space there.
    """
    if not _has_one_width(rows):
        return False
    if is_named_so and len(rows) > 1:
        return True
    inside = [field for row in rows for field in row[1:]]
    spaced, filled = sum(field[:1].isspace() for field in inside), sum(field != "" for field in inside)
    return len(rows) >= _LEAST_ROWS and spaced < 0.1 * len(inside) and filled > 0.5 * len(inside)


def _has_text_column(rows: list[list[str]]) -> bool:
    """Whether the rows, cut at tabs, have one width, and the fields of one of their columns are texts of some words.

    Tabs are white space: a text may have some, at the beginnings of its lines too, and its words may be separated by
    tabs. Then the fields are empty, or single words.
    """
    if len(rows) < _LEAST_ROWS or not _has_one_width(rows):
        return False
    width = len(rows[0])
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    are_filled = all(sum(field.strip() != "" for field in column) > 0.5 * len(column) for column in columns)
    return are_filled and any(sum(len(field.split()) for field in column) >= 3 * len(column) for column in columns)


def _longest(rows: list[list[str]]) -> int:
    """Return which column has the longest fields, counted from 1."""
    lengths = [sum(map(len, column)) for column in zip(*rows, strict=False)]
    return lengths.index(max(lengths)) + 1


def _csv_hint(column: int, delimiter: str, path: str) -> str:
    rows = "csv.reader(sys.stdin)" if delimiter == "," else f"csv.reader(sys.stdin, delimiter='{delimiter}')"
    script = f"import csv,sys; sys.stdout.writelines(r[{column - 1}] + '\\n' for r in {rows})"
    command = _command(path, f'python3 -c "{script}"')
    return f"{command} writes column {column}, which is a text"


def _command(path: str, command: str) -> str:
    """Return the command that takes a text out of a table."""
    if path == STDIN:
        return f"{command} > text.txt"
    if suffix_of(path) in _UNPACKERS:
        return f"{_UNPACKERS[suffix_of(path)]} {shlex.quote(path)} | {command} > text.txt"
    return f"{command} < {shlex.quote(path)} > text.txt"
