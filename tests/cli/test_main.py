"""The program: help without waiting, errors as sentences, exit codes, pipes that are closed, Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import numpy as np
import pytest
from conftest import ROOT, assert_a_closed_pipe_is_silent

import w2v_cli.cli.main as door
from w2v_cli.cli.console import printable
from w2v_cli.config import TrainConfig
from w2v_cli.errors import ConfigError, GoldFileError
from w2v_cli.formats.model_file import save_model


def w2v(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "w2v_cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]


def test_help_names_the_commands_in_the_order_of_their_use() -> None:
    done = w2v("--help")
    assert (done.returncode, done.stderr) == (0, "")
    commands = done.stdout.split("Commands:")[1].split("\n")
    assert [line.split()[0] for line in commands if line.strip()] == list(door.COMMANDS)


def test_help_imports_neither_numpy_nor_numba() -> None:
    script = (
        "import sys\n"
        "from w2v_cli.cli.main import run\n"
        "try:\n    run(['--help'])\n"
        "finally:\n    print([name for name in ('numpy', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command",
    [
        "similar -m model.safetensors up",
        "info model.safetensors",
        "odd -m model.safetensors up down left",
        "predict -m model.safetensors up",
        "convert model.safetensors a.bin",
        "convert model.safetensors a.npy",
    ],
)
def test_a_question_to_a_model_does_not_import_numba(command: str, tmp_path: Path) -> None:
    matrix, config = np.eye(3, 4, dtype=np.float32), json.dumps(TrainConfig(dim=4).as_dict())
    tables = {"input_vectors": matrix, "output_vectors": matrix}
    save_model(tmp_path / "model.safetensors", ["up", "down", "left"], np.ones(3, np.int64), tables, {"config": config})
    script = (
        "import sys\n"
        "from w2v_cli.cli.main import run\n"
        f"try:\n    run({command.split()})\n"
        "finally:\n    print([name for name in ('numba', 'llvmlite') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", list(door.COMMANDS))
def test_every_command_has_a_short_first_sentence_and_three_examples_before_its_options(name: str) -> None:
    with click.Context(door.w2v, info_name="w2v") as context:
        command = door.w2v.get_command(context, name)
        assert command is not None
        with click.Context(command, info_name=name, parent=context) as inner:
            text = command.get_help(inner)
    first = (command.help or "").split("\n\n")[0].strip()
    assert first.endswith(".") and first.count(".") == 1 and len(first) <= 60
    assert text.split("Options:")[0].count(f"w2v {name}") >= 1 + 3  # the usage line and three examples


@pytest.mark.parametrize("name", ["", *door.COMMANDS])
def test_every_help_page_fits_a_terminal_of_80_columns(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setenv("COLUMNS", "80")
        door.run([*filter(None, [name]), "--help"])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


def test_ctrl_c_before_the_program_has_begun_is_silent(tmp_path: Path) -> None:
    # Ctrl-C arrives during the import of click, one of the first modules that are loaded.
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = w2v("--help", env={**os.environ, "PYTHONPATH": path})
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_while_the_streams_are_set_up_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(door, "guard_streams", interrupt)
    with pytest.raises(SystemExit) as caught:
        door.run(["--version"])
    assert (caught.value.code, capsys.readouterr()) == (130, ("", ""))


def test_the_version_is_told() -> None:
    done = w2v("--version")
    assert done.returncode == 0 and done.stdout.startswith("w2v, version ")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Add a command `w2v fail` that raises the error."""

    @click.command()
    def fail() -> NoReturn:
        raise error

    monkeypatch.setitem(door.w2v.commands, "fail", fail)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (GoldFileError("no good", hint="try more"), 3, "Error: no good\nHint: try more\n"),
        (ConfigError("--dim 0 is too small"), 2, "Error: --dim 0 is too small\n"),
        (GoldFileError("esc \x1b[2J"), 3, "Error: esc \\u001b[2J\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.bin"),
            3,
            "Error: out.bin: No space left on device\n",
        ),
        (
            MemoryError("Unable to allocate 9 TiB"),
            3,
            "Error: not enough memory: Unable to allocate 9 TiB\nHint: ",
        ),
        (ZeroDivisionError("oh"), 3, "Error: ZeroDivisionError: oh\nHint: this is a bug"),
        (KeyboardInterrupt(), 130, "Interrupted\n"),
        (EOFError("Ran out of input"), 3, "Error: EOFError: Ran out of input\nHint: this is a bug"),
        (click.UsageError("not so"), 2, "Usage: w2v fail"),
    ],
)
def test_an_error_becomes_a_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str,
) -> None:
    failing(monkeypatch, error)
    with pytest.raises(SystemExit) as caught:
        door.run(["fail"])
    captured = capsys.readouterr()
    assert caught.value.code == code
    assert captured.out == ""
    assert captured.err.lstrip("\n").startswith(message)
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("simlar", "No such command 'simlar'. Did you mean 'similar'?"),
        ("trian", "No such command 'trian'. Did you mean 'train'?"),
        ("xyzzy", f"No such command 'xyzzy'. It must be one of {', '.join(door.COMMANDS)}."),
    ],
)
def test_a_mistyped_command_is_told_what_may_have_been_meant(name: str, message: str) -> None:
    done = w2v(name, "king")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.endswith(f"Error: {message}\n")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    for arguments in (["--debug", "similar", "king"], ["similar", "king", "--debug"]):
        done = w2v(*arguments, "-m", str(tmp_path / "none"))
        assert done.returncode == 3
        assert "Traceback" in done.stderr and "Error: there is no file" in done.stderr


@pytest.fixture
def model(tmp_path: Path) -> str:
    words = [f"w{i}" for i in range(20_000)]
    matrix = np.random.default_rng(0).standard_normal((len(words), 2)).astype(np.float32)
    path = tmp_path / "model.safetensors"
    save_model(path, words, np.ones(len(words), dtype=np.int64), {"input_vectors": matrix}, {})
    return str(path)


def test_a_closed_pipe_is_silent(model: str) -> None:
    assert_a_closed_pipe_is_silent("similar", "-m", model, "-k", "19000", "w0")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_under_stdout_is_one_sentence(model: str) -> None:
    command = [sys.executable, "-m", "w2v_cli", "similar", "-m", model, "w0"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert done.stderr.startswith("Error: ") and "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    from w2v_cli.cli.console import _coloured

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" in _coloured("Error", fg="red")
    monkeypatch.setenv("NO_COLOR", "1")
    assert _coloured("Error", fg="red") == "Error"


def test_control_characters_are_shown_and_letters_left_alone() -> None:
    assert printable("a\tb\x9b\u202e\ud800") == "a\\u0009b\\u009b\\u202e\\ud800"
    assert printable("Köln 한국 \u00a0\u3000 👩\u200d🔬") == "Köln 한국 \u00a0\u3000 👩\u200d🔬"
