"""Analogies and rated pairs, scored by gensim's rules and reported in gensim's form."""

from __future__ import annotations

import io
import logging
import math
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.embeddings.queries import find_analogies
from w2v_cli.embeddings.statistics import correlation_p_value, pearson, spearman
from w2v_cli.gensim.lines import blocks_of
from w2v_cli.gensim.once import warn_once
from w2v_cli.gensim.similarity import Similarities

logger = logging.getLogger(__name__)


class Correlation(NamedTuple):
    """A correlation, −1…1, and the probability of one as large without any relation; NaN if undefined."""

    statistic: float
    pvalue: float

    @property
    def correlation(self) -> float:
        """The same as `statistic`."""
        return self.statistic


class Evaluations(Similarities):
    """What tells how good vectors are."""

    def evaluate_word_analogies(
        self,
        analogies: str | os.PathLike[str],
        restrict_vocab: int = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[dict[str, Any]]]:
        """Answer a file of analogies, such as questions-words.txt.

        Parameters
        ----------
        analogies : lines of four words; lines that begin with `: ` name the sections. Other lines are left out.
        restrict_vocab : ask of and answer with this many of the first words.
        case_insensitive : ignore case; of words that differ only in case, the first counts.
        dummy4unknown : count questions with unknown words as wrong; otherwise, they are left out.
        similarity_function : ignored, as in gensim.

        Returns
        -------
        The share of right answers, 0…1, and for each section a dict of its `section` and the `correct` and `incorrect`
        questions. The last one is the total.

        Raises
        ------
        ValueError
            If a question precedes the first section.
        OSError
            If the file cannot be read.
        """
        if similarity_function != "most_similar":
            warn_once(
                "evaluate_word_analogies ignores similarity_function, as gensim does; w2v.Model.evaluate(method="
                '"3cosmul") heeds it'
            )
        fold = str.upper if case_insensitive else str
        rows = self._rows_by_form(restrict_vocab, fold)
        sections, asked, unknown, total = list[dict[str, Any]](), [], 0, 0
        for name, question in _analogies(analogies, fold):
            if question is None:
                sections.append({"section": name, "correct": [], "incorrect": []})
                continue
            total += 1
            if all(form in rows for form in question):
                asked.append((sections[-1], question))
                continue
            unknown += 1
            if dummy4unknown:
                asked.append((sections[-1], question))
        for (section, question), is_right in zip(asked, self._answers(asked, rows, restrict_vocab, fold), strict=True):
            section["correct" if is_right else "incorrect"].append(question)
        every = {kind: [question for section in sections for question in section[kind]] for kind in _KINDS}
        sections.append({"section": "Total accuracy", **every})
        for section in sections:
            self.log_accuracy(section)
        logger.info("Quadruplets with out-of-vocabulary words: %.1f%%", 100 * unknown / max(total, 1))
        answered = len(every["correct"]) + len(every["incorrect"])
        return len(every["correct"]) / max(answered, 1), sections

    def _rows_by_form(self, restrict_vocab: int | None, fold: Callable[[str], str]) -> dict[str, int]:
        """Return the row of each word; of words of the same form, that of the first."""
        forms: dict[str, int] = {}
        for row, key in enumerate(self.index_to_key[:restrict_vocab]):
            if isinstance(key, str):
                forms.setdefault(fold(key), row)
        return forms

    def _answers(
        self, asked: list[Any], rows: dict[str, int], restrict_vocab: int | None, fold: Callable[[str], str]
    ) -> Iterator[bool]:
        """Yield for each question whether it is answered rightly; with unknown words, it is not."""
        known = [question for _, question in asked if all(form in rows for form in question)]
        ids = np.array([[rows[form] for form in question[:3]] for question in known], np.int64).reshape(-1, 3)
        found = find_analogies(self._searched(), ids, 5, restrict_vocab=restrict_vocab or None)
        for _, question in asked:
            if not all(form in rows for form in question):
                yield False
                continue
            forms = [fold(self.index_to_key[row]) for row in next(found).ids.tolist()]
            # Of five answers, the first one that is a known word and not in the question counts; or else the last one.
            good = (form for form in forms if form in rows and form not in question[:3])
            yield next(good, forms[-1] if forms else None) == question[3]

    def evaluate_word_pairs(
        self,
        pairs: str | os.PathLike[str],
        delimiter: str = "\t",
        encoding: str = "utf8",
        restrict_vocab: int = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[Correlation, Correlation, float]:
        """Correlate the cosines of pairs of words with people's ratings.

        Parameters
        ----------
        pairs : lines of two words and a rating; lines that begin with # and other lines are left out.
        delimiter : what separates the three.
        encoding : that of the file.
        restrict_vocab, case_insensitive : as in `evaluate_word_analogies`.
        dummy4unknown : give pairs with unknown words the cosine 0; otherwise, they are left out.

        Returns
        -------
        Pearson's r and Spearman's ρ, each with its p-value, and the percentage of pairs with unknown words.

        Raises
        ------
        ValueError
            If no pair is left.
        OSError
            If the file cannot be read.
        """
        fold = str.upper if case_insensitive else str
        rows = self._rows_by_form(restrict_vocab, fold)
        ratings, cosines, unknown = [], [], 0
        for one, other, rating in _pairs(pairs, delimiter, encoding, fold):
            is_known = one in rows and other in rows
            unknown += not is_known
            if is_known or dummy4unknown:
                ratings.append(rating)
                cosines.append(float(self._cosine(rows[one], rows[other])) if is_known else 0.0)
        if not ratings:
            raise ValueError(
                f"No valid similarity judgements found in {os.fspath(pairs)}: either invalid format or all are"
                f" out-of-vocabulary in {self}"
            )
        x, y = np.array(ratings), np.array(cosines)
        by_value, by_rank = (_correlation(measure(x, y), len(x)) for measure in (pearson, spearman))
        share = 100 * unknown / (len(ratings) if dummy4unknown else len(ratings) + unknown)
        self.log_evaluate_word_pairs(by_value, by_rank, share, pairs)
        return by_value, by_rank, share

    @staticmethod
    def log_accuracy(section: dict[str, Any]) -> None:
        """Log the share of right answers of a section."""
        correct, incorrect = (len(section[kind]) for kind in _KINDS)
        if correct + incorrect:
            share = 100 * correct / (correct + incorrect)
            logger.info("%s: %.1f%% (%i/%i)", section["section"], share, correct, correct + incorrect)

    @staticmethod
    def log_evaluate_word_pairs(pearson: Any, spearman: Any, oov: float, pairs: Any) -> None:
        """Log what `evaluate_word_pairs` returns."""
        logger.info("Pearson correlation coefficient against %s: %.4f", pairs, pearson[0])
        logger.info("Spearman rank-order correlation coefficient against %s: %.4f", pairs, spearman[0])
        logger.info("Pairs with unknown words ratio: %.1f%%", oov)


_KINDS = ("correct", "incorrect")


def _analogies(
    path: str | os.PathLike[str], fold: Callable[[str], str]
) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Yield (section, None) where a section begins, and (section, question) for each question."""
    section = None
    for number, line in enumerate(_text_lines(path)):
        if line.startswith(": "):
            section = line.lstrip(": ").strip()
            yield section, None
        elif section is None:
            raise ValueError(f"Missing section header before line #{number} in {os.fspath(path)}")
        else:
            words = fold(line).split()
            if len(words) == 4:
                yield section, tuple(words)
            else:
                logger.info("Skipping invalid line #%i in %s", number, path)


def _pairs(
    path: str | os.PathLike[str], delimiter: str, encoding: str, fold: Callable[[str], str]
) -> Iterator[tuple[str, str, float]]:
    """Yield the two words and the rating of each pair."""
    for number, line in enumerate(_text_lines(path, encoding)):
        fields = fold(line).split(delimiter)
        try:
            if not line.startswith("#"):
                one, other, rating = fields
                yield one, other, float(rating)
        except ValueError:
            logger.info("Skipping invalid line #%d in %s", number, path)


def _text_lines(path: str | os.PathLike[str], encoding: str = "utf8") -> Iterator[str]:
    """Yield the lines of a text, decompressed."""
    yield from io.StringIO(b"".join(blocks_of(path)).decode(encoding))


def _correlation(value: float | None, count: int) -> Correlation:
    """Return a correlation of so many pairs with its p-value."""
    return Correlation(math.nan, math.nan) if value is None else Correlation(value, correlation_p_value(value, count))
