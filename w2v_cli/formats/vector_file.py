"""An open file of vectors: decompressed, its format recognised, its header checked before memory is reserved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from w2v_cli.compute.threads import in_order
from w2v_cli.config import available_cores
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import CutShortError, ModelFileError
from w2v_cli.formats.reading import DEFAULT_READING, ReadOptions
from w2v_cli.formats.recognise import BYTE_ORDER_MARK, HEADER, recognise, refuse_pickle
from w2v_cli.storage.mapped import open_regular
from w2v_cli.storage.opening import OPENERS, Readable
from w2v_cli.storage.signatures import packing_of
from w2v_cli.storage.words import Words

# Small enough that a chunk is still in the processor's cache when it is parsed.
CHUNK_BYTES = 1 << 20
# How much of a file is looked at to recognise its format.
_HEAD_BYTES = 1 << 12
# More than the longest first line "V D" takes.
_HEADER_BYTES = 64
# No file expands by more than these factors: deflate codes 258 bytes with two bits, bzip2 a run of 46 MB in one block,
# xz 273 bytes with a third of a bit, and zstandard 128 KiB with three bytes.
_MOST_EXPANSION = {".gz": 1032, ".bz2": 1 << 21, ".xz": 1 << 13, ".zst": 1 << 16}
LENIENT_HINT = "--lenient loads what is there"
# This many rows are moved at a time when others are dropped.
_ROWS_MOVED = 1 << 12
# White space that a word may begin with only if it is asked for.
BLANKS = b" \t\v\f\r"
BAD_WORD_HINT = "--errors replace keeps such words, --errors ignore leaves out what is wrong with them"

Task = TypeVar("Task")
Result = TypeVar("Result")


class VectorFile:
    """A file of vectors, open for reading; its contents are decompressed.

    Attributes
    ----------
    name : the path as it was given · format : one of READABLE · reading : how it is to be read.
    raw : the file as it is on disk · status : the result of `os.fstat` · packed : whether it is compressed.
    most_bytes : an upper bound on the size of its contents, in bytes.
    remarks : what the user should know about the file although it could be read, one sentence each.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or does not hold vectors.
    """

    def __init__(self, path: str | os.PathLike[str], reading: ReadOptions = DEFAULT_READING) -> None:
        self.name, self.reading = os.fspath(path), reading
        self.remarks: list[str] = []
        self.raw = open_regular(path)
        try:
            self.status = os.fstat(self.raw.fileno())
            # By the contents, because files of vectors are often renamed.
            self._packing = packing_of(self.raw.read(_HEAD_BYTES))
            self.packed = self._packing is not None
            self.most_bytes = self.status.st_size * _MOST_EXPANSION.get(self._packing or "", 1)
            self._rewind()
            head = self.read(_HEAD_BYTES)
            # Files of other formats may begin with a length of 640, which looks like a pickle.
            if reading.format in ("text", "glove", "binary"):
                refuse_pickle(self.name, head)
            self.format = reading.format or recognise(self.name, head)
            reading.require_support(self.name, self.format)
            self._rewind()
            if self.format != "safetensors" and head.startswith(BYTE_ORDER_MARK):
                self.read(len(BYTE_ORDER_MARK))
        except OSError as error:
            self.close()
            raise self.wrong(f"cannot be read: {error.strerror or error}") from error
        except BaseException:
            self.close()
            raise

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes of the contents; fewer only at the end."""
        pieces, missing = [b""], size
        try:
            pieces[0] = self._stream.read(size)
            while pieces[-1] and (missing := missing - len(pieces[-1])):
                pieces.append(self._stream.read(missing))
        except EOFError as error:
            if not self.reading.lenient:
                hint = "copy or download it again; --lenient loads the beginning"
                raise self.cut_short(f"is damaged or cut short: {error}", hint) from error
            self.remark("is cut short: only its beginning was loaded")
        except (OSError, ValueError) as error:
            raise self.wrong(f"is damaged or cut short: {error}", "copy or download it again") from error
        except Exception as error:  # most kinds of packing raise exceptions of their own
            if self.packed:
                raise self.wrong(f"is damaged: {error}", "copy or download it again") from error
            raise
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._offset += len(data)
        return data

    def read_header(self, least_row_bytes: Callable[[int], int], counted: bool = False) -> tuple[int, int, bytes]:
        """Read the first line, and believe its V and D only if the file is large enough for them.

        Parameters
        ----------
        least_row_bytes : maps D to the fewest bytes that a word and its vector take.
        counted : whether the caller counts the words itself, so that V may be too large.

        Returns
        -------
        V, but at most the limit of the options of reading; D; and the bytes that were read after the first line.
        """
        head = self.read(_HEADER_BYTES)
        header = HEADER.match(head)
        if header is None:
            raise self.wrong(
                ', line 1: expected the numbers of words and of dimensions, as in "71291 100"', "see --format"
            )
        words, dim = int(header[1]), int(header[2])
        if words == 0 or dim == 0:
            raise self.wrong(f"holds no vectors: its first line says {words} words of {dim} dimensions")
        if self.reading.limit is not None:
            words = min(words, self.reading.limit)
        least = words * least_row_bytes(dim)
        if least > self.most_bytes and not (counted and least_row_bytes(dim) <= self.most_bytes):
            raise self.cut_short(
                f", line 1: {words:,} words of {dim:,} dimensions take at least {least:,} bytes, but the file"
                f" has at most {self.most_bytes:,}: it is cut short, or the line is wrong",
                LENIENT_HINT,
            )
        return words, dim, head[header.end() :]

    def tell(self) -> int:
        """Return how many bytes of the contents have been read."""
        return self._offset

    def wrong(self, what: str, hint: str | None = None) -> ModelFileError:
        """Return the error that says what is wrong with this file; `what` may begin with a comma and a location."""
        return ModelFileError(f"{self.name} {what}" if what[0] != "," else self.name + what, hint=hint)

    def cut_short(self, what: str, hint: str | None = None) -> CutShortError:
        """Return the error that says that this file ends too early."""
        return CutShortError(self.wrong(what).message, hint)

    def remark(self, what: str) -> None:
        """Note what the user should know about this file; `what` is as for `wrong`."""
        self.remarks.append(self.wrong(what).message)

    def close(self) -> None:
        """Close the file."""
        self.raw.close()

    def __enter__(self) -> VectorFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _rewind(self) -> None:
        self.raw.seek(0)
        self._offset = 0
        self._stream: Readable = OPENERS[self._packing](self.raw) if self._packing else self.raw


def on_all_cores(work: Callable[[Task], Result], tasks: Iterator[Task]) -> Iterator[Result]:
    """Apply `work` to the tasks in a pool of threads, and yield the results in order."""
    threads = available_cores()
    with ThreadPoolExecutor(threads) as pool:
        for _, result in in_order(pool, threads, work, tasks):
            yield result


def join_words(texts: Iterable[np.ndarray], lengths: Iterable[np.ndarray]) -> Words:
    """Join the words that were read chunk by chunk.

    Parameters
    ----------
    texts : for each chunk, its words without separators, uint8.
    lengths : for each chunk, how many bytes each of its words has, int64.
    """
    return Words(np.concatenate([np.empty(0, np.uint8), *texts]), np.concatenate([[0], *lengths]).cumsum())


def checked_vectors(file: VectorFile, words: Words, matrix: np.ndarray, location: Callable[[int], str]) -> WordVectors:
    """Return words and vectors after treating bad and repeated words as the options of reading say.

    Parameters
    ----------
    matrix : float32 (V, D), which may be changed.
    location : maps a row to its location in the file, for messages.

    Raises
    ------
    ModelFileError
        If a word is not UTF-8 or is repeated and the options do not allow that, or if no word is left.
    """
    words, kept = kept_words(file, words, location)
    if kept is None:
        return WordVectors(words, matrix)
    for start in range(0, len(kept), _ROWS_MOVED):
        rows = kept[start : start + _ROWS_MOVED]
        matrix[start : start + len(rows)] = matrix[rows]
    return WordVectors(words, matrix[: len(kept)])


def kept_words(file: VectorFile, words: Words, location: Callable[[int], str]) -> tuple[Words, np.ndarray | None]:
    """Treat bad and repeated words as the options of reading say.

    Parameters
    ----------
    location : maps a row to its location in the file, for messages.

    Returns
    -------
    The words that are left, and which of the given ones they are, int64; None if no word was dropped.

    Raises
    ------
    ModelFileError
        If a word is not UTF-8 or is repeated and the options do not allow that, or if no word is left.
    """
    if not len(words):
        raise file.wrong("holds no vectors")
    words = _repaired(file, words, location)
    dropped = np.flatnonzero(np.diff(words.offsets) == 0)
    if len(dropped):
        where = location(int(dropped[0]))
        file.remark(f", {where}: the word is empty; {_counted(len(dropped), 'such vector')} left out")
    repeats = [pair for pair in words.repeats() if words.bytes_of(pair[1])]
    if repeats:
        first, second = map(location, repeats[0])
        what = f", {second}: the word {words[repeats[0][1]]} was there before, {first}"
        if file.reading.repeats == "error":
            raise file.wrong(what, "--repeats first keeps the first vector of each word")
        file.remark(f"{what}; {_counted(len(repeats), 'repeated word')} dropped, the first vector of each word kept")
        dropped = np.union1d(dropped, [later for _, later in repeats])
    if not len(dropped):
        return words, None
    kept = np.delete(np.arange(len(words)), dropped)
    if not len(kept):
        raise file.wrong("holds no vectors: no word is left")
    return words.take(kept), kept


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _repaired(file: VectorFile, words: Words, location: Callable[[int], str]) -> Words:
    """Return the words as UTF-8 and as `errors` allows them; with `ignore`, nothing may be left of a word."""
    errors = file.reading.errors
    if not file.reading.is_utf8:
        words = _recoded(file, words, location)
    undecodable = words.undecodable()
    if undecodable is not None and errors == "strict":
        try:
            words.bytes_of(undecodable).decode()
        except UnicodeDecodeError as error:
            raise file.wrong(f", {location(undecodable)}: the word is not UTF-8", BAD_WORD_HINT) from error
    if undecodable is None and (errors == "strict" or not _any_blank_start(words)):
        return words
    was = [words.bytes_of(word_id) for word_id in range(len(words))]
    repaired = [_repaired_word(word, errors) for word in was]
    changed = [row for row, word in enumerate(was) if repaired[row] and word and word != repaired[row].encode()]
    if changed:
        how = "bad bytes were replaced by U+FFFD" if errors == "replace" else "bad bytes or white space was left out"
        file.remark(f", {location(changed[0])}: {how} in {_counted(len(changed), 'word')}")
    return Words.of(repaired)


def _recoded(file: VectorFile, words: Words, location: Callable[[int], str]) -> Words:
    """Return words in another encoding as UTF-8."""
    encoding, recoded = file.reading.encoding, list[str]()
    for row in range(len(words)):
        try:
            recoded.append(words.bytes_of(row).decode(encoding, file.reading.errors))
        except UnicodeDecodeError as error:
            raise file.wrong(f", {location(row)}: the word is not {encoding}", BAD_WORD_HINT) from error
    return Words.of(recoded)


def _any_blank_start(words: Words) -> bool:
    """Tell whether a word is empty or begins with white space."""
    starts, lengths = words.offsets[:-1], np.diff(words.offsets)
    return bool((lengths == 0).any() or np.isin(words.text[starts], list(BLANKS)).any())


def _repaired_word(word: bytes, errors: str) -> str:
    """Return a word without what `errors` does not allow; possibly empty with `ignore`."""
    if errors == "replace":
        return word.decode(errors="replace") or "\ufffd"
    return word.lstrip(BLANKS).decode(errors="ignore")
