"""Words that are not in the vocabulary, and whose vectors are composed of their parts: stderr names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from w2v_cli.cli.console import note
from w2v_cli.cli.progress import ProgressLine

if TYPE_CHECKING:
    from w2v_cli.embeddings.vectors import WordVectors


def answerable_words(words: Sequence[str], vectors: WordVectors) -> list[str]:
    """Return the words that have vectors, in their order; say on stderr which of them are composed."""
    note_composed(words, vectors)
    return vectors.answerable(words)


def note_composed(words: Sequence[str], vectors: WordVectors, model: str | None = None) -> None:
    """Say on stderr which words are composed.

    Parameters
    ----------
    model : the name of the model, if there are several.
    """
    # Questions about known words need not wait for numba.
    if vectors.parts is None or all(word in vectors for word in words):
        return
    with ProgressLine(timed=False).compiling():
        composed = vectors.composed(words)
    if composed:
        where = "" if model is None else f"{model}: "
        note(f"Note: {where}not in the vocabulary, but composed of parts: {', '.join(composed)}")
