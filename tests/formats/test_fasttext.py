"""fastText's model files: built by hand from its sources' layout, and exchanged with fastText and gensim themselves."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SUBWORD_WORDS, bits, make_subword_model

import w2v_cli as w2v
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.rows import vocabulary_rows

WORDS = [b"the", b"Stra\xc3\x9fe", b"</s>", b"a"]
COUNTS = [90, 12, 12, 3]
# What fastText calls the options, in the order of the file, with values that are not its defaults.
OPTIONS = {"ws": 3, "epoch": 7, "minCount": 2, "neg": 9, "wordNgrams": 1, "loss": 2, "model": 1}
OPTIONS |= {"bucket": 50, "minn": 2, "maxn": 4, "lrUpdateRate": 77}
DIM = 4


def dense(matrix: np.ndarray) -> bytes:
    return b"\0" + struct.pack("<2q", *matrix.shape) + matrix.astype("<f4").tobytes()


def numbers(rows: int, dim: int = DIM) -> np.ndarray:
    return np.random.default_rng(rows).standard_normal((rows, dim)).astype(np.float32)


def model_of(
    options: dict[str, int],
    words: Sequence[bytes] = WORDS,
    version: int = 12,
    magic: int = 793712314,
    t: float = 3e-5,
    labels: int = 0,
    kind: bytes = b"\0",
    pruned: Sequence[tuple[int, int]] | None = None,
    inputs: bytes | None = None,
    outputs: bytes | None = None,
) -> bytes:
    """Return the bytes of a model, laid out as in fastText's sources."""
    head = struct.pack("<14id", magic, version, DIM, *options.values(), t)
    size = len(words)
    head += struct.pack("<3i2q", size, size - labels, labels, 12345, -1 if pruned is None else len(pruned))
    counts = [COUNTS[i] if i < len(COUNTS) else 1 for i in range(size)]
    dictionary = b"".join(w + b"\0" + struct.pack("<q", n) + kind for w, n in zip(words, counts, strict=True))
    index = b"".join(struct.pack("<2i", *pair) for pair in pruned or [])
    inputs = dense(numbers(size + options["bucket"])) if inputs is None else inputs
    return head + dictionary + index + inputs + (dense(numbers(size)) if outputs is None else outputs)


PLAIN = {**OPTIONS, "bucket": 0, "minn": 0, "maxn": 0}


def composed(word: str, row: int | None, table: np.ndarray, size: int) -> np.ndarray:
    """Return the mean of a word's rows, by the definition."""
    rows = [] if row is None else [row]
    marked = f"<{word}>"
    for i in range(len(marked)):
        for j in range(i + OPTIONS["minn"], min(i + OPTIONS["maxn"], len(marked)) + 1):
            h = 2166136261
            for byte in marked[i:j].encode():
                h = ((h ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) % 2**32
            rows += [] if word == "</s>" else [size + h % OPTIONS["bucket"]]
    total = np.zeros(DIM, np.float32)
    for number in rows:
        total = total + table[number]
    return total * np.float32(1 / len(rows))


def test_vectors_are_composed_of_the_rows_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(model_of(OPTIONS))
    model, table = w2v.load(path), numbers(54)
    assert list(model.words) == [word.decode() for word in WORDS]
    assert model.counts is not None and model.counts.tolist() == COUNTS
    for row, word in enumerate(model.words):
        assert bits(model[word]) == bits(composed(word, row, table, 4)), word
    assert bits(model["Straßen"]) == bits(composed("Straßen", None, table, 4))
    assert "Straßen" not in model and model.composed(["the", "Straßen", "Straßen"]) == ["Straßen"]
    assert model.output_vectors is not None and bits(model.output_vectors) == bits(numbers(4))


def both_ways(path: Path) -> tuple[bytes, bytes]:
    """Return the bytes that a model of fastText gets directly, and by way of w2v's own format."""
    w2v.load(path).save(path.with_suffix(".again"), format="fasttext")
    w2v.load(path).save(path.with_suffix(".safetensors"))
    w2v.load(path.with_suffix(".safetensors")).save(path.with_suffix(".back"), format="fasttext")
    return path.with_suffix(".again").read_bytes(), path.with_suffix(".back").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        PLAIN,
        {**OPTIONS, "loss": 1},
        {**OPTIONS, "loss": 3, "minn": 0},
        {**OPTIONS, "minn": 1, "maxn": 1, "bucket": 3},
        {**OPTIONS, "model": 2, "lrUpdateRate": 100},
    ],
)
def test_a_model_is_written_again_byte_for_byte(tmp_path: Path, options: dict[str, int]) -> None:
    path = tmp_path / "a.bin"
    for version in (12, 11):
        data = model_of(options, version=version)
        path.write_bytes(data)
        assert both_ways(path) == (data, data)


def test_a_gzipped_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.bin.gz").write_bytes(gzip.compress(model_of(OPTIONS)))
    (tmp_path / "a.bin").write_bytes(model_of(OPTIONS))
    assert bits(w2v.load(tmp_path / "a.bin.gz").vectors) == bits(w2v.load(tmp_path / "a.bin").vectors)


def test_contents_tell_a_model_of_fasttext_from_word2vecs_binary_format(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(model_of(PLAIN))
    with ModelFile(tmp_path / "a.bin") as file:
        assert file.format == "fasttext"
    w2v.load(tmp_path / "a.bin").save(tmp_path / "b.bin")
    assert (tmp_path / "b.bin").read_bytes().startswith(b"4 4\nthe ")


def quantised(codes: np.ndarray, centroids: np.ndarray, width: int, norms: np.ndarray | None) -> bytes:
    """Return a quantised table, laid out as in quantmatrix.cc and productquantizer.cc."""
    rows, pieces = codes.shape
    dim = centroids.size // 256
    quantiser = struct.pack("<4i", dim, pieces, width, dim - (pieces - 1) * width)
    data = b"\1" + struct.pack("<?2qi", norms is not None, rows, dim, codes.size) + codes.astype(np.uint8).tobytes()
    data += quantiser + centroids.astype("<f4").tobytes()
    if norms is not None:
        data += np.arange(rows, dtype=np.uint8).tobytes() + struct.pack("<4i", 1, 1, 1, 1)
        data += np.resize(norms, 256).astype("<f4").tobytes()
    return data


@pytest.mark.parametrize("has_norms", [False, True])
def test_quantised_rows_are_expanded(tmp_path: Path, has_norms: bool) -> None:
    rng = np.random.default_rng(6)
    codes, norms = rng.integers(0, 256, (4, 2)), rng.random(4).astype(np.float32) if has_norms else None
    # Pieces of 3 numbers and of 1 number, each with 256 centroids.
    first, second = numbers(256, 3), numbers(257, 1)[:256]
    data = quantised(codes, np.concatenate((first.ravel(), second.ravel())), 3, norms)
    (tmp_path / "a.ftz").write_bytes(model_of(PLAIN, inputs=data))
    expected = np.hstack((first[codes[:, 0]], second[codes[:, 1]]))
    expected *= 1 if norms is None else norms[:, np.newaxis]
    assert bits(w2v.load(tmp_path / "a.ftz").vectors) == bits(expected)


def test_a_pruned_model_leaves_out_parts_and_is_kept_as_safetensors(tmp_path: Path) -> None:
    words = Words.of([word.decode() for word in WORDS])
    offsets, rows = vocabulary_rows(Subwords("fasttext", 2, 4, 50), words)
    kept = np.unique(rows[rows >= 4] - 4)[::2]
    codes = np.random.default_rng(1).integers(0, 256, (4 + len(kept), 1))
    centroids = numbers(256)
    data = quantised(codes, centroids, DIM, None)
    index = [(int(bucket), i) for i, bucket in enumerate(kept)]
    (tmp_path / "a.ftz").write_bytes(model_of(OPTIONS, pruned=index[::-1], inputs=data))
    model, table = w2v.load(tmp_path / "a.ftz"), centroids[codes[:, 0]]
    place = {4 + bucket: 4 + i for bucket, i in index} | {row: row for row in range(4)}
    for word in range(4):
        own = [place[row] for row in rows[offsets[word] : offsets[word + 1]].tolist() if row in place]
        # numpy adds in another order than fastText.
        np.testing.assert_allclose(model.vectors[word], table[own].mean(axis=0), rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "a.safetensors")
    again = w2v.load(tmp_path / "a.safetensors")
    assert bits(again["Straßen"]) == bits(model["Straßen"]) and len(again.ngrams("the")) == len(model.ngrams("the"))
    with pytest.raises(ModelFileError, match="buckets were pruned"):
        again.save(tmp_path / "b.bin", format="fasttext")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 13}, "has version 13, and w2v reads versions up to 12"),
        ({"options": {**OPTIONS, "model": 3}}, "classifies texts"),
        ({"labels": 2}, "classifies texts"),
        ({"kind": b"\1"}, "has labels among its words"),
        ({"t": float("nan")}, "contradict each other"),
        ({"options": {**OPTIONS, "minn": 9}}, "min-ngram 9 is above max-ngram 4"),
        ({"inputs": dense(numbers(9))}, "has 9 rows for parts of words instead of 54"),
        ({"options": PLAIN, "inputs": dense(numbers(9))}, "has 9 rows for 4 words"),
        ({"inputs": dense(numbers(54, 3))}, "a table of 3 numbers a row, for 4 dimensions"),
        ({"outputs": dense(numbers(5))}, "has 5 output vectors for 4 words"),
        ({"outputs": dense(numbers(4)) + b"\0"}, "continues after its last table"),
        ({"outputs": b"\0" + struct.pack("<2q", 2**61, 4)}, "is cut short"),
        ({"outputs": b"\1" + struct.pack("<?2qi", False, 4, 4, 3)}, "quantised table of impossible size"),
        ({"words": [b"a", b"b", b"a"]}, "the word a was there before"),
        ({"words": [b"a", b"\xff"]}, "the word is not UTF-8"),
        ({"words": []}, "holds no vectors"),
    ],
)
def test_what_is_wrong_with_a_model_is_said(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(model_of(**{"options": OPTIONS, **change}))
    with pytest.raises(ModelFileError, match=message):
        w2v.load(path, repeats="error")


def test_a_model_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data, path = model_of(OPTIONS), tmp_path / "a.bin"
    for size in [*range(4, 160), len(data) // 2, len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(ModelFileError, match=r"is cut short|holds no vectors"):
            w2v.load(path)


def test_the_binary_file_of_floret_is_refused(tmp_path: Path) -> None:
    # floret writes two more fields before `lrUpdateRate`.
    head = struct.pack("<16id3i2q", 793712314, 12, 4, *list(OPTIONS.values())[:-1], 2, 2, 77, 1e-4, 2, 2, 0, 99, -1)
    (tmp_path / "a.bin").write_bytes(head + bytes(200))
    with pytest.raises(ModelFileError, match="contradict") as caught:
        w2v.load(tmp_path / "a.bin")
    assert "save_floret_vectors" in str(caught.value.hint)


def test_bad_and_repeated_words_are_treated_as_in_other_formats(tmp_path: Path) -> None:
    path, words = tmp_path / "a.bin", [b"x\xff", b"yes", b"yes", b"x\xfe", b"no"]
    path.write_bytes(model_of(OPTIONS, words=words))
    with pytest.warns(UserWarning):
        model = w2v.load(path, errors="replace")
    table = numbers(55)
    assert list(model.words) == ["x\ufffd", "yes", "no"]
    assert bits(model["no"]) == bits(composed("no", 4, table, 5))
    assert bits(model["not"]) == bits(composed("not", None, table, 5))
    # The rows of the words that were dropped are gone, so that the others are found where they are.
    model.save(tmp_path / "b.bin", format="fasttext")
    again = w2v.load(tmp_path / "b.bin")
    assert bits(again["no"]) == bits(model["no"]) and bits(again["not"]) == bits(model["not"])


def test_a_model_of_w2v_becomes_one_of_fasttext(tmp_path: Path) -> None:
    table = make_subword_model(tmp_path / "a.safetensors")
    w2v.load(tmp_path / "a.safetensors").save(tmp_path / "a.bin", format="fasttext")
    data = (tmp_path / "a.bin").read_bytes()
    fields = struct.unpack("<14id3i2q", data[:92])
    assert fields == (793712314, 12, 6, 5, 5, 5, 5, 1, 2, 2, 97, 3, 5, 100, 1e-4, 6, 6, 0, 1000, -1)
    assert data[92:].startswith(b"walk\0" + struct.pack("<qb", 18, 0))
    assert dense(table.vectors) in data
    assert bits(w2v.load(tmp_path / "a.bin").vectors) == bits(w2v.load(tmp_path / "a.safetensors").vectors)


def test_vectors_without_parts_become_a_model_without_ngrams(tmp_path: Path) -> None:
    model = w2v.Model.of(["up", "down"], np.array([[1, 2], [3, 4]], np.float32))
    model.save(tmp_path / "a.bin", format="fasttext")
    data = (tmp_path / "a.bin").read_bytes()
    assert struct.unpack("<3i", data[40:52]) == (0, 0, 0)
    # The counts are unknown, and fall; so do those that gensim makes up.
    again = w2v.load(tmp_path / "a.bin")
    assert again.counts is not None and again.counts.tolist() == [2, 1]
    assert again.vectors.tolist() == [[1, 2], [3, 4]] and data.endswith(bytes(16))


def test_what_fasttext_cannot_hold_is_refused(tmp_path: Path) -> None:
    make_subword_model(tmp_path / "a.safetensors", "floret")
    with pytest.raises(ModelFileError, match="hashed as in floret"):
        w2v.load(tmp_path / "a.safetensors").save(tmp_path / "a.bin", format="fasttext")
    hs = w2v.train([["a", "b"]] * 50, dim=2, loss="hs", min_count=1, threads=1)
    with pytest.raises(ModelFileError, match="a Huffman tree of its own"):
        hs.save(tmp_path / "a.bin", format="fasttext")
    spaced = w2v.Model.of(["New York"], np.ones((1, 2), np.float32))
    with pytest.raises(ModelFileError, match="fasttext cannot hold 'New York'"):
        spaced.save(tmp_path / "a.bin", format="fasttext")
    assert not (tmp_path / "a.bin").exists()


def test_a_damaged_table_of_parts_is_refused(tmp_path: Path) -> None:
    table = make_subword_model(tmp_path / "a.safetensors")
    tables = {"input_vectors": np.ones((6, 6), np.float32), "subword_vectors": table.vectors}
    with pytest.raises(ConfigError, match="do not say how words are cut"):
        save_model(tmp_path / "b.safetensors", SUBWORD_WORDS, None, tables, {})
    tables["subword_vectors"] = table.vectors[:-1]
    with pytest.raises(ConfigError, match="has 102 rows for parts of words instead of 103"):
        save_model(tmp_path / "b.safetensors", SUBWORD_WORDS, None, tables, {"subwords": table.subwords.as_json()})
    tables["subword_vectors"] = table.vectors[:, :5]
    with pytest.raises(ConfigError, match="has 5 numbers for each part of a word instead of 6"):
        save_model(tmp_path / "b.safetensors", SUBWORD_WORDS, None, tables, {"subwords": table.subwords.as_json()})


def test_changed_vectors_of_words_with_parts_are_not_lost(tmp_path: Path) -> None:
    make_subword_model(tmp_path / "a.safetensors")
    model = w2v.load(tmp_path / "a.safetensors")
    assert model.vectors.shape == (6, 6)
    model.save(tmp_path / "a.bin", format="fasttext")
    model.vectors[1] *= 2
    with pytest.raises(ModelFileError, match="the vector of walked was changed"):
        model.save(tmp_path / "b.bin", format="fasttext")
    model.save(tmp_path / "b.safetensors")
    assert not (tmp_path / "b.bin").exists()
    np.testing.assert_array_equal(w2v.load(tmp_path / "b.safetensors")["walked"], model["walked"])
