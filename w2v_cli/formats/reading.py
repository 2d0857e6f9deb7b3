"""How a file of vectors is to be read, and what to do about what is wrong with it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from w2v_cli.choices import MATRICES, READABLE, REPEATS, TEXT_ERRORS, require_choice, require_whole
from w2v_cli.errors import ConfigError


@dataclass(frozen=True)
class ReadOptions:
    """The options of reading vectors. Files in w2v's own format are always checked strictly, whatever they say.

    Attributes
    ----------
    format : one of `choices.READABLE`; None to recognise it by the file's name and contents.
    errors : what to do with words that are not UTF-8, are empty or begin with white space. `strict` refuses them.
        `replace` puts U+FFFD in place of bad bytes and of an empty word, and keeps white space. `ignore` leaves out bad
        bytes and the white space, and drops words of which nothing is left.
    repeats : `first` keeps the first of several vectors of one word; `error` refuses such a file.
    lenient : load what can be read of a file that is cut short, has bad lines, or has another number of words than its
        first line promises.
    matrix : which vectors of a model of `w2v train` are taken, one of `choices.MATRICES`; None: as
        `formats.matrices.default_matrix`.
    limit : read only this many of the first words, and nothing that follows them; None: all. Only formats of text, and
        `binary`, can do that.
    encoding : how the words are encoded, in the same formats; it must be a superset of ASCII, such as latin-1.

    Raises
    ------
    ConfigError
        If one of them has no such value.
    """

    format: str | None = None
    errors: str = "strict"
    repeats: str = "first"
    lenient: bool = False
    matrix: str | None = None
    limit: int | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in READABLE:
            raise ConfigError(f"{self.format} cannot be read", hint=f"these formats can: {', '.join(READABLE)}")
        require_choice("errors", self.errors, TEXT_ERRORS)
        require_choice("repeats", self.repeats, REPEATS)
        if self.matrix is not None:
            require_choice("matrix", self.matrix, MATRICES)
        require_whole("limit", self.limit, 1, optional=True)
        try:
            is_superset = bytes(range(128)).decode(self.encoding) == bytes(range(128)).decode()
        except (LookupError, UnicodeError):
            is_superset = False
        if not is_superset:
            raise ConfigError(f"words cannot be encoded as {self.encoding}", hint="such as utf-8, latin-1 or cp1251")

    @property
    def is_utf8(self) -> bool:
        """Whether the words are UTF-8."""
        return codecs.lookup(self.encoding).name == "utf-8"

    def require_support(self, name: str, format: str) -> None:
        """Raise an error if files of a format cannot be read with these options; `name` is the file's.

        Raises
        ------
        ConfigError
            If the format has no limit, or one encoding only.
        """
        if format not in ("text", "glove", "binary") and (self.limit is not None or not self.is_utf8):
            raise ConfigError(f"{name} is {format}, which is read whole and as UTF-8", hint="omit limit and encoding")


DEFAULT_READING = ReadOptions()
