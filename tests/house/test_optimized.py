"""`python -O` and `python -OO`, which remove assert statements and docstrings: everything is the same but the help."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from w2v_cli.cli.main import COMMANDS


def w2v(flags: list[str], folder: Path, *arguments: str) -> tuple[int, str]:
    """The command line's exit code and stdout."""
    command = [sys.executable, *flags, "-m", "w2v_cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "this is a bug" not in done.stderr
    return done.returncode, done.stdout


def answers(flags: list[str], folder: Path) -> list[object]:
    """What some commands print and write."""
    folder.mkdir()
    (folder / "text.txt").write_text("a b c d a c\n" * 99)
    fast = ["--min-count", "1", "--dim", "8", "--epochs", "1", "--threads", "1", "-q"]
    return [
        w2v(flags, folder, "train", "text.txt", *fast),
        (folder / "model.safetensors").read_bytes(),
        w2v(flags, folder, "similar", "a", "unknown"),
        w2v(flags, folder, "convert", "model.safetensors", "model.txt", "--matrix", "sum"),
        (folder / "model.txt").read_bytes(),
        w2v(flags, folder, "gradcheck", "-k", "random", "--json"),
        w2v(flags, folder, "train", "text.txt", "--dim", "0"),
        w2v(flags, folder, "train"),
    ]


def test_nothing_hangs_on_an_assert_statement() -> None:
    for path in sorted((ROOT / "w2v_cli").rglob("*.py")):
        asserts = [node.lineno for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)]
        assert not asserts, f"{path}: {asserts}"


def test_models_answers_and_exit_codes_are_the_same(tmp_path: Path) -> None:
    plain = answers([], tmp_path / "plain")
    assert [answer[0] for answer in plain if isinstance(answer, tuple)] == [0, 1, 0, 0, 2, 2]
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
