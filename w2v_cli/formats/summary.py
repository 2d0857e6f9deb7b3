"""What a file says about the vectors in it, without reading them where it can be helped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from w2v_cli.formats.model_file import ModelFile
from w2v_cli.storage.tensors import parse_json


def summary(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The facts about a file of vectors, which is opened for them; see `summary_of`."""
    with ModelFile(path) as file:
        return summary_of(file)


def summary_of(file: ModelFile) -> dict[str, Any]:
    """The facts about a file of vectors.

    Returns
    -------
    file, format, bytes · written : the file's time, ISO 8601, UTC · words, dim, dtype.
    tensors : names of the tables · version, seed, corpus_fingerprint (sha256), corpus_tokens : of its making.
    loss : of each epoch, nats per prediction.
    config : the options of training and of reading the text, as `w2v train --config` takes them.
        None stands for what the file does not say.

    Raises
    ------
    ModelFileError
        If it holds no vectors.
    """
    facts: dict[str, Any] = {"file": file.name, "format": file.format, "bytes": file.status.st_size}
    written = datetime.fromtimestamp(file.status.st_mtime, timezone.utc)
    facts["written"] = written.isoformat(timespec="seconds")
    matrix = file.vectors.matrix if file.tensors is None else file.matrix
    facts |= {"words": len(matrix), "dim": matrix.shape[1], "dtype": str(matrix.dtype)}
    if file.tensors is not None:
        facts["tensors"] = file.tensors.names
    made = making(file.metadata)
    return {**facts, **made, "loss": made["loss"] if file.losses is None else file.losses.tolist()}


def making(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What a model was made with; anything that a stranger may have put there in place of it counts as unsaid."""
    config, text = _parsed(metadata, "config"), _parsed(metadata, "text")
    loss, tokens = _parsed(metadata, "loss"), _parsed(metadata, "corpus_tokens")
    return {
        "version": metadata.get("version"),
        "seed": _parsed(metadata, "seed"),
        "corpus_fingerprint": metadata.get("corpus_fingerprint"),
        "corpus_tokens": tokens,
        "loss": loss if isinstance(loss, list) else None,
        "config": {**config, **(text if isinstance(text, dict) else {})} if isinstance(config, dict) else None,
    }


def _parsed(metadata: Mapping[str, str], name: str) -> Any:
    try:
        return parse_json(metadata.get(name, "null"))
    except ValueError:
        return None
