"""The Python API: it does what the command line does, without printing; and the examples in its docstrings run."""

from __future__ import annotations

import doctest
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import w2v_cli as w2v
from w2v_cli.api import gradcheck, phrases, questions, train
from w2v_cli.api import model as model_module
from w2v_cli.cli.main import run
from w2v_cli.embeddings.gold import read_gold
from w2v_cli.errors import (
    ConfigError,
    CorpusError,
    GoldFileError,
    ModelFileError,
    UnknownWordError,
    VocabularyError,
)
from w2v_cli.formats.model_file import save_model

SENTENCES = [["the", "cat", "sat"], ["the", "dog", "sat", "down"]] * 60
OPTIONS = {"dim": 8, "epochs": 2, "threads": 1, "min_count": 1}


@pytest.fixture(scope="module")
def model() -> w2v.Model:
    return w2v.train(SENTENCES, **OPTIONS)  # type: ignore[arg-type]


def test_the_examples_in_the_documentation_run() -> None:
    found = [doctest.testmod(module) for module in (model_module, questions, train, phrases, gradcheck)]
    assert all(result.attempted > 0 and result.failed == 0 for result in found)
    assert sum(result.attempted for result in found) > 10


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


def test_sentences_may_come_from_anything_that_can_be_iterated(model: w2v.Model) -> None:
    class Column:
        """Like a column of pandas, which is no sequence and yields its values."""

        def __iter__(self) -> Iterator[list[str]]:
            return iter(SENTENCES)

    def generator() -> Iterator[Iterable[str]]:
        for sentence in SENTENCES:
            yield (word for word in sentence)
            yield []

    arrays = [np.array(sentence) for sentence in SENTENCES]
    tuples = tuple(map(tuple, SENTENCES))
    objects = np.array([*SENTENCES, ["last"]], dtype=object)[:-1]
    for corpus in (Column(), iter(SENTENCES), map(list, SENTENCES), generator(), arrays, tuples, objects):
        assert np.array_equal(w2v.train(corpus, **OPTIONS).vectors, model.vectors)  # type: ignore[arg-type]
    walks = np.array([["n1", "n2"], ["n2", "n3"]] * 20)
    assert set(w2v.train(walks, **OPTIONS).words) == {"n1", "n2", "n3"}  # type: ignore[arg-type]
    assert w2v.phrases(iter(SENTENCES), threads=1) == w2v.phrases(SENTENCES, threads=1)


def test_paths_may_come_from_a_generator(model: w2v.Model, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(" ".join(sentence) + "\n" for sentence in SENTENCES))
    assert np.array_equal(w2v.train(tmp_path.glob("*.txt"), **OPTIONS).vectors, model.vectors)  # type: ignore[arg-type]


NAN = float("nan")


class Missing:
    """Like NA of pandas, whose comparisons are neither true nor false."""

    def __ne__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("sentences", "message", "hint"),
    [
        ([["a", "b"], ["New York"]], "sentence 1 of the corpus has a token with white space: 'New York'", "New_York"),
        ([["a", "b\n"]], r"sentence 0 of the corpus has a token with white space: 'b\\n'", "split it"),
        ([["རྒྱ་ མཚོ་"]], "sentence 0 of the corpus has a token with white space: 'རྒྱ་ མཚོ་'", "split it"),
        ([["a", ""]], "sentence 0 of the corpus has an empty token", "leave it out"),
        ([["a"], "b c"], "sentence 1 of the corpus is a str: 'b c'", r"sentence.split\(\)"),
        ([["a"], [1, 2]], "sentence 1 of the corpus has the token 1, which is an int", r"list\(map\(str, sentence\)\)"),
        (np.array([[7, 8]]), r"sentence 0 .*7.*, which is an int64", r"map\(str, sentence\)"),
        ([["a", "b"], ["c", None]], "sentence 1 of the corpus has the token None", "leave it out, or"),
        ([["a", NAN]], "sentence 0 of the corpus has the token nan, which is a float", r"leave it out, .*map\(str"),
        ([["a"], NAN], "sentence 1 of the corpus is a float, not a list of words: nan", "leave out what is missing"),
        ([["a", Missing()]], "sentence 0 of the corpus has the token <.*, which is a Missing", "leave it out, or"),
        ([None, ["a"]], "sentence 0 of the corpus is a NoneType, not a list of words", "lists of words"),
        (np.array([3, 4]), "sentence 0 of the corpus is an int64, not a list of words", "lists of words"),
        ([[b"a"]], "sentence 0 of the corpus has the token b'a', which is a bytes", "decode"),
        ([[["a", "b"]]], r"sentence 0 of the corpus has the token \['a', 'b'\], which is a list", "flat list"),
        ([["\ud800"]], "sentence 0 of the corpus has a token that is not Unicode text", "decode"),
        ([{"text": "a b"}], "sentence 0 of the corpus is a dict, not a list of words", "lists of words"),
        ([{"a", "b"}], "sentence 0 of the corpus is a set, not a list of words", "lists of words"),
        ({"a": ["b", "c"]}, "the corpus is a dict", "its values"),
        (b"a b", "the corpus is a bytes", "decode it"),
        (7, "the corpus is an int", "the path of a file"),
        (None, "the corpus is a NoneType", "the path of a file"),
        (np.array("a"), "the corpus is an ndarray", "the path of a file"),
        (io.StringIO("a b"), "the corpus is a StringIO", "give its path"),
        (["a", "b.txt"], "there is no file 'a': a string is taken for the name of a file", r"text.split\(\) for"),
        (np.array(["she sells", "sea shells"]), "there is no file 'she sells': a string is taken", "lists of words"),
        (iter(["She sells sea shells.\n"]), r"there is no file 'She sells sea shells.\\n'", "lists of words"),
        (("on the shore", "at sea"), "there is no file 'on the shore'", "lists of words"),
        ("Where? On the shore.", r"there is no file 'Where\? On the shore\.': a string is taken", "lists of words"),
        ("one\ntwo\0three " * 999, r"there is no file 'one.*\.\.\..*three ': a string", "lists of words"),
        ("she sells", "there is no file 'she sells'", "lists of words"),
        ([[[[["x" * 80] * 9] * 9] * 9]], "the token .{0,200}$", "."),
        ("missing text.txt", "missing text.txt cannot be read: No such file", "is the name right"),
        ("missing.txt", "missing.txt cannot be read: No such file", "is the name right"),
        ([Path("missing.txt")], "missing.txt cannot be read: No such file", "is the name right"),
        ([Path("missing.txt"), 3], "the corpus mixes paths with an int", "only paths"),
    ],
)
def test_what_is_no_corpus_is_refused_by_name(sentences: Any, message: str, hint: str | None) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        w2v.train(sentences)
    assert re.search(hint or "^None$", str(caught.value.hint))


def test_a_table_is_refused_because_it_yields_its_names() -> None:
    class Table(dict[str, list[str]]):
        """Like a table of pandas."""

    class Frame:
        columns = ("text",)

        def __iter__(self) -> Iterator[str]:
            return iter(self.columns)

    with pytest.raises(CorpusError, match="the corpus is a Frame") as caught:
        w2v.train(Frame())
    assert 'table["text"].str.split()' in str(caught.value.hint)
    with pytest.raises(CorpusError, match="the corpus is a Table"):
        w2v.train(Table(text=["a"]))


@pytest.mark.parametrize("corpus", [[], [[]], [["a"]], [["a", "b"]]])
def test_sentences_have_no_path_in_a_message(corpus: list[list[str]]) -> None:
    with pytest.raises(VocabularyError) as caught:
        w2v.train(corpus)
    assert "/dev/fd" not in str(caught.value) and "the sentences" in str(caught.value)


def test_sentences_stay_apart_and_tokens_whole() -> None:
    sentences = [["\ufeffa", "b-"], ["c", "d"]] * 20
    plain = w2v.train(sentences, **OPTIONS)  # type: ignore[arg-type]
    assert set(plain.words) == {"\ufeffa", "b-", "c", "d"}
    unwrapped = w2v.train(sentences, unwrap=True, **OPTIONS)  # type: ignore[arg-type]
    assert np.array_equal(plain.vectors, unwrapped.vectors)


def test_unknown_options_and_bad_values_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown options: sg, vector_size") as caught:
        w2v.train(SENTENCES, vector_size=5, sg=1)
    assert caught.value.hint == 'sg is model="skipgram" or model="cbow" here, vector_size is dim here'
    with pytest.raises(ConfigError, match=r"--dim 5\.0 is a float") as caught:
        w2v.train(SENTENCES, dim=5.0)
    assert caught.value.hint == "write 5"
    with pytest.raises(ConfigError, match="--dim 0 is too small"):
        w2v.train(SENTENCES, dim=0)
    with pytest.raises(ConfigError, match="--tokenize letters is not one of whitespace, words"):
        w2v.train(SENTENCES, tokenize="letters")


def test_options_may_be_numbers_of_numpy(model: w2v.Model) -> None:
    options: dict[str, Any] = {name: np.int16(value) for name, value in OPTIONS.items()}
    again = w2v.train(SENTENCES, lower=np.bool_(False), **options)
    assert np.array_equal(again.vectors, model.vectors) and again.metadata == model.metadata
    assert model.similar("cat", np.int64(2), threshold=np.float32(-1)) == model.similar("cat", 2)
    assert all(finding.passed for finding in w2v.gradcheck(name="sigmoid", dim=np.int64(3), seed=np.uint8(2)))
    found = w2v.phrases(SENTENCES, threshold=np.float32(0.5), min_count=np.int64(5), threads=np.int8(1))
    assert found == w2v.phrases(SENTENCES, threshold=0.5, min_count=5, threads=1)
    with pytest.raises(ConfigError, match="--threshold True is not a number"):
        w2v.phrases(SENTENCES, threshold=True)


def test_progress_is_called_and_may_end_the_training() -> None:
    seen: list[w2v.Progress] = []
    w2v.train(SENTENCES, on_progress=seen.append, **OPTIONS)  # type: ignore[arg-type]
    assert seen[-1].tokens == seen[-1].total_tokens == 2 * sum(map(len, SENTENCES))

    def stop(progress: w2v.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        w2v.train(SENTENCES, on_progress=stop, **OPTIONS)  # type: ignore[arg-type]


def test_the_model_can_be_looked_at_after_each_epoch() -> None:
    seen: list[tuple[int, float, np.ndarray]] = []

    def look(epoch: int, model: w2v.Model) -> None:
        seen.append((epoch, model.losses[-1], model.vectors.copy()))

    options: dict[str, Any] = {**OPTIONS, "epochs": 3}
    looked, alone = w2v.train(SENTENCES, on_epoch=look, **options), w2v.train(SENTENCES, **options)
    assert [(epoch, loss) for epoch, loss, _ in seen] == list(enumerate(looked.losses, start=1))
    assert (seen[-1][2] == looked.vectors).all() and (looked.vectors == alone.vectors).all()
    assert (seen[0][2] != seen[1][2]).any() and (seen[1][2] != seen[2][2]).any()
    with pytest.raises(ConfigError, match="on_epoch has no effect on a cluster"):
        w2v.train(SENTENCES, on_epoch=look, cluster="ray", **options)


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


TWO_AXES = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)


@pytest.fixture
def bare() -> w2v.Model:
    """Words and vectors alone, as from another program."""
    return w2v.Model.of(["Paris", "Berlin", "banana", "apple"], TWO_AXES)


def test_the_odd_word_comes_first(bare: w2v.Model) -> None:
    ranked = bare.odd(["Paris", "banana", "Berlin", "Paris"])
    assert [word for word, _ in ranked] == ["banana", "Paris", "Berlin"]
    # Unit vectors (1, 0), (0, 1) and (1, 0.1) / √1.01: the cosine of banana to their sum.
    units = np.array([[1, 0], [0, 1], np.array([1, 0.1]) / 1.01**0.5])
    assert ranked[0].cosine == pytest.approx(units.sum(0)[1] / np.linalg.norm(units.sum(0)))
    assert bare.odd(("Paris", "banana", "Berlin"))[0].word == bare.odd({"Paris", "banana", "Berlin"})[0].word


def test_likely_words_are_predicted_and_the_context_is_no_answer(model: w2v.Model, tmp_path: Path) -> None:
    likely = model.predict(["the", "sat"], k=9)
    assert {word for word, _, _ in likely} == {"cat", "dog", "down"}
    assert all(np.exp(-found.loss) == pytest.approx(found.likelihood) for found in likely)
    assert [found.loss for found in likely] == sorted(found.loss for found in likely)
    model.save(tmp_path / "m.safetensors")
    assert w2v.load(tmp_path / "m.safetensors").predict(["the", "sat"], k=9) == likely


def test_classes_have_numbers_by_word(bare: w2v.Model) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not here (it is in the classes and bench extras)")
    assert bare.classes(2, seed=3).tolist() == [0, 0, 1, 1]


def test_a_gold_set_is_scored_by_path_or_as_it_was_read(bare: w2v.Model, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("paris\tBerlin\t9\nParis\tbanana\t1\nParis\tapple\t2\nParis\tRome\t5\n")
    score = bare.evaluate(tmp_path / "pairs.tsv")
    assert (score.kind, score.score, score.seen, score.total) == ("pairs", pytest.approx(100), 3, 4)
    assert bare.evaluate(read_gold(tmp_path / "pairs.tsv")) == score
    strict = bare.evaluate(str(tmp_path / "pairs.tsv"), protocol="strict", oov="skip")
    assert (strict.seen, strict.oov) == (2, "skip")
    with pytest.raises(GoldFileError, match="cannot read"):
        bare.evaluate(tmp_path / "none.tsv")


def test_a_task_says_what_a_gold_set_holds(bare: w2v.Model, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("Paris Berlin Paris banana\nParis Berlin Rome banana\n")
    score = bare.evaluate(tmp_path / "odd.txt", task="odd")
    assert (score.kind, score.score, score.seen, score.total) == ("odd", 100, 1, 2)
    (tmp_path / "raters.csv").write_text("w1,w2,A,B,Mean\nParis,Berlin,0,9,9\nParis,banana,9,0,1\n")
    score = bare.evaluate(tmp_path / "raters.csv", task="pairs")
    assert score.score == pytest.approx(100) and str(score.column) == "column 5 (Mean)"
    (tmp_path / "polski.txt").write_text("król królowa mężczyzna kobieta\n")
    score = bare.evaluate(tmp_path / "polski.txt", task="analogies")
    assert score.seen == 0 and "such as król, królowa" in score.remarks[0]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda model: model.odd("Paris"), "words must be a list of words, not 'Paris'"),
        (lambda model: model.odd(["Paris", "Berlin", "Paris"]), "three different words"),
        (lambda model: model.odd([1, 2, 3]), r"words must be a list of words, not \[1, 2, 3\]"),
        (lambda model: model.predict("Paris"), "context must be a list of words"),
        (lambda model: model.predict([]), "the context has no words"),
        (lambda model: model.predict(["Paris"], k=0), "k 0 is not a whole number of 1 or more"),
        (lambda model: model.classes(0), "k 0 is not a whole number of 1 or more"),
        (lambda model: model.classes(2, seed=-1), "seed -1 is not a whole number from 0"),
        (lambda model: model.similar("Paris", k=0), "k 0 is not a whole number of 1 or more"),
        (lambda model: model.similar("Paris", k=True), "k True is not a whole number of 1 or more"),
        (lambda model: model.similar("Paris", exclude="Rome"), "exclude must be a list of words"),
        (lambda model: model.similar(["Paris", "Rome"]), "the query is neither a str nor a vector of 2 finite numbers"),
        (lambda model: model.similar(np.ones(3)), "the query is neither a str nor a vector of 2 finite numbers"),
        (lambda model: model.similar(np.array([1, np.nan])), "the query is neither"),
        (lambda model: model.similar([[1], [2, 3]]), "the query is neither"),
        (lambda model: model.similar("Paris", threshold="high"), "threshold 'high' is not a number"),
        (lambda model: model.similar("Paris", threshold=np.nan), "threshold nan is not a number"),
        (lambda model: model.similar("Paris", exclude=None), "exclude must be a list of words, not None"),
        (lambda model: model.similar("Paris", k=None), "k None is not a whole number"),
        (lambda model: model.analogy("Paris", None, "apple"), "None is not a word"),
        (lambda model: model.similarity("Paris", 1), "1 is not a word"),
        (lambda model: model[1], "1 is not a word"),
        (lambda model: model.similar("Paris", restrict_vocab=0), "restrict_vocab 0 is not a whole number"),
        (lambda model: model.analogy("Paris", "Berlin", "apple", method="best"), "method best is not one of 3cosadd"),
        (lambda model: model.evaluate(["a.txt"]), "the gold set is a list, not a path"),
        (lambda model: model.evaluate("a.txt", protocol="mine"), "protocol mine is not one of word2vec"),
        (lambda model: model.evaluate("a.txt", task="test"), "task test is not one of None, pairs, analogies, odd"),
        (lambda model: model.evaluate("a.txt", oov="right"), "oov right is not one of None, skip, wrong"),
        (lambda model: model.evaluate("a.txt", restrict_vocab=1.5), "restrict_vocab 1.5 is not a whole number"),
    ],
)
def test_senseless_questions_are_refused(bare: w2v.Model, ask: Callable[[w2v.Model], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ask(bare)


def test_an_unknown_word_is_a_key_error(bare: w2v.Model) -> None:
    with pytest.raises(KeyError) as caught:
        bare["Oslo"]
    assert isinstance(caught.value, UnknownWordError) and str(caught.value) == "not in the vocabulary: Oslo"


def test_unknown_words_are_named_together(model: w2v.Model, bare: w2v.Model) -> None:
    for ask in (bare.odd, model.predict):
        with pytest.raises(UnknownWordError, match="not in the vocabulary: Rome, Oslo, Bern"):
            ask(["Rome", "Oslo", "Bern"])


def test_a_model_that_lacks_what_predicting_takes_says_so(bare: w2v.Model, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="the model does not say how it was trained"):
        bare.predict(["Paris"])
    options = {"config": json.dumps(w2v.TrainConfig().as_dict())}
    tables, words = {"input_vectors": TWO_AXES}, list(bare.words)
    save_model(tmp_path / "a.safetensors", words, None, tables, options)
    with pytest.raises(ModelFileError, match=r"a\.safetensors does not say how often its words occur"):
        w2v.load(tmp_path / "a.safetensors").predict(["Paris"])
    save_model(tmp_path / "b.safetensors", words, np.array([4, 3, 2, 1]), tables, options)
    with pytest.raises(ModelFileError, match=r"b\.safetensors has no output_vectors"):
        w2v.load(tmp_path / "b.safetensors").predict(["Paris"])
    save_model(tmp_path / "c.safetensors", words, np.array([4, 3, 2, 1]), tables, {"config": '{"dim": "wide"}'})
    with pytest.raises(ModelFileError, match="does not say how it was trained"):
        w2v.load(tmp_path / "c.safetensors").predict(["Paris"])


NEW_YORK = [["new", "york", "is", "big"], ["rome", "is", "old"], ["so", "is", "the", "sea"]] * 10


def test_phrases_are_found_and_joined_in_sentences_and_in_files(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(" ".join(sentence) + "\n" for sentence in NEW_YORK))
    options: dict[str, Any] = {"threshold": 2.5, "min_count": 1, "threads": 1}
    found = w2v.phrases(NEW_YORK, tmp_path / "out.txt", **options)
    # (10 − 1) / (10 · 10) · 110 tokens
    assert ("new_york", pytest.approx(9.9)) in found[0] and len(found) == 1
    assert (tmp_path / "out.txt").read_text().startswith("new_york")
    buffer = io.BytesIO()
    assert w2v.phrases(tmp_path / "in.txt", buffer, **options) == found
    assert buffer.getvalue() == (tmp_path / "out.txt").read_bytes()
    assert w2v.phrases(str(tmp_path / "in.txt"), **options, passes=2)[0] == found[0]
    # With npmi, every phrase that always stands together has a score of 1.
    assert w2v.phrases(NEW_YORK, scoring="npmi", threads=1)[0][0].score == pytest.approx(1)
    assert sorted(os.listdir(tmp_path)) == ["in.txt", "out.txt"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"output": "in.txt"}, ConfigError, "would overwrite in.txt"),
        ({"output": "no/folder/out.txt"}, ModelFileError, "there is no folder"),
        ({"output": ""}, ModelFileError, "the name of the output is empty"),
        ({"scoring": "best"}, ConfigError, "scoring best is not one of word2phrase, npmi"),
        ({"delimiter": " "}, ConfigError, "--delimiter must not be empty"),
        ({"passes": 0}, ConfigError, "passes 0 is not a whole number of 1 or more"),
        ({"threshold": "high"}, ConfigError, "threshold 'high' is not a number"),
        ({"min_counts": 1}, ConfigError, "unknown options: min_counts"),
        ({"threshold": float("nan")}, ConfigError, "threshold nan is not a number"),
        ({"connectors": 3}, ConfigError, "connectors must be a list of words, not 3"),
        ({"connectors": [3]}, ConfigError, r"connectors must be a list of words, not \[3\]"),
        ({"delimiter": 3}, ConfigError, "--delimiter must not be empty, and must be text"),
        ({"output": 3}, ConfigError, "the output 3 is neither a path nor a file"),
        ({"output": io.StringIO()}, ConfigError, "neither a path nor a file that is open for binary writing"),
        ({"threads": 0}, ConfigError, "threads 0 is not a whole number of 1 or more"),
        ({"tokenize": "letters"}, ConfigError, "--tokenize letters is not one of"),
    ],
)
def test_phrases_refuse_what_makes_no_sense_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("a b\n" * 9)
    with pytest.raises(error, match=message):
        w2v.phrases("in.txt", **options)
    assert os.listdir(tmp_path) == ["in.txt"] and Path("in.txt").read_text() == "a b\n" * 9
    with pytest.raises(CorpusError, match=r"there is no file 'missing in\.txt'"):
        w2v.phrases(["missing in.txt"])


def test_gradients_are_checked_one_by_one(model: w2v.Model, tmp_path: Path) -> None:
    findings = list(w2v.gradcheck(engine="reference", name="random", dim=2, vocab=4))
    assert len(findings) > 3 and all(finding.passed and "random" in finding.check for finding in findings)
    at_model = list(w2v.gradcheck(engine="reference", at=(model, SENTENCES)))
    assert at_model and all(finding.passed and "step of the corpus" in finding.check for finding in at_model)
    model.save(tmp_path / "m.safetensors")
    (tmp_path / "in.txt").write_text("".join(" ".join(sentence) + "\n" for sentence in SENTENCES))
    at_files = w2v.gradcheck(engine="reference", at=(tmp_path / "m.safetensors", tmp_path / "in.txt"))
    assert list(at_files) == at_model


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "fast"}, "engine fast is not one of all, reference, compiled"),
        ({"name": "gradeint"}, "no check has 'gradeint' in its name"),
        ({"dim": 0}, "dim 0 is not a whole number of 1 or more"),
        ({"vocab": 3}, "vocab 3 is not a whole number of 4 or more"),
        ({"seed": -1}, "seed -1 is not a whole number of 0 or more"),
        ({"at": "model.safetensors"}, "at is not a model and a corpus"),
        ({"at": ("model", "corpus"), "dim": 3}, "--at and --dim: the model has its own"),
    ],
)
def test_gradcheck_refuses_what_makes_no_sense_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        w2v.gradcheck(**options)


def test_gradcheck_needs_a_trained_model_and_its_text(model: w2v.Model, bare: w2v.Model, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="does not say how it was trained"):
        w2v.gradcheck(at=(bare, SENTENCES))
    with pytest.raises(CorpusError, match="no two words of the model stand in one line"):
        w2v.gradcheck(at=(model, [["wholly", "other"]]))
    with pytest.raises(CorpusError, match=r"none\.txt"):
        w2v.gradcheck(at=(model, tmp_path / "none.txt"))


def test_a_corpus_is_either_paths_or_sentences() -> None:
    with pytest.raises(CorpusError, match="the corpus mixes paths with a list"):
        w2v.train(["a.txt", ["a", "b"]])
    with pytest.raises(CorpusError, match="sentence 1 of the corpus is an int, not a list of words: 7"):
        w2v.train([["a", "b"], 7])  # type: ignore[list-item]
    with pytest.raises(CorpusError, match="the corpus is a NoneType"):
        w2v.train(None)  # type: ignore[arg-type]


def test_errors_do_not_name_the_file_that_sentences_were_written_to(model: w2v.Model) -> None:
    for call in (
        lambda: w2v.train([]),
        lambda: w2v.train([["a", "b"]], min_count=9),
        lambda: w2v.phrases([[]]),
        lambda: w2v.gradcheck(at=(model, [["wholly", "other"]])),
    ):
        with pytest.raises(w2v.W2VError, match="the sentences") as caught:
            call()
        assert "/dev/fd" not in f"{caught.value} {caught.value.message} {caught.value.hint}"


def test_words_may_come_from_a_generator(bare: w2v.Model, model: w2v.Model) -> None:
    assert bare.odd(word for word in bare.words) == bare.odd(list(bare.words))  # type: ignore[arg-type]
    assert model.predict(iter(model.words[:2])) == model.predict(model.words[:2])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "vectors", "message"),
    [
        ("ab", [[1], [2]], "the words are one str"),
        (["a"], [["x"]], "the vectors are not a matrix of numbers"),
        (["a", "b"], [[1], [1, 2]], "the vectors are not a matrix of numbers"),
    ],
)
def test_a_model_is_not_made_of_letters_or_of_no_matrix(words: Any, vectors: Any, message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        w2v.Model.of(words, vectors)


def test_models_are_compared_and_counts_are_told() -> None:
    matrix = np.array([[1, 0], [1, 0.1], [0, 1]], np.float32)
    old = w2v.Model.of(["mouse", "rat", "click"], matrix, np.array([7, 5, 2]))
    new = w2v.Model.of(["click", "mouse"], matrix[:2])
    mouse, rat = w2v.compare({"old": old, "new": new}, ["mouse", "rat - click"], k=1)
    assert mouse.query == "mouse" and mouse.neighbours == {
        "old": old.similar("mouse", 1),
        "new": new.similar("mouse", 1),
    }
    assert rat.neighbours == {"old": old.similar("rat - click", 1), "new": None}
    assert old.count("click") == 2
    with pytest.raises(ModelFileError, match="does not say how often"):
        new.count("click")
    with pytest.raises(UnknownWordError, match="cat"):
        old.count("cat")
    with pytest.raises(ConfigError, match="dict of models"):
        w2v.compare([old, new], ["mouse"])  # type: ignore[arg-type]


def test_a_changed_mix_is_saved_without_the_tables_that_it_was_made_of(tmp_path: Path) -> None:
    options: dict[str, Any] = {**OPTIONS, "loss": "hs", "subsample": 0.0}
    model = w2v.train([["a", "b", "c"], ["c", "d"]] * 20, **options)
    assert model.matrix == "mix" and {"output_vectors", "node_vectors"} < {*model.tables}
    model.vectors[:] *= 2
    model.save(tmp_path / "changed.safetensors")
    changed = w2v.load(tmp_path / "changed.safetensors")
    assert not {"output_vectors", "node_vectors"} & {*changed.tables}
    assert (changed.vectors == model.vectors).all()
