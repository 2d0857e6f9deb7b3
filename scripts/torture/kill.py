#!/usr/bin/env python3
"""Kill commands at random moments while they write files, and check that nothing is lost.

    scripts/torture/kill.py --kills 200             every model and loss, both engines, one thread: compares all bytes
    scripts/torture/kill.py --kills 50 --threads 2  two threads, whose models differ: checks that every run finishes
    scripts/torture/kill.py --kills 0 --writer-kills 100        only convert, phrases and save from Python

A training run with checkpoints is killed and resumed until it ends. Its model must equal the model of an undisturbed
run. The other commands replace an older output. After a kill, the output must be the old one or the new one, complete,
and one more undisturbed run must leave no other file behind. SIGKILL arrives after a random time, or at a random one of
the calls that change a file: in the middle of a write, before a sync, or between a write and its rename.

Prints one JSON object with the number of kills of each kind and with everything that went wrong. Exits with 1 if
anything went wrong.
"""

from __future__ import annotations

import argparse
import itertools
import json
import mmap
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from writers import WRITERS, Workplace, in_child, watch, write_text

import w2v_cli as w2v
import w2v_cli.cli.main as door
from w2v_cli.config import TrainConfig
from w2v_cli.training.run import train_model

KINDS = [(model, loss) for model in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")]
# Kinds of calls that change files. A process can be killed before or after one of them.
CHANGING = ("write", "sync", "rename", "remove")
NEVER = -1
# How often a writer is run and killed before a new workplace, with another text, is prepared for it.
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="least number of kills of training runs (200)")
    parser.add_argument("--writer-kills", type=int, default=50, help="least number of kills of the other commands (50)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time; default: never")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of the training runs (1)")
    parser.add_argument("--engine", choices=["compiled", "reference"], action="append", help="default: both")
    options = parser.parse_args()
    deadline, dice, kills, wrong = time.monotonic() + options.seconds, random.Random(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as scratch:
        kinds = [(engine, *kind) for kind in KINDS for engine in options.engine or ["compiled", "reference"]]
        for engine, model, loss in itertools.cycle(kinds):
            if kills.total() >= options.kills or time.monotonic() > deadline:
                break
            killed, faults = survive(Path(scratch), dice, engine, model, loss, options.threads)
            kills[f"{engine} {model} {loss}"] += killed
            wrong += [f"{engine} {model} {loss}: {fault}" for fault in faults]
        most = kills.total() + options.writer_kills
        for number, (name, command) in enumerate(itertools.cycle(WRITERS.items())):
            if kills.total() >= most or time.monotonic() > deadline:
                break
            place = Workplace(Path(scratch, str(number)), command, dice, 60_000, 20_000)
            calls = calls_of(place)
            place.begin()
            took = -time.monotonic()
            place.run()
            took += time.monotonic()
            for _ in range(ROUNDS):
                killed, faults = survive_writing(place, dice, took, calls)
                kills[name] += killed
                wrong += [f"{name}: {fault}" for fault in faults]
        os.chdir("/")
    print(json.dumps({"kills": kills.total(), "by_kind": dict(kills), "wrong": wrong}))
    sys.exit(1 if wrong else 0)


def survive(
    folder: Path, dice: random.Random, engine: str, model: str, loss: str, threads: int
) -> tuple[int, list[str]]:
    """Kill a training run again and again until it ends; return how often it died, and what is wrong in the end."""
    names = ("text", "undisturbed", "state", "model", "log", "undisturbed.log")
    text, undisturbed, state, output, log, whole_log = (str(folder / name) for name in names)
    tokens, epochs = (60_000, 8) if engine == "compiled" else (12_000, 3)
    write_text(Path(text), dice, tokens)
    for path in (output, state, log, whole_log):
        subprocess.run(["rm", "-rf", path], check=True)
    config = TrainConfig(model=model, loss=loss, engine=engine, threads=threads, dim=12, min_count=1, epochs=epochs)
    took = time.monotonic()
    # This runs in the parent process, so that its children have everything imported and compiled.
    train_model([text], config, output=undisturbed, log=whole_log)
    took = time.monotonic() - took
    begin = ["train", text, "--model", model, "--loss", loss, "--engine", engine, "--threads", str(threads)]
    begin += ["--dim", "12", "--min-count", "1", "--epochs", str(epochs), "-q", "-o", output, "--checkpoint", state]
    begin += ["--checkpoint-every", f"{took / 10:.3f}s", "--log", log]
    kills = 0
    while True:
        command = ["train", "--resume", state, "-o", output, "-q"] if Path(state, "run.json").exists() else begin
        # Half of the kills come after a random time, half at a random call.
        by_clock = dice.random() < 0.5
        moment, seconds = (NEVER, dice.uniform(0, took)) if by_clock else (dice.randrange(80), 600)
        code = in_child(partial(die_running, command, moment), seconds)
        if code == 0:
            faults = [str(path) for path in folder.rglob(".w2v-*")] + faults_of_log(log, whole_log, threads)
            if threads > 1:
                found, wanted = w2v.load(output), w2v.load(undisturbed)
                same = found.words == wanted.words and len(found.losses) == epochs
            else:
                same = Path(output).read_bytes() == Path(undisturbed).read_bytes()
            return kills, faults if same else [*faults, "another model"]
        if code != -signal.SIGKILL:
            sys.exit(f"Error: {command} ended with {code}")
        kills += 1


def faults_of_log(log: str, whole_log: str, threads: int) -> list[str]:
    """Return what is wrong with the log of a killed run; with one thread it has the losses of the undisturbed run."""
    read, whole = w2v.read_run_log(log), w2v.read_run_log(whole_log)
    words, wanted = read.steps["words"], [(epoch["epoch"], epoch["loss"]) for epoch in whole.epochs]
    found = [(epoch["epoch"], epoch["loss"]) for epoch in read.epochs]
    same = found == wanted if threads == 1 else len(found) == len(wanted)
    faults = [*read.notices, *([] if same else [f"other losses in the log: {found}, not {wanted}"])]
    ended = read.end is not None and read.end["outcome"] == "finished"
    faults += [] if words == sorted(set(words)) else [f"steps out of order or twice in the log: {words}"]
    return faults + ([] if ended else ["the log does not say that the run has finished"])


def die_running(command: list[str], moment: int) -> None:
    """Run `w2v` with these arguments, and be killed at a moment (see `die_at`)."""
    die_at(moment)
    door.run(command)


def survive_writing(place: Workplace, dice: random.Random, took: float, calls: int) -> tuple[int, list[str]]:
    """Kill a command that writes over an older output, and run it again; returns 1 if it died, and what is wrong."""
    place.begin()
    by_clock = dice.random() < 0.5
    seconds = dice.uniform(0, took) if by_clock else 600
    end = place.run(partial(die_at, NEVER if by_clock else dice.randrange(2 * calls)), seconds)
    if end.code not in (0, -signal.SIGKILL):
        return 0, [f"ended with {end.code}: {end.stderr}"]
    outputs, faults = place.outputs(), list[str]()
    main, *others = place.command.outputs
    # While a pair is being replaced it has no main file, so that nobody can read the old one with the new words.
    whole = all(data in (place.old[name], place.new[name]) for name, data in outputs.items())
    swapping = len(others) > 0 and main not in outputs and whole
    if outputs not in (place.old, place.new) and not swapping:
        faults.append(f"killed: outputs that are neither the old nor the new ones: {sorted(outputs)}")
    return int(end.code != 0), faults + place.faults_after_all()


def calls_of(place: Workplace) -> int:
    """Return the number of calls that change files in one run of the command."""
    counted = mmap.mmap(-1, 8)  # Memory that the child shares.

    def meet(made: bool) -> None:
        counted[:] = (int.from_bytes(counted, "little") + made).to_bytes(8, "little")

    place.begin()
    place.run(lambda: watch(CHANGING, meet))
    return int.from_bytes(counted, "little")


def die_at(moment: int) -> None:
    """Have this process killed at a moment: 2n is before call n of those that change a file, and 2n + 1 is after it."""
    countdown = itertools.count()

    def meet(made: bool) -> None:
        if next(countdown) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(CHANGING, meet)


if __name__ == "__main__":
    main()
