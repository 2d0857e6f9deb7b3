"""Files of keys with vectors and attributes: models of w2v, in which `w2v` and `w2v_cli.load` find words and vectors.

Nothing is pickled: a pickle can run any code when it is read.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from w2v_cli.errors import ModelFileError
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.gensim.rows import KeyedRows
from w2v_cli.gensim.word2vec_format import errors_of_gensim
from w2v_cli.storage.tensors import TensorFile, parse_json
from w2v_cli.storage.words import Words

# The entry of the metadata that says what else the file holds: which keys are whole numbers, and the attributes.
_METADATA = "gensim"
# The vectors as they are, if float32 would round them.
_EXACT = "exact_vectors"
INTEGER_KEYS = "integer_keys"


def save_rows(rows: KeyedRows, path: str | os.PathLike[str]) -> None:
    """Write keys, vectors and attributes.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or there is something that it cannot hold: no keys, rows without a key, keys that
        are neither text nor whole numbers, attributes that JSON cannot hold, NaN or infinity.
    """
    name, keys = os.fspath(path), rows.index_to_key
    wrong = next((row for row, key in enumerate(keys) if not isinstance(key, str | int | np.integer)), None)
    if wrong is not None:
        raise ModelFileError(
            f"cannot write {name}: row {wrong} has the key {keys[wrong]!r}", "keys are text or numbers"
        )
    tensors = {"input_vectors": rows.vectors}
    if rows.vectors.dtype not in (np.float32, np.float16):
        tensors = {"input_vectors": rows.vectors.astype(np.float32), _EXACT: rows.vectors}
    integers = np.array([row for row, key in enumerate(keys) if not isinstance(key, str)], np.int64)
    if len(integers):
        tensors[INTEGER_KEYS] = integers
    attributes = dict(rows.expandos)
    counts = attributes.get("count")
    if counts is None or counts.dtype != np.int64 or (counts < 0).any() or len(counts) != len(keys):
        counts = None
    else:
        del attributes["count"]
    types = {}
    for attribute, values in attributes.items():
        types[attribute] = str(values.dtype)
        tensors |= _stored(attribute, values, name)
    save_model(path, [str(key) for key in keys], counts, tensors, {_METADATA: json.dumps({"attributes": types})})


def _stored(attribute: str, values: np.ndarray, path: str) -> dict[str, np.ndarray]:
    """Return the tensors of an attribute."""
    name = f"attribute_{attribute}"
    if values.dtype.kind in "iuf":
        return {name: values}
    if values.dtype.kind == "b":
        return {name: values.astype(np.uint8)}
    try:
        words = Words.of([json.dumps(value) for value in values.tolist()])
    except (TypeError, ValueError) as error:
        hint = f"remove it: del vectors.expandos[{attribute!r}]"
        raise ModelFileError(f"cannot write {path}: the attribute {attribute}: {error}", hint) from error
    return {name: words.text, f"{name}_offsets": words.offsets}


def load_rows(rows: KeyedRows, path: str | os.PathLike[str], mmap: str | None) -> None:
    """Put what `save_rows` wrote, or any file of vectors that w2v reads, into empty rows.

    Raises
    ------
    ModelFileError
        If the file cannot be read or is a pickle, such as gensim's; then also a ValueError.
    """
    with errors_of_gensim(), ModelFile(path) as file:
        vectors = file.vectors
        matrix = vectors.matrix if mmap == "r" else vectors.hand_out()
        keys: list[Any] = list(vectors.words)
        expandos = {} if vectors.counts is None else {"count": vectors.counts.copy()}
        if file.tensors is not None:
            if file.tensors.dtype(_EXACT) is not None:
                matrix = file.tensors.tensor(_EXACT, "F64", axes=2)
            elif file.tensors.dtype("input_vectors") == "F16" and _METADATA in file.metadata:
                matrix = file.matrix
            for row in integer_rows(file.tensors):
                keys[row] = int(keys[row])
            expandos |= _attributes(file.tensors, len(keys))
    rows.vector_size, rows.vectors, rows.norms, rows.expandos = vectors.dim, matrix, None, expandos
    rows.index_to_key, rows.next_index = keys, len(keys)
    rows.key_to_index = {key: row for row, key in enumerate(keys)}


def integer_rows(file: TensorFile) -> list[int]:
    """Return the rows whose keys are whole numbers."""
    return [] if file.dtype(INTEGER_KEYS) is None else file.tensor(INTEGER_KEYS, "I64", axes=1).tolist()


def _attributes(file: TensorFile, count: int) -> dict[str, np.ndarray]:
    """Return the attributes that a file holds of its keys."""
    attributes = {}
    for attribute, kind in json.loads(file.metadata.get(_METADATA, "{}")).get("attributes", {}).items():
        name = f"attribute_{attribute}"
        stored = file.tensor(name, file.dtype(name) or "", axes=1)
        if kind == "object":
            words = Words(stored, file.tensor(f"{name}_offsets", "I64", axes=1))
            values = np.empty(len(words), object)
            values[:] = [parse_json(text) for text in words]
        else:
            values = stored.astype(kind)
        if len(values) != count:
            raise file.wrong(f"has {len(values)} values of {attribute} for {count} keys")
        attributes[attribute] = values
    return attributes
