"""The text that a call is given, as gensim takes it: sentences, or the path of a file of lines."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

from w2v_cli.api.corpus import corpus_paths
from w2v_cli.errors import CorpusError, shown
from w2v_cli.gensim.lines import lines_of
from w2v_cli.gensim.sentences import MAX_WORDS_IN_BATCH
from w2v_cli.gensim.spelling import as_word

logger = logging.getLogger("gensim.models.word2vec")


@dataclass
class Text:
    """A text that has been opened.

    Attributes
    ----------
    path : a file that the library reads; sentences are in one without a name.
    sentences : how many there are · words : how many tokens they have, or None if nobody has counted them yet.
    """

    path: str
    sentences: int
    words: int | None = None


def check_corpus(corpus_iterable: Any, corpus_file: Any, passes: int) -> None:
    """Refuse a corpus that is none, or cannot be read that often, as gensim does.

    Raises
    ------
    TypeError
        If there are two corpora or none, the file does not exist, or a generator would have to be read twice.
    """
    if isinstance(corpus_iterable, Text):
        return
    if (corpus_iterable is None) == (corpus_file is None):
        given = "Neither" if corpus_file is None else "Both"
        raise TypeError(f"{given} corpus_file and corpus_iterable are given: give one of the two")
    if corpus_iterable is None:
        if not isinstance(corpus_file, str | os.PathLike) or not os.path.isfile(corpus_file):
            raise TypeError(f"corpus_file must be the path of a file, not {corpus_file!r}")
    elif isinstance(corpus_iterable, GeneratorType) and passes > 1:
        raise TypeError(
            f"a generator can be read only once, and this takes {passes} passes: give a list, or an iterable that"
            " begins anew each time"
        )
    elif not isinstance(corpus_iterable, Iterable):
        raise TypeError(f"corpus_iterable must be an iterable of lists of words, not {shown(corpus_iterable)}")


class BadTokenError(CorpusError, TypeError):
    """A sentence has something else than words; gensim raises a TypeError."""


@contextmanager
def opened(corpus_iterable: Any, corpus_file: Any) -> Iterator[Text]:
    """Yield the text of a call. An iterable is read once, even if the text is then read several times.

    Raises
    ------
    BadTokenError
        If a token is neither a str nor a whole number, or a str that is not Unicode text.
    """
    if isinstance(corpus_iterable, Text):
        yield corpus_iterable
    elif corpus_file is not None:
        yield Text(os.fspath(corpus_file), sum(map(_sentences_in, lines_of(corpus_file))))
    else:
        text = Text("", 0, 0)
        with ExitStack() as stack:
            try:
                paths = stack.enter_context(corpus_paths(_counted(corpus_iterable, text), spell=as_word))
            except CorpusError as error:
                raise BadTokenError(error.message, error.hint) from error
            text.path = paths[0]
            yield text


def _counted(sentences: Iterable[Any], text: Text) -> Iterator[list[Any]]:
    """Yield the tokens of each sentence, and count them."""
    for sentence in sentences:
        if text.sentences == 0 and isinstance(sentence, str):
            logger.warning(
                "Each 'sentences' item should be a list of words (usually unicode strings). The first one is a str,"
                " whose characters are taken for words."
            )
        tokens = sentence if isinstance(sentence, list) else list(sentence)
        text.sentences += 1
        text.words = (text.words or 0) + len(tokens)
        yield tokens


def _sentences_in(line: bytes) -> int:
    """Return how many sentences gensim makes of a line: none of white space, and several of more than 10,000 words."""
    if len(line) < 2 * MAX_WORDS_IN_BATCH:
        return int(bool(line.strip()))
    return -(-len(line.split()) // MAX_WORDS_IN_BATCH)
