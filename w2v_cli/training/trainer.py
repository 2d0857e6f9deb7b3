"""Epochs over an encoded corpus: workers train block after block, the main thread watches.

What a block's step is lives in the engines, what is random about it in `sampling`, which block comes next and at which
learning rate in `schedule`, what the loss is measured on in `loss_sample`. Here: who trains, and when to stop.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.engines.choose import make_measure, make_step, resolve_engine
from w2v_cli.engines.objective import make_objective
from w2v_cli.engines.parameters import Parameters, initial_parameters, parameter_bytes
from w2v_cli.engines.sampling import Sample, Sampler, sampler_of
from w2v_cli.engines.softmax import work_bytes
from w2v_cli.errors import TrainingError
from w2v_cli.training.loss_sample import LossSample, MeasuredLoss
from w2v_cli.training.memory import SAVE_BYTES, WORKER_BYTES, peak_after, require_memory
from w2v_cli.training.schedule import Schedule
from w2v_cli.training.step_size import default_alpha

POLL_SECONDS = 0.1
TRIAL_SECONDS = 0.05
# How long a Ctrl-C waits for the workers: a block of a full softmax may take minutes, and what it learns is lost.
QUIT_SECONDS = 0.5
# After each block so many of its rows are looked at. A number that is NaN, or so large as no vector of a model that has
# learnt anything, soon reaches every row.
PROBED_ROWS, MOST_NUMBER = 32, 1e4
# A model has diverged if its loss is so many times that of one that has learnt nothing, even if all numbers are finite.
MOST_LOSS = 2.0


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes
    ----------
    tokens, total_tokens : trained so far, and in all epochs together.
    epoch : the current one, from 1 · alpha : learning rate.
    loss : nats per prediction on the `LossSample`, when it was last measured; None before that.
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
    losses : float64 (epochs,), nats per prediction at the end of each epoch; NaN for those that have not ended.
    """

    block: int
    losses: np.ndarray


@dataclass(frozen=True)
class Trained:
    """What came out of a run.

    Attributes
    ----------
    losses : mean negative log-likelihood on the `LossSample` at the end of each epoch, nats per prediction; the last
        one is that of the parameters, also in a run that was stopped within an epoch.
    standard_error : of the last loss, nats; NaN if unknown.
    seconds, words_per_second : of training alone, since it was last started; tokens before subsampling.
    finished : every token was trained in every epoch; if not, the run was stopped.
    """

    parameters: Parameters
    losses: list[float]
    standard_error: float
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
    loss: float | None = None
    trained: bool = False
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
        return Standing(self.block, self.losses.copy())


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
        If the parameters do not fit into memory, or there is nothing to predict.
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
        self.loss_sample = LossSample(corpus, self.sampler)
        if not self.loss_sample.predicts:
            raise TrainingError(
                "there was nothing to predict: no two words that are kept stand in one line",
                hint="lower --min-count, or join the lines",
            )
        alpha = None if config.alpha is not None else default_alpha(config, objective, self.loss_sample.samples)
        self.schedule = Schedule(config, corpus.token_count, alpha)
        # Threads share a softmax's step; otherwise each takes its own.
        threads = config.thread_count if config.loss == "softmax" else self.workers
        self.step = make_step(self.engine, objective, threads, wants_loss=False)
        self._measure_block = make_measure(self.engine, objective, threads)
        kept = corpus.vocabulary.counts * self.sampler.keep_prob
        self._untrained_loss = objective.untrained_loss(kept, self.sampler.negatives)
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
        self._trial(2, self.sampler.keeping_all())
        return time.perf_counter() - start

    def estimate_peak(self) -> int:
        """The most memory that the process will have had resident when the run has ended, bytes.

        What is resident now is measured, after the trial steps: the program, the vocabulary and all of the parameters.
        """
        # A block's windows are those of the tokens that subsampling leaves.
        share = np.average(self.sampler.keep_prob, weights=self.corpus.vocabulary.counts)
        kept = self.schedule.span(0)[1] * share
        noise = int(kept / self.sampler.step_windows) * self.sampler.negatives * 4
        copied = min(self.parameters.input_vectors.nbytes, SAVE_BYTES)
        return peak_after(self.workers * (WORKER_BYTES + noise) + copied + self.corpus.boundary_bytes + self.work_bytes)

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
            If the run diverges, or trains no window at all; `save` is not called then.
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
                if finished and not tally.trained and start is None:
                    raise TrainingError(
                        f"nothing was learnt: --subsample {self.config.subsample:g} left no two words in one line",
                        hint="raise --subsample; 0 keeps all words",
                    )
                if not self.parameters.finite():
                    raise self._diverged(tally.block, "a vector holds a number that is infinite or NaN")
                measured = self._measure(tally, tally.block)
                if save is not None:
                    save(tally.standing())
                if finished or stopped:
                    break
        seconds = time.perf_counter() - begun
        losses = tally.losses[: tally.block // self.schedule.blocks].tolist()
        return Trained(
            self.parameters,
            losses if tally.block % self.schedule.blocks == 0 and losses else [*losses, measured.loss],
            measured.standard_error,
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
        tally = _Tally(np.full(self.config.epochs, np.nan))
        if start is not None:
            tally.losses[: len(start.losses)] = start.losses
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
                # Before the block, not after the one before it: then a run that is resumed measures what it would have.
                if place and self.schedule.measures_at(place):
                    self._measure(tally, place)
                self._train_block(place, tally)
        except BaseException as error:
            tally.error = error
            tally.stop.set()
        finally:
            with tally.lock:
                tally.finished += 1
                tally.lock.notify_all()

    def _train_block(self, place: int, tally: _Tally) -> None:
        """Train the block that is at a place of the run."""
        epoch, turn = divmod(place, self.schedule.blocks)
        sample, tokens = self._sample(epoch, self.schedule.block_at(epoch, turn))
        # int64: a corpus has more tokens than int32 has numbers.
        alphas = self.schedule.alpha_at(self.schedule.tokens_before(place) + sample.positions.astype(np.int64))
        tables = self.parameters.input_vectors, self.parameters.output_vectors
        # What overflows is found out here below, and numpy need not warn of it.
        with np.errstate(all="ignore"):
            loss, _ = self.step(sample, alphas, *tables)
            rows = np.abs(tables[0][sample.kept_ids[:PROBED_ROWS]])
        if not np.isfinite(loss) or not (rows < MOST_NUMBER).all():
            raise self._diverged(place + 1, "the vectors have grown without bound")
        trained = tally.trained or bool((sample.window_stops - sample.window_starts > 1).any())
        with tally.lock:
            tally.trained |= trained
            tally.tokens += tokens

    def _measure(self, tally: _Tally, place: int) -> MeasuredLoss:
        """Measure the loss after so many blocks of the run, and note it.

        Raises
        ------
        TrainingError
            If it is that of a model that has diverged.
        """
        tables = self.parameters.input_vectors, self.parameters.output_vectors
        measured = self.loss_sample.measure(self._measure_block, *tables)
        if not measured.loss <= MOST_LOSS * self._untrained_loss:
            what = f"the loss is {measured.loss:.4g} nats, that of an untrained model {self._untrained_loss:.4g}"
            raise self._diverged(place, what)
        epoch, turn = divmod(place, self.schedule.blocks)
        with tally.lock:
            tally.loss = measured.loss
            if turn == 0 and epoch:
                tally.losses[epoch - 1] = measured.loss
        return measured

    def _sample(self, epoch: int, block: int) -> tuple[Sample, int]:
        """The windows of a block, and how many tokens it has."""
        ids, boundaries = self.corpus.read(*self.schedule.span(block))
        return self.sampler.sample(ids, boundaries, epoch, block), len(ids)

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
            tally.loss,
            (tokens - first_token) / seconds,
        )

    def _diverged(self, place: int, what: str) -> TrainingError:
        """The error of a run that has diverged within so many blocks."""
        last, blocks = max(place - 1, 0), self.schedule.blocks
        epoch, turn = divmod(last, blocks)
        alpha = float(self.schedule.alpha_at(self.schedule.tokens_before(last)))
        return TrainingError(
            f"training diverged in epoch {epoch + 1}, block {turn + 1:,} of {blocks:,}, at alpha {alpha:.3g}: {what}",
            hint=f"lower --alpha (now {self.schedule.alpha_start:g})",
        )
