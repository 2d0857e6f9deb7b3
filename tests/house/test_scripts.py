"""`scripts/w2v` and `scripts/test` create their environment once, and the torture tests notice planted errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

# A stand-in for Python. It logs what it is asked to do, and copies itself into each environment that it creates.
PYTHON = """#!/usr/bin/env bash
case "$*" in
    *version_info*) [ -z "${OLD:-}" ] ;;
    --version) echo "Python ${OLD:-3.12.0}" ;;
    *"import ensurepip"*) [ -z "${NO_VENV:-}" ] ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo venv >> "$LOG" ;;
    "-m pip "*) echo pip "${@: -1}" >> "$LOG"; [ -z "${NO_NETWORK:-}" ] || { echo "no network" >&2; exit 1; } ;;
    *) echo "$*"; [ "$2" != "${FAILS:-}" ] ;;
esac
"""


class Tree:
    """Make a copy of the scripts with a pyproject.toml, and the stand-in for Python on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a tree"
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        (self.root / "pyproject.toml").touch()
        os.utime(self.root / "pyproject.toml", (1, 1))
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "log"
        for name in ("python3", "python", "python3.10", "python3.11", "python3.12", "python3.13"):
            (self.bin / name).write_text(PYTHON)
            (self.bin / name).chmod(0o755)

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(
            [self.root / "scripts" / script, *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            env={**os.environ, "PATH": path, "LOG": str(self.log), **environment},
        )

    def installs(self) -> list[str]:
        """Return what was created and installed since the last call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_the_environment_is_created_once(tree: Tree) -> None:
    first = tree.run("w2v", "similar", "a b")
    assert first.returncode == 0, first.stderr
    assert first.stdout == "-m w2v_cli similar a b\n"
    assert "Creating .venv with Python 3.12.0" in first.stderr and "Installing" in first.stderr
    assert tree.installs() == ["venv", f"pip {tree.root}"]
    second = tree.run("w2v", "--help")
    assert (second.stdout, second.stderr, tree.installs()) == ("-m w2v_cli --help\n", "", [])


def test_a_changed_project_file_is_installed_again(tree: Tree) -> None:
    tree.run("w2v")
    tree.installs()
    os.utime(tree.root / "pyproject.toml", (1e10, 1e10))
    tree.run("w2v")
    assert tree.installs() == [f"pip {tree.root}"]


def test_the_tests_add_their_extra_to_the_same_environment(tree: Tree) -> None:
    tree.run("w2v")
    tree.installs()
    done = tree.run("test", "-k", "x")
    assert tree.installs() == [f"pip {tree.root}[test]"]
    assert done.stdout == "-m pytest -k x\n"
    tree.run("w2v")
    assert tree.installs() == []


def test_the_tests_of_other_pythons_are_asked_for(tree: Tree) -> None:
    assert tree.run("test", "--pythons", "--few").stdout == "scripts/pythons.py --few\n"


def test_every_python_is_found_once_and_gets_the_oldest_and_the_newest_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import pythons as script

    for folder, names in {"a": ["3.9", "3.10", "3.12"], "b": ["3.10", "3.13", ""]}.items():
        for name in names:
            path = tmp_path / folder / f"python{name or 3}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\necho {name.replace('.', ' ')}\n[ -n '{name}' ]\n")
            path.chmod(0o755)
    for name in ("python3.12-config", "python3.14"):  # no Python, and one that does not run
        (tmp_path / "b" / name).touch()
    pythons = script.find_pythons([tmp_path / "a", tmp_path / "b", tmp_path / "none"])
    assert pythons == {
        (3, 10): str(tmp_path / "a" / "python3.10"),
        (3, 12): str(tmp_path / "a" / "python3.12"),
        (3, 13): str(tmp_path / "b" / "python3.13"),
    }
    every = [case.name for case in script.cases_of(pythons, few=False)]
    assert every == [
        *(f"3.{minor} {which}" for minor in (10, 12, 13) for which in ("oldest", "newest")),
        "3.13 newest, no numba",
    ]
    few = [case.name for case in script.cases_of(pythons, few=True)]
    assert few == ["3.10 oldest", "3.13 newest", "3.13 newest, no numba"]
    alone = [case.name for case in script.cases_of({(3, 11): "python3"}, few=True)]
    assert alone == ["3.11 oldest", "3.11 newest", "3.11 newest, no numba"]
    assert all((ROOT / path).exists() for path in script.QUICK)


def test_without_arguments_every_check_runs_and_mypy_reports_after_the_tests(tree: Tree) -> None:
    lines = tree.run("test").stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["ruff", "ruff", "pytest", "mypy", "pytest"]
    assert "tests/corpus" in lines[-1] and "tests/corpus" not in lines[2]


@pytest.mark.parametrize("check", ["ruff", "mypy", "pytest"])
def test_a_check_that_fails_makes_the_script_fail(tree: Tree, check: str) -> None:
    failed = tree.run("test", FAILS=check)
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[-1].startswith(f"-m {check}")


def test_a_failed_installation_is_reported_and_tried_again(tree: Tree) -> None:
    failed = tree.run("w2v", NO_NETWORK="1")
    assert failed.returncode == 3
    assert failed.stderr.count("Error: installing into") == 1 and failed.stdout == ""
    tree.installs()
    assert tree.run("w2v").returncode == 0
    assert tree.installs() == ["venv", f"pip {tree.root}"]


def test_an_environment_that_was_moved_is_created_again(tree: Tree) -> None:
    tree.run("w2v")
    tree.installs()
    tree.root = tree.root.rename(tree.root.parent / "moved")
    assert tree.run("w2v").returncode == 0
    assert tree.installs() == ["venv", f"pip {tree.root}"]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"OLD": "3.8.18"}, "Error: w2v needs Python 3.10 or newer, but found Python 3.8.18"),
        ({"NO_VENV": "1"}, "Error: python3 has no venv module"),
    ],
)
def test_a_missing_requirement_is_reported_with_a_hint(tree: Tree, environment: dict[str, str], sentence: str) -> None:
    done = tree.run("w2v", PYTHON="", **environment)
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr.splitlines()[0] == sentence
    assert done.stderr.splitlines()[1].startswith("Hint: ") and len(done.stderr.splitlines()) == 2
    assert not (tree.root / ".venv").exists()


# The fault test, with a planted error: `careless` renames the files of a pair one by one and does not undo the first
# rename when the second fails.
CARELESS = """
import os, sys
from w2v_cli.storage import atomic
def replace_one_by_one(staged):
    for item in staged:
        with atomic.naming(item.path):
            os.replace(item.temporary, item.target)
if sys.argv.pop(1) == "careless":
    atomic.replace_together = replace_one_by_one
import faults
faults.main()
"""


@pytest.mark.parametrize(("writer", "code"), [("careful", 0), ("careless", 1)])
def test_the_fault_test_fails_for_a_writer_that_mixes_a_pair(writer: str, code: int) -> None:
    command = [sys.executable, "-c", CARELESS, writer, "--command", "convert .npy", "--kind", "rename"]
    path = os.pathsep.join([str(ROOT / "scripts" / "torture"), str(ROOT)])
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == code, done.stderr
    report = json.loads(done.stdout)
    assert report["faults"] == report["by_kind"]["rename"] >= 4
    assert any("neither the old nor the new" in fault for fault in report["wrong"]) == (code == 1)


def test_the_kill_test_kills_writers(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "torture" / "kill.py"), "--kills", "0", "--writer-kills", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["kills"] >= 3
