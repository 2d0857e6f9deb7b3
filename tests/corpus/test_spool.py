"""The files of an encoded corpus: what is written is read again, and nothing is left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from w2v_cli.corpus import spool as module
from w2v_cli.corpus.spool import FILE_NAMES, Spool, telling_full_disk
from w2v_cli.errors import CorpusError


def filled(spool: Spool) -> Spool:
    spool.write_ids(3, np.array([7, 8, 9], np.int32))
    spool.write_ids(0, np.array([4, 5, 6], np.int32))
    spool.append_boundaries(np.array([0, 0, 2], np.int64))
    spool.append_boundaries(np.array([2, 4, 4], np.int64))
    spool.finish(5)
    return spool


def test_ids_may_be_written_in_any_order_and_boundaries_are_kept_once(tmp_path: Path) -> None:
    spool, ids = filled(Spool.temporary(tmp_path)), np.empty(5, np.int32)
    spool.read_ids(0, ids)
    assert ids.tolist() == [4, 5, 6, 7, 8] and spool.boundaries.tolist() == [2, 4]
    with pytest.raises(CorpusError, match="shorter than they were written"):
        spool.read_ids(4, np.empty(2, np.int32))
    assert not any(tmp_path.iterdir())
    spool.close()
    assert all(file.closed for file in spool.files) and len(spool.boundaries) == 0


def test_a_spool_with_names_can_be_opened_again(tmp_path: Path) -> None:
    made = filled(Spool.create(tmp_path))
    again = Spool.reopen(tmp_path)
    assert again.holds(5) and not again.holds(6) and again.checksums() == made.checksums()
    assert np.concatenate([*again.id_chunks()]).tolist() == [4, 5, 6, 7, 8]
    assert np.concatenate([*again.boundary_chunks()]).tolist() == again.boundaries.tolist() == [2, 4]
    for spool in (made, again):
        spool.close()
    (tmp_path / FILE_NAMES[1]).write_bytes(b"part")
    with pytest.raises(ValueError):
        Spool.reopen(tmp_path)
    (tmp_path / FILE_NAMES[1]).unlink()
    with pytest.raises(FileNotFoundError):
        Spool.reopen(tmp_path)


def test_files_that_cannot_be_mapped_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(Spool.create(tmp_path)).close()
    opened: list[int] = []

    def refuse(file: object, *_: object) -> NoReturn:
        opened.append(file.fileno())  # type: ignore[attr-defined]
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    monkeypatch.setattr(module.np, "memmap", refuse)
    with pytest.raises(OSError, match="No such device") as raised:
        Spool.reopen(tmp_path)
    assert raised.value.errno == errno.ENODEV
    # The traceback would keep the files alive, so only `close` can have closed this one.
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


@pytest.mark.parametrize(("named", "other"), [(True, "a --checkpoint folder"), (False, "an output (-o)")])
def test_a_full_disk_is_told_with_the_option_that_moves_the_ids(tmp_path: Path, named: bool, other: str) -> None:
    with (
        pytest.raises(CorpusError, match=f"the disk of {tmp_path} is full") as raised,
        telling_full_disk(tmp_path, named),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert raised.value.hint is not None and f"name {other} on a larger disk" in raised.value.hint
