"""KeyedVectors without gensim: what is ours, such as files, errors and hints.

The rest is compared with gensim itself.
"""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.errors import CutShortError, ModelFileError, UnknownWordError
from w2v_cli.gensim import KeyedVectors, once


@pytest.fixture
def vectors() -> KeyedVectors:
    made = KeyedVectors(vector_size=2)
    made.add_vectors(["up", "high", "down", "right"], np.array([[1, 0], [4, 3], [-1, 0], [0, 1]], np.float32))
    for word, count in (("up", 9), ("high", 7), ("down", 5), ("right", 2)):
        made.set_vecattr(word, "count", count)
    return made


def test_the_nearest_words(vectors: KeyedVectors) -> None:
    assert vectors.most_similar("up", topn=2) == [("high", pytest.approx(0.8)), ("right", 0.0)]
    assert vectors.most_similar(positive=["up", "right"], negative=["down"], topn=1)[0][0] == "high"
    assert vectors.most_similar([np.array([-2.0, 0.0])], topn=1) == [("down", 1.0)]
    assert vectors.doesnt_match(["up", "high", "down"]) == "down"


def test_ties_come_in_the_order_of_rows() -> None:
    vectors = KeyedVectors(3)
    vectors.add_vectors([f"w{i}" for i in range(40)], np.ones((40, 3)))
    assert [key for key, _ in vectors.most_similar("w5", topn=6)] == ["w0", "w1", "w2", "w3", "w4", "w6"]


def test_a_vector_of_zeros_is_near_to_nothing(vectors: KeyedVectors) -> None:
    vectors.add_vectors("nil", [0, 0])
    assert dict(vectors.most_similar("up", topn=9))["nil"] == 0


def test_answers_follow_what_is_written_to_the_vectors(vectors: KeyedVectors) -> None:
    vectors.most_similar("up")
    vectors.vectors[3] = [5, 0.1]
    vectors.fill_norms(force=True)
    assert vectors.most_similar("up", topn=1)[0][0] == "right"
    vectors["down"] = np.array([7, 0])
    assert vectors.most_similar("up", topn=1)[0] == ("down", 1.0)


def test_an_unknown_key_is_a_key_error_that_names_it(vectors: KeyedVectors) -> None:
    with pytest.raises(KeyError, match="Key 'left' not present") as raised:
        vectors["left"]
    assert isinstance(raised.value, UnknownWordError)
    with pytest.raises(KeyError, match="left"):
        vectors.most_similar(["up", "left"])


def test_diverged_vectors_are_named(vectors: KeyedVectors) -> None:
    vectors["high"] = np.array([np.nan, 0])
    with pytest.raises(ModelFileError, match="row 1 has no finite length"):
        vectors.most_similar("up")
    with pytest.raises(ModelFileError, match="NaN"):
        vectors.save("/dev/null")


def test_what_gensim_ignores_warns_once(vectors: KeyedVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_given", set())
    with pytest.warns(UserWarning, match="ignores restrict_vocab") as given:
        vectors.most_similar_cosmul("up", restrict_vocab=2)
    assert given[0].filename == __file__
    vectors.most_similar_cosmul("up", restrict_vocab=2)


def test_names_of_gensim_3_say_what_replaces_them(vectors: KeyedVectors) -> None:
    with pytest.raises(AttributeError, match=r"gensim 4 has no index2word: use index_to_key"):
        _ = vectors.index2word
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = vectors.nothing
    with pytest.warns(DeprecationWarning, match="use fill_norms"):
        vectors.init_sims(replace=True)
    assert np.allclose(np.linalg.norm(vectors.vectors, axis=1), 1)


def saved(vectors: KeyedVectors, path: Path) -> KeyedVectors:
    vectors.save(path)
    return KeyedVectors.load(path)


def test_files_restore_keys_vectors_and_attributes(vectors: KeyedVectors, tmp_path: Path) -> None:
    vectors.set_vecattr("up", "weight", 0.5)
    vectors.set_vecattr("down", "tag", "deutsch ü")
    vectors.allocate_vecattrs(["seen", "sample_int"], [bool, np.uint32])
    vectors.expandos["seen"][2] = True
    again = saved(vectors, tmp_path / "vectors.kv")
    assert again.index_to_key == vectors.index_to_key and again.key_to_index == vectors.key_to_index
    assert np.array_equal(again.vectors, vectors.vectors) and again.vectors.dtype == np.float32
    assert again.expandos.keys() == vectors.expandos.keys()
    for name, values in vectors.expandos.items():
        assert again.expandos[name].dtype == values.dtype, name
    assert again.get_vecattr("down", "tag") == "deutsch ü" and again.get_vecattr("up", "tag") == 0
    assert again.expandos["seen"].tolist() == [False, False, True, False]
    assert again.most_similar("up") == vectors.most_similar("up")
    # Writing to loaded vectors leaves the file alone.
    again.vectors[0] = 9
    again.add_vectors("new", [1, 1])
    assert KeyedVectors.load(tmp_path / "vectors.kv")["up"].tolist() == [1, 0]
    with pytest.raises(ValueError, match="read-only"):
        KeyedVectors.load(tmp_path / "vectors.kv", mmap="r").vectors[0] = 9


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_files_keep_every_bit(tmp_path: Path, dtype: Any) -> None:
    vectors = KeyedVectors(3, dtype=dtype)
    vectors.add_vectors(["a", 7, "b"], np.random.default_rng(1).normal(size=(3, 3)))
    again = saved(vectors, tmp_path / "vectors")
    assert again.vectors.dtype == dtype and np.array_equal(again.vectors, vectors.vectors)
    assert again.index_to_key == ["a", 7, "b"] and again.get_index(7) == 1


def test_files_are_models_of_w2v(vectors: KeyedVectors, tmp_path: Path) -> None:
    vectors.save(tmp_path / "vectors.kv")
    model = w2v.load(tmp_path / "vectors.kv")
    assert model.similar("up", k=1)[0].word == "high"
    assert model.counts is not None and model.counts.tolist() == [9, 7, 5, 2]
    model.save(tmp_path / "model.safetensors")
    again = KeyedVectors.load(tmp_path / "model.safetensors")
    assert again.get_vecattr("down", "count") == 5
    assert vectors.to_model().similar("up") == model.similar("up")


def test_what_files_cannot_hold_is_refused(vectors: KeyedVectors, tmp_path: Path) -> None:
    vectors.expandos["thing"] = np.array([object()] * 4)
    with pytest.raises(
        ModelFileError, match="the attribute thing: Object of type object is not JSON serializable"
    ) as raised:
        vectors.save(tmp_path / "vectors")
    assert raised.value.hint == "remove it: del vectors.expandos['thing']"
    with pytest.raises(ModelFileError, match="row 0 has the key None"):
        KeyedVectors(2, 3).save(tmp_path / "vectors")
    assert list(tmp_path.iterdir()) == []


def test_options_of_saving_warn_once(vectors: KeyedVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_given", set())
    with pytest.warns(UserWarning, match="save ignores all options but the name"):
        vectors.save(tmp_path / "vectors", pickle_protocol=4)
    vectors.save(tmp_path / "vectors", separately=[])


def test_a_pickle_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "old.kv").write_bytes(pickle.dumps({"vectors": 1}))
    with pytest.raises(ModelFileError, match="is a Python pickle, which can run any code") as raised:
        KeyedVectors.load(tmp_path / "old.kv")
    assert isinstance(raised.value, ValueError)
    assert raised.value.hint is not None and "save_word2vec_format" in raised.value.hint
    for binary in (False, True):
        with pytest.raises(ModelFileError, match="is a Python pickle"):
            KeyedVectors.load_word2vec_format(tmp_path / "old.kv", binary=binary)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        KeyedVectors.load(tmp_path / "missing.kv")


def test_vectors_can_be_pickled_between_processes(vectors: KeyedVectors) -> None:
    again = pickle.loads(pickle.dumps(vectors))
    assert again.most_similar("up") == vectors.most_similar("up")


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_word2vec_files(vectors: KeyedVectors, tmp_path: Path, binary: bool, suffix: str) -> None:
    path = tmp_path / f"vectors{suffix}"
    vectors.save_word2vec_format(path, binary=binary)
    again = KeyedVectors.load_word2vec_format(path, binary=binary)
    assert again.index_to_key == vectors.index_to_key and np.array_equal(again.vectors, vectors.vectors)
    # The counts are invented.
    assert again.expandos["count"].tolist() == [4, 3, 2, 1]
    few = KeyedVectors.load_word2vec_format(path, binary=binary, limit=2)
    assert few.index_to_key == ["up", "high"]
    begins = {"": b"4 2\n", ".gz": b"\x1f\x8b", ".bz2": b"BZh9", ".xz": b"\xfd7zXZ", ".zst": b"\x28\xb5\x2f\xfd"}
    assert path.read_bytes().startswith(begins[suffix])
    counts = tmp_path / f"counts{suffix}"
    vectors.save_word2vec_format(path, fvocab=counts, binary=binary)
    assert KeyedVectors.load_word2vec_format(path, counts, binary).expandos["count"].tolist() == [9, 7, 5, 2]


@pytest.mark.parametrize("binary", [False, True])
def test_no_vectors_are_not_written(tmp_path: Path, binary: bool) -> None:
    with pytest.raises(ModelFileError, match=r"cannot write .*/e\.txt: there are no vectors") as caught:
        KeyedVectors(3).save_word2vec_format(tmp_path / "e.txt", binary=binary)
    assert isinstance(caught.value, ValueError) and not list(tmp_path.iterdir())


def test_a_word_with_a_blank_is_not_written(vectors: KeyedVectors, tmp_path: Path) -> None:
    vectors.add_vectors("New York", [1, 1])
    with pytest.raises(ValueError, match="cannot hold 'New York'"):
        vectors.save_word2vec_format(tmp_path / "vectors.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_text_with_blanks_in_words_is_read(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("2 2\nNew York 1 2\nin 3 4\n")
    assert KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt").index_to_key == ["New York", "in"]


def test_files_that_are_cut_short(vectors: KeyedVectors, tmp_path: Path) -> None:
    for binary in (False, True):
        vectors.save_word2vec_format(tmp_path / "whole", binary=binary)
        whole = (tmp_path / "whole").read_bytes()
        (tmp_path / "cut").write_bytes(whole[:-14] if binary else b"".join(whole.splitlines(True)[:-1]))
        with pytest.raises(EOFError) as raised:
            KeyedVectors.load_word2vec_format(tmp_path / "cut", binary=binary)
        assert isinstance(raised.value, CutShortError)
        assert KeyedVectors.load_word2vec_format(tmp_path / "cut", binary=binary, limit=1).index_to_key == ["up"]


def test_words_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_bytes("2 1\nмир 1\nдом 2\n".encode("cp1251"))
    assert KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt", encoding="cp1251").index_to_key == ["мир", "дом"]
    with pytest.raises(UnicodeDecodeError, match="line 2: the word is not UTF-8"):
        KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt")
    with pytest.raises(ValueError, match="cannot be encoded as utf-16"):
        KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt", encoding="utf-16")


def test_float64_is_not_rounded(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("3 2\na 0.12345678901234567 1\nb 2 3\na 4 5\n")
    exact = KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt", datatype=np.float64)
    assert exact.index_to_key == ["a", "b"] and exact["a"][0] == 0.12345678901234567
    exact.save_word2vec_format(tmp_path / "again.txt")
    again = KeyedVectors.load_word2vec_format(tmp_path / "again.txt", datatype=np.float64)
    assert np.array_equal(again.vectors, exact.vectors)
    (tmp_path / "vectors.txt").write_text("3 2\na 1 1\nb 2\n")
    with pytest.raises(ValueError, match="row 2: expected a word and 2 numbers"):
        KeyedVectors.load_word2vec_format(tmp_path / "vectors.txt", datatype=np.float64)


def test_intersection_replaces_known_words(vectors: KeyedVectors, tmp_path: Path) -> None:
    (tmp_path / "others.txt").write_text("2 2\ndown 0 -1\nleft 5 5\n")
    vectors.intersect_word2vec_format(tmp_path / "others.txt", lockf=0.5)
    assert len(vectors) == 4 and vectors["down"].tolist() == [0, -1]
    assert vectors.vectors_lockf.tolist() == [1, 1, 0.5, 1]


def test_wrong_vectors_change_nothing(vectors: KeyedVectors) -> None:
    for wrong in ([[1, 2, 3]], [[1, 2], [3, 4]], [1, 2]):
        with pytest.raises(ValueError, match="1 keys of 2 numbers cannot have vectors"):
            vectors.add_vectors(["new"], wrong)
    assert len(vectors) == len(vectors.vectors) == len(vectors.key_to_index) == 4


def test_answers_are_plain_numbers(vectors: KeyedVectors) -> None:
    assert [type(cosine) for _, cosine in vectors.most_similar("up")] == [float] * 3
    assert [type(score) for _, score in vectors.most_similar_cosmul("up")] == [float] * 3


def test_a_file_in_a_missing_folder(vectors: KeyedVectors, tmp_path: Path) -> None:
    for write in (vectors.save, vectors.save_word2vec_format):
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            write(tmp_path / "missing" / "file")


def test_growing_one_by_one_warns(vectors: KeyedVectors) -> None:
    with pytest.warns(UserWarning, match="copies all others"):
        assert vectors.add_vector("new", [1, 1]) == 4
    reserved = KeyedVectors(2, count=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reserved.add_vector("a", [1, 2]) == 0


def test_the_missing_solver_is_named(vectors: KeyedVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ot", None)
    with pytest.raises(ImportError, match="needs the package POT"):
        vectors.wmdistance(["up"], ["down"])


def test_analogies_and_pairs_of_a_small_file(vectors: KeyedVectors, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("up\thigh\t9\nup\tright\t5\nup\tdown\t1\nup\tunknown\t3\n")
    pearson, spearman, unknown = vectors.evaluate_word_pairs(tmp_path / "pairs.tsv")
    assert spearman.statistic == spearman[0] == pytest.approx(1) and unknown == 25
    assert pearson.statistic == pytest.approx(np.corrcoef([9, 5, 1], [0.8, 0, -1])[0, 1])
    (tmp_path / "questions.txt").write_text(": one\nup HIGH right high\nup down right left\n")
    score, sections = vectors.evaluate_word_analogies(tmp_path / "questions.txt")
    assert score == 0 and sections[-1]["section"] == "Total accuracy"
    assert sections[0]["incorrect"] == [("UP", "HIGH", "RIGHT", "HIGH")]


def test_vectors_do_not_overwrite_their_vocabulary(tmp_path: Path) -> None:
    vectors = KeyedVectors(2)
    vectors.add_vectors(["a", "b"], np.eye(2, dtype=np.float32), {"count": np.array([2, 1])})
    (tmp_path / "link").symlink_to(tmp_path / "v.txt")
    with pytest.raises(ValueError, match="would overwrite the vocabulary"):
        vectors.save_word2vec_format(tmp_path / "v.txt", fvocab=tmp_path / "link")
    assert not (tmp_path / "v.txt").exists()
