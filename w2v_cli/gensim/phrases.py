"""`Phrases` and `FrozenPhrases` with gensim's names: candidates are counted by w2v's engine, and files are JSON."""

from __future__ import annotations

import inspect
import logging
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from w2v_cli.config import available_cores
from w2v_cli.corpus.encode import encode
from w2v_cli.corpus.phrases import ENGLISH_CONNECTORS, Joiner
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ModelFileError, VocabularyError
from w2v_cli.gensim.spelling import as_key, as_words
from w2v_cli.gensim.text import opened
from w2v_cli.storage.atomic import atomic_file
from w2v_cli.storage.strict_json import strict_json
from w2v_cli.storage.tensors import parse_json

logger = logging.getLogger("gensim.models.phrases")
ENGLISH_CONNECTOR_WORDS = frozenset(ENGLISH_CONNECTORS)
NEGATIVE_INFINITY = float("-inf")
FORMAT = "w2v-cli phrases"

Scorer = Callable[..., float]


def original_scorer(
    worda_count: float,
    wordb_count: float,
    bigram_count: float,
    len_vocab: float,
    min_count: float,
    corpus_word_count: float,
) -> float:
    """Return (n_ab − min_count) ÷ (n_a · n_b) × the number of different words and candidates."""
    both = worda_count * wordb_count
    return (bigram_count - min_count) / both * len_vocab if both else NEGATIVE_INFINITY


def npmi_scorer(
    worda_count: float,
    wordb_count: float,
    bigram_count: float,
    len_vocab: float,
    min_count: float,
    corpus_word_count: float,
) -> float:
    """Return log(p_ab ÷ (p_a · p_b)) ÷ −log p_ab, or −∞ for a candidate that is rarer than min_count."""
    if bigram_count < min_count or not worda_count * wordb_count * bigram_count:
        return NEGATIVE_INFINITY
    p_ab = bigram_count / corpus_word_count
    p_a, p_b = worda_count / corpus_word_count, wordb_count / corpus_word_count
    return math.log(p_ab / (p_a * p_b)) / -math.log(p_ab) if p_ab < 1 else NEGATIVE_INFINITY


_SCORERS = {"default": original_scorer, "npmi": npmi_scorer}


class _JoinedCorpus:
    """The sentences of a corpus with their phrases joined, anew each time that they are asked for."""

    def __init__(self, phrases: _PhrasesTransformation, corpus: Iterable[Any]) -> None:
        self.obj, self.corpus = phrases, corpus

    def __iter__(self) -> Iterator[list[str]]:
        for sentence in self.corpus:
            yield self.obj[sentence]

    def __len__(self) -> int:
        return len(self.corpus)  # type: ignore[arg-type]


class _PhrasesTransformation:
    """What is the same for phrases that learn and phrases that are frozen; `score_candidate` says what is a phrase.

    Parameters
    ----------
    connector_words : words that may stand inside a phrase, and not at its ends.
    """

    min_count: float
    threshold: float
    delimiter: str
    scoring: Scorer
    # The attributes that a file has, besides the scoring function and the connectors.
    _saved: tuple[str, ...] = ("min_count", "threshold", "delimiter")

    def __init__(self, connector_words: Iterable[str]) -> None:
        self.connector_words = frozenset(connector_words)

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str | None, float | None]:
        """Return the joined phrase and its score, or None twice."""
        raise NotImplementedError

    def analyze_sentence(self, sentence: Iterable[str]) -> Iterator[tuple[str, float | None]]:
        """Yield the phrases of a sentence with their scores, and its other words with None, from left to right."""
        held: list[str] = []  # a word that may begin a phrase, and the connectors behind it
        for word in sentence:
            if word in self.connector_words:
                if held:
                    held.append(word)
                else:
                    yield word, None
                continue
            if held:
                phrase, score = self.score_candidate(held[0], word, held[1:])
                if phrase is not None and score is not None:
                    yield phrase, score
                    held = []
                    continue
                for other in held:
                    yield other, None
            held = [word]
        for other in held:
            yield other, None

    def __getitem__(self, sentence: Any) -> Any:
        """Return a sentence with its phrases joined; for several sentences, an iterable of them."""
        items = iter(sentence)
        first = next(items, None)
        if first is None or isinstance(first, str):
            whole = items if first is None else chain([first], items)
            return [word for word, _ in self.analyze_sentence(whole)]
        # An iterator has lost its first sentence; anything else begins anew.
        return _JoinedCorpus(self, chain([first], items) if items is sentence else sentence)

    def find_phrases(self, sentences: Iterable[Iterable[str]]) -> dict[str, float]:
        """Return the phrases of some sentences with their scores."""
        found = chain.from_iterable(map(self.analyze_sentence, sentences))
        return {phrase: score for phrase, score in found if score is not None}

    def save(self, fname: str | os.PathLike[str], **ignored: Any) -> None:
        """Write a JSON file that `load` reads. A scoring function of your own is saved as its name."""
        values = {
            "format": FORMAT, "class": type(self).__name__, "scoring": _name_of(self.scoring),
            "connector_words": sorted(self.connector_words), **{name: getattr(self, name) for name in self._saved},
        }  # fmt: skip
        with atomic_file(fname) as file:
            file.write(strict_json(values).encode())

    @classmethod
    def load(cls, fname: str | os.PathLike[str], **ignored: Any) -> Any:
        """Read what `save` has written: phrases that learn, or frozen ones.

        A scoring function of your own is looked up by its name in the modules that are imported: none is imported.

        Raises
        ------
        ModelFileError
            If the file is none of these, such as a pickle of gensim.
        """
        values = _read(os.fspath(fname), cls.__name__)
        kinds = {kind.__name__: kind for kind in (Phrases, FrozenPhrases, cls)}
        kind = kinds.get(str(values.get("class")))
        if kind is None:
            raise ModelFileError(f"{os.fspath(fname)} does not hold {cls.__name__}", "load it with its own class")
        made = kind.__new__(kind)
        try:
            made.scoring = _scorer_named(values["scoring"])
            made.connector_words = frozenset(values["connector_words"])
            for name in kind._saved:
                setattr(made, name, values[name])
        except KeyError as error:
            raise ModelFileError(f"{os.fspath(fname)} lacks {error}") from error
        return made


class Phrases(_PhrasesTransformation):
    """Phrases of two words, and the connectors between them, by their counts in a text.

    The counts, the scores and the phrases are those of gensim. Only with max_vocab_size they may differ: the rarest
    words and candidates are dropped after all are counted.

    Parameters
    ----------
    sentences : lists of words; None to add them later.
    min_count : what is subtracted from the count of a candidate, and with npmi how often it must occur.
    threshold : a phrase has a score above this.
    max_vocab_size : the most words and candidates that are kept.
    delimiter : what is put between the words of a phrase.
    progress_per : has no effect.
    scoring : "default", "npmi", or a function with the parameters of `original_scorer`.
    connector_words : words that may stand inside a phrase; ENGLISH_CONNECTOR_WORDS for English.

    Attributes
    ----------
    vocab : the counts of words and candidates · corpus_word_count : how many words were read.

    Raises
    ------
    ValueError
        If a parameter has no such value.
    """

    _saved = (*_PhrasesTransformation._saved, "max_vocab_size", "min_reduce", "corpus_word_count", "vocab")

    def __init__(
        self,
        sentences: Iterable[Iterable[str]] | None = None,
        min_count: float = 5,
        threshold: float = 10.0,
        max_vocab_size: int = 40_000_000,
        delimiter: str = "_",
        progress_per: int = 10_000,
        scoring: str | Scorer = "default",
        connector_words: Iterable[str] = frozenset(),
    ) -> None:
        super().__init__(connector_words)
        if min_count <= 0:
            raise ValueError("min_count should be at least 1")
        if threshold <= 0 and scoring == "default":
            raise ValueError("threshold should be positive for default scoring")
        if scoring == "npmi" and not -1 <= threshold <= 1:
            raise ValueError("threshold should be between -1 and 1 for npmi scoring")
        self.scoring = _checked(_SCORERS.get(scoring, scoring) if isinstance(scoring, str) else scoring)
        self.min_count, self.threshold, self.delimiter = min_count, threshold, delimiter
        self.max_vocab_size = max_vocab_size
        self.min_reduce, self.corpus_word_count = 1, 0
        self.vocab: dict[str, int] = {}
        if sentences is not None:
            self.add_vocab(sentences)

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}<{len(self.vocab)} vocab, min_count={self.min_count}, threshold={self.threshold},"
            f" max_vocab_size={self.max_vocab_size}>"
        )

    def add_vocab(self, sentences: Iterable[Iterable[str]]) -> None:
        """Add the counts of more sentences, which are read once."""
        counts, words = _counts_of(sentences, self.connector_words, self.delimiter)
        self.corpus_word_count += words
        for text, count in counts.items():
            self.vocab[text] = self.vocab.get(text, 0) + count
        while len(self.vocab) > self.max_vocab_size:
            self.vocab = {text: count for text, count in self.vocab.items() if count > self.min_reduce}
            self.min_reduce += 1
        logger.info("%s has read %i words", self, self.corpus_word_count)

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str | None, float | None]:
        """Return the joined phrase and its score, or None twice if it is no phrase."""
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        n_a, n_b, n_ab = (self.vocab.get(text, 0) for text in (word_a, word_b, phrase))
        if not (n_a > 0 and n_b > 0 and n_ab > 0):
            return None, None
        score = self.scoring(
            worda_count=n_a, wordb_count=n_b, bigram_count=n_ab, len_vocab=len(self.vocab), min_count=self.min_count,
            corpus_word_count=self.corpus_word_count,
        )  # fmt: skip
        return (phrase, score) if score > self.threshold else (None, None)

    def export_phrases(self) -> dict[str, float]:
        """Return all phrases with their scores."""
        cut = (text.split(self.delimiter) for text in self.vocab if self.delimiter in text)
        scored = (self.score_candidate(words[0], words[-1], words[1:-1]) for words in cut)
        return {phrase: score for phrase, score in scored if phrase is not None and score is not None}

    def freeze(self) -> FrozenPhrases:
        """Return the phrases alone, without the counts."""
        return FrozenPhrases(self)


class FrozenPhrases(_PhrasesTransformation):
    """The phrases that another object has found; smaller and faster, and cannot learn.

    Parameters
    ----------
    phrases_model : Phrases.

    Attributes
    ----------
    phrasegrams : the phrases with their scores.
    """

    _saved = (*_PhrasesTransformation._saved, "phrasegrams")

    def __init__(self, phrases_model: Phrases) -> None:
        super().__init__(phrases_model.connector_words)
        self.threshold, self.min_count = phrases_model.threshold, phrases_model.min_count
        self.delimiter, self.scoring = phrases_model.delimiter, phrases_model.scoring
        self.phrasegrams = phrases_model.export_phrases()

    def __str__(self) -> str:
        return (
            f"{type(self).__name__}<{len(self.phrasegrams)} phrases, min_count={self.min_count},"
            f" threshold={self.threshold}>"
        )

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str | None, float | None]:
        """Return the joined phrase and its score, or None twice if it is no phrase."""
        phrase = self.delimiter.join([word_a, *in_between, word_b])
        score = self.phrasegrams.get(phrase, NEGATIVE_INFINITY)
        return (phrase, score) if score > self.threshold else (None, None)


Phraser = FrozenPhrases


def _counts_of(sentences: Iterable[Any], connectors: frozenset[str], delimiter: str) -> tuple[dict[str, int], int]:
    """Return the counts of words and candidates in a text, and how many words it has."""
    threads, folder = available_cores(), tempfile.gettempdir()
    try:
        with opened(sentences, None) as text, encode(Texts([text.path]), 1, None, threads, folder) as corpus:
            joiner = Joiner(corpus, 1, 0.0, connectors=as_words(connectors), delimiter=delimiter, threads=threads)
            joiner.words = [str(as_key(word)) for word in joiner.words]
            joiner.connectors = connectors
            return joiner.counts(), corpus.raw_token_count
    except VocabularyError:  # no words
        return {}, 0


def _checked(scoring: Any) -> Scorer:
    """Refuse a scoring function without the parameters that it is called with.

    Raises
    ------
    ValueError
        If it is none, or a parameter is missing.
    """
    if not callable(scoring):
        raise ValueError(f"unknown scoring method {scoring!r}: it is default, npmi or a function")
    wanted = inspect.signature(original_scorer).parameters
    missing = [name for name in wanted if name not in inspect.signature(scoring).parameters]
    if missing:
        raise ValueError(f"the scoring function lacks the parameters {missing}")
    return scoring


def _name_of(scoring: Scorer) -> str:
    """Return the name by which a file knows a scoring function."""
    for name, function in _SCORERS.items():
        if function is scoring:
            return name
    return f"{scoring.__module__}:{scoring.__qualname__}"


def _scorer_named(name: str) -> Scorer:
    """Return the scoring function of a file.

    Raises
    ------
    ModelFileError
        If no module that is imported has it.
    """
    if name in _SCORERS:
        return _SCORERS[name]
    module, _, function = name.partition(":")
    try:
        return _checked(getattr(sys.modules.get(module), function, None))
    except ValueError as error:
        raise ModelFileError(f"the scoring function {name} is not there", f"import {module} first") from error


def _read(path: str, kind: str) -> dict[str, Any]:
    """Return the values in a file of phrases.

    Raises
    ------
    ModelFileError
        If it cannot be read, or holds something else.
    """
    hint = f"{kind}.save writes such files; a pickle of gensim: w2v help gensim says how to take phrases over"
    try:
        with open(path, "rb") as file:
            values = parse_json(file.read().decode())
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        values = None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise ModelFileError(f"{path} does not hold {kind}", hint)
    return values
