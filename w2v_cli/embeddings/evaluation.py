"""How good the vectors are: analogy sets and word-pair sets. Every score names the protocol it was made by.

Word2vec's programs disagree about the protocol, and so about the score of the same vectors. The protocols here give the
numbers of those programs.

References: Mikolov et al. 2013, arXiv:1301.3781 (analogies, 3CosAdd); Levy & Goldberg 2014 (3CosMul); Finkelstein et
al. 2002 (word pairs); word2vec.c: compute-accuracy.c; gensim: KeyedVectors.evaluate_word_analogies, _pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from w2v_cli.embeddings.gold import AnalogySet, PairSet
from w2v_cli.embeddings.queries import Found, find_analogies, unit_rows
from w2v_cli.embeddings.statistics import Interval, pearson, share_interval, spearman, spearman_interval
from w2v_cli.embeddings.vectors import WordVectors

_METHOD_NAMES = {"3cosadd": "3CosAdd", "3cosmul": "3CosMul"}


@dataclass(frozen=True)
class Protocol:
    """What the programs disagree about.

    Attributes
    ----------
    fold : a word to its form: words of one form are one, and its vector is that of the most frequent of them.
    case : what `fold` does, in words.
    restrict_vocab : analogies are asked and answered among so many of the first words; None: among all.
    restricts_pairs : whether that holds for word pairs too.
    oov : what becomes of questions with unknown words: skip, or wrong.
    candidates : best words that are looked through for one that is no other form of a word of the question; 1: such
        forms are answers, wrong ones.
    least_score : what an answer's 3CosAdd must be above.
    single_precision : cosines of pairs are float32, whose roundings decide how equal pairs rank.
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


# word2vec.c: toupper of the C locale knows ASCII, `bestd` starts at 0, demo-word-accuracy.sh restricts to 30,000.
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
    """Questions of a section: `correct` of the `seen`, whose words are all known, of `total`; score in percent of those
    that count, None of none."""

    name: str
    correct: int
    seen: int
    total: int
    score: float | None


@dataclass(frozen=True)
class Score:
    """What a gold set says about the vectors.

    `score` is in percent for analogies, Spearman's ρ × 100 for pairs (`pearson` is r × 100), None where nothing can be
    said; `interval` is its 95 % bootstrap interval. `seen` of `total` questions or pairs have all their words in the
    vocabulary; `oov` says what becomes of the others.
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

    def as_dict(self) -> dict[str, Any]:
        """For JSON: pairs have `pearson`."""
        values = {
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
    """Score vectors against a gold set.

    Parameters
    ----------
    method : one of `choices.METHODS`; analogies only.
    oov : skip, or wrong: analogies with unknown words are wrong answers, pairs have cosine 0. None: the protocol's.
    restrict_vocab : None: the protocol's.
    """
    oov = protocol.oov if oov is None else oov
    restrict_vocab = protocol.restrict_vocab if restrict_vocab is None else restrict_vocab
    if isinstance(gold, AnalogySet):
        return _score_analogies(vectors, gold, protocol, method, oov, restrict_vocab)
    return _score_pairs(vectors, gold, protocol, oov, restrict_vocab if protocol.restricts_pairs else None)


def _score_analogies(
    vectors: WordVectors, gold: AnalogySet, protocol: Protocol, method: str, oov: str, restrict_vocab: int | None
) -> Score:
    row_of = _most_frequent_forms(map(protocol.fold, vectors.words[:restrict_vocab]))
    asked = [
        (section, tuple(map(protocol.fold, question)))
        for section, (_, questions) in enumerate(gold.sections)
        for question in questions
    ]
    known = [(section, question) for section, question in asked if all(form in row_of for form in question)]
    rows = np.array([[row_of[form] for form in question[:3]] for _, question in known], np.int64).reshape(-1, 3)
    # gensim: most_similar_cosmul takes restrict_vocab, and searches all words.
    searched = None if method == "3cosmul" and protocol.name == "gensim" else restrict_vocab
    answers = find_analogies(vectors, rows, protocol.candidates, method, searched)
    seen, correct = ([0] * len(gold.sections) for _ in range(2))
    for (section, (*abc, expected)), found in zip(known, answers, strict=True):
        seen[section] += 1
        correct[section] += _answer(found, vectors, protocol, abc, row_of, method) == expected
    counted = seen if oov == "skip" else [len(questions) for _, questions in gold.sections]
    sections = tuple(
        Section(name, right, known_there, len(questions), 100 * right / count if count else None)
        for (name, questions), right, known_there, count in zip(gold.sections, correct, seen, counted, strict=True)
    )
    interval = share_interval(sum(correct), sum(counted))
    among = f"the {restrict_vocab:,} most frequent words" if restrict_vocab is not None else "all words"
    return Score(
        file=gold.path,
        kind="analogies",
        score=100 * sum(correct) / sum(counted) if sum(counted) else None,
        seen=len(known),
        total=len(asked),
        protocol=f"{protocol.name}: {_METHOD_NAMES[method]} on unit vectors among {among}, question words excluded, "
        f"{protocol.case}, questions with unknown words {_OOV_WORDS[oov]}",
        oov=oov,
        interval=None if interval is None else (100 * interval[0], 100 * interval[1]),
        sections=sections,
    )


_OOV_WORDS = {"skip": "skipped", "wrong": "counted wrong"}


def _answer(
    found: Found, vectors: WordVectors, protocol: Protocol, abc: list[str], row_of: dict[str, int], method: str
) -> str | None:
    """The form that is taken for the answer, of the best words found; None if there is none."""
    if len(found.ids) == 0 or (method == "3cosadd" and found.scores[0] <= protocol.least_score):
        return None
    forms = [protocol.fold(vectors.words[word_id]) for word_id in found.ids.tolist()]
    # gensim: the last of the five where none will do.
    return next((form for form in forms if form in row_of and form not in abc), forms[-1])


def _score_pairs(
    vectors: WordVectors, gold: PairSet, protocol: Protocol, oov: str, restrict_vocab: int | None
) -> Score:
    row_of = _most_frequent_forms(map(protocol.fold, vectors.words[:restrict_vocab]))
    rows = [(row_of.get(protocol.fold(one)), row_of.get(protocol.fold(other))) for one, other in gold.pairs]
    found = [i for i, pair in enumerate(rows) if None not in pair]
    one, other = np.array([rows[i] for i in found], dtype=np.int64).reshape(-1, 2).T
    cosines = np.zeros(len(rows))
    cosines[found] = _pair_cosines(vectors, one, other, protocol.single_precision)
    counted = found if oov == "skip" else list(range(len(rows)))
    cosines, ratings = cosines[counted], np.array(gold.ratings)[counted]
    interval = spearman_interval(cosines, ratings)
    return Score(
        file=gold.path,
        kind="pairs",
        score=_hundredfold(spearman(cosines, ratings)),
        seen=len(found),
        total=len(rows),
        pearson=_hundredfold(pearson(cosines, ratings)),
        protocol=f"{protocol.name}: Spearman's ρ × 100 of cosines with ratings, {protocol.case},"
        f" pairs with unknown words {'skipped' if oov == 'skip' else 'have cosine 0'}",
        oov=oov,
        interval=None if interval is None else (100 * interval[0], 100 * interval[1]),
    )


def _pair_cosines(vectors: WordVectors, one: np.ndarray, other: np.ndarray, single_precision: bool) -> np.ndarray:
    """The cosines of n pairs of rows, float64 (n,)."""
    ones, others = unit_rows(vectors, one), unit_rows(vectors, other)
    if single_precision:
        # One `dot` after the other, as gensim: their sums have an order of their own.
        pairs = zip(ones.astype(np.float32), others.astype(np.float32), strict=True)
        return np.array([np.dot(a, b) for a, b in pairs], np.float64)
    # Rounded so that pairs of equal vectors tie: their float64 cosines are 1 to the last digit or two.
    return np.einsum("ij,ij->i", ones, others).round(12)


def _hundredfold(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _most_frequent_forms(forms: Iterable[str]) -> dict[str, int]:
    """Row of the first, most frequent, word of each form."""
    rows: dict[str, int] = {}
    for row, form in enumerate(forms):
        rows.setdefault(form, row)
    return rows
