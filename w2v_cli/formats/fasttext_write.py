"""Write fastText's model files (`.bin`, version 12), as its own programs and gensim read them.

Reference: fastText: fasttext.cc, dictionary.cc, densematrix.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import IO

import numpy as np

from w2v_cli.embeddings.matrix import first_not_finite
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.contents import FASTTEXT_NODES, KEPT_BUCKETS, SUBWORD_VECTORS, SUBWORDS, subword_table
from w2v_cli.formats.fasttext_fields import options_of, packed
from w2v_cli.formats.vector_file import CHUNK_BYTES
from w2v_cli.subwords.options import Subwords

_AFTER_WORD = struct.Struct("<qb")
_SHAPE = struct.Struct("<2q")


def fasttext_writer(
    words: Sequence[str], vectors: WordVectors, tables: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a model of fastText; without a table of parts of words, one without n-grams.

    If the counts are unknown, each word gets one more than the next. If there are no output vectors, they are zero.

    Parameters
    ----------
    words : the words as the file has them · tables, metadata : those of the model.

    Raises
    ------
    ModelFileError
        If fastText's files cannot hold the model, a table holds NaN or infinity, or vectors of words with parts were
        changed.
    """
    _require_fasttext(tables, metadata)
    for table_name, table in tables.items():
        row = first_not_finite(table) if table.ndim == 2 else None
        if row is not None:
            raise ModelFileError(
                f"row {row} of {table_name} holds NaN or infinity", hint="the model has diverged or was changed"
            )
    parts = subword_table(tables, metadata, len(vectors), vectors.dim)
    # A matrix that is writeable has been handed out, and its user may have changed it.
    if parts is not None and vectors.matrix.flags.writeable:
        changed = (parts.vocabulary_vectors(vectors.words) != vectors.matrix).any(axis=1)
        if changed.any():
            raise ModelFileError(
                f"the vector of {vectors.words[int(changed.argmax())]} was changed, and fastText would compose the old"
                " one of the parts of the word",
                hint="safetensors and the text formats hold it",
            )
    counts = np.arange(len(words), 0, -1) if vectors.counts is None else vectors.counts
    tokens = metadata.get("corpus_tokens", "")
    known_tokens = int(tokens) if tokens.isdecimal() else int(counts.sum())
    options = options_of(metadata, None if parts is None else parts.subwords, known_tokens)
    outputs = tables.get("output_vectors", tables.get(FASTTEXT_NODES))

    def write(file: IO[bytes]) -> None:
        file.write(packed(options, vectors.dim, len(words)))
        for word, count in zip(words, counts.tolist(), strict=True):
            file.write(word.encode() + b"\0" + _AFTER_WORD.pack(count, 0))
        _write_table(file, vectors.matrix if parts is None else parts.vectors)
        _write_table(file, np.zeros((len(words), 1), np.float32) if outputs is None else outputs, vectors.dim)

    return write


def _require_fasttext(tables: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Refuse models that fastText's files cannot hold.

    Raises
    ------
    ModelFileError
        If the table of parts is floret's or pruned.
    """
    if KEPT_BUCKETS in tables:
        raise ModelFileError(
            "fastText's .bin cannot hold a table of which buckets were pruned",
            hint="keep it as safetensors, or write the words alone: --top N",
        )
    if SUBWORD_VECTORS in tables and Subwords.from_json(metadata.get(SUBWORDS, "")).kind != "fasttext":
        raise ModelFileError(
            "the model's parts of words are hashed as in floret, and fastText could not find them",
            hint="--format floret writes what floret and spaCy read",
        )


def _write_table(file: IO[bytes], table: np.ndarray, dim: int | None = None) -> None:
    """Write a dense table; a single column stands for `dim` equal ones."""
    dim = table.shape[1] if dim is None else dim
    file.write(b"\0" + _SHAPE.pack(len(table), dim))
    rows = max(1, CHUNK_BYTES // (4 * dim))
    for first in range(0, len(table), rows):
        chunk = table[first : first + rows]
        file.write(np.ascontiguousarray(np.broadcast_to(chunk, (len(chunk), dim)), "<f4").data)
