"""Progress: a bar on a terminal, and elsewhere now and then a line that says how much is left."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from w2v_cli.cli import progress
from w2v_cli.cli.bar import Bar, bar_line
from w2v_cli.cli.progress import ProgressLine, scaled
from w2v_cli.training.state import Progress

# What a very long run of a large model shows.
PARTS = ["Training 35%", "loss 10.1234", "123 h 5 min left", "12.3k words/s", "epoch 1000"]
ALPHA = ["alpha 0.0123"]


def test_plain_lines_tell_the_speed_of_this_run_and_guess_no_end_before_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now, clock = [0.0], ["2026-11-26 23:59:40"]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress.time, "strftime", lambda form: clock[0] if " " in form else clock[0].split()[0])
    line = ProgressLine(quiet=False)
    attributes = set(vars(line))
    # The run is resumed at half of its tokens. First nothing is done, then a tenth of all tokens, after midnight.
    for seconds, tokens, time in ((0, 5000, "23:59:40"), (20, 5000, "23:59:59"), (40, 6000, "")):
        now[0], clock[0] = float(seconds), f"2026-11-26 {time}" if time else "2026-11-27 00:00:19"
        line.training(Progress(tokens, 10_000, 1, 0.025, None, 0.0))
    line.say("Done")
    assert capsys.readouterr().err.splitlines() == [
        "23:59:59 Training 50%, loss –, 0 words/s, epoch 1, alpha 0.0250",
        "2026-11-27 00:00:19 Training 60%, loss –, 2 min 40 s left, 25 words/s, epoch 1, alpha 0.0250",
        "2026-11-27 00:00:19 Done",
    ]
    assert set(vars(line)) == attributes, "some are made later than in __init__"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (120, "Training 35%, loss 10.1234, 123 h 5 min left, 12.3k words/s, epoch 1000, alpha 0.0123 [########"),
        (79, "Training 35%, loss 10.1234, 123 h 5 min left, 12.3k words/s, epoch 1000"),
        (59, "Training 35%, loss 10.1234, 123 h 5 min left, 12.3k words/s"),
        (39, "Training 35%, loss 10.1234 [###.......]"),
        (26, "Training 35%, loss 10.1234"),
        (5, "Train"),
    ],
)
def test_the_bar_gives_way_to_the_loss(columns: int, line: str) -> None:
    shown = bar_line(PARTS, ALPHA, 0.35, columns)
    assert len(shown) <= columns
    assert shown.startswith(line) if columns == 120 else shown == line


def test_a_bar_shows_the_share_that_is_done() -> None:
    for share, bar in ((0.0, "." * 10), (0.55, "#####....."), (1.0, "#" * 10)):
        assert bar_line(["a"], [], share, len("a []") + 10) == f"a [{bar}]"
    assert bar_line(["a"], [], None, 80) == "a"
    # The bar is not longer than it must be, however wide the terminal is.
    assert len(bar_line(["a"], [], 0.5, 500)) == len("a []") + 40


def test_a_bar_never_waits_in_a_buffer_for_a_signal_handler_to_write_first(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    with open(read_end, "rb", buffering=0) as terminal, open(write_end, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        bar, flush = Bar(), stderr.flush
        monkeypatch.setattr(stderr, "flush", lambda: terminal.read(0))
        bar.draw(["Training 1%"], [], 0.01)
        assert terminal.read(1000).startswith(b"\rTraining 1% [")
        bar.erase()
        assert not terminal.read(1000).strip()
        monkeypatch.setattr(stderr, "flush", flush)


def test_numbers_have_three_digits() -> None:
    numbers = (0, 25, 999.4, 999.5, 12_345, 7_712_000, 3e9, 4.2e12)
    assert [scaled(number) for number in numbers] == ["0", "25", "999", "1k", "12.3k", "7.71M", "3G", "4.2T"]


@pytest.mark.parametrize("columns", [120, 80, 60, 40])
@pytest.mark.parametrize("stop", ["ctrl-c", "SIGTERM"])
def test_a_terminal_shows_the_loss_and_a_signal_erases_the_bar_first(tmp_path: Path, columns: int, stop: str) -> None:
    (tmp_path / "corpus.txt").write_text("the cat sat on the mat\n" * 2000)
    options = ("--subsample", "0", "--dim", "8", "--threads", "1", "--epochs", "1000000")
    command = [sys.executable, "-m", "w2v_cli", "train", "corpus.txt", *options]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))

    def own_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=own_terminal,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = read_until(ours, rb"loss \d")
        # What ends a command at a terminal is the terminal's own Ctrl-C.
        if stop == "ctrl-c":
            os.write(ours, b"\x03")
        else:
            process.send_signal(signal.SIGTERM)
        shown += read_until(ours, None)
        assert process.wait() == (130 if stop == "ctrl-c" else 143)
    os.close(ours)
    text = shown.decode()
    assert all(len(part.rstrip()) < columns for part in re.split("[\r\n]", text) if "Training " in part and "%" in part)
    lines = [visible(line) for line in text.split("\n")]
    interrupted = next(line for line in lines if "Interrupted" in line)
    assert interrupted == "Interrupted: finishing what has begun; interrupt again to quit at once"
    assert lines[lines.index(interrupted) + 1].startswith("Stopped in epoch ")
    assert not [line for line in lines if re.search("Training .*%|\\^C", line)]


def read_until(terminal: int, pattern: bytes | None) -> bytes:
    """Return what a terminal shows until there is a pattern in it, or until its programs have ended."""
    shown = b""
    while pattern is None or not re.search(pattern, shown):
        try:
            shown += os.read(terminal, 1 << 16)
        except OSError:  # nobody has the other side open any more
            break
    return shown


def visible(line: str) -> str:
    """Return what stays on the screen of a line with carriage returns in it."""
    screen = ""
    for part in line.split("\r"):
        screen = part + screen[len(part) :]
    return screen.rstrip()
