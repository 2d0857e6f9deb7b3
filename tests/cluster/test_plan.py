"""The plan: the formulas, against the same ones in another form, and what is said of it."""

from __future__ import annotations

import pytest

from w2v_cli.cluster.plan import Network, alpha_factor, choose_plan, exchange_bytes, expected_effect, given_plan

# Words, dimension, words a second, bytes a second, replicas; and b, K, S in millions, bytes a word, speed-up.
CASES = [
    (67_889, 100, 8e6, 0.11e9, 4, 2.8, 2, 6, 7.4, 3.8),
    (67_889, 100, 8e6, 1.1e9, 8, 1.5, 2, 3, 16.2, 7.5),
    (67_889, 100, 30e6, 10e9, 8, 5.1, 2, 10, 4.8, 7.5),
    (1_000_000, 300, 20e6, 0.11e9, 4, 14.5, 38, 551, 3.5, 3.8),
    (1_000_000, 300, 20e6, 2.5e9, 4, 3.8, 7, 27, 68.1, 3.8),
    (1_000_000, 300, 20e6, 10e9, 8, 3.5, 3, 10, 202.0, 7.5),
]


@pytest.mark.parametrize(
    ("words", "dim", "speed", "bandwidth", "replicas", "b", "groups", "s", "cost", "faster"), CASES
)
def test_the_table_of_what_to_expect(
    words: int, dim: int, speed: float, bandwidth: float, replicas: int, b: float, groups: int, s: float, cost: float,
    faster: float,
) -> None:  # fmt: skip
    plan = choose_plan(replicas, words, dim, speed, Network(0.01, bandwidth), row_seconds=0.0)
    assert plan.round_tokens / 1e6 == pytest.approx(b, abs=0.06)
    assert plan.groups == groups
    # The table rounds b to whole tokens, and the plan to blocks of 10,000.
    assert plan.cycle_tokens / 1e6 == pytest.approx(s, abs=0.5 + groups * 0.005)
    # The table counts the hot rows a second time in their groups.
    assert plan.round_bytes / plan.round_tokens == pytest.approx(cost, rel=0.04)
    assert plan.speed_up() == pytest.approx(faster, abs=0.06)


def test_bytes_against_counting_every_number() -> None:
    replicas, rows, dim = 4, 8, 3
    # Of two tables, each replica sends the parts of the others, and the update of its own part to each of them.
    numbers = 2 * rows * dim // replicas * (replicas - 1) * 2
    assert exchange_bytes(rows, dim, replicas) == 2 * numbers


def test_a_given_interval_depends_on_no_measurement() -> None:
    slow, fast = (given_plan(2, 5000, 100, speed, 100_000) for speed in (1e3, 1e9))
    assert (slow.round_blocks, slow.groups, slow.cycle_tokens) == (fast.round_blocks, fast.groups, 200_000)
    assert given_plan(2, 5000, 100, 1.0, 1).round_blocks == 1
    # All words are hot, so every round merges every row.
    assert given_plan(2, 500, 100, 1.0, 50_000).cycle_tokens == 50_000


def test_how_many_replicas_fit() -> None:
    plan = given_plan(8, 5000, 100, 1.0, 100_000)
    assert plan.fitting_replicas(20 * 200_000 * 3) == 3
    assert plan.fitting_replicas(1) == 1


@pytest.mark.parametrize(("replicas", "factor"), [(1, 1), (2, 1), (4, 1), (8, 1.35), (16, 1.7)])
def test_the_learning_rate_grows_from_four_replicas_on(replicas: int, factor: float) -> None:
    assert alpha_factor(replicas) == pytest.approx(factor)


def test_what_is_expected() -> None:
    assert "0.8 points" in expected_effect(4, 84_000_000) and "shorter" not in expected_effect(4, 84_000_000)
    assert "shorter" in expected_effect(4, 1_000_000)
    assert "as well as one" in expected_effect(8, 400_000_000)
    assert "hardly been tried" in expected_effect(9, 400_000_000)
