"""`w2v loss`: how well a model predicts a text that it was not trained on."""

from __future__ import annotations

import math
import sys
from typing import Any

import click

from w2v_cli.cli.console import print_fields, print_json
from w2v_cli.cli.options import (
    FILE,
    json_option,
    model_option,
    only_model,
    other_text_options,
    quiet_option,
    suffix_option,
    threads_option,
)
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session, pass_session

# If fewer of the words are known, the text was probably read in another way than the model's own.
_LEAST_KNOWN = 0.5


@click.command()
@click.argument("text", nargs=-1, type=FILE, required=True)
@model_option("model_path", "Model of w2v train, as .safetensors: it must hold all its tables.", only_model)
@other_text_options
@suffix_option
@threads_option
@quiet_option
@json_option
@pass_session
def loss(
    session: Session,
    text: tuple[str, ...],
    model_path: str,
    suffix: str | None,
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure the loss of a model on held-out text.

    TEXT, on which the model was not trained, is what w2v train takes. Prints the mean negative log-likelihood per
    prediction, in nats: the number that w2v train --validate TEXT gives for this model. With the full softmax, also the
    perplexity, e^loss. Models of other options (loss, window, subsampling, noise words, vocabulary) predict other
    things, so that their losses cannot be compared.

    The text is read as the model's own text was, unless an option says otherwise. Words that the model lacks are left
    out, and counted. Of a text with more than 200,000 known words, 200 pieces of 1,000 words are measured.

    \b
    Examples:
      w2v loss held-out.txt
      w2v loss -m model.safetensors other/*.txt
      w2v loss --json held-out.txt | jq .loss
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    with ProgressLine(quiet) as show:
        if "-" in text and sys.stdin is not None and sys.stdin.isatty():
            show.say("Reading lines from the terminal; Ctrl-D ends")
        model = session.model(model_path)
        with show.compiling():
            found = model.measure(text, given, suffix, threads, show.say, show.corpus)
        show.done()
        if found.tokens < _LEAST_KNOWN * (found.tokens + found.unknown):
            show.say("Most words are unknown: was the model's text read with other options, such as --lower?")
    if as_json:
        print_json({"model": model_path, "text": list(text), **found._asdict()})
        return
    for name, value in found._asdict().items():
        if value is not None and not math.isnan(value):
            print_fields(name, f"{value:.6f}" if isinstance(value, float) else str(value))
