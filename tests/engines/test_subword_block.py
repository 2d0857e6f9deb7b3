"""Both engines train parts of words alike, whichever rows a word has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_engines import needs_numba, random_tables, zipf_counts, zipf_sample

from w2v_cli.config import TrainConfig
from w2v_cli.engines.choose import make_measure, make_step
from w2v_cli.engines.objective import Objective, make_objective
from w2v_cli.engines.step_catalogue import SUBWORDS, checked_rows

WORDS = 60


def objective_of(kind: str) -> Objective:
    return make_objective(SUBWORDS[kind], zipf_counts(WORDS), checked_rows(WORDS))


def tables_of(objective: Objective, dtype: Any) -> list[np.ndarray]:
    inputs, outputs = random_tables(WORDS + 5, 35, dtype)
    return [inputs, outputs[: WORDS - 1 if objective.paths is not None else WORDS]]


@needs_numba
@pytest.mark.parametrize("kind", SUBWORDS)
@pytest.mark.parametrize("window", [1, 5, 12])
def test_both_engines_make_the_same_rows(kind: str, window: int) -> None:
    objective = objective_of(kind)
    sample = zipf_sample(400, WORDS, window, 5 if objective.paths is None else 0)
    results = []
    for engine in ("reference", "compiled"):
        tables = tables_of(objective, np.float64)
        loss = make_step(engine, objective)(sample, np.linspace(0.02, 0.01, len(sample.kept_ids)), *tables)
        results.append([*tables, np.array(loss)])
    for ours, reference in zip(results[1], results[0], strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-9, atol=1e-11)


@needs_numba
@pytest.mark.parametrize("kind", SUBWORDS)
def test_measuring_gives_the_loss_of_the_step_and_changes_nothing(kind: str) -> None:
    objective = objective_of(kind)
    sample = zipf_sample(400, WORDS, 5, 5 if objective.paths is None else 0)
    tables, before = tables_of(objective, np.float64), tables_of(objective, np.float64)
    for engine in ("reference", "compiled"):
        measured = make_measure(engine, objective)(sample, *tables)
        # Steps of length 0 leave the tables as they are, so the loss is that of all windows before any step.
        stepped = make_step(engine, objective)(sample, np.zeros(len(sample.kept_ids)), *before)
        assert measured == pytest.approx(stepped, rel=1e-9)
    for table, old in zip(tables, tables_of(objective, np.float64), strict=True):
        np.testing.assert_array_equal(table, old)


@needs_numba
def test_steps_of_several_windows_are_refused() -> None:
    sample = zipf_sample(50, WORDS, step_windows=2)
    objective = objective_of("skipgram subwords ns")
    with pytest.raises(ValueError, match="whole words"):
        make_step("compiled", objective)(sample, np.zeros(len(sample.kept_ids)), *tables_of(objective, np.float32))


def test_the_vector_of_a_word_is_the_mean_of_its_rows_in_both_models() -> None:
    for model in ("skipgram", "cbow"):
        config = TrainConfig(model=model, subwords="fasttext")
        assert make_objective(config, zipf_counts(WORDS), checked_rows(WORDS)).averages
