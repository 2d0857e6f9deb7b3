"""Find words that belong together by their counts, and join them: new_york, bank_of_america.

A candidate is two words with nothing between them, or only connector words such as `of`. A phrase never begins or ends
with a connector. Candidates are counted within sentences. Those whose score is above the threshold are phrases, and
phrases are joined from left to right, as gensim does. Memory grows with the number of distinct candidates whose words
are frequent enough, not with the length of the text.

References
----------
Mikolov et al. 2013, arXiv:1310.4546, eq. 6; Bouma 2009 (NPMI); word2vec.c: word2phrase.c; gensim: Phrases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from w2v_cli.compute.threads import in_order
from w2v_cli.corpus import phrase_kernels
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.storage.words import Words

# gensim: ENGLISH_CONNECTOR_WORDS
ENGLISH_CONNECTORS = "a an the for of with without at from to in on by and or".split()  # noqa: SIM905
_MARK = "\ufeff".encode()
# A chunk has at most this many tokens. A line that is longer is cut, and no phrase crosses the cut.
CHUNK_TOKENS = 1 << 20

# Called with the number of tokens that are done, and of all tokens.
OnProgress = Callable[[int, int], None]
Result = TypeVar("Result")


class Phrase(NamedTuple):
    """The joined words of a phrase, and its score."""

    text: str
    score: float


class _Chunk(NamedTuple):
    """A part of the corpus.

    Attributes
    ----------
    ids : int32 (n,).
    boundaries : int64, ascending, inside (0, n): where a new line begins.
    ends_line : whether the last token is the last of its line.
    """

    ids: np.ndarray
    boundaries: np.ndarray
    ends_line: bool


class Joiner:
    """Find the phrases of a corpus, in one or more passes, and join them.

    Parameters
    ----------
    corpus : must have every word of the text in its vocabulary.
    min_count : how often a phrase and the words at its two ends must occur.
    threshold : phrases have a score above this.
    scoring : one of `choices.SCORINGS`.
    connectors : words that may stand inside a phrase but not at its ends.
    delimiter : is put between the words of a phrase.
    threads : number of threads.

    Attributes
    ----------
    words : the words of the corpus, then the phrases that the passes have found.
    passes : what each pass so far joins.
    """

    def __init__(
        self,
        corpus: EncodedCorpus,
        min_count: int,
        threshold: float,
        scoring: str = "word2phrase",
        connectors: Sequence[str] = (),
        delimiter: str = "_",
        threads: int = 1,
    ) -> None:
        self.corpus = corpus
        self.min_count, self.threshold, self.scoring = min_count, threshold, scoring
        self.connectors = frozenset(connectors)
        self.delimiter, self.threads = delimiter, threads
        self.words = list(corpus.vocabulary.words)
        self.passes: list[phrase_kernels.Joins] = []

    def find(self, on_progress: OnProgress | None = None) -> list[Phrase]:
        """Make one more pass over the text that the passes before it have left.

        Returns
        -------
        The phrases that were found, best first; `text` joins them from now on.
        """
        counts = self._counts(on_progress)
        connectors = self._connectors()
        parts = self._candidates(connectors, counts >= self.min_count, on_progress)
        with ThreadPoolExecutor(self.threads) as pool:
            chosen = list(pool.map(lambda part: self._above_threshold(part, counts), parts))
        scored = sorted(
            (-score, part.path(node, last))
            for part, phrases_of_part in zip(parts, chosen, strict=True)
            for node, last, score in phrases_of_part
        )
        phrases = [self.delimiter.join(self.words[word_id] for word_id in path) for _, path in scored]
        ids_of = self._ids_of(phrases)
        joined_ids = {path: ids_of[phrase] for (_, path), phrase in zip(scored, phrases, strict=True)}
        self.passes.append(phrase_kernels.Joins(connectors, joined_ids))
        return [Phrase(phrase, -score) for (score, _), phrase in zip(scored, phrases, strict=True)]

    def counts(self, on_progress: OnProgress | None = None) -> dict[str, int]:
        """Return how often each word that is no connector occurs, and each candidate, with its words joined.

        All of them count, however rare. A candidate that is spelled like a word adds to its count.
        """
        counts, connectors = self._counts(on_progress), self._connectors()
        found = {self.words[i]: int(counts[i]) for i in np.flatnonzero(~connectors & (counts > 0)).tolist()}
        for part in self._candidates(connectors, counts > 0, on_progress):
            nodes, _, lasts, occurring = part.occurring(1)
            for node, last, count in zip(nodes.tolist(), lasts.tolist(), occurring.tolist(), strict=True):
                text = self.delimiter.join([self.words[word_id] for word_id in part.path(node, last)])
                found[text] = found.get(text, 0) + count
        return found

    def _connectors(self) -> np.ndarray:
        """Return which of the words are connectors, bool (V,)."""
        return np.array([word in self.connectors for word in self.words], bool)

    def _candidates(
        self, connectors: np.ndarray, frequent: np.ndarray, on_progress: OnProgress | None
    ) -> list[phrase_kernels.Candidates]:
        """Count the candidates between frequent words, in as many parts as there are threads."""
        parts = [phrase_kernels.Candidates(connectors, frequent, part, self.threads) for part in range(self.threads)]
        with ThreadPoolExecutor(self.threads) as pool:
            for chunk in self._for_each_chunk(self._joined, on_progress):
                list(pool.map(lambda part, chunk=chunk: part.count(chunk.ids, chunk.boundaries), parts))
        return parts

    def text(self, on_progress: OnProgress | None = None) -> Iterator[bytes]:
        """Yield the text with its phrases joined, in chunks: UTF-8, one sentence per line, one space between words."""
        words = Words.of(self.words)
        word_bytes = np.concatenate((words.text, np.zeros(phrase_kernels.EIGHT, np.uint8)))

        def written(chunk: _Chunk) -> bytes:
            return phrase_kernels.spelled(*self._joined(chunk), word_bytes, words.offsets).tobytes()

        first = True
        for text in self._for_each_chunk(written, on_progress):
            # A reader removes one byte order mark, so a text that begins with such a character needs another.
            yield _MARK + text if first and text.startswith(_MARK) else text
            first = False

    def _counts(self, on_progress: OnProgress | None) -> np.ndarray:
        """Return how often each word and phrase occurs after the passes so far, int64 (V,)."""
        if not self.passes:
            return self.corpus.vocabulary.counts
        counts = np.zeros(len(self.words), np.int64)
        for chunk in self._for_each_chunk(self._joined, on_progress):
            counts += np.bincount(chunk.ids, minlength=len(counts))
        return counts

    def _above_threshold(
        self, candidates: phrase_kernels.Candidates, counts: np.ndarray
    ) -> list[tuple[int, int, float]]:
        """Return node, last word and score of the candidates that are phrases.

            word2phrase: (n_ab − min_count) / (n_a n_b) · N      npmi: log(p_ab / (p_a p_b)) / −log p_ab, p = n / N

        Here a and b are the first and the last word of a candidate, and N is the number of all tokens.
        """
        nodes, firsts, lasts, n_ab = candidates.occurring(self.min_count)
        total, n_a, n_b = counts.sum(), counts[firsts], counts[lasts]
        if self.scoring == "word2phrase":
            scores = (n_ab - self.min_count) / n_a / n_b * total
        else:
            # If the text is a single pair, −log p_ab is 0, and there is no phrase.
            with np.errstate(divide="ignore", invalid="ignore"):
                scores = np.log(n_ab / total / (n_a / total * (n_b / total))) / -np.log(n_ab / total)
        chosen = np.flatnonzero(np.isfinite(scores) & (scores > self.threshold))
        return list(zip(nodes[chosen].tolist(), lasts[chosen].tolist(), scores[chosen].tolist(), strict=True))

    def _ids_of(self, phrases: Sequence[str]) -> dict[str, int]:
        """Return the ids of phrases. One that is spelled like a word has its id; the others are appended to `words`."""
        wanted = set(phrases)
        ids = {word: word_id for word_id, word in enumerate(self.words) if word in wanted}
        for phrase in phrases:
            if phrase not in ids:
                ids[phrase] = len(self.words)
                self.words.append(phrase)
        return ids

    def _for_each_chunk(self, work: Callable[[_Chunk], Result], on_progress: OnProgress | None) -> Iterator[Result]:
        """Let the threads work on all chunks, and yield the results in order."""
        with ThreadPoolExecutor(self.threads) as pool:
            for _, result in in_order(pool, self.threads, work, self._chunks(on_progress)):
                yield result

    def _joined(self, chunk: _Chunk) -> _Chunk:
        """Return a chunk as the passes so far leave it."""
        ids, boundaries, ends_line = chunk
        for joins in self.passes:
            ids, boundaries = joins.join(ids, boundaries)
        return _Chunk(ids, boundaries, ends_line)

    def _chunks(self, on_progress: OnProgress | None) -> Iterator[_Chunk]:
        """Yield the corpus as it was read, cut at the ends of lines if possible."""
        start, total = 0, self.corpus.token_count
        while start < total:
            stop = min(start + CHUNK_TOKENS, total)
            ids, boundaries = self.corpus.read(start, stop)
            ends_line = stop == total or len(boundaries) > 0
            if stop < total and ends_line:
                stop = start + int(boundaries[-1])
                ids, boundaries = ids[: boundaries[-1]], boundaries[:-1]
            yield _Chunk(ids, boundaries, ends_line)
            start = stop
            if on_progress is not None:
                on_progress(start, total)
