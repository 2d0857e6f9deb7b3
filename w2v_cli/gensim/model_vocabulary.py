"""The words of a model with gensim's names: counted, chosen, and described."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from w2v_cli.config import available_cores
from w2v_cli.gensim.model_tables import ModelTables
from w2v_cli.gensim.text import check_corpus, opened
from w2v_cli.gensim.vocabulary import (
    TrimRule,
    count_text,
    downsampled,
    is_kept,
    min_count_for,
    pruned,
    share_of_sample,
)

logger = logging.getLogger("gensim.models.word2vec")


class ModelVocabulary(ModelTables):
    """How a model gets its words; the attributes are those of `Word2Vec`."""

    min_count: int
    max_vocab_size: int | None
    max_final_vocab: int | None
    effective_min_count: int
    sample: float
    sorted_vocab: int
    ns_exponent: float
    workers: int
    raw_vocab: dict[Any, int]
    corpus_count: int
    corpus_total_words: int

    def build_vocab(
        self,
        corpus_iterable: Any = None,
        corpus_file: str | None = None,
        update: bool = False,
        progress_per: int = 10_000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        **options: Any,
    ) -> None:
        """Count the words of a text, choose those of the model, and give each a vector.

        Parameters
        ----------
        corpus_iterable, corpus_file : the text; see the class. It is read once, so that a generator will do.
        update : whether the words join those that the model has, which keep their vectors and get the sums of the
            counts; otherwise the model begins anew.
        progress_per : has no effect · keep_raw_vocab : whether `raw_vocab` stays.
        trim_rule : a function of a word, its count and min_count that returns RULE_KEEP, RULE_DISCARD or RULE_DEFAULT.
        options : min_count and sample for this call, as in `prepare_vocab`.

        Raises
        ------
        TypeError
            If there is no text, or two.
        RuntimeError
            If there is nothing to update.
        """
        check_corpus(corpus_iterable, corpus_file, passes=1)
        words, sentences = self.scan_vocab(corpus_iterable, corpus_file, progress_per, trim_rule=trim_rule)
        self.corpus_total_words, self.corpus_count = words, sentences
        self.prepare_vocab(update, keep_raw_vocab, trim_rule, **options)
        self.prepare_weights(update)
        self.add_lifecycle_event("build_vocab", update=update, trim_rule=str(trim_rule))

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[Any, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """Choose the words of the model from words with their counts; see `build_vocab`.

        Parameters
        ----------
        word_freq : the count of each word · corpus_count : how many sentences there are, which `train` may be given.
        """
        self.corpus_count, self.raw_vocab = corpus_count or 0, dict(word_freq)
        self.prepare_vocab(update, keep_raw_vocab, trim_rule)
        self.prepare_weights(update)

    def scan_vocab(
        self,
        corpus_iterable: Any = None,
        corpus_file: str | None = None,
        progress_per: int = 10_000,
        workers: int | None = None,
        trim_rule: TrimRule | None = None,
    ) -> tuple[int, int]:
        """Count the words of a text into `raw_vocab`; return how many words and how many sentences it has."""
        with opened(corpus_iterable, corpus_file) as text:
            raw, text.words = count_text(text.path, workers or self._threads, not self.sorted_vocab)
            sentences = text.sentences
        self.raw_vocab = raw if not self.max_vocab_size else pruned(raw, self.max_vocab_size, trim_rule)
        logger.info(
            "collected %i word types from a corpus of %i raw words and %i sentences", len(raw), text.words, sentences
        )
        return text.words, sentences

    def prepare_vocab(
        self,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        min_count: int | None = None,
        sample: float | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Choose the words of the model from `raw_vocab`; return what that leaves, under gensim's names.

        Parameters
        ----------
        min_count, sample : those of the model from now on, unless None.
        dry_run : only say what the choice would be.
        """
        least = max(min_count or self.min_count, min_count_for(self.raw_vocab.values(), self.max_final_vocab))
        kept = {word: count for word, count in self.raw_vocab.items() if is_kept(word, count, least, trim_rule)}
        total = sum(kept.values())
        thinned, left = downsampled(kept.values(), share_of_sample(sample or self.sample, total))
        report: dict[str, Any] = {
            "drop_unique": len(self.raw_vocab) - len(kept), "retain_total": total, "downsample_unique": thinned,
            "downsample_total": int(left), "num_retained_words": len(kept),
        }  # fmt: skip
        logger.info("min_count=%i keeps %i of %i words", least, len(kept), len(self.raw_vocab))
        self.effective_min_count = least
        if not dry_run:
            self.min_count, self.sample = min_count or self.min_count, sample or self.sample
            self._choose(kept, update)
            if not keep_raw_vocab:
                self.raw_vocab = {}
        report["memory"] = self.estimate_memory(len(kept))
        return report

    def _choose(self, kept: Mapping[Any, int], update: bool) -> None:
        """Make these the words of the model, or let them join those that it has."""
        if not update:
            order = sorted(kept, key=kept.__getitem__, reverse=True) if self.sorted_vocab else list(kept)
            counts = np.array([kept[word] for word in order], np.int64)
        else:
            known = self.wv.key_to_index
            # The vectors have the rows of the old words until `update_weights`.
            order = [*self.wv.index_to_key, *(word for word in kept if word not in known)]
            before = np.concatenate((self._counts(), np.zeros(len(order) - len(known), np.int64)))
            counts = before + np.array([self.raw_vocab.get(word, 0) for word in order], np.int64)
            self._earlier_counts = before[: len(known)]
        self.wv.take_keys(order)
        self.wv.expandos["count"] = counts
        if self.hs and len(order) > 1:
            self.create_binary_tree()

    def create_binary_tree(self) -> None:
        """Build the Huffman tree of the words, whose paths are the attributes `code` and `point` of the keys."""
        # Imported here because it loads numba.
        from w2v_cli.engines.huffman import huffman_paths

        paths = huffman_paths(self._counts())
        for name, values in (("code", paths.labels), ("point", paths.node_ids)):
            listed = np.empty(len(self.wv), object)
            listed[:] = np.split(values, paths.starts[1:-1])
            self.wv.expandos[name] = listed

    @property
    def cum_table(self) -> np.ndarray:
        """The cumulated probabilities of noise words, uint32 (V,), in 1 ÷ (2³¹ − 1)."""
        weights = self._counts().astype(np.float64) ** float(self.ns_exponent)
        shares = np.cumsum(weights) / weights.sum()
        return np.round(shares * (2**31 - 1)).astype(np.uint32)

    @property
    def _threads(self) -> int:
        return max(1, min(self.workers, available_cores()))
