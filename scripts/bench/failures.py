#!/usr/bin/env python3
"""Kill the replicas of a run at random moments, or w2v itself, and see what becomes of the run and its model.

    sudo .venv/bin/python scripts/bench/failures.py corpus.txt --gold wordsim353.txt --runs 5 --kills 4
    sudo .venv/bin/python scripts/bench/failures.py corpus.txt --gold wordsim353.txt --driver --kills 5

Each run has a local Ray cluster in a network namespace without a way out, which needs root. First, a run without kills
for each seed. A line for each run says how often each block was trained, by what the replicas themselves have said
(1 in every epoch is right), the loss, and the score of each gold set. With --driver, w2v is killed and resumed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hosts import Host, Training, host
from recorded import times_trained

import w2v_cli as w2v

# A run that has not ended after so many seconds hangs.
PATIENCE = 1800.0


def run_with_kills(place: Host, folder: Path, options: list[str], kills: int, seconds: float) -> dict[str, Any]:
    """Train once, and kill replicas meanwhile; return what became of the run.

    Parameters
    ----------
    seconds : how long the training takes without kills.
    """
    training = Training(place, options, folder / "rounds")
    killed = 0
    training.wait_for("Training ")
    while killed < kills and training.running:
        training.sleep(random.uniform(0, 2 * seconds / (kills + 1)))
        victims = place.replicas()
        if training.running and victims:
            os.kill(random.choice(victims), signal.SIGKILL)
            killed += 1
    code, said = training.end(PATIENCE)
    if code:
        print("\n".join(training.heard))
    found = {"kills": killed, "code": code, "lost": training.said("was lost"), "back": training.said("going back")}
    return {**found, "total": training.seconds, "said": said}


def run_with_resumptions(place: Host, folder: Path, options: list[str], kills: int, seconds: float) -> dict[str, Any]:
    """Train once, and kill w2v itself meanwhile, after which the run is resumed; return what became of it."""
    checkpoint, model = str(folder / "run"), str(folder / "model")
    training = Training(
        place, [*options, "--checkpoint", checkpoint, "--checkpoint-every", str(seconds / 10)], folder / "rounds"
    )
    killed, total = 0, 0.0
    while killed < kills and training.running:
        training.wait_for("Training ")
        training.sleep(random.uniform(0, 2 * seconds / (kills + 1)))
        if training.running:
            os.kill(training.process.pid, signal.SIGKILL)
            killed += 1
            training.process.wait()
            total += training.seconds
            place.kill()
            own = [option for option in ("--replicas", "--merge-every", "--threads") if option in options]
            kept = [part for option in own for part in (option, options[options.index(option) + 1])]
            training = Training(place, ["--resume", checkpoint, "-o", model, *kept], folder / "rounds")
    code, said = training.end(PATIENCE)
    if code:
        print("\n".join(training.heard))
    return {"kills": killed, "code": code, "lost": 0, "back": killed, "total": total + training.seconds, "said": said}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--gold", action="append", default=[], help="a gold set; may be repeated")
    parser.add_argument("--driver", action="store_true", help="kill w2v, and resume its run, instead of replicas")
    parser.add_argument("--runs", type=int, default=1, help="runs with kills; each has its own seed")
    parser.add_argument("--kills", type=int, default=4, help="how many in each run")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--merge-every", type=int, default=250_000, help="words between two merges of the hot rows")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    kill = run_with_resumptions if arguments.driver else run_with_kills
    names = [Path(path).stem[:14] for path in arguments.gold]
    print(f"{'seed':>4} {'kills':>5} {'exit':>4} {'lost':>4} {'back':>4} {'blocks':>7} {'times':>7} {'loss':>7}",
          *(f"{name:>14}" for name in names), f"{'mean':>6} {'train':>6} {'all':>6}", flush=True)  # fmt: skip
    for seed in range(1, arguments.runs + 1):
        seconds = 0.0
        for kills in (0, arguments.kills):
            with tempfile.TemporaryDirectory() as name, host("w2v", Path(name, "home")) as place:
                folder = Path(name)
                options = [arguments.corpus, "-o", str(folder / "model"), "--seed", str(seed), "--threads", "1"]
                for option in ("dim", "epochs", "replicas", "merge_every"):
                    options += [f"--{option.replace('_', '-')}", str(getattr(arguments, option))]
                found = (kill if kills else run_with_kills)(place, folder, options, kills, seconds)
                said, times = found["said"], times_trained(folder / "rounds")
                if not kills:
                    seconds = said["seconds"]["train"]
                model = w2v.load(folder / "model")
                scores = [model.evaluate(path).score or 0.0 for path in arguments.gold]
                print(
                    f"{seed:>4} {found['kills']:>5} {found['code']!s:>4} {found['lost']:>4} {found['back']:>4}"
                    f" {len(times):>7} {f'{times.min()}…{times.max()}':>7} {said['loss'][-1]:>7.4f}",
                    *(f"{score:>14.2f}" for score in scores),
                    f"{np.mean(scores) if scores else float('nan'):>6.2f} {said['seconds']['train']:>6.1f}"
                    f" {found['total']:>6.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
