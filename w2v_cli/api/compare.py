"""Ask several models the same questions, to see where they differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from w2v_cli.api.questions import Questions, word_list
from w2v_cli.choices import require_number, require_whole
from w2v_cli.embeddings.queries import Neighbour, parse_query
from w2v_cli.embeddings.queries import similar as most_similar
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, UnknownWordError


class Compared(NamedTuple):
    """A question, and for each model by its name the nearest words, best first; None if a word has no vector in it."""

    query: str
    neighbours: dict[str, list[Neighbour] | None]


def compare(
    models: Mapping[str, Questions],
    queries: Sequence[str],
    k: int = 10,
    *,
    exclude: Collection[str] = (),
    restrict_vocab: int | None = None,
    threshold: float | None = None,
) -> list[Compared]:
    """Return for each question the k words with the largest cosine in each of several models.

    Parameters
    ----------
    models : the models, each under the name that its answers get.
    queries : words, or sums such as "king - man + woman".
    exclude, restrict_vocab, threshold : as in `Model.similar`.

    Raises
    ------
    ConfigError
        If `models` is no dict of models, a query is empty, or an option is out of range.

    Examples
    --------
    >>> import numpy as np, w2v_cli as w2v
    >>> farm = w2v.Model.of(["mouse", "rat", "click"], np.array([[1, 0], [1, 0.1], [0, 1]], dtype=np.float32))
    >>> office = w2v.Model.of(["mouse", "click"], np.array([[1, 0], [1, 0.2]], dtype=np.float32))
    >>> mouse, rat = w2v.compare({"farm": farm, "office": office}, ["mouse", "rat"], k=1)
    >>> mouse.neighbours["farm"][0].word, mouse.neighbours["office"][0].word
    ('rat', 'click')
    >>> rat.neighbours["office"] is None
    True
    """
    if not isinstance(models, Mapping) or not all(isinstance(model, Questions) for model in models.values()):
        raise ConfigError("the models are not a dict of models by their names", hint='such as {"old": old, "new": new}')
    require_whole("k", k, 1)
    require_whole("restrict_vocab", restrict_vocab, 1, optional=True)
    if threshold is not None:
        require_number("threshold", threshold)
    texts, barred = word_list(queries, "queries"), word_list(exclude, "exclude")
    limits: dict[str, Any] = {"exclude": barred, "restrict_vocab": restrict_vocab, "threshold": threshold}
    compared = [Compared(text, {}) for text in texts]
    for name, model in models.items():
        vectors = model.word_vectors
        asked = [parse_query(text, vectors) for text in texts]
        has_vector = set(vectors.answerable(word for query in asked for word in query.words))
        known = [i for i, query in enumerate(asked) if has_vector.issuperset(query.words)]
        answers = dict(zip(known, most_similar(vectors, [asked[i] for i in known], k, **limits), strict=True))
        compared = [
            Compared(asked[i].text if i in answers else text, {**neighbours, name: answers.get(i)})
            for i, (text, neighbours) in enumerate(compared)
        ]
    return compared


def require_known(models: Mapping[str, Questions], queries: Sequence[str]) -> None:
    """Refuse questions with words that a model does not know.

    Raises
    ------
    UnknownWordError
        If there are any; the error names all of them, and the models if there are several.
    """
    errors: dict[str, UnknownWordError] = {}
    for name, model in models.items():
        try:
            model.word_vectors.covering(query_words(queries, model.word_vectors))
        except UnknownWordError as error:
            if len(models) == 1:
                raise
            errors[name] = error
    if errors:
        hints = dict.fromkeys(found.hint for found in errors.values() if found.hint)
        message = "; ".join(f"{name}: {found.message}" for name, found in errors.items())
        raise UnknownWordError(message, "; ".join(hints))


def query_words(queries: Sequence[str], vectors: WordVectors) -> list[str]:
    """Return the words of some questions, as a model with these vectors understands them."""
    return [word for text in queries for word in parse_query(text, vectors).words]
