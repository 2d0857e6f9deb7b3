"""A pair of files never mixes old and new, whenever its writer is killed or fails."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import in_child

import w2v_cli as w2v
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.export import write_vectors
from w2v_cli.storage.locks import exclusive
from w2v_cli.storage.pairs import undo_interrupted

OLD = WordVectors(["old", "older"], np.zeros((2, 2), np.float32))


NEW = WordVectors(["new", "newer", "newest"], np.ones((3, 2), np.float32))


def dying_at(number: int, call: Callable[..., Any], counter: list[int], after: bool) -> Callable[..., Any]:
    """Wrap a system call so that the process is killed before or after call `number` of all wrapped calls together."""

    def wrapper(*arguments: Any, **options: Any) -> Any:
        counter[0] += 1
        here = counter[0] == number
        if here and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*arguments, **options)
        finally:
            if here:
                os.kill(os.getpid(), signal.SIGKILL)

    return wrapper


def killed_while_writing(path: Path, number: int, after: bool) -> bool:
    """Write NEW and be killed at a call that changes files; return False if the write was done before that."""

    def write() -> None:
        counter = [0]
        for name in ("open", "replace", "unlink", "fsync", "fchmod"):
            setattr(os, name, dying_at(number, getattr(os, name), counter, after))
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
    number, killed = 1, True
    while killed:
        for path in (main, companion):
            path.unlink()
        if older:
            write_vectors(main, OLD)
        killed = killed_while_writing(main, number, after)
        if main.exists() and (companion.exists() or older):
            assert whole[main.read_bytes()] == companion.read_bytes()
        # Saved as the commands do it, which refuse to replace a list of words that does not belong to the main file.
        w2v.Model.of(OLD.words, OLD.matrix).save(main)
        assert sorted(os.listdir(tmp_path)) == sorted([main.name, companion.name])
        number += 1
    assert number > 10


def test_a_pair_that_was_aside_when_its_writer_was_killed_comes_back(tmp_path: Path) -> None:
    paths = write_vectors(tmp_path / "a.npy", OLD)
    before = [Path(path).read_bytes() for path in paths]
    number, came_back = 1, 0
    while killed_while_writing(tmp_path / "a.npy", number, True):
        came_back += not Path(paths[0]).exists()
        undo_interrupted(*paths)
        assert sorted(path.name for path in tmp_path.glob("a*")) == ["a.npy", "a_words.txt"]
        if [Path(path).read_bytes() for path in paths] != before:
            assert np.array_equal(np.load(paths[0]), NEW.matrix) and Path(paths[1]).read_text().split() == NEW.words
            write_vectors(tmp_path / "a.npy", OLD)
        number += 1
    # The pair came back when the writer was killed after moving the main file aside, after moving the words aside, and
    # after placing the new words.
    assert came_back >= 3


@pytest.mark.parametrize("name", ["a.npy", "a.tsv"])
def test_undoing_an_interrupted_replacement_never_overwrites_a_file_that_the_user_put_there_meanwhile(
    tmp_path: Path, name: str
) -> None:
    main, companion = map(Path, write_vectors(tmp_path / name, OLD))
    before = [main.read_bytes(), companion.read_bytes()]
    number, met = 1, 0
    while killed_while_writing(main, number, True):
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
        number += 1
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


def test_a_folder_that_may_be_written_but_not_listed_is_no_error(
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
