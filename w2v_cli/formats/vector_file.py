"""An open file of vectors: decompressed, its format recognised, its header checked before memory is reserved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from w2v_cli.choices import READABLE
from w2v_cli.compute.threads import in_order
from w2v_cli.config import available_cores
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.recognise import BYTE_ORDER_MARK, HEADER, recognise
from w2v_cli.storage.mapped import open_regular
from w2v_cli.storage.opening import OPENERS, Readable
from w2v_cli.storage.words import Words

# Small enough that a chunk is still in the processor's cache when it is parsed.
CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
# How much of a file is looked at to recognise its format.
_HEAD_BYTES = 1 << 12
# More than the longest first line "V D" takes.
_HEADER_BYTES = 64
# No deflate stream expands by more than this factor.
_MOST_INFLATION = 1032

Task = TypeVar("Task")
Result = TypeVar("Result")


class VectorFile:
    """A file of vectors, open for reading; the contents of a gzip file are decompressed.

    Attributes
    ----------
    name : the path as it was given · format : one of READABLE.
    raw : the file as it is on disk · status : the result of `os.fstat` · packed : whether it is a gzip file.
    most_bytes : an upper bound on the size of its contents, in bytes.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or does not hold vectors.
    ConfigError
        If `format` is not one of READABLE.
    """

    def __init__(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        self.name = os.fspath(path)
        if format is not None and format not in READABLE:
            raise ConfigError(f"{format} cannot be read", hint=f"these formats can: {', '.join(READABLE)}")
        self.raw = open_regular(path)
        try:
            self.status = os.fstat(self.raw.fileno())
            self.packed = self.raw.read(len(_GZIP)) == _GZIP
            self.most_bytes = self.status.st_size * (_MOST_INFLATION if self.packed else 1)
            self._rewind()
            head = self.read(_HEAD_BYTES)
            self.format = format or recognise(self.name, head)
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
        try:
            pieces, missing = [self._stream.read(size)], size
            while pieces[-1] and (missing := missing - len(pieces[-1])):
                pieces.append(self._stream.read(missing))
        except (EOFError, OSError, ValueError) as error:
            raise self.wrong(f"is damaged or cut short: {error}", "copy or download it again") from error
        except Exception as error:  # isal raises exceptions of its own
            if self.packed:
                raise self.wrong(f"is damaged: {error}", "copy or download it again") from error
            raise
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._offset += len(data)
        return data

    def read_header(self, least_row_bytes: Callable[[int], int]) -> tuple[int, int, bytes]:
        """Read the first line, and believe its V and D only if the file is large enough for them.

        Parameters
        ----------
        least_row_bytes : maps D to the fewest bytes that a word and its vector take.

        Returns
        -------
        V, D, and the bytes that were read after the first line.
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
        least = words * least_row_bytes(dim)
        if least > self.most_bytes:
            raise self.wrong(
                f", line 1: {words:,} words of {dim:,} dimensions take at least {least:,} bytes, but the file"
                f" has at most {self.most_bytes:,}: it is cut short, or the line is wrong"
            )
        return words, dim, head[header.end() :]

    def tell(self) -> int:
        """Return how many bytes of the contents have been read."""
        return self._offset

    def wrong(self, what: str, hint: str | None = None) -> ModelFileError:
        """Return the error that says what is wrong with this file; `what` may begin with a comma and a location."""
        return ModelFileError(f"{self.name} {what}" if what[0] != "," else self.name + what, hint=hint)

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
        self._stream: Readable = OPENERS[".gz"](self.raw) if self.packed else self.raw


def on_all_cores(work: Callable[[Task], Result], tasks: Iterator[Task]) -> Iterator[Result]:
    """Apply `work` to the tasks in a pool of threads, and yield the results in order."""
    threads = available_cores()
    with ThreadPoolExecutor(threads) as pool:
        for _, result in in_order(pool, threads, work, tasks):
            yield result


def join_words(
    file: VectorFile, texts: Iterable[np.ndarray], lengths: Iterable[np.ndarray], location: Callable[[int], str]
) -> Words:
    """Join the words that were read chunk by chunk, and check that they are UTF-8 and distinct.

    Parameters
    ----------
    texts : for each chunk, its words without separators, uint8.
    lengths : for each chunk, how many bytes each of its words has, int64.
    location : maps a row to its location in the file, for error messages.

    Raises
    ------
    ModelFileError
        If a word is not UTF-8, or is repeated.
    """
    words = Words(np.concatenate([*texts]), np.concatenate([[0], *lengths]).cumsum())
    undecodable = words.undecodable()
    if undecodable is not None:
        raise file.wrong(f", {location(undecodable)}: the word is not UTF-8")
    repeated = words.repeated()
    if repeated is not None:
        first, second = map(location, repeated)
        raise file.wrong(f", {second}: the word {words[repeated[1]]} was there before, {first}")
    return words
