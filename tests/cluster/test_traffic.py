"""The bytes that replicas send: the estimate before a run against the parts that are counted while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.cluster import traffic
from w2v_cli.cluster.local import LocalCluster
from w2v_cli.cluster.plan import Plan
from w2v_cli.cluster.replica import Replica
from w2v_cli.config import TrainConfig
from w2v_cli.training.run import train_model
from w2v_cli.training.schedule import Schedule


@pytest.mark.parametrize(
    ("words", "replicas", "merge_every"), [(6000, 2, 20_000), (6000, 4, 10_000), (1000, 3, 50_000)]
)
def test_it_is_what_the_replicas_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: int, replicas: int, merge_every: int
) -> None:
    monkeypatch.chdir(tmp_path)
    ranks = np.random.default_rng(1).zipf(1.2, 600_000) % words
    Path("corpus.txt").write_text("\n".join(" ".join(map(str, line)) for line in ranks.reshape(-1, 20).tolist()))
    sent, said, answer, run_bytes = [0], list[int](), Replica.answer, traffic.run_bytes

    def answering(self: Replica, method: str, args: Any) -> tuple[Any, ...]:
        reply = answer(self, method, args)
        if method in ("train", "merge"):
            parts = [table for part in reply[1:] for table in part]
            # A part is for one of the replicas, which is this one itself in one of P cases. An update is for all.
            others = replicas - 1 if method == "merge" else (replicas - 1) / replicas
            sent[0] += int(sum(table.moves.nbytes for table in parts) * others)
        return reply

    def saying(*args: Any) -> int:
        said.append(run_bytes(*args))
        return said[0]

    monkeypatch.setattr(Replica, "answer", answering)
    monkeypatch.setattr("w2v_cli.cluster.trainer.run_bytes", saying)
    config = TrainConfig(dim=16, epochs=2, min_count=1, subsample=0.0, threads=1)
    train_model(["corpus.txt"], config, output="model", machine=LocalCluster(replicas, merge_every))
    # Noise words move some rows more, and some words move theirs too little to count.
    assert sent[0] / replicas == pytest.approx(said[0], rel=0.1)


def test_all_rows_of_a_softmax_are_sent_and_the_rounds_end_with_an_epoch() -> None:
    config = TrainConfig(epochs=3)
    schedule = Schedule(config, 100_000)
    plan = Plan(replicas=2, words=100, dim=10, speed=1e6, round_blocks=4, groups=4)
    shares = np.full(100, 0.01)
    # An epoch has 10 blocks: a round of 8 and one of 2. All rows are hot, and everything moves. Parts and updates of
    # both tables, 2 bytes a number, and half of it stays on its node.
    assert traffic.run_bytes(plan, schedule, shares, "softmax") == pytest.approx(3 * 2 * 100 * 10 * 2 * 2, rel=1e-3)
    # A word that never occurs is not sent.
    shares[50:] = 0
    assert traffic.run_bytes(plan, schedule, shares, "ns") == pytest.approx(3 * 50 * 10 * 2 * 2 * 2, rel=1e-3)
