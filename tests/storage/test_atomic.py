"""Files are whole, pairs match, and leftovers are removed, no matter when their writer was killed."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.config import TrainConfig
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.export import write_vectors
from w2v_cli.storage.atomic import atomic_file
from w2v_cli.storage.locks import exclusive
from w2v_cli.storage.pairs import undo_interrupted
from w2v_cli.storage.siblings import LOCK, TEMPORARY, sibling
from w2v_cli.training.run import train_model

OLD = WordVectors(["old", "older"], np.zeros((2, 2), np.float32))
NEW = WordVectors(["new", "newer", "newest"], np.ones((3, 2), np.float32))


def in_child(work: Callable[[], object]) -> int:
    """Return the exit status of a process that does the work and nothing else."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(7)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dying_at(place: int, call: Callable[..., Any], counter: list[int], after: bool) -> Callable[..., Any]:
    """Wrap a system call so that the process is killed before or after call `place` of all wrapped calls together."""

    def wrapper(*arguments: Any, **options: Any) -> Any:
        counter[0] += 1
        here = counter[0] == place
        if here and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*arguments, **options)
        finally:
            if here:
                os.kill(os.getpid(), signal.SIGKILL)

    return wrapper


def killed_while_writing(path: Path, place: int, after: bool) -> bool:
    """Write NEW and be killed at a call that changes files; return False if the write was done before that."""

    def write() -> None:
        counter = [0]
        for name in ("open", "replace", "unlink", "fsync", "fchmod"):
            setattr(os, name, dying_at(place, getattr(os, name), counter, after))
        write_vectors(path, NEW)

    status = in_child(write)
    assert status in (0, -signal.SIGKILL)
    return status != 0


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("name", ["a.npy", "a.tsv", "a.npy.gz"])
def test_a_pair_never_mixes_old_and_new_wherever_the_writer_is_killed(
    tmp_path: Path, name: str, older: bool, after: bool
) -> None:
    whole = {}
    for vectors in (OLD, NEW):
        paths = write_vectors(tmp_path / name, vectors)
        whole[Path(paths[0]).read_bytes()] = Path(paths[1]).read_bytes()
    main, companion = map(Path, paths)
    place, killed = 1, True
    while killed:
        for path in (main, companion):
            path.unlink()
        if older:
            write_vectors(main, OLD)
        killed = killed_while_writing(main, place, after)
        if main.exists() and (companion.exists() or older):
            assert whole[main.read_bytes()] == companion.read_bytes()
        # Saved as the commands do it, which refuse to replace a list of words that does not belong to the main file.
        w2v.Model.of(OLD.words, OLD.matrix).save(main)
        assert sorted(os.listdir(tmp_path)) == sorted([main.name, companion.name])
        place += 1
    assert place > 10


def test_a_pair_that_was_aside_when_its_writer_was_killed_comes_back(tmp_path: Path) -> None:
    paths = write_vectors(tmp_path / "a.npy", OLD)
    before = [Path(path).read_bytes() for path in paths]
    place, came_back = 1, 0
    while killed_while_writing(tmp_path / "a.npy", place, True):
        came_back += not Path(paths[0]).exists()
        undo_interrupted(*paths)
        assert sorted(path.name for path in tmp_path.glob("a*")) == ["a.npy", "a_words.txt"]
        if [Path(path).read_bytes() for path in paths] != before:
            assert np.array_equal(np.load(paths[0]), NEW.matrix) and Path(paths[1]).read_text().split() == NEW.words
            write_vectors(tmp_path / "a.npy", OLD)
        place += 1
    # The pair came back when the writer was killed after moving the main file aside, after moving the words aside, and
    # after placing the new words.
    assert came_back >= 3


@pytest.mark.parametrize("name", ["a.npy", "a.tsv"])
def test_undoing_an_interrupted_replacement_never_overwrites_a_file_that_the_user_put_there_meanwhile(
    tmp_path: Path, name: str
) -> None:
    main, companion = map(Path, write_vectors(tmp_path / name, OLD))
    before = [main.read_bytes(), companion.read_bytes()]
    place, met = 1, 0
    while killed_while_writing(main, place, True):
        aside = [path for path in tmp_path.iterdir() if path.name.endswith(".old")]
        if not main.exists() and len(aside) == 2:
            met += 1
            # The user's file is renamed into place, or written over the file that is there, as some editors do.
            for write in (lambda: (tmp_path / "mine").rename(companion), lambda: companion.write_text("my own\n")):
                (tmp_path / "mine").write_text("my own\n")
                write()
                for save in (lambda: w2v.Model.of(NEW.words, NEW.matrix).save(main), lambda: write_vectors(main, NEW)):
                    with pytest.raises(ModelFileError, match=rf"{companion.name} has been changed since") as refused:
                        save()
                    assert refused.value.hint is not None and "move" in refused.value.hint
                    assert companion.read_text() == "my own\n" and not main.exists()
                    assert all(path.exists() for path in aside)
            companion.rename(tmp_path / "mine")
            # With the user's file out of the way, the older pair comes back.
            undo_interrupted(main, companion)
            assert [main.read_bytes(), companion.read_bytes()] == before
            (tmp_path / "mine").unlink()
        w2v.Model.of(OLD.words, OLD.matrix).save(main)
        assert sorted(os.listdir(tmp_path)) == sorted([main.name, companion.name])
        place += 1
    # That is, when the writer was killed after moving the older words aside, and after placing the new ones.
    assert met >= 2


def test_a_folder_that_cannot_be_listed_is_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listdir(path: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(ModelFileError, match=r"cannot write .*a_words\.txt: Too many open files"):
        write_vectors(tmp_path / "a.npy", NEW)
    write_vectors(tmp_path / "a.txt", NEW)


def test_a_folder_that_may_be_written_but_not_listed_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listdir(path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "listdir", listdir)
    assert write_vectors(tmp_path / "a.npy", NEW) == [str(tmp_path / "a.npy"), str(tmp_path / "a_words.txt")]


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_pair_that_cannot_be_replaced_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    paths = write_vectors(tmp_path / "a.npy", OLD)
    before = [Path(path).read_bytes() for path in paths]
    real, calls = os.replace, iter(range(1, 99))

    def replace(source: str, target: str) -> None:
        if next(calls) == failing:
            raise PermissionError(1, "Operation not permitted")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(ModelFileError, match="Operation not permitted"):
        write_vectors(tmp_path / "a.npy", NEW)
    assert [Path(path).read_bytes() for path in paths] == before
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "a_words.txt"]


@pytest.mark.parametrize("older", [["a.npy", "a_words.txt"], ["a.npy"], ["a_words.txt"], []], ids=len)
@pytest.mark.parametrize("interrupted", [1, 2, 3, 4])
def test_a_pair_whose_renaming_is_interrupted_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: int, older: list[str]
) -> None:
    write_vectors(tmp_path / "a.npy", OLD)
    for name in {"a.npy", "a_words.txt"} - set(older):
        (tmp_path / name).unlink()
    before = {name: (tmp_path / name).read_bytes() for name in older}
    real, calls = os.replace, iter(range(1, 99))

    def replace(source: Path, target: Path) -> None:
        real(source, target)
        # Python handles a Ctrl-C that comes during a system call when the call is done.
        if next(calls) == interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace)
    if interrupted <= 2 + len(older):
        with pytest.raises(KeyboardInterrupt):
            write_vectors(tmp_path / "a.npy", NEW)
        assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


def test_two_writers_of_one_pair_are_refused(tmp_path: Path) -> None:
    with exclusive(tmp_path / "a.npy"), pytest.raises(ModelFileError, match="another run is writing"):
        write_vectors(tmp_path / "a.npy", NEW)
    assert os.listdir(tmp_path) == []


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
        write_vectors(output, OLD, "text")
    assert output.read_bytes() == b"slow"
    assert sorted(os.listdir(tmp_path)) == ["corpus.txt", "model"]


def test_a_file_that_is_replaced_hands_on_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for mode in (0o600, 0o664, 0o444):
        path.touch()
        path.chmod(mode)
        with atomic_file(path) as file:
            # From the first byte on, because others must not read a private model while it is written.
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_is_replaced_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.touch()
    os.chown(path, 1234, 5678)
    with atomic_file(path):
        pass
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 5678)


def test_an_owner_that_cannot_be_kept_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", refuse)
    (tmp_path / "model").touch()
    with atomic_file(tmp_path / "model") as file:
        file.write(b"new")
    assert (tmp_path / "model").read_bytes() == b"new"


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


def test_a_folder_that_cannot_be_synced_is_no_fault_once_the_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_file(tmp_path / "model") as file:
        file.write(b"new")
    assert (tmp_path / "model").read_bytes() == b"new"


def test_packing_a_model_needs_no_space_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = w2v.Model.of(["a", "b"], np.ones((2, 3)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    model.save(tmp_path / "m.safetensors.gz")
    monkeypatch.undo()
    assert w2v.load(tmp_path / "m.safetensors.gz").words == ["a", "b"]
