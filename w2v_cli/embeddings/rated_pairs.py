"""Tables of rated word pairs: find the columns that hold the two words and the rating.

Published tables have the rating after the words or in a later column, with or without a header, a leading index, parts
of speech, and the ratings of single people. The header decides if it can, in any of the languages below.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations

# Tried in this order. A colon comes last because it may be part of a word or begin a section of analogies.
SEPARATORS = ("\t", ";", ",", " ", ":")
_NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?")
_MISSING = {"", "-", "–", "?", "na", "n/a", "nan", "none", "null"}
# Values of a column of parts of speech, or of relations, which are single letters.
_TAG = re.compile(
    "[a-z]?|nn|noun|nomen|subst|vb|verb|jj|adj|adjective|rb|adv|adverb|propn|num|pron|adp|名詞|動詞|形容詞|副詞",
    re.IGNORECASE,
)
# How headers call the mean, in the languages of published sets.
_MEAN = re.compile(
    "mean|average|avg|mittel|durchschnitt|media(?!n)|médi|medie|moyenne|gemiddel|средн|середн|平均|均值|평균|ortalama|snitt|mitjana|batez|srednj|просе|vidēj|meðal"
    "|średni|průměr|priemer|medel|gjennomsnitt|gennemsnit|keskiarv|keskmi|átlag|prosje|prosek|povpreč|vidurk|μέσ|μεσ"
    "|متوسط|میانگین|ממוצע|औसत|trung bình|ค่าเฉลี่ย|rata-rata"
)
# How headers call a rating that may be the mean.
_RATING = re.compile(
    "score|rating|sim|related|gold|human|median|bewertung|ähnlich|verwandt|punteggio|valutaz|puntu|pontua|valor|nota"
    "|оценк|сходств|близост|类似|類似|相似|关联|関連|得分|评分|分数|スコア|유사|점수|benzer|podob|slič|likhet|lighed"
    "|hasonl|ομοι|تشابه|דמיון"
)
# How headers call numbers that are not the mean rating. These are whole words; those above may be parts of words.
_NO_RATING = re.compile(
    r"(?<![^\W\d_])(sd|std|stdev|stddev|dev|deviation|standard|var|variance|se|ci|min|max|id|idx|index|nr|no|n|num"
    r"|number|count|freq|frequency|rank|rater|annotator|annotators|anno|annot|judge|subject|participant|sub|conc|concq"
    r"|assoc|confidence|standardabweichung|ecart|deviazione|desviación)(?![^\W\d_])"
)
# More columns are not looked at, because a line may be a whole text.
_MOST_COLUMNS = 200
# A column is the mean of the others if its values differ from it by no more than rounding.
_ROUNDING = 0.06
_NEARLY_ALL = 0.95


@dataclass(frozen=True)
class RatingColumn:
    """The column of a table that holds the ratings: its number, from 1, and the header's name for it, or None."""

    number: int
    name: str | None = None

    def __str__(self) -> str:
        return f"column {self.number}" + (f" ({self.name})" if self.name else "")


@dataclass(frozen=True)
class Layout:
    """Where a table of rated pairs keeps what.

    Attributes
    ----------
    words : the indices of the columns of the two words.
    rating : the index of the column of the rating.
    header : the names of the columns, or None.
    has_header_row : whether the first row is the header. A header may also stand in a comment.
    choices : the indices of the columns of numbers among which the rating was chosen.
    reason : why the rating's column was chosen: "header", "mean of the others", "only one", "first", or "given".
    """

    separator: str
    words: tuple[int, int]
    rating: int
    header: Sequence[str] | None
    has_header_row: bool
    choices: Sequence[int]
    reason: str

    @property
    def column(self) -> RatingColumn:
        """The rating's column as people count and name it."""
        name = self.header[self.rating] if self.header and self.rating < len(self.header) else None
        return RatingColumn(self.rating + 1, name or None)

    @property
    def is_chosen(self) -> bool:
        """Whether there are several columns of numbers, or the user has named one."""
        return len(self.choices) > 1 or self.reason == "given"

    @property
    def remark(self) -> str:
        """A remark about the rating's column if no header names it, else nothing."""
        if self.reason == "mean of the others":
            return f"the ratings are those of {self.column}, which is the mean of the other columns of numbers"
        if self.reason == "first":
            return f"no header says which column of numbers is the mean rating: {self.column} was taken"
        return ""

    def with_rating(self, column: str) -> Layout | None:
        """Return the layout with the ratings in another column; None if there is no such column beside the words.

        Parameters
        ----------
        column : the header's name for it, in any case, or its number, from 1.
        """
        names = [name.casefold() for name in self.header or ()]
        if column.casefold() in names:
            rating = names.index(column.casefold())
        elif column.isdecimal() and int(column) > 0:
            rating = int(column) - 1
        else:
            return None
        return None if rating in self.words else replace(self, rating=rating, reason="given")

    def pair(self, line: str) -> tuple[str, str, float] | None:
        """Return the two words and the rating of a line, or None if it lacks one of them."""
        fields = split_fields(line, self.separator)
        if len(fields) <= max(*self.words, self.rating):
            return None
        one, other, rating = fields[self.words[0]], fields[self.words[1]], number_of(fields[self.rating])
        return None if not one or not other or rating is None else (one, other, rating)


def split_fields(line: str, separator: str) -> list[str]:
    """Split a line at a separator, without the blanks and quotes around fields; a blank stands for any white space.

    Examples
    --------
    >>> split_fields('"New York, NY", city ,7.5', ",")
    ['New York, NY', 'city', '7.5']
    """
    if '"' in line:
        # A quote that is not closed is a character of a word.
        with suppress(csv.Error):
            row = next(csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True))
            return [field.strip() for field in row]
    return [field.strip() for field in line.split(None if separator == " " else separator)]


def number_of(field: str) -> float | None:
    """Return a decimal number, with a point or a comma, or None if the field is none.

    Examples
    --------
    >>> number_of("7,35"), number_of("-1e0"), number_of("cat")
    (7.35, -1.0, None)
    """
    if not _NUMBER.fullmatch(field):
        return None
    value = float(field.replace(",", "."))
    return value if math.isfinite(value) else None


def find_layout(lines: Sequence[str], comment: str | None = None) -> Layout | None:
    """Find the words and the ratings in the lines of a table; None if these are no rated pairs.

    Parameters
    ----------
    comment : the last comment before the first line, which may be the header.
    """
    for separator in SEPARATORS:
        rows = [split_fields(line, separator) for line in lines]
        title = None if comment is None else split_fields(comment.lstrip("# "), separator)
        layout = _layout_of(separator, rows, title)
        if layout is not None:
            return layout
    return None


def _layout_of(separator: str, rows: Sequence[Sequence[str]], title: Sequence[str] | None) -> Layout | None:
    width = min(max(map(len, rows)), _MOST_COLUMNS)
    columns = [[row[c] for row in rows if c < len(row)] for c in range(width)]
    # Columns that most rows lack, such as remarks, are ignored.
    used = [c for c in range(width) if 2 * len(columns[c]) >= len(rows)]
    numeric = [c for c in used if _is_numeric(columns[c])]
    is_header = any(c < len(rows[0]) and _is_name(rows[0][c]) for c in numeric)
    # A comment is a header only if it names every column, and is not itself a row of numbers.
    is_title = title is not None and len(title) == len(used) and any(_is_name(title[c]) for c in numeric)
    header = rows[0] if is_header else title if is_title else None
    if header is not None and len(header) == len(used) - 1 and 0 in numeric:
        header = ["", *header]  # R leaves out the name of the index
    texts = [c for c in used if c not in numeric]
    untagged = [c for c in texts if not _is_tags(columns[c][is_header:])]
    words = _word_columns(untagged if len(untagged) > 1 else texts, header)
    if words is None:
        return None
    choices = [c for c in numeric if c > words[1]]
    if not choices:
        choices = [c for c in numeric if not _is_index(columns[c][is_header:])]
    if not choices:
        return None
    rating, reason = _rating_column(choices, header, rows[is_header:])
    return Layout(separator, words, rating, header, is_header, choices, reason)


def _is_numeric(values: Sequence[str]) -> bool:
    """Return whether at least half of the values of a column are numbers; one of the others may be its name."""
    present = [value for value in values if value.lower() not in _MISSING]
    return bool(present) and 2 * sum(number_of(value) is not None for value in values) >= len(present)


def _is_name(value: str) -> bool:
    return number_of(value) is None and value.lower() not in _MISSING


def _is_tags(values: Sequence[str]) -> bool:
    """Return whether a column holds parts of speech, one-letter relations, or numbered names such as `p1`: no words."""
    is_numbered = len(values) > 1 and len(set(map(stem, values))) == 1
    return all(map(_TAG.fullmatch, values)) or (is_numbered and all(re.search(r"\d", value) for value in values))


def _is_index(values: Sequence[str]) -> bool:
    """Return whether a column counts the rows."""
    numbers = [number_of(value) for value in values]
    start = numbers[0] if numbers else None
    return start in (0, 1) and all(number == start + i for i, number in enumerate(numbers))


def _word_columns(texts: Sequence[int], header: Sequence[str] | None) -> tuple[int, int] | None:
    """Return the two columns of words: those with the same name but for a number, else the first two."""
    if len(texts) < 2:
        return None
    if header is not None:
        for one, other in combinations(texts, 2):
            if other < len(header) and stem(header[one]) and stem(header[one]) == stem(header[other]):
                return one, other
    return texts[0], texts[1]


def _rating_column(
    choices: Sequence[int], header: Sequence[str] | None, rows: Sequence[Sequence[str]]
) -> tuple[int, str]:
    """Choose the column of the mean rating, and say why."""
    if len(choices) == 1:
        return choices[0], "only one"
    names = {c: header[c].lower() for c in choices if header is not None and c < len(header)}
    stems = Counter(map(stem, names.values()))
    # Columns such as "Rater 1" and "Rater 2" hold the ratings of single people.
    single = {c for c, name in names.items() if stems[stem(name)] > 1}
    never = {c for c, name in names.items() if _NO_RATING.search(name)}
    for pattern in (_MEAN, _RATING):
        for c, name in names.items():
            if c not in single | never and pattern.search(name):
                return c, "header"
    left = [c for c in choices if c not in never] or list(choices)
    for c in left:
        if len(left) > 2 and _is_mean(c, [other for other in left if other != c], rows):
            return c, "mean of the others"
    return left[0], "only one" if len(left) == 1 else "first"


def stem(name: str) -> str:
    """Return the letters of a column's name, so that `Word 1` and `word_2` agree."""
    return re.sub(r"[\W\d_]", "", name.lower())


def _is_mean(column: int, others: Sequence[int], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether nearly all values of a column are the means of the other columns' numbers in the same row."""
    agreeing = 0
    for row in rows:
        value = number_of(row[column]) if column < len(row) else None
        numbers = [number for c in others if c < len(row) and (number := number_of(row[c])) is not None]
        agreeing += value is not None and bool(numbers) and abs(value - sum(numbers) / len(numbers)) <= _ROUNDING
    return agreeing >= _NEARLY_ALL * len(rows)
