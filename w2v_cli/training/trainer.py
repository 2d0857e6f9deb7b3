"""Train an encoded corpus: the workers train block after block while the main thread watches.

The step itself is in the engines, everything random about a block in `sampling`, the order of the blocks and the
learning rate in `schedule`, the windows on which the loss is measured in `loss_sample`, and the threads in `workers`.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.engines.block_trainer import BlockTrainer, SteppedBlocks
from w2v_cli.engines.choose import blocks_at_once, make_measure, make_step, resolve_engine
from w2v_cli.engines.learning_rate import LearningRate
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.parameters import HOT_WORDS, parameter_bytes
from w2v_cli.engines.rates import rates_of
from w2v_cli.engines.sampling import Sampler, sampler_of
from w2v_cli.errors import DivergedError, NothingToPredictError, TrainingError
from w2v_cli.subwords.lengths import subwords_of
from w2v_cli.training.fresh import fresh_parameters, softmax_bytes
from w2v_cli.training.loss_sample import LossSample, MeasuredLoss
from w2v_cli.training.memory import SAVE_BYTES, WORKER_BYTES, peak_after, rows_of
from w2v_cli.training.schedule import Schedule
from w2v_cli.training.state import Cluster, LossPoint, Progress, RunState, Tally, Trained
from w2v_cli.training.step_size import default_alpha
from w2v_cli.training.validation import Validation
from w2v_cli.training.workers import Workers

if TYPE_CHECKING:
    from w2v_cli.training.origin import Origin

TRIAL_SECONDS = 0.05
# How long a worker may take about the blocks that it takes at once: a run that is told to stop waits so long.
STRETCH_SECONDS = 0.03
# How much of an epoch all workers together may be training while the loss is measured. Shorter stretches would let
# Python's lock limit the number of threads.
STRETCH_SHARE = 1 / 4
# A run has diverged if its loss is larger than this multiple of an untrained model's, even if all numbers are finite.
LARGEST_LOSS = 2.0
# A run whose subsampling keeps a smaller share of the tokens must have this many windows for each word, in all epochs
# together. With half as many, the loss stays that of an untrained model; with one and a half times as many, it has
# hardly begun to fall.
LEAST_KEPT, LEAST_WINDOWS = 0.1, 20


class Trainer:
    """A run that is ready to start: engine chosen, parameters initialised.

    Parameters
    ----------
    config : the run's choices; the default of --subsample is replaced by the share for this text.
    corpus : the text as ids.
    known_rate : the rate of the rows of a model that the run goes on from, unless the run names a learning rate.

    Raises
    ------
    ConfigError
        If the requested engine is not available.
    TrainingError
        If the parameters do not fit into memory, there is nothing to predict, or subsampling leaves too little.
    """

    def __init__(self, config: TrainConfig, corpus: EncodedCorpus, known_rate: float = 1.0) -> None:
        tokens = int(corpus.vocabulary.text_counts.sum())
        # What is recorded of the run says which words were thinned out, so that its loss can be measured again.
        self.config = config = replace(config, subsample=config.subsample_share(tokens))
        self.corpus = corpus
        self.known_rate = known_rate if config.alpha is None else 1.0
        vocabulary = corpus.vocabulary
        words, counts = len(vocabulary), vocabulary.training_counts
        if words < 2:
            cure = "raise --max-vocab" if config.max_vocab == 1 else "lower --min-count"
            raise _nothing_to_predict("only one word is kept", cure)
        self.engine = resolve_engine(config.engine, config.table)
        self.subwords = subwords_of(config, vocabulary.words)
        objective, self.parameters = fresh_parameters(config, vocabulary, self.subwords)
        self.work_bytes = softmax_bytes(config, words)
        known = np.zeros(words, bool) if vocabulary.joined is None else vocabulary.joined.rows >= 0
        rows = rows_of(config, words)
        objective = objective.freezing(config.freeze, known, *rows)
        self.sampler = sampler_of(config, counts, tokens)
        rates = rates_of(config, objective, counts * self.sampler.keep_prob)
        objective = replace(objective, rates=rates).slowing(self.known_rate, known, *rows)
        self.loss_sample = LossSample(corpus, self.sampler)
        if not self.loss_sample.predicts:
            raise _nothing_to_predict("no line has two words that are kept", "lower --min-count, or join the lines")
        predicted = vocabulary.text_counts * self.sampler.keep_prob
        self._untrained_loss = objective.untrained_loss(predicted, self.sampler.negatives)
        self._first_loss = self._untrained_loss
        alpha = None if config.alpha is not None else default_alpha(config, objective, self.loss_sample.samples)
        self.schedule = Schedule(config, corpus.token_count, alpha)
        self._objective = objective
        if config.epochs:
            self._require_windows()
        self.validation: Validation | None = None
        if corpus.held_out is not None:
            self.validation = Validation(config, corpus.held_out, vocabulary.counts, self.parameters)
        self._make_steps(objective)

    def begin_with(self, origin: Origin) -> str | None:
        """Let the run go on from a model; return what the user should know about its output vectors, if anything.

        Call it after `estimate_seconds`, whose trial steps may change the sign of a zero.
        """
        joined = self.corpus.vocabulary.joined
        return None if joined is None else origin.fill(self.parameters, joined, self._objective)

    def first_state(self) -> RunState:
        """Return the state of the run before its first block."""
        return self._tally(None).state()

    def allow_first_loss(self) -> None:
        """Let the loss be as high as it is now: a model may predict another text worse than one that knows nothing."""
        self._first_loss = max(self._first_loss, self.measure_loss().loss)

    def _require_windows(self) -> None:
        """Refuse a run whose subsampling leaves too little to learn from."""
        kept = self.kept_share()
        if kept >= LEAST_KEPT:
            return
        words, windows = len(self.corpus.vocabulary), 0
        wanted = LEAST_WINDOWS * words / self.config.epochs
        for block, span in enumerate(self.schedule.spans(np.arange(self.schedule.blocks)).tolist()):
            sample = self.sampler.sample(*self.corpus.read(*span), 0, block)
            windows += np.count_nonzero(sample.has_context)
            if windows >= wanted:
                return
        raise TrainingError(
            f"too little is left to learn from: --subsample {self.config.subsample:g} keeps {kept:.2g} of the tokens,"
            f" and {windows:,} windows in an epoch, for {words:,} words",
            hint="raise --subsample; 0 keeps all words",
        )

    def kept_share(self) -> float:
        """Return the share of the tokens that subsampling leaves."""
        return float(np.average(self.sampler.keep_prob, weights=self.corpus.vocabulary.text_counts))

    def _make_steps(self, objective: Objective) -> None:
        """Choose what trains blocks, measures a loss, and takes the steps of a trial."""
        # All threads share one step of a full softmax; with the other losses, each thread takes its own steps.
        threads = self.config.thread_count if self.config.loss == "softmax" else self.workers
        self._measure_block = make_measure(self.engine, objective, threads)
        # The batches of a softmax, and so its speed, depend on alpha. The middle of the run stands for all of it.
        middle = float(self.schedule.rate.at(self.schedule.total_tokens / 2))

        def make_blocks(sampler: Sampler, rate: LearningRate, batch_alpha: float | None = None) -> BlockTrainer:
            inputs = self.corpus, sampler, self.parameters, rate
            # Compiled code reads the ids by `pread`, which Windows lacks.
            if self.engine == "compiled" and objective.loss != "softmax" and hasattr(os, "pread"):
                from w2v_cli.engines.compiled import CompiledBlocks

                return CompiledBlocks(objective, *inputs, threads, self.schedule.longest)
            step = make_step(self.engine, objective, threads, batch_alpha)
            return SteppedBlocks(step, *inputs, objective.input_rows)

        self.blocks = make_blocks(self.sampler, self.schedule.rate)
        # The block before which the workers stop, in all epochs together.
        self._goal = self.schedule.blocks * self.config.epochs
        self._halts = False
        # How long the last blocks took, seconds each. At first a worker takes one block.
        self._block_seconds = STRETCH_SECONDS
        # Steps of length 0. To compile, nothing is subsampled: that might leave no token, and then the code that draws
        # noise words would not be compiled.
        still = LearningRate(0.0, 0.0, 1)
        self._trial_blocks = make_blocks(self.sampler, still, middle)
        self._compile_blocks = make_blocks(self.sampler.keeping_all(), still, middle)

    @property
    def cluster(self) -> Cluster | None:
        """The replicas that train the run, once it has been estimated how long that takes; None for this machine."""
        return None

    @property
    def workers(self) -> int:
        """Number of blocks that are trained at the same time, each by its own thread."""
        return min(blocks_at_once(self.engine, self.config.loss, self.config.thread_count), self.schedule.blocks)

    def compile(self) -> float:
        """Compile everything that the run needs; return how long that took, in seconds."""
        start = time.perf_counter()
        self._try(self._compile_blocks, 2)
        return time.perf_counter() - start

    def estimate_peak(self) -> int:
        """Estimate the most memory that the process will have had resident when the run ends, in bytes.

        The memory that is resident now is measured. After the trial steps it includes the program, the vocabulary and
        all parameters.
        """
        # A block has a window for each token that subsampling leaves.
        windows = self.schedule.longest * self.kept_share()
        noise = int(windows / self.sampler.step_windows) * self.sampler.negatives * 4
        # Behind each private copy of a row lies the row as it was.
        copies = 2 * 2 * parameter_bytes(HOT_WORDS, self.config.dim) if self.workers > 1 else 0
        saved = min(self.parameters.input_vectors.nbytes, SAVE_BYTES)
        if self.subwords is not None:
            saved += len(self.corpus.vocabulary) * self.config.dim * 4  # the vectors of the words are composed
        elif self.config.loss == "hs":
            saved += self.parameters.output_vectors.nbytes  # output vectors of the words are made of the nodes
        best = self.validation.best if self.validation is not None else None
        kept = 0 if best is None else best.nbytes
        own = self.corpus.boundary_bytes + self.work_bytes
        return peak_after(self.workers * (WORKER_BYTES + noise + copies) + saved + own + kept)

    def estimate_seconds(self) -> float:
        """Estimate how long training will take, from trial steps on the first block that do not change the parameters.

        Call `compile` first. Otherwise the time includes compiling.
        """
        # Limiting BLAS takes as long as a short trial. A run does it only once, so it is done here before the trials.
        with one_blas_thread():
            tokens, start = 50, time.perf_counter()
            while True:
                begun = time.perf_counter()
                tokens = self._try(self._trial_blocks, tokens)
                now = time.perf_counter()
                if now - start > TRIAL_SECONDS or tokens >= self.schedule.longest:
                    return (now - begun) / tokens * self.schedule.total_tokens / self.workers
                tokens *= 4

    def train(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        start: RunState | None = None,
        save: Callable[[RunState], None] | None = None,
        save_seconds: float = math.inf,
        stop: Callable[[], bool] = lambda: False,
        on_loss: Callable[[LossPoint], None] = lambda point: None,
        on_epoch: Callable[[Trained], None] | None = None,
    ) -> Trained:
        """Train every token `epochs` times.

        Parameters
        ----------
        on_progress : called in this thread about ten times a second. If it raises, the workers stop at the end of
            their block, as they do after a Ctrl-C.
        start : the state that an earlier run reached; `parameters` must hold that run's parameters.
        save : called every `save_seconds`, and at the end, while no worker is training.
        stop : called as often as `on_progress`. If it returns true, the workers stop at the end of their block.
        on_loss : called in this thread with each loss that was measured, soon after that, and before a `save`.
        on_epoch : called at the end of each epoch, while no worker is training, with what the run has learnt so far;
            the time that it takes does not count as training.

        Raises
        ------
        TrainingError
            If the run diverges, or trains no window at all. `save` is not called then.
        """
        tally = self._tally(start)
        first_token = tally.tokens
        stopped = False
        self._halts = self.validation is not None or on_epoch is not None

        def report_losses() -> None:
            for point in tally.take_points():
                on_loss(point)

        def watch() -> bool:
            nonlocal stopped
            report_losses()
            if on_progress is not None:
                on_progress(self._progress(tally, first_token, time.perf_counter() - tally.begun))
            stopped = stopped or stop()
            return stopped

        with one_blas_thread():
            saves_at = time.perf_counter() + save_seconds if save is not None else math.inf
            while True:
                self._goal = self._next_goal(tally)
                self._make_workers(tally).run(watch, saves_at - time.perf_counter())
                finished = tally.block == self.schedule.blocks * self.config.epochs
                measured = self._check(tally, finished and start is None)
                self._validate(tally)
                finished = finished or self._stops_early(tally)
                report_losses()
                if on_epoch is not None and self._has_ended_epoch(tally):
                    called = time.perf_counter()
                    on_epoch(self._so_far(tally, measured, first_token, finished))
                    tally.begun += time.perf_counter() - called
                ends = finished or stopped
                if save is not None and (ends or time.perf_counter() >= saves_at):
                    save(tally.state())
                    saves_at = time.perf_counter() + save_seconds
                if ends:
                    break
        return self._trained(tally, measured, first_token, finished)

    def _next_goal(self, tally: Tally) -> int:
        """Return the block before which the workers stop: at the end of the run, or of an epoch if somebody looks then.

        The held-out loss must be that of the model that may be kept, so that no worker can be training meanwhile.
        """
        end, epoch = self.schedule.blocks * self.config.epochs, tally.block // self.schedule.blocks
        if not self._halts:
            return end
        return tally.block if self._stops_early(tally) else min((epoch + 1) * self.schedule.blocks, end)

    def _validate(self, tally: Tally) -> None:
        """Measure the held-out loss if an epoch has just ended."""
        epoch, turn = divmod(tally.block, self.schedule.blocks)
        if self.validation is not None and epoch and not turn:
            threads = blocks_at_once(self.engine, self.config.loss, self.config.thread_count)
            self.validation.measure(tally, epoch, self._measure_block, threads)

    def _stops_early(self, tally: Tally) -> bool:
        return self.validation is not None and self.validation.stops(tally)

    def _has_ended_epoch(self, tally: Tally) -> bool:
        """Return whether an epoch has just ended; true once for each."""
        epoch, turn = divmod(tally.block, self.schedule.blocks)
        ended = turn == 0 and epoch > tally.reported_epoch
        tally.reported_epoch = max(epoch, tally.reported_epoch)
        return ended

    def _trained(self, tally: Tally, measured: MeasuredLoss, first_token: int, finished: bool) -> Trained:
        """Return the result of the run, with the parameters of the best epoch if it looks for that."""
        trained = self._so_far(tally, measured, first_token, finished)
        if self.validation is None:
            return trained
        best, validated = self.validation.restore_best(tally), trained.validation_losses
        if not self.config.epochs:
            # Nothing is trained. What training would start from has a held-out loss, as it has a loss.
            validated = [self.validation.loss(self._measure_block, 1)]
        return replace(
            trained, validation_losses=validated, best_epoch=best, validation_seconds=self.validation.seconds
        )

    def _so_far(self, tally: Tally, measured: MeasuredLoss, first_token: int, finished: bool) -> Trained:
        """Return what the run has learnt so far."""
        seconds = time.perf_counter() - tally.begun
        validated = tally.validation_losses[: tally.block // self.schedule.blocks].tolist()
        return Trained(
            self.parameters, self._losses(tally, measured), measured.standard_error, seconds,
            (tally.tokens - first_token) / seconds, finished, self.cluster, validated,
        )  # fmt: skip

    def _make_workers(self, tally: Tally) -> Workers:
        """Return the threads that train until no block is left."""
        return Workers(self.workers, lambda: self._train_next(tally))

    def _losses(self, tally: Tally, measured: MeasuredLoss) -> list[float]:
        """Return the loss at the end of each epoch, and last the loss of the parameters; see `Trained`."""
        epochs, turn = divmod(tally.block, self.schedule.blocks)
        losses: list[float] = tally.losses[:epochs].tolist()
        return [*losses, measured.loss] if turn or not losses else losses

    def _tally(self, start: RunState | None) -> Tally:
        """Return an empty tally, or that of the state that an earlier run reached."""
        tally = Tally(np.full(self.config.epochs, np.nan))
        if self.validation is not None:
            tally.validation_losses = tally.losses.copy()
            if start is not None and start.validation_losses is not None:
                tally.validation_losses[: len(start.losses)] = start.validation_losses
        if start is not None:
            tally.reported_epoch = start.block // self.schedule.blocks
            tally.losses[: len(start.losses)] = start.losses
            tally.block, tally.tokens = start.block, self.schedule.tokens_before(start.block)
        return tally

    def _train_next(self, tally: Tally) -> bool:
        """Train the next blocks; return whether there were any left."""
        taken = tally.take(self._end_of_stretch)
        if not taken:
            return False
        # The loss is measured before this block and not after the previous one, so that a run that was stopped between
        # the two measures it as well when it is resumed.
        if taken.start and taken.start != tally.measured_at and self.schedule.measures_at(taken.start):
            self._measure(tally, taken.start)
        self._train_stretch(taken, tally)
        return True

    def _end_of_stretch(self, first: int) -> int:
        """Return where the blocks end that a worker takes at once, if they begin with the block `first`.

        They take no longer than a run may take to stop. The loss is measured between two stretches, when others may
        still have some of the model to train. Together that is a small share of an epoch at most.
        """
        end = min(self.schedule.next_measured(first), self._goal)
        left = end - first
        share = max(left // (2 * self.workers), int(STRETCH_SHARE * self.schedule.blocks / self.workers))
        most = min(self.blocks.most, int(STRETCH_SECONDS / self._block_seconds), share)
        return first + min(max(most, 1), left)

    def _train_stretch(self, indices: range, tally: Tally) -> None:
        """Train some blocks of one epoch, given by their indices in the run."""
        begun = time.perf_counter()
        blocks = np.arange(indices.start, indices.stop)
        self._tally_blocks(tally, blocks, *self.train_blocks(blocks))
        self._block_seconds = (time.perf_counter() - begun) / len(indices)

    def train_blocks(self, indices: np.ndarray) -> tuple[int, bool]:
        """Train some blocks of one epoch; any number of threads may do so at the same time.

        Parameters
        ----------
        indices : int64 (B,), ascending.

        Returns
        -------
        The index of the block after which a vector had grown without bound, or −1; and whether any window had a context
        word.
        """
        epoch, turns = indices[0] // self.schedule.blocks, indices % self.schedule.blocks
        numbers = self.schedule.blocks_at(int(epoch), turns)
        before = self.schedule.tokens_before(indices)
        diverged, learnt = self.blocks.train(int(epoch), numbers, self.schedule.spans(numbers), before)
        return int(indices[diverged]) if diverged >= 0 else -1, learnt

    def _tally_blocks(self, tally: Tally, indices: np.ndarray, diverged: int, learnt: bool) -> None:
        """Record blocks that have been trained, with what `train_blocks` returned.

        Raises
        ------
        TrainingError
            If the run has diverged.
        """
        if diverged >= 0:
            raise self._diverged(diverged + 1, "the vectors have grown without bound")
        with tally.lock:
            tally.trained |= learnt
            tally.tokens += int(self.schedule.tokens_in(indices).sum())

    def _check(self, tally: Tally, whole_run: bool) -> MeasuredLoss:
        """Measure the loss while no worker is training.

        Parameters
        ----------
        whole_run : whether this run has trained all blocks of all epochs.

        Raises
        ------
        TrainingError
            If the run has diverged, or if it is complete and has trained no window.
        """
        if whole_run and not tally.trained and self.config.epochs:
            raise NothingToPredictError(
                f"nothing was learnt: --subsample {self.config.subsample:g} left no two words in one line",
                hint="raise --subsample; 0 keeps all words",
            )
        if not self.parameters.finite():
            raise self._diverged(tally.block, "a vector holds a number that is infinite or NaN")
        return self._measure(tally, tally.block)

    def _measure(self, tally: Tally, index: int) -> MeasuredLoss:
        """Measure the loss before the block with this index, and record it in the tally.

        Raises
        ------
        TrainingError
            If the loss shows that the run has diverged.
        """
        measured = self.measure_loss()
        # Written so that NaN counts as too large.
        if not measured.loss <= LARGEST_LOSS * self._first_loss:
            first = "at the beginning" if self.config.init is not None else "of an untrained model"
            what = f"the loss is {measured.loss:.4g} nats, that {first} {self._first_loss:.4g}"
            raise self._diverged(index, what)
        epoch, turn = divmod(index, self.schedule.blocks)
        with tally.lock:
            tally.loss, tally.measured_at = measured.loss, index
            seconds, held_out = time.perf_counter() - tally.begun, None
            if turn == 0 and epoch:
                tally.losses[epoch - 1] = measured.loss
                held_out = tally.validation_loss(epoch)
            tally.points.append(LossPoint(self.schedule.tokens_before(index), measured.loss, seconds, held_out))
        return measured

    def measure_loss(self) -> MeasuredLoss:
        """Measure the loss of the parameters, as they are now."""
        return self.loss_sample.measure(
            self._measure_block, self.parameters.input_vectors, self.parameters.output_vectors
        )

    def _try(self, blocks: BlockTrainer, tokens: int) -> int:
        """Train the first tokens of the text; return how many there were."""
        tokens = min(tokens, self.schedule.longest)
        with one_blas_thread():
            blocks.train(0, np.zeros(1, np.int64), np.array([[0, tokens]]), np.zeros(1, np.int64))
        return tokens

    def _progress(self, tally: Tally, first_token: int, seconds: float) -> Progress:
        """Return how far the run has come, `seconds` after it started with `first_token`."""
        tokens = tally.tokens
        return Progress(
            tokens,
            self.schedule.total_tokens,
            epoch=min(tokens // self.corpus.token_count, self.config.epochs - 1) + 1,
            alpha=float(self.schedule.rate.at(tokens)),
            loss=tally.loss,
            words_per_second=(tokens - first_token) / seconds,
            seconds=seconds,
            validation_loss=tally.last_validation_loss(tally.block // self.schedule.blocks),
        )

    def _diverged(self, blocks: int, what: str) -> DivergedError:
        """Return the error for a run that has diverged within its first `blocks` blocks."""
        last = max(blocks - 1, 0)
        epoch, turn = divmod(last, self.schedule.blocks)
        alpha = float(self.schedule.rate.at(self.schedule.tokens_before(last)))
        return DivergedError(
            f"training diverged in epoch {epoch + 1}, block {turn + 1:,} of {self.schedule.blocks:,},"
            f" at alpha {alpha:.3g}: {what}",
            hint=f"lower --alpha (now {self.schedule.rate.start:g})",
        )


def _nothing_to_predict(why: str, hint: str) -> NothingToPredictError:
    """Return the error for a corpus that cannot train anything."""
    return NothingToPredictError(f"there was nothing to predict: {why}", hint=hint)
