"""A run on several replicas as a `Trainer`: the same schedule, losses, checkpoints and progress as on one machine."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from w2v_cli.cluster.backend import Backend, Call, LostError, Ref
from w2v_cli.cluster.conductor import BEGIN_PATIENCE, AllLostError, Conductor
from w2v_cli.cluster.plan import (
    LIKE_ONE,
    Network,
    Plan,
    alpha_factor,
    choose_plan,
    expected_effect,
    given_plan,
)
from w2v_cli.cluster.replica import About, Ready
from w2v_cli.cluster.rounds import Ledger
from w2v_cli.cluster.shared_corpus import CHUNK_BYTES, SharedCorpus
from w2v_cli.cluster.traffic import run_bytes
from w2v_cli.cluster.versions import require_agreeing
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.spool import FILE_NAMES
from w2v_cli.errors import TrainingError
from w2v_cli.training.loss_sample import MeasuredLoss
from w2v_cli.training.memory import size_text
from w2v_cli.training.schedule import Schedule
from w2v_cli.training.state import Cluster, RunState, Tally
from w2v_cli.training.trainer import Trainer
from w2v_cli.training.workers import Workers

# How long a round of a single replica takes, which has nothing to merge: a run that is told to stop waits so long.
SINGLE_ROUND_SECONDS = 0.2
# How much is sent to measure the network, bytes.
PROBE_BYTES = 1 << 23
# How often a run goes back because all replicas were lost, before it is given up.
MOST_TIMES_BACK = 10

MakeBackend = Callable[[TrainConfig, SharedCorpus], Backend]


class ClusterTrainer(Trainer):
    """A trainer whose blocks are trained by replicas.

    Its own tables are filled when the run is saved, and when it ends.

    Parameters
    ----------
    config, corpus : as in `Trainer`; `config.threads` are those of each replica, and the ids must have names.
    make_backend : starts the replicas.
    merge_every : tokens of a replica between two merges; None to choose them.
    remark : receives what the user should know, as a sentence.

    Attributes
    ----------
    replicas : how many there are; 1 until they are started.
    """

    replicas = 1

    def __init__(
        self,
        config: TrainConfig,
        corpus: EncodedCorpus,
        make_backend: MakeBackend,
        merge_every: int | None,
        remark: Callable[[str], None],
    ) -> None:
        super().__init__(config, corpus)
        self._merge_every, self._remark = merge_every, remark
        self._shared = SharedCorpus.of(corpus, os.path.dirname(os.path.abspath(corpus.spool.files[0].name)))
        self._backend = make_backend(config, self._shared)
        self.replicas = self._backend.count
        self._alphas = self._scaled_alphas()

    @property
    def cluster(self) -> Cluster:
        """The replicas that train the run."""
        merge_every = None if self.replicas == 1 else self._plan.round_tokens
        return Cluster(self.replicas, self._backend.threads, merge_every)

    @property
    def workers(self) -> int:
        """Number of blocks that are trained at the same time, by all replicas together."""
        return super().workers * self.replicas

    def _scaled_alphas(self) -> tuple[float, float] | None:
        """Return the learning rate at both ends of the run if many replicas need a higher one; None if not."""
        factor = alpha_factor(self.replicas)
        if self.config.alpha is not None or factor == 1:
            return None
        rate = self.schedule.rate
        end = rate.end if self.config.min_alpha is not None else rate.end * factor
        alphas = rate.start * factor, end
        self.schedule = Schedule(replace(self.config, alpha=alphas[0], min_alpha=end), self.corpus.token_count)
        self._remark(
            f"Learning rate {alphas[0]:.3g}, {factor:.2f} times that of one machine: more than {LIKE_ONE} replicas"
            " learn better with more (--alpha sets it)"
        )
        return alphas

    def compile(self) -> float:
        """Let every replica make itself ready; return how long that took, in seconds."""
        begun = time.perf_counter()
        nodes: list[About] = self._all([Call("about")] * self.replicas)
        require_agreeing((node.host, node.versions) for node in nodes)
        self._note_blind(nodes)
        with _all_needed():
            for replica in sorted(self._blind):
                self._send_ids(replica)
        self._ready: list[Ready] = self._all([Call("begin", (self._alphas, None))] * self.replicas)
        return time.perf_counter() - begun

    def _all(self, calls: Sequence[Call]) -> list[Any]:
        """Let each replica do its call; return their replies, in order.

        Raises
        ------
        TrainingError
            If one does not answer.
        """
        with _all_needed():
            return self._replies([self._backend.call(w, call)[0] for w, call in enumerate(calls)])

    def _replies(self, refs: Sequence[Ref]) -> list[Any]:
        """Wait for replies, and return them.

        Raises
        ------
        LostError
            If one does not come.
        """
        if len(self._backend.ready(refs, BEGIN_PATIENCE)) < len(refs):
            raise LostError(f"no answer within {BEGIN_PATIENCE:.0f} s")
        return [self._backend.value(ref) for ref in refs]

    def _note_blind(self, nodes: list[About]) -> None:
        """Note which nodes do not see the ids."""
        self._blind = {replica for replica, node in enumerate(nodes) if not node.sees_ids}
        if self._blind:
            hosts = ", ".join(sorted({nodes[replica].host for replica in self._blind}))
            self._remark(f"The ids are copied to {hosts}, which cannot see {self._shared.folder}")

    def _send_ids(self, replica: int) -> None:
        """Send the files of the ids to a replica that cannot see them.

        Raises
        ------
        LostError
            If it does not answer.
        """
        for name in FILE_NAMES:
            with open(Path(self._shared.folder, name), "rb") as file:
                offset = 0
                while chunk := file.read(CHUNK_BYTES):
                    self._replies(self._backend.call(replica, Call("receive", (name, offset, chunk))))
                    offset += len(chunk)

    def _begin_again(self, replica: int) -> Ref:
        """Ask a replica that was started again to make itself ready; return the reference to its reply."""
        if replica in self._blind:
            # If it is lost meanwhile, it has not received all ids, so `begin` fails, and is tried again.
            with suppress(LostError):
                self._send_ids(replica)
        return self._backend.call(replica, Call("begin", (self._alphas, (self._plan.hot, self._plan.groups))))[0]

    def estimate_seconds(self) -> float:
        """Choose how often the replicas merge; return how long training will take."""
        speed = min(ready.speed for ready in self._ready)
        self._plan = self._make_plan(speed)
        self._all([Call("arrange", (self._plan.hot, self._plan.groups))] * self.replicas)
        self._say_plan()
        return self.schedule.total_tokens / (speed * (self._plan.speed_up() or self.replicas))

    def estimate_peak(self) -> int:
        """Estimate the most memory that a replica will have had resident, in bytes."""
        return max(ready.peak for ready in self._ready)

    def _make_plan(self, speed: float) -> Plan:
        count, words, dim = self.replicas, len(self.corpus.vocabulary), self.config.dim
        if count == 1:
            return given_plan(1, words, dim, speed, int(speed * SINGLE_ROUND_SECONDS))
        if self._merge_every is not None:
            return given_plan(count, words, dim, speed, self._merge_every)
        row_seconds = max(ready.row_seconds for ready in self._ready)
        return choose_plan(count, words, dim, speed, self._measure_network(), row_seconds)

    def _measure_network(self) -> Network:
        """Measure how long the replicas take to exchange little, and much."""
        small = statistics.median(self._exchange(1) for _ in range(5))
        seconds = max(self._exchange(PROBE_BYTES) - small, 1e-5)
        # A round is two of these: what the replicas have cut is merged, and they take the updates.
        return Network(2 * small, PROBE_BYTES / seconds)

    def _exchange(self, size: int) -> float:
        """Let every replica send so many bytes to the next one; return how long that took, seconds."""
        count = self.replicas
        made = [self._backend.call(w, Call("probe", (size,), parts=1)) for w in range(count)]
        self._backend.ready([refs[0] for refs in made], BEGIN_PATIENCE)
        begun = time.perf_counter()
        self._all([Call("weigh", found={0: made[(w + 1) % count][1]}) for w in range(count)])
        return time.perf_counter() - begun

    def _say_plan(self) -> None:
        """Say how many replicas train, how often they merge, what that costs, and what it does to the model."""
        plan, count = self._plan, self.replicas
        threads = f"{self._backend.threads} thread" + ("s" if self._backend.threads > 1 else "")
        if count == 1:
            self._remark(f"One replica with {threads}: the same as on one machine")
            return
        self._remark(
            f"{count} replicas with {threads} each; {plan.hot:,} hot words are merged every"
            f" {plan.round_tokens:,} words of a replica, all others every {plan.cycle_tokens:,}"
        )
        speed_up, total = plan.speed_up(), self.schedule.total_tokens
        counts = self.corpus.vocabulary.counts
        sent = run_bytes(plan, self.schedule, self.sampler.keep_prob * counts / counts.sum(), self.config.loss)
        faster = "" if speed_up is None else f"; about {speed_up:.1f} times as fast as one"
        self._remark(
            f"That sends about {sent / (total / count):.1f} bytes for each word that a replica trains,"
            f" {size_text(sent)} in all{faster}"
        )
        self._remark(expected_effect(count, total))
        fitting = plan.fitting_replicas(total)
        if fitting < count:
            self._remark(
                f"The text is too short for {count} replicas that merge this seldom; {fitting} would fit:"
                f" --replicas {fitting}, or a smaller --merge-every, or more --epochs"
            )

    def _tally(self, start: RunState | None) -> Tally:
        """Return the tally that the run begins with, and let the replicas begin there too."""
        ledger = Ledger(self.schedule.blocks * self.config.epochs, 0 if start is None else start.block)
        self.conductor = Conductor(self._backend, self._plan, ledger, self._begin_again, self._remark)
        # Where the loss was measured last, where it was reported last, and up to where it was when the run went back.
        self._measured_at, self._reported, self._replayed = -1, 0, -1
        self._times_back, self._measures_here = 0, False
        if start is not None:
            self.conductor.load(list(self.parameters.tensors().values()))
        tally = super()._tally(start)
        # What the run goes back to if all replicas are lost: the state that belongs to `parameters`.
        self._kept = tally.state()
        return tally

    def _make_workers(self, tally: Tally) -> Workers:
        """Return a thread that leads the replicas, while the main thread watches."""
        return Workers(1, lambda: self._train_next(tally))

    def _train_next(self, tally: Tally) -> bool:
        """Train a round; return whether there was anything left."""
        try:
            return self._train_round(tally)
        except AllLostError as error:
            self._go_back(tally, error)
            return True

    def _train_round(self, tally: Tally) -> bool:
        """Train a round, after the loss was measured if this is the place; return whether there was anything left."""
        ledger = self.conductor.ledger
        if ledger.finished:
            return False
        index = ledger.next
        measures = index > 0 and index != self._measured_at and self.schedule.measures_at(index)
        if measures and ledger.settled:
            if index % self.schedule.blocks == 0:
                # The loss of an epoch is that of the model, and not that of one of the replicas.
                self.conductor.merge_all()
            self._measure(tally, index)
            self._measured_at = index
        done = self.conductor.round(index if measures and not ledger.settled else self.schedule.next_measured(index))
        for reply in done.values():
            if reply.blocks:
                self._tally_blocks(tally, np.array(reply.blocks), reply.diverged, reply.learnt)
        with tally.lock:
            tally.block = ledger.next
        return True

    def _check(self, tally: Tally, whole_run: bool) -> MeasuredLoss:
        """Fill the tables with those of the replicas, and measure the loss, as `Trainer` does."""
        reached = tally.block
        while True:
            # The ledger is another one if the run has gone back.
            while self.conductor.ledger.next < reached or not self.conductor.ledger.settled:
                self._train_next(tally)
            try:
                self.conductor.merge_all()
                tables = self.conductor.tables()
                break
            except AllLostError as error:
                self._go_back(tally, error)
        for own, table in zip(self.parameters.tensors().values(), tables, strict=True):
            own[:] = table
        self._kept = tally.state()
        self._measures_here = True
        try:
            return super()._check(tally, whole_run)
        finally:
            self._measures_here = False

    def _go_back(self, tally: Tally, error: AllLostError) -> None:
        """Let the replicas begin again from the tables that are here: those of the last checkpoint, or of the start.

        Raises
        ------
        TrainingError
            If no replica comes back, or they are lost again and again.
        """
        kept, schedule = self._kept, self.schedule
        blocks = schedule.blocks * self.config.epochs
        with tally.lock:
            tally.losses[:] = kept.losses
            tally.block, tally.tokens = kept.block, schedule.tokens_before(kept.block)
        self._measured_at, self._replayed = -1, self._reported
        while self._times_back < MOST_TIMES_BACK:
            self._times_back += 1
            self._remark(f"All replicas were lost: going back to {kept.block / blocks:.0%} of the run")
            with suppress(AllLostError):
                self.conductor.revive(list(self.parameters.tensors().values()), Ledger(blocks, kept.block))
                return
        raise error

    def _measure(self, tally: Tally, index: int) -> MeasuredLoss:
        """Measure the loss; report it only once, even if the run has gone back."""
        measured = super()._measure(tally, index)
        with tally.lock:
            if index <= self._replayed:
                tally.points.pop()
            self._reported = max(self._reported, index)
        return measured

    def measure_loss(self) -> MeasuredLoss:
        """Measure the loss of the tables that are here, or let a replica measure that of its own."""
        return super().measure_loss() if self._measures_here else self.conductor.measure()

    def close(self) -> None:
        """End the replicas."""
        self._backend.close()


@contextmanager
def _all_needed() -> Iterator[None]:
    """End a run whose replicas do not all start: it does not begin with fewer than it was to have.

    Raises
    ------
    TrainingError
        Instead of a `LostError`.
    """
    try:
        yield
    except LostError as error:
        raise TrainingError(
            f"a replica did not start: {error}", hint="see whether all nodes are alive: ray status"
        ) from error
