"""Character encodings: their names, decoding a text that is not UTF-8, and counting the bytes that do not fit."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from w2v_cli.corpus.guess import encoding_hint
from w2v_cli.errors import ConfigError, CorpusError

UTF8 = "utf-8"
# How each run of bytes that cannot be decoded is marked in the text: its first byte, and its other bytes. These are
# halves of characters, which no decoder returns.
_FIRST, _OTHER = "\udcfe", "\udcff"
_MARKING = "w2v_cli.mark"


def encoding_name(name: str) -> str:
    """Return the name that Python gives to an encoding, such as cp1252 for windows-1252.

    Raises
    ------
    ConfigError
        If Python has no such encoding, or it is not an encoding of text.
    """
    try:
        codec = codecs.lookup(name)
        # Some codecs turn bytes into bytes or text into text; some cannot read a text in parts.
        if codec.incrementaldecoder is None or not isinstance(codec.incrementaldecoder().decode(b"", True), str):
            raise LookupError
    except (LookupError, TypeError, ValueError, UnicodeError):
        raise ConfigError(
            f"--encoding {name} is not an encoding that Python knows",
            hint="such as utf-8, windows-1252, cp1251, koi8-r, shift_jis, gb18030, big5, euc-kr or utf-16",
        ) from None
    return UTF8 if codec.name == "utf-8-sig" else codec.name


@dataclass
class Damage:
    """The bytes of a corpus that cannot be decoded.

    Attributes
    ----------
    bytes : how many they are.
    lines : how many lines have some.
    """

    bytes: int = 0
    lines: int = 0
    _last_line_counted: bool = False

    def repaired(self, text: str, errors: str) -> str:
        """Return a text whose marks are replaced or removed, and count them.

        Parameters
        ----------
        text : the next part of a text, decoded with the error handler `_MARKING`.
        errors : `replace` puts U+FFFD where Python's `replace` does; `ignore` leaves the bytes out.
        """
        if _FIRST not in text:
            self._last_line_counted = self._last_line_counted and "\n" not in text
            return text
        lines = text.split("\n")
        marked = [_FIRST in line for line in lines]
        # The first line may be the end of a line that has been counted.
        self.lines += sum(marked) - (marked[0] and self._last_line_counted)
        self._last_line_counted = marked[-1] or (len(lines) == 1 and self._last_line_counted)
        self.bytes += text.count(_FIRST) + text.count(_OTHER)
        return text.replace(_FIRST, "\ufffd" if errors == "replace" else "").replace(_OTHER, "")

    def begin_text(self) -> None:
        """Note that what comes next is another text, which begins with a line of its own."""
        self._last_line_counted = False

    def remark(self, errors: str) -> str | None:
        """Return a sentence about the damage, or None if there is none."""
        if self.bytes == 0:
            return None
        bytes_, lines = f"byte{'s' * (self.bytes != 1)}", f"line{'s' * (self.lines != 1)}"
        done = "replaced" if errors == "replace" else "ignored"
        return f"{self.bytes:,} {bytes_} in {self.lines:,} {lines} {done}"


def as_utf8(blocks: Iterator[bytes], name: str, encoding: str, errors: str, damage: Damage) -> Iterator[bytes]:
    """Turn the blocks of a text into UTF-8; a block may begin or end within a character.

    Parameters
    ----------
    name : what the text is called in an error message.
    errors : strict, replace or ignore.

    Raises
    ------
    CorpusError
        If `errors` is strict, and the text is not in that encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict" if errors == "strict" else _MARKING)
    bytes_read = 0
    damage.begin_text()

    def decoded(block: bytes, final: bool) -> bytes:
        """Return a block as UTF-8; characters that the block before has begun come first."""
        try:
            text = decoder.decode(block, final)
            if errors != "strict":
                text = damage.repaired(text, errors)
            # utf-7 and unicode-escape can spell halves of characters, which UTF-8 does not have.
            return text.encode(UTF8, "strict" if errors == "strict" else errors)
        except UnicodeDecodeError as error:
            # The decoder puts what is left of the block before in front of this one.
            place = bytes_read + len(block) - len(error.object) + error.start
            raise CorpusError(
                f"{name} is not {encoding} at byte {place:,} ({error.reason})",
                hint=encoding_hint(error.object, error.start, encoding),
            ) from None
        except UnicodeError as error:
            # The example in the hint is the first word that is not ASCII.
            place = next((at for at, byte in enumerate(block) if byte > 127), 0)
            raise CorpusError(
                f"{name} is not {encoding} near byte {bytes_read:,} ({error})",
                hint=encoding_hint(block, place, encoding),
            ) from None

    for block in blocks:
        if data := decoded(block, False):
            yield data
        bytes_read += len(block)
    if data := decoded(b"", True):
        yield data


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Stand in for bytes that cannot be decoded, for `codecs.register_error`."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _FIRST + _OTHER * (error.end - error.start - 1), error.end


codecs.register_error(_MARKING, _mark)
