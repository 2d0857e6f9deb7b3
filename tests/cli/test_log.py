"""`w2v log` and `--log`: one row per epoch, charts, several runs side by side, and files for TensorBoard."""

from __future__ import annotations

import io
import itertools
import json
import os
import pty
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call, call_for_lines

from w2v_cli.cli import charts
from w2v_cli.cli.charts import ASCII, BLOCKS

OPTIONS = ("--dim", "4", "--min-count", "1", "--threads", "1", "--subsample", "0", "-q")


def write_log(path: str, losses: list[float | None], end: dict[str, Any] | None = None) -> None:
    """Write the log of a run with epochs of 1,000 words, each of which takes half a second."""
    lines: list[dict[str, Any]] = [
        {
            "event": "start",
            "time": "2026-01-02T03:04:05Z",
            "config": {"model": "cbow", "loss": "hs", "dim": 7},
            "total_words": 10_000,
        }
    ]
    for epoch, loss in enumerate(losses, 1):
        facts = {"words": 1_000 * epoch, "epoch": epoch, "seconds": epoch / 2, "loss": loss, "alpha": 0.1 / epoch}
        lines.append({"event": "step", **facts, "words_per_second": 2_000.0, "rss_mb": 100.5})
        lines.append({"event": "epoch", **facts, "words_per_second": 2_000.0})
    lines += [] if end is None else [{"event": "end", **end}]
    Path(path).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    write_log("a.jsonl", [4.0, 3.0, 2.0], {"outcome": "finished"})
    write_log("b.jsonl", [4.5, None])


def test_train_writes_a_log_that_log_shows(capsys: pytest.CaptureFixture[str]) -> None:
    Path("corpus.txt").write_text("a b c d\n" * 100)
    code, _, err = call(capsys, "train", "corpus.txt", *OPTIONS, "--log", "run.jsonl", "--epochs", "3", "--json")
    assert (code, err) == (0, "")
    code, lines, err = call_for_lines(capsys, "log", "run.jsonl")
    assert code == 0 and err.startswith("run.jsonl: skipgram ns, 4 dimensions; finished after ")
    assert [line.split()[0] for line in lines[:4]] == ["epoch", "1", "2", "3"]
    assert lines[0].split() == ["epoch", "loss", "alpha", "words/s", "time"]


def test_a_run_that_has_not_begun_to_train_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.jsonl").write_text('{"event": "start", "config": {"model": "cbow"}, "corpus_fingerprint": null}\n')
    reading = "new.jsonl: cbow; is reading its corpus, or was ended while it did\n"
    assert call(capsys, "log", "new.jsonl") == (0, "", reading)
    code, out, err = call(capsys, "log", "new.jsonl", "a.jsonl")
    assert code == 0 and err.startswith(reading) and out.splitlines()[1].split() == ["1", "–", "4.0000"]


def test_an_epoch_is_a_row_and_a_chart_follows(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, err = call_for_lines(capsys, "log", "a.jsonl")
    assert (code, err) == (0, "a.jsonl: cbow hs, 7 dimensions; finished after 1.5 s\n")
    assert [line.split() for line in lines[1:4]] == [
        ["1", "4.0000", "0.1", "2,000", "0.5", "s"],
        ["2", "3.0000", "0.05", "2,000", "1.0", "s"],
        ["3", "2.0000", "0.03333", "2,000", "1.5", "s"],
    ]
    assert lines[4:6] == ["", "loss from 1,000 to 3,000 words"]
    drawing = lines[6:16]
    assert drawing[0].startswith("4  █") and drawing[-1].startswith("2  █") and max(map(len, lines)) <= 80
    # A straight line falls from the left to the right: each row is longer than the one above it.
    assert all(len(upper) < len(lower) for upper, lower in itertools.pairwise(drawing))
    assert lines[16:] == ["alpha    █▃▁  0.1 to 0.03333", "words/s  ▄▄▄  2,000 to 2,000"]


def test_a_run_that_goes_on_or_was_killed_is_shown_as_far_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, err = call_for_lines(capsys, "log", "b.jsonl")
    assert (code, err) == (
        0,
        "b.jsonl: cbow hs, 7 dimensions; has not ended: going on, or killed after 1.0 s, at 20%\n",
    )
    assert lines[2].split()[:2] == ["2", "–"]
    write_log("empty.jsonl", [], {"outcome": "diverged", "message": "too fast"})
    code, lines, err = call_for_lines(capsys, "log", "empty.jsonl")
    assert (code, lines) == (0, []) and err.endswith("; diverged (too fast)\n")


def test_runs_are_compared_by_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = call_for_lines(capsys, "log", "a.jsonl", "b.jsonl")
    assert code == 0
    assert [line.split() for line in lines[:4]] == [
        ["epoch", "a", "b"],
        ["1", "4.0000", "4.5000"],
        ["2", "3.0000", "–"],
        ["3", "2.0000", "–"],
    ]
    assert [line.split()[0] for line in lines[4:6]] == ["words/s", "time"]
    # All runs have one scale: the highest mark is 4.5, the lowest is 2.
    assert lines[6:] == ["a  ▇▄▁  4.0000 to 2.0000", "b  █  4.5000 to 4.5000"]
    os.mkdir("long")
    write_log("long/a.jsonl", [1.0])
    code, lines, _ = call_for_lines(capsys, "log", "a.jsonl", "long/a.jsonl")
    assert lines[0].split() == ["epoch", "a.jsonl", "long/a.jsonl"]


def test_json_has_an_object_for_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, err = call_for_lines(capsys, "log", "a.jsonl", "b.jsonl", "--json")
    found = [json.loads(line) for line in lines]
    assert (code, err) == (0, "")
    assert [(row["file"], row["epoch"], row["loss"]) for row in found] == [
        ("a.jsonl", 1, 4.0),
        ("a.jsonl", 2, 3.0),
        ("a.jsonl", 3, 2.0),
        ("b.jsonl", 1, 4.5),
        ("b.jsonl", 2, None),
    ]


def test_what_is_wrong_with_a_log_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with open("a.jsonl", "a") as file:
        file.write('{"event": "st')
    _, _, err = call(capsys, "log", "a.jsonl")
    assert err.startswith("Note: a.jsonl: left out line 9: cut short or damaged\n")
    Path("text").write_text("a b\n")
    assert call(capsys, "log", "text") == (
        3, "", "Error: text is not the log of a run\nHint: w2v train --log makes one\n"
    )  # fmt: skip


def test_without_utf8_a_chart_is_ascii() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "w2v_cli", "log", "a.jsonl"]
    chart = subprocess.run(command, env=environment, capture_output=True, check=True).stdout.splitlines()[6:]
    assert b"".join(chart).isascii() and chart[0].startswith(b"4  #")


def test_a_terminal_sees_the_course_of_the_loss_when_training_ends(capsys: pytest.CaptureFixture[str]) -> None:
    Path("corpus.txt").write_text("a b c d\n" * 100)
    arguments = ["train", "corpus.txt", *OPTIONS[:-1], "--epochs", "3"]
    command = [sys.executable, "-m", "w2v_cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    leader, follower = pty.openpty()
    with subprocess.Popen(command, env=environment, stderr=follower) as process:
        os.close(follower)
        said = b""
        try:
            while part := os.read(leader, 4096):
                said += part
        except OSError:  # the other end is closed
            pass
        assert process.wait() == 0
    os.close(leader)
    [line] = [line for line in said.decode().splitlines() if line.startswith("Loss  ")]
    assert len(line) == len("Loss  ") + 3 and set(line[6:]) <= set(BLOCKS)
    code, _, plain = call(capsys, *arguments)
    assert code == 0 and "Loss by epoch" in plain and "Loss  " not in plain


def test_a_sparkline_has_a_mark_for_each_point_or_fills_the_width() -> None:
    points = [(x, float(x)) for x in range(8)]
    assert charts.sparkline(points, 80, BLOCKS) == BLOCKS
    assert charts.sparkline(points[::-1], 80, ASCII) == ASCII[::-1]
    assert charts.sparkline([(x, float(x)) for x in range(1_000)], 8, BLOCKS) == BLOCKS
    assert charts.sparkline([(0, 3.0)], 8, BLOCKS) == "▄"
    powers = [(x, 10.0**x) for x in range(8)]
    assert charts.sparkline(powers, 80, BLOCKS) == "▁▁▁▁▁▁▂█"
    assert charts.sparkline(powers, 80, BLOCKS, (), True) == BLOCKS
    assert charts.needs_logarithm(powers) and not charts.needs_logarithm([(0, -5.0), (1, 5.0)])


@pytest.mark.parametrize("encoding, marks", [("utf-8", BLOCKS), ("UTF8", BLOCKS), ("latin-1", ASCII)])
def test_the_marks_are_those_that_a_stream_can_show(encoding: str, marks: str) -> None:
    assert charts.marks_for(io.TextIOWrapper(io.BytesIO(), encoding)) == marks
    assert charts.marks_for(None) == ASCII


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the values in an event file by tag, each with its step. A record is a length, a sum, bytes and a sum."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack_from("<Q", data)
        event = Event.FromString(data[12 : 12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
        data = data[16 + length :]
    return found


def test_tensorboard_gets_the_same_values(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed ")
    for _ in range(2):
        code, _, err = call(capsys, "log", "a.jsonl", "b.jsonl", "--tensorboard", "tb")
        assert code == 0 and "Wrote tb/a/events.out.tfevents.w2v, tb/b/events.out.tfevents.w2v\n" in err
    assert sorted(path.name for path in Path("tb").rglob("*.*")) == ["events.out.tfevents.w2v"] * 2
    found = scalars(Path("tb/a/events.out.tfevents.w2v"))
    assert found["loss"] == [(1_000, 4.0), (2_000, 3.0), (3_000, 2.0)]
    assert found["epoch/loss"] == [(1, 4.0), (2, 3.0), (3, 2.0)]
    assert found["alpha"] == [(1_000 * k, float(np.float32(0.1 / k))) for k in (1, 2, 3)]
    assert scalars(Path("tb/b/events.out.tfevents.w2v"))["loss"] == [(1_000, 4.5)]


@pytest.mark.parametrize("folder", ["s3://bucket/tb", ""])
def test_tensorboards_files_go_into_a_folder_of_this_machine(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    before = sorted(Path().iterdir())
    code, out, err = call(capsys, "log", "a.jsonl", "--tensorboard", folder)
    assert (code, out) == (3, "") and f"Error: {folder!r} is not a folder of this machine" in err
    assert sorted(Path().iterdir()) == before


def test_without_tensorboardx_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    code, out, err = call(capsys, "log", "a.jsonl", "--tensorboard", "tb")
    assert (code, out) == (3, "") and "pip install tensorboardX" in err and not Path("tb").exists()


def test_a_log_becomes_a_table_for_a_spreadsheet(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = call_for_lines(capsys, "log", "--csv", "a.jsonl", "b.jsonl")
    assert code == 0
    assert lines[0] == "file,epoch,words,loss,alpha,words_per_second,seconds"
    assert lines[1] == "a.jsonl,1,1000,4.0,0.1,2000.0,0.5"
    assert lines[-1] == "b.jsonl,2,2000,,0.05,2000.0,1.0"
