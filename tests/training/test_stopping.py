"""A signal is acknowledged at once; what was learnt is kept, and nothing else is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import load_vectors

from w2v_cli.config import TrainConfig
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.storage.locks import new_temporary
from w2v_cli.training.run import train_model

LONG = ("--subsample", "0", "--dim", "8", "--min-count", "1", "--threads", "2", "--epochs", "1000000")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "corpus.txt").write_text("the cat sat on the mat\n" * 200)
    command = [sys.executable, "-m", "w2v_cli", "train", "corpus.txt", *LONG, *arguments]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        # In a log, every line begins with the time of day.
        if re.match(r"\d\d:\d\d:\d\d " + beginning, line):
            return
    raise AssertionError(f"the run ended before it said {beginning!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_leaves_a_usable_model_and_nothing_else(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path) as process:
        wait_for(process, "Training ")
        process.send_signal(number)
        assert process.stderr is not None
        rest = process.stderr.read()
        assert process.wait() == 128 + number
    assert "Interrupted" in rest and "model.partial.safetensors" in rest and "Traceback" not in rest
    assert sorted(os.listdir(tmp_path)) == ["corpus.txt", "model.partial.safetensors"]
    assert load_vectors(tmp_path / "model.partial.safetensors").words[0] == "the"
    assert "NaN" not in ModelFile(tmp_path / "model.partial.safetensors").metadata["loss"]


def test_a_stopped_run_with_checkpoints_tells_the_command_that_resumes_it(tmp_path: Path) -> None:
    with start(tmp_path, "--checkpoint", "its run") as process:
        wait_for(process, "Training ")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        rest = process.stderr.read()
        assert process.wait() == 143
    assert rest.endswith("go on with w2v train --resume 'its run' -o model.safetensors\n")
    assert sorted(os.listdir(tmp_path)) == ["corpus.txt", "its run"]
    assert "checkpoint-0.safetensors" in os.listdir(tmp_path / "its run")


def test_the_second_signal_ends_a_run_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path, "--engine", "reference") as process:
        wait_for(process, "Training ")
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            wait_for(process, "Interrupted")
        assert process.wait() == 130
    assert os.listdir(tmp_path) == ["corpus.txt"]


def test_the_second_signal_tells_how_to_resume_too(tmp_path: Path) -> None:
    with start(tmp_path, "--engine", "reference", "--checkpoint", "run") as process:
        wait_for(process, "Training ")
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            wait_for(process, "Interrupted")
        assert (
            process.stderr is not None
            and process.stderr.read()[len("14:03:21 ") :] == "Go on with w2v train --resume run -o model.safetensors\n"
        )
        assert process.wait() == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_any_command_that_is_told_to_end_leaves_no_half_written_file(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import os\nfrom w2v_cli.cli import main\nfrom w2v_cli.storage.atomic import atomic_file\n"
        "def command(*arguments, **options):\n"
        "    with atomic_file('model') as file:\n"
        f"        os.kill(os.getpid(), {int(number)})\n"
        "main.w2v.main = command\nmain.run()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr, os.listdir(tmp_path)) == (128 + number, "", [])


def test_a_signal_while_a_pipe_is_read_ends_the_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "w2v_cli", "train", "-", *LONG]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(process, "Reading ")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["model.safetensors", "model.partial.safetensors"])
def test_what_a_killed_run_left_half_written_is_removed_by_the_next(tmp_path: Path, name: str) -> None:
    text, model = tmp_path / "corpus.txt", tmp_path / "model.safetensors"
    text.write_text("the cat sat on the mat\n" * 9)
    os.close(new_temporary(tmp_path / name)[0])
    train_model([str(text)], TrainConfig(dim=2, subsample=0.0), output=model)
    assert sorted(os.listdir(tmp_path)) == ["corpus.txt", "model.safetensors"]
