"""The file formats of vectors, and how to tell which of them a file has: by its name and its first bytes.

Files that certainly hold no vectors, such as a pickle or a web page, are refused with an error that says what they are.
"""

from __future__ import annotations

import os
import re

from w2v_cli.choices import READABLE
from w2v_cli.errors import ModelFileError

_SUFFIXES = {
    ".safetensors": "safetensors",
    ".txt": "text",
    ".vec": "text",
    ".bin": "binary",
    ".glove": "glove",
    ".tsv": "tsv",
    ".npy": "npy",
}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The first line of word2vec's text and binary files: the numbers of words and of dimensions.
HEADER = re.compile(rb"([0-9]+)[ \t]([0-9]+)[ \t]*\r?\n")

_NEEDS_WORDS = "use a format that holds words and vectors: safetensors, word2vec's or GloVe's"
# What people pass by mistake: how it begins, what it is, and a hint.
_NOT_VECTORS = (
    (
        re.compile(rb"\x80[\x02-\x05]"),
        "is a Python pickle, which can run any code when it is read",
        "write the vectors in a pure data format: vectors.save_word2vec_format('vectors.bin', binary=True)",
    ),
    (
        re.compile(rb"\s*<(!doctype|html|\?xml|head)", re.IGNORECASE),
        "is a web page, not vectors",
        "a download may have failed: look at the file, and download it again",
    ),
    (re.compile(rb"\x93NUMPY"), "is a numpy array, which holds no words", _NEEDS_WORDS),
    (re.compile(rb"PK\x03\x04"), "is a zip archive", "unpack it and use the file inside"),
    (
        re.compile(rb"\xba\x16\x4f\x2f"),
        "is a fastText model, not word2vec's binary format",
        "fastText also writes the words' vectors as text: use the .vec file next to it",
    ),
)
_ROW_OF_NUMBERS = re.compile(rb"[-+]?[0-9]+\.?[0-9]*(e[-+]?[0-9]+)?\t")
_WORD_AND_NUMBER = re.compile(rb"[^ \t\n]+[ \t]+[-+.0-9]")


def format_of_name(path: str | os.PathLike[str]) -> str | None:
    """Return the format that a file's suffix stands for, ignoring a final .gz; None if it stands for none."""
    name = os.fspath(path).lower().removesuffix(".gz")
    return _SUFFIXES.get(os.path.splitext(name)[1])


def recognise(name: str, head: bytes) -> str:
    """Return the format of a file, one of READABLE.

    Parameters
    ----------
    name : the name of the file.
    head : the first bytes of its contents, decompressed; a few thousand are enough.

    Raises
    ------
    ModelFileError
        If the file is empty, has no words, or is in no readable format.
    """
    by_name = format_of_name(name)
    # safetensors: the header's length in eight bytes, the upper four of them zero, and then JSON.
    if by_name == "safetensors" or head[4:9] == b"\0\0\0\0{":
        return "safetensors"
    head = head.removeprefix(BYTE_ORDER_MARK)
    for pattern, what, hint in _NOT_VECTORS:
        if pattern.match(head):
            raise ModelFileError(f"{name} {what}", hint)
    if not head:
        raise ModelFileError(f"{name} is empty")
    if by_name == "tsv" and _ROW_OF_NUMBERS.match(head):
        raise ModelFileError(f"{name} has no words: TensorBoard's projector keeps them in another file", _NEEDS_WORDS)
    header = HEADER.match(head)
    if by_name == "binary" or (header and by_name != "text" and _looks_binary(head[header.end() :], header)):
        return "binary"
    if header and by_name != "glove":
        return "text"
    if by_name in ("text", "glove") or _WORD_AND_NUMBER.match(head):
        return "glove"
    raise ModelFileError(f"{name} is in no known format", f"the formats are {', '.join(READABLE)}: see --format")


def _looks_binary(rest: bytes, header: re.Match[bytes]) -> bool:
    """Tell whether a word and then raw float32 numbers, rather than digits, follow the header."""
    _, space, numbers = rest.partition(b" ")
    numbers = numbers[: 4 * int(header[2][:9])]
    return bool(space) and numbers.translate(None, b"0123456789+-.eE \t\r\nnaifNAIF") != b""
