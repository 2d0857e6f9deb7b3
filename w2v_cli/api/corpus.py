"""The texts that the Python API takes: the paths of files, or sentences as lists of tokens."""

from __future__ import annotations

import contextlib
import glob
import inspect
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from itertools import chain, islice

from w2v_cli.corpus.encodings import UTF8
from w2v_cli.corpus.inputs import is_open_already
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.errors import ConfigError, CorpusError, W2VError, shown
from w2v_cli.storage.opening import STDIN
from w2v_cli.storage.system import nameless_file
from w2v_cli.storage.urls import is_url, local_path

Corpus = str | os.PathLike[str] | Iterable[str | os.PathLike[str] | Iterable[str]]

# What separates words in a file besides the space.
_OTHER_SPACE = b"\t\n\v\f\r"
_BOM = "\ufeff".encode()
_LISTS = 'in Python, sentences are lists of words, such as ["the", "cat"]'
_SPLIT = f"{_LISTS}; [text.split() for text in texts] makes them"


@contextlib.contextmanager
def corpus_paths(
    corpus: Corpus, unwrap: bool = False, spell: Callable[[object], str] | None = None
) -> Iterator[list[str]]:
    """Yield the paths of a corpus. Sentences are in a temporary file as long as the context lasts.

    Parameters
    ----------
    corpus : one path, or an iterable of paths or of sentences, which is read once.
    unwrap : whether lines will be joined; sentences then stay apart by blank lines.
    spell : returns what is written for a token of a sentence in which some token cannot be a word; None to refuse such
        a sentence.

    Raises
    ------
    CorpusError
        If the corpus is neither, a path in a list does not exist, or reading a sentence would not give its tokens.
    """
    if isinstance(corpus, str | os.PathLike):
        yield _paths([corpus], explain=False)
        return
    items = _items(corpus)
    first = list(islice(items, 1))
    items = chain(first, items)
    if first and isinstance(first[0], str | os.PathLike):
        # The command line gives a tuple, and needs no explanation of what Python takes.
        yield _paths(list(items), explain=not isinstance(corpus, tuple))
        return
    with nameless_file() as (file, path):
        for number, sentence in enumerate(items):
            line = _line(sentence, number, spell)
            if number == 0 and line.startswith(_BOM):
                # At the start of a file, it would not belong to the first token.
                file.write(b"\n")
            file.write(line + (b"\n\n" if unwrap else b"\n"))
        file.seek(0)
        try:
            yield [path]
        except W2VError as error:
            error.message = error.message.replace(path, "the sentences")
            error.args = (error.message,)
            raise


def _items(corpus: Iterable[object]) -> Iterator[object]:
    """Return an iterator over a corpus that is not a path; refuse what has items that are not what they seem."""
    hint = f"give the path of a file, or sentences: {_LISTS}"
    if isinstance(corpus, Mapping):
        hint = "give its values, or its keys, as lists of words"
    elif isinstance(corpus, io.IOBase):
        hint = "give its path"
    elif isinstance(corpus, bytes | bytearray):
        hint = "decode it, and split it into sentences and words"
    elif inspect.isroutine(corpus) or isinstance(corpus, type):
        hint = f"call it, and give what it returns: {_LISTS}"
    elif hasattr(corpus, "columns"):  # a table of pandas or polars
        hint = 'give one of its columns, as lists of words: table["text"].str.split()'
    else:
        with contextlib.suppress(TypeError):
            return iter(corpus)
    raise CorpusError(f"the corpus is {_a(corpus)}", hint)


def _paths(items: list[object], explain: bool) -> list[str]:
    """Return paths as strings.

    Raises
    ------
    CorpusError
        If one is no path, or if there is no such file, and it seems to be a text or `explain` is set.
    """
    for item in items:
        if not isinstance(item, str | os.PathLike):
            raise CorpusError(
                f"the corpus mixes paths with {_a(item)}", hint="give only paths, or only lists of tokens"
            )
    for item in items:
        if isinstance(item, str) and (explain or _is_like_text(item)) and not _exists(item):
            raise CorpusError(f"there is no file {shown(str(item))}: a string is taken for the name of a file", _SPLIT)
    return [os.fspath(item) for item in items]  # type: ignore[call-overload]


def _is_like_text(path: str) -> bool:
    """Whether a str is rather a text than a path: it has white space, and does not end as the name of a file does."""
    return path.split() != [path] and re.fullmatch(r"[^\n\0]*\.\w+", path) is None


def _exists(path: str) -> bool:
    """Whether there is a file of this name, or one that this pattern stands for."""
    if path == STDIN or is_url(path) or os.path.exists(local_path(path)):
        return True
    return "\0" not in path and glob.has_magic(path) and any(glob.iglob(path, recursive=True))


def _line(sentence: object, number: int, spell: Callable[[object], str] | None = None) -> bytes:
    """Return a sentence as a line of text without its end; refuse it if reading would not give the same tokens."""
    wrong, hint = "", _LISTS
    if isinstance(sentence, str):
        wrong, hint = f"is a str: {shown(sentence)}", "split it into words: sentence.split()"
    elif isinstance(sentence, Mapping | Set | bytes | bytearray):
        wrong = f"is {_a(sentence)}, not a list of words: {shown(sentence)}"
    else:
        try:
            tokens = list(sentence)  # type: ignore[call-overload]
        except TypeError:
            wrong = f"is {_a(sentence)}, not a list of words: {shown(sentence)}"
            hint = f"leave out what is missing; {_LISTS}" if _is_missing(sentence) else _LISTS
        else:
            with contextlib.suppress(TypeError, UnicodeEncodeError):
                line = " ".join(tokens).encode()
                if _reads_as(line, len(tokens)):
                    return line
            if spell is not None:
                return _line([spell(token) for token in tokens], number)
            wrong, hint = next(fault for fault in map(_fault, tokens) if fault is not None)
    raise CorpusError(f"sentence {number} of the corpus {wrong}", hint)


def _reads_as(line: bytes, tokens: int) -> bool:
    """Whether a line that was joined by spaces has that many tokens, none of them empty or with white space in it.

    Splitting the line again would take longer than reading the file.
    """
    if not line or not tokens:
        return not line and not tokens
    single = line.count(b" ") == tokens - 1 and b"  " not in line and line[:1] != b" " != line[-1:]
    return single and len(line.translate(None, _OTHER_SPACE)) == len(line)


def _fault(token: object) -> tuple[str, str] | None:
    """Return what is wrong with a token, and what to do about it; None if it can be a word."""
    if not isinstance(token, str):
        return f"has the token {shown(token)}, which is {_a(token)} and not a str", _cure(token)
    if not token:
        return "has an empty token", "leave it out"
    try:
        encoded = token.encode()
    except UnicodeEncodeError:
        return f"has a token that is not Unicode text: {shown(token)}", "decode the text with the right encoding"
    if encoded.split() != [encoded]:
        return f"has a token with white space: {shown(str(token))}", "split it into words, or join them as in New_York"
    return None


def _cure(token: object) -> str:
    """Say how a token that is not a str may become one."""
    if isinstance(token, bytes):
        return "decode every token: [token.decode() for token in sentence]"
    if isinstance(token, Iterable):
        return f"a sentence is a flat list: {_LISTS}"
    return f"{'leave it out, or ' if _is_missing(token) else ''}make text of every token: list(map(str, sentence))"


def _is_missing(value: object) -> bool:
    """Whether a value stands for one that is not known: None, NaN, or NA of pandas."""
    try:
        return value is None or bool(value != value)  # only NaN differs from itself
    except (TypeError, ValueError):  # NA is neither equal nor different, and an array is both
        return not isinstance(value, Iterable)


def _a(value: object) -> str:
    """Return the name of a value's type with its article."""
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' or name == 'ndarray' else 'a'} {name}"


def require_bytes(corpus: Corpus, paths: list[str], text: TextOptions) -> None:
    """Refuse the options of files for sentences, which are tokens already.

    Parameters
    ----------
    paths : what `corpus_paths` has made of the corpus.

    Raises
    ------
    ConfigError
        If the corpus is sentences, and the encoding is not UTF-8, or a column or a field is named.
    """
    is_sentences = not isinstance(corpus, str | os.PathLike) and is_open_already(paths[0])
    if is_sentences and text.encoding != UTF8:
        raise ConfigError(
            f"--encoding {text.encoding} has no meaning for sentences, which are text already", hint="leave it out"
        )
    if is_sentences and (text.column or text.field) is not None:
        raise ConfigError("--column and --field have no meaning for sentences", hint="leave it out")
