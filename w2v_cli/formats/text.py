"""Read and write the text files of word2vec, GloVe, gensim and fastText.

The first line is "V D", except in GloVe's files, which have none. Then comes a line for each word: the word and D
decimal numbers. Files are read in chunks of lines, which all cores parse; the header is checked before memory is
reserved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import IO, NamedTuple

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.formats.recognise import BYTE_ORDER_MARK, named_columns
from w2v_cli.formats.text_lines import TOKEN, UNFINISHED_HINT, BadLine, Chunk, Rows, is_number, parse_chunk
from w2v_cli.formats.vector_file import (
    CHUNK_BYTES,
    LENIENT_HINT,
    VectorFile,
    checked_vectors,
    join_words,
    on_all_cores,
)
from w2v_cli.storage.words import Words

# A line of this length holds a word and five million numbers; it is in memory several times while it is parsed.
_MOST_LINE_BYTES = 1 << 26
_QUOTED = re.compile(rb'".*"', re.DOTALL)
# This many lines are looked at to check the D of the header.
_LINES_TRIED = 100


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
        If the header is wrong; or if a line is not a word and D numbers, is cut short, or repeats a word, and
        `file.reading` does not allow that.
    """
    return _read(file, _begin(file))


def read_numbered(file: VectorFile, count: int, dim: int, rest: bytes) -> np.ndarray:
    """Read lines of a row's number and its D numbers, float32 (count, D); the rows must be numbered from 0.

    Parameters
    ----------
    rest : what was already read after the first line.

    Raises
    ------
    ModelFileError
        If a line is not such a row, or there are not as many rows.
    """
    if min(count, dim) < 1:
        raise file.wrong(f"holds no vectors: its first line says {count} rows of {dim} dimensions")
    expected = 0 if file.packed else min(count, file.most_bytes // (2 + 2 * dim))
    vectors = _read(file, _Layout(count, dim, expected, 1, _line_chunks(file, rest, lines=1)))
    wrong = next((row for row, number in enumerate(vectors.words) if number != str(row)), len(vectors))
    if wrong < count:
        raise file.wrong(f", line {wrong + 2:,}: expected the row {wrong:,}")
    return vectors.matrix


def _read(file: VectorFile, layout: _Layout) -> WordVectors:
    """Read the lines that follow the first ones."""
    hint = _line_hint(layout.promised)

    def parse(chunk: Chunk) -> Rows:
        """Parse a chunk in a worker thread; say in an error where in the file the line is."""
        try:
            rows = parse_chunk(chunk, layout.dim, layout.promised is not None, file.reading)
        except BadLine as bad:
            raise file.wrong(f", line {chunk.before + bad.line + 1:,}: {bad.what}", bad.hint or hint) from None
        if chunk.unfinished and not rows.bad:
            line = chunk.before + chunk.data.count(b"\n")
            file.remark(
                f", line {line:,}: the file ends without a newline; if it was cut short there, its last number is wrong"
            )
        return rows

    vectors = _GrowingMatrix(layout.dim, layout.expected_rows)
    texts, lengths, bad_lines = list[np.ndarray](), list[np.ndarray](), list[BadLine]()
    for rows in on_all_cores(parse, _whole_lines(layout.chunks)):
        vectors.append(rows.matrix)
        texts.append(rows.text)
        lengths.append(rows.lengths)
        bad_lines += rows.bad
    _require_count(file, layout.promised, vectors.count + len(bad_lines))
    if bad_lines:
        first = bad_lines[0]
        left_out = f"{len(bad_lines):,} such line{'s' if len(bad_lines) > 1 else ''} left out"
        if not vectors.count:
            raise file.wrong(f", line {first.line + 1:,}: {first.what}", first.hint or hint)
        file.remark(f", line {first.line + 1:,}: {first.what}; {left_out}")

    def location(row: int) -> str:
        """Return where a row of the matrix comes from; lines that were left out count, too."""
        line = row + layout.lines
        for bad in bad_lines:
            line += bad.line <= line
        return f"line {line + 1:,}"

    words = _unquoted(file, join_words(texts, lengths))
    return checked_vectors(file, words, vectors.matrix(), location)


def _require_count(file: VectorFile, promised: int | None, found: int) -> None:
    """Raise an error, or make a remark, if there are not as many lines as the header promises."""
    if promised is None or found == promised:
        return
    what = "is cut short" if found < promised else "has too many lines"
    follow = "line follows" if found == 1 else "lines follow"
    what += f": its first line promises {promised:,} words, but {found:,} {follow}"
    if not file.reading.lenient:
        error = file.cut_short if found < promised else file.wrong
        raise error(what, f"{LENIENT_HINT}, or write the right number into the first line")
    file.remark(what)


class _Layout(NamedTuple):
    """What the first lines say.

    promised : V if a header promises it · dim : D · expected_rows : for how many vectors to reserve memory.
    lines : how many lines precede the vectors · chunks : the lines that follow.
    """

    promised: int | None
    dim: int
    expected_rows: int
    lines: int
    chunks: Iterator[tuple[int, bytes]]


def _begin(file: VectorFile) -> _Layout:
    """Read the first line or lines, and find D."""
    limit = file.reading.limit
    if file.format == "text":
        # Each word takes two bytes at least, and each number too. V is checked when all lines have been counted.
        count, dim, rest = file.read_header(least_row_bytes=lambda dim: 2 + 2 * dim, counted=True)
        chunks = _line_chunks(file, rest, lines=1)
        first = next(chunks, (1, b""))
        if not file.reading.lenient:
            _require_dim(file, first[1], dim)
        # A packed file may claim far too much, so the matrix grows with what is found in it.
        expected = 0 if file.packed else min(count, file.most_bytes // (2 + 2 * dim))
        all_chunks = chain([first] if first[1] else [], chunks)
        return _Layout(count, dim, expected, 1, all_chunks if limit is None else _first_lines(all_chunks, count))
    chunks = _line_chunks(file, b"", lines=0)
    first = next(chunks, (0, b""))
    if not first[1]:
        raise file.wrong("is empty")
    line, newline, others = first[1].partition(b"\n")
    if not newline:
        raise file.wrong(", line 1: the line does not end", UNFINISHED_HINT)
    columns = named_columns(line, others.partition(b"\n")[0])
    if columns is not None:
        file.remark(", line 1: left out, because it names columns, as R's write.table does")
        all_chunks = chain([(1, others)], chunks)
        return _Layout(None, columns, 0, 1, all_chunks if limit is None else _first_lines(all_chunks, limit))
    dim = sum(1 for _ in TOKEN.finditer(line)) - (not line.startswith((b" ", b"\t")))
    if dim < 1:
        raise file.wrong(", line 1: expected a word and numbers", "is it a file of vectors? See --format")
    all_chunks = chain([first], chunks)
    return _Layout(None, dim, 0, 0, all_chunks if limit is None else _first_lines(all_chunks, limit))


def _require_dim(file: VectorFile, data: bytes, dim: int) -> None:
    """Refuse a D that is too small: if a number precedes the last D of every line, it is not part of a word."""
    if not data:
        return
    for line in data.split(b"\n", _LINES_TRIED)[:_LINES_TRIED]:
        fields = line.rsplit(maxsplit=dim + 1)
        if line and not (len(fields) == dim + 2 and is_number(fields[1])):
            return
    found = len(data.partition(b"\n")[0].split()) - 1
    raise file.wrong(
        f", line 2: expected a word and {dim:,} numbers, found {found:,} after the word",
        f"if the words end in numbers, --lenient takes the last {dim:,} numbers of each line",
    )


def _first_lines(chunks: Iterator[tuple[int, bytes]], count: int) -> Iterator[tuple[int, bytes]]:
    """Yield chunks until they have had `count` lines, the last one without the lines that follow."""
    for before, data in chunks:
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        if lines >= count:
            newlines = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
            yield before, data[: newlines[count - 1] + 1] if len(newlines) >= count else data
            return
        count -= lines
        yield before, data


def _whole_lines(chunks: Iterator[tuple[int, bytes]]) -> Iterator[Chunk]:
    """Yield the chunks, with a newline after the last line if the file lacks it."""
    # If the lines before end with a blank, as word2vec.c writes them, a last line without one has been cut.
    blank_before_newline = False
    for before, data in chunks:
        if data.endswith(b"\n"):
            yield Chunk(before, data)
            blank_before_newline = data.rstrip(b"\r\n").endswith((b" ", b"\t"))
            continue
        yield Chunk(before, data + b"\n", True, blank_before_newline and not data.endswith((b" ", b"\t")))


def _line_hint(promised: int | None) -> str:
    """Return the hint for a line that does not fit; `promised` is V if there is a header."""
    if promised is None:
        return "every line must have as many numbers as the first; is it a file of vectors? See --format"
    return "the first line says how many words there are, and how many numbers each has; is it text? See --format"


def _line_chunks(file: VectorFile, rest: bytes, lines: int) -> Iterator[tuple[int, bytes]]:
    """Yield chunks of complete lines, each with the number of lines before it; the last line may lack its newline.

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
        yield lines, rest


def _unquoted(file: VectorFile, words: Words) -> Words:
    """Return the words without quotation marks if every word is in such marks, as R's write.table puts them."""
    if not len(words) or not _QUOTED.fullmatch(words.bytes_of(0)):
        return words
    every = [words.bytes_of(word_id) for word_id in range(len(words))]
    if not all(_QUOTED.fullmatch(word) for word in every):
        return words
    file.remark("has every word in quotation marks, which were left out")
    inner = [word[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\") for word in every]
    return Words(np.frombuffer(b"".join(inner), np.uint8), np.cumsum([0, *map(len, inner)]))


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


# Decimal digits that restore every float bit for bit, by its size in bytes.
DECIMAL = {8: "%.17g", 4: "%.9g", 2: "%.5g"}


def _number_lines(matrix: np.ndarray, separator: str) -> Iterator[str]:
    """Yield rows as decimal numbers, with enough digits to restore every bit.

    Rows are converted a thousand at a time: the whole matrix as Python floats would be eight times as large.
    """
    line = separator.join([DECIMAL[matrix.dtype.itemsize]] * matrix.shape[1])
    for start in range(0, len(matrix), 1000):
        for row in matrix[start : start + 1000].tolist():
            yield line % tuple(row)
