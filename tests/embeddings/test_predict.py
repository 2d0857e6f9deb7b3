"""`w2v predict` has the losses of the gradient functions, and predicts what a model has learnt."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import call_for_lines

from w2v_cli.config import TrainConfig
from w2v_cli.embeddings.predict import middle_losses
from w2v_cli.engines.objective import make_objective
from w2v_cli.engines.reference import measure_logistic
from w2v_cli.engines.sampling import Sample
from w2v_cli.formats.model_file import save_model
from w2v_cli.gradients.losses import logistic_loss, softmax_loss
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable

COUNTS = np.array([9, 7, 7, 3, 2, 1])
CONTEXT = np.array([0, 3, 3])


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_losses_are_those_of_the_windows_gradients(model: str, loss: str) -> None:
    rng = np.random.default_rng(1)
    objective = make_objective(TrainConfig(model=model, loss=loss), COUNTS)
    inputs, outputs = rng.standard_normal((6, 4)), rng.standard_normal((5 if loss == "hs" else 6, 4))
    hidden = objective.architecture.hidden(inputs[CONTEXT])
    found = middle_losses(objective, inputs, outputs, CONTEXT)
    for center in range(6):
        if loss == "softmax" and model == "skipgram":
            expected, _, _ = softmax_loss(np.repeat(inputs[[center]], 3, axis=0), outputs, CONTEXT)
        elif loss == "softmax":
            expected, _, _ = softmax_loss(hidden, outputs, np.array([center]))
        else:
            rows, labels, counts = objective.outputs(center, np.zeros(0, np.int64))
            expected, _, _ = logistic_loss(hidden, outputs[rows], labels, counts)
        predictions = 3 if model == "skipgram" else 1
        assert found[center] == pytest.approx(float(expected) / predictions, rel=1e-12)
    if model == "cbow" and loss != "ns":
        assert np.exp(-found).sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["fasttext", "floret"])
@pytest.mark.parametrize("model", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_losses_with_parts_are_those_of_the_engines_windows(loss: str, model: str, kind: str) -> None:
    words, rng = Words.of(["walking", "</s>", "a", "walk", "talks", "talk"]), np.random.default_rng(2)
    config = TrainConfig(model=model, loss=loss, subwords=kind, buckets=11, max_ngram=4)
    parts = SubwordTable(Subwords(kind, 3, 4, 11), rng.standard_normal((17 if kind == "fasttext" else 11, 4)), 6)
    objective = make_objective(config, COUNTS, parts.vocabulary_rows(words))
    outputs = rng.standard_normal((5 if loss == "hs" else 6, 4))
    weights = parts.row_counts(words.take(CONTEXT), np.ones(3, bool))
    inputs = np.array([parts.vectors[objective.input_rows(np.array([i]))].sum(axis=0) for i in range(6)])
    inputs /= np.maximum(1, np.diff(parts.vocabulary_rows(words).offsets))[:, np.newaxis]
    found = middle_losses(objective, inputs, outputs, CONTEXT, context_rows=weights)
    for center in set(range(6)) - ({1} if kind == "floret" and model == "skipgram" else set()):
        # One window in which the center stands between its context words, and no noise words.
        ids = np.insert(CONTEXT, 1, center)
        starts, stops = np.array([0, 0, 2, 3]), np.array([1, 4, 3, 4])
        sample = Sample(ids, starts, stops, np.zeros((4, 0), np.int64), np.arange(4))
        total, predictions = measure_logistic(objective, sample, parts.vectors, outputs)
        assert (predictions, found[center]) == (3 if model == "skipgram" else 1, pytest.approx(total / predictions))


@pytest.mark.parametrize(
    "options",
    [
        ["--loss", "ns"],
        ["--loss", "hs", "--model", "cbow"],
        ["--loss", "softmax"],
        ["--subwords", "fasttext", "--buckets", "500"],
    ],
)
def test_a_trained_model_expects_the_word_that_was_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("one two three\nred green blue\nsun moon star\n" * 400)
    training = ["--subsample", "0", "--dim", "8", "--epochs", "8", "--threads", "1", "--alpha", "0.1", "-q"]
    assert call_for_lines(capsys, "train", "text.txt", *training, *options)[0] == 0
    assert [
        call_for_lines(capsys, "predict", "-k", "1", *pair)[1][0].split("\t")[0]
        for pair in (["one", "three"], ["red", "blue"])
    ] == [
        "two",
        "green",
    ]
    code, out, err = call_for_lines(capsys, "predict", "--json", "sun", "nova", "star")
    answer = json.loads(out[0])
    assert code == 1 and "not in the vocabulary: nova" in err
    assert (
        answer["context"] == ["sun", "star"] and answer["answers"][0]["word"] == "moon" and len(answer["answers"]) == 7
    )
    assert answer["answers"][0]["likelihood"] == pytest.approx(np.exp(-answer["answers"][0]["loss"]))


def test_a_model_without_output_vectors_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    matrix = np.eye(3, dtype=np.float32)
    save_model("model.safetensors", ["a", "b", "c"], np.array([3, 2, 1]), {"input_vectors": matrix}, {})
    code, out, err = call_for_lines(capsys, "predict", "a")
    assert (code, out) == (3, []) and "does not say how it was trained" in err
    config = {"config": json.dumps(TrainConfig().as_dict())}
    save_model("model.safetensors", ["a", "b", "c"], np.array([3, 2, 1]), {"input_vectors": matrix}, config)
    code, out, err = call_for_lines(capsys, "predict", "a")
    assert (code, out) == (3, []) and "has no output_vectors" in err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    assert call_for_lines(capsys, "predict", "-") == (0, [], "")
