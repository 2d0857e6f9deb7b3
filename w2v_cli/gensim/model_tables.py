"""The tables of a model with gensim's names: made, added to, and handed over to runs of the library and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from w2v_cli.corpus.vocabulary import Joined, Vocabulary
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.gensim.saved_model import SavedModel
from w2v_cli.gensim.spelling import as_words
from w2v_cli.storage.words import Words
from w2v_cli.subwords.lengths import subwords_of
from w2v_cli.subwords.table import SubwordTable
from w2v_cli.training.fresh import fresh_parameters
from w2v_cli.training.origin import IN_MEMORY, Origin


class ModelTables(SavedModel):
    """The vectors of the words, and what they are scored against; the attributes are those of `Word2Vec`."""

    vector_size: int
    layer1_size: int
    hs: int
    negative: int
    # numpy arrays; they exist only if the model has them, as in gensim.
    syn1neg: np.ndarray
    syn1: np.ndarray
    # The counts of the words that have vectors while others join them.
    _earlier_counts: np.ndarray

    def prepare_weights(self, update: bool = False) -> None:
        """Give the words that were chosen their vectors: new ones to all of them, or to those that are new."""
        if update:
            self.update_weights()
        else:
            self.init_weights()

    def init_weights(self) -> None:
        """Give every word of the model a new vector."""
        self._add_rows(None, np.zeros(0, np.int32))

    def update_weights(self) -> None:
        """Give new words of the model a vector; the others keep theirs.

        Raises
        ------
        RuntimeError
            If there are no others.
        """
        if not len(self.wv.vectors):
            raise RuntimeError("there is no vocabulary to update: first build one from a corpus")
        old = self._origin_of(self.wv.index_to_key[: len(self.wv.vectors)], self._earlier_counts)
        self._add_rows(old, np.arange(len(self.wv.vectors), dtype=np.int32))

    def _add_rows(self, origin: Origin | None, known: np.ndarray) -> None:
        """Make tables for all words; the first ones have the rows `known` of a model."""
        if not len(self.wv):
            self.wv.vectors = np.zeros((0, self.vector_size), np.float32)
            return
        config, counts = self.config(epochs=1), self._counts()
        rows = np.full(len(counts), -1, np.int32)
        rows[: len(known)] = known
        joined = Joined(rows, counts, counts)
        vocabulary = Vocabulary(as_words(self.wv.index_to_key), counts, joined)
        objective, parameters = fresh_parameters(config, vocabulary, subwords_of(config))
        if origin is not None:
            origin.fill(parameters, joined, objective)
        self.adopt(parameters.tensors())
        if self.negative and self.hs:
            before = getattr(self, "syn1neg", np.zeros((0, self.vector_size), np.float32))[: len(known)]
            self.syn1neg = np.zeros((len(counts), self.vector_size), np.float32)
            self.syn1neg[: len(before)] = before

    def adopt(self, tables: Mapping[str, np.ndarray]) -> None:
        """Take over the tables of a run, which are named as in a model file; they are copied."""
        self.wv.vectors = np.ascontiguousarray(tables["input_vectors"])
        self.wv.norms = None
        self._adopt_outputs(tables)

    def _adopt_outputs(self, tables: Mapping[str, np.ndarray]) -> None:
        if self.hs:
            self.syn1 = _padded_nodes(tables["node_vectors"])
        else:
            self.syn1neg = np.ascontiguousarray(tables["output_vectors"])

    def tables(self) -> dict[str, np.ndarray]:
        """Return the tables of the model as a model file names them."""
        tables = {"input_vectors": np.asarray(self.wv.vectors, np.float32)}
        if self.hs and hasattr(self, "syn1"):
            tables["node_vectors"] = self.syn1[: len(self.syn1) - 1]
        elif hasattr(self, "syn1neg"):
            tables["output_vectors"] = self.syn1neg
        return tables

    def origin(self) -> Origin:
        """Return the model as a run of the library goes on from it."""
        return self._origin_of(self.wv.index_to_key, self._counts())

    def _origin_of(self, keys: Sequence[Any], counts: np.ndarray) -> Origin:
        tables = self.tables()
        vectors = WordVectors(Words.of(as_words(keys)), tables["input_vectors"], counts, self._parts())
        return Origin(IN_MEMORY, vectors, tables, {})

    def _parts(self) -> SubwordTable | None:
        """Return the rows that words are composed of; None if words have no parts."""
        return None

    def _counts(self) -> np.ndarray:
        """Return the counts of the words, int64 (V,)."""
        counts = self.wv.expandos.get("count")
        return np.ones(len(self.wv), np.int64) if counts is None else np.asarray(counts, np.int64)

    def estimate_memory(self, vocab_size: int | None = None, report: dict[str, int] | None = None) -> dict[str, int]:
        """Return the bytes that a model of so many words takes: its tables, and 500 or 700 for each word itself."""
        words = vocab_size or len(self.wv)
        sizes: dict[str, int] = dict(report or {})
        sizes["vocab"] = words * (700 if self.hs else 500)
        sizes["vectors"] = words * self.vector_size * 4
        sizes |= self._output_bytes(words)
        sizes["total"] = sum(sizes.values())
        return sizes

    def _output_bytes(self, words: int) -> dict[str, int]:
        names = [name for name, used in (("syn1", self.hs), ("syn1neg", self.negative)) if used]
        return dict.fromkeys(names, words * self.layer1_size * 4)


def _padded_nodes(nodes: np.ndarray) -> np.ndarray:
    """Return the vectors of the nodes of a tree with a row of zeros behind them: gensim has V rows for V − 1 nodes."""
    return np.concatenate((nodes, np.zeros((1, nodes.shape[1]), nodes.dtype)))
