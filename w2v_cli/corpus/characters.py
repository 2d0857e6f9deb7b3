"""What happens to the characters of a text before it is cut into tokens: normal forms, lower case, words."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

_FORMS: Mapping[str, Literal["NFC", "NFKC"]] = {"nfc": "NFC", "nfkc": "NFKC"}
# Format characters that nobody sees: they show where a word may be broken, or how it is drawn, but do not spell it.
# These are the soft hyphen, the grapheme joiner, the marks of writing direction, the word joiner, variation selectors,
# the byte order mark, and tags.
_INVISIBLE = "\u00ad\u034f\u061c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff"
# Characters other than letters, digits and marks that belong to the word they stand in. The zero-width non-joiner and
# joiner and the Mongolian vowel separator change how a word is spelled; the two Tibetan tshegs end a syllable.
# The Hebrew geresh makes another letter of the one before it, as in ג׳.
# A zero-width space (U+200B) is missing here, because it separates words, in Khmer and Thai for example.
_SPELLED = "\u200c\u200d\u180e\u0f0b\u0f0c\u05f3"
# Punctuation that belongs to a word only between some letters: the middle dot of Catalan and Gascon, as in col·lecció
# and des·har, and the quotation mark that is typed for the gershayim in Hebrew abbreviations.
_HEBREW = "אבגדהוזחטיךכלםמןנסעףפץצקרשת"
_INSIDE = f'(?<=[lLnNsS])·(?=[lLhH])|(?<=[{_HEBREW}])"(?=[{_HEBREW}])'


def clean(text: str, normalize: str, lower: bool, tokenize: str) -> str:
    """Return a text whose tokens are separated by white space.

    Parameters
    ----------
    text : whole tokens.
    normalize, lower, tokenize : as in `text_options.TextOptions`.

    Examples
    --------
    >>> clean("“İstanbul’s co\u00adworkers”", "nfc", lower=True, tokenize="words")
    'istanbul’s coworkers '
    """
    if tokenize == "words" and not text.isascii():
        # This comes first: an invisible character between a letter and its accent would keep them from being composed.
        text = _invisible_pattern().sub("", text)
    if normalize in _FORMS:
        text = unicodedata.normalize(_FORMS[normalize], text)
    if lower:
        # The lower case of İ is an i with a second dot above it, in Python and in Unicode. With it, İstanbul would be
        # another word than istanbul. No other capital has more than one character as its lower case.
        if "\u0307" in text:
            text = text.replace("I\u0307", "i")
        text = text.replace("İ", "i").lower()
    if tokenize == "words":
        # The search for such punctuation takes 3 % of the time, so it is left out where there is none.
        has_inside = "·" in text or ('"' in text and any(letter in text for letter in _HEBREW))
        words = _word_pattern(has_inside).findall
        text = "\n".join(" ".join([*words(line), ""]) for line in text.split("\n"))
    return text


@functools.cache
def _invisible_pattern() -> re.Pattern[str]:
    # Without a + behind it, the search takes a third of the time.
    return re.compile(f"[{_INVISIBLE}]")


@functools.cache
def _word_pattern(has_inside: bool) -> re.Pattern[str]:
    """Return the pattern of a word in raw prose: letters and digits, with apostrophes, hyphens and the like inside.

    Marks (vowel signs, accents that stand alone) belong to their letters, although \\w does not match them.
    """
    marks = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.category(chr(code)).startswith("M"))
    letter = rf"(?:[^\W_]|[{marks}{_SPELLED}])"
    inside = rf"(?:['’\-‐״]|{_INSIDE})" if has_inside else r"['’\-‐״]"
    return re.compile(rf"[^\W_]{letter}*(?:{inside}{letter}+)*")
