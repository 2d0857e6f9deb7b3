"""`w2v eval`: score the vectors."""

from __future__ import annotations

from typing import Any

import click

from w2v_cli.cli.console import json_option, note, print_fields, print_json, print_table, vectors_option


@click.command()
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True)
@vectors_option
@click.option(
    "--restrict-vocab",
    metavar="N",
    type=click.IntRange(min=1),
    default=30_000,
    help="Answer analogies among the N most frequent words.",
)
@click.option("--require", metavar="SCORE", type=float, help="Exit with 1 if any score is under this.")
@json_option
@click.pass_context
def eval(
    context: click.Context,
    gold: tuple[str, ...],
    vectors_path: str,
    restrict_vocab: int,
    require: float | None,
    as_json: bool,
) -> None:
    """Score vectors on analogies and on word pairs.

    A GOLD file holds analogies (": section" lines, then 4 words a line; scored in percent) or word pairs
    (2 words and a number a line, separated by tabs, commas or spaces; scored in Spearman's ρ × 100). Which
    one it is, its content tells. Scores compare only under the same protocol, which is printed with them.

    \b
    Examples:
      w2v eval questions-words.txt
      w2v eval -m wiki.safetensors questions-words.txt wordsim353.txt --require 35
      w2v eval --json questions-words.txt | jq .score
    """
    # Here and not above: `w2v --help` shall not wait for numpy.
    from w2v_cli.embeddings.evaluation import evaluate, read_gold
    from w2v_cli.embeddings.files import load_vectors

    # Every gold file is read before any work is done.
    gold_sets = [read_gold(path) for path in gold]
    vectors = load_vectors(vectors_path)
    too_low = []
    for gold_set in gold_sets:
        score = evaluate(vectors, gold_set, restrict_vocab)
        if as_json:
            print_json(score.as_dict())
        else:
            _print_score(score.as_dict())
        if require is not None and (score.score is None or score.score < require):
            too_low.append(f"{score.file}: {_number(score.score)} is under the required {require:g}")
    for line in too_low:
        note(line)
    if too_low:
        context.exit(1)


def _print_score(score: dict[str, Any]) -> None:
    """The file and the protocol, then a table with a row per section and the total."""
    print_fields(f"{score['file']}: {score['kind']}")
    print_fields(score["protocol"])
    if score["kind"] == "pairs":
        rows = [{**score, "name": "total"}]
        columns = ["score", "pearson", "seen", "total"]
    else:
        correct = sum(section["correct"] for section in score["sections"])
        rows = [*score["sections"], {**score, "name": "total", "correct": correct}]
        columns = ["score", "correct", "seen", "total"]
    print_table(
        ["section", *columns],
        [[row["name"], *(_number(row[column]) for column in columns)] for row in rows],
    )
    print_fields()


def _number(value: float | None) -> str:
    """A count as it is, a score with one digit, a dash for a score that nobody can know."""
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
