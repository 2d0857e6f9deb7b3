#!/usr/bin/env python3
"""Run w2v, and write down which blocks its replicas say that they have trained.

    .venv/bin/python scripts/bench/recorded.py rounds.jsonl train corpus.txt --cluster ray

The file gets a JSON line for each round, {"replicas": {"0": [0, 2, 4], "1": [1, 3, 5]}}, and before them, whenever the
model is one that has been trained with the first blocks of the run only, {"first": 0, "total": 60}. A run that is
resumed adds its lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from w2v_cli.__main__ import run
from w2v_cli.cluster.conductor import Conductor
from w2v_cli.cluster.replica import Trained
from w2v_cli.cluster.rounds import Ledger


def times_trained(path: Path) -> np.ndarray:
    """Return how often each block was trained, of those that the model holds: int64 (blocks of all epochs,)."""
    times = np.zeros(0, np.int64)
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if "first" in event:
            times = np.concatenate([times, np.zeros(event["total"] - len(times), np.int64)])
            # What was trained after this is not in the model from which the run goes on.
            times[event["first"] :] = 0
        for blocks in event.get("replicas", {}).values():
            np.add.at(times, blocks, 1)
    return times


def record(path: Path) -> None:
    """Let every conductor of this process write down what its replicas say."""
    file = path.open("a", buffering=1)
    ledger_of, round_of = Ledger.__init__, Conductor.round

    def begun(self: Ledger, total: int, first: int = 0) -> None:
        ledger_of(self, total, first)
        print(json.dumps({"first": first, "total": total}), file=file)

    def trained(self: Conductor, stop: int | None = None) -> dict[int, Trained]:
        replies = round_of(self, stop)
        print(json.dumps({"replicas": {w: reply.blocks for w, reply in replies.items()}}), file=file)
        return replies

    setattr(Ledger, "__init__", begun)  # noqa: B010
    setattr(Conductor, "round", trained)  # noqa: B010


def main(arguments: Sequence[str]) -> None:
    record(Path(arguments[0]))
    sys.argv = ["w2v", *arguments[1:]]
    run()


if __name__ == "__main__":
    main(sys.argv[1:])
