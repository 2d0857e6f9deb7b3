"""Saving and loading gensim's models as files of w2v, which every command of w2v reads."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any

import numpy as np

from w2v_cli import __version__
from w2v_cli.config import TrainConfig
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.formats.recorded import recorded_options
from w2v_cli.gensim.once import warn_of_ignored
from w2v_cli.gensim.saved_rows import METADATA, keys_in, stored_keys
from w2v_cli.gensim.word2vec_format import errors_of_gensim
from w2v_cli.storage.strict_json import strict_json
from w2v_cli.storage.tensors import parse_json
from w2v_cli.subwords.table import SubwordTable

logger = logging.getLogger("gensim.utils")
# The attributes of a model that its file keeps; what else there is follows from its tables.
_KEPT = (
    "alpha", "min_alpha", "epochs", "window", "shrink_windows", "min_count", "max_vocab_size", "max_final_vocab",
    "sample", "sorted_vocab", "sg", "hs", "negative", "ns_exponent", "cbow_mean", "seed", "workers", "compute_loss",
    "comment", "running_training_loss", "min_alpha_yet_reached", "effective_min_count", "corpus_count",
    "corpus_total_words", "train_count", "total_train_time",
)  # fmt: skip
_NOT_SAVED: dict[str, Any] = {"separately": None, "ignore": frozenset(), "pickle_protocol": None}


class ClassOnly:
    """A class method that an instance has not, as gensim's `load`: it would not fill the instance."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        if instance is not None:
            raise AttributeError("call this on the class: it makes a new object and does not fill this one")
        return MethodType(self._function, owner)


class SavedModel:
    """What is the same for all models: their files, and the list of what has been done with them.

    Attributes
    ----------
    lifecycle_events : what has been done with the model, as dicts; they are logged and not saved.
    """

    wv: Any
    metadata: Mapping[str, str]
    # What to do about a pickle of gensim.
    way_out = (
        "with gensim, write the vectors: model.wv.save_word2vec_format('vectors.bin', binary=True); read them with"
        " KeyedVectors.load_word2vec_format. The output vectors (syn1neg) are lost"
    )

    def __init__(self) -> None:
        self.lifecycle_events: list[dict[str, Any]] = []

    def add_lifecycle_event(self, event_name: str, log_level: int | None = logging.INFO, **event: Any) -> None:
        """Remember something that was done with the model, and log it."""
        self.lifecycle_events.append({**event, "event": event_name})
        if log_level:
            logger.log(log_level, "%s lifecycle event %s: %s", type(self).__name__, event_name, event)

    def save(self, fname: str | os.PathLike[str], **options: Any) -> None:
        """Write the whole model to one file of w2v, a .safetensors file whatever its name is.

        `w2v.load` and all commands of w2v read it too, and nothing in it is run. gensim's options about pickles and
        separate files have no effect.

        Raises
        ------
        ModelFileError
            If the file cannot be written, or the model has no words.
        """
        warn_of_ignored("save", options, _NOT_SAVED)
        self.require_words(fname)
        words, tensors = stored_keys(self.wv.index_to_key)
        save_model(fname, words, self.wv.expandos["count"], {**self.tables(), **tensors}, self._described())

    def require_words(self, path: str | os.PathLike[str]) -> None:
        """Raise a ModelFileError if the model has no words, which no file can hold."""
        if not len(self.wv):
            raise ModelFileError(f"cannot write {os.fspath(path)}: the model has no words", "first call build_vocab")

    def _described(self) -> dict[str, str]:
        """Return what the file says of the model."""
        kept = {name: getattr(self, name) for name in self._kept_names()}
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in kept.items()}
        config = self.metadata.get("config") or json.dumps(self.config(epochs=1).as_dict())
        own = strict_json({"class": type(self).__name__, **plain})
        return {"version": __version__, **self.metadata, "config": config, METADATA: own}

    def _kept_names(self) -> tuple[str, ...]:
        return _KEPT

    @ClassOnly
    def load(cls: Any, fname: str | os.PathLike[str], mmap: str | None = None, **ignored: Any) -> Any:
        """Read a model that `save`, or `w2v train`, has written; what a FastText has saved is a FastText.

        Parameters
        ----------
        mmap : "r" leaves the tables in the file until they are used; None reads them.

        Raises
        ------
        ModelFileError
            If the file cannot be read. A pickle of gensim is refused, with what to do instead.
        AttributeError
            If the file holds vectors alone, which `KeyedVectors.load` reads, or parts of words that the class lacks.
        """
        with errors_of_gensim(cls.way_out), ModelFile(fname) as file:
            name, cls = os.fspath(fname), cls.saved_as(file.metadata)
            given = {**cls.lengths(file.vectors.parts, name), **_parameters_of(file.metadata, name)}
            tables, counts, keys = file.tables, file.vectors.counts, keys_in(file)
        model = cls.__new__(cls)
        own = {name: given.pop(name) for name in [*given] if name not in cls._parameters()}
        cls.__init__(model, **given, vector_size=tables["input_vectors"].shape[1])
        for attribute, value in own.items():
            setattr(model, attribute, value)
        model.metadata = {name: text for name, text in file.metadata.items() if name != METADATA}
        model.wv.take_keys(keys)
        model.wv.expandos["count"] = np.ones(len(keys), np.int64) if counts is None else np.array(counts)
        model.adopt(tables if mmap else {name: np.array(table) for name, table in tables.items()})
        model.add_lifecycle_event("loaded", fname=name)
        return model

    # What a model defines.

    def tables(self) -> dict[str, np.ndarray]:
        """Return the tables of the model."""
        raise NotImplementedError

    def adopt(self, tables: Mapping[str, np.ndarray]) -> None:
        """Take over tables."""
        raise NotImplementedError

    def config(self, epochs: int) -> TrainConfig:
        """Return the options of a run that goes on from the model."""
        raise NotImplementedError

    @classmethod
    def saved_as(cls, metadata: Mapping[str, str]) -> Any:
        """Return the class that a file becomes, from what it says of the model."""
        return cls

    @classmethod
    def lengths(cls, parts: SubwordTable | None, name: str) -> dict[str, int]:
        """Return the parameters about the parts of words in a file; an AttributeError if the class has none."""
        if parts is not None:
            raise AttributeError(f"{name} has vectors of parts of words: FastText.load reads it")
        return {}

    @classmethod
    def _parameters(cls) -> frozenset[str]:
        """Return the names of the parameters of the class."""
        import inspect

        return frozenset(inspect.signature(cls.__init__).parameters)


def class_name(metadata: Mapping[str, str]) -> str | None:
    """Return the name of the class that has saved a model; None if it was none of these."""
    name = _own_metadata(metadata).get("class")
    return name if isinstance(name, str) else None


def _own_metadata(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return what a file has of a model under gensim's names."""
    given = parse_json(metadata.get(METADATA, "{}"))
    return given if isinstance(given, dict) else {}


def _parameters_of(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return gensim's parameters of a model, from what its file says of it."""
    given = _own_metadata(metadata)
    if given.pop("class", None) is not None:
        return given
    try:
        config, _ = recorded_options(metadata, name)
    except ModelFileError as error:
        raise AttributeError(f"{name} is not a whole model: KeyedVectors.load reads its vectors") from error
    if config.loss == "softmax":
        raise AttributeError(f"{name} is a model with a full softmax, which gensim's names do not have: see w2v.load")
    hs = config.loss == "hs"
    return {
        "sg": int(config.model == "skipgram"), "hs": int(hs), "negative": 0 if hs else config.negatives,
        "window": config.window, "shrink_windows": not config.fixed_window, "alpha": config.alpha_start,
        "min_alpha": config.alpha_min, "epochs": config.epochs, "sample": config.subsample, "seed": config.seed,
        "ns_exponent": config.noise_power, "cbow_mean": int(not config.cbow_sum), "min_count": config.min_count,
    }  # fmt: skip
