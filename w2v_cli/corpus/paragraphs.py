"""Undo the line breaks of a printed page: lines become paragraphs, and words broken at line ends become whole."""

from __future__ import annotations

import unicodedata

# As in `bytes.split`.
_WHITE_SPACE = " \t\n\r\v\f"
# The ASCII hyphen, the hyphen, and the double hyphen of old prints.
_HYPHENS = "-\u2010\u2e17"
# These mark nothing but a break in the line: the soft hyphen, and the not sign, which OCR programs write instead.
_SOFT_HYPHENS = "\u00ad\u00ac"
# A longer word at the end of a chunk is not kept for the next chunk, so that memory stays bounded whatever the text is.
_MOST_KEPT = 1000


class Unwrapper:
    """Joins the lines of one text, chunk by chunk.

    A blank line ends a paragraph. Each paragraph becomes one line.

    Examples
    --------
    >>> unwrapper = Unwrapper()
    >>> [unwrapper.add("It was a fine exam-\\n"), unwrapper.add("ple.\\n\\nThe "), unwrapper.add("end.\\n")]
    ['It was a fine ', 'example.\\n', 'The ']
    >>> unwrapper.rest()
    'end.\\n'
    """

    def __init__(self) -> None:
        # The last word, which may go on in the next chunk, and what follows it: a space, or up to two newlines.
        self._kept = ""

    def add(self, text: str) -> str:
        """Take another chunk of whole tokens, and return the whole tokens that no later chunk can change."""
        text = self._kept + text
        body = text.rstrip(_WHITE_SPACE)
        ending = "\n" * min(2, text.count("\n", len(body))) or " "
        joined = _unwrapped(body)
        start = max(map(joined.rfind, _WHITE_SPACE)) + 1
        if len(joined) - start > _MOST_KEPT:
            self._kept = ending
            return f"{joined} "
        self._kept = joined[start:] + ending
        return joined[:start]

    def rest(self) -> str:
        """Return the last word, after the last chunk."""
        return self._kept


def _unwrapped(text: str) -> str:
    """Return a text whose lines are paragraphs; white space at its end is lost."""
    parts: list[str] = []
    newlines = 0
    for line in text.split("\n"):
        line = line.strip(_WHITE_SPACE)
        if line:
            if newlines > 1:
                parts.append("\n")
            elif parts:
                parts[-1:] = _joint(parts[-1], line)
            parts.append(line)
            newlines = 0
        newlines += 1
    return "".join(parts)


def _joint(line: str, following: str) -> tuple[str, str]:
    """Return a line as it is before the following one, and what stands between them: nothing, or a space.

    A hyphen between a letter and a small letter is taken for one that the line break has made. Before a capital or a
    digit, or after a digit, it belongs to the word: Anglo-Saxon, 1914-1918.
    """
    if line[-1] in _SOFT_HYPHENS:
        return line.rstrip(_SOFT_HYPHENS), ""
    before, after = _kind(line[-2:-1]), _kind(following[0])
    if line[-1] not in _HYPHENS or before[:1] not in "LMN" or after[:1] not in "LN":
        return line, " "
    belongs = before[0] == "N" or after[0] == "N" or after in ("Lu", "Lt")
    return line if belongs else line[:-1], ""


def _kind(character: str) -> str:
    """Return the category that Unicode gives a character, such as Lu for a capital; P, a sign, for none."""
    return unicodedata.category(character) if character else "P"
