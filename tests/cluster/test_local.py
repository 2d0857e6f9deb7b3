"""Replicas in turn in one process: the same bytes as one machine, repeatable, resumable, and safe from losses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from w2v_cli.cluster import conductor as conducting
from w2v_cli.cluster.backend import LostError
from w2v_cli.cluster.local import LocalCluster, NodeLostError
from w2v_cli.cluster.replica import Replica, Trained
from w2v_cli.cluster.shared_corpus import SharedCorpus
from w2v_cli.config import TrainConfig
from w2v_cli.errors import DivergedError, StoppedError, TrainingError
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.formats.summary import summary
from w2v_cli.training.checkpoint import NAMES
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import THIS_MACHINE, Run, resume_training, train_model
from w2v_cli.training.state import Cluster

CONFIG = TrainConfig(dim=8, epochs=3, min_count=1, threads=1, subsample=0.0)


class Listener(Observer):
    """Keeps remarks and losses, and stops a run after some of its losses."""

    def __init__(self, most_losses: int = 10**9) -> None:
        self.remarks: list[str] = []
        self.losses: list[tuple[int, float]] = []
        self._most = most_losses

    def remark(self, message: str) -> None:
        self.remarks.append(message)

    def measured(self, point: Any) -> None:
        self.losses.append((point.tokens, point.loss))

    def stop(self) -> bool:
        return len(self.losses) >= self._most


@pytest.fixture(autouse=True)
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with a text of 12 blocks, whose words prefer others of their own kind."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 6, 12_000)
    words = kinds[:, None] * 50 + np.minimum(rng.geometric(0.1, (12_000, 10)), 50) - 1
    Path("corpus.txt").write_text("\n".join(" ".join(f"w{word}" for word in line) for line in words.tolist()))


def train(machine: LocalCluster | None = None, config: TrainConfig = CONFIG, **options: Any) -> Run:
    """Train on the text, and write the file `model`."""
    return train_model(["corpus.txt"], config, output="model", machine=machine or THIS_MACHINE, **options)


def trained_blocks(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Return a counter of the blocks whose replica lived to say that it had trained them."""
    counted: Counter[int] = Counter()
    round_ = conducting.Conductor.round

    def counting(self: conducting.Conductor, stop: int | None = None) -> dict[int, Trained]:
        done = round_(self, stop)
        counted.update(block for reply in done.values() for block in reply.blocks)
        return done

    monkeypatch.setattr(conducting.Conductor, "round", counting)
    return counted


@pytest.mark.parametrize(
    "kind", [{}, {"loss": "hs"}, {"model": "cbow"}, {"model": "cbow", "loss": "hs"}, {"loss": "softmax", "epochs": 1}]
)
def test_one_replica_writes_the_bytes_of_one_machine(kind: dict[str, Any]) -> None:
    config = replace(CONFIG, **kind)
    alone, listener = Listener(), Listener()
    train(config=config, observer=alone, checkpoint="alone")
    expected = Path("model").read_bytes()
    train(LocalCluster(1), config, observer=listener, checkpoint="cluster")
    assert Path("model").read_bytes() == expected
    assert listener.losses == alone.losses
    checkpoint = [Path(folder, NAMES[0]).read_bytes() for folder in ("alone", "cluster")]
    assert checkpoint[0] == checkpoint[1]


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_two_replicas_learn_as_one_does_and_write_the_same_bytes_twice(loss: str) -> None:
    config = replace(CONFIG, loss=loss)
    alone = train(config=config).trained.losses
    untrained = np.log(2) if loss == "ns" else alone[0] * 1.3
    written = []
    for _ in range(2):
        losses = train(LocalCluster(2, 10_000), config).trained.losses
        written.append(Path("model").read_bytes())
    assert written[0] == written[1]
    # Merging lost less than a tenth of what was learnt.
    assert losses[-1] - alone[-1] < 0.1 * abs(untrained - alone[-1]) + 0.05
    assert not list(Path().glob("w2v-ids-*"))


def test_checkpoints_are_those_of_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = trained_blocks(monkeypatch)
    courses: list[list[tuple[int, float]]] = []
    for machine in (LocalCluster(2, 10_000), None, LocalCluster(3, 10_000)):
        listener = Listener(2)
        try:
            if courses:
                resume_training("run", {"output": "model"}, listener, machine or THIS_MACHINE)
            else:
                train(machine, replace(CONFIG, epochs=6), observer=listener, checkpoint="run")
        except StoppedError:
            pass
        courses.append(listener.losses)
    if not Path("model").exists():
        resume_training("run", {"output": "model"}, machine=LocalCluster(3, 10_000))
    assert all(courses)
    # Each machine goes on where the one before it was, but for what the loss varies in so short a text. Untrained, it
    # is 4.2.
    joints = [(before[-1][1], after[0][1]) for before, after in pairwise(courses)]
    assert all(later <= earlier + 0.05 for earlier, later in joints)
    assert courses[-1][-1][1] < courses[0][0][1] - 0.1
    # One machine has trained the other blocks.
    assert set(counted.values()) == {1}


@pytest.mark.parametrize("method", ["train", "merge", "base", "load", "begin", "measure"])
def test_a_replica_that_is_lost_anywhere_costs_no_block(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    counted, listener, calls = trained_blocks(monkeypatch), Listener(), Counter[str]()

    def kill(replica: int, called: str) -> None:
        calls[called] += 1
        # For the calls that a replica answers when it comes back, one must have been lost before.
        first = called == "train" and calls["train"] == 4
        own = called == method and calls[called] == {"train": 5, "begin": 4, "load": 1, "base": 2}.get(called, 3)
        if first or own:
            raise LostError("killed")

    train(LocalCluster(3, 10_000, kill), observer=listener)
    assert calls[method] > 0
    assert counted == Counter(range(12 * 3))
    assert any("was lost" in remark for remark in listener.remarks)
    assert any("is back" in remark for remark in listener.remarks)


@pytest.mark.parametrize("method", ["train", "merge"])
@pytest.mark.parametrize("count", [2, 3])
def test_a_node_takes_what_it_has_merged_with_it(monkeypatch: pytest.MonkeyPatch, method: str, count: int) -> None:
    counted, listener, calls = trained_blocks(monkeypatch), Listener(), Counter[str]()

    def kill(replica: int, called: str) -> None:
        calls[called] += 1
        # The last replica is called last: when it is lost, the others have taken what it had merged. The first one is
        # called first: nobody has.
        if called == method and calls[called] in (count * 2, count * 7 + 1):
            raise NodeLostError("the power failed")

    train(LocalCluster(count, 10_000, kill), observer=listener)
    assert counted == Counter(range(12 * 3))
    assert sum("was lost" in remark for remark in listener.remarks) >= 2


@pytest.mark.parametrize("seed", range(5))
def test_replicas_that_are_lost_at_random_cost_no_block(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    counted, random, alive = trained_blocks(monkeypatch), Random(seed), train().trained.losses[-1]

    def kill(replica: int, called: str) -> None:
        # The first replica lives, so that the run can go on.
        if replica and called not in ("about", "begin", "arrange", "probe", "weigh") and random.random() < 0.1:
            raise LostError("killed")

    run = train(LocalCluster(3, 10_000, kill))
    assert counted == Counter(range(12 * 3))
    assert run.trained.losses[-1] < alive + 0.1


@pytest.mark.parametrize("method", ["train", "base", "measure"])
def test_a_run_goes_back_if_every_replica_is_lost(method: str) -> None:
    train(LocalCluster(2, 10_000))
    expected, calls = Path("model").read_bytes(), Counter[str]()

    def kill(replica: int, called: str) -> None:
        calls[called] += 1
        if called == method and calls[called] in (7, 8) + ((1, 2) if method in ("base", "measure") else ()):
            raise LostError("killed")

    listener = Listener()
    run = train(LocalCluster(2, 10_000, kill), observer=listener)
    assert "All replicas were lost: going back to 0% of the run" in listener.remarks
    assert Path("model").read_bytes() == expected
    # No loss is reported twice.
    assert [tokens for tokens, _ in listener.losses[:3]] == [120_000, 240_000, 360_000]
    assert np.isfinite(run.trained.losses).all()


def test_one_replica_that_is_lost_goes_back_to_the_last_checkpoint() -> None:
    train()
    expected, calls = Path("model").read_bytes(), Counter[str]()

    def kill(replica: int, called: str) -> None:
        calls[called] += 1
        if called == "train" and calls[called] % 5 == 0:
            raise LostError("killed")

    listener = Listener()
    train(LocalCluster(1, before=kill), observer=listener, checkpoint="run", checkpoint_every=1e-3)
    assert Path("model").read_bytes() == expected


def test_a_run_ends_if_every_replica_is_lost_again_and_again() -> None:
    def kill(replica: int, called: str) -> None:
        if called == "train":
            raise LostError("killed")

    with pytest.raises(TrainingError, match="all replicas were lost"):
        train(LocalCluster(2, 10_000, kill))
    assert not list(Path().glob("w2v-ids-*"))


def test_a_replica_that_never_starts_ends_the_run() -> None:
    def kill(replica: int, called: str) -> None:
        if called == "begin":
            raise LostError("killed")

    with pytest.raises(TrainingError, match="a replica did not start: killed"):
        train(LocalCluster(2, 10_000, kill))


def test_divergence_is_reported_as_on_one_machine() -> None:
    config = replace(CONFIG, alpha=1e6)
    with pytest.raises(DivergedError) as alone:
        train(config=config)
    with pytest.raises(DivergedError) as cluster:
        train(LocalCluster(1), config)
    assert alone.value.message == cluster.value.message
    with pytest.raises(DivergedError, match="training diverged in epoch 1"):
        train(LocalCluster(2, 10_000), config)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no node see the ids where the conductor has them."""
    is_in = SharedCorpus.is_in
    monkeypatch.setattr(SharedCorpus, "is_in", lambda self, folder: folder != self.folder and is_in(self, folder))


def test_ids_that_a_node_cannot_see_are_sent(request: pytest.FixtureRequest) -> None:
    train(LocalCluster(2, 10_000))
    expected = Path("model").read_bytes()
    request.getfixturevalue("blind")
    listener = Listener()
    train(LocalCluster(2, 10_000), observer=listener)
    assert Path("model").read_bytes() == expected
    assert any("The ids are copied to" in remark for remark in listener.remarks)


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("lost", [7, 8])
def test_a_replica_that_has_not_received_all_ids_does_not_train(monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    counted, listener, calls = trained_blocks(monkeypatch), Listener(), Counter[str]()

    def kill(replica: int, called: str) -> None:
        calls[called] += 1
        # The three replicas receive two files each. One that is lost later is lost again while it receives them.
        if (called, calls[called]) in (("train", 4), ("receive", lost)):
            raise LostError("killed")

    train(LocalCluster(3, 10_000, kill), observer=listener)
    assert counted == Counter(range(12 * 3))
    assert sum("is back" in remark for remark in listener.remarks) == 1


@pytest.mark.usefixtures("blind")
def test_a_replica_that_never_receives_the_ids_ends_the_run() -> None:
    def kill(replica: int, called: str) -> None:
        if called == "receive":
            raise LostError("killed")

    with pytest.raises(TrainingError, match="a replica did not start: killed"):
        train(LocalCluster(2, 10_000, kill))


def test_a_node_with_other_versions_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    about = Replica.about
    other = {"Python": "3.9"}
    monkeypatch.setattr(
        Replica, "about", lambda self: (about(self)[0]._replace(host="far", versions=about(self)[0].versions | other),)
    )
    with pytest.raises(TrainingError, match=r"the node far has Python 3\.9 instead of"):
        train(LocalCluster(2, 10_000))


def test_the_result_and_the_model_say_how_many_replicas_there_were() -> None:
    run = train(LocalCluster(2, 30_000))
    assert run.trained.cluster == Cluster(2, 1, 30_000)
    with ModelFile("model") as file:
        facts = summary(file)
    assert (facts["replicas"], facts["merge_every"]) == (2, 30_000)
    # The model of one replica is that of one machine.
    assert train(LocalCluster(1)).trained.cluster == Cluster(1, 1, None)
    with ModelFile("model") as file:
        assert not {"replicas", "merge_every"} & set(summary(file))
    assert train().trained.cluster is None


def test_the_choice_is_announced_with_what_it_costs() -> None:
    listener = Listener()
    train(LocalCluster(5), observer=listener)
    said = "\n".join(listener.remarks)
    for phrase in (
        "5 replicas with 1 thread each",
        "bytes for each word",
        "times as fast",
        "expected to lose",
        "would fit",
    ):
        assert phrase in said, said
    # More than four replicas have a higher learning rate, unless it is given.
    assert "Learning rate 0.0445" in said
    listener = Listener()
    train(LocalCluster(5, 10_000), replace(CONFIG, alpha=0.03), observer=listener)
    assert "Learning rate" not in "\n".join(listener.remarks)
