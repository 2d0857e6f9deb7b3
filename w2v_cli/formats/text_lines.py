"""Parse lines of the text formats: a word and D decimal numbers.

The compiled parser does nearly all lines. The rest, such as words with white space, go through Python here, which also
finds out what is wrong with a bad line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from w2v_cli.formats.decimals import nearest_float32, parse_rows
from w2v_cli.formats.reading import ReadOptions
from w2v_cli.formats.vector_file import BAD_WORD_HINT, LENIENT_HINT, join_words

# Numbers of a chunk that may be left to exact arithmetic before the compiled parser is called again.
_HARD_NUMBERS = 4096
TOKEN = re.compile(rb"[^ \t\r\n]+")
_NOT_FINITE = (b"nan", b"inf", b"infinity")
_NOT_FINITE_HINT = "the training of these vectors has failed for this word; --lenient leaves such lines out"
# A decimal comma, or numbers that commas separate.
_COMMAS = re.compile(rb"[-+]?[0-9]*,[0-9]+|[-+0-9.eE]+(?:,[-+0-9.eE]+){2,}")
_COMMA_HINTS = (
    "write numbers with a point, not with a comma: 0.5",
    "separate the numbers with spaces, not with commas: tr ',' ' ' < FILE > vectors.txt",
)
_MISSING = (b"na", b"null", b"none", b"n/a", b"?")
_MISSING_HINT = "the number is missing; --lenient leaves such lines out"
UNFINISHED_HINT = "the file is cut short, or is not text; --lenient leaves an incomplete last line out"


class BadLine(Exception):
    """What is wrong with a line, how many lines precede it, and what can be done about it."""

    def __init__(self, line: int, what: str, hint: str | None = None) -> None:
        self.line, self.what, self.hint = line, what, hint


class Rows(NamedTuple):
    """The rows of a chunk.

    matrix : float32 (n, D) · text : uint8, the words without separators · lengths : int64 (n,), bytes of each word.
    bad : the lines that were left out.
    """

    matrix: np.ndarray
    text: np.ndarray
    lengths: np.ndarray
    bad: Sequence[BadLine] = ()


class Chunk(NamedTuple):
    """Lines of the file.

    before : how many lines of the file precede them · data : the lines, each with its newline.
    unfinished : whether the file lacks the last newline · cut : whether the last line is certainly incomplete.
    """

    before: int
    data: bytes
    unfinished: bool = False
    cut: bool = False


def parse_chunk(chunk: Chunk, dim: int, header: bool, reading: ReadOptions) -> Rows:
    """Parse complete lines: the compiled parser does what it can, and stops at lines and numbers that it cannot.

    Raises
    ------
    BadLine
        If a line is bad and `reading` is not lenient.
    """
    data = np.frombuffer(chunk.data, np.uint8)
    lines = chunk.data.count(b"\n")
    matrix = np.empty((lines, dim), np.float32)
    text, lengths = np.empty(len(data), np.uint8), np.empty(lines, np.int64)
    hard = np.empty((max(_HARD_NUMBERS, dim), 3), np.int64)
    bad: dict[int, BadLine] = {}
    pos = row = used = 0
    while pos < len(data):
        start = pos
        pos, row, used, hard_count = parse_rows(data, pos, matrix, row, text, used, lengths, hard)
        for hard_row, column, offset in hard[:hard_count].tolist():
            try:
                matrix[hard_row, column] = _value_at(chunk.data, offset, hard_row)
            except BadLine as error:
                _set_aside(bad, error, chunk, reading)
        # It stopped at an irregular line, and not because `hard` is full.
        if pos < len(data) and (pos == start or hard_count + dim <= len(hard)):
            end = chunk.data.index(b"\n", pos)
            word = b""
            try:
                word, matrix[row] = _irregular_line(chunk.data[pos:end], dim, row, header, reading.errors == "strict")
            except BadLine as error:
                _set_aside(bad, error, chunk, reading)
            text[used : used + len(word)] = np.frombuffer(word, np.uint8)
            lengths[row] = len(word)
            pos, row, used = end + 1, row + 1, used + len(word)
    if chunk.cut and lines - 1 not in bad:
        _set_aside(bad, BadLine(lines - 1, ""), chunk, reading)
    rows = Rows(matrix, text[:used].copy(), lengths)
    return rows if not bad else _without(rows, bad, chunk.before)


def _set_aside(bad: dict[int, BadLine], error: BadLine, chunk: Chunk, reading: ReadOptions) -> None:
    """Raise the error of a line, or note it if bad lines are to be left out."""
    if chunk.unfinished and error.line == chunk.data.count(b"\n") - 1:
        error = BadLine(error.line, "the line does not end", UNFINISHED_HINT)
    if not reading.lenient:
        raise error
    bad.setdefault(error.line, error)


def _without(rows: Rows, bad: dict[int, BadLine], before: int) -> Rows:
    """Return the rows without bad ones, whose line numbers become those of the file."""
    kept = np.delete(np.arange(len(rows.lengths)), list(bad))
    words = join_words([rows.text], [rows.lengths]).take(kept)
    errors = [BadLine(before + line, error.what, error.hint) for line, error in sorted(bad.items())]
    return Rows(rows.matrix[kept], words.text, rows.lengths[kept], errors)


def _irregular_line(
    line: bytes, dim: int, row: int, header: bool = False, strict: bool = True
) -> tuple[bytes, np.ndarray]:
    """Parse a line whose word is empty or contains white space, as GloVe's "at name@domain.com" does.

    Parameters
    ----------
    header : whether D is known for certain, so that what precedes the last D numbers is the word, numbers included.
    strict : refuse words that are empty or begin with white space.

    Raises
    ------
    BadLine
        If there is no such word, or no D numbers.
    """
    # The tokens are counted first and then visited again: a list of them would be fifty times as large as the line.
    count = sum(1 for _ in TOKEN.finditer(line))
    if count == 0:
        raise BadLine(row, "the line is empty", LENIENT_HINT)
    blank_start = line.startswith((b" ", b"\t", b"\r"))
    if blank_start and strict:
        raise BadLine(row, "the word is empty: the line begins with white space", BAD_WORD_HINT)
    tokens, words = TOKEN.finditer(line), count - dim
    last = next(islice(tokens, words - 1, None)) if words > 0 else None
    numbers_only = last is None if not blank_start else words < 0
    if numbers_only or (last is not None and words > 1 and not header and is_number(last[0])):
        raise BadLine(row, f"expected a word and {dim:,} numbers, found {count - 1:,} after the word")
    # A word of nothing but white space ends before the blank that separates it from the numbers.
    word = line[: last.end()] if last is not None else line[: line.index(line.lstrip(b" \t\r")) - 1]
    values = (_value(token[0], row, word) for token in tokens)
    return word, np.fromiter(values, np.float32, dim)


def _value_at(data: bytes, offset: int, row: int) -> np.float32:
    """Return the number at an offset of lines that consist of a word without white space and numbers."""
    number = TOKEN.match(data, offset)
    word = TOKEN.match(data, data.rfind(b"\n", 0, offset) + 1)
    return _value(number[0] if number else b"", row, word[0] if word else b"")


def is_number(text: bytes) -> bool:
    """Whether the bytes are a finite decimal number."""
    try:
        nearest_float32(text)
    except ValueError:
        return False
    return True


def _value(text: bytes, row: int, word: bytes) -> np.float32:
    """Return the float32 nearest to a decimal number; `row` and `word` say in an error which line it is in."""
    try:
        return nearest_float32(text)
    except ValueError as error:
        number, name = (part[:40].decode(errors="replace") for part in (text, word))
        comma = _COMMA_HINTS[text.count(b",") > 1] if _COMMAS.fullmatch(text) else None
        missing = _MISSING_HINT if text.lower() in _MISSING else None
        hint = comma or missing or (_NOT_FINITE_HINT if text.lower().lstrip(b"+-") in _NOT_FINITE else None)
        raise BadLine(row, f"“{number}” {error}, in the vector of {name}", hint) from None
