"""The log of a run: what is written, what a reader makes of it after kills, and what is never overwritten."""

from __future__ import annotations

import errno
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from conftest import RUN_CONFIG, everything

import w2v_cli as w2v
from w2v_cli.errors import ConfigError, DivergedError, LogFileError, ModelFileError, StoppedError
from w2v_cli.storage.strict_json import strict_json
from w2v_cli.training import log_writer
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import resume_training, train_model
from w2v_cli.training.run_log import COLUMNS, RunLog, read_run_log, short_names

# Three blocks an epoch.
CORPUS, TOKENS = "a b c d\ne a\n" * 2_500 + "f a b\n" * 4_000, 27_000
CONFIG = replace(RUN_CONFIG, epochs=4)


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(CORPUS)


def refuse_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


def events(path: str) -> list[dict[str, Any]]:
    """Return the events of a log, by a parser that takes nothing but JSON."""
    text = Path(path).read_bytes().decode()
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refuse_constant) for line in text.split("\n")[:-1]]


def train(log: str = "run.jsonl", observer: Observer | None = None, **options: Any) -> Any:
    return train_model(["corpus.txt"], replace(CONFIG, **options), None, "model", observer, log=log)


def course(log: RunLog) -> list[tuple[int, float]]:
    return [(epoch["words"], epoch["loss"]) for epoch in log.epochs]


def test_a_log_says_what_the_run_was_and_what_it_reports_at_its_end() -> None:
    run = train()
    lines = events("run.jsonl")
    assert [line["event"] for line in lines] == ["start", *["step", "epoch"] * 4, "end"]
    start, end = lines[0], lines[-1]
    assert start["config"] == CONFIG.as_dict() and start["versions"]["w2v"] == w2v.__version__
    assert start["corpus_fingerprint"] == run.corpus_fingerprint
    assert (start["corpus_tokens"], start["total_words"], start["vocabulary"]) == (TOKENS, 4 * TOKENS, 6)
    assert (end["outcome"], end["words"], end["loss"]) == ("finished", 4 * TOKENS, run.trained.losses[-1])
    log = read_run_log("run.jsonl")
    assert course(log) == [(TOKENS * (epoch + 1), loss) for epoch, loss in enumerate(run.trained.losses)]
    assert log.steps["words"] == [TOKENS, 2 * TOKENS, 3 * TOKENS, 4 * TOKENS] and log.steps["epoch"] == [1, 2, 3, 4]
    assert log.steps["alpha"] == pytest.approx([0.03, 0.02, 0.01, 4e-6], abs=1e-5)
    assert all(rss > 1 for rss in log.steps["rss_mb"]) and sorted(log.steps["seconds"]) == log.steps["seconds"]
    assert (log.start, log.end, log.resumed_at, log.notices) == (start, end, [], [])


def test_the_time_between_two_steps_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "STEP_SECONDS", 0.0)
    train()
    words = read_run_log("run.jsonl").steps["words"]
    assert words == sorted(words) and words[-1] == 4 * TOKENS


def test_a_log_does_not_change_the_model() -> None:
    train()
    train_model(["corpus.txt"], CONFIG, None, "plain")
    assert Path("model").read_bytes() == Path("plain").read_bytes()


class Killer(Observer):
    """Kills its process as soon as a number of losses have been measured."""

    left = 3

    def measured(self, point: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def train_and_die() -> int:
    """Begin the run in the working folder, or resume it, in a process of its own; return how that has ended."""
    child = os.fork()
    if child == 0:
        try:
            if Path("run").exists():
                resume_training("run", {"output": "killed"}, Killer())
            else:
                train_model(["corpus.txt"], CONFIG, None, "killed", Killer(), "run", 1e-9, log="killed.jsonl")
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_run_that_is_killed_again_and_again_logs_each_step_once() -> None:
    train("whole.jsonl")
    kills = 0
    while (code := train_and_die()) != 0:
        assert code == -signal.SIGKILL and kills < 12
        kills += 1
    assert kills > 1
    lines = events("killed.jsonl")
    assert [line["event"] for line in lines].count("resume") == kills
    whole, killed = read_run_log("whole.jsonl"), read_run_log("killed.jsonl")
    assert course(killed) == course(whole) and killed.end is not None and killed.notices == []
    # There is a checkpoint, and so a loss, after every block or two.
    assert sorted(set(killed.steps["words"])) == killed.steps["words"] and len(killed.resumed_at) == kills
    assert set(whole.losses) < set(killed.losses)
    assert sorted(killed.steps["seconds"]) == killed.steps["seconds"]
    assert Path("killed").read_bytes() == Path("model").read_bytes()


def test_steps_after_the_checkpoint_that_a_run_resumes_from_are_dropped() -> None:
    Path("log").write_text(
        '{"event": "start", "total_words": 40}\n'
        '{"event": "step", "words": 10, "epoch": 1, "loss": 3}\n'
        '{"event": "epoch", "words": 10, "epoch": 1, "loss": 3}\n'
        '{"event": "step", "words": 20, "epoch": 2, "loss": 2.5}\n'
        '{"event": "epoch", "words": 20, "epoch": 2, "loss": 2.5}\n'
        '{"event": "end", "outcome": "stopped"}\n'
        '{"event": "resume", "words": 10, "total_words": 50}\n'
        '{"event": "step", "words": 15, "epoch": 2, "loss": 2.75}\n'
    )
    log = read_run_log("log")
    assert (log.steps["words"], log.steps["loss"]) == ([10, 15], [3.0, 2.75])
    assert [epoch["epoch"] for epoch in log.epochs] == [1]
    assert (log.end, log.resumed_at, log.total_words) == (None, [10], 50)


def test_a_loss_that_is_measured_where_a_step_is_already_is_one_step() -> None:
    Path("log").write_text(
        '{"event": "start"}\n'
        '{"event": "step", "words": 10, "epoch": 1, "loss": 3}\n'
        '{"event": "step", "words": 20, "epoch": 1, "loss": 3}\n'
        '{"event": "step", "words": 20, "epoch": 2, "loss": 2}\n'
        '{"event": "resume", "words": 20}\n'
        '{"event": "step", "words": 20, "epoch": 2, "loss": 1.5}\n'
    )
    log = read_run_log("log")
    assert (log.steps["words"], log.steps["epoch"], log.losses) == ([10, 20], [1, 2], [(10, 3.0), (20, 1.5)])


@pytest.mark.parametrize(
    "line", ['{"event": "st', '{"event": "step", "words": "9", "epoch": 1}', "[1]", '{"event": "resume"}', "\x00\x00"]
)
def test_a_line_that_is_cut_short_or_damaged_is_left_out_with_a_notice(line: str) -> None:
    good = '{"event": "step", "words": 10, "epoch": 1, "loss": NaN, "alpha": 1e999, "seconds": true}'
    after = good.replace("10", "20", 1)
    Path("log").write_text(f'{{"event": "start"}}\n{good}\n{line}\n{after}\n')
    log = read_run_log("log")
    assert log.notices == ["log: left out line 3: cut short or damaged"]
    assert log.steps == {**{name: [None] * 2 for name in COLUMNS}, "words": [10, 20], "epoch": [1, 1]}


@pytest.mark.parametrize("content", ["", "a b c\n", '{"event": "step"}\n', '{"event": "star'])
def test_what_does_not_begin_as_a_log_is_refused(content: str) -> None:
    Path("other").write_text(content)
    with pytest.raises(LogFileError, match="other is not the log of a run"):
        read_run_log("other")
    with pytest.raises(LogFileError, match="cannot read missing"):
        read_run_log("missing")


def test_a_resumed_run_goes_on_below_a_line_that_was_cut_short() -> None:
    train_model(["corpus.txt"], CONFIG, None, "model", None, "run", log="run.jsonl")
    with open("run.jsonl", "ab") as file:
        file.write(b'{"event": "step", "wor')
    resume_training("run", {"output": "model", "epochs": 5})
    log = read_run_log("run.jsonl")
    assert log.notices == ["run.jsonl: left out line 11: cut short or damaged"]
    assert [epoch["epoch"] for epoch in log.epochs] == [1, 2, 3, 4, 5] and log.total_words == 5 * TOKENS
    assert log.end is not None and log.end["words"] == 5 * TOKENS


@pytest.mark.parametrize("content", ["precious\n", '{"event": "start", "run": "another"}\n'])
def test_a_file_with_something_in_it_is_never_overwritten(content: str) -> None:
    Path("run.jsonl").write_text(content)
    before = everything(Path())
    with pytest.raises(LogFileError, match=r"run\.jsonl (exists and is not the log of a|holds the log of another) run"):
        train_model(["corpus.txt"], CONFIG, None, "model", None, "run", log="run.jsonl")
    assert everything(Path()) == before


def test_a_log_is_neither_the_corpus_nor_the_model_nor_a_folder() -> None:
    for log in ("corpus.txt", "model"):
        with pytest.raises(ConfigError, match="the log"):
            train(log)
    for log in (".", "missing/log", "/dev/null", ""):
        with pytest.raises(ModelFileError):
            train(log)
    assert os.listdir() == ["corpus.txt"]


def test_a_run_that_fails_before_it_begins_leaves_no_log() -> None:
    with pytest.raises(w2v.W2VError):
        train(min_count=10**6)
    assert os.listdir() == ["corpus.txt"]


def test_a_resumed_run_refuses_the_log_of_another_and_stays_as_it_was() -> None:
    train_model(["corpus.txt"], CONFIG, None, "model", None, "run", log="run.jsonl")
    train("other.jsonl")
    before = everything(Path())
    with pytest.raises(LogFileError, match="holds the log of another run"):
        resume_training("run", {"output": "model", "log": "other.jsonl"})
    Path("run.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"the run in run writes its log to .*, which is outside that folder and has"):
        resume_training("run", {"output": "model"})
    del before["run.jsonl"]
    assert everything(Path()) == before
    resume_training("run", {"output": "model", "log": "new.jsonl", "epochs": 5})
    assert [line["event"] for line in events("new.jsonl")] == [
        "start",
        "resume",
        "step",
        "epoch",
        "step",
        "epoch",
        "end",
    ]
    # What happened before is not in this log, so that the speed of the epoch is unknown.
    first, second = read_run_log("new.jsonl").epochs
    assert (first["epoch"], first["words_per_second"], second["epoch"]) == (4, None, 5)
    assert second["words_per_second"] > 0


class Stopping(Observer):
    def stop(self) -> bool:
        return True


def test_a_log_ends_with_how_the_run_ended() -> None:
    with pytest.raises(StoppedError):
        # Far more epochs than there is time for before the observer is asked.
        train("stopped.jsonl", Stopping(), epochs=100_000)
    with pytest.raises(DivergedError):
        train("diverged.jsonl", alpha=1e6)
    for outcome in ("stopped", "diverged"):
        end = events(f"{outcome}.jsonl")[-1]
        assert (end["event"], end["outcome"]) == ("end", outcome) and end["message"].startswith(
            {"stopped": "stopped in epoch", "diverged": "training diverged"}[outcome]
        )


class Listening(Observer):
    def __init__(self) -> None:
        self.remarks: list[str] = []

    def remark(self, message: str) -> None:
        self.remarks.append(message)


@pytest.mark.parametrize("written", [None, 0, 7])
def test_a_full_disk_is_said_once_and_ends_nothing(written: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def write(descriptor: int, line: bytes) -> int:
        """Fail, or write a part, in the first four calls."""
        nonlocal calls
        calls += 1
        if calls > 4:
            return real(descriptor, line)
        if written is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, line[:written])

    real = os.write
    monkeypatch.setattr(os, "write", write)
    listener = Listening()
    run = train(observer=listener)
    assert [remark for remark in listener.remarks if "run.jsonl" in remark] == [
        "cannot write run.jsonl: No space left on device; training goes on, but the log has gaps"
    ]
    monkeypatch.setattr(os, "write", real)
    log = read_run_log("run.jsonl")
    assert log.notices == [] and log.end is not None and [loss for _, loss in course(log)] == run.trained.losses


def test_python_writes_and_reads_a_log() -> None:
    model = w2v.train([["a", "b", "c"]] * 20, dim=4, subsample=0, epochs=2, threads=1, log="run.jsonl")
    log = w2v.read_run_log("run.jsonl")
    assert [epoch["loss"] for epoch in log.epochs] == model.losses


def test_the_name_of_a_corpus_that_is_not_utf8_is_still_json() -> None:
    name = os.fsdecode(b"t\xffxt")
    Path("corpus.txt").rename(name)
    train_model([name], CONFIG, None, None, log="run.jsonl")
    assert events("run.jsonl")[0]["corpus"] == ["t\ufffdxt"]
    assert strict_json({"loss": [float("nan"), float("inf"), 1.0]}) == '{"loss": [null, null, 1.0]}'


@pytest.mark.parametrize("changes", [{"log": 5}, {"log": "a\0b"}, {"run_id": ["x"]}])
def test_a_folder_with_a_log_that_no_run_can_have_is_refused(changes: dict[str, object]) -> None:
    train_model(["corpus.txt"], CONFIG, None, "run/model", None, "run", log="run/log.jsonl")
    facts = json.loads(Path("run/run.json").read_text())
    assert facts["log"] == str(Path("run/log.jsonl").resolve())
    Path("run/run.json").write_text(json.dumps({**facts, **changes}))
    with pytest.raises(ModelFileError, match="cannot be understood"):
        resume_training("run")
    # A log in the folder itself may be made anew without being named.
    Path("run/run.json").write_text(json.dumps(facts))
    Path("run/log.jsonl").unlink()
    resume_training("run", {"epochs": 5})
    assert [epoch["epoch"] for epoch in read_run_log("run/log.jsonl").epochs] == [4, 5]


class KilledWhileReading(Observer):
    def encoded(self, corpus: object, text: object) -> None:
        self.lines = events("run.jsonl")
        raise KeyboardInterrupt


def test_a_run_that_ends_while_it_reads_is_resumed_without_naming_its_log() -> None:
    reading = KilledWhileReading()
    for _ in range(2):
        # The same command may be given again, because nothing was trained yet.
        with pytest.raises(KeyboardInterrupt):
            train_model(["corpus.txt"], CONFIG, None, "model", reading, "run", log="run.jsonl")
        assert [line["event"] for line in reading.lines] == ["start"]
        log = read_run_log("run.jsonl")
        assert not log.begun and log.end is None and log.start["config"] == CONFIG.as_dict()
    resume_training("run", {"output": "model"})
    assert [line["event"] for line in events("run.jsonl")] == ["start", *["step", "epoch"] * 4, "end"]
    log = read_run_log("run.jsonl")
    assert log.begun and log.start["corpus_tokens"] == TOKENS


def test_a_run_that_cannot_be_resumed_takes_away_the_log_in_which_nothing_happened() -> None:
    with pytest.raises(KeyboardInterrupt):
        train(observer=KilledWhileReading())
    assert os.listdir() == ["corpus.txt"]


def test_logs_of_one_name_are_told_apart_by_their_folders() -> None:
    assert short_names(["a/run.jsonl", "b/run.jsonl"]) == ["a/run.jsonl", "b/run.jsonl"]
    assert short_names(["a/one.jsonl", "b/run.jsonl"]) == ["one", "run"]
