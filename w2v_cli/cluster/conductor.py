"""Leads the replicas of a run: deals blocks, lets what was learnt be merged, and goes on without those that are lost.

In a round every replica takes the updates that were merged, trains its blocks, and cuts its hot rows and one group of
the other rows. The hot rows are merged between two rounds, while nothing is trained. A group is merged while the
next round is trained, and taken at the end of it. So the hot rows are up to date in every round, and the others a round
late.

The conductor holds numbers and references, and never a row. No wait is without a deadline.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from w2v_cli.cluster.backend import Backend, Call, LostError, Missing, Ref
from w2v_cli.cluster.plan import Plan
from w2v_cli.cluster.replica import Trained
from w2v_cli.cluster.rounds import Ledger, Shares
from w2v_cli.errors import TrainingError
from w2v_cli.merging.rows import ALL, HOT
from w2v_cli.training.loss_sample import MeasuredLoss

# A replica must answer within this many times the usual length of a round, and has at least the second, seconds.
# Compiling, reading the ids and loading the tables may take as long as the third, seconds.
ROUNDS_OF_PATIENCE, LEAST_PATIENCE, BEGIN_PATIENCE = 5, 30.0, 120.0
# Merging a group begins so many seconds after a round: at once, it would delay the updates that the round waits for.
LATE_SECONDS = 0.03
# How often the conductor looks at the replies that have come, seconds. An error ends the run without waiting for the
# other replies.
POLL_SECONDS = 0.5
# A merge is tried with so many other replicas before the run is given up.
MOST_TRIES = 8
_RESUME = "a run with --checkpoint FOLDER can be resumed: w2v train --resume FOLDER"


class AllLostError(TrainingError):
    """No replica is left."""


@dataclass
class Merge:
    """A set of rows that is being merged.

    Attributes
    ----------
    which : `HOT`, `ALL`, or a group · slots : how many slots it is cut into.
    parts : of each replica, a part for each slot.
    updates : by slot, what a replica that was asked to merge it will return.
    asked : by slot, which replica that is, and its reply; only those that have not been looked at.
    """

    which: int
    slots: int
    parts: dict[int, list[Ref]]
    updates: dict[int, Ref] = field(default_factory=dict)
    asked: dict[int, tuple[int, Ref]] = field(default_factory=dict)

    def forget(self, replica: int) -> None:
        """Do not ask for what a replica has sent, nor blame it for what it has not merged: it was started again."""
        self.parts.pop(replica, None)
        self.asked = {slot: asked for slot, asked in self.asked.items() if asked[0] != replica}

    def keep(self, replicas: Container[int]) -> None:
        """Merge only what some replicas have sent, even if more was asked for."""
        self.parts = {w: parts for w, parts in self.parts.items() if w in replicas}
        self.updates, self.asked = {}, {}


class Conductor:
    """Leads the replicas of a backend that have all begun.

    Parameters
    ----------
    backend : runs the replicas.
    plan : how often they merge.
    ledger : the blocks of the run.
    begin : asks a replica that was started again to make itself ready; returns the reference to its reply.
    remark : receives what the user should know, as a sentence.

    Attributes
    ----------
    alive : the replicas that train, ascending.
    """

    def __init__(
        self,
        backend: Backend,
        plan: Plan,
        ledger: Ledger,
        begin: Callable[[int], Ref],
        remark: Callable[[str], None],
    ) -> None:
        self._backend, self.plan, self.ledger = backend, plan, ledger
        self._begin, self._remark = begin, remark
        self.alive = list(range(backend.count))
        # The replicas that begin again: the reply that each will give, and since when it is awaited.
        self._joining: dict[int, tuple[Ref, float]] = {}
        # What the replicas take with the next call, and what they take with the one after it.
        self._due: list[Merge] = []
        self._late: list[Merge] = []
        self._rounds = 0
        self._seconds: deque[float] = deque(maxlen=20)
        self._shares = Shares()

    @property
    def merges(self) -> bool:
        """Whether there is anything to merge; a single replica trains exactly as one machine does."""
        return self._backend.count > 1

    @property
    def _usual_seconds(self) -> float:
        """How long a round usually takes."""
        return statistics.median(self._seconds) if self._seconds else 0.0

    @property
    def deadline(self) -> float:
        """How long a replica may take to train its blocks of a round, seconds."""
        return max(LEAST_PATIENCE, ROUNDS_OF_PATIENCE * self._usual_seconds)

    def load(self, tables: Sequence[np.ndarray]) -> None:
        """Let every replica begin from some tables.

        Raises
        ------
        AllLostError
            If no replica is left.
        """
        found = {i: self._backend.put(table) for i, table in enumerate(tables)}
        calls = {w: self._backend.call(w, Call("load", found=found))[0] for w in self.alive}
        replies, failed = self._gather(calls, BEGIN_PATIENCE)
        missed = [w for w, reply in replies.items() if isinstance(reply, Missing)]
        self._drop(failed | {w: LostError("the tables did not arrive") for w in missed})

    def round(self, stop: int | None = None) -> dict[int, Trained]:
        """Train a round of blocks, and merge; return what each replica has done that was not lost.

        Parameters
        ----------
        stop : no block is begun from this one on, except those that must be trained again.

        Raises
        ------
        AllLostError
            If no replica is left.
        """
        self._join()
        dealt = self.ledger.deal({w: self._shares.quota(w, self.plan.round_blocks) for w in self.alive}, stop)
        begun = time.perf_counter()
        replies, cut = self._call(dealt, (HOT, self._rounds % self.plan.groups) if self.merges else ())
        self._due, self._late = [*cut[:1], *self._late], cut[1:]
        self._seconds.append(time.perf_counter() - begun)
        # With an interval that the user has chosen, nothing may depend on a clock: the run can be repeated then.
        if self.plan.network is not None:
            self._shares.notice({w: r.seconds / len(r.blocks) for w, r in replies.items() if r.blocks})
        self._rounds += 1
        return replies

    def merge_all(self) -> None:
        """Merge every row, so that all replicas have the same tables.

        Raises
        ------
        AllLostError
            If no replica is left.
        """
        if not self.merges:
            return
        # If a replica is lost meanwhile, what it learnt last may be lost with it, but the others have the same tables.
        self._due, self._late = [*self._due, *self._late], []
        _, self._due = self._call({}, (ALL,))
        self._take()

    def _take(self) -> None:
        """Let every replica take what is merged before it trains again."""
        _, self._due = self._call({}, ())

    def tables(self) -> list[np.ndarray]:
        """Return the tables as they were merged last.

        Raises
        ------
        AllLostError
            If no replica is left.
        """
        return self._ask_one(Call("base", parts=2))[1:]

    def measure(self) -> MeasuredLoss:
        """Let a replica measure the loss of its tables, with all updates that are due.

        Raises
        ------
        AllLostError
            If no replica is left.
        """
        if self._due:
            self._take()
        return self._ask_one(Call("measure"))[0]

    def _ask_one(self, call: Call) -> list[Any]:
        """Return the reply of the first replica that answers, and its parts."""
        while True:
            w = self.alive[0]
            refs = self._backend.call(w, call)
            values, failed = self._gather(dict(enumerate(refs)), BEGIN_PATIENCE)
            if not failed:
                return [values[i] for i in range(len(refs))]
            self._drop({w: failed[min(failed)]})

    def _call(self, dealt: Mapping[int, list[int]], cuts: Sequence[int]) -> tuple[dict[int, Trained], list[Merge]]:
        """Let every replica take what is due, train the blocks that were dealt to it, and cut some sets of rows.

        Replicas wait for the updates themselves, and for the parts that they merge, so the conductor asks only once.

        Parameters
        ----------
        dealt : the blocks of each replica; none for those that are not in it.
        cuts : the sets that are cut. The first one is merged as soon as all replicas have cut it.

        Returns
        -------
        What each replica has done that was not lost, and the sets that were cut.
        """
        for _ in range(MOST_TRIES):
            refs, merges = self._ask(dealt, cuts)
            begun = time.perf_counter()
            replies, failed = self._gather(refs, self.deadline)
            seconds = time.perf_counter() - begun
            without = {w: reply.keys for w, reply in replies.items() if isinstance(reply, Missing)}
            done = {w: reply for w, reply in replies.items() if w not in without}
            # If all replicas have taken everything, everything was merged, and looking would only take time.
            for merge in self._due if failed or without else ():
                failed |= self._look_at(merge)
            if done or not without:
                for w in refs:
                    self.ledger.trained(w, done[w].blocks if w in done else [])
                # Those who have not found an update differ from those who took it, and begin anew from them.
                failed |= {w: LostError("an update was lost") for w in without}
                self._drop(failed)
                # If it took unusually long, some may no longer wait for the parts that they were to merge.
                if failed or seconds > self._usual_seconds + self.deadline / 4:
                    for merge in merges:
                        merge.keep(self.alive)
                return done, merges
            # Nobody has taken anything, because a replica that was to merge it is gone: others must merge it.
            for w in failed:
                self.ledger.lost(w)
            self._drop(failed)
            lost = {key for keys in without.values() for key in keys}
            for merge in self._due:
                merge.updates = {slot: r for slot, r in merge.updates.items() if (merge.which, slot) not in lost}
        raise TrainingError("the replicas could not be merged", hint=_RESUME)

    def _ask(self, dealt: Mapping[int, list[int]], cuts: Sequence[int]) -> tuple[dict[int, Ref], list[Merge]]:
        """Ask every replica for what `_call` says; return the references to the replies, and the sets that are cut."""
        for merge in self._due:
            self._start(merge)
        takes = [(merge.which, merge.slots) for merge in self._due]
        found = {(merge.which, slot): ref for merge in self._due for slot, ref in merge.updates.items()}
        slots = len(self.alive)
        refs, merges = dict[int, Ref](), [Merge(which, slots, {}) for which in cuts]
        for w in self.alive:
            args = takes, dealt.get(w, []), cuts, slots
            call = Call("train", args, found, len(cuts) * slots, self.deadline * 2 / 3)
            refs[w], *parts = self._backend.call(w, call)
            for i, merge in enumerate(merges):
                merge.parts[w] = parts[i * slots : (i + 1) * slots]
        for merge in merges[:1]:
            self._start(merge, self._usual_seconds)
        if self._late:
            self._backend.ready(list(refs.values()), LATE_SECONDS)
        for merge in self._late:
            self._start(merge)
        return refs, merges

    def _start(self, merge: Merge, seconds: float = 0.0) -> None:
        """Ask a replica for each slot to merge it, if nobody has been asked yet.

        Parameters
        ----------
        seconds : after how long the parts should be there.
        """
        if not merge.parts:
            # All replicas that knew these rows are lost. The others have begun after them.
            merge.slots = 0
        for slot in range(merge.slots):
            if slot not in merge.updates:
                w = self.alive[slot % len(self.alive)]
                found = {source: parts[slot] for source, parts in merge.parts.items()}
                call = Call("merge", (), found, 1, seconds + self.deadline / 3)
                reply, merge.updates[slot] = self._backend.call(w, call)
                merge.asked[slot] = w, reply

    def _look_at(self, merge: Merge) -> dict[int, Exception]:
        """Return which replicas have failed to merge, or lost what was to be merged, and why."""
        asked, merge.asked = merge.asked, {}
        replies, failed = self._gather({slot: reply for slot, (_, reply) in asked.items()}, self.deadline / 3)
        gone: dict[int, Exception] = {asked[slot][0]: error for slot, error in failed.items()}
        for reply in replies.values():
            if isinstance(reply, Missing):
                # A replica whose part is lost cannot take back what it has sent, so it begins anew.
                gone |= {w: LostError("what it had sent was lost") for w in reply.keys if w in merge.parts}
        return gone

    def _gather(self, refs: Mapping[Any, Ref], seconds: float) -> tuple[dict[Any, Any], dict[Any, Exception]]:
        """Wait for replies; return those that came, and why the others did not."""
        end = time.perf_counter() + seconds
        left, replies, failed = dict(refs), dict[Any, Any](), dict[Any, Exception]()
        while left:
            ready = self._backend.ready(list(left.values()), max(0.0, min(POLL_SECONDS, end - time.perf_counter())))
            for key in [key for key, ref in left.items() if ref in ready]:
                try:
                    replies[key] = self._backend.value(left.pop(key))
                except LostError as error:
                    failed[key] = error
            if left and time.perf_counter() >= end:
                failed |= {key: TimeoutError(f"no answer within {seconds:.0f} s") for key in left}
                break
        return replies, failed

    def _drop(self, gone: Mapping[int, Exception]) -> None:
        """Go on without some replicas, and start them again.

        Raises
        ------
        AllLostError
            If no replica is left.
        """
        for w in sorted(set(gone) & set(self.alive)):
            self.alive.remove(w)
            for merge in (*self._due, *self._late):
                merge.forget(w)
            self._remark(f"Replica {w + 1} was lost: {gone[w]}")
            if isinstance(gone[w], TimeoutError):
                self._backend.kill(w)
            self._begin_again(w)
        if not self.alive:
            raise AllLostError("all replicas were lost", hint=_RESUME)

    def revive(self, tables: Sequence[np.ndarray], ledger: Ledger) -> None:
        """Go on from some tables when all replicas were lost, as soon as one of them has begun again.

        Parameters
        ----------
        tables : what the replicas begin with · ledger : the blocks that these have been trained with.

        Raises
        ------
        TrainingError
            If none begins within its deadline.
        AllLostError
            If those that have begun are lost again.
        """
        self.ledger, self._due, self._late = ledger, [], []
        end = time.perf_counter() + BEGIN_PATIENCE
        while not self.alive:
            if time.perf_counter() > end:
                raise TrainingError("all replicas were lost, and none has come back", hint=_RESUME)
            self._backend.ready([ref for ref, _ in self._joining.values()], POLL_SECONDS)
            self.alive = self._ready_to_join()
        self.load(tables)

    def _join(self) -> None:
        """Take back the replicas that have begun again; they start from the tables of another one."""
        for w in self._ready_to_join():
            _, *tables = self._backend.call(self.alive[0], Call("base", parts=2))
            load = Call("load", found=dict(enumerate(tables)), seconds=self.deadline)
            replies, failed = self._gather({w: self._backend.call(w, load)[0]}, BEGIN_PATIENCE)
            if failed or isinstance(replies[w], Missing):
                self._begin_again(w)
                continue
            self.alive = sorted([*self.alive, w])
            self._shares.forget(w)
            self._remark(f"Replica {w + 1} is back")

    def _begin_again(self, w: int) -> None:
        """Ask a replica that was started again to make itself ready."""
        self._joining[w] = self._begin(w), time.perf_counter()

    def _ready_to_join(self) -> list[int]:
        """Return the replicas that are ready again; those that have failed once more, or take too long, begin anew."""
        found = []
        ready = self._backend.ready([ref for ref, _ in self._joining.values()], 0.0) if self._joining else []
        for w, (ref, since) in list(self._joining.items()):
            if ref in ready:
                try:
                    self._backend.value(ref)
                except LostError:
                    self._begin_again(w)
                else:
                    del self._joining[w]
                    found.append(w)
            elif time.perf_counter() - since > BEGIN_PATIENCE:
                self._backend.kill(w)
                self._begin_again(w)
        return found
