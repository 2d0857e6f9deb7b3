"""A cluster as a `Machine`: what `train_model` is given so that replicas train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from w2v_cli.cluster.trainer import ClusterTrainer, MakeBackend
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.errors import ConfigError
from w2v_cli.training.machine import Machine, MakeTrainer
from w2v_cli.training.observer import Observer


class ClusterMachine(Machine):
    """A cluster; a subclass says what runs the replicas.

    Parameters
    ----------
    merge_every : tokens of a replica between two merges; None to choose them.
    """

    shares_ids = True

    def require_trainable(self, config: TrainConfig) -> None:
        """Refuse parts of words, whose rows have no order of frequency by which they could be merged."""
        super().require_trainable(config)
        if config.subwords is not None:
            raise ConfigError(
                "a cluster cannot train parts of words", hint="leave --subwords out, or train without --cluster"
            )

    def __init__(self, merge_every: int | None) -> None:
        self._merge_every = merge_every

    def _backends(self, config: TrainConfig, observer: Observer) -> AbstractContextManager[MakeBackend]:
        """Return a context that yields what starts the replicas, once the text is encoded."""
        raise NotImplementedError

    @contextmanager
    def connected(self, config: TrainConfig, observer: Observer) -> Iterator[MakeTrainer]:
        """Yield what makes the trainer of a run."""
        with self._backends(config, observer) as make_backend, ExitStack() as stack:

            def make_trainer(config: TrainConfig, corpus: EncodedCorpus) -> ClusterTrainer:
                trainer = ClusterTrainer(config, corpus, make_backend, self._merge_every, observer.remark)
                stack.callback(trainer.close)
                return trainer

            yield make_trainer
