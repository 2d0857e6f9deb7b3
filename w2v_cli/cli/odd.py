"""`w2v odd`: the word that does not belong."""

from __future__ import annotations

import click

from w2v_cli.cli.console import given_words
from w2v_cli.cli.options import WORD, model_options
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import print_answers, table_options
from w2v_cli.cli.unseen import answerable_words
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("words", metavar="WORD...", nargs=-1, type=WORD, required=True)
@model_options
@table_options
@pass_session
def odd(session: Session, words: tuple[str, ...], model_path: str, reading: ReadOptions, style: str) -> None:
    """Print the word that does not belong to the others.

    This is the word farthest from the mean of all of them. It is printed with its cosine to the mean, separated by a
    tab (aligned on a terminal). Unknown words are left out, and the exit code is 1. - reads words from stdin, one per
    line.

    \b
    Examples:
      w2v odd breakfast cereal dinner lunch
      w2v odd -m model.safetensors paris berlin banana
      w2v odd --json paris berlin banana | jq -r '.words[].word'
    """
    asked = given_words(words)
    model = session.asked(model_path, reading)
    known = answerable_words(list(dict.fromkeys(asked)), model.word_vectors)
    # With unknown words and fewer than three others, only the unknown words are reported.
    if len(known) >= 3 or len(known) == len(set(asked)):
        ranked = model.odd(known)
        answer = {"odd": ranked[0].word, "matrix": model.matrix, "words": [answer._asdict() for answer in ranked]}
        print_answers(style, ["word", "cosine"], ranked[:1], [answer])
    model.word_vectors.covering(asked)
