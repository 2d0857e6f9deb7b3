"""Merging: which rows, the 16-bit deltas, and the rule, each against sums in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from w2v_cli.merging import deltas, loops, reference, rule
from w2v_cli.merging.deltas import LEAST_MOVE, Deltas, cut_deltas, take_update
from w2v_cli.merging.rows import ALL, HOT, RowSets
from w2v_cli.merging.rule import merge_deltas

DIM = 6


@pytest.fixture(autouse=True, params=["reference", "chosen"])
def code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge with numpy, and with what is chosen here, unless that is numpy as well."""
    if request.param == "reference":
        for module in (deltas, rule):
            monkeypatch.setattr(module, "LOOPS", reference)
    elif loops.LOOPS is reference:
        pytest.skip("nothing is compiled here")


def deltas_of(moves: np.ndarray) -> Deltas:
    """Return deltas of a table that began at zero."""
    return cut_deltas(moves.astype(np.float32), np.zeros(moves.shape, np.float32), moves.shape[1])


def dense(update: Deltas) -> np.ndarray:
    """Return the update of every row of a slot, float64; 0 for a row that is not touched."""
    table = np.zeros((update.rows, update.moves.shape[1]))
    table[update.flags()] = update.moves
    return table


def norm_sum(moves: np.ndarray) -> np.ndarray:
    """Return the update of one row in float64; moves (P, D) of the replicas that touched it."""
    total = moves.sum(axis=0)
    length = float(total @ total)
    share = float((moves * moves).sum()) / length if length else 1.0
    return total * min(max(share, 1 / len(moves)), 1.0)


def test_rows_that_none_some_or_all_replicas_touched() -> None:
    rng, replicas, rows = np.random.default_rng(3), 5, 200
    touched = rng.random((replicas, rows)) < np.linspace(0, 1, rows)
    moves = rng.normal(0, 0.1, (replicas, rows, DIM)) + rng.normal(0, 0.2, (rows, DIM))
    moves = (moves * touched[:, :, None]).astype(np.float16).astype(np.float64)
    update = merge_deltas([deltas_of(part) for part in moves])
    assert {0, replicas} <= set(touched.sum(axis=0).tolist())
    assert (update.flags() == touched.any(axis=0)).all()
    expected = np.array(
        [norm_sum(moves[touched[:, r], r]) if touched[:, r].any() else np.zeros(DIM) for r in range(rows)]
    )
    # Half of the last of the 11 bits of a float16, and the rounding of sums in float32.
    np.testing.assert_allclose(dense(update), expected, rtol=2**-11 + 1e-5, atol=2**-24)


def test_the_limits_of_the_rule() -> None:
    a, b = np.eye(2, DIM)
    moves = np.array([[a, a, a, a], [a, b, -a, -0.5 * a]])
    update = dense(merge_deltas([deltas_of(part) for part in moves]))
    # Alike: the mean. At right angles: the sum. Opposite: nothing, and no division by zero. Nearly opposite: the sum.
    np.testing.assert_array_equal(update, [a, a + b, 0 * a, 0.5 * a])


def test_a_row_that_one_replica_touched_moves_by_all_of_it() -> None:
    moves = np.zeros((3, 2, DIM))
    moves[1, 1] = [0.25, -1, 0, 2**-10, 3, 0]
    np.testing.assert_array_equal(dense(merge_deltas([deltas_of(part) for part in moves])), moves[1])


def test_nan_reaches_the_update() -> None:
    moves = np.ones((2, 2, DIM))
    moves[0, 1, 3] = np.nan
    update = dense(merge_deltas([deltas_of(part) for part in moves]))
    np.testing.assert_array_equal(update[0], 1)
    assert np.isnan(update[1]).all()


def test_nothing_to_merge() -> None:
    for rows in (0, 9):
        update = merge_deltas([deltas_of(np.zeros((rows, DIM)))] * 2)
        assert update.moves.shape == (0, DIM)
        assert not update.flags().any()


def rows_in(sets: RowSets, kinds: Sequence[int], slots: int) -> list[int]:
    """Return the rows of all slots of some sets."""
    numbers = range(sets.rows)
    return [row for which in kinds for slot in range(slots) for row in numbers[sets.select(which, slots, slot)]]


@pytest.mark.parametrize("hot_last", [False, True])
@pytest.mark.parametrize(
    ("rows", "hot", "groups", "slots"), [(100, 7, 4, 2), (100, 0, 3, 5), (5, 20, 4, 3), (23, 4, 63, 2)]
)
def test_every_row_is_in_one_slot_of_one_set(rows: int, hot: int, groups: int, slots: int, hot_last: bool) -> None:
    sets = RowSets(rows, hot, groups, hot_last)
    for kinds in ([HOT, *range(groups)], [ALL]):
        assert sorted(rows_in(sets, kinds, slots)) == list(range(rows))
    expected = list(range(rows))[rows - min(hot, rows) :] if hot_last else list(range(rows))[:hot]
    assert sorted(rows_in(sets, [HOT], slots)) == expected


def test_slots_are_alike() -> None:
    sets = RowSets(1000, 100, 4)
    sizes = [len(range(1000)[sets.select(group, 2, slot)]) for group in range(4) for slot in range(2)]
    assert max(sizes) - min(sizes) <= 1


def test_small_moves_are_kept_until_they_are_large() -> None:
    base, table = np.zeros((3, DIM), np.float32), np.zeros((3, DIM), np.float32)
    table[0, 2], table[1, 2] = LEAST_MOVE, LEAST_MOVE * np.float32(0.99)
    sent = cut_deltas(table, base, DIM)
    assert sent.flags().tolist() == [True, False, False]
    take_update(table, base, sent, sent)
    assert table[1, 2] == LEAST_MOVE * np.float32(0.99)
    assert cut_deltas(table, base, DIM).moves.size == 0


def test_taking_an_update_leaves_no_row_touched_and_every_base_equal() -> None:
    rng, replicas = np.random.default_rng(5), 3
    start = rng.normal(0, 1, (40, DIM)).astype(np.float32)
    tables, bases = [start.copy() for _ in range(replicas)], [start.copy() for _ in range(replicas)]
    rows = slice(10, 35)
    for table in tables:
        table[:] += rng.normal(0, 0.05, table.shape)
    parts = [cut_deltas(table[rows], base[rows], DIM) for table, base in zip(tables, bases, strict=True)]
    later = np.zeros_like(start)
    later[rows] = 0.5
    for table in tables:
        table += later
    update = merge_deltas(parts)
    for table, base, part in zip(tables, bases, parts, strict=True):
        take_update(table[rows], base[rows], update, part)
        np.testing.assert_array_equal(base, bases[0])
        np.testing.assert_array_equal(base[:10], start[:10])
        # What was trained meanwhile is still there, and what 16 bits could not hold of a move below 0.25.
        np.testing.assert_allclose(table[rows] - base[rows], 0.5, atol=2**-12)


def test_a_replica_that_sent_nothing_takes_the_whole_update() -> None:
    table, base = np.ones((4, DIM), np.float32), np.zeros((4, DIM), np.float32)
    update = deltas_of(np.full((2, DIM), 0.5))
    take_update(table[2:4], base[2:4], update, None)
    np.testing.assert_array_equal(table[:, 0], [1, 1, 1.5, 1.5])
    np.testing.assert_array_equal(base[:, 0], [0, 0, 0.5, 0.5])
