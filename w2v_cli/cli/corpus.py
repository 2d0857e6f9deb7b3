"""`w2v vocab`: what is in a text."""

from __future__ import annotations

import sys
from typing import Any

import click

from w2v_cli.cli.console import json_option, print_fields, print_json
from w2v_cli.cli.options import text_options, threads_option
from w2v_cli.cli.progress import ProgressLine

# Lines that are put together before they are written.
LINES = 10_000


@click.command()
@click.argument("corpus", nargs=-1, required=True)
@click.option(
    "--min-count",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Drop words that occur less often than this.",
)
@click.option("--max-vocab", metavar="N", type=click.IntRange(min=1), help="Keep only the N most frequent words.")
@text_options
@threads_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@json_option
def vocab(
    corpus: tuple[str, ...],
    min_count: int,
    max_vocab: int | None,
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **text: Any,
) -> None:
    """Count the words of a text.

    CORPUS as of w2v train. One line per word: the word and how often it occurs, separated by a tab; most frequent
    first, words of one count by their bytes. w2v train --vocab takes such a file.

    \b
    Examples:
      w2v vocab corpus.txt | head
      w2v vocab wiki-*.txt.gz --min-count 5 > words.tsv
      zcat news.gz | w2v vocab - --tokenize words --lower --json | jq -r .word
    """
    # Here and not above: `w2v --help` shall not wait for numpy.
    from w2v_cli.config import available_cores
    from w2v_cli.corpus.encoded import compile_passes, count_words
    from w2v_cli.corpus.reader import TextOptions, check_readable

    check_readable(corpus)
    show = ProgressLine(quiet)
    with show.compiling():
        compile_passes()
    vocabulary = count_words(
        corpus, min_count, max_vocab, TextOptions(**text), threads or available_cores(), show.corpus
    )
    show.done()
    counted = list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    if as_json:
        for word, count in counted:
            print_json({"word": word, "count": count})
    elif sys.stdout.isatty():
        for word, count in counted:
            print_fields(word, str(count))
    else:
        # Byte for byte: what a terminal might obey is part of a word for who reads the file.
        stdout = sys.stdout.buffer
        for first in range(0, len(counted), LINES):
            lines = [f"{word}\t{count}\n" for word, count in counted[first : first + LINES]]
            stdout.write("".join(lines).encode())
        stdout.flush()
