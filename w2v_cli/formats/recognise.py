"""The file formats of vectors, and how to tell which of them a file has: by its name and its first bytes.

Files that certainly hold no vectors, such as a pickle or a web page, are refused with an error that says what they are.
"""

from __future__ import annotations

import os
import re
import shlex
from itertools import takewhile

from w2v_cli.choices import READABLE
from w2v_cli.errors import ModelFileError, PickleError
from w2v_cli.storage.opening import suffix_of, without_packing
from w2v_cli.storage.signatures import kind_of
from w2v_cli.storage.urls import without_query

_SUFFIXES = {
    ".safetensors": "safetensors",
    ".txt": "text",
    ".vec": "text",
    ".bin": "binary",
    ".glove": "glove",
    ".ftz": "fasttext",
    ".floret": "floret",
    ".tsv": "tsv",
    ".npy": "npy",
}
# fastText's models begin with a number. floret's tables begin with eight fields, and rows with their numbers.
_FASTTEXT = b"\xba\x16\x4f\x2f"
_FLORET = re.compile(rb"(?:[0-9]+ ){6}\S+ \S+\r?\n[0-9]+ ")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The first line of word2vec's text and binary files: the numbers of words and of dimensions.
HEADER = re.compile(rb"[ \t]*([0-9]+)[ \t]+([0-9]+)[ \t]*\r?\n")

_NEEDS_WORDS = "use a format that holds words and vectors: safetensors, word2vec's or GloVe's"
_AS_TEXT = "write the vectors as word2vec's text with the program that made it"
_GENSIM = (
    "write the vectors in a pure data format: vectors.save_word2vec_format('vectors.bin', binary=True); a model of"
    " gensim has them as model.wv"
)
_UNPACK = "unpack it and use the file inside"
# What people pass by mistake: what is said of it, if that is not "is KIND, not vectors", and a hint.
_NOT_VECTORS = {
    "a Git LFS pointer": (None, "git lfs pull downloads the file"),
    "a numpy array": ("is a numpy array, which holds no words", _NEEDS_WORDS),
    "a zip archive": (None, _UNPACK),
    "a 7z archive": (None, _UNPACK),
    "a RAR archive": (None, _UNPACK),
    "a tar archive": (None, f"{_UNPACK}: tar -xf FILE"),
    "a finalfusion file": (
        "is a finalfusion file",
        "finalfusion convert -f finalfusion -t text MODEL vectors.txt writes text",
    ),
    "an HDF5 file": (
        "is an HDF5 file",
        "read it with h5py or the program that made it, and write the vectors as word2vec's text",
    ),
    "an SQLite database": (
        "is an SQLite database, such as a .magnitude file",
        "pymagnitude reads it; write the words and vectors as word2vec's text",
    ),
    "a Parquet file": (None, _AS_TEXT),
    "an Arrow file": (None, _AS_TEXT),
    "a GGUF file of a language model": (None, "it has no word vectors of this kind"),
}
_OTHER = "name a file of vectors"
# Formats of text: how they begin, what they are, and a hint.
_TEXTS = (
    (
        re.compile(rb"\s*<(!doctype|html|\?xml|head)", re.IGNORECASE),
        "is a web page, not vectors",
        "a download may have failed: look at the file, and download it again",
    ),
    (
        re.compile(rb"\{\"event\": \"start\", \"run\": "),
        "is the log of a run, not vectors",
        "w2v log FILE shows it, and w2v plot FILE -o loss.svg draws it",
    ),
    (re.compile(rb"\s*[\[{]\s*\"[^\"\n]*\"\s*[:,]|\s*\[\s*\["), "is JSON, not vectors", _AS_TEXT),
    (re.compile(rb"\xff\xfe|\xfe\xff"), "is UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 FILE > vectors.txt"),
    (
        re.compile(rb"(?:[0-9]+ [0-9]+\s*\n)?[^ \t\n\0]+(?:[ \t]+[0-9]+:[-+.0-9eE]+)+\s*\n"),
        "holds sparse vectors, with the index of each number",
        "write all D numbers of each word, zeros too, without their indices",
    ),
    (
        re.compile(rb"(?:[0-9]+ [0-9]+\s*\n)?[^ \t\n\0]+[ \t]+\[\s*[-+.0-9]"),
        "holds vectors in brackets, as Python prints them",
        "write a word, a space, and ' '.join(map(str, vector)) on each line",
    ),
    (
        re.compile(rb"[^\n\0]+\r[^\n\0]+\Z"),
        "has lines that end as on old Macs, with a carriage return",
        "convert it: tr '\\r' '\\n' < FILE > vectors.txt",
    ),
)
# This many lines are looked at.
_LINES = 20
_NUMPY_ARCHIVE = "is a numpy archive (.npz), which may hold words as pickles"
_NUMBER = rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_COUNTED = re.compile(rb"[^ \t]+[ \t]+([0-9]+)\r?")
_NUMBERS_ONLY = re.compile(rb"%b(?:[ \t]+%b)*[ \t]*\r?" % (_NUMBER, _NUMBER))
_IS_NUMBER = re.compile(_NUMBER)
_WORD_AND_NUMBER = re.compile(rb"[^ \t\n]+[ \t]+[-+.0-9]")
# A line of CSV: a word, perhaps in quotes, and numbers with decimal points or, between semicolons, with commas.
_CSV = re.compile(rb"(?:\"[^\"\n]*\"|[^\s,;\"]*)(?:(?:,%b)+|(?:;[-+0-9.,eE]+)+)\s*" % _NUMBER)
_CSV_HINT = "w2v reads fields separated by spaces or tabs: tr -d '\"' < {} | tr {} > vectors.txt"


def format_of_name(path: str | os.PathLike[str]) -> str | None:
    """Return the format that a file's suffix stands for, ignoring a final .gz and the like; None if for none."""
    return _SUFFIXES.get(suffix_of(without_packing(without_query(os.fspath(path)))))


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
    if head[4:9] == b"\0\0\0\0{":
        return "safetensors"
    if head.startswith(_FASTTEXT):
        return "fasttext"
    head = head.removeprefix(BYTE_ORDER_MARK)
    if _FLORET.match(head):
        return "floret"
    _require_vectors(name, by_name, head)
    if by_name in ("safetensors", "fasttext", "floret"):
        return by_name
    header = HEADER.match(head)
    if header:
        rest = head[header.end() :]
        if by_name == "binary":
            return "text" if _is_surely_text(rest, int(header[2][:9])) else "binary"
        if by_name == "glove":
            return "glove"
        if _looks_binary(rest, int(header[2][:9])) and (by_name != "text" or _has_nul(rest, int(header[2][:9]))):
            return "binary"
        return "text"
    if by_name == "binary":
        return "glove" if head.count(b"\n") > 1 and _is_surely_text(head, 2) else "binary"
    if by_name in ("text", "glove") or _WORD_AND_NUMBER.match(head):
        return "glove"
    first, second = [*head.split(b"\n", 2), b""][:2]
    if named_columns(first, second) is not None:
        return "glove"
    raise ModelFileError(f"{name} is in no known format", f"the formats are {', '.join(READABLE)}: see --format")


def _require_vectors(name: str, by_name: str | None, head: bytes) -> None:
    """Raise an error that says what a file is if it certainly holds no words with vectors."""
    kind = kind_of(head, name)
    if kind == "a zip archive" and name.lower().endswith(".npz"):
        raise ModelFileError(f"{name} {_NUMPY_ARCHIVE}", _NEEDS_WORDS)
    refuse_pickle(name, head)
    if kind is not None:
        what, hint = _NOT_VECTORS.get(kind, (None, _OTHER))
        raise ModelFileError(f"{name} {what or f'is {kind}, not vectors'}", hint)
    for pattern, what, hint in _TEXTS:
        if pattern.match(head):
            raise ModelFileError(f"{name} {what}", hint)
    if not head:
        raise ModelFileError(f"{name} is empty")
    lines = head.split(b"\n", _LINES)
    # The last piece is an incomplete line, or lies beyond the lines that are looked at.
    complete = lines[:-1] or lines
    if by_name == "tsv" and all(map(_NUMBERS_ONLY.fullmatch, complete)):
        raise ModelFileError(f"{name} has no words: TensorBoard's projector keeps them in another file", _NEEDS_WORDS)
    if len(complete) > 1 and by_name != "binary":
        # The first line may hold the names of columns, so the second one decides.
        row = _CSV.fullmatch(complete[1])
        if row:
            semicolons = b";" in complete[1]
            raise ModelFileError(
                f"{name} is CSV: its fields are separated by {'semicolons' if semicolons else 'commas'}",
                _CSV_HINT.format(shlex.quote(name), "';,' ' .'" if semicolons else "',' ' '"),
            )
        if not HEADER.match(head) and _are_counts(complete):
            raise ModelFileError(
                f"{name} is a list of words and their counts, not vectors",
                "name the vectors; --format glove takes the counts for vectors of one dimension",
            )


def refuse_pickle(name: str, head: bytes) -> None:
    """Raise a PickleError if a file is a Python pickle, by its first bytes."""
    if kind_of(head, name) == "a Python pickle":
        raise PickleError(f"{name} is a Python pickle, which can run any code when it is read", _GENSIM)


def _are_counts(lines: list[bytes]) -> bool:
    """Tell whether lines are words with whole numbers that never rise, as w2v vocab and GloVe write a vocabulary."""
    matches = [_COUNTED.fullmatch(line) for line in lines]
    counts = [int(match[1][:18]) for match in matches if match]
    return len(counts) == len(lines) and counts == sorted(counts, reverse=True) and counts[-1] > 0


def named_columns(first: bytes, second: bytes) -> int | None:
    """Return D if the first line names the columns of the lines that follow, as R's write.table and pandas write it.

    The names are no numbers, and there is one for each number, and perhaps one for the word. pandas counts the numbers
    instead, after an empty name for the word.
    """
    if first.startswith((b"\t0\t1", b" 0 1")):
        names = first.split()
        counted = names == [b"%d" % number for number in range(len(names))]
        return len(names) if counted and len(second.split()) == len(names) + 1 else None
    # Lines may be long, and most have a number in the second place.
    if any(map(_IS_NUMBER.fullmatch, first.split(None, 2)[1:2])):
        return None
    names, fields = first.split(), second.split()
    if len(names) < 2 or len(fields) < 3 or any(map(_IS_NUMBER.fullmatch, names)):
        return None
    numbers = len(list(takewhile(_IS_NUMBER.fullmatch, reversed(fields[1:]))))
    return numbers if numbers in (len(names), len(names) - 1) else None


def _looks_binary(rest: bytes, dim: int) -> bool:
    """Tell whether a word and then raw float32 numbers, rather than D decimal numbers, follow the header."""
    _, space, numbers = rest.partition(b" ")
    if not space:
        return False
    line, newline, _ = rest.partition(b"\n")
    if newline and _is_row(line, dim):
        return False
    return numbers[: 4 * dim].translate(None, b"0123456789+-.eE \t\r\nnaifNAIF") != b""


def _is_row(line: bytes, dim: int) -> bool:
    """Tell whether a line is a word and D decimal numbers."""
    fields = line.split()
    return len(fields) > dim and all(map(_IS_NUMBER.fullmatch, fields[-dim:]))


def _is_surely_text(rest: bytes, dim: int) -> bool:
    """Tell whether complete lines of a word and D decimal numbers follow the header, and nothing else.

    A single number may be four bytes of any kind, so D must be larger.
    """
    lines = rest.split(b"\n", _LINES)[:-1]
    return dim > 1 and bool(lines) and all(_is_row(line, dim) for line in lines)


def _has_nul(rest: bytes, dim: int) -> bool:
    """Tell whether the first vector holds a zero byte, which no text does."""
    return b"\0" in rest.partition(b" ")[2][: 4 * dim]
