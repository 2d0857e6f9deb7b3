"""Score vectors on gold sets of analogies and of word pairs. Every score states the protocol that produced it.

The programs of the field disagree about details, and so give different scores to the same vectors. Each protocol here
reproduces the numbers of one program.

References: Mikolov et al. 2013, arXiv:1301.3781 (analogies, 3CosAdd); Levy & Goldberg 2014 (3CosMul); Finkelstein et
al. 2002 (word pairs); word2vec.c: compute-accuracy.c; gensim: KeyedVectors.evaluate_word_analogies, _pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from w2v_cli.embeddings.gold import AnalogySet, PairSet
from w2v_cli.embeddings.queries import find_analogies, unit_rows
from w2v_cli.embeddings.statistics import Interval, pearson, share_interval, spearman, spearman_interval
from w2v_cli.embeddings.vectors import WordVectors

_METHOD_NAMES = {"3cosadd": "3CosAdd", "3cosmul": "3CosMul"}


@dataclass(frozen=True)
class Protocol:
    """The details that the programs disagree about.

    Attributes
    ----------
    fold : maps a word to its form. Words of the same form count as one, with the vector of the most frequent of them.
    case : what `fold` does, for the description of a score.
    restrict_vocab : analogies are asked and answered among this many of the most frequent words; None: among all.
    restricts_pairs : whether `restrict_vocab` applies to word pairs too.
    oov : what happens to questions with unknown words: "skip", or "wrong".
    candidates : how many of the best words are searched for one whose form is not in the question; with 1, a word of
        such a form is taken as a wrong answer.
    least_score : the 3CosAdd score that an answer must exceed.
    single_precision : whether cosines of pairs are float32, whose rounding decides how equal pairs rank.
    """

    name: str
    fold: Callable[[str], str]
    case: str
    restrict_vocab: int | None
    restricts_pairs: bool
    oov: str
    candidates: int = 1
    least_score: float = -np.inf
    single_precision: bool = False


# word2vec.c: toupper in the C locale knows only ASCII, `bestd` starts at 0, demo-word-accuracy.sh restricts to 30,000.
# gensim: str.upper, most_similar(topn=5).
PROTOCOLS = {
    "word2vec": Protocol(
        "word2vec",
        lambda word: word.encode(errors="surrogatepass").upper().decode(errors="surrogatepass"),
        "ASCII case ignored",
        restrict_vocab=30_000,
        restricts_pairs=False,
        oov="skip",
        least_score=0.0,
    ),
    "gensim": Protocol(
        "gensim",
        str.upper,
        "case ignored",
        restrict_vocab=300_000,
        restricts_pairs=True,
        oov="skip",
        candidates=5,
        single_precision=True,
    ),
    "strict": Protocol("strict", str, "case kept", None, restricts_pairs=False, oov="wrong"),
}


@dataclass(frozen=True)
class Section:
    """The result of one section of an analogy set.

    `seen` of its `total` questions have all their words in the vocabulary, and `correct` of those were answered
    correctly. `score` is the percentage of the questions that count; None if none does.
    """

    name: str
    correct: int
    seen: int
    total: int
    score: float | None


@dataclass(frozen=True)
class Score:
    """The result of a gold set.

    `score` is a percentage for analogies, and Spearman's ρ × 100 for pairs (`pearson` is r × 100); None if undefined.
    `interval` is its 95 % bootstrap interval. `seen` of the `total` questions or pairs have all their words in the
    vocabulary; `oov` says what happens to the others.
    """

    file: str
    kind: str
    score: float | None
    seen: int
    total: int
    protocol: str
    oov: str
    interval: Interval | None
    sections: tuple[Section, ...] = ()
    pearson: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the fields for JSON; only pairs have `pearson`."""
        values: dict[str, object] = {
            "file": self.file,
            "kind": self.kind,
            "score": self.score,
            "seen": self.seen,
            "total": self.total,
            "sections": [vars(section) for section in self.sections],
            "protocol": self.protocol,
            "oov": self.oov,
            "interval": self.interval,
        }
        return values if self.kind == "analogies" else {**values, "pearson": self.pearson}


def evaluate(
    vectors: WordVectors,
    gold: AnalogySet | PairSet,
    protocol: Protocol = PROTOCOLS["word2vec"],
    method: str = "3cosadd",
    oov: str | None = None,
    restrict_vocab: int | None = None,
) -> Score:
    """Score vectors on a gold set.

    Parameters
    ----------
    method : one of `choices.METHODS`; for analogies only.
    oov : "skip" leaves questions with unknown words out. "wrong" counts such analogies as wrong answers, and gives
        such pairs the cosine 0. None: as the protocol does.
    restrict_vocab : overrides the protocol's; None: as the protocol does.
    """
    rules = replace(
        protocol,
        oov=protocol.oov if oov is None else oov,
        restrict_vocab=protocol.restrict_vocab if restrict_vocab is None else restrict_vocab,
    )
    if isinstance(gold, AnalogySet):
        return _score_analogies(vectors, gold, rules, method)
    return _score_pairs(vectors, gold, rules)


def _score_analogies(vectors: WordVectors, gold: AnalogySet, rules: Protocol, method: str) -> Score:
    sections = _answer_sections(vectors, gold, rules, method)
    correct = sum(section.correct for section in sections)
    seen = sum(section.seen for section in sections)
    total = sum(section.total for section in sections)
    counted = seen if rules.oov == "skip" else total
    restriction = rules.restrict_vocab
    among = f"the {restriction:,} most frequent words" if restriction is not None else "all words"
    return Score(
        file=gold.path,
        kind="analogies",
        score=100 * correct / counted if counted else None,
        seen=seen,
        total=total,
        protocol=f"{rules.name}: {_METHOD_NAMES[method]} on unit vectors among {among}, question words excluded, "
        f"{rules.case}, questions with unknown words {'skipped' if rules.oov == 'skip' else 'counted wrong'}",
        oov=rules.oov,
        interval=_percent_interval(share_interval(correct, counted)),
        sections=sections,
    )


def _answer_sections(vectors: WordVectors, gold: AnalogySet, rules: Protocol, method: str) -> tuple[Section, ...]:
    """Answer the questions whose words are all known, all sections at once, and count per section."""
    row_of = _rows_by_form(map(rules.fold, vectors.words[: rules.restrict_vocab]))
    asked = (
        (section, tuple(map(rules.fold, question)))
        for section, (_, questions) in enumerate(gold.sections)
        for question in questions
    )
    known = [(section, forms) for section, forms in asked if all(form in row_of for form in forms)]
    rows = np.array([[row_of[form] for form in forms[:3]] for _, forms in known], np.int64).reshape(-1, 3)
    # gensim: most_similar_cosmul ignores restrict_vocab and searches all words.
    searched = None if method == "3cosmul" and rules.name == "gensim" else rules.restrict_vocab
    answers = find_analogies(vectors, rows, rules.candidates, method, searched)
    seen, correct = Counter[int](), Counter[int]()
    for (section, (*abc, expected)), found in zip(known, answers, strict=True):
        seen[section] += 1
        too_low = method == "3cosadd" and len(found.ids) and found.scores[0] <= rules.least_score
        candidates = [] if too_low else [rules.fold(vectors.words[word_id]) for word_id in found.ids.tolist()]
        correct[section] += _answer(candidates, abc, row_of) == expected
    return tuple(
        _section(name, correct[i], seen[i], len(questions), rules.oov)
        for i, (name, questions) in enumerate(gold.sections)
    )


def _answer(candidates: Sequence[str], abc: Sequence[str], row_of: dict[str, int]) -> str | None:
    """Choose the answer among the forms of the best words, best first; None if there are none."""
    if not candidates:
        return None
    # gensim: if none of the five is acceptable, the last one remains.
    return next((form for form in candidates if form in row_of and form not in abc), candidates[-1])


def _section(name: str, correct: int, seen: int, total: int, oov: str) -> Section:
    counted = seen if oov == "skip" else total
    return Section(name, correct, seen, total, 100 * correct / counted if counted else None)


def _score_pairs(vectors: WordVectors, gold: PairSet, rules: Protocol) -> Score:
    row_of = _rows_by_form(map(rules.fold, vectors.words[: rules.restrict_vocab if rules.restricts_pairs else None]))
    rows = [(row_of.get(rules.fold(one)), row_of.get(rules.fold(other))) for one, other in gold.pairs]
    known = [i for i, pair in enumerate(rows) if None not in pair]
    one, other = np.array([rows[i] for i in known], dtype=np.int64).reshape(-1, 2).T
    cosines = np.zeros(len(rows))
    cosines[known] = _pair_cosines(vectors, one, other, rules.single_precision)
    counted = known if rules.oov == "skip" else list(range(len(rows)))
    cosines, ratings = cosines[counted], np.array(gold.ratings)[counted]
    return Score(
        file=gold.path,
        kind="pairs",
        score=_percent(spearman(cosines, ratings)),
        seen=len(known),
        total=len(rows),
        pearson=_percent(pearson(cosines, ratings)),
        protocol=f"{rules.name}: Spearman's ρ × 100 of cosines with ratings, {rules.case},"
        f" pairs with unknown words {'skipped' if rules.oov == 'skip' else 'have cosine 0'}",
        oov=rules.oov,
        interval=_percent_interval(spearman_interval(cosines, ratings)),
    )


def _pair_cosines(vectors: WordVectors, one: np.ndarray, other: np.ndarray, single_precision: bool) -> np.ndarray:
    """Return the cosines of n pairs of rows, float64 (n,)."""
    ones, others = unit_rows(vectors, one), unit_rows(vectors, other)
    if single_precision:
        # One `dot` per pair, as in gensim, because it adds the products in an order of its own.
        pairs = zip(ones.astype(np.float32), others.astype(np.float32), strict=True)
        return np.array([np.dot(a, b) for a, b in pairs], np.float64)
    # Rounded so that pairs of equal vectors tie: their float64 cosines differ from 1 in the last digit or two.
    return np.einsum("ij,ij->i", ones, others).round(12)


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _percent_interval(interval: Interval | None) -> Interval | None:
    return None if interval is None else (100 * interval[0], 100 * interval[1])


def _rows_by_form(forms: Iterable[str]) -> dict[str, int]:
    """Map each form to the row of its first, and so most frequent, word."""
    rows: dict[str, int] = {}
    for row, form in enumerate(forms):
        rows.setdefault(form, row)
    return rows
