"""A run trains whole epochs, with a learning rate that depends only on the position; it repeats and ends cleanly."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call_for_each_block

import w2v_cli as w2v
from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.texts import Texts
from w2v_cli.engines import softmax
from w2v_cli.engines.huffman import huffman_paths
from w2v_cli.engines.parameters import Parameters
from w2v_cli.engines.sampling import Sample
from w2v_cli.errors import TrainingError
from w2v_cli.training import memory, schedule, workers
from w2v_cli.training.state import Progress, RunState
from w2v_cli.training.trainer import Trainer

ENGINES = ["reference", pytest.param("compiled", marks=pytest.mark.skipif(not COMPILES, reason="no numba here"))]
LOSSES = ["ns", "hs", "softmax"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EncodedCorpus]:
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(60)])
    weights = 1 / np.arange(1, 61)
    lines = [" ".join(rng.choice(words, rng.integers(1, 30), p=weights / weights.sum())) for _ in range(120)]
    (folder / "corpus.txt").write_text("\n".join(lines))
    with encode(Texts([str(folder / "corpus.txt")]), 1, None, 1, folder) as encoded:
        yield encoded


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "BLOCK_TOKENS", 500)


def config(**options: Any) -> TrainConfig:
    return TrainConfig(**{"dim": 8, "epochs": 2, "threads": 1, "subsample": 0.0, **options})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_one_thread_and_one_seed_make_the_same_bytes(corpus: EncodedCorpus, engine: str, model: str, loss: str) -> None:
    runs = [Trainer(config(engine=engine, model=model, loss=loss, seed=seed), corpus).train() for seed in (3, 3, 4)]
    tables = [run.parameters.tensors() for run in runs]
    for name in tables[0]:
        assert tables[0][name].tobytes() == tables[1][name].tobytes()
        assert tables[0][name].tobytes() != tables[2][name].tobytes()
    assert runs[0].losses == runs[1].losses


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_every_token_is_seen_in_every_epoch_at_its_own_learning_rate(
    corpus: EncodedCorpus, threads: int, model: str, loss: str
) -> None:
    engine = "compiled" if COMPILES else "reference"
    ends = {"alpha": 0.04, "min_alpha": 0.04e-4}
    run = Trainer(config(engine=engine, model=model, loss=loss, threads=threads, epochs=3, **ends), corpus)
    seen: collections.Counter[tuple[int, int]] = collections.Counter()
    alphas: list[float] = []
    lock = threading.Lock()

    def step(sample: Any, rates: np.ndarray, *tables: np.ndarray) -> tuple[float, int]:
        with lock:
            seen.update(zip(sample.kept_ids.tolist(), [0] * len(sample.kept_ids), strict=True))
            alphas.extend(rates)
        return 0.0, 1

    call_for_each_block(run, step)
    run.train()
    # Nothing is subsampled here, so in three epochs each word is trained three times as often as it occurs.
    counts = corpus.vocabulary.counts
    assert {word: count for (word, _), count in seen.items()} == {
        i: 3 * count for i, count in enumerate(counts.tolist())
    }
    total = 3 * corpus.token_count
    expected = 0.04 - (0.04 - 0.04e-4) * np.arange(total) / total
    assert np.sort(alphas)[::-1] == pytest.approx(expected, rel=1e-12)


def test_the_default_of_subsampling_follows_the_text_and_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2v_cli.config.SUBSAMPLED_COUNT", 10)
    draws = np.random.default_rng(1).zipf(1.5, 22_000) % 50
    lines = [[f"word{number}" for number in line] for line in draws.reshape(-1, 20).tolist()]
    held, options = lines[1000:], dict[str, Any](dim=4, epochs=1, min_count=1, threads=1)
    first = w2v.train(lines[:1000], **options)
    # The text decides, not the words of the model that a run goes on from.
    for init in (None, first):
        found, same, other = (
            w2v.train(lines[:1000], validate=held, init=init, subsample=given, **options)
            for given in (None, 5e-4, 1e-3)
        )
        assert found.training_options()[0].subsample == 5e-4
        assert (found.vectors == same.vectors).all() and not (found.vectors == other.vectors).all()
        assert found.validation_losses == same.validation_losses != other.validation_losses
        assert found.loss(held) == pytest.approx(found.validation_losses[-1], abs=1e-6)


def test_the_schedule_ends_at_the_smallest_rate(corpus: EncodedCorpus) -> None:
    run = Trainer(config(alpha=0.5, min_alpha=0.1), corpus)
    assert run.schedule.rate.at(0.0) == 0.5
    assert run.schedule.rate.at(run.schedule.total_tokens / 2) == pytest.approx(0.3)
    assert run.schedule.rate.at(run.schedule.total_tokens) == pytest.approx(0.1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_the_loss_falls_and_starts_at_that_of_knowing_nothing(corpus: EncodedCorpus, model: str, loss: str) -> None:
    still = Trainer(config(model=model, loss=loss, alpha=1e-9, epochs=1), corpus).train()
    # All scores are 0 at first. The loss is log 2 for each of 1 + K words or for each node of a path, or else log V.
    counts = corpus.vocabulary.counts
    nodes = float(counts @ np.diff(huffman_paths(counts).starts) / counts.sum())
    nothing = {"ns": 6 * np.log(2), "hs": nodes * np.log(2), "softmax": np.log(60)}[loss]
    # A noise word that equals the target is dropped. With so few words, that happens to a few in a hundred. In hs the
    # mean is over the words in a sample of windows that have a neighbour.
    assert (
        nothing * (0.9999 if loss == "softmax" else 0.9)
        < still.losses[0]
        <= nothing * (1.05 if loss == "hs" else 1.0001)
    )
    moved = Trainer(config(model=model, loss=loss, epochs=4), corpus).train()
    assert moved.losses[0] > moved.losses[-1]
    assert moved.losses[-1] < still.losses[0]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_compiling_and_estimating_leave_the_run_alone(
    corpus: EncodedCorpus, engine: str, model: str, loss: str
) -> None:
    plain, tried = (Trainer(config(engine=engine, model=model, loss=loss), corpus) for _ in range(2))
    assert tried.compile() >= 0 and tried.estimate_seconds() > 0
    expected, found = (run.train().parameters.tensors() for run in (plain, tried))
    assert expected.keys() == found.keys() and len(found) == 2
    for name, table in expected.items():
        assert table.tobytes() == found[name].tobytes()


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_a_trial_of_the_softmax_has_the_batches_of_the_middle_of_the_run(
    corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    # 0.8 / alpha is two centers in the middle of the run. The most frequent word alone would allow about five.
    run, seen = Trainer(config(model=model, loss="softmax", alpha=0.7, epochs=1), corpus), list[int]()
    grouped = softmax.grouped_softmax_loss

    def counted(hidden: np.ndarray, *others: Any) -> Any:
        seen.append(len(hidden))
        return grouped(hidden, *others)

    monkeypatch.setattr(softmax, "grouped_softmax_loss", counted)
    run.estimate_seconds()
    assert 2 in seen and max(seen) <= 2
    before = [table.copy() for table in run.parameters.tensors().values()]
    run.estimate_seconds()
    for table, old in zip(run.parameters.tensors().values(), before, strict=True):
        assert np.array_equal(table, old)


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

    call_for_each_block(run, step)
    with pytest.raises(Stop, match="in a worker"):
        run.train()


@pytest.mark.skipif(not COMPILES, reason="no numba here")
def test_when_a_thread_cannot_start_the_others_stop(corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    run, started = Trainer(config(epochs=10_000, threads=3), corpus), list[threading.Thread]()
    start = threading.Thread.start

    def start_two(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        run.train()
    for thread in started:
        thread.join(10)
    assert len(started) == 2 and not any(thread.is_alive() for thread in started)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.filterwarnings("error")
def test_the_smallest_learning_rate_is_one(corpus: EncodedCorpus, loss: str) -> None:
    run = Trainer(config(alpha=1e-310, loss=loss, epochs=1), corpus)
    assert run.estimate_seconds() > 0 and run.train().finished


@pytest.mark.filterwarnings("error")
def test_infinities_of_both_signs_are_found_without_a_warning() -> None:
    table = np.zeros((2, 16), np.float32)
    assert Parameters(table, table, 16).finite()
    assert not Parameters(table, np.full((2, 16), [[np.inf], [-np.inf]], np.float32), 16).finite()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_a_run_that_diverges_says_so_and_no_more(corpus: EncodedCorpus, engine: str, loss: str) -> None:
    with pytest.raises(TrainingError, match=r"diverged in epoch 1, block \d of \d, at alpha 1e\+30") as caught:
        Trainer(config(alpha=1e30, engine=engine, loss=loss), corpus).train()
    assert "lower --alpha" in str(caught.value.hint)


def test_a_run_that_diverges_leaves_the_last_good_checkpoint(corpus: EncodedCorpus) -> None:
    # With 10,000 epochs, the worker cannot finish before this thread has seen it begin.
    run = Trainer(config(epochs=10_000), corpus)
    saved = list[RunState]()

    def poisoned(sample: Any, alphas: np.ndarray, *tables: np.ndarray) -> tuple[float, int]:
        if saved:
            tables[0][int(sample.kept_ids[0])] = np.nan
        return 0.0, 1

    call_for_each_block(run, poisoned)
    with pytest.raises(TrainingError, match="diverged"):
        run.train(None, None, saved.append, 1e-9)
    assert len(saved) == 1


def test_what_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(TrainingError, match=r"60 words × 8 dimensions take 8 KiB") as caught:
        Trainer(config(), corpus)
    assert "--max-vocab" in str(caught.value.hint)
    with pytest.raises(
        TrainingError, match=r"1,060 rows of words and their parts × 8 dimensions take 70 KiB"
    ) as caught:
        Trainer(config(subwords="fasttext", buckets=1000), corpus)
    assert "--buckets" in str(caught.value.hint)
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    memory.require_memory(memory.Tables("everything", 1 << 60))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("text", ["alone", "a a a a", "one\nword\na\nline"])
def test_a_corpus_with_nothing_to_predict_is_refused(tmp_path: Path, text: str, loss: str, engine: str) -> None:
    (tmp_path / "words.txt").write_text(text)
    with (
        encode(Texts([str(tmp_path / "words.txt")]), 1, None, 1, tmp_path) as words,
        pytest.raises(TrainingError, match="nothing to predict"),
    ):
        Trainer(config(loss=loss, engine=engine), words).train()


@pytest.mark.parametrize("engine", ENGINES)
def test_one_window_with_a_context_is_something_to_predict(tmp_path: Path, engine: str) -> None:
    (tmp_path / "words.txt").write_text("x\na b\n")
    with encode(Texts([str(tmp_path / "words.txt")]), 1, None, 1, tmp_path) as words:
        assert Trainer(config(engine=engine), words).train().finished


def test_the_learning_rate_is_right_after_two_thousand_million_tokens(corpus: EncodedCorpus) -> None:
    epochs = 2**31 // corpus.token_count + 2
    run = Trainer(config(epochs=epochs), corpus)
    seen: list[np.ndarray] = []

    def step(sample: Sample, alphas: np.ndarray, *tables: np.ndarray) -> tuple[float, int]:
        seen.append(alphas)
        return 0.0, 1

    call_for_each_block(run, step)
    tally = run._tally(RunState((epochs - 1) * run.schedule.blocks, np.zeros(epochs)))
    while run._train_next(tally):
        pass
    assert seen[0][0] == pytest.approx(run.schedule.rate.at(float((epochs - 1) * corpus.token_count)), rel=1e-12)


@pytest.mark.parametrize("blocks", [1, 2, 3, 13, 101, 1000])
def test_an_epoch_trains_each_block_once_the_last_one_last_and_never_near_the_one_before(
    corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    run = Trainer(config(), corpus)
    monkeypatch.setattr(run.schedule, "blocks", blocks)
    orders = [[run.schedule.block_at(epoch, turn) for turn in range(blocks)] for epoch in range(3)]
    for order in orders:
        assert sorted(order) == list(range(blocks))
        assert order[-1] == blocks - 1
        assert np.abs(np.diff(order[:-1])).min(initial=blocks) >= blocks // 3
    assert blocks < 13 or orders[0] != orders[1] != orders[2]


def test_a_ctrl_c_does_not_wait_for_a_long_block(monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus) -> None:
    monkeypatch.setattr(workers, "QUIT_SECONDS", 0.01)
    run, released = Trainer(config(), corpus), threading.Event()

    def step(*arguments: Any) -> Any:
        released.wait()
        return 0.0, 1

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    call_for_each_block(run, step)
    # Without QUIT_SECONDS the run would never end.
    with pytest.raises(KeyboardInterrupt):
        run.train(stop)
    released.set()


def test_a_run_that_is_stopped_trains_no_more(corpus: EncodedCorpus) -> None:
    run = Trainer(config(epochs=10_000, threads=2), corpus)

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.train(stop)
    before = run.parameters.input_vectors.copy()
    threading.Event().wait(0.05)
    assert np.array_equal(before, run.parameters.input_vectors)


@pytest.mark.skipif(not COMPILES, reason="no numba here")
@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_threads_learn_as_much_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    monkeypatch.undo()  # blocks of the usual length
    with encode(Texts([str(ROOT / "data" / "toyland.txt")]), 5, None, 1, tmp_path) as toyland:
        choices = TrainConfig(model="cbow", loss=loss, epochs=10)
        one, eight = (Trainer(replace(choices, threads=threads), toyland).train().losses for threads in (1, 8))
    # In hs the threads average their copies of the nodes near the root, which costs 1.7 % after these ten epochs.
    # Averaging 512 nodes in each of eight threads, instead of 64, would cost 8.6 %.
    assert eight[-1] == pytest.approx(one[-1], rel=0.03)


def test_a_stretch_ends_before_the_loss_is_measured_and_leaves_work_for_others(
    corpus: EncodedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "BLOCK_TOKENS", 50)
    run = Trainer(config(epochs=2, threads=2), corpus)
    total, first, lengths = 2 * run.schedule.blocks, 0, list[int]()
    run._block_seconds = 1e-9
    while first < total:
        end = run._end_of_stretch(first)
        assert not any(run.schedule.measures_at(index) for index in range(first + 1, end))
        lengths.append(end - first)
        first = end
    assert first == total and run._end_of_stretch(total) == total
    # Two workers share what is left at any time.
    assert max(lengths[1:]) <= total // 4
    # When the loss is measured, the other worker has an eighth of an epoch to train at most.
    ends = np.cumsum(lengths)
    measured = [i for i, end in enumerate(ends) if end == total or run.schedule.measures_at(int(end))]
    assert len(measured) >= 2 and max(lengths[i] for i in measured) <= max(1, run.schedule.blocks // 8)
    assert max(lengths) > 1
    run._block_seconds = 1.0
    assert run._end_of_stretch(0) == 1


def test_blocks_are_found_one_by_one_as_together(corpus: EncodedCorpus) -> None:
    order = Trainer(config(seed=3), corpus).schedule
    turns = range(order.blocks)
    assert order.blocks_at(1, np.array(turns)).tolist() == [order.block_at(1, turn) for turn in turns]
