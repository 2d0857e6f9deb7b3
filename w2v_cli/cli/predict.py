"""`w2v predict`: what the model expects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from w2v_cli.cli.ask import count_option, require_known
from w2v_cli.cli.console import given, json_option, open_model, print_fields, print_json, vectors_option
from w2v_cli.errors import ModelFileError

if TYPE_CHECKING:
    import numpy as np

    from w2v_cli.formats.model_file import ModelFile


@click.command()
@click.argument("context", metavar="CONTEXT...", nargs=-1, required=True)
@vectors_option
@count_option
@json_option
def predict(context: tuple[str, ...], vectors_path: str, count: int, as_json: bool) -> None:
    """Print the words that the model expects in the middle.

    CONTEXT is the words around it, in any order; they are no answers. One line per answer: the word, and how likely the
    model finds it: e to the minus its own loss of such a window, per prediction. With softmax and hs that is a
    probability among all words; with negative sampling that of being no noise. Needs a model of w2v train with its
    output vectors. Unknown words are left out, and the exit code is 1. - reads words from stdin, one a line.

    \b
    Examples:
      w2v predict the cat on the
      w2v predict -m wiki.safetensors -k 3 capital of is
      w2v predict --json the cat on the | jq -r '.answers[0].word'
    """
    asked = given(context)
    model = open_model(vectors_path)
    vectors = model.vectors
    known = [word for word in asked if word in vectors]
    if known:
        losses = _losses(model, known)
        losses[vectors.ids_of(known)] = float("inf")
        best = losses.argsort(kind="stable")[: min(count, len(vectors) - len(set(known)))].tolist()
        answers = [(vectors.words[i], float(losses[i])) for i in best]
        if as_json:
            found = [{"word": word, "likelihood": math.exp(-loss), "loss": loss} for word, loss in answers]
            print_json({"context": known, "answers": found})
        else:
            for word, loss in answers:
                print_fields(word, f"{math.exp(-loss):.4g}")
    require_known(vectors, asked)


def _losses(model: ModelFile, context: list[str]) -> np.ndarray:
    """The loss of the window for every word in its middle, by the model file's own configuration."""
    from w2v_cli.embeddings.predict import middle_losses
    from w2v_cli.engines.objective import make_objective

    vectors = model.vectors
    try:
        config = model.config
    except ModelFileError:
        config = None
    if config is None or vectors.counts is None:
        raise ModelFileError(
            f"{model.name} does not say how it was trained, and has no output vectors to predict with",
            hint="predict takes a model of w2v train",
        )
    objective = make_objective(config, vectors.counts)
    return middle_losses(objective, vectors.matrix, model.table(objective.output_name), vectors.ids_of(context))
