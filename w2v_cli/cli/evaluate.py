"""`w2v eval`: score the vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from w2v_cli.cli.console import (
    format_option,
    json_option,
    note,
    open_vectors,
    print_csv,
    print_fields,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from w2v_cli.embeddings.evaluation import Score

CSV_COLUMNS = ["model", "file", "kind", "section", "score", "low", "high", "correct", "seen", "total", "pearson"]
CSV_COLUMNS += ["oov", "protocol"]


@click.command()
@click.argument("gold", metavar="GOLD...", nargs=-1, required=True)
@click.option(
    "-m",
    "--vectors",
    "vectors_paths",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    envvar="W2V_MODEL",
    show_envvar=True,
    default=["model.safetensors"],
    help="Model file; given several times, the models stand side by side.",
)
@format_option
@click.option(
    "--protocol",
    type=click.Choice(["word2vec", "gensim", "strict"]),
    default="word2vec",
    help="Whose numbers. word2vec: compute-accuracy.c's. gensim: evaluate_word_analogies' and _pairs'. strict: case"
    " counts, all words may be answers, unknown words make an answer wrong.",
)
@click.option(
    "--method",
    type=click.Choice(["3cosadd", "3cosmul"]),
    default="3cosadd",
    help="How analogies are answered.",
)
@click.option(
    "--oov",
    type=click.Choice(["skip", "wrong"]),
    help="Questions with unknown words: left out, or counted wrong (pairs: cosine 0). Default: the protocol's.",
)
@click.option(
    "--restrict-vocab",
    metavar="N",
    type=click.IntRange(min=1),
    help="Answer analogies among the N most frequent words. Default: word2vec 30000, gensim 300000, strict all.",
)
@click.option("--require", metavar="SCORE", type=float, help="Exit with 1 if any score is under this.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print a header and a line of CSV for every section and total.")
@click.pass_context
def eval(
    context: click.Context,
    gold: tuple[str, ...],
    vectors_paths: tuple[str, ...],
    protocol: str,
    method: str,
    oov: str | None,
    restrict_vocab: int | None,
    require: float | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Score vectors on analogies and on word pairs.

    A GOLD file (- is stdin) holds analogies (": section" lines, then 4 words a line; scored in percent) or word pairs
    (2 words and a number a line, separated by tabs, commas or spaces; scored in Spearman's ρ × 100). Which one it is,
    its content tells. Scores compare only under the same protocol, which is printed with them. The 95 % interval says
    how far a score may move with other questions of the same kind (bootstrap).

    \b
    Examples:
      w2v eval questions-words.txt
      w2v eval -m wiki.safetensors questions-words.txt wordsim353.txt --require 35
      w2v eval -m old.safetensors -m new.safetensors --protocol gensim questions-words.txt
      w2v eval --json questions-words.txt | jq .score
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.evaluation import PROTOCOLS, evaluate
    from w2v_cli.embeddings.gold import read_gold

    if as_json and as_csv:
        raise click.UsageError("--json and --csv: one of them")
    # Every file is read before any work is done.
    gold_sets = [read_gold(path) for path in gold]
    models = {path: open_vectors(path) for path in vectors_paths}
    if as_csv:
        print_csv(CSV_COLUMNS)
    too_low = []
    for gold_set in gold_sets:
        scores = []
        for path, vectors in models.items():
            score = evaluate(vectors, gold_set, PROTOCOLS[protocol], method, oov, restrict_vocab)
            scores.append(score)
            if as_json:
                print_json({**score.as_dict(), "model": path})
            if as_csv:
                _print_csv(path, score)
            if require is not None and (score.score is None or score.score < require):
                of_model = f" with {path}" if len(models) > 1 else ""
                too_low.append(f"{score.file}{of_model}: {_number(score.score)} is under the required {require:g}")
        if not as_json and not as_csv:
            _print_scores(list(models), scores)
    for line in too_low:
        note(line)
    if too_low:
        context.exit(1)


def _print_scores(models: list[str], scores: list[Score]) -> None:
    """The file and the protocol, then a table with a row per section and the total."""
    print_fields(f"{scores[0].file}: {scores[0].kind}")
    print_fields(scores[0].protocol)
    if len(models) > 1:
        _print_side_by_side(models, scores)
    else:
        columns = ["score", "correct", "seen", "total"] if scores[0].sections else ["score", "pearson", "seen", "total"]
        rows = [
            [row["section"], *(_number(row[column]) for column in columns), _interval(row["low"], row["high"])]
            for row in _rows(scores[0])
        ]
        print_table(["section", *columns, "95 %"], rows)
    print_fields()


def _print_side_by_side(models: list[str], scores: list[Score]) -> None:
    """A row per section, a column per model, and below what belongs to the totals."""
    rows_of = [_rows(score) for score in scores]
    table = [[rows[0]["section"], *(_number(row["score"]) for row in rows)] for rows in zip(*rows_of, strict=True)]
    totals = [rows[-1] for rows in rows_of]
    table.append(["95 %", *(_interval(row["low"], row["high"]) for row in totals)])
    table.append(["seen / total", *(f"{row['seen']} / {row['total']}" for row in totals)])
    print_table(["section", *models], table)


def _rows(score: Score) -> list[dict[str, Any]]:
    """Every section and the total, with the same keys."""
    nothing = {"low": None, "high": None, "correct": None, "pearson": None}
    rows: list[dict[str, Any]] = [
        {
            **nothing,
            "section": section.name,
            "score": section.score,
            "correct": section.correct,
            "seen": section.seen,
            "total": section.total,
        }
        for section in score.sections
    ]
    low, high = score.interval or (None, None)
    correct = sum(section.correct for section in score.sections) if score.kind == "analogies" else None
    total = {"section": "total", "score": score.score, "seen": score.seen, "total": score.total}
    return [*rows, {**total, "low": low, "high": high, "correct": correct, "pearson": score.pearson}]


def _print_csv(model: str, score: Score) -> None:
    about = {
        "model": model,
        "file": score.file,
        "kind": score.kind,
        "oov": score.oov,
        "protocol": score.protocol,
    }
    for row in _rows(score):
        values = {**about, **row}
        print_csv(["" if values[column] is None else values[column] for column in CSV_COLUMNS])


def _number(value: float | None) -> str:
    """A count as it is, a score with one digit, a dash for a score that nobody can know."""
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.1f}…{high:.1f}"
