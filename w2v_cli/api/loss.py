"""The loss of a model on a text that it was not trained on, for the Python API and for `w2v loss`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.api.corpus import Corpus, corpus_paths
from w2v_cli.config import available_cores
from w2v_cli.corpus.encodings import UTF8
from w2v_cli.corpus.files import corpus_files
from w2v_cli.corpus.held_out import read_held_out
from w2v_cli.corpus.inputs import is_open_already
from w2v_cli.corpus.passes import OnProgress
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.engines.objective import objective_of
from w2v_cli.errors import CorpusError, ModelFileError
from w2v_cli.formats.contents import KEPT_BUCKETS, SUBWORD_VECTORS
from w2v_cli.formats.recorded import recorded_options
from w2v_cli.subwords.lengths import subwords_of
from w2v_cli.training.model_loss import model_loss

_WHOLE = "w2v loss takes the .safetensors file of w2v train, which holds all tables"
# Which files may hold what the model's own text was read from, if that was a column or a field.
_RECORDS = {"column": (".parquet",), "field": (".json", ".ndjson")}


class TextLoss(NamedTuple):
    """The loss of a model on a text.

    Attributes
    ----------
    loss : mean negative log-likelihood, nats per prediction · standard_error : of it; NaN if unknown.
    perplexity : e^loss; None unless the model has a full softmax.
    predictions : how many there are.
    tokens, unknown : tokens of the vocabulary in the text, and of other words, which are left out.
    measured_tokens : how many of the tokens are measured; fewer than all of a long text.
    """

    loss: float
    standard_error: float
    perplexity: float | None
    predictions: int
    tokens: int
    unknown: int
    measured_tokens: int


def text_loss(
    vectors: WordVectors,
    tables: Mapping[str, np.ndarray],
    metadata: Mapping[str, str],
    name: str,
    corpus: Corpus,
    given: Mapping[str, Any],
    suffix: str | None = None,
    threads: int | None = None,
    on_remark: Callable[[str], object] = lambda sentence: None,
    on_progress: OnProgress = lambda phase, done, total: None,
) -> TextLoss:
    """Measure the loss of a model as `w2v train --validate` does.

    Parameters
    ----------
    vectors, tables, metadata : of the model · name : what an error message calls it.
    corpus, suffix : as in `api.train.train`.
    given : options of `TextOptions` that override those of the model's own text.
    threads : None for all cores.
    on_remark, on_progress : receive what the user should know about the text, and how far it is read.

    Raises
    ------
    CorpusError
        If the text cannot be read, or there is nothing to predict in it.
    ModelFileError
        If the model does not say how it was trained, or lacks a table.
    ConfigError
        If an option has no such value.
    """
    try:
        config, recorded = recorded_options(metadata, name)
        if vectors.counts is None or KEPT_BUCKETS in tables:
            raise ModelFileError(f"{name} does not hold all that it was trained with")
        vocabulary = Vocabulary(vectors.words, vectors.counts)
        objective = objective_of(config, vocabulary, subwords_of(config, vocabulary.words))
        wanted = ["input_vectors" if objective.word_rows is None else SUBWORD_VECTORS, objective.output_name]
        missing = [table for table in wanted if table not in tables]
        if missing:
            raise ModelFileError(f"{name} has no {missing[0]}")
    except ModelFileError as error:
        raise ModelFileError(error.message, hint=_WHOLE) from error
    inputs, outputs = (tables[table] for table in wanted)
    threads = available_cores() if threads is None else threads
    with corpus_paths(corpus, recorded.unwrap) as paths:
        files = corpus_files(paths, suffix)
        texts = Texts(files, _reading(recorded, given, files), on_remark)
        texts.check_readable()
        held_out = read_held_out(texts, vocabulary, threads, tempfile.gettempdir(), on_progress)
    found = model_loss(config, vocabulary, objective, inputs, outputs, held_out, threads)
    if found is None:
        raise CorpusError(
            f"there is nothing to predict in {texts}: no line has two words of {name},"
            f" and {held_out.unknown:,} words are unknown",
            hint="was the model's text read with other options, such as --tokenize or --lower?",
        )
    perplexity = found.perplexity if config.loss == "softmax" else None
    measured = len(held_out.ids)
    return TextLoss(
        found.loss,
        found.standard_error,
        perplexity,
        found.predictions,
        held_out.token_count,
        held_out.unknown,
        measured,
    )


def _reading(recorded: TextOptions, given: Mapping[str, Any], files: list[str]) -> TextOptions:
    """Return how a text is read: as the model's own text was, unless an option says otherwise.

    A column or a field of the model's own text is looked for only in files whose names say that they have some.
    """
    options = asdict(recorded)
    for name, suffixes in _RECORDS.items():
        if given.keys() & _RECORDS.keys() or not all(any(suffix in file for suffix in suffixes) for file in files):
            options[name] = None
    if is_open_already(files[0]) and "encoding" not in given:
        options["encoding"] = UTF8
    return replace(TextOptions(**options), **given)
