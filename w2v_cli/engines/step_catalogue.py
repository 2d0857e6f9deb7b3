"""Gradient checks of the shipped training steps: with alpha = 1, what a step takes away is its gradient.

The kernels that train in float32 are run here in float64, at the catalogue's windows. Their own loss is
differentiated by central differences; the loss of `gradients`, which they must agree with, by the complex step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.engines.choose import Step, make_step
from w2v_cli.engines.huffman import Paths
from w2v_cli.engines.objective import Objective, make_objective
from w2v_cli.engines.parameters import padded
from w2v_cli.engines.sampling import Sample
from w2v_cli.gradients.catalogue import (
    Window,
    complex_loss_of,
    generator,
    nasty_windows,
    noise_loss,
    path_loss,
    softmax_pairs,
    window_function,
)
from w2v_cli.gradients.check import Check, Point

# Every model and loss, and what is a choice about their steps.
CONFIGS = {
    "skipgram ns": TrainConfig(),
    "skipgram hs": TrainConfig(loss="hs"),
    "skipgram softmax": TrainConfig(loss="softmax"),
    "cbow ns": TrainConfig(model="cbow", cbow_step="plain"),
    "cbow hs": TrainConfig(model="cbow", loss="hs", cbow_step="plain"),
    "cbow softmax": TrainConfig(model="cbow", loss="softmax", cbow_step="plain"),
}
VARIANTS = {
    "cbow of sums ns": TrainConfig(model="cbow", cbow_sum=True),
    "cbow of sums hs": TrainConfig(model="cbow", loss="hs", cbow_sum=True),
    "cbow of sums softmax": TrainConfig(model="cbow", loss="softmax", cbow_sum=True),
    "cbow scaled ns": TrainConfig(model="cbow"),
    "cbow scaled hs": TrainConfig(model="cbow", loss="hs"),
    "cbow scaled softmax": TrainConfig(model="cbow", loss="softmax"),
}
# Wider than the widest vector register, and no multiple of it.
WIDE = 35
CORPUS_WINDOWS = 4


def step_checks(engines: Sequence[str], seed: int, dim: int, vocab: int) -> list[Check]:
    """Checks of the steps of one engine or of both.

    Parameters
    ----------
    engines : reference, or compiled, which needs numba.
    seed : of the points · dim : D · vocab : V, at least 4.
    """
    windows = nasty_windows(generator(seed, "windows"), vocab)
    # Halving counts make a tree with a path of every length: the rarest word's is the longest there can be.
    counts = 2 ** np.maximum(40 - np.arange(vocab, dtype=np.int64), 0)
    checks: dict[str, Check] = {}
    for engine in engines:
        for kind, config in {**CONFIGS, **VARIANTS}.items():
            objective = make_objective(config, counts)
            step = make_step(engine, objective)
            # The softmax is the same in both engines.
            who = "both engines'" if config.loss == "softmax" else engine
            places = [Place(window) for window in windows if config.loss == "ns" or window.is_about_words]
            # alpha once is not 1, so that it cannot be forgotten or squared.
            places = places[:2] if kind in VARIANTS else [*places, Place(windows[0], 0.5, WIDE)]
            if kind == "skipgram ns":
                places += [Place(window, together=True) for window in windows]
            for place in places:
                name = f"{who} {kind} step: {place.name}"
                tables = place.window.tables(generator(seed, name), vocab, place.dim or dim)
                if objective.paths is not None:
                    tables["node_vectors"] = tables.pop("output_vectors")[:-1]
                checks[name] = _step_check(name, objective, step, place, tables)
    return list(checks.values())


def corpus_checks(
    engines: Sequence[str],
    config: TrainConfig,
    counts: np.ndarray,
    tables: Sequence[np.ndarray],
    sample: Sample,
    seed: int,
) -> list[Check]:
    """Checks of the steps of a trained model, at some windows of a text.

    Only the rows that a window touches take part; the full softmax goes over them and a few more.

    Parameters
    ----------
    config : the model's; CBOW's step is taken plain · counts : int64 (V,) · tables : input and output vectors, or nodes
    sample : windows of the text, by the model's ids · seed : which of them.
    """
    whole = replace(make_objective(config, counts), scales_step=False)
    rng = generator(seed, "corpus")
    wide = np.flatnonzero(sample.window_stops - sample.window_starts > 1)
    checks = []
    for pos in np.sort(rng.choice(wide, min(CORPUS_WINDOWS, len(wide)), replace=False)).tolist():
        window_ids = sample.kept_ids[sample.window_starts[pos] : sample.window_stops[pos]]
        context_ids = np.delete(window_ids, pos - sample.window_starts[pos])
        center_id = int(sample.kept_ids[pos])
        noise_ids = sample.negative_ids[pos // sample.step_windows]
        others = rng.integers(0, len(counts), 8) if config.loss == "softmax" else noise_ids
        words, places = np.unique(np.concatenate(([center_id], context_ids, others)), return_inverse=True)
        paths, output_ids = None, words
        if whole.paths is not None:
            output_ids, labels = whole.paths.of(center_id)
            # Of the words that take part the center alone is predicted.
            starts = np.where(np.arange(len(words) + 1) > places[0], len(output_ids), 0)
            paths = Paths(starts, np.arange(len(output_ids), dtype=np.int32), labels)
        contexts, noise = np.split(places[1:], [len(context_ids)])
        window = Window(f"word {pos}", int(places[0]), contexts, noise)
        point = {
            "input_vectors": tables[0][words].astype(np.float64),
            whole.output_name: tables[1][output_ids].astype(np.float64),
        }
        for engine in engines:
            objective = replace(whole, paths=paths)
            name = f"{engine} {config.model} {config.loss} step of the corpus: {window.name}"
            checks.append(_step_check(name, objective, make_step(engine, objective), Place(window), point))
    return checks


class Place(NamedTuple):
    """A window, the learning rate there, the dimension if it is another, and whether it shares its step."""

    window: Window
    alpha: float = 1.0
    dim: int | None = None
    together: bool = False

    @property
    def name(self) -> str:
        """What is particular about it."""
        choices = "" if self.alpha == 1 else f", alpha {self.alpha}, dim {self.dim}"
        return self.window.name + choices + (", with its neighbour" if self.together else "")

    @property
    def windows(self) -> list[Window]:
        """It, and that of its first context word with the same noise, where they are trained together."""
        first = self.window
        if not self.together:
            return [first]
        contexts = np.concatenate(([first.center_id], first.context_ids[1:]))
        # The last word is beyond the neighbour's reach, as long as it has another.
        contexts = contexts[: max(1, len(contexts) - 1)]
        return [first, replace(first, center_id=int(first.context_ids[0]), context_ids=contexts)]


def _step_check(name: str, objective: Objective, step: Step, place: Place, tables: dict[str, np.ndarray]) -> Check:
    window = place.window
    model = objective.model if objective.model == "skipgram" or objective.averages else "cbow of sums"
    input_ids, output_loss = window.context_ids, noise_loss(window)
    if objective.loss == "softmax":
        input_ids, output_loss = softmax_pairs(model, window)
    elif objective.paths is not None:
        output_loss = path_loss(*objective.paths.of(window.center_id))
    analytic = [complex_loss_of(window_function(model, output_loss, input_ids))]
    if place.together:
        neighbour = place.windows[1]
        analytic.append(complex_loss_of(window_function(model, noise_loss(neighbour), neighbour.context_ids)))
    scale = float(objective.input_scale(len(window.context_ids)))
    gradients = partial(_step_gradients, step, sample_of(*place.windows), place.alpha, scale)
    return Check(name, tables, gradients, lambda point: sum(loss(point) for loss in analytic))


def sample_of(window: Window, neighbour: Window | None = None) -> Sample:
    """The block that holds one window, or one and its neighbour: its center, then its context.

    The center comes first because the compiled engine takes the loss of every few steps, from the first on. All other
    windows are empty.
    """
    kept_ids = np.concatenate(([window.center_id], window.context_ids)).astype(np.int32)
    places = np.arange(len(kept_ids), dtype=np.int32)
    starts, stops = places.copy(), places + np.int32(1)
    stops[0] = len(kept_ids)
    if neighbour is not None:
        starts[1], stops[1] = 0, len(neighbour.context_ids) + 1
    step_windows = 1 if neighbour is None else 2
    negative_ids = np.zeros((-(-len(kept_ids) // step_windows), len(window.negative_ids)), np.int32)
    negative_ids[0] = window.negative_ids
    return Sample(kept_ids, starts, stops, negative_ids, places, step_windows)


def _step_gradients(step: Step, sample: Sample, alpha: float, input_scale: float, point: Point) -> tuple[object, Point]:
    """Loss before the step, and (before − after) ÷ alpha of both tables, the input's by its scale as well."""
    dim = next(iter(point.values())).shape[1]
    # The kernels' rows are whole vectors; the padding is 0.
    before = [np.zeros((len(x), padded(dim))) for x in point.values()]
    for table, x in zip(before, point.values(), strict=True):
        table[:, :dim] = x
    after = [x.copy() for x in before]
    loss, _ = step(sample, np.full(len(sample.kept_ids), alpha), *after)
    taken = [((old - new) / alpha)[:, :dim] for old, new in zip(before, after, strict=True)]
    taken[0] /= input_scale
    return loss, dict(zip(point, taken, strict=True))
