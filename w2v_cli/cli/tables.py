"""Tables on stdout: aligned on a terminal, tab-separated elsewhere, CSV with --csv, one object per row with --json."""

from __future__ import annotations

import csv
import functools
import os
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

import click

from w2v_cli.cli.console import answers_at_terminal, field_escaper, print_json, print_lines, print_rows
from w2v_cli.cli.options import json_option

Command = TypeVar("Command", bound=Callable[..., Any])
Cell = str | float | None

# This many rows are aligned, or joined before they are written, at a time: a vocabulary may have millions.
_ROWS = 10_000
# Columns of a terminal become no wider than this; a longer cell moves the rest of its line.
_WIDEST = 60

csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header, for spreadsheets.")


def table_options(command: Command) -> Command:
    """Add --json and --csv, which exclude each other; the command gets them as one `style`: json, csv or text."""

    @functools.wraps(command)
    def with_style(*args: Any, as_json: bool, as_csv: bool, **options: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError("--json and --csv exclude each other")
        return command(*args, **options, style="json" if as_json else "csv" if as_csv else "text")

    decorated: Any = with_style
    return json_option(csv_option(decorated))


def print_answers(
    style: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    objects: Iterable[object],
    *,
    decimals: str = ".4f",
    titles: Sequence[str] | None = None,
) -> None:
    """Print answers in the chosen style. Only one of `rows` and `objects` is read.

    Parameters
    ----------
    style : what `table_options` made of the command line.
    columns : the names of the columns, for CSV and, if there are titles, for tab-separated lines.
    rows : the answers as rows of texts and numbers; None is an empty cell.
    objects : the answers as JSON has them.
    decimals : how floats are written; CSV has all their digits.
    titles : the header on a terminal; None: no header but for CSV.
    """
    if style == "json":
        for item in objects:
            print_json(item)
    elif style == "csv":
        print_csv(columns, rows)
    elif answers_at_terminal():
        _print_aligned(titles, rows, decimals)
    else:
        print_rows(_texts(chain([columns] if titles else [], rows), decimals))


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print CSV (RFC 4180, but with plain line ends): a header, then the rows with all digits of their numbers."""
    _mark_new_file()
    lines: list[str] = []
    # The csv module quotes the characters of its line end. `print_lines` ends the lines in the way of the others.
    writer = csv.writer(_Lines(lines), lineterminator="\r\n")
    cells, escaped = chain([columns], rows), field_escaper(separating=False)
    while batch := list(islice(cells, _ROWS)):
        for row in batch:
            writer.writerow(["" if cell is None else escaped(str(cell)) for cell in row])
        print_lines(line.removesuffix("\r\n") for line in lines)
        lines.clear()


class _Lines:
    """What the csv module takes for a file: it writes one line at a time."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _mark_new_file() -> None:
    """Begin an empty file on stdout with a byte order mark.

    Without it, Excel takes UTF-8 for another encoding. A pipe gets none, because a program would take it for a part of
    the first column's name.
    """
    try:
        sys.stdout.flush()
        status = os.fstat(sys.stdout.fileno())
    except OSError:  # something without a descriptor stands in for stdout
        return
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        click.echo("\ufeff".encode(), nl=False)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print an aligned table on stdout: the first column to the left, the others, which are numbers, to the right."""
    print_lines(_aligned([header, *rows], [True] + [False] * (len(header) - 1)))


def print_matrix(style: str, names: Sequence[str], rows: Sequence[Sequence[float]], decimals: str = ".4f") -> None:
    """Print numbers, as text or CSV, with names above the columns and before the rows."""
    header = ["", *names]
    named: list[list[Cell]] = [[name, *row] for name, row in zip(names, rows, strict=True)]
    if style == "csv":
        print_csv(header, named)
    elif answers_at_terminal():
        print_table(header, list(_texts(named, decimals)))
    else:
        print_rows([header, *_texts(named, decimals)])


def _print_aligned(titles: Sequence[str] | None, rows: Iterable[Sequence[Cell]], decimals: str) -> None:
    """Print rows aligned, the first ones below the titles: texts to the left, numbers to the right."""
    rows = iter(rows)
    while batch := list(islice(rows, _ROWS)):
        to_left = [any(isinstance(cell, str) for cell in column) for column in zip(*batch, strict=True)]
        print_lines(_aligned([*([titles] if titles else []), *_texts(batch, decimals)], to_left))
        titles = None


def _texts(rows: Iterable[Sequence[Cell]], decimals: str) -> Iterable[list[str]]:
    # Most cells are texts, and a call for each would take long for a large vocabulary.
    return ([cell if isinstance(cell, str) else _text(cell, decimals) for cell in row] for row in rows)


def _text(cell: Cell, decimals: str) -> str:
    return "" if cell is None else format(cell, decimals) if isinstance(cell, float) else str(cell)


def _aligned(rows: Sequence[Sequence[str]], to_left: Sequence[bool]) -> list[str]:
    """Return lines with two blanks or more between their columns."""
    escaped = field_escaper()
    cells = [[escaped(cell) for cell in row] for row in rows]
    widths = [min(_WIDEST, max(map(display_width, column))) for column in zip(*cells, strict=True)]
    return ["  ".join(map(_padded, row, widths, to_left)).rstrip() for row in cells]


def _padded(text: str, width: int, to_left: bool) -> str:
    blanks = " " * (width - display_width(text))
    return text + blanks if to_left else blanks + text


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    Examples
    --------
    >>> display_width("king"), display_width("한국"), display_width("e\u0301"), display_width("\u1112\u1161\u11ab")
    (4, 4, 1, 2)
    """
    if text.isascii():
        return len(text)
    # Imported here so that `w2v --help` need not wait for it.
    import unicodedata

    # The vowels and final consonants of decomposed Hangul are drawn into the syllable that their first letter began.
    return sum(
        0
        if unicodedata.category(letter) in ("Mn", "Me", "Cf") or "\u1160" <= letter <= "\u11ff"
        else 1 + (unicodedata.east_asian_width(letter) in ("W", "F"))
        for letter in text
    )
