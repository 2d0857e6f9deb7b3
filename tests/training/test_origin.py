"""Runs that go on from a model: what they begin with, what they refuse, and that they can be killed and resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call, make_subword_model
from test_checkpoint import StopEarly

import w2v_cli as w2v
from w2v_cli.cluster.local import LocalCluster
from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.engines.huffman import carried_nodes, huffman_paths, word_outputs
from w2v_cli.errors import ConfigError, StoppedError, TrainingError
from w2v_cli.training.observer import Observer
from w2v_cli.training.origin import Origin
from w2v_cli.training.run import resume_training, train_model
from w2v_cli.training.trainer import Trainer

OPTIONS: dict[str, Any] = {"dim": 8, "min_count": 1, "threads": 1, "epochs": 2, "subsample": 0.0}
KINDS = [(model, loss) for model in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")]


@pytest.fixture(autouse=True)
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with two texts of several blocks: old.txt has the words 0 to 29, new.txt 10 to 39."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name, first in (("old", 0), ("new", 10)):
        rows = first + np.minimum(rng.geometric(0.1, (2500, 10)) - 1, 29)
        Path(f"{name}.txt").write_text("\n".join(" ".join(f"w{i}" for i in row) for row in rows.tolist()))


def rows_of(model: w2v.Model, other: w2v.Model) -> list[int]:
    """Return the row in `model` of each word of the other one."""
    return [model.word_vectors.ids[word] for word in other.words]


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.astype(np.float32).tobytes() == other.astype(np.float32).tobytes()


@pytest.mark.parametrize(("model", "loss"), KINDS)
def test_without_epochs_a_run_writes_what_it_began_with(model: str, loss: str) -> None:
    old = w2v.train("old.txt", output="old.safetensors", model=model, loss=loss, **OPTIONS)
    new = w2v.train("new.txt", init="old.safetensors", epochs=0, min_count=1, threads=1, seed=2)
    rows, config = rows_of(new, old), new.training_options()[0]
    assert (config.model, config.loss, config.dim) == (model, loss, 8)
    assert len(new) == 40 and same_bits(new.table("input_vectors")[rows], old.table("input_vectors"))
    fresh = np.delete(new.table("input_vectors"), rows, axis=0)
    assert (fresh != 0).all() and np.abs(fresh).max() <= 1 / 8
    if loss != "hs":
        assert old.output_vectors is not None and new.output_vectors is not None
        assert same_bits(new.output_vectors[rows], old.output_vectors)
        assert not np.delete(new.output_vectors, rows, axis=0).any()
    assert (
        new.require_counts()[rows] - old.require_counts()
        == [Path("new.txt").read_text().split().count(w) for w in old.words]
    ).all()
    about = json.loads(new.metadata["init"])
    assert about["file"] == "old.safetensors" and about["words"] == 30


def test_a_tree_that_has_not_changed_keeps_its_nodes() -> None:
    old = w2v.train("old.txt", loss="hs", **OPTIONS)
    new = w2v.train("old.txt", init=old, epochs=0, threads=1)
    assert list(new.words) == list(old.words) and new.metadata["config"].count("a model in memory") == 1
    assert same_bits(new.table("node_vectors"), old.table("node_vectors"))


def test_sums_of_nodes_are_no_trained_output_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    old = w2v.train("old.txt", output="old.safetensors", loss="hs", **OPTIONS)
    paths = huffman_paths(old.require_counts())
    assert same_bits(old.table("output_vectors"), word_outputs(paths, old.table("node_vectors")))
    assert old.output_vectors is not None and old.output_vectors.any()
    begin = ["--init", "old.safetensors", "--loss", "ns", "--epochs", "0", "--threads", "1", "-o", "new.safetensors"]
    code, _, err = call(capsys, "train", "old.txt", *begin)
    assert code == 0 and "old.safetensors has no trained output vectors: they begin as zeros" in err
    new = w2v.load("new.safetensors")
    assert json.loads(new.metadata["init"])["outputs"] is False and json.loads(new.metadata["init"])["tokens"] == 0
    assert new.output_vectors is not None and not new.output_vectors.any() and "node_vectors" not in new.tables
    with pytest.raises(ConfigError, match="has no output_vectors that were trained with --loss ns"):
        w2v.train("old.txt", init=old, loss="ns", freeze="output", threads=1)


def test_the_nodes_of_another_tree_predict_what_those_of_the_old_one_did() -> None:
    rng = np.random.default_rng(3)
    counts = np.array([50, 40, 30, 20, 10, 5, 2])
    paths, nodes = huffman_paths(counts), rng.standard_normal((6, 4)).astype(np.float32)
    np.testing.assert_allclose(carried_nodes(paths, nodes, paths, np.arange(7, dtype=np.int32)), nodes, atol=1e-5)
    # Among words of equal probability the new tree is balanced, and its differences can be written down.
    old = huffman_paths(np.ones(4, np.int64))
    vectors = np.array([[1.0], [2.0], [4.0]], np.float32)
    score = {w: sum((y - 0.5) * vectors[n, 0] for n, y in zip(*old.of(w), strict=True)) for w in range(4)}
    # The words come in another order, and the last one is new: it says nothing.
    order = np.array([2, 0, 3, -1], np.int32)
    carried = carried_nodes(old, vectors, new := huffman_paths(np.ones(4, np.int64)), order)
    for node in range(3):
        sides: dict[int, list[float]] = {0: [], 1: []}
        for word in range(4):
            nodes_of, labels = new.of(word)
            if node in nodes_of and order[word] >= 0:
                sides[int(labels[list(nodes_of).index(node)])].append(score[int(order[word])])
        expected = np.mean(sides[1]) - np.mean(sides[0]) if sides[0] and sides[1] else 0.0
        np.testing.assert_allclose(carried[node, 0], expected, atol=1e-6)


def test_vectors_of_other_programs_are_a_beginning_too() -> None:
    w2v.train("old.txt", **OPTIONS).save("old.bin")
    old = w2v.load("old.bin")
    new = w2v.train("new.txt", init="old.bin", epochs=0, words="text", min_count=1, threads=1)
    assert {*new.words} == {f"w{i}" for i in range(10, 40)}
    shared = [word for word in new.words if word in old]
    assert len(shared) == 20 and all(same_bits(new[word], old[word]) for word in shared)
    assert json.loads(new.metadata["init"])["outputs"] is False and json.loads(new.metadata["init"])["tokens"] == 0
    assert new.output_vectors is not None and not new.output_vectors.any()
    with pytest.raises(ConfigError, match=r"--init-counts sum: old\.bin does not say"):
        w2v.train("new.txt", init="old.bin", init_counts="sum")


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_parts_of_words_go_on_with_their_rows(kind: str) -> None:
    table = make_subword_model("parts.safetensors", kind)
    old = w2v.load("parts.safetensors")
    text = [[*old.words, "another"]] * 3
    new = w2v.train(text, init="parts.safetensors", epochs=0, min_count=1, threads=1)
    rows, before, after = new.table("subword_vectors"), len(old), len(new)
    buckets = table.vectors[before if kind == "fasttext" else 0 :]
    assert same_bits(rows[after if kind == "fasttext" else 0 :][buckets.any(axis=1)], buckets[buckets.any(axis=1)])
    if kind == "fasttext":
        assert same_bits(rows[rows_of(new, old)], table.vectors[:before])
    for word in old.words:
        assert same_bits(new[word], old[word])
    # In Python, None asks for whole words.
    whole = w2v.train(text, init="parts.safetensors", epochs=0, min_count=1, threads=1, subwords=None)
    assert all(same_bits(whole[word], old[word]) for word in old.words)
    with pytest.raises(ConfigError, match="cuts words into parts in another way"):
        w2v.train(text, init="parts.safetensors", buckets=50)
    # The text might choose other lengths, which hash other parts to the rows.
    with pytest.raises(ConfigError, match=r"--ngrams auto: .* parts\.safetensors have their lengths already"):
        w2v.train(text, init="parts.safetensors", ngrams="auto")


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_the_vocabulary_of_a_model_can_stay_as_it_is(loss: str) -> None:
    old = w2v.train("old.txt", loss=loss, **OPTIONS)
    begun = w2v.train("new.txt", init=old, epochs=0, words="model", threads=1)
    assert list(begun.words) == list(old.words) and begun.require_counts().tolist() == old.require_counts().tolist()
    # With the same counts, the Huffman tree is the same.
    assert all(same_bits(begun.table(name), table) for name, table in old.tables.items())
    new = w2v.train("new.txt", init=old, words="model", init_counts="model", threads=1, epochs=1, subsample=0)
    changed = (new.table("input_vectors") != old.table("input_vectors")).any(axis=1)
    assert {*np.array(old.words)[changed]} == {f"w{i}" for i in range(10, 30)}


def test_what_contradicts_the_model_is_refused() -> None:
    old = w2v.train("old.txt", output="old.safetensors", **OPTIONS)
    refused: list[tuple[str, dict[str, Any]]] = [
        ("--dim 9 is not the dimension of old.safetensors, which is 8", {"dim": 9}),
        ("has no parts of words", {"subwords": "fasttext"}),
        ("--vocab has no meaning with --init", {"vocab": "words.tsv"}),
        ("--freeze output: old.safetensors has no node_vectors that were trained", {"loss": "hs", "freeze": "output"}),
        ("leave nothing to learn", {"freeze": ["input", "output"]}),
        ("leave nothing to learn", {"freeze": ["known"], "words": "model"}),
        ("--words both: other words or counts", {"loss": "hs", "freeze": "output", "words": "both"}),
        ("--table float16 would round those of old.safetensors", {"freeze": "known", "table": "float16"}),
        ("would overwrite old.safetensors", {"output": "old.safetensors"}),
    ]
    for message, options in refused:
        with pytest.raises(ConfigError, match=message):
            w2v.train("new.txt", init="old.safetensors", **options)
    for message, options in (("--epochs 0", {"epochs": 0}), ("--init-counts", {"init_counts": "sum"})):
        with pytest.raises(ConfigError, match=message):
            w2v.train("new.txt", **options)
    with pytest.raises(ConfigError, match="--checkpoint has no use with --epochs 0"):
        train_model(["new.txt"], TrainConfig(init="old.safetensors", epochs=0, dim=8), checkpoint="run")
    assert not Path("run").exists()
    with pytest.raises(ConfigError, match="without --init"):
        TrainConfig(freeze=("known",))
    with pytest.raises(ConfigError, match="neither a model nor a path"):
        w2v.train("new.txt", init=old.vectors)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="a cluster has no --init"):
        train_model(["gone.txt"], TrainConfig(init="old.safetensors"), machine=LocalCluster(2))


@pytest.mark.parametrize(("model", "loss"), KINDS)
@pytest.mark.parametrize(("engine", "threads"), [("compiled", 1), ("compiled", 2), ("reference", 1)])
def test_what_is_frozen_is_written_bit_for_bit(model: str, loss: str, engine: str, threads: int) -> None:
    if engine == "compiled" and not COMPILES:
        pytest.skip("numba does not import here")
    Path("short.txt").write_text("\n".join(Path("new.txt").read_text().split("\n")[:120]))
    options = {**OPTIONS, "model": model, "loss": loss}
    old = w2v.train("old.txt", **options)
    begin: dict[str, Any] = {"init": old, "min_count": 1, "subsample": 0.0, "threads": threads}
    both = w2v.train("short.txt", **begin, epochs=0)
    output, rows = "node_vectors" if loss == "hs" else "output_vectors", rows_of(both, old)
    for name in ("input", "output", "known"):
        # The tree of other words or counts has other nodes, so those of a tree are kept with its words.
        start = old if (name, loss) == ("output", "hs") else both
        new = w2v.train("short.txt", **begin, epochs=1, freeze=name, engine=engine)
        same = {table: same_bits(new.table(table), start.table(table)) for table in ("input_vectors", output)}
        assert same == {"input_vectors": name == "input", output: name == "output"}
        if name == "known":
            assert same_bits(new.table("input_vectors")[rows], old.table("input_vectors"))
            if loss != "hs":
                assert same_bits(new.table(output)[rows], old.table(output))


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_known_words_with_parts_keep_their_vectors(kind: str) -> None:
    make_subword_model("parts.safetensors", kind)
    old = w2v.load("parts.safetensors")
    text = [[*old.words, "another", "word"]] * 30
    new = w2v.train(text, init="parts.safetensors", freeze=["known"], min_count=1, threads=1, alpha=0.001)
    begun = w2v.train(text, init="parts.safetensors", epochs=0, min_count=1, threads=1)
    assert all(same_bits(new[word], old[word]) for word in old.words)
    assert not any(same_bits(new[word], begun[word]) for word in ("another", "word"))


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_resumed_run_does_not_need_the_model_any_more(loss: str) -> None:
    w2v.train("old.txt", output="old.safetensors", loss=loss, **OPTIONS)
    config = TrainConfig(**OPTIONS, loss=loss, init="old.safetensors", init_counts="sum")
    train_model(["new.txt"], config, output="whole")
    with pytest.raises(StoppedError):
        train_model(["new.txt"], config, output="again", observer=StopEarly(), checkpoint="run")
    os.remove("old.safetensors")
    resume_training("run", {"output": "again", "init": "old.safetensors"})
    assert Path("again").read_bytes() == Path("whole").read_bytes()
    with pytest.raises(ConfigError, match=r"--init .*other\.safetensors is not what the run was begun with"):
        resume_training("run", {"output": "again", "init": "other.safetensors"})


def test_a_run_can_be_resumed_from_what_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    w2v.train("old.txt", output="old.safetensors", **OPTIONS)
    config = TrainConfig(**OPTIONS, init="old.safetensors", validate="20%", stop_early=2)
    train_model(["new.txt"], config, output="whole")
    # Killed after its first checkpoint.
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "allow_first_loss", interrupt)
        train_model(["new.txt"], config, output="again", checkpoint="run")
    os.remove("old.safetensors")
    resume_training("run", {"output": "again"})
    assert Path("again").read_bytes() == Path("whole").read_bytes()


def interrupt(trainer: Trainer) -> None:
    raise KeyboardInterrupt


def test_vectors_that_float16_holds_can_be_frozen_in_it() -> None:
    old = w2v.train("old.txt", table="float16", **OPTIONS)
    new = w2v.train("new.txt", init=old, table="float16", freeze="known", min_count=1, threads=1, epochs=1)
    assert same_bits(new.vectors[rows_of(new, old)], old.vectors)


def test_what_is_frozen_may_be_repeated_when_a_run_is_resumed() -> None:
    w2v.train("old.txt", output="old.safetensors", **OPTIONS)
    config = TrainConfig(**OPTIONS, init="old.safetensors", freeze=("known", "output"))
    train_model(["new.txt"], config, output="m", checkpoint="run")
    with pytest.raises(ConfigError, match=r"--freeze input is not what the run was begun with \(known, output\)"):
        resume_training("run", {"output": "m", "freeze": ("input",)})
    assert resume_training("run", {"output": "m", "freeze": ("known", "output")}).trained.finished


def test_a_run_without_a_checkpoint_notices_that_the_model_has_changed() -> None:
    w2v.train("old.txt", output="old.safetensors", **OPTIONS)
    config = TrainConfig(**OPTIONS, init="old.safetensors")
    with pytest.raises(StoppedError):
        train_model(["new.txt"], config, output="m", observer=StopEarly(), checkpoint="run")
    for path in Path("run").glob("c*.safetensors"):
        path.unlink()
    w2v.train("old.txt", output="old.safetensors", **OPTIONS, seed=2)
    with pytest.raises(TrainingError, match=r"old\.safetensors has changed since the run began"):
        resume_training("run", {"output": "m"})


class Listener(Observer):
    def __init__(self) -> None:
        self.remarks = list[str]()

    def remark(self, message: str) -> None:
        self.remarks.append(message)


def test_few_known_words_are_a_reason_for_a_question() -> None:
    w2v.train("old.txt", output="old.safetensors", **OPTIONS)
    Path("upper.txt").write_text(Path("new.txt").read_text().upper())
    said = {}
    for name in ("new", "upper"):
        observer = Listener()
        config = TrainConfig(**{**OPTIONS, "epochs": 0}, init="old.safetensors")
        train_model([f"{name}.txt"], config, observer=observer)
        said[name] = observer.remarks[0]
    assert said["new"].startswith("20 of 30 words of the text are in old.safetensors; 10 others stay")
    assert said["upper"].startswith("0 of 30 words") and "--lower" in said["upper"] and "--lower" not in said["new"]


def test_the_facts_of_a_model_change_with_it() -> None:
    old = w2v.train("old.txt", **OPTIONS)
    facts = old.origin().facts("ns")
    assert facts == old.origin().facts("ns") and isinstance(old.origin(), Origin)
    old.vectors[0, 0] += 1
    assert old.origin().facts("ns").checksum != facts.checksum
