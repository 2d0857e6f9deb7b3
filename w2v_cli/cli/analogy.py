"""`w2v analogy`: a is to b as c is to what?"""

from __future__ import annotations

from collections.abc import Sequence

import click

from w2v_cli.choices import METHODS
from w2v_cli.cli.console import given_words
from w2v_cli.cli.options import WORD, count_option, model_options, restrict_option
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import print_answers, table_options
from w2v_cli.cli.unseen import answerable_words
from w2v_cli.errors import ConfigError
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("words", metavar="A B C", nargs=-1, type=WORD, required=True)
@model_options
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="3cosadd",
    help="3cosadd: by the cosine to b - a + c. 3cosmul: by the product of the similarities to b and c, divided by that"
    " to a.",
)
@count_option
@restrict_option
@table_options
@pass_session
def analogy(
    session: Session,
    words: tuple[str, ...],
    model_path: str,
    reading: ReadOptions,
    method: str,
    count: int,
    restrict_vocab: int | None,
    style: str,
) -> None:
    """Find D, where A is to B as C is to D.

    Prints one line per answer: the question, the word and its score (with 3cosadd, the cosine), separated by tabs
    (aligned on a terminal); best first. A, B and C are never answers. - reads questions from stdin, three words per
    line.

    \b
    Examples:
      w2v analogy man king woman
      w2v analogy -k 1 --method 3cosmul berlin germany paris
      cut -d " " -f 1-3 questions.txt | w2v analogy -k 1 --json -
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.queries import analogy as answer_analogies

    questions = [_three(line.split()) for line in given_words(words)] if "-" in words else [_three(words)]
    model = session.asked(model_path, reading)
    vectors = model.word_vectors
    has_vector = set(answerable_words([word for question in questions for word in question], vectors))
    known = [question for question in questions if has_vector.issuperset(question)]
    score_name = "cosine" if method == "3cosadd" else "score"
    found = list(zip(known, answer_analogies(vectors, known, count, method, restrict_vocab), strict=True))
    columns = ["word", score_name]
    rows = ((" ".join(question), *answer) for question, answers in found for answer in answers)
    objects = (
        {
            "question": question,
            "method": method,
            "matrix": model.matrix,
            "answers": [dict(zip(columns, answer, strict=True)) for answer in best],
        }
        for question, best in found
    )
    if known:  # a header without any answer below it would look like an answer
        print_answers(style, ["question", *columns], rows, objects)
    vectors.covering([word for question in questions for word in question])


def _three(words: Sequence[str]) -> tuple[str, str, str]:
    if len(words) != 3:
        raise ConfigError(
            f"a question is three words, not {len(words)}: {' '.join(words)}", hint="A is to B as C is to ?"
        )
    return words[0], words[1], words[2]
