"""Which function takes the steps of an objective, in either engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from w2v_cli.compute.jit import COMPILES, WHY_NOT_COMPILED
from w2v_cli.engines import reference, softmax
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample
from w2v_cli.errors import ConfigError

# (sample, alphas, input_vectors, output_vectors) → (loss in nats, predictions); see `reference.train_logistic`.
Step = Callable[[Sample, np.ndarray, np.ndarray, np.ndarray], tuple[float, int]]
# (sample, input_vectors, output_vectors) → (loss in nats, predictions); the tables stay as they are.
Measure = Callable[[Sample, np.ndarray, np.ndarray], tuple[float, int]]


def resolve_engine(engine: str) -> str:
    """`auto` becomes the engine that there is.

    Raises
    ------
    ConfigError
        If `engine` is compiled and numba does not compile here.
    """
    if engine == "auto":
        return "compiled" if COMPILES else "reference"
    if engine == "compiled" and not COMPILES:
        raise ConfigError(
            f"--engine compiled needs numba, and {WHY_NOT_COMPILED}",
            hint="use --engine reference, unset NUMBA_DISABLE_JIT, or take a Python that numba supports",
        )
    return engine


def make_step(
    engine: str,
    objective: Objective,
    threads: int = 1,
    batch_alpha: float | None = None,
    wants_loss: bool = True,
) -> Step:
    """The step of an objective, for so many threads that take it at once; `engine` is what `resolve_engine` returns.

    Without `wants_loss` the compiled engine saves the time that the loss takes, and returns 0 for it. The softmax is
    made of numpy's matrix products in both engines; it alone has batches, and `batch_alpha` for them.
    """
    if objective.loss == "softmax":
        return partial(softmax.train_softmax, objective, threads=threads, batch_alpha=batch_alpha)
    if engine == "reference":
        return partial(reference.train_logistic, objective)
    from w2v_cli.engines import compiled

    return partial(compiled.train_logistic, objective, threads=threads, wants_loss=wants_loss)


def make_measure(engine: str, objective: Objective, threads: int = 1) -> Measure:
    """The loss of an objective; only the full softmax shares its work among `threads`."""
    if objective.loss == "softmax":
        return partial(softmax.measure_softmax, objective, threads=threads)
    if engine == "reference":
        return partial(reference.measure_logistic, objective)
    from w2v_cli.engines import compiled

    return partial(compiled.measure_logistic, objective)
