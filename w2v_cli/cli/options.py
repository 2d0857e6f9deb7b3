"""Options of the command line made from the fields of `TrainConfig`: names, defaults, limits and help are its."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from w2v_cli.config import TrainConfig, option_name


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
        kind: Any = int if str(field.type).startswith("int") else float
        if "choices" in limits:
            kind = click.Choice(limits["choices"])
        names = [option_name(field.name), *(option_name(alias) for alias in limits.get("aliases", ()))]
        command = click.option(
            *names,
            field.name,
            type=kind,
            default=field.default,
            metavar=None if "choices" in limits else ("N" if kind is int else "X"),
            help=limits["help"],
            envvar="W2V_THREADS" if field.name == "threads" else None,
            show_envvar=field.name == "threads",
        )(command)
    return command
