"""The result of a training run, and the files that it is saved in, also when the run is stopped or the disk is full."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

# Imported at the top so that it is the version of the program that trains, even if that is replaced meanwhile.
from w2v_cli import __version__
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.held_out import HeldOut
from w2v_cli.corpus.inputs import is_open_already
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError, TrainingError, W2VError, without_secrets
from w2v_cli.formats.contents import SUBWORD_VECTORS, SUBWORDS
from w2v_cli.formats.export import write_vectors
from w2v_cli.formats.matrices import chosen_vectors, default_matrix
from w2v_cli.formats.model_file import LOSSES, MOST_LOSSES, VALIDATION_LOSSES, save_model
from w2v_cli.formats.recognise import format_of_name
from w2v_cli.storage import remote
from w2v_cli.storage.opening import suffix_of, without_packing
from w2v_cli.storage.remote import Url
from w2v_cli.storage.siblings import naming
from w2v_cli.storage.tensors import TensorFile
from w2v_cli.storage.urls import is_url
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable
from w2v_cli.training.origin import Facts
from w2v_cli.training.run_folder import resume_command
from w2v_cli.training.state import Trained

_PARTIAL = ".partial.safetensors"
# NAME_MAX of every common file system.
_MOST_NAME_BYTES = 255
# A mark in the metadata of a model whose run was stopped. Only such a model may be replaced by that of a stopped run.
UNFINISHED = "unfinished"


# Suffixes that promise something else than a model. Other unknown suffixes, as in wiki.2024, are parts of names.
_NOT_WRITTEN = frozenset(
    [
        ".csv",
        ".docx",
        ".ftz",
        ".h5",
        ".hdf5",
        ".json",
        ".jsonl",
        ".magnitude",
        ".npz",
        ".parquet",
        ".pickle",
        ".pkl",
        ".xlsx",
        ".zip",
    ]
)


@dataclass(frozen=True)
class Run:
    """What a run has made, and from what.

    Attributes
    ----------
    config, text : the options.
    engine : reference or compiled.
    vocabulary : the words, in the order of the rows of the parameters.
    token_count : tokens of the vocabulary in the corpus.
    corpus_fingerprint : sha256 of the text, hexadecimal.
    trained : parameters and losses.
    output : the model file, or None.
    seconds : how long each phase took: `count`, `encode`, `compile`, `train` and `save`; and `validate`, if there is a
        held-out text.
    subwords : how words are cut into parts; None if words alone were learnt.
    held_out : the text that was measured and not trained on; None if there was none.
    init : what is recorded of the model that the run went on from, or None.
    """

    config: TrainConfig
    text: TextOptions
    engine: str
    vocabulary: Vocabulary
    token_count: int
    corpus_fingerprint: str
    trained: Trained
    output: str | None
    seconds: dict[str, float]
    subwords: Subwords | None = None
    held_out: HeldOut | None = None
    init: Facts | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """What the model file says about how it was made."""
        return {
            "version": __version__,
            # The URL of a vocabulary may have a password in it.
            "config": without_secrets(json.dumps(self._recorded_config)),
            "text": json.dumps(self.text.as_dict()),
            "seed": str(self.config.seed),
            "corpus_fingerprint": self.corpus_fingerprint,
            "corpus_tokens": str(self.token_count),
            **self._merging,
            **({} if len(self.trained.losses) > MOST_LOSSES else {"loss": json.dumps(self.trained.losses)}),
            **self._validation,
            **({} if self.trained.finished else {UNFINISHED: "true"}),
            **({} if self.subwords is None else {SUBWORDS: self.subwords.as_json()}),
            **({} if self.init is None else {"init": json.dumps(self.init._asdict())}),
        }

    @property
    def _recorded_config(self) -> dict[str, Any]:
        """The options, without the number of a file that has no name: sentences from Python, or a pipe."""
        options = self.config.as_dict()
        if is_open_already(str(options.get("validate", ""))):
            options["validate"] = "unnamed"
        return options

    @property
    def _validation(self) -> dict[str, str]:
        """What the metadata say of held-out text; nothing without any."""
        trained, held_out = self.trained, self.held_out
        if held_out is None:
            return {}
        said: dict[str, Any] = {"validation_tokens": held_out.token_count, "validation_unknown": held_out.unknown}
        if held_out.fingerprint:
            said["validation_fingerprint"] = held_out.fingerprint
        if trained.best_epoch is not None:
            said["best_epoch"] = trained.best_epoch
        if len(trained.validation_losses) <= MOST_LOSSES:
            said["validation_loss"] = trained.validation_losses
        return {name: json.dumps(value) for name, value in said.items()}

    @property
    def _merging(self) -> dict[str, str]:
        """What the metadata say of several replicas; nothing of one, whose model is that of one machine."""
        cluster = self.trained.cluster
        if cluster is None or cluster.replicas == 1:
            return {}
        return {"replicas": str(cluster.replicas), "merge_every": str(cluster.merge_every)}

    @cached_property
    def tensors(self) -> dict[str, np.ndarray]:
        """The tables of the model file, as the run holds them, and the losses if they are too many for its metadata."""
        tables, losses = self.trained.parameters.tensors(), self.trained.losses
        if self.subwords is not None:
            parts = SubwordTable(self.subwords, tables[SUBWORD_VECTORS], len(self.vocabulary))
            tables = {"input_vectors": parts.vocabulary_vectors(self.vocabulary.words), **tables}
        elif self.config.loss == "hs":
            # Imported here because it loads numba, which the other losses do not need.
            from w2v_cli.engines.huffman import huffman_paths, word_outputs

            paths = huffman_paths(self.vocabulary.counts)
            tables["output_vectors"] = word_outputs(paths, tables["node_vectors"])
        many = {LOSSES: losses, VALIDATION_LOSSES: self.trained.validation_losses}
        return tables | {name: np.array(some, np.float64) for name, some in many.items() if len(some) > MOST_LOSSES}

    @cached_property
    def tables(self) -> dict[str, np.ndarray]:
        """The same with float32 in place of float16, for models in memory and for other formats."""
        tensors = self.tensors.items()
        return {name: table.astype(np.float32) if table.dtype == np.float16 else table for name, table in tensors}

    @property
    def vectors(self) -> WordVectors:
        """The words with their input vectors."""
        return WordVectors(self.vocabulary.words, self.tables["input_vectors"], self.vocabulary.counts)

    def chosen(self, format: str | None = None) -> tuple[WordVectors, str]:
        """Return the vectors that answer, or that another format than safetensors gets, and which they are."""
        matrix = default_matrix(self.tables, self.metadata, format)
        return chosen_vectors(self.vectors, self.tables, self.metadata, matrix, "the model"), matrix

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file; other formats than safetensors get words and one vector each, or floret's table.

        Raises
        ------
        ModelFileError
            If it cannot be written.
        """
        if model_format(path) == "safetensors":
            save_model(path, self.vocabulary.words, self.vocabulary.counts, self.tensors, self.metadata)
        else:
            vectors, _ = self.chosen(model_format(path))
            write_vectors(path, vectors, metadata=self.metadata, tables=self.tables)

    def keep(self, path: str, folder: Path | Url | None) -> None:
        """Write the model file, and make sure that nothing is lost if that fails.

        Raises
        ------
        ModelFileError
            If it cannot be written. The message says where the model is instead: in the checkpoint `folder`, if there
            is one; otherwise in a new folder, in the system's folder of temporary files or in the working folder.
        """
        try:
            self.save(path)
        except ModelFileError as error:
            if folder is not None:
                hint = f"{error.hint}; then {resume_command(folder, path)} writes it"
                raise ModelFileError(f"{error.message}; nothing is lost", hint) from error
            whole = "" if model_format(path) == "safetensors" else ".safetensors"
            other = self._saved_elsewhere(Path(path).name + whole)
            if other is None:
                raise
            raise ModelFileError(f"{error.message}; the model is in {other} instead", "move it from there") from error

    def _saved_elsewhere(self, name: str) -> Path | None:
        """Write the model file wherever there may be space for it; return its path, or None if it fits nowhere."""
        for parent in (tempfile.gettempdir(), os.curdir):
            with suppress(OSError):
                # In a new folder, nobody else can have put a file with that name.
                folder = Path(tempfile.mkdtemp(prefix="w2v-", dir=parent))
                try:
                    self.save(folder / name)
                    return folder / name
                except W2VError:
                    folder.rmdir()
        return None


def model_format(output: str | os.PathLike[str]) -> str:
    """Return the format in which a run writes its model: the one that the suffix names, or else safetensors.

    Raises
    ------
    ConfigError
        If the suffix is that of a format that is not written.
    """
    suffix = suffix_of(without_packing(os.fspath(output)))
    if suffix in _NOT_WRITTEN:
        raise ConfigError(
            f"{os.fspath(output)}: w2v does not write {suffix}",
            hint="it writes .safetensors, .txt, .vec, .bin, .glove, .tsv, .npy and .floret, each also with .gz, .bz2,"
            " .xz or .zst",
        )
    return format_of_name(output) or "safetensors"


def require_holdable(output: str, config: TrainConfig) -> None:
    """Refuse a run whose model the file that it is to write could not hold.

    Raises
    ------
    ConfigError
        If the file is a table of floret's, and the run learns no such table; or as `model_format`.
    """
    if model_format(output) == "floret" and config.subwords != "floret":
        raise ConfigError(
            f"{output}: a .floret file holds vectors of parts of words, as floret hashes them",
            hint="add --subwords floret, or give the output another suffix",
        )


def partial_path(output: str) -> str:
    """Return where the model of a stopped run goes; the name is shortened to what a file system allows."""
    folder, name = os.path.split(output.removesuffix(".safetensors"))
    while len(os.fsencode(name + _PARTIAL)) > _MOST_NAME_BYTES:
        name = name[:-1]
    return os.path.join(folder, name + _PARTIAL)


def require_replaceable(partial: str) -> None:
    """Refuse to begin a run whose partial model would replace a file that was not left by a stopped run.

    Raises
    ------
    TrainingError
        If there is such a file.
    """
    with naming(partial):
        if not (remote.exists(partial) if is_url(partial) else os.path.lexists(partial)):
            return
    with suppress(ModelFileError):
        if not os.path.islink(partial) and UNFINISHED in TensorFile(partial).metadata:
            return
    raise TrainingError(
        f"{partial} exists and was not left by a stopped run, but that is where the model would go if this run were"
        " stopped",
        hint="move it elsewhere, or name another output (-o)",
    )
