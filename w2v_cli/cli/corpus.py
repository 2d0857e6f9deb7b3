"""`w2v vocab` and `w2v phrases`: what is in a text, and what belongs together."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import click

from w2v_cli.cli.console import answers_at_terminal, json_option, print_json, print_rows
from w2v_cli.cli.options import text_options, threads_option
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.errors import ConfigError


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
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.config import available_cores
    from w2v_cli.corpus.encode import compile_passes, count_words
    from w2v_cli.corpus.texts import TextOptions, Texts

    texts = Texts(corpus, TextOptions(**text))
    texts.check_readable()
    show = ProgressLine(quiet)
    with show.compiling():
        compile_passes()
    vocabulary = count_words(texts, min_count, max_vocab, threads or available_cores(), show.corpus)
    show.done()
    # One by one: so many pairs would take more memory than the words.
    counted = zip(vocabulary.words, map(int, vocabulary.counts), strict=True)
    if as_json:
        for word, count in counted:
            print_json({"word": word, "count": count})
        return
    if vocabulary.words[0].startswith("\ufeff") and not answers_at_terminal():
        # Of two marks at the start of a file a reader takes the first away.
        click.echo("\ufeff".encode(), nl=False)
    print_rows((word, str(count)) for word, count in counted)


@click.command()
@click.argument("corpus", nargs=-1, required=True)
@click.option("-o", "--output", metavar="OUT", required=True, help="Where the text goes, .gz too; - for stdout.")
@click.option(
    "--scoring",
    type=click.Choice(["word2phrase", "npmi"]),
    default="word2phrase",
    help="word2phrase: (n_ab - min_count) / (n_a n_b) * tokens. npmi: log(p_ab / (p_a p_b)) / -log p_ab, from -1 to 1.",
)
@click.option(
    "--threshold", metavar="X", type=float, help="Join what scores above this. Default: 100 word2phrase, 0.5 npmi."
)
@click.option("--min-count", metavar="N", type=click.IntRange(min=1), default=5, help="How often a phrase must occur.")
@click.option(
    "--connectors",
    metavar="WORDS",
    default="",
    help='Words that may stand inside a phrase, "of the"; english: the 16 of gensim.',
)
@click.option("--delimiter", metavar="TEXT", default="_", help="What is put between the words of a phrase.")
@click.option("--passes", metavar="N", type=click.IntRange(min=1), default=1, help="More passes make longer phrases.")
@text_options
@threads_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@json_option
def phrases(
    corpus: tuple[str, ...],
    output: str,
    scoring: str,
    threshold: float | None,
    min_count: int,
    connectors: str,
    delimiter: str,
    passes: int,
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **text: Any,
) -> None:
    """Join words that belong together: new york is new_york.

    CORPUS as of w2v train. Writes the text with its phrases joined, a sentence a line, one space between words. A
    phrase is two words, with connector words between them if there are any, that stand together more often than chance
    has it. --json prints every phrase with its score.

    \b
    Examples:
      w2v phrases corpus.txt -o joined.txt
      w2v phrases wiki-*.txt.gz -o joined.txt --scoring npmi --connectors english --passes 2
      w2v phrases corpus.txt -o - | w2v train -
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.config import available_cores
    from w2v_cli.corpus.encode import compile_passes, encode
    from w2v_cli.corpus.phrases import ENGLISH_CONNECTORS, THRESHOLDS, Joiner
    from w2v_cli.corpus.texts import TextOptions, Texts
    from w2v_cli.storage.atomic import atomic_file, check_writable, packing
    from w2v_cli.storage.opening import OPENERS
    from w2v_cli.storage.outputs import Named, require_apart

    if as_json and output == "-":
        raise click.UsageError("--json and -o -: both would go to stdout")
    if not delimiter or delimiter.split() != [delimiter] or delimiter.encode(errors="ignore").decode() != delimiter:
        raise click.UsageError("--delimiter must be something, and neither white space nor bytes that are no text")
    suffix = os.path.splitext(output)[1].lower()
    if suffix != ".gz" and suffix in OPENERS:
        raise ConfigError(f"{output}: text is written plain or as .gz", hint=f"-o {output.removesuffix(suffix)}.gz")
    texts = Texts(corpus, TextOptions(**text))
    texts.check_readable()
    show = ProgressLine(quiet)
    folder = tempfile.gettempdir()
    if output != "-":
        require_apart([Named(output, "the joined text")], texts.named)
        check_writable(output)
        folder = os.path.dirname(os.path.abspath(output))
    with show.compiling():
        compile_passes()
    inside = ENGLISH_CONNECTORS if connectors == "english" else connectors.split()
    threshold = THRESHOLDS[scoring] if threshold is None else threshold
    threads = threads or available_cores()
    with encode(texts, 1, None, threads, folder, show.corpus) as encoded:
        joiner = Joiner(encoded, min_count, threshold, scoring, inside, delimiter, threads)
        for number in range(1, passes + 1):
            found = joiner.find(show.joining)
            show.say(f"Pass {number}: {len(found):,} phrases")
            if as_json:
                for phrase in found:
                    print_json({"phrase": phrase.text, "score": phrase.score, "pass": number})
        if output == "-":
            stdout = sys.stdout.buffer
            for block in joiner.text(show.joining):
                stdout.write(block)
            stdout.flush()
        else:
            with atomic_file(output) as file, packing(file, output) as packer:
                for block in joiner.text(show.joining):
                    packer.write(block)
    show.done()
