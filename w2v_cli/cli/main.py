"""The program `w2v`: the group of its commands, and the one place where errors become messages and exit codes.

`w2v COMMAND --help` explains a command, and `w2v help` a topic.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from w2v_cli.cli.console import note, show_error
from w2v_cli.cli.options import HELP
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session
from w2v_cli.cli.signals import end_tidily
from w2v_cli.cli.streams import AnswerError, drop_answers, flush_answers, guard_streams
from w2v_cli.errors import StoppedError, W2VError, without_secrets
from w2v_cli.storage.transfers import told_of_transfers

# In the order in which they are used. Each command has a module of its own name in this folder.
COMMANDS = (
    "vocab",
    "phrases",
    "train",
    "tune",
    "log",
    "similar",
    "analogy",
    "odd",
    "distance",
    "predict",
    "ngrams",
    "shell",
    "classes",
    "embed",
    "eval",
    "loss",
    "plot",
    "info",
    "convert",
    "align",
    "drift",
    "explore",
    "gradcheck",
    "help",
)

# Python -OO removes docstrings, and with them the help texts of the commands.
_EPILOG = None if __doc__ else "The explanations are missing because Python runs with -OO."


def _set_debug(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        context.ensure_object(Session).debug = True


_DEBUG = click.Option(
    ["--debug"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Show the traceback of an error.",
    callback=_set_debug,
)


def _print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        # Imported here because looking the version up takes time.
        from w2v_cli import __version__

        click.echo(f"w2v, version {__version__}")
        context.exit()


_VERSION = click.Option(
    # `click.version_option` would fail where the package is not installed.
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Show the version and exit.",
    callback=_print_version,
)


class LazyGroup(click.Group):
    """A group of commands that imports the module of a command when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in their order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            module = importlib.import_module(f"w2v_cli.cli.{cmd_name}")
            command: click.Command = getattr(module, cmd_name)
            command.params.append(_DEBUG)
            command.epilog = _EPILOG
            self.add_command(command, cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name, the command and its arguments; an unknown spelling is refused, with what may be meant."""
        if ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        if args[0] not in COMMANDS:
            # Imported here because only a mistyped command needs them.
            from difflib import get_close_matches

            from w2v_cli.cli.translation import check_command

            check_command(self, ctx, args)
            for near in get_close_matches(args[0], COMMANDS, n=1):
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{near}'?")
            if args[0] not in self.commands:
                ctx.fail(f"No such command '{args[0]}'. It must be one of {', '.join(COMMANDS)}.")
        name, command, arguments = super().resolve_command(ctx, args)
        if name is not None and command is not None and not _plain(command, arguments):
            from w2v_cli.cli.translation import check_options

            check_options(name, command, arguments)
        return name, command, arguments

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. click makes an Abort of an EOFError, and would print an empty line first."""
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise click.Abort from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command. A line of word2vec.c, which has no commands, is answered with ours."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption:
            from w2v_cli.cli.translation import check_command

            check_command(self, ctx, given)
            raise


def _plain(command: click.Command, arguments: Sequence[str]) -> bool:
    """Return whether every option is spelled as the command has it, and its value is one of the choices if any."""
    known = {spelling: option for option in (*command.params, HELP) for spelling in option.opts}
    for typed, following in itertools.zip_longest(arguments, arguments[1:]):
        if typed == "--":
            break
        if typed.startswith("-") and typed != "-":
            name, equals, value = typed.partition("=")
            option = known.get(name)
            if option is None:
                return False
            if isinstance(option.type, click.Choice) and (value if equals else following) not in option.type.choices:
                return False
    return True


@click.group(
    cls=LazyGroup,
    params=[_VERSION, _DEBUG],
    epilog=_EPILOG,
    context_settings={
        "help_option_names": HELP.opts,
        "show_default": True,
        "max_content_width": 100,
        "token_normalize_func": lambda name: name.replace("_", "-"),
    },
)
def w2v() -> None:
    """Learn word vectors from text, and ask them questions.

    \b
    Examples:
      w2v train corpus.txt.gz           learn; writes model.safetensors
      w2v similar king queen            the nearest words
      w2v eval questions-words.txt      how good are the vectors?
      w2v explore -o map.html           a map of the words, for a browser
      w2v gradcheck                     is the mathematics right?
      zcat *.txt.gz | w2v train -       learn from a pipe
      w2v help                          the topics of the documentation
      w2v help install                  the PATH, and completion by the Tab key

    Answers go to stdout, everything else to stderr. Exit codes: 0 done; 1 done, but the answer is no (an
    unknown word, a score that is too low); 2 wrong usage; 3 failed; 130 interrupted.
    """


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code.

    Parameters
    ----------
    arguments : the arguments after the program's name; None: those of this process.
    """
    session = Session()
    try:
        guard_streams()
        end_tidily()
        with told_of_transfers(ProgressLine(timed=False).transfer):
            code = w2v.main(arguments, prog_name="w2v", standalone_mode=False, obj=session)
        flush_answers()
    except KeyboardInterrupt:  # before or after click was at work, which makes a click.Abort of it
        code = 130
    except Exception as error:
        if session.debug:
            click.echo(without_secrets(traceback.format_exc()), err=True, nl=False)
        code = explain(error)
    finally:
        drop_answers()
    sys.exit(code or 0)


def explain(error: Exception) -> int:
    """Say on stderr what went wrong, and return the exit code."""
    match error:
        case StoppedError():
            note(error.message[0].upper() + error.message[1:] + (f"; {error.hint}" if error.hint else ""))
            return error.exit_code
        case AnswerError() if error.unwanted:
            return 0
        case W2VError():
            show_error(error.message, error.hint)
            return error.exit_code
        # An EOFError is no Ctrl-C: a file that is cut short, or a bug.
        case click.Abort(__cause__=EOFError() as bug):
            return explain(bug)
        case click.Abort():  # Ctrl-C
            note("Interrupted")
            return 130
        case click.ClickException():
            error.show()
            return error.exit_code
        # If there is no memory for the stack of a new thread, Python raises a RuntimeError.
        case MemoryError() | RuntimeError() if isinstance(error, MemoryError) or "start new thread" in str(error):
            why = f"not enough memory: {error}".removesuffix(": ")
            show_error(why, "fewer words (--max-vocab) or a smaller --dim need less")
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            show_error(f"{where}{error.strerror or error}", None)
        case _:
            show_error(f"{type(error).__name__}: {error}", "this is a bug; run it again with --debug and report it")
    return 3
