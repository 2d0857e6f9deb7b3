"""Find fonts that can draw words of any script, and the words that no installed font can draw."""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

# The first font is part of matplotlib, so that a picture of Latin, Greek or Cyrillic words is the same everywhere.
BASE = "DejaVu Sans"
# It has a box for every character, and so would hide that a font is missing.
_LAST_RESORT = "Last Resort"
_LONGEST = 40
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


class Fonts(NamedTuple):
    """The fonts of a picture.

    Attributes
    ----------
    families : the names of the fonts; a character is drawn with the first of them that has it.
    missing : the characters that none of them has.
    shapes : whether matplotlib joins Arabic letters and orders words that run from right to left.
    """

    families: list[str]
    missing: frozenset[str]
    shapes: bool

    def can_draw(self, word: str) -> bool:
        """Return whether a word can be drawn as its readers expect it."""
        if not self.missing.isdisjoint(word):
            return False
        return self.shapes or not any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in word)

    def legible(self, text: str) -> str:
        """Return a text with a question mark for each character that no font has."""
        return "".join("?" if letter in self.missing else letter for letter in text)


def shown(word: str) -> str:
    """Return a word as a picture shows it: controls escaped, and what is too long cut.

    Examples
    --------
    >>> shown("a\\u2028b"), shown("x" * 50)[-3:]
    ('a\\\\u2028b', 'xx…')
    """
    cut = word if len(word) <= _LONGEST else word[: _LONGEST - 1] + "…"
    return "".join(f"\\u{ord(letter):04x}" if _is_control(letter) else letter for letter in cut)


def find_fonts(words: Iterable[str]) -> Fonts:
    """Return fonts that can draw the words, so far as such fonts are installed.

    Parameters
    ----------
    words : as `shown` returns them.
    """
    from matplotlib import __version_info__, font_manager

    missing = {letter for word in words for letter in word if not _is_invisible(letter)}
    families = [BASE]
    missing -= _letters(font_manager.findfont(BASE))
    for name, path in _others() if missing else ():
        found = missing & _letters(path)
        if found:
            families.append(name)
            missing -= found
        if not missing:
            break
    return Fonts(families, frozenset(missing), __version_info__ >= (3, 11))


def _others() -> list[tuple[str, str]]:
    """Return the names and paths of all other upright fonts of normal weight; those named Noto, which match, first."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    known = {entry.fname for entry in manager.ttflist}
    # matplotlib keeps a list of the fonts that it once found: add those that have been installed since.
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            manager.addfont(path)
    fonts = {
        entry.name: entry.fname
        for entry in manager.ttflist
        if entry.style == "normal" and entry.weight in (400, "normal", "regular") and entry.name != BASE
    }
    usable = [(name, path) for name, path in fonts.items() if not name.startswith(_LAST_RESORT)]
    return sorted(usable, key=lambda font: (not font[0].startswith("Noto"), font))


def _letters(path: str) -> set[str]:
    """Return the characters that a font can draw; none if matplotlib cannot use the font."""
    from matplotlib import font_manager

    try:
        font: Any = font_manager.get_font(path)
        # Fonts of coloured emoji hold only bitmaps, which matplotlib does not draw.
        return {chr(code) for code in font.get_charmap()} if font.scalable else set()
    except (OSError, RuntimeError, ValueError):
        return set()


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") or _reorders(letter)


def _reorders(letter: str) -> bool:
    """Tell whether a character reorders the text around it."""
    return "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069"


def _is_invisible(letter: str) -> bool:
    """Tell whether a character has no glyph of its own, such as a joiner within an emoji."""
    return unicodedata.category(letter) == "Cf" or ord(letter) in _VARIATION_SELECTORS
