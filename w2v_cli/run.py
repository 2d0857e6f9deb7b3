"""A whole training run, from texts to a model file: read, encode, train, save.

This is what `w2v train` and the Python API call. It prints nothing: whoever wants to see the run going on passes
an `Observer`.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encoded import EncodedCorpus, compile_passes, encode
from w2v_cli.corpus.reader import TextOptions, check_readable
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.embeddings.files import save_model
from w2v_cli.errors import ConfigError
from w2v_cli.storage import check_writable
from w2v_cli.training.engines import resolve_engine
from w2v_cli.training.trainer import Progress, Trained, Trainer


class Observer:
    """Told how a run goes on, in the thread that called `train_model`; does nothing unless overridden."""

    def compiling(self) -> AbstractContextManager[None]:
        """Entered while code may be compiled."""
        return nullcontext()

    def corpus(self, phase: str, done: int, total: int | None) -> None:
        """A corpus pass: `count` in bytes, `encode` in tokens; `total` is None for a pipe."""

    def encoded(self, corpus: EncodedCorpus) -> None:
        """The text has become ids."""

    def ready(self, trainer: Trainer, estimated_seconds: float) -> None:
        """Training begins, and takes about so long."""

    def training(self, progress: Progress) -> None:
        """The training itself, about ten times a second."""


@dataclass(frozen=True)
class Run:
    """What a run has made, and what with.

    Attributes
    ----------
    config, text : the choices · engine : reference or compiled.
    vocabulary : the words, in the order of the parameters' rows.
    token_count : tokens of the vocabulary in the corpus · corpus_fingerprint : sha256 of the text.
    trained : parameters and losses.
    seconds : of the phases `count`, `encode`, `compile`, `train` and `save`.
    """

    config: TrainConfig
    text: TextOptions
    engine: str
    vocabulary: Vocabulary
    token_count: int
    corpus_fingerprint: str
    trained: Trained
    seconds: dict[str, float]

    @property
    def metadata(self) -> dict[str, str]:
        """What the model file says about its making."""
        return {
            "version": version("w2v-cli"),
            "config": json.dumps(self.config.as_dict()),
            "text": json.dumps(asdict(self.text)),
            "seed": str(self.config.seed),
            "corpus_fingerprint": self.corpus_fingerprint,
            "corpus_tokens": str(self.token_count),
            "loss": json.dumps(self.trained.losses),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file."""
        vocabulary, tensors = self.vocabulary, self.trained.parameters.tensors()
        save_model(path, vocabulary.words, vocabulary.counts, tensors, self.metadata)


def train_model(
    corpus: Sequence[str],
    config: TrainConfig,
    text: TextOptions | None = None,
    output: str | os.PathLike[str] | None = None,
    observer: Observer | None = None,
) -> Run:
    """Train on texts, and write the model unless there is no `output`.

    Parameters
    ----------
    corpus : files, `-` for stdin.
    config, text : every choice.
    output : the model file; while the run lasts the ids lie beside it, or in the system's temporary folder.
    observer : told how the run goes on.

    Raises
    ------
    W2VError
        Of the kind that names what went wrong; an older file at `output` is as it was then.
    """
    text, observer = text or TextOptions(), observer or Observer()
    check_readable(corpus)
    if output is not None:
        check_writable(output)
        _require_another_file(output, corpus)
    resolve_engine(config.engine)
    with observer.compiling():
        compile_seconds = compile_passes()
    folder = tempfile.gettempdir() if output is None else Path(output).absolute().parent
    with encode(
        corpus, config.min_count, config.max_vocab, text, config.thread_count, folder, observer.corpus
    ) as encoded:
        observer.encoded(encoded)
        trainer = Trainer(config, encoded)
        with observer.compiling():
            compile_seconds += trainer.compile()
        observer.ready(trainer, trainer.estimate_seconds())
        trained = trainer.train(observer.training)
        seconds = {**encoded.seconds, "compile": compile_seconds, "train": trained.seconds, "save": 0.0}
        run = Run(
            config, text, trainer.engine, encoded.vocabulary, encoded.token_count, encoded.fingerprint, trained, seconds
        )
        begun = time.perf_counter()
        if output is not None:
            run.save(output)
            seconds["save"] = time.perf_counter() - begun
    return run


def _require_another_file(output: str | os.PathLike[str], corpus: Sequence[str]) -> None:
    """Refuse to write the model over one of its texts, as `-o *.txt` would."""
    for path in corpus:
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path):
            raise ConfigError(
                f"-o {os.fspath(output)} is one of the texts and would be overwritten", hint="-o takes a new name"
            )
