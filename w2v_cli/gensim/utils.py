"""The functions of gensim's `utils` that programs about word vectors call."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any

from w2v_cli.gensim.vocabulary import RULE_DEFAULT as RULE_DEFAULT
from w2v_cli.gensim.vocabulary import RULE_DISCARD as RULE_DISCARD
from w2v_cli.gensim.vocabulary import RULE_KEEP as RULE_KEEP
from w2v_cli.gensim.word2vec_format import errors_of_gensim
from w2v_cli.storage.atomic import atomic_file, packing
from w2v_cli.storage.urls import local_path

# A run of letters and underscores, without digits.
_ALPHABETIC = re.compile(r"[^\W\d]+", re.UNICODE)


def to_unicode(text: str | bytes, encoding: str = "utf8", errors: str = "strict") -> str:
    """Return a text as a str."""
    return text if isinstance(text, str) else text.decode(encoding, errors)


def to_utf8(text: str | bytes, errors: str = "strict", encoding: str = "utf8") -> bytes:
    """Return a text as UTF-8."""
    return to_unicode(text, encoding, errors).encode()


any2unicode, any2utf8 = to_unicode, to_utf8


def deaccent(text: str | bytes) -> str:
    """Return a text without the marks on its letters."""
    parts = unicodedata.normalize("NFD", to_unicode(text))
    return unicodedata.normalize("NFC", "".join(part for part in parts if unicodedata.category(part) != "Mn"))


def tokenize(
    text: str | bytes,
    lowercase: bool = False,
    deacc: bool = False,
    encoding: str = "utf8",
    errors: str = "strict",
    to_lower: bool = False,
    lower: bool = False,
) -> Iterator[str]:
    """Yield the runs of letters of a text."""
    text = to_unicode(text, encoding, errors)
    text = text.lower() if lowercase or to_lower or lower else text
    return (found.group() for found in _ALPHABETIC.finditer(deaccent(text) if deacc else text))


def simple_preprocess(doc: str | bytes, deacc: bool = False, min_len: int = 2, max_len: int = 15) -> list[str]:
    """Return the lowered words of a text that have so many letters, and do not begin with an underscore."""
    words = tokenize(doc, lower=True, deacc=deacc, errors="ignore")
    return [word for word in words if min_len <= len(word) <= max_len and not word.startswith("_")]


def save_as_line_sentence(corpus: Iterable[Iterable[str]], filename: str | os.PathLike[str]) -> None:
    """Write sentences to a file, one in each line; compressed if the name ends in .gz, .bz2, .xz or .zst."""
    name = local_path(os.fspath(filename))
    with errors_of_gensim(), atomic_file(name) as plain, packing(plain, name) as file:
        for sentence in corpus:
            file.write((" ".join(sentence) + "\n").encode())


class RepeatCorpus:
    """The first `reps` sentences of a corpus that is repeated without end."""

    def __init__(self, corpus: Iterable[Any], reps: int) -> None:
        self.corpus, self.reps = corpus, reps

    def __iter__(self) -> Iterator[Any]:
        return islice(chain.from_iterable(repeat(self.corpus)), self.reps)
