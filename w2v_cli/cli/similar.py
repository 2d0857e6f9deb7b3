"""`w2v similar`: the nearest words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.cli.console import given_words, read_lines
from w2v_cli.cli.options import FILE, WORD, count_option, models_options, require_not_nan, restrict_option
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import Cell, print_answers, table_options
from w2v_cli.cli.unseen import note_composed
from w2v_cli.formats.reading import ReadOptions

if TYPE_CHECKING:
    from w2v_cli.api.compare import Compared
    from w2v_cli.api.model import Model
    from w2v_cli.embeddings.queries import Neighbour


@click.command()
@click.argument("words", metavar="[WORD...]", nargs=-1, type=WORD)
@models_options
@click.option("--words-from", metavar="FILE", type=FILE, help="Also ask about every line of FILE; - is stdin.")
@click.option(
    "--vector-of",
    metavar="FILE",
    type=FILE,
    help="Also ask about the vectors in FILE (- is stdin): D numbers per line, or .npy; for a text, the mean of its"
    " words.",
)
@count_option
@click.option(
    "--exclude", metavar="WORD", type=WORD, multiple=True, help="Never answer this word. May be given several times."
)
@restrict_option
@click.option(
    "--threshold",
    metavar="X",
    type=click.FloatRange(-1, 1),
    callback=require_not_nan,
    help="Only answers with a cosine of X or more.",
)
@click.option("--counts", is_flag=True, help="Also print how often each answer occurs in the corpus.")
@table_options
@pass_session
def similar(
    session: Session,
    words: tuple[str, ...],
    model_paths: tuple[str, ...],
    reading: ReadOptions,
    words_from: str | None,
    vector_of: str | None,
    count: int,
    counts: bool,
    style: str,
    **limits: Any,
) -> None:
    """Print the words nearest to each WORD, with cosines.

    Prints one line per answer: the query, the word and the cosine of the angle between them, separated by tabs (aligned
    on a terminal); best first, and words of equal cosine in vocabulary order. The search is exact. If a word is
    unknown, the others are answered and the exit code is 1. Several models stand side by side, each with columns of its
    own below a header.

    A WORD may be a sum such as "king - man + woman": the vectors of its words are scaled to length 1 and added. Without
    quotes, a word that starts with + or - continues the sum before it; put -- before such words. A lone - reads words
    or sums from stdin, one per line.

    \b
    Examples:
      w2v similar king
      w2v similar -m model.safetensors -k 5 "king - man + woman" paris
      w2v similar -m 1850.safetensors -m 1950.safetensors broadcast
      w2v similar -- king -man +woman
      cut -f 1 words.tsv | w2v similar --json - | jq '.neighbours[0]'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.api.compare import compare, query_words, require_known

    if not words and words_from is None and vector_of is None:
        raise click.UsageError("Missing argument 'WORD...'.")
    if vector_of == "-" and len(model_paths) > 1:
        raise click.UsageError("--vector-of - reads stdin once, and several models need it several times")
    models = {path: session.asked(path, reading) for path in model_paths}
    if counts:
        for model in models.values():
            model.require_counts()
    asked = given_words(_joined_sums(words, models), words_from, vector_of)
    asked += read_lines(words_from) if words_from is not None else []
    for path, model in models.items():
        words_asked = query_words(asked, model.word_vectors)
        note_composed(words_asked, model.word_vectors, path if len(models) > 1 else None)
    answers = compare(models, asked, count, **limits)
    if vector_of is not None:
        answers += _of_vectors(vector_of, models, count, **limits)
    # A header without any answer below it would look like an answer.
    if any(found is not None for _, neighbours in answers for found in neighbours.values()):
        columns, titles = _columns(list(models), counts)
        rows, objects = _rows(answers, models, counts), _objects(answers, models, counts)
        print_answers(style, columns, rows, objects, titles=titles)
    require_known(models, asked)


def _of_vectors(
    path: str,
    models: Mapping[str, Model],
    count: int,
    exclude: Sequence[str],
    restrict_vocab: int | None,
    threshold: float | None,
) -> list[Compared]:
    """Return the words nearest to the vectors in a file."""
    from w2v_cli.api.compare import Compared
    from w2v_cli.embeddings.directions import read_directions
    from w2v_cli.embeddings.queries import nearest

    compared: list[Compared] = []
    for name, model in models.items():
        queries, directions = read_directions(path, model.word_vectors)
        excluded = [model.word_vectors.known_ids(exclude)] * len(queries)
        answers = nearest(model.word_vectors, directions, count, excluded, restrict_vocab, threshold)
        compared = compared or [Compared(query, {}) for query in queries]
        for (_, neighbours), found in zip(compared, answers, strict=True):
            neighbours[name] = found
    return compared


def _columns(paths: Sequence[str], counts: bool) -> tuple[list[str], list[str] | None]:
    """Return the names of the columns and, if there are several models, the titles of those on a terminal."""
    kinds = ["word", "cosine", *(["count"] if counts else [])]
    if len(paths) == 1:
        return ["query", *kinds], None
    titles = [title for path in paths for title in (path, *kinds[1:])]
    return ["query", *(f"{kind} ({path})" for path in paths for kind in kinds)], ["", *titles]


def _rows(answers: Sequence[Compared], models: Mapping[str, Model], counts: bool) -> Iterator[list[Cell]]:
    """Yield a row for each rank of each query, with the answers of all models."""
    empty: list[Cell] = [None] * (3 if counts else 2)
    for query, neighbours in answers:
        columns = [
            [_with_count(answer, models[path], counts) for answer in neighbours.get(path) or []] for path in models
        ]
        for row in zip_longest(*columns, fillvalue=None):
            yield [query, *(cell for answer in row for cell in (answer.values() if answer else empty))]


def _objects(answers: Sequence[Compared], models: Mapping[str, Model], counts: bool) -> Iterator[dict[str, object]]:
    """Yield an object for each query and each model that knows its words."""
    for query, neighbours in answers:
        for path, found in neighbours.items():
            if found is not None:
                which = {"model": path} if len(models) > 1 else {}
                words = [_with_count(answer, models[path], counts) for answer in found]
                yield {"query": query, **which, "matrix": models[path].matrix, "neighbours": words}


def _with_count(answer: Neighbour, model: Model, counts: bool) -> dict[str, Any]:
    """Return an answer with its keys in --json and, if that is asked for, its count in the corpus."""
    return {**answer._asdict(), **({"count": model.count(answer.word)} if counts else {})}


def _joined_sums(words: Sequence[str], models: Mapping[str, Model]) -> list[str]:
    """Append words that start with a sign to the word before them, unless they are words of a model."""
    sums: list[str] = []
    for word in words:
        signed = word[:1] in ("+", "-") and word != "-" and not any(word in model for model in models.values())
        if signed and sums and sums[-1] != "-":
            sums[-1] += f" {word}"
        else:
            sums.append(word)
    return sums
