"""Pictures of runs: what they show of the logs, and what is refused."""

from __future__ import annotations

import html
import json
import os
import re
import xml.etree.ElementTree as tree
from pathlib import Path
from typing import Any

import pytest

import w2v_cli as w2v
from w2v_cli.errors import ConfigError, LogFileError
from w2v_cli.pictures import curves

pytest.importorskip("matplotlib", reason="pictures need matplotlib")


def step(words: int, loss: float | None, **more: object) -> dict[str, Any]:
    values = {"epoch": 1, "seconds": words / 1e6, "alpha": 0.05 - words / 1e9, "words_per_second": 1e6, "rss_mb": 90.0}
    return {"event": "step", "words": words, "loss": loss, **values, **more}


RUN = [
    {"event": "start", "config": {}},
    step(1_000_000, None, words_per_second=None),
    step(2_000_000, 2.5),
    step(3_000_000, 2.5),
    step(4_000_000, 2.25),
    {"event": "end", "outcome": "finished"},
]
RESUMED = [*RUN[:4], {"event": "resume", "words": 2_000_000}, *RUN[3:]]


def write(path: Path, events: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def texts(path: Path) -> list[str]:
    """Return the texts of an SVG: matplotlib puts each, in a comment, before its outlines."""
    assert tree.parse(path).getroot().tag.endswith("svg")
    return [html.unescape(text) for text in re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_logs_give_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    logs = [write(tmp_path / "a.jsonl", RUN), write(tmp_path / "b.jsonl", RESUMED)]
    for name in ("one", "other"):
        assert w2v.plot_runs(logs, tmp_path / f"{name}{suffix}") == []
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()


def test_one_run_is_named_and_its_axes_say_what_they_are(tmp_path: Path) -> None:
    w2v.plot_runs([write(tmp_path / "wiki-300.jsonl", RUN)], tmp_path / "loss.svg")
    found = texts(tmp_path / "loss.svg")
    assert {"wiki-300", "loss, nats per prediction", "alpha", "words/s", "words trained", "4 M"} <= set(found)
    assert "resumed" not in found


def test_several_runs_have_a_legend_and_resumptions_are_marked(tmp_path: Path) -> None:
    logs = [write(tmp_path / "a.jsonl", RUN), write(tmp_path / "b.jsonl", RESUMED)]
    w2v.plot_runs(logs, tmp_path / "loss.svg")
    found = texts(tmp_path / "loss.svg")
    assert [text for text in found if text in ("a", "b", "resumed", "2 runs")] == ["2 runs", "a", "b", "resumed"]
    w2v.plot_runs(logs[1:], tmp_path / "loss.svg")
    assert texts(tmp_path / "loss.svg").count("resumed") == 1


def test_each_loss_is_drawn_once_where_it_was_measured(tmp_path: Path) -> None:
    log = w2v.read_run_log(write(tmp_path / "run.jsonl", RESUMED))
    assert curves._losses(log) == {2_000_000: 2.5, 4_000_000: 2.25}
    assert list(curves._column(log, "words_per_second")) == [2_000_000, 3_000_000, 4_000_000]


def test_a_run_without_a_measured_loss_is_drawn(tmp_path: Path) -> None:
    w2v.plot_runs([write(tmp_path / "run.jsonl", RUN[:2])], tmp_path / "loss.svg")
    assert "alpha" in texts(tmp_path / "loss.svg")


def test_a_damaged_line_is_reported(tmp_path: Path) -> None:
    log = write(tmp_path / "run.jsonl", RUN[:4])
    log.write_text(log.read_text() + '{"event": "st')
    (notice,) = w2v.plot_runs([log], tmp_path / "loss.svg")
    assert "line 5" in notice and (tmp_path / "loss.svg").exists()


@pytest.mark.parametrize(
    ("events", "sentence"),
    [([], "is not the log of a run"), (RUN[:1], "has no step yet"), ([{"a": 1}], "is not the log of a run")],
)
def test_a_log_without_training_is_a_sentence(events: list[dict[str, Any]], sentence: str, tmp_path: Path) -> None:
    log = write(tmp_path / "run.jsonl", events)
    with pytest.raises(LogFileError, match=sentence):
        w2v.plot_runs([log], tmp_path / "loss.svg")
    assert os.listdir(tmp_path) == ["run.jsonl"]


def test_no_log_and_a_path_that_is_no_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no log"):
        w2v.plot_runs([], tmp_path / "loss.svg")
    with pytest.raises(ConfigError, match="one path, not a list"):
        w2v.plot_runs("run.jsonl", tmp_path / "loss.svg")


def test_a_log_is_not_overwritten(tmp_path: Path) -> None:
    log = write(tmp_path / "run.svg", RUN)
    with pytest.raises(ConfigError, match="would overwrite"):
        w2v.plot_runs([log], log)
    assert log.read_text().startswith('{"event": "start"')


@pytest.mark.parametrize(
    ("content", "is_log"),
    [
        (b'{"event": "start"}\n', True),
        (b' {"a":', True),
        (b"{}\n", True),
        (b'{" 0.5 1\n', False),
        (b"{ 0.5 1\n", False),
        (b'{"\0\0\0\0\0\0\0{"__metadata__":{}', False),
        (b"", False),
    ],
)
def test_a_log_is_recognised_by_its_content(content: bytes, is_log: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert curves.is_log(tmp_path / "file") is is_log
    assert curves.is_log(tmp_path / "missing") is False
