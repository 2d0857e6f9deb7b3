"""gensim's names for word vectors, on w2v's engine and w2v's files. See `w2v help gensim`.

    from w2v_cli.gensim import KeyedVectors

Or code that was written for gensim runs as it is:

    import sys
    import w2v_cli.gensim
    sys.modules["gensim"] = w2v_cli.gensim

    from gensim.models import KeyedVectors

The layout: the classes are defined in the modules of this folder, and the folder `models` has gensim's modules, which
only import them, under the name `w2v_cli.gensim`. The import system loads the files in `models` a second time when they
are imported as `gensim.models`. If they defined classes, there would be two of each, and an object of one would be no
instance of the other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from w2v_cli.gensim.fasttext import FastText as FastText
    from w2v_cli.gensim.keyedvectors import KeyedVectors as KeyedVectors
    from w2v_cli.gensim.phrases import FrozenPhrases as FrozenPhrases
    from w2v_cli.gensim.phrases import Phraser as Phraser
    from w2v_cli.gensim.phrases import Phrases as Phrases
    from w2v_cli.gensim.sentences import LineSentence as LineSentence
    from w2v_cli.gensim.sentences import PathLineSentences as PathLineSentences
    from w2v_cli.gensim.sentences import Text8Corpus as Text8Corpus
    from w2v_cli.gensim.word2vec import Word2Vec as Word2Vec

# The version of gensim whose names and defaults are followed; libraries compare it.
__version__ = "4.4.0"

# Names are imported on first use, because the trainer takes long to import.
_CLASSES = {
    "KeyedVectors": "keyedvectors",
    "LineSentence": "sentences",
    "PathLineSentences": "sentences",
    "Text8Corpus": "sentences",
    "FastText": "fasttext",
    "FrozenPhrases": "phrases",
    "Phraser": "phrases",
    "Phrases": "phrases",
    "Word2Vec": "word2vec",
}
_SUBMODULES = ("models", "utils")


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"w2v_cli.gensim.{name}")
    if name in _CLASSES:
        return getattr(importlib.import_module(f"w2v_cli.gensim.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_CLASSES, *_SUBMODULES])
