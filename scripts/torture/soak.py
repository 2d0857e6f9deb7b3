#!/usr/bin/env python3
"""Kill and resume one long run again and again, and check that it ends in the right bytes and leaks nothing.

    scripts/torture/soak.py corpus.txt --seconds 3600 --checkpoint-every 1m

The run trains with one thread. It is killed at random moments and resumed until the time is up, and then trains to its
end. An undisturbed run trains at the same time, on another core if there is one. The memory and the open files of the
first run are sampled every second. Prints one JSON object: the number of kills and checkpoints, memory and open files
in the first and the last part of the samples, and whether both models are equal byte for byte. Exits with 1 if they
differ, if memory grew by more than 5 %, or if the number of open files grew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

W2V = [sys.executable, "-m", "w2v_cli", "train"]
# A process is sampled only after it has trained for this long, because its memory grows at first.
SETTLED_SECONDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="the text, which may be compressed")
    parser.add_argument("--seconds", type=float, default=3600, help="about how many seconds to train with kills (3600)")
    parser.add_argument("--checkpoint-every", default="1m", help="as w2v train's (1m)")
    parser.add_argument("--kill-every", type=float, default=120, help="seconds between kills, on average (120)")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = soak(options, Path(scratch))
    print(json.dumps(report))
    memory, files = report["memory_bytes"], report["open_files"]
    grown = memory[-1] > 1.05 * memory[0] or files[-1] > files[0]
    sys.exit(0 if report["same_bytes"] and not grown else 1)


def soak(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Do both runs, and return the report."""
    dice, samples = random.Random(options.seed), list[tuple[int, int]]()
    common = [options.corpus, "--threads", "1", "--dim", str(options.dim), "-q"]
    once = [*W2V, *common, "--epochs", "1", "-o", folder / "once", "--json"]
    report = json.loads(subprocess.run(once, check=True, stdout=subprocess.PIPE).stdout)
    epochs = max(1, round(options.seconds / report["seconds"]["train"]))
    common += ["--epochs", str(epochs)]
    begin: list[Any] = [*W2V, *common, "-o", folder / "model", "--checkpoint", folder / "run"]
    begin += ["--checkpoint-every", options.checkpoint_every]
    resume: list[Any] = [*W2V, "--resume", folder / "run", "-o", folder / "model", "-q"]
    undisturbed = subprocess.Popen([*W2V, *common, "-o", folder / "undisturbed"])
    kills, checkpoints, deadline = 0, set[int](), time.monotonic() + options.seconds
    try:
        while True:
            resumes = (folder / "run" / "run.json").exists()
            lives = dice.expovariate(1 / options.kill_every) + 1 if time.monotonic() < deadline else float("inf")
            with subprocess.Popen(resume if resumes else begin) as process:
                try:
                    code = watch(process, lives, samples, folder / "run", checkpoints)
                finally:
                    process.kill()
            if code == 0:
                break
            if code != -signal.SIGKILL:
                sys.exit(f"Error: the run ended with {code}")
            kills += 1
            if undisturbed.poll():
                break
        if undisturbed.wait() != 0:
            sys.exit(f"Error: the undisturbed run ended with {undisturbed.returncode}")
    finally:
        undisturbed.kill()
        undisturbed.wait()
    part = max(1, len(samples) // 4)
    return {
        "epochs": epochs,
        "kills": kills,
        "checkpoints": len(checkpoints),
        "memory_bytes": [statistics.median(memory for memory, _ in some) for some in (samples[:part], samples[-part:])],
        "open_files": [statistics.median(files for _, files in some) for some in (samples[:part], samples[-part:])],
        "leftovers": [str(path.relative_to(folder)) for path in folder.rglob(".w2v-*")],
        "same_bytes": (folder / "model").read_bytes() == (folder / "undisturbed").read_bytes(),
    }


def watch(
    process: subprocess.Popen[Any], lives: float, samples: list[tuple[int, int]], run: Path, checkpoints: set[int]
) -> int:
    """Sample a process every second until it ends, kill it if it gets too old, and return its exit status.

    Parameters
    ----------
    lives : Seconds after which the process is killed.
    samples : Its memory (bytes) and number of open files are appended here.
    run : Its checkpoint folder.
    checkpoints : The times (ns) at which checkpoints were written are added here.
    """
    started = time.monotonic()
    while True:
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            age = time.monotonic() - started
        if age > lives:
            process.kill()
            return process.wait()
        checkpoints.update(path.stat().st_mtime_ns for path in run.glob("checkpoint-*"))
        if age > SETTLED_SECONDS:
            proc = Path("/proc") / str(process.pid)
            try:
                pages = int((proc / "statm").read_text().split()[1])
                samples.append((pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(proc / "fd"))))
            except OSError:
                continue  # The process has just ended.


if __name__ == "__main__":
    main()
