"""A tuning from end to end: the shares of the text, the trials on them, and the best options as TOML."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from w2v_cli.config import OPTIONS, TrainConfig, share_of
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.embeddings.evaluation import evaluate
from w2v_cli.embeddings.gold import GoldSet
from w2v_cli.errors import ConfigError, TrainingError, VocabularyError
from w2v_cli.storage.atomic import atomic_file, check_writable
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.toml import toml_value
from w2v_cli.training.job import Job
from w2v_cli.training.observer import Observer
from w2v_cli.training.origin import Origin
from w2v_cli.training.run import train_model
from w2v_cli.training.saving import Run
from w2v_cli.tuning.limits import Limits, draw_trials
from w2v_cli.tuning.search import SHARES, Search, latest
from w2v_cli.tuning.shares import shares_of
from w2v_cli.tuning.trials import Trial, TrialFile

# The name of the score that is a loss, and the share of the text on which it is measured.
LOSS, HELD_OUT = "loss", "5%"


class TuneObserver(Observer):
    """Receives the events of all runs, and of the trials. A subclass overrides what it wants to know."""

    def begins_trial(self, number: int, share: int, options: Mapping[str, Any]) -> None:
        """Receive what is tried next: one of `share` parts of the text."""

    def tried(self, trial: Trial, was_known: bool) -> None:
        """Receive a trial that has ended, or that an earlier process has left in the file."""


@dataclass(frozen=True)
class Tuned:
    """What a tuning has found.

    Attributes
    ----------
    base : the options that all trials have · text : how the text is read.
    inherited : the options that `w2v.train` takes from the model that it goes on from, unless others are given.
    trials : for each trial its result on the largest share that it reached; the best one comes first.
    """

    base: TrainConfig
    text: TextOptions
    trials: list[Trial]
    inherited: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> Trial:
        """The trial with the best score on the whole text."""
        return self.trials[0]

    @property
    def defaults(self) -> Trial:
        """The trial with the defaults."""
        return next(trial for trial in self.trials if trial.trial == 0)

    @property
    def config(self) -> TrainConfig:
        """The best options."""
        return replace(self.base, **self.best.options)

    @property
    def options(self) -> dict[str, Any]:
        """The best options by name, without those that have their defaults, as `w2v.train` takes them."""
        usual = TextOptions().as_dict()
        text = {name: value for name, value in self.text.as_dict().items() if value != usual.get(name)}
        given = (
            (name, getattr(self.config, name), self.inherited.get(name, option.default))
            for name, option in OPTIONS.items()
        )
        return {name: value for name, value, default in given if value != default} | text

    def toml(self) -> str:
        """Return the best options as a file for --config."""
        best, usual = (_number(trial.score) for trial in (self.best, self.defaults))
        lines = [f"# w2v tune: {best}; the defaults: {usual}"]
        for name, value in self.options.items():
            written = toml_value(value)
            lines.append(f"# {name} cannot be written" if written is None else f"{name} = {written}")
        return "\n".join(lines) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the best options as a file for --config, whole or not at all.

        Raises
        ------
        ModelFileError
            If it cannot be written.
        """
        with atomic_file(path) as file:
            file.write(self.toml().encode())


def _number(score: float | None) -> str:
    return "no score" if score is None else f"{score:.4g}"


def tune_model(
    corpus: Sequence[str],
    base: TrainConfig,
    text: TextOptions,
    gold: Sequence[GoldSet] | None,
    limits: Sequence[Limits],
    trials: int,
    most_seconds: float,
    output: str | None = None,
    log: str | None = None,
    observer: TuneObserver | None = None,
    open_init: Callable[[], Origin] | None = None,
    inherited: Mapping[str, Any] | None = None,
) -> Tuned:
    """Try options on shares of a text, and write the best ones.

    Parameters
    ----------
    corpus : files.
    base : the options that all trials have; its seed draws the options.
    gold : what the vectors are scored on; the score of a trial is the mean. None: the score is the held-out loss with
        its sign turned; 5 % of the text are held out, unless `base` names another share.
    limits : what is tried.
    trials : how many different options are tried, the defaults among them.
    most_seconds : how long the trials may take, those of earlier processes among them; infinity for no limit.
    output : a TOML file · log : the file of the trials; either may be None.
    open_init : returns the model that every trial goes on from · inherited : its options, see `Tuned`.

    Raises
    ------
    ConfigError
        If no question of a gold set can be asked on the smallest share, or the held-out text is not a share.
    W2VError
        If anything else goes wrong; its class says what.
    """
    watcher = observer or TuneObserver()
    texts = Texts(corpus, text, watcher.remark)
    texts.check_readable()
    written = [Named(path, what) for path, what in ((output, "the best options"), (log, "the trials")) if path]
    read = [*Job(texts, base, None).inputs, *(Named(item.path, "a gold set") for item in gold or ())]
    require_apart(written, read)
    for named in written:
        check_writable(named.path)
    scored = base if gold is not None else _held_out(base)
    about = _about(texts, scored, gold, limits)
    if open_init is not None:
        # Another model may have the same name, and its trials would be other ones.
        about["init"] = open_init().checksum
    file = TrialFile(log, about)
    with shares_of(texts, SHARES[:-1]) as shares:

        def attempt(number: int, share: int, options: dict[str, Any]) -> Trial:
            watcher.begins_trial(number, share, options)
            config = replace(scored, **options)
            read = ([shares[share]], TextOptions()) if share in shares else (corpus, text)
            begun = Trial(number, share, options, None, {}, 0.0)
            trial = _attempt(*read, config, gold, begun, watcher, None if open_init is None else open_init())
            if number == 0 and trial.score is None:
                raise _unscored(trial)
            return trial

        search = Search(draw_trials(limits, base, trials), file, attempt, most_seconds)
        for trial, was_known in search.run():
            watcher.tried(trial, was_known)
    tuned = Tuned(base, text, latest(list(file.trials.values())), inherited or {})
    if output is not None:
        tuned.save(output)
    return tuned


def _attempt(
    paths: Sequence[str],
    text: TextOptions,
    config: TrainConfig,
    gold: Sequence[GoldSet] | None,
    trial: Trial,
    observer: Observer,
    origin: Origin | None,
) -> Trial:
    """Train with the options of a trial, and return it with its scores."""
    begun, compiling, scores = time.perf_counter(), 0.0, dict[str, float | None]()
    try:
        run = train_model(paths, config, text, observer=observer, origin=origin)
        compiling, scores = run.seconds["compile"], _scores(run, gold)
    except (ConfigError, TrainingError, VocabularyError) as error:
        # Some options fail, for example because they leave too little of a text. The defaults must not.
        if trial.trial == 0:
            raise
        observer.remark(f"Trial {trial.trial} failed: {error.message}")
    known = [score for score in scores.values() if score is not None]
    score = sum(known) / len(known) if known and len(known) == len(scores) else None
    # Compiling happens once on a machine, and says nothing about a trial on more text.
    seconds = time.perf_counter() - begun - compiling
    return replace(trial, score=score, scores=scores, seconds=round(seconds, 3))


def _scores(run: Run, gold: Sequence[GoldSet] | None) -> dict[str, float | None]:
    """Return the score of a run on each gold set, or its held-out loss with its sign turned."""
    if gold is None:
        losses = run.trained.validation_losses
        return {LOSS: -(losses[-1] if run.config.stop_early is None else min(losses))}
    vectors, _ = run.chosen()
    return {item.path: evaluate(vectors, item, with_interval=False).score for item in gold}


def _held_out(base: TrainConfig) -> TrainConfig:
    """Return the options with a share of the text that is held out.

    Raises
    ------
    ConfigError
        If they name a file, which would be read otherwise than the shares of the text.
    """
    if base.validate is None:
        return replace(base, validate=HELD_OUT)
    if share_of(base.validate) is None:
        raise ConfigError("--score loss holds out a share of the text, not a file", hint="such as --validate 5%")
    return base


def _about(texts: Texts, base: TrainConfig, gold: Sequence[GoldSet] | None, limits: Sequence[Limits]) -> dict[str, Any]:
    """Return what must be the same for a tuning to go on."""
    return {
        "corpus": list(texts.absolute().paths),
        "sizes": list(texts.sizes),
        "text": texts.options.as_dict(),
        "options": {name: value for name, value in base.as_dict().items() if name != "threads"},
        "score": LOSS if gold is None else [os.path.abspath(item.path) for item in gold],
        "try": {item.name: [*item.values, "range" if item.is_range else "values"] for item in limits},
    }


def _unscored(trial: Trial) -> ConfigError:
    """Return the error for a text with too few of the words that are asked for."""
    unasked = [name for name, score in trial.scores.items() if score is None]
    return ConfigError(
        f"{', '.join(unasked)}: no question can be asked after training on 1/{trial.share} of the text",
        hint="take a larger text, a lower --min-count, or a gold set with more frequent words",
    )
