"""How commands speak: answers on stdout, everything else on stderr; options that several commands share."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import click

from w2v_cli.errors import CorpusError

if TYPE_CHECKING:
    from w2v_cli.embeddings.vectors import WordVectors
    from w2v_cli.formats.model_file import ModelFile

# What a terminal might obey instead of showing: controls, line separators, half characters, reordering marks.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# What no file can hold: halves of characters that are not bytes of a name that is not UTF-8 either.
_UNWRITABLE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# What would be taken for the end of a field or of a line.
_SEPARATING = re.compile(f"[\t\n]|{_UNWRITABLE.pattern}")
# Rows that are put together before they are written.
_ROWS = 10_000


def printable(text: str) -> str:
    """Text from outside, made harmless: control characters as \\uXXXX."""
    return _escaped(_UNPRINTABLE, text)


def print_rows(rows: Iterable[Sequence[str]]) -> None:
    """Answers on stdout, one a line, their fields separated by tabs.

    A terminal gets escaped what it might obey. A file or a pipe gets every word as the model has it; only a tab or the
    end of a line within a field stays escaped.
    """
    rows, unwanted = iter(rows), _unwanted(_SEPARATING)
    while lines := ["\t".join([_escaped(unwanted, field) for field in row]) for row in islice(rows, _ROWS)]:
        _write("\n".join(lines))


def print_fields(*fields: str) -> None:
    """One answer, as `print_rows` does."""
    print_rows([fields])


def print_json(value: Any) -> None:
    """One object on one line of stdout; JSON has neither NaN nor infinity, they become null.

    Its own escapes are those of `printable`, so what a terminal might obey is escaped everywhere, and nothing is lost.
    """
    _write(printable(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_csv(fields: Sequence[Any]) -> None:
    """One line of CSV on stdout, quoted where it must be."""
    line, unwanted = io.StringIO(), _unwanted(_UNWRITABLE)
    csv.writer(line, lineterminator="").writerow([_escaped(unwanted, str(field)) for field in fields])
    _write(line.getvalue())


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """An aligned table on stdout: the first column to the left, the others, numbers, to the right."""
    unwanted = _unwanted(_SEPARATING)
    lines = [[_escaped(unwanted, cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        _write("  ".join([first.ljust(widths[0]), *cells]))


def answers_at_terminal() -> bool:
    """Whether stdout is a terminal, which might obey what is in an answer."""
    return sys.stdout.isatty()


def _unwanted(elsewhere: re.Pattern[str]) -> re.Pattern[str]:
    """The characters of texts from outside that are escaped on stdout: more on a terminal than elsewhere."""
    return _UNPRINTABLE if answers_at_terminal() else elsewhere


def _escaped(characters: re.Pattern[str], text: str) -> str:
    return characters.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _write(line: str) -> None:
    """A line on stdout; elsewhere than on a terminal in UTF-8, and names of files in their own bytes."""
    click.echo(line if answers_at_terminal() else line.encode("utf-8", "surrogateescape"))


def note(message: str) -> None:
    """A remark on stderr."""
    click.echo(printable(message), err=True)


def show_error(message: str, hint: str | None) -> None:
    """What happened, and what to do about it, on stderr."""
    click.echo(_coloured("Error: ", fg="red", bold=True) + printable(message), err=True)
    if hint:
        click.echo(_coloured("Hint: ", fg="cyan", bold=True) + printable(hint), err=True)


def _coloured(text: str, **style: Any) -> str:
    # click takes the colours out again where stderr is not a terminal; NO_COLOR it does not know.
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--format: of the files of -m, for `open_vectors`."""
    return click.option(
        "--format",
        metavar="FORMAT",
        type=click.Choice(["safetensors", "text", "binary", "glove"]),
        expose_value=False,
        callback=lambda context, _, value: context.ensure_object(dict).update({"format": value}),
        help="Format of that file: safetensors, text, binary or glove. Default: as its name and content say.",
    )(command)


def vectors_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """-m, --vectors: the model to ask; --format: what kind of file it is."""
    command = format_option(command)
    return click.option(
        "-m",
        "--vectors",
        "vectors_path",
        metavar="FILE",
        envvar="W2V_MODEL",
        show_envvar=True,
        default="model.safetensors",
        help="Model of w2v train, or vectors from word2vec, GloVe, gensim or fastText; also .gz.",
    )(command)


def open_vectors(path: str) -> WordVectors:
    """The words and vectors of -m."""
    return open_model(path).vectors


def open_model(path: str) -> ModelFile:
    """The model of -m, opened once by an invocation, and so by a whole session of `w2v shell`."""
    from w2v_cli.formats.model_file import ModelFile

    settings = click.get_current_context().ensure_object(dict)
    opened = settings.setdefault("vectors", {})
    if path not in opened:
        opened[path] = ModelFile(path, settings.get("format"))
    return opened[path]


def read_lines(path: str) -> list[str]:
    """The lines of a file, of stdin for `-`, that are not blank; without ASCII white space around them."""
    with open_text(path) as file:
        lines = (line.strip(" \t\r\n") for line in file)
        return [line for line in lines if line]


def open_text(path: str) -> IO[str]:
    """A text of lines, stdin for `-`, whatever its bytes.

    Raises
    ------
    CorpusError
        If stdin is asked for and closed.
    """
    if path == "-" and sys.stdin is None:
        raise CorpusError("stdin is closed", hint="pipe something into it, or name a file")
    return click.open_file(path, encoding="utf-8", errors="replace")


def given(words: Sequence[str], *files: str | None) -> list[str]:
    """What the command line asks: its words, with the lines of stdin in the place of `-`.

    `files` are others that it names, of which stdin may be one.
    """
    if [*words, *files].count("-") > 1:
        raise click.UsageError("stdin can be read only once: give - once")
    return [line for word in words for line in (read_lines(word) if word == "-" else [word])]


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--json: one object a line."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")(command)
