"""Rates of rows: both engines multiply what each row moves by, and rates of 1 change no bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_engines import KINDS, LOGISTIC, needs_numba, objective_of, random_tables, run, zipf_sample

from w2v_cli.engines.choose import make_step
from w2v_cli.engines.objective import Objective, Rates
from w2v_cli.engines.step_catalogue import step_checks
from w2v_cli.gradients.check import run_check

WORDS = 90
ENGINES = ["reference", pytest.param("compiled", marks=needs_numba)]


def tables_of(kind: str, dtype: Any) -> tuple[Objective, list[np.ndarray]]:
    objective, tables = objective_of(kind, WORDS), random_tables(WORDS, 35, dtype)
    if objective.paths is not None:
        tables[1] = tables[1][: WORDS - 1]
    return objective, tables


def trained(engine: str, kind: str, dtype: Any, rates: Rates | None, threads: int = 1) -> list[np.ndarray]:
    objective, tables = tables_of(kind, dtype)
    sample = zipf_sample(600, WORDS, step_windows=2 if kind == "skipgram ns" else 1)
    run(make_step(engine, replace(objective, rates=rates), threads), sample, tables, 0.05)
    return tables


def rates_of(kind: str, low: float, high: float) -> Rates:
    rng = np.random.default_rng(3)
    return Rates(*(rng.uniform(low, high, len(table)).astype(np.float32) for table in tables_of(kind, float)[1]))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
def test_rates_of_one_change_no_bit(engine: str, kind: str) -> None:
    plain, rated = (trained(engine, kind, np.float32, rates) for rates in (None, rates_of(kind, 1, 1)))
    for table, other in zip(plain, rated, strict=True):
        assert table.tobytes() == other.tobytes()


@needs_numba
@pytest.mark.parametrize("kind", LOGISTIC)
def test_both_engines_take_the_same_rates(kind: str) -> None:
    rates = rates_of(kind, 0, 2)
    expected, tables = (trained(engine, kind, float, rates) for engine in ("reference", "compiled"))
    for table, other in zip(tables, expected, strict=True):
        np.testing.assert_allclose(table, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_row_whose_rate_is_zero_stays(engine: str, kind: str, threads: int) -> None:
    before, rates = tables_of(kind, np.float32)[1], rates_of(kind, 0.5, 2)
    for row_rates in rates:
        row_rates[::3] = 0
    for table, old in zip(trained(engine, kind, np.float32, rates, threads), before, strict=True):
        assert np.array_equal(table[::3], old[::3])
        assert (np.delete(table, np.s_[::3], 0) != np.delete(old, np.s_[::3], 0)).any(axis=1).mean() > 0.5


@pytest.mark.parametrize("kind", ["skipgram ns", "cbow hs", "skipgram softmax", "cbow softmax"])
def test_the_gradient_check_finds_a_rate_that_is_missing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{kind} step: random, with rates"
    checks = [check for check in step_checks(["reference"], 0, 6, 10) if name in check.name]
    assert [run_check(check).passed for check in checks] == [True]
    monkeypatch.setattr(
        "w2v_cli.engines.step_catalogue.make_step",
        lambda engine, objective: make_step(engine, replace(objective, rates=None)),
    )
    checks = [check for check in step_checks(["reference"], 0, 6, 10) if name in check.name]
    assert [run_check(check).passed for check in checks] == [False]
