"""Before vectors are written: nothing but the file that is named may be lost.

Formats that hold numbers only have a second file, the list of words, whose name the user did not give. It is replaced
only where it is the list of words of the file that is named.
"""

from __future__ import annotations

import gzip
import math
import os
import re
import stat
import zlib
from collections.abc import Callable
from typing import IO, Any

from w2v_cli.choices import WITH_WORDS
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.export import words_path
from w2v_cli.storage.atomic import check_writable
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.pairs import undo_interrupted

_CHUNK_BYTES = 1 << 20
# How `numpy.save` begins our arrays, float32 or float16 (V, D), and the bytes of the numbers in a .tsv.
_NPY_HEAD = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f[24]', 'fortran_order': False, 'shape': \(([0-9]+), [0-9]+\), \}", re.DOTALL
)
_NPY_HEAD_BYTES = 128
_NUMBERS = b"0123456789+-.einfa\t\n"


def check_target(path: str | os.PathLike[str], kind: str, source: str | None = None) -> None:
    """Make sure that vectors can be written to `path`, and that this destroys no other file.

    Parameters
    ----------
    kind : the format, from `target_format`.
    source : the file that the vectors come from, or None.

    Raises
    ------
    ConfigError
        If the source would be overwritten.
    ModelFileError
        If a file cannot be written there, or the list of words would replace a file that is something else.
    """
    name = os.fspath(path)
    outputs = [Named(name, "the output")]
    if kind in WITH_WORDS:
        outputs.append(Named(words_path(name), f"the words of {name}"))
    require_apart(outputs, [] if source is None else [Named(source, "the input")])
    for output in outputs:
        check_writable(output.path)
    if kind in WITH_WORDS:
        # Otherwise the words of a pair whose writer was killed, and whose numbers are aside, would seem to be no list.
        undo_interrupted(name, words_path(name))
        if os.path.lexists(words_path(name)) and not _owns_words(name, words_path(name), kind):
            raise ModelFileError(
                f"{words_path(name)}, where the words of {name} would go, is there already and is not a list of them",
                hint="remove or rename it, or give the output another name",
            )


def _owns_words(numbers: str, words: str, kind: str) -> bool:
    """Whether a list of words belongs to the numbers beside it: a word on each line, and a line for each row."""
    # A link leads to a file that does not lie beside the numbers.
    if not stat.S_ISREG(os.lstat(words).st_mode):
        return False
    opened: Callable[..., Any] = gzip.open if numbers.lower().endswith(".gz") else open
    try:
        with opened(numbers, "rb") as number_file, opened(words, "rb") as word_file:
            if kind == "npy":
                head = _NPY_HEAD.match(number_file.read(_NPY_HEAD_BYTES))
                return head is not None and _lines(word_file, _is_words, int(head[1])) == int(head[1])
            rows = _lines(word_file, _is_words)
            return rows is not None and _lines(number_file, _is_numbers, rows) == rows
    except (OSError, EOFError, zlib.error):  # the numbers are not there, or one of the two is damaged
        return False


def _lines(file: IO[bytes], is_ours: Callable[[bytes], bool], most: float = math.inf) -> int | None:
    """Count the lines of a file, until there are more than `most`; None if it holds what we never write there."""
    lines, last = 0, b"\n"
    while lines <= most and (chunk := file.read(_CHUNK_BYTES)):
        if not is_ours(chunk):
            return None
        lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    return lines if last == b"\n" else None


def _is_words(chunk: bytes) -> bool:
    return b"\t" not in chunk and b"\r" not in chunk


def _is_numbers(chunk: bytes) -> bool:
    return not chunk.translate(None, _NUMBERS)
