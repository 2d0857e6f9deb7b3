"""Epochs over an encoded corpus: workers train block after block, the main thread watches.

What a block's step is lives in the engines, what is random about it in `sampling`, which block comes next and at which
learning rate in `schedule`. Here: who trains, and when to stop.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encoded import EncodedCorpus
from w2v_cli.errors import TrainingError
from w2v_cli.threads import one_blas_thread
from w2v_cli.training.engines import make_step, resolve_engine
from w2v_cli.training.memory import require_memory
from w2v_cli.training.objective import make_objective
from w2v_cli.training.parameters import Parameters, initial_parameters, parameter_bytes
from w2v_cli.training.sampling import Sample, Sampler, sampler_of
from w2v_cli.training.schedule import Schedule
from w2v_cli.training.softmax import work_bytes

POLL_SECONDS = 0.1
TRIAL_SECONDS = 0.05
# How long a Ctrl-C waits for the workers: a block of a full softmax may take minutes, and what it learns is lost.
QUIT_SECONDS = 0.5
# Rows of a block that are looked at for numbers that are none; from one of them they soon reach every row.
PROBED_ROWS = 32


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes
    ----------
    tokens, total_tokens : trained so far, and in all epochs together.
    epoch : the current one, from 1 · alpha : learning rate · loss : nats per prediction, this epoch; or None.
    words_per_second : tokens per second of training.
    """

    tokens: int
    total_tokens: int
    epoch: int
    alpha: float
    loss: float | None
    words_per_second: float


@dataclass(frozen=True)
class Standing:
    """Where a run stands between two blocks; with the parameters, all that there is to go on from.

    Attributes
    ----------
    block : blocks trained so far, counted through all epochs.
    losses, predictions : float64 and int64 (epochs,), nats and what they are the sum of, of each epoch.
    """

    block: int
    losses: np.ndarray
    predictions: np.ndarray


@dataclass(frozen=True)
class Trained:
    """What came out of a run.

    Attributes
    ----------
    losses : mean negative log-likelihood of each epoch that has begun, nats per prediction.
    seconds, words_per_second : of training alone, since it was last started; tokens before subsampling.
    finished : every token was trained in every epoch; if not, the run was stopped.
    """

    parameters: Parameters
    losses: list[float]
    seconds: float
    words_per_second: float
    finished: bool = True

    @property
    def perplexities(self) -> list[float]:
        """e^loss of each epoch, infinity where no float64 is so large; of a full softmax."""
        with np.errstate(over="ignore"):
            return [float(value) for value in np.exp(self.losses)]


@dataclass
class _Tally:
    """What the workers have done so far; changed under `lock`, which tells when one of them has finished."""

    losses: np.ndarray
    predictions: np.ndarray
    block: int = 0
    tokens: int = 0
    finished: int = 0
    lock: threading.Condition = field(default_factory=threading.Condition)
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def wait(self, workers: int, seconds: float) -> bool:
        """Wait until so many workers have finished, or for so long; returns whether they have."""
        with self.lock:
            return self.lock.wait_for(lambda: self.finished >= workers, seconds)

    def standing(self) -> Standing:
        """Where the run stands, when no worker is at work."""
        return Standing(self.block, self.losses.copy(), self.predictions.copy())

    def mean_loss(self, epoch: int) -> float | None:
        """Nats per prediction, or None before the first prediction."""
        predictions = self.predictions[epoch]
        return float(self.losses[epoch] / predictions) if predictions else None


class Trainer:
    """One run, ready to start: engine compiled, parameters initial.

    Parameters
    ----------
    config : the run's choices.
    corpus : the text as ids.

    Raises
    ------
    ConfigError
        If the engine that is asked for is not there.
    TrainingError
        If the parameters do not fit into memory, or there is one word only.
    """

    def __init__(self, config: TrainConfig, corpus: EncodedCorpus) -> None:
        self.config = config
        self.corpus = corpus
        words = len(corpus.vocabulary)
        if words < 2:
            raise TrainingError(
                "there was nothing to predict: one word is kept, and no other",
                hint="lower --min-count, or raise --max-vocab",
            )
        self.engine = resolve_engine(config.engine)
        objective = make_objective(config, corpus.vocabulary.counts)
        self.work_bytes = work_bytes(words, config.dim) if config.loss == "softmax" else 0
        needed = parameter_bytes(words, config.dim) + self.work_bytes
        require_memory(needed, f"{words:,} words × {config.dim} dimensions")
        # A tree of V leaves has V − 1 nodes.
        outputs = words - 1 if config.loss == "hs" else words
        self.parameters = initial_parameters(words, config.dim, config.seed, outputs, objective.output_name)
        self.sampler = sampler_of(config, corpus.vocabulary.counts)
        self.schedule = Schedule(config, corpus.token_count)
        # Threads share a softmax's step; otherwise each takes its own.
        threads = config.thread_count if config.loss == "softmax" else self.workers
        self.step = make_step(self.engine, objective, threads)
        # A softmax's batches, and with them its speed, depend on alpha: those of the run's middle stand for all.
        middle = float(self.schedule.alpha_at(self.schedule.total_tokens / 2))
        self._trial_step = make_step(self.engine, objective, threads, middle)

    @property
    def workers(self) -> int:
        """Threads that train a block each; a full softmax is trained a block at a time, by all of them."""
        compiled = self.engine == "compiled" and self.config.loss != "softmax"
        return min(self.config.thread_count, self.schedule.blocks) if compiled else 1

    def compile(self) -> float:
        """Compile whatever the run needs; returns the seconds it took."""
        start = time.perf_counter()
        # Every token is kept here: where subsampling leaves none, nothing would draw noise words.
        keep_all = np.full_like(self.sampler.keep_limits, np.iinfo(np.uint32).max)
        self._trial(2, replace(self.sampler, keep_limits=keep_all))
        return time.perf_counter() - start

    def estimate_seconds(self) -> float:
        """How long training will take, from a trial of the first block that leaves the parameters alone.

        What is not compiled yet would be compiled within the trial: call `compile` first.
        """
        # The limit of BLAS is set once for a run, and would be most of a short trial.
        with one_blas_thread():
            tokens, start = 50, time.perf_counter()
            while True:
                begun = time.perf_counter()
                tokens = self._trial(tokens)
                now = time.perf_counter()
                if now - start > TRIAL_SECONDS or tokens >= self.schedule.span(0)[1]:
                    return (now - begun) / tokens * self.schedule.total_tokens / self.workers
                tokens *= 4

    def train(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        start: Standing | None = None,
        save: Callable[[Standing], None] | None = None,
        save_seconds: float = math.inf,
        stop: Callable[[], bool] = lambda: False,
    ) -> Trained:
        """Train every token `epochs` times.

        `on_progress` is called from this thread, about ten times a second. If it raises, or Ctrl-C comes, the
        workers stop at the end of their block; a Ctrl-C waits for that no longer than `QUIT_SECONDS`.

        Parameters
        ----------
        start : where an earlier run stood; its parameters are there already.
        save : called every `save_seconds`, and last of all, while no worker is at work.
        stop : asked as often as `on_progress` is called; if true, the workers stop at the end of their block.

        Raises
        ------
        TrainingError
            If the loss or a parameter stops being a number; `save` is not called then.
        """
        tally = self._tally(start)
        first_token, begun = tally.tokens, time.perf_counter()
        stopped = False

        def watch() -> bool:
            nonlocal stopped
            if on_progress is not None:
                on_progress(self._progress(tally, first_token, time.perf_counter() - begun))
            stopped = stopped or stop()
            return stopped

        with one_blas_thread():
            while True:
                self._run_workers(tally, watch, save_seconds if save is not None else math.inf)
                finished = tally.block == self.schedule.blocks * self.config.epochs
                if finished and not tally.predictions.any() and not self._predicts():
                    raise TrainingError(
                        "there was nothing to predict: no two words that are kept stand in one line",
                        hint="lower --min-count, raise --subsample, or join the lines",
                    )
                if not self.parameters.finite():
                    raise self._diverged(max(tally.block - 1, 0))
                if save is not None:
                    save(tally.standing())
                if finished or stopped:
                    break
        seconds = time.perf_counter() - begun
        losses = [tally.mean_loss(epoch) for epoch in range(-(-tally.block // self.schedule.blocks))]
        return Trained(
            self.parameters,
            # An epoch of a tiny corpus may have nothing to predict.
            [float("nan") if loss is None else loss for loss in losses],
            seconds,
            (tally.tokens - first_token) / seconds,
            finished,
        )

    def _run_workers(self, tally: _Tally, watch: Callable[[], bool], seconds: float) -> None:
        """Let the workers train until all is done, until `watch` returns true, or for so long."""
        deadline = time.perf_counter() + seconds
        tally.finished = 0
        tally.stop.clear()
        started, quits_at = 0, math.inf
        try:
            for _ in range(self.workers):
                threading.Thread(target=self._work, args=(tally,), daemon=True).start()
                started += 1
            finished = False
            while not finished:
                finished = tally.wait(started, min(POLL_SECONDS, seconds))
                if watch() or time.perf_counter() > deadline:
                    tally.stop.set()
        except KeyboardInterrupt:
            quits_at = time.perf_counter() + QUIT_SECONDS
            raise
        finally:
            tally.stop.set()
            # Not `Thread.join`: after a Ctrl-C it may return while the thread still runs (Python 3.11).
            while not tally.wait(started, POLL_SECONDS) and time.perf_counter() < quits_at:
                pass
        if tally.error is not None:
            raise tally.error

    def _tally(self, start: Standing | None) -> _Tally:
        """Nothing done so far, or what was done where an earlier run stood."""
        epochs = self.config.epochs
        tally = _Tally(np.zeros(epochs), np.zeros(epochs, np.int64))
        if start is not None:
            tally.losses[: len(start.losses)] = start.losses
            tally.predictions[: len(start.predictions)] = start.predictions
            tally.block, tally.tokens = start.block, self.schedule.tokens_before(start.block)
        return tally

    def _work(self, tally: _Tally) -> None:
        """Take blocks until there are no more."""
        try:
            while not tally.stop.is_set():
                with tally.lock:
                    place = tally.block
                    if place == self.schedule.blocks * self.config.epochs:
                        return
                    tally.block += 1
                self._train_block(place, tally)
        except BaseException as error:
            tally.error = error
            tally.stop.set()
        finally:
            with tally.lock:
                tally.finished += 1
                tally.lock.notify_all()

    def _train_block(self, place: int, tally: _Tally) -> None:
        """Train the block that is at a place of the run, and book what came of it."""
        epoch, turn = divmod(place, self.schedule.blocks)
        sample, tokens = self._sample(epoch, self.schedule.block_at(epoch, turn))
        # int64: a corpus has more tokens than int32 has numbers.
        alphas = self.schedule.alpha_at(self.schedule.tokens_before(place) + sample.positions.astype(np.int64))
        tables = self.parameters.input_vectors, self.parameters.output_vectors
        # What overflows is found out here below, and numpy need not warn of it.
        with np.errstate(all="ignore"):
            loss, predictions = self.step(sample, alphas, *tables)
        if not np.isfinite(loss) or not np.isfinite(tables[0][sample.kept_ids[:PROBED_ROWS]]).all():
            raise self._diverged(place)
        with tally.lock:
            tally.losses[epoch] += loss
            tally.predictions[epoch] += predictions
            tally.tokens += tokens

    def _sample(self, epoch: int, block: int) -> tuple[Sample, int]:
        """The windows of a block, and how many tokens it has."""
        ids, boundaries = self.corpus.read(*self.schedule.span(block))
        return self.sampler.sample(ids, boundaries, epoch, block), len(ids)

    def _predicts(self) -> bool:
        """Whether any window has a context; the compiled engine counts the predictions of some windows only."""
        places = itertools.product(range(self.config.epochs), range(self.schedule.blocks))
        samples = (self._sample(*place)[0] for place in places)
        return any((sample.window_stops - sample.window_starts > 1).any() for sample in samples)

    def _trial(self, tokens: int, sampler: Sampler | None = None) -> int:
        """Steps of length 0 over the first tokens; returns how many there were."""
        ids, boundaries = self.corpus.read(0, min(tokens, self.schedule.span(0)[1]))
        sample = (sampler or self.sampler).sample(ids, boundaries, 0, 0)
        alphas = np.zeros(len(sample.kept_ids))
        with one_blas_thread():
            self._trial_step(sample, alphas, self.parameters.input_vectors, self.parameters.output_vectors)
        return len(ids)

    def _progress(self, tally: _Tally, first_token: int, seconds: float) -> Progress:
        tokens = tally.tokens
        epoch = min(tokens // self.corpus.token_count, self.config.epochs - 1)
        return Progress(
            tokens,
            self.schedule.total_tokens,
            epoch + 1,
            float(self.schedule.alpha_at(tokens)),
            tally.mean_loss(epoch),
            (tokens - first_token) / seconds,
        )

    def _diverged(self, place: int) -> TrainingError:
        blocks = self.schedule.blocks
        epoch, turn = divmod(place, blocks)
        alpha = float(self.schedule.alpha_at(self.schedule.tokens_before(place)))
        return TrainingError(
            f"training diverged in epoch {epoch + 1}, block {turn + 1:,} of {blocks:,}, at alpha {alpha:.3g}: "
            "the loss or a vector is no longer a number",
            hint=f"lower --alpha (now {self.config.alpha_start:g})",
        )
