"""Write a folder for TensorBoard's Embedding Projector: vectors, labels, and the file that names both.

The standalone projector takes `vectors.tsv` and `words.tsv`; TensorBoard finds them by `projector_config.pbtxt`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import IO

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.formats.folder import FolderFormat

# TensorBoard shows no more words.
MOST_WORDS = 100_000

_CONFIG = """\
embeddings {
  tensor_name: "word vectors"
  tensor_path: "vectors.tsv"
  metadata_path: "words.tsv"
}
"""
PROJECTOR = FolderFormat("the projector", ("projector_config.pbtxt", "vectors.tsv", "words.tsv"), _CONFIG.encode())
# What ends a field or a line for TensorBoard, or a line for Python's `splitlines`.
_ENDS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


def write_projector(folder: str | os.PathLike[str], vectors: WordVectors) -> list[str]:
    """Write a folder for the projector; it is either written completely or not at all.

    A tab or a line end in a word is written as \\uXXXX. If counts are known they are a second column of `words.tsv`,
    which then begins with a line of names: the projector expects one where there is more than one column.

    Parameters
    ----------
    folder : made if it does not exist; see `FolderFormat.check`.

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

    with PROJECTOR.writing(folder) as (numbers, words):
        write_numbers(numbers, vectors.matrix, "\t")
        _write_words(words, vectors.words, None if vectors.counts is None else vectors.counts.tolist())
    return PROJECTOR.paths(folder)


def labels(words: Sequence[str]) -> list[str]:
    """Return words as labels, one per line: what would end a field or a line becomes \\uXXXX."""
    return [_ENDS.sub(lambda match: f"\\u{ord(match[0]):04x}", word) for word in words]


def _write_words(file: IO[bytes], words: Sequence[str], counts: Sequence[int] | None) -> None:
    """Write a label per line, with its count if that is known."""
    if counts is None:
        lines = (f"{label}\n" for label in labels(words))
    else:
        file.write(b"Word\tCount\n")
        lines = (f"{label}\t{count}\n" for label, count in zip(labels(words), counts, strict=True))
    file.write("".join(lines).encode())
