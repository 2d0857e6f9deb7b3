"""Which options of training are tried, within which limits, and the drawing of one trial's options."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from w2v_cli.config import OPTIONS, TrainConfig, option_name
from w2v_cli.errors import ConfigError, shown
from w2v_cli.option import plain_value

# What is tried if the user does not say, as `--try` writes it.
DEFAULT_TRIES: Mapping[str, str] = {
    "model": "skipgram,cbow",
    "loss": "ns,hs",
    "dim": "50:200",
    "window": "2:12",
    "negatives": "3:15",
    "subsample": "1e-5:1e-2",
    "epochs": "5:20",
    "alpha": "0.0125:0.1",
}
# All that is tried if the score is a loss: the others change what is predicted, or how often, so that the losses of two
# trials would be about different things.
LOSS_TRIES = ("dim", "epochs", "alpha", "min_alpha")
# What can be tried besides. Other options change which words are scored, or nothing that is learnt.
_ALSO = (
    "fixed_window",
    "radius",
    "cbow_sum",
    "cbow_step",
    "min_ngram",
    "max_ngram",
    "buckets",
    "hashes",
    "subword_step",
    "noise_exponent",
    "input_exponent",
    "output_exponent",
    "min_alpha",
)
# How many draws in a row may repeat earlier trials before the limits are taken to be exhausted.
_REPEATS = 100
# The share of its options that a trial takes from the defaults, which are good already.
_DEFAULT_SHARE = 0.5
_DIGITS = 3


@dataclass(frozen=True)
class Limits:
    """The values that one option may take: a range, or a few values.

    Attributes
    ----------
    name : the field of `TrainConfig`.
    values : two numbers, the limits of a range; or all values, if `is_range` is not set.
    """

    name: str
    values: tuple[Any, ...]
    is_range: bool

    @classmethod
    def of(cls, name: str, values: object) -> Limits:
        """Return the limits of an option.

        Parameters
        ----------
        name : the option, with hyphens or underscores.
        values : a text such as "2:10" or "2,5,10"; or a tuple of two numbers, the limits of a range; or a list of
            values.

        Raises
        ------
        ConfigError
            If there is no such option, it cannot be tried, or it cannot have such values.

        Examples
        --------
        >>> Limits.of("window", "2:10").values, Limits.of("model", ["cbow"]).values
        ((2, 10), ('cbow',))
        """
        field = name.replace("-", "_")
        if field not in OPTIONS:
            raise ConfigError(f"--try {name}: there is no such option", hint=f"the options are {', '.join(OPTIONS)}")
        if field not in (*DEFAULT_TRIES, *_ALSO):
            raise ConfigError(
                f"--try {name}: it changes which words are scored, or nothing that is learnt",
                hint=f"choose it for all trials with {option_name(field)}",
            )
        is_range = isinstance(values, tuple) or (isinstance(values, str) and ":" in values)
        if isinstance(values, str):
            listed = [_parsed(field, text) for text in values.split(":" if is_range else ",")]
        elif isinstance(values, Sequence):
            listed = [plain_value(value) for value in values]
        else:
            raise ConfigError(f"--try {name}: {shown(values)} is neither a range nor a list of values")
        for value in listed:
            OPTIONS[field].check(f"--try {name}:", value)
        is_number = OPTIONS[field].kind in (int, float)
        if is_range and not (is_number and len(listed) == 2 and listed[0] <= listed[1]):
            raise ConfigError(f"--try {name}: {values} is no range", hint="write LOWEST:HIGHEST, or values with commas")
        if not listed:
            raise ConfigError(f"--try {name}: there is no value to try")
        return cls(field, tuple(listed), is_range)

    def draw(self, dice: random.Random) -> Any:
        """Return a value; those of a range are drawn so that 1 to 2 is as likely as 2 to 4, if all are positive."""
        share = dice.random()
        if not self.is_range:
            return self.values[int(share * len(self.values))]
        low, high = self.values
        drawn = low * math.exp(share * math.log(high / low)) if low > 0 else low + share * (high - low)
        if OPTIONS[self.name].kind is int:
            return min(max(round(drawn), low), high)
        return min(max(float(f"{drawn:.{_DIGITS}g}"), low), high)


def _parsed(name: str, text: str) -> Any:
    """Return a value of an option that is written as on the command line."""
    kind = OPTIONS[name].kind
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return kind(text) if kind is not bool else text
    except ValueError:
        return text


def all_limits(tries: Mapping[str, object], fixed: Mapping[str, object], by_loss: bool = False) -> list[Limits]:
    """Return the limits of every option that is tried, in the order of the options.

    Parameters
    ----------
    tries : for each option, what `Limits.of` takes; they override `DEFAULT_TRIES`.
    fixed : options that all trials have; they are not tried.
    by_loss : whether trials are compared by their losses.

    Raises
    ------
    ConfigError
        If an option is both, or cannot be tried, or nothing is left to try.
    """
    asked = {limits.name: limits for limits in (Limits.of(name, values) for name, values in tries.items())}
    for name in asked:
        if name in fixed:
            raise ConfigError(
                f"{option_name(name)} is the same for all trials, and --try {name} varies it", hint="leave out one"
            )
        if by_loss and name not in LOSS_TRIES:
            raise ConfigError(
                f"--try {name}: losses can be compared only between models that make the same predictions",
                hint=f"with --score loss, try {', '.join(LOSS_TRIES)}; a gold set can compare all options",
            )
    usual = {
        name: Limits.of(name, text)
        for name, text in DEFAULT_TRIES.items()
        if name not in fixed and (not by_loss or name in LOSS_TRIES)
    }
    limits = {**usual, **asked}
    if not limits:
        raise ConfigError("there is no option to try", hint="--try NAME=LOWEST:HIGHEST names one")
    return [limits[name] for name in OPTIONS if name in limits]


def draw_trials(limits: Sequence[Limits], base: TrainConfig, count: int) -> list[dict[str, Any]]:
    """Draw the options of some trials; the first one has the defaults, and no two are the same.

    Each trial takes about half of its options from the defaults. The first trials are the same whatever `count` is.

    Parameters
    ----------
    base : what all trials have in common; its seed decides what is drawn.

    Returns
    -------
    For each trial its options besides those of `base`; fewer if the limits do not hold so many.
    """
    dice = random.Random(base.seed)
    trials: list[dict[str, Any]] = [{}]
    repeats = 0
    while len(trials) < count and repeats < _REPEATS:
        drawn = _draw(limits, base, dice)
        repeats = repeats + 1 if drawn in trials else 0
        if not repeats:
            trials.append(drawn)
    return trials


def _draw(limits: Sequence[Limits], base: TrainConfig, dice: random.Random) -> dict[str, Any]:
    """Return what differs from `base` in one trial, without impossible options and those without effect."""
    config, drawn = base, dict[str, Any]()
    # The options come in the order of `TrainConfig`, in which one follows those that it depends on.
    for item in limits:
        usual, keeps, value = getattr(base, item.name), dice.random() < _DEFAULT_SHARE, item.draw(dice)
        # A default outside of the limits that the user has set is not tried.
        if value == usual or (keeps and _allows(item, usual)):
            continue
        with suppress(ConfigError):
            changed = replace(config, **{item.name: value})
            changed.require_effect(item.name)
            config, drawn[item.name] = changed, value
    return drawn


def _allows(limits: Limits, value: Any) -> bool:
    """Whether a default lies within the limits; None, for a default that depends on others, always does."""
    if value is None:
        return True
    return bool(limits.values[0] <= value <= limits.values[1]) if limits.is_range else value in limits.values
