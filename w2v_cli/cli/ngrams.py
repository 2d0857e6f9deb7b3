"""`w2v ngrams`: the parts of a word, and how much each contributes to its vector."""

from __future__ import annotations

import click

from w2v_cli.cli.console import given_words
from w2v_cli.cli.options import WORD, whole_model_options
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import print_answers, table_options
from w2v_cli.cli.unseen import answerable_words
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("words", metavar="WORD...", nargs=-1, type=WORD, required=True)
@whole_model_options
@table_options
@pass_session
def ngrams(session: Session, words: tuple[str, ...], model_path: str, reading: ReadOptions, style: str) -> None:
    """Print the parts of a word and their shares.

    Needs a model with vectors for parts of words: one of w2v train --subwords, or of fastText. The vector of a word is
    the mean of the rows of its parts, and of a row of its own if the model knows it. Prints one line per row: the word,
    the part, the number of the row and its share, separated by tabs (aligned on a terminal).

    The share is the projection of the row, divided by the number of rows, onto the vector of the word, as a fraction of
    that vector's length. The shares of a word add up to 1; a part with a negative share pulls the other way. Parts with
    the same row share a bucket. - reads words from stdin, one per line.

    \b
    Examples:
      w2v ngrams unhappiness
      w2v ngrams -m cc.de.300.bin Donaudampfschiff | sort -k 4 -g -r | head -3
      w2v ngrams --json unhappiness | jq '.parts[] | select(.share > 0.1)'
    """
    asked = given_words(words)
    model = session.model(model_path, reading)
    model.word_vectors.require_parts()
    answerable = answerable_words(asked, model.word_vectors)
    with ProgressLine(timed=False).compiling():
        found = [(word, model.ngrams(word)) for word in answerable]
    rows = ((word, *part) for word, parts in found for part in parts)
    objects = (
        {"word": word, "known": word in model, "parts": [part._asdict() for part in parts]} for word, parts in found
    )
    print_answers(style, ["word", "part", "row", "share"], rows, objects)
    model.word_vectors.covering(asked)
