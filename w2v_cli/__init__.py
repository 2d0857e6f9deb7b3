"""Word vectors: fast, exact, checkable; from the command line as `w2v`, and from Python.

    import w2v_cli as w2v

    model = w2v.train("corpus.txt", dim=100)
    model.similar("king")
    model.save("model.safetensors")
    model = w2v.load("model.safetensors")       # also word2vec's text and binary formats, and GloVe's

The functions `train`, `tune`, `load`, `compare`, `drift`, `phrases`, `plot_runs`, `read_run_log` and `gradcheck` and
the class `Model` describe themselves in `help()`. The options of training are the fields of `TrainConfig`. Every error
that a user can act on is a `W2VError`; its subclasses are in `w2v_cli.errors`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v_cli.api.compare import compare
    from w2v_cli.api.drift import drift
    from w2v_cli.api.gradcheck import gradcheck
    from w2v_cli.api.model import Model, Prediction, load
    from w2v_cli.api.phrases import phrases
    from w2v_cli.api.train import train
    from w2v_cli.api.tune import tune
    from w2v_cli.config import TrainConfig
    from w2v_cli.errors import W2VError
    from w2v_cli.pictures.curves import plot_runs
    from w2v_cli.training.run_log import RunLog, read_run_log
    from w2v_cli.training.state import Progress

    __version__: str

__all__ = [
    "Model",
    "Prediction",
    "Progress",
    "RunLog",
    "TrainConfig",
    "W2VError",
    "compare",
    "drift",
    "gradcheck",
    "load",
    "phrases",
    "plot_runs",
    "read_run_log",
    "train",
    "tune",
]

# Names are imported on first use: `w2v --help` imports this package too, and must not wait for numpy.
_MODULES = {
    "Model": "api.model",
    "Prediction": "api.model",
    "load": "api.model",
    "train": "api.train",
    "tune": "api.tune",
    "compare": "api.compare",
    "drift": "api.drift",
    "phrases": "api.phrases",
    "gradcheck": "api.gradcheck",
    "plot_runs": "pictures.curves",
    "Progress": "training.state",
    "RunLog": "training.run_log",
    "read_run_log": "training.run_log",
    "TrainConfig": "config",
    "W2VError": "errors",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"w2v_cli.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("w2v-cli")
    except PackageNotFoundError:
        # A source tree works without being installed, but then its version is not recorded anywhere.
        return "unknown"
