"""`FastText` with gensim's names: parts of words, their files, and fastText's own."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.errors import ModelFileError
from w2v_cli.gensim.fasttext import FastText, load_facebook_model, load_facebook_vectors, save_facebook_model
from w2v_cli.gensim.fasttext_vectors import FastTextKeyedVectors
from w2v_cli.gensim.keyedvectors import KeyedVectors
from w2v_cli.gensim.word2vec import Word2Vec
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import parts_of

TEXT = [["walk", "walks", "walking"], ["talk", "talks", "talking"], ["walk", "talk"]] * 5
OPTIONS: dict[str, Any] = {"vector_size": 8, "min_count": 1, "workers": 1, "bucket": 200}


@pytest.fixture(scope="module")
def model() -> FastText:
    return FastText(TEXT, **OPTIONS, sg=1)


def test_parts_of_float16_become_float32(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    options: dict[str, Any] = {"dim": 8, "min_count": 1, "threads": 1, "subsample": 0, "buckets": 50}
    w2v.train(TEXT, **options, subwords="fasttext", table="float16", output=path)
    vectors = FastTextKeyedVectors.load(path)
    assert vectors.vectors_ngrams is not None and vectors.vectors_ngrams.dtype == np.float32
    assert (vectors["walker"] == w2v.load(path)["walker"]).all()


def test_vectors_are_the_means_of_rows(model: FastText) -> None:
    vectors = model.wv
    assert (vectors.vectors_vocab.shape, vectors.vectors_ngrams.shape) == ((6, 8), (200, 8))
    row, rows = vectors.key_to_index["walks"], vectors.buckets_word[vectors.key_to_index["walks"]]
    assert len(rows) == len(list(parts_of(Subwords(), "walks")))
    mean = (vectors.vectors_vocab[row] + vectors.vectors_ngrams[rows].sum(axis=0)) / (1 + len(rows))
    np.testing.assert_allclose(vectors["walks"], mean, rtol=1e-5, atol=1e-8)
    assert "walked" in vectors and not vectors.has_index_for("walked")
    assert vectors.most_similar("walked", topn=1)[0][0] in vectors.key_to_index
    assert np.linalg.norm(vectors.get_vector("walked", norm=True)) == pytest.approx(1)
    before = vectors.vectors.copy()
    vectors.adjust_vectors()
    assert (vectors.vectors == before).all()


def test_the_training_is_that_of_the_library(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, TEXT)))
    rates: dict[str, Any] = {"alpha": 0.025, "min_alpha": 1e-4, "noise_exponent": 0.75}
    own = w2v.train(path, subwords="fasttext", buckets=200, dim=8, min_count=1, threads=1, epochs=5, **rates)
    theirs = FastText(corpus_file=str(path), **OPTIONS, sg=1)
    assert list(own.words) == theirs.wv.index_to_key and (own.vectors == theirs.wv.vectors).all()


def test_new_words_join_with_their_parts() -> None:
    model = FastText(TEXT, **OPTIONS)
    ngrams = model.wv.vectors_ngrams.copy()
    model.build_vocab([["walker", "walk"]] * 2, update=True)
    trained = ngrams.any(axis=1)
    assert len(model.wv) == 7 and (model.wv.vectors_ngrams[trained] == ngrams[trained]).all()
    model.train([["walker", "walk"]] * 2, total_examples=2, epochs=2)
    assert (model.wv.vectors_ngrams != ngrams).any() and model.wv.vectors_vocab.shape == (7, 8)


@pytest.mark.filterwarnings("ignore:save_facebook_model")
@pytest.mark.parametrize("options", [{}, {"hs": 1, "negative": 0}, {"bucket": 0}, {"max_n": 0, "sg": 1}])
def test_models_are_saved_and_loaded(options: dict[str, Any], tmp_path: Path) -> None:
    model = FastText(TEXT, **{**OPTIONS, **options})
    model.save(tmp_path / "model")
    same = FastText.load(tmp_path / "model")
    assert (same.wv.vectors == model.wv.vectors).all() and same.bucket == model.bucket and same.hs == model.hs
    same.train(TEXT, total_examples=15, epochs=1)
    assert type(Word2Vec.load(tmp_path / "model")) is FastText
    vectors = FastTextKeyedVectors.load(tmp_path / "model")
    model.wv.save(tmp_path / "vectors")
    again = FastTextKeyedVectors.load(tmp_path / "vectors")
    save_facebook_model(model, tmp_path / "model.bin")
    facebook = load_facebook_vectors(tmp_path / "model.bin")
    for other in (vectors, again, facebook):
        assert (other.vectors == model.wv.vectors).all()
        if model.bucket:
            assert (other["unseen"] == model.wv["unseen"]).all()
        else:
            with pytest.raises(KeyError):
                other["unseen"]
    assert (w2v.load(tmp_path / "model.bin")["walks"] == model.wv["walks"]).all()
    if not model.hs:
        reloaded = load_facebook_model(tmp_path / "model.bin")
        assert (reloaded.syn1neg == model.syn1neg).all() and reloaded.epochs == model.epochs
        reloaded.train(TEXT, total_examples=15, epochs=1)


def test_vectors_keep_any_key_and_their_attributes(tmp_path: Path) -> None:
    text: list[list[Any]] = [["New York", 7, ""], ["New York", "walk"]] * 5
    vectors = FastText(text, **OPTIONS).wv
    vectors.set_vecattr("walk", "rating", 3.5)
    vectors.save(tmp_path / "vectors")
    same = KeyedVectors.load(tmp_path / "vectors")
    assert isinstance(same, FastTextKeyedVectors) and (same["walked"] == vectors["walked"]).all()
    assert same.index_to_key == vectors.index_to_key and {"New York", 7, ""} < {*same.index_to_key}
    assert same.get_vecattr("walk", "rating") == 3.5 and (same.vectors == vectors.vectors).all()


def test_files_of_the_first_fasttext_are_read(model: FastText, tmp_path: Path) -> None:
    save_facebook_model(model, tmp_path / "new.bin")
    data = (tmp_path / "new.bin").read_bytes()
    fields = struct.Struct("<14id3i2q")
    words = len(model.wv)
    after = fields.size + sum(len(word) + 10 for word in model.wv.index_to_key)
    first = 1 + 16 + 4 * 8 * (words + 200)
    tables = data[after + 1 : after + first] + data[after + first + 1 :]
    (tmp_path / "old.bin").write_bytes(data[8 : fields.size - 8] + data[fields.size : after] + tables)
    old = load_facebook_model(tmp_path / "old.bin")
    assert (old.wv.vectors == model.wv.vectors).all() and (old.syn1neg == model.syn1neg).all()


def test_names_of_gensim_are_known(model: FastText, tmp_path: Path) -> None:
    assert (model.wv.get_vector(word="walked", norm=False) == model.wv["walked"]).all()
    save_facebook_model(model, tmp_path / "model.bin")
    with pytest.warns(DeprecationWarning, match="use load_facebook_model"):
        same = FastText.load_fasttext_format(tmp_path / "model.bin")
    assert (same.wv.vectors == model.wv.vectors).all()


def test_what_cannot_be_is_refused(model: FastText, tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError, match="word_ngrams"):
        FastText(word_ngrams=2)
    with pytest.raises(NotImplementedError, match="UTF-8"):
        load_facebook_vectors(tmp_path / "any.bin", encoding="cp852")
    (tmp_path / "classifier.bin").write_bytes(struct.pack("<10i", 793712314, 12, 4, 5, 5, 5, 5, 1, 3, 3) + bytes(99))
    with pytest.raises(NotImplementedError, match="classifier"):
        load_facebook_model(tmp_path / "classifier.bin")
    with pytest.raises(ModelFileError, match=r"cannot write .*/model\.bin: the model has no words"):
        save_facebook_model(FastText(vector_size=5, bucket=9), tmp_path / "model.bin")
    sizes = model.estimate_memory()
    assert sizes["syn0_ngrams"] == model.wv.vectors_ngrams.nbytes and sizes["total"] == sum(sizes.values()) / 2
    assert isinstance(model, Word2Vec)


def test_parts_of_words_are_those_of_the_file(model: FastText, tmp_path: Path) -> None:
    options: dict[str, Any] = {"dim": 4, "min_count": 1, "threads": 1, "epochs": 1}
    own = w2v.train(TEXT, **options, subwords="fasttext", buckets=50, max_ngram=4)
    own.save(tmp_path / "own.safetensors")
    same = FastText.load(tmp_path / "own.safetensors")
    assert (same.min_n, same.max_n, same.bucket) == (3, 4, 50)
    assert (same.wv["walked"] == own["walked"]).all()
    # Saving such a model as a Word2Vec would lose the parts.
    with pytest.raises(AttributeError, match=r"FastText\.load reads it"):
        Word2Vec.load(tmp_path / "own.safetensors")
    Word2Vec(TEXT, vector_size=4, min_count=1, workers=1, epochs=1).save(tmp_path / "words")
    words = FastText.load(tmp_path / "words")
    assert words.bucket == 0 and "walked" not in words.wv
    w2v.train(TEXT, **options, subwords="floret", buckets=50).save(tmp_path / "floret.safetensors")
    assert type(KeyedVectors.load(tmp_path / "floret.safetensors")) is KeyedVectors
    for load in (FastText.load, load_facebook_vectors):
        with pytest.raises(NotImplementedError, match="are floret's"):
            load(tmp_path / "floret.safetensors")
    cut = FastText(TEXT, **OPTIONS, epochs=1)
    cut.wv.vectors_ngrams = cut.wv.vectors_ngrams[:2]
    with pytest.raises(IndexError, match="of a table of 2 rows"):
        cut.wv["walking-stick"]
