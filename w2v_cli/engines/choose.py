"""Choose the engine, and the functions that train and measure an objective with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from w2v_cli.compute.jit import COMPILES, WHY_NOT_COMPILED
from w2v_cli.engines import reference, softmax
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample
from w2v_cli.errors import ConfigError

# (sample, alphas, input_vectors, output_vectors) → (loss in nats, predictions). See `reference.train_logistic`.
Step = Callable[[Sample, np.ndarray, np.ndarray, np.ndarray], tuple[float, int]]
# (sample, input_vectors, output_vectors) → (loss in nats, predictions). The tables are not changed.
Measure = Callable[[Sample, np.ndarray, np.ndarray], tuple[float, int]]


def resolve_engine(engine: str, table: str = "float32") -> str:
    """Return the engine to use: `auto` becomes compiled where numba works, and reference elsewhere.

    Parameters
    ----------
    engine, table : as in `TrainConfig`.

    Raises
    ------
    ConfigError
        If `engine` is compiled, and numba does not work here; or the processor does not convert float16.
    """
    if engine == "auto":
        engine = "compiled" if COMPILES else "reference"
    if engine == "compiled" and not COMPILES:
        raise ConfigError(
            f"--engine compiled needs numba, and {WHY_NOT_COMPILED}",
            hint="use --engine reference, unset NUMBA_DISABLE_JIT, or take a Python that numba supports",
        )
    if engine == "compiled" and table == "float16":
        from w2v_cli.compute.half import CONVERTS

        if not CONVERTS:
            raise ConfigError(
                "--table float16 needs a processor that converts float16, and this one does not, or is not known",
                hint="leave it out, unset NUMBA_CPU_NAME, or use --engine reference, which is slow",
            )
    return engine


def blocks_at_once(engine: str, loss: str, threads: int) -> int:
    """Return how many blocks are trained or measured at the same time, each by its own thread.

    It is 1 for a full softmax, where all threads work on the same block, and for the reference engine.

    Parameters
    ----------
    engine : compiled or reference, from `resolve_engine` · loss : as in `TrainConfig` · threads : how many there are.
    """
    return threads if engine == "compiled" and loss != "softmax" else 1


def make_step(
    engine: str,
    objective: Objective,
    threads: int = 1,
    batch_alpha: float | None = None,
    wants_loss: bool = True,
) -> Step:
    """Return the function that trains one block.

    The full softmax is the same in both engines, because it consists of numpy's matrix products.

    Parameters
    ----------
    engine : compiled or reference, from `resolve_engine`.
    objective : the architecture and the loss.
    threads : how many threads call the function at the same time; for the full softmax, how many threads it uses
        itself.
    batch_alpha : for the full softmax only; see `softmax.train_softmax`.
    wants_loss : if false, the compiled engine saves the time that the loss takes, and returns 0 for it.
    """
    if objective.loss == "softmax":
        return partial(softmax.train_softmax, objective, threads=threads, batch_alpha=batch_alpha)
    if engine == "reference":
        return partial(reference.train_logistic, objective)
    from w2v_cli.engines import compiled

    return partial(compiled.train_logistic, objective, threads=threads, wants_loss=wants_loss)


def make_measure(engine: str, objective: Objective, threads: int = 1) -> Measure:
    """Return the function that measures the loss of a block; only the full softmax divides its work among `threads`."""
    if objective.loss == "softmax":
        return partial(softmax.measure_softmax, objective, threads=threads)
    if engine == "reference":
        return partial(reference.measure_logistic, objective)
    from w2v_cli.engines import compiled

    return partial(compiled.measure_logistic, objective)
