"""The program gives the same models, answers and exit codes under `python -O` and `python -OO`.

-O removes assert statements, and -OO removes docstrings too, so that only the help becomes shorter.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from w2v_cli.cli.main import COMMANDS

FAST = "--min-count 1 --dim 8 --epochs 1 --threads 1 -q"
# Each command line with its exit code.
SESSION = {
    f"train text.txt {FAST}": 0,
    "similar a unknown": 1,
    "convert model.safetensors model.txt --matrix sum": 0,
    "gradcheck -k random --json --dim 2 --vocab 4": 0,
    "train text.txt --dim 0": 2,
    "train": 2,
}
# Run the command lines one after the other in one process, and print the exit code of each.
PROGRAM = """
import sys
from w2v_cli.cli.main import run
for line in sys.argv[1:]:
    try:
        run(line.split())
    except SystemExit as done:
        print("exit code", done.code, flush=True)
"""


def answers(flags: list[str], folder: Path) -> tuple[str, list[bytes]]:
    """Return what the commands of the session print, and the files that they write."""
    folder.mkdir()
    (folder / "text.txt").write_text("a b c d a c\n" * 99)
    command = [sys.executable, *flags, "-c", PROGRAM, *SESSION]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "this is a bug" not in done.stderr
    return done.stdout, [(folder / name).read_bytes() for name in ("model.safetensors", "model.txt")]


def test_the_package_contains_no_assert_statement() -> None:
    for path in sorted((ROOT / "w2v_cli").rglob("*.py")):
        asserts = [node.lineno for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)]
        assert not asserts, f"{path}: {asserts}"


def test_models_answers_and_exit_codes_are_the_same(tmp_path: Path) -> None:
    plain = answers([], tmp_path / "plain")
    assert list(map(int, re.findall(r"^exit code (\d+)$", plain[0], re.MULTILINE))) == list(SESSION.values())
    assert answers(["-O"], tmp_path / "-O") == plain
    assert answers(["-OO"], tmp_path / "-OO") == plain


@pytest.mark.parametrize("flag", ["-O", "-OO"])
def test_every_command_has_its_options_in_its_help(flag: str) -> None:
    program = (
        "from w2v_cli.cli.main import COMMANDS, run\n"
        "for arguments in ([], *([name] for name in COMMANDS)):\n"
        "    try:\n"
        "        run([*arguments, '--help'])\n"
        "    except SystemExit as done:\n"
        "        if done.code != 0:\n"
        "            raise\n"
    )
    done = subprocess.run([sys.executable, flag, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    helps = done.stdout.split("Usage: ")[1:]
    assert len(helps) == len(COMMANDS) + 1
    for text in helps:
        assert "Options:" in text
        assert ("The explanations are missing because Python runs with -OO." in text) == (flag == "-OO")
        assert ("Examples:" in text) == (flag == "-O")
