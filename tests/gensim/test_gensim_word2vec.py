"""`Word2Vec` with gensim's names: its vocabulary, its training, its files, and what gensim refuses."""

from __future__ import annotations

import json
import logging
import pickle
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import w2v_cli as w2v
from w2v_cli.engines.huffman import huffman_paths
from w2v_cli.errors import CorpusError, ModelFileError
from w2v_cli.formats import matrices
from w2v_cli.gensim.callbacks import CallbackAny2Vec
from w2v_cli.gensim.fasttext import FastText, load_facebook_model
from w2v_cli.gensim.keyedvectors import KeyedVectors
from w2v_cli.gensim.phrases import FrozenPhrases, Phrases
from w2v_cli.gensim.utils import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP
from w2v_cli.gensim.word2vec import Word2Vec

TEXT = [["red", "hot", "fire"], ["blue", "cold", "water"], ["red", "warm", "fire"], ["blue", "cold", "sea"]]
NEW = [["grey", "cold", "stone"], ["grey", "stone", "red"]]
OPTIONS: dict[str, Any] = {"vector_size": 8, "min_count": 1, "workers": 1}
KINDS: list[dict[str, Any]] = [{"sg": sg, "hs": hs, "negative": 0 if hs else 5} for sg in (0, 1) for hs in (0, 1)]
TOYLAND = str(ROOT / "data" / "toyland.txt")


def outputs_of(model: Word2Vec) -> np.ndarray:
    return model.syn1 if model.hs else model.syn1neg


@pytest.mark.parametrize("kind", KINDS)
def test_building_and_training_is_what_the_constructor_does(kind: dict[str, Any], tmp_path: Path) -> None:
    at_once = Word2Vec(TEXT, **OPTIONS, **kind)
    (tmp_path / "text.txt").write_text("\n".join(map(" ".join, TEXT)) + "\n\n")
    steps = Word2Vec(**OPTIONS, **kind)
    steps.build_vocab(corpus_file=str(tmp_path / "text.txt"))
    assert (steps.corpus_count, steps.corpus_total_words) == (4, 12)
    before = steps.wv.vectors.copy()
    assert steps.train(TEXT, total_examples=steps.corpus_count, epochs=steps.epochs) == (60, 60)
    assert at_once.wv.index_to_key == steps.wv.index_to_key and at_once.wv.index_to_key[:2] == ["blue", "cold"]
    assert (at_once.wv.vectors == steps.wv.vectors).all() and (before != steps.wv.vectors).any()
    assert outputs_of(at_once).shape == (8, 8) and (outputs_of(at_once) == outputs_of(steps)).all()
    assert steps.wv.get_vecattr("fire", "count") == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_training_is_that_of_the_library(kind: dict[str, Any]) -> None:
    model = Word2Vec(corpus_file=TOYLAND, **OPTIONS, **kind, epochs=2, cbow_mean=0, alpha=0.01)
    options: dict[str, Any] = {"dim": 8, "min_count": 1, "threads": 1, "epochs": 2, "min_alpha": 1e-4, "alpha": 0.01}
    options |= {"model": "cbow", "cbow_sum": True} if not kind["sg"] else {}
    own = w2v.train(TOYLAND, loss="hs" if kind["hs"] else "ns", **options)
    assert list(own.words) == model.wv.index_to_key
    assert (own.table("input_vectors") == model.wv.vectors).all()


@pytest.mark.parametrize("kind", KINDS)
def test_new_words_join_the_old_ones(kind: dict[str, Any]) -> None:
    model = Word2Vec(TEXT, **OPTIONS, **kind)
    words, vectors, outputs = model.wv.index_to_key, model.wv.vectors, outputs_of(model)
    model.build_vocab(NEW, update=True)
    assert model.wv.index_to_key == [*words, "grey", "stone"] and model.corpus_count == 2
    assert (model.wv.vectors[: len(words)] == vectors).all() and len(model.wv.vectors) == len(outputs_of(model)) == 10
    assert [model.wv.get_vecattr(word, "count") for word in ("cold", "grey", "fire")] == [3, 2, 2]
    if not model.hs:
        assert (model.syn1neg[: len(words)] == outputs).all() and not model.syn1neg[len(words) :].any()
    model.train(NEW, total_examples=2, epochs=3)
    changed = {
        word for word, row in model.wv.key_to_index.items() if row >= 8 or (model.wv[word] != vectors[row]).any()
    }
    assert changed == {"grey", "cold", "stone", "red"}
    with pytest.raises(RuntimeError, match="first build one"):
        Word2Vec().build_vocab(TEXT, update=True)


def test_training_again_draws_other_windows_and_noise() -> None:
    one, other = (Word2Vec(TEXT * 50, **OPTIONS, epochs=1) for _ in range(2))
    other.train_count = 0
    for model in (one, other):
        model.train(TEXT * 50, total_examples=200, epochs=1, start_alpha=0.025)
    assert (one.wv.vectors != other.wv.vectors).any()


def test_words_come_from_their_counts() -> None:
    counts = {"a": 3, "b": 5, "c": 1}
    model = Word2Vec(vector_size=4, min_count=2)
    model.build_vocab_from_freq(counts, corpus_count=7)
    assert model.wv.index_to_key == ["b", "a"] and model.corpus_count == 7 and model.raw_vocab == {}
    model.build_vocab_from_freq({"a": 1, "d": 2}, update=True, keep_raw_vocab=True)
    assert model.wv.index_to_key == ["b", "a", "d"] and model.wv.expandos["count"].tolist() == [5, 4, 2]
    assert model.raw_vocab == {"a": 1, "d": 2}
    assert model.cum_table[-1] == 2**31 - 1 and (np.diff(model.cum_table.astype(np.int64)) > 0).all()


def test_which_words_are_kept_is_gensims_choice() -> None:
    def rule(word: str, count: int, min_count: int) -> int:
        return {"cold": RULE_DISCARD, "sea": RULE_KEEP}.get(word, RULE_DEFAULT)

    def words(**options: Any) -> list[str]:
        model = Word2Vec(vector_size=2, **options)
        model.build_vocab(TEXT)
        return model.wv.index_to_key

    assert sorted(words(min_count=2)) == ["blue", "cold", "fire", "red"]
    trimmed = Word2Vec(min_count=2)
    trimmed.build_vocab(TEXT, trim_rule=rule)
    assert sorted(trimmed.wv.index_to_key) == ["blue", "fire", "red", "sea"]
    # The least count that leaves no more than six words is 2.
    assert sorted(words(min_count=1, max_final_vocab=6)) == ["blue", "cold", "fire", "red"]
    assert len(words(min_count=1, max_vocab_size=3)) == 4
    assert words(min_count=1, sorted_vocab=0) == ["red", "hot", "fire", "blue", "cold", "water", "warm", "sea"]
    assert words(min_count=9) == []
    with pytest.raises(ValueError, match="trim_rule returned 5"):
        Word2Vec().build_vocab(TEXT, trim_rule=lambda *_: 5)
    model = Word2Vec(max_final_vocab=6, min_count=1, sample=0)
    assert model.scan_vocab(TEXT) == (12, 4)
    report = model.prepare_vocab(dry_run=True)
    assert (report["num_retained_words"], report["drop_unique"], report["retain_total"]) == (4, 4, 8)
    assert model.effective_min_count == 2 and not model.wv.index_to_key


def test_a_threshold_of_one_or_more_is_a_count() -> None:
    model = Word2Vec(sample=100, min_count=1)
    model.raw_vocab = {"often": 1000, "rare": 200, "rarer": 100}
    report = model.prepare_vocab(dry_run=True)
    # The threshold is 261 tokens, so that a word that occurs 200 times is kept for certain.
    kept = 1000 * ((261 / 1000) ** 0.5 + 261 / 1000)
    assert report["downsample_unique"] == 1 and report["downsample_total"] == int(kept + 300)


def test_tokens_that_no_text_can_hold_are_words_too(tmp_path: Path) -> None:
    text: list[list[Any]] = [["New York", "is", 7], ["New York", "is", ""], ["is", 7, "line\nbreak"]]
    model = Word2Vec(text, **OPTIONS)
    assert model.wv.index_to_key[:1] == ["is"]
    assert set(model.wv.index_to_key) == {"New York", "is", 7, "", "line\nbreak"}
    before = model.wv["New York"].copy()
    model.train(text, total_examples=3, epochs=2)
    assert (model.wv["New York"] != before).any()
    model.save(tmp_path / "model")
    assert Word2Vec.load(tmp_path / "model").wv.index_to_key == model.wv.index_to_key
    with pytest.raises(CorpusError, match="sentence 1 of the corpus has the token None"):
        Word2Vec([["a"], ["b", None]], **OPTIONS)  # type: ignore[list-item]


class Noted(CallbackAny2Vec):
    """Notes what is called, with the loss and a number of the vectors then."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.losses: list[float] = []
        self.vectors: list[float] = []

    def on_train_begin(self, model: Any) -> None:
        self.calls.append("train begins")

    def on_epoch_begin(self, model: Any) -> None:
        self.calls.append("begins")

    def on_epoch_end(self, model: Any) -> None:
        self.calls.append("ends")
        self.losses.append(model.get_latest_training_loss())
        self.vectors.append(float(model.wv["red"][0]))

    def on_train_end(self, model: Any) -> None:
        self.calls.append("train ends")


def test_callbacks_see_the_model_after_each_epoch() -> None:
    noted = Noted()
    model = Word2Vec(TEXT * 20, **OPTIONS, epochs=3, compute_loss=True, callbacks=[noted])
    assert noted.calls == ["train begins", *["begins", "ends"] * 3, "train ends"]
    assert len({*noted.vectors}) == 3 and noted.vectors[-1] == model.wv["red"][0]
    assert noted.losses[0] > 0 and all(one < other for one, other in pairwise(noted.losses))
    # CBOW makes a prediction for each of 240 words, whose loss is that of six scores; they are 0 at first.
    assert noted.losses[0] == pytest.approx(240 * 6 * np.log(2), rel=0.2)
    alone = Word2Vec(TEXT * 20, **OPTIONS, epochs=3)
    assert (alone.wv.vectors == model.wv.vectors).all() and alone.get_latest_training_loss() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_saved_as_a_file_of_w2v(kind: dict[str, Any], tmp_path: Path) -> None:
    model = Word2Vec(TEXT, **OPTIONS, **kind, window=3, ns_exponent=-0.5, comment="mine")
    path = tmp_path / "word2vec.model"
    model.save(path)
    for mmap in (None, "r"):
        same = Word2Vec.load(path, mmap=mmap)
        assert (same.wv.vectors == model.wv.vectors).all() and (outputs_of(same) == outputs_of(model)).all()
        assert same.wv.expandos["count"].tolist() == model.wv.expandos["count"].tolist()
        names = ("window", "ns_exponent", "comment", "sg", "hs", "min_count", "corpus_count", "epochs", "train_count")
        assert [getattr(same, name) for name in names] == [getattr(model, name) for name in names]
        for trained in (model, same):
            trained.train(TEXT, total_examples=4, epochs=1)
        assert (same.wv.vectors == model.wv.vectors).all()
        model = Word2Vec.load(path)
    own = w2v.load(path)
    assert (own["cold"] == model.wv["cold"]).all() and own.training_options()[0].window == 3
    assert (KeyedVectors.load(path)["cold"] == model.wv["cold"]).all()
    with pytest.raises(AttributeError, match="call this on the class"):
        model.load(path)


def test_other_files_are_loaded_or_refused_with_a_way_out(tmp_path: Path) -> None:
    own = w2v.train(TEXT, model="cbow", dim=4, min_count=1, window=2, threads=1)
    own.save(tmp_path / "own.safetensors")
    model = Word2Vec.load(tmp_path / "own.safetensors")
    assert (model.sg, model.window, model.vector_size, model.negative) == (0, 2, 4, 5)
    model.train(TEXT, total_examples=4, epochs=1)
    own.save(tmp_path / "own.txt")
    with pytest.raises(AttributeError, match="not a whole model"):
        Word2Vec.load(tmp_path / "own.txt")
    (tmp_path / "pickled").write_bytes(pickle.dumps({"model": 1}))
    with pytest.raises(ModelFileError, match="is a Python pickle") as caught:
        Word2Vec.load(tmp_path / "pickled")
    assert "model.wv.save_word2vec_format('vectors.bin', binary=True)" in str(caught.value.hint)
    with pytest.raises(ModelFileError, match="is a Python pickle") as caught:
        FastText.load(tmp_path / "pickled")
    assert "gensim.models.fasttext.save_facebook_model(model, 'model.bin')" in str(caught.value.hint)


def test_a_model_without_words_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="the model has no words") as caught:
        Word2Vec(vector_size=5).save(tmp_path / "model")
    assert caught.value.hint == "first call build_vocab"


def test_the_ways_out_of_pickles_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gensim = pytest.importorskip("gensim.models")
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"vector_size": 4, "min_count": 1, "workers": 1, "epochs": 1}
    model = gensim.Word2Vec(TEXT, **options)
    model.wv.save_word2vec_format("vectors.bin", binary=True)
    assert (KeyedVectors.load_word2vec_format("vectors.bin", binary=True).vectors == model.wv.vectors).all()
    model = gensim.FastText(TEXT, **options, bucket=100)
    gensim.fasttext.save_facebook_model(model, "model.bin")
    same = load_facebook_model("model.bin")
    assert (same.syn1neg == model.syn1neg).all() and np.allclose(same.wv["unseen"], model.wv["unseen"], atol=1e-7)
    phrases = gensim.Phrases([["new", "york"], ["new", "york"], ["old"]], min_count=1, threshold=0.1)
    Path("phrasegrams.json").write_text(json.dumps(phrases.freeze().phrasegrams))
    frozen = Phrases(min_count=1, threshold=0.1).freeze()
    frozen.phrasegrams = json.loads(Path("phrasegrams.json").read_text())
    frozen.save("frozen")
    assert FrozenPhrases.load("frozen")["new", "york"] == phrases["new", "york"] == ["new_york"]


def test_what_gensim_refuses_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = Word2Vec(**OPTIONS)
    with pytest.raises(RuntimeError, match="you must first build vocabulary before training the model"):
        model.train(TEXT, total_examples=4, epochs=1)
    with pytest.raises(RuntimeError, match="you must first build vocabulary"):
        Word2Vec([])
    model.build_vocab(TEXT)
    for options in ({"epochs": 1}, {"total_examples": 4}, {"total_examples": 4, "epochs": 0}):
        with pytest.raises(ValueError, match="give"):
            model.train(TEXT, **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="set hs or negative"):
        Word2Vec(TEXT, min_count=1, hs=0, negative=0)
    for corpus in ({"sentences": (s for s in TEXT)}, {"corpus_file": str(tmp_path)}, {"sentences": 5}):
        with pytest.raises(TypeError):
            Word2Vec(**corpus)
    with pytest.raises(TypeError, match="Both"):
        Word2Vec(TEXT, corpus_file=TOYLAND)
    with pytest.raises(TypeError, match="Neither"):
        model.train(total_examples=1, epochs=1)
    with pytest.raises(TypeError, match="a generator can be read only once"):
        model.train((s for s in TEXT), total_examples=4, epochs=2)
    # Once is enough for one epoch, and for a vocabulary.
    assert model.train((s for s in TEXT), total_examples=4, epochs=1) == (12, 12)
    Word2Vec().build_vocab(s for s in TEXT)
    with caplog.at_level(logging.WARNING):
        assert model.train([["unknown"]], total_examples=1, epochs=2) == (0, 2)
        assert "nothing was trained" in caplog.text
        Word2Vec(["strings", "for", "lists"], min_count=1, vector_size=2)
        assert "should be a list of words" in caplog.text


def test_what_is_ignored_is_said_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            Word2Vec(null_word=1, batch_words=100)
    assert [str(warning.message) for warning in caught] == [
        "Word2Vec ignores null_word: it has no effect on w2v's engine",
        "Word2Vec ignores batch_words: it has no effect on w2v's engine",
    ]


def test_a_run_that_diverges_begins_again_with_half_the_learning_rate() -> None:
    rng = np.random.default_rng(1)
    text = rng.integers(0, 30, (400, 40)).astype(str).tolist()
    with pytest.warns(UserWarning, match="beginning again with half the learning rate"):
        model = Word2Vec(text, **OPTIONS, sg=1, window=20, negative=40, alpha=4.0)
    assert np.isfinite(model.wv.vectors).all() and model.alpha == 4.0


def test_the_likeliest_words_are_those_of_the_softmax() -> None:
    model = Word2Vec(TEXT * 200, **OPTIONS, sample=0, alpha=0.1, epochs=10)
    found = model.predict_output_word(["blue", "water"], topn=3)
    assert found is not None and found[0][0] == "cold"
    hidden = (model.wv["blue"].astype(float) + model.wv["water"]) / 2
    scores = np.exp(model.syn1neg.astype(float) @ hidden)
    rows = [model.wv.key_to_index[word] for word, _ in found]
    np.testing.assert_allclose([share for _, share in found], (scores / scores.sum())[rows], rtol=1e-5)
    assert model.predict_output_word([model.wv.key_to_index["blue"], "water"], topn=3) == found
    assert model.predict_output_word(["no", "such"]) is None
    with pytest.raises(RuntimeError, match="negative > 0"):
        Word2Vec(TEXT, **OPTIONS, hs=1, negative=0).predict_output_word(["red"])


@pytest.mark.parametrize("sg", [0, 1])
def test_the_score_of_a_sentence_is_its_log_probability(sg: int) -> None:
    model = Word2Vec(TEXT * 30, **OPTIONS, hs=1, negative=0, sg=sg, window=1, sample=0)
    paths = huffman_paths(model.wv.expandos["count"])
    sentence, total = ["red", "unknown", "hot", "fire"], 0.0
    ids = [model.wv.key_to_index[word] for word in ("red", "hot", "fire")]
    for center, context in ((0, [1]), (1, [0, 2]), (2, [1])):
        groups = [[row] for row in context] if sg else [context]
        for group in groups:
            hidden = model.wv.vectors[[ids[row] for row in group]].astype(float).mean(axis=0)
            nodes, labels = paths.of(ids[center])
            scored = (2.0 * labels - 1) * (model.syn1[nodes].astype(float) @ hidden)
            total -= float(np.log1p(np.exp(-scored)).sum())
    scores = model.score([sentence, ["red"]])
    np.testing.assert_allclose(scores, [total, 0.0], rtol=1e-5)
    assert len(model.score([sentence] * 5, total_sentences=2)) == 2


def test_a_model_can_be_copied_and_pickled() -> None:
    model = Word2Vec(TEXT, **OPTIONS)
    same = pickle.loads(pickle.dumps(model))
    same.train(TEXT, total_examples=4, epochs=1)
    other = Word2Vec(**OPTIONS)
    other.reset_from(model)
    assert other.wv.key_to_index == model.wv.key_to_index and other.wv.vectors.shape == (8, 8)
    sizes = model.estimate_memory()
    assert sizes["vectors"] == model.wv.vectors.nbytes and sizes["syn1neg"] == model.syn1neg.nbytes


def test_vectors_keep_the_paths_of_a_tree(tmp_path: Path) -> None:
    vectors = Word2Vec([["a", "b", "c"]] * 5, vector_size=4, min_count=1, hs=1, negative=0, workers=1).wv
    vectors.save(tmp_path / "vectors")
    same = KeyedVectors.load(tmp_path / "vectors")
    for key in vectors.index_to_key:
        assert list(same.get_vecattr(key, "point")) == vectors.get_vecattr(key, "point").tolist()


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_wv_has_the_input_vectors_where_w2v_answers_with_a_mix(
    kind: type[Word2Vec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrices, "_FEWEST_TOKENS", {"ns": 1})
    options = OPTIONS if kind is Word2Vec else {**OPTIONS, "max_n": 0}
    model = kind(TEXT, **options, alpha=0.5)
    model.save(tmp_path / "model")
    model.wv.save_word2vec_format(tmp_path / "text.vec")
    own = w2v.load(tmp_path / "model")
    assert own.matrix == "mix" and (own.vectors != model.wv.vectors).any()
    for vectors in (
        own.table("input_vectors"),
        kind.load(tmp_path / "model").wv.vectors,
        KeyedVectors.load(tmp_path / "model").vectors,
        KeyedVectors.load_word2vec_format(tmp_path / "text.vec").vectors,
    ):
        assert (vectors == model.wv.vectors).all()
