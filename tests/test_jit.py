"""Compiled code is found again in the cache, and never when its source has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from w2v_cli.jit import COMPILES

pytestmark = pytest.mark.skipif(not COMPILES, reason="numba does not import here")

PROGRAM = """
import numpy as np
from w2v_cli.training.layout import set_output
from w2v_cli.training.sampling import alias_table, _pair_columns
alias_table(np.ones(3))
set_output(0, 6, 1.0, 1.0, np.zeros(16), np.zeros(16))
print(sum(sum(f.stats.cache_misses.values()) for f in (_pair_columns, set_output)))
"""


def misses(folder: Path) -> int:
    """How many of two functions had to be compiled."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_change_in_what_a_kernel_is_made_of_compiles_it_again(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "w2v_cli", tmp_path / "w2v_cli", ignore=shutil.ignore_patterns("__pycache__"))
    assert misses(tmp_path) == 2
    assert misses(tmp_path) == 0
    for name in ("simd.py", "hashing.py"):
        with (tmp_path / "w2v_cli" / name).open("a") as source:
            source.write("# changed\n")
        assert misses(tmp_path) == 2
        assert misses(tmp_path) == 0
