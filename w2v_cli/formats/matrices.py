"""Which vectors of a model are asked and written elsewhere: the input vectors, or a blend with the output vectors.

A model of `w2v train` keeps both tables; what they are used for is chosen when it is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from w2v_cli.choices import MATRICES, require_choice
from w2v_cli.embeddings.blend import Blend
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.contents import FASTTEXT_NODES, SUBWORD_VECTORS, Tables
from w2v_cli.storage.tensors import parse_json

# In the metadata of vectors that were written elsewhere: which of a model's vectors they were made of.
MATRIX = "matrix"
# What the choices are called in a sentence.
DESCRIPTIONS = {
    "input": "input vectors",
    "output": "output vectors",
    "sum": "sums of input and output vectors",
    "concat": "input and output vectors side by side",
    "mix": "mixes of input and output vectors",
}
# A model answers better with the mix if it was trained with one of these losses, on so many tokens.
_FEWEST_TOKENS = {"ns": 5_000_000, "hs": 0}
# The length of what a mix adds to an input vector, as a share of its own, by the model.
_SHARES = {"skipgram": 0.5, "cbow": 0.75}


def default_matrix(tables: Collection[str], metadata: Mapping[str, str], format: str | None = None) -> str:
    """Return which vectors of a model are used if nobody chooses.

    It is the mix, if the model was trained with hierarchical softmax, or with negative sampling on five million tokens
    or more; those of a model that it went on from count as well. After less text, the output vectors of negative
    sampling know little more than which words stand together. A model with vectors of parts of words answers with its
    input vectors, because a word that is not in the vocabulary has no output vector. (Measured: help/design.md, "Which
    vectors answer".)

    Parameters
    ----------
    tables : the names of its tables · metadata : how it was made.
    format : the format in which its vectors are to be written; None: they are asked.
    """
    if metadata.get(MATRIX) in MATRICES:
        return metadata[MATRIX]
    if "output_vectors" not in tables or SUBWORD_VECTORS in tables or holds_tables(format):
        return "input"
    fewest = _FEWEST_TOKENS.get(_trained_with(metadata, "loss"))
    return "mix" if fewest is not None and trained_tokens(metadata) >= fewest else "input"


def trained_tokens(metadata: Mapping[str, str]) -> int:
    """Return how many tokens the output vectors of a model were trained on, with those of the model it went on from."""
    tokens, init = _parsed(metadata, "corpus_tokens"), _parsed(metadata, "init")
    earlier = init.get("tokens") if isinstance(init, dict) else 0
    return sum(count for count in (tokens, earlier) if isinstance(count, int))


def holds_tables(format: str | None) -> bool:
    """Tell whether a format of another program holds the tables of a model as they are: both, or those of parts."""
    return format in ("fasttext", "floret")


def _trained_with(metadata: Mapping[str, str], option: str) -> str:
    """Return the value of an option that a model was trained with; as text, whatever the file holds there."""
    config = _parsed(metadata, "config")
    return str(config.get(option)) if isinstance(config, dict) else ""


def _parsed(metadata: Mapping[str, str], name: str) -> Any:
    try:
        return parse_json(metadata.get(name, "null"))
    except ValueError:
        return None


def require_matrix(tables: Collection[str], metadata: Mapping[str, str], matrix: str, name: str) -> None:
    """Make sure that a model has the vectors that were chosen.

    Parameters
    ----------
    tables : the names of its tables · metadata : how it was made.
    matrix : one of `choices.MATRICES` · name : what an error message calls the model.

    Raises
    ------
    ConfigError
        If there is no such choice.
    ModelFileError
        If the model lacks the vectors for it.
    """
    require_choice("matrix", matrix, MATRICES)
    if "output_vectors" in tables:
        return
    made_of = metadata.get(MATRIX)
    if made_of in MATRICES:
        if matrix != made_of:
            raise ModelFileError(
                f"{name} holds {DESCRIPTIONS[made_of]} and no others", hint="this needs the model that it was made of"
            )
    elif matrix != "input":
        raise _without_outputs(tables, metadata, name)


def chosen_vectors(
    inputs: WordVectors, tables: Mapping[str, np.ndarray], metadata: Mapping[str, str], matrix: str, name: str
) -> WordVectors:
    """Return a model's words with the vectors that were chosen; nothing is read for this.

    Words that are not in the vocabulary can be composed of their parts with input, mix and sum. They have no output
    vector to add.

    Parameters
    ----------
    inputs : the words with their input vectors.

    The other parameters, and the errors, are those of `require_matrix`.
    """
    require_matrix(tables, metadata, matrix, name)
    if matrix == "input" or "output_vectors" not in tables:
        return inputs
    outputs = Tables(tables).held("output_vectors")
    if matrix == "output":
        return WordVectors(inputs.words, outputs, inputs.counts)
    parts = None if matrix == "concat" else inputs.parts
    share = _SHARES["cbow" if _trained_with(metadata, "model") == "cbow" else "skipgram"]
    return WordVectors(inputs.words, Blend(inputs.held, outputs, matrix, share), inputs.counts, parts)


def _without_outputs(tables: Collection[str], metadata: Mapping[str, str], name: str) -> ModelFileError:
    """Return the error that says why a model has no output vectors."""
    if {"node_vectors", FASTTEXT_NODES} & {*tables}:
        return ModelFileError(
            f"{name} has no output vectors, only those of the nodes of a tree: it was trained with the loss hs, and"
            " with parts of words, by w2v_cli.gensim or by an earlier version",
            hint="use --matrix input",
        )
    if "config" in metadata:
        return ModelFileError(f"{name} has no output vectors", hint="this needs the model as w2v train wrote it")
    return ModelFileError(f"{name} has only one matrix", hint="this needs a model of w2v train")


def description(vectors: WordVectors, matrix: str) -> str:
    """Say which vectors these are, with the weight of a mix."""
    weight = vectors.mix_weight
    return f"input + {weight:.3g} × output vectors" if weight is not None else DESCRIPTIONS[matrix]
