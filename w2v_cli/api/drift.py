"""`w2v.drift`: which words have moved between two models."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence

import numpy as np

from w2v_cli.api.model import Model
from w2v_cli.api.questions import word_list
from w2v_cli.choices import DRIFT_MEASURES, require_choice, require_whole
from w2v_cli.embeddings.alignment import Alignment, Shared, align, require_same_dim, shared_words
from w2v_cli.embeddings.drift import Drift, Moves
from w2v_cli.errors import ConfigError, UnknownWordError, VocabularyError

# The output vectors of so many words are compared at once.
_ROWS = 1 << 12


def drift(
    old: Model,
    new: Model,
    only: Collection[str] | None = None,
    *,
    k: int = 10,
    by: str = "cosine",
    top: int | None = None,
    words: int | None = None,
    min_count: int = 1,
    aligned: bool = False,
) -> list[Drift]:
    """Return the words of two models by how far they moved, the one that moved farthest first.

    The new vectors are rotated into the space of the old ones first, as `Model.align` does, unless both models have the
    same output vectors (`freeze=["output"]`) and so are in one space already. Input vectors are compared, also of
    models that answer with a mix: output vectors blur what has moved. Neighbours are looked for among the words that
    both models have.

    Parameters
    ----------
    only : the words to return; None: all that both models have.
    k : how many neighbours of a word are compared.
    by : what ranks the words: the cosine of their two vectors, or the overlap of their neighbours.
    top : return at most so many words; None: all.
    words : leave out words that are not among so many of the most frequent ones of both models; None: none.
    min_count : leave out words that occur less often in either text.
    aligned : whether the vectors are in one space, so that they are not to be rotated.

    Raises
    ------
    UnknownWordError
        If words of `only` are not in both models; the error names all of them.
    VocabularyError
        If no word is in both models.
    ConfigError
        If the models have different dimensions, or an option has no such value.
    ModelFileError
        If `min_count` asks for the counts of the words, and a model does not have them.

    Warns
    -----
    UserWarning
        If fewer words are in both models than the vectors have dimensions.

    Examples
    --------
    >>> import numpy as np, w2v_cli as w2v
    >>> words = ["mouse", "rat", "click", "run"]
    >>> old = w2v.Model.of(words, np.array([[1, 0], [1, 0.1], [0, 1], [0.9, 0.1]]))
    >>> new = w2v.Model.of(words, np.array([[0, 1], [1, 0.1], [0, 1], [0.9, 0.1]]))
    >>> word, cosine, overlap, before, after = w2v.drift(old, new, k=1, aligned=True)[0]
    >>> word, cosine, overlap, before[0].word, after[0].word
    ('mouse', 0.0, 0.0, 'rat', 'click')
    """
    for name, number in (("k", k), ("min_count", min_count)):
        require_whole(name, number, 1)
    for name, optional in (("top", top), ("words", words)):
        require_whole(name, optional, 1, optional=True)
    require_choice("by", by, DRIFT_MEASURES)
    for model in (old, new):
        if not isinstance(model, Model):
            raise ConfigError(f"a model is a {type(model).__name__}, not a model", hint="w2v.load reads one")
    asked = None if only is None else word_list(only, "only")
    moves, alignment = moves_between(old, new, words, min_count, aligned)
    if alignment is not None and alignment.remark:
        warnings.warn(alignment.remark, stacklevel=2)
    if asked is not None:
        require_shared(moves, old, new, asked)
    return list(moves.ranked(k, by, top, None if asked is None else known_ids(moves, asked)))


def moves_between(
    old: Model, new: Model, words: int | None, min_count: int, aligned: bool
) -> tuple[Moves, Alignment | None]:
    """Return the words that both models have and how far they moved, and what rotated the new vectors, if anything did.

    Raises
    ------
    VocabularyError
        If no word is left.
    ConfigError
        If the models have different dimensions.
    ModelFileError
        If `min_count` asks for the counts of the words, and a model does not have them.
    """
    before, after = old.input_vectors, new.input_vectors
    require_same_dim(before, after)
    if min_count > 1:
        for model in (old, new):
            model.require_counts()
    shared = shared_words(before, after, words=words, min_count=min_count)
    if not len(shared.first) and len(shared_words(before, after).first):
        raise VocabularyError("no word that both models have is left", hint="raise --words, or lower --min-count")
    alignment = None if aligned or same_outputs(old, new, shared) else align(before, after, shared)
    return Moves(before, after, shared, alignment), alignment


def same_outputs(old: Model, new: Model, shared: Shared) -> bool:
    """Tell whether the output vectors of the shared words are the same in both models, bit for bit.

    Then both sets of input vectors were learnt against the same output vectors, and lie in one space.
    """
    tables = [model.tables.get("output_vectors") for model in (old, new)]
    if tables[0] is None or tables[1] is None or not len(shared.first):
        return False
    starts = range(0, len(shared.first), _ROWS)
    rows = ((shared.first[start : start + _ROWS], shared.second[start : start + _ROWS]) for start in starts)
    return all(np.array_equal(tables[0][one], tables[1][other]) for one, other in rows)


def known_ids(moves: Moves, words: Sequence[str]) -> np.ndarray:
    """Return the rows of those of the words that are compared, each once, int64."""
    return np.array(list(dict.fromkeys(moves.old.known_ids(words))), np.int64)


def require_shared(moves: Moves, old: Model, new: Model, words: Sequence[str]) -> None:
    """Refuse words that are not compared.

    Raises
    ------
    UnknownWordError
        If there are any; the error names all of them, and the models that do not have them.
    """
    errors = []
    for model in (old, new):
        unknown = [word for word in words if word not in model]
        if unknown:
            error = model.word_vectors.unknown(unknown)
            errors.append(UnknownWordError(f"{model.name}: {error.message}", error.hint))
    rare = [word for word in words if word in old and word in new and word not in moves.old]
    if rare:
        errors.append(UnknownWordError(f"left out by --words or --min-count: {', '.join(rare)}"))
    if errors:
        hints = dict.fromkeys(error.hint for error in errors if error.hint)
        raise UnknownWordError("; ".join(error.message for error in errors), "; ".join(hints) or None)
