"""`w2v drift`: which words have moved between two models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.choices import DRIFT_MEASURES
from w2v_cli.cli.console import answers_at_terminal, given_words, note, note_all
from w2v_cli.cli.options import FILE, WORD, reading_options
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.tables import Cell, print_answers, table_options
from w2v_cli.formats.reading import ReadOptions

if TYPE_CHECKING:
    from w2v_cli.embeddings.alignment import Alignment
    from w2v_cli.embeddings.drift import Drift
    from w2v_cli.embeddings.queries import Neighbour

_NEIGHBOURS = ("old_neighbours", "new_neighbours")
_COLUMNS = ["word", "cosine", "overlap", *_NEIGHBOURS]
# A line of a terminal has room for so many neighbours.
_SHOWN = 3
# With this share of the mean cosine even before a rotation, the two spaces are probably one.
_ONE_SPACE = 0.95


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.argument("words", metavar="[WORD...]", nargs=-1, type=WORD)
@click.option(
    "-k",
    "count",
    metavar="N",
    type=click.IntRange(min=1),
    default=10,
    help="Number of neighbours that are compared, and printed, for each word.",
)
@click.option(
    "--by",
    type=click.Choice(DRIFT_MEASURES),
    default="cosine",
    help="Rank by the cosine of the two vectors, or by the overlap of the neighbours, which takes longer.",
)
@click.option(
    "--top", metavar="N", type=click.IntRange(min=1), help="Print only the N words that moved farthest. Default: all."
)
@click.option(
    "--words",
    "most",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only words that are among the N most frequent ones of both files. Default: all.",
)
@click.option(
    "--min-count",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="Only words that occur N times or more in the texts of both. Rare words move by chance.",
)
@click.option(
    "--aligned",
    is_flag=True,
    help="Compare the vectors as they are, because they are in one space: w2v align has written one of the files, for"
    " example.",
)
@reading_options(what="OLD and NEW", with_matrix=False)
@table_options
@pass_session
def drift(
    session: Session,
    old: str,
    new: str,
    words: tuple[str, ...],
    count: int,
    by: str,
    top: int | None,
    most: int | None,
    min_count: int,
    aligned: bool,
    reading: ReadOptions,
    style: str,
) -> None:
    """Rank words by how far they moved between two models.

    Prints one line per word that both files have, or per WORD: the word, the cosine of its two vectors, the overlap of
    its old and new neighbours (those in both lists ÷ those in either), and the nearest words in OLD and in NEW,
    separated by tabs (aligned on a terminal, which shows only the first three neighbours). The word that moved farthest
    comes first. Neighbours are looked for among the words that both files have.

    Before that, NEW is rotated into the space of OLD as by w2v align, unless both have the same output vectors: then
    they were trained with --freeze output and are in one space. w2v help drift compares the two ways.

    \b
    Examples:
      w2v drift 1850.safetensors 1950.safetensors --min-count 50 --top 20
      w2v drift 1850.safetensors 1950.safetensors broadcast record
      w2v drift old.bin new.bin --words 20000 --json | jq -r .word | head
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.api.drift import known_ids, moves_between, require_shared

    before, after = session.model(old, reading), session.model(new, reading)
    asked = given_words(words)
    moves, alignment = moves_between(before, after, most, min_count, aligned)
    if not aligned:
        _say_how(old, new, alignment)
    found = moves.ranked(count, by, top, known_ids(moves, asked) if asked else None)
    # Pipes get lines that cut and awk can read, as from the other commands.
    titles = _COLUMNS if answers_at_terminal() else None
    print_answers(style, _COLUMNS, _rows(found), _objects(found), titles=titles)
    require_shared(moves, before, after, asked)


def _say_how(old: str, new: str, alignment: Alignment | None) -> None:
    """Say on stderr how the two spaces were made one."""
    if alignment is None:
        note("One space: both models have the same output vectors")
        return
    note_all([alignment.remark] if alignment.remark else [])
    cosines = f"{alignment.before:.3f} before, {alignment.after:.3f} after"
    note(f"Rotated {new} into the space of {old} by {alignment.words:,} words: mean cosine {cosines}")
    if alignment.before >= _ONE_SPACE * alignment.after > 0:
        note("Note: they seem to be in one space already; --aligned compares them as they are")


def _rows(found: Iterable[Drift]) -> Iterator[list[Cell]]:
    """Yield a row for each word."""
    shown = _SHOWN if answers_at_terminal() else None
    for word, cosine, overlap, before, after in found:
        yield [word, cosine, overlap, _joined(before[:shown]), _joined(after[:shown])]


def _joined(neighbours: list[Neighbour]) -> str:
    return " ".join(neighbour.word for neighbour in neighbours)


def _objects(found: Iterable[Drift]) -> Iterator[dict[str, Any]]:
    """Yield an object for each word."""
    for drift in found:
        lists = {name: [item._asdict() for item in getattr(drift, name)] for name in _NEIGHBOURS}
        yield {**drift._asdict(), **lists}
