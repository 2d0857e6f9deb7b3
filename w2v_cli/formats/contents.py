"""What a file of vectors may hold beside the words and their vectors: further tables, and how the model was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from w2v_cli.embeddings.computed import Computed
from w2v_cli.embeddings.matrix import Matrix
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable

# The rows of words and of their parts, (R, D); and for a pruned table which buckets it still has, int32.
SUBWORD_VECTORS, KEPT_BUCKETS = "subword_vectors", "kept_buckets"
# The vectors of the nodes of fastText's own Huffman tree, float32 (V, D); its last row has no meaning.
FASTTEXT_NODES = "fasttext_nodes"
# In the metadata: how words are cut into parts, and what a file of fastText says beside its tables, both as JSON.
SUBWORDS, FASTTEXT = "subwords", "fasttext"


class Tables(Mapping[str, np.ndarray]):
    """The tables of a model by name.

    One that is stored as float16 or int8 becomes float32 when it is first asked for; until then, only the rows that are
    used are read.

    Parameters
    ----------
    tables : arrays, or matrices; or another `Tables`, whose matrices are shared.
    """

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self._tables: dict[str, np.ndarray | Matrix] = tables._tables if isinstance(tables, Tables) else {**tables}

    def __getitem__(self, name: str) -> np.ndarray:
        table = self._tables[name]
        return table.matrix if isinstance(table, Matrix) else table

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    # That of `Mapping` would compute the table.
    def __contains__(self, name: object) -> bool:
        return name in self._tables

    def __repr__(self) -> str:
        return f"<Tables: {', '.join(self._tables)}>"

    def held(self, name: str) -> np.ndarray | Computed:
        """Return a table as it is in memory: an array, or what computes its rows."""
        table = self._tables[name]
        return table.held if isinstance(table, Matrix) else table


@dataclass(frozen=True)
class Contents:
    """The contents of a file.

    Attributes
    ----------
    vectors : words, vectors and counts.
    tables : all further tables by name · metadata : how the model was made, as text.
    """

    vectors: WordVectors
    tables: dict[str, np.ndarray] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


def subword_table(
    tables: Mapping[str, np.ndarray], metadata: Mapping[str, str], words: int, dim: int
) -> SubwordTable | None:
    """Return the rows of parts of words among the tables of a model, or None if it has none.

    Parameters
    ----------
    words, dim : how many words the model has, and the length of its vectors.

    Raises
    ------
    ConfigError
        If the metadata do not say how words are cut into parts, or the table does not fit what they say.
    """
    if SUBWORD_VECTORS not in tables:
        return None
    subwords = Subwords.from_json(metadata.get(SUBWORDS, ""))
    table = SubwordTable(subwords, tables[SUBWORD_VECTORS], words, tables.get(KEPT_BUCKETS))
    fault = table.fault()
    if table.vectors.shape[1] != dim:
        fault = f"has {table.vectors.shape[1]} numbers for each part of a word instead of {dim}"
    if fault is not None:
        raise ConfigError(f"the model {fault}")
    return table
