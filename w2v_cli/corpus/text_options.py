"""How bytes become tokens: the options, and what they do to a chunk of text."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from w2v_cli.choices import NORMAL_FORMS, TEXT_ERRORS, TOKENIZERS, require_choice
from w2v_cli.config import option_name
from w2v_cli.corpus.characters import clean
from w2v_cli.corpus.encodings import UTF8, encoding_name
from w2v_cli.corpus.guess import encoding_hint
from w2v_cli.corpus.paragraphs import Unwrapper
from w2v_cli.errors import ConfigError, CorpusError
from w2v_cli.option import make_plain

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
    encoding : that of the texts, by any of the names that Python has for it; it becomes Python's own name.
    errors : what to do with bytes that are not in that encoding: strict (an error), replace or ignore.
    lower : whether the text is lower-cased.
    tokenize : whitespace, or words, which keeps runs of letters and digits and drops everything else.
    normalize : the normal form of Unicode to which the text is brought: nfc, nfkc, or none to leave it as it is.
    unwrap : whether the lines of a paragraph are joined, and words that are broken at line ends.
    column : the column of Parquet files that holds the texts; None if the files are not Parquet.
    field : the field of JSON lines that holds the texts; None if the files are not JSON lines.

    Raises
    ------
    ConfigError
        If an attribute has another value, or two of them contradict each other.
    """

    errors: str = "strict"
    lower: bool = False
    tokenize: str = "whitespace"
    normalize: str = "none"
    unwrap: bool = False
    encoding: str = UTF8
    column: str | None = None
    field: str | None = None

    def __post_init__(self) -> None:
        make_plain(self)
        object.__setattr__(self, "encoding", encoding_name(self.encoding))
        for name, choices in _TEXT_CHOICES.items():
            require_choice(option_name(name), getattr(self, name), choices)
        for name in _TEXT_FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{option_name(name)} {getattr(self, name)!r} is neither true nor false")
        for name in ("column", "field"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise ConfigError(f"{option_name(name)} {value!r} is not the name of a {name}")
        if self.column is not None and self.field is not None:
            raise ConfigError("--column is for Parquet and --field for JSON lines", hint="leave out one of the two")
        if self.column is not None and self.encoding != UTF8:
            raise ConfigError(f"--encoding {self.encoding} has no effect with --column", hint="Parquet is UTF-8")

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> tuple[TextOptions, dict[str, Any]]:
        """Take the options of reading a text out of options of several kinds; return the others as well.

        Raises
        ------
        ConfigError
            If an option has no such value.
        """
        names = {item.name for item in fields(cls)}
        own = {name: value for name, value in options.items() if name in names}
        return cls(**own), {name: value for name, value in options.items() if name not in names}

    def as_dict(self) -> dict[str, Any]:
        """Return all options by their names; a column or a field only if it is named."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def record_end(self) -> bytes:
        """What separates the texts of two records: they are sentences or, if lines are joined, paragraphs."""
        return b"\n\n" if self.unwrap else b"\n"

    def apply(self, data: bytes, name: str, offset: int, unwrapper: Unwrapper | None = None) -> bytes:
        """Return a chunk of a text as UTF-8 whose tokens are separated by white space.

        Parameters
        ----------
        data : whole tokens, in UTF-8; bytes that are not, `as_utf8` has dealt with unless `errors` is strict.
        name : what the text is called in an error message.
        offset : where the chunk begins in the text, in bytes.
        unwrapper : what joins the lines of this text; None to leave them as they are.

        Raises
        ------
        CorpusError
            If the data are not UTF-8.
        """
        if offset == 0 and data.startswith(_BOM):
            data = data[len(_BOM) :]
            offset = len(_BOM)
        if data.isascii() and not self.lower and self.tokenize == "whitespace" and unwrapper is None:
            return data
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{name} is not UTF-8 at byte {offset + error.start:,} ({error.reason})",
                hint=encoding_hint(data, error.start, UTF8),
            ) from None
        return self.clean(text if unwrapper is None else unwrapper.add(text))

    def clean(self, text: str) -> bytes:
        """Return whole tokens as `apply` does, after the bytes have been decoded."""
        return clean(text, self.normalize, self.lower, self.tokenize).encode()
