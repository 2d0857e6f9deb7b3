"""Chunks of a text that are cut between tokens, so that each can be tokenised on its own."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from typing import IO, Protocol

from w2v_cli.errors import CorpusError
from w2v_cli.storage.opening import Readable

# A longer token is no word: the file is of another kind, and would grow in memory until the next white space.
MOST_TOKEN_BYTES = 1 << 26
# How the modules begin whose decompressors raise exceptions of their own.
_DECOMPRESSORS = ("compression", "backports", "isal", "igzip_lib")


class Digest(Protocol):
    """What is updated with a text: an object of hashlib, or a `Checksum`."""

    def update(self, data: bytes, /) -> None: ...


class FirstBytes:
    """A file object that ends after so many bytes from where `raw` is.

    Parameters
    ----------
    raw : a file that is open for reading.
    """

    def __init__(self, raw: IO[bytes], size: int) -> None:
        self._raw, self._left = raw, size

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most so many; none at the end."""
        data = self._raw.read(min(size, self._left))
        self._left -= len(data)
        return data


def blocks_of(text: Readable, name: str, size: int, digest: Digest) -> Iterator[bytes]:
    """Read a text in blocks of `size` bytes, which may end anywhere.

    Parameters
    ----------
    text : decompressed.
    name : what the text is called in an error message.
    digest : updated with every byte.

    Raises
    ------
    CorpusError
        If the text cannot be read or decompressed.
    """
    while data := _read(text, name, size):
        digest.update(data)
        yield data


def chunks_of(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Turn the blocks of a text into chunks that end after white space, or at the end of the text.

    Parameters
    ----------
    blocks : none is empty; a token that is longer than a block makes a longer chunk.
    name : what the text is called in an error message.

    Raises
    ------
    CorpusError
        If the text has a token of more than `MOST_TOKEN_BYTES`.
    """
    unfinished: list[bytes] = []
    unfinished_bytes = 0
    for data in blocks:
        cut = _last_cut(data)
        if cut > 0:
            yield b"".join([*unfinished, data[:cut]])
            unfinished, unfinished_bytes = [], 0
        unfinished.append(data[cut:])
        unfinished_bytes += len(data) - cut
        if unfinished_bytes > MOST_TOKEN_BYTES:
            raise CorpusError(
                f"{name} has a word of more than {MOST_TOKEN_BYTES >> 20} MiB",
                hint="is it a text? words are separated by white space",
            )
    if any(unfinished):
        yield b"".join(unfinished)


def _read(text: Readable, name: str, size: int) -> bytes:
    """Return the next bytes of a text, none at its end."""
    try:
        return text.read(size)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        plain = isinstance(error, gzip.BadGzipFile) and "Not a gzipped file" in str(error)
        hint = "if it is plain text, give it a name without .gz" if plain else "is the file complete?"
        raise CorpusError(f"{name} cannot be read: {error}", hint=hint) from error
    except Exception as error:
        if type(error).__module__.split(".")[0] not in _DECOMPRESSORS:
            raise
        raise CorpusError(f"{name} cannot be decompressed: {error}", hint="is the file complete?") from error


def _last_cut(data: bytes) -> int:
    """Return the offset behind the last white space, or 0 if there is none."""
    if data[-1:].isspace():
        return len(data)
    # Nearly always there is white space near the end, and the rest need not be looked at.
    for width in (1 << 10, len(data)):
        tail = data[-width:]
        # The last part is the token that the data end in. If it is all of the tail, there was no white space.
        last = tail.rsplit(None, 1)[-1]
        if len(last) < len(tail):
            return len(data) - len(last)
    return 0
