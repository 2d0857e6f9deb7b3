"""Gradient checks of the training steps themselves: with alpha = 1, a step subtracts exactly its gradient.

The kernels that train in float32 run here in float64, at the windows of `gradients.catalogue`. Central differences
differentiate their own loss; the complex step differentiates the loss of `gradients`, which they must agree with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.engines.choose import Step, make_step
from w2v_cli.engines.huffman import Paths
from w2v_cli.engines.objective import Frozen, Objective, Rates, make_objective
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
from w2v_cli.subwords.rows import WordRows

# Every model with every loss, and then the variants of their steps.
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
SUBWORDS = {
    f"{model} {step}subwords {loss}": TrainConfig(model=model, loss=loss, subwords="fasttext", subword_step=name)
    for model in ("skipgram", "cbow")
    for loss in ("ns", "hs")
    for name, step in (("plain", ""), ("scaled", "scaled "))
}
# What is frozen in the checks of frozen rows: of the input rows and of the output rows, all, none, or every other one.
FROZEN = {"input": (True, False), "output": (False, True), "known": (None, None)}
# How many rows the parts of words share in the checks.
BUCKETS = 5
# A dimension that is larger than the widest vector register, and not a multiple of it.
WIDE = 35
CORPUS_WINDOWS = 4


def step_checks(engines: Sequence[str], seed: int, dim: int, vocab: int) -> list[Check]:
    """Return the checks of the steps of some engines.

    Parameters
    ----------
    engines : names of engines; compiled needs numba.
    seed : random seed of the points.
    dim : D.
    vocab : V, at least 4.
    """
    windows = nasty_windows(generator(seed, "windows"), vocab)
    # Counts that halve from word to word make a tree with paths of every length, up to the longest possible one.
    counts = 2 ** np.maximum(40 - np.arange(vocab, dtype=np.int64), 0)
    checks: dict[str, Check] = {}
    for engine in engines:
        for kind, config in {**CONFIGS, **VARIANTS}.items():
            objective = make_objective(config, counts)
            step = make_step(engine, objective)
            # The full softmax is the same code in both engines.
            who = "both engines'" if config.loss == "softmax" else engine
            settings = [Setting(window) for window in windows if config.loss == "ns" or window.is_about_words]
            # One alpha differs from 1, to detect an alpha that is missing or squared.
            settings = settings[:2] if kind in VARIANTS else [*settings, Setting(windows[0], 0.5, WIDE)]
            if kind == "skipgram ns":
                settings += [Setting(window, together=True) for window in windows]
            for setting in settings:
                name = f"{who} {kind} step: {setting.name}"
                tables = _tables(objective, setting.window, generator(seed, name), vocab, setting.dim or dim)
                checks[name] = _step_check(name, objective, step, setting, tables)
            if kind in CONFIGS:
                tables = _tables(objective, windows[0], generator(seed, f"{kind} frozen"), vocab, dim)
                for frozen, flags in FROZEN.items():
                    name = f"{who} {kind} step: {frozen} frozen"
                    held = replace(objective, frozen=Frozen(*map(_flags, flags, map(len, tables.values()))))
                    check = _step_check(name, held, make_step(engine, held), Setting(windows[0]), tables)
                    checks[name] = _with_constants(check, held)
            for setting in [Setting(windows[0]), Setting(windows[1]), *settings[-1:]]:
                name = f"{who} {kind} step: {setting.name}, with rates"
                tables = _tables(objective, setting.window, generator(seed, name), vocab, setting.dim or dim)
                rated = replace(objective, rates=_rates(tables))
                checks[name] = _step_check(name, rated, make_step(engine, rated), setting, tables)
        for kind, config in SUBWORDS.items():
            objective = make_objective(config, counts, checked_rows(vocab))
            step = make_step(engine, objective)
            for window in [*windows, *_windows_of_parts(vocab)]:
                if config.loss == "ns" or window.is_about_words:
                    name = f"{engine} {kind} step: {window.name}"
                    tables = _tables(objective, window, generator(seed, name), vocab, dim)
                    checks[name] = _parts_check(name, objective, step, window, tables)
            tables = _tables(objective, windows[0], generator(seed, f"{kind} frozen"), vocab, dim)
            name = f"{engine} {kind} step: known frozen"
            held = replace(objective, frozen=Frozen(*map(_flags, FROZEN["known"], map(len, tables.values()))))
            check = _parts_check(name, held, make_step(engine, held), windows[0], tables)
            checks[name] = _with_constants(check, held)
            for window in windows[:2]:
                name = f"{engine} {kind} step: {window.name}, with rates"
                rated = replace(objective, rates=_rates(tables))
                checks[name] = _parts_check(name, rated, make_step(engine, rated), window, tables)
    return list(checks.values())


def _tables(
    objective: Objective, window: Window, rng: np.random.Generator, vocab: int, dim: int
) -> dict[str, np.ndarray]:
    """Return the tables of a window, with as many rows as the objective has."""
    tables = window.tables(rng, vocab + (0 if objective.word_rows is None else BUCKETS), dim)
    tables["output_vectors"] = tables["output_vectors"][:vocab]
    if objective.paths is not None:
        tables["node_vectors"] = tables.pop("output_vectors")[:-1]
    return tables


def _flags(all_rows: bool | None, rows: int) -> np.ndarray:
    """Return which of some rows are frozen: all, none, or every other one."""
    return np.arange(rows) % 2 == 0 if all_rows is None else np.full(rows, all_rows)


def _rates(tables: dict[str, np.ndarray]) -> Rates:
    """Return rates that differ from row to row, and between the tables."""
    inputs, outputs = (np.arange(1, len(table) + 1, dtype=np.float32) for table in tables.values())
    return Rates(inputs / 4, 3 / outputs)


def _with_constants(check: Check, objective: Objective) -> Check:
    """Return a check in which frozen rows are constants, so that their gradient, which the step takes, must be zero."""
    frozen = dict(zip(check.point, objective.frozen or (), strict=True))

    def held(point: Point) -> Point:
        return {name: np.where(frozen[name][:, None], check.point[name], table) for name, table in point.items()}

    def loss(point: Point) -> Any:
        return None if check.complex_loss is None else check.complex_loss(held(point))

    return Check(check.name, check.point, lambda point: check.loss_and_gradients(held(point)), loss)


def checked_rows(vocab: int) -> WordRows:
    """Return the input rows of words whose parts collide: most words have a row twice, and share it with others.

    The last word has no rows at all, and the one before it only its own.
    """
    lists = [[i, *(vocab + (i + j) % BUCKETS for j in (0, 2, 0, 3))] for i in range(vocab - 2)]
    lists += [[vocab - 2], []]
    offsets = np.concatenate(([0], np.cumsum([len(rows) for rows in lists])))
    return WordRows(offsets, np.concatenate(lists).astype(np.int32))


def _windows_of_parts(vocab: int) -> list[Window]:
    """Return windows with the words that `checked_rows` gives few rows."""
    whole, empty = vocab - 2, vocab - 1
    noise = np.array([1, 2, 1])
    return [
        Window("a center without parts", whole, np.array([1, 2, 1]), noise),
        Window("a context word without parts", 1, np.array([2, whole]), noise),
        Window("a center without rows", empty, np.array([1, 2]), noise),
        Window("a context word without rows", 1, np.array([2, empty]), noise),
        Window("no context word with rows", 1, np.array([empty]), noise),
    ]


def _parts_check(name: str, objective: Objective, step: Step, window: Window, tables: dict[str, np.ndarray]) -> Check:
    """Return the check of a step with parts of words against the loss of `gradients`."""
    predicting, target = window.context_ids, window.center_id
    if objective.center_predicts:
        # Each context word is a step of its own, after which the gradient of the next one is another.
        window = replace(window, context_ids=window.context_ids[-1:])
        predicting, target = np.array([window.center_id]), int(window.context_ids[0])
    rows = objective.input_rows(predicting)
    output_loss = noise_loss(replace(window, center_id=target))
    if objective.paths is not None:
        output_loss = path_loss(*objective.paths.of(target))
    # Without rows nothing predicts, and no row may move.
    loss = complex_loss_of(window_function("cbow", output_loss, rows)) if len(rows) else lambda point: 0.0
    scale = float(objective.input_scale(max(1, len(rows))))
    return Check(name, tables, partial(_step_gradients, step, sample_of(window), 1.0, scale, objective.rates), loss)


def corpus_checks(
    engines: Sequence[str],
    config: TrainConfig,
    counts: np.ndarray,
    tables: Sequence[np.ndarray],
    sample: Sample,
    seed: int,
) -> list[Check]:
    """Return checks of the steps of a trained model, at some windows of a text.

    They use only the rows that a window touches; for the full softmax, also a few more.

    Parameters
    ----------
    engines : names of engines; compiled needs numba.
    config : the model's choices. The steps of CBOW are checked without `Objective.scales_step`.
    counts : int64 (V,), occurrences of each word.
    tables : the model's input vectors, and its output vectors or node vectors.
    sample : windows of the text, with the model's ids.
    seed : random seed that chooses among the windows.
    """
    whole = replace(make_objective(config, counts), scales_step=False)
    rng = generator(seed, "corpus")
    wide = np.flatnonzero(sample.window_stops - sample.window_starts > 1)
    checks = []
    for pos in np.sort(rng.choice(wide, min(CORPUS_WINDOWS, len(wide)), replace=False)).tolist():
        window, point, paths = _corpus_window(whole, tables, sample, pos, rng)
        for engine in engines:
            objective = replace(whole, paths=paths)
            name = f"{engine} {config.model} {config.loss} step of the corpus: {window.name}"
            checks.append(_step_check(name, objective, make_step(engine, objective), Setting(window), point))
    return checks


def _corpus_window(
    objective: Objective, tables: Sequence[np.ndarray], sample: Sample, pos: int, rng: np.random.Generator
) -> tuple[Window, dict[str, np.ndarray], Paths | None]:
    """Return a window of a text over only the rows that it needs, those rows, and the Huffman paths over them."""
    center_id, context_ids = int(sample.kept_ids[pos]), sample.context_ids(pos)
    noise_ids = sample.negative_ids[pos // sample.step_windows]
    others = rng.integers(0, len(tables[0]), 8) if objective.loss == "softmax" else noise_ids
    words, rows = np.unique(np.concatenate(([center_id], context_ids, others)), return_inverse=True)
    paths, output_ids = None, words
    if objective.paths is not None:
        output_ids, labels = objective.paths.of(center_id)
        # The center is the only word that is predicted here, so it alone has a path.
        starts = np.where(np.arange(len(words) + 1) > rows[0], len(output_ids), 0)
        paths = Paths(starts, np.arange(len(output_ids), dtype=np.int32), labels)
    contexts, noise = np.split(rows[1:], [len(context_ids)])
    point = {
        "input_vectors": tables[0][words].astype(np.float64),
        objective.output_name: tables[1][output_ids].astype(np.float64),
    }
    return Window(f"word {pos}", int(rows[0]), contexts, noise), point, paths


class Setting(NamedTuple):
    """What a step is checked at.

    Attributes
    ----------
    window : the window.
    alpha : the learning rate.
    dim : the dimension, if it differs from that of the other checks.
    together : whether the step has a second window with the same noise words.
    """

    window: Window
    alpha: float = 1.0
    dim: int | None = None
    together: bool = False

    @property
    def name(self) -> str:
        """What is particular about this setting."""
        choices = "" if self.alpha == 1 else f", alpha {self.alpha}, dim {self.dim}"
        return self.window.name + choices + (", with its neighbour" if self.together else "")

    @property
    def windows(self) -> list[Window]:
        """The window, and with `together` also that of its first context word with the same noise words."""
        first = self.window
        if not self.together:
            return [first]
        contexts = np.concatenate(([first.center_id], first.context_ids[1:]))
        # The neighbour does not reach the last word, unless it has no other.
        contexts = contexts[: max(1, len(contexts) - 1)]
        return [first, replace(first, center_id=int(first.context_ids[0]), context_ids=contexts)]


def _step_check(name: str, objective: Objective, step: Step, setting: Setting, tables: dict[str, np.ndarray]) -> Check:
    """Return the check of a step against the loss of `gradients`."""
    window = setting.window
    model = objective.model if objective.model == "skipgram" or objective.averages else "cbow of sums"
    input_ids, output_loss = window.context_ids, noise_loss(window)
    if objective.loss == "softmax":
        input_ids, output_loss = softmax_pairs(model, window)
    elif objective.paths is not None:
        output_loss = path_loss(*objective.paths.of(window.center_id))
    analytic = [complex_loss_of(window_function(model, output_loss, input_ids))]
    if setting.together:
        neighbour = setting.windows[1]
        analytic.append(complex_loss_of(window_function(model, noise_loss(neighbour), neighbour.context_ids)))
    scale = float(objective.input_scale(len(window.context_ids)))
    gradients = partial(_step_gradients, step, sample_of(*setting.windows), setting.alpha, scale, objective.rates)
    return Check(name, tables, gradients, lambda point: sum(loss(point) for loss in analytic))


def sample_of(window: Window, neighbour: Window | None = None) -> Sample:
    """Return a block that holds one window, or a window and its neighbour. All other windows of the block are empty.

    The center comes first and its context words follow. So both windows are in the first step: the neighbour is that of
    the first context word.
    """
    kept_ids = np.concatenate(([window.center_id], window.context_ids)).astype(np.int32)
    positions = np.arange(len(kept_ids), dtype=np.int32)
    starts, stops = positions.copy(), positions + np.int32(1)
    stops[0] = len(kept_ids)
    if neighbour is not None:
        starts[1], stops[1] = 0, len(neighbour.context_ids) + 1
    step_windows = 1 if neighbour is None else 2
    negative_ids = np.zeros((-(-len(kept_ids) // step_windows), len(window.negative_ids)), np.int32)
    negative_ids[:] = window.negative_ids
    return Sample(kept_ids, starts, stops, negative_ids, positions, step_windows)


def _step_gradients(
    step: Step, sample: Sample, alpha: float, input_scale: float, rates: Rates | None, point: Point
) -> tuple[object, Point]:
    """Return the loss before the step, and (before − after) ÷ alpha for both tables.

    The difference of the input table is also divided by `input_scale`, see `Objective.input_scale`, and that of each
    row by its rate.
    """
    dim = next(iter(point.values())).shape[1]
    # The kernels need rows that are padded with zeros.
    before = [np.zeros((len(x), padded(dim))) for x in point.values()]
    for table, x in zip(before, point.values(), strict=True):
        table[:, :dim] = x
    after = [x.copy() for x in before]
    loss, _ = step(sample, np.full(len(sample.kept_ids), alpha), *after)
    taken = [((old - new) / alpha)[:, :dim] for old, new in zip(before, after, strict=True)]
    taken[0] /= input_scale
    for table, row_rates in zip(taken, rates or (), strict=rates is not None):
        table /= row_rates[:, None]
    return loss, dict(zip(point, taken, strict=True))
