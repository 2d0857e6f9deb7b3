"""Gold sets: files of analogies, of word pairs with ratings, or of sets of words with an odd one among them.

The contents of a file tell analogies from pairs. `rated_pairs` finds the columns of a table of pairs, and `not_gold`
recognises files that are no gold sets.

References: Mikolov et al. 2013, arXiv:1301.3781 (analogies); Gladkova et al. 2016, NAACL (BATS).
"""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from w2v_cli.embeddings.gold_files import files_in, read_text, split_name
from w2v_cli.embeddings.rated_pairs import Layout, RatingColumn, find_layout, number_of, split_fields, stem
from w2v_cli.errors import ConfigError, GoldFileError

# Pairs of words, as in BATS, make at most this many questions in a section. 317 pairs make about as many.
MOST_QUESTIONS = 100_000
_HINT = (
    "give analogies (': section' lines, 4 words per line), pairs of words that share a relation (as in BATS: word, tab,"
    " answer/answer), word pairs with a rating, or, by --task odd, words of which the last does not belong"
)
# A word with its part of speech: sun-n, sun_NOUN.
TAGGED = re.compile(r"(.+)[-_/.#|](?:[nvajr]|nn|vb|jj|rb|noun|verb|adj|adv|propn)", re.IGNORECASE)
_ODD_NAME = re.compile(r"(the )?(odd([ _-]?(one|word))?([ _-]?out)?|outlier|intruder|doesn.?t[ _-]?fit)", re.IGNORECASE)
_COMMENT = re.compile(r"#+( |$)")
_SEPARATOR = re.compile(r"sep=.", re.IGNORECASE)
# How many words a set with an odd one may have.
_MANY = range(4, 1_000)

# The questions or word sets of a file, in named sections.
Sections = tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
_Lines = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class AnalogySet:
    """Questions "a is to b as c is to ?", in named sections. Each is a tuple: a, b, c, and one or more right answers.

    `rule` says how the questions were made of pairs of words; it is empty if the file has the questions themselves.
    If `path` is a folder, `files` has the name of each file and the number of its sections, in their order.
    """

    path: str
    sections: Sections
    rule: str = ""
    files: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class OddSet:
    """Sets of four or more words, in named sections; the last word of a set does not belong to the others.

    `files` is as in AnalogySet.
    """

    path: str
    sections: Sections
    files: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class PairSet:
    """Pairs of words, and people's ratings of how similar they are.

    Attributes
    ----------
    column : the column of the ratings, or None if it is not from a file.
    remarks : sentences about how the file was understood, where that is not certain.
    column_is_chosen : whether the file has other columns of numbers.
    """

    path: str
    pairs: tuple[tuple[str, str], ...]
    ratings: tuple[float, ...]
    column: RatingColumn | None = None
    remarks: tuple[str, ...] = ()
    column_is_chosen: bool = False

    @property
    def is_tagged(self) -> bool:
        """Whether every word ends with its part of speech, such as `sun-n`."""
        return all(TAGGED.fullmatch(word) for pair in self.pairs for word in pair)


GoldSet = AnalogySet | OddSet | PairSet


def read_gold(path: str | os.PathLike[str], task: str | None = None, column: str | int | None = None) -> GoldSet:
    """Read the gold set in a file, in stdin for `-`, or in a folder of files of one kind.

    Parameters
    ----------
    task : one of `choices.TASKS`; None: the contents tell whether these are analogies or pairs.
    column : the column of the ratings of pairs, by its name in the header or its number, from 1; None: the header and
        the numbers tell.

    Raises
    ------
    GoldFileError
        If a file cannot be read, is no gold set, or has a malformed line; the error gives the line's number. Also if
        the path is a folder with several files of rated pairs, or with files of several kinds.
    """
    sets = read_gold_sets(path, task, column)
    if len(sets) > 1:
        raise GoldFileError(f"{os.fspath(path)} holds {len(sets)} gold sets", hint="evaluate one file at a time")
    return sets[0]


def read_gold_sets(
    path: str | os.PathLike[str],
    task: str | None = None,
    column: str | int | None = None,
    on_skip: Callable[[str], None] = warnings.warn,
) -> list[GoldSet]:
    """Read a file, or all files in a folder, as `read_gold` does.

    All files of analogies in a folder become one set, which has a section for each file. So do all files of odd words.
    A file of rated pairs stays a set of its own. Hidden files are left out, and so are files whose suffix is not that
    of a text or a table. A file that is no gold set, such as a README, is skipped if another one is.

    Parameters
    ----------
    on_skip : called with a sentence about each file that is skipped.
    """
    name = os.fspath(path)
    if column is not None and task not in (None, "pairs"):
        raise ConfigError(f"a column of ratings was named, but --task {task} has none", hint="leave out one of the two")
    if not os.path.isdir(name):
        return [_read_file(name, task, column)]
    files = files_in(name)
    if not files:
        raise GoldFileError(f"cannot read {name}: the folder holds no gold sets (.txt, .tsv, .csv)", hint=_HINT)
    sets = _read_files(files, task, column, on_skip)
    analogies = {label: gold for label, gold in sets.items() if isinstance(gold, AnalogySet)}
    odd = {label: gold for label, gold in sets.items() if isinstance(gold, OddSet)}
    found: list[GoldSet] = [gold for gold in sets.values() if isinstance(gold, PairSet)]
    if odd:
        found.insert(0, OddSet(name, _joined(odd), _section_counts(odd)))
    if analogies:
        rule = next((gold.rule for gold in analogies.values() if gold.rule), "")
        found.insert(0, AnalogySet(name, _joined(analogies), rule, _section_counts(analogies)))
    return found


def _read_files(
    files: Mapping[str, str], task: str | None, column: str | int | None, on_skip: Callable[[str], None]
) -> dict[str, GoldSet]:
    """Return the gold sets among some files; raise the error about the first file if none is one."""
    sets, errors = dict[str, GoldSet](), list[GoldFileError]()
    for label, file in files.items():
        try:
            sets[label] = _read_file(file, task, column)
        except GoldFileError as error:
            errors.append(error)
    if not sets:
        raise errors[0]
    for refused in errors:
        on_skip(f"skipped: {refused.message}")
    return sets


def _joined(sets: Mapping[str, AnalogySet | OddSet]) -> Sections:
    """Return the sections of all files, named by their files."""
    return tuple(
        (label if len(gold.sections) == 1 else f"{label}: {title}", questions)
        for label, gold in sets.items()
        for title, questions in gold.sections
    )


def _section_counts(sets: Mapping[str, AnalogySet | OddSet]) -> tuple[tuple[str, int], ...]:
    return tuple((label, len(gold.sections)) for label, gold in sets.items())


def _read_file(name: str, task: str | None, column: str | int | None) -> GoldSet:
    numbered = enumerate(read_text(name).split("\n"), start=1)
    # A tab at the start of a line stays: the name of an index is often empty.
    lines = [(number, line.rstrip().lstrip(" ")) for number, line in numbered if line.strip()]
    # A word may begin with `#`, so only a `#` with a blank after it is certain to begin a comment.
    rows = [(number, line) for number, line in lines if not _COMMENT.match(line)]
    # Excel reads the separator of a CSV file in its first line.
    if rows and _SEPARATOR.fullmatch(rows[0][1]):
        rows = rows[1:]
    if not rows:
        raise GoldFileError(f"{name} holds no questions and no pairs", hint=_HINT)
    if task == "odd":
        return OddSet(name, _odd_sections(name, rows))
    # After a section line, a number may be a word of a question.
    if task == "pairs" or column is not None or (task is None and not _is_section(rows[0][1])):
        # Other lines that begin with `#` may be comments too, so they do not decide about the columns.
        plain = [(number, line) for number, line in rows if not line.startswith("#")] or rows
        before = [line for number, line in lines if number < plain[0][0]]
        layout = find_layout([line for _, line in plain], comment=before[-1] if before else None)
        if layout is not None:
            return _read_pairs(name, rows, layout if column is None else _with_rating(name, layout, str(column)))
        if task == "pairs" or column is not None:
            raise GoldFileError(f"{name} has no columns of two words and a number", hint=_HINT)
    return _read_analogies(name, rows)


def _with_rating(name: str, layout: Layout, column: str) -> Layout:
    """Return the layout with the ratings in the column that the user has named."""
    chosen = layout.with_rating(column)
    if chosen is None:
        columns = ", ".join(title for title in layout.header or () if title)
        has = f"its header names {columns}" if columns else "it has no header: give the column's number, from 1"
        raise GoldFileError(f"{name} has no column of ratings called {column}", f"{has}; two columns hold the words")
    return chosen


def _read_pairs(name: str, rows: _Lines, layout: Layout) -> PairSet:
    pairs, ratings = list[tuple[str, str]](), list[float]()
    # Raters may be called 1, 2 and 3, so a header can look like a pair with a rating.
    header = next((number for number, line in rows if not line.startswith("#")), 0) if layout.has_header_row else 0
    for number, line in rows:
        found = None if number == header else layout.pair(line)
        if found is not None:
            pairs.append(found[:2])
            ratings.append(found[2])
        elif not line.startswith("#") and number != header:
            place = f" in {layout.column}" if layout.is_chosen else ""
            hint = "name another column of ratings" if layout.reason == "given" else _HINT
            raise GoldFileError(f"{name}, line {number}: expected two words and a number{place}", hint)
    if not pairs:
        raise GoldFileError(f"{name} holds no questions and no pairs", hint=_HINT)
    remarks = (layout.remark,) if layout.remark else ()
    return PairSet(name, tuple(pairs), tuple(ratings), layout.column, remarks, layout.is_chosen)


def _read_analogies(name: str, rows: _Lines) -> AnalogySet:
    """Read questions of four words, or pairs of words of which every two make a question."""
    lines = [(number, line, _is_section(line)) for number, line in rows]
    words = [_words(line, (4, 2)) for _, line, is_section in lines if not is_section]
    paired = [fields for fields in words if len(fields) == 2 and number_of(fields[1]) is None]
    if 2 * len(paired) <= len(words):
        return AnalogySet(name, _sections(name, rows, "questions", range(4, 5), "four words"))
    title = split_name(os.path.basename(name))[0]
    sections = _sections(name, rows, title, range(2, 3), "a word and its answers")
    questions = tuple((title, tuple(_questions_of(pairs))) for title, pairs in sections)
    if not any(asked for _, asked in questions):
        raise GoldFileError(f"{name} holds one pair of words: a question takes two pairs", hint=_HINT)
    return AnalogySet(name, questions, rule=_rule(sections))


def _rule(sections: Sections) -> str:
    """Say how `_questions_of` makes questions of the pairs in these sections."""
    most = max(len(pairs) for _, pairs in sections)
    limit = f", at most {MOST_QUESTIONS:,} of a section" if most * (most - 1) > MOST_QUESTIONS else ""
    return f"questions are all ordered pairs of the word pairs of a section{limit}, any of a word's answers is right"


def _questions_of(pairs: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield the questions that pairs of words make: each pair a, a' asks for the answers of every other word b.

    If these are more than MOST_QUESTIONS, each pair asks for those of equally many pairs after it.
    """
    split = [(word, [answer.strip() for answer in answers.split("/") if answer.strip()]) for word, answers in pairs]
    known = [(word, answers) for word, answers in split if answers]
    asked = min(len(known) - 1, max(1, MOST_QUESTIONS // max(1, len(known))))
    for i, (a, (a_answer, *_)) in enumerate(known):
        for step in range(1, asked + 1):
            b, answers = known[(i + step) % len(known)]
            yield a, a_answer, b, *answers


def _odd_sections(name: str, rows: _Lines) -> Sections:
    """Read sets of words, the odd one last. A header may name another column as that of the odd word."""
    columns = _odd_columns(_words(rows[0][1], _MANY))
    sections = _sections(name, rows[1:] if columns else rows, "sets", _MANY, "four or more words")
    if not columns:
        return sections
    if max(columns) >= min(len(words) for _, sets in sections for words in sets):
        raise GoldFileError(f"{name} has lines with fewer words than its header names", hint=_HINT)
    return tuple((title, tuple(tuple(words[c] for c in columns) for words in sets)) for title, sets in sections)


def _odd_columns(header: Sequence[str]) -> list[int]:
    """Return the columns of a set's words, that of the odd one last; empty if this is no header."""
    odd = [c for c, name in enumerate(header) if _ODD_NAME.fullmatch(name)]
    stems = Counter(stem(name) for name in header)
    words = [c for c, name in enumerate(header) if stems[stem(name)] > 1]
    return [*words, odd[0]] if len(odd) == 1 and len(words) > 2 else []


def _sections(name: str, rows: _Lines, first_title: str, counts: range, expected: str) -> Sections:
    """Read lines of words in sections that begin with `: title`.

    Parameters
    ----------
    first_title : the title of lines before the first section.
    counts : how many words a line may have.
    expected : what a line should have, for the error.
    """
    sections: list[tuple[str, list[tuple[str, ...]]]] = []
    for number, line in rows:
        if _is_section(line):
            sections.append((line[1:].strip(), []))
            continue
        words = tuple(_words(line, counts))
        if len(words) not in counts or not all(words):
            if line.startswith("#"):
                continue  # a comment
            alone = ", and there is no other line: is it a header?" if len(rows) == 1 else ""
            raise GoldFileError(f"{name}, line {number}: expected {expected}, found {len(words)}{alone}", hint=_HINT)
        if not sections:
            sections.append((first_title, []))
        sections[-1][1].append(words)
    if not any(questions for _, questions in sections):
        raise GoldFileError(f"{name} holds no questions and no pairs", hint=_HINT)
    return tuple((title, tuple(questions)) for title, questions in sections)


def _is_section(line: str) -> bool:
    # A word may begin with a colon too, in a table with tabs.
    return line.startswith(":") and line.count("\t") < 2


def _words(line: str, counts: Container[int]) -> list[str]:
    """Split a line at the first separator that gives one of the counts, or else at the first that it has."""
    line = line.strip()
    found = [split_fields(line, separator) for separator in "\t;, " if separator in line]
    return next((words for words in found if len(words) in counts), found[0] if found else [line])
