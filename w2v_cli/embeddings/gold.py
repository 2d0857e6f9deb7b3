"""Gold sets: files of analogies, or of word pairs with ratings. Their contents tell which."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from w2v_cli.errors import GoldFileError
from w2v_cli.storage.opening import whole_text

_HINT = "give analogies (': section' lines, 4 words per line) or word pairs (2 words and a number per line)"


@dataclass(frozen=True)
class AnalogySet:
    """Questions "a is to b as c is to d", each of four words, in named sections."""

    path: str
    sections: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]


@dataclass(frozen=True)
class PairSet:
    """Pairs of words, and people's ratings of how similar they are."""

    path: str
    pairs: tuple[tuple[str, str], ...]
    ratings: tuple[float, ...]


def read_gold(path: str | os.PathLike[str]) -> AnalogySet | PairSet:
    """Read a gold file or, for `-`, stdin, and recognise by its contents what it holds.

    The fields of a line are separated by tabs if it has any, else by commas if it has any, else by white space. Lines
    that begin with `#` are comments. Pairs may have a header line, and further columns, which are ignored.

    Raises
    ------
    GoldFileError
        If the file cannot be read or is empty, or if a line is malformed; the error gives the line's number.
    """
    name = os.fspath(path)
    try:
        text = whole_text(path)
    except OSError as error:
        raise GoldFileError(f"cannot read {name}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GoldFileError(f"{name} is not UTF-8 text: byte {error.start:,}", hint=_HINT) from error
    stripped = ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1))
    lines = [(number, line) for number, line in stripped if line and not line.startswith("#")]
    if not lines:
        raise GoldFileError(f"{name} holds no questions and no pairs", hint=_HINT)
    # A number in the third field of the first two lines means pairs (the first may be a header). After a section line,
    # however, it may be a word of a question.
    if not lines[0][1].startswith(":") and any(_rating(_fields(line)) is not None for _, line in lines[:2]):
        return _read_pairs(name, lines)
    return _read_analogies(name, lines)


def _fields(line: str) -> list[str]:
    separator = next((mark for mark in "\t," if mark in line), None)
    return [field.strip() for field in line.split(separator)]


def _rating(fields: Sequence[str]) -> float | None:
    """Return the number in the third field of a pair; None if there is none."""
    if len(fields) < 3 or not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", fields[2]):
        return None
    return float(fields[2])


def _read_pairs(name: str, lines: Sequence[tuple[int, str]]) -> PairSet:
    pairs, ratings = list[tuple[str, str]](), list[float]()
    for i, (number, line) in enumerate(lines):
        fields = _fields(line)
        rating = _rating(fields)
        if rating is None and i == 0:
            continue  # a header
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
