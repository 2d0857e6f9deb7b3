"""Words that are not in the vocabulary: their vectors, as questions and in gold sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import bits, make_subword_model

import w2v_cli as w2v
from w2v_cli.embeddings.gold import AnalogySet, GoldSet, OddSet, PairSet
from w2v_cli.errors import ConfigError, UnknownWordError
from w2v_cli.formats.model_file import save_model


@pytest.fixture(scope="module", params=["fasttext", "floret"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> w2v.Model:
    path = tmp_path_factory.mktemp("model") / "a.safetensors"
    make_subword_model(path, request.param)
    return w2v.load(path)


def mean_of_parts(model: w2v.Model, word: str) -> np.ndarray:
    table = model.word_vectors.require_parts().vectors
    rows = [part.row for part in model.ngrams(word)]
    return table[rows].astype(np.float64).mean(axis=0) if rows else np.zeros(model.dim)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) or 1))


def test_an_unseen_word_has_the_mean_of_its_parts_but_is_not_in_the_model(model: w2v.Model) -> None:
    assert "walking" not in model and "walk" in model
    np.testing.assert_allclose(model["walking"], mean_of_parts(model, "walking"), atol=1e-6)  # float32 sums
    np.testing.assert_allclose(model["walk"], mean_of_parts(model, "walk"), atol=1e-6)
    assert model.composed(["walk", "walking", "рекою"]) == ["walking", "рекою"]
    assert sum(part.share for part in model.ngrams("walking")) == pytest.approx(1)


def test_questions_take_unseen_words_and_answer_with_known_ones(model: w2v.Model) -> None:
    answers = model.similar("walking", k=9)
    assert sorted(answer.word for answer in answers) == sorted(model.words)
    for word, found in answers:
        assert found == pytest.approx(cosine(mean_of_parts(model, "walking"), mean_of_parts(model, word)), abs=1e-6)
    mixed = model.similar("walking - walk + talk", k=9)
    assert sorted(answer.word for answer in mixed) == sorted(set(model.words) - {"walk", "talk"})
    assert [model.similar(model["walking"], k=9)] == [answers]
    assert model.similarity("walking", "talking") == pytest.approx(
        cosine(mean_of_parts(model, "walking"), mean_of_parts(model, "talking")), abs=1e-6
    )
    assert len(model.odd(["walk", "walking", "рекою"])) == 3
    for method in ("3cosadd", "3cosmul"):
        assert {a.word for a in model.analogy("walk", "walking", "talk", method=method)} == {*model.words} - {
            "walk",
            "talk",
        }


def test_the_vectors_of_the_model_stay_as_they_were(model: w2v.Model) -> None:
    before = bits(model.vectors)
    model.similar("walking")
    assert (len(model), bits(model.vectors)) == (6, before)


def test_a_word_without_parts_is_unknown(model: w2v.Model) -> None:
    table = model.word_vectors.require_parts()
    if table.subwords.kind == "floret":  # the word with its marks is always a part
        assert model.composed(["x"]) == ["x"]
        return
    assert model.composed(["", "xyz"]) == ["xyz"]
    with pytest.raises(UnknownWordError, match="not in the vocabulary: ") as caught:
        model.similarity("walk", "")
    assert "has learnt no part of such a word" in str(caught.value.hint)


def test_a_word_of_whose_parts_none_was_learnt_is_unknown(model: w2v.Model, tmp_path: Path) -> None:
    tables = {name: table.copy() for name, table in model.tables.items()}
    tables["subword_vectors"][[part.row for part in model.ngrams("qqq")]] = 0
    save_model(tmp_path / "a.safetensors", model.words, None, tables, model.metadata)
    partly = w2v.load(tmp_path / "a.safetensors")
    assert partly.composed(["qqq", "walking"]) == ["walking"] and not partly.embed(["qqq"]).any()
    with pytest.raises(UnknownWordError, match="not in the vocabulary: qqq"):
        partly.similar("qqq")
    score = partly.evaluate(PairSet("x", (("walk", "qqq"), ("walk", "talk")), (1.0, 2.0)), oov="compose")
    assert (score.seen, score.composed) == (1, 0)


def test_models_without_parts_say_so(model: w2v.Model) -> None:
    plain = w2v.Model.of(["up", "down"], np.eye(2, dtype=np.float32))
    assert plain.composed(["left"]) == []
    with pytest.raises(ConfigError, match="no vectors for parts of words"):
        plain.ngrams("up")
    with pytest.raises(ConfigError, match="no vectors for parts of words"):
        plain.evaluate(PairSet("x", (("up", "down"),), (1.0,)), oov="compose")
    with pytest.raises(UnknownWordError):
        plain.similar("left")


def test_models_are_compared_with_the_words_that_each_can_answer(model: w2v.Model) -> None:
    plain = w2v.Model.of(["walk", "down"], np.eye(2, dtype=np.float32))
    (walking,) = w2v.compare({"parts": model, "plain": plain}, ["walking"], k=2)
    assert walking.neighbours["plain"] is None
    assert walking.neighbours["parts"] == model.similar("walking", k=2)


PAIRS = PairSet("pairs", (("walk", "talk"), ("walking", "talk"), ("Walk", "reka"), ("walked", "река")), (9, 7, 2, 1))
ANALOGIES = AnalogySet("analogies", (("a", (("walk", "walked", "talk", "река"), ("walk", "walking", "talk", "Fluß"))),))
ANALOGIES_WITHOUT = AnalogySet("analogies", (("a", (("walk", "walked", "talk", "talked"),)),))
ODD = OddSet("odd", (("a", (("walk", "walked", "walking", "река"), ("walk", "walked", "talk", "река"))),))


@pytest.mark.parametrize(
    ("gold", "seen", "composed_seen", "composed"),
    [(PAIRS, 3, 4, 2), (ANALOGIES, 1, 2, 1), (ODD, 1, 2, 1), (ANALOGIES_WITHOUT, 0, 0, 0)],
)
def test_a_score_says_how_many_questions_were_composed(
    model: w2v.Model, gold: GoldSet, seen: int, composed_seen: int, composed: int
) -> None:
    protocol = "strict" if gold is not PAIRS else "word2vec"
    skipped = model.evaluate(gold, protocol=protocol, oov="skip")
    found = model.evaluate(gold, protocol=protocol, oov="compose")
    if gold is PAIRS:  # the case of ASCII letters is ignored, so Walk is known
        seen, composed_seen = 2, 4
    assert (skipped.seen, skipped.composed, found.seen, found.composed) == (seen, 0, composed_seen, composed)
    assert "composed" not in skipped.as_dict() and found.as_dict()["composed"] == composed
    assert "unknown words composed of their parts" in found.protocol
    assert any("--oov compose" in remark for remark in skipped.remarks)
    assert not any("--oov compose" in remark for remark in found.remarks)


def test_composed_pairs_are_scored_by_their_cosines(model: w2v.Model) -> None:
    cosines = [
        cosine(mean_of_parts(model, a), mean_of_parts(model, b))
        for a, b in (("walk", "talk"), ("walking", "talk"), ("walk", "reka"), ("walked", "река"))
    ]
    ranks, wanted = np.argsort(np.argsort(cosines)), np.argsort(np.argsort(PAIRS.ratings))
    expected = 100 * np.corrcoef(ranks, wanted)[0, 1]
    assert model.evaluate(PAIRS, oov="compose").score == pytest.approx(expected)


def test_a_part_of_speech_is_no_part_of_a_word(model: w2v.Model) -> None:
    tagged = PairSet("t", (("walking-v", "talk-v"), ("walk-v", "река-n"), ("walked-v", "talk-v")), (3, 2, 1))
    plain = PairSet("p", (("walking", "talk"), ("walk", "река"), ("walked", "talk")), (3, 2, 1))
    assert model.evaluate(tagged, oov="compose").score == model.evaluate(plain, oov="compose").score


def test_the_mean_of_a_text_takes_unseen_words(model: w2v.Model, tmp_path: Path) -> None:
    from w2v_cli.embeddings.directions import read_directions

    (tmp_path / "text.txt").write_text("walk walking walking\n")
    _, directions = read_directions(tmp_path / "text.txt", model.word_vectors)
    walk, walking = (mean_of_parts(model, word) for word in ("walk", "walking"))
    expected = (walk / np.linalg.norm(walk) + 2 * walking / np.linalg.norm(walking)) / 3
    np.testing.assert_allclose(directions[0], expected, rtol=1e-5, atol=1e-6)  # float32 vectors
