"""The texts that the Python API takes: the paths of files, or sentences as lists of tokens."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from w2v_cli.corpus.encodings import UTF8
from w2v_cli.corpus.texts import TextOptions
from w2v_cli.errors import ConfigError, CorpusError

Corpus = str | os.PathLike[str] | Iterable[str | os.PathLike[str] | Sequence[str]]


@contextlib.contextmanager
def corpus_paths(corpus: Corpus) -> Iterator[list[str]]:
    """Yield the paths of a corpus. Sentences are in a temporary file as long as the context lasts.

    Raises
    ------
    CorpusError
        If the corpus is a generator, or a sentence is not a list of tokens.
    """
    if isinstance(corpus, str | os.PathLike):
        yield [os.fspath(corpus)]
        return
    if iter(corpus) is corpus:
        raise CorpusError(
            f"the corpus is a {type(corpus).__name__}, which can be read once only: training again, or resuming, would"
            " find it empty",
            hint="give a list of sentences, an object whose __iter__ starts from the beginning, or the path of a file",
        )
    first = next(iter(corpus), None)
    if isinstance(first, str | os.PathLike):
        yield [_path(path) for path in corpus]
        return
    # The file has no name, so it disappears with the process, however that ends.
    with tempfile.TemporaryFile() as file:
        for number, sentence in enumerate(corpus):
            file.write(_line(sentence, number))
        file.seek(0)
        yield [f"/dev/fd/{file.fileno()}"]


def _path(path: object) -> str:
    if not isinstance(path, str | os.PathLike):
        raise CorpusError(
            f"the corpus mixes paths with a {type(path).__name__}", hint="give only paths, or only lists of tokens"
        )
    return os.fspath(path)


def _line(sentence: object, number: int) -> bytes:
    """Return a sentence as a line of text; refuse it if reading the line would not give the same tokens."""
    try:
        if isinstance(sentence, str):
            wrong = "is a str"
        elif not isinstance(sentence, Iterable):
            wrong = f"is no list of tokens: it is a {type(sentence).__name__}"
        else:
            tokens = list(sentence)
            line = " ".join(tokens).encode()
            if len(line.split()) == len(tokens):
                return line + b"\n"
            wrong = "has a token that is empty or holds white space"
    except (TypeError, UnicodeEncodeError) as error:
        wrong = f"is no list of tokens: {error}"
    raise CorpusError(
        f"sentence {number} of the corpus {wrong}: {str(sentence)[:60]!r}", hint='tokens are words: ["the", "cat"]'
    )


def require_bytes(corpus: Corpus, paths: list[str], text: TextOptions) -> None:
    """Refuse an encoding for sentences, which are decoded already.

    Parameters
    ----------
    paths : what `corpus_paths` has made of the corpus.

    Raises
    ------
    ConfigError
        If the corpus is sentences, and the encoding is not UTF-8.
    """
    is_sentences = not isinstance(corpus, str | os.PathLike) and paths[0].startswith("/dev/fd/")
    if is_sentences and text.encoding != UTF8:
        raise ConfigError(
            f"--encoding {text.encoding} has no meaning for sentences, which are text already", hint="leave it out"
        )
