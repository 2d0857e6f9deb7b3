"""The text files of word2vec, GloVe, gensim and fastText, read and written.

A line "V D", then a line for each word: it and D decimal numbers. GloVe has no first line. Files are read in blocks by
all cores; what they claim is checked before memory is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import IO, NamedTuple

import numpy as np

from w2v_cli.compute.threads import in_order
from w2v_cli.config import available_cores
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.decimals import nearest_float32, parse_rows
from w2v_cli.formats.recognise import BYTE_ORDER_MARK, VectorFile, words_of

# Small enough that what is read is still in the processor's cache when it is used.
_BLOCK_BYTES = 1 << 20
_HARD_NUMBERS = 4096
# A word and five million numbers; a line is in memory several times while it is read.
_MOST_LINE_BYTES = 1 << 26


class _Rows(NamedTuple):
    """Words and vectors out of a part of a file."""

    matrix: np.ndarray
    text: np.ndarray
    lengths: np.ndarray


class _BadLine(Exception):
    """What is wrong with a line, and how many lines of the block come before it."""

    def __init__(self, line: int, what: str) -> None:
        self.line, self.what = line, what


class _Gathered:
    """Rows that come one block after the other; the matrix grows in place beyond the `rows` that are expected."""

    def __init__(self, dim: int, rows: int) -> None:
        self.dim = dim
        self.count = 0
        self._matrix = np.empty(rows * dim, np.float32)
        self._texts: list[np.ndarray] = []
        self._lengths: list[np.ndarray] = []

    def add(self, rows: _Rows) -> None:
        """Take the rows of one more block."""
        start, stop = self.count * self.dim, (self.count + len(rows.matrix)) * self.dim
        if stop > len(self._matrix):
            # Large arrays are moved by the page table, not copied.
            self._matrix.resize(stop + stop // 4, refcheck=False)
        self._matrix[start:stop] = rows.matrix.ravel()
        self.count += len(rows.matrix)
        self._texts.append(rows.text)
        self._lengths.append(rows.lengths)

    def vectors(self, file: VectorFile, head_lines: int) -> WordVectors:
        """All of them."""
        self._matrix.resize(self.count * self.dim, refcheck=False)
        text, lengths = np.concatenate(self._texts), np.concatenate(self._lengths)
        words = words_of(file, text, lengths, lambda row: f"line {row + head_lines + 1:,}")
        return WordVectors(words, self._matrix.reshape(self.count, self.dim))


def read_text(file: VectorFile) -> WordVectors:
    """Read word2vec's text, or GloVe's, as `file.format` says.

    Raises
    ------
    ModelFileError
        If a line is not a word and D numbers, is cut short, or repeats a word; if the header does not tell the truth.
    """
    head_lines, rest, promised, dim = 0, b"", None, 0
    if file.format == "text":
        promised, dim, rest = file.read_header(least_row_bytes=lambda dim: 2 + 2 * dim)
        head_lines = 1
    else:
        rest = _first_line(file)
        dim = sum(1 for _ in _TOKEN.finditer(rest, 0, rest.index(b"\n"))) - 1
        if dim < 1:
            raise file.wrong(", line 1: expected a word and numbers", "is it a file of vectors? See --format")
    gathered = _Gathered(dim, 0 if file.packed else promised or 0)
    threads = available_cores()
    with ThreadPoolExecutor(threads) as pool:

        def parsed(task: tuple[int, bytes]) -> _Rows:
            try:
                return _parsed(task[1], dim)
            except _BadLine as bad:
                hint = _line_hint(promised)
                raise file.wrong(f", line {task[0] + bad.line + 1:,}: {bad.what}", hint) from None

        for _, rows in in_order(pool, threads, parsed, _blocks(file, rest, head_lines)):
            gathered.add(rows)
    if promised is not None and gathered.count != promised:
        short = gathered.count < promised
        raise file.wrong(
            f"{'is cut short' if short else 'goes on'}: its first line promises {promised:,} words,"
            f" it has {gathered.count:,} lines of them"
        )
    return gathered.vectors(file, head_lines)


def _line_hint(promised: int | None) -> str:
    if promised is None:
        return "every line must have as many numbers as the first; is it a file of vectors? See --format"
    return "the first line says how many words there are, and how many numbers each has; is it text? See --format"


def _first_line(file: VectorFile) -> bytes:
    """What a file begins with, its first line at least."""
    pieces = [file.read(_BLOCK_BYTES)]
    while b"\n" not in pieces[-1]:
        if len(pieces[-1]) < _BLOCK_BYTES:
            raise file.wrong(", line 1: the line does not end", "the file is cut short, or is not text")
        if len(pieces) > _MOST_LINE_BYTES // _BLOCK_BYTES:
            raise _too_long(file, 1)
        pieces.append(file.read(_BLOCK_BYTES))
    return b"".join(pieces).removeprefix(BYTE_ORDER_MARK)


def _blocks(file: VectorFile, rest: bytes, line: int) -> Iterator[tuple[int, bytes]]:
    """Blocks of whole lines, each with the number of lines before it; `rest` is what was read before."""
    unfinished, ended = [rest], False
    while not ended:
        more = file.read(_BLOCK_BYTES)
        ended = len(more) < _BLOCK_BYTES
        unfinished.append(more)
        if not ended and b"\n" not in more:
            if len(unfinished) > _MOST_LINE_BYTES // _BLOCK_BYTES:
                raise _too_long(file, line + rest.count(b"\n") + 1)
            continue
        block = b"".join(unfinished)
        cut = block.rfind(b"\n") + 1
        block, rest = block[:cut], block[cut:]
        unfinished = [rest]
        if block:
            yield line, block
        line += block.count(b"\n")
    if rest:
        raise file.wrong(
            f", line {line + 1:,}: the line does not end",
            "the file is cut short; if it is not, let its last line end with a newline",
        )


def _too_long(file: VectorFile, line: int) -> ModelFileError:
    """The error of a line that would go on growing in memory."""
    most = _MOST_LINE_BYTES >> 20
    return file.wrong(f", line {line:,}: the line is longer than {most} MiB", "is it a file of vectors?")


def _parsed(block: bytes, dim: int) -> _Rows:
    """The words and numbers of whole lines."""
    data = np.frombuffer(block, np.uint8)
    matrix = np.empty((block.count(b"\n"), dim), np.float32)
    text, lengths = np.empty(len(data), np.uint8), np.empty(len(matrix), np.int64)
    hard = np.empty((max(_HARD_NUMBERS, dim), 3), np.int64)
    pos = row = used = 0
    while True:
        begun = pos
        pos, row, used, hard_count = parse_rows(data, pos, matrix, row, text, used, lengths, hard)
        for hard_row, column, place in hard[:hard_count].tolist():
            number = _TOKEN.match(block, place)
            matrix[hard_row, column] = _value(number[0] if number else b"", hard_row)
        if pos == len(block):
            return _Rows(matrix, text[:used].copy(), lengths)
        if pos == begun or hard_count + dim <= len(hard):
            end = block.index(b"\n", pos)
            word, matrix[row] = _odd_line(block[pos:end], dim, row)
            text[used : used + len(word)] = np.frombuffer(word, np.uint8)
            lengths[row] = len(word)
            pos, row, used = end + 1, row + 1, used + len(word)
            if pos == len(block):
                return _Rows(matrix, text[:used].copy(), lengths)


_TOKEN = re.compile(rb"[^ \t\r\n]+")


def _odd_line(line: bytes, dim: int, row: int) -> tuple[bytes, np.ndarray]:
    """A line that is not plain: its word may have spaces in it, as GloVe's "at name@domain.com"; or it is wrong."""
    # Counted first and then gone through once more: a list of them would be fifty times as large as the line.
    count = sum(1 for _ in _TOKEN.finditer(line))
    if count == 0:
        raise _BadLine(row, "the line is empty")
    if not _TOKEN.match(line):
        raise _BadLine(row, "the word is empty: the line begins with white space")
    fields, words = _TOKEN.finditer(line), count - dim
    last = next(islice(fields, words - 1, None)) if words > 0 else None
    if last is None or (words > 1 and _is_number(last[0])):
        raise _BadLine(row, f"expected a word and {dim:,} numbers, found {count - 1:,} after the word")
    return line[: last.end()], np.fromiter((_value(field[0], row) for field in fields), np.float32, dim)


def _is_number(text: bytes) -> bool:
    try:
        nearest_float32(text)
    except ValueError:
        return False
    return True


def _value(text: bytes, row: int) -> np.float32:
    try:
        return nearest_float32(text)
    except ValueError as error:
        raise _BadLine(row, f"{text[:40].decode(errors='replace')} {error}") from None


def write_text(file: IO[bytes], words: Sequence[str], matrix: np.ndarray, header: bool) -> None:
    """Write word2vec's text, or without its header GloVe's."""
    if header:
        file.write(b"%d %d\n" % matrix.shape)
    elif words[0].startswith("\ufeff"):
        # Of two marks a reader takes the first away.
        file.write(BYTE_ORDER_MARK)
    for word, line in zip(words, _number_lines(matrix, " "), strict=True):
        file.write(f"{word} {line}\n".encode())


def write_numbers(file: IO[bytes], matrix: np.ndarray, separator: str) -> None:
    """Write lines of numbers without their words."""
    for line in _number_lines(matrix, separator):
        file.write(f"{line}\n".encode())


# Digits that a float needs to come back, by its size in bytes: 9 for float32, 5 for float16.
DECIMAL = {4: "%.9g", 2: "%.5g"}


def _number_lines(matrix: np.ndarray, separator: str) -> Iterator[str]:
    """Rows as decimal numbers, with enough digits to give every one back bit for bit.

    A thousand rows at a time: a whole matrix of Python's floats would be eight times as large.
    """
    line = separator.join([DECIMAL[matrix.dtype.itemsize]] * matrix.shape[1])
    for start in range(0, len(matrix), 1000):
        for row in matrix[start : start + 1000].tolist():
            yield line % tuple(row)
