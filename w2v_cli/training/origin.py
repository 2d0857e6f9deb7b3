"""The model that a run goes on from: what the run takes over of its options, its words, and its vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.joining import Earlier
from w2v_cli.corpus.vocabulary import Joined
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.parameters import Parameters
from w2v_cli.errors import ConfigError, ModelFileError, TrainingError, without_secrets
from w2v_cli.formats.contents import FASTTEXT
from w2v_cli.formats.fasttext_fields import trained_with
from w2v_cli.formats.matrices import DESCRIPTIONS, MATRIX, trained_tokens
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.formats.recorded import recorded_options
from w2v_cli.storage.tensors import checksum, word_tensors
from w2v_cli.subwords.lengths import subwords_of
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable

# The options that say what the parameters of a model mean.
_OF_MODEL = ("model", "loss", "cbow_sum", "cbow_step", "subword_step")
# What is recorded as the file of a model that Python users give.
IN_MEMORY = "a model in memory"
# How many rows are copied at a time.
_ROWS = 1 << 15


class Facts(NamedTuple):
    """What is recorded of the model that a run went on from.

    Attributes
    ----------
    file : its path, as it was given · words : how many it has.
    checksum : CRC-32 of its words, counts and tables, hexadecimal.
    outputs : whether it has trained output vectors, or nodes of a tree, for the loss of the run.
    tokens : how many tokens those were trained on; 0 if its file does not say.
    """

    file: str
    words: int
    checksum: str
    outputs: bool
    tokens: int = 0


@dataclass
class Origin:
    """A model to go on from.

    Attributes
    ----------
    name : what messages call it, and what is recorded of it: its path.
    vectors : its words and input vectors.
    tables : all its tables by name · metadata : how it was made.
    remarks : what the user should know about its file.
    """

    name: str
    vectors: WordVectors
    tables: Mapping[str, np.ndarray]
    metadata: Mapping[str, str]
    remarks: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str) -> Origin:
        """Read a file in any format.

        Raises
        ------
        ModelFileError
            If it does not hold vectors.
        """
        with ModelFile(path) as file:
            vectors, made_of = file.vectors, DESCRIPTIONS.get(file.metadata.get(MATRIX, "input"), "")
        remarks = list(file.remarks)
        if MATRIX in file.metadata and made_of:
            remarks.append(f"{file.name} holds {made_of}: they become the input vectors")
        return cls(file.name, vectors, file.tables, file.metadata, tuple(remarks))

    @cached_property
    def checksum(self) -> str:
        """CRC-32 of its words, counts and tables, hexadecimal; cached, because it takes a pass over all of them."""
        counts = {} if self.vectors.counts is None else {"counts": self.vectors.counts}
        return checksum({**self.tables, **counts, **word_tensors(self.vectors.words)})

    def facts(self, loss: str) -> Facts:
        """Return what is recorded of the model by a run with a loss."""
        outputs = self._outputs(_output_name(loss)) is not None
        tokens = trained_tokens(self.metadata) if outputs else 0
        return Facts(without_secrets(self.name), len(self.vectors), self.checksum, outputs, tokens)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the model that a run takes over unless others are given."""
        options: dict[str, Any] = {"dim": self.vectors.dim}
        if FASTTEXT in self.metadata:
            options |= trained_with(self.metadata)
        else:
            try:
                config, _ = recorded_options(self.metadata, self.name)
                options |= {name: getattr(config, name) for name in _OF_MODEL}
            except ModelFileError:
                pass
        parts = self.parts
        if parts is not None and parts.kept_buckets is None:
            subwords = parts.subwords
            options |= {"subwords": subwords.kind, "min_ngram": subwords.min_ngram, "max_ngram": subwords.max_ngram}
            options |= {"buckets": subwords.buckets}
            if subwords.kind == "floret":
                options["hashes"] = subwords.hashes
        return options

    @property
    def parts(self) -> SubwordTable | None:
        """The rows of parts of words, if it has any."""
        return self.vectors.parts

    def require_fitting(self, config: TrainConfig) -> None:
        """Refuse options that contradict the model.

        Raises
        ------
        ConfigError
            If the dimensions or the parts of words differ, or something is asked for that the model lacks.
        """
        if config.dim != self.vectors.dim:
            raise ConfigError(
                f"--dim {config.dim} is not the dimension of {self.name}, which is {self.vectors.dim}",
                hint=f"leave --dim out, or give a model of dimension {config.dim}",
            )
        wanted = subwords_of(config)
        if wanted is not None:
            self._require_parts(wanted, config.ngrams)
        if config.init_counts in ("sum", "model") and self.vectors.counts is None:
            raise ConfigError(
                f"--init-counts {config.init_counts}: {self.name} does not say how often its words occur",
                hint="leave --init-counts out: then the counts of the text are used",
            )
        name = _output_name(config.loss)
        if "output" in config.freeze and self._outputs(name) is None:
            raise ConfigError(
                f"--freeze output: {self.name} has no {name} that were trained with --loss {config.loss}, so nothing"
                " would be learnt",
                hint="leave it out, or give a model of w2v train with that --loss",
            )

        if config.freeze and config.table == "float16" and not _all_rounded(self.vectors.matrix, *self.tables.values()):
            raise ConfigError(
                f"--freeze keeps vectors exactly as they are, and --table float16 would round those of {self.name}",
                hint="leave --table out",
            )

    def _require_parts(self, wanted: Subwords, lengths: str | None) -> None:
        """Refuse parts of words that are not those of the model, and lengths that the text would choose."""
        parts = self.parts
        if parts is None:
            raise ConfigError(
                f"{self.name} has no parts of words to go on from",
                hint="leave --subwords out, or give a model with parts, such as a .bin of fastText",
            )
        if parts.kept_buckets is not None:
            raise ConfigError(
                f"{self.name} is pruned: the rows of most parts of words are missing",
                hint="leave --subwords out, or give the model before it was pruned",
            )
        if lengths is not None:
            raise ConfigError(
                f"--ngrams {lengths}: the parts of words in {self.name} have their lengths already:"
                f" {_shown(parts.subwords)}",
                hint="leave --ngrams out, or train a new model",
            )
        if parts.subwords != wanted:
            raise ConfigError(
                f"{self.name} cuts words into parts in another way: {_shown(parts.subwords)};"
                f" this run: {_shown(wanted)}",
                hint="leave --subwords and its options out to take those of the model",
            )

    def earlier(self, config: TrainConfig) -> Earlier:
        """Return its words, and how they join those of the text."""
        drives = config.init_counts or "text"
        return Earlier(self.name, self.vectors.words, self.vectors.counts, config.init_words, drives)

    def fill(self, parameters: Parameters, joined: Joined, objective: Objective) -> str | None:
        """Write the vectors of the model over those that a run begins with; new words keep theirs.

        Returns
        -------
        What the user should know about the output vectors, if anything.

        Raises
        ------
        TrainingError
            If the vocabulary was not made from this model.
        """
        rows, tables = joined.rows, parameters.tensors()
        if rows.max(initial=-1) >= len(self.vectors):
            raise TrainingError(f"the vocabulary of the run was not made from {self.name}", hint="train again")
        inputs, outputs = tables[parameters.input_name], tables[parameters.output_name]
        if objective.word_rows is None or self.parts is None:
            _copy_rows(inputs, self.vectors.matrix, rows)
        else:
            _fill_parts(inputs, self.parts, rows)
        given = self._outputs(parameters.output_name)
        if given is None:
            return f"{self.name} has no trained {parameters.output_name.replace('_', ' ')}: they begin as zeros"
        if objective.paths is None:
            _copy_rows(outputs, given, rows)
            return None
        return self._fill_nodes(outputs, given, rows, objective)

    def _outputs(self, name: str) -> np.ndarray | None:
        """Return the output table of that name, or None if it is missing or, beside nodes, made of theirs."""
        computed = name == "output_vectors" and "node_vectors" in self.tables
        return None if computed else self.tables.get(name)

    def forget(self) -> None:
        """Let go of the tables once they have been copied, because they may take as much memory as those of the run."""
        self.vectors, self.tables = WordVectors([], np.empty((0, self.vectors.dim), np.float32)), {}

    def _fill_nodes(self, outputs: np.ndarray, given: np.ndarray, rows: np.ndarray, objective: Objective) -> str | None:
        """Write the vectors of the nodes of the Huffman tree, which depends on the counts of all words."""
        from w2v_cli.engines.huffman import carried_nodes, huffman_paths

        new, counts = objective.paths, self.vectors.counts
        if new is None or counts is None:
            return f"{self.name} does not say how often its words occur: the nodes of its tree begin as zeros"
        old = huffman_paths(counts)
        same = len(rows) == len(self.vectors) and np.array_equal(rows, np.arange(len(rows)))
        if same and all(np.array_equal(*pair) for pair in zip(_arrays(old), _arrays(new), strict=True)):
            outputs[:] = given
            return None
        outputs[:] = carried_nodes(old, given, new, rows)
        return "The Huffman tree has changed: its nodes begin with what those of the old tree predicted"


def _all_rounded(*tables: np.ndarray) -> bool:
    """Return whether every number of some tables is one of float16."""
    pieces = (table[start : start + _ROWS] for table in tables for start in range(0, len(table), _ROWS))
    with np.errstate(over="ignore"):
        return all(np.array_equal(piece, piece.astype(np.float16)) for piece in pieces)


def _output_name(loss: str) -> str:
    """Return the name of the output table that a loss trains."""
    return "node_vectors" if loss == "hs" else "output_vectors"


def _arrays(paths: Any) -> tuple[np.ndarray, ...]:
    return paths.starts, paths.node_ids, paths.labels


def _fill_parts(table: np.ndarray, parts: SubwordTable, rows: np.ndarray) -> None:
    """Write the rows of parts of words; a row of zeros has not been trained, and stays as it is drawn."""
    given, before = parts.vectors, parts.subwords.first_bucket(parts.vocabulary_size)
    if before:
        _copy_rows(table, given[:before], rows)
    first = parts.subwords.first_bucket(len(rows))
    for start in range(0, parts.subwords.buckets, _ROWS):
        some = given[before + start : before + start + _ROWS]
        trained = np.flatnonzero(some.any(axis=1))
        table[first + start + trained] = some[trained]


def _copy_rows(table: np.ndarray, given: np.ndarray, rows: np.ndarray) -> None:
    """Write row rows[i] of a given table as row i, unless rows[i] is below 0."""
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        known = np.flatnonzero(some >= 0)
        table[start + known] = given[some[known]]


def _shown(subwords: Subwords) -> str:
    """Return how words are cut into parts, for a message."""
    hashes = f", {subwords.hashes} hashes" if subwords.kind == "floret" else ""
    return f"{subwords.kind}, {subwords.min_ngram} to {subwords.max_ngram}, {subwords.buckets:,} buckets{hashes}"
