"""`w2v phrases`: words that belong together, joined."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.choices import SCORINGS, THRESHOLDS
from w2v_cli.cli.console import print_json
from w2v_cli.cli.options import (
    FILE,
    WORD,
    quiet_option,
    require_not_nan,
    suffix_option,
    text_options,
    threads_option,
)
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.tables import print_csv, table_options

if TYPE_CHECKING:
    from w2v_cli.corpus.phrases import Phrase

_DEFAULT_THRESHOLDS = ", ".join(f"{threshold:g} for {scoring}" for scoring, threshold in THRESHOLDS.items())

_COLUMNS = ["phrase", "score", "pass"]


@click.command()
@click.argument("corpus", nargs=-1, type=FILE, required=True)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=FILE,
    required=True,
    help="File for the text, compressed if it ends in .gz, .bz2, .xz or .zst; - is stdout.",
)
@click.option(
    "--scoring",
    type=click.Choice(SCORINGS),
    default="word2phrase",
    help="word2phrase: (n_ab - min_count) / (n_a n_b) * tokens. npmi: log(p_ab / (p_a p_b)) / -log p_ab, from -1 to 1.",
)
@click.option(
    "--threshold",
    metavar="X",
    type=float,
    callback=require_not_nan,
    help=f"Join words with a score above this. Default: {_DEFAULT_THRESHOLDS}.",
)
@click.option(
    "--min-count",
    metavar="N",
    type=click.IntRange(min=1),
    default=5,
    help="Least number of times that a phrase must occur.",
)
@click.option(
    "--connectors",
    metavar="WORDS",
    default="",
    show_default=False,
    help='Words that may stand inside a phrase, such as "of the"; english stands for the 16 of gensim. Default: none.',
)
@click.option("--delimiter", metavar="TEXT", type=WORD, default="_", help="Text between the words of a joined phrase.")
@click.option(
    "--passes",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Passes over the text. Each further pass can make phrases longer.",
)
@text_options
@suffix_option
@threads_option
@quiet_option
@table_options
def phrases(corpus: tuple[str, ...], output: str, threads: int | None, quiet: bool, style: str, **options: Any) -> None:
    """Join words that belong together: new york is new_york.

    CORPUS is as in w2v train. Writes the text with its phrases joined: one sentence per line, one space between words.
    A phrase is two words that stand together more often than by chance; there may be connector words between them.
    --json and --csv print every phrase with its score.

    \b
    Examples:
      w2v phrases corpus.txt -o joined.txt
      w2v phrases *.txt.gz -o joined.txt --connectors english --passes 2
      w2v phrases corpus.txt -o - | w2v train -
    """
    if style != "text" and output == "-":
        raise click.UsageError(f"--{style} and -o - would both write to stdout")

    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.api.phrases import phrases as join_phrases

    target = sys.stdout.buffer if output == "-" else output
    show = _PhraseProgress(quiet, style)
    with show:
        join_phrases(corpus, target, threads=threads, observer=show, **options)
    if style == "csv":
        print_csv(_COLUMNS, show.found_phrases)


class _PhraseProgress(ProgressLine):
    """Shows progress, and says or prints what each pass has found: an observer for `w2v_cli.api.phrases`."""

    def __init__(self, quiet: bool, style: str) -> None:
        super().__init__(quiet)
        self._style = style
        self.found_phrases: list[tuple[str, float, int]] = []

    def remark(self, message: str) -> None:
        """Print something that the user should know about the texts."""
        self.say(message)

    def found(self, number: int, phrases: list[Phrase]) -> None:
        """Say how many phrases a pass has found; with --json, print them."""
        self.say(f"Pass {number}: {len(phrases):,} phrases")
        rows = [(phrase.text, phrase.score, number) for phrase in phrases]
        if self._style == "json":
            for row in rows:
                print_json(dict(zip(_COLUMNS, row, strict=True)))
        elif self._style == "csv":  # printed at the end, below one header
            self.found_phrases += rows
