"""Compiled code is found again in the cache, and never when its source has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from w2v_cli.compute.jit import COMPILES

pytestmark = pytest.mark.skipif(not COMPILES, reason="numba does not import here")

PROGRAM = """
import numpy as np
from w2v_cli.engines.huffman import huffman_paths, _build_tree
from w2v_cli.engines.sampling import alias_table, _pair_columns
alias_table(np.ones(3))
huffman_paths(np.ones(3, np.int64))
print(sum(sum(f.stats.cache_misses.values()) for f in (_pair_columns, _build_tree)))
"""

READS_A_CONSTANT = """
from w2v_cli.compute.jit import compiled
from w2v_cli.engines import parameters
@compiled
def line():
    return parameters.CACHE_LINE_BYTES
print(line())
"""


def answer(folder: Path, program: str) -> int:
    """Return the number that a program prints whose package and compiled code are in the folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a copy of the package's sources."""
    target = tmp_path / "w2v_cli"
    shutil.copytree(ROOT / "w2v_cli", target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def test_a_kernel_is_compiled_again_if_any_source_that_may_be_part_of_it_changes(package: Path) -> None:
    assert answer(package.parent, PROGRAM) == 2
    assert answer(package.parent, PROGRAM) == 0
    # parameters.py compiles nothing, but kernels use its constants. The command line is not part of any kernel.
    # It comes last, when the code of changed sources has to be found.
    for name, compiled_again in (("compute/simd.py", 2), ("engines/parameters.py", 2), ("cli/train.py", 0)):
        with (package / name).open("a") as source:
            source.write("# changed\n")
        assert answer(package.parent, PROGRAM) == compiled_again


def test_a_changed_constant_is_not_taken_from_code_that_was_compiled_before(package: Path) -> None:
    (package / "engines" / "line.py").write_text(READS_A_CONSTANT)
    program = "import w2v_cli.engines.line"
    assert answer(package.parent, program) == 64
    parameters = package / "engines" / "parameters.py"
    parameters.write_text(parameters.read_text().replace("CACHE_LINE_BYTES = 64", "CACHE_LINE_BYTES = 128"))
    assert answer(package.parent, program) == 128
