"""Which function takes the steps of which model and loss, in either engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from w2v_cli.errors import ConfigError
from w2v_cli.jit import COMPILES, WHY_NOT_COMPILED
from w2v_cli.training import reference, softmax
from w2v_cli.training.sampling import Sample

# (sample, alphas, input_vectors, output_vectors) → (loss in nats, predictions); see `reference.train_skipgram_ns`.
Step = Callable[[Sample, np.ndarray, np.ndarray, np.ndarray], tuple[float, int]]


def resolve_engine(engine: str) -> str:
    """`auto` becomes the engine that there is.

    Raises
    ------
    ConfigError
        If `engine` is compiled and numba cannot be imported.
    """
    if engine == "auto":
        return "compiled" if COMPILES else "reference"
    if engine == "compiled" and not COMPILES:
        raise ConfigError(
            f"--engine compiled needs numba, which does not import here ({WHY_NOT_COMPILED})",
            hint="use --engine reference, or a Python that numba supports",
        )
    return engine


def steps_of(engine: str) -> dict[tuple[str, str], Step]:
    """The step of every (model, loss); `engine` is one that `resolve_engine` returns.

    The softmax is made of numpy's matrix products in both engines.
    """
    steps: dict[tuple[str, str], Step] = {("skipgram", "softmax"): softmax.train_skipgram_softmax}
    if engine == "compiled":
        from w2v_cli.training import compiled

        steps["skipgram", "ns"] = compiled.train_skipgram_ns
    else:
        steps["skipgram", "ns"] = reference.train_skipgram_ns
    return steps
