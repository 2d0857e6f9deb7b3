"""`w2v distance`: the cosines of some words."""

from __future__ import annotations

import click

from w2v_cli.cli.console import given_words
from w2v_cli.cli.options import WORD, model_options
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import print_answers, print_matrix, table_options
from w2v_cli.cli.unseen import answerable_words
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("words", metavar="A B...", nargs=-1, type=WORD, required=True)
@model_options
@table_options
@pass_session
def distance(session: Session, words: tuple[str, ...], model_path: str, reading: ReadOptions, style: str) -> None:
    """Print the cosine of every pair of words.

    For two words, prints both and their cosine; for more, a table of all pairs, with tabs between its columns except on
    a terminal. A cosine of 1 means the same direction; the distance in --json is 1 - cosine. Unknown words are left
    out, and the exit code is 1. - reads words from stdin, one per line.

    \b
    Examples:
      w2v distance king queen
      w2v distance -m model.safetensors paris berlin rome banana
      w2v distance --json king queen man | jq 'select(.cosine > 0.5)'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.queries import cosines_between

    asked = given_words(words)
    if len(words) == 1 and words != ("-",):
        raise click.UsageError("Missing argument 'B...'.")
    model = session.asked(model_path, reading)
    vectors = model.word_vectors
    known = answerable_words(asked, vectors)
    cosines = cosines_between(vectors, known).tolist()
    pairs = [(i, j) for i in range(len(known)) for j in range(i + 1, len(known))]
    if style != "json" and len(known) > 2:
        print_matrix(style, known, cosines)
    elif pairs:  # a header without any answer below it would look like an answer
        rows = [(known[i], known[j], cosines[i][j]) for i, j in pairs]
        objects = (
            {"a": a, "b": b, "cosine": cosine, "distance": 1 - cosine, "matrix": model.matrix} for a, b, cosine in rows
        )
        print_answers(style, ["a", "b", "cosine"], rows, objects)
    vectors.covering(asked)
