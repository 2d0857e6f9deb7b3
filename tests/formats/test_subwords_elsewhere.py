"""Models with parts of words in the programs that their formats come from: fastText, gensim, floret and spaCy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import bits

import w2v_cli as w2v
from w2v_cli.formats.model_file import save_model
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable

# How many words of the vocabulary, and how many others, are compared.
MANY = int(os.environ.get("W2V_MANY_WORDS", "2000"))
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüабвгдежзийклмн日本語文字한국어"


def made_words(count: int, seed: int) -> list[str]:
    rng, words = np.random.default_rng(seed), dict[str, None]()
    while len(words) < count:
        words["".join(rng.choice(list(LETTERS), rng.integers(1, 12)))] = None
    return list(words)


KNOWN = made_words(MANY, 1)
UNSEEN = [word for word in made_words(2 * MANY, 2) if word not in set(KNOWN)][:MANY]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], w2v.Model]:
    """Return a function that makes a model of random rows for the parts of words."""

    def make(kind: str) -> w2v.Model:
        subwords, words = Subwords(kind, 2, 4, 5003), Words.of(KNOWN)
        rows = np.random.default_rng(3).standard_normal((subwords.table_rows(len(words)), 12)).astype(np.float32)
        vectors = SubwordTable(subwords, rows, len(words)).vocabulary_vectors(words)
        tables = {"input_vectors": vectors, "output_vectors": vectors[::-1].copy(), "subword_vectors": rows}
        path = tmp_path_factory.mktemp("model") / "a.safetensors"
        save_model(path, words, np.arange(len(words), 0, -1), tables, {"subwords": subwords.as_json()})
        return w2v.load(path)

    return make


def test_fasttext_has_the_same_vectors_bit_for_bit(tmp_path: Path, model: Callable[[str], w2v.Model]) -> None:
    fasttext = pytest.importorskip("fasttext", reason="loads a model in fastText: pip install fasttext-modern")
    ours, path = model("fasttext"), str(tmp_path / "a.bin")
    ours.save(path, format="fasttext")
    theirs = fasttext.load_model(path)
    assert list(theirs.get_words()) == KNOWN
    for word in KNOWN + UNSEEN:
        assert bits(ours[word]) == bits(theirs.get_word_vector(word)), word
    assert ours.output_vectors is not None
    assert bits(theirs.get_output_matrix()) == bits(ours.output_vectors)
    theirs.save_model(str(tmp_path / "b.bin"))
    assert (tmp_path / "b.bin").read_bytes() == Path(path).read_bytes()


def test_gensim_has_the_same_vectors(tmp_path: Path, model: Callable[[str], w2v.Model]) -> None:
    gensim = pytest.importorskip("gensim.models.fasttext", reason="loads a model in gensim: pip install gensim")
    ours, path = model("fasttext"), str(tmp_path / "a.bin")
    ours.save(path, format="fasttext")
    theirs = gensim.load_facebook_model(path).wv
    for word in KNOWN + UNSEEN:
        # gensim divides the sum by n, where fastText multiplies it by 1/n.
        np.testing.assert_allclose(theirs[word], ours[word], rtol=0, atol=1e-6, err_msg=word)


def with_numbers(model: Any) -> Any:
    """Fill the tables of a model of fastText, which has not been trained, with numbers."""
    rng = np.random.default_rng(7)
    tables = [rng.standard_normal(table.shape) for table in (model.get_input_matrix(), model.get_output_matrix())]
    model.set_matrices(*(table.astype(np.float32) for table in tables))
    return model


@pytest.mark.parametrize(
    "options",
    [{}, {"model": "cbow", "minn": 1, "maxn": 3}, {"loss": "hs"}, {"loss": "softmax"}, {"minn": 0, "maxn": 0}],
)
def test_what_fasttext_writes_is_written_again_byte_for_byte(tmp_path: Path, options: dict[str, Any]) -> None:
    fasttext = pytest.importorskip("fasttext", reason="trains with fastText: pip install fasttext-modern")
    corpus, path = tmp_path / "corpus.txt", tmp_path / "a.bin"
    rng = np.random.default_rng(4)
    corpus.write_text("".join(" ".join(rng.choice(KNOWN[:300], 12)) + "\n" for _ in range(300)))
    # Training proper stops at random in the wheel of fasttext-modern, with "Encountered NaN".
    settings: dict[str, Any] = {"dim": 6, "bucket": 500, "minCount": 1, "epoch": 0, "thread": 1, "verbose": 0}
    theirs = with_numbers(fasttext.train_unsupervised(str(corpus), **settings, **options))
    theirs.save_model(str(path))
    ours = w2v.load(path)
    for word in [*theirs.get_words(), *(UNSEEN[:200] if theirs.get_subwords("abcdef")[0] else [])]:
        if word in ours or ours.composed([word]):
            assert bits(ours[word]) == bits(theirs.get_word_vector(word)), word
    ours.save(tmp_path / "a.safetensors")
    w2v.load(tmp_path / "a.safetensors").save(tmp_path / "b.bin", format="fasttext")
    assert (tmp_path / "b.bin").read_bytes() == path.read_bytes()


def test_a_quantised_model_of_fasttext_is_read_like_fasttext_reads_it(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext", reason="quantises with fastText: pip install fasttext-modern")
    path = tmp_path / "a.ftz"
    rng = np.random.default_rng(5)
    (tmp_path / "corpus.txt").write_text(
        "".join(f"__label__{i % 2} {' '.join(rng.choice(KNOWN[:600], 9))}\n" for i in range(600))
    )
    settings: dict[str, Any] = {"dim": 8, "bucket": 900, "minn": 2, "maxn": 4, "epoch": 0, "thread": 1, "verbose": 0}
    theirs = with_numbers(fasttext.train_supervised(str(tmp_path / "corpus.txt"), **settings))
    theirs.quantize(qnorm=True, thread=1, verbose=False)
    theirs.save_model(str(path))
    with pytest.raises(w2v.W2VError, match="classifies texts"):
        w2v.load(path)
    # fastText quantises only models that classify texts. Without its labels, such a model is one of words.
    data, size = bytearray(path.read_bytes()), len(theirs.get_words())
    data[36:40] = (2).to_bytes(4, "little")
    data[64:76] = b"".join(number.to_bytes(4, "little") for number in (size, size, 0))
    labels = data.index(b"__label__")
    # A name of ten bytes, NUL, the count of eight bytes, and the type.
    del data[labels : labels + 2 * (10 + 1 + 8 + 1)]
    # The output table, which ends the file, gets a row for each word.
    del data[-(17 + 4 * 2 * 8) :]
    data += b"\0" + size.to_bytes(8, "little") + (8).to_bytes(8, "little") + bytes(4 * 8 * size)
    path.write_bytes(data)
    theirs, ours = fasttext.load_model(str(path)), w2v.load(path)
    for word in [*theirs.get_words(), *UNSEEN[:300]]:
        if word in ours or ours.composed([word]):
            # fastText may multiply and add in one step.
            np.testing.assert_allclose(ours[word], theirs.get_word_vector(word), rtol=1e-5, atol=1e-7, err_msg=word)


def test_floret_has_the_same_vectors(tmp_path: Path, model: Callable[[str], w2v.Model]) -> None:
    floret = pytest.importorskip("floret", reason="compares with floret: pip install floret")
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("".join(" ".join(KNOWN[i : i + 20]) + "\n" for i in range(0, 600, 20)))
    options = {"mode": "floret", "hashCount": 3, "dim": 6, "bucket": 300, "minn": 2, "maxn": 4}
    theirs = with_numbers(floret.train_unsupervised(str(corpus), **options, minCount=1, epoch=0, thread=1, verbose=0))
    theirs.save_floret_vectors(str(tmp_path / "a.floret"))
    ours = w2v.load(tmp_path / "a.floret")
    for word in [*KNOWN[:300], *UNSEEN[:300]]:
        # floret writes five digits of numbers up to 5.
        np.testing.assert_allclose(ours[word], theirs.get_word_vector(word), rtol=0, atol=5e-5, err_msg=word)


def test_spacy_has_the_same_vectors(tmp_path: Path, model: Callable[[str], w2v.Model]) -> None:
    spacy = pytest.importorskip("spacy", reason="loads vectors in spaCy: pip install spacy")
    for kind, name, mode in (("floret", "a.floret", "floret"), ("floret", "a.txt.gz", "default")):
        ours = model(kind)
        ours.save(tmp_path / name)
        command = [sys.executable, "-m", "spacy", "init", "vectors", "xx", str(tmp_path / name), str(tmp_path / mode)]
        subprocess.run([*command, "--mode", mode], check=True, capture_output=True)
        vocabulary = spacy.load(tmp_path / mode).vocab
        for word in KNOWN[:300] + (UNSEEN[:300] if mode == "floret" else []):
            np.testing.assert_allclose(vocabulary[word].vector, ours[word], rtol=1e-5, atol=1e-6, err_msg=word)
