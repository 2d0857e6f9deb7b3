"""Options that several commands share, and those of training, which are made from the fields of `TrainConfig`."""

from __future__ import annotations

import functools
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from w2v_cli.choices import DEFAULT_MODEL, MATRICES, NORMAL_FORMS, READABLE, REPEATS, TEXT_ERRORS, TOKENIZERS
from w2v_cli.cli.session import Session
from w2v_cli.config import OPTIONS, option_name
from w2v_cli.errors import ConfigError
from w2v_cli.formats.reading import ReadOptions
from w2v_cli.option import Option
from w2v_cli.storage.urls import local_path

Command = TypeVar("Command", bound=Callable[..., Any])

# Options of reading a text, which a file for --config may hold beside the fields of `TrainConfig`.
TEXT_OPTIONS: dict[str, type] = {
    "tokenize": str,
    "lower": bool,
    "normalize": str,
    "unwrap": bool,
    "errors": str,
    "encoding": str,
    "column": str,
    "field": str,
}


# What Python makes of bytes on the command line that it cannot decode.
_UNDECODED = re.compile("[\udc80-\udcff]")


class FileName(click.ParamType):
    """The name of a file or folder, or its URL, which the shell completes and nobody checks before the command does."""

    name = "file"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name; a `file://` URL becomes a path."""
        return local_path(value) if isinstance(value, str) else value

    def split_envvar_value(self, rv: str) -> list[str]:
        """Take the value of W2V_MODEL as one path, whatever characters are in it."""
        return [rv]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Let the shell complete what has been typed of the name."""
        # Imported here because only a shell asks for it.
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=self.kind)]


FILE = FileName("file")
FOLDER = FileName("dir")

# click adds this option to every command. It stands here for its spellings.
HELP = click.Option(["-h", "--help"], is_flag=True)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
threads_option = click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    envvar="W2V_THREADS",
    show_envvar=True,
    help="Worker threads. Default: all cores that the process or its container may use.",
)
count_option = click.option(
    "-k", "count", metavar="N", type=click.IntRange(min=1), default=10, help="Number of answers per question."
)
restrict_option = click.option(
    "--restrict-vocab",
    metavar="N",
    type=click.IntRange(min=1),
    help="Answer only among the N most frequent words. Default: all.",
)


def require_not_nan(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN as the value of an option: every comparison with it is false, so it would limit nothing."""
    if value is not None and math.isnan(value):
        raise click.BadParameter(f"{value} is not a number", context, parameter)
    return value


def model_option(name: str, help: str, callback: Callable[..., Any]) -> Callable[[Command], Command]:
    """Return a decorator that adds -m; the callback gets all paths, in the order in which they were given."""
    return click.option(
        "-m",
        "--vectors",
        name,
        metavar="FILE",
        multiple=True,
        type=FILE,
        envvar="W2V_MODEL",
        show_envvar=True,
        default=[DEFAULT_MODEL],
        callback=callback,
        help=help,
    )


def _named_models(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the models that were named; in w2v shell, they are named on the line or are the model of the shell."""
    session = context.find_object(Session)
    is_named = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    return paths if is_named or session is None or session.shell_model is None else (session.shell_model,)


def only_model(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> str:
    """Return the only model; several are refused, because all but one would be ignored."""
    first, *others = _named_models(context, parameter, paths)
    if others:
        raise click.UsageError(
            f"-m names {len(paths)} models, and w2v {context.info_name} takes one."
            " w2v similar and w2v eval show several side by side."
        )
    return first


def require_one_name(context: click.Context, arguments: Sequence[str], model_path: str) -> None:
    """Refuse a model that is named both as an argument and by -m, since one of them would be ignored."""
    if arguments and context.get_parameter_source("model_path") is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"-m {model_path} and {arguments[0]} name two models; give one of them")


VECTORS = (
    "Model of w2v train, or vectors from word2vec, GloVe, gensim or fastText, which may be compressed; or a folder of"
    " model2vec."
)
_SIDE_BY_SIDE = "May be given several times, to show models side by side."


def model_options(command: Command) -> Command:
    """Add -m, which names the model to ask, and the options of reading it."""
    return model_option("model_path", VECTORS, only_model)(reading_options()(command))


def whole_model_options(command: Command) -> Command:
    """Add -m, which names a model of which more than one vector for each word is asked, and the options of reading."""
    return model_option("model_path", VECTORS, only_model)(reading_options(with_matrix=False)(command))


def models_options(command: Command) -> Command:
    """Add -m, which may name several models, and the options of reading them."""
    return model_option("model_paths", f"{VECTORS} {_SIDE_BY_SIDE}", _named_models)(reading_options()(command))


matrix_option = click.option(
    "--matrix",
    type=click.Choice(MATRICES),
    help="Which vectors of a model: mix is input + λ × output vectors, sum adds them, concat puts them side by side."
    " Default: mix after --loss hs, or --loss ns of 5 million tokens, else input; more: w2v help files.",
)


def reading_options(
    format_name: str = "--format", what: str = "that file", *, with_matrix: bool = True
) -> Callable[[Command], Command]:
    """Return a decorator that adds the options of reading vectors; the command gets them as one `reading`.

    Parameters
    ----------
    format_name : what the option that names the format is called · what : what its help calls the file.
    with_matrix : whether the user may choose which vectors of a model are used.
    """
    formats = f"{', '.join(READABLE[:-1])} or {READABLE[-1]}"
    options = [
        click.option(
            format_name,
            "format",
            metavar="FORMAT",
            type=click.Choice(READABLE),
            help=f"Format of {what}: {formats}. Default: recognised by name and content.",
        ),
        click.option(
            "--errors",
            type=click.Choice(TEXT_ERRORS),
            default="strict",
            help="What to do with words that are not UTF-8, empty or begin with white space: refuse the file, keep them"
            " with U+FFFD for what is bad, or leave that out.",
        ),
        click.option(
            "--repeats",
            type=click.Choice(REPEATS),
            default="first",
            help="What to do with a repeated word: keep its first vector, or refuse the file.",
        ),
        click.option(
            "--lenient", is_flag=True, help="Load what can be read of a file that is cut short or has bad lines."
        ),
    ]
    if with_matrix:
        options.insert(0, matrix_option)

    def decorate(command: Command) -> Command:
        """Give the command one argument, `reading`, in place of the options."""

        @functools.wraps(command)
        def with_reading(*args: Any, **options: Any) -> Any:
            given = {field.name: options.pop(field.name) for field in fields(ReadOptions) if field.name in options}
            reading = ReadOptions(**given)
            return command(*args, **options, reading=reading)

        decorated: Any = with_reading
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def _encoding_name(name: str | None) -> str | None:
    """Return Python's name of an encoding, so that a resumed run knows it by any of its names."""
    if name is None:
        return None
    from w2v_cli.corpus.encodings import encoding_name

    return encoding_name(name)


_errors_option = click.option(
    "--errors",
    type=click.Choice(TEXT_ERRORS),
    default="strict",
    help="What to do with bytes that are not in the encoding: stop, replace them with U+FFFD, or leave them out.",
)
_encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    default="utf-8",
    callback=lambda context, parameter, name: _encoding_name(name),
    help="Encoding of the text, such as windows-1252, cp1251, shift_jis or gb18030: any that Python knows.",
)


def text_options(command: Command) -> Command:
    """Add the options that say how bytes become tokens: the fields of `corpus.text_options.TextOptions`."""
    tokenize = click.option(
        "--tokenize",
        type=click.Choice(TOKENIZERS),
        default="whitespace",
        help="whitespace: tokens are separated by white space. words: tokens are runs of letters and digits; slower,"
        " for raw prose.",
    )
    lower = click.option("--lower", is_flag=True, help="Convert the text to lower case.")
    normalize = click.option(
        "--normalize",
        type=click.Choice(NORMAL_FORMS),
        default="none",
        help="Normal form of Unicode. nfc: an accented letter is one character, however it was typed. nfkc: also full"
        " width letters, ligatures and the like become plain ones.",
    )
    unwrap = click.option(
        "--unwrap",
        is_flag=True,
        help="Join the lines of each paragraph, and words that are hyphenated at line ends. A blank line ends a"
        " paragraph.",
    )
    column = click.option(
        "--column", metavar="NAME", help="Read Parquet files: the texts are in the column of that name."
    )
    field = click.option(
        "--field", metavar="NAME", help="Read JSON lines: the texts are in the field of that name of each object."
    )
    return tokenize(lower(normalize(unwrap(_encoding_option(_errors_option(column(field(command))))))))


def other_text_options(command: Command) -> Command:
    """Add the options of `text_options` for another text than the model's; None stands for what is not given."""
    decorated: Any = text_options(command)
    for option in decorated.__click_params__:
        if option.name in TEXT_OPTIONS:
            option.default = None
    return command


def line_options(command: Command) -> Command:
    """Add the options that say how lines become words; those that are not given are as the model has them."""
    tokenize = click.option(
        "--tokenize",
        type=click.Choice(TOKENIZERS),
        help="Words are what white space separates, or runs of letters and digits. Default: as for the model's text.",
    )
    lower = click.option("--lower", is_flag=True, help="Convert to lower case. Default: as for the model's text.")
    normalize = click.option(
        "--normalize",
        type=click.Choice(NORMAL_FORMS),
        help="Normal form of Unicode, as in w2v train. Default: as for the model's text.",
    )
    return tokenize(lower(normalize(_encoding_option(_errors_option(command)))))


suffix_option = click.option(
    "--suffix",
    metavar=".TXT",
    help="Of folders and patterns, take only files with this suffix; .txt takes .txt.gz too.",
)


def config_options(command: Command) -> Command:
    """Add one option for each field of `TrainConfig`, in their order."""
    # Decorators apply from the bottom up.
    for name in reversed(list(OPTIONS)):
        command = _click_option(name, OPTIONS[name])(command)
    return command


def _click_option(name: str, option: Option) -> Callable[[Command], Command]:
    if option.kind is bool:
        return click.option(option_name(name), name, is_flag=True, help=option.help)
    if option.kind is tuple:
        return click.option(option_name(name), name, multiple=True, type=click.Choice(option.choices), help=option.help)
    return click.option(
        *map(option_name, (name, *option.aliases)),
        name,
        type=click.Choice(option.choices) if option.choices else FILE if option.kind is str else option.kind,
        default=option.default,
        metavar=None if option.choices else option.metavar or {int: "N", float: "X", str: "FILE"}[option.kind],
        help=option.help,
        envvar="W2V_THREADS" if name == "threads" else None,
        show_envvar=name == "threads",
    )


def config_file_option(command: Command) -> Command:
    """Add --config, which reads options from a TOML file."""
    return click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=FILE,
        is_eager=True,
        callback=_use_as_defaults,
        help="TOML file of options, as printed by `w2v info`. Command-line options override it.",
    )(command)


def _use_as_defaults(context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Make the options in a file the defaults of the command line; return its path."""
    context.default_map = read_config_file(path) if path else None
    return path


def read_config_file(path: str) -> dict[str, Any]:
    """Return the options in a TOML file, after checking every one of them.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not TOML, or an option is unknown or has an impossible value.
    """
    values = {name.replace("-", "_"): value for name, value in _read_toml(path).items()}
    unknown = sorted(set(values) - {*OPTIONS, *TEXT_OPTIONS})
    if unknown:
        hint = "give --recipe on the command line" if "recipe" in unknown else "w2v train --help lists all options"
        raise ConfigError(f"{path}: unknown options: {', '.join(unknown)}", hint=hint)
    for name, value in values.items():
        if name in OPTIONS:
            try:
                OPTIONS[name].check(option_name(name), value)
            except ConfigError as error:
                raise ConfigError(f"{path}: {error.message}", error.hint) from error
        elif type(value) is not TEXT_OPTIONS[name]:
            raise ConfigError(f"{path}: {option_name(name)} {value!r} has no meaning")
    return values


def _read_toml(path: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror or error}", hint="--config takes a TOML file"
        ) from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{path} is not TOML: {error}", hint="w2v info MODEL prints such a file") from error


class Word(click.ParamType):
    """A word, or other text that is no name of a file."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what the user typed. In a locale of ASCII, Python has not decoded UTF-8."""
        try:
            return os.fsencode(value).decode() if _UNDECODED.search(value) else value
        except UnicodeError:
            return value


WORD = Word()


class Duration(click.ParamType):
    """A length of time such as 30s, 10m or 1h, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds. A number without a unit is in seconds."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value.strip())
        seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
        if seconds <= 0:
            self.fail(f"{value!r} is not a length of time such as 30s, 10m or 1h", param, ctx)
        return seconds


class MergeInterval(click.ParamType):
    """A number of words, or `auto`, which is None."""

    name = "words"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Return the number of words."""
        if value == "auto" or value is None:
            return None
        try:
            words = int(value)
        except ValueError:
            words = 0
        if words < 1:
            self.fail(f"{value!r} is neither auto nor a number of words", param, ctx)
        return words
