"""What a run is: one frozen, validated `TrainConfig`.

Every default and every help text of training lives here, once; the command line makes its options from these
fields and the model file keeps them in its metadata.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any

from w2v_cli.errors import ConfigError

MODELS = ("skipgram", "cbow")
LOSSES = ("ns", "hs", "softmax")
CBOW_STEPS = ("scaled", "plain")
ENGINES = ("auto", "compiled", "reference")

# The learning rate at the start, and where it ends as a share of that: 1e-4 as in word2vec.c. CBOW with negative
# sampling, whose windows are one prediction each, learns better with a later fall (enwiki-100m, analogies, three
# seeds: 36.5 % instead of 35.5 %). All chosen by sweeps over enwiki-100m, see the README.
DEFAULT_ALPHA = {
    ("skipgram", "ns"): (0.04, 1e-4),
    ("skipgram", "hs"): (0.03, 1e-4),
    ("skipgram", "softmax"): (0.075, 1e-4),
    ("cbow", "ns"): (0.05, 0.2),
    ("cbow", "hs"): (0.04, 1e-4),
    ("cbow", "softmax"): (0.1, 1e-4),
}


def _option(default: Any, help: str, **limits: Any) -> Any:
    """A field with its help text and its limits.

    choices; least, most and above, with the reason `why`; aliases, other spellings; only, what other fields must be for
    this one to have a meaning.
    """
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class TrainConfig:
    """Every choice that shapes a training run.

    Raises
    ------
    ConfigError
        If a value is out of its range, or two options contradict each other.
    """

    model: str = _option(
        "skipgram", "skipgram: each context word predicts the center. cbow: their mean does.", choices=MODELS
    )
    loss: str = _option(
        "ns",
        "ns: negative sampling. hs: hierarchical softmax. softmax: the full one, exact, costs V × D per center.",
        choices=LOSSES,
    )
    dim: int = _option(
        100, "Dimension of the vectors; time and memory grow with it.", least=1, most=2**31 - 1, aliases=("size",)
    )
    window: int = _option(5, "Largest distance to a context word; each center draws 1…N.", least=1, most=2**31 - 1)
    fixed_window: bool = _option(False, "Every window has the largest radius; up to twice as many pairs.")
    cbow_sum: bool = _option(
        False, "cbow: the sum of the context rows predicts, not their mean.", only={"model": "cbow"}
    )
    cbow_step: str = _option(
        "scaled",
        "cbow: a row's step is n × the mean's gradient (scaled, as word2vec.c) or the gradient itself (plain).",
        choices=CBOW_STEPS,
        only={"model": "cbow", "cbow_sum": False},
    )
    negatives: int = _option(
        5,
        "ns: noise words of a window, shared by its pairs, in skipgram by 1 + N ÷ 5 windows, at most 4; time grows "
        "with them.",
        least=1,
        most=2**31 - 1,
        why="without noise every score would grow without bound",
        aliases=("negative",),
        only={"loss": "ns"},
    )
    subsample: float = _option(
        1e-3,
        "Share of the text above which frequent words are thinned out; 0 keeps all. Texts under 10,000 words are kept "
        "whole.",
        least=0.0,
        most=1,
        aliases=("sample",),
    )
    noise_exponent: float = _option(
        0.75, "ns: noise words are drawn by count to this power.", least=0.0, only={"loss": "ns"}
    )
    min_count: int = _option(5, "Drop words that occur less often than this.", least=1)
    max_vocab: int | None = _option(None, "Keep only the N most frequent words.", least=1)
    vocab: str | None = _option(
        None, "Take words, their order and counts from FILE, as w2v vocab prints them; not from the corpus."
    )
    epochs: int = _option(5, "Passes over the corpus.", least=1, most=10**8, aliases=("iter",))
    alpha: float | None = _option(
        None,
        "Learning rate at the start; falls linearly. Default: "
        + ", ".join(f"{start} {model} {loss}" for (model, loss), (start, _) in DEFAULT_ALPHA.items())
        + "; less with very wide windows, hundreds of noise words or a text of few words.",
        above=0.0,
        aliases=("lr",),
    )
    min_alpha: float | None = _option(
        None,
        "Learning rate at the end. Default: 0.0001 × alpha"
        + "".join(f", {end:g} × for {m} {loss}" for (m, loss), (_, end) in DEFAULT_ALPHA.items() if end != 1e-4)
        + ".",
        least=0.0,
    )
    threads: int | None = _option(
        None, "Worker threads. Default: all cores. 1 makes the run repeatable bit for bit.", least=1, most=1024
    )
    seed: int = _option(1, "Seed of every random choice.", least=0)
    engine: str = _option(
        "auto", "auto takes compiled (numba) where it can, else reference (numpy, slow).", choices=ENGINES
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            check_value(item, getattr(self, item.name))
            self._check_use(item)
        if self.min_alpha is not None and self.min_alpha > self.alpha_start:
            raise ConfigError(
                f"--min-alpha {self.min_alpha:g} is above --alpha {self.alpha_start:g}",
                hint="the learning rate falls from alpha to min-alpha",
            )

    def _check_use(self, item: Field[Any]) -> None:
        """Refuse a choice that the rest of the configuration makes no use of."""
        if getattr(self, item.name) == item.default:
            return
        for other, needed in item.metadata.get("only", {}).items():
            if getattr(self, other) != needed:
                used = f"{option_name(other)} {getattr(self, other)}" if needed is not False else option_name(other)
                raise ConfigError(f"{option_name(item.name)} has no meaning with {used}")

    @property
    def alpha_start(self) -> float:
        """Learning rate at the first token."""
        return self.alpha if self.alpha is not None else DEFAULT_ALPHA[self.model, self.loss][0]

    @property
    def alpha_min(self) -> float:
        """Learning rate at the last token."""
        share = DEFAULT_ALPHA[self.model, self.loss][1]
        return self.min_alpha if self.min_alpha is not None else self.alpha_start * share

    @property
    def thread_count(self) -> int:
        """Worker threads, at least 1."""
        return self.threads if self.threads is not None else available_cores()

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, as given."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> TrainConfig:
        """The configuration that `as_dict` described; names that it does not know are refused."""
        if not isinstance(values, dict):
            raise ConfigError("options are a table of names and values")
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            raise ConfigError(f"unknown options: {', '.join(unknown)}")
        return cls(**values)


def option_name(name: str) -> str:
    """The command line's spelling of a field."""
    return "--" + name.replace("_", "-")


def available_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_value(item: Field[Any], value: Any) -> None:
    """Refuse a value outside the limits in the metadata of its field of `TrainConfig`; raises ConfigError."""
    if value is None and item.default is None:
        return
    limits, name = item.metadata, option_name(item.name)
    if "choices" in limits:
        if value not in limits["choices"]:
            raise ConfigError(f"{name} {value} is not one of {', '.join(limits['choices'])}")
        return
    # The annotations are strings: "int", "int | None", "float", "float | None".
    if item.type == "bool":
        if not isinstance(value, bool):
            raise ConfigError(f"{name} {value!r} is neither true nor false")
        return
    if str(item.type).startswith("str"):
        if not isinstance(value, str):
            raise ConfigError(f"{name} {value!r} is not a name")
        return
    kind = int if str(item.type).startswith("int") else float
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise ConfigError(f"{name} {value!r} is not {'a whole number' if kind is int else 'a number'}")
    # A whole number may be too large for a float too.
    if kind is float and not abs(value) <= sys.float_info.max:
        raise ConfigError(f"{name} {value} is not a finite number")
    if "least" in limits and value < limits["least"]:
        raise ConfigError(
            f"{name} {value} is too small", hint=_reason(f"it must be at least {limits['least']:g}", limits)
        )
    if "most" in limits and value > limits["most"]:
        raise ConfigError(f"{name} {value} is too large", hint=f"it must be at most {limits['most']:,}")
    if "above" in limits and value <= limits["above"]:
        raise ConfigError(f"{name} {value} is too small", hint=_reason(f"it must be above {limits['above']:g}", limits))


def _reason(limit: str, limits: Mapping[str, Any]) -> str:
    return f"{limit}: {limits['why']}" if "why" in limits else limit
