"""word2vec's binary files, read and written.

A line "V D", then for each word its bytes, a space, D float32 little-endian, and a newline from word2vec.c, none from
gensim. What a file claims is checked before memory is taken for it. Nothing is compiled here: loading compiled code
takes longer than a loop over a million words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, NamedTuple

import numpy as np

from w2v_cli.compute.threads import in_order
from w2v_cli.config import available_cores
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.recognise import VectorFile, words_of

# Small enough that what is read is still in the processor's cache when it is used.
_BLOCK_BYTES = 1 << 20
# No word is as long as this; without an end a file would be read again and again.
_MOST_WORD_BYTES = 1 << 20
# word2vec.c writes none of these in a word, and few numbers are without them.
_NOT_IN_WORDS = b"\0\t\n\v\f\r"
_NEWLINE = ord("\n")
_HINT = "are the numbers of its first line right? Is it binary? See --format"


class _Block(NamedTuple):
    """Rows that are whole in a part of a file.

    data : the part · first : the row that is its first · text : uint8, the words one after the other.
    lengths : int64, of each word · starts : int64, where in the part its numbers begin · size : bytes of the rows.
    newlines : how many rows have a newline before them.
    """

    data: bytes
    first: int
    text: np.ndarray
    lengths: np.ndarray
    starts: np.ndarray
    size: int
    newlines: int


def read_binary(file: VectorFile) -> WordVectors:
    """Read word2vec's binary format; rows with and without a newline after them.

    Raises
    ------
    ModelFileError
        If it is cut short or goes on after the last row, or a word is empty, not UTF-8 or repeated, or a number is
        NaN or infinite; if the header does not tell the truth.
    """
    count, dim, head = file.read_header(least_row_bytes=lambda dim: 2 + 4 * dim)
    # Of a gzip file that lies these are addresses, not memory: no page is there before it is written.
    matrix = np.empty((count, dim), "<f4")
    threads = available_cores()
    texts, lengths, places = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()

    def fill(task: tuple[_Block, np.ndarray]) -> None:
        _fill(file, *task, matrix)

    with ThreadPoolExecutor(threads) as pool:
        for (block, block_places), _ in in_order(pool, threads, fill, _blocks(file, head, count, dim)):
            texts.append(block.text)
            lengths.append(block.lengths)
            places.append(block_places)
    where = np.concatenate(places)
    words = words_of(file, np.concatenate(texts), np.concatenate(lengths), lambda row: f"byte {where[row]:,}")
    return WordVectors(words, matrix.astype(np.float32, copy=False))


def _blocks(file: VectorFile, rest: bytes, count: int, dim: int) -> Iterator[tuple[_Block, np.ndarray]]:
    """All rows, block after block, and where in the file their words begin, int64; the words are looked at.

    `rest` is what was read after the first line.
    """
    row, place, newlines = 0, file.tell() - len(rest), 0
    rows = _row_pattern(4 * dim)
    while row < count:
        more = file.read(max(_BLOCK_BYTES, 4 * dim))
        block = _scanned(rows, rest + more, row, count - row, 4 * dim)
        words = block.starts - block.lengths - 1
        _check_words(file, block, place + words)
        yield block, place + words
        newlines += block.newlines
        row, place, rest = row + len(words), place + block.size, block.data[block.size :]
        # Not yet whole, a row may lack its last byte, and have a newline before its word and a space behind it.
        if row < count and len(rest) > _MOST_WORD_BYTES + 4 * dim + 1:
            raise file.wrong(f", byte {place:,}: no word ends here", _HINT)
        if row < count and not more:
            raise file.wrong(
                f"is cut short at byte {place + len(rest):,}, in word {row + 1:,} of the {count:,}"
                " that its first line promises",
                _HINT,
            )
    rest += file.read(2)
    if rest not in (b"", b"\n"):
        raise file.wrong(f"goes on at byte {place:,}, after the {count:,} words of its first line", _HINT)
    if newlines and not rest:
        raise file.wrong(f"is cut short at byte {place:,}: the last row lacks its newline")


def _row_pattern(row_bytes: int) -> re.Pattern[bytes]:
    """A row, with its word and the newline before it as the group; or else everything, for no row is whole there."""
    return re.compile(rb"([^ ]*) (?:.{%d})|.+" % row_bytes, re.DOTALL)


def _scanned(rows: re.Pattern[bytes], data: bytes, first: int, most: int, row_bytes: int) -> _Block:
    """The rows that are whole in a part of a file; `first` is the row that it begins with."""
    words = rows.findall(data)[:most]
    ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 1 + row_bytes)
    # What is no row has no word, and fewer bytes than that would be.
    if len(words) and (ends[-1] > len(data) or data[ends[-1] - row_bytes - 1] != ord(" ")):
        words, ends = words[:-1], ends[:-1]
    text = np.frombuffer(b"".join(words), np.uint8)
    lengths = np.diff(ends, prepend=0) - 1 - row_bytes
    begins = np.cumsum(lengths) - lengths
    after_newline = np.zeros(len(words), bool)
    some = lengths > 0
    after_newline[some] = text[begins[some]] == _NEWLINE
    if first == 0:
        after_newline[:1] = False
    newlines = int(np.count_nonzero(after_newline))
    if newlines:
        text = np.delete(text, begins[after_newline])
    size = int(ends[-1]) if len(ends) else 0
    return _Block(data, first, text, lengths - after_newline, ends - row_bytes, size, newlines)


def _check_words(file: VectorFile, block: _Block, places: np.ndarray) -> None:
    """Refuse what a wrong header makes of numbers: words that are none."""
    text = block.text.tobytes()
    if block.lengths.all() and len(text) == len(text.translate(None, _NOT_IN_WORDS)):
        return
    at = 0
    for length, place in zip(block.lengths.tolist(), places.tolist(), strict=True):
        word, at = text[at : at + length], at + length
        wrong = [byte for byte in word if byte in _NOT_IN_WORDS]
        if wrong or not word:
            what = f"the word holds the byte {wrong[0]}" if wrong else "the word is empty"
            raise file.wrong(f", byte {place:,}: {what}", _HINT)


def _fill(file: VectorFile, block: _Block, places: np.ndarray, matrix: np.ndarray) -> None:
    """Put the numbers of a block into their rows of float32 (V, D).

    A row begins at any byte, not only at multiples of four.
    """
    if not len(block.starts):
        return
    rows = matrix[block.first : block.first + len(block.starts)]
    row = np.dtype((np.void, 4 * matrix.shape[1]))
    every = np.ndarray(len(block.data) - row.itemsize + 1, row, block.data, strides=(1,))
    rows[:] = every[block.starts].view("<f4").reshape(rows.shape)
    finite = np.isfinite(rows)
    if not finite.all():
        wrong = int(np.argmin(finite.all(axis=1)))
        raise file.wrong(f", byte {places[wrong]:,}: the vector holds NaN or infinity", _HINT)


def write_binary(file: IO[bytes], words: Sequence[str], matrix: np.ndarray) -> None:
    """Write word2vec's binary format as word2vec.c does, a newline after every row.

    Raises
    ------
    ModelFileError
        If a word is longer than `read_binary` takes.
    """
    file.write(b"%d %d\n" % matrix.shape)
    numbers = matrix.astype("<f4", copy=False)
    for word, row in zip(words, numbers, strict=True):
        encoded = word.encode()
        if len(encoded) > _MOST_WORD_BYTES:
            raise ModelFileError(f"binary cannot hold a word of {len(encoded):,} bytes", hint="is it a word?")
        file.write(encoded + b" " + row.tobytes() + b"\n")
