"""A file is replaced as a whole; it keeps its permissions and, if possible, its owner."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.storage.atomic import atomic_file


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


def test_an_owner_that_cannot_be_kept_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", refuse)
    (tmp_path / "model").touch()
    with atomic_file(tmp_path / "model") as file:
        file.write(b"new")
    assert (tmp_path / "model").read_bytes() == b"new"


def test_a_folder_that_cannot_be_synced_is_no_error_once_the_file_is_there(
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
