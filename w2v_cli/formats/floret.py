"""Read and write floret's text: a table of rows that parts of words share, and how words find their rows.

The first line is "buckets D min max hashes seed < >"; then comes a line for each row: its number and D numbers. There
are no words in such a file.
"""

from __future__ import annotations

import re
from typing import IO

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.contents import SUBWORD_VECTORS, SUBWORDS, Contents, subword_table
from w2v_cli.formats.text import read_numbered, write_text
from w2v_cli.formats.vector_file import VectorFile
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable

_HEADER = re.compile(rb"([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,3}) ([0-9]{1,3}) ([0-9]) ([0-9]+) (\S+) (\S+)\r?\n")
_HEADER_BYTES = 200
# floret's seed and marks, which its commands cannot change.
_SEED, _MARKS = b"2166136261", (b"<", b">")


def read_floret(file: VectorFile) -> Contents:
    """Read a table of floret; the model has no words, but composes a vector for any.

    Raises
    ------
    ModelFileError
        If the first line is not floret's or has another seed or other marks, or if a line is not a row.
    """
    head = file.read(_HEADER_BYTES)
    header = _HEADER.match(head)
    if header is None:
        raise file.wrong(", line 1: expected floret's eight fields, as in “50000 300 4 5 2 2166136261 < >”")
    buckets, dim, shortest, longest, hashes = (int(header[i]) for i in range(1, 6))
    if header[6] != _SEED or (header[7], header[8]) != _MARKS:
        raise file.wrong(", line 1: has another seed or other marks than floret writes", "w2v reads 2166136261 < >")
    try:
        subwords = Subwords("floret", shortest, longest, buckets, hashes)
    except ConfigError as error:
        raise file.wrong(f", line 1: {error.message}", error.hint) from error
    table = read_numbered(file, buckets, dim, head[header.end() :])
    tables, metadata = {SUBWORD_VECTORS: table}, {SUBWORDS: subwords.as_json()}
    parts = subword_table(tables, metadata, 0, dim)
    return Contents(WordVectors(Words.of([]), np.empty((0, dim), np.float32), None, parts), tables, metadata)


def require_floret(parts: SubwordTable | None) -> SubwordTable:
    """Return the parts of a model that floret's text can hold.

    Raises
    ------
    ModelFileError
        If there are none.
    """
    if parts is None or parts.subwords.kind != "floret":
        what = "has no parts of words" if parts is None else "hashes parts of words as fastText does"
        raise ModelFileError(f"floret's text cannot hold this model: it {what}", hint="train with --subwords floret")
    return parts


def write_floret(file: IO[bytes], parts: SubwordTable) -> None:
    """Write floret's text, which floret and spaCy read."""
    s = parts.subwords
    fields = (s.buckets, parts.vectors.shape[1], s.min_ngram, s.max_ngram, s.hashes)
    file.write(" ".join(map(str, fields)).encode() + b" " + b" ".join((_SEED, *_MARKS)) + b"\n")
    write_text(file, Words.of([str(row) for row in range(s.buckets)]), parts.vectors, header=False)
