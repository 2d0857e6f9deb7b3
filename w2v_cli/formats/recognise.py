"""Which file formats there are, and which one a file has: by its name, or by looking at how it begins.

Nothing is read here but the first line. What is certainly no vectors, a pickle or a web page, is refused by name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from w2v_cli.choices import READABLE
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.storage.mapped import open_regular
from w2v_cli.storage.opening import OPENERS
from w2v_cli.storage.words import Words

_SUFFIXES = {
    ".safetensors": "safetensors",
    ".txt": "text",
    ".vec": "text",
    ".bin": "binary",
    ".glove": "glove",
    ".tsv": "tsv",
    ".npy": "npy",
}
_GZIP = b"\x1f\x8b"
_LOOK_BYTES = 1 << 12
_HEADER_BYTES = 64
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# deflate cannot shrink anything by more than this.
_MOST_INFLATION = 1032

HEADER = re.compile(rb"([0-9]+)[ \t]([0-9]+)[ \t]*\r?\n")
# Formats that others write, and that are taken for vectors by mistake.
_NO_VECTORS = (
    (re.compile(rb"\x80[\x02-\x05]"), "is a Python pickle, which can run any code when it is read", "gensim"),
    (re.compile(rb"\s*<(!doctype|html|\?xml|head)", re.IGNORECASE), "is a web page, not vectors", "page"),
    (re.compile(rb"\x93NUMPY"), "is a numpy array, which holds no words", "words"),
    (re.compile(rb"PK\x03\x04"), "is a zip archive", "unpack"),
    (re.compile(rb"\xba\x16\x4f\x2f"), "is a fastText model, not word2vec's binary format", "vec"),
)
_ROW_OF_NUMBERS = re.compile(rb"[-+]?[0-9]+\.?[0-9]*(e[-+]?[0-9]+)?\t")
_CURES = {
    "gensim": "write it in a format that holds data only: vectors.save_word2vec_format('vectors.bin', binary=True)",
    "page": "did a download fail? Look at the file, and download it again",
    "words": "give a format that holds words and vectors: safetensors, word2vec's or GloVe",
    "unpack": "unpack it and give the file that is in it",
    "vec": "fastText writes the words' vectors as text too, in the .vec file beside it",
}


class VectorFile:
    """A file of vectors, open for reading from its start, unpacked if it is gzip.

    Attributes
    ----------
    name : as it was given · format : one of READABLE · read : of the unpacked bytes.
    raw : the file as it is on disk · status : what the system says of it · packed : it is gzip.
    most_bytes : no more than this can come out of it.

    Raises
    ------
    ModelFileError
        If it cannot be read, or is nothing that holds vectors.
    ConfigError
        If `format` is none that can be read.
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
            self._stream = self._rewound()
            self.format = format or self._recognised(self.read(_LOOK_BYTES))
            self._stream = self._rewound()
        except OSError as error:
            self.close()
            raise self.wrong(f"cannot be read: {error.strerror or error}") from error
        except BaseException:
            self.close()
            raise

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end only."""
        try:
            pieces, missing = [self._stream.read(size)], size
            while pieces[-1] and (missing := missing - len(pieces[-1])):
                pieces.append(self._stream.read(missing))
        except (EOFError, OSError, ValueError) as error:
            raise self.wrong(f"is damaged or cut short: {error}", "copy or download it again") from error
        except Exception as error:  # isal has errors of its own
            if self.packed:
                raise self.wrong(f"is damaged: {error}", "copy or download it again") from error
            raise
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._done += len(data)
        return data

    def read_header(self, least_row_bytes: Callable[[int], int]) -> tuple[int, int, bytes]:
        """V and D of the first line, believed only if so much can be in the file; and what was read after it.

        Parameters
        ----------
        least_row_bytes : of a D, the fewest bytes that a word and its vector take.
        """
        head = self.read(_HEADER_BYTES).removeprefix(BYTE_ORDER_MARK)
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
                f", line 1: {words:,} words of {dim:,} dimensions take {least:,} bytes at least, and the file"
                f" cannot have more than {self.most_bytes:,}: it is cut short, or the line is wrong"
            )
        return words, dim, head[header.end() :]

    def tell(self) -> int:
        """Unpacked bytes read so far."""
        return self._done

    def wrong(self, what: str, hint: str | None = None) -> ModelFileError:
        """The error that says what is wrong with this file."""
        return ModelFileError(f"{self.name} {what}" if what[0] != "," else self.name + what, hint=hint)

    def close(self) -> None:
        """Close the file."""
        self.raw.close()

    def __enter__(self) -> VectorFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _rewound(self) -> Any:
        self.raw.seek(0)
        self._done = 0
        return OPENERS[".gz"](self.raw) if self.packed else self.raw

    def _recognised(self, head: bytes) -> str:
        """The format of a file that begins like this."""
        by_name = format_of_name(self.name)
        # Eight bytes of a length below 2³², then JSON.
        if by_name == "safetensors" or head[4:9] == b"\0\0\0\0{":
            return "safetensors"
        head = head.removeprefix(BYTE_ORDER_MARK)
        for pattern, what, cure in _NO_VECTORS:
            if pattern.match(head):
                raise self.wrong(what, _CURES[cure])
        if not head:
            raise self.wrong("is empty")
        if by_name == "tsv" and _ROW_OF_NUMBERS.match(head):
            raise self.wrong("has no words: TensorBoard's projector keeps them in another file", _CURES["words"])
        header = HEADER.match(head)
        if by_name == "binary" or (header and by_name != "text" and _looks_binary(head[header.end() :], header)):
            return "binary"
        if header and by_name != "glove":
            return "text"
        if re.match(rb"[^ \t\n]+[ \t]+[-+.0-9]", head) or by_name in ("text", "glove"):
            return "glove"
        raise self.wrong("is in no format that is known here", f"the formats are {', '.join(READABLE)}: see --format")


def _looks_binary(rest: bytes, header: re.Match[bytes]) -> bool:
    """Whether what follows the header is a word and then float32 numbers, not digits."""
    _, space, numbers = rest.partition(b" ")
    numbers = numbers[: 4 * int(header[2][:9])]
    return bool(space) and numbers.translate(None, b"0123456789+-.eE \t\r\nnaifNAIF") != b""


def words_of(file: VectorFile, text: np.ndarray, lengths: np.ndarray, place: Callable[[int], str]) -> Words:
    """Words that were read from a file, every one UTF-8 and distinct.

    Parameters
    ----------
    text : uint8, the words one after the other · lengths : int64 (V,), of each in bytes.
    place : says of a row where in the file it is.

    Raises
    ------
    ModelFileError
        If a word is not UTF-8, or is repeated.
    """
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    words = Words(text, offsets)
    undecodable = words.undecodable()
    if undecodable is not None:
        raise file.wrong(f", {place(undecodable)}: the word is not UTF-8")
    repeated = words.repeated()
    if repeated is not None:
        first, second = map(place, repeated)
        raise file.wrong(f", {second}: the word {words[repeated[1]]} was there before, {first}")
    return words


def format_of_name(path: str | os.PathLike[str]) -> str | None:
    """The format that a file's suffix stands for, whether or not .gz follows; None if it stands for none."""
    name = os.fspath(path).lower().removesuffix(".gz")
    return _SUFFIXES.get(os.path.splitext(name)[1])
