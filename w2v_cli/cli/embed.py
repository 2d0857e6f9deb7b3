"""`w2v embed`: a vector for each line of a text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.choices import LINE_FILES, LINE_WEIGHTS
from w2v_cli.cli.console import print_lines
from w2v_cli.cli.options import (
    FILE,
    VECTORS,
    json_option,
    line_options,
    matrix_option,
    model_option,
    only_model,
    quiet_option,
)
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.formats.reading import ReadOptions

if TYPE_CHECKING:
    from w2v_cli.corpus.text_options import TextOptions
    from w2v_cli.embeddings.sentences import LineVectors


@click.command()
@click.argument("text", metavar="[FILE|-]", type=FILE, default="-")
@model_option("model_path", VECTORS, only_model)
@matrix_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=FILE,
    help=f"Where the vectors go; its suffix says the format: {', '.join(LINE_FILES)}. Default: stdout, as text.",
)
@click.option(
    "--weights",
    type=click.Choice(LINE_WEIGHTS),
    default=LINE_WEIGHTS[0],
    help="sif: frequent words count less, a / (a + p) with a = 0.001 and the p of the model's text.",
)
@line_options
@quiet_option
@json_option
@pass_session
def embed(
    session: Session,
    text: str,
    model_path: str,
    matrix: str | None,
    output: str | None,
    weights: str,
    quiet: bool,
    as_json: bool,
    lower: bool,
    **options: Any,
) -> None:
    """Make a vector of every line: the mean of its words.

    Prints D numbers for each line of FILE, or of stdin for - and without FILE. An empty line keeps its place, so row i
    belongs to line i. A line without a known word gets zeros, and stderr says how many there are. Lines become words as
    the model's own text did; for vectors of other programs, words are what white space separates. If the model has
    parts of words, other words are composed of theirs.

    .npy holds float32 (lines, D). .txt has D numbers per line, and .jsonl the objects that --json prints: the number of
    the line, how many of its words are known, how many others are composed, and the vector. Both may be packed
    (.txt.gz). Memory does not grow with the text.

    With --weights sif, no principal component is subtracted: each vector depends on its line alone.

    \b
    Examples:
      w2v embed reviews.txt -m model.safetensors -o reviews.npy
      w2v embed reviews.txt -o reviews.jsonl --weights sif
      echo "the king and the queen" | w2v embed --json
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.api.sentences import line_options as options_for
    from w2v_cli.corpus.texts import Texts
    from w2v_cli.embeddings.sentences import LineEmbedder
    from w2v_cli.formats.rows import rows_format
    from w2v_cli.storage.atomic import check_writable
    from w2v_cli.storage.outputs import Named, require_apart

    if output is not None:
        if as_json and rows_format(output) != "jsonl":
            raise click.UsageError(f"--json writes JSON lines: give {output} the suffix .jsonl, or leave out --json")
        require_apart([Named(output, "the output")], [Named(text, "the text"), Named(model_path, "the model")])
        check_writable(output)
    model = session.asked(model_path, ReadOptions(matrix=matrix), quiet)
    with ProgressLine(quiet) as show:
        if text == "-" and sys.stdin is not None and sys.stdin.isatty():
            show.say("Reading lines from the terminal; Ctrl-D ends")
        reading = options_for(model.metadata, lower=lower or None, **options)
        texts = Texts([text], reading, show.say)
        texts.check_readable()
        embedder = LineEmbedder(model.word_vectors, weights)
        found = _Found(show, texts.total_bytes)
        with _output(output, model.dim, "jsonl" if as_json else "text") as write:
            for vectors in embedder.of_texts(texts):
                write(vectors)
                found.add(vectors)
        found.say(output, model.dim, reading)


def _output(path: str | None, dim: int, kind: str) -> AbstractContextManager[Callable[[LineVectors], None]]:
    """Return what writes vectors: to a file, or to stdout in lines of that kind."""
    from w2v_cli.formats.rows import row_lines, rows_file

    if path is not None:
        return rows_file(path, dim)
    written = 0

    def write(vectors: LineVectors) -> None:
        nonlocal written
        print_lines(row_lines(vectors, kind, written))
        written += len(vectors.matrix)

    return nullcontext(write)


class _Found:
    """Counts what has been found in the lines so far."""

    def __init__(self, show: ProgressLine, total_bytes: int | None) -> None:
        self._show, self._total_bytes = show, total_bytes
        self._lines = self._without = self._known = self._composed = self._words = 0

    def add(self, vectors: LineVectors) -> None:
        """Count some lines, and show how far the text has been read."""
        self._lines += len(vectors.known)
        self._without += int((vectors.known + vectors.composed == 0).sum())
        self._known += int(vectors.known.sum())
        self._composed += int(vectors.composed.sum())
        self._words += int(vectors.words.sum())
        self._show.show("Embedding", vectors.bytes_read, self._total_bytes, "B")

    def say(self, output: str | None, dim: int, reading: TextOptions) -> None:
        """Say what has been found and written."""
        if self._without:
            nothing = "a known or composed word" if self._composed else "a known word"
            self._show.say(f"Lines without {nothing}: {self._without:,} of {self._lines:,}; their vectors are zeros")
        share = f"; {self._known / self._words:.1%} of {self._words:,} words are known" if self._words else ""
        if self._composed:
            share += f", and {self._composed / self._words:.1%} are composed of their parts"
        where = "" if output is None else f"Wrote {output}: "
        self._show.say(f"{where}{self._lines:,} line{'' if self._lines == 1 else 's'} × {dim}{share}")
        if self._words and self._known + self._composed < self._words / 2:
            lower = "" if reading.lower else " or --lower"
            self._show.say(
                f"Most words are unknown: the text was read with --tokenize {reading.tokenize};"
                f" does it need another --tokenize{lower}?"
            )
