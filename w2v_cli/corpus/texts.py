"""The texts of a corpus: files, compressed files and pipes, read in pieces of whole tokens.

This is the one place that decides what separates words: ASCII white space, as in `bytes.split()`. A newline also ends a
sentence, and so does the end of a file.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

from w2v_cli.choices import NORMAL_FORMS, TEXT_ERRORS, TOKENIZERS, require_choice
from w2v_cli.config import make_plain, option_name
from w2v_cli.corpus.characters import clean
from w2v_cli.corpus.chunks import chunks_of
from w2v_cli.corpus.paragraphs import Unwrapper
from w2v_cli.errors import ConfigError, CorpusError
from w2v_cli.storage.opening import (
    MAGIC,
    OPENERS,
    STDIN,
    absolute,
    decompressed,
    name_of,
    open_input,
    status_of,
    suffix_of,
)
from w2v_cli.storage.outputs import Named

if TYPE_CHECKING:
    from hashlib import _Hash

PIECE_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_TEXT_CHOICES = {
    "errors": TEXT_ERRORS,
    "tokenize": TOKENIZERS,
    "normalize": NORMAL_FORMS,
}
_TEXT_FLAGS = ("lower", "unwrap")


@dataclass(frozen=True)
class TextOptions:
    """How bytes become tokens.

    Attributes
    ----------
    errors : what to do with bytes that are not UTF-8: strict (an error), replace or ignore.
    lower : whether the text is lower-cased.
    tokenize : whitespace, or words, which keeps runs of letters and digits and drops everything else.
    normalize : the normal form of Unicode to which the text is brought: nfc, nfkc, or none to leave it as it is.
    unwrap : whether the lines of a paragraph are joined, and words that are broken at line ends.

    Raises
    ------
    ConfigError
        If an attribute has another value.
    """

    errors: str = "strict"
    lower: bool = False
    tokenize: str = "whitespace"
    normalize: str = "none"
    unwrap: bool = False

    def __post_init__(self) -> None:
        make_plain(self)
        for name, choices in _TEXT_CHOICES.items():
            require_choice(option_name(name), getattr(self, name), choices)
        for name in _TEXT_FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{option_name(name)} {getattr(self, name)!r} is neither true nor false")

    def apply(self, data: bytes, name: str, offset: int, unwrapper: Unwrapper | None = None) -> bytes:
        """Return a chunk of a text as UTF-8 whose tokens are separated by white space.

        Parameters
        ----------
        data : whole tokens.
        name : what the text is called in an error message.
        offset : where the chunk begins in the text, in bytes.
        unwrapper : what joins the lines of this text; None to leave them as they are.

        Raises
        ------
        CorpusError
            If `errors` is strict, and the data are not UTF-8.
        """
        if offset == 0 and data.startswith(_BOM):
            data = data[len(_BOM) :]
            offset = len(_BOM)
        if data.isascii() and not self.lower and self.tokenize == "whitespace" and unwrapper is None:
            return data
        try:
            text = data.decode("utf-8", self.errors)
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{name} is not UTF-8 at byte {offset + error.start:,} ({error.reason})",
                hint=_encoding_hint(data if offset == 0 else b""),
            ) from None
        return self.clean(text if unwrapper is None else unwrapper.add(text))

    def clean(self, text: str) -> bytes:
        """Return whole tokens as `apply` does, after the bytes have been decoded."""
        return clean(text, self.normalize, self.lower, self.tokenize).encode()


class Piece(NamedTuple):
    """Some whole tokens.

    Attributes
    ----------
    data : UTF-8.
    bytes_read : how far all texts together have been read, in bytes on disk, or for a pipe in bytes of text.
    """

    data: bytes
    bytes_read: int


class _Input(NamedTuple):
    """What a look at one text has found: its status, if there is one, and why it cannot be read, if it cannot."""

    path: str
    status: os.stat_result | None
    problem: CorpusError | None

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, which has a size and can be read again."""
        return self.path != STDIN and self.status is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def size(self) -> int:
        """Bytes on disk; 0 for what is not a regular file."""
        return self.status.st_size if self.status is not None and self.is_file else 0


@dataclass(frozen=True)
class Texts:
    """The texts of a corpus, and how their bytes become tokens.

    The first question about the files looks at each of them once; later questions get the same answers.

    Attributes
    ----------
    paths : files, in the order in which they are read; `-` is stdin.
    options : how bytes become tokens.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    ...     _ = file.write("A café.".encode())
    ...     file.flush()
    ...     texts = Texts([file.name], TextOptions(lower=True, tokenize="words"))
    ...     texts.total_bytes, b"".join(piece.data for piece in texts.pieces()).decode().split()
    (8, ['a', 'café'])
    """

    paths: Sequence[str]
    options: TextOptions = TextOptions()

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", tuple(self.paths))

    def __str__(self) -> str:
        """All names, for a message."""
        return ", ".join(map(name_of, self.paths))

    @functools.cached_property
    def _inputs(self) -> list[_Input]:
        return [_inspected(path) for path in self.paths]

    def check_readable(self) -> None:
        """Make sure that every text can be opened.

        Raises
        ------
        CorpusError
            If one is missing, a directory or not permitted, or stdin is named twice.
        """
        if self.paths.count(STDIN) > 1:
            raise CorpusError("stdin can be read only once", hint="name - only once")
        for text in self._inputs:
            if text.problem is not None:
                raise text.problem

    @property
    def sizes(self) -> tuple[int, ...]:
        """The size of each text in bytes on disk; 0 for a pipe, or if it is missing."""
        return tuple(text.size for text in self._inputs)

    @property
    def total_bytes(self) -> int | None:
        """The size of all texts in bytes on disk, or None if one of them is not a regular file."""
        return sum(self.sizes) if self.are_files else None

    @property
    def are_files(self) -> bool:
        """Whether all texts are regular files, which can be read again."""
        return all(text.is_file for text in self._inputs)

    @property
    def missing(self) -> list[str]:
        """The paths where there is nothing."""
        return [text.path for text in self._inputs if text.path != STDIN and text.status is None]

    @property
    def compressed(self) -> bool:
        """Whether one of the texts has to be decompressed."""
        return any(suffix_of(path) in OPENERS for path in self.paths)

    @property
    def named(self) -> list[Named]:
        """The texts as inputs of a command, for `require_apart`."""
        return [Named(text.path, "a text of the corpus", text.status) for text in self._inputs]

    def absolute(self) -> Texts:
        """Return the same texts for any working folder."""
        return Texts([absolute(path) for path in self.paths], self.options)

    def fingerprint(self) -> str:
        """Read everything, and return the sha256 of the decompressed text, hexadecimal; `options` do not matter."""
        digest = hashlib.sha256()
        for _ in Texts(self.paths, TextOptions(errors="ignore")).pieces(digest=digest):
            pass
        return digest.hexdigest()

    def pieces(self, piece_bytes: int = PIECE_BYTES, digest: _Hash | None = None) -> Iterator[Piece]:
        """Read all texts, one after the other.

        Parameters
        ----------
        piece_bytes : about how much text a piece has; a longer token makes a longer piece.
        digest : a hashlib object that is updated with the decompressed text; None if nobody needs it.

        Raises
        ------
        CorpusError
            If a text cannot be read or decompressed, changes while it is read, or is not UTF-8 (with `errors` strict).
        MissingExtraError
            If a text is compressed with zstandard, and that package is not installed.
        """
        digest = hashlib.sha256() if digest is None else digest
        before = 0
        for path in self.paths:
            name = name_of(path)
            with _opened(path) as raw:
                state, offset = _state_of(raw), 0
                unwrapper = Unwrapper() if self.options.unwrap else None
                for chunk in chunks_of(decompressed(path, raw), name, piece_bytes, digest):
                    data = self.options.apply(chunk, name, offset, unwrapper)
                    offset += len(chunk)
                    yield Piece(data, before + _bytes_read(raw, offset))
                if _state_of(raw) != state:
                    raise CorpusError(
                        f"{name} has changed while it was read", hint="wait until it is written, or copy it first"
                    )
                before += _bytes_read(raw, offset)
                rest = b"" if unwrapper is None else self.options.clean(unwrapper.rest())
                yield Piece(rest + b"\n", before)


def _inspected(path: str) -> _Input:
    """Look at a text, and open it if it is a regular file; opening a FIFO would take its writer's only reader away."""
    status, problem = None, None
    try:
        status = status_of(path)
        if path == STDIN:
            pass
        elif stat.S_ISDIR(status.st_mode):
            problem = CorpusError(f"{path} is a directory", hint="name its files, such as FOLDER/*.txt")
        elif stat.S_ISREG(status.st_mode):
            open_input(path).__exit__(None, None, None)
    except OSError as error:
        if path != STDIN:
            problem = _unreadable(path, error)
        elif error.errno == errno.EBADF:
            problem = CorpusError("stdin is closed", hint="pipe a text into it, or name files")
    return _Input(path, status, problem)


def _opened(path: str) -> AbstractContextManager[IO[bytes]]:
    try:
        return open_input(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> CorpusError:
    return CorpusError(f"{name_of(path)} cannot be read: {error.strerror}")


def _encoding_hint(start: bytes) -> str:
    """Say what to do about a text that is not UTF-8, going by how it begins."""
    for magic, suffix in MAGIC.items():
        if start.startswith(magic):
            return f"it looks compressed: give it a name that ends in {suffix}"
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "it looks like UTF-16: iconv -f UTF-16 -t UTF-8 converts it"
    return "convert it, or pass --errors replace or --errors ignore"


def _state_of(raw: IO[bytes]) -> tuple[int, int] | None:
    """Return the length and the time of change of a regular file, which tell whether it is still being written."""
    try:
        status = os.fstat(raw.fileno())
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _bytes_read(raw: IO[bytes], offset: int) -> int:
    """Return how far a file has been read; a pipe cannot tell, so there it is how much text has come out."""
    return raw.tell() if raw.seekable() else offset
