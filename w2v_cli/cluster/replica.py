"""One of the replicas of a run: a trainer of its own, and the tables as they were merged last.

What a replica is asked to do is a call of one of its methods, wherever it runs. Each returns a reply and any number of
parts: a reply is small and goes to the conductor, and parts go from replica to replica.
"""

from __future__ import annotations

import itertools
import math
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.cluster.backend import LostError
from w2v_cli.cluster.shared_corpus import SharedCorpus
from w2v_cli.cluster.versions import versions
from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.config import TrainConfig
from w2v_cli.engines.parameters import parameter_bytes
from w2v_cli.errors import TrainingError
from w2v_cli.merging.deltas import Deltas, cut_deltas, take_update
from w2v_cli.merging.rows import ALL, RowSets
from w2v_cli.merging.rule import merge_deltas
from w2v_cli.storage.system import open_no_link, write_at
from w2v_cli.training.memory import Tables, require_memory
from w2v_cli.training.trainer import Trainer
from w2v_cli.training.workers import Workers

# What can be asked of a replica that has not begun.
STATELESS = ("about", "receive", "begin", "merge", "probe", "weigh")
# How many rows are merged to find how long that takes.
TRIED_ROWS = 4096
# What a part is: the deltas of the rows of a slot in each of the two tables.
Part = tuple[Deltas, Deltas]


class About(NamedTuple):
    """What a replica says of its node: the versions that must agree, and whether it sees the ids."""

    host: str
    versions: dict[str, str]
    sees_ids: bool


class Ready(NamedTuple):
    """What a replica says when it is ready to train.

    Attributes
    ----------
    speed : tokens a second.
    row_seconds : how long it works to merge a row of both tables.
    peak : the most memory that it will have taken, bytes.
    """

    speed: float
    row_seconds: float
    peak: int


class Trained(NamedTuple):
    """What a replica says when it has trained its blocks.

    Attributes
    ----------
    blocks : the indices of those that it has trained, ascending. They are fewer than it was given if it diverged.
    diverged : the index of the block after which a vector had grown without bound, or −1.
    learnt : whether any window had a context word.
    seconds : how long it took.
    """

    blocks: list[int]
    diverged: int
    learnt: bool
    seconds: float


class Replica:
    """A replica. Construct it, and call `begin` before anything but `about` and `receive`.

    Parameters
    ----------
    config : the choices of the run, with the threads and the learning rate of a replica.
    shared : the corpus.
    merges : whether there are other replicas.
    """

    def __init__(self, config: TrainConfig, shared: SharedCorpus, merges: bool) -> None:
        self._config, self._shared, self._merges = config, shared, merges
        self._begun, self._open = False, ExitStack()
        self._received: tempfile.TemporaryDirectory[str] | None = None
        # What is under way of each set of rows, by slot.
        self._sent: dict[int, list[Part]] = {}

    def answer(self, method: str, args: Sequence[Any]) -> tuple[Any, ...]:
        """Return what a method returns.

        Raises
        ------
        LostError
            If it needs what the replica knew before its process was started again.
        """
        if not self._begun and method not in STATELESS:
            raise LostError("it was started again")
        return getattr(self, method)(*args)

    def about(self) -> tuple[About]:
        """Describe the node."""
        return (About(platform.node(), versions(), self._shared.is_in(self._shared.folder)),)

    def receive(self, name: str, offset: int, chunk: bytes) -> tuple[None]:
        """Write a chunk of a file of ids, on a node that does not see those of the conductor.

        Raises
        ------
        TrainingError
            If it cannot be written.
        """
        try:
            if self._received is None:
                self._received = tempfile.TemporaryDirectory(prefix="w2v-")
            descriptor = open_no_link(Path(self._received.name, name), os.O_WRONLY | os.O_CREAT)
            try:
                write_at(descriptor, chunk, offset)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise TrainingError(
                f"the node {platform.node()} cannot write the ids in {tempfile.gettempdir()}: {error.strerror}",
                hint="they take about 4 bytes for each word; free some space there",
            ) from error
        return (None,)

    def begin(self, alphas: tuple[float, float] | None, sets: tuple[int, int] | None) -> tuple[Ready]:
        """Make everything ready to train, and try how fast that is.

        Parameters
        ----------
        alphas : the learning rate at both ends of the run, if it differs from that of one machine.
        sets : as `arrange` takes them, if they are known.

        Raises
        ------
        LostError
            If the ids are not here, or not all of them.
        """
        self._forget()
        self.trainer = self._make_trainer(alphas)
        self.trainer.compile()
        parameters = self.trainer.parameters
        # As the kernels have them, with padded rows.
        self._tables = [parameters.input_vectors, parameters.output_vectors]
        self._bases = [table.copy() for table in self._tables] if self._merges else self._tables
        if sets is not None:
            self.arrange(*sets)
        # Once for all rounds, because it takes as long as a short one.
        self._open.enter_context(one_blas_thread())
        self._pool = self._open.enter_context(ThreadPoolExecutor(self.trainer.workers))
        self._begun, self._sent = True, {}
        row_seconds = self._try_merging() if self._merges else 0.0
        speed = self.trainer.schedule.total_tokens / self.trainer.estimate_seconds()
        return (Ready(speed, row_seconds, self.trainer.estimate_peak()),)

    def arrange(self, hot: int, groups: int) -> tuple[None]:
        """Divide the rows of the tables into hot ones and groups.

        Parameters
        ----------
        hot, groups : as in `RowSets`.
        """
        hot_last = self._config.loss == "hs"
        inputs, outputs = self._tables
        self._sets = [RowSets(len(inputs), hot, groups), RowSets(len(outputs), hot, groups, hot_last)]
        return (None,)

    def probe(self, size: int) -> tuple[None, np.ndarray]:
        """Return so many bytes, to measure how long they travel."""
        return None, np.ones(size, np.uint8)

    def weigh(self, found: Mapping[int, np.ndarray]) -> tuple[int]:
        """Return how many bytes have arrived."""
        return (sum(part.nbytes for part in found.values()),)

    def _try_merging(self) -> float:
        """Merge some rows like those of the tables, and return how long that takes for each, seconds.

        It also compiles what merges, so that the first merge does not miss its deadline.
        """
        dim, each = self._config.dim, max(1, TRIED_ROWS // self.trainer.workers)
        shape = len(self._tables), self.trainer.workers, each, self._tables[0].shape[1]
        tables, bases, seconds = np.ones(shape, np.float32), np.zeros(shape, np.float32), []

        def merge(i: int, part: int) -> None:
            table, base = tables[i, part], bases[i, part]
            sent = cut_deltas(table, base, dim)
            take_update(table, base, merge_deltas([sent]), sent)

        for _ in range(3):
            tables += 1
            begun = time.perf_counter()
            self._each(merge, [(i, part) for i in range(len(tables)) for part in range(self.trainer.workers)])
            seconds.append(time.perf_counter() - begun)
        return min(seconds) / (each * self.trainer.workers)

    def _make_trainer(self, alphas: tuple[float, float] | None) -> Trainer:
        config = self._config
        if alphas is not None:
            config = replace(config, alpha=alphas[0], min_alpha=alphas[1])
        words = len(self._shared.vocabulary)
        size = parameter_bytes(4 * words, config.dim)
        require_memory(Tables(f"the tables of a replica, {words:,} words × {config.dim}", size))
        folder = self._shared.folder if self._received is None else self._received.name
        # The process may have been started again while the ids were sent to it.
        if not self._shared.is_in(folder):
            raise LostError("it has not received all ids")
        corpus = self._shared.open(folder)
        # The files are open, and gone when they are closed.
        self._remove_received()
        return Trainer(config, corpus)

    def train(
        self,
        takes: Sequence[tuple[int, int]],
        blocks: Sequence[int],
        cuts: Sequence[int],
        slots: int,
        found: Mapping[tuple[int, int], Part],
    ) -> tuple[Any, ...]:
        """Take updates, train blocks, and then cut some sets of rows.

        Parameters
        ----------
        takes : which sets were merged, each with its number of slots.
        blocks : the indices of the blocks, ascending.
        cuts : the sets that are cut · slots : how many parts each is cut into.
        found : the update of each slot, by set and slot.

        Returns
        -------
        `Trained`, and the parts of the first set, those of the second one, and so on.
        """
        for which, count in takes:
            self._take(which, count, found)
        begun = time.perf_counter()
        trained, diverged, learnt = self._train(blocks)
        reply = Trained(trained, diverged, learnt, time.perf_counter() - begun)
        return (reply, *(part for which in cuts for part in self._cut(which, slots)))

    def _take(self, which: int, slots: int, found: Mapping[tuple[int, int], Part]) -> None:
        """Take the updates of a set of rows; the arguments are those of `train`."""
        sent = self._sent.pop(which, None)

        def take(slot: int, i: int) -> None:
            own = None if sent is None else sent[slot][i]
            rows = self._sets[i].select(which, slots, slot)
            take_update(self._tables[i][rows], self._bases[i][rows], found[which, slot][i], own)

        self._each(take, [(slot, i) for slot in range(slots) for i in range(2)])
        if which == ALL:
            # The bases are the same in all replicas. The tables still hold what 16 bits could not.
            for table, base in zip(self._tables, self._bases, strict=True):
                table[:] = base

    def _train(self, blocks: Sequence[int]) -> tuple[list[int], int, bool]:
        """Train blocks with all threads; return those that were trained, and what `train_blocks` returns of all."""
        trainer = self.trainer
        most = max(1, min(trainer.blocks.most, len(blocks) // (4 * trainer.workers)))
        stretches = iter(_stretches(blocks, trainer.schedule.blocks, most))
        lock, outcomes, trained = threading.Lock(), list[tuple[int, bool]](), list[int]()

        def train_next() -> bool:
            with lock:
                stretch = next(stretches, None)
            if stretch is None:
                return False
            outcome = trainer.train_blocks(stretch)
            outcomes.append(outcome)
            trained.extend(stretch.tolist())
            return outcome[0] < 0

        Workers(trainer.workers, train_next).run(lambda: False, math.inf)
        diverged = max((diverged for diverged, _ in outcomes), default=-1)
        return sorted(trained), diverged, any(learnt for _, learnt in outcomes)

    def _cut(self, which: int, slots: int) -> list[Part]:
        """Return what a set of rows has moved since it was merged last: a part for each slot."""

        def cut(slot: int, i: int) -> Deltas:
            rows = self._sets[i].select(which, slots, slot)
            return cut_deltas(self._tables[i][rows], self._bases[i][rows], self._config.dim)

        cuts = self._each(cut, [(slot, i) for slot in range(slots) for i in range(2)])
        self._sent[which] = list(zip(cuts[::2], cuts[1::2], strict=True))
        return self._sent[which]

    def _each(self, work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Do work on parts of the tables that do not overlap, with all threads; return what it returns, in order."""
        return list(self._pool.map(lambda task: work(*task), tasks))

    def merge(self, found: Mapping[int, Part]) -> tuple[None, Part]:
        """Return the update of a slot, made of the parts of all replicas. It needs nothing else, so any replica can.

        Parameters
        ----------
        found : the part of each replica by its number.
        """
        parts = [found[number] for number in sorted(found)]
        inputs, outputs = (merge_deltas([part[i] for part in parts]) for i in range(2))
        return None, (inputs, outputs)

    def base(self) -> tuple[Any, ...]:
        """Return the tables as they were merged last."""
        return (None, *(base[:, : self._config.dim] for base in self._bases))

    def load(self, found: Mapping[int, np.ndarray]) -> tuple[None]:
        """Begin from the tables of another replica."""
        for i, table in enumerate(self._tables):
            table[:, : self._config.dim] = found[i]
            self._bases[i][:] = table
        self._sent.clear()
        return (None,)

    def measure(self) -> tuple[Any]:
        """Measure the loss."""
        return (self.trainer.measure_loss(),)

    def close(self) -> None:
        """Close the files of the ids, and forget all that was received."""
        self._forget()
        self._remove_received()

    def _remove_received(self) -> None:
        """Remove the names of the files of ids that were received."""
        if self._received is not None:
            self._received.cleanup()
            self._received = None

    def _forget(self) -> None:
        """Close the files of the ids, and forget the tables."""
        self._open.close()
        if self._begun:
            self.trainer.corpus.close()
            del self.trainer, self._tables, self._bases
        self._begun = False


def _stretches(blocks: Sequence[int], epoch_blocks: int, most: int) -> list[np.ndarray]:
    """Divide blocks, ascending, into stretches of one epoch with at most so many blocks."""
    stretches = []
    for _, group in itertools.groupby(blocks, lambda block: block // epoch_blocks):
        of_epoch = np.array(list(group), np.int64)
        stretches += [of_epoch[i : i + most] for i in range(0, len(of_epoch), most)]
    return stretches
