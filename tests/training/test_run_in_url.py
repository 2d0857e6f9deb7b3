"""Runs whose texts, model and checkpoints are URLs: the same bytes as with files, and what a killed run leaves."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RUN_CONFIG, load_vectors

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.errors import ConfigError, LogFileError, ModelFileError, StoppedError, TrainingError
from w2v_cli.training.checkpoint import NAMES
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import resume_training, train_model
from w2v_cli.training.trainer import Trainer

TEXT = "a b c d\ne a\n" * 5000
LONGER = TrainConfig(dim=4, epochs=3, min_count=1, threads=1, subsample=0.0)


class StopsAfter(Observer):
    """Asks a run to stop once it has been asked a number of times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def stop(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each block take some time, so that on a busy machine no run ends before it is first looked at."""
    train_blocks = Trainer.train_blocks

    def take_time(self: Trainer, indices: np.ndarray) -> tuple[int, bool]:
        time.sleep(0.03 * len(indices))
        return train_blocks(self, indices)

    monkeypatch.setattr(Trainer, "train_blocks", take_time)


@pytest.fixture
def plain(memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return the model of a run with files, of a text that is also at memory://in/a.txt."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(TEXT)
    memory.put_file("a.txt", "/in/a.txt")
    train_model(["a.txt"], LONGER, output="plain.safetensors")
    return Path("plain.safetensors").read_bytes()


def test_a_model_of_urls_has_the_bytes_of_one_of_files(memory: Any, plain: bytes) -> None:
    run = train_model(
        ["memory://in/a.txt"],
        LONGER,
        output="memory://out/m.safetensors",
        checkpoint="memory://run",
        checkpoint_every=1e-9,
    )
    assert memory.cat_file("/out/m.safetensors") == plain
    assert sorted(memory.find("/run")) == [f"/run/{name}" for name in (*NAMES, "run.json")]
    assert run.output == "memory://out/m.safetensors"


def test_a_run_that_was_stopped_is_resumed_from_its_url_with_the_same_bytes(memory: Any, plain: bytes) -> None:
    with pytest.raises(StoppedError) as caught:
        train_model(
            ["memory://in/a.txt"], LONGER, None, "memory://out/m.safetensors", StopsAfter(1), "memory://run/", 1e-9
        )
    assert caught.value.hint == "go on with w2v train --resume memory://run -o memory://out/m.safetensors"
    assert not memory.exists("/out") and memory.exists("/run/run.json")
    with pytest.raises(ConfigError, match="is outside that folder"):
        resume_training("memory://run")
    resume_training("memory://run", {"output": "memory://out/m.safetensors"})
    assert memory.cat_file("/out/m.safetensors") == plain


def test_a_checkpoint_that_is_torn_is_passed_over(memory: Any, plain: bytes) -> None:
    train_model(["memory://in/a.txt"], LONGER, None, "memory://run/m", None, "memory://run", 1e-9)
    memory.rm_file("/run/m")
    written = sorted(name for name in memory.find("/run") if "checkpoint" in name)
    assert len(written) == 2
    newest = max(written, key=lambda name: memory.info(name)["created"])
    memory.pipe_file(newest, memory.cat_file(newest)[:-7])
    resume_training("memory://run")
    assert memory.cat_file("/run/m") == plain


def test_an_upload_of_a_checkpoint_that_breaks_off_leaves_the_one_before(
    memory: Any, plain: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    put = memory.put_file

    def half(source: str, target: str, **options: object) -> None:
        sent.append(target)
        if len(sent) < 4:
            put(source, target, **options)
            return
        memory.pipe_file(target, Path(source).read_bytes()[:99])
        raise OSError("the line is dead")

    monkeypatch.setattr(memory, "put_file", half)
    with pytest.raises(ModelFileError, match=r"cannot write memory://run/checkpoint-\d\.safetensors: the line is dead"):
        train_model(["memory://in/a.txt"], LONGER, None, "memory://run/m", None, "memory://run", 1e-9)
    monkeypatch.setattr(memory, "put_file", put)
    assert not [name for name in memory.find("/run") if ".w2v-" in name]
    resume_training("memory://run")
    assert memory.cat_file("/run/m") == plain


def test_the_text_must_be_the_same_when_a_run_is_resumed(memory: Any, plain: bytes) -> None:
    with pytest.raises(StoppedError):
        train_model(["memory://in/a.txt"], LONGER, None, "memory://run/m", StopsAfter(1), "memory://run", 1e-9)
    memory.pipe_file("/in/a.txt", TEXT.replace("e", "f").encode())
    with pytest.raises(TrainingError, match="the checkpoint in memory://run is from another text"):
        resume_training("memory://run")


def test_a_folder_of_something_else_is_left_alone(memory: Any, plain: bytes) -> None:
    with pytest.raises(TrainingError, match=r"memory://in is not empty, and no run was begun in it: it holds a\.txt"):
        train_model(["memory://in/a.txt"], LONGER, checkpoint="memory://in")
    with pytest.raises(TrainingError, match="there is no run to resume in memory://in: No such file"):
        resume_training("memory://in")
    train_model(["memory://in/a.txt"], LONGER, checkpoint="memory://run")
    with pytest.raises(TrainingError, match="memory://run holds the checkpoints of another run"):
        train_model(["memory://in/a.txt"], LONGER, checkpoint="memory://run")


def test_passwords_are_not_written_to_the_folder(memory: Any, plain: bytes) -> None:
    with pytest.raises(ConfigError, match=r"memory://\*\*\*@in/a.txt has a password or a token in it"):
        train_model(["a.txt"], LONGER, output="memory://me:pass@in/a.txt", checkpoint="memory://run")
    assert memory.find("/run") == []


def test_passwords_are_not_written_to_the_model_and_the_log(memory: Any, plain: bytes) -> None:
    memory.pipe_file("/me:pa55@words", b"a\t3\nb\t2\n")
    config = TrainConfig(**{**RUN_CONFIG.as_dict(), "vocab": "memory://me:pa55@words"})
    train_model(["a.txt"], config, output="m.safetensors", log="log.jsonl")
    for name in ("m.safetensors", "log.jsonl"):
        written = Path(name).read_bytes()
        assert b"memory://***@words" in written and b"pa55" not in written


def test_a_model_that_cannot_be_sent_is_not_lost(
    memory: Any, plain: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError("the line is dead")

    monkeypatch.setattr(memory, "put_file", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ModelFileError, match="the line is dead; the model is in") as caught:
        train_model(["a.txt"], LONGER, output="memory://out/m.safetensors")
    where = Path(caught.value.message.split("the model is in ")[1].removesuffix(" instead"))
    assert where.read_bytes() == plain and memory.find("/out") == []


def test_a_log_cannot_be_a_url(memory: Any, plain: bytes) -> None:
    with pytest.raises(LogFileError, match="memory://log cannot be added to while training"):
        train_model(["a.txt"], LONGER, log="memory://log")


def test_a_model_of_records_has_the_vectors_of_their_text(memory: Any, plain: bytes) -> None:
    lines = "\n".join(json.dumps({"text": line}) for line in TEXT.splitlines())
    memory.pipe_file("/in/a.jsonl", lines.encode())
    train_model(["memory://in/a.jsonl"], LONGER, TextOptions(field="text"), "records.safetensors")
    ours, theirs = load_vectors("records.safetensors"), load_vectors("plain.safetensors")
    assert list(ours.words) == list(theirs.words) and (ours.matrix == theirs.matrix).all()


def test_a_vocabulary_may_be_a_url(memory: Any, plain: bytes) -> None:
    memory.pipe_file("/words", b"a\t3\nb\t2\n")
    run = train_model(["a.txt"], TrainConfig(**{**RUN_CONFIG.as_dict(), "vocab": "memory://words"}))
    assert list(run.vocabulary.words) == ["a", "b"]
