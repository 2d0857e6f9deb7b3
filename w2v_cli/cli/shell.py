"""`w2v shell`: many questions to a model that is loaded once."""

from __future__ import annotations

import bisect
import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import click

from w2v_cli.cli.console import note, open_text
from w2v_cli.cli.main import explain, w2v
from w2v_cli.cli.options import json_option, model_options
from w2v_cli.cli.session import Session
from w2v_cli.cli.streams import AnswerError
from w2v_cli.formats.reading import ReadOptions

QUESTIONS = ["similar", "analogy", "odd", "distance", "predict", "ngrams"]
LEAVE = ["exit", "quit"]
HISTORY_LINES = 1000
_MOST_COMPLETIONS = 100


@click.command()
@model_options
@json_option
@click.pass_context
def shell(context: click.Context, model_path: str, reading: ReadOptions, as_json: bool) -> None:
    """Ask many questions; the model is loaded only once.

    A line is a command such as "similar king" (similar, analogy, odd, distance, predict or ngrams), or a word or a sum
    of words, whose nearest words are printed. Tab completes words. Ctrl-D, exit or quit ends the shell.

    If stdin is not a terminal, the lines are read from it without a prompt.

    \b
    Examples:
      w2v shell
      w2v shell -m wiki.safetensors
      echo "king - man + woman" | w2v shell --json
    """
    session = context.ensure_object(Session)
    model, session.shell_model = session.model(model_path, reading), model_path
    always = ["--json"] if as_json else []
    if sys.stdin is not None and sys.stdin.isatty():
        note(f"{len(model):,} words × {model.dim}; help lists the commands, Ctrl-D ends")
        lines = _typed(model.words)
    else:
        lines = iter(open_text("-"))
    for line in lines:
        arguments = _arguments(line)
        if arguments and arguments[0] in LEAVE:
            break
        if arguments[:1] == ["help"]:
            click.echo(f"{', '.join(QUESTIONS)}: see --help of each. Or a word, or a sum: king - man + woman")
        elif arguments:
            _ask(context, arguments, always)


def _arguments(line: str) -> list[str]:
    """Split a line as a shell does. A line that is not a command asks for the nearest words."""
    line = line.strip(" \t\r\n")
    try:
        arguments = shlex.split(line)
    except ValueError:  # a lone quotation mark, which is the apostrophe of a word such as it's
        arguments = line.split()
    if arguments[:1] == ["help"] and arguments[1:] and arguments[1] in QUESTIONS:
        return [arguments[1], "--help"]
    if not arguments or arguments[0] in (*QUESTIONS, *LEAVE, "help"):
        return arguments
    return ["similar", "--", line]


def _ask(context: click.Context, arguments: Sequence[str], always: Sequence[str]) -> None:
    """Run a command. If it fails, say why; the shell continues."""
    try:
        name, command, given = w2v.resolve_command(context, [arguments[0], *always, *arguments[1:]])
        if command is None:  # click finds none only while a shell completes a line
            return
        # The questions read the model as the shell has read it.
        names = {item.name for item in fields(ReadOptions)} & context.params.keys()
        reading = {name: context.params[name] for name in names}
        # `command.main` would end the program if the reader of stdout closes its pipe.
        with command.make_context(name, given, parent=context, default_map=reading) as inner:
            command.invoke(inner)
    except click.exceptions.Exit:
        pass
    except AnswerError:
        raise
    except Exception as error:
        explain(error)


def _typed(words: Sequence[str]) -> Iterator[str]:
    """Yield the lines typed at a prompt."""
    with _editing(words):
        while True:
            try:
                yield input("w2v> ")
            except EOFError:
                click.echo()
                return
            except KeyboardInterrupt:
                click.echo()


@contextlib.contextmanager
def _editing(words: Sequence[str]) -> Iterator[None]:
    """Within this context, Python's readline, if there is one, edits lines, completes words and keeps a history."""
    try:
        import readline
    except ImportError:
        yield
        return
    history = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "w2v" / "history"
    readline.set_completer_delims(" \t\n")
    readline.set_completer(completer(words))
    readline.parse_and_bind("tab: complete")
    readline.set_history_length(HISTORY_LINES)
    with contextlib.suppress(OSError):
        readline.read_history_file(history)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(history)


def completer(words: Sequence[str]) -> Callable[[str, int], str | None]:
    """Return readline's completer: commands and words that start with what is typed, in alphabetical order."""
    ordered: list[str] = []

    def complete(typed: str, number: int) -> str | None:
        if not ordered:  # sorted at the first Tab, because a large vocabulary takes a second
            ordered.extend(sorted({*words, *QUESTIONS}))
        index = bisect.bisect_left(ordered, typed) + number
        found = index < len(ordered) and number < _MOST_COMPLETIONS and ordered[index].startswith(typed)
        return ordered[index] if found else None

    return complete
