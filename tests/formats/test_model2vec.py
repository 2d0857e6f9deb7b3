"""The folder for model2vec: read back, read by the real programs, and no file of somebody else is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import call, everything, load_vectors

import w2v_cli as w2v
from w2v_cli.errors import ModelFileError
from w2v_cli.formats import model2vec
from w2v_cli.storage.tensors import TensorFile, write_tensors

WORDS = ["the", "king", "größe", "New York", "[UNK]", "col·lecció", "don't"]
NUMBERS = np.float32(np.random.default_rng(1).normal(size=(len(WORDS), 3)))
COUNTS = np.array([900, 50, 30, 10, 5, 3, 2])
FILES = ["config.json", "model.safetensors", "modules.json", "tokenizer.json"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)
    return tmp_path


def model(**text: object) -> w2v.Model:
    made = w2v.Model.of(WORDS, NUMBERS, COUNTS)
    made.metadata["text"] = json.dumps(text)
    return made


def test_what_is_written_is_read_back() -> None:
    made = model(lower=True)
    made.save("m", format="model2vec")
    assert sorted(os.listdir("m")) == FILES
    read = w2v.load("m")
    assert list(read.words) == WORDS and np.array_equal(read.vectors, NUMBERS) and read.counts is None
    assert read.metadata["text"] == '{"lower": true}'
    before = everything(Path("m"))
    made.save("m", format="model2vec")
    assert everything(Path("m")) == before


def test_the_row_of_unknown_words_is_zero_and_counts_for_nothing() -> None:
    model().save("m", format="model2vec")
    file = TensorFile("m/model.safetensors")
    embeddings, weights = file.tensor("embeddings", "F32", 2), file.tensor("weights", "F32", 1)
    assert embeddings.shape == (8, 3) and not embeddings[7].any() and weights[7] == 0
    assert weights[:7] == pytest.approx(1e-3 / (1e-3 + COUNTS / 1000))
    tokenizer = json.loads(Path("m/tokenizer.json").read_text())["model"]
    # The model has a word of the usual name.
    assert tokenizer["unk_token"] == "[[UNK]]" and tokenizer["vocab"]["[[UNK]]"] == 7


def test_without_counts_all_words_weigh_the_same() -> None:
    w2v.Model.of(WORDS, NUMBERS).save("m", format="model2vec")
    assert TensorFile("m/model.safetensors").tensor("weights", "F32", 1).tolist() == [1] * 7 + [0]


def test_every_command_takes_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    model().save("model.safetensors")
    code, out, err = call(capsys, "convert", "model.safetensors", "m", "--format", "model2vec")
    assert (code, out) == (0, "") and "Not in m: the counts of the words\n" in err
    assert call(capsys, "similar", "-m", "m", "king")[1] == call(capsys, "similar", "king")[1]
    assert call(capsys, "convert", "m", "a.txt", "--escape")[0] == 0
    assert np.array_equal(load_vectors("a.txt").matrix, NUMBERS)
    facts = json.loads(call(capsys, "info", "--json", "m")[1])
    assert (facts["format"], facts["words"], facts["dtype"]) == ("model2vec", 7, "float32")
    code, _, err = call(capsys, "convert", "m", "m", "--format", "model2vec")
    assert code == 2 and "would overwrite" in err
    code, _, err = call(capsys, "similar", "-m", "model.safetensors", "--format", "model2vec", "king")
    assert code == 3 and "is not a folder of model2vec" in err


def test_a_folder_with_other_files_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    model().save("model.safetensors")
    Path("mine").mkdir()
    Path("mine/config.json").write_text("{}")
    before = everything(Path())
    code, _, err = call(capsys, "convert", "model.safetensors", "mine", "--format", "model2vec")
    assert code == 3 and "holds files that w2v did not write" in err
    assert everything(Path()) == before


def test_a_failure_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model2vec, "_tokenizer", fail)
    with pytest.raises(ModelFileError, match="No space left"):
        model().save("m", format="model2vec")
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        ({"model": {"type": "WordPiece", "vocab": {"a": 0}}}, "is a WordPiece model, whose tokens are parts of words"),
        ({"model": {"type": "WordLevel", "vocab": {"a": 5}}}, "names other rows"),
        ({"model": {"type": "WordLevel", "vocab": {"a": -1}}}, "names other rows"),
        ({"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 0}}}, "names other rows"),
        ({"model": {"type": "WordLevel", "vocab": {"": 0}}}, "a word that is empty"),
        ({"model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}, "names other rows"),
        ({"model": {"type": "WordLevel", "vocab": ["a"]}}, "has no vocabulary"),
        ({"model": {"type": "WordLevel", "vocab": {"a": True}}}, "has no vocabulary"),
        ({"model": ["WordLevel"]}, "is not a tokenizer"),
        ([], "is not a tokenizer"),
    ],
)
def test_damaged_and_foreign_folders_are_a_sentence(tokenizer: object, message: str) -> None:
    Path("m").mkdir()
    write_tensors("m/model.safetensors", {"embeddings": np.ones((2, 3), np.float32)}, {})
    Path("m/tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelFileError, match=message):
        w2v.load("m")


def test_half_floats_are_read_and_whole_numbers_are_not() -> None:
    Path("m").mkdir()
    Path("m/tokenizer.json").write_text('{"model": {"type": "WordLevel", "vocab": {"b": 1, "a": 0}}}')
    write_tensors("m/model.safetensors", {"embeddings": np.eye(2, dtype=np.float16)}, {})
    assert list(w2v.load("m").words) == ["a", "b"] and w2v.load("m")["b"].tolist() == [0, 1]
    write_tensors("m/model.safetensors", {"embeddings": np.eye(2, dtype=np.int8)}, {})
    with pytest.raises(ModelFileError, match="as int8"):
        w2v.load("m")
    write_tensors("m/model.safetensors", {"numbers": np.eye(2, dtype=np.int8)}, {})
    with pytest.raises(ModelFileError, match="has no embeddings"):
        w2v.load("m")


LINES = ["the king", "King don't! größe", "unknown words", "The “col·lecció”", "gro\u0308ße the"]


@pytest.mark.parametrize(
    "text", [{}, {"lower": True}, {"tokenize": "words", "lower": True, "normalize": "nfc"}, {"normalize": "nfkc"}]
)
def test_model2vec_makes_the_vectors_of_sif(text: dict[str, object]) -> None:
    static = pytest.importorskip("model2vec", reason="model2vec is not installed: pip install model2vec")
    made = model(**text)
    made.save("m", format="model2vec")
    read = static.StaticModel.from_pretrained("m")
    # model2vec multiplies and adds in float32.
    assert read.encode(LINES[:3]) == pytest.approx(made.embed(LINES[:3], "sif"), abs=1e-6)
    assert read.encode(LINES[4:]) == pytest.approx(made.embed(LINES[4:], "sif"), abs=1e-6)
    long = ["king " * 600 + "the " * 600]
    assert read.encode(long) == pytest.approx(made.embed(long, "sif"), abs=1e-5)


def test_sentence_transformers_makes_vectors_of_the_same_direction() -> None:
    pytest.importorskip("sentence_transformers", reason="pip install sentence-transformers, which is large")
    made = model(lower=True)
    made.save("m", format="model2vec")
    # In a process of its own, because it warns about much that pytest would take for errors.
    program = (
        "import numpy as np; from sentence_transformers import SentenceTransformer as S;"
        "np.save('out.npy', S('m').encode(['the king', 'King größe unknown']))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    found, own = np.load("out.npy"), made.embed(["the king", "King größe"], "sif")
    assert found[0] == pytest.approx(own[0], abs=1e-6)
    assert found[1] == pytest.approx(own[1] * 2 / 3, abs=1e-6)


def test_spacy_reads_the_text_format() -> None:
    pytest.importorskip("spacy", reason="spaCy is not installed: pip install spacy")
    w2v.Model.of(["the", "king", "größe"], NUMBERS[:3]).save("vectors.txt")
    subprocess.run([sys.executable, "-m", "spacy", "init", "vectors", "en", "vectors.txt", "out"], check=True)
    program = (
        "import numpy as np, spacy; nlp = spacy.load('out');"
        "np.save('out.npy', [nlp.vocab[word].vector for word in ('the', 'king', 'größe')])"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert np.array_equal(np.load("out.npy"), NUMBERS[:3])
