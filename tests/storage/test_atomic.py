"""A file is replaced as a whole; it keeps its permissions and, if possible, its owner."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ZSTANDARD

import w2v_cli as w2v
from w2v_cli.errors import MissingExtraError
from w2v_cli.storage.atomic import atomic_file, check_writable


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


@pytest.mark.parametrize(
    ("suffix", "unpacked"),
    [(".gz", gzip.decompress), (".GZ", gzip.decompress), (".bz2", bz2.decompress), (".xz", lzma.decompress)],
)
def test_a_model_is_packed_as_its_name_says(tmp_path: Path, suffix: str, unpacked: Callable[[bytes], bytes]) -> None:
    model = w2v.Model.of(["a", "b"], np.ones((2, 3)))
    model.save(tmp_path / "m.safetensors")
    model.save(tmp_path / f"m.safetensors{suffix}")
    assert unpacked((tmp_path / f"m.safetensors{suffix}").read_bytes()) == (tmp_path / "m.safetensors").read_bytes()
    assert w2v.load(tmp_path / f"m.safetensors{suffix}").words == ["a", "b"]


def test_a_missing_package_is_named_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, ZSTANDARD, None)
    with pytest.raises(MissingExtraError, match=r"writing \.zst needs the package backports\.zstd"):
        check_writable(tmp_path / "m.safetensors.zst")
    with pytest.raises(MissingExtraError, match="writing"):
        w2v.Model.of(["a"], np.ones((1, 3))).save(tmp_path / "m.safetensors.zst")
    assert not list(tmp_path.iterdir())
