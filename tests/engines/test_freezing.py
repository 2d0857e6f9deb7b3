"""Frozen rows: no step moves them, whatever their bits are, and all other rows move as they would beside constants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_engines import KINDS, LOGISTIC, needs_numba, objective_of, random_tables, run, zipf_sample

from w2v_cli.config import TrainConfig
from w2v_cli.engines.choose import make_step
from w2v_cli.engines.objective import Frozen, Objective, make_objective
from w2v_cli.engines.step_catalogue import BUCKETS, SUBWORDS, checked_rows, step_checks
from w2v_cli.gradients.check import run_check

WORDS = 90


def frozen_tables(kind: str, dtype: Any) -> tuple[Objective, list[np.ndarray]]:
    """Return an objective in which every third row is frozen, and its tables. A frozen row holds a −0.0 and a NaN."""
    objective, tables = objective_of(kind, WORDS), random_tables(WORDS, 35, dtype)
    if objective.paths is not None:
        tables[1] = tables[1][: WORDS - 1]
    frozen = Frozen(*(np.arange(len(table)) % 3 == 0 for table in tables))
    for table in tables:
        table[0, :2] = -0.0
    return replace(objective, frozen=frozen), tables


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "sums" not in kind])
@pytest.mark.parametrize("engine", ["reference", pytest.param("compiled", marks=needs_numba)])
@pytest.mark.parametrize("threads", [1, 2])
def test_frozen_rows_keep_their_bits_and_others_move(kind: str, engine: str, threads: int) -> None:
    objective, tables = frozen_tables(kind, np.float32)
    before = [table.copy() for table in tables]
    sample = zipf_sample(600, WORDS, step_windows=2 if kind == "skipgram ns" else 1)
    run(make_step(engine, objective, threads), sample, tables, 0.05)
    assert objective.frozen is not None
    for table, old, frozen in zip(tables, before, objective.frozen, strict=True):
        assert table[frozen].tobytes() == old[frozen].tobytes()
        assert (table[~frozen] != old[~frozen]).any(axis=1).mean() > 0.5


@needs_numba
@pytest.mark.parametrize("kind", LOGISTIC)
def test_both_engines_move_the_same_rows(kind: str) -> None:
    objective, tables = frozen_tables(kind, np.float64)
    others = [table.copy() for table in tables]
    sample = zipf_sample(600, WORDS, step_windows=2 if kind == "skipgram ns" else 1)
    run(make_step("reference", objective), sample, tables, 0.05)
    run(make_step("compiled", objective), sample, others, 0.05)
    for table, other in zip(tables, others, strict=True):
        np.testing.assert_allclose(table, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["skipgram ns", "cbow hs", "skipgram softmax", "cbow softmax"])
def test_the_gradient_check_finds_a_frozen_row_that_moves(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [check for check in step_checks(["reference"], 0, 6, 10) if f"{kind} step: known frozen" in check.name]
    assert [run_check(check).passed for check in checks] == [True]
    monkeypatch.setattr(
        "w2v_cli.engines.step_catalogue.make_step",
        lambda engine, objective: make_step(engine, replace(objective, frozen=None)),
    )
    checks = [check for check in step_checks(["reference"], 0, 6, 10) if f"{kind} step: known frozen" in check.name]
    assert [run_check(check).passed for check in checks] == [False]


def test_what_is_frozen_by_each_name() -> None:
    known = np.arange(10) < 4
    plain = objective_of("skipgram ns", 10)
    assert plain.freezing((), known, 10, 10) is plain
    assert plain.freezing(("input",), known, 10, 10).frozen is not None
    for names, expected in (
        (("input",), (10, 0)),
        (("output",), (0, 10)),
        (("known",), (4, 4)),
        (("known", "input"), (10, 4)),
    ):
        frozen = plain.freezing(names, known, 10, 10).frozen
        assert frozen is not None and tuple(map(int, map(np.sum, frozen))) == expected
    # The nodes of a tree belong to no word.
    tree = objective_of("cbow hs", 10).freezing(("known",), known, 10, 9).frozen
    assert tree is not None and (tree.inputs.sum(), tree.outputs.sum()) == (4, 0)
    # Known words are composed of their own rows and of rows of parts.
    config: TrainConfig = next(iter(SUBWORDS.values()))
    rows = checked_rows(10)
    parts = make_objective(config, np.arange(10, 0, -1), rows).freezing(("known",), known, 10 + BUCKETS, 10).frozen
    assert parts is not None and set(np.flatnonzero(parts.inputs)) == set(rows.rows[: rows.offsets[4]].tolist())
