#!/usr/bin/env python3
"""Kill a training run at random moments until it ends, and compare its model with that of an undisturbed run.

    scripts/kill_test.py --kills 200            every model and loss, both engines, one thread: byte for byte

SIGKILL comes after a random time, or at a random place among the calls that change a file: in the middle of a write,
before a sync, between a write and its rename. Prints one JSON object: kills by model and loss, and what went wrong:
a model that differs from the undisturbed one, or a temporary file left behind. Exits with 1 if anything did.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import w2v_cli.cli.main as door
from w2v_cli.config import TrainConfig
from w2v_cli.run import train_model

KINDS = [(model, loss) for model in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")]
# Calls that change files; some processes die in the middle of them.
CHANGING = ("fsync", "replace", "unlink", "pwrite", "write")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many at least, over all kinds (200)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=["compiled", "reference"], action="append", help="default: both")
    options = parser.parse_args()
    started, dice, kills, wrong = time.monotonic(), random.Random(options.seed), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as scratch:
        kinds = [(engine, *kind) for kind in KINDS for engine in options.engine or ["compiled", "reference"]]
        for engine, model, loss in itertools.cycle(kinds):
            if kills.total() >= options.kills or time.monotonic() - started > options.seconds:
                break
            killed, faults = survive(Path(scratch), dice, engine, model, loss)
            kills[f"{engine} {model} {loss}"] += killed
            wrong += [f"{engine} {model} {loss}: {fault}" for fault in faults]
    print(json.dumps({"kills": kills.total(), "by_kind": dict(kills), "wrong": wrong}))
    sys.exit(1 if wrong else 0)


def survive(folder: Path, dice: random.Random, engine: str, model: str, loss: str) -> tuple[int, list[str]]:
    """One run that is killed again and again; returns how often, and what is wrong in the end."""
    text, undisturbed, state, output = (str(folder / name) for name in ("text", "undisturbed", "state", "model"))
    tokens, epochs = (60_000, 8) if engine == "compiled" else (12_000, 3)
    write_text(Path(text), dice, tokens)
    for path in (output, state):
        subprocess.run(["rm", "-rf", path], check=True)
    config = TrainConfig(model=model, loss=loss, engine=engine, threads=1, dim=12, min_count=1, epochs=epochs)
    took = time.monotonic()
    # In this process, so that its children find everything imported and compiled.
    train_model([text], config, output=undisturbed)
    took = time.monotonic() - took
    begin = ["train", text, "--model", model, "--loss", loss, "--engine", engine, "--threads", "1", "--dim", "12"]
    begin += ["--min-count", "1", "--epochs", str(epochs), "-q", "-o", output, "--checkpoint", state]
    begin += ["--checkpoint-every", f"{took / 10:.3f}s"]
    kills = 0
    while True:
        command = ["train", "--resume", state, "-o", output, "-q"] if Path(state, "run.json").exists() else begin
        # Half of the kills by the clock, half by the place.
        by_clock = dice.random() < 0.5
        code = run(command, 0 if by_clock else dice.randrange(1, 40), dice.uniform(0, took) if by_clock else 600)
        if code == 0:
            faults = [str(path) for path in folder.rglob(".w2v-*")]
            if Path(output).read_bytes() != Path(undisturbed).read_bytes():
                faults.append("other bytes")
            return kills, faults
        if code != -signal.SIGKILL:
            sys.exit(f"Error: {command} ended with {code}")
        kills += 1


def run(command: list[str], kill_at: int, kill_after: float) -> int:
    """The exit status of `w2v` with these arguments, killed at a place (0 for none) or after a time in seconds."""
    child = os.fork()
    if child == 0:
        countdown = itertools.count(1)
        for name in CHANGING:
            setattr(os, name, dying(getattr(os, name), countdown, kill_at))
        try:
            door.run(command)
        except SystemExit as end:
            os._exit(int(end.code or 0))
        finally:
            os._exit(99)
    killer = threading.Timer(kill_after, os.kill, (child, signal.SIGKILL))
    killer.start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    killer.cancel()
    killer.join()
    return status


def dying(call: Callable[..., Any], countdown: Iterator[int], kill_at: int) -> Callable[..., Any]:
    """A call at whose so manieth use the process dies, instead of or after making it."""

    def wrapper(*arguments: Any, **options: Any) -> Any:
        at = next(countdown) == kill_at
        if at and kill_at % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments, **options)
        if at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapper


def write_text(path: Path, dice: random.Random, tokens: int) -> None:
    """Lines of a few words, the frequent ones often."""
    words = [f"w{dice.randrange(1 + dice.randrange(200))}" for _ in range(tokens)]
    lines = [" ".join(words[i : i + 9]) for i in range(0, tokens, 9)]
    path.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
