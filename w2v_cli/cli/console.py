"""How commands speak: answers on stdout, everything else on stderr; options that several commands share."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

import click

from w2v_cli.errors import CorpusError

if TYPE_CHECKING:
    from w2v_cli.embeddings.files import ModelFile
    from w2v_cli.embeddings.vectors import WordVectors

# What a terminal might obey instead of showing: controls, line separators, half characters, reordering marks.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Text from outside, made harmless: control characters as \\uXXXX."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_fields(*fields: str) -> None:
    """One answer on stdout, its fields separated by tabs."""
    click.echo("\t".join(map(printable, fields)))


def print_json(value: Any) -> None:
    """One object on one line of stdout; JSON has neither NaN nor infinity, they become null."""
    click.echo(printable(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_csv(fields: Sequence[Any]) -> None:
    """One line of CSV on stdout, quoted where it must be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    click.echo(printable(line.getvalue()))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """An aligned table on stdout: the first column to the left, the others, numbers, to the right."""
    lines = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        click.echo("  ".join([first.ljust(widths[0]), *cells]))


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
    from w2v_cli.embeddings.files import ModelFile

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
