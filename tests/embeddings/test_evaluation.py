"""Gold files in every notation, and scores worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v_cli.embeddings.evaluation import evaluate
from w2v_cli.embeddings.gold import AnalogySet, GoldSet, PairSet, read_gold
from w2v_cli.embeddings.protocols import PROTOCOLS
from w2v_cli.embeddings.statistics import correlation_p_value, pearson, spearman
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import GoldFileError


def read(tmp_path: Path, text: str | bytes) -> GoldSet:
    path = tmp_path / "gold"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_gold(path)


def read_pairs(tmp_path: Path, text: str) -> PairSet:
    gold = read(tmp_path, text)
    assert isinstance(gold, PairSet)
    return gold


def read_analogies(tmp_path: Path, text: str) -> AnalogySet:
    gold = read(tmp_path, text)
    assert isinstance(gold, AnalogySet)
    return gold


@pytest.mark.parametrize(
    "text",
    [
        "love\tsex\t6.77\nold\tnew\t-1\n",
        "love sex 6.77\nold new -1",
        "love,sex,6.77\r\nold, new ,-1e0\r\n",
        "\ufeffWord 1,Word 2,Human (mean)\nlove,sex,6.77\n\nold,new,-1\n",
        "# a comment\nword1\tword2\trating\nlove\tsex\t6.77\t7\t8\n# more\nold\tnew\t-1\tx\n",
    ],
)
def test_word_pairs_are_recognised_in_every_notation(tmp_path: Path, text: str) -> None:
    gold = read_pairs(tmp_path, text)
    assert gold.pairs == (("love", "sex"), ("old", "new"))
    assert gold.ratings == (6.77, -1.0)


def test_words_between_tabs_may_contain_spaces(tmp_path: Path) -> None:
    assert read_pairs(tmp_path, "New York\tcity\t5\n").pairs == (("New York", "city"),)


def test_analogies_are_recognised_with_and_without_sections(tmp_path: Path) -> None:
    question = ("a", "b", "c", "d")
    assert read_analogies(tmp_path, ": one\na b c d\n# no\n:two\n: three \nA B C D\n").sections == (
        ("one", (question,)),
        ("two", ()),
        ("three", (("A", "B", "C", "D"),)),
    )
    assert read_analogies(tmp_path, "a b c d\n").sections == (("questions", (question,)),)


def test_numbers_may_be_words_of_a_question(tmp_path: Path) -> None:
    gold = read_analogies(tmp_path, ": numerals\none 1 2 two\n")
    assert gold.sections == (("numerals", (("one", "1", "2", "two"),)),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no questions and no pairs"),
        ("# only a comment\n\n", "holds no questions and no pairs"),
        (": one\na b c d\n\na b c\n", "line 4: expected four words, found 3"),
        ("a b c d\na b c d e\n", "line 2: expected four words, found 5"),
        (": one\na\tb\t\td\n", "line 2: expected four words"),
        ("a b 1\n# x\na b c\n", "line 3: expected two words and a number"),
        ("a b 1\na b nan\n", "line 2: expected two words and a number"),
        ("a b 1\na b\n", "line 2: expected two words and a number"),
        ("a\tb\t1\n\tb\t1\n", "line 2: expected two words and a number"),
        ("header\nsecond header\na b 1\n", "line 1: expected four words, found 1"),
        (b"a b 1\n\xff b 2\n", "is not UTF-8 text: byte 6"),
    ],
)
def test_a_malformed_gold_file_is_refused_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(GoldFileError, match=message) as caught:
        read(tmp_path, text)
    assert "gold" in caught.value.message and caught.value.hint


def test_a_missing_gold_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldFileError, match="No such file"):
        read_gold(tmp_path / "none")
    with pytest.raises(GoldFileError, match="cannot read"):
        read_gold(tmp_path)


def test_spearman_gives_ties_their_average_rank() -> None:
    # The ranks are 1, 2.5, 2.5, 4 and 1, 3, 2, 4. About their means, Σxy = 4.5, Σx² = 4.5 and Σy² = 5.
    assert spearman(np.array([1, 5, 5, 9.0]), np.array([1, 30, 20, 400.0])) == pytest.approx(4.5 / math.sqrt(4.5 * 5))


def test_spearman_without_ties_is_the_formula_of_rank_differences() -> None:
    x, y = np.array([3.0, 1, 4, 1.5, 9]), np.array([2.0, 7, 1, 8, 2.5])
    differences = np.array([3, 1, 4, 2, 5]) - np.array([2, 4, 1, 5, 3])
    assert spearman(x, y) == pytest.approx(1 - 6 * (differences**2).sum() / (5 * 24))


def test_pearson_is_worked_by_hand() -> None:
    # About the means 2 and 4, Σxy = 2, Σx² = 2 and Σy² = 14.
    assert pearson(np.array([1.0, 2, 3]), np.array([3.0, 2, 7])) == pytest.approx(4 / math.sqrt(2 * 14))


@pytest.mark.parametrize("x", [[], [1.0], [2.0, 2.0, 2.0]])
def test_a_correlation_that_does_not_exist_is_none(x: list[float]) -> None:
    values = np.array(x)
    assert pearson(values, np.arange(len(values), dtype=float)) is None
    assert spearman(values, np.arange(len(values), dtype=float)) is None


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=12))
def test_spearman_depends_on_the_order_alone(values: list[int]) -> None:
    x, y = np.array(values, dtype=float), np.arange(len(values), dtype=float)
    first = spearman(x, y)
    assert first == pytest.approx(spearman(np.exp(x), 3 * y + 1)) if first is not None else np.ptp(x) == 0


# The first axis is royalty, the second is gender. `Queen`, the rarer form, would be the better answer.
PEOPLE = WordVectors(
    ["man", "woman", "king", "queen", "apple", "Queen", "rare"],
    np.array(
        [[0, 1, 1], [0, -1, 1], [1, 1, 1], [1, -1, 1], [-1, 0, -1], [0.58, -0.84, 0.58], [1, -1, -0.9]],
        dtype=np.float32,
    ),
)


def test_analogies_are_answered_by_3cosadd_and_counted_per_section(tmp_path: Path) -> None:
    gold = read_analogies(
        tmp_path,
        ": royal\nman king woman queen\nMan King Woman QUEEN\nman king woman apple\nman king woman duke\n"
        ": none known\nx y z w\n: empty\n",
    )
    score = evaluate(PEOPLE, gold)
    royal, unknown, empty = score.sections
    assert (royal.name, royal.correct, royal.seen, royal.total) == ("royal", 2, 3, 4)
    assert royal.score == pytest.approx(200 / 3)
    assert (unknown.seen, unknown.total, unknown.score) == (0, 1, None)
    assert (empty.seen, empty.total, empty.score) == (0, 0, None)
    assert (score.kind, score.seen, score.total) == ("analogies", 3, 5)
    assert score.score == pytest.approx(200 / 3)
    assert "3CosAdd" in score.protocol and "30,000" in score.protocol


def test_the_words_of_a_question_are_no_answers(tmp_path: Path) -> None:
    # man − man + king is king itself, which is not allowed; the best other word is the answer.
    vectors = WordVectors(["man", "king", "prince"], np.array([[0, 1], [1, 0], [1, 0.5]], dtype=np.float32))
    assert evaluate(vectors, read(tmp_path, "man man king king\n")).score == 0
    assert evaluate(vectors, read(tmp_path, "man man king prince\n")).score == 100


def test_restriction_bounds_questions_and_answers(tmp_path: Path) -> None:
    gold = read(tmp_path, "man king woman queen\n")
    assert evaluate(PEOPLE, gold, restrict_vocab=3).seen == 0
    assert evaluate(PEOPLE, gold, restrict_vocab=4).score == 100


def test_many_questions_are_answered_as_few_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    matrix = rng.standard_normal((60, 8)).astype(np.float32)
    vectors = WordVectors([f"w{i}" for i in range(60)], matrix)
    questions = rng.integers(0, 60, (600, 4))
    gold = read(tmp_path, "\n".join(" ".join(f"w{i}" for i in question) for question in questions))
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    correct = 0
    for a, b, c, d in questions:
        cosines = units @ (units[b] - units[a] + units[c])
        cosines[[a, b, c]] = -np.inf
        correct += int(np.argmax(cosines) == d)
    assert evaluate(vectors, gold).score == pytest.approx(100 * correct / 600)
    assert correct > 0


def test_pairs_are_scored_by_the_order_of_their_cosines(tmp_path: Path) -> None:
    vectors = WordVectors(
        ["a", "b", "c", "d", "A"], np.array([[1, 0], [1, 0.1], [1, 1], [-1, 0], [-5, 0]], dtype=np.float32)
    )
    gold = read(tmp_path, "a b 9\nA C 5\na d 1\na nothing 3\n")
    score = evaluate(vectors, gold)
    assert (score.kind, score.seen, score.total) == ("pairs", 3, 4)
    assert score.score == pytest.approx(100)
    expected = np.corrcoef([1 / math.sqrt(1.01), 1 / math.sqrt(2), -1], [9, 5, 1])[0, 1]
    # The matrix is float32, which moves each cosine by up to 1e-7.
    assert score.pearson == pytest.approx(100 * expected, abs=1e-4)
    assert "Spearman" in score.protocol


def test_pairs_of_pairs_are_answered_as_bats_defines_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(40)]
    matrix = rng.standard_normal((40, 4)).astype(np.float32)
    matrix[20:] = matrix[:20] + rng.standard_normal(4) + 0.7 * rng.standard_normal((20, 4))
    answers = {f"w{i}": [f"w{i + 20}", f"w{(i + 7) % 40}", "unknown"] for i in range(20)}
    gold = read(tmp_path, "".join(f"{word}\t{'/'.join(right)}\n" for word, right in answers.items()))
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    correct = 0
    for a in answers:
        for b in answers:
            if a != b:
                rows = [words.index(word) for word in (a, answers[a][0], b)]
                cosines = units @ (units[rows[1]] - units[rows[0]] + units[rows[2]])
                cosines[rows] = -np.inf
                correct += words[int(np.argmax(cosines))] in answers[b]
    score = evaluate(WordVectors(words, matrix), gold)
    assert (score.seen, score.total) == (20 * 19, 20 * 19) and 5 < 100 * correct / (20 * 19) < 95
    assert score.score == pytest.approx(100 * correct / (20 * 19))
    assert "any of a word's answers is right" in score.protocol


def test_more_questions_than_are_answered_at_once_are_all_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = read(tmp_path, "man king woman queen\nman king woman apple\nman woman king queen\nking man queen woman\n")
    for method in ("3cosadd", "3cosmul"):
        whole = evaluate(PEOPLE, gold, method=method)
        with monkeypatch.context() as patch:
            patch.setattr("w2v_cli.embeddings.evaluation._QUESTIONS_AT_ONCE", 3)
            assert evaluate(PEOPLE, gold, method=method) == whole and whole.seen == 4


def test_parts_of_speech_are_removed_only_from_unknown_words(tmp_path: Path) -> None:
    matrix = np.array([[1, 0], [1, 0.1], [1, 1], [-1, 0], [0.5, 1]], dtype=np.float32)
    vectors = WordVectors(["sun", "sunlight", "run", "cold", "run-v"], matrix)
    score = evaluate(vectors, read(tmp_path, "sun-n sunlight-n 9\nsun-n run-v 5\nsun-n cold-j 1\n"))
    assert (score.seen, score.score) == (3, pytest.approx(100)) and "parts of speech removed" in score.protocol
    cosines = [1 / math.sqrt(1.01), 0.5 / math.sqrt(1.25), -1]
    assert score.pearson == pytest.approx(100 * np.corrcoef(cosines, [9, 5, 1])[0, 1], abs=1e-4)
    # `well-n` is a word here, because others have no suffix.
    assert evaluate(vectors, read(tmp_path, "sun-n sunlight 9\nsun cold 1\n")).seen == 1


@pytest.mark.parametrize(("protocol", "oov", "expected"), [("word2vec", None, 100), ("strict", None, 25)])
def test_the_odd_word_is_the_farthest_from_the_mean(
    tmp_path: Path, protocol: str, oov: str | None, expected: float
) -> None:
    path = tmp_path / "odd.txt"
    path.write_text("king queen Queen apple\nKING queen woman APPLE\n: unknown\nking queen man duke\n")
    path.write_text(path.read_text() + "duke queen man apple\n")
    score = evaluate(PEOPLE, read_gold(path, "odd"), PROTOCOLS[protocol], oov=oov)
    assert score.kind == "odd" and score.score == pytest.approx(expected)
    assert [(section.name, section.total) for section in score.sections] == [("sets", 2), ("unknown", 2)]


def test_nothing_seen_has_no_score(tmp_path: Path) -> None:
    pairs, analogies = (
        evaluate(PEOPLE, read(tmp_path, "x y 1\n")),
        evaluate(PEOPLE, read(tmp_path, "x y z w\n")),
    )
    assert (pairs.score, pairs.pearson, pairs.seen, pairs.total) == (None, None, 0, 1)
    assert (analogies.score, analogies.seen, analogies.total) == (None, 0, 1)
    assert "the only pair cannot be asked" in pairs.remarks[0] and "such as x, y" in pairs.remarks[0]
    assert "such as x, y, z, w" in analogies.remarks[0]


def test_the_gold_sets_of_the_field_are_read(shared_data: Callable[[str], Path]) -> None:
    questions = read_gold(shared_data("questions-words.txt"))
    assert isinstance(questions, AnalogySet)
    assert len(questions.sections) == 14
    assert sum(len(section) for _, section in questions.sections) == 19_544
    for name, count in (("wordsim353.txt", 353), ("simlex999.txt", 999)):
        pairs = read_gold(shared_data(name))
        assert isinstance(pairs, PairSet) and len(pairs.pairs) == count


@pytest.mark.parametrize(
    ("correlation", "count", "expected"),
    # Student's t with 1, 2 and 8 degrees of freedom has a distribution function in closed form.
    [(0.5, 3, 2 / 3), (0.5, 4, 0.5), (-0.5, 4, 0.5), (0, 10, 1), (1, 5, 0), (0.3, 2, 1)],
)
def test_the_p_value_of_a_correlation(correlation: float, count: int, expected: float) -> None:
    assert correlation_p_value(correlation, count) == pytest.approx(expected, abs=1e-12)


def test_p_values_are_those_of_permutations() -> None:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(2, 12))
    y += 0.6 * x
    r = pearson(x, y)
    assert r is not None
    others = [pearson(x, random.normal(size=12)) for _ in range(4000)]
    share = np.mean([abs(other) >= abs(r) for other in others if other is not None])
    # Four standard deviations of a share of 4000 draws.
    assert correlation_p_value(r, 12) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 4000))
