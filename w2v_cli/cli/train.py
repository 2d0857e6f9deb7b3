"""`w2v train`: text in, model file out."""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from w2v_cli.cli.console import json_option, print_json
from w2v_cli.cli.options import config_options
from w2v_cli.cli.progress import ProgressLine, duration
from w2v_cli.config import TrainConfig
from w2v_cli.errors import ConfigError

DEFAULT_OUTPUT = "model.safetensors"
# Above this share of tokens that end in punctuation a text is taken for raw prose.
UNTOKENISED_SHARE = 0.05
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

    from importlib.metadata import version

    from w2v_cli.corpus.encoded import compile_passes, encode
    from w2v_cli.corpus.reader import TextOptions, check_readable
    from w2v_cli.embeddings.files import check_writable, save_model
    from w2v_cli.jit import WHY_NOT_COMPILED
    from w2v_cli.training.engines import resolve_engine
    from w2v_cli.training.trainer import Trainer

    check_readable(corpus)
    check_writable(output)
    require_another_file(output, corpus)
    if resolve_engine(config.engine) == "reference" and WHY_NOT_COMPILED is not None:
        show.say(f"numba does not import ({WHY_NOT_COMPILED}): training with the numpy engine, which is slow")
    with show.compiling():
        compile_seconds = compile_passes()
    text = TextOptions(errors=errors, lower=lower, tokenize=tokenize)
    folder = Path(output).absolute().parent
    with encode(corpus, config.min_count, config.max_vocab, text, config.thread_count, folder, show.corpus) as encoded:
        words = len(encoded.vocabulary)
        show.say(f"{words:,} words; {encoded.token_count:,} of {encoded.raw_token_count:,} tokens kept")
        if tokenize == "whitespace" and encoded.untokenised_share > UNTOKENISED_SHARE:
            show.say(
                f"Hint: {encoded.untokenised_share:.0%} of the tokens end in punctuation; "
                "for raw prose use --tokenize words"
            )
        trainer = Trainer(config, encoded)
        show.say(f"The parameters take {trainer.parameters.nbytes / 2**20:,.0f} MB of memory")
        with show.compiling():
            compile_seconds += trainer.compile()
        if verbose:
            show.say(f"Text sha256 {encoded.fingerprint}")
            show.say(f"Engine {trainer.engine}, {trainer.workers} workers; {config}")
            show.say(f"Learning rate {config.alpha_start:g} to {config.alpha_min:g}")
        estimate = duration(trainer.estimate_seconds())
        show.say(f"Training {config.epochs} × {encoded.token_count:,} tokens takes about {estimate}")
        trained = trainer.train(show.training)
        show.done()
        begun = time.perf_counter()
        save_model(
            output,
            encoded.vocabulary.words,
            encoded.vocabulary.counts,
            trained.parameters.tensors(),
            {
                "version": version("w2v-cli"),
                "config": json.dumps(config.as_dict()),
                "text": json.dumps(asdict(text)),
                "seed": str(config.seed),
                "corpus_fingerprint": encoded.fingerprint,
                "corpus_tokens": str(encoded.token_count),
                "loss": json.dumps(trained.losses),
            },
        )
        seconds = {
            **encoded.seconds,
            "compile": compile_seconds,
            "train": trained.seconds,
            "save": time.perf_counter() - begun,
        }
    losses = ", ".join(f"{loss:.4f}" for loss in trained.losses)
    show.say(f"Loss by epoch, nats per prediction: {losses}")
    if config.loss == "softmax":
        show.say(f"Perplexity of the last epoch: {math.exp(trained.losses[-1]):,.1f}")
    show.say(", ".join(f"{phase} {duration(spent)}" for phase, spent in seconds.items()))
    show.say(f"Wrote {output}: {words:,} words × {config.dim}, {trained.words_per_second:,.0f} words/s")
    asked = [] if output == DEFAULT_OUTPUT and "W2V_MODEL" not in os.environ else ["-m", output]
    word = encoded.vocabulary.words[min(words - 1, EXAMPLE_RANK)]
    show.say(f"Next: {shlex.join(['w2v', 'similar', *asked, word])}")
    if as_json:
        print_json(
            {
                "output": output,
                "words": words,
                "dim": config.dim,
                "tokens": encoded.token_count,
                "epochs": config.epochs,
                "threads": config.thread_count,
                "seed": config.seed,
                "loss": trained.losses,
                "words_per_second": trained.words_per_second,
                "seconds": seconds,
                "peak_rss_bytes": peak_rss_bytes(),
            }
        )


def require_another_file(output: str, corpus: tuple[str, ...]) -> None:
    """Refuse to write the model over one of its texts, as `-o *.txt` would."""
    for path in corpus:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path):
            raise ConfigError(f"-o {output} is one of the texts and would be overwritten", hint="-o takes a new name")


def peak_rss_bytes() -> int:
    """The most memory this process has had resident, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024
