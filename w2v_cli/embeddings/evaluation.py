"""How good the vectors are: analogy sets and word-pair sets. Every score names the protocol it was made by.

Word2vec's programs disagree about the protocol and so about the score of the same vectors. Ours is the one of
word2vec.c's demo.

References: Mikolov et al. 2013, arXiv:1301.3781 (analogies, 3CosAdd); Finkelstein et al. 2002 (word pairs).
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import GoldFileError

RESTRICT_VOCAB = 30_000  # word2vec.c: demo-word-accuracy.sh
_BATCH = 256  # questions at once: 30 MB of cosines among 30,000 words

_HINT = "give analogies (': section' lines, 4 words a line) or word pairs (2 words and a number a line)"


@dataclass(frozen=True)
class AnalogySet:
    """Questions "a is to b as c is to d", four words each, in named sections."""

    path: str
    sections: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]


@dataclass(frozen=True)
class PairSet:
    """Pairs of words and how alike people find them."""

    path: str
    pairs: tuple[tuple[str, str], ...]
    ratings: tuple[float, ...]


@dataclass(frozen=True)
class Section:
    """Questions answered: `correct` of the `seen`, whose words are all known, of `total`."""

    name: str
    correct: int
    seen: int
    total: int

    @property
    def score(self) -> float | None:
        """Percent correct of those seen; None if none was."""
        return 100 * self.correct / self.seen if self.seen else None


@dataclass(frozen=True)
class Score:
    """What a gold set says about the vectors.

    `score` is in percent of `seen` for analogies, Spearman's ρ × 100 for pairs (`pearson` is r × 100), None
    where nothing can be said. `seen` of `total` questions or pairs have all their words in the vocabulary.
    """

    file: str
    kind: str
    score: float | None
    seen: int
    total: int
    protocol: str
    sections: tuple[Section, ...] = ()
    pearson: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: pairs have `pearson`, sections a score of their own."""
        values = {
            "file": self.file,
            "kind": self.kind,
            "score": self.score,
            "seen": self.seen,
            "total": self.total,
            "sections": [{**vars(section), "score": section.score} for section in self.sections],
            "protocol": self.protocol,
        }
        return values if self.kind == "analogies" else {**values, "pearson": self.pearson}


def read_gold(path: str | os.PathLike[str]) -> AnalogySet | PairSet:
    """Read a gold file and recognise by its content what it is.

    Fields are separated by tabs, else by commas, else by white space; `#` begins a comment line. Pairs may
    have a header line, and columns after the number, which are ignored.

    Raises
    ------
    GoldFileError
        If the file cannot be read, is empty, or a line is neither; with the line's number.
    """
    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except OSError as error:
        raise GoldFileError(f"cannot read {name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GoldFileError(f"{name} is not UTF-8 text: byte {error.start:,}", hint=_HINT) from error
    stripped = ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1))
    lines = [(number, line) for number, line in stripped if line and not line.startswith("#")]
    if not lines:
        raise GoldFileError(f"{name} holds no questions and no pairs", hint=_HINT)
    # The first line may be a header; but numbers may also be words of a question, below a section's line.
    if not lines[0][1].startswith(":") and any(_rating(_fields(line)) is not None for _, line in lines[:2]):
        return _read_pairs(name, lines)
    return _read_analogies(name, lines)


def evaluate(vectors: WordVectors, gold: AnalogySet | PairSet, restrict_vocab: int = RESTRICT_VOCAB) -> Score:
    """Score vectors against a gold set; analogies are answered among the `restrict_vocab` first words."""
    if isinstance(gold, AnalogySet):
        return _score_analogies(vectors, gold, restrict_vocab)
    return _score_pairs(vectors, gold)


def spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's ρ: Pearson's r of the ranks, equal values sharing their average rank; None if undefined."""
    return pearson(_average_ranks(x), _average_ranks(y))


def pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    """Pearson's r = Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²); None for fewer than 2 values or a constant."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / math.sqrt((x @ x) * (y @ y)))


def _average_ranks(values: np.ndarray) -> np.ndarray:
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    return (last_rank - (counts - 1) / 2)[group]


def _score_analogies(vectors: WordVectors, gold: AnalogySet, restrict_vocab: int) -> Score:
    rows_of = _most_frequent_forms(vectors.words[:restrict_vocab])
    place_of = {form: place for place, form in enumerate(rows_of)}
    rows = np.fromiter(rows_of.values(), dtype=np.int64, count=len(rows_of))
    units = vectors.matrix[rows] / vectors.norms[rows, np.newaxis]

    known = [
        (section, [place_of[word.casefold()] for word in question])
        for section, (_, questions) in enumerate(gold.sections)
        for question in questions
        if all(word.casefold() in place_of for word in question)
    ]
    section_of = np.array([section for section, _ in known], dtype=np.int64)
    right = _answered_right(units, np.array([places for _, places in known], dtype=np.int64).reshape(-1, 4))
    seen = np.bincount(section_of, minlength=len(gold.sections)).tolist()
    correct = np.bincount(section_of[right], minlength=len(gold.sections)).tolist()
    sections = tuple(
        Section(name, correct[i], seen[i], len(questions)) for i, (name, questions) in enumerate(gold.sections)
    )
    whole = Section("total", sum(correct), sum(seen), sum(section.total for section in sections))
    return Score(
        file=gold.path,
        kind="analogies",
        score=whole.score,
        seen=whole.seen,
        total=whole.total,
        sections=sections,
        protocol=f"3CosAdd on unit vectors, {restrict_vocab:,} most frequent words, question words excluded,"
        " case-insensitive (most frequent form), questions with unknown words skipped",
    )


def _answered_right(units: np.ndarray, questions: np.ndarray) -> np.ndarray:
    """Whether argmax over w of w·(b − a + c), w not in {a, b, c}, is d (3CosAdd).

    Parameters
    ----------
    units : float32 (N, D), rows of length 1.
    questions : int64 (Q, 4), rows a, b, c, d.

    Returns
    -------
    bool (Q,)
    """
    right = np.empty(len(questions), dtype=bool)
    for start in range(0, len(questions), _BATCH):
        batch = questions[start : start + _BATCH]
        a, b, c, d = batch.T
        cosines = (units[b] - units[a] + units[c]) @ units.T
        np.put_along_axis(cosines, batch[:, :3], -np.inf, axis=1)
        right[start : start + _BATCH] = cosines.argmax(axis=1) == d
    return right


def _score_pairs(vectors: WordVectors, gold: PairSet) -> Score:
    rows_of = _most_frequent_forms(vectors.words)
    rows = [(rows_of.get(one.casefold()), rows_of.get(other.casefold())) for one, other in gold.pairs]
    found = [i for i, pair in enumerate(rows) if None not in pair]
    one, other = np.array([rows[i] for i in found], dtype=np.int64).reshape(-1, 2).T
    ratings = np.array([gold.ratings[i] for i in found])
    # float64, so that no tie comes from a rounding.
    dots = np.einsum("ij,ij->i", vectors.matrix[one], vectors.matrix[other], dtype=np.float64)
    cosines = dots / (vectors.norms[one].astype(np.float64) * vectors.norms[other])
    return Score(
        file=gold.path,
        kind="pairs",
        score=_hundredfold(spearman(cosines, ratings)),
        seen=len(found),
        total=len(rows),
        pearson=_hundredfold(pearson(cosines, ratings)),
        protocol="Spearman's ρ × 100 of cosines with ratings, case-insensitive (most frequent form),"
        " pairs with unknown words skipped",
    )


def _hundredfold(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _most_frequent_forms(words: Sequence[str]) -> dict[str, int]:
    """Row of the most frequent word of each spelling without case, in order of rows."""
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        rows.setdefault(word.casefold(), row)
    return rows


def _fields(line: str) -> list[str]:
    separator = next((mark for mark in "\t," if mark in line), None)
    return [field.strip() for field in line.split(separator)]


def _rating(fields: Sequence[str]) -> float | None:
    """The number in the third field of a pair; None if there is none."""
    if len(fields) < 3 or not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", fields[2]):
        return None
    return float(fields[2])


def _read_pairs(name: str, lines: Sequence[tuple[int, str]]) -> PairSet:
    pairs, ratings = list[tuple[str, str]](), list[float]()
    for place, (number, line) in enumerate(lines):
        fields = _fields(line)
        rating = _rating(fields)
        if rating is None and place == 0:
            continue  # the header
        if rating is None or not fields[0] or not fields[1]:
            raise GoldFileError(f"{name}, line {number}: expected two words and a number", hint=_HINT)
        pairs.append((fields[0], fields[1]))
        ratings.append(rating)
    return PairSet(name, tuple(pairs), tuple(ratings))


def _read_analogies(name: str, lines: Sequence[tuple[int, str]]) -> AnalogySet:
    sections: list[tuple[str, list[tuple[str, ...]]]] = []
    for number, line in lines:
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        words = tuple(_fields(line))
        if len(words) != 4 or not all(words):
            raise GoldFileError(f"{name}, line {number}: expected four words, found {len(words)}", hint=_HINT)
        if not sections:
            sections.append(("questions", []))
        sections[-1][1].append(words)
    return AnalogySet(name, tuple((title, tuple(questions)) for title, questions in sections))
