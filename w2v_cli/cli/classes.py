"""`w2v classes`: words sorted into classes."""

from __future__ import annotations

import click

from w2v_cli.choices import MOST_SEED
from w2v_cli.cli.options import model_options
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import print_answers, table_options
from w2v_cli.formats.reading import ReadOptions


@click.command()
@model_options
@click.option("-k", "count", metavar="N", type=click.IntRange(min=1), default=500, help="Number of classes.")
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(min=0, max=MOST_SEED),
    default=1,
    help="Random seed for the initial cluster centers.",
)
@click.option("--sort", is_flag=True, help="Print the words class by class. Default: in vocabulary order.")
@table_options
@pass_session
def classes(
    session: Session, model_path: str, reading: ReadOptions, count: int, seed: int, sort: bool, style: str
) -> None:
    """Sort the words into classes by their directions.

    Prints one line per word: the word and its class, separated by a tab (aligned on a terminal). Classes are
    numbered from 0 by their most frequent words. The method is spherical k-means. It needs scikit-learn: pip install
    scikit-learn.

    \b
    Examples:
      w2v classes > classes.tsv
      w2v classes -m wiki.safetensors -k 50 --sort
      w2v classes -k 50 --json | jq -r 'select(.class == 7).word'
    """
    model = session.asked(model_path, reading)
    numbers = model.classes(count, seed=seed).tolist()
    order = sorted(range(len(numbers)), key=numbers.__getitem__) if sort else range(len(numbers))
    columns = ["word", "class"]
    rows = ((model.words[word_id], numbers[word_id]) for word_id in order)
    print_answers(style, columns, rows, (dict(zip(columns, row, strict=True)) for row in rows))
