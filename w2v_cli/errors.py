"""Everything that can go wrong, as one family: what happened and where, what to do about it, and the exit code.

The library raises these; only `cli.main` turns them into messages.
"""

from __future__ import annotations


class W2VError(Exception):
    """Something went wrong that the user can understand and act on.

    Parameters
    ----------
    message : what happened, and where, as one sentence without a final full stop.
    hint : what to do about it, or None.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(W2VError):
    """An option has no meaning, or contradicts another."""

    exit_code = 2


class CorpusError(W2VError):
    """A text cannot be read or decoded."""


class VocabularyError(W2VError):
    """No usable vocabulary comes out of a corpus."""


class TrainingError(W2VError):
    """A run cannot start or go on: memory, disk, divergence."""


class StoppedError(W2VError):
    """The user has stopped a run before its end."""

    exit_code = 130


class ModelFileError(W2VError):
    """A model file cannot be read or written, or is not one."""


class GoldFileError(W2VError):
    """An evaluation file is neither an analogy set nor a word-pair set."""


class MissingExtraError(W2VError):
    """An optional package is needed and not installed."""


class UnknownWordError(W2VError):
    """One or more words are not in the vocabulary."""

    exit_code = 1
