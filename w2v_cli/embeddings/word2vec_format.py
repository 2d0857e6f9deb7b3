"""The files of word2vec, GloVe, gensim and fastText: text and binary, read and written.

Text: a line "V D", then a line for each word: it and D decimal numbers. GloVe has no first line. Binary: the same
first line, then for each word its bytes, a space, D float32 little-endian, and a newline from word2vec.c, none from
gensim. Files are read in blocks; what they claim is checked before memory is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, NamedTuple

import numpy as np

from w2v_cli.config import available_cores
from w2v_cli.corpus.encoded import in_order
from w2v_cli.embeddings.decimals import nearest_float32, parse_rows
from w2v_cli.embeddings.formats import HEADER, VectorFile
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.jit import compiled
from w2v_cli.words import Words

# Small enough that what is read is still in the processor's cache when it is used.
_BLOCK_BYTES = 1 << 20
_HARD_NUMBERS = 4096
_HEADER_BYTES = 64
# No line and no word is as long as this; without an end a file would be read again and again.
_MOST_LINE_BYTES = 1 << 28
_MOST_WORD_BYTES = 1 << 20


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

    def __init__(self, dim: int, rows: int = 0) -> None:
        self.dim = dim
        self.count = 0
        self._matrix = np.empty(rows * dim, np.float32)
        self._texts: list[np.ndarray] = []
        self._lengths: list[np.ndarray] = []

    def add(self, rows: _Rows) -> None:
        start, stop = self.count * self.dim, (self.count + len(rows.matrix)) * self.dim
        if stop > len(self._matrix):
            # Large arrays are moved by the page table, not copied.
            self._matrix.resize(stop + stop // 4, refcheck=False)
        self._matrix[start:stop] = rows.matrix.ravel()
        self.count += len(rows.matrix)
        self._texts.append(rows.text)
        self._lengths.append(rows.lengths)

    def vectors(self, file: VectorFile, places: Callable[[int], str]) -> WordVectors:
        """All of them; `places` says of a row where in the file it is."""
        self._matrix.resize(self.count * self.dim, refcheck=False)
        offsets = np.zeros(self.count + 1, np.int64)
        np.cumsum(np.concatenate(self._lengths), out=offsets[1:])
        words = Words(np.concatenate(self._texts), offsets)
        undecodable = words.undecodable()
        if undecodable is not None:
            raise file.wrong(f", {places(undecodable)}: the word is not UTF-8")
        repeated = words.repeated()
        if repeated is not None:
            first, second = map(places, repeated)
            raise file.wrong(f", {second}: the word {words[repeated[1]]} was there before, {first}")
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
        promised, dim, rest = _header(file, least_row_bytes=lambda dim: 2 + 2 * dim)
        head_lines = 1
    else:
        rest = _first_line(file)
        dim = len(rest[: rest.index(b"\n")].split()) - 1
        if dim < 1:
            raise file.wrong(", line 1: expected a word and numbers", "is it a file of vectors? See --format")
    gathered = _Gathered(dim)
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
    return gathered.vectors(file, lambda row: f"line {row + head_lines + 1:,}")


def _line_hint(promised: int | None) -> str:
    if promised is None:
        return "every line must have as many numbers as the first; is it a file of vectors? See --format"
    return "the first line says how many words there are, and how many numbers each has; is it text? See --format"


def _header(file: VectorFile, least_row_bytes: Callable[[int], int]) -> tuple[int, int, bytes]:
    """V and D of the first line, believed only if so much can be in the file; and what was read after it."""
    head = file.read(_HEADER_BYTES)
    header = HEADER.match(head)
    if header is None:
        raise file.wrong(', line 1: expected the numbers of words and of dimensions, as in "71291 100"', "see --format")
    words, dim = int(header[1]), int(header[2])
    if words == 0 or dim == 0:
        raise file.wrong(f"holds no vectors: its first line says {words} words of {dim} dimensions")
    least = words * least_row_bytes(dim)
    if least > file.most_bytes:
        raise file.wrong(
            f", line 1: {words:,} words of {dim:,} dimensions take {least:,} bytes at least, and the file"
            f" cannot have more than {file.most_bytes:,}: it is cut short, or the line is wrong"
        )
    return words, dim, head[header.end() :]


def _first_line(file: VectorFile) -> bytes:
    """What a file begins with, its first line at least."""
    head = b""
    while b"\n" not in head and len(head) < _MOST_LINE_BYTES:
        more = file.read(_BLOCK_BYTES)
        if not more:
            break
        head += more
    if b"\n" not in head:
        raise file.wrong(", line 1: the line does not end", "the file is cut short, or is not text")
    return head


def _blocks(file: VectorFile, rest: bytes, line: int) -> Iterator[tuple[int, bytes]]:
    """Blocks of whole lines, each with the number of lines before it."""
    while True:
        more = file.read(_BLOCK_BYTES)
        cut = more.rfind(b"\n") + 1
        if not cut and len(more) == _BLOCK_BYTES and len(rest) < _MOST_LINE_BYTES:
            rest += more
            continue
        block, rest = rest + more[:cut], more[cut:]
        if not cut:  # the end: the rest is what there was before
            cut = block.rfind(b"\n") + 1
            block, rest = block[:cut], block[cut:] + rest
        if block:
            yield line, block
        line += block.count(b"\n")
        if len(more) < _BLOCK_BYTES or not cut:
            break
    if rest:
        raise file.wrong(
            f", line {line + 1:,}: the line does not end",
            "the file is cut short; if it is not, let its last line end with a newline",
        )


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
    fields = list(_TOKEN.finditer(line))
    if not fields:
        raise _BadLine(row, "the line is empty")
    if fields[0].start() > 0:
        raise _BadLine(row, "the word is empty: the line begins with white space")
    words = fields[: max(len(fields) - dim, 0)]
    if not words or (len(words) > 1 and _is_number(words[-1][0])):
        raise _BadLine(row, f"expected a word and {dim:,} numbers, found {len(fields) - 1:,} after the word")
    numbers = [_value(field[0], row) for field in fields[len(words) :]]
    return line[: words[-1].end()], np.array(numbers, np.float32)


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


def read_binary(file: VectorFile) -> WordVectors:
    """Read word2vec's binary format; rows with and without a newline after them.

    Raises
    ------
    ModelFileError
        If it is cut short or goes on after the last row, or a word is empty, not UTF-8 or repeated, or a number is
        NaN or infinite; if the header does not tell the truth.
    """
    words, dim, rest = _header(file, least_row_bytes=lambda dim: 2 + 4 * dim)
    # What gzip holds is not known, a file's size is.
    gathered, places = _Gathered(dim, 0 if file.packed else words), list[np.ndarray]()
    # Of `rest` in the file, in bytes.
    rest_place = file.tell() - len(rest)
    newlines = False
    while gathered.count < words:
        more = file.read(max(_BLOCK_BYTES, 4 * dim))
        block = rest + more
        starts, lengths, text, pos, with_newline = _scanned(block, words - gathered.count, dim, gathered.count == 0)
        newlines |= with_newline
        row_places = rest_place + starts - lengths - 1
        matrix = _gathered_rows(block, starts, dim)
        _check_binary(file, matrix, lengths, text, row_places)
        gathered.add(_Rows(matrix, text, lengths))
        places.append(row_places)
        rest, rest_place = block[pos:], rest_place + pos
        if gathered.count < words and len(rest) > _MOST_WORD_BYTES + 4 * dim:
            raise file.wrong(f", byte {rest_place:,}: no word ends here", _BINARY_HINT)
        if not more and gathered.count < words:
            raise file.wrong(
                f"is cut short at byte {rest_place + len(rest):,}, in word {gathered.count + 1:,} of the {words:,}"
                " that its first line promises",
                _BINARY_HINT,
            )
    rest += file.read(2)
    if rest not in (b"", b"\n"):
        raise file.wrong(f"goes on at byte {rest_place:,}, after the {words:,} words of its first line", _BINARY_HINT)
    if newlines and not rest:
        raise file.wrong(f"is cut short at byte {rest_place:,}: the last row lacks its newline")
    where = np.concatenate(places)
    return gathered.vectors(file, lambda row: f"byte {where[row]:,}")


_BINARY_HINT = "are the numbers of its first line right? Is it binary? See --format"


def _scanned(block: bytes, most: int, dim: int, first: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, bool]:
    """The rows that are whole in a block.

    Returns
    -------
    starts : int64, where each row's numbers begin in the block · lengths : int64, bytes of the words.
    text : uint8, the words · pos : where the next row begins.
    newlines : whether a newline stood between two rows.
    """
    most = min(most, len(block) // (4 * dim + 1))
    starts, lengths, text = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(len(block), np.uint8)
    count, pos, used, newlines = _scan(np.frombuffer(block, np.uint8), 4 * dim, starts, lengths, text, first)
    return starts[:count], lengths[:count], text[:used].copy(), pos, newlines


@compiled
def _scan(data, row_bytes, starts, lengths, text, first):  # type: ignore[no-untyped-def]
    """The loop of `_scanned`."""
    count, pos, used, newlines = 0, 0, 0, False
    while count < len(starts):
        at = pos
        # The newline after the row before.
        after_newline = at < len(data) and data[at] == 10 and (count > 0 or not first)
        if after_newline:
            at += 1
        word = at
        while at < len(data) and data[at] != 32:
            text[used + at - word] = data[at]
            at += 1
        if at + 1 + row_bytes > len(data):
            break
        newlines = newlines or after_newline
        starts[count], lengths[count] = at + 1, at - word
        used += at - word
        count += 1
        pos = at + 1 + row_bytes
    return count, pos, used, newlines


def _gathered_rows(block: bytes, starts: np.ndarray, dim: int) -> np.ndarray:
    """The numbers that begin at so many places of a block, which are no multiples of four; float32 (n, D)."""
    row = np.dtype((np.void, 4 * dim))
    if not len(starts):
        return np.empty((0, dim), np.float32)
    rows = np.ndarray(len(block) - row.itemsize + 1, row, block, strides=(1,))[starts]
    return rows.view("<f4").reshape(len(starts), dim).astype(np.float32, copy=False)


def _check_binary(
    file: VectorFile, matrix: np.ndarray, lengths: np.ndarray, text: np.ndarray, places: np.ndarray
) -> None:
    """Refuse what a wrong header makes of numbers: words that are none, numbers that are none."""
    if not lengths.all():
        raise file.wrong(f", byte {places[np.argmin(lengths)]:,}: the word is empty", _BINARY_HINT)
    space = np.flatnonzero((text < 14) & ((text > 8) | (text == 0)))
    if len(space):
        row = np.searchsorted(np.cumsum(lengths), space[0], side="right")
        raise file.wrong(f", byte {places[row]:,}: the word holds the byte {text[space[0]]}", _BINARY_HINT)
    if not np.isfinite(matrix).all():
        row = int(np.argmin(np.isfinite(matrix).all(axis=1)))
        raise file.wrong(f", byte {places[row]:,}: the vector holds NaN or infinity", _BINARY_HINT)


def write_text(file: IO[bytes], words: Sequence[str], matrix: np.ndarray, header: bool) -> None:
    """Write word2vec's text, or without its header GloVe's."""
    if header:
        file.write(b"%d %d\n" % matrix.shape)
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


def write_binary(file: IO[bytes], words: Sequence[str], matrix: np.ndarray) -> None:
    """Write word2vec's binary format as word2vec.c does, a newline after every row."""
    file.write(b"%d %d\n" % matrix.shape)
    numbers = matrix.astype("<f4", copy=False)
    for word, row in zip(words, numbers, strict=True):
        file.write(word.encode() + b" " + row.tobytes() + b"\n")
