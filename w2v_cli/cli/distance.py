"""`w2v distance`: the cosines of some words."""

from __future__ import annotations

import click

from w2v_cli.cli.console import given_words, known_words, print_fields, print_json, print_table
from w2v_cli.cli.options import json_option, model_options
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("words", metavar="A B...", nargs=-1, required=True)
@model_options
@json_option
@pass_session
def distance(session: Session, words: tuple[str, ...], model_path: str, reading: ReadOptions, as_json: bool) -> None:
    """Print the cosine of every pair of words.

    For two words, prints their cosine; for more, a table of all pairs. A cosine of 1 means the same direction; the
    distance in --json is 1 - cosine. Unknown words are left out, and the exit code is 1. - reads words from stdin, one
    per line.

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
    vectors = session.model(model_path, reading).word_vectors
    known = known_words(asked, vectors)
    cosines = cosines_between(vectors, known).tolist()
    pairs = [(i, j) for i in range(len(known)) for j in range(i + 1, len(known))]
    if as_json:
        for i, j in pairs:
            print_json({"a": known[i], "b": known[j], "cosine": cosines[i][j], "distance": 1 - cosines[i][j]})
    elif len(known) == 2:
        print_fields(*known, f"{cosines[0][1]:.4f}")
    elif len(known) > 2:
        rows = [[word, *(f"{cosine:.4f}" for cosine in row)] for word, row in zip(known, cosines, strict=True)]
        print_table(["", *known], rows)
    vectors.ids_of(asked)
