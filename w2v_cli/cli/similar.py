"""`w2v similar`: the nearest words."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import click

from w2v_cli.cli.console import given_words, print_fields, print_json, read_lines
from w2v_cli.cli.options import count_option, json_option, model_options, require_not_nan, restrict_option
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("words", metavar="[WORD...]", nargs=-1)
@model_options
@click.option("--words-from", metavar="FILE", help="Also ask about every line of FILE; - is stdin.")
@click.option(
    "--vector-of",
    metavar="FILE",
    help="Also ask about the vectors in FILE (- is stdin): D numbers per line, or .npy; for a text, the mean of its"
    " words.",
)
@count_option
@click.option("--exclude", metavar="WORD", multiple=True, help="Never answer this word. May be given several times.")
@restrict_option
@click.option(
    "--threshold",
    metavar="X",
    type=click.FloatRange(-1, 1),
    callback=require_not_nan,
    help="Only answers with a cosine of X or more.",
)
@json_option
@pass_session
def similar(
    session: Session,
    words: tuple[str, ...],
    model_path: str,
    reading: ReadOptions,
    words_from: str | None,
    vector_of: str | None,
    count: int,
    exclude: tuple[str, ...],
    restrict_vocab: int | None,
    threshold: float | None,
    as_json: bool,
) -> None:
    """Print the words nearest to each WORD, with cosines.

    Prints one line per answer: the query, the word and the cosine of the angle between them, separated by tabs; best
    first, and words of equal cosine in vocabulary order. The search is exact. If a word is unknown, the others are
    answered and the exit code is 1.

    A WORD may be a sum such as "king - man + woman": the vectors of its words are scaled to length 1 and added. Without
    quotes, a word that starts with + or - continues the sum before it; put -- before such words. A lone - reads words
    or sums from stdin, one per line.

    \b
    Examples:
      w2v similar king
      w2v similar -m model.safetensors -k 5 "king - man + woman" paris
      w2v similar -- king -man +woman
      cut -f 1 words.tsv | w2v similar --json - | jq '.neighbours[0]'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.directions import read_directions
    from w2v_cli.embeddings.queries import nearest, parse_query
    from w2v_cli.embeddings.queries import similar as most_similar

    if not words and words_from is None and vector_of is None:
        raise click.UsageError("Missing argument 'WORD...'.")
    vectors = session.model(model_path, reading).word_vectors
    asked = given_words(_joined_sums(words, vectors), words_from, vector_of)
    asked += read_lines(words_from) if words_from is not None else []
    queries = [parse_query(text, vectors) for text in asked]
    known = [query for query in queries if all(word in vectors for word in query.words)]
    limits: dict[str, Any] = {"restrict_vocab": restrict_vocab, "threshold": threshold}
    names = [query.text for query in known]
    answers = most_similar(vectors, known, count, exclude=exclude, **limits)
    if vector_of is not None:
        more, directions = read_directions(vector_of, vectors)
        names += more
        answers += nearest(vectors, directions, count, [vectors.known_ids(exclude)] * len(more), **limits)
    for name, neighbours in zip(names, answers, strict=True):
        if as_json:
            print_json({"query": name, "neighbours": [answer._asdict() for answer in neighbours]})
            continue
        for answer in neighbours:
            print_fields(name, answer.word, f"{answer.cosine:.4f}")
    vectors.ids_of([word for query in queries for word in query.words])


def _joined_sums(words: Sequence[str], known: Container[str]) -> list[str]:
    """Append words that start with a sign to the word before them, unless they are words of the model."""
    sums: list[str] = []
    for word in words:
        signed = word[:1] in ("+", "-") and word != "-" and word not in known
        if signed and sums and sums[-1] != "-":
            sums[-1] += f" {word}"
        else:
            sums.append(word)
    return sums
