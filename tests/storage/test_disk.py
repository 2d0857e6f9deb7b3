"""Real faults of disks and paths end in a message and exit code 3, and leave existing files as they were."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from w2v_cli.config import TrainConfig
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError, W2VError
from w2v_cli.formats.export import write_vectors
from w2v_cli.storage import atomic
from w2v_cli.training.run import resume_training, train_model

FAST = ("--dim", "64", "--epochs", "2", "--min-count", "1", "--threads", "1", "-q")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test a folder for temporary files, where models are saved that find no space elsewhere."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"w{i} w{i + 1} w{i + 2} w{i + 3}\n" for i in range(3000)))
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield the folder of a file system of 1 MiB, or skip the test if mounting is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def w2v(*arguments: object, limit: int | None = None, **options: object) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "w2v_cli", "train", *map(str, arguments), *FAST]
    return subprocess.run(command, capture_output=True, text=True, preexec_fn=limited)


def test_a_full_disk_is_reported_in_a_sentence_and_leaves_the_old_model(text: Path, small_disk: Path) -> None:
    model = small_disk / "model"
    model.write_bytes(b"precious")
    # The ids fit, the model does not.
    done = w2v(text, "-o", model)
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert f"cannot write {model}: No space left on device" in done.stderr
    # Now the ids do not fit either.
    (small_disk / "filler").write_bytes(bytes(1_000_000))
    done = w2v(text, "-o", model)
    assert done.returncode == 3 and f"the disk of {small_disk} is full" in done.stderr
    assert model.read_bytes() == b"precious"
    assert sorted(os.listdir(small_disk)) == ["filler", "model"]


@pytest.mark.parametrize("name", ["v.npy", "v.tsv"])
def test_a_full_disk_for_a_pair_is_reported_in_a_sentence_that_names_both_files(small_disk: Path, name: str) -> None:
    vectors = WordVectors([f"w{i}" for i in range(300)], np.full((300, 1000), np.pi, np.float32))
    with pytest.raises(ModelFileError, match=rf"cannot write \S*{name} and \S*: No space left on device"):
        write_vectors(small_disk / name, vectors)
    assert os.listdir(small_disk) == []


def test_a_full_disk_for_checkpoints_is_reported_in_a_sentence_and_the_run_can_be_resumed(
    text: Path, small_disk: Path
) -> None:
    done = w2v(text, "-o", text.with_name("model"), "--checkpoint", small_disk / "run")
    assert done.returncode == 3 and "No space left on device" in done.stderr and "Traceback" not in done.stderr
    assert not text.with_name("model").exists()
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    resume_training(small_disk / "run", {"output": text.with_name("model")})
    train_model([str(text)], TrainConfig(dim=64, epochs=2, min_count=1, threads=1), output=text.with_name("other"))
    assert text.with_name("model").read_bytes() == text.with_name("other").read_bytes()


def test_a_disk_that_is_read_only_is_reported_in_a_sentence(text: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for arguments in (
        [text, "-o", small_disk / "model"],
        [text, "-o", text.with_name("m"), "--checkpoint", small_disk],
    ):
        done = w2v(*arguments)
        assert done.returncode == 3 and "Read-only file system" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("limit", [1000, 300_000])
def test_a_limit_of_file_sizes_is_reported_in_a_sentence(text: Path, tmp_path: Path, limit: int) -> None:
    done = w2v(text, "-o", tmp_path / "model", limit=limit)
    assert done.returncode == 3 and "File too large" in done.stderr and "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["corpus.txt"]


def test_an_answer_that_cannot_be_written_is_reported_in_a_sentence(text: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "w2v_cli", "train", str(text), *FAST, "--json", "-o", str(tmp_path / "model")]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3 and "No space left on device" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("code", [errno.EIO, errno.EDQUOT, errno.ENOSPC])
@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_a_fault_of_any_call_of_the_writer_leaves_the_old_file(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    model = tmp_path / "model"
    model.write_bytes(b"precious")
    real: Callable[..., object] = getattr(os, call)

    def failing(*arguments: object, **options: object) -> object:
        # Opening the lock works, opening the new file does not.
        if call == "open" and not str(arguments[0]).endswith(".tmp"):
            return real(*arguments, **options)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(atomic.os, call, failing)
    with pytest.raises(W2VError, match=os.strerror(code)) as caught:
        train_model([str(text)], TrainConfig(dim=4, epochs=1, min_count=1, threads=1), output=model)
    assert "model" in caught.value.message and caught.value.exit_code == 3
    assert model.read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["corpus.txt", "model"]


def test_an_output_on_another_file_system_is_written_there(text: Path, small_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(small_disk / "model")
    train_model([str(text)], TrainConfig(dim=4, epochs=1, min_count=1, threads=1), output=tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and os.listdir(small_disk) == ["model"]


def test_a_text_that_the_disk_cannot_give_is_reported_in_a_sentence(tmp_path: Path) -> None:
    # This regular file has a first page that cannot be read: the kernel itself returns EIO.
    done = w2v("/proc/self/mem", "-o", tmp_path / "model")
    assert done.returncode == 3 and "/proc/self/mem cannot be read" in done.stderr
    assert "Input/output error" in done.stderr and os.listdir(tmp_path) == []
