"""Notice texts of languages that are written without white space between words, such as Chinese and Thai."""

from __future__ import annotations

import re
from typing import NamedTuple

# The beginning of a text is enough to tell.
_LEAST_CHARACTERS = 20
_KANA = re.compile("[\u3041-\u30ff]")


class _Language(NamedTuple):
    """A language, or some that share a script.

    Attributes
    ----------
    characters : the letters and marks of its script, as a set of a regular expression.
    longest_mean : how long the words of a segmented text are at most, on average. Usual are 2 characters in Chinese
        and Japanese, and 4 or 5 in the other languages, and some texts have twice as many.
    tools : what segments it.
    """

    characters: str
    longest_mean: int
    tools: str


_HAN = "\u3041-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
_LANGUAGES = {
    "Chinese": _Language(_HAN, 6, "jieba"),
    "Japanese": _Language(_HAN, 6, "MeCab or SudachiPy"),
    "Thai": _Language("\u0e01-\u0e3a\u0e40-\u0e4e", 12, "PyThaiNLP"),
    "Lao": _Language("\u0e81-\u0ece", 12, "ICU"),
    "Khmer": _Language("\u1780-\u17d3", 12, "ICU"),
    "Burmese": _Language("\u1000-\u103f", 12, "ICU"),
}


def unsegmented_hint(sample: bytes) -> str | None:
    """Return a hint if most of a text is in such a script, without white space between words; None otherwise.

    Parameters
    ----------
    sample : the beginning of the text, as UTF-8; it may end within a character.
    """
    if sample.isascii():
        return None
    text = sample.decode("utf-8", "ignore")
    counts = {name: len(re.findall(f"[{its.characters}]", text)) for name, its in _LANGUAGES.items()}
    name = max(counts, key=lambda language: counts[language])
    language = _LANGUAGES[name]
    # Marks are no letters to Python, so those of the language are counted apart.
    others = len(re.findall(rf"(?![{language.characters}])\w", text))
    if counts[name] < max(_LEAST_CHARACTERS, others):
        return None
    # Khmer separates words by zero-width spaces, if at all; --tokenize words knows them.
    tokens = re.split("[\u200b \t-\r]+", text)
    runs = [token for token in tokens if re.search(f"[{language.characters}]", token)]
    if sum(map(len, runs)) <= language.longest_mean * len(runs):
        return None
    # Segmented texts may have wide spaces, which are letters to --tokenize whitespace.
    if text.count("\u3000") * language.longest_mean >= counts[name]:
        return "Hint: wide spaces (U+3000) do not separate words here; --normalize nfkc makes plain spaces of them"
    # The two share Chinese characters. Nearly every Japanese sentence has kana, and no Chinese sentence has any.
    if name == "Chinese" and 21 * len(_KANA.findall(text)) > counts[name]:
        name = "Japanese"
    return (
        f"Hint: this looks like {name} without white space between words, so whole phrases count as words; "
        f"segment it first, such as with {_LANGUAGES[name].tools}"
    )
