"""Describe a file of vectors; the vectors of a model file are not read for this."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import numpy as np

from w2v_cli.formats.contents import SUBWORDS
from w2v_cli.formats.matrices import default_matrix
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.storage.tensors import parse_json

# What the metadata say of held-out text.
VALIDATION = ("validation_loss", "validation_tokens", "validation_unknown", "validation_fingerprint", "best_epoch")


def summary(file: ModelFile) -> dict[str, Any]:
    """Return the facts about a file of vectors; None stands for what the file does not say.

    Returns
    -------
    file, format, bytes · written : the file's modification time, ISO 8601, UTC · words, dim, dtype.
    memory : bytes that the vectors take when they are asked, as float32. Vectors that the file stores as float32 in
        w2v's own format are mapped into memory; all others are converted.
    tensors : the names of the tables, for a model file only.
    matrix : which vectors answer unless the user chooses: mix or input; or of which those in the file were made.
    subwords : how words are cut into parts, for a model with vectors of such parts only.
    version, seed, corpus_fingerprint (sha256), corpus_tokens : how the model was made.
    replicas, merge_every : on how many replicas it was trained, and how many tokens each trained between two merges;
        only of a model of several replicas.
    init : the model that the training went on from: its file, words and checksum; only if there was one.
    loss : the loss of each epoch, nats per prediction.
    validation_loss, validation_tokens, validation_unknown, validation_fingerprint, best_epoch : the same on held-out
        text, how many tokens that has, how many of other words, its sha256 if it is not a share of the corpus, and the
        epoch whose vectors these are, if the run looked for the best; each only if the file says it.
    config : the options for training and for reading the text, as `w2v train --config` accepts them.

    Raises
    ------
    ModelFileError
        If the file does not hold vectors.
    """
    facts: dict[str, Any] = {"file": file.name, "format": file.format, "bytes": file.status.st_size}
    written = datetime.fromtimestamp(file.status.st_mtime, timezone.utc)
    facts["written"] = written.isoformat(timespec="seconds")
    matrix = file.matrix if file.format == "safetensors" else file.vectors.matrix
    facts |= {"words": len(matrix), "dim": matrix.shape[1], "dtype": str(matrix.dtype)}
    facts["memory"] = matrix.size * np.dtype(np.float32).itemsize
    if file.tensors is not None:
        facts["tensors"] = file.tensors.names
    facts["matrix"] = default_matrix(file.table_names, file.metadata)
    subwords = _parsed(file.metadata, SUBWORDS)
    if subwords is not None:
        facts["subwords"] = subwords
    made = provenance(file.metadata)
    many = {"loss": file.losses, "validation_loss": file.validation_losses}
    return {**facts, **made, **{name: losses.tolist() for name, losses in many.items() if losses is not None}}


def provenance(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return how a model was made, from its metadata; a value of the wrong kind counts as missing."""
    config, text = _parsed(metadata, "config"), _parsed(metadata, "text")
    loss, tokens = _parsed(metadata, "loss"), _parsed(metadata, "corpus_tokens")
    return {
        "version": metadata.get("version"),
        "seed": _parsed(metadata, "seed"),
        "corpus_fingerprint": metadata.get("corpus_fingerprint"),
        "corpus_tokens": tokens,
        **{name: _parsed(metadata, name) for name in ("replicas", "merge_every", "init") if name in metadata},
        "loss": loss if isinstance(loss, list) else None,
        **{name: _parsed(metadata, name) for name in VALIDATION if name in metadata},
        "config": {**config, **(text if isinstance(text, dict) else {})} if isinstance(config, dict) else None,
    }


def _parsed(metadata: Mapping[str, str], name: str) -> Any:
    try:
        return parse_json(metadata.get(name, "null"))
    except ValueError:
        return None
