#!/usr/bin/env python3
"""Train on two hosts that are network namespaces of this machine, and let something happen to them.

    sudo .venv/bin/python scripts/bench/two_hosts.py corpus.txt --what bytes --epochs 5
    sudo .venv/bin/python scripts/bench/two_hosts.py corpus.txt --what cut --epochs 50

What can happen:

    nothing   the run is left alone
    bytes     the same, and the bytes that each host sends are compared with what w2v says
    cut       the cable is pulled for 30 seconds
    frozen    a replica stops for 40 seconds
    gone      all processes of the second host are killed
    full      Ray has little memory for what replicas exchange
    resumed   the run goes on with 1 replica, and then with 3, on other clusters; the losses must not jump

A line for each run says how it ended, and how often each block was trained (1 is right).
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import tempfile
import time
from pathlib import Path

from hosts import Host, Training, host, sent_bytes, set_cable, two_hosts
from recorded import times_trained

PATIENCE = 1800.0
CUT_SECONDS, FROZEN_SECONDS = 30.0, 40.0
STORE_BYTES, LITTLE_STORE_BYTES = 1 << 30, 80 << 20


def happens(what: str, training: Training, first: Host, second: Host) -> None:
    """Let something happen to a run that has begun to train."""
    if what in ("cut", "frozen", "gone"):
        training.sleep(5)
    if what == "cut":
        set_cable(second, "down")
        time.sleep(CUT_SECONDS)
        set_cable(second, "up")
    if what == "frozen":
        (replica,) = second.replicas()
        os.kill(replica, signal.SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        # It may have been killed meanwhile.
        if replica in second.replicas():
            os.kill(replica, signal.SIGCONT)
    if what == "gone":
        second.kill()


def report(training: Training, rounds: Path) -> None:
    """Wait for the end of a run, and print how it ended and what it has said."""
    code, said = training.end(PATIENCE)
    times = times_trained(rounds)
    end = "hangs" if code is None else f"exit {code}"
    losses = [f"{loss:.4f}" for loss in said.get("loss", [])]
    print(
        f"{end} after {training.seconds:.0f} s; {len(times)} blocks, each trained {times.min()} to {times.max()} times"
    )
    print("   loss:", " ".join([*losses[:3], "…", *losses[-3:]] if len(losses) > 20 else losses))
    for line in training.heard:
        if re.search("^(w2v: )?(Error|Hint)|lost|is back|going back|Traceback|rror:", line) or code:
            print("   said:", line)


def compare_bytes(training: Training, first: Host, second: Host, rounds: Path) -> None:
    """Compare what the hosts send with what w2v says that they will."""
    before, begun = [sent_bytes(place) for place in (first, second)], time.monotonic()
    training.wait_for("Wrote ", PATIENCE)
    sent = [sent_bytes(place) - earlier for place, earlier in zip((first, second), before, strict=True)]
    told = next(
        float(found[1]) for line in training.heard if (found := re.search(r"That sends about ([\d.]+) bytes", line))
    )
    words = sum(times_trained(rounds)) * 10_000 / 2
    for place, number in zip((first, second), sent, strict=True):
        each = number / words
        print(
            f"{place.name} has sent {number / 1e6:.1f} MB, {each:.1f} bytes a word; said {told}: {each / told - 1:+.1%}"
        )
    print(f"in {time.monotonic() - begun:.1f} s")


def resume(folder: Path, options: list[str]) -> None:
    """Train with 2 replicas, stop, go on with 1, stop, and go on with 3."""
    rounds, run = folder / "rounds", str(folder / "run")
    with host("w2v", folder / "home") as place:
        for replicas in (2, 1, 3):
            begun = [*options, "--checkpoint", run] if replicas == 2 else ["--resume", run, "-o", str(folder / "model")]
            more = ["--threads", "1", "--replicas", str(replicas), "--merge-every", "100000"]
            log = folder / f"log-{replicas}"
            training = Training(place, [*begun, *more, *(["--log", str(log)] if replicas == 2 else [])], rounds)
            training.wait_for("Training ")
            if replicas < 3:
                training.sleep(10)
                os.kill(training.process.pid, signal.SIGINT)
            report(training, rounds)
            place.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument(
        "--what", default="nothing", choices=("nothing", "bytes", "cut", "frozen", "gone", "full", "resumed")
    )
    parser.add_argument("--epochs", default="5")
    parser.add_argument("--dim", default="100")
    parser.add_argument("--merge-every", default="auto")
    arguments = parser.parse_args()
    what = arguments.what
    # Sockets lie in this folder, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="w2v-", dir="/tmp") as name:
        folder = Path(name)
        rounds = folder / "rounds"
        options = [arguments.corpus, "-o", str(folder / "model"), "--dim", arguments.dim, "--epochs", arguments.epochs]
        if what == "resumed":
            resume(folder, options)
            return
        with two_hosts(folder, LITTLE_STORE_BYTES if what == "full" else STORE_BYTES) as (first, second):
            training = Training(first, [*options, "--merge-every", arguments.merge_every], rounds)
            if what != "full":
                training.wait_for("Training ")
            if what == "bytes":
                compare_bytes(training, first, second, rounds)
            else:
                happens(what, training, first, second)
            report(training, rounds)


if __name__ == "__main__":
    main()
