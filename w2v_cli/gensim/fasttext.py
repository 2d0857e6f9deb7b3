"""`FastText` with gensim's names, on w2v's parts of words, and fastText's own files."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from w2v_cli.api.model import Model
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.formats.contents import FASTTEXT, SUBWORD_VECTORS, SUBWORDS
from w2v_cli.formats.fasttext_fields import LOSSES, MAGIC, MODELS, SUPERVISED, Options
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.formats.reading import ReadOptions
from w2v_cli.gensim.fasttext_vectors import FastTextKeyedVectors, lengths_of, ngram_rows
from w2v_cli.gensim.once import warn_once
from w2v_cli.gensim.sentences import MAX_WORDS_IN_BATCH
from w2v_cli.gensim.spelling import as_words
from w2v_cli.gensim.vocabulary import TrimRule
from w2v_cli.gensim.word2vec import Word2Vec
from w2v_cli.storage.opening import open_input
from w2v_cli.storage.tensors import parse_json
from w2v_cli.subwords.table import SubwordTable

# A file begins with its number and the version; the tenth number is that of the model.
_START = struct.Struct("<10i")


class FastText(Word2Vec):
    """A model that learns parts of words too, with gensim's parameters, attributes and methods.

    What `Word2Vec` says of gensim holds here too, but in skip-gram with parts, noise words are shared by the
    predictions of one word. Besides, CBOW always takes the mean of its rows, and word_ngrams must be 1, as in gensim.

    Parameters
    ----------
    min_n, max_n : the lengths of parts in characters; max_n below min_n learns words alone.
    bucket : how many rows all parts share. The default takes 800 MB with 100 dimensions; 200,000 often do.
    others : as in `Word2Vec`, in another order.

    Attributes
    ----------
    wv : FastTextKeyedVectors.
    """

    way_out = (
        "with gensim, write the model: gensim.models.fasttext.save_facebook_model(model, 'model.bin'); read it with"
        " load_facebook_model"
    )

    def __init__(
        self,
        sentences: Iterable[Iterable[str]] | None = None,
        corpus_file: str | None = None,
        sg: int = 0,
        hs: int = 0,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        word_ngrams: int = 1,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Any = hash,
        epochs: int = 5,
        null_word: int = 0,
        min_n: int = 3,
        max_n: int = 6,
        sorted_vocab: int = 1,
        bucket: int = 2_000_000,
        trim_rule: TrimRule | None = None,
        batch_words: int = MAX_WORDS_IN_BATCH,
        callbacks: Sequence[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ) -> None:
        if word_ngrams != 1:
            raise NotImplementedError("word_ngrams must be 1")
        if not cbow_mean and not sg:
            warn_once("FastText ignores cbow_mean=0: a word with parts is the mean of its rows")
        self.word_ngrams = word_ngrams
        self._lengths = (min_n, max_n, bucket if max_n >= min_n else 0)
        super().__init__(
            sentences=sentences, corpus_file=corpus_file, sg=sg, hs=hs, vector_size=vector_size, alpha=alpha,
            window=window, min_count=min_count, max_vocab_size=max_vocab_size, sample=sample, seed=seed,
            workers=workers, min_alpha=min_alpha, negative=negative, ns_exponent=ns_exponent, cbow_mean=cbow_mean,
            hashfxn=hashfxn, epochs=epochs, null_word=null_word, sorted_vocab=sorted_vocab, trim_rule=trim_rule,
            batch_words=batch_words, callbacks=callbacks, max_final_vocab=max_final_vocab,
            shrink_windows=shrink_windows,
        )  # fmt: skip

    def _no_vectors(self) -> FastTextKeyedVectors:
        return FastTextKeyedVectors(self.vector_size, *self._lengths)

    def _subword_options(self) -> dict[str, Any]:
        subwords = self.wv.subwords
        if subwords is None:
            return {}
        lengths = {"min_ngram": subwords.min_ngram, "max_ngram": subwords.max_ngram}
        return {"subwords": "fasttext", "buckets": subwords.buckets, **lengths}

    def adopt(self, tables: Mapping[str, np.ndarray]) -> None:
        """Take over the tables of a run."""
        if SUBWORD_VECTORS in tables:
            self.wv.take_table(tables[SUBWORD_VECTORS], len(self.wv))
        else:
            self.wv.vectors_vocab = self.wv.vectors = np.ascontiguousarray(tables["input_vectors"])
            self.wv.vectors_ngrams = np.zeros((0, self.vector_size), np.float32)
            self.wv.norms = None
        self._adopt_outputs(tables)

    def tables(self) -> dict[str, np.ndarray]:
        """Return the tables of the model as a model file names them."""
        own = {} if self.wv.subwords is None else {SUBWORD_VECTORS: self.wv.table()}
        return {**super().tables(), **own}

    def _parts(self) -> SubwordTable | None:
        return self.wv.parts

    def _kept_names(self) -> tuple[str, ...]:
        return (*super()._kept_names(), "min_n", "max_n", "bucket")

    @classmethod
    def lengths(cls, parts: SubwordTable | None, name: str) -> dict[str, int]:
        """Return the parameters about the parts of words in a file."""
        return lengths_of(parts, name)

    @classmethod
    def load_fasttext_format(cls, model_file: str | os.PathLike[str], encoding: str = "utf8") -> FastText:
        """Read a `.bin` of fastText; deprecated in gensim, too. Use `load_facebook_model`."""
        warnings.warn("use load_facebook_model or load_facebook_vectors", DeprecationWarning, stacklevel=2)
        return load_facebook_model(model_file, encoding)

    min_n = property(lambda self: self.wv.min_n)
    max_n = property(lambda self: self.wv.max_n)
    bucket = property(lambda self: self.wv.bucket)

    def _described(self) -> dict[str, str]:
        subwords = self.wv.subwords
        return {**super()._described(), **({} if subwords is None else {SUBWORDS: subwords.as_json()})}

    def estimate_memory(self, vocab_size: int | None = None, report: dict[str, int] | None = None) -> dict[str, int]:
        """Return the bytes that the model takes, under gensim's names."""
        words, sizes = len(self.wv), dict(report or {})
        sizes["vocab"] = words * (700 if self.hs else 500)
        sizes["syn0_vocab"] = words * self.vector_size * 4
        sizes |= self._output_bytes(words)
        if self.wv.bucket:
            sizes["syn0_ngrams"] = self.wv.bucket * self.vector_size * 4
            sizes["buckets_word"] = 64 + 100 * words + 4 * ngram_rows(self.wv)
        sizes["total"] = sum(sizes.values())
        return sizes


def load_facebook_model(path: str | os.PathLike[str], encoding: str = "utf-8") -> FastText:
    """Read a `.bin` of fastText as a model that can be trained further.

    The nodes of a Huffman tree of fastText begin as zeros, because its tree is another one.

    Raises
    ------
    ModelFileError
        If it is no such file.
    NotImplementedError
        If it is a classifier, its parts are pruned, or its words have another encoding.
    """
    _require_utf8(encoding)
    with open_input(path) as raw:
        start = _START.unpack(raw.read(_START.size).ljust(_START.size, b"\0"))
    if start[0] == MAGIC and start[-1] == SUPERVISED:
        raise NotImplementedError(f"{os.fspath(path)} is a classifier (supervised), which gensim does not read either")
    with ModelFile(path, ReadOptions("fasttext", errors="replace")) as file:
        vectors, tables, metadata = file.vectors, file.tables, {FASTTEXT: file.metadata[FASTTEXT]}
        lengths = lengths_of(vectors.parts, os.fspath(path))
    recorded = parse_json(metadata[FASTTEXT])
    hs = recorded["loss"] == LOSSES["hs"]
    model = FastText(
        sg=int(recorded["model"] == MODELS["skipgram"]), hs=int(hs), negative=recorded["neg"],
        vector_size=vectors.dim, window=recorded["ws"], min_count=recorded["minCount"], sample=recorded["t"],
        epochs=recorded["epoch"], min_n=lengths["min_n"], max_n=lengths["max_n"],
        bucket=lengths["bucket"],
    )  # fmt: skip
    model.wv.take_keys(list(vectors.words))
    model.wv.expandos["count"] = np.array(vectors.counts)
    model.corpus_total_words = int(recorded["ntokens"])
    words, nodes = (np.zeros((rows, vectors.dim), np.float32) for rows in (len(vectors), len(vectors) - 1))
    model.adopt({"output_vectors": words, "node_vectors": nodes, **tables})
    model.metadata = metadata
    return model


def load_facebook_vectors(path: str | os.PathLike[str], encoding: str = "utf-8") -> FastTextKeyedVectors:
    """Read the vectors of a `.bin` of fastText, with those of parts of words.

    Raises
    ------
    ModelFileError
        If it is no such file.
    NotImplementedError
        If its words have another encoding.
    """
    _require_utf8(encoding)
    return FastTextKeyedVectors.load(path)


def save_facebook_model(
    model: FastText,
    path: str | os.PathLike[str],
    encoding: str = "utf-8",
    lr_update_rate: int = 100,
    word_ngrams: int = 1,
) -> None:
    """Write a `.bin` that fastText reads; lr_update_rate and word_ngrams have no effect.

    Raises
    ------
    ModelFileError
        If it cannot be written, or the model has no words.
    """
    _require_utf8(encoding)
    model.require_words(path)
    tables = model.tables()
    if tables.pop("node_vectors", None) is not None:
        warn_once("save_facebook_model leaves syn1 out: fastText has a Huffman tree of its own")
    parts = model.wv.parts
    vectors = WordVectors(as_words(model.wv.index_to_key), tables["input_vectors"], model.wv.expandos["count"], parts)
    metadata = {} if parts is None else {SUBWORDS: parts.subwords.as_json()}
    Model(vectors, tables, metadata | _options_of(model).as_metadata()).save(path, format="fasttext")


def _options_of(model: FastText) -> Options:
    """Return what fastText records of a model."""
    min_n, max_n, bucket = (model.min_n, model.max_n, model.bucket) if model.bucket else (0, 0, 0)
    return Options(
        ws=model.window, epoch=model.epochs, minCount=model.min_count, neg=model.negative,
        loss=LOSSES["hs" if model.hs else "ns"], model=MODELS["skipgram" if model.sg else "cbow"], bucket=bucket,
        minn=min_n, maxn=max_n, t=model.sample, ntokens=model.corpus_total_words,
    )  # fmt: skip


def _require_utf8(encoding: str) -> None:
    if encoding.lower().replace("-", "").replace("_", "") not in ("utf8", "ascii"):
        raise NotImplementedError(f"w2v reads and writes words as UTF-8, not {encoding}")
