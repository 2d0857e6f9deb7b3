"""The engine contract: both engines take the same steps, and a step is −alpha × the gradient of its loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.engines.choose import Step, make_measure, make_step
from w2v_cli.engines.objective import Objective, make_objective
from w2v_cli.engines.parameters import initial_parameters, padded
from w2v_cli.engines.sampling import Sample, make_sampler
from w2v_cli.engines.softmax import Workspace, batch_pairs, batches, grouped_softmax_loss, vocabulary_parts
from w2v_cli.engines.step_catalogue import CONFIGS, VARIANTS
from w2v_cli.gradients.losses import softmax_loss

needs_numba = pytest.mark.skipif(not COMPILES, reason="numba does not import here")
KINDS = {**CONFIGS, **VARIANTS}
LOGISTIC = [kind for kind in KINDS if "softmax" not in kind]
NS = make_objective(TrainConfig(), np.ones(2, np.int64))


def zipf_counts(words: int) -> np.ndarray:
    return np.maximum(1_000_000 // np.arange(1, words + 1), 1)


def objective_of(kind: str, words: int) -> Objective:
    return make_objective(KINDS[kind], zipf_counts(words))


def zipf_sample(
    n: int, words: int, window: int = 5, negatives: int = 5, seed: int = 1, step_windows: int = 1
) -> Sample:
    """Return a subsampled block of Zipf-distributed ids, in sentences of 1 to 40 tokens."""
    rng = np.random.default_rng(seed)
    counts = zipf_counts(words)
    ids = rng.choice(words, n, p=counts / counts.sum()).astype(np.int32)
    boundaries = np.cumsum(rng.integers(1, 40, n // 10))
    sampler = make_sampler(counts, 1e-2, 0.75, window, negatives, seed, step_windows=step_windows)
    return sampler.sample(ids, boundaries[boundaries < n], 0, 0)


def random_tables(words: int, dim: int, dtype: Any, scale: float = 1.0) -> list[np.ndarray]:
    """Return both tables, padded with zeros, with scores of order `scale`."""
    rng = np.random.default_rng(2)
    tables = [np.zeros((words, padded(dim)), dtype) for _ in range(2)]
    for table in tables:
        table[:, :dim] = np.sqrt(scale) * rng.standard_normal((words, dim)) / dim**0.25
    return tables


def run(step: Step, sample: Sample, tables: list[np.ndarray], alpha: float, **options: int) -> tuple[float, int]:
    return step(sample, np.linspace(alpha, alpha / 2, len(sample.kept_ids)), *tables, **options)


@needs_numba
@pytest.mark.parametrize("kind", LOGISTIC)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-4)])
@pytest.mark.parametrize(
    ("dim", "window", "negatives", "windows"), [(100, 5, 5, 2), (7, 1, 1, 1), (33, 12, 13, 5), (16, 2, 6, 2)]
)
def test_both_engines_make_the_same_vectors(
    kind: str, dtype: Any, tolerance: float, dim: int, window: int, negatives: int, windows: int
) -> None:
    # There are thousands of windows. The engines round differently in each step, which adds up to the tolerance.
    sample = zipf_sample(3000, 300, window, negatives, step_windows=windows if kind == "skipgram ns" else 1)
    assert len(sample.kept_ids) > 2000
    objective = objective_of(kind, 300)
    compiled, reference = (random_tables(300, dim, dtype) for _ in range(2))
    start = compiled[0].copy()
    loss = run(make_step("compiled", objective), sample, compiled, 0.05)
    expected = run(make_step("reference", objective), sample, reference, 0.05)
    assert np.abs(reference[0] - start).max() > 0.1
    for ours, theirs in zip(compiled, reference, strict=True):
        assert np.abs(ours - theirs).max() < tolerance
    assert loss[0] == pytest.approx(expected[0], rel=tolerance)
    assert loss[1] == expected[1]


@needs_numba
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 11), min_size=1, max_size=30),
    st.sets(st.integers(1, 29)),
    st.integers(1, 6),
    st.integers(1, 20),
    st.integers(1, 7),
    st.integers(1, 40),
)
def test_both_engines_agree_on_any_little_text(
    ids: list[int], breaks: set[int], window: int, negatives: int, windows: int, dim: int
) -> None:
    boundaries = np.array(sorted(boundary for boundary in breaks if boundary < len(ids)), np.int64)
    for kind in LOGISTIC:
        step_windows = windows if kind == "skipgram ns" else 1
        sampler = make_sampler(zipf_counts(12), 0.0, 0.75, window, negatives, 1, step_windows=step_windows)
        sample = sampler.sample(np.array(ids, np.int32), boundaries, 0, 0)
        objective = objective_of(kind, 12)
        compiled, reference = (random_tables(12, dim, np.float64, scale=4) for _ in range(2))
        # The steps are too short to overshoot, which would amplify rounding errors from step to step.
        run(make_step("compiled", objective), sample, compiled, 0.01)
        run(make_step("reference", objective), sample, reference, 0.01)
        for ours, theirs in zip(compiled, reference, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-12)


@needs_numba
@pytest.mark.parametrize("windows", [2, 4, 7])
@pytest.mark.parametrize("length", [1, 2, 6])
def test_steps_that_reach_from_line_to_line_have_room(windows: int, length: int) -> None:
    # No window is wider than a line, but the windows of a step may lie in several lines.
    ids, tables = np.arange(120, dtype=np.int32) % 50, [random_tables(50, 20, np.float64) for _ in range(2)]
    sampler = make_sampler(zipf_counts(50), 0.0, 0.75, 6, 5, 1, fixed_window=True, step_windows=windows)
    sample = sampler.sample(ids, np.arange(length, 120, length), 0, 0)
    for engine, vectors in zip(("compiled", "reference"), tables, strict=True):
        run(make_step(engine, NS), sample, vectors, 0.1)
    for ours, theirs in zip(*tables, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)


@needs_numba
def test_hot_nodes_in_a_copy_are_the_same_for_one_thread_and_a_mean_for_several() -> None:
    # Two threads that train the same block from the same start, one after the other, move each hot node by the mean of
    # their moves, which is as far as one thread moves it.
    sample, objective = zipf_sample(3000, 300), objective_of("skipgram hs", 300)
    one, two = (random_tables(300, 20, np.float32) for _ in range(2))
    before = [table.copy() for table in two]
    run(make_step("compiled", objective), sample, one, 0.01)
    run(make_step("compiled", objective, threads=2), sample, two, 0.01)
    hot = slice(300 - 20, 299)
    moved_alone, moved_half = (tables[1][hot] - before[1][hot] for tables in (one, two))
    assert moved_half == pytest.approx(moved_alone / 2, abs=1e-6)
    assert np.abs(moved_alone).max() > 0.01


@needs_numba
@pytest.mark.parametrize("kind", ["skipgram ns", "cbow ns"])
def test_hot_words_in_a_copy_that_settles_are_trained_as_in_the_table(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There are more words than hot rows. One thread of two that has the tables to itself loses nothing to the other.
    monkeypatch.setattr("w2v_cli.engines.compiled.HOT_WORDS", 64)
    sample = zipf_sample(3000, 300, step_windows=2 if kind == "skipgram ns" else 1)
    objective = objective_of(kind, 300)
    alone, shared = (random_tables(300, 20, np.float64) for _ in range(2))
    before = [table.copy() for table in alone]
    run(make_step("compiled", objective), sample, alone, 0.01)
    run(make_step("compiled", objective, threads=2), sample, shared, 0.01)
    for ours, theirs, start in zip(shared, alone, before, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)
        assert (np.abs(theirs - start).max(axis=1)[:64] > 1e-3).all()


@needs_numba
@pytest.mark.parametrize("kind", ["skipgram hs", "cbow hs"])
def test_the_copies_of_nodes_begin_as_the_nodes_are(kind: str) -> None:
    """Two threads move a node by half of what its copy has moved, but the inputs meet the nodes as one thread does."""
    sample, objective = zipf_sample(3000, 300), objective_of(kind, 300)
    alone, shared = (random_tables(300, 20, np.float64) for _ in range(2))
    for table in (alone[1], shared[1]):
        table[-1] = 0  # in a table of nodes there is one row less
    run(make_step("compiled", objective), sample, alone, 0.01)
    run(make_step("compiled", objective, threads=2), sample, shared, 0.01)
    assert shared[0] == pytest.approx(alone[0], abs=1e-12)
    assert np.abs(shared[1] - alone[1]).max() > 1e-3


@needs_numba
def test_the_first_words_have_no_copies_unless_they_are_the_most_frequent() -> None:
    sample, falling = zipf_sample(3000, 300), zipf_counts(300)
    rising = falling[::-1]
    for counts, copies in ((falling, True), (rising, False)):
        objective = make_objective(CONFIGS["cbow ns"], counts)
        alone, shared = (random_tables(300, 20, np.float64) for _ in range(2))
        run(make_step("compiled", objective), sample, alone, 0.01)
        run(make_step("compiled", objective, threads=2), sample, shared, 0.01)
        # The whole move of a private copy is added to its row at once, which rounds differently.
        assert np.array_equal(alone[1], shared[1]) is not copies


@needs_numba
def test_padding_stays_zero_and_other_rows_stay_as_they_are() -> None:
    sample, tables = zipf_sample(500, 50), random_tables(80, 10, np.float32)
    before = [table.copy() for table in tables]
    run(make_step("compiled", NS), sample, tables, 0.1)
    for table, old in zip(tables, before, strict=True):
        assert not table[:, 10:].any()
        assert np.array_equal(table[50:], old[50:])


@needs_numba
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_measuring_the_loss_leaves_the_tables_as_they_are(kind: str, engine: str) -> None:
    sample = zipf_sample(2000, 300, step_windows=2 if kind == "skipgram ns" else 1)
    objective, tables = objective_of(kind, 300), random_tables(300, 20, np.float64)
    before = [table.copy() for table in tables]
    found = make_measure(engine, objective)(sample, *tables)
    for table, old in zip(tables, before, strict=True):
        assert table.tobytes() == old.tobytes()
    # Steps of length 0 compute the loss of the same predictions with other code.
    expected = run(make_step("reference", objective), sample, before, 0.0)
    assert found == (pytest.approx(expected[0], rel=1e-12), expected[1])


@needs_numba
def test_a_step_that_need_not_tell_its_loss_makes_the_same_vectors() -> None:
    sample, tables = zipf_sample(2000, 300, step_windows=2), [random_tables(300, 20, np.float32) for _ in range(2)]
    assert run(make_step("compiled", NS), sample, tables[0], 0.05)[0] > 0
    assert run(make_step("compiled", NS, wants_loss=False), sample, tables[1], 0.05) == (0.0, 0)
    for ours, theirs in zip(*tables, strict=True):
        assert ours.tobytes() == theirs.tobytes()


@needs_numba
@pytest.mark.parametrize("score", [0.0, 1.0, -1.0, 20.0, -20.0, 88.0, -88.0, 1000.0, -1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_shipped_sigmoid_and_its_logarithm_are_exact(score: float, dtype: Any) -> None:
    # With one context word and no noise word, the loss is −log σ(score), and the step is (1 − σ(score))·row.
    sample = Sample(
        np.array([1, 0], np.int32), np.array([0, 1], np.int32), np.array([2, 2], np.int32),
        np.zeros((2, 0), np.int32), np.arange(2, dtype=np.int32),
    )  # fmt: skip
    tables = [np.zeros((2, 16), dtype) for _ in range(2)]
    tables[0][0, 0], tables[1][1, 0] = score, 1
    loss, _ = make_step("compiled", NS)(sample, np.ones(2), *tables)
    eps, smallest = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    # A few rounding errors; and where e^−|score| is subnormal, about the smallest normal number.
    assert loss == pytest.approx(np.logaddexp(0.0, -score), rel=8 * eps, abs=2 * smallest)
    sigma_of_minus = np.exp(-np.logaddexp(0.0, score))
    # The step is added to the score, and is rounded accordingly.
    assert float(tables[0][0, 0]) - score == pytest.approx(sigma_of_minus, abs=4 * eps * max(1, abs(score)))


def by_hand(hidden: np.ndarray, output: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the sum of `softmax_loss` over predictions that are computed one by one."""
    total, grad_hidden, grad_output = 0.0, np.zeros_like(hidden), np.zeros_like(output)
    for row, target in enumerate(targets):
        loss, of_hidden, of_output = softmax_loss(hidden[row : row + 1], output, np.array([target]))
        total += float(loss)
        grad_hidden[row] = of_hidden[0]
        grad_output += of_output
    return total, grad_hidden, grad_output


def test_a_batch_of_the_softmax_is_the_sum_of_its_predictions() -> None:
    rng = np.random.default_rng(0)
    hidden, output = rng.standard_normal((3, 6)), rng.standard_normal((9, 6))
    group, targets = np.array([0, 1, 1, 2, 0, 1]), np.array([4, 4, 4, 0, 8, 1])
    loss, grad_hidden, grad_output = grouped_softmax_loss(hidden, output, group, targets)
    expected_loss, expected_rows, expected_output = by_hand(hidden[group], output, targets)
    expected_hidden = np.zeros_like(hidden)
    np.add.at(expected_hidden, group, expected_rows)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    assert grad_hidden == pytest.approx(expected_hidden, abs=1e-12)
    assert grad_output == pytest.approx(expected_output, abs=1e-12)


def test_the_loss_of_a_softmax_is_never_below_0_however_large_its_scores() -> None:
    # Each prediction is of the word with by far the highest score, so the loss is 0 up to the rounding of the scores.
    rng = np.random.default_rng(0)
    hidden, output = (1000 * rng.standard_normal((rows, 100), np.float32) for rows in (50, 3000))
    group = np.arange(50)
    targets = (hidden @ output.T).argmax(axis=1)
    for parts in ([slice(None)], vocabulary_parts(3000, 3)):
        loss, _, _ = grouped_softmax_loss(hidden, output, group, targets, Workspace.of(len(hidden), output, parts))
        assert 0 <= loss < 1e-3


@pytest.mark.parametrize(
    ("words", "alpha", "size"), [(100, 0.0, 64), (100, 0.1, 8), (100, 5.0, 1), (1 << 20, 0.0, 16), (1 << 30, 0.0, 1)]
)
def test_a_batch_keeps_to_its_centers_its_alpha_and_its_memory(words: int, alpha: float, size: int) -> None:
    kept = np.arange(200, dtype=np.int32)
    found = list(batches(Sample(kept, kept, kept + 11, kept, kept), [alpha], words))
    assert [first for first, _ in found] == list(range(0, 200, size)) and found[-1][1] == 200
    assert {stop - first for first, stop in found[:-1]} == {size}


def test_a_batch_of_wide_windows_has_as_many_fewer_centers() -> None:
    kept = np.arange(200, dtype=np.int32)
    sizes = [next(iter(batches(Sample(kept, kept, kept + width + 1, kept, kept), [0.1], 100))) for width in (5, 10, 40)]
    assert sizes == [(0, 8), (0, 8), (0, 2)]


def test_the_pairs_of_a_batch_are_those_of_its_windows() -> None:
    sample = zipf_sample(300, 40)
    inputs, targets, window = batch_pairs(sample, 10, 30)
    expected = [
        (sample.kept_ids[pos], sample.kept_ids[other], pos)
        for pos in range(10, 30)
        for other in range(sample.window_starts[pos], sample.window_stops[pos])
        if other != pos
    ]
    assert list(zip(inputs, targets, window, strict=True)) == expected


def test_initial_vectors_depend_on_seed_and_row_alone() -> None:
    few, many, other = (initial_parameters(words, 10, seed).input_vectors for words, seed in ((5, 1), (500, 1), (5, 2)))
    assert np.array_equal(few, many[:5])
    assert not np.array_equal(few, other)


def test_initial_vectors_are_uniform_and_output_vectors_zero() -> None:
    parameters = initial_parameters(2000, 50, 3)
    tensors = parameters.tensors()
    assert tensors["input_vectors"].shape == (2000, 50) and not tensors["output_vectors"].any()
    values = tensors["input_vectors"].ravel() * 50
    assert -1 <= values.min() < -0.999 and 0.999 < values.max() < 1
    # The uniform distribution has mean 0 and variance 1/3; within five standard errors.
    assert abs(values.mean()) < 5 * np.sqrt(1 / 3 / values.size)
    assert abs(values.var() - 1 / 3) < 5 * np.sqrt(4 / 45 / values.size)
    assert parameters.input_vectors.ctypes.data % 64 == 0 and parameters.input_vectors.strides[0] % 64 == 0


@pytest.mark.parametrize("kind", ["skipgram softmax", "cbow softmax"])
def test_a_softmax_in_parts_is_the_softmax(kind: str) -> None:
    # 3 parts of 1,000 words or more; float64, so that only the order of summing differs.
    sample, objective = zipf_sample(400, 3500), objective_of(kind, 3500)
    whole, parts = (random_tables(3500, 10, np.float64) for _ in range(2))
    loss = run(make_step("reference", objective), sample, whole, 0.01)
    assert run(make_step("reference", objective, threads=3), sample, parts, 0.01) == pytest.approx(loss, rel=1e-12)
    for table, other in zip(whole, parts, strict=True):
        assert other == pytest.approx(table, abs=1e-12)
    assert [part.indices(3500)[:2] for part in vocabulary_parts(3500, 3)] == [(0, 1166), (1166, 2333), (2333, 3500)]
