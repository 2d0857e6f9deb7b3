"""The texts that the Python API takes: the paths of files, or sentences as lists of tokens."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence

from w2v_cli.errors import CorpusError, W2VError

_CORPORA = "give a list of sentences, an object whose __iter__ starts from the beginning, or the path of a file"

Corpus = str | os.PathLike[str] | Iterable[str | os.PathLike[str] | Sequence[str]]


@contextlib.contextmanager
def corpus_paths(corpus: Corpus) -> Iterator[list[str]]:
    """Yield the paths of a corpus. Sentences are in a temporary file as long as the context lasts.

    Raises
    ------
    CorpusError
        If the corpus is a generator, or is no collection at all, or if a sentence is not a list of tokens.
    """
    if isinstance(corpus, str | os.PathLike):
        yield [os.fspath(corpus)]
        return
    try:
        once_only = iter(corpus) is corpus
    except TypeError as error:
        raise CorpusError(f"the corpus is of type {type(corpus).__name__}", hint=_CORPORA) from error
    if once_only:
        raise CorpusError(
            f"the corpus is a {type(corpus).__name__}, which can be read once only: training again, or resuming, would"
            " find it empty",
            hint=_CORPORA,
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
        path = f"/dev/fd/{file.fileno()}"
        try:
            yield [path]
        except W2VError as error:
            # The caller does not know this path, and the file is about to disappear.
            error.message = error.message.replace(path, "the sentences")
            error.args = (error.message,)
            raise


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
            wrong = f"is not a list of tokens but of type {type(sentence).__name__}"
        else:
            tokens = list(sentence)
            line = " ".join(tokens).encode()
            if len(line.split()) == len(tokens):
                return line + b"\n"
            wrong = "has a token that is empty or holds white space"
    except (TypeError, UnicodeEncodeError) as error:
        wrong = f"is not a list of tokens: {error}"
    raise CorpusError(
        f"sentence {number} of the corpus {wrong}: {str(sentence)[:60]!r}", hint='tokens are words: ["the", "cat"]'
    )
