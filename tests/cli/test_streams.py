"""Streams that cannot be written or read: a message is dropped, a lost answer is an error, a run continues."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from conftest import load_vectors

W2V = f"{sys.executable} -m w2v_cli"
FAST = "--min-count 1 --dim 4 --subsample 0 --threads 1"
# Every command that answers on stdout, with a question that has an answer.
ANSWERING = [
    "--help",
    "--version",
    "train --help",
    "vocab c.txt",
    "vocab c.txt --json",
    "phrases c.txt -o -",
    "phrases c.txt -o p.txt --json --min-count 1 --threshold 0",
    f"train c.txt {FAST} --json",
    "similar the",
    "similar the --json",
    "analogy the cat sat",
    "odd the cat sat",
    "distance the cat sat",
    "predict the cat",
    "eval pairs.tsv",
    "eval pairs.tsv --csv",
    "info m",
    "info m --json",
    "convert m v.txt --json",
    "gradcheck -k sigmoid",
]
# Those that say on stderr what they have done, and answer nothing.
TELLING = [f"train c.txt {FAST}", "phrases c.txt -o p.txt", "convert m v.npy"]
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
FULL = pytest.param("/dev/full", marks=needs_full)


def on_closed_and_full(commands: list[str], full: list[str]) -> list[Any]:
    """Return pairs of a command and the state of its stream: closed for all, a full disk for one of each kind."""
    closed = [("&-", command) for command in commands]
    return closed + [pytest.param("/dev/full", command, marks=needs_full) for command in full]


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "c.txt").write_text("the cat sat on the mat\n" * 50)
    (folder / "pairs.tsv").write_text("the\tcat\t5\nsat\ton\t3\nmat\tthe\t1\n")
    shell(folder, f"train c.txt {FAST} -q -o m")
    return folder


def shell(folder: Path, command: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run `w2v` with arguments and redirections in a shell."""
    line = f"{W2V} {command}"
    environment = {**os.environ, "W2V_MODEL": "m"}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("target", "command"),
    on_closed_and_full(ANSWERING, ["--help", "vocab c.txt", "vocab c.txt --json", "eval pairs.tsv", "info m --json"]),
)
def test_an_answer_that_cannot_be_written_is_a_sentence_and_an_exit_code(
    folder: Path, target: str, command: str
) -> None:
    done = shell(folder, f"{command} >{target}")
    assert done.returncode == 3, done.stderr
    assert "Error: cannot write the answer to stdout: " in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.parametrize(("target", "command"), on_closed_and_full(TELLING, TELLING[:1]))
def test_a_command_without_an_answer_needs_no_stdout(folder: Path, target: str, command: str) -> None:
    done = shell(folder, f"{command} >{target}")
    assert (done.returncode, "Error" in done.stderr) == (0, False)


@pytest.mark.parametrize(("target", "command"), on_closed_and_full([*ANSWERING, *TELLING], TELLING))
def test_a_command_whose_messages_cannot_be_written_goes_on_in_silence(folder: Path, target: str, command: str) -> None:
    done = shell(folder, f"{command} 2>{target}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout or command in TELLING


@pytest.mark.parametrize(
    ("command", "code"),
    [("nonsense", 2), ("similar", 2), ("similar nope", 1), ("train none.txt", 3), ("--debug info none", 3)],
)
@pytest.mark.parametrize("target", ["&-", FULL])
def test_an_error_that_cannot_be_told_keeps_its_exit_code(folder: Path, target: str, command: str, code: int) -> None:
    assert shell(folder, f"{command} 2>{target}").returncode == code


@pytest.mark.parametrize("command", [*ANSWERING, *TELLING])
def test_a_command_that_reads_no_stdin_needs_none(folder: Path, command: str) -> None:
    done = shell(folder, f"{command} <&-")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "train -",
        "vocab -",
        "phrases - -o p.txt",
        "similar -",
        "similar --words-from -",
        "similar --vector-of -",
        "analogy -",
        "odd -",
        "distance -",
        "predict -",
        "eval -",
        "shell",
    ],
)
def test_a_closed_stdin_that_is_to_be_read_is_a_sentence(folder: Path, command: str) -> None:
    done = shell(folder, f"{command} <&-")
    assert done.returncode == 3 and "stdin is closed" in done.stderr and "Traceback" not in done.stderr


def test_help_for_a_reader_that_has_gone_is_silent(folder: Path) -> None:
    # bash reports the exit code of every part of the pipe.
    line = f"{W2V} train --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom w2v_cli.cli.streams import guard_streams\nguard_streams()\n"
        "file = open('model', 'wb')\nos.write(2, b'Interrupted')\nsys.exit(file.fileno() <= 2)"
    )
    line = f'{sys.executable} -c "{program}" 0<&- 1>&- 2>&-'
    assert subprocess.run(["sh", "-c", line], cwd=tmp_path).returncode == 0
    assert (tmp_path / "model").read_bytes() == b""


LONG = "train c.txt --subsample 0 --dim 4 --min-count 1 --threads 1 --epochs 10000000"


def test_a_run_whose_terminal_has_gone_goes_on_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("the cat sat on the mat\n" * 2000)
    ours, theirs = pty.openpty()
    # 24 lines of 80 letters; on a terminal without columns there is no bar.
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    command = [*W2V.split(), *LONG.replace("10000000", "500").split()]
    with subprocess.Popen(command, cwd=tmp_path, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = b""
        while b"\rTraining " not in shown:
            shown += os.read(ours, 1000)
        os.close(ours)
        assert process.wait() == 0
    assert len(load_vectors(tmp_path / "model.safetensors")) == 5


@pytest.mark.parametrize("target", ["&-", FULL])
def test_a_signal_that_cannot_be_acknowledged_keeps_what_was_learnt(tmp_path: Path, target: str) -> None:
    (tmp_path / "c.txt").write_text("the cat sat on the mat\n" * 200)
    command = ["sh", "-c", f"exec {W2V} {LONG} --checkpoint run --checkpoint-every 0.1s 2>{target}"]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        while not (tmp_path / "run" / "checkpoint-0.safetensors").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    assert not (tmp_path / "model.safetensors").exists()
