#!/usr/bin/env python3
"""Measure how good the vectors of each trainer are after a number of seconds: the first picture of the README.

    pip install '.[bench]'
    scripts/bench/curve.py corpus.txt --gold questions-words.txt --gold men3k.txt
    scripts/bench/curve.py corpus.txt --speed --rounds 3
    scripts/pictures.py

A point is a run of its own with so many epochs, because the learning rate of a run falls until its last epoch. Every
run is added to data/pictures/curve.jsonl when it ends, so an interrupted script goes on where it was. With --speed,
runs of one epoch alternate and are not scored; seconds are then those of a trainer's median speed, so that the curve of
one seed is not that of a machine that happened to be busy. w2v's options are its defaults, except those that all
trainers get.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trainers
from peers import PEERS

POINTS = Path(__file__).resolve().parents[2] / "data" / "pictures" / "curve.jsonl"
# What all trainers are told. The others are each trainer's own, alpha too.
COMMON: dict[str, Any] = {
    "model": "skipgram", "loss": "ns", "dim": 100, "window": 5, "negatives": 5, "subsample": 1e-4, "min_count": 5,
    "max_vocab": None, "alpha": None,
}  # fmt: skip
FIGURES = ("trainer", "seed", "words_per_second", "tokens")


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        options.lines, options.model_file = f"{folder}/lines.txt", f"{folder}/model.safetensors"
        trainers.write_lines(options.corpus, Path(options.lines), None, options.min_count)
        for name, seed, epochs in wanted(options, recorded(options.points)):
            options.epochs = epochs
            run = trainers.measure(name, seed, options)
            point = {**{figure: run[figure] for figure in FIGURES}, "epochs": epochs, "threads": options.threads}
            if not options.speed:
                point["scores"] = trainers.scores(options.model_file, options.gold)
            with options.points.open("a") as file:
                file.write(json.dumps(point) + "\n")
            print(json.dumps(point), file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="text, perhaps compressed")
    parser.add_argument("--gold", action="append", default=[], help="gold sets to score with; repeat for more")
    parser.add_argument("--trainer", action="append", choices=["w2v", *PEERS], help="default: all; repeat for more")
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="a run for each (1 to 5)")
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3], help="a run for each (1 2 3)")
    parser.add_argument("--speed", action="store_true", help="measure only speed, in runs of one epoch that alternate")
    parser.add_argument("--rounds", type=int, default=3, help="with --speed: alternations (3)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--points", type=Path, default=POINTS, metavar="FILE", help="where the runs are written down")
    parser.add_argument("--scratch", help="folder for the text and the models; default: the system's")
    parser.set_defaults(**COMMON)
    options = parser.parse_args()
    if not options.gold and not options.speed:
        parser.error("name a gold set, or give --speed")
    options.trainer = options.trainer or ["w2v", *PEERS]
    options.length = options.epochs
    return options


def recorded(points: Path) -> list[dict[str, Any]]:
    """Return the runs that are written down already."""
    return [json.loads(line) for line in points.read_text().splitlines()] if points.exists() else []


def wanted(options: argparse.Namespace, points: list[dict[str, Any]]) -> Iterator[tuple[str, int, int]]:
    """Yield the trainer, the seed and the epochs of each run that is still to be made."""
    if options.speed:
        yield from ((name, 1, 1) for _ in range(options.rounds) for name in options.trainer)
        return
    done = {(point["trainer"], point["seed"], point["epochs"]) for point in points if "scores" in point}
    every = ((name, seed, epochs) for seed in options.seed for epochs in options.length for name in options.trainer)
    yield from (run for run in every if run not in done)


if __name__ == "__main__":
    main()
