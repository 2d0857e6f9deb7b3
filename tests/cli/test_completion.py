"""Completion: what a shell gets when the Tab key is pressed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from w2v_cli.cli.help import TOPICS
from w2v_cli.cli.main import COMMANDS

PROGRAM = [sys.executable, "-m", "w2v_cli"]


def completed(line: str) -> list[str]:
    """Return what bash is told for a line whose last word is being typed: a kind and a text in each."""
    variables = {
        "_W2V_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = subprocess.run(PROGRAM, env={**os.environ, **variables}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("w2v ", [f"plain,{name}" for name in COMMANDS]),
        ("w2v tr", ["plain,train"]),
        ("w2v train --min-c", ["plain,--min-count"]),
        ("w2v train --loss ", ["plain,ns", "plain,hs", "plain,softmax"]),
        ("w2v train -size 3 --loss h", ["plain,hs"]),
        ("w2v help ", [f"plain,{name}" for name in TOPICS]),
        ("w2v --version tr", ["plain,train"]),
        ("w2v similar ki", []),
        *((f"w2v {before} da", ["file,da"]) for before in ("train", "train -o", "train --config", "train --vocab")),
        *(
            (f"w2v {before} da", ["file,da"])
            for before in ("vocab", "phrases", "phrases -o", "eval", "info", "eval -m", "embed -o")
        ),
        *(
            (f"w2v {before} da", ["file,da"])
            for before in ("similar -m", "similar --words-from", "similar --vector-of")
        ),
        *((f"w2v {before} da", ["file,da"]) for before in ("convert", "convert x", "gradcheck --at", "shell -m")),
        *((f"w2v train {option} da", ["dir,da"]) for option in ("--checkpoint", "--resume")),
    ],
)
def test_the_tab_key_completes(line: str, expected: list[str]) -> None:
    assert completed(line) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell_is_printed(shell: str) -> None:
    env = {**os.environ, "_W2V_COMPLETE": f"{shell}_source"}
    done = subprocess.run(PROGRAM, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and f"_W2V_COMPLETE={shell}_complete" in done.stdout
