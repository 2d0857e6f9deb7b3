"""Epochs over an encoded corpus: workers train block after block, the main thread watches.

What a block's step is lives in the engines; what is random about it in `sampling`. Here: which engine, which
block next, at which learning rate, and when to stop.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encoded import EncodedCorpus
from w2v_cli.errors import TrainingError
from w2v_cli.training.engines import make_step, resolve_engine
from w2v_cli.training.objective import make_objective
from w2v_cli.training.parameters import Parameters, initial_parameters, parameter_bytes
from w2v_cli.training.sampling import WINDOWS_PER_NOISE, Sampler, make_sampler

# Tokens of a block: long enough that Python's share of the time is small, short enough to stop and to share out
# at once. No window crosses a block's end.
BLOCK_TOKENS = 10_000
POLL_SECONDS = 0.1
TRIAL_SECONDS = 0.05


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
class Trained:
    """What came out of a run.

    Attributes
    ----------
    losses : mean negative log-likelihood of each epoch, nats per prediction.
    seconds, words_per_second : of training alone; tokens before subsampling.
    """

    parameters: Parameters
    losses: list[float]
    seconds: float
    words_per_second: float


@dataclass
class _Tally:
    """What the workers have done so far; changed under `lock`, which tells when one of them has finished."""

    losses: np.ndarray
    predictions: np.ndarray
    tokens: int = 0
    finished: int = 0
    lock: threading.Condition = field(default_factory=threading.Condition)
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def wait(self, workers: int, seconds: float) -> bool:
        """Wait until so many workers have finished, or for so long; returns whether they have."""
        with self.lock:
            return self.lock.wait_for(lambda: self.finished >= workers, seconds)

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
        If the parameters do not fit into memory.
    """

    def __init__(self, config: TrainConfig, corpus: EncodedCorpus) -> None:
        self.config = config
        self.corpus = corpus
        words = len(corpus.vocabulary)
        require_memory(parameter_bytes(words, config.dim), f"{words:,} words × {config.dim} dimensions")
        self.engine = resolve_engine(config.engine)
        objective = make_objective(config, corpus.vocabulary.counts)
        # A tree of V leaves has V − 1 nodes.
        outputs = words - 1 if config.loss == "hs" else words
        self.parameters = initial_parameters(words, config.dim, config.seed, outputs, objective.output_name)
        self.sampler = sampler_of(config, corpus.vocabulary.counts)
        self.total_tokens = corpus.token_count * config.epochs
        self.blocks = -(-corpus.token_count // BLOCK_TOKENS)
        self.step = make_step(self.engine, objective, self.workers)

    @property
    def workers(self) -> int:
        """Python threads that train; the others only help numpy's matrix products."""
        compiled = self.engine == "compiled" and self.config.loss != "softmax"
        return min(self.config.thread_count, self.blocks) if compiled else 1

    def compile(self) -> float:
        """Compile whatever the run needs; returns the seconds it took."""
        start = time.perf_counter()
        self._trial(tokens=2)
        return time.perf_counter() - start

    def estimate_seconds(self) -> float:
        """How long training will take, from a trial of the first block that leaves the parameters alone."""
        tokens, start = 50, time.perf_counter()
        while True:
            begun = time.perf_counter()
            tokens = self._trial(tokens)
            now = time.perf_counter()
            if now - start > TRIAL_SECONDS or tokens >= min(BLOCK_TOKENS, self.corpus.token_count):
                return (now - begun) / tokens * self.total_tokens / self.workers
            tokens *= 4

    def train(self, on_progress: Callable[[Progress], None] | None = None) -> Trained:
        """Train every token `epochs` times.

        `on_progress` is called from this thread, about ten times a second. If it raises, or Ctrl-C comes, the
        workers stop at the end of their block.

        Raises
        ------
        TrainingError
            If the loss or a parameter stops being a number.
        """
        config = self.config
        tally = _Tally(np.zeros(config.epochs), np.zeros(config.epochs, np.int64))
        blocks = ((epoch, block) for epoch in range(config.epochs) for block in range(self.blocks))
        start = time.perf_counter()
        with threadpool_limits(config.thread_count, user_api="blas"):
            workers = [
                threading.Thread(target=self._work, args=(blocks, tally), daemon=True) for _ in range(self.workers)
            ]
            for worker in workers:
                worker.start()
            try:
                finished = False
                while not finished:
                    finished = tally.wait(len(workers), POLL_SECONDS)
                    progress = self._progress(tally, time.perf_counter() - start)
                    self._require_finite(progress)
                    if on_progress is not None:
                        on_progress(progress)
            finally:
                tally.stop.set()
                # Not `Thread.join`: after a Ctrl-C it may return while the thread still runs (Python 3.11).
                while not tally.wait(len(workers), POLL_SECONDS):
                    pass
        if tally.error is not None:
            raise tally.error
        if not tally.predictions.any():
            raise TrainingError(
                "there was nothing to predict: no two words that are kept stand in one line",
                hint="lower --min-count, raise --subsample, or join the lines",
            )
        seconds = time.perf_counter() - start
        losses = [tally.mean_loss(epoch) for epoch in range(config.epochs)]
        if not self.parameters.finite():
            self._diverged(self._progress(tally, seconds))
        return Trained(
            self.parameters,
            # An epoch of a tiny corpus may have nothing to predict.
            [float("nan") if loss is None else loss for loss in losses],
            seconds,
            self.total_tokens / seconds,
        )

    def alpha_at(self, tokens: np.ndarray | float) -> np.ndarray:
        """The learning rate after so many tokens of all epochs: linear, whoever trains them and when."""
        start, end = self.config.alpha_start, self.config.alpha_min
        return np.asarray(start - (start - end) * (np.asarray(tokens, np.float64) / self.total_tokens))

    def _work(self, blocks: Iterator[tuple[int, int]], tally: _Tally) -> None:
        """Take blocks until there are no more."""
        try:
            while not tally.stop.is_set():
                with tally.lock:
                    epoch, block = next(blocks, (-1, -1))
                if epoch < 0:
                    return
                first = block * BLOCK_TOKENS
                ids, boundaries = self.corpus.read(first, min(first + BLOCK_TOKENS, self.corpus.token_count))
                sample = self.sampler.sample(ids, boundaries, epoch, block)
                # int64: a corpus has more tokens than int32 has numbers.
                places = epoch * self.corpus.token_count + first + sample.positions.astype(np.int64)
                alphas = self.alpha_at(places)
                loss, predictions = self.step(
                    sample, alphas, self.parameters.input_vectors, self.parameters.output_vectors
                )
                with tally.lock:
                    tally.losses[epoch] += loss
                    tally.predictions[epoch] += predictions
                    tally.tokens += len(ids)
        except BaseException as error:
            tally.error = error
            tally.stop.set()
        finally:
            with tally.lock:
                tally.finished += 1
                tally.lock.notify_all()

    def _trial(self, tokens: int) -> int:
        """Steps of length 0 over the first tokens; returns how many there were."""
        ids, boundaries = self.corpus.read(0, min(tokens, BLOCK_TOKENS, self.corpus.token_count))
        sample = self.sampler.sample(ids, boundaries, 0, 0)
        alphas = np.zeros(len(sample.kept_ids))
        self.step(sample, alphas, self.parameters.input_vectors, self.parameters.output_vectors)
        return len(ids)

    def _progress(self, tally: _Tally, seconds: float) -> Progress:
        tokens = tally.tokens
        epoch = min(tokens // self.corpus.token_count, self.config.epochs - 1)
        return Progress(
            tokens,
            self.total_tokens,
            epoch + 1,
            float(self.alpha_at(tokens)),
            tally.mean_loss(epoch),
            tokens / seconds,
        )

    def _require_finite(self, progress: Progress) -> None:
        if progress.loss is not None and not np.isfinite(progress.loss):
            self._diverged(progress)

    def _diverged(self, progress: Progress) -> None:
        raise TrainingError(
            f"training diverged in epoch {progress.epoch} at alpha {progress.alpha:.3g}: "
            "the loss or a vector is no longer a number",
            hint=f"lower --alpha (now {self.config.alpha_start:g})",
        )


def sampler_of(config: TrainConfig, counts: np.ndarray) -> Sampler:
    """The distributions of a run over a vocabulary; counts int64 (V,)."""
    return make_sampler(
        counts,
        config.subsample,
        config.noise_exponent,
        config.window,
        config.negatives if config.loss == "ns" else 0,
        config.seed,
        config.fixed_window,
        WINDOWS_PER_NOISE[config.model],
    )


def require_memory(needed: int, what: str) -> None:
    """Refuse what will not fit.

    Raises
    ------
    TrainingError
        If the machine has fewer bytes available than `needed`.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise TrainingError(
            f"{what} take {needed / 2**30:.1f} GiB of memory and {available / 2**30:.1f} GiB are available",
            hint="lower --dim, raise --min-count or set --max-vocab",
        )


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, or None where the system does not say."""
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
