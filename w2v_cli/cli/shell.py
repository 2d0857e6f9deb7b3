"""`w2v shell`: questions one after the other, to a model that is opened once."""

from __future__ import annotations

import bisect
import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from w2v_cli.cli.console import json_option, note, open_text, open_vectors, vectors_option
from w2v_cli.cli.main import explain, w2v
from w2v_cli.cli.streams import AnswerError

QUESTIONS = ["similar", "analogy", "odd", "distance", "predict"]
LEAVE = ["exit", "quit"]
HISTORY_LINES = 1000
_MOST_COMPLETIONS = 100


@click.command()
@vectors_option
@json_option
@click.pass_context
def shell(context: click.Context, vectors_path: str, as_json: bool) -> None:
    """Ask one question after the other, the model loaded once.

    A line is a command as in "w2v similar king", without the w2v: similar, analogy, odd, distance or predict. Any other
    line is a word or a sum of words, and its neighbours are printed. Tab completes words; Ctrl-D, exit or quit ends.
    Not at a terminal the lines are read from stdin, without a prompt.

    \b
    Examples:
      w2v shell
      w2v shell -m wiki.safetensors
      printf 'king - man + woman\\nodd Paris Rome banana\\n' | w2v shell --json
    """
    vectors = open_vectors(vectors_path)
    always = ["-m", vectors_path, *(["--json"] if as_json else [])]
    if sys.stdin is not None and sys.stdin.isatty():
        note(f"{len(vectors):,} words × {vectors.dim}; help for the commands, Ctrl-D ends")
        lines = _typed(vectors.words)
    else:
        lines = iter(open_text("-"))
    for line in lines:
        arguments = _arguments(line)
        if arguments and arguments[0] in LEAVE:
            break
        if arguments == ["help"]:
            click.echo(f"{', '.join(QUESTIONS)}: see --help of each. Or a word, or a sum: king - man + woman")
        elif arguments:
            _ask(context, arguments, always)


def _arguments(line: str) -> list[str]:
    """The words of a line as a command line's; a line that is no command asks for neighbours."""
    line = line.strip(" \t\r\n")
    try:
        arguments = shlex.split(line)
    except ValueError:  # an apostrophe is no quote
        arguments = line.split()
    if not arguments or arguments[0] in (*QUESTIONS, *LEAVE, "help"):
        return arguments
    return ["similar", "--", line]


def _ask(context: click.Context, arguments: Sequence[str], always: Sequence[str]) -> None:
    """Run a command; whatever goes wrong is said, and the session goes on."""
    try:
        command = w2v.get_command(context, arguments[0])
        if command is None:
            raise click.UsageError(f"No such command '{arguments[0]}'.")
        # Not `main`, which would end the program where a pipe is closed.
        with command.make_context(arguments[0], [*always, *arguments[1:]], parent=context) as inner:
            command.invoke(inner)
    except click.exceptions.Exit:
        pass
    except AnswerError:
        raise
    except Exception as error:
        explain(error)


def _typed(words: Sequence[str]) -> Iterator[str]:
    """Lines typed at a prompt, with editing, history and completion where Python has readline."""
    history = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "w2v" / "history"
    try:
        import readline
    except ImportError:
        readline = None  # type: ignore[assignment]
    if readline is not None:
        readline.set_completer_delims(" \t\n")
        readline.set_completer(completer(words))
        readline.parse_and_bind("tab: complete")
        readline.set_history_length(HISTORY_LINES)
        with contextlib.suppress(OSError):
            readline.read_history_file(history)
    try:
        while True:
            try:
                yield input("w2v> ")
            except EOFError:
                click.echo()
                return
            except KeyboardInterrupt:
                click.echo()
    finally:
        if readline is not None:
            with contextlib.suppress(OSError):
                history.parent.mkdir(parents=True, exist_ok=True)
                readline.write_history_file(history)


def completer(words: Sequence[str]) -> Callable[[str, int], str | None]:
    """readline's completer: the commands and words that begin with what is typed, by their letters."""
    ordered: list[str] = []

    def complete(typed: str, number: int) -> str | None:
        if not ordered:  # sorted at the first Tab: a large vocabulary takes a second
            ordered.extend(sorted({*words, *QUESTIONS}))
        place = bisect.bisect_left(ordered, typed) + number
        found = place < len(ordered) and number < _MOST_COMPLETIONS and ordered[place].startswith(typed)
        return ordered[place] if found else None

    return complete
