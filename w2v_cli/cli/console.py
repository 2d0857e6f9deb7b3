"""How commands speak and listen: answers go to stdout, everything else to stderr, and `-` is stdin."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import IO, Any

import click

from w2v_cli.errors import CorpusError, without_secrets
from w2v_cli.storage.strict_json import strict_json

# Characters that a terminal might obey instead of showing: controls, line separators, marks that reorder text, and
# halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Halves of surrogate pairs, which UTF-8 cannot hold. Those from U+DC80 to U+DCFF are kept: Python writes the bytes of
# file names that are not UTF-8 so.
_UNWRITABLE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# Characters that would be taken for the end of a field or of a line.
_SEPARATING = re.compile(f"[\t\n]|{_UNWRITABLE.pattern}")
# This many rows are joined before they are written.
_ROWS = 10_000


def printable(text: str) -> str:
    """Return text from outside with its control characters written as \\uXXXX."""
    return _escaped(_UNPRINTABLE, text)


def print_rows(rows: Iterable[Sequence[str]]) -> None:
    """Print answers on stdout, one per line, with tabs between their fields.

    On a terminal, everything that it might obey is escaped. A file or a pipe gets every word as it is in the model;
    only a tab or a line end within a field is escaped.
    """
    rows, unwanted, escaped = iter(rows), _unwanted(), field_escaper()
    while batch := list(islice(rows, _ROWS)):
        # Hardly any field has such characters, and looking for them in all fields at once is much faster.
        if unwanted.search("".join(map("".join, batch))):
            batch = [list(map(escaped, row)) for row in batch]
        _write("\n".join(map("\t".join, batch)))


def print_fields(*fields: str) -> None:
    """Print one answer as `print_rows` does."""
    print_rows([fields])


def print_json(value: object) -> None:
    """Print one object on one line of stdout; NaN and infinity become null.

    The escapes of `printable` are JSON's own. What a terminal might obey is therefore always escaped, and nothing is
    lost.
    """
    _write(printable(strict_json(value)))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout whose fields are escaped already, all at once."""
    if text := "\n".join(lines):
        _write(text)


def answers_at_terminal() -> bool:
    """Return whether stdout is a terminal, which might obey control characters in an answer."""
    return sys.stdout.isatty()


def field_escaper(separating: bool = True) -> Callable[[str], str]:
    """Return what escapes the characters of a field that stdout must not get: many on a terminal, few elsewhere.

    Parameters
    ----------
    separating : whether tabs and line ends would be taken for the end of the field.
    """
    return partial(_escaped, _unwanted(separating))


def _unwanted(separating: bool = True) -> re.Pattern[str]:
    return _UNPRINTABLE if answers_at_terminal() else _SEPARATING if separating else _UNWRITABLE


def _escaped(characters: re.Pattern[str], text: str) -> str:
    return characters.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _write(line: str) -> None:
    """Write a line to stdout. A file or a pipe gets UTF-8, and names of files in their own bytes."""
    click.echo(line if answers_at_terminal() else line.encode("utf-8", "surrogateescape"))


def note(message: str) -> None:
    """Print a remark on stderr."""
    click.echo(printable(without_secrets(message)), err=True)


def note_all(messages: Iterable[str]) -> None:
    """Print remarks on stderr."""
    for message in messages:
        note(f"Note: {message}")


def show_error(message: str, hint: str | None) -> None:
    """Print on stderr what happened, and what to do about it."""
    click.echo(_coloured("Error: ", fg="red", bold=True) + printable(without_secrets(message)), err=True)
    if hint:
        click.echo(_coloured("Hint: ", fg="cyan", bold=True) + printable(without_secrets(hint)), err=True)


def _coloured(text: str, **style: Any) -> str:
    # click removes colours where stderr is not a terminal, but does not know NO_COLOR.
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def read_lines(path: str) -> list[str]:
    """Return the lines of a file, or of stdin for `-`, without blank ones and without white space around them."""
    with open_text(path) as file:
        lines = (line.strip(" \t\r\n") for line in file)
        return [line for line in lines if line]


def open_text(path: str) -> IO[str]:
    """Open a text, or stdin for `-`. Bytes that are not UTF-8 are replaced.

    Raises
    ------
    CorpusError
        If stdin is asked for but closed.
    """
    if path == "-" and sys.stdin is None:
        raise CorpusError("stdin is closed", hint="pipe something into it, or name a file")
    return click.open_file(path, encoding="utf-8", errors="replace")


def given_words(words: Sequence[str], *files: str | None) -> list[str]:
    """Return the words of the command line, with the lines of stdin in place of `-`.

    Parameters
    ----------
    files : other files that the command line names; stdin may be one of them.

    Raises
    ------
    click.UsageError
        If stdin is named more than once.
    """
    if [*words, *files].count("-") > 1:
        raise click.UsageError("stdin can be read only once: give - once")
    return [line for word in words for line in (read_lines(word) if word == "-" else [word])]
