"""A cluster as a `Machine`: what `train_model` is given so that nodes count the text and replicas train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from w2v_cli.cluster.nodes import Cluster, cluster_passes
from w2v_cli.cluster.trainer import ClusterTrainer
from w2v_cli.config import TrainConfig, option_name
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.passes import Passes
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError
from w2v_cli.training.machine import Machine, Workplace
from w2v_cli.training.observer import Observer


class ClusterMachine(Machine):
    """A cluster; a subclass says what runs the nodes and the replicas.

    Parameters
    ----------
    merge_every : tokens of a replica between two merges; None to choose them.
    """

    shares_ids = True

    def require_trainable(self, config: TrainConfig) -> None:
        """Refuse parts of words, held-out text, tables of float16, and to go on from a model.

        The rows of parts have no order of frequency by which they could be merged, and the nodes that read the corpus
        do not leave out lines. Replicas begin with rows that each of them draws, and merge all that have moved. So
        nothing is taken over from a model, and nothing is frozen.
        """
        super().require_trainable(config)
        for name in ("init", "freeze"):
            if getattr(config, name):
                option = option_name(name)
                raise ConfigError(f"a cluster has no {option}", hint=f"leave {option} out, or train without --cluster")
        if config.subwords is not None:
            raise ConfigError(
                "a cluster cannot train parts of words: replicas merge the rows of frequent words more often, and the"
                " rows of parts belong to words of any frequency",
                hint="leave --subwords out, or train without --cluster",
            )
        if config.table != "float32":
            raise ConfigError(
                "a cluster cannot train tables of float16: most of what replicas merge would be rounded away",
                hint="leave --table out, or train without --cluster",
            )
        if config.validate is not None:
            raise ConfigError(
                "a cluster cannot hold text out", hint="leave --validate out, and measure the model with w2v loss"
            )

    def __init__(self, merge_every: int | None) -> None:
        self._merge_every = merge_every

    def _cluster(self, config: TrainConfig, observer: Observer) -> AbstractContextManager[Cluster]:
        """Return a context that yields the cluster."""
        raise NotImplementedError

    @contextmanager
    def connected(self, config: TrainConfig, observer: Observer) -> Iterator[Workplace]:
        """Yield where the run is made."""
        with self._cluster(config, observer) as cluster, ExitStack() as stack:
            yield _ClusterWorkplace(cluster, self._merge_every, observer, stack)


class _ClusterWorkplace(Workplace):
    """A cluster that is connected.

    Parameters
    ----------
    open_trainers : closes the trainers that were made.
    """

    def __init__(self, cluster: Cluster, merge_every: int | None, observer: Observer, open_trainers: ExitStack) -> None:
        self._cluster, self._merge_every, self._observer = cluster, merge_every, observer
        self._open_trainers = open_trainers

    @contextmanager
    def passes(self, texts: Texts, config: TrainConfig) -> Iterator[Passes | None]:
        """Yield what lets the nodes read the texts; None if that is not possible or not worth while."""
        with ExitStack() as stack:
            yield cluster_passes(self._cluster, texts, config.thread_count, self._observer.remark, stack)

    def make_trainer(self, config: TrainConfig, corpus: EncodedCorpus, known_rate: float) -> ClusterTrainer:
        """Make the trainer of the run, which never goes on from a model, so that `known_rate` is 1."""
        trainer = ClusterTrainer(config, corpus, self._cluster.replicas, self._merge_every, self._observer.remark)
        self._open_trainers.callback(trainer.close)
        return trainer
