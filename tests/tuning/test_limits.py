"""What is tried lies within the limits, has an effect, and is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_cli.config import OPTIONS, TrainConfig
from w2v_cli.errors import ConfigError
from w2v_cli.tuning.limits import DEFAULT_TRIES, Limits, all_limits, draw_trials

BASE = TrainConfig()


def test_what_is_drawn_lies_within_the_limits_and_has_an_effect() -> None:
    limits = all_limits({"window": "3:6", "noise-exponent": (-0.5, 1.0), "fixed_window": "true,false"}, {})
    trials = draw_trials(limits, BASE, 300)
    assert trials[0] == {}
    assert len(trials) == 300
    for options in trials:
        # Raises an error for an option without effect, such as --negatives with --loss hs.
        TrainConfig(**options)
        assert 3 <= options.get("window", 5) <= 6
        assert 5 <= options.get("epochs", 5) <= 20
        assert 1e-5 <= options.get("subsample", 1e-3) <= 1e-2
    for name in (*DEFAULT_TRIES, "noise_exponent", "fixed_window"):
        values = [options[name] for options in trials if name in options]
        # Every option is varied, and about half of the trials leave it alone.
        assert 20 < len(values) < 220, name
    epochs = [options["epochs"] for options in trials if "epochs" in options]
    # 5 to 10 is as likely as 10 to 20.
    assert 0.3 < np.mean(np.array(epochs) < 10) < 0.7


def test_the_seed_decides_and_more_trials_begin_like_fewer() -> None:
    limits = all_limits({}, {})
    trials = draw_trials(limits, BASE, 30)
    assert draw_trials(limits, BASE, 10) == trials[:10]
    assert draw_trials(limits, TrainConfig(seed=2), 10) != trials[:10]
    assert [item for i, item in enumerate(trials) if item in trials[:i]] == []


def test_options_of_all_trials_are_not_tried() -> None:
    limits = all_limits({}, {"dim": 50, "window": 8})
    base = TrainConfig(dim=50, window=8)
    assert not any({"dim", "window"} & trial.keys() for trial in draw_trials(limits, base, 50))
    with pytest.raises(ConfigError, match="--window is the same for all trials, and --try window varies it"):
        all_limits({"window": "2:3"}, {"window": 8})


def test_limits_with_few_values_give_few_trials_and_exclude_the_default() -> None:
    others = dict.fromkeys(name for name in DEFAULT_TRIES if name not in ("model", "window"))
    defaults, *trials = draw_trials(all_limits({"model": ["cbow"], "window": "4,6"}, others), BASE, 50)
    assert defaults == {}
    assert sorted(trials, key=str) == [{"model": "cbow", "window": 4}, {"model": "cbow", "window": 6}]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("windows", "2:3", "there is no such option"),
        ("window", "0:3", "--try window: 0 is too small"),
        ("window", "2:x", "--try window: 'x' is not a whole number"),
        ("window", "5:2", "5:2 is no range"),
        ("window", "1:2:3", "1:2:3 is no range"),
        ("window", 5, "5 is neither a range nor a list of values"),
        ("window", [], "there is no value"),
        ("model", "skipgram,glove", "--try model: glove is not one of"),
        ("model", "cbow:skipgram", "is no range"),
        ("fixed_window", "yes", "neither true nor false"),
        ("min-count", "1:5", "--try min-count: it changes which words are scored"),
        ("threads", "1,2", "it changes which words are scored, or nothing that is learnt"),
        ("stop-early", "1:3", "it changes which words are scored, or nothing that is learnt"),
    ],
)
def test_impossible_limits_are_refused(name: str, values: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Limits.of(name, values)


def test_the_usual_limits_are_possible() -> None:
    for name, text in DEFAULT_TRIES.items():
        limits, default = Limits.of(name, text), OPTIONS[name].default
        if default is not None:
            assert default in limits.values or limits.values[0] <= default <= limits.values[1], name
