"""How words are cut into parts: one frozen, validated `Subwords`, which a model keeps in its metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from w2v_cli.choices import BUCKETS, FLORET_HASHES, MAX_NGRAM, MIN_NGRAM, SUBWORDS, require_choice, require_whole
from w2v_cli.errors import ConfigError
from w2v_cli.option import make_plain

# The numbers of rows are int32.
MOST_ROWS = 2**31 - 1
# MurmurHash3 gives floret four numbers for each n-gram.
MOST_HASHES = 4


@dataclass(frozen=True)
class Subwords:
    """The choices that say which rows of a table make up the vector of a word.

    Attributes
    ----------
    kind : fasttext: a word of the vocabulary has a row of its own, and each of its n-grams has one. floret: no word has
        a row of its own; the word with its marks, and each of its n-grams, have `hashes` rows.
    min_ngram, max_ngram : the lengths of n-grams in characters, the marks `<` and `>` at both ends included.
    buckets : how many rows all n-grams share.
    hashes : how many rows an n-gram has; 1 for fasttext, and 2 for floret unless it is given.

    Raises
    ------
    ConfigError
        If a value is impossible for the kind.
    """

    kind: str = "fasttext"
    min_ngram: int = MIN_NGRAM
    max_ngram: int = MAX_NGRAM
    buckets: int = BUCKETS
    hashes: int | None = None

    def __post_init__(self) -> None:
        require_choice("subwords", self.kind, SUBWORDS)
        if self.hashes is None:
            object.__setattr__(self, "hashes", 1 if self.kind == "fasttext" else FLORET_HASHES)
        make_plain(self)
        require_whole("min-ngram", self.min_ngram, 1)
        require_whole("max-ngram", self.max_ngram, 1)
        require_whole("buckets", self.buckets, 1, MOST_ROWS)
        require_whole("hashes", self.hashes, 1, MOST_HASHES)
        if self.min_ngram > self.max_ngram:
            raise ConfigError(
                f"min-ngram {self.min_ngram} is above max-ngram {self.max_ngram}", hint="no n-gram has such a length"
            )
        if self.kind == "floret" and self.min_ngram == 1:
            raise ConfigError(
                "min-ngram 1 has two meanings with floret: spaCy counts the marks < and >, and floret does not",
                hint="it must be at least 2",
            )
        if self.kind == "fasttext" and self.hashes != 1:
            raise ConfigError(f"hashes {self.hashes} has no meaning with fasttext", hint="only floret has several")

    def table_rows(self, words: int) -> int:
        """Return how many rows the table of a model with that many words has.

        Raises
        ------
        ConfigError
            If there are more than int32 can number.
        """
        rows = self.first_bucket(words) + self.buckets
        if rows > MOST_ROWS:
            raise ConfigError(f"{rows:,} rows are too many for int32", hint="choose fewer buckets")
        return rows

    def first_bucket(self, words: int) -> int:
        """Return the row of the first bucket: the own rows of the words come before the buckets, if they have any."""
        return words if self.kind == "fasttext" else 0

    def as_json(self) -> str:
        """Return the choices as a model file keeps them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Subwords:
        """Return the choices that `as_json` has described.

        Raises
        ------
        ConfigError
            If the text is no such description.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise ConfigError("the metadata do not say how words are cut into parts") from error
