"""Run the quick part of the tests under every Python that is found; `scripts/test --pythons` calls this.

Each Python gets the oldest dependencies that pyproject.toml allows and that have wheels for it, and then the newest.
The newest Python is tested without numba, too. With --few, the oldest Python gets the oldest dependencies, and the
newest Python the newest, with and without numba.

A wheel and a source distribution are made first. The wheel is installed, and trains; the tests run where the source
distribution is unpacked, so that it has to hold all that they need.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FIRST = (3, 10)
# What a Python, its library or a dependency may change: training with both engines, packed and encoded text, Unicode,
# files of numbers, options and help.
QUICK = [
    "tests/house/test_other_systems.py",
    "tests/cli/test_help.py",
    "tests/corpus/test_characters.py",
    "tests/corpus/test_encode.py",
    "tests/corpus/test_spool.py",
    "tests/corpus/test_texts.py",
    "tests/embeddings/test_evaluation.py",
    "tests/embeddings/test_queries.py",
    "tests/engines/test_sampling.py",
    "tests/formats/test_model_file.py",
    "tests/formats/test_word2vec_format.py",
    "tests/storage/test_atomic.py",
    "tests/storage/test_mapped.py",
    "tests/storage/test_words.py",
    "tests/test_config.py",
]
# Trains with the wheel, and says with which engine.
TRAIN = """
import sys, w2v_cli
from w2v_cli.engines.choose import resolve_engine
assert w2v_cli.__file__.startswith(sys.prefix), w2v_cli.__file__
w2v_cli.train(sys.argv[1], epochs=1).similar("king")
print(resolve_engine("auto"))
"""


class Case(NamedTuple):
    """A Python, which of its dependencies are installed, and whether numba is one of them."""

    version: tuple[int, int]
    python: str
    resolution: str
    numba: bool = True

    @property
    def name(self) -> str:
        """What the case is called in the table."""
        dependencies = {"lowest-direct": "oldest", "highest": "newest"}[self.resolution]
        return f"{'.'.join(map(str, self.version))} {dependencies}{'' if self.numba else ', no numba'}"


def find_pythons(folders: Iterable[Path]) -> dict[tuple[int, int], str]:
    """Return a program for each version of Python that w2v may work with, the oldest first."""
    found: dict[tuple[int, int], str] = {}
    for folder in folders:
        for path in sorted(folder.glob("python3*")):
            if re.fullmatch(r"python3(\.\d+)?", path.name) and (version := version_of(path)) is not None:
                found.setdefault(version, str(path))
    return {version: found[version] for version in sorted(found) if version >= FIRST}


def version_of(python: Path) -> tuple[int, int] | None:
    """Return the version of a Python, or None if it does not run or cannot make environments."""
    command = [str(python), "-c", "import sys, venv; print(*sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    major, _, minor = done.stdout.partition(" ")
    return (int(major), int(minor)) if done.returncode == 0 else None


def cases_of(pythons: dict[tuple[int, int], str], few: bool) -> list[Case]:
    """Return what is tested, with every Python or with a few."""
    every = [Case(*python, resolution) for python in pythons.items() for resolution in ("lowest-direct", "highest")]
    return [*([every[0], every[-1]] if few else every), every[-1]._replace(numba=False)]


def uv(*arguments: object) -> None:
    """Run uv, which is in the extra test."""
    subprocess.run([sys.executable, "-m", "uv", *map(str, arguments)], check=True)


def run_case(case: Case, wheel: Path, tree: Path, folder: Path) -> tuple[float, float, str]:
    """Install and test; return the seconds of both, and the engine that trains.

    Raises
    ------
    subprocess.CalledProcessError
        If anything fails.
    """
    start = time.perf_counter()
    uv("venv", "--quiet", "--no-project", "--python", case.python, folder)
    program = str(folder / "bin" / "python")
    where = ["pip", "install", "--quiet", "--python", program, "--only-binary", ":all:"]
    uv(*where, "--resolution", case.resolution, "-r", tree / "pyproject.toml", "--extra", "quick", wheel)
    if not case.numba:
        uv("pip", "uninstall", "--quiet", "--python", program, "numba", "llvmlite")
    installed = time.perf_counter()
    subprocess.run([folder / "bin" / "w2v", "--version"], cwd=folder, check=True)
    train = [program, "-c", TRAIN, str(tree / "data" / "toyland.txt")]
    engine = subprocess.run(train, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    if (engine == "compiled") != case.numba:
        sys.exit(f"Error: {case.name} trains with the engine {engine}")
    start_of_tests = time.perf_counter()
    # Each case has a cache of its own for what is compiled: the tree is the same, but numba is not.
    cache = {"NUMBA_CACHE_DIR": str(folder / "compiled"), "COLUMNS": "80"}
    tests = [program, "-m", "pytest", "-p", "no:cacheprovider", "--numprocesses", "auto", *QUICK]
    subprocess.run(tests, cwd=tree, check=True, env={**os.environ, **cache})
    return installed - start, time.perf_counter() - start_of_tests, engine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", action="store_true", help="one case of each kind instead of every Python")
    few = parser.parse_args().few
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"):
        os.environ.pop(name, None)
    folders = [Path(name) for name in os.environ["PATH"].split(os.pathsep)]
    folders += [Path(sys.executable).parent, *sorted(Path.home().glob(".pyenv/versions/*/bin"))]
    failed, rows = [], []
    with tempfile.TemporaryDirectory(prefix="w2v-pythons-") as name:
        work = Path(name)
        uv("build", "--quiet", "--out-dir", work, ROOT)
        with tarfile.open(next(work.glob("*.tar.gz"))) as archive:
            archive.extractall(work)
        tree, wheel = next(work.glob("w2v_cli-*[0-9]")), next(work.glob("*.whl"))
        for number, case in enumerate(cases_of(find_pythons(folders), few)):
            print(f"Python {case.name}: {case.python}", flush=True)
            try:
                rows.append((case.name, *run_case(case, wheel, tree, work / str(number))))
            except subprocess.CalledProcessError as error:
                print(f"Error: {error.cmd[0]} failed\n{error.stderr or ''}", file=sys.stderr)
                failed.append(case.name)
    print(f"{'Python':20}  install  tests  trains")
    for name, install, tests, engine in rows:
        print(f"{name:20}  {install:5.1f} s  {tests:3.0f} s  {engine}")
    if failed:
        sys.exit(f"Error: failed with Python {'; '.join(failed)}")


if __name__ == "__main__":
    main()
