"""The benchmark: the options passed to w2v and its peers, the measured loss, the tables and the plot."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

from w2v_cli.formats.model_file import save_model

WORDS = ["a", "b", "c"]
# The text also contains words that the model does not know.
TEXT = "a b rare c a c b b a other c\n" * 3


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "bench"))
    return importlib.import_module("trainers")


@pytest.fixture
def options(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that parses a command line of the benchmark, for a small text and one round."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("the cat sat on the mat\nthe dog sat on the log\n" * 9 + "a rare word\n")

    def parse(*arguments: str) -> Any:
        small = ["--dim", "4", "--rounds", "1", "--threads", "1", "--subsample", "0"]
        monkeypatch.setattr(sys, "argv", ["trainers.py", str(corpus), *small, *arguments])
        return bench.parse_arguments()

    return parse


def log_softmax(scores: np.ndarray) -> np.ndarray:
    return scores - np.log(np.exp(scores).sum())


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_the_measured_loss_is_that_of_the_models_own_predictions(
    bench: Any, options: Any, tmp_path: Path, model: str
) -> None:
    rng = np.random.default_rng(1)
    inputs, outputs = rng.standard_normal((2, 3, 4)).astype(np.float32)
    tables = {"input_vectors": inputs, "output_vectors": outputs}
    save_model(tmp_path / "model", WORDS, np.array([3, 2, 1]), tables, {})
    (tmp_path / "lines").write_text(TEXT)
    choices = options("--model", model, "--window", "1", "--loss", "softmax")
    choices.lines = str(tmp_path / "lines")
    text = [WORDS.index(word) for word in TEXT.split() if word in WORDS]
    losses = []
    if model == "skipgram":
        for one, other in itertools.pairwise(text):
            losses += [-log_softmax(outputs @ inputs[one])[other], -log_softmax(outputs @ inputs[other])[one]]
    else:
        for pos, center in enumerate(text):
            context = text[max(pos - 1, 0) : pos] + text[pos + 1 : pos + 2]
            losses.append(-log_softmax(outputs @ inputs[context].mean(axis=0))[center])
    # The tables and the expected losses are float32.
    assert bench.true_loss(str(tmp_path / "model"), choices) == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("arguments", [("--loss", "hs", "--negatives", "15"), ("--loss", "softmax", "--model", "cbow")])
def test_a_run_of_w2v_alone_makes_a_table(bench: Any, options: Any, arguments: tuple[str, ...]) -> None:
    choices = options(*arguments)
    choices.peer = []
    (run,) = bench.compared(choices)
    assert run["trainer"] == "w2v" and run["tokens"] == 9 * 12
    # Seven words occur at least five times. So little training leaves the loss near that of equal scores, log 7.
    losses = {"loss, nats": pytest.approx(np.log(7), rel=0.1)} if "softmax" in arguments else {}
    assert run["scores"] == losses
    report = {"machine": bench.machine(), "options": bench.shown(choices), "tables": {"t": bench.trainer_rows([run])}}
    assert "| w2v |" in bench.markdown(report)


def test_a_softmax_of_gensim_is_refused(options: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert options("--loss", "softmax").peer == ["fasttext"]
    with pytest.raises(SystemExit):
        options("--loss", "softmax", "--peer", "gensim")
    assert "gensim has no full softmax" in capsys.readouterr().err


@pytest.mark.parametrize("peer", ["gensim", "fasttext"])
def test_a_peer_runs_on_the_same_text(bench: Any, options: Any, peer: str) -> None:
    # The folder tests/gensim can be imported as gensim, but has no models.
    pytest.importorskip("gensim.models" if peer == "gensim" else peer, reason="the peers come with the extra bench")
    runs = bench.compared(options("--loss", "hs", "--peer", peer))
    assert [(run["trainer"], run["tokens"]) for run in runs] == [("w2v", 9 * 12), (peer, 9 * 12)]


def test_the_plot_has_a_bar_for_every_trainer(bench: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plot comes with the extra bench")
    rows = [{"trainer": name, "words/s": "1,000,000"} for name in ("w2v", "another")]
    bench.draw({"tables": {"trainers": rows}}, str(tmp_path / "plot.svg"))
    drawn = (tmp_path / "plot.svg").read_text()
    assert all(f">{text}<" in drawn for text in ("w2v", "another", "trainers", "million words/s"))


def test_the_grid_puts_every_trainers_speed_beside_w2vs(bench: Any, tmp_path: Path) -> None:
    runs = [
        {**kind, "trainer": name, "words_per_second": speed}
        for kind in bench.GRID
        for name, speed in [("w2v", 9e6), ("gensim", 2e6), ("w2v", 8e6), ("gensim", 1e6)]
    ]
    rows = bench.grid_rows(runs)
    assert rows[0] == {
        **{"model": "skipgram", "loss": "ns", "dim": "50", "window": "5", "negatives": "5"},
        **{"words/s": "8,500,000", "gensim, words/s": "1,500,000", "× gensim": "6.2 (4.5–8.0)"},
    }
    assert [bench.bar_name(row) for row in (rows[0], rows[-1])] == [
        "skipgram, ns, dim 50, window 5, negatives 5",
        "cbow, hs, dim 300, window 10",
    ]
    pytest.importorskip("matplotlib", reason="the plot comes with the extra bench")
    bench.draw({"tables": {"grid": rows}}, str(tmp_path / "plot.svg"))
    drawn = (tmp_path / "plot.svg").read_text()
    assert drawn.count(">8.5<") == drawn.count(">1.5<") == len(bench.GRID) and ">gensim<" in drawn


def test_a_curve_goes_on_where_it_was_and_its_trainers_alternate(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = importlib.import_module("curve")
    points = tmp_path / "curve.jsonl"
    some = ["--gold", "g.txt", "--epochs", "1", "2", "--seed", "3", "--points", str(points), "--trainer", "w2v"]
    monkeypatch.setattr(sys, "argv", ["curve.py", "c.txt", *some, "--trainer", "gensim"])
    options = curve.parse_arguments()
    every = [("w2v", 3, 1), ("gensim", 3, 1), ("w2v", 3, 2), ("gensim", 3, 2)]
    assert list(curve.wanted(options, curve.recorded(points))) == every
    points.write_text(
        '{"trainer": "gensim", "seed": 3, "epochs": 1, "scores": {}}\n{"trainer": "w2v", "seed": 3, "epochs": 1}\n'
    )
    assert list(curve.wanted(options, curve.recorded(points))) == [every[0], *every[2:]]
    options.speed, options.rounds = True, 2
    assert list(curve.wanted(options, [])) == [("w2v", 1, 1), ("gensim", 1, 1)] * 2
