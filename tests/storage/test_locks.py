"""Writers of one file do not disturb each other, and what a killed writer left is removed by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import in_child

import w2v_cli as w2v
from w2v_cli.config import TrainConfig
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.export import write_vectors
from w2v_cli.storage.atomic import atomic_file
from w2v_cli.storage.locks import exclusive
from w2v_cli.storage.siblings import LOCK, TEMPORARY, sibling
from w2v_cli.training.run import train_model


def corpus(folder: Path) -> str:
    (folder / "corpus.txt").write_text("the cat sat on the mat\n" * 9)
    return str(folder / "corpus.txt")


def write_text(path: Path) -> None:
    w2v.Model.of(["a"], np.ones((1, 1))).save(path, "text")


def write_phrases(path: Path) -> None:
    command = [sys.executable, "-m", "w2v_cli", "phrases", "-q", corpus(path.parent), "-o", str(path)]
    subprocess.run(command, check=True)
    (path.parent / "corpus.txt").unlink()


@pytest.mark.parametrize("write", [write_text, write_phrases])
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path, write: Callable[[Path], None]) -> None:
    def die() -> None:
        with atomic_file(tmp_path / "out.txt") as file:
            file.write(b"half")
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(die) == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    write(tmp_path / "out.txt")
    assert os.listdir(tmp_path) == ["out.txt"]


def test_what_is_being_written_survives_another_writer_of_the_same_file(tmp_path: Path) -> None:
    output = tmp_path / "model"
    with atomic_file(output) as file:
        file.write(b"slow")
        train_model([corpus(tmp_path)], TrainConfig(dim=2, subsample=0.0), output=output)
        write_vectors(output, WordVectors(["old", "older"], np.zeros((2, 2), np.float32)), "text")
    assert output.read_bytes() == b"slow"
    assert sorted(os.listdir(tmp_path)) == ["corpus.txt", "model"]


def test_a_lock_is_not_opened_through_a_link(tmp_path: Path) -> None:
    model, victim = tmp_path / "model", tmp_path / "victim"
    lock = sibling(model, LOCK)
    lock.symlink_to(victim)
    with pytest.raises(ModelFileError, match=r"cannot write .*\.lock"), exclusive(model):
        pass
    assert not victim.exists()


def test_a_leftover_that_is_a_link_or_a_pipe_harms_nobody(tmp_path: Path) -> None:
    model, victim = tmp_path / "model", tmp_path / "victim"
    victim.write_text("precious")
    sibling(model, f"-000000000000{TEMPORARY}").symlink_to(victim)
    os.mkfifo(sibling(model, f"-000000000001{TEMPORARY}"))
    with atomic_file(model) as file:
        file.write(b"new")
    assert (model.read_bytes(), victim.read_text()) == (b"new", "precious")
