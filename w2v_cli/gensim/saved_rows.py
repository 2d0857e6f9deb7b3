"""Files of keys with vectors and attributes: models of w2v, in which `w2v` and `w2v_cli.load` find words and vectors.

Nothing is pickled: a pickle can run any code when it is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from w2v_cli.errors import ModelFileError
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.gensim.rows import KeyedRows
from w2v_cli.gensim.spelling import as_key, as_word
from w2v_cli.storage.tensors import TensorFile, parse_json
from w2v_cli.storage.words import Words
from w2v_cli.subwords.table import SubwordTable

# The entry of the metadata that has what only gensim's names need: the types of attributes, or the parameters of a
# model.
METADATA = "gensim"
# The vectors as they are, if float32 would round them.
_EXACT = "exact_vectors"
# Which keys are whole numbers.
_INTEGER_KEYS = "integer_keys"


def save_rows(
    rows: KeyedRows, path: str | os.PathLike[str], more: Mapping[str, np.ndarray], described: Mapping[str, str]
) -> None:
    """Write keys, vectors and attributes.

    Parameters
    ----------
    more, described : what else the file gets: tables, and what it says of them.

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
    words, tensors = stored_keys(keys)
    tensors |= {**more, "input_vectors": rows.vectors}
    if rows.vectors.dtype not in (np.float32, np.float16):
        tensors |= {"input_vectors": rows.vectors.astype(np.float32), _EXACT: rows.vectors}
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
    save_model(path, words, counts, tensors, {**described, METADATA: json.dumps({"attributes": types})})


def stored_keys(keys: Sequence[Any]) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return keys as the words of a file, and the tensor that says which of them are whole numbers, if any are."""
    integers = np.array([row for row, key in enumerate(keys) if not isinstance(key, str)], np.int64)
    # A file can hold any word but an empty one.
    return [str(key) or as_word(key) for key in keys], {_INTEGER_KEYS: integers} if len(integers) else {}


def keys_in(file: ModelFile) -> list[Any]:
    """Return the keys of a file."""
    keys: list[Any] = list(map(as_key, file.vectors.words))
    if file.tensors is not None and file.tensors.dtype(_INTEGER_KEYS) is not None:
        for row in file.tensors.tensor(_INTEGER_KEYS, "I64", axes=1).tolist():
            keys[row] = int(keys[row])
    return keys


def _stored(attribute: str, values: np.ndarray, path: str) -> dict[str, np.ndarray]:
    """Return the tensors of an attribute."""
    name = f"attribute_{attribute}"
    if values.dtype.kind in "iuf":
        return {name: values}
    if values.dtype.kind == "b":
        return {name: values.astype(np.uint8)}
    try:
        # The paths of a tree, which a model with hs=1 gives its keys, are arrays; they are read as lists.
        plain = (value.tolist() if isinstance(value, np.ndarray) else value for value in values.tolist())
        words = Words.of([json.dumps(value) for value in plain])
    except (TypeError, ValueError) as error:
        hint = f"remove it: del vectors.expandos[{attribute!r}]"
        raise ModelFileError(f"cannot write {path}: the attribute {attribute}: {error}", hint) from error
    return {name: words.text, f"{name}_offsets": words.offsets}


def has_parts(parts: SubwordTable | None) -> bool:
    """Return whether there are parts of words, and gensim's names have such parts."""
    return parts is not None and parts.subwords.kind == "fasttext" and parts.kept_buckets is None


def load_rows(rows: KeyedRows, file: ModelFile, mmap: str | None) -> None:
    """Put what `save_rows` wrote, or any file of vectors that w2v reads, into empty rows.

    Raises
    ------
    ModelFileError
        If the file cannot be read.
    """
    vectors = file.vectors
    matrix = vectors.matrix if mmap == "r" else vectors.hand_out()
    expandos = {} if vectors.counts is None else {"count": vectors.counts.copy()}
    if file.tensors is not None:
        if file.tensors.dtype(_EXACT) is not None:
            matrix = file.tensors.tensor(_EXACT, "F64", axes=2)
        elif file.tensors.dtype("input_vectors") == "F16" and METADATA in file.metadata:
            matrix = file.matrix
        expandos |= _attributes(file.tensors, len(vectors))
    rows.take_keys(keys_in(file))
    rows.vector_size, rows.vectors, rows.norms, rows.expandos = vectors.dim, matrix, None, expandos


def _attributes(file: TensorFile, count: int) -> dict[str, np.ndarray]:
    """Return the attributes that a file holds of its keys."""
    attributes = {}
    for attribute, kind in json.loads(file.metadata.get(METADATA, "{}")).get("attributes", {}).items():
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
