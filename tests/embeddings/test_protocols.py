"""Evaluation protocols give the numbers of the programs that they are named after; confidence intervals are right."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_cli.embeddings.evaluation import evaluate
from w2v_cli.embeddings.gold import AnalogySet, PairSet, read_gold
from w2v_cli.embeddings.protocols import PROTOCOLS
from w2v_cli.embeddings.statistics import share_interval, spearman, spearman_interval
from w2v_cli.embeddings.vectors import WordVectors

ROWS, COLUMNS = 12, 5


def crossed_vectors(seed: int) -> WordVectors:
    """Return noisy vectors of words with two crossed properties, so that some analogies hold.

    Many words occur in several spellings that differ only in case; the order is random.
    """
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((ROWS, 8)), rng.standard_normal((COLUMNS, 8))
    words, rows = [], []
    for i in range(ROWS):
        for j in range(COLUMNS):
            word = f"wö{i}x{j}"
            for form in {word, *rng.choice([word.upper(), word.capitalize(), "wÖ" + word[2:]], 2).tolist()}:
                words.append(form)
                rows.append(first[i] + second[j] + 0.35 * rng.standard_normal(8))
    order = rng.permutation(len(words))
    return WordVectors([words[i] for i in order], np.array(rows, np.float32)[order])


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> tuple[AnalogySet, PairSet]:
    """Return questions and pairs about those words, in mixed case, with unknown and repeated words."""
    rng = np.random.default_rng(7)
    folder = tmp_path_factory.mktemp("gold")
    lines, cases = [], np.array([str.upper, str, str.title], object)
    for number in range(600):
        if number % 100 == 0:
            lines.append(f": part {number}")
        i, k, j, m = rng.integers(0, [ROWS + 1, ROWS, COLUMNS, COLUMNS])
        question = [f"wö{i}x{j}", f"wö{i}x{m}", f"wö{k}x{j}", f"wö{k}x{m}"]
        lines.append(" ".join(rng.choice(cases)(word) for word in question))
    (folder / "analogies.txt").write_text("\n".join(lines) + "\n")
    pairs = rng.integers(0, [ROWS + 1, COLUMNS, ROWS, COLUMNS, 10], (300, 5)).tolist()
    (folder / "pairs.tsv").write_text("".join(f"Wö{i}x{j}\twö{k}x{m}\t{r}\n" for i, j, k, m, r in pairs))
    analogies, rated = read_gold(folder / "analogies.txt"), read_gold(folder / "pairs.tsv")
    assert isinstance(analogies, AnalogySet) and isinstance(rated, PairSet)
    return analogies, rated


# gensim's most_similar_cosmul calls a function that gensim has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("restrict_vocab", [None, 90])
@pytest.mark.parametrize("oov", ["skip", "wrong"])
def test_the_gensim_protocol_gives_gensims_numbers(
    gold: tuple[AnalogySet, PairSet], seed: int, restrict_vocab: int | None, oov: str
) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not here (it is in the bench extra)")
    vectors = crossed_vectors(seed)
    keyed = models.KeyedVectors(vectors.dim)
    keyed.add_vectors(list(vectors.words), vectors.matrix)
    options = {"restrict_vocab": restrict_vocab or 300_000, "dummy4unknown": oov == "wrong"}
    analogies, pairs = gold
    # gensim 4.4 accepts the name of a similarity function, but calls `most_similar` regardless.
    for method, function in (("3cosadd", keyed.most_similar), ("3cosmul", keyed.most_similar_cosmul)):
        keyed.most_similar = function
        share, sections = keyed.evaluate_word_analogies(analogies.path, **options)
        ours = evaluate(vectors, analogies, PROTOCOLS["gensim"], method, oov, restrict_vocab)
        found = [(section.name, section.correct) for section in ours.sections]
        assert found == [(section["section"], len(section["correct"])) for section in sections[:-1]]
        assert ours.score == pytest.approx(100 * share, rel=1e-12) and 5 < 100 * share < 95
    pearson, rho, _ = keyed.evaluate_word_pairs(pairs.path, **options)
    score = evaluate(vectors, pairs, PROTOCOLS["gensim"], oov=oov, restrict_vocab=restrict_vocab)
    assert score.score == pytest.approx(100 * rho[0], rel=1e-9)
    # gensim's cosines are float32.
    assert score.pearson == pytest.approx(100 * pearson[0], abs=1e-4)


def compute_accuracy(vectors: WordVectors, gold: AnalogySet, words: int) -> list[tuple[int, int]]:
    """Return (correct, seen) of every section, counted exactly as compute-accuracy.c does, with its float32 sums."""

    def upper(word: str) -> bytes:
        return bytes(byte - 32 if ord("a") <= byte <= ord("z") else byte for byte in word.encode())

    vocab = [upper(word) for word in vectors.words[:words]]
    matrix = vectors.matrix[:words]
    lengths = np.sqrt((matrix * matrix).sum(axis=1, dtype=np.float32))
    matrix = matrix / lengths[:, None]
    counts = []
    for _, questions in gold.sections:
        correct, seen = 0, 0
        for question in questions:
            st1, st2, st3, st4 = map(upper, question)
            if any(word not in vocab for word in (st1, st2, st3, st4)):
                continue
            b1, b2, b3 = (vocab.index(word) for word in (st1, st2, st3))
            vec = (matrix[b2] - matrix[b1]) + matrix[b3]
            best_distance, best_word = np.float32(0), b""
            for c in range(len(vocab)):
                if c in (b1, b2, b3):
                    continue
                distance = np.add.accumulate(vec * matrix[c], dtype=np.float32)[-1]
                if distance > best_distance:
                    best_distance, best_word = distance, vocab[c]
            correct += best_word == st4
            seen += 1
        counts.append((correct, seen))
    return counts


@pytest.mark.parametrize("words", [70, 1000])
def test_the_word2vec_protocol_counts_as_compute_accuracy_does(gold: tuple[AnalogySet, PairSet], words: int) -> None:
    vectors = crossed_vectors(3)
    score = evaluate(vectors, gold[0], PROTOCOLS["word2vec"], restrict_vocab=words)
    expected = compute_accuracy(vectors, gold[0], words)
    assert [(section.correct, section.seen) for section in score.sections] == expected
    assert score.score == pytest.approx(100 * sum(c for c, _ in expected) / sum(s for _, s in expected))


def test_the_protocols_differ_where_they_are_said_to() -> None:
    # The right answer is "Queen", which differs from the expected word in case. The nearest word, "WOMAN", differs from
    # a word of the question only in case.
    words = ["man", "king", "woman", "WOMAN", "Queen", "far"]
    matrix = np.array([[0, 1, 1], [1, 1, 1], [0, -1, 1], [0.577, -0.837, 0.577], [1, -1.3, 1], [-1, 0, -1]], np.float32)
    vectors = WordVectors(words, matrix)
    gold = AnalogySet("x", (("s", (("man", "king", "woman", "queen"), ("man", "king", "woman", "none"))),))
    scores = {name: evaluate(vectors, gold, protocol).score for name, protocol in PROTOCOLS.items()}
    assert scores == {"word2vec": 0, "gensim": 100, "strict": 0}
    without = WordVectors([*words[:3], *words[4:]], np.delete(matrix, 3, axis=0))
    scores = {name: evaluate(without, gold, protocol).score for name, protocol in PROTOCOLS.items()}
    assert scores == {"word2vec": 100, "gensim": 100, "strict": 0}
    exact = AnalogySet("x", (("s", (("man", "king", "woman", "Queen"), ("man", "king", "woman", "none"))),))
    assert evaluate(without, exact, PROTOCOLS["strict"]).score == 50
    assert evaluate(without, exact, PROTOCOLS["strict"], oov="skip").score == 100


def test_unknown_pairs_are_left_out_or_have_cosine_zero() -> None:
    vectors = WordVectors(["a", "b", "c", "d"], np.array([[1, 0], [1, 0.1], [1, 1], [-1, 0]], np.float32))
    pairs = PairSet("x", (("a", "b"), ("a", "c"), ("a", "d"), ("a", "none")), (9.0, 5.0, 1.0, 7.0))
    skipped = evaluate(vectors, pairs, oov="skip")
    wrong = evaluate(vectors, pairs, oov="wrong")
    assert skipped.score == pytest.approx(100) and (skipped.seen, skipped.total) == (wrong.seen, wrong.total) == (3, 4)
    # The cosines 1, .7, −1, 0 have the ranks 4, 3, 1, 2; the ratings have the ranks 4, 2, 1, 3.
    assert wrong.score == pytest.approx(100 * (1 - 6 * (1 + 1) / (4 * 15)))


def test_the_interval_of_a_share_is_that_of_resampled_questions() -> None:
    right = np.arange(200) < 60
    rng = np.random.default_rng(0)
    shares = [right[rng.integers(0, 200, 200)].mean() for _ in range(4000)]
    # Both intervals come from thousands of resamples of a share with a standard deviation of 3 %.
    assert share_interval(60, 200) == pytest.approx(tuple(np.percentile(shares, [2.5, 97.5])), abs=0.01)
    assert share_interval(0, 5) == (0, 0) and share_interval(0, 0) is None


def test_the_interval_of_a_correlation_holds_it_and_narrows_with_more_pairs() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(400)
    y = x + rng.standard_normal(400)
    widths = []
    for count in (40, 400):
        interval, rho = spearman_interval(x[:count], y[:count]), spearman(x[:count], y[:count])
        assert interval is not None and rho is not None and interval[0] < rho < interval[1]
        widths.append(interval[1] - interval[0])
    assert widths[1] < 0.6 * widths[0]
    assert spearman_interval(np.ones(3), np.arange(3.0)) is None
