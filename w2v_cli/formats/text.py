"""Read and write the text files of word2vec, GloVe, gensim and fastText.

The first line is "V D", except in GloVe's files, which have none. Then comes a line for each word: the word and D
decimal numbers. Files are read in chunks of lines, which all cores parse; the header is checked before memory is
reserved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import IO, NamedTuple

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.formats.decimals import nearest_float32, parse_rows
from w2v_cli.formats.recognise import BYTE_ORDER_MARK
from w2v_cli.formats.vector_file import CHUNK_BYTES, VectorFile, join_words, on_all_cores

# Numbers of a chunk that may be left to exact arithmetic before the compiled parser is called again.
_HARD_NUMBERS = 4096
# A line of this length holds a word and five million numbers; it is in memory several times while it is parsed.
_MOST_LINE_BYTES = 1 << 26
_TOKEN = re.compile(rb"[^ \t\r\n]+")


class _Rows(NamedTuple):
    """The rows of a chunk: float32 (n, D), the words without separators (uint8), and the bytes of each word (int64)."""

    matrix: np.ndarray
    text: np.ndarray
    lengths: np.ndarray


class _BadLine(Exception):
    """What is wrong with a line, and how many lines of the chunk precede it."""

    def __init__(self, line: int, what: str) -> None:
        self.line, self.what = line, what


class _GrowingMatrix:
    """A matrix to which rows are appended; it is resized in place when there are more than expected."""

    def __init__(self, dim: int, expected_rows: int) -> None:
        self.count = 0
        self._dim = dim
        self._numbers = np.empty(expected_rows * dim, np.float32)

    def append(self, rows: np.ndarray) -> None:
        """Append rows, float32 (n, D)."""
        start, stop = self.count * self._dim, (self.count + len(rows)) * self._dim
        if stop > len(self._numbers):
            # The system moves a large array by remapping its pages, without copying them.
            self._numbers.resize(stop + stop // 4, refcheck=False)
        self._numbers[start:stop] = rows.ravel()
        self.count += len(rows)

    def matrix(self) -> np.ndarray:
        """Return all rows, float32 (count, D)."""
        self._numbers.resize(self.count * self._dim, refcheck=False)
        return self._numbers.reshape(self.count, self._dim)


def read_text(file: VectorFile) -> WordVectors:
    """Read a file in word2vec's text format, or in GloVe's if `file.format` says so.

    Raises
    ------
    ModelFileError
        If the header is wrong; or if a line is not a word and D numbers, is cut short, or repeats a word.
    """
    promised, dim, chunks = _begin(file)

    def parse(task: tuple[int, bytes]) -> _Rows:
        lines, chunk = task
        try:
            return _parse_chunk(chunk, dim)
        except _BadLine as bad:
            raise file.wrong(f", line {lines + bad.line + 1:,}: {bad.what}", _line_hint(promised)) from None

    # A gzip file may claim far too much, so the matrix grows with what is found in it.
    vectors = _GrowingMatrix(dim, 0 if file.packed else promised or 0)
    texts, lengths = list[np.ndarray](), list[np.ndarray]()
    for rows in on_all_cores(parse, chunks):
        vectors.append(rows.matrix)
        texts.append(rows.text)
        lengths.append(rows.lengths)
    if promised is not None and vectors.count != promised:
        short = vectors.count < promised
        raise file.wrong(
            f"{'is cut short' if short else 'has too many lines'}: its first line promises {promised:,} words,"
            f" but {vectors.count:,} lines follow"
        )
    header_lines = 0 if promised is None else 1
    words = join_words(file, texts, lengths, lambda row: f"line {row + header_lines + 1:,}")
    return WordVectors(words, vectors.matrix())


def _begin(file: VectorFile) -> tuple[int | None, int, Iterator[tuple[int, bytes]]]:
    """Return V if a header promises it, D, and the chunks of lines."""
    if file.format == "text":
        count, dim, rest = file.read_header(least_row_bytes=lambda dim: 2 + 2 * dim)
        return count, dim, _line_chunks(file, rest, lines=1)
    chunks = _line_chunks(file, b"", lines=0)
    first = next(chunks, None)
    if first is None:
        raise file.wrong("is empty")
    dim = sum(1 for _ in _TOKEN.finditer(first[1], 0, first[1].index(b"\n"))) - 1
    if dim < 1:
        raise file.wrong(", line 1: expected a word and numbers", "is it a file of vectors? See --format")
    return None, dim, chain([first], chunks)


def _line_hint(promised: int | None) -> str:
    if promised is None:
        return "every line must have as many numbers as the first; is it a file of vectors? See --format"
    return "the first line says how many words there are, and how many numbers each has; is it text? See --format"


def _line_chunks(file: VectorFile, rest: bytes, lines: int) -> Iterator[tuple[int, bytes]]:
    """Yield chunks of complete lines, each with the number of lines before it.

    Parameters
    ----------
    rest : what was already read after `lines` lines.
    """
    unfinished, at_end = [rest], False
    while not at_end:
        data = file.read(CHUNK_BYTES)
        at_end = len(data) < CHUNK_BYTES
        unfinished.append(data)
        if not at_end and b"\n" not in data:
            if len(unfinished) > _MOST_LINE_BYTES // CHUNK_BYTES:
                line, most = lines + rest.count(b"\n") + 1, _MOST_LINE_BYTES >> 20
                raise file.wrong(f", line {line:,}: the line is longer than {most} MiB", "is it a file of vectors?")
            continue
        chunk = b"".join(unfinished)
        stop = chunk.rfind(b"\n") + 1
        chunk, rest = chunk[:stop], chunk[stop:]
        unfinished = [rest]
        if chunk:
            yield lines, chunk
        lines += chunk.count(b"\n")
    if rest:
        raise file.wrong(
            f", line {lines + 1:,}: the line does not end",
            "the file is cut short, or is not text; if it is complete, add a newline at its end",
        )


def _parse_chunk(chunk: bytes, dim: int) -> _Rows:
    """Parse complete lines: the compiled parser does what it can, and stops at lines and numbers that it cannot."""
    data = np.frombuffer(chunk, np.uint8)
    matrix = np.empty((chunk.count(b"\n"), dim), np.float32)
    text, lengths = np.empty(len(data), np.uint8), np.empty(len(matrix), np.int64)
    hard = np.empty((max(_HARD_NUMBERS, dim), 3), np.int64)
    pos = row = used = 0
    while pos < len(chunk):
        start = pos
        pos, row, used, hard_count = parse_rows(data, pos, matrix, row, text, used, lengths, hard)
        for hard_row, column, offset in hard[:hard_count].tolist():
            number = _TOKEN.match(chunk, offset)
            matrix[hard_row, column] = _value(number[0] if number else b"", hard_row)
        # It stopped at an irregular line, and not because `hard` is full.
        if pos < len(chunk) and (pos == start or hard_count + dim <= len(hard)):
            end = chunk.index(b"\n", pos)
            word, matrix[row] = _irregular_line(chunk[pos:end], dim, row)
            text[used : used + len(word)] = np.frombuffer(word, np.uint8)
            lengths[row] = len(word)
            pos, row, used = end + 1, row + 1, used + len(word)
    return _Rows(matrix, text[:used].copy(), lengths)


def _irregular_line(line: bytes, dim: int, row: int) -> tuple[bytes, np.ndarray]:
    """Parse a line whose word contains spaces, as GloVe's "at name@domain.com" does; any other line is wrong."""
    # The tokens are counted first and then visited again: a list of them would be fifty times as large as the line.
    count = sum(1 for _ in _TOKEN.finditer(line))
    if count == 0:
        raise _BadLine(row, "the line is empty")
    if not _TOKEN.match(line):
        raise _BadLine(row, "the word is empty: the line begins with white space")
    tokens, words = _TOKEN.finditer(line), count - dim
    last = next(islice(tokens, words - 1, None)) if words > 0 else None
    if last is None or (words > 1 and _is_number(last[0])):
        raise _BadLine(row, f"expected a word and {dim:,} numbers, found {count - 1:,} after the word")
    return line[: last.end()], np.fromiter((_value(token[0], row) for token in tokens), np.float32, dim)


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
    """Write word2vec's text format, or GloVe's, which has no header."""
    if header:
        file.write(b"%d %d\n" % matrix.shape)
    elif words[0].startswith("\ufeff"):
        # A reader strips one byte order mark, so the word needs a second one to keep its own.
        file.write(BYTE_ORDER_MARK)
    for word, line in zip(words, _number_lines(matrix, " "), strict=True):
        file.write(f"{word} {line}\n".encode())


def write_numbers(file: IO[bytes], matrix: np.ndarray, separator: str) -> None:
    """Write lines of numbers without words."""
    for line in _number_lines(matrix, separator):
        file.write(f"{line}\n".encode())


# Decimal digits that restore every float bit for bit, by its size in bytes: 9 for float32, 5 for float16.
DECIMAL = {4: "%.9g", 2: "%.5g"}


def _number_lines(matrix: np.ndarray, separator: str) -> Iterator[str]:
    """Yield rows as decimal numbers, with enough digits to restore every bit.

    Rows are converted a thousand at a time: the whole matrix as Python floats would be eight times as large.
    """
    line = separator.join([DECIMAL[matrix.dtype.itemsize]] * matrix.shape[1])
    for start in range(0, len(matrix), 1000):
        for row in matrix[start : start + 1000].tolist():
            yield line % tuple(row)
