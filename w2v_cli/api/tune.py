"""`w2v.tune`: the best options for a text, found by trying."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from w2v_cli.api.corpus import Corpus, corpus_paths, require_bytes
from w2v_cli.api.model import Model
from w2v_cli.api.train import origin_of
from w2v_cli.choices import TRIALS, require_seconds, require_whole
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.files import corpus_files
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.embeddings.gold import read_gold
from w2v_cli.errors import ConfigError
from w2v_cli.tuning.limits import all_limits
from w2v_cli.tuning.trials import Trial
from w2v_cli.tuning.tune import LOSS, Tuned, TuneObserver, tune_model


def tune(
    corpus: Corpus,
    score: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    trials: int = TRIALS,
    time: float | None = None,
    tries: Mapping[str, object] | None = None,
    output: str | os.PathLike[str] | None = None,
    log: str | os.PathLike[str] | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    observer: TuneObserver | None = None,
    suffix: str | None = None,
    init: Model | str | os.PathLike[str] | None = None,
    **options: Any,
) -> Tuned:
    """Try options of training on a text, and return the best ones.

    All trials begin on a ninth of the text, the better third of them goes on to a third of it, and the better third of
    those to the whole (successive halving). The defaults are the first trial, and go on in any case.

    Parameters
    ----------
    corpus : as in `train`; it is read once for each trial.
    score : a gold set such as `Model.evaluate` takes, or several; the score of a trial is the mean. Or "loss": the loss
        on held-out text, with its sign turned, so that more is better. It compares models that make the same
        predictions, so only dim, epochs, alpha and min_alpha are tried then.
    trials : how many different options to try, the defaults among them.
    time : about how many seconds the trials may take; those that would end too late are left out. None: no limit.
    tries : the limits of options, such as {"window": (2, 10), "model": ["cbow"]}: a tuple of the lowest and the highest
        value, or a list of values. They override those of `w2v tune --help`.
    output : a TOML file to write the best options to, for `w2v train --config`.
    log : a file for the trials, JSON lines. If it has trials of the same tuning, they are not run again.
    on_trial : called with each trial that has ended.
    observer : receives the events of all runs, too.
    suffix, init : as in `train`.
    options : options of `train`; they are the same for all trials, and not tried.

    Raises
    ------
    CorpusError
        If a text cannot be read, or not more than once.
    ConfigError
        If an option has no such value, or no question of a gold set can be asked after training on a ninth of the text.
    GoldFileError
        If a gold set cannot be read.
    LogFileError
        If the file for the trials holds anything else.

    Examples
    --------
    >>> import w2v_cli as w2v
    >>> tuned = w2v.tune(
    ...     "data/toyland.txt", "data/toyland-pairs.tsv", trials=4, epochs=1, threads=1
    ... )  # doctest: +SKIP
    >>> model = w2v.train("data/toyland.txt", **tuned.options)  # doctest: +SKIP
    """
    text, others = TextOptions.from_options(options)
    origin = None if init is None else origin_of(init)
    inherited = {} if origin is None else origin.options
    base = TrainConfig.continued(others if origin is None else {**others, "init": origin.name}, inherited)
    require_whole("trials", trials, 1)
    limit = math.inf if time is None else time
    require_seconds("--time", limit)
    if tries is not None and not isinstance(tries, Mapping):
        raise ConfigError("tries is no dict of limits by the names of options", hint='such as {"window": (2, 10)}')
    files = [score] if isinstance(score, str | os.PathLike) else list(score)
    if not files:
        raise ConfigError("there is nothing to score the trials on", hint="name a gold set")
    if LOSS in files and len(files) > 1:
        raise ConfigError("the loss and gold sets have no common mean", hint=f"score on {LOSS} or on gold sets")
    gold = None if LOSS in files else [read_gold(path) for path in files]
    limits = all_limits(tries or {}, {**inherited, **others}, by_loss=gold is None)
    with corpus_paths(corpus, text.unwrap) as paths:
        require_bytes(corpus, paths, text)
        return tune_model(
            corpus_files(paths, suffix),
            base,
            text,
            gold,
            limits,
            trials,
            limit,
            None if output is None else os.fspath(output),
            None if log is None else os.fspath(log),
            _Told(on_trial) if observer is None else observer,
            # A run lets go of what it goes on from, so each trial needs it anew.
            None if init is None else lambda: origin_of(init),
            inherited,
        )


class _Told(TuneObserver):
    """Calls `on_trial` for each trial."""

    def __init__(self, on_trial: Callable[[Trial], None] | None) -> None:
        self._on_trial = on_trial

    def tried(self, trial: Trial, was_known: bool) -> None:
        if self._on_trial is not None:
            self._on_trial(trial)
