"""What a file says about the vectors in it, without reading them where it can be helped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from w2v_cli.embeddings.files import load_vectors, open_model
from w2v_cli.embeddings.formats import VectorFile
from w2v_cli.storage import parse_json


def summary(path: str | os.PathLike[str]) -> dict[str, Any]:
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
    with VectorFile(path) as file:
        format = file.format
    facts: dict[str, Any] = {"file": os.fspath(path), "format": format, "bytes": os.path.getsize(path)}
    facts["written"] = datetime.fromtimestamp(os.path.getmtime(path), timezone.utc).isoformat(timespec="seconds")
    if format != "safetensors":
        vectors = load_vectors(path)
        return {**facts, "words": len(vectors), "dim": vectors.dim, "dtype": "float32", **making({})}
    model = open_model(path)
    matrix = model.tensor("input_vectors", model.dtype("input_vectors") or "F32", axes=2)
    words, dim = matrix.shape
    return {
        **facts,
        "words": words,
        "dim": dim,
        "dtype": str(matrix.dtype),
        "tensors": model.names,
        **making(model.metadata),
    }


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
