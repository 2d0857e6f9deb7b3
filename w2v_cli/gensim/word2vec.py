"""`Word2Vec` with gensim's names, on w2v's engine and w2v's files."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from w2v_cli.config import TrainConfig
from w2v_cli.gensim.keyedvectors import KeyedVectors
from w2v_cli.gensim.model_vocabulary import ModelVocabulary
from w2v_cli.gensim.once import warn_of_ignored, warn_once
from w2v_cli.gensim.run import train_on
from w2v_cli.gensim.saved_model import class_name
from w2v_cli.gensim.scoring import likeliest_words, log_probabilities
from w2v_cli.gensim.sentences import MAX_WORDS_IN_BATCH
from w2v_cli.gensim.text import check_corpus, opened
from w2v_cli.gensim.vocabulary import TrimRule, share_of_sample
from w2v_cli.training.origin import IN_MEMORY

logger = logging.getLogger("gensim.models.word2vec")
# Runs of one model draw from random streams with seeds that lie so far apart.
_SEEDS_APART = 1_000_003
_IGNORED = {"hashfxn": hash, "null_word": 0, "batch_words": MAX_WORDS_IN_BATCH}
_IGNORED_BY_TRAIN = {"word_count": 0, "queue_factor": 2}


class Word2Vec(ModelVocabulary):
    """A model that can be trained, with gensim's parameters, attributes and methods.

    Training is that of `w2v.train`. What differs from gensim:

    * An iterable is read once in each call, however many epochs there are. A generator is refused where gensim refuses
      it. Sentences may have any length.
    * With hs=1 and negative > 0, gensim trains both. Here hierarchical softmax alone is trained, with a warning, and
      `syn1neg` stays as it is.
    * The noise words of a window are shared by its pairs. A text of fewer than 10,000 words is not subsampled.
    * hashfxn, null_word and batch_words have no effect. There are no more threads than cores.
    * Runs that would diverge begin again with half the learning rate.
    * max_vocab_size drops the rarest words after all are counted; see `vocabulary.pruned`.
    * Words with the same count come in the order of their UTF-8 bytes.

    Parameters
    ----------
    sentences : lists of tokens: any iterable that can be read again, or None to build the vocabulary later.
    corpus_file : the path of a text of one sentence a line instead, which is faster. It may be packed.
    vector_size, window, alpha, min_alpha, epochs, seed : as in `w2v.train`, where they are dim and so on.
    min_count, max_final_vocab, trim_rule : which words are kept.
    sample : subsample, or from 1 on a count above which words are thinned out.
    workers : threads. With 1, the same call makes the same model.
    sg, hs, negative, cbow_mean, ns_exponent, shrink_windows : as in gensim.
    sorted_vocab : 0 keeps the words in the order in which the text has them first.
    compute_loss : whether `get_latest_training_loss` is kept up to date.
    callbacks : see `CallbackAny2Vec`.
    comment : kept with the model.

    Attributes
    ----------
    wv : KeyedVectors, the words with their vectors.
    syn1neg : (V, D), the output vectors of negative sampling · syn1 : (V, D), those of the nodes of a Huffman tree,
        whose last row is unused.
    corpus_count, corpus_total_words : sentences and words of the text that the vocabulary was built from.
    raw_vocab : the counts before words are dropped; empty unless keep_raw_vocab.
    """

    def __init__(
        self,
        sentences: Iterable[Iterable[str]] | None = None,
        corpus_file: str | None = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Any = hash,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: TrimRule | None = None,
        sorted_vocab: int = 1,
        batch_words: int = MAX_WORDS_IN_BATCH,
        compute_loss: bool = False,
        callbacks: Sequence[Any] = (),
        comment: str | None = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ) -> None:
        super().__init__()
        warn_of_ignored(
            type(self).__name__, {"hashfxn": hashfxn, "null_word": null_word, "batch_words": batch_words}, _IGNORED
        )
        self.vector_size = self.layer1_size = int(vector_size)
        self.alpha, self.min_alpha, self.epochs = float(alpha), float(min_alpha), epochs
        self.window, self.shrink_windows = int(window), bool(shrink_windows)
        self.min_count, self.max_vocab_size, self.max_final_vocab = min_count, max_vocab_size, max_final_vocab
        self.sample, self.sorted_vocab, self.null_word = sample, sorted_vocab, null_word
        self.sg, self.hs, self.negative = int(sg), int(hs), int(negative)
        self.ns_exponent, self.cbow_mean = ns_exponent, int(cbow_mean)
        self.seed, self.workers, self.hashfxn, self.batch_words = seed, int(workers), hashfxn, batch_words
        self.compute_loss, self.comment = bool(compute_loss), comment
        self.random = np.random.RandomState(seed)
        self.running_training_loss = 0.0
        self.min_alpha_yet_reached = float(alpha)
        self.effective_min_count = min_count
        self.corpus_count = self.corpus_total_words = self.train_count = 0
        self.total_train_time = 0.0
        self.raw_vocab = {}
        # How the last run made the model, as its file says it.
        self.metadata: Mapping[str, str] = {}
        self.wv = self._no_vectors()
        if sentences is None and corpus_file is None:
            if trim_rule is not None or callbacks:
                logger.warning("trim_rule and callbacks have no effect without a corpus: give them to the later calls")
            return
        check_corpus(sentences, corpus_file, passes=epochs + 1)
        with opened(sentences, corpus_file) as text:
            self.build_vocab(text, trim_rule=trim_rule)
            self.train(
                text, total_examples=self.corpus_count, total_words=self.corpus_total_words, epochs=self.epochs,
                start_alpha=self.alpha, end_alpha=self.min_alpha, compute_loss=self.compute_loss, callbacks=callbacks,
            )  # fmt: skip

    def _no_vectors(self) -> Any:
        """Return the vectors of a model without words."""
        vectors = KeyedVectors(self.vector_size)
        vectors.vectors_lockf = np.ones(1, np.float32)  # a field of gensim's trainer
        return vectors

    def __str__(self) -> str:
        return f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, alpha={self.alpha}>"

    def config(self, epochs: int) -> TrainConfig:
        """Return the options of a run of the library that goes on from this model and keeps its words."""
        options: dict[str, Any] = {
            "model": "skipgram" if self.sg else "cbow", "loss": "hs" if self.hs else "ns", "dim": self.vector_size,
            "window": self.window, "fixed_window": not self.shrink_windows,
            "subsample": share_of_sample(self.sample, int(self._counts().sum())),
            "min_count": max(1, self.min_count), "init": IN_MEMORY, "words": "model", "init_counts": "model",
            "epochs": epochs, "alpha": self.alpha, "min_alpha": min(self.alpha, self.min_alpha),
            "threads": self._threads, "seed": self.seed + self.train_count * _SEEDS_APART,
        }  # fmt: skip
        if not self.hs:
            options |= {"negatives": self.negative or 1, "noise_exponent": self.ns_exponent}
        if not self.sg and not self.cbow_mean and "subwords" not in self._subword_options():
            options["cbow_sum"] = True
        return TrainConfig(**options, **self._subword_options())

    @classmethod
    def saved_as(cls, metadata: Mapping[str, str]) -> Any:
        """Return the class that a file becomes: FastText if one has saved it."""
        if cls is not Word2Vec or class_name(metadata) != "FastText":
            return cls
        # By its name, because that module imports this one.
        return importlib.import_module("w2v_cli.gensim.fasttext").FastText

    def _subword_options(self) -> dict[str, Any]:
        """Return the options about parts of words."""
        return {}

    def train(
        self,
        corpus_iterable: Any = None,
        corpus_file: str | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Sequence[Any] = (),
        **ignored: Any,
    ) -> tuple[int, int]:
        """Train on a text, from the vectors that the model has.

        Parameters
        ----------
        corpus_iterable, corpus_file : the text; see the class. An iterable is read once.
        total_examples, total_words : sentences or words of the text. One must be given, as in gensim. The learning rate
            follows the text itself.
        epochs : passes over the text.
        start_alpha, end_alpha : the learning rates from now on, unless None.
        word_count, queue_factor : have no effect.
        report_delay : seconds between two lines of the log.
        compute_loss : whether `get_latest_training_loss` is kept up to date.
        callbacks : see `CallbackAny2Vec`.

        Returns
        -------
        How many words were trained in all epochs: those that subsampling leaves, as expected, and those of the text.

        Raises
        ------
        ValueError
            If epochs or the length of the text is not given, or neither hs nor negative is set.
        RuntimeError
            If the model has no words yet.
        TypeError
            If there is no text, or two, or it cannot be read `epochs` times.
        """
        self.alpha, self.min_alpha = start_alpha or self.alpha, end_alpha or self.min_alpha
        self._check_training_sanity(epochs=epochs, total_examples=total_examples, total_words=total_words)
        self.epochs = int(epochs or 0)
        check_corpus(corpus_iterable, corpus_file, passes=self.epochs)
        warn_of_ignored("train", {"word_count": word_count, "queue_factor": queue_factor}, _IGNORED_BY_TRAIN)
        if np.any(np.asarray(getattr(self.wv, "vectors_lockf", 1)) != 1):
            warn_once("train ignores vectors_lockf: w2v.train(freeze=...) keeps vectors as they are")
        self.compute_loss = bool(compute_loss)
        for callback in callbacks:
            callback.on_train_begin(self)
        for callback in callbacks:
            callback.on_epoch_begin(self)
        with opened(corpus_iterable, corpus_file) as text:
            if total_examples and corpus_file is None and total_examples != text.sentences:
                logger.warning("the text has %i sentences, and total_examples says %i", text.sentences, total_examples)
            totals = train_on(self, text, self.config(self.epochs), callbacks, report_delay)
        self.train_count += 1
        self.total_train_time += totals.seconds
        self.min_alpha_yet_reached = self.min_alpha
        self.add_lifecycle_event(
            "train",
            msg=f"training on {totals.raw} raw words ({totals.effective} effective words) took {totals.seconds:.1f}s,"
            f" {totals.effective / max(totals.seconds, 1e-9):.0f} effective words/s",
        )
        for callback in callbacks:
            callback.on_train_end(self)
        return totals.effective, totals.raw

    def _check_training_sanity(
        self, epochs: int | None = 0, total_examples: int | None = None, total_words: int | None = None, **ignored: Any
    ) -> None:
        """Refuse to train without what gensim asks for."""
        if not self.hs and not self.negative:
            raise ValueError("set hs or negative: with both 0, there is nothing to train")
        if self.hs and self.negative:
            logger.warning(
                "Both hierarchical softmax and negative sampling are activated. Hierarchical softmax alone is trained:"
                " set negative=0, or hs=0 for negative sampling."
            )
        if self.alpha > self.min_alpha_yet_reached:
            logger.warning("Effective 'alpha' higher than previous training cycles")
        if not self.wv.key_to_index:
            raise RuntimeError("you must first build vocabulary before training the model")
        if not len(self.wv.vectors):
            raise RuntimeError("you must initialize vectors before training the model")
        if total_words is None and total_examples is None:
            raise ValueError("give total_examples or total_words, such as total_examples=model.corpus_count")
        if epochs is None or epochs <= 0:
            raise ValueError("give epochs, such as epochs=model.epochs")

    def get_latest_training_loss(self) -> float:
        """Return the loss that the last call of `train` has added up, if it was told to compute it.

        It is what gensim adds up, −Σ log P over all predictions of all epochs, in nats. Here it is estimated: after
        each epoch the mean loss on a sample of the text (`w2v help training`, "The loss") is multiplied by the number
        of predictions. Unlike gensim's, it does not come from steps that have just been taken.
        """
        return self.running_training_loss

    def reset_from(self, other_model: Word2Vec) -> None:
        """Take over the words and counts of another model, and begin with new vectors."""
        self.wv = self._no_vectors()
        self.wv.index_to_key, self.wv.key_to_index = other_model.wv.index_to_key, other_model.wv.key_to_index
        self.wv.expandos, self.corpus_count = other_model.wv.expandos, other_model.corpus_count
        self.wv.next_index = len(self.wv)
        self.init_weights()

    def init_sims(self, replace: bool = False) -> None:
        """Normalize the vectors if `replace`; otherwise there is nothing to do, as in gensim 4."""
        if replace:
            self.wv.unit_normalize_all()

    def predict_output_word(self, context_words_list: Iterable[Any], topn: int = 10) -> list[tuple[Any, float]] | None:
        """Return the likeliest words in the middle of others, with the softmax of their scores; see `scoring`."""
        return likeliest_words(self, context_words_list, topn)

    def score(
        self,
        sentences: Iterable[Sequence[Any]],
        total_sentences: int = 1_000_000,
        chunksize: int = 100,
        queue_factor: int = 2,
        report_delay: float = 1,
    ) -> np.ndarray:
        """Return the log probability of each sentence in a model with hs=1, float32; see `scoring`."""
        return log_probabilities(self, sentences, total_sentences)
