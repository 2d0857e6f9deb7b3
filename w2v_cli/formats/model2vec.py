"""Read and write the folders of model2vec, which sentence-transformers reads as a StaticEmbedding, too.

`model.safetensors` has `embeddings` (V + 1, D) and `weights` (V + 1,), both float32; `tokenizer.json` (of the package
tokenizers) says how a text becomes rows. The vector of a text is the mean of weight · embedding over its known words.
The last row is that of unknown words. It is zero, and model2vec leaves it out; sentence-transformers counts it in the
mean, so its vectors are shorter, but point in the same direction.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.embeddings.sentences import sif_weights
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.folder import FolderFormat
from w2v_cli.storage.tensors import TensorFile, parse_json, write_tensors_into
from w2v_cli.storage.words import Words

TENSORS, TOKENIZER = "model.safetensors", "tokenizer.json"
# model2vec would cut texts after 512 words if it were not for `max_length`.
_CONFIG = {
    "model_type": "model2vec",
    "architectures": ["StaticModel"],
    "tokenizer_name": "words of w2v",
    "normalize": False,
    "max_length": None,
}
_MODULES = [{"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}]
MODEL2VEC = FolderFormat(
    "model2vec",
    ("config.json", TENSORS, TOKENIZER, "modules.json"),
    json.dumps(_CONFIG, indent=2).encode() + b"\n",
)
_UNKNOWN = "[UNK]"
# The words of `--tokenize words` (see `corpus.characters`) as the regular expressions of tokenizers have them.
_WORD = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:['’\-‐״][\p{L}\p{N}\p{M}]+)*"
# A larger file is no list of words.
_MOST_TOKENIZER_BYTES = 1 << 30


def write_model2vec(folder: str | os.PathLike[str], vectors: WordVectors, metadata: Mapping[str, str]) -> list[str]:
    """Write a folder for model2vec; it is either written completely or not at all.

    The weights are those of `sif_weights` if the counts are known, and 1 otherwise.

    Parameters
    ----------
    folder : made if it does not exist; see `FolderFormat.check`.
    metadata : those of the model: texts will become words as its own text did.

    Returns
    -------
    The paths of the files.

    Raises
    ------
    ModelFileError
        If the folder holds other files, or a file cannot be written. Older files then stay as they were.
    """
    weights = np.ones(len(vectors)) if vectors.counts is None else sif_weights(vectors.counts)
    tensors = {
        "embeddings": np.concatenate([vectors.matrix, np.zeros((1, vectors.dim), vectors.matrix.dtype)]),
        "weights": np.append(weights, 0).astype(np.float32),
    }
    with MODEL2VEC.writing(folder) as (numbers, tokenizer, modules):
        write_tensors_into(numbers, os.path.join(folder, TENSORS), tensors, metadata)
        tokenizer.write(json.dumps(_tokenizer(vectors.words, _options(metadata)), ensure_ascii=False).encode())
        modules.write(json.dumps(_MODULES, indent=2).encode() + b"\n")
    return MODEL2VEC.paths(folder)


def _options(metadata: Mapping[str, str]) -> TextOptions:
    """Return how the text of a model became words; white space separates them if the metadata do not say."""
    try:
        return TextOptions(**parse_json(metadata.get("text", "{}")))
    except (ValueError, TypeError, ConfigError):
        return TextOptions()


def _tokenizer(words: Sequence[str], options: TextOptions) -> dict[str, Any]:
    """Return what the package tokenizers reads: the vocabulary, and how a text becomes words."""
    unknown = _UNKNOWN
    while unknown in words:
        unknown = f"[{unknown}]"
    forms = [] if options.normalize == "none" else [{"type": options.normalize.upper()}]
    forms += [{"type": "Lowercase"}] if options.lower else []
    split: dict[str, Any] = {"type": "WhitespaceSplit"}
    if options.tokenize == "words":
        split = {"type": "Split", "pattern": {"Regex": _WORD}, "behavior": "Removed", "invert": True}
    vocabulary = {word: row for row, word in enumerate([*words, unknown])}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": forms} if forms else None,
        "pre_tokenizer": split,
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": unknown},
    }


def is_model2vec(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder of model2vec."""
    return os.path.isdir(path) and all(os.path.isfile(os.path.join(path, name)) for name in (TENSORS, TOKENIZER))


def read_model2vec(folder: str, file: TensorFile) -> WordVectors:
    """Return the words of a folder and their vectors, without the weights and the row of unknown words.

    Parameters
    ----------
    file : the tensors of the folder.

    Raises
    ------
    ModelFileError
        If the folder is damaged, or its tokens are not words.
    """
    matrix = file.tensor("embeddings", file.dtype("embeddings") or "F32", axes=2)
    if matrix.dtype.kind != "f":
        raise file.wrong(f"has embeddings as {matrix.dtype}", "let model2vec write float32 or float16")
    if file.dtype("mapping") is not None:
        raise file.wrong("maps several words to one row", "let model2vec write it without vocabulary quantization")
    rows = _rows_of_words(os.path.join(folder, TOKENIZER))
    ids = np.fromiter(rows.values(), np.int64, len(rows))
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    if not len(ids) or ids[0] < 0 or ids[-1] >= len(matrix) or (np.diff(ids) == 0).any():
        raise file.wrong(f"has {len(matrix)} vectors, and {TOKENIZER} names other rows")
    words = list(rows)
    chosen = WordVectors(Words.of([words[i] for i in order.tolist()]), matrix[ids].astype(np.float32, copy=False))
    fault = chosen.fault()
    if fault is not None:
        raise file.wrong(fault)
    return chosen


def _rows_of_words(path: str) -> dict[str, int]:
    """Return the row of each word that a tokenizer knows, without what stands for unknown words."""

    def wrong(what: str) -> ModelFileError:
        return ModelFileError(f"{path} {what}", hint="w2v reads folders whose tokens are words")

    try:
        if os.path.getsize(path) > _MOST_TOKENIZER_BYTES:
            raise wrong(f"has more than {_MOST_TOKENIZER_BYTES >> 30} GiB")
        with open(path, encoding="utf-8") as file:
            model = parse_json(file.read())["model"]
        kind, vocabulary, unknown = model["type"], model.get("vocab"), model.get("unk_token")
    except OSError as error:
        raise wrong(f"cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise wrong("is not a tokenizer") from error
    if kind != "WordLevel":
        raise wrong(f"is a {kind} model, whose tokens are parts of words")
    if not isinstance(vocabulary, dict) or not all(type(row) is int for row in vocabulary.values()):
        raise wrong("has no vocabulary")
    return {word: row for word, row in vocabulary.items() if word != unknown}
