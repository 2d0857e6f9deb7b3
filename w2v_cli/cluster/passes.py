"""The two passes over a corpus, by the nodes of a cluster; the results are those of one machine.

Each node counts parts of the text into tables of its own, which are merged here. It keeps provisional ids, and when it
knows the vocabulary, it sends the ids here, where they are written in the order of the text. Meanwhile this machine
reads the text too, for its sha256, which must be made in order, and to see that the nodes read the same text.

No wait is without a deadline, except for this machine's own reading.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from w2v_cli.cluster import watch
from w2v_cli.cluster.backend import Backend, Call, LostError, Missing, Ref
from w2v_cli.cluster.counter import CountedPart
from w2v_cli.cluster.dealing import PartLedger
from w2v_cli.cluster.own_reading import OwnReading
from w2v_cli.corpus.encodings import Damage
from w2v_cli.corpus.passes import OnProgress, OwnPasses
from w2v_cli.corpus.spool import Spool
from w2v_cli.corpus.texts import Part, Texts
from w2v_cli.corpus.tokens import Tokens, make_tokens, tokens_of
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.corpus.vocabulary_file import ids_in
from w2v_cli.errors import CorpusError, W2VError
from w2v_cli.storage.opening import absolute, name_of

# Merging tables, or looking all words up in the vocabulary, may take so long, seconds, and as long again as counting.
TABLE_PATIENCE = 120.0
# How often this process looks at what has come, seconds.
POLL_SECONDS = 0.1
# How many provisional ids a node turns into a chunk, and how many chunks are under way.
CHUNK_IDS, CHUNKS_AHEAD = 1 << 22, 3


class NoNodeError(Exception):
    """No node is left that counts."""


class ClusterPasses:
    """The passes of several nodes.

    Parameters
    ----------
    texts : all have names, by which the nodes can open them.
    parts : what the texts were cut into.
    backend : runs a `Counter` for each node.
    hosts : the names of the nodes that have begun and see the texts, by their numbers.
    alone : the passes of this machine, which are made if all nodes are lost.
    remark : receives what the user should know, as a sentence.
    """

    def __init__(
        self,
        texts: Texts,
        parts: Sequence[Part],
        backend: Backend,
        hosts: Mapping[int, str],
        alone: OwnPasses,
        remark: Callable[[str], object],
    ) -> None:
        self._texts, self._parts, self._backend, self._hosts = texts, parts, backend, hosts
        self._alone, self._remark = alone, remark
        self._is_alone = False
        self._ledger = PartLedger([part.size for part in parts], hosts)
        self._counted: dict[int, CountedPart] = {}
        self._said = set[str]()

    def count(self, spool: Spool | None, report: OnProgress) -> tuple[Tokens, str]:
        """Let the nodes count all texts, as `Passes` says."""
        try:
            return self._count(report)
        except NoNodeError:
            self._is_alone = True
            return self._alone.count(spool, report)

    def translate(self, vocabulary: Vocabulary, ids: np.ndarray, spool: Spool, report: OnProgress) -> int:
        """Let the nodes translate their ids, and write them in order, as `Passes` says."""
        if self._is_alone:
            return self._alone.translate(vocabulary, ids, spool, report)
        try:
            return self._translate(vocabulary, spool, report)
        except NoNodeError:
            spool.clear()
            tokens, fingerprint = self._alone.count(spool, report)
            if fingerprint != self._fingerprint:
                raise _changed(f"{self._texts} has changed while it was read") from None
            return self._alone.translate(vocabulary, ids_in(vocabulary, tokens), spool, report)

    def _count(self, report: OnProgress) -> tuple[Tokens, str]:
        begun, tokens, total = time.perf_counter(), make_tokens(), self._texts.total_bytes
        with OwnReading(self._texts, self._parts) as reading:

            def progressed(counted: int) -> None:
                if reading.error is not None:
                    self._raise_error_in(reading.part)
                    raise reading.error
                report("count", min(counted, reading.bytes_read), total)

            while True:
                self._count_parts(progressed)
                self._table_seconds = TABLE_PATIENCE + time.perf_counter() - begun
                self._merge_tables(tokens)
                if self._ledger.settled:
                    break
            while not reading.finished(POLL_SECONDS):
                progressed(self._ledger.counted_bytes)
            progressed(self._ledger.counted_bytes)
        self._checksums, self._fingerprint = reading.checksums, reading.fingerprint
        self._require_same_text()
        self._say_damage()
        tokens.seal()
        return tokens, self._fingerprint

    def _count_parts(self, progressed: Callable[[int], object]) -> None:
        """Let the nodes count until all parts are counted.

        Parameters
        ----------
        progressed : called with how much is counted, in bytes on disk.
        """
        ledger, watched, calls = self._ledger, watch.Watch(self._backend), dict[int, Ref]()
        while not ledger.settled:
            for node, part in ledger.deal().items():
                calls[node] = self._backend.call(node, Call("count", (part, self._parts[part])))[0]
            ready = self._backend.ready(list(calls.values()), POLL_SECONDS)
            for node in [node for node, ref in calls.items() if ref in ready]:
                self._take(node, calls.pop(node))
            for node in watched.silent(calls):
                del calls[node]
                self._drop(node, f"it has read nothing for {watch.PATIENCE:.0f} s")
            progressed(ledger.counted_bytes + watched.bytes_read)

    def _take(self, node: int, ref: Ref) -> None:
        """Take what a node says of the part that it was given."""
        part = self._ledger.busy[node]
        try:
            counted: CountedPart = self._backend.value(ref)
        except LostError as error:
            self._drop(node, str(error))
        except W2VError as error:
            self._raise_error_in(part)
            # Nothing is wrong with the text, so it is the node.
            self._drop(node, error.message)
        else:
            self._ledger.counted(node)
            self._counted[part] = counted
            for sentence in counted.remarks:
                self._say(sentence, part)

    def _raise_error_in(self, part: int) -> None:
        """Read a part in which a node has found an error, and raise it in the words of one machine, if it is there.

        Raises
        ------
        W2VError
            If there is an error.
        """
        # What words are made of is without errors, and takes the most time.
        options = replace(self._texts.options, lower=False, tokenize="whitespace", normalize="none")
        for _ in Texts(self._texts.paths, options).only(self._parts[part]).pieces():
            pass

    def _say(self, sentence: str, part: int) -> None:
        """Say what a node has noticed, but only once, with the names of the texts as the user has given them."""
        for path in self._texts.only(self._parts[part]).paths_read:
            sentence = sentence.replace(absolute(path), name_of(path))
        if sentence not in self._said:
            self._said.add(sentence)
            self._remark(sentence)

    def _say_damage(self) -> None:
        damage = Damage()
        for counted in self._counted.values():
            damage.bytes += counted.damage.bytes
            damage.lines += counted.damage.lines
        if (sentence := damage.remark(self._texts.options.errors)) is not None:
            self._remark(sentence)

    def _drop(self, node: int, why: str) -> None:
        """Go on without a node.

        Raises
        ------
        NoNodeError
            If no other is left.
        """
        self._ledger.lost(node)
        rest = "others count its part of the text" if self._ledger.alive else "this machine counts the text alone"
        self._remark(f"{self._hosts[node]} no longer counts: {why}; {rest}")
        if not self._ledger.alive:
            raise NoNodeError

    def _merge_tables(self, tokens: Tokens) -> None:
        """Add to a table what the nodes have counted since they were asked last."""
        for node, table in self._ask_all(Call("table")):
            if table is not None:
                tokens.absorb(tokens_of(*table))
            self._ledger.merged(node)

    def _ask_all(self, call: Call) -> Iterator[tuple[int, Any]]:
        """Yield what the nodes reply to a call, as it comes, and go on without those that do not answer."""
        left = {node: self._backend.call(node, call)[0] for node in self._ledger.alive}
        end = time.perf_counter() + self._table_seconds
        while left:
            ready = self._backend.ready(list(left.values()), POLL_SECONDS)
            for node in [node for node, ref in left.items() if ref in ready]:
                try:
                    reply = self._backend.value(left.pop(node))
                    if isinstance(reply, Missing):
                        raise LostError("it has not received the vocabulary")
                except (LostError, W2VError) as error:
                    self._drop(node, str(error))
                else:
                    yield node, reply
            if time.perf_counter() > end:
                for node in left:
                    self._drop(node, f"no answer within {self._table_seconds:.0f} s")
                return

    def _require_same_text(self) -> None:
        """Make sure that the nodes have read the text whose sha256 was made here.

        Raises
        ------
        CorpusError
            If one has not.
        """
        for part, counted in self._counted.items():
            if counted.checksum != self._checksums[part]:
                names = ", ".join(map(name_of, self._texts.only(self._parts[part]).paths_read))
                host = self._hosts[self._ledger.holders[part]] if part in self._ledger.holders else "a node"
                raise _changed(f"{host} has read another text than this machine in {names}")

    def _translate(self, vocabulary: Vocabulary, spool: Spool, report: OnProgress) -> int:
        """Write the ids of all parts in order; return how many there are."""
        self._ledger.need_ids()
        known = self._backend.put(vocabulary)
        self._make_ready(known)
        total, done, written = sum(int(counted.lengths.sum()) for counted in self._counted.values()), 0, 0
        for part in range(len(self._parts)):
            stream = _PartWriter(spool, written)
            while True:
                try:
                    for length, ids, boundaries in self._chunks(part):
                        stream.write(ids, boundaries)
                        done = min(done + length, total)
                        report("encode", done, total)
                    break
                except (LostError, W2VError) as error:
                    self._drop(self._ledger.holders[part], str(error))
                    self._make_ready(known)
                    stream.restart()
            written = stream.written
        spool.finish(written)
        return written

    def _make_ready(self, vocabulary: Ref) -> None:
        """Let nodes count the parts whose ids are lost, and tell all of them the vocabulary."""
        while True:
            self._count_parts(lambda counted: None)
            self._require_same_text()
            for _ in self._ask_all(Call("know", found={0: vocabulary})):
                pass
            if self._ledger.settled:
                return

    def _chunks(self, part: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield the ids of a part in order.

        Yields
        ------
        How many provisional ids they were; the ids; the boundaries, where the first id is 0.

        Raises
        ------
        LostError
            If the node does not send them.
        """
        node, lengths = self._ledger.holders[part], self._counted[part].lengths.tolist()
        ahead = deque[tuple[int, Ref]]()
        for first, last in _runs(lengths, CHUNK_IDS):
            ref = self._backend.call(node, Call("encode", (part, first, last)))[0]
            ahead.append((sum(lengths[first:last]), ref))
            if len(ahead) == CHUNKS_AHEAD:
                yield self._chunk(*ahead.popleft())
        while ahead:
            yield self._chunk(*ahead.popleft())

    def _chunk(self, length: int, ref: Ref) -> tuple[int, np.ndarray, np.ndarray]:
        end = time.perf_counter() + watch.PATIENCE
        while not self._backend.ready([ref], POLL_SECONDS):
            if time.perf_counter() > end:
                raise LostError(f"no answer within {watch.PATIENCE:.0f} s")
        ids, boundaries = self._backend.value(ref)
        return length, ids, boundaries


class _PartWriter:
    """Writes the ids of a part behind those of the parts before it.

    Parameters
    ----------
    start : how many ids the spool has.

    Attributes
    ----------
    written : how many it has now.
    """

    def __init__(self, spool: Spool, start: int) -> None:
        self._spool, self._start = spool, start
        self._at = self.written = start

    def restart(self) -> None:
        """Expect the part from its beginning, of which some is written already."""
        self._at = self._start

    def write(self, ids: np.ndarray, boundaries: np.ndarray) -> None:
        """Take the next ids and boundaries, where the first id is 0; write what is new."""
        boundaries = boundaries + self._at
        self._spool.write_ids(self.written, ids[max(0, self.written - self._at) :])
        # The spool leaves out a boundary that it has already, but only if no other has come after it.
        self._spool.append_boundaries(boundaries[boundaries >= self.written])
        self._at += len(ids)
        self.written = max(self.written, self._at)


def _runs(lengths: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Divide pieces into runs, first…last−1, of about so many ids."""
    first = size = 0
    for number, length in enumerate(lengths):
        size += length
        if size >= most or number == len(lengths) - 1:
            yield first, number + 1
            first, size = number + 1, 0


def _changed(problem: str) -> CorpusError:
    return CorpusError(problem, hint="wait until it is written, and put the same files on all nodes")
