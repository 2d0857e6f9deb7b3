"""`w2v eval`: how good are the vectors?"""

from __future__ import annotations

import shutil
import textwrap
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.choices import METHODS, OOV, PROTOCOL_NAMES, TASKS
from w2v_cli.cli.console import answers_at_terminal, note, note_all, print_fields, print_json
from w2v_cli.cli.options import FILE, models_options, require_not_nan
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import Cell, print_csv, print_table, table_options
from w2v_cli.formats.reading import ReadOptions

if TYPE_CHECKING:
    from w2v_cli.embeddings.evaluation import Score

CSV_COLUMNS = ["model", "file", "kind", "section", "score", "low", "high", "correct", "seen", "total", "pearson"]
CSV_COLUMNS += ["oov", "protocol", "matrix"]


@click.command()
@click.argument("gold", metavar="GOLD...", nargs=-1, type=FILE, required=True)
@models_options
@click.option(
    "--task",
    type=click.Choice(TASKS),
    help="What GOLD holds. Its content tells pairs from analogies; odd (4 or more words, the odd one last) must be"
    " asked for.",
)
@click.option(
    "--column",
    metavar="NAME|NUMBER",
    help="The column of the ratings of word pairs: its name in the header, or its number, from 1. Default: the mean,"
    " as the header or the numbers tell.",
)
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOL_NAMES),
    default="word2vec",
    help="The rules. word2vec: those of compute-accuracy.c. gensim: those of evaluate_word_analogies and _pairs."
    " strict: case matters, every word may be an answer, and unknown words make an answer wrong.",
)
@click.option("--method", type=click.Choice(METHODS), default="3cosadd", help="How analogies are answered.")
@click.option(
    "--oov",
    type=click.Choice(OOV),
    help="Skip questions with unknown words, count them as wrong (pairs: as cosine 0), or compose the vectors of such"
    " words of their parts. Default: as the protocol says.",
)
@click.option(
    "--restrict-vocab",
    metavar="N",
    type=click.IntRange(min=1),
    help="Answer analogies only among the N most frequent words. Default: 30000 for word2vec, 300000 for gensim, all"
    " for strict.",
)
@click.option(
    "--require",
    metavar="SCORE",
    type=float,
    callback=require_not_nan,
    help="Exit with code 1 if a score is below this, or cannot be computed.",
)
@table_options
@click.pass_context
@pass_session
def eval(
    session: Session,
    context: click.Context,
    gold: tuple[str, ...],
    model_paths: tuple[str, ...],
    reading: ReadOptions,
    task: str | None,
    column: str | None,
    protocol: str,
    method: str,
    oov: str | None,
    restrict_vocab: int | None,
    require: float | None,
    style: str,
) -> None:
    """Score vectors on analogies and on word pairs.

    A GOLD file (- is stdin) holds analogies or word pairs; its content tells which. Analogies are ": section" lines and
    lines of 4 words, or pairs of words as in BATS; the score is the percentage of right answers. Word pairs are tables
    with 2 words and a number; the score is Spearman's ρ × 100. In a folder, all gold sets are read, and other files are
    named and skipped. Scores can be compared only under the same protocol, which is printed with them. The 95 %
    interval (bootstrap) says how much a score may change with other questions of the same kind. If no question of a
    file can be asked, the exit code is 1.

    \b
    Examples:
      w2v eval questions-words.txt
      w2v eval -m wiki.safetensors wordsim353.tsv --require 60
      w2v eval -m old.safetensors -m new.safetensors questions-words.txt
      w2v eval --task odd doesnt-fit.txt
      w2v eval ratings.csv --column 4
      w2v eval --json questions-words.txt | jq .score
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.gold import read_gold_sets

    # All files are read before any work is done.
    gold_sets = [gold_set for path in gold for gold_set in read_gold_sets(path, task, column, _note_skipped)]
    models = {path: session.model(path, reading) for path in model_paths}
    too_low, csv_rows, has_unasked = [], list[list[Cell]](), False
    for gold_set in gold_sets:
        scores: dict[str, Score] = {}
        for path, model in models.items():
            with ProgressLine(timed=False).compiling() if oov == "compose" else nullcontext():
                scores[path] = model.evaluate(
                    gold_set, protocol=protocol, method=method, oov=oov, restrict_vocab=restrict_vocab
                )
            if style == "json":
                print_json({**scores[path].as_dict(), "model": path, "matrix": model.matrix})
            csv_rows += _csv_rows(path, scores[path], model.matrix)
        if style == "text":
            _print_scores(scores, {path: model.matrix_description for path, model in models.items()})
        _note_remarks(scores)
        too_low += [] if require is None else _too_low(scores, require)
        has_unasked = has_unasked or any(score.unasked for score in scores.values())
    if style == "csv":
        print_csv(CSV_COLUMNS, csv_rows)
    for line in too_low:
        note(line)
    if too_low or has_unasked:
        context.exit(1)


def _note_skipped(message: str) -> None:
    note_all([message])


def _note_remarks(scores: dict[str, Score]) -> None:
    """Print the remarks on stderr, each once, with the model that it is about."""
    made_by: dict[str, list[str]] = {}
    for path, score in scores.items():
        for remark in score.remarks:
            made_by.setdefault(f"{score.file}: {remark}", []).append(path)
    for remark, paths in made_by.items():
        note(remark if len(paths) == len(scores) else f"{', '.join(paths)}: {remark}")


def _too_low(scores: dict[str, Score], require: float) -> list[str]:
    """Return a line for each score that is below the required one, or unknown."""
    return [
        f"{score.file}{f' with {path}' if len(scores) > 1 else ''}:"
        f" {_number(score.score)} is under the required {require:g}"
        for path, score in scores.items()
        if score.score is None or score.score < require
    ]


def _print_scores(scores: dict[str, Score], matrices: dict[str, str]) -> None:
    """Print the file, the protocol and, if any question was asked, a table: a row for each section and the total.

    Parameters
    ----------
    matrices : which vectors of each model were asked.
    """
    from w2v_cli.formats.matrices import DESCRIPTIONS

    first = next(iter(scores.values()))
    print_fields(f"{first.file}: {first.kind}")
    which = {matrices[path] for path in scores}
    is_same = len(which) == 1
    said = f", {matrices[next(iter(scores))]}" if is_same and which != {DESCRIPTIONS["input"]} else ""
    for line in _wrapped(first.protocol + said):
        print_fields(line)
    if not any(score.seen for score in scores.values()):
        print_fields("no question can be asked")
    elif len(scores) > 1:
        _print_side_by_side(scores, {} if is_same else matrices)
    else:
        columns = ["score", "correct", "seen", "total"] if first.sections else ["score", "pearson", "seen", "total"]
        rows = [
            [row["section"], *(_number(row[column]) for column in columns), _interval(row["low"], row["high"])]
            for row in _rows(first)
        ]
        print_table(["section", *columns, "95 %"], rows)
    print_fields()


def _wrapped(sentence: str) -> list[str]:
    """Return the lines of a sentence on a terminal; elsewhere it is one line, as programs expect it."""
    return textwrap.wrap(sentence, shutil.get_terminal_size().columns) if answers_at_terminal() else [sentence]


def _print_side_by_side(scores: dict[str, Score], matrices: dict[str, str]) -> None:
    """Print a table with a row for each section and a column for each model; intervals and counts are below.

    Parameters
    ----------
    matrices : which vectors of each model were asked; empty if that is said elsewhere.
    """
    rows_of = [_rows(score) for score in scores.values()]
    table = [[rows[0]["section"], *(_number(row["score"]) for row in rows)] for rows in zip(*rows_of, strict=True)]
    totals = [rows[-1] for rows in rows_of]
    table.append(["95 %", *(_interval(row["low"], row["high"]) for row in totals)])
    table.append(["seen / total", *(f"{row['seen']} / {row['total']}" for row in totals)])
    if matrices:
        table.append(["vectors", *(matrices[path] for path in scores)])
    print_table(["section", *scores], table)


def _rows(score: Score) -> list[dict[str, Any]]:
    """Return a row for each section and the total, all with the same keys."""
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
    correct = sum(section.correct for section in score.sections) if score.kind != "pairs" else None
    total = {"section": "total", "score": score.score, "seen": score.seen, "total": score.total}
    return [*rows, {**total, "low": low, "high": high, "correct": correct, "pearson": score.pearson}]


def _csv_rows(model: str, score: Score, matrix: str) -> list[list[Cell]]:
    """Return a row of CSV_COLUMNS for each section and the total."""
    about = {"model": model, "file": score.file, "kind": score.kind, "oov": score.oov, "protocol": score.protocol}
    about |= {"matrix": matrix}
    rows = [{**about, **row} for row in _rows(score)]
    return [[row[column] for column in CSV_COLUMNS] for row in rows]


def _number(value: float | None) -> str:
    """Return a count as it is, a score with one decimal, and a dash for an unknown score."""
    return "–" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.1f}…{high:.1f}"
