"""`w2v predict`: the words that the model expects."""

from __future__ import annotations

from contextlib import nullcontext

import click

from w2v_cli.cli.console import given_words
from w2v_cli.cli.options import WORD, count_option, whole_model_options
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import print_answers, table_options
from w2v_cli.cli.unseen import note_composed
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("context", metavar="CONTEXT...", nargs=-1, type=WORD, required=True)
@whole_model_options
@count_option
@table_options
@pass_session
def predict(
    session: Session, context: tuple[str, ...], model_path: str, reading: ReadOptions, count: int, style: str
) -> None:
    """Print the words that the model expects in the middle.

    CONTEXT is the words around the middle, in any order; they are never answers. Prints one line per answer: the word
    and its likelihood, separated by a tab (aligned on a terminal). The likelihood is e^-loss, where the loss is the
    model's own loss per prediction for this window. With softmax and hs it is a probability among all words; with
    negative sampling, the probability that the word is not noise.

    In skip-gram with parts of words or with softmax, the model has learnt to predict the context from the middle. The
    likelihood is then that of CONTEXT, a mean over its words, and these must be in the vocabulary.

    Needs a model of w2v train with its output vectors. Unknown words are left out, and the exit code is 1. - reads
    words from stdin, one per line.

    \b
    Examples:
      w2v predict crown throne empire
      w2v predict -m model.safetensors -k 3 whiskers fur milk
      w2v predict --json crown throne empire | jq -r '.answers[0].word'
    """
    asked = given_words(context)
    model = session.model(model_path, reading)
    known = model.context_words(asked)
    note_composed(known, model.word_vectors)
    if known:
        with ProgressLine(timed=False).compiling() if model.word_vectors.parts is not None else nullcontext():
            answers = model.predict(known, count)
        rows = ((answer.word, answer.likelihood) for answer in answers)
        found = {"context": known, "answers": [answer._asdict() for answer in answers]}
        print_answers(style, ["word", "likelihood"], rows, [found], decimals=".4g")
    unknown = [word for word in asked if word not in known]
    if unknown:
        raise model.word_vectors.unknown(unknown)
