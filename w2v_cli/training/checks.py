"""Gradient checks of the shipped training steps: with alpha = 1, what a step takes away is its gradient.

The kernels that train in float32 are run here in float64, at the catalogue's windows. Their own loss is
differentiated by central differences; the loss of `gradients`, which they must agree with, by the complex step.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from w2v_cli.gradients.catalogue import Window, complex_loss_of, generator, nasty_windows, window_function
from w2v_cli.gradients.check import Check, Point
from w2v_cli.training.engines import Step, steps_of
from w2v_cli.training.parameters import padded
from w2v_cli.training.sampling import Sample


def step_checks(engine: str, seed: int = 0, dim: int = 10, vocab: int = 12) -> list[Check]:
    """Checks of one engine's steps.

    Parameters
    ----------
    engine : reference, or compiled, which needs numba.
    seed : of the points · dim : D · vocab : V, at least 4.
    """
    windows = nasty_windows(generator(seed, "windows"), vocab)
    checks = []
    for (model, loss), step in steps_of(engine).items():
        # alpha once is not 1, so that it cannot be forgotten or squared.
        for window, alpha in [(window, 1.0) for window in windows] + [(windows[0], 0.5)]:
            name = f"{engine} {model} {loss} step: {window.name}" + (f", alpha {alpha}" if alpha != 1 else "")
            point = window.tables(generator(seed, name), vocab, dim)
            analytic = complex_loss_of(window_function(model, loss, window))
            checks.append(Check(name, point, partial(_step_gradients, step, window, alpha), analytic))
    return checks


def sample_of(window: Window) -> Sample:
    """The block that holds one window: its center, then its context, whose own windows are empty.

    The center comes first because the compiled engine takes the loss of every few windows, from the first on.
    """
    kept_ids = np.concatenate(([window.center_id], window.context_ids)).astype(np.int32)
    places = np.arange(len(kept_ids), dtype=np.int32)
    starts, stops = places, places + np.int32(1)
    stops[0] = len(kept_ids)
    negative_ids = np.zeros((len(kept_ids), len(window.negative_ids)), np.int32)
    negative_ids[0] = window.negative_ids
    return Sample(kept_ids, starts, stops, negative_ids, places)


def _step_gradients(step: Step, window: Window, alpha: float, point: Point) -> tuple[object, Point]:
    """Loss before the step, and (before − after) ÷ alpha of both tables."""
    sample = sample_of(window)
    dim = next(iter(point.values())).shape[1]
    # The kernels' rows are whole vectors; the padding is 0.
    tables = {name: np.pad(x, ((0, 0), (0, padded(dim) - dim))) for name, x in point.items()}
    after = {name: x.copy() for name, x in tables.items()}
    loss, _ = step(sample, np.full(len(sample.kept_ids), alpha), after["input_vectors"], after["output_vectors"])
    return loss, {name: ((tables[name] - after[name]) / alpha)[:, :dim] for name in tables}
