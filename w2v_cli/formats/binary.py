"""Read and write word2vec's binary files.

The first line is "V D". Then comes each word: its bytes, a space, D little-endian float32 numbers, and a newline if
word2vec.c wrote the file (gensim writes none). The header is checked before memory is reserved. Nothing here is
compiled: loading compiled code takes longer than looping over a million words in Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.vector_file import (
    BAD_WORD_HINT,
    CHUNK_BYTES,
    LENIENT_HINT,
    VectorFile,
    checked_vectors,
    join_words,
    on_all_cores,
)

# No word is this long. Without a limit, a file in which no word ends would be scanned from the start again and again.
_MOST_WORD_BYTES = 1 << 20
# word2vec.c writes none of these bytes in a word, while nearly every float32 vector contains some of them.
_NOT_IN_WORDS = b"\0\t\n\v\f\r"
# Those of them that are refused even if white space in words is asked for.
_NEVER_IN_WORDS = b"\0\n"
_NEWLINE = ord("\n")
_HINT = (
    "is the first line right, and is the file binary? See --format. Words with blanks, which gensim writes, cannot be"
    " read from this format: write them as text"
)
# Vectors hold no such large numbers, but the bytes of words that are taken for numbers often are.
_LARGE, _SMALL = 1e6, 1e-15
# How many bytes of a vector may be the rest of a word.
_MOST_REST = 64
_SPACE = ord(" ")


class _Rows(NamedTuple):
    """The complete rows in a chunk of the file.

    data : the chunk · offset : its first byte in the file · first : the index of its first row.
    text : uint8, the words without separators · lengths : int64, bytes of each word.
    numbers_at : int64, where in `data` each row's numbers begin · size : bytes of all rows.
    newlines : how many rows have a newline before them.
    """

    data: bytes
    offset: int
    first: int
    text: np.ndarray
    lengths: np.ndarray
    numbers_at: np.ndarray
    size: int
    newlines: int

    @property
    def words_at(self) -> np.ndarray:
        """Where in the file each word begins, int64."""
        return self.offset + self.numbers_at - 1 - self.lengths


def read_binary(file: VectorFile) -> WordVectors:
    """Read a file in word2vec's binary format, with or without a newline after each row.

    Raises
    ------
    ModelFileError
        If the header is wrong; if the file is cut short, or continues after the last row; if a word is empty, not UTF-8
        or repeated, and `file.reading` does not allow that; if a word holds a blank; or if a number is NaN or infinite.
    """
    lenient = file.reading.lenient
    count, dim, rest = file.read_header(least_row_bytes=lambda dim: 2 + 4 * dim, counted=lenient)
    # A packed file may claim far too much. That reserves addresses only: a page takes memory when it is first written.
    matrix = np.empty((min(count, file.most_bytes // (2 + 4 * dim)), dim), "<f4")

    def fill(rows: _Rows) -> _Rows:
        _fill(file, rows, matrix)
        return rows

    texts, lengths, places = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for rows in on_all_cores(fill, _RowReader(file, count, dim).chunks(rest)):
        texts.append(rows.text)
        lengths.append(rows.lengths)
        places.append(rows.words_at)
    words_at = np.concatenate(places)
    matrix = matrix[: len(words_at)]
    numbers = matrix.astype(np.float32, copy=False)
    return checked_vectors(file, join_words(texts, lengths), numbers, lambda row: f"byte {words_at[row]:,}")


class _RowReader:
    """Splits a file into chunks of complete rows, and checks their words."""

    def __init__(self, file: VectorFile, count: int, dim: int) -> None:
        self._file, self._count, self._row_bytes = file, count, 4 * dim
        # A row, whose word (with a newline that precedes it) is the group; or all that is left, if no row is complete.
        self._pattern = re.compile(rb"([^ ]*) (?:.{%d})|.+" % self._row_bytes, re.DOTALL)

    def chunks(self, rest: bytes) -> Iterator[_Rows]:
        """Yield all rows, chunk by chunk; `rest` is what was read after the first line."""
        row, offset, newlines = 0, self._file.tell() - len(rest), 0
        while row < self._count:
            data = self._file.read(max(CHUNK_BYTES, self._row_bytes))
            rows = self._scan(rest + data, offset, row)
            _check_words(self._file, rows)
            yield rows
            newlines += rows.newlines
            row, offset, rest = row + len(rows.lengths), offset + rows.size, rows.data[rows.size :]
            if row < self._count and not self._progresses(row, offset, rest, at_end=not data):
                return
        self._require_end(offset, rest + self._file.read(2), newlines)

    def _scan(self, data: bytes, offset: int, first: int) -> _Rows:
        """Find the complete rows at the beginning of `data`."""
        words = self._pattern.findall(data)[: self._count - first]
        ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 1 + self._row_bytes)
        # Data that is not a complete row matches as an empty word, but does not have the bytes of such a row.
        if len(words) and (ends[-1] > len(data) or data[ends[-1] - self._row_bytes - 1] != ord(" ")):
            words, ends = words[:-1], ends[:-1]
        text = np.frombuffer(b"".join(words), np.uint8)
        lengths = np.diff(ends, prepend=0) - 1 - self._row_bytes
        starts = np.cumsum(lengths) - lengths
        after_newline = np.zeros(len(words), bool)
        after_newline[lengths > 0] = text[starts[lengths > 0]] == _NEWLINE
        if first == 0:
            after_newline[:1] = False
        newlines = int(np.count_nonzero(after_newline))
        if newlines:
            text = np.delete(text, starts[after_newline])
        size = int(ends[-1]) if len(ends) else 0
        return _Rows(data, offset, first, text, lengths - after_newline, ends - self._row_bytes, size, newlines)

    def _progresses(self, row: int, offset: int, rest: bytes, at_end: bool) -> bool:
        """Tell whether further rows can follow; if not, raise an error unless the reading is lenient."""
        # An incomplete row may lack only its last byte, and have a newline before its word and a space after it.
        if len(rest) > _MOST_WORD_BYTES + self._row_bytes + 1:
            raise self._file.wrong(f", byte {offset:,}: no word ends here", _HINT)
        if at_end:
            what = (
                f"is cut short at byte {offset + len(rest):,}, in word {row + 1:,} of the {self._count:,}"
                " that its first line promises"
            )
            if not self._file.reading.lenient:
                raise self._file.cut_short(what, f"{_HINT}. {LENIENT_HINT}")
            self._file.remark(what)
        return not at_end

    def _require_end(self, offset: int, rest: bytes, newlines: int) -> None:
        """Raise an error if anything but a newline follows the last row, or if that newline is missing."""
        if self._file.reading.lenient or self._file.reading.limit is not None:
            return
        if rest not in (b"", b"\n"):
            raise self._file.wrong(
                f"continues at byte {offset:,}, after the {self._count:,} words that its first line promises", _HINT
            )
        if newlines and not rest:
            raise self._file.cut_short(f"is cut short at byte {offset:,}: the last row lacks its newline")


def _check_words(file: VectorFile, rows: _Rows) -> None:
    """Refuse words that are empty or hold forbidden bytes, which is what numbers look like after a wrong header."""
    text, strict = rows.text.tobytes(), file.reading.errors == "strict"
    forbidden = _NOT_IN_WORDS if strict else _NEVER_IN_WORDS
    if (rows.lengths.all() or not strict) and len(text) == len(text.translate(None, forbidden)):
        return
    start = 0
    for length, offset in zip(rows.lengths.tolist(), rows.words_at.tolist(), strict=True):
        word, start = text[start : start + length], start + length
        wrong = [byte for byte in word if byte in forbidden]
        if wrong:
            hint = _HINT if wrong[0] in _NEVER_IN_WORDS else f"{_HINT}. {BAD_WORD_HINT}"
            raise file.wrong(f", byte {offset:,}: the word holds the byte {wrong[0]}", hint)
        if strict and not word:
            raise file.wrong(f", byte {offset:,}: the word is empty", f"{_HINT}. {BAD_WORD_HINT}")


def _fill(file: VectorFile, rows: _Rows, matrix: np.ndarray) -> None:
    """Copy the numbers of a chunk into their rows of the matrix, float32 (V, D)."""
    if not len(rows.numbers_at):
        return
    target = matrix[rows.first : rows.first + len(rows.numbers_at)]
    # Numbers may begin at any byte, so view the chunk as overlapping vectors, one from each byte, and pick the rows.
    vector = np.dtype((np.void, 4 * matrix.shape[1]))
    from_each_byte = np.ndarray(len(rows.data) - vector.itemsize + 1, vector, rows.data, strides=(1,))
    target[:] = from_each_byte[rows.numbers_at].view("<f4").reshape(target.shape)
    # A blank as the high byte makes a number of about 1e-19: it may be the end of a word, and the blank after it.
    high_bytes = target.view(np.uint8)[:, 3 : _MOST_REST // 2 : 4]
    suspicious = (high_bytes == _SPACE).any() or file.reading.errors != "strict"
    # Some versions of numpy warn of a NaN here, before the error below names the vector that holds it.
    with np.errstate(invalid="ignore"):
        if not suspicious and target.max() < _LARGE and target.min() > -_LARGE:
            return
        large = ~(np.abs(target).max(axis=1) < _LARGE)
    for row in np.flatnonzero(large | (high_bytes == _SPACE).any(axis=1) | _before_bad_words(rows)).tolist():
        _require_no_blank(file, rows, row, 4 * matrix.shape[1])
    finite = np.isfinite(target)
    if not finite.all():
        wrong = int(np.argmin(finite.all(axis=1)))
        raise file.wrong(f", byte {rows.words_at[wrong]:,}: the vector holds NaN or infinity", _HINT)


def _before_bad_words(rows: _Rows) -> np.ndarray:
    """Return which rows precede a word that is not UTF-8 and may begin with the last numbers of the row, bool (n,)."""
    words, before = join_words([rows.text], [rows.lengths]), np.zeros(len(rows.lengths), bool)
    if words.undecodable() is not None:
        before[:-1] = [_undecodable(words.bytes_of(row)) for row in range(1, len(words))]
    return before


def _undecodable(word: bytes) -> bool:
    return "\ufffd" in word.decode(errors="replace")


def _require_no_blank(file: VectorFile, rows: _Rows, row: int, row_bytes: int) -> None:
    """Refuse a row whose numbers are more plausible if the word continues after a blank.

    gensim writes such words, and nothing in the file tells where they end.
    """
    start = int(rows.numbers_at[row])
    word_start = start - 1 - int(rows.lengths[row])
    for blank in re.finditer(b" ", rows.data[start : start + _MOST_REST]):
        word, numbers = rows.data[word_start : start + blank.start()], rows.data[start + blank.end() :][:row_bytes]
        if _is_word(word) and len(numbers) == row_bytes and _are_plausible(numbers):
            raise file.wrong(
                f", byte {rows.offset + word_start:,}: the word {word.decode()} seems to hold a blank", _HINT
            )


def _is_word(word: bytes) -> bool:
    try:
        return word.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _are_plausible(numbers: bytes) -> bool:
    """Tell whether bytes are numbers of the size that vectors hold, and not letters."""
    sizes = np.abs(np.frombuffer(numbers, "<f4"))
    with np.errstate(invalid="ignore"):
        return bool((sizes < _LARGE).all() and (sizes[sizes > 0] > _SMALL).all())


def write_binary(file: IO[bytes], words: Sequence[str], matrix: np.ndarray) -> None:
    """Write word2vec's binary format, with a newline after each row as word2vec.c does.

    Raises
    ------
    ModelFileError
        If a word is longer than `read_binary` accepts.
    """
    file.write(b"%d %d\n" % matrix.shape)
    write_rows(file, words, matrix)


def write_rows(file: IO[bytes], words: Sequence[str], matrix: np.ndarray) -> None:
    """Write the words and numbers of word2vec's binary format, without its first line."""
    numbers = matrix.astype("<f4", copy=False)
    for word, row in zip(words, numbers, strict=True):
        encoded = word.encode()
        if len(encoded) > _MOST_WORD_BYTES:
            raise ModelFileError(f"binary cannot hold a word of {len(encoded):,} bytes", hint="is it a word?")
        file.write(encoded + b" " + row.tobytes() + b"\n")
