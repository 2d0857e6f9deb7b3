"""The values that options may take, and default file names: each is defined once, here.

Library modules and commands both import from this module. It imports nothing heavy, so that `w2v --help` is quick.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from numbers import Integral, Real

from w2v_cli.errors import ConfigError

# How a text becomes tokens, and what happens to bytes that are not UTF-8.
TOKENIZERS = ("whitespace", "words")
NORMAL_FORMS = ("none", "nfc", "nfkc")
TEXT_ERRORS = ("strict", "replace", "ignore")

# What happens to a word that a file of vectors repeats.
REPEATS = ("first", "error")

# File formats; model2vec is a folder. Those that can only be written hold numbers; their words go to a second file, or
# both into a folder.
READABLE = ("safetensors", "text", "binary", "glove", "fasttext", "floret", "model2vec")
WITH_WORDS = ("tsv", "npy")
WRITABLE = (*READABLE, *WITH_WORDS, "projector")
# Compiled code reads these formats, so the first such file that is read on a machine takes about a second longer.
PARSED_FORMATS = ("text", "glove", "fasttext", "floret")

# Which vectors of a model are asked or converted, and in which type of number they are written.
MATRICES = ("mix", "input", "output", "sum", "concat")
DTYPES = ("float32", "float16", "int8")

# The numbers in the tables of a training run.
TABLES = ("float32", "float16")

# Whose rules say how words are cut into parts and hashed, and the choices that both of them leave: the lengths of the
# parts in characters, how many rows all parts share, and how many rows each part has in floret.
SUBWORDS = ("fasttext", "floret")
MIN_NGRAM, MAX_NGRAM = 3, 6
BUCKETS = 2_000_000
FLORET_HASHES = 2

# Of a run that goes on from a model: whose counts drive noise and subsampling, which words the new model has, and which
# vectors may be kept as they are.
INIT_COUNTS = ("text", "sum", "model")
INIT_WORDS = ("both", "text", "model")
FREEZE = ("input", "output", "known")

# The kinds of gold sets. Contents tell analogies from pairs; sets of words with an odd one look like analogies.
TASKS = ("pairs", "analogies", "odd")

# How analogies are answered, whose rules a score follows, and what happens to questions with unknown words. With
# `compose`, their vectors are composed of their parts.
METHODS = ("3cosadd", "3cosmul")
PROTOCOL_NAMES = ("word2vec", "gensim", "strict")
OOV = ("skip", "wrong", "compose")

# By what `w2v drift` ranks words: the cosine of their vectors in two models, or the overlap of their neighbours.
DRIFT_MEASURES = ("cosine", "overlap")

# How many trials `w2v tune` makes unless the user chooses: they take less time than ten runs with the defaults.
TRIALS = 10

# How `w2v embed` weights the words of a line, and the suffixes of the files that it writes.
LINE_WEIGHTS = ("mean", "sif")
LINE_FILES = {".npy": "npy", ".txt": "text", ".jsonl": "jsonl"}

# Scores of phrases, and the threshold of each: word2phrase's default, and gensim's advice for a score from −1 to 1.
THRESHOLDS = {"word2phrase": 100.0, "npmi": 0.5}
SCORINGS = tuple(THRESHOLDS)

# Which engines' training steps the gradient check covers.
CHECKED_ENGINES = ("all", "reference", "compiled")

# The pictures that `w2v plot` makes, by their suffixes, and their colours.
PICTURES = (".svg", ".png")
THEMES = ("light", "dark")
# Words of a map, words around another, words for TensorBoard's projector, and the largest page of `w2v explore`, unless
# the user chooses.
MAP_WORDS = 20_000
MAP_TOP = 50
PROJECTOR_WORDS = 10_000
PAGE_SIZE = "15MB"

# The largest random seed that scikit-learn and openTSNE take.
MOST_SEED = 2**32 - 1

# Where `w2v train` writes, and where every other command looks for a model.
DEFAULT_MODEL = "model.safetensors"


def require_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Refuse a value that is not among the choices.

    Parameters
    ----------
    name : what the value is, as an error message calls it.

    Raises
    ------
    ConfigError
        If the value is none of the choices; the message lists them.
    """
    if value not in choices:
        raise ConfigError(f"{name} {value} is not one of {', '.join(map(str, choices))}")


def require_whole(name: str, value: object, least: int, most: int | None = None, *, optional: bool = False) -> None:
    """Refuse a value that is not a whole number, or is outside its limits. numpy's integers are whole numbers too.

    Parameters
    ----------
    name : what the value is, as an error message calls it.
    least, most : the limits, both included; None: no upper limit.
    optional : whether None is allowed.

    Raises
    ------
    ConfigError
        If the value is not allowed; the message gives the limits.
    """
    if value is None and optional:
        return
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if least <= number and (most is None or number <= most):
            return
    limits = f"of {least} or more" if most is None else f"from {least} to {most:,}"
    raise ConfigError(f"{name} {value!r} is not a whole number {limits}")


def require_number(name: str, value: object) -> None:
    """Refuse a value that is not a number. NaN is none: every comparison with it is false, so no limit would hold.

    Raises
    ------
    ConfigError
        If the value is not a number.
    """
    if not isinstance(value, Real) or isinstance(value, bool) or value != value:
        raise ConfigError(f"{name} {value!r} is not a number")


def require_seconds(name: str, value: object) -> None:
    """Refuse a value that is not a length of time in seconds, above 0; infinity is one.

    Raises
    ------
    ConfigError
        If the value is not allowed.
    """
    # A whole number that is too large for a float would fail later, where it is added to a time.
    is_time = isinstance(value, int | float) and (0 < value <= sys.float_info.max or value == math.inf)
    if not is_time or isinstance(value, bool):
        raise ConfigError(f"{name} {value!r} is not a length of time", hint="it takes seconds above 0")
