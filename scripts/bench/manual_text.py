"""Print the text of manuals: the paragraphs of HTML files and manual pages, each once.

    manual_text.py FOLDER... > text.txt
    manual_text.py FOLDER... --letters cyrillic > text.txt

A folder is searched for .html files and for manual pages (.1.gz … .9.gz). Listings, scripts and repeated paragraphs,
such as the navigation of every page, are left out. It downloads nothing: `apt-get download libreoffice-help-de` and
`dpkg -x FILE FOLDER` give a folder.
"""

from __future__ import annotations

import argparse
import gzip
import html.parser
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

SKIPPED = {"script", "style", "pre", "code", "head", "nav", "svg", "tt", "kbd", "samp"}
INLINE = {"a", "abbr", "acronym", "b", "big", "cite", "dfn", "em", "font", "i", "q", "small", "span", "strong", "sub"}
MANUAL_PAGE = re.compile(r"\.[1-9]\w*\.gz$")


class Paragraphs(html.parser.HTMLParser):
    """Collect the paragraphs of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self._words: list[str] = []
        self._skipping: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in SKIPPED:
            self._skipping.append(tag)
        elif tag not in INLINE:
            self.end()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._skipping:
            while self._skipping.pop() != tag:
                pass
        elif tag not in INLINE:
            self.end()

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._words.append(data)

    def end(self) -> None:
        """End a paragraph."""
        self.done.append(" ".join("".join(self._words).split()))
        self._words = []


def page_paragraphs(text: str) -> list[str]:
    """Return the paragraphs of an HTML page."""
    parser = Paragraphs()
    parser.feed(text)
    parser.end()
    return parser.done


def manual_paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a manual page: its lines of text, with the requests of troff as their limits."""
    done, lines, listing = [], [], False
    for line in text.splitlines():
        if line.startswith((".nf", ".EX")):
            listing = True
        elif line.startswith((".fi", ".EE")):
            listing = False
        if line.startswith((".", "'")) or not line.strip():
            request, _, rest = line.partition(" ")
            if request in (".B", ".I", ".BR", ".IR", ".RB", ".RI", ".BI", ".IB"):
                lines.append(rest.replace('"', ""))
                continue
            done.append(" ".join(lines))
            lines = []
        elif not listing:
            lines.append(line)
    done.append(" ".join(lines))
    return [plain(paragraph) for paragraph in done]


def plain(paragraph: str) -> str:
    """Take the escapes of troff out of a paragraph."""
    paragraph = re.sub(r"\\f(\(..|\[[^]]*\]|.)", "", paragraph)
    paragraph = re.sub(r"\\\[u([0-9A-F]{4,5})\]", lambda match: chr(int(match[1], 16)), paragraph)
    paragraph = re.sub(r"\\([&:%/,|^]|s[+-]?\d+)", "", paragraph)
    paragraph = paragraph.replace(r"\-", "-").replace(r"\ ", " ").replace(r"\~", " ")
    return " ".join(re.sub(r"\\(\(..|\[[^]]*\]|.)", " ", paragraph).split())


def paragraphs(folder: Path) -> Iterator[str]:
    """Yield the paragraphs of every page in a folder, in the order of the files' names."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix in (".html", ".xhtml", ".htm"):
            yield from page_paragraphs(path.read_text("utf-8", "replace"))
        elif MANUAL_PAGE.search(path.name):
            yield from manual_paragraphs(gzip.decompress(path.read_bytes()).decode("utf-8", "replace"))


def written_in(paragraph: str, script: str) -> bool:
    """Whether at least half of the letters are of a script: LATIN, CYRILLIC, HANGUL …"""
    letters = [letter for letter in paragraph if letter.isalpha()]
    return 2 * sum(unicodedata.name(letter, "").startswith(script) for letter in letters) >= max(1, len(letters))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--letters", help="print only paragraphs of which at least half the letters are of this script")
    arguments = parser.parse_args()
    seen = {""}
    for folder in arguments.folders:
        for paragraph in paragraphs(folder):
            if paragraph not in seen and (
                arguments.letters is None or written_in(paragraph, arguments.letters.upper())
            ):
                seen.add(paragraph)
                sys.stdout.write(paragraph + "\n")


if __name__ == "__main__":
    main()
