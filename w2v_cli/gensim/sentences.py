"""gensim's readers of files: iterables of sentences, which can be read any number of times.

To train on a whole file of lines, `corpus_file` is several times as fast, because the lines need not become Python
lists.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from w2v_cli.gensim.lines import blocks_of, lines_of

# gensim cuts longer sentences; w2v can train on sentences of any length.
MAX_WORDS_IN_BATCH = 10_000


class LineSentence:
    """The lines of a text file, each split at white space.

    Parameters
    ----------
    source : a path, of a file that may be packed (.gz, .bz2, .xz, .zst), or an open file that can be rewound.
    max_sentence_length : longer lines are cut into sentences of at most so many words.
    limit : how many lines are read; None for all.
    """

    def __init__(self, source: Any, max_sentence_length: int = MAX_WORDS_IN_BATCH, limit: int | None = None) -> None:
        self.source, self.max_sentence_length, self.limit = source, max_sentence_length, limit

    def __iter__(self) -> Iterator[list[str]]:
        if hasattr(self.source, "seek"):
            self.source.seek(0)
            yield from _sentences(self.source, self.limit, self.max_sentence_length)
            return
        yield from _sentences(lines_of(self.source), self.limit, self.max_sentence_length)


class PathLineSentences:
    """The lines of all files of a folder, in the order of their names, as `LineSentence` reads them.

    Parameters
    ----------
    source : a folder, or one file. Folders inside it are not read.
    max_sentence_length : as in `LineSentence` · limit : how many lines of each file are read; None for all.

    Raises
    ------
    ValueError
        If there is no such folder or file.
    """

    def __init__(self, source: Any, max_sentence_length: int = MAX_WORDS_IN_BATCH, limit: int | None = None) -> None:
        self.source, self.max_sentence_length, self.limit = source, max_sentence_length, limit
        if os.path.isfile(source):
            self.input_files = [source]
        elif os.path.isdir(source):
            paths = [os.path.join(source, name) for name in sorted(os.listdir(source))]
            self.input_files = [path for path in paths if os.path.isfile(path)]
        else:
            raise ValueError(f"{source} is neither a file nor a folder")

    def __iter__(self) -> Iterator[list[str]]:
        for path in self.input_files:
            yield from LineSentence(path, self.max_sentence_length, self.limit)


class Text8Corpus:
    """The words of a file without sentences, such as text8, in pieces.

    Parameters
    ----------
    fname : the path · max_sentence_length : how many words a piece has; the last one may have fewer.
    """

    def __init__(self, fname: Any, max_sentence_length: int = MAX_WORDS_IN_BATCH) -> None:
        self.fname, self.max_sentence_length = fname, max_sentence_length

    def __iter__(self) -> Iterator[list[str]]:
        words: list[str] = []
        for text in _whole_words(self.fname):
            words += text.decode().split()
            while len(words) >= self.max_sentence_length:
                yield words[: self.max_sentence_length]
                del words[: self.max_sentence_length]
        if words:
            yield words


class BrownCorpus:
    """The Brown corpus as NLTK keeps it: a folder of files whose tokens are word/TAG.

    Words are lowered and keep the first two letters of their tags, as in `jury/nn`; tokens whose tag begins with
    anything but letters are left out.

    Parameters
    ----------
    dirname : the folder.
    """

    def __init__(self, dirname: Any) -> None:
        self.dirname = dirname

    def __iter__(self) -> Iterator[list[str]]:
        for name in sorted(os.listdir(self.dirname)):
            path = os.path.join(self.dirname, name)
            if os.path.isfile(path):
                for tokens in LineSentence(path):
                    pairs = [token.split("/") for token in tokens if token.count("/") == 1]
                    words = [f"{word.lower()}/{tag[:2]}" for word, tag in pairs if tag[:2].isalpha()]
                    if words:
                        yield words


def _sentences(lines: Iterable[bytes | str], limit: int | None, longest: int) -> Iterator[list[str]]:
    """Yield the words of lines; none of an empty line, and several lists of a long one."""
    for line in islice(lines, limit):
        words = (line if isinstance(line, str) else line.decode()).split()
        for start in range(0, len(words), longest):
            yield words[start : start + longest]


def _whole_words(path: Any) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces that end after a space, or at the end of the file."""
    rest = b""
    for data in blocks_of(path):
        cut = data.rfind(b" ") + 1
        if cut:
            yield rest + data[:cut]
            rest = b""
        rest += data[cut:]
    yield rest
