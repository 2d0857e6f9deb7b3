"""A run: whole epochs, a learning rate that depends on the place alone, the same vectors again, clean ends."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encoded import EncodedCorpus, encode
from w2v_cli.corpus.reader import TextOptions
from w2v_cli.errors import TrainingError
from w2v_cli.jit import COMPILES
from w2v_cli.training import trainer as module
from w2v_cli.training.trainer import Progress, Trainer, require_memory

ENGINES = ["reference", pytest.param("compiled", marks=pytest.mark.skipif(not COMPILES, reason="no numba here"))]
LOSSES = ["ns", "softmax"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EncodedCorpus]:
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(60)])
    weights = 1 / np.arange(1, 61)
    lines = [" ".join(rng.choice(words, rng.integers(1, 30), p=weights / weights.sum())) for _ in range(250)]
    (folder / "corpus.txt").write_text("\n".join(lines))
    with encode([str(folder / "corpus.txt")], 1, None, TextOptions(), 1, folder) as encoded:
        yield encoded


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_TOKENS", 500)


def config(**options: Any) -> TrainConfig:
    return TrainConfig(**{"dim": 8, "epochs": 2, "threads": 1, "subsample": 0.0, **options})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", LOSSES)
def test_one_thread_and_one_seed_make_the_same_bytes(corpus: EncodedCorpus, engine: str, loss: str) -> None:
    runs = [Trainer(config(engine=engine, loss=loss, seed=seed), corpus).train() for seed in (3, 3, 4)]
    tables = [run.parameters.tensors() for run in runs]
    for name in tables[0]:
        assert tables[0][name].tobytes() == tables[1][name].tobytes()
        assert tables[0][name].tobytes() != tables[2][name].tobytes()
    assert runs[0].losses == runs[1].losses


@pytest.mark.parametrize("threads", [1, 3])
def test_every_token_is_seen_in_every_epoch_at_its_own_learning_rate(corpus: EncodedCorpus, threads: int) -> None:
    run = Trainer(config(engine="compiled" if COMPILES else "reference", threads=threads, epochs=3), corpus)
    seen: collections.Counter[tuple[int, int]] = collections.Counter()
    alphas: list[float] = []
    lock = threading.Lock()

    def step(sample: Any, rates: np.ndarray, *tables: np.ndarray) -> tuple[float, int]:
        with lock:
            seen.update(zip(sample.kept_ids.tolist(), [0] * len(sample.kept_ids), strict=True))
            alphas.extend(rates)
        return 0.0, 1

    run.step = step
    run.train()
    # Nothing is subsampled here, so every count is three times the corpus's.
    counts = corpus.vocabulary.counts
    assert {word: count for (word, _), count in seen.items()} == {
        i: 3 * count for i, count in enumerate(counts.tolist())
    }
    total = 3 * corpus.token_count
    expected = 0.04 - (0.04 - 0.04e-4) * np.arange(total) / total
    assert np.sort(alphas)[::-1] == pytest.approx(expected, rel=1e-12)


def test_the_schedule_ends_at_the_smallest_rate(corpus: EncodedCorpus) -> None:
    run = Trainer(config(alpha=0.5, min_alpha=0.1), corpus)
    assert run.alpha_at(0.0) == 0.5
    assert run.alpha_at(run.total_tokens / 2) == pytest.approx(0.3)
    assert run.alpha_at(run.total_tokens) == pytest.approx(0.1)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_falls_and_starts_at_that_of_knowing_nothing(corpus: EncodedCorpus, loss: str) -> None:
    # All scores are 0 at first: 1 + K times log 2, or the logarithm of the vocabulary.
    nothing = {"ns": 6 * np.log(2), "softmax": np.log(60)}[loss]
    still = Trainer(config(loss=loss, alpha=1e-9, epochs=1), corpus).train()
    # A noise word that is the target is dropped, which happens to a few in a hundred of so few words.
    assert nothing * (0.9 if loss == "ns" else 0.9999) < still.losses[0] <= nothing * 1.0001
    moved = Trainer(config(loss=loss, epochs=4), corpus).train()
    assert moved.losses[0] > moved.losses[-1]
    assert moved.losses[-1] < still.losses[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_compiling_and_estimating_leave_the_run_alone(corpus: EncodedCorpus, engine: str) -> None:
    plain, tried = (Trainer(config(engine=engine), corpus) for _ in range(2))
    assert tried.compile() >= 0 and tried.estimate_seconds() > 0
    for name, table in plain.train().parameters.tensors().items():
        assert table.tobytes() == tried.train().parameters.tensors()[name].tobytes()
        break


def test_progress_comes_from_the_main_thread_and_reaches_the_end(corpus: EncodedCorpus) -> None:
    seen: list[tuple[Progress, threading.Thread]] = []
    Trainer(config(), corpus).train(lambda progress: seen.append((progress, threading.current_thread())))
    last = seen[-1][0]
    assert (last.tokens, last.epoch) == (last.total_tokens, 2)
    assert last.total_tokens == 2 * corpus.token_count
    assert {thread for _, thread in seen} == {threading.main_thread()}


class Stop(Exception):
    pass


def test_an_error_while_watching_stops_the_workers(corpus: EncodedCorpus) -> None:
    def stop(progress: Progress) -> None:
        raise Stop

    before = threading.active_count()
    with pytest.raises(Stop):
        Trainer(config(epochs=10_000), corpus).train(stop)
    assert threading.active_count() == before


def test_an_error_of_a_worker_reaches_the_caller(corpus: EncodedCorpus) -> None:
    run = Trainer(config(threads=2), corpus)

    def step(*arguments: Any) -> Any:
        raise Stop("in a worker")

    run.step = step
    with pytest.raises(Stop, match="in a worker"):
        run.train()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_run_that_diverges_says_so(corpus: EncodedCorpus, engine: str) -> None:
    with pytest.raises(TrainingError, match="diverged") as caught:
        Trainer(config(alpha=1e30, engine=engine), corpus).train()
    assert "lower --alpha" in str(caught.value.hint)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus) -> None:
    monkeypatch.setattr(module, "available_memory", lambda: 1000)
    with pytest.raises(TrainingError, match=r"60 words × 8 dimensions take 0\.0 GiB") as caught:
        Trainer(config(), corpus)
    assert "--max-vocab" in str(caught.value.hint)
    monkeypatch.setattr(module, "available_memory", lambda: None)
    require_memory(1 << 60, "everything")


def test_a_corpus_of_one_word_trains_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("alone")
    with encode([str(tmp_path / "one.txt")], 1, None, TextOptions(), 1, tmp_path) as one:
        trained = Trainer(config(), one).train()
    assert np.isnan(trained.losses).all()
    assert trained.parameters.finite()
