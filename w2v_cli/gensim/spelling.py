"""Tokens that are no words of a text, such as "New York", "" or 7, spelled as words that a text can hold.

gensim takes any token. A text of w2v has white space between its words, so such tokens are written with characters for
private use, which no text has, and get their own spelling back when they become keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

# The white space between the words of a text, and what stands for it.
_WHITE = " \t\n\r\v\f"
_FIRST = 0x10FFF0
_TO_WORD = {ord(white): chr(_FIRST + number) for number, white in enumerate(_WHITE)}
_FROM_WORD = {_FIRST + number: white for number, white in enumerate(_WHITE)}
_EMPTY, _NUMBER = chr(_FIRST + len(_WHITE)), chr(_FIRST + len(_WHITE) + 1)
_MARKS = frozenset([*_TO_WORD.values(), _EMPTY, _NUMBER])


def as_word(token: object) -> str:
    """Return the word that stands for a token: a str, or a whole number. Anything else is returned as it is."""
    if isinstance(token, str):
        return token.translate(_TO_WORD) if token else _EMPTY
    if isinstance(token, Integral) and not isinstance(token, bool):
        return f"{_NUMBER}{int(token)}"
    return token  # type: ignore[return-value]  # the reader refuses it, and says what it is


def as_words(keys: Iterable[object]) -> list[str]:
    """Return the words that stand for some keys."""
    return [as_word(key) for key in keys]


def as_key(word: str) -> str | int:
    """Return the token that a word stands for."""
    if word.isascii() or _MARKS.isdisjoint(word):
        return word
    if word[0] == _NUMBER:
        return int(word[1:])
    return "" if word == _EMPTY else word.translate(_FROM_WORD)
