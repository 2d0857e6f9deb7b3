"""`w2v train`: text in, model file out."""

from __future__ import annotations

import math
import os
import shlex
import sys
from typing import Any

import click

from w2v_cli.cli.console import json_option, print_json
from w2v_cli.cli.options import config_options
from w2v_cli.cli.progress import ProgressLine, duration
from w2v_cli.config import TrainConfig

DEFAULT_OUTPUT = "model.safetensors"
# The next command is shown with a word that is neither a function word nor rare.
EXAMPLE_RANK = 200


@click.command()
@click.argument("corpus", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", default=DEFAULT_OUTPUT, help="Where the model goes.")
@config_options
@click.option(
    "--tokenize",
    type=click.Choice(["whitespace", "words"]),
    default="whitespace",
    help="whitespace: tokens are what white space separates. words: letters and digits, for raw prose; slower.",
)
@click.option("--lower", is_flag=True, help="Lower-case the text.")
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace", "ignore"]),
    default="strict",
    help="What to do with bytes that are not UTF-8.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more: engine, fingerprint, the choices made.")
@json_option
def train(
    corpus: tuple[str, ...],
    output: str,
    tokenize: str,
    lower: bool,
    errors: str,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Learn word vectors from text.

    CORPUS is one or more text files (also .gz .bz2 .xz .zst), or - for stdin: UTF-8, one sentence a line,
    words separated by white space.

    \b
    Examples:
      w2v train corpus.txt
      w2v train wiki-*.txt.gz -o wiki.safetensors --dim 300 --subsample 1e-4
      zcat news.gz | w2v train - --tokenize words --lower --json > summary.json
    """
    config = TrainConfig(**options)
    show = ProgressLine(quiet)
    show.say(f"Reading {', '.join(corpus)}")

    from w2v_cli.cli.narrator import Narrator
    from w2v_cli.corpus.reader import TextOptions
    from w2v_cli.run import train_model

    text = TextOptions(errors=errors, lower=lower, tokenize=tokenize)
    run = train_model(corpus, config, text, output, Narrator(show, config, text, verbose))
    show.done()
    trained, words = run.trained, len(run.vocabulary)
    losses = ", ".join(f"{loss:.4f}" for loss in trained.losses)
    show.say(f"Loss by epoch, nats per prediction: {losses}")
    if config.loss == "softmax":
        show.say(f"Perplexity of the last epoch: {math.exp(trained.losses[-1]):,.1f}")
    show.say(", ".join(f"{phase} {duration(spent)}" for phase, spent in run.seconds.items()))
    show.say(f"Wrote {output}: {words:,} words × {config.dim}, {trained.words_per_second:,.0f} words/s")
    asked = [] if output == DEFAULT_OUTPUT and "W2V_MODEL" not in os.environ else ["-m", output]
    word = run.vocabulary.words[min(words - 1, EXAMPLE_RANK)]
    show.say(f"Next: {shlex.join(['w2v', 'similar', *asked, word])}")
    if as_json:
        print_json(
            {
                "output": output,
                "words": words,
                "dim": config.dim,
                "tokens": run.token_count,
                "epochs": config.epochs,
                "threads": config.thread_count,
                "seed": config.seed,
                "loss": trained.losses,
                "words_per_second": trained.words_per_second,
                "seconds": run.seconds,
                "peak_rss_bytes": peak_rss_bytes(),
            }
        )


def peak_rss_bytes() -> int:
    """The most memory this process has had resident, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024
