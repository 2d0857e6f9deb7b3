"""Options of the command line made from the fields of `TrainConfig`: names, defaults, limits and help are its."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from w2v_cli.config import TrainConfig, check_value, option_name
from w2v_cli.errors import ConfigError


class Duration(click.ParamType):
    """A length of time, such as 30s, 10m or 1h, as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; a number alone is of seconds."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value.strip())
        seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
        if seconds <= 0:
            self.fail(f"{value!r} is not a length of time such as 30s, 10m or 1h", param, ctx)
        return seconds


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for every field of `TrainConfig`, in its order; old hands' spellings are accepted too."""
    for field in reversed(fields(TrainConfig)):
        limits = field.metadata
        if field.type == "bool":
            command = click.option(option_name(field.name), field.name, is_flag=True, help=limits["help"])(command)
            continue
        kind: Any = {"int": int, "str": str}.get(str(field.type).split(" ")[0], float)
        if "choices" in limits:
            kind = click.Choice(limits["choices"])
        names = [option_name(field.name), *(option_name(alias) for alias in limits.get("aliases", ()))]
        command = click.option(
            *names,
            field.name,
            type=kind,
            default=field.default,
            metavar=None if "choices" in limits else {int: "N", str: "FILE"}.get(kind, "X"),
            help=limits["help"],
            envvar="W2V_THREADS" if field.name == "threads" else None,
            show_envvar=field.name == "threads",
        )(command)
    return command


def config_file_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--config: options from a TOML file; those on the command line override them."""
    return click.option(
        "--config",
        "config_file",
        metavar="FILE",
        is_eager=True,
        callback=_take_options,
        help="TOML file of options, as printed by w2v info. Command-line options override it.",
    )(command)


def _take_options(context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Make the options in a file the defaults of the command line; returns its path."""
    context.default_map = _read_options(path) if path else None
    return path


def _read_options(path: str) -> dict[str, Any]:
    """The options in a TOML file, every one checked.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not TOML, or holds an option or a value that there is not.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with open(path, "rb") as file:
            values = {name.replace("-", "_"): value for name, value in tomllib.load(file).items()}
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror or error}", hint="--config takes a TOML file"
        ) from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{path} is not TOML: {error}", hint="w2v info MODEL prints such a file") from error
    items = {item.name: item for item in fields(TrainConfig)}
    unknown = sorted(set(values) - {*items, *TEXT_OPTIONS})
    if unknown:
        raise ConfigError(f"{path}: unknown options: {', '.join(unknown)}", hint="w2v train --help has them all")
    for name, value in values.items():
        if name in items:
            try:
                check_value(items[name], value)
            except ConfigError as error:
                raise ConfigError(f"{path}: {error.message}", error.hint) from error
        elif type(value) is not TEXT_OPTIONS[name]:
            raise ConfigError(f"{path}: {option_name(name)} {value!r} has no meaning")
    return values


# How a text is read: options beside those of `TrainConfig`.
TEXT_OPTIONS = {"tokenize": str, "lower": bool, "errors": str}


def text_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How bytes become tokens: the fields of `corpus.reader.TextOptions`."""
    command = click.option(
        "--errors",
        type=click.Choice(["strict", "replace", "ignore"]),
        default="strict",
        help="What to do with bytes that are not UTF-8.",
    )(command)
    command = click.option("--lower", is_flag=True, help="Lower-case the text.")(command)
    return click.option(
        "--tokenize",
        type=click.Choice(["whitespace", "words"]),
        default="whitespace",
        help="whitespace: tokens are what white space separates. words: letters and digits, for raw prose; slower.",
    )(command)


def threads_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--threads, as of training."""
    return click.option(
        "--threads",
        metavar="N",
        type=click.IntRange(min=1),
        envvar="W2V_THREADS",
        show_envvar=True,
        help="Worker threads. Default: all cores.",
    )(command)
