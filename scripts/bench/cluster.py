#!/usr/bin/env python3
"""Measure what merging does to a model: replicas in turn in one process, without a cluster.

    .venv/bin/python scripts/bench/cluster.py corpus.txt.gz --gold questions-words.txt --gold wordsim353.txt

Prints a line for each number of replicas and each seed: the loss, the score of each gold set, and their mean. The text
is read anew for each run. Replicas have one thread each, and the time says nothing about a cluster.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from w2v_cli.cluster.local import LocalCluster
from w2v_cli.config import TrainConfig
from w2v_cli.embeddings.evaluation import evaluate
from w2v_cli.embeddings.gold import read_gold
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.training.run import Run, train_model


def scores(run: Run, gold: list[str]) -> list[float]:
    """Return the score of a model on each gold set, in percent."""
    vectors = WordVectors(run.vocabulary.words, np.ascontiguousarray(run.tensors["input_vectors"]))
    return [evaluate(vectors, read_gold(path)).score or 0.0 for path in gold]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+")
    parser.add_argument("--gold", action="append", default=[], help="a gold set; may be repeated")
    parser.add_argument("--replicas", default="1,2,4,8", help="numbers of replicas, with commas")
    parser.add_argument("--seeds", default="1", help="seeds, with commas")
    parser.add_argument("--merge-every", type=int, default=250_000, help="words between two merges of the hot rows")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--loss", default="ns")
    arguments = parser.parse_args()
    names = [Path(path).stem[:14] for path in arguments.gold]
    print(f"{'replicas':>8} {'seed':>4} {'loss':>7}", *(f"{name:>14}" for name in names), f"{'mean':>6} {'seconds':>8}")
    for seed in map(int, arguments.seeds.split(",")):
        for replicas in map(int, arguments.replicas.split(",")):
            config = TrainConfig(
                dim=arguments.dim, epochs=arguments.epochs, loss=arguments.loss, seed=seed, threads=1, subsample=1e-3
            )
            machine, begun = LocalCluster(replicas, arguments.merge_every), time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                run = train_model(arguments.corpus, config, output=Path(folder, "model"), machine=machine)
            found = scores(run, arguments.gold)
            seconds = time.perf_counter() - begun
            mean = float(np.mean(found)) if found else float("nan")
            shown = (f"{score:>14.2f}" for score in found)
            loss = run.trained.losses[-1]
            print(f"{replicas:>8} {seed:>4} {loss:>7.4f}", *shown, f"{mean:>6.2f} {seconds:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
