"""`w2v vocab`: the words of a text and their counts."""

from __future__ import annotations

from typing import Any

import click

from w2v_cli.cli.console import answers_at_terminal
from w2v_cli.cli.options import FILE, quiet_option, suffix_option, text_options, threads_option
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.tables import print_answers, table_options


@click.command()
@click.argument("corpus", nargs=-1, type=FILE, required=True)
@click.option(
    "--min-count", metavar="N", type=click.IntRange(min=1), default=1, help="Words rarer than this are not printed."
)
@click.option(
    "--max-vocab", metavar="N", type=click.IntRange(min=1), help="Only the N most frequent words. Default: all."
)
@text_options
@suffix_option
@threads_option
@quiet_option
@table_options
def vocab(
    corpus: tuple[str, ...],
    min_count: int,
    max_vocab: int | None,
    suffix: str | None,
    threads: int | None,
    quiet: bool,
    style: str,
    **text: Any,
) -> None:
    """Count the words of a text.

    CORPUS is as in w2v train. Prints one line per word: the word and its count, separated by a tab (aligned on a
    terminal); the most frequent word first, and words of equal count in the order of their bytes. w2v train --vocab
    reads such a file.

    \b
    Examples:
      w2v vocab corpus.txt | head
      w2v vocab wiki-*.txt.gz --min-count 5 > words.tsv
      zcat news.gz | w2v vocab - --tokenize words --lower
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.config import available_cores
    from w2v_cli.corpus.encode import compile_passes, count_words
    from w2v_cli.corpus.files import corpus_files
    from w2v_cli.corpus.text_options import TextOptions
    from w2v_cli.corpus.texts import Texts

    with ProgressLine(quiet) as show:
        texts = Texts(corpus_files(corpus, suffix), TextOptions(**text), show.say)
        texts.check_readable()
        with show.compiling():
            compile_passes()
        vocabulary = count_words(texts, min_count, max_vocab, threads or available_cores(), show.corpus)
    # A generator, because a list of so many pairs would take more memory than the words.
    counted = zip(vocabulary.words, map(int, vocabulary.counts), strict=True)
    if style == "text" and vocabulary.words[0].startswith("\ufeff") and not answers_at_terminal():
        # Readers drop a byte order mark at the start of a file. With a second one, they keep the word's own.
        click.echo("\ufeff".encode(), nl=False)
    objects = ({"word": word, "count": count} for word, count in counted)
    print_answers(style, ["word", "count"], counted, objects)
