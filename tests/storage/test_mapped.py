"""Arrays that are mapped from a file: their pages can be freed, and lose nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from w2v_cli.storage.mapped import release_pages


def test_pages_that_are_freed_are_read_again_and_changes_are_kept(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(bytes(range(256)) * 256)
    modes: tuple[Literal["r", "c"], ...] = ("r", "c")
    for mode in modes:
        mapped = np.memmap(tmp_path / "m", np.uint8, mode)
        if mode == "c":
            mapped[5000] = 7
        release_pages(mapped[100:60_000])
        assert mapped[5000] == (7 if mode == "c" else 5000 % 256) and mapped[4096] == 0
    release_pages(np.zeros(10_000))
