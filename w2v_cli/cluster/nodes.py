"""Which nodes of a cluster count the text: those that see it, if that is worth while."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol

from w2v_cli.cluster.backend import Backend, Call, LostError
from w2v_cli.cluster.counter import Counter, Sight
from w2v_cli.cluster.passes import POLL_SECONDS, TABLE_PATIENCE, ClusterPasses
from w2v_cli.cluster.shared_corpus import SharedCorpus
from w2v_cli.cluster.versions import require_agreeing
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.parts import cut_parts
from w2v_cli.corpus.passes import OwnPasses
from w2v_cli.corpus.texts import PIECE_BYTES, Texts
from w2v_cli.errors import W2VError
from w2v_cli.storage.opening import name_of

# Nodes take some seconds to start, in which one machine counts a shorter text alone.
LEAST_BYTES = 1 << 28
# A node gets some parts one after the other, so that all end at about the same time. No range is longer than this.
MOST_PART_BYTES, PARTS_OF_A_NODE = 1 << 28, 4


class Cluster(Protocol):
    """Starts what a run needs.

    Attributes
    ----------
    part_bytes : how long the parts are into which the text is cut for nodes that count; None to choose that, and to let
        this machine count alone if that is better.
    """

    part_bytes: int | None

    def replicas(self, config: TrainConfig, shared: SharedCorpus) -> Backend:
        """Start the replicas that train."""

    def counters(self, make: Callable[[int], Counter]) -> Backend | None:
        """Start the nodes that count, or return None if all are on this machine.

        Parameters
        ----------
        make : makes one that has so many threads.
        """


def cluster_passes(
    cluster: Cluster, texts: Texts, threads: int, remark: Callable[[str], object], open_nodes: ExitStack
) -> ClusterPasses | None:
    """Start the nodes that count a text; return None if this machine should count it alone.

    Parameters
    ----------
    threads : those of this machine, if it has to count alone after all.
    remark : receives what the user should know, as a sentence.
    open_nodes : ends the nodes.

    Raises
    ------
    TrainingError
        If a node has another version of something than this machine.
    """
    total, forced = texts.total_bytes, cluster.part_bytes is not None
    if total is None or not texts.have_names or (total < LEAST_BYTES and not forced):
        return None
    backend = cluster.counters(partial(Counter, texts.absolute().paths, texts.options))
    if backend is None:
        return None
    open_nodes.callback(backend.close)
    sights: dict[int, Sight] = _ask(backend, range(backend.count), Call("about", (texts.sizes,)), remark)
    require_agreeing((sight.host, sight.versions) for sight in sights.values())
    seeing = {node for node, sight in sights.items() if not sight.unseen}
    useful = forced or any(sights[node].host != platform.node() for node in seeing)
    who = "the others count" if useful else "this machine alone counts"
    for host, unseen in {sight.host: sight.unseen for sight in sights.values() if sight.unseen}.items():
        remark(f"{host} cannot see {_named(texts, unseen)}, so {who} the text")
    if not useful:
        return None
    ready = _ask(backend, seeing, Call("begin"), remark)
    if not ready:
        return None
    part_bytes = cluster.part_bytes or min(MOST_PART_BYTES, total // (PARTS_OF_A_NODE * len(ready)))
    remark(f"{len(ready)} nodes count the text" if len(ready) > 1 else "1 node counts the text")
    alone = OwnPasses(texts, threads, PIECE_BYTES)
    hosts = {node: sights[node].host for node in ready}
    return ClusterPasses(texts, cut_parts(texts, part_bytes), backend, hosts, alone, remark)


def _ask(backend: Backend, nodes: Iterable[int], call: Call, remark: Callable[[str], object]) -> dict[int, Any]:
    """Return what nodes reply, and say which do not answer."""
    calls = {node: backend.call(node, call)[0] for node in nodes}
    replies, end = dict[int, Any](), time.perf_counter() + TABLE_PATIENCE
    ready = list[Any]()
    while len(ready) < len(calls) and time.perf_counter() < end:
        ready = backend.ready(list(calls.values()), POLL_SECONDS)
    for node, ref in calls.items():
        try:
            if ref not in ready:
                raise LostError(f"no answer within {TABLE_PATIENCE:.0f} s")
            replies[node] = backend.value(ref)
        except (LostError, W2VError) as error:
            remark(f"Node {node + 1} does not count: {error}")
    return replies


def _named(texts: Texts, unseen: list[str]) -> str:
    """Return the name of the first of some texts, as the user has given it, and how many others there are."""
    names = dict(zip(texts.absolute().paths, map(name_of, texts.paths), strict=True))
    others = len(unseen) - 1
    more = f" and {others:,} other text{'s' if others > 1 else ''}" if others else ""
    return names[unseen[0]] + more
