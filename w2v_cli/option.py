"""What an option is: its type, limits and help text, the check of a value, and Python values in place of numpy's.

The module `config` says which options a training run has.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from w2v_cli.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Option:
    """The type, default, limits and help text of one option.

    Attributes
    ----------
    kind : the type of its values: bool, int, float or str; or tuple, of several `choices`. None is allowed as well if
        it is the default.
    default : its value if it is not given.
    help : one or more sentences for the help page.
    choices : all values that are allowed, if they are few.
    least, most : the smallest and the largest value · above : every value must be larger than this.
    why : the reason for the lower limit, as a clause.
    aliases : other spellings, as in word2vec.c and gensim.
    metavar : what the help page calls the value; None for the usual name of its type.
    or_number : whether a number may stand for a str.
    only : the values that other options must have for this one to have an effect; a tuple if there are several, or
        `str` for any value but None.
    """

    kind: type[bool] | type[int] | type[float] | type[str] | type[tuple[str, ...]]
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    why: str = ""
    aliases: tuple[str, ...] = ()
    metavar: str | None = None
    or_number: bool = False
    only: Mapping[str, object] = field(default_factory=dict)

    def check(self, name: str, value: object) -> None:
        """Refuse a value of the wrong type or outside the limits.

        Parameters
        ----------
        name : the option as the command line spells it, for the message.

        Raises
        ------
        ConfigError
            If the value is not allowed; the message names the option and the value.
        """
        if value is None and self.default is None:
            return
        if self.choices:
            # TOML has lists.
            for one in value if self.kind is tuple and isinstance(value, tuple | list) else (value,):
                if one not in self.choices:
                    raise ConfigError(f"{name} {one} is not one of {', '.join(self.choices)}")
        elif self.kind is bool:
            if not isinstance(value, bool):
                raise ConfigError(f"{name} {value!r} is neither true nor false")
        elif self.kind is str:
            if not isinstance(value, str) and not (self.or_number and is_number(value)):
                raise ConfigError(f"{name} {value!r} is not a name")
        else:
            self._check_number(name, value)

    def _check_number(self, name: str, value: object) -> None:
        whole = self.kind is int
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            hint = f"write {value:.0f}" if whole and isinstance(value, float) and value.is_integer() else None
            what = "a float, and must be an int" if hint else f"not {'a whole number' if whole else 'a number'}"
            raise ConfigError(f"{name} {value!r} is {what}", hint=hint)
        # An int can be too large for a float, too; the comparison is false for NaN.
        if not whole and not abs(value) <= sys.float_info.max:
            raise ConfigError(f"{name} {value} is not a finite number")
        if self.least is not None and value < self.least:
            raise ConfigError(f"{name} {value} is too small", hint=self._lower_limit(f"at least {self.least:g}"))
        if self.most is not None and value > self.most:
            raise ConfigError(f"{name} {value} is too large", hint=f"it must be at most {self.most:,}")
        if self.above is not None and value <= self.above:
            raise ConfigError(f"{name} {value} is too small", hint=self._lower_limit(f"above {self.above:g}"))

    def _lower_limit(self, limit: str) -> str:
        return f"it must be {limit}" + (f": {self.why}" if self.why else "")


def is_number(value: object) -> bool:
    """Return whether a value is an int or a float, which True and False are not here."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain_value(value: Any) -> Any:
    """Convert a numpy scalar to the Python value that it holds, and return anything else unchanged.

    A number that is less precise than Python's becomes the one with the same digits: float32(0.05) becomes 0.05, not
    0.05000000074505806.
    """
    # numpy is not imported here, so that `w2v --help` is quick.
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    is_real = getattr(getattr(value, "dtype", None), "kind", None) == "f"
    # With [()], because numpy rounds the digits of an array of no dimensions as it does those of any other array.
    return float(str(value[()])) if is_real else value.item()


def make_plain(options: DataclassInstance) -> None:
    """Convert the numpy scalars in the fields of a dataclass, which may be frozen, to Python values."""
    for item in fields(options):
        object.__setattr__(options, item.name, plain_value(getattr(options, item.name)))
