"""The configuration: its defaults, and that every impossible value is refused under the name of its option."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from w2v_cli import choices
from w2v_cli.config import ENGINES, OPTIONS, RECIPES, TrainConfig, recipe_options
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.embeddings import evaluation
from w2v_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "--dim 0 is too small"),
        ({"dim": 2.5}, "--dim 2.5 is not a whole number"),
        ({"epochs": True}, "--epochs True is not a whole number"),
        ({"window": -1}, "--window -1 is too small"),
        ({"negatives": 0}, "--negatives 0 is too small"),
        ({"subsample": -1.0}, "--subsample -1.0 is too small"),
        ({"subsample": 1e308}, "--subsample 1e+308 is too large"),
        ({"subsample": float("nan")}, "--subsample nan is not a finite number"),
        ({"alpha": 0.0}, "--alpha 0.0 is too small"),
        ({"alpha": float("inf")}, "--alpha inf is not a finite number"),
        ({"alpha": 0.01, "min_alpha": 0.1}, "--min-alpha 0.1 is above --alpha 0.01"),
        ({"min_alpha": 0.1}, "--min-alpha 0.1 is above --alpha 0.04, its default"),
        ({"model": "glove"}, "--model glove is not one of skipgram, cbow"),
        ({"model": "cbow", "cbow_sum": True, "cbow_step": "plain"}, "--cbow-step has no meaning with --cbow-sum"),
        ({"loss": "softmax", "noise_exponent": 0.5}, "--noise-exponent has no meaning with --loss softmax"),
        ({"loss": "hs", "negatives": 0}, "--negatives has no meaning with --loss hs"),
        ({"loss": "hs", "negatives": np.array([1, 2])}, "--negatives has no meaning with --loss hs"),
        ({"noise_exponent": float("-inf")}, "--noise-exponent -inf is not a finite number"),
        ({"max_vocab": 0}, "--max-vocab 0 is too small"),
        ({"threads": 0}, "--threads 0 is too small"),
    ],
)
def test_a_senseless_value_is_refused_by_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        TrainConfig(**options)


def test_most_defaults_are_those_of_word2vec() -> None:
    config = TrainConfig()
    assert (config.dim, config.window, config.negatives, config.min_count) == (100, 5, 5, 5)
    assert (config.epochs, config.noise_power) == (7, 0.75)
    assert config.alpha_min == config.alpha_start * 1e-4


@pytest.mark.parametrize(
    ("model", "loss", "count"),
    [("skipgram", "ns", 1_200), ("skipgram", "hs", 1_200), ("cbow", "hs", 1_200), ("cbow", "ns", 3_000)],
)
def test_the_more_tokens_the_smaller_the_share_that_is_subsampled(model: str, loss: str, count: int) -> None:
    config = TrainConfig(model=model, loss=loss)
    assert config.subsample_share(10_000_000) == pytest.approx(count / 10_000_000)
    assert config.subsample_share(0) == config.subsample_share(10_000) == 1e-3
    assert config.subsample_share(10**9) == 5e-5
    assert config.subsample_share(16_694_578) == pytest.approx(count / 16_694_578, rel=5e-3)
    assert all(TrainConfig(model=model, subsample=given).subsample_share(10**9) == given for given in (1e-2, 0.0))


@pytest.mark.parametrize(("model", "loss", "usual"), [("skipgram", "ns", 0.04), ("cbow", "hs", 0.04)])
def test_a_long_run_begins_with_a_lower_learning_rate(model: str, loss: str, usual: float) -> None:
    for epochs, expected in ((1, usual), (5, usual), (12, usual), (20, 0.025), (40, 0.0125), (10**6, 0.0125)):
        config = TrainConfig(model=model, loss=loss, epochs=epochs)
        assert config.alpha_start == pytest.approx(expected)
        assert config.alpha_min == pytest.approx(expected * 1e-4)
    assert TrainConfig(epochs=20, alpha=0.04).alpha_start == 0.04
    assert TrainConfig(epochs=40, min_alpha=0.02).alpha_start == 0.02


def test_a_configuration_survives_json() -> None:
    config = TrainConfig(dim=7, alpha=0.5, max_vocab=10)
    assert TrainConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    with pytest.raises(ConfigError, match="unknown options: size"):
        TrainConfig.from_dict({"size": 3})


@pytest.mark.parametrize("whole", [np.int64, np.uint8, np.array])
@pytest.mark.parametrize("real", [np.float32, np.float64, np.array])
def test_numbers_of_numpy_are_numbers(whole: Callable[[int], Any], real: Callable[[float], Any]) -> None:
    config = TrainConfig(dim=whole(7), seed=whole(0), threads=whole(1), alpha=real(0.25), subsample=whole(0))
    assert config == TrainConfig(dim=7, seed=0, threads=1, alpha=0.25, subsample=0)
    assert [type(value) for value in (config.dim, config.threads, config.alpha)] == [int, int, float]
    assert TrainConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_a_number_of_numpy_is_recorded_with_the_digits_that_it_shows(kind: Callable[[float], Any]) -> None:
    with np.printoptions(precision=1):
        values: tuple[Any, ...] = (kind(0.05), np.array(kind(0.05)))
        for value in values:
            assert TrainConfig(alpha=value, subsample=kind(1e-4)).alpha == 0.05
    # Every digit of a double is kept.
    assert TrainConfig(alpha=np.float64(0.1) + np.float64(0.2)).alpha == 0.1 + 0.2


def test_truth_values_of_numpy_are_taken_where_truth_values_are() -> None:
    given: dict[str, Any] = {"fixed_window": np.bool_(True), "model": np.str_("cbow")}
    assert TrainConfig(**given) == TrainConfig(model="cbow", fixed_window=True)
    for value in (np.bool_(True), True, np.float64(2.5), np.array([2]), "2"):
        with pytest.raises(ConfigError, match=r"--window .* is not a whole number"):
            TrainConfig(window=value)  # type: ignore[arg-type]
    for value in (1, np.int64(1), "yes"):
        with pytest.raises(ConfigError, match=r"--fixed-window .* is neither true nor false"):
            TrainConfig(fixed_window=value)  # type: ignore[arg-type]
        for flag in ("lower", "unwrap"):
            with pytest.raises(ConfigError, match=f"--{flag} .* is neither true nor false"):
                TextOptions(**{flag: value})  # type: ignore[arg-type]
    given = {"lower": np.bool_(True)}
    assert TextOptions(**given).lower is True
    with pytest.raises(ConfigError, match="--dim 0 is too small"):
        TrainConfig(dim=np.int64(0))


def test_the_choices_are_those_that_the_library_knows() -> None:
    assert tuple(evaluation.PROTOCOLS) == choices.PROTOCOL_NAMES
    # No protocol composes vectors, because the programs that they follow do not.
    assert {protocol.oov for protocol in evaluation.PROTOCOLS.values()} | {"compose"} == set(choices.OOV)
    assert tuple(evaluation._METHOD_NAMES) == choices.METHODS
    assert {"all", *ENGINES} == {"auto", *choices.CHECKED_ENGINES}
    with pytest.raises(ConfigError, match="method 3cosdiv is not one of 3cosadd, 3cosmul"):
        choices.require_choice("method", "3cosdiv", choices.METHODS)


def test_every_option_has_a_help_text() -> None:
    assert all(option.help.endswith(".") for option in OPTIONS.values())


def test_a_recipe_gives_way_to_what_is_given() -> None:
    given = {"loss": "hs", "window": 7, "epochs": 2}
    config = TrainConfig.continued(given, recipe_options("best", given))
    assert (config.window, config.radius, config.output_exponent, config.epochs) == (7, "harmonic", 0.15, 2)
    # Nor does it contradict an option that leaves one of its own without effect.
    given = {"loss": "hs", "fixed_window": True}
    fixed = TrainConfig.continued(given, recipe_options("best", given))
    assert (fixed.radius, fixed.output_exponent) == ("uniform", 0.15)
    for model, loss in RECIPES["best"]:
        options = {"model": model, "loss": loss}
        TrainConfig.continued(options, recipe_options("best", options))


def test_a_recipe_is_only_for_what_it_was_measured_with() -> None:
    for recipe, options, message in (
        ("worst", {}, "--recipe worst is not one of best"),
        ("best", {}, "--recipe best is not for --model skipgram with --loss ns"),
        ("best", {"model": "cbow"}, "--recipe best is not for --model cbow with --loss ns"),
        ("best", {"loss": "softmax"}, "--recipe best is not for --model skipgram with --loss softmax"),
        ("best", {"loss": "hs", "subwords": "floret"}, "--recipe best is not for parts of words"),
    ):
        with pytest.raises(ConfigError, match=message):
            recipe_options(recipe, options)
