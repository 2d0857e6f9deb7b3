"""The Python API: what the command line gives, without printing; and its documentation runs."""

from __future__ import annotations

import doctest
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli import api as module
from w2v_cli.cli.main import run
from w2v_cli.errors import ConfigError, CorpusError, ModelFileError, UnknownWordError, VocabularyError

SENTENCES = [["the", "cat", "sat"], ["the", "dog", "sat", "down"]] * 60
OPTIONS = {"dim": 8, "epochs": 2, "threads": 1, "min_count": 1}


@pytest.fixture(scope="module")
def model() -> w2v.Model:
    return w2v.train(SENTENCES, **OPTIONS)  # type: ignore[arg-type]


def test_the_examples_in_the_documentation_run() -> None:
    found = doctest.testmod(module)
    assert found.attempted > 10 and found.failed == 0


def test_sentences_train_as_the_same_text_does_from_the_command_line(
    model: w2v.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "corpus.txt"
    text.write_text("".join(" ".join(sentence) + "\n" for sentence in SENTENCES))
    flags = ["--dim", "8", "--epochs", "2", "--threads", "1", "--min-count", "1", "-q"]
    with pytest.raises(SystemExit):
        run(["train", str(text), "-o", str(tmp_path / "cli.safetensors"), *flags])
    model.save(tmp_path / "api.safetensors")
    assert (tmp_path / "api.safetensors").read_bytes() == (tmp_path / "cli.safetensors").read_bytes()
    capsys.readouterr()
    for corpus in (str(text), text, [text], [str(text)]):
        again = w2v.train(corpus, output=tmp_path / "o.safetensors", **OPTIONS)  # type: ignore[arg-type]
        assert np.array_equal(again.vectors, model.vectors)
    assert (tmp_path / "o.safetensors").read_bytes() == (tmp_path / "cli.safetensors").read_bytes()
    assert capsys.readouterr() == ("", "")


def test_an_object_that_begins_anew_is_a_corpus_and_a_generator_is_not(model: w2v.Model) -> None:
    class Sentences:
        def __iter__(self) -> Iterator[list[str]]:
            return iter(SENTENCES)

    assert np.array_equal(w2v.train(Sentences(), **OPTIONS).vectors, model.vectors)  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="the corpus is a generator, which can be read once only"):
        w2v.train(sentence for sentence in SENTENCES)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ([["a", "b"], ["New York"]], "sentence 1 of the corpus has a token that is empty or holds white space"),
        ([["a", ""]], "sentence 0 of the corpus has a token that is empty"),
        ([["a"], "b c"], "sentence 1 of the corpus is a str"),
        ([[1, 2]], "sentence 0 of the corpus is no list of tokens"),
        ([["\ud800"]], "sentence 0 of the corpus is no list of tokens"),
        (["missing.txt"], "missing.txt"),
    ],
)
def test_what_is_no_sentence_is_refused_by_number(sentences: list[object], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        w2v.train(sentences)  # type: ignore[arg-type]


def test_unknown_options_and_bad_values_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown options: vector_size"):
        w2v.train(SENTENCES, vector_size=5)
    with pytest.raises(ConfigError, match="--dim 0 is too small"):
        w2v.train(SENTENCES, dim=0)
    with pytest.raises(ConfigError, match="--tokenize letters is not one of whitespace, words"):
        w2v.train(SENTENCES, tokenize="letters")


def test_progress_is_called_and_may_end_the_training() -> None:
    seen: list[w2v.Progress] = []
    w2v.train(SENTENCES, on_progress=seen.append, **OPTIONS)  # type: ignore[arg-type]
    assert seen[-1].tokens == seen[-1].total_tokens == 2 * sum(map(len, SENTENCES))

    def stop(progress: w2v.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        w2v.train(SENTENCES, on_progress=stop, **OPTIONS)  # type: ignore[arg-type]


def test_what_is_saved_is_what_is_loaded(model: w2v.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors")
    same = w2v.load(tmp_path / "m.safetensors")
    assert same.words == model.words and np.array_equal(same.vectors, model.vectors)
    assert same.counts is not None and model.counts is not None and same.counts.tolist() == model.counts.tolist()
    assert same.output_vectors is not None and np.array_equal(same.output_vectors, model.output_vectors)  # type: ignore[arg-type]
    assert len(same.losses) == 2 and same.losses == model.losses
    assert json.loads(same.metadata["config"])["dim"] == 8
    same.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()
    for name in ("m.txt", "m.bin", "m.vec.gz"):
        model.save(tmp_path / name)
        other = w2v.load(tmp_path / name)
        assert np.array_equal(other.vectors, model.vectors) and other.counts is None and other.losses == []
    with pytest.raises(ConfigError, match="no suffix that names a format"):
        model.save(tmp_path / "m.xyz")
    with pytest.raises(ModelFileError, match="there is no file"):
        w2v.load(tmp_path / "none")


def test_questions_are_answered_by_word_by_sum_and_by_vector() -> None:
    matrix = np.array([[0, 1, 1], [0, -1, 1], [1, 1, 1], [1, -1, 1], [-1, 0, -1]], dtype=np.float32)
    model = w2v.Model.of(["man", "woman", "king", "queen", "apple"], matrix)
    assert [word for word, _ in model.similar("king", 2)] == ["man", "queen"]
    assert model.similar("king - man + woman", 1)[0].word == "queen"
    assert model.similar(matrix[3] * 7, 1)[0] == ("queen", pytest.approx(1))
    assert model.similar(matrix[3], 1, exclude=["queen", "cow"])[0].word == "woman"
    assert model.analogy("man", "king", "woman", 1, method="3cosmul")[0].word == "queen"
    assert model.similarity("king", "apple") == pytest.approx(-2 / 6**0.5)
    assert list(model) == list(model.words) and len(model) == 5
    with pytest.raises(UnknownWordError, match="not in the vocabulary: kign"):
        model.similar("kign")
    with pytest.raises(UnknownWordError):
        model["kign"]


def test_the_module_names_what_it_has_and_nothing_else() -> None:
    assert set(w2v.__all__) <= set(dir(w2v))
    assert all(getattr(w2v, name) for name in w2v.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'tarin'"):
        w2v.tarin  # noqa: B018


def test_words_that_a_model_cannot_have_are_refused() -> None:
    with pytest.raises(VocabularyError, match="the model has the same word twice: a, numbers 0 and 2"):
        w2v.Model.of(["a", "b", "a"], np.eye(3, dtype=np.float32))
    with pytest.raises(VocabularyError, match="the model has a word that is empty, number 1"):
        w2v.Model.of(["a", ""], np.eye(2, dtype=np.float32))


def test_no_text_has_a_name_that_a_killed_process_could_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[str] = []

    def look(progress: object = None) -> None:
        seen.extend(os.listdir(tmp_path))

    class Sentences:
        def __iter__(self) -> Iterator[list[str]]:
            for _ in range(50):
                look()
                yield ["a", "b"]

    trained = w2v.train(Sentences(), dim=2, subsample=0.0, on_progress=look)
    assert seen == [] and trained.words == ["a", "b"]
