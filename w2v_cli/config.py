"""The options of a training run: one frozen, validated `TrainConfig`.

Every default, limit and help text of training is defined here, once. The command line makes its options from these
fields, and a model file keeps their values in its metadata.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from w2v_cli.choices import (
    BUCKETS,
    FLORET_HASHES,
    FREEZE,
    INIT_COUNTS,
    INIT_WORDS,
    MAX_NGRAM,
    MIN_NGRAM,
    SUBWORDS,
    TABLES,
    require_choice,
)
from w2v_cli.control_groups import group_cores
from w2v_cli.errors import ConfigError
from w2v_cli.option import Option, is_number, make_plain

MODELS = ("skipgram", "cbow")
LOSSES = ("ns", "hs", "softmax")
STEPS = ("scaled", "plain")
RADII = ("uniform", "harmonic")
ENGINES = ("auto", "compiled", "reference")

# For each model and loss: the learning rate at the start, and the one at the end as a share of it. The share is 1e-4 as
# in word2vec.c, except for CBOW with negative sampling: its windows make one prediction each, and it learns better if
# the learning rate stays higher for longer (measured: help/design.md, "Default learning rates").
DEFAULT_ALPHA = {
    ("skipgram", "ns"): (0.04, 1e-4),
    ("skipgram", "hs"): (0.03, 1e-4),
    ("skipgram", "softmax"): (0.075, 1e-4),
    ("cbow", "ns"): (0.06, 0.2),
    ("cbow", "hs"): (0.04, 1e-4),
    ("cbow", "softmax"): (0.1, 1e-4),
}
# The same with parts of words, where a step moves all rows of a word (measured: help/design.md, "Parts of words").
SUBWORD_ALPHA = {
    ("skipgram", "ns"): (0.05, 1e-4),
    ("skipgram", "hs"): (0.025, 1e-4),
    ("cbow", "ns"): (0.05, 1e-4),
    ("cbow", "hs"): (0.05, 1e-4),
}
# The default of --subsample: a word is thinned out if it occurs more often than this. As a share of the text, this is
# held to the limits (measured: help/design.md, "Subsampling").
SUBSAMPLED_COUNT, SUBSAMPLED_CBOW_COUNT = 1_200, 3_000
SUBSAMPLE_LIMITS = (5e-5, 1e-3)
# Texts with fewer tokens are not subsampled, because too little would be left to learn from.
LEAST_SUBSAMPLED = 10_000
# The power of the counts that noise words are drawn by; the second in skip-gram with parts of words (measured:
# help/design.md, "Parts of words").
NOISE_POWER, SUBWORD_NOISE_POWER = 0.75, 0.5
# The default of --output-exponent for the nodes of hierarchical softmax. Those near the root are on the path of nearly
# every word (measured: help/design.md, "Rates of rows").
NODE_EXPONENT = 0.25
# The options of each recipe, for every model and loss for which they were measured to be better (help/design.md,
# "Recipes").
RECIPES: Mapping[str, Mapping[tuple[str, str], Mapping[str, Any]]] = {
    "best": {
        ("skipgram", "hs"): {"radius": "harmonic", "window": 10, "output_exponent": 0.15, "alpha": 0.022},
    }
}
# Between these numbers of epochs, the default learning rate falls in proportion, so that alpha × epochs stays as it is
# (measured: help/design.md, "Long runs").
LONG_RUN_EPOCHS, LONGEST_RUN_EPOCHS = 12.5, 40
# In a run that goes on from a model, the rows of the model move at this share of the default learning rate, unless
# something is frozen or the model has no output vectors. At the whole of it, what much text has taught would give way
# to what little text says (measured: help/design.md, "Going on from a model").
KNOWN_RATE = 1 / 16
_MOST_INT32 = 2**31 - 1
# Fields that are recorded only if they differ from their defaults.
_IF_GIVEN = ("table", "validate", "stop_early")
_SHARE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(%?)", re.ASCII | re.IGNORECASE)


def _option(kind: type[Any], default: Any, help: str, **limits: Any) -> Any:
    """A field of `TrainConfig` with its `Option`."""
    return field(default=default, metadata={"option": Option(kind, default, help, **limits)})


@dataclass(frozen=True)
class TrainConfig:
    """Every choice that shapes a training run. It accepts numpy scalars and stores Python values.

    Raises
    ------
    ConfigError
        If a value is outside its limits, or two options contradict each other.
    """

    model: str = _option(
        str,
        "skipgram",
        "skipgram: each context word predicts the center word. cbow: the mean of the context predicts it.",
        choices=MODELS,
    )
    loss: str = _option(
        str,
        "ns",
        "ns: negative sampling. hs: hierarchical softmax. softmax: the full softmax; exact, but every center word costs"
        " V × D operations.",
        choices=LOSSES,
    )
    dim: int = _option(
        int,
        100,
        "Dimension of the vectors. Time and memory grow with it.",
        least=1,
        most=_MOST_INT32,
        aliases=("size", "vector-size"),
    )
    table: str = _option(
        str,
        "float32",
        "ns, hs: numbers in the tables of vectors, in memory and in the model file. float16 takes half the memory, and"
        " less time if the tables are large. Steps are computed in float32, and rounded.",
        choices=TABLES,
        only={"loss": ("ns", "hs")},
    )
    window: int = _option(
        int,
        5,
        "Largest distance to a context word. Each step draws its own distance from 1 to N.",
        least=1,
        most=_MOST_INT32,
    )
    fixed_window: bool = _option(
        bool, False, "Give every window the largest distance instead. Up to twice as many word pairs are trained."
    )
    radius: str = _option(
        str,
        "uniform",
        "How distances are drawn. uniform: all from 1 to --window alike. harmonic: distance D is reached with"
        " probability 1/D, so that a wide --window costs little.",
        choices=RADII,
        only={"fixed_window": False},
    )
    cbow_sum: bool = _option(
        bool,
        False,
        "cbow: predict from the sum of the context vectors instead of their mean.",
        only={"model": "cbow", "subwords": None},
    )
    cbow_step: str = _option(
        str,
        "scaled",
        "cbow: how far the n context vectors move. scaled: by n times the gradient, as in word2vec.c. plain: by the"
        " gradient.",
        choices=STEPS,
        only={"model": "cbow", "cbow_sum": False, "subwords": None},
    )
    subwords: str | None = _option(
        str,
        None,
        "Learn parts of words too, by the rules of fasttext or floret. The vector of a word is the mean of the rows of"
        " its parts, so unseen words have one as well. Default: words alone.",
        choices=SUBWORDS,
        only={"loss": ("ns", "hs")},
    )
    min_ngram: int = _option(
        int,
        MIN_NGRAM,
        "subwords: length of the shortest parts in characters, with the marks < and > around the word.",
        least=1,
        aliases=("minn",),
        only={"subwords": SUBWORDS, "ngrams": None},
    )
    max_ngram: int = _option(
        int,
        MAX_NGRAM,
        "subwords: length of the longest parts.",
        least=1,
        aliases=("maxn",),
        only={"subwords": SUBWORDS, "ngrams": None},
    )
    ngrams: str | None = _option(
        str,
        None,
        "subwords: auto chooses the lengths of the parts by how many of them the frequent words share. Default:"
        f" {MIN_NGRAM} to {MAX_NGRAM}, or what you say.",
        choices=("auto",),
        only={"subwords": SUBWORDS},
    )
    buckets: int = _option(
        int,
        BUCKETS,
        "subwords: rows that all parts share. Fewer take less memory and time; floret does with 50,000.",
        least=1,
        most=_MOST_INT32,
        aliases=("bucket",),
        only={"subwords": SUBWORDS},
    )
    hashes: int | None = _option(
        int,
        None,
        f"floret: rows of each part, 1 to 4. Default: {FLORET_HASHES}.",
        least=1,
        most=4,
        only={"subwords": "floret"},
    )
    subword_step: str = _option(
        str,
        "scaled",
        "subwords: how far the n rows of a mean move. scaled: by n times the gradient, as in fastText. plain: by the"
        " gradient.",
        choices=STEPS,
        only={"subwords": SUBWORDS},
    )
    negatives: int = _option(
        int,
        5,
        "ns: noise words per window. All pairs of a window share them; with skipgram, up to 1 + N ÷ 5 neighbouring"
        " windows do (at most 4), or with subwords, those of one predicted word. Time grows with N.",
        least=1,
        most=_MOST_INT32,
        why="without noise every score would grow without bound",
        aliases=("negative",),
        only={"loss": "ns"},
    )
    subsample: float | None = _option(
        float,
        None,
        "Words with a larger share of the text than this are randomly thinned out; 0 keeps all of them. A text of fewer"
        f" than {LEAST_SUBSAMPLED:,} words is always kept whole. Default: {SUBSAMPLED_COUNT:,} occurrences"
        f" ({SUBSAMPLED_CBOW_COUNT:,} with cbow, ns or softmax), but no more than {SUBSAMPLE_LIMITS[1]:g} of the text,"
        f" and no less than {SUBSAMPLE_LIMITS[0]:g}.",
        least=0.0,
        most=1,
        aliases=("sample",),
    )
    noise_exponent: float | None = _option(
        float,
        None,
        "ns: noise words are drawn in proportion to their count raised to this power. 0 draws all words alike; a"
        " negative one draws rare words most often, which can help with baskets or playlists instead of sentences."
        f" Default: {NOISE_POWER}; {SUBWORD_NOISE_POWER} for skipgram with subwords.",
        aliases=("ns-exponent",),
        only={"loss": "ns"},
    )
    min_count: int = _option(int, 5, "Words rarer than this are not in the model.", least=1)
    max_vocab: int | None = _option(int, None, "Keep only the N most frequent words. Default: all.", least=1)
    vocab: str | None = _option(
        str,
        None,
        "Take the words, their order and their counts from FILE, as printed by `w2v vocab`. Default: count the corpus.",
        only={"init": None},
    )
    init: str | None = _option(
        str,
        None,
        "Go on from the model or the vectors in FILE, in any format that w2v reads. Its words stay, those of the corpus"
        " join them, and counts add up. --dim, --model, --loss and parts of words are those of FILE unless given.",
    )
    init_counts: str | None = _option(
        str,
        None,
        "init: whose counts of the words drive noise and subsampling: those of the text, of the model, or their sum."
        " Default: text.",
        choices=INIT_COUNTS,
        only={"init": str},
    )
    words: str | None = _option(
        str,
        None,
        "init: which words the new model has. both: those of the given model and of the text. text: drop those that the"
        " text lacks. model: those of the given model, with the counts that it has. Default: both; model with --loss hs"
        " and --freeze output, because other counts make another tree.",
        choices=INIT_WORDS,
        only={"init": str},
    )
    freeze: tuple[str, ...] = _option(
        tuple,
        (),
        "Keep vectors exactly as they are: all input vectors, all output vectors, or both vectors of the words that the"
        " --init model has. May be given twice.",
        choices=FREEZE,
    )
    input_exponent: float = _option(
        float,
        0.0,
        "Input vectors of rare words take longer steps, those of frequent words shorter ones: in proportion to their"
        " count raised to the power −X, and 1/4 to 4 times as long.",
        least=0.0,
        most=1.0,
        only={"subwords": None},
    )
    output_exponent: float | None = _option(
        float,
        None,
        "The same for the vectors that words are scored against; with hs, those of the nodes of the tree. Default:"
        f" {NODE_EXPONENT} with hs and without parts of words, otherwise 0.",
        least=0.0,
        most=1.0,
        only={"subwords": None},
    )
    epochs: int = _option(
        int,
        7,
        "Passes over the corpus. With --init, 0 writes what training would start from.",
        least=0,
        most=10**8,
        aliases=("iter",),
    )
    alpha: float | None = _option(
        float,
        None,
        "Learning rate at the start, from which it falls linearly. Default: "
        + ", ".join(f"{start} for {model} {loss}" for (model, loss), (start, _) in DEFAULT_ALPHA.items())
        + "; with subwords "
        + ", ".join(f"{start} for {model} {loss}" for (model, loss), (start, _) in SUBWORD_ALPHA.items())
        + f"; {KNOWN_RATE:g} times that for the rows of an init model with output vectors, if nothing is frozen"
        + "; lower with more than 12 epochs, very wide windows, hundreds of noise words or a text of few different"
        " words.",
        above=0.0,
        aliases=("lr",),
    )
    min_alpha: float | None = _option(
        float,
        None,
        "Learning rate at the end. Default: 0.0001 × alpha"
        + "".join(f", {end:g} × alpha for {m} {loss}" for (m, loss), (_, end) in DEFAULT_ALPHA.items() if end != 1e-4)
        + ".",
        least=0.0,
    )
    validate: str | None = _option(
        str,
        None,
        "Measure the loss after each epoch on text that is not trained on: that of FILE, or a SHARE of the corpus, such"
        " as 5% or 0.05. The held-out lines do not count for the vocabulary. See w2v help training.",
        metavar="FILE|SHARE",
        or_number=True,
    )
    stop_early: int | None = _option(
        int,
        None,
        "validate: stop when N epochs have brought no better held-out loss. The model is that of the best epoch.",
        least=1,
    )
    threads: int | None = _option(
        int,
        None,
        "Worker threads. Default: all cores that the process or its container may use. With 1, the run can be repeated"
        " bit for bit.",
        least=1,
        most=1024,
        aliases=("workers",),
    )
    seed: int = _option(int, 1, "Random seed of everything that is drawn.", least=0)
    engine: str = _option(
        str,
        "auto",
        "compiled: numba. reference: numpy, slow. auto: compiled if numba works here, else reference.",
        choices=ENGINES,
    )

    def __post_init__(self) -> None:
        make_plain(self)
        if is_number(self.validate):
            object.__setattr__(self, "validate", str(self.validate))
        # JSON and TOML have lists, and Python users give one name alone.
        frozen: Any = self.freeze
        if frozen is None or isinstance(frozen, str | list | tuple):
            names = (frozen,) if isinstance(frozen, str) else tuple(frozen or ())
            object.__setattr__(self, "freeze", names)
        # Models of earlier versions record 0, which was the default, and what words with parts have anyway.
        if self.subwords is not None and is_number(self.output_exponent) and self.output_exponent == 0:
            object.__setattr__(self, "output_exponent", None)
        # The effect comes before the limits, whose reasons would not be true of an option that has no effect.
        for name, option in OPTIONS.items():
            # `is`, because the value may be of any type: two arrays, for example, compare to an array.
            if (getattr(self, name) == option.default) is not True:
                self.require_effect(name)
            option.check(option_name(name), getattr(self, name))
        if self.epochs == 0 and self.init is None:
            raise ConfigError("--epochs 0 is too small", hint="it must be at least 1; with --init, 0 trains nothing")
        self._check_freeze()
        if self.min_alpha is not None and self.min_alpha > self.alpha_start:
            default = ", its default" if self.alpha is None else ""
            raise ConfigError(
                f"--min-alpha {self.min_alpha:g} is above --alpha {self.alpha_start:g}{default}",
                hint="the learning rate falls from alpha to min-alpha",
            )
        if self.validate is not None:
            share_of(self.validate)
        elif self.stop_early is not None:
            raise ConfigError(
                "--stop-early has no effect without --validate",
                hint="--validate 5% measures the loss on a twentieth of the text, which is not trained on",
            )

    @property
    def freezes_nodes(self) -> bool:
        """Whether the vectors of the nodes of a Huffman tree are frozen."""
        return self.loss == "hs" and "output" in self.freeze

    @property
    def init_words(self) -> str:
        """Which words the model has if it goes on from another one: `words`, or its default."""
        return self.words or ("model" if self.freezes_nodes else "both")

    def _check_freeze(self) -> None:
        """Refuse to freeze what is not there yet, or everything.

        Raises
        ------
        ConfigError
            If nothing could be learnt then, or there are no vectors to keep.
        """
        if {"input", "output"} <= {*self.freeze}:
            raise ConfigError("--freeze input and --freeze output leave nothing to learn", hint="freeze one of them")
        # The nodes of a tree belong to no word, and still move.
        if "known" in self.freeze and self.init_words == "model" and self.loss != "hs":
            raise ConfigError("--freeze known and --words model leave nothing to learn", hint="leave one of them out")
        if self.freezes_nodes and self.init_words != "model":
            raise ConfigError(
                f"--words {self.words}: other words or counts make another tree, and --freeze output with --loss hs"
                " keeps its nodes",
                hint="leave --words out, or choose --words model",
            )
        for name in ("known", "output"):
            if name in self.freeze and self.init is None:
                what = "known words" if name == "known" else "output vectors that were learnt"
                raise ConfigError(
                    f"--freeze {name} has no meaning without --init", hint=f"a model for --init has {what}"
                )

    def require_effect(self, name: str) -> None:
        """Refuse an option that the other options leave without effect.

        A value other than the default is always refused then. The command line asks for every option that was typed.

        Raises
        ------
        ConfigError
            If the option has no effect; the message says beside which other one.
        """
        for other, needed in OPTIONS[name].only.items():
            value, option = getattr(self, other), option_name(other)
            if _allows(needed, value):
                continue
            given = (
                f"with {option}"
                if value is True
                else f"without {option}"
                if value is None
                else f"with {option} {value}"
            )
            cure = f"leave {option} out"
            if needed is str:
                cure = f"give {option} FILE"
            elif needed not in (None, False):
                cure = f"choose {option} {' or '.join(needed) if isinstance(needed, tuple) else needed}"
            raise ConfigError(f"{option_name(name)} has no meaning {given}", hint=f"leave it out, or {cure}")

    @property
    def alpha_start(self) -> float:
        """Learning rate at the first token."""
        if self.alpha is not None:
            return self.alpha
        usual, _ = self._default_alpha
        if self.epochs <= LONG_RUN_EPOCHS:
            return usual
        lower = usual * LONG_RUN_EPOCHS / min(self.epochs, LONGEST_RUN_EPOCHS)
        return lower if self.min_alpha is None else max(lower, min(usual, self.min_alpha))

    @property
    def _default_alpha(self) -> tuple[float, float]:
        """The default learning rate at the start, and the one at the end as a share of it."""
        return (DEFAULT_ALPHA if self.subwords is None else SUBWORD_ALPHA)[self.model, self.loss]

    @property
    def alpha_min(self) -> float:
        """Learning rate at the last token."""
        return self.min_alpha if self.min_alpha is not None else self.alpha_start * self._default_alpha[1]

    def subsample_share(self, tokens: int) -> float:
        """Return the share of a text of so many tokens above which words are thinned out."""
        if self.subsample is not None:
            return self.subsample
        count = SUBSAMPLED_CBOW_COUNT if self.model == "cbow" and self.loss != "hs" else SUBSAMPLED_COUNT
        least, most = SUBSAMPLE_LIMITS
        # Three digits, because the share is recorded and shown.
        return float(f"{min(max(count / max(tokens, 1), least), most):.3g}")

    @property
    def noise_power(self) -> float:
        """The power of the counts that noise words are drawn by."""
        if self.noise_exponent is not None:
            return self.noise_exponent
        return SUBWORD_NOISE_POWER if self.center_has_parts else NOISE_POWER

    @property
    def center_has_parts(self) -> bool:
        """Whether a center predicts through its parts (skip-gram): then other noise words are better."""
        return self.subwords is not None and self.model == "skipgram"

    @property
    def output_power(self) -> float:
        """X, if the rates of output rows fall in proportion to their counts raised to the power −X."""
        if self.output_exponent is not None:
            return self.output_exponent
        return NODE_EXPONENT if self.loss == "hs" and self.subwords is None else 0.0

    @property
    def thread_count(self) -> int:
        """Number of worker threads, at least 1."""
        return self.threads if self.threads is not None else available_cores()

    def as_dict(self) -> dict[str, Any]:
        """Return every field by name, as it was given; some, such as those about held-out text, only if they were.

        Options of several values are lists, as in JSON and TOML.
        """
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {
            name: value for name, value in values.items() if name not in _IF_GIVEN or value != OPTIONS[name].default
        }

    @classmethod
    def from_dict(cls, values: object) -> TrainConfig:
        """Return the configuration that `as_dict` has described.

        Raises
        ------
        ConfigError
            If `values` is not a dict, or has an unknown name or an impossible value.
        """
        if not isinstance(values, dict):
            raise ConfigError("options are a table of names and values")
        unknown = sorted(set(values) - OPTIONS.keys())
        if unknown:
            raise ConfigError(f"unknown options: {', '.join(unknown)}", hint=_hint_on_names(unknown))
        return cls(**values)

    @classmethod
    def continued(cls, given: Mapping[str, Any], inherited: Mapping[str, Any]) -> TrainConfig:
        """Return the configuration of the options that were given, with some of a model for those that were not.

        Parameters
        ----------
        given : options by name · inherited : those of the model; one that has no effect beside the others is left out.

        Raises
        ------
        ConfigError
            If an option is unknown, or has an impossible value.
        """
        values = {**inherited, **given}
        # An option comes after those that it depends on.
        for name in [name for name in OPTIONS if name in inherited and name not in given]:
            needs = OPTIONS[name].only.items()
            if not all(_allows(needed, values.get(other, OPTIONS[other].default)) for other, needed in needs):
                del values[name]
        return cls.from_dict(values)


def _allows(needed: object, value: object) -> bool:
    """Return whether a value of an option is one that another option needs; see `Option.only`."""
    if needed is str:
        return value is not None
    return value in (needed if isinstance(needed, tuple) else (needed,))


def _hint_on_names(unknown: Sequence[str]) -> str:
    """Say what options of gensim and word2vec.c are called here, or else which options there are."""
    ours = dict(_OTHER_WORDS)
    for name, option in OPTIONS.items():
        ours |= {alias.replace("-", "_"): name for alias in option.aliases}
    known = [f"{name} is {ours[name]} here" for name in unknown if name in ours]
    return ", ".join(known) or f"the options are {', '.join(OPTIONS)}"


# What gensim says by switches.
_OTHER_WORDS = {
    "sg": 'model="skipgram" or model="cbow"',
    "hs": 'loss="hs" or loss="ns"',
    "cbow_mean": "cbow_sum, which is its opposite",
    "shrink_windows": "fixed_window, which is its opposite",
    "max_final_vocab": "max_vocab",
    "corpus_file": "the first argument",
    "sentences": "the first argument",
}
# The fields of TrainConfig by name, in their order.
OPTIONS: Mapping[str, Option] = {item.name: item.metadata["option"] for item in fields(TrainConfig)}


def recipe_options(recipe: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a recipe stands for; those that are given override them.

    Parameters
    ----------
    recipe : a name from `RECIPES` · options : those that are given, by name.

    Raises
    ------
    ConfigError
        If there is no such recipe, or it is not for the model, the loss, or parts of words.
    """
    require_choice("--recipe", recipe, tuple(RECIPES))
    kinds = RECIPES[recipe]
    model, loss = (options.get(name, OPTIONS[name].default) for name in ("model", "loss"))
    if (model, loss) not in kinds:
        known = " or ".join(f"--model {model} --loss {loss}" for model, loss in kinds)
        raise ConfigError(f"--recipe {recipe} is not for --model {model} with --loss {loss}", hint=f"it is for {known}")
    if options.get("subwords") is not None:
        raise ConfigError(f"--recipe {recipe} is not for parts of words", hint="leave --recipe or --subwords out")
    return dict(kinds[model, loss])


def option_name(name: str) -> str:
    """Return the command line's spelling of a field."""
    return "--" + name.replace("_", "-")


def share_of(validate: str) -> float | None:
    """Return the share of the corpus that `--validate` names, 0…1, or None if it names a file.

    Raises
    ------
    ConfigError
        If it is a number, but no such share.

    Examples
    --------
    >>> share_of("5%"), share_of("0.05"), share_of("held-out.txt")
    (0.05, 0.05, None)
    """
    match = _SHARE.fullmatch(validate.strip())
    if match is None:
        return None
    share = float(match[1]) / (100 if match[2] else 1)
    if not 0 < share < 1:
        likely = f"--validate {validate}% is a share" if not match[2] and 1 <= share < 100 else "such as 5% or 0.05"
        raise ConfigError(
            f"--validate {validate} is not a share of the corpus: it must be above 0 and below 1",
            hint=f"{likely}; a file of that name is ./{validate}",
        )
    return share


def available_cores() -> int:
    """Return how many threads can run at once: one for each processor that this process, or its container, may use."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = group_cores()
    return processors if allowed is None else min(processors, allowed)
