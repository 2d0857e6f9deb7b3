"""Text from files, compressed files and pipes, as pieces that are cut between tokens.

What separates words is decided here, once: ASCII white space, as in `bytes.split()`. A newline also ends a
sentence, and so does the end of a file.
"""

from __future__ import annotations

import functools
import hashlib
import lzma
import os
import re
import stat
import sys
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from w2v_cli.choices import TEXT_ERRORS, TOKENIZERS
from w2v_cli.errors import ConfigError, CorpusError
from w2v_cli.storage.opening import MAGIC, OPENERS, STDIN, decompressed, suffix_of

PIECE_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
# Longer ones are no words, but a file of another kind, and would grow in memory until the next white space.
MOST_TOKEN_BYTES = 1 << 26


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    """A word in raw prose: Unicode letters and digits, apostrophes and hyphens inside.

    Marks belong to their letters (vowel signs, accents that stand alone), though \\w leaves them out.
    """
    marks = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.category(chr(code)).startswith("M"))
    letter = rf"(?:[^\W_]|[{marks}\u200c\u200d])"
    return re.compile(rf"[^\W_]{letter}*(?:['’\-‐]{letter}+)*")


_TEXT_CHOICES = {
    "errors": TEXT_ERRORS,
    "lower": (False, True),
    "tokenize": TOKENIZERS,
}


@dataclass(frozen=True)
class TextOptions:
    """How bytes become tokens.

    Attributes
    ----------
    errors : what is done with bytes that are not UTF-8: strict, replace or ignore.
    lower : whether the text is lower-cased.
    tokenize : whitespace, or words: runs of letters and digits, everything else dropped.

    Raises
    ------
    ConfigError
        If one of them has no such value.
    """

    errors: str = "strict"
    lower: bool = False
    tokenize: str = "whitespace"

    def __post_init__(self) -> None:
        for name, choices in _TEXT_CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"--{name} {getattr(self, name)} is not one of {', '.join(map(str, choices))}")


@dataclass(frozen=True)
class Piece:
    """Some whole tokens.

    Attributes
    ----------
    data : UTF-8.
    bytes_read : of all inputs together so far, as they lie on disk, or from a pipe as text.
    """

    data: bytes
    bytes_read: int


def check_readable(paths: Sequence[str]) -> None:
    """Open every input once.

    Raises
    ------
    CorpusError
        If one is missing, a directory or not permitted, or stdin is named twice.
    """
    if list(paths).count(STDIN) > 1:
        raise CorpusError("stdin can be read only once", hint="name - once")
    for path in paths:
        if path == STDIN:
            if sys.stdin is None:
                raise CorpusError("stdin is closed", hint="pipe a text into it, or name files")
            continue
        if os.path.isdir(path):
            raise CorpusError(f"{path} is a directory", hint="name its files, such as FOLDER/*.txt")
        # Opening a FIFO would take its writer's only reader away.
        if os.path.isfile(path) or not os.path.exists(path):
            _open_raw(path).close()


def name_of(path: str) -> str:
    """What an input is called in a message."""
    return "stdin" if path == STDIN else path


def input_size(paths: Sequence[str]) -> int | None:
    """Bytes of all inputs on disk, or None if one is a pipe."""
    if not all(path != STDIN and os.path.isfile(path) for path in paths):
        return None
    return sum(os.path.getsize(path) for path in paths)


class Reader:
    """Reads inputs one after the other, once.

    Parameters
    ----------
    paths : files, `-` for stdin.
    options : how bytes become tokens.
    piece_bytes : about how much text a piece has; a longer token makes a longer piece.
    """

    def __init__(self, paths: Sequence[str], options: TextOptions, piece_bytes: int = PIECE_BYTES) -> None:
        self.paths = paths
        self.options = options
        self.piece_bytes = piece_bytes
        self._digest = hashlib.sha256()

    @property
    def fingerprint(self) -> str:
        """sha256 of the text that has been read, decompressed, before options; hexadecimal."""
        return self._digest.hexdigest()

    @property
    def compressed(self) -> bool:
        """Whether an input has to be decompressed."""
        return any(suffix_of(path) in OPENERS for path in self.paths)

    def pieces(self) -> Iterator[Piece]:
        """All pieces in order.

        Raises
        ------
        CorpusError
            If a file cannot be read or decompressed, or is not UTF-8 (with `errors` strict).
        MissingExtraError
            If a file is compressed with zstandard and that package is missing.
        """
        before = 0
        for path in self.paths:
            raw = sys.stdin.buffer if path == STDIN else _open_raw(path)
            before_reading, offset = _state_of(raw), 0
            try:
                for block in self._blocks(name_of(path), raw):
                    data = self._decoded(name_of(path), offset, block)
                    offset += len(block)
                    yield Piece(data, before + _place(raw, offset))
                if _state_of(raw) != before_reading:
                    raise CorpusError(
                        f"{name_of(path)} has changed while it was read",
                        hint="wait until it is written, or copy it first",
                    )
                yield Piece(b"\n", before + _place(raw, offset))
                before += _place(raw, offset)
            finally:
                if path != STDIN:
                    raw.close()

    def _blocks(self, path: str, raw: IO[bytes]) -> Iterator[bytes]:
        """The text of one file, cut between tokens."""
        text = decompressed(path, raw)
        unfinished: list[bytes] = []
        unfinished_bytes = 0
        while True:
            try:
                block = text.read(self.piece_bytes)
            except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
                raise CorpusError(f"{path} cannot be read: {error}", hint="is the file whole?") from error
            except Exception as error:
                if type(error).__module__.split(".")[0] not in ("zstandard", "isal", "igzip_lib"):
                    raise
                raise CorpusError(f"{path} cannot be decompressed: {error}", hint="is the file whole?") from error
            self._digest.update(block)
            if not block:
                break
            cut = _last_cut(block)
            if cut == 0:
                unfinished.append(block)
                unfinished_bytes += len(block)
                if unfinished_bytes > MOST_TOKEN_BYTES:
                    raise CorpusError(
                        f"{path} has a word of more than {MOST_TOKEN_BYTES >> 20} MiB",
                        hint="is it a text? words are separated by white space",
                    )
                continue
            yield b"".join([*unfinished, block[:cut]])
            unfinished = [block[cut:]]
            unfinished_bytes = len(unfinished[0])
        if any(unfinished):
            yield b"".join(unfinished)

    def _decoded(self, path: str, offset: int, block: bytes) -> bytes:
        """A piece with the options applied; `offset` is its place in the text."""
        options = self.options
        if offset == 0 and block.startswith(_BOM):
            block = block[len(_BOM) :]
            offset = len(_BOM)
        plain = not options.lower and options.tokenize == "whitespace"
        if plain and block.isascii():
            return block
        try:
            text = block.decode("utf-8", options.errors)
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{path} is not UTF-8 at byte {offset + error.start:,} ({error.reason})",
                hint=_encoding_hint(block if offset == 0 else b""),
            ) from None
        if options.lower:
            text = text.lower()
        if options.tokenize == "words":
            words = _word_pattern().findall
            text = "\n".join("".join(f"{word} " for word in words(line)) for line in text.split("\n"))
        return text.encode()


def _last_cut(block: bytes) -> int:
    """The place after the last white space of a block, or 0 if there is none."""
    if block[-1:].isspace():
        return len(block)
    for width in (1 << 10, len(block)):
        tail = block[-width:]
        parts = tail.rsplit(None, 1)
        # One part: a single token, or white space before a single token.
        last = parts[-1]
        if len(last) < len(tail):
            return len(block) - len(last)
    return 0


def _encoding_hint(start: bytes) -> str:
    """What to do about a text that is not UTF-8, going by how it begins."""
    for magic, suffix in MAGIC.items():
        if start.startswith(magic):
            return f"it looks compressed: give it a name that ends in {suffix}"
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "it looks like UTF-16: iconv -f UTF-16 -t UTF-8 converts it"
    return "convert it, or pass --errors replace or --errors ignore"


def _state_of(raw: IO[bytes]) -> tuple[int, int] | None:
    """Length and time of a regular file, which another program may be writing; None for a pipe."""
    try:
        state = os.fstat(raw.fileno())
    except OSError:
        return None
    return (state.st_size, state.st_mtime_ns) if stat.S_ISREG(state.st_mode) else None


def _open_raw(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror}") from error


def _place(raw: IO[bytes], offset: int) -> int:
    """How far a file has been read; a pipe cannot tell, but so much text has come out of it."""
    return raw.tell() if raw.seekable() else offset
