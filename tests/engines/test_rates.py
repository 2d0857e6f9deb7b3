"""The rates of rows that follow from their counts, and the options that ask for them."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_cli.config import TrainConfig
from w2v_cli.engines.huffman import huffman_paths
from w2v_cli.engines.objective import make_objective
from w2v_cli.engines.rates import node_counts, rates_of, row_rates
from w2v_cli.errors import ConfigError


def test_rates_fall_with_the_counts_within_limits() -> None:
    counts = np.array([1e6, 1e5, 1e4, 1e3, 1.0])
    rates = row_rates(counts, 0.25)
    assert rates.dtype == np.float32 and (np.diff(rates) >= 0).all()
    assert rates.max() == 4.0 and row_rates(np.append(np.full(5000, 1e3), 1e6), 0.5).min() == 0.25
    # A tenth of the count is 10^0.25 of the rate.
    assert rates[1] / rates[0] == pytest.approx(10**0.25)
    # The geometric mean over the tokens is 1, if no limit holds the rates of many tokens.
    assert np.average(np.log(rates), weights=counts) == pytest.approx(0, abs=0.01)


def test_a_row_that_does_not_occur_and_an_exponent_of_0_give_the_rate_1() -> None:
    assert row_rates(np.array([5.0, 0.0, 3.0]), 0.5)[1] == 1
    assert (row_rates(np.array([500.0, 2.0, 0.0]), 0.0) == 1).all()
    assert (row_rates(np.zeros(3), 0.5) == 1).all()


def test_nodes_are_counted_by_the_words_below_them() -> None:
    counts = np.array([50.0, 20.0, 9.0, 5.0, 2.0])
    paths = huffman_paths(counts.astype(np.int64))
    expected = np.zeros(4)
    for word, count in enumerate(counts):
        for node in paths.of(word)[0]:
            expected[node] += count
    assert np.array_equal(node_counts(paths, counts), expected)
    assert expected.max() == counts.sum()


def test_only_what_is_asked_for_has_rates() -> None:
    counts = np.array([900, 90, 9, 3])
    objective = make_objective(TrainConfig(), counts)
    assert rates_of(TrainConfig(), objective, counts.astype(float)) is None
    rates = rates_of(TrainConfig(output_exponent=0.25), objective, counts.astype(float))
    assert rates is not None and (rates.inputs == 1).all() and rates.outputs[0] < 1 < rates.outputs[3]


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_nodes_have_rates_unless_an_exponent_says_otherwise(model: str) -> None:
    counts = np.array([900, 90, 9, 3])
    config = TrainConfig(model=model, loss="hs")
    objective = make_objective(config, counts)
    rates = rates_of(config, objective, counts.astype(float))
    # The root is the last node.
    assert rates is not None and (rates.inputs == 1).all() and rates.outputs[2] < 1 < rates.outputs[0]
    assert rates_of(TrainConfig(model=model, loss="hs", output_exponent=0), objective, counts.astype(float)) is None
    parts = TrainConfig(model=model, loss="hs", subwords="fasttext")
    assert rates_of(parts, objective, counts.astype(float)) is None
    # What a model of an earlier version records.
    assert TrainConfig.from_dict({**parts.as_dict(), "output_exponent": 0.0}) == parts


def test_rates_need_whole_words_and_a_possible_exponent() -> None:
    with pytest.raises(ConfigError, match="--input-exponent has no meaning with --subwords fasttext"):
        TrainConfig(input_exponent=0.1, subwords="fasttext")
    with pytest.raises(ConfigError, match=r"--output-exponent -0\.1 is too small"):
        TrainConfig(output_exponent=-0.1)
    with pytest.raises(ConfigError, match="--radius has no meaning with --fixed-window"):
        TrainConfig(radius="harmonic", fixed_window=True)
