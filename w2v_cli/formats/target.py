"""Check, before vectors are written, that no file is lost except the one that the user named.

A format that holds only numbers needs a second file for the words, whose name the user did not give. An existing file
of that name is replaced only if it is the word list of the named file.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from w2v_cli.choices import WITH_WORDS
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.export import words_path
from w2v_cli.formats.folder import FolderFormat
from w2v_cli.formats.model2vec import MODEL2VEC
from w2v_cli.formats.projector import PROJECTOR
from w2v_cli.storage import remote
from w2v_cli.storage.atomic import check_writable
from w2v_cli.storage.mapped import open_regular
from w2v_cli.storage.opening import Readable, decompressed
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.pairs import undo_interrupted
from w2v_cli.storage.siblings import naming
from w2v_cli.storage.urls import is_url, local_path

FOLDERS: dict[str, FolderFormat] = {"projector": PROJECTOR, "model2vec": MODEL2VEC}
_CHUNK_BYTES = 1 << 20
# How `numpy.save` begins an array of float32 or float16 (V, D).
_NPY_HEAD = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f[24]', 'fortran_order': False, 'shape': \(([0-9]+), [0-9]+\), \}", re.DOTALL
)
_NPY_HEAD_BYTES = 128
# The bytes that occur in a .tsv file of numbers.
_NUMBERS = b"0123456789+-.einfa\t\n"


def check_target(path: str | os.PathLike[str], kind: str, source: str | None = None) -> None:
    """Make sure that vectors can be written to `path`, and that this destroys no other file.

    Parameters
    ----------
    kind : the format, as `target_format` returns it.
    source : the file that the vectors come from, or None.

    Raises
    ------
    ConfigError
        If the source would be overwritten.
    ModelFileError
        If a file cannot be written there, or if the word list would replace some other kind of file.
    """
    name = local_path(os.fspath(path))
    if kind in FOLDERS:
        FOLDERS[kind].check(name, source)
        return
    outputs = [Named(name, "the output")]
    if kind in WITH_WORDS:
        outputs.append(Named(words_path(name), f"the words of {name}"))
    require_apart(outputs, [] if source is None else [Named(source, "the input")])
    for output in outputs:
        check_writable(output.path)
    if kind in WITH_WORDS:
        # If a writer of the pair was killed, the numbers may still be set aside; put them back, or the words would not
        # be recognised as theirs.
        undo_interrupted(name, words_path(name))
        if _is_there(words_path(name)) and not _owns_words(name, words_path(name), kind):
            raise ModelFileError(
                f"{words_path(name)}, where the words of {name} would go, already exists and is not their word list",
                hint="remove or rename it, or give the output another name",
            )


def _owns_words(numbers: str, words: str, kind: str) -> bool:
    """Tell whether a file is the word list of the numbers next to it: one word per line, and one line per row."""
    # A link may lead anywhere, not just to a file next to the numbers.
    if not is_url(words) and not stat.S_ISREG(os.lstat(words).st_mode):
        return False
    try:
        with _open(numbers) as number_file, _open(words) as word_file:
            if kind == "npy":
                head = _NPY_HEAD.match(number_file.read(_NPY_HEAD_BYTES))
                return head is not None and _lines(word_file, _is_words, int(head[1])) == int(head[1])
            rows = _lines(word_file, _is_words)
            return rows is not None and _lines(number_file, _is_numbers, rows) == rows
    except Exception:  # the numbers do not exist, or a file is damaged, for which each kind of packing has own errors
        return False


def _is_there(path: str) -> bool:
    """Tell whether there is something of this name, if only a link that leads nowhere."""
    if not is_url(path):
        return os.path.lexists(path)
    with naming(path):
        return remote.exists(path)


@contextmanager
def _open(path: str) -> Iterator[Readable]:
    with open_regular(path) as file:
        yield decompressed(path, file)


def _lines(file: Readable, is_ours: Callable[[bytes], bool], most: float = math.inf) -> int | None:
    """Count the lines of a file, but stop after `most`; None if it holds bytes that are never written there."""
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
