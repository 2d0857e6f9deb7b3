"""Word vectors: fast, exact, checkable; from the command line as `w2v`, and from Python.

    import w2v_cli as w2v

    model = w2v.train("corpus.txt", dim=100)
    model.similar("king")
    model.save("model.safetensors")
    model = w2v.load("model.safetensors")       or word2vec's text and binary, or GloVe's

`w2v.train`, `w2v.load` and `w2v.Model` have their help; options are the fields of `w2v.TrainConfig`, errors those of
`w2v_cli.errors`, all of them a `w2v.W2VError`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v_cli.api import Model, load, train
    from w2v_cli.config import TrainConfig
    from w2v_cli.errors import W2VError
    from w2v_cli.training.state import Progress

    __version__: str

__all__ = ["Model", "Progress", "TrainConfig", "W2VError", "load", "train"]

# Found when they are asked for: `w2v --help` comes through here, and shall not wait for numpy.
_HOMES = {
    "Model": "api",
    "load": "api",
    "train": "api",
    "Progress": "training.state",
    "TrainConfig": "config",
    "W2VError": "errors",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"w2v_cli.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("w2v-cli")
    except PackageNotFoundError:
        # A source tree that was not installed works all the same.
        return "unknown"
