"""All errors that a user can act on: what happened and where, what to do about it, and the exit code.

The library raises these errors; only `cli.main` turns them into messages.
"""

from __future__ import annotations

import re
import reprlib
import sys

# A password or a token in a URL, before its host, and the values in its query that may be secret. Quotation marks end
# a URL, so that JSON stays JSON.
_USER = re.compile(r"(://)[^\s/@\"'\\]+@")
_SECRET_NAMES = "sig|token|key|secret|password|credential|auth|policy"
_SECRET = re.compile(rf"([?&][^=&\s]*(?:{_SECRET_NAMES})[^=&\s]*=)[^&\s\"'\\]+", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return a text with `***` in place of the passwords and tokens in its URLs."""
    return _SECRET.sub(r"\1***", _USER.sub(r"\1***@", text)) if "://" in text else text


def shown(value: object) -> str:
    """Return how Python writes a value, for a message: the middle of a long one is left out."""
    text = _SHORT.repr(value)
    return text if len(text) <= 2 * _SHORT.maxstring else f"{text[: _SHORT.maxstring]} … {text[-20:]}"


_SHORT = reprlib.Repr()
_SHORT.maxstring, _SHORT.maxother, _SHORT.maxlevel = 60, 60, 2


class W2VError(Exception):
    """Something went wrong that the user can understand and act on.

    Parameters
    ----------
    message : what happened, and where, as one sentence without a full stop at its end.
    hint : what to do about it, or None.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = without_secrets(message)
        self.hint = None if hint is None else without_secrets(hint)
        super().__init__(self.message)


class ConfigError(W2VError):
    """An option or an argument has an impossible value, or contradicts another one."""

    exit_code = 2


class CorpusError(W2VError):
    """A text cannot be read or decoded."""


class VocabularyError(W2VError):
    """The words, or their counts, cannot be used as a vocabulary."""


class TrainingError(W2VError):
    """A training run cannot start or continue: it lacks memory or disk space, or it diverges."""


class NothingToPredictError(TrainingError):
    """A text has no two known words in one line, so there is nothing to learn from it."""


class DivergedError(TrainingError):
    """The vectors or the loss of a training run have grown without bound."""


class StoppedError(W2VError):
    """The user stopped a training run before its end."""

    exit_code = 130


class ModelFileError(W2VError):
    """A model file cannot be read or written, or lacks what was asked of it."""


class CutShortError(ModelFileError, EOFError):
    """A file of vectors ends too early. It is an EOFError too, like that of gensim."""


class PickleError(ModelFileError):
    """A file of vectors is a Python pickle, such as gensim writes, which can run any code when it is read."""


class LogFileError(W2VError):
    """The log of a run cannot be read or written."""


class GoldFileError(W2VError):
    """An evaluation file holds neither analogies nor word pairs."""


class MissingExtraError(W2VError, ImportError):
    """An optional package is needed but not installed; the hint installs it for the Python that runs w2v.

    It is an ImportError too, like that of Python.

    Parameters
    ----------
    what : what needs the package · package : its name in the package index, which an extra in pyproject.toml lists.
    otherwise : what to do instead, if there is something.
    """

    def __init__(self, what: str, package: str, otherwise: str = "") -> None:
        # The extra of an installed w2v cannot be named, because the index need not have w2v. A plain `pip` may belong
        # to another Python.
        command = install_command(package)
        super().__init__(f"{what} needs the package {package}", command + (f", or {otherwise}" if otherwise else ""))


def install_command(package: str) -> str:
    """Return the command that installs a package for the Python that runs w2v."""
    # Imported here so that `w2v --help` need not wait for it.
    import shlex

    return shlex.join([sys.executable or "python3", "-m", "pip", "install", package])


class UnknownWordError(W2VError, KeyError):
    """One or more words are not in the vocabulary. It is a KeyError too, like that of a dict and of gensim."""

    exit_code = 1

    def __str__(self) -> str:
        return self.message  # a KeyError would put it into quotation marks
