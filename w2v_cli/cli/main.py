"""The door: the group of commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from w2v_cli.cli.console import note, show_error
from w2v_cli.cli.signals import end_tidily
from w2v_cli.cli.streams import AnswerError, drop_answers, flush_answers, guard_streams
from w2v_cli.errors import StoppedError, W2VError

# In the order of their use. The command `eval` is the object `eval` of w2v_cli.cli.evaluate, and so on.
COMMANDS = {
    "vocab": "corpus",
    "phrases": "corpus",
    "train": "train",
    "similar": "ask",
    "analogy": "ask",
    "odd": "ask",
    "distance": "ask",
    "predict": "predict",
    "shell": "shell",
    "classes": "classes",
    "eval": "evaluate",
    "info": "files",
    "convert": "files",
    "gradcheck": "measure",
    "help": "help",
}

# With the docstrings, python -OO removes what the commands say about themselves.
_EPILOG = None if __doc__ else "The explanations are missing because Python runs with -OO."

_DEBUG = click.Option(
    ["--debug"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Show the traceback of an error.",
    callback=lambda context, _, value: context.ensure_object(dict).update({"debug": True}) if value else None,
)


def _tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        # Here and not above: looking it up takes time.
        from w2v_cli import __version__

        click.echo(f"w2v, version {__version__}")
        context.exit()


_VERSION = click.Option(
    # Not `click.version_option`: that fails where the package is not installed.
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Show the version and exit.",
    callback=_tell_version,
)


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in their order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            module = importlib.import_module(f"w2v_cli.cli.{COMMANDS[cmd_name]}")
            command: click.Command = getattr(module, cmd_name)
            command.params.append(_DEBUG)
            command.epilog = _EPILOG
            self.add_command(command, cmd_name)
        return self.commands.get(cmd_name)


@click.group(
    cls=LazyGroup,
    params=[_VERSION, _DEBUG],
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100},
)
def w2v() -> None:
    """Learn word vectors from text, and ask them.

    \b
    Examples:
      w2v train corpus.txt.gz              learn; writes model.safetensors
      w2v similar king queen               the nearest words
      w2v eval questions-words.txt         how good are they?
      w2v gradcheck                        is the mathematics right?
      zcat *.txt.gz | w2v train -           from a pipe

    Answers go to stdout, everything else to stderr. Exit codes: 0 done, 1 the answer is no, 2 usage, 3 could
    not, 130 interrupted.
    """


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (sys.argv's, unless given) and exit with its code."""
    settings: dict[str, bool] = {}
    guard_streams()
    end_tidily()
    try:
        code = w2v.main(arguments, prog_name="w2v", standalone_mode=False, obj=settings)
        flush_answers()
    except Exception as error:
        if settings.get("debug"):
            traceback.print_exc()
        code = explain(error)
    finally:
        drop_answers()
    sys.exit(code or 0)


def explain(error: Exception) -> int:
    """Say on stderr what went wrong; returns the exit code."""
    match error:
        case StoppedError():
            note(error.message[0].upper() + error.message[1:] + (f"; {error.hint}" if error.hint else ""))
            return error.exit_code
        case AnswerError() if error.unwanted:
            return 0
        case W2VError():
            show_error(error.message, error.hint)
            return error.exit_code
        # click makes the same of an EOFError as of Ctrl-C, but that is a fault, and no wish of the user's.
        case click.Abort(__cause__=EOFError() as fault):
            return explain(fault)
        case click.Abort():  # Ctrl-C
            note("Interrupted")
            return 130
        case click.ClickException():
            error.show()
            return error.exit_code
        # Python has no other word for a thread that finds no memory for its stack.
        case MemoryError() | RuntimeError() if isinstance(error, MemoryError) or "start new thread" in str(error):
            why = f"not enough memory: {error}".removesuffix(": ")
            show_error(why, "fewer words (--max-vocab) or a smaller --dim need less")
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            show_error(f"{where}{error.strerror or error}", None)
        case _:
            show_error(f"{type(error).__name__}: {error}", "this is a bug; run it again with --debug and report it")
    return 3
