"""The default learning rate is low enough for wide windows, many noise words and repeated words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call

from w2v_cli.config import DEFAULT_ALPHA, TrainConfig
from w2v_cli.corpus.encode import encode
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import TrainingError
from w2v_cli.training.run import train_model
from w2v_cli.training.schedule import Schedule
from w2v_cli.training.trainer import Trainer

TOYLAND = ROOT / "data" / "toyland.txt"
KINDS = [*DEFAULT_ALPHA]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Yield one long line of real words, and one that consists almost entirely of one word."""
    folder = tmp_path_factory.mktemp("texts")
    words = TOYLAND.read_text().split()[:30_000]
    (folder / "line.txt").write_text(" ".join(words))
    (folder / "little.txt").write_text(" ".join(words[:6000]))
    chosen = np.random.default_rng(1).choice(list("abcde"), 20_000, p=[0.96, 0.01, 0.01, 0.01, 0.01])
    (folder / "same.txt").write_text(" ".join(chosen))
    return folder


def alpha_of(path: Path, **options: Any) -> float:
    """Return the learning rate at the start of a run over a text."""
    with encode(Texts([str(path)]), 1, None, 1, path.parent) as corpus:
        return Trainer(TrainConfig(threads=1, **options), corpus).schedule.rate.start


@pytest.mark.parametrize(("model", "loss"), KINDS)
def test_ordinary_runs_keep_the_default_learning_rate(texts: Path, model: str, loss: str) -> None:
    default = DEFAULT_ALPHA[model, loss][0]
    for size in ({}, {"window": 10}, {"negatives": 15} if loss == "ns" else {}):
        # In skip-gram, the full softmax tolerates no wider windows at its default learning rate.
        if (model, loss) == ("skipgram", "softmax") and size:
            continue
        assert alpha_of(TOYLAND, model=model, loss=loss, **size) == default


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("line.txt", {"window": 50, "fixed_window": True}),
        ("line.txt", {"window": 50, "fixed_window": True, "loss": "hs"}),
        ("line.txt", {"window": 50, "fixed_window": True, "loss": "softmax", "dim": 10, "epochs": 1}),
        ("line.txt", {"window": 50, "fixed_window": True, "model": "cbow", "cbow_sum": True}),
        ("little.txt", {"negatives": 200}),
        ("little.txt", {"negatives": 50, "window": 20}),
        ("same.txt", {"window": 50, "fixed_window": True, "subsample": 0.0}),
        ("same.txt", {"window": 50, "fixed_window": True, "subsample": 0.0, "model": "cbow"}),
        ("same.txt", {"window": 50, "fixed_window": True, "subsample": 0.0, "loss": "hs"}),
    ],
)
def test_wide_windows_much_noise_and_repeated_words_do_not_explode(
    texts: Path, text: str, options: dict[str, Any]
) -> None:
    path, choices = str(texts / text), {"epochs": 2, "threads": 1, **options}
    default = DEFAULT_ALPHA[options.get("model", "skipgram"), options.get("loss", "ns")][0]
    assert alpha_of(texts / text, **options) < default
    trained = train_model([path], TrainConfig(**choices)).trained
    assert all(np.abs(table).max() < 10 for table in trained.parameters.tensors().values())
    assert trained.losses[-1] < 1.05 * trained.losses[0]
    # At the usual learning rate, these runs diverge.
    if text != "same.txt" or "loss" in options:
        usual = {**choices, "alpha": 3 * default}
        with pytest.raises(TrainingError, match="training diverged"):
            train_model([path], TrainConfig(**usual))


def test_an_explosion_with_finite_numbers_ends_with_the_divergence_message(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "model.safetensors"
    command = ["train", str(texts / "line.txt"), "-o", str(output), "--window", "50", "--fixed-window"]
    code, _, err = call(capsys, *command, "--alpha", "0.06", "--threads", "1")
    assert code == 3 and "training diverged in epoch 1" in err and "lower --alpha (now 0.06)" in err
    assert not output.exists()


def test_a_learning_rate_that_is_named_is_taken(texts: Path) -> None:
    assert alpha_of(texts / "line.txt", window=50, fixed_window=True, alpha=0.04) == 0.04


def test_both_ends_of_the_learning_rate_are_as_much_lower_but_for_one_that_is_named() -> None:
    half = Schedule(TrainConfig(model="cbow"), 1000, alpha=0.025)
    assert (half.rate.start, half.rate.end) == pytest.approx((0.025, 0.2 * 0.025))
    named = Schedule(TrainConfig(min_alpha=0.03), 1000, alpha=0.02)
    assert (named.rate.start, named.rate.end) == (0.03, 0.03)


def test_a_shorter_learning_rate_is_told(texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(texts / "little.txt"), "-o", str(tmp_path / "model.safetensors"), "--epochs", "1"]
    assert "Learning rate" not in call(capsys, *command)[2]
    err = call(capsys, *command, "--negatives", "200")[2]
    assert "Learning rate 0.00" in err and "instead of 0.04" in err
