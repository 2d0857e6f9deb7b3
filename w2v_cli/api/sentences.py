"""Vectors of lines of text, for the Python API and for `w2v embed`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from w2v_cli.choices import LINE_WEIGHTS
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.embeddings.sentences import LineEmbedder
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, CorpusError, shown
from w2v_cli.storage.tensors import parse_json

# The options of the model's own text that say what a word is; the others say how the files of that text were read.
_OF_WORDS = ("tokenize", "lower", "normalize")


def line_options(metadata: Mapping[str, str], **given: Any) -> TextOptions:
    """Return how lines become words: as the text of the model did, unless an option says otherwise.

    Parameters
    ----------
    metadata : that of the model; without the options of its text, words are what white space separates.
    given : options of `TextOptions` that override the model's; None: as the model has it.

    Raises
    ------
    ConfigError
        If an option has no such value.
    """
    options = TextOptions()
    try:
        recorded = parse_json(metadata.get("text", "{}"))
        options = replace(options, **{name: recorded[name] for name in _OF_WORDS if name in recorded})
    except (ValueError, TypeError, ConfigError):
        pass  # another program wrote the metadata
    return replace(options, **{name: value for name, value in given.items() if value is not None})


def embed_lines(
    vectors: WordVectors, lines: Iterable[object], options: TextOptions, weights: str = LINE_WEIGHTS[0]
) -> np.ndarray:
    """Return the vector of each line, float32 (n, D); see `Model.embed`."""
    embedder = LineEmbedder(vectors, weights)
    matrices = [found.matrix for found in embedder.of_lines(_split(_items(lines), options))]
    return np.concatenate([np.empty((0, vectors.dim), np.float32), *matrices])


def _items(lines: Iterable[object]) -> Iterable[object]:
    """Refuse what is not many lines: the letters of a str would be taken for lines."""
    if isinstance(lines, str | bytes | Mapping) or not isinstance(lines, Iterable):
        raise CorpusError(
            f"the lines are {shown(lines)}, not a list of lines",
            hint="give a list of str, of lists of words, or an open text file",
        )
    return lines


def _split(lines: Iterable[object], options: TextOptions) -> Iterator[list[bytes]]:
    """Yield the tokens of each line, in UTF-8; a list of words is taken as it is."""
    for number, line in enumerate(lines):
        if isinstance(line, str):
            # Half of a surrogate pair is in no word.
            yield options.clean(line.encode("utf-8", "replace").decode()).split()
        elif isinstance(line, Iterable) and not isinstance(line, bytes | Mapping):
            yield [_encoded(word, number) for word in line]
        else:
            raise CorpusError(f"line {number} is {shown(line)}, which is neither a str nor a list of words")


def _encoded(word: object, number: int) -> bytes:
    if not isinstance(word, str):
        raise CorpusError(f"line {number} has the word {shown(word)}, which is not a str", hint="a word is a str")
    return word.encode("utf-8", "replace")
