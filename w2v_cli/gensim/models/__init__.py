"""gensim's modules of models. They define nothing; `w2v_cli.gensim` says why."""

from __future__ import annotations

import importlib
from typing import Any

# Names are imported on first use, because the trainer takes long to import.
_CLASSES = {
    "KeyedVectors": "keyedvectors",
    "FastText": "fasttext",
    "Phrases": "phrases",
    "Word2Vec": "word2vec",
}
_SUBMODULES = ("callbacks", "fasttext", "keyedvectors", "phrases", "word2vec")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        # Under the name that this module was imported as.
        return importlib.import_module(f"{__name__}.{name}")
    if name in _CLASSES:
        return getattr(importlib.import_module(f"w2v_cli.gensim.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_CLASSES, *_SUBMODULES])
