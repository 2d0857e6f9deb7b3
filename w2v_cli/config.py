"""What a run is: one frozen, validated `TrainConfig`.

Every default and every help text of training lives here, once; the command line makes its options from these
fields and the model file keeps them in its metadata.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any

from w2v_cli.errors import ConfigError

MODELS = ("skipgram",)
LOSSES = ("ns", "softmax")
ENGINES = ("auto", "compiled", "reference")

# Chosen by measurement; see the README's table.
DEFAULT_ALPHA = {("skipgram", "ns"): 0.04, ("skipgram", "softmax"): 0.1}
# word2vec.c: the learning rate ends at 1e-4 of its start.
ALPHA_DECAY = 1e-4


def _option(default: Any, help: str, **limits: Any) -> Any:
    """A field with its help text and its limits: choices, least, above, aliases."""
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class TrainConfig:
    """Every choice that shapes a training run.

    Raises
    ------
    ConfigError
        If a value is out of its range, or two options contradict each other.
    """

    model: str = _option("skipgram", "How a window becomes predictions.", choices=MODELS)
    loss: str = _option(
        "ns", "Objective: ns, negative sampling; softmax, exact, costs V × D per center.", choices=LOSSES
    )
    dim: int = _option(100, "Dimension of the vectors; time and memory grow with it.", least=1, aliases=("size",))
    window: int = _option(5, "Largest distance to a context word; each center draws 1…N.", least=1)
    negatives: int = _option(5, "Noise words per window (ns); time grows with them.", least=1, aliases=("negative",))
    subsample: float = _option(
        1e-3, "Threshold above which frequent words are thinned out; 0 keeps all.", least=0.0, aliases=("sample",)
    )
    noise_exponent: float = _option(0.75, "Noise words are drawn by count to this power (ns).", least=0.0)
    min_count: int = _option(5, "Drop words that occur less often than this.", least=1)
    max_vocab: int | None = _option(None, "Keep only the N most frequent words.", least=1)
    epochs: int = _option(5, "Passes over the corpus.", least=1, aliases=("iter",))
    alpha: float | None = _option(
        None,
        "Learning rate at the start; falls linearly. Default: "
        + ", ".join(f"{value} {loss}" for (_, loss), value in DEFAULT_ALPHA.items())
        + ".",
        above=0.0,
        aliases=("lr",),
    )
    min_alpha: float | None = _option(None, f"Learning rate at the end. Default: {ALPHA_DECAY:g} × alpha.", least=0.0)
    threads: int | None = _option(
        None, "Worker threads. Default: all cores. 1 makes the run repeatable bit for bit.", least=1
    )
    seed: int = _option(1, "Seed of every random choice.", least=0)
    engine: str = _option(
        "auto", "auto takes compiled (numba) where it can, else reference (numpy, slow).", choices=ENGINES
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            _check(item, getattr(self, item.name))
        if self.min_alpha is not None and self.min_alpha > self.alpha_start:
            raise ConfigError(
                f"--min-alpha {self.min_alpha:g} is above --alpha {self.alpha_start:g}",
                hint="the learning rate falls from alpha to min-alpha",
            )

    @property
    def alpha_start(self) -> float:
        """Learning rate at the first token."""
        return self.alpha if self.alpha is not None else DEFAULT_ALPHA[self.model, self.loss]

    @property
    def alpha_min(self) -> float:
        """Learning rate at the last token."""
        return self.min_alpha if self.min_alpha is not None else self.alpha_start * ALPHA_DECAY

    @property
    def thread_count(self) -> int:
        """Worker threads, at least 1."""
        return self.threads if self.threads is not None else available_cores()

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, as given."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The configuration that `as_dict` described; names that it does not know are refused."""
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


def _check(item: Field[Any], value: Any) -> None:
    """Refuse a value outside the limits in its field's metadata."""
    if value is None and item.default is None:
        return
    limits, name = item.metadata, option_name(item.name)
    if "choices" in limits:
        if value not in limits["choices"]:
            raise ConfigError(f"{name} {value} is not one of {', '.join(limits['choices'])}")
        return
    # The annotations are strings: "int", "int | None", "float", "float | None".
    kind = int if str(item.type).startswith("int") else float
    allowed = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise ConfigError(f"{name} {value!r} is not {'a whole number' if kind is int else 'a number'}")
    if not math.isfinite(value):
        raise ConfigError(f"{name} {value} is not a finite number")
    if "least" in limits and value < limits["least"]:
        raise ConfigError(f"{name} {value} is too small", hint=f"it must be at least {limits['least']:g}")
    if "above" in limits and value <= limits["above"]:
        raise ConfigError(f"{name} {value} is too small", hint=f"it must be above {limits['above']:g}")
