"""Score vectors on gold sets. Every score states the protocol that produced it.

References: Mikolov et al. 2013, arXiv:1301.3781 (analogies, 3CosAdd); Levy & Goldberg 2014 (3CosMul); Gladkova et al.
2016 (pairs of words of which every two make an analogy); Finkelstein et al. 2002 (rated word pairs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np

from w2v_cli.embeddings.gold import TAGGED, AnalogySet, GoldSet, OddSet, PairSet
from w2v_cli.embeddings.protocols import PROTOCOLS, Protocol
from w2v_cli.embeddings.queries import Found, find_analogies, odd_one_out, unit_rows
from w2v_cli.embeddings.rated_pairs import RatingColumn
from w2v_cli.embeddings.statistics import Interval, pearson, share_interval, spearman, spearman_interval
from w2v_cli.embeddings.vectors import WordVectors

_METHOD_NAMES = {"3cosadd": "3CosAdd", "3cosmul": "3CosMul"}
# Analogies are answered this many at a time, because each takes several float64 vectors.
_QUESTIONS_AT_ONCE = 8_192
# How many unknown words a remark names.
_EXAMPLES = 5


@dataclass(frozen=True)
class Section:
    """The result of one section of a set of analogies or of odd words.

    `seen` of its `total` questions have vectors for all their words, and `correct` of those were answered
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

    Attributes
    ----------
    kind : one of `choices.TASKS`.
    score : a percentage for analogies and odd words, Spearman's ρ × 100 for pairs; None if undefined.
    seen : how many of the `total` questions or pairs have vectors for all their words.
    oov : what happens to the others: "skip", "wrong" or "compose".
    composed : how many questions or pairs were asked with words that are not in the vocabulary, but composed of their
        parts; they are among the seen ones.
    interval : the score's 95 % bootstrap interval.
    pearson : r × 100, for pairs.
    column : the column that the ratings of pairs were read from.
    remarks : what a reader of the score should know: that no question could be asked, and why; or that no header names
        the column of the ratings.
    unasked : the files of which no question could be asked.
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
    column: RatingColumn | None = None
    remarks: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    composed: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return the fields for JSON.

        Only pairs have `pearson`, `column` (from 1) and `column_name`, and only the `oov` "compose" has `composed`.
        """
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
            "remarks": list(self.remarks),
        }
        if self.oov == "compose":
            values["composed"] = self.composed
        if self.kind != "pairs":
            return values
        number, name = (None, None) if self.column is None else (self.column.number, self.column.name)
        return {**values, "pearson": self.pearson, "column": number, "column_name": name}


def evaluate(
    vectors: WordVectors,
    gold: GoldSet,
    protocol: Protocol = PROTOCOLS["word2vec"],
    method: str = "3cosadd",
    oov: str | None = None,
    restrict_vocab: int | None = None,
    with_interval: bool = True,
) -> Score:
    """Score vectors on a gold set. If no question could be asked, a remark of the score says why.

    Parameters
    ----------
    method : one of `choices.METHODS`; for analogies only.
    oov : "skip" leaves questions with unknown words out. "wrong" counts them as wrong answers, and gives rated pairs
        the cosine 0. "compose" composes the vectors of unknown words of their parts, and skips questions with a word
        that has none; the answer of an analogy is always a word of the vocabulary. None: as the protocol does.
    restrict_vocab : overrides the protocol's; None: as the protocol does.
    with_interval : whether the interval of a score of pairs is wanted, which takes a second.
    """
    rules = replace(
        protocol,
        oov=protocol.oov if oov is None else oov,
        restrict_vocab=protocol.restrict_vocab if restrict_vocab is None else restrict_vocab,
    )
    is_restricted = isinstance(gold, AnalogySet) or rules.restricts_pairs
    used = rules.restrict_vocab if is_restricted else None
    row_of = _rows_by_form(map(rules.fold, vectors.words[:used]))
    known, words = vectors, list(chain.from_iterable(gold.pairs if isinstance(gold, PairSet) else _questions(gold)))
    asked_of = row_of
    if rules.oov == "compose":
        vectors, further = _composed_rows(vectors, words, rules, row_of, isinstance(gold, PairSet) and gold.is_tagged)
        asked_of = {**further, **row_of}
    if isinstance(gold, AnalogySet):
        score = _score_analogies(vectors, gold, rules, method, row_of, asked_of)
    elif isinstance(gold, OddSet):
        score = _score_odd(vectors, gold, rules, asked_of)
    else:
        score = _score_pairs(vectors, gold, rules, asked_of, with_interval)
    if known.parts is not None and rules.oov != "compose" and score.seen < score.total:
        what = f"{score.total - score.seen:,} of {score.total:,} have words that are not in the vocabulary"
        score = replace(score, remarks=(*score.remarks, f"{what}; --oov compose composes them of their parts"))
    if not score.seen:
        remark = _why_unseen(known, words, score, rules, used, row_of)
        return replace(score, remarks=(*score.remarks, remark), unasked=(gold.path,))
    unasked = () if isinstance(gold, PairSet) else tuple(_unasked_files(gold, score.sections))
    if unasked:
        remark = f"no question can be asked of {', '.join(unasked)}: the model lacks words of each"
        return replace(score, remarks=(*score.remarks, remark), unasked=unasked)
    return score


def _composed_rows(
    vectors: WordVectors, words: Iterable[str], rules: Protocol, row_of: Collection[str], is_tagged: bool
) -> tuple[WordVectors, dict[str, int]]:
    """Compose the vectors of the words that a question cannot be asked with.

    Returns
    -------
    The vectors with ids for these words too, and the ids by the words' forms.
    """
    vectors.require_parts()
    unknown = [word for word in words if rules.fold(word) not in row_of]
    if is_tagged:
        unknown = [word[: match.end(1)] for word in unknown if (match := TAGGED.fullmatch(word))]
    composed = list(dict.fromkeys(vectors.answerable(unknown)))
    covering = vectors.covering(composed)
    ids = covering.ids_of(composed).tolist()
    return covering, {rules.fold(word): word_id for word, word_id in zip(composed, ids, strict=True)}


def _unasked_files(gold: AnalogySet | OddSet, sections: Sequence[Section]) -> Iterator[str]:
    """Yield the files of a folder of which no question was asked."""
    rest = iter(sections)
    for file, count in gold.files:
        if sum(section.seen for section in islice(rest, count)) == 0:
            yield file


def _questions(gold: AnalogySet | OddSet) -> Iterator[tuple[str, ...]]:
    return (question for _, questions in gold.sections for question in questions)


def _score_analogies(
    vectors: WordVectors,
    gold: AnalogySet,
    rules: Protocol,
    method: str,
    row_of: dict[str, int],
    asked_of: dict[str, int],
) -> Score:
    """Answer analogies; `row_of` has the words that may be answers, and `asked_of` those of which may be asked."""
    restriction = rules.restrict_vocab
    among = f"the {restriction:,} most frequent words" if restriction is not None else "all words"
    description = f"{_METHOD_NAMES[method]} on unit vectors among {among}, question words excluded, {rules.case}, "
    rule = f", {gold.rule}" if gold.rule else ""
    sections, composed = _answer_sections(vectors, gold, rules, method, row_of, asked_of)
    return _score_of_sections(gold, "analogies", sections, rules, description, composed, rule)


def _score_odd(vectors: WordVectors, gold: OddSet, rules: Protocol, row_of: dict[str, int]) -> Score:
    """Choose in each set the word whose cosine to the mean of the set's unit vectors is the smallest."""
    sections, composed = [], 0
    for name, sets in gold.sections:
        forms = [[rules.fold(word) for word in words] for words in sets]
        known = [words for words in forms if all(form in row_of for form in words)]
        chosen = [odd_one_out(vectors, [vectors.spelling(row_of[form]) for form in words])[0] for words in known]
        composed += sum(any(row_of[form] >= len(vectors) for form in words) for words in known)
        correct = sum(rules.fold(found.word) == words[-1] for found, words in zip(chosen, known, strict=True))
        sections.append(_section(name, correct, len(known), len(sets), rules.oov))
    description = f"the word with the smallest cosine to the mean of the set's unit vectors, {rules.case}, "
    return _score_of_sections(gold, "odd", tuple(sections), rules, description, composed)


def _score_of_sections(
    gold: AnalogySet | OddSet,
    kind: str,
    sections: tuple[Section, ...],
    rules: Protocol,
    description: str,
    composed: int,
    rule: str = "",
) -> Score:
    """Add up the sections. `description` and `rule` become part of the protocol."""
    correct, seen, total = (
        sum(getattr(section, name) for section in sections) for name in ("correct", "seen", "total")
    )
    counted = total if rules.oov == "wrong" else seen
    asked = "questions" if kind == "analogies" else "sets"
    return Score(
        file=gold.path,
        kind=kind,
        score=100 * correct / counted if counted else None,
        seen=seen,
        total=total,
        protocol=f"{rules.name}: {description}{_of_unknown(rules, asked, 'counted wrong')}{rule}",
        oov=rules.oov,
        composed=composed,
        interval=_percent_interval(share_interval(correct, counted)),
        sections=sections,
    )


def _answer_sections(
    vectors: WordVectors,
    gold: AnalogySet,
    rules: Protocol,
    method: str,
    row_of: dict[str, int],
    asked_of: dict[str, int],
) -> tuple[tuple[Section, ...], int]:
    """Answer the questions whose words have vectors, all sections at once, and count per section and the composed ones.

    If a question has several right answers, it is asked if at least one of them is known.
    """
    asked = (
        (section, tuple(map(rules.fold, question)))
        for section, (_, questions) in enumerate(gold.sections)
        for question in questions
    )
    known = [
        (section, forms)
        for section, forms in asked
        if all(form in asked_of for form in forms[:3]) and any(form in row_of for form in forms[3:])
    ]
    rows = np.array([[asked_of[form] for form in forms[:3]] for _, forms in known], np.int64).reshape(-1, 3)
    # gensim: most_similar_cosmul ignores restrict_vocab and searches all words.
    searched = None if method == "3cosmul" and rules.name == "gensim" else rules.restrict_vocab
    seen, correct = Counter[int](), Counter[int]()
    for (section, (a, b, c, *right)), found in zip(
        known, _answers(vectors, rows, rules.candidates, method, searched), strict=True
    ):
        seen[section] += 1
        too_low = method == "3cosadd" and len(found.ids) and found.scores[0] <= rules.least_score
        candidates = [] if too_low else [rules.fold(vectors.words[word_id]) for word_id in found.ids.tolist()]
        correct[section] += _answer(candidates, (a, b, c), row_of) in right
    sections = tuple(
        _section(name, correct[i], seen[i], len(questions), rules.oov)
        for i, (name, questions) in enumerate(gold.sections)
    )
    return sections, int(np.count_nonzero((rows >= len(vectors)).any(axis=1)))


def _answers(
    vectors: WordVectors, rows: np.ndarray, candidates: int, method: str, restrict_vocab: int | None
) -> Iterator[Found]:
    """Yield the answers to questions of three rows each, a limited number of questions at a time."""
    for first in range(0, len(rows), _QUESTIONS_AT_ONCE):
        block = rows[first : first + _QUESTIONS_AT_ONCE]
        yield from find_analogies(vectors, block, candidates, method, restrict_vocab)


def _answer(candidates: Sequence[str], abc: Sequence[str], row_of: dict[str, int]) -> str | None:
    """Choose the answer among the forms of the best words, best first; None if there are none."""
    if not candidates:
        return None
    # gensim: if none of the five is acceptable, the last one remains.
    return next((form for form in candidates if form in row_of and form not in abc), candidates[-1])


def _of_unknown(rules: Protocol, asked: str, wrong: str) -> str:
    """Say what happens to questions with unknown words."""
    if rules.oov == "compose":
        return "unknown words composed of their parts"
    return f"{asked} with unknown words {'skipped' if rules.oov == 'skip' else wrong}"


def _section(name: str, correct: int, seen: int, total: int, oov: str) -> Section:
    counted = total if oov == "wrong" else seen
    return Section(name, correct, seen, total, 100 * correct / counted if counted else None)


def _score_pairs(
    vectors: WordVectors, gold: PairSet, rules: Protocol, row_of: dict[str, int], with_interval: bool
) -> Score:
    is_tagged = gold.is_tagged
    rows = [tuple(_row(word, rules, row_of, is_tagged) for word in pair) for pair in gold.pairs]
    known = [i for i, pair in enumerate(rows) if None not in pair]
    one, other = np.array([rows[i] for i in known], dtype=np.int64).reshape(-1, 2).T
    cosines = np.zeros(len(rows))
    cosines[known] = _pair_cosines(vectors, one, other, rules.single_precision)
    counted = list(range(len(rows))) if rules.oov == "wrong" else known
    cosines, ratings = cosines[counted], np.array(gold.ratings)[counted]
    column = f" in {gold.column}" if gold.column_is_chosen else ""
    tags = ", parts of speech removed from unknown words" if is_tagged else ""
    return Score(
        file=gold.path,
        kind="pairs",
        score=_percent(spearman(cosines, ratings)),
        seen=len(known),
        total=len(rows),
        pearson=_percent(pearson(cosines, ratings)),
        protocol=f"{rules.name}: Spearman's ρ × 100 of cosines with ratings{column}, {rules.case},"
        f" {_of_unknown(rules, 'pairs', 'have cosine 0')}{tags}",
        oov=rules.oov,
        composed=int(np.count_nonzero(np.maximum(one, other) >= len(vectors))),
        interval=_percent_interval(spearman_interval(cosines, ratings)) if with_interval else None,
        column=gold.column,
        remarks=gold.remarks,
    )


def _row(word: str, rules: Protocol, row_of: dict[str, int], is_tagged: bool) -> int | None:
    """Return the row of a word or, if that is unknown and ends with a part of speech, of the word without it."""
    row = row_of.get(rules.fold(word))
    if row is None and is_tagged and (parts := TAGGED.fullmatch(word)):
        return row_of.get(rules.fold(parts[1]))
    return row


def _pair_cosines(vectors: WordVectors, one: np.ndarray, other: np.ndarray, single_precision: bool) -> np.ndarray:
    """Return the cosines of n pairs of rows, float64 (n,)."""
    ones, others = unit_rows(vectors, one), unit_rows(vectors, other)
    if single_precision:
        # One `dot` per pair, as in gensim, because it adds the products in an order of its own.
        pairs = zip(ones.astype(np.float32), others.astype(np.float32), strict=True)
        return np.array([np.dot(a, b) for a, b in pairs], np.float64)
    # Rounded so that pairs of equal vectors tie: their float64 cosines differ from 1 in the last digit or two.
    return np.einsum("ij,ij->i", ones, others).round(12)


def _why_unseen(
    vectors: WordVectors,
    words: Iterable[str],
    score: Score,
    rules: Protocol,
    restriction: int | None,
    row_of: Collection[str],
) -> str:
    """Say that no question could be asked, which words are missing, and what the reason may be."""
    unknown = [word for word in dict.fromkeys(words) if rules.fold(word) not in row_of]
    asked = "questions" if score.kind == "analogies" else "sets" if score.kind == "odd" else "pairs"
    lacking = f"none of the {score.total:,} {asked} can be asked: the model lacks words of each"
    if score.total == 1:
        lacking = f"the only {asked.removesuffix('s')} cannot be asked: the model lacks words of it"
    what = f"{lacking}, such as {', '.join(unknown[:_EXAMPLES])}"
    if restriction is not None and set(map(rules.fold, unknown)) & set(map(rules.fold, vectors.words)):
        return f"{what}. Some are not among the {restriction:,} most frequent words: allow more (--restrict-vocab)"
    forms = {word.casefold(): word for word in vectors.words}
    spelled = next(((word, forms[word.casefold()]) for word in unknown if word.casefold() in forms), None)
    if spelled is not None:
        return (
            f"{what}. The case differs: the model has {spelled[1]}, not {spelled[0]} (--protocol gensim ignores case)"
        )
    if not len(vectors):
        return f"{what}. The model has no words at all"
    first = ", ".join(vectors.words[:_EXAMPLES])
    return f"{what}. Is it in the model's language? The model's most frequent words are {first}"


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
