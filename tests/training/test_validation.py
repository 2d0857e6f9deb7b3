"""The held-out loss is what its definition says, a run stops early at the right epoch, and keeps the best one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call, everything
from test_checkpoint import Brake

import w2v_cli as w2v
from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.held_out import HeldOut
from w2v_cli.corpus.texts import Texts
from w2v_cli.engines import sampling
from w2v_cli.engines.huffman import huffman_paths
from w2v_cli.engines.sampling import sampler_of
from w2v_cli.errors import ConfigError, CorpusError, ModelFileError, StoppedError, TrainingError
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import vocabulary_rows
from w2v_cli.training import held_out_loss, saving, schedule, validation, workers
from w2v_cli.training.checkpoint import BEST, NAMES, Checkpoints
from w2v_cli.training.held_out_loss import HeldOutLoss, HeldOutSample
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import resume_training, train_model
from w2v_cli.training.run_log import read_run_log
from w2v_cli.training.state import LossPoint, Trained
from w2v_cli.training.trainer import Trainer
from w2v_cli.training.validation import best_epoch, stops_early

KINDS = [(model, loss) for model in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")]
ENGINES = ["reference", pytest.param("compiled", marks=pytest.mark.skipif(not COMPILES, reason="no numba here"))]
TOYLAND = str(ROOT / "data" / "toyland.txt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a text to train on, text.txt, a part of it, short.txt, and another text, held.txt."""
    path = tmp_path_factory.mktemp("texts")
    lines = Path(TOYLAND).read_text().splitlines()
    (path / "text.txt").write_text("\n".join(lines[:1800]) + "\n")
    (path / "short.txt").write_text("\n".join(lines[:300]) + "\n")
    (path / "held.txt").write_text("\n".join(lines[1800:1900]) + "\nunseen words alone\n")
    return path


def ids_of(lines: list[str], words: list[str]) -> HeldOut:
    """Return a text as ids, by way of Python's own split."""
    numbers = {word: number for number, word in enumerate(words)}
    known = [[numbers[word] for word in line.split() if word in numbers] for line in lines]
    lengths = np.cumsum([len(line) for line in known])
    boundaries = np.unique(lengths[(lengths > 0) & (lengths < lengths[-1])])
    return HeldOut(np.array([word for line in known for word in line], np.int32), boundaries, int(lengths[-1]), 0)


def huffman(counts: np.ndarray) -> list[tuple[list[int], list[int]]]:
    """Return the nodes and the labels on the path of each word; the shape of the tree is tested elsewhere."""
    paths = huffman_paths(counts)
    return [tuple(part.tolist() for part in paths.of(word_id)) for word_id in range(len(counts))]


def by_hand(model: w2v.Model, sample: HeldOutSample) -> float:
    """Return the mean loss of all predictions, in float64, from the equations of help/mathematics.md."""
    config, _ = model.training_options()
    inputs = model.table("input_vectors").astype(np.float64)
    outputs = model.table("node_vectors" if config.loss == "hs" else "output_vectors").astype(np.float64)
    assert model.counts is not None
    paths = huffman(model.counts) if config.loss == "hs" else []

    def loss(hidden: np.ndarray, target: int, noise: list[int]) -> float:
        if config.loss == "softmax":
            scores = outputs @ hidden
            return float(np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[target])
        if config.loss == "hs":
            nodes, labels = paths[target]
            return float(np.log1p(np.exp(-(2 * np.array(labels) - 1) * (outputs[nodes] @ hidden))).sum())
        away = [word for word in noise if word != target]
        return float(np.log1p(np.exp(-outputs[target] @ hidden)) + np.log1p(np.exp(outputs[away] @ hidden)).sum())

    losses: list[float] = []
    for windows in sample.samples():
        ids = windows.kept_ids.tolist()
        # Word by word, in a circle that begins with the first word.
        order = sorted(range(len(ids)), key=lambda pos: (ids[pos] - ids[0]) % len(model))
        for pos, center in enumerate(ids):
            first, last = int(windows.window_starts[pos]), int(windows.window_stops[pos])
            context = ids[first:pos] + ids[pos + 1 : last]
            noise = windows.negative_ids[pos // windows.step_windows].tolist()
            if config.model == "cbow" and context:
                losses.append(loss(inputs[context].mean(axis=0), center, noise))
            elif config.loss == "softmax" or config.subwords is not None:
                # Each context word meets noise words of its own: those of the windows that are trained next.
                numbers = [(order.index(pos) + k) % len(ids) for k in range(len(context))]
                noises = windows.negative_ids[numbers].tolist()
                losses += [loss(inputs[center], *pair) for pair in zip(context, noises, strict=True)]
            else:
                losses += [loss(inputs[word], center, noise) for word in context]
    return float(np.mean(losses))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("model", "loss"), KINDS)
def test_the_held_out_loss_is_that_of_the_definition(
    folder: Path, model: str, loss: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A text so short is otherwise not thinned out.
    monkeypatch.setattr(sampling, "LEAST_SUBSAMPLED", 100)
    options: dict[str, Any] = {"model": model, "loss": loss, "engine": engine, "dim": 12, "epochs": 1, "threads": 2}
    options |= {"min_count": 2, "subsample": 0.01}
    text = (folder / "text.txt").read_text().splitlines()[-90:]
    trained = w2v.train([line.split() for line in text], validate=folder / "held.txt", **options)
    held = ids_of((folder / "held.txt").read_text().splitlines(), list(trained.words))
    config, _ = trained.training_options()
    assert trained.counts is not None
    sample = HeldOutSample(held, sampler_of(config, trained.counts))
    assert 0 < sum(len(windows.kept_ids) for windows in sample.samples()) < len(held.ids)
    expected = by_hand(trained, sample)
    assert trained.validation_losses[-1] == pytest.approx(expected, abs=1e-6)
    assert trained.loss(folder / "held.txt") == pytest.approx(expected, abs=1e-6)
    assert len(trained.validation_losses) == 1


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_the_held_out_loss_of_parts_of_words_is_that_of_their_means(folder: Path, kind: str) -> None:
    trained = w2v.train(
        folder / "text.txt", validate=folder / "held.txt", subwords=kind, buckets=500, dim=8, epochs=1, threads=1
    )
    held = ids_of((folder / "held.txt").read_text().splitlines(), list(trained.words))
    config, _ = trained.training_options()
    rows = vocabulary_rows(Subwords(kind, 3, 6, 500), Words.of(list(trained.words)))
    assert len(rows.offsets) == len(trained) + 1 and trained.counts is not None
    # The input vectors of the file are those means.
    sample = HeldOutSample(held, sampler_of(config, trained.counts))
    assert trained.validation_losses[-1] == pytest.approx(by_hand(trained, sample), abs=1e-6)
    assert trained.loss(folder / "held.txt") == trained.validation_losses[-1]


def test_seed_and_threads_do_not_change_what_is_measured(folder: Path) -> None:
    lines = (folder / "held.txt").read_text().splitlines()
    counts = np.arange(100, 0, -1) * 200
    held = ids_of(lines, [f"w{i}" for i in range(99)] + ["the"])
    samples = [
        HeldOutSample(held, sampler_of(TrainConfig(seed=seed, threads=seed, epochs=seed), counts)) for seed in (1, 5)
    ]
    for one, other in zip(samples[0].samples(), samples[1].samples(), strict=True):
        for name, array in one.__dict__.items():
            assert np.array_equal(array, other.__dict__[name]), name
    # No run trains these windows, and the sample of the training loss has others.
    assert held_out_loss.EPOCH == -2


def test_a_text_that_is_thinned_out_to_nothing_is_kept_whole() -> None:
    counts = np.array([10**9, 10**9])
    sampler = sampler_of(TrainConfig(subsample=1e-12), counts)
    sample = HeldOutSample(HeldOut(np.array([0, 1], np.int32), np.zeros(0, np.int64), 2, 0), sampler)
    assert sample.predicts and sum(len(windows.kept_ids) for windows in sample.samples()) == 2


def test_the_standard_error_is_that_of_blocks() -> None:
    ids = np.tile(np.arange(10, dtype=np.int32), 3000)
    held = HeldOut(ids, np.arange(10, 30_000, 10), 30_000, 0)
    sample = HeldOutSample(held, sampler_of(TrainConfig(), np.arange(10, 0, -1)))
    given = iter([(10.0, 10), (20.0, 10), (30.0, 10)])
    found = sample.measure(lambda *_: next(given), np.zeros((1, 1)), np.zeros((1, 1)))
    # The error of the mean of three equal groups is their standard deviation ÷ √3.
    assert found == HeldOutLoss(2.0, pytest.approx(np.std([1, 2, 3], ddof=1) / np.sqrt(3)), 30)  # type: ignore[arg-type]


def test_the_best_epoch_is_the_first_of_equals_and_patience_counts_from_it() -> None:
    losses = np.array([3.0, 2.0, 2.0, 2.5, np.nan, np.nan])
    assert best_epoch(losses) == 2 and best_epoch(np.full(3, np.nan)) is None
    assert [stops_early(losses, patience) for patience in (1, 2, 3, None)] == [True, True, False, False]
    assert not stops_early(np.full(3, np.nan), 1)


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Iterator[EncodedCorpus]:
    with encode(Texts([str(folder / "held.txt")]), 1, None, 1, folder, hold_out=0.2) as encoded:
        yield encoded


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "BLOCK_TOKENS", 150)
    monkeypatch.setattr(workers, "POLL_SECONDS", 0.001)


# At this learning rate the held-out loss is least in the middle of the run.
CHOICES = TrainConfig(dim=6, epochs=30, alpha=0.15, min_count=1, threads=1, validate="0.2", stop_early=2)


def epochs_of(corpus: EncodedCorpus, choices: TrainConfig) -> tuple[list[float], list[dict[str, bytes]]]:
    """Return the held-out loss and the tables at the end of each epoch of a run that does not stop early."""
    trainer = Trainer(TrainConfig(**{**choices.as_dict(), "stop_early": None}), corpus)
    losses, tables = list[float](), list[dict[str, bytes]]()

    def note(point: LossPoint) -> None:
        if point.validation_loss is not None:
            losses.append(point.validation_loss)
            tables.append(bytes_of(trainer))

    trained = trainer.train(on_loss=note)
    assert trained.best_epoch is None and trained.validation_losses == losses
    return losses, tables


def bytes_of(trainer: Trainer) -> dict[str, bytes]:
    return {name: table.tobytes() for name, table in trainer.parameters.tensors().items()}


def test_a_run_stops_early_with_the_bytes_of_the_best_epoch(corpus: EncodedCorpus, small_blocks: None) -> None:
    losses, tables = epochs_of(corpus, CHOICES)
    best = next(epoch for epoch in range(30) if losses[epoch] == min(losses[: epoch + 3]))
    assert 0 < best < 27
    trainer = Trainer(CHOICES, corpus)
    trained = trainer.train()
    assert trained.validation_losses == losses[: best + 3] and trained.finished
    assert trained.best_epoch == best + 1 and bytes_of(trainer) == tables[best]
    assert len(trained.losses) == best + 3


def train_some(corpus: EncodedCorpus, folder: Path, blocks: int) -> tuple[Trainer, Trained]:
    """Resume the run of the folder, as a new process would, and stop after about `blocks` blocks."""
    trainer, checkpoints = Trainer(CHOICES, corpus), Checkpoints(folder, corpus)
    assert trainer.validation is not None
    trainer.validation.best = checkpoints
    start = checkpoints.load(trainer.parameters)
    if start is not None and start.validation_losses is not None:
        checkpoints.require_best(trainer.parameters, start.validation_losses)
    brake = Brake(blocks, trainer)
    return trainer, trainer.train(None, start, partial(checkpoints.save, trainer.parameters), 1e-3, brake.stop)


def test_a_run_in_parts_keeps_the_same_best_epoch(corpus: EncodedCorpus, tmp_path: Path, small_blocks: None) -> None:
    whole = Trainer(CHOICES, corpus)
    expected, parts = whole.train(), 0
    while parts < 1000:
        trainer, part = train_some(corpus, tmp_path, 3)
        parts += 1
        if part.finished:
            break
        # A process that is killed leaves the older checkpoint, and perhaps the best epoch, which may be newer.
        if parts % 3 == 0:
            newest = max((tmp_path / name for name in NAMES if (tmp_path / name).exists()), key=os.path.getmtime)
            newest.write_bytes(newest.read_bytes()[:-5])
    assert parts > 3 and bytes_of(trainer) == bytes_of(whole)
    assert (part.best_epoch, part.validation_losses) == (expected.best_epoch, expected.validation_losses)
    assert part.losses == expected.losses


def test_a_run_whose_best_epoch_is_lost_is_refused(corpus: EncodedCorpus, tmp_path: Path, small_blocks: None) -> None:
    train_some(corpus, tmp_path, 10_000)
    (tmp_path / BEST).unlink()
    with pytest.raises(TrainingError, match=r"the vectors of epoch \d+, the best, are lost"):
        train_some(corpus, tmp_path, 10_000)


def test_the_best_epoch_takes_memory_unless_there_is_a_checkpoint(corpus: EncodedCorpus, tmp_path: Path) -> None:
    without = Trainer(TrainConfig(**{**CHOICES.as_dict(), "stop_early": None}), corpus)
    trainer = Trainer(CHOICES, corpus)
    assert trainer.validation is not None and trainer.validation.best is not None
    assert trainer.validation.best.nbytes == trainer.parameters.nbytes > 0
    assert without.validation is not None and without.validation.best is None
    trainer.validation.best = Checkpoints(tmp_path, corpus)
    assert trainer.validation.best.nbytes == 0


def test_a_finished_run_is_resumed_to_the_same_file_and_may_get_more_patience(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = [str(folder / "held.txt")]
    run = train_model(text, CHOICES, output="model.safetensors", checkpoint="run")
    model = Path("model.safetensors").read_bytes()
    assert run.trained.best_epoch is not None and len(run.trained.validation_losses) == run.trained.best_epoch + 2
    again = resume_training("run", {"output": str(tmp_path / "again.safetensors")})
    assert Path("again.safetensors").read_bytes() == model and again.trained.best_epoch == run.trained.best_epoch
    # The best epoch is that of a checkpoint folder, and of memory without one.
    train_model(text, CHOICES, output="other.safetensors")
    assert Path("other.safetensors").read_bytes() == model
    more = resume_training("run", {"output": "more.safetensors", "stop_early": 4})
    assert len(more.trained.validation_losses) > len(run.trained.validation_losses)
    assert more.trained.validation_losses[: run.trained.best_epoch + 2] == run.trained.validation_losses
    with pytest.raises(ConfigError, match=r"--validate 0\.3 is not what the run was begun with"):
        resume_training("run", {"output": "more.safetensors", "validate": "0.3"})
    found = w2v.load("model.safetensors")
    assert min(found.validation_losses) == found.validation_losses[run.trained.best_epoch - 1]


def test_a_stopped_run_without_checkpoints_leaves_the_best_epoch(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    class Impatient(Observer):
        seen = 0

        def measured(self, point: LossPoint) -> None:
            self.seen += point.validation_loss is not None

        def stop(self) -> bool:
            return self.seen > 0

    with pytest.raises(StoppedError, match=r"the best epoch so far, \d+, is in m\.partial\.safetensors"):
        train_model([str(folder / "held.txt")], CHOICES, output="m.safetensors", observer=Impatient())
    found = w2v.load("m.partial.safetensors")
    assert int(found.metadata["best_epoch"]) == 1 + int(np.argmin(found.validation_losses))


def test_the_command_line_tells_the_same_numbers_everywhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    held = str(folder / "held.txt")
    options = ("--loss", "softmax", "--dim", "8", "--epochs", "2", "--min-count", "2", "--threads", "1")
    command = ("train", str(folder / "short.txt"), *options, "--validate", held, "--log", "run.jsonl", "--json")
    code, out, err = call(capsys, *command)
    told = json.loads(out)
    losses = told["validation_loss"]
    assert code == 0 and len(losses) == 2 and f"Held-out loss by epoch: {losses[0]:.4f}, {losses[1]:.4f}" in err
    assert told["validation_perplexity"] == pytest.approx(np.exp(losses)) and "Held-out perplexity by epoch" in err
    assert told["validation_unknown"] > 0 and f"{told['validation_unknown']:,} of other words are left out" in err
    assert told["seconds"]["validate"] > 0 and "best_epoch" not in told
    assert [epoch["validation_loss"] for epoch in read_run_log("run.jsonl").epochs] == losses
    code, out, _ = call(capsys, "loss", held, "--json")
    found = json.loads(out)
    assert code == 0 and found["loss"] == pytest.approx(losses[1], abs=1e-9)
    assert found["perplexity"] == pytest.approx(np.exp(losses[1]))
    assert (found["tokens"], found["unknown"]) == (told["validation_tokens"], told["validation_unknown"])
    assert f"loss\t{losses[1]:.6f}\n" in call(capsys, "loss", held)[1]
    # One block says nothing about how much blocks differ.
    short = tmp_path / "short.txt"
    short.write_text(Path(held).read_text()[:40])
    out = call(capsys, "loss", str(short))[1]
    assert out.startswith("loss\t") and "standard_error" not in out
    assert json.loads(call(capsys, "info", "--json")[1])["validation_loss"] == losses
    assert "held out" in call(capsys, "log", "run.jsonl")[1].splitlines()[0]
    assert "validation_loss" in call(capsys, "log", "--csv", "run.jsonl")[1].splitlines()[0]


def test_the_text_is_read_as_that_of_the_model(folder: Path, tmp_path: Path) -> None:
    shouted = tmp_path / "shouted.txt"
    shouted.write_text((folder / "held.txt").read_text().upper().replace(" ", " , "))
    options: dict[str, Any] = {"dim": 4, "epochs": 1, "threads": 1, "lower": True, "tokenize": "words"}
    model = w2v.train(folder / "text.txt", validate=shouted, **options)
    assert model.loss(shouted) == model.validation_losses[0] == model.loss(folder / "held.txt")
    with pytest.raises(CorpusError, match="there is nothing to predict"):
        model.loss(shouted, lower=False)


def test_python_holds_out_shares_paths_and_sentences(folder: Path) -> None:
    options: dict[str, Any] = {"dim": 4, "epochs": 1, "threads": 1, "min_count": 1}
    text = [line.split() for line in (folder / "held.txt").read_text().splitlines()]
    share = w2v.train(text, validate=0.1, **options)
    assert share.validation_losses == w2v.train(text, validate="10%", **options).validation_losses
    assert json.loads(share.metadata["config"])["validate"] == "0.1"
    sentences = w2v.train(folder / "text.txt", validate=text, **options)
    path = w2v.train(folder / "text.txt", validate=folder / "held.txt", **options)
    assert sentences.validation_losses == path.validation_losses == [path.loss(text)]
    assert json.loads(sentences.metadata["config"])["validate"] == "unnamed"
    with pytest.raises(ConfigError, match="validate names 2 files"):
        w2v.train(folder / "text.txt", validate=[folder / "text.txt", folder / "held.txt"], **options)


def test_without_epochs_the_held_out_loss_is_that_of_the_beginning(folder: Path) -> None:
    old = w2v.train(folder / "short.txt", dim=8, epochs=1, threads=1)
    options: dict[str, Any] = {"init": old, "epochs": 0, "threads": 1, "validate": folder / "held.txt"}
    for patience in (None, 2):
        new = w2v.train(folder / "short.txt", **options, stop_early=patience)
        assert new.validation_losses == [new.loss(folder / "held.txt")]


def test_without_held_out_text_nothing_speaks_of_it(finished_run: Path) -> None:
    with ModelFile("model") as file:
        assert not any("validat" in name for name in (*file.metadata, *file.tables))
        assert "validate" not in file.metadata["config"] and "stop_early" not in file.metadata["config"]
    assert not (finished_run / "run" / BEST).exists()


@pytest.mark.parametrize(
    ("options", "says", "hint"),
    [
        (["--stop-early", "2"], "--stop-early has no effect without --validate", "--validate 5%"),
        (["--validate", "0"], "--validate 0 is not a share of the corpus", "a file of that name is ./0"),
        (["--validate", "1"], "must be above 0 and below 1", "--validate 1% is a share"),
        (["--validate", "120%"], "--validate 120% is not a share", "such as 5% or 0.05"),
        (["--validate", "5%", "--stop-early", "0"], "--stop-early 0 is too small", "at least 1"),
        (["--validate", "nowhere.txt"], "nowhere.txt", ""),
        (["--validate", "foreign.txt"], "nothing to predict in the held-out text (--validate foreign.txt)", "--lower"),
        (["--validate", "5%", "--cluster", "ray"], "a cluster cannot hold text out", "w2v loss"),
    ],
)
def test_what_cannot_be_held_out_is_refused_before_training(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    says: str,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("foreign.txt").write_text("ein anderer Text\n")
    before = everything(tmp_path)
    code, _, err = call(capsys, "train", str(folder / "text.txt"), *options)
    assert code != 0 and says in err and hint in err
    assert everything(tmp_path) == before


def test_a_text_that_is_trained_on_too_gets_a_remark(folder: Path, tmp_path: Path) -> None:
    class Listener(Observer):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def remark(self, message: str) -> None:
            self.heard.append(message)

    (tmp_path / "copy.txt").write_bytes((folder / "held.txt").read_bytes())
    (tmp_path / "link.txt").symlink_to(folder / "held.txt")
    config, listener = TrainConfig(dim=2, epochs=1, threads=1, min_count=1), Listener()
    for corpus, name in (["held.txt"], "copy.txt"), (["text.txt", "held.txt"], "link.txt"), (["text.txt"], "copy.txt"):
        choices = TrainConfig(**{**config.as_dict(), "validate": str(tmp_path / name)})
        train_model([str(folder / text) for text in corpus], choices, observer=listener)
    about = [message for message in listener.heard if "is trained on too" in message]
    assert len(about) == 2 and "copy.txt" in about[0] and "link.txt" in about[1]


def test_the_time_of_measuring_is_no_training_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(validation, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def slow(*arguments: Any) -> HeldOutLoss:
        now[0] += 1000
        return HeldOutLoss(1.0, 0.0, 1)

    monkeypatch.setattr(HeldOutSample, "measure", slow)
    config = TrainConfig(dim=2, epochs=2, threads=1, min_count=1, validate="0.2")
    trained = train_model([str(folder / "held.txt")], config).trained
    assert trained.validation_seconds == 2000 and trained.seconds < 1000


def test_a_model_without_its_tables_is_refused_with_what_to_do(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = w2v.train(folder / "text.txt", dim=4, epochs=1, threads=1)
    model.save(tmp_path / "vectors.txt")
    with pytest.raises(ModelFileError, match="does not say how it was trained"):
        w2v.load(tmp_path / "vectors.txt").loss(folder / "held.txt")
    code, _, err = call(capsys, "loss", "-m", str(tmp_path / "vectors.txt"), str(folder / "held.txt"))
    assert code != 0 and "w2v loss takes the .safetensors file of w2v train" in err
    with pytest.raises(ConfigError, match="unknown options: window"):
        model.loss(folder / "held.txt", window=3)


def test_losses_of_very_many_epochs_are_a_tensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "MOST_LOSSES", 5)
    config = TrainConfig(dim=1, epochs=6, threads=1, min_count=1, validate="0.3")
    (tmp_path / "text.txt").write_text("a b\n" * 20)
    run = train_model([str(tmp_path / "text.txt")], config, output=tmp_path / "m.safetensors")
    found = w2v.load(tmp_path / "m.safetensors")
    assert "validation_loss" not in found.metadata and len(found.validation_losses) == 6
    assert found.validation_losses == run.trained.validation_losses
    found.save(tmp_path / "again.safetensors")
    assert w2v.load(tmp_path / "again.safetensors").validation_losses == found.validation_losses
