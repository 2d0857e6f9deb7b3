"""Runs that learn parts of words: the model file, resuming, and what is refused."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_checkpoint import StopEarly

import w2v_cli as w2v
from w2v_cli.cluster.local import LocalCluster
from w2v_cli.config import TrainConfig
from w2v_cli.errors import ConfigError, StoppedError
from w2v_cli.subwords.lengths import choose_lengths
from w2v_cli.subwords.rows import vocabulary_rows
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import resume_training, train_model
from w2v_cli.training.trainer import Trainer

OPTIONS: dict[str, Any] = {"dim": 8, "min_count": 1, "threads": 1, "epochs": 3, "buckets": 200, "subsample": 0.0}


@pytest.fixture(autouse=True)
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with a text of several blocks."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    stems, endings = ["walk", "talk", "jump", "sing"], ["", "s", "ed", "ing", "er"]
    words = [stem + ending for stem in stems for ending in endings]
    lines = (" ".join(words[i] for i in row) for row in rng.integers(0, len(words), (3000, 10)).tolist())
    Path("corpus.txt").write_text("\n".join(lines))


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_model_knows_the_parts_of_unseen_words(kind: str, model: str, loss: str) -> None:
    trained = w2v.train("corpus.txt", output="m", subwords=kind, model=model, loss=loss, **OPTIONS)
    loaded = w2v.load("m")
    assert "walkings" not in loaded and len(loaded) == 20
    for one in (trained, loaded):
        np.testing.assert_array_equal(one["walks"], trained["walks"])
        np.testing.assert_allclose(sum(part.share for part in one.ngrams("walks")), 1, rtol=1e-5)
        cosines = [one.similarity("walkings", word) for word in ("walking", "jumped")]
        assert cosines[0] > cosines[1]


def test_rows_that_no_word_has_stay_zero() -> None:
    run = train_model(["corpus.txt"], TrainConfig(**{**OPTIONS, "buckets": 5000}, subwords="fasttext"))
    assert run.subwords is not None
    used = np.unique(vocabulary_rows(run.subwords, run.vocabulary.words).rows)
    table = run.tensors["subword_vectors"]
    assert len(table) == 5020 and table[used].any(axis=1).all()
    assert not np.delete(table, used, axis=0).any()


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
def test_lengths_that_suit_the_words_are_told_and_recorded(kind: str) -> None:
    class Listener(Observer):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def remark(self, text: str) -> None:
            self.heard.append(text)

        def ready(self, trainer: Trainer, estimated_seconds: float) -> None:
            self.heard.append("training")

    listener = Listener()
    config = TrainConfig(**OPTIONS, subwords=kind, ngrams="auto")
    run = train_model(["corpus.txt"], config, output="m", observer=listener)
    assert run.subwords is not None
    lengths = (run.subwords.min_ngram, run.subwords.max_ngram)
    assert lengths == choose_lengths(run.vocabulary.words, kind) != (3, 6)
    told = f"Parts of words have {lengths[0]} to {lengths[1]} characters"
    assert [text.startswith(told) for text in listener.heard].index(True) < listener.heard.index("training")
    parts = [part.part for part in w2v.load("m").ngrams("jumpings")]
    assert {len(part) for part in parts if part != "<jumpings>"} == set(range(lengths[0], lengths[1] + 1))


@pytest.mark.parametrize(
    ("kind", "model", "loss", "ngrams"),
    [
        *product(("fasttext", "floret"), ("skipgram", "cbow"), ("ns", "hs"), (None,)),
        ("fasttext", "skipgram", "ns", "auto"),
    ],
)
def test_a_resumed_run_makes_the_same_bytes(kind: str, model: str, loss: str, ngrams: str | None) -> None:
    config = TrainConfig(**OPTIONS, subwords=kind, model=model, loss=loss, ngrams=ngrams)
    train_model(["corpus.txt"], config, output="whole")
    with pytest.raises(StoppedError):
        train_model(["corpus.txt"], config, output="part", observer=StopEarly(), checkpoint="run")
    resume_training("run", {"output": "part"})
    assert Path("part").read_bytes() == Path("whole").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subwords": "fasttext", "loss": "softmax"}, "--subwords has no meaning with --loss softmax"),
        ({"subwords": "fasttext", "ngrams": "3-6"}, "ngrams 3-6 is not one of auto"),
        ({"subwords": "fasttext", "ngrams": "auto", "max_ngram": 4}, "--max-ngram has no meaning with --ngrams auto"),
        ({"ngrams": "auto"}, "--ngrams has no meaning without --subwords"),
        ({"buckets": 5}, "--buckets has no meaning without --subwords"),
        ({"subwords": "fasttext", "hashes": 3}, "--hashes has no meaning with --subwords fasttext"),
        ({"subwords": "fasttext", "model": "cbow", "cbow_sum": True}, "--cbow-sum has no meaning with --subwords"),
        ({"subwords": "fasttext", "model": "cbow", "cbow_step": "plain"}, "--cbow-step has no meaning with --subwords"),
        ({"subwords": "fasttext", "min_ngram": 4, "max_ngram": 3}, "min-ngram 4 is above max-ngram 3"),
        ({"subwords": "floret", "min_ngram": 1}, "min-ngram 1 has two meanings"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        w2v.train("none.txt", **options)


def test_a_cluster_refuses_parts_of_words() -> None:
    with pytest.raises(ConfigError, match="cannot train parts of words"):
        train_model(["none.txt"], TrainConfig(subwords="fasttext"), machine=LocalCluster(2))
