"""Progress where stderr is no terminal: a line every so often, which tells what is left."""

from __future__ import annotations

import pytest

from w2v_cli.cli import progress
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.training.state import Progress


def test_plain_lines_tell_the_speed_of_this_run_and_guess_no_end_before_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    line = ProgressLine(quiet=False)
    attributes = set(vars(line))
    # A run that is resumed in its middle: nothing yet, then a tenth of all.
    for seconds, tokens in ((0, 5000), (20, 5000), (40, 6000)):
        now[0] = float(seconds)
        line.training(Progress(tokens, 10_000, 1, 0.025, None, 0.0))
    assert capsys.readouterr().err.splitlines() == [
        "Training 50%, 0 words/s, epoch 1, alpha 0.0250, loss –",
        "Training 60%, 2 min 40 s left, 25 words/s, epoch 1, alpha 0.0250, loss –",
    ]
    assert set(vars(line)) == attributes, "some are made later than in __init__"
