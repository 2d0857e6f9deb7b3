"""Write a folder for TensorBoard's Embedding Projector: vectors, labels, and the file that names both.

The standalone projector takes `vectors.tsv` and `words.tsv`; TensorBoard finds them by `projector_config.pbtxt`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.storage.atomic import atomic_files, check_writable
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.pairs import undo_interrupted
from w2v_cli.storage.siblings import HIDDEN
from w2v_cli.storage.urls import is_url

# TensorBoard shows no more words.
MOST_WORDS = 100_000

_CONFIG = """\
embeddings {
  tensor_name: "word vectors"
  tensor_path: "vectors.tsv"
  metadata_path: "words.tsv"
}
"""
# The file that says whose folder this is comes first: it is the main one for `atomic_files`.
_NAMES = ("projector_config.pbtxt", "vectors.tsv", "words.tsv")
# What ends a field or a line for TensorBoard, or a line for Python's `splitlines`.
_ENDS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


def projector_paths(folder: str | os.PathLike[str]) -> list[str]:
    """Return the paths of the three files in a folder for the projector."""
    return [os.path.join(folder, name) for name in _NAMES]


def check_folder(folder: str | os.PathLike[str], source: str | None = None) -> None:
    """Make sure that a folder for the projector can be written, and that this destroys no other file.

    Parameters
    ----------
    folder : a folder that does not exist, is empty, or was written by `write_projector`.
    source : the file that the vectors come from, or None.

    Raises
    ------
    ConfigError
        If the source would be overwritten.
    ModelFileError
        If the folder holds other files, or cannot be written.
    """
    name, paths = os.fspath(folder), projector_paths(folder)
    if is_url(name):
        raise ModelFileError(f"{name} is not a folder of this machine", hint="write the folder here, and copy it there")
    outputs = [Named(path, "a file for the projector") for path in paths]
    require_apart(outputs, [] if source is None else [Named(source, "the input")])
    if not os.path.lexists(folder):
        check_writable(name.rstrip(os.sep) or name)
        return
    if not os.path.isdir(folder):
        raise ModelFileError(f"{name} is a file, but the projector takes a folder", hint="name a new folder")
    _require_own(folder)
    for path in paths:
        check_writable(path)


def write_projector(folder: str | os.PathLike[str], vectors: WordVectors) -> list[str]:
    """Write a folder for the projector; it is either written completely or not at all.

    A tab or a line end in a word is written as \\uXXXX. If counts are known they are a second column of `words.tsv`,
    which then begins with a line of names: the projector expects one where there is more than one column.

    Parameters
    ----------
    folder : made if it does not exist; see `check_folder`.

    Returns
    -------
    The paths of the files.

    Raises
    ------
    ModelFileError
        If the folder holds other files, or a file cannot be written. Older files then stay as they were.
    """
    # Imported here because it needs numba, which most conversions do not.
    from w2v_cli.formats.text import write_numbers

    paths = projector_paths(folder)
    with _folder(folder), atomic_files(*paths) as (config, numbers, words):
        config.write(_CONFIG.encode())
        write_numbers(numbers, vectors.matrix, "\t")
        _write_words(words, vectors.words, None if vectors.counts is None else vectors.counts.tolist())
    return paths


@contextlib.contextmanager
def _folder(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Make a folder, and remove it again if the block fails."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        check_folder(folder)
        yield
        return
    except OSError as error:
        raise ModelFileError(
            f"cannot make the folder {os.fspath(folder)}: {error.strerror or error}", hint="name another place"
        ) from error
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        raise


def _require_own(folder: str | os.PathLike[str]) -> None:
    """Raise an error if a folder holds anything that `write_projector` did not put there."""
    name, hint = os.fspath(folder), "name a new or an empty folder"
    try:
        with os.scandir(folder) as entries:
            own = {entry.name for entry in entries if entry.is_file(follow_symlinks=False)}
        hidden = {entry for entry in own if entry.startswith(HIDDEN)}
        others = sorted(set(os.listdir(folder)) - hidden - (own & set(_NAMES)))
        if others:
            more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
            raise ModelFileError(f"{name} holds other files: {others[0]}{more}", hint)
        if hidden:
            # If a writer was killed, the configuration may still be set aside.
            undo_interrupted(*projector_paths(folder))
        config = Path(folder, _NAMES[0])
        if own - hidden and not (config.is_file() and config.read_bytes() == _CONFIG.encode()):
            raise ModelFileError(f"{name} holds files that w2v did not write", hint)
    except OSError as error:
        raise ModelFileError(f"cannot read the folder {name}: {error.strerror or error}", hint) from error


def _write_words(file: IO[bytes], words: Sequence[str], counts: Sequence[int] | None) -> None:
    """Write a label per line, with its count if that is known."""
    labels = (_ENDS.sub(lambda match: f"\\u{ord(match[0]):04x}", word) for word in words)
    if counts is None:
        lines = (f"{label}\n" for label in labels)
    else:
        file.write(b"Word\tCount\n")
        lines = (f"{label}\t{count}\n" for label, count in zip(labels, counts, strict=True))
    file.write("".join(lines).encode())
