"""Where a run trains: on this machine, or on those of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.passes import Passes
from w2v_cli.corpus.texts import Texts
from w2v_cli.subwords.lengths import subwords_of
from w2v_cli.training.observer import Observer
from w2v_cli.training.trainer import Trainer


class Workplace:
    """Where a run is made: its text becomes ids, and is trained on."""

    def passes(self, texts: Texts, config: TrainConfig) -> AbstractContextManager[Passes | None]:
        """Return a context that yields what reads the texts; None for what `encode` takes for this machine."""
        return nullcontext()

    def make_trainer(self, config: TrainConfig, corpus: EncodedCorpus, known_rate: float) -> Trainer:
        """Make the trainer of the run; `known_rate` is as in `Trainer`."""
        return Trainer(config, corpus, known_rate)


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
    def connected(self, config: TrainConfig, observer: Observer) -> Iterator[Workplace]:
        """Yield where the run is made; it is within this context from the reading to the model file."""
        yield Workplace()
