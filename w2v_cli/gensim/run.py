"""One call of `train`: a run of the library that goes on from the model, and what it tells the model meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.errors import DivergedError, NothingToPredictError, VocabularyError
from w2v_cli.gensim.once import warn_once
from w2v_cli.gensim.text import Text
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import train_model
from w2v_cli.training.saving import Run
from w2v_cli.training.state import LossPoint, Progress
from w2v_cli.training.trainer import Trainer

logger = logging.getLogger("gensim.models.word2vec")
# How often a run is begun again with half the learning rate because it has diverged.
MOST_HALVINGS = 8


class Totals(NamedTuple):
    """What a run has trained in all epochs together.

    Attributes
    ----------
    effective, raw : words that subsampling leaves, as expected, and words of the text.
    seconds : of training alone.
    """

    effective: int
    raw: int
    seconds: float


def train_on(model: Any, text: Text, config: TrainConfig, callbacks: Sequence[Any], report_delay: float) -> Totals:
    """Train a Word2Vec on a text. Its tables and its losses are those of the run afterwards.

    If the run diverges, it begins anew with half the learning rate, with a warning: gensim takes smaller steps, of a
    pair of words at a time, and bears higher rates.

    Raises
    ------
    DivergedError
        If it diverges at a small learning rate too.
    """
    for halving in range(MOST_HALVINGS + 1):
        watcher = _Watcher(model, config, callbacks, report_delay)
        try:
            run = train_model([text.path], config, TextOptions(), observer=watcher, origin=model.origin())
        except DivergedError as error:
            if halving == MOST_HALVINGS or watcher.epochs_called:
                raise
            config = replace(config, alpha=config.alpha_start / 2, min_alpha=config.alpha_min / 2)
            warn_once(f"{error}: beginning again with half the learning rate")
        except (NothingToPredictError, VocabularyError) as error:
            # gensim trains nothing then, and says nothing.
            logger.warning("nothing was trained: %s", error)
            return Totals(0, (text.words or 0) * config.epochs, 0.0)
        else:
            model.adopt(run.trained.parameters.tensors())
            model.metadata = run.metadata
            return Totals(watcher.effective * config.epochs, watcher.raw * config.epochs, run.trained.seconds)
    raise AssertionError("the last halving returns or raises")


class _Watcher(Observer):
    """Calls the callbacks of a model, adds up its loss, and logs how far the training has come."""

    def __init__(self, model: Any, config: TrainConfig, callbacks: Sequence[Any], report_delay: float) -> None:
        self.looks_at_epochs = bool(callbacks)
        self.raw = self.effective = self.epochs_called = 0
        self._model, self._config, self._callbacks = model, config, callbacks
        self._token_count, self._predictions = 1, 0.0
        self._delay, self._next_report, self._ended_at = report_delay, report_delay, 0.0
        model.running_training_loss = 0.0

    def encoded(self, corpus: EncodedCorpus, text: TextOptions) -> None:
        self.raw, self._token_count = corpus.raw_token_count, corpus.token_count

    def ready(self, trainer: Trainer, estimated_seconds: float) -> None:
        self.effective = round(trainer.kept_share() * self._token_count)
        self._predictions = self.effective * trainer.loss_sample.predictions_per_window(self._config.model)

    def remark(self, message: str) -> None:
        logger.info(message)

    def training(self, progress: Progress) -> None:
        if progress.seconds >= self._next_report:
            self._next_report = progress.seconds + self._delay
            share = 100 * (progress.tokens / self._token_count - (progress.epoch - 1))
            logger.info(
                "EPOCH %i - PROGRESS: at %.2f%% words, %.0f words/s", progress.epoch - 1, share,
                progress.words_per_second,
            )  # fmt: skip

    def measured(self, point: LossPoint) -> None:
        epoch, rest = divmod(point.tokens, self._token_count)
        if rest or not epoch:
            return
        seconds, self._ended_at = max(point.seconds - self._ended_at, 1e-9), point.seconds
        if self._model.compute_loss:
            self._model.running_training_loss += point.loss * self._predictions
        logger.info(
            "EPOCH %i: training on %i raw words (%i effective words) took %.1fs, %.0f effective words/s;"
            " loss %.4f nats per prediction",
            epoch - 1, self.raw, self.effective, seconds, self.effective / seconds, point.loss,
        )  # fmt: skip

    def epoch(self, run: Run) -> None:
        self.epochs_called = len(run.trained.losses)
        self._model.adopt(run.trained.parameters.tensors())
        for callback in self._callbacks:
            callback.on_epoch_end(self._model)
        if self.epochs_called < self._config.epochs:
            for callback in self._callbacks:
                callback.on_epoch_begin(self._model)
