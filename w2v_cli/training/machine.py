"""Where a run trains: on this machine, or on those of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.subwords.options import subwords_of
from w2v_cli.training.observer import Observer
from w2v_cli.training.trainer import Trainer

MakeTrainer = Callable[[TrainConfig, EncodedCorpus], Trainer]


class Machine:
    """This machine. A subclass trains elsewhere.

    Attributes
    ----------
    shares_ids : whether other processes read the ids, so that their files must have names.
    """

    shares_ids = False

    def require_trainable(self, config: TrainConfig) -> None:
        """Refuse a run that cannot be trained here, before anything is read.

        Raises
        ------
        ConfigError
            If its options make no sense here.
        """
        subwords_of(config)

    @contextmanager
    def connected(self, config: TrainConfig, observer: Observer) -> Iterator[MakeTrainer]:
        """Yield what makes the trainer of a run; the run is within this context from the reading to the model file."""
        yield Trainer
