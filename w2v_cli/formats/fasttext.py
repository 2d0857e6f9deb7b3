"""Read fastText's model files: `.bin`, and `.ftz` with quantised vectors.

The fields are followed by the words with their counts, a table of rows for words and for the buckets of n-grams, and a
table of output vectors. What the file says is kept, so that `fasttext_write` can write the same bytes again.

Reference: fastText: fasttext.cc, dictionary.cc, densematrix.cc, quantmatrix.cc, productquantizer.cc.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.contents import FASTTEXT_NODES, KEPT_BUCKETS, SUBWORD_VECTORS, SUBWORDS, Contents, subword_table
from w2v_cli.formats.fasttext_fields import FIELDS, FIRST_FIELDS, HIERARCHICAL_SOFTMAX, MAGIC, Fields, unpacked
from w2v_cli.formats.quantised import read_quantised
from w2v_cli.formats.vector_file import CHUNK_BYTES, VectorFile, join_words, kept_words
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable

# A word in the dictionary: its bytes, which NUL ends, its count (int64) and its type (int8).
# All that is left matches as well if it is no complete entry, so that it is not searched again from each of its bytes.
_ENTRY = re.compile(rb"([^\0]*)\0(.{8})(.)|.+", re.DOTALL)
_AFTER_WORD = struct.Struct("<qb")
_SHAPE = struct.Struct("<2q")
_NUMBER = struct.Struct("<i")
# No word is this long. Without a limit, a file without NUL would be searched again and again.
_MOST_WORD_BYTES = 1 << 20
_MOST_COUNT = 1 << 62
_CUT = "is cut short, or is no model of fastText"


class FieldReader:
    """Reads the parts of a file one after the other, each as a whole."""

    def __init__(self, file: VectorFile) -> None:
        self._file, self._rest = file, b""

    def take(self, size: int) -> bytes:
        """Return the next bytes; raise an error if there are fewer."""
        if len(self._rest) < size:
            self._rest += self._file.read(size - len(self._rest))
        data, self._rest = self._rest[:size], self._rest[size:]
        if len(data) < size:
            raise self.wrong(_CUT)
        return data

    def array(self, dtype: str, *shape: int) -> np.ndarray:
        """Return the next numbers, after checking that the file may have so many."""
        kind = np.dtype(dtype)
        size = kind.itemsize
        for length in shape:
            size *= length
        if min(shape) < 0 or size > self._file.most_bytes:
            raise self.wrong(_CUT)
        numbers = np.empty(size, np.uint8)
        at = 0
        while at < size:
            data = self.take(min(CHUNK_BYTES, size - at))
            numbers[at : at + len(data)] = np.frombuffer(data, np.uint8)
            at += len(data)
        return numbers.view(kind).reshape(shape)

    def words(self, count: int) -> tuple[Words, np.ndarray]:
        """Return so many words and their counts, int64."""
        texts, lengths, counts, found = list[np.ndarray](), list[np.ndarray](), list[np.ndarray](), 0
        if count * (_AFTER_WORD.size + 1) > self._file.most_bytes:
            raise self.wrong(_CUT)
        while found < count:
            data = self._rest + self._file.read(CHUNK_BYTES)
            entries = _ENTRY.findall(data)[: count - found]
            if entries and not entries[-1][2]:
                entries.pop()
            if not entries and (len(data) == len(self._rest) or len(data) > _MOST_WORD_BYTES):
                raise self.wrong(_CUT)
            sizes = np.fromiter((len(word) for word, _, _ in entries), np.int64, len(entries))
            texts.append(np.frombuffer(b"".join(word for word, _, _ in entries), np.uint8))
            lengths.append(sizes)
            counts.append(np.frombuffer(b"".join(number for _, number, _ in entries), "<i8"))
            if any(kind != b"\0" for _, _, kind in entries):
                raise self.wrong("has labels among its words")
            self._rest = data[int(sizes.sum()) + len(entries) * (1 + _AFTER_WORD.size) :]
            found += len(entries)
        return join_words(texts, lengths), np.concatenate([np.empty(0, np.int64), *counts]).astype(np.int64)

    def at_end(self) -> bool:
        """Tell whether nothing follows."""
        return not self._rest and not self._file.read(1)

    def wrong(self, what: str, hint: str | None = None) -> ModelFileError:
        """Return the error that says what is wrong; `what` is a predicate of the model."""
        return self._file.wrong(f"is a fastText model that {what}", hint)


class _Parts(NamedTuple):
    """The parts of a file, in their order.

    subwords : how words are cut into parts; None if they are not.
    words, counts : V words, as bytes that need not be UTF-8, and their counts.
    kept_buckets : the buckets that a pruned model has kept, in the order of their rows; None: all.
    table, outputs : float32 (R, D) and (V, D).
    """

    fields: Fields
    subwords: Subwords | None
    words: Words
    counts: np.ndarray
    kept_buckets: np.ndarray | None
    table: np.ndarray
    outputs: np.ndarray


def read_fasttext(file: VectorFile) -> Contents:
    """Read a model of fastText. The vectors of its words are composed of their rows.

    Raises
    ------
    ModelFileError
        If the file is damaged, of a later version, or classifies texts; or if a word is empty, not UTF-8 or repeated
        and `file.reading` does not allow that.
    """
    reader = FieldReader(file)
    parts = _read_parts(reader)
    # Bad words are repaired after their vectors have been composed, because other bytes have other rows.
    matrix = _composed(reader, parts)
    words, kept = kept_words(file, parts.words, lambda row: f"word {row + 1:,}")
    counts, table, outputs = parts.counts, parts.table, parts.outputs
    if kept is not None:
        matrix, counts, outputs = matrix[kept], counts[kept], outputs[kept]
        if parts.subwords is not None:
            table = np.concatenate((table[: len(parts.words)][kept], table[len(parts.words) :]))
    options = parts.fields.options
    tables = {FASTTEXT_NODES if options.loss == HIERARCHICAL_SOFTMAX else "output_vectors": outputs}
    metadata = options.as_metadata()
    if parts.subwords is not None:
        tables[SUBWORD_VECTORS] = table
        metadata[SUBWORDS] = parts.subwords.as_json()
        if parts.kept_buckets is not None:
            tables[KEPT_BUCKETS] = parts.kept_buckets
    vectors = WordVectors(words, matrix, counts, subword_table(tables, metadata, *matrix.shape))
    return Contents(vectors, tables, metadata)


def _read_parts(reader: FieldReader) -> _Parts:
    """Read the whole file."""
    try:
        start = reader.take(_NUMBER.size)
        is_first = _NUMBER.unpack(start)[0] != MAGIC
        fields = unpacked(start + reader.take((FIRST_FIELDS if is_first else FIELDS).size - len(start)))
        subwords = fields.options.subwords()
    except ConfigError as error:
        raise reader.wrong(error.message, error.hint) from error
    words, counts = reader.words(fields.words)
    if counts.min() < 0 or counts.max() > _MOST_COUNT:
        raise reader.wrong(_CUT)
    kept_buckets = _kept_buckets(reader, fields)
    table, outputs = (_table(reader, fields.dim, is_first) for _ in range(2))
    if not reader.at_end():
        raise reader.wrong("continues after its last table")
    if len(outputs) != len(words):
        raise reader.wrong(f"has {len(outputs):,} output vectors for {len(words):,} words")
    return _Parts(fields, subwords, words, counts, kept_buckets, table, outputs)


def _composed(reader: FieldReader, parts: _Parts) -> np.ndarray:
    """Return the vectors of the words, float32 (V, D)."""
    if parts.subwords is None:
        if len(parts.table) != len(parts.words):
            raise reader.wrong(f"has {len(parts.table):,} rows for {len(parts.words):,} words")
        return parts.table
    table = SubwordTable(parts.subwords, parts.table, len(parts.words), parts.kept_buckets)
    fault = table.fault()
    if fault is not None:
        raise reader.wrong(fault)
    return table.vocabulary_vectors(parts.words)


def _kept_buckets(reader: FieldReader, fields: Fields) -> np.ndarray | None:
    """Return the buckets that a pruned model has kept, in the order of their rows; None if it is not pruned."""
    if fields.pruned < 0:
        return None
    pairs = reader.array("<i4", fields.pruned, 2)
    buckets = pairs[np.argsort(pairs[:, 1], kind="stable")]
    if not np.array_equal(buckets[:, 1], np.arange(len(buckets))):
        raise reader.wrong("has an index of pruned buckets that misses rows")
    return buckets[:, 0].copy()


def _table(reader: FieldReader, dim: int, is_first: bool) -> np.ndarray:
    """Return the next table, float32 (R, D); the first fastText does not say whether it is quantised."""
    if not is_first and reader.take(1) != b"\0":
        return read_quantised(reader, dim)
    rows, columns = _SHAPE.unpack(reader.take(_SHAPE.size))
    if columns != dim:
        raise reader.wrong(f"has a table of {columns} numbers a row, for {dim} dimensions")
    return reader.array("<f4", rows, columns).astype(np.float32, copy=False)
