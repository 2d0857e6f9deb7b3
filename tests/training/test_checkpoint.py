"""A run that was stopped or killed, or whose files were damaged, ends with the same bytes as an uninterrupted one."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call_for_each_block
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.resumable import keep_corpus, kept_corpus
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError, CorpusError, ModelFileError, StoppedError, TrainingError
from w2v_cli.storage.locks import exclusive, new_temporary
from w2v_cli.training import checkpoint, schedule, workers
from w2v_cli.training.checkpoint import NAMES, Checkpoints
from w2v_cli.training.run import Observer, Run, resume_training, train_model
from w2v_cli.training.state import Trained
from w2v_cli.training.trainer import Trainer

ENGINES = ["reference", pytest.param("compiled", marks=pytest.mark.skipif(not COMPILES, reason="no numba here"))]
KINDS = [(model, loss) for model in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{i}" for i in rng.zipf(1.5, 12) if i < 60) for _ in range(130)]
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def corpus(text: Path) -> Iterator[EncodedCorpus]:
    with encode(Texts([str(text)]), 1, None, 1, text.parent) as encoded:
        yield encoded


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "BLOCK_TOKENS", 300)
        patch.setattr(workers, "POLL_SECONDS", 0.001)
        yield


def config(**options: Any) -> TrainConfig:
    return TrainConfig(**{"dim": 5, "epochs": 2, "min_count": 1, "threads": 1, **options})


class Brake:
    """Ask a run to stop after `left` blocks, and hold the workers until the main thread has seen that."""

    def __init__(self, left: int, trainer: Trainer) -> None:
        self.left, self.most, self._blocks = left, trainer.blocks.most, trainer.blocks
        self._seen, self._lock = threading.Event(), threading.Lock()
        trainer.blocks = self

    def train(self, epoch: int, numbers: np.ndarray, spans: np.ndarray, trained: np.ndarray) -> tuple[int, bool]:
        with self._lock:
            self.left -= len(numbers)
            held = self.left < 0
        if held:
            self._seen.wait()
        return self._blocks.train(epoch, numbers, spans, trained)

    def stop(self) -> bool:
        if self.left <= 0:
            self._seen.set()
        return self.left <= 0


def train_some(corpus: EncodedCorpus, folder: Path, choices: TrainConfig, blocks: int) -> Trained:
    """Resume the run of the folder, as a new process would, and stop after about `blocks` blocks."""
    trainer, checkpoints = Trainer(choices, corpus), Checkpoints(folder, corpus)
    start = checkpoints.load(trainer.parameters)
    brake = Brake(blocks, trainer)
    # Checkpoints are written about as often as the main thread looks.
    return trainer.train(None, start, partial(checkpoints.save, trainer.parameters), 1e-4, brake.stop)


def contents(trained: Trained) -> dict[str, Any]:
    return {"losses": trained.losses, **{name: x.tobytes() for name, x in trained.parameters.tensors().items()}}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("model", "loss"), KINDS)
def test_a_run_in_parts_makes_the_same_bytes(
    corpus: EncodedCorpus, tmp_path: Path, engine: str, model: str, loss: str
) -> None:
    choices = config(engine=engine, model=model, loss=loss)
    parts = 1
    while not (part := train_some(corpus, tmp_path, choices, 1)).finished:
        parts += 1
    assert contents(part) == contents(Trainer(choices, corpus).train())
    assert parts > 1


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_run_in_parts_keeps_its_rates(corpus: EncodedCorpus, tmp_path: Path, loss: str) -> None:
    choices = config(loss=loss, radius="harmonic", input_exponent=0.2, output_exponent=0.3)
    while not (part := train_some(corpus, tmp_path, choices, 1)).finished:
        pass
    assert contents(part) == contents(Trainer(choices, corpus).train())
    plain = config(loss=loss, radius="harmonic")
    assert contents(part) != contents(Trainer(plain, corpus).train())


def test_with_threads_every_block_is_trained_in_every_epoch_however_often_the_run_stops(
    corpus: EncodedCorpus, tmp_path: Path
) -> None:
    seen: collections.Counter[float] = collections.Counter()
    lock, finished, parts = threading.Lock(), False, 0

    def step(sample: Any, alphas: np.ndarray, *tables: np.ndarray) -> tuple[float, int]:
        with lock:
            # Nothing is subsampled, and no two tokens have the same learning rate, which so identifies a token.
            seen.update(alphas.tolist())
        return 0.0, 1

    while not finished:
        trainer = Trainer(config(threads=3, epochs=4, subsample=0.0), corpus)
        call_for_each_block(trainer, step)
        checkpoints, brake = Checkpoints(tmp_path, corpus), Brake(3, trainer)
        start = checkpoints.load(trainer.parameters)
        finished = trainer.train(None, start, partial(checkpoints.save, trainer.parameters), 1.0, brake.stop).finished
        parts += 1
    assert len(seen) == 4 * corpus.token_count and set(seen.values()) == {1}
    assert parts > 1


@pytest.mark.skipif(not COMPILES, reason="no numba here")
@pytest.mark.parametrize(
    "options", [{}, {"model": "cbow", "loss": "hs", "subwords": "fasttext", "buckets": 50}], ids=["words", "parts"]
)
def test_a_run_in_parts_makes_the_same_bytes_of_float16(
    corpus: EncodedCorpus, tmp_path: Path, options: dict[str, Any]
) -> None:
    choices = config(engine="compiled", table="float16", **options)
    assert not train_some(corpus, tmp_path, choices, 1).finished
    rest = train_some(corpus, tmp_path, choices, 1000)
    assert rest.finished and contents(rest) == contents(Trainer(choices, corpus).train())
    assert {table.dtype for table in rest.parameters.tensors().values()} >= {np.dtype(np.float16)}


class KilledRuns(RuleBasedStateMachine):
    """Train a little, damage files, leave half a file: in whatever order, the result is the same."""

    corpus: EncodedCorpus
    folders: Iterator[Path]
    choices = config(engine="compiled" if COMPILES else "reference", epochs=3)
    expected: dict[str, Any]

    @initialize()
    def begin(self) -> None:
        self.folder = next(self.folders)
        self.trained: Trained | None = None
        # Checkpoints that were damaged since one was last written.
        self.torn = 0

    @rule(blocks=st.integers(1, 4))
    def train(self, blocks: int) -> None:
        self.trained = train_some(self.corpus, self.folder, self.choices, blocks)
        self.torn = 0

    @precondition(lambda self: self.torn == 0 and self.trained is not None)
    @rule(share=st.floats(0, 1), newest=st.booleans(), cut=st.booleans())
    def tear(self, share: float, newest: bool, cut: bool) -> None:
        # A precondition must not depend on the machine's load, and so not on the number of checkpoints written.
        self.torn += 1
        if not all((self.folder / name).exists() for name in NAMES):
            return
        paths = sorted((self.folder / name for name in NAMES), key=lambda path: path.stat().st_mtime_ns)
        path = paths[int(newest)]
        data = bytearray(path.read_bytes())
        index = int(share * (len(data) - 1))
        data[index] ^= 0x55
        path.write_bytes(data[:index] if cut else data)

    @rule(name=st.sampled_from(NAMES))
    def die_while_writing(self, name: str) -> None:
        descriptor, _ = new_temporary(self.folder / name)
        os.write(descriptor, b"half a checkpoint")
        os.close(descriptor)

    @invariant()
    def a_finished_run_has_the_expected_bytes(self) -> None:
        if self.trained is not None and self.trained.finished:
            assert contents(self.trained) == self.expected

    def teardown(self) -> None:
        trained = train_some(self.corpus, self.folder, self.choices, 1000)
        assert trained.finished and contents(trained) == self.expected
        assert sorted(path.name for path in self.folder.iterdir()) <= sorted(NAMES)


def test_killed_and_torn_runs_end_in_the_same_bytes(
    corpus: EncodedCorpus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    KilledRuns.corpus = corpus
    KilledRuns.folders = iter(lambda: tmp_path_factory.mktemp("run"), None)
    KilledRuns.expected = contents(Trainer(KilledRuns.choices, corpus).train())
    run_state_machine_as_test(KilledRuns, settings=settings(max_examples=15, stateful_step_count=8, deadline=None))


def test_a_run_without_a_whole_checkpoint_is_refused(corpus: EncodedCorpus, tmp_path: Path) -> None:
    train_some(corpus, tmp_path, config(), 1)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TrainingError, match=r"no checkpoint in .* is whole"):
        train_some(corpus, tmp_path, config(), 1)


@pytest.mark.parametrize("name", checkpoint.RULES)
@pytest.mark.parametrize("other", [None, "another"])
def test_a_checkpoint_of_other_blocks_or_steps_or_of_another_order_is_refused(
    corpus: EncodedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, other: str | None
) -> None:
    rules = {**checkpoint.RULES, name: other}
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "RULES", {fact: value for fact, value in rules.items() if value is not None})
        train_some(corpus, tmp_path, config(), 1)
    with pytest.raises(TrainingError, match="from a version with other blocks or steps, or another order"):
        train_some(corpus, tmp_path, config(), 1)


def test_kept_ids_come_back_unless_they_are_damaged(text: Path, corpus: EncodedCorpus, tmp_path: Path) -> None:
    with encode(Texts([str(text)]), 1, None, 1, tmp_path, named=True) as encoded:
        keep_corpus(encoded, tmp_path)
    kept = kept_corpus(tmp_path)
    assert kept is not None
    with kept:
        for mine, theirs in zip(kept.read(0, kept.token_count), corpus.read(0, corpus.token_count), strict=True):
            assert np.array_equal(mine, theirs)
        assert kept.vocabulary.words == corpus.vocabulary.words and kept.fingerprint == corpus.fingerprint
    with (tmp_path / "ids.int32").open("r+b") as file:
        file.write(b"\x01")
    assert kept_corpus(tmp_path) is None


class StopEarly(Observer):
    """Stop a run in its third block, no matter how fast or busy the machine is."""

    def ready(self, trainer: Trainer, estimated_seconds: float) -> None:
        self.brake = Brake(2, trainer)

    def stop(self) -> bool:
        return self.brake.stop()


@pytest.fixture
def stopped(text: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return a text, and the checkpoint folder of a run over it that was stopped early."""
    mine = tmp_path / "mine.txt"
    mine.write_bytes(text.read_bytes())
    with pytest.raises(StoppedError, match="nothing is lost") as caught:
        train_model([str(mine)], config(epochs=50), None, tmp_path / "model", StopEarly(), tmp_path / "run")
    assert caught.value.hint == f"go on with w2v train --resume {tmp_path / 'run'} -o {tmp_path / 'model'}"
    return mine, tmp_path / "run"


def resume(folder: Path) -> Run:
    """Resume the run of `stopped`; the model is written beside its folder."""
    return resume_training(folder, {"output": folder.with_name("model")})


def test_a_resumed_run_needs_its_output_only_and_writes_its_model(stopped: tuple[Path, Path], tmp_path: Path) -> None:
    resume(stopped[1])
    train_model([str(stopped[0])], config(epochs=50), output=tmp_path / "other")
    assert (tmp_path / "model").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_given_vocabulary_is_found_again_from_any_folder(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("words.tsv").write_text("w2 9\nw1 5\nw3 4\n")
    given = config(vocab="words.tsv", epochs=50)
    train_model([str(text)], given, output=tmp_path / "undisturbed")
    with pytest.raises(StoppedError):
        train_model([str(text)], given, None, tmp_path / "model", StopEarly(), tmp_path / "run")
    # Without the ids the text is read again.
    (tmp_path / "run" / "corpus.safetensors").unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"--vocab .*other.tsv is not what the run was begun with"):
        resume_training("run", {"vocab": "other.tsv"})
    resume_training("run", {"vocab": "here/words.tsv", "output": "model"})
    assert (tmp_path / "model").read_bytes() == (tmp_path / "undisturbed").read_bytes()


def test_a_changed_corpus_is_refused_with_what_changed(stopped: tuple[Path, Path]) -> None:
    text, folder = stopped
    content = text.read_bytes()
    text.write_bytes(content + b" more")
    with pytest.raises(CorpusError, match=f"mine.txt had {len(content):,} bytes and has {len(content) + 5:,}"):
        resume(folder)
    text.write_bytes(content[:-1] + b"x")
    with pytest.raises(CorpusError, match=r"mine.txt: the same length as before, but other text"):
        resume(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 6}, "--dim 6 is not what the run was begun with .5."),
        ({"epochs": 49}, "--epochs 49 is not what the run was begun with"),
        ({"corpus": ("other.txt",)}, "the corpus is not what the run was begun with"),
        ({"lower": True}, "--lower cannot be given now: the run was begun without --lower"),
    ],
)
def test_another_option_is_refused(stopped: tuple[Path, Path], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resume_training(stopped[1], options)


def test_more_epochs_follow_the_line_of_the_longer_run(stopped: tuple[Path, Path], tmp_path: Path) -> None:
    run = resume_training(stopped[1], {"epochs": 60, "threads": 2, "output": str(tmp_path / "longer")})
    assert len(run.trained.losses) == 60 and run.output == str(tmp_path / "longer")
    assert json.loads((stopped[1] / "run.json").read_text())["config"]["epochs"] == 60


def test_a_folder_with_checkpoints_is_not_begun_again(stopped: tuple[Path, Path]) -> None:
    with pytest.raises(TrainingError, match="holds the checkpoints of another run") as caught:
        train_model([str(stopped[0])], config(), checkpoint=stopped[1])
    assert "--resume" in str(caught.value.hint)


def test_a_run_begun_anew_does_not_take_the_ids_of_one_that_was_killed(
    stopped: tuple[Path, Path], tmp_path: Path
) -> None:
    text, folder = stopped
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)
    # The text and its fingerprint are the same, but other words of it are kept.
    run = train_model([str(text)], config(min_count=9), checkpoint=folder)
    assert run.vocabulary.counts.min() >= 9


@pytest.mark.parametrize("name", ["corpus.safetensors", "ids.int32", "boundaries.int64"])
def test_ids_that_are_lost_are_made_again_unless_the_text_is_another(stopped: tuple[Path, Path], name: str) -> None:
    text, folder = stopped
    (folder / name).unlink()
    content = text.read_bytes()
    # The text has as many words and bytes as before, in another order.
    text.write_bytes(b"\n".join(content.split(b"\n")[::-1]))
    with pytest.raises(TrainingError, match="is from another text, or from other words"):
        resume(folder)
    text.write_bytes(content)
    train_model([str(text)], config(epochs=50), output=folder / "other")
    run = resume(folder)
    assert Path(str(run.output)).read_bytes() == (folder / "other").read_bytes()


def test_ids_that_are_lost_are_not_made_again_with_another_vocabulary(text: Path, tmp_path: Path) -> None:
    vocab, folder = tmp_path / "words.tsv", tmp_path / "run"
    vocab.write_text("w1\t9\nw2\t8\n")
    with pytest.raises(StoppedError):
        train_model([str(text)], config(epochs=50, vocab=str(vocab)), observer=StopEarly(), checkpoint=folder)
    vocab.write_text("w3\t9\nw4\t8\n")
    (folder / "ids.int32").unlink()
    with pytest.raises(TrainingError, match="is from another text, or from other words"):
        resume_training(folder)
    vocab.write_text("w1\t9\nw2\t8\n")
    assert resume_training(folder).vocabulary.words == ["w1", "w2"]


@pytest.mark.parametrize("kind", ["gone", "pipe"])
def test_a_text_that_cannot_be_read_again_is_not_needed(stopped: tuple[Path, Path], kind: str) -> None:
    text, folder = stopped
    text.unlink()
    if kind == "pipe":
        os.mkfifo(text)
    assert len(resume(folder).trained.losses) == 50


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no run to resume"):
        resume_training(tmp_path)


def test_two_runs_on_one_output_or_folder_are_refused(stopped: tuple[Path, Path], tmp_path: Path) -> None:
    for path in (tmp_path / "model", stopped[1] / "run.json"):
        with exclusive(path), pytest.raises(ModelFileError, match="another run is writing"):
            resume(stopped[1])
    resume(stopped[1])


def test_a_run_killed_at_random_moments_ends_in_the_same_bytes() -> None:
    command = [sys.executable, "scripts/torture/kill.py", "--kills", "3", "--writer-kills", "0", "--seed", "7"]
    command += ["--engine", "compiled"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["kills"] >= 3 and report["wrong"] == []
