"""Words that belong together, found by their counts and joined: new_york, bank_of_america.

A candidate is two words with nothing, or connector words only, between them; a connector is no end of a phrase.
Candidates are counted within sentences, and joined from left to right where the score is above the threshold, as
gensim does.
Memory grows with the different candidates of words that are frequent enough, not with the text.

References: Mikolov et al. 2013, arXiv:1310.4546, eq. 6; Bouma 2009 (NPMI); word2vec.c: word2phrase.c; gensim: Phrases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from w2v_cli.compute.threads import in_order
from w2v_cli.corpus import phrase_kernels
from w2v_cli.corpus.encode import EncodedCorpus

# gensim: ENGLISH_CONNECTOR_WORDS
ENGLISH_CONNECTORS = "a an the for of with without at from to in on by and or".split()  # noqa: SIM905
_MARK = "\ufeff".encode()
# Tokens that are worked on at a time; a longer line is cut there, and no phrase crosses the cut.
BLOCK_TOKENS = 1 << 20

# Called with how many tokens are done, and of how many.
OnProgress = Callable[[int, int], None]
Result = TypeVar("Result")


class Phrase(NamedTuple):
    """A phrase, its words joined, and its score."""

    text: str
    score: float


class _Block(NamedTuple):
    """A part of the corpus: ids int32, boundaries int64 in them, and whether a line ends with it."""

    ids: np.ndarray
    boundaries: np.ndarray
    ends_line: bool


class Joiner:
    """Finds the phrases of a corpus, pass after pass, and joins them.

    Parameters
    ----------
    corpus : with every word of the text in its vocabulary.
    min_count : what a phrase and its two end words must occur, at least.
    threshold : what a score must be above · scoring : one of `choices.SCORINGS`.
    connectors : words that may stand inside a phrase, and not at its ends.
    delimiter : what is between the words of a phrase.
    threads : how many work.
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
        """One more pass: count what the passes before it have left, and join the phrases of that; best first."""
        counts = self._counts(on_progress)
        connectors = np.array([word in self.connectors for word in self.words], bool)
        frequent = counts >= self.min_count
        parts = [phrase_kernels.Candidates(connectors, frequent, part, self.threads) for part in range(self.threads)]
        with ThreadPoolExecutor(self.threads) as pool:
            for block in self._of_blocks(self._joined, on_progress):
                list(pool.map(lambda part, block=block: part.count(block.ids, block.boundaries), parts))
            chosen = list(pool.map(lambda part: self._above_threshold(part, counts), parts))
        scored = [
            (-score, part.path(node, last))
            for part, some in zip(parts, chosen, strict=True)
            for node, last, score in some
        ]
        scored.sort()
        phrases = [self.delimiter.join(self.words[word_id] for word_id in path) for _, path in scored]
        ids_of = self._ids_of(phrases)
        joined_ids = {path: ids_of[phrase] for (_, path), phrase in zip(scored, phrases, strict=True)}
        self.passes.append(phrase_kernels.Joins(connectors, joined_ids))
        return [Phrase(phrase, -score) for (score, _), phrase in zip(scored, phrases, strict=True)]

    def text(self, on_progress: OnProgress | None = None) -> Iterator[bytes]:
        """The text with its phrases joined: UTF-8, a sentence a line, one space between words."""
        encoded = [word.encode() for word in self.words]
        starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        word_bytes = np.frombuffer(b"".join(encoded) + bytes(phrase_kernels.EIGHT), np.uint8)

        def written(block: _Block) -> bytes:
            return phrase_kernels.spelled(*self._joined(block), word_bytes, starts).tobytes()

        first = True
        for text in self._of_blocks(written, on_progress):
            # Of two byte order marks a reader takes the first away.
            yield _MARK + text if first and text.startswith(_MARK) else text
            first = False

    def _counts(self, on_progress: OnProgress | None) -> np.ndarray:
        """How often each word and phrase occurs now, int64 (V,)."""
        if not self.passes:
            return self.corpus.vocabulary.counts
        counts = np.zeros(len(self.words), np.int64)
        for block in self._of_blocks(self._joined, on_progress):
            counts += np.bincount(block.ids, minlength=len(counts))
        return counts

    def _above_threshold(
        self, candidates: phrase_kernels.Candidates, counts: np.ndarray
    ) -> list[tuple[int, int, float]]:
        """Node, last word and score of the candidates that are phrases.

        word2phrase: (n_ab − min_count) / (n_a n_b) · N      npmi: log(p_ab / (p_a p_b)) / −log p_ab, p = n / N
        """
        nodes, firsts, lasts, n_ab = candidates.occurring(self.min_count)
        total, n_a, n_b = counts.sum(), counts[firsts], counts[lasts]
        if self.scoring == "word2phrase":
            scores = (n_ab - self.min_count) / n_a / n_b * total
        else:
            # A text of one pair alone has −log p_ab = 0, and no phrase.
            with np.errstate(divide="ignore", invalid="ignore"):
                scores = np.log(n_ab / total / (n_a / total * (n_b / total))) / -np.log(n_ab / total)
        chosen = np.flatnonzero(np.isfinite(scores) & (scores > self.threshold))
        return list(zip(nodes[chosen].tolist(), lasts[chosen].tolist(), scores[chosen].tolist(), strict=True))

    def _ids_of(self, phrases: Sequence[str]) -> dict[str, int]:
        """The ids of phrases: the list of words grows by them; one that is spelled as a word there is, is that word."""
        wanted = set(phrases)
        ids = {word: word_id for word_id, word in enumerate(self.words) if word in wanted}
        for phrase in phrases:
            if phrase not in ids:
                ids[phrase] = len(self.words)
                self.words.append(phrase)
        return ids

    def _of_blocks(self, work: Callable[[_Block], Result], on_progress: OnProgress | None) -> Iterator[Result]:
        """What the threads make of each block, in order."""
        with ThreadPoolExecutor(self.threads) as pool:
            for _, result in in_order(pool, self.threads, work, self._blocks(on_progress)):
                yield result

    def _joined(self, block: _Block) -> _Block:
        """A block as the passes so far leave it."""
        ids, boundaries, ends_line = block
        for joins in self.passes:
            ids, boundaries = joins.join(ids, boundaries)
        return _Block(ids, boundaries, ends_line)

    def _blocks(self, on_progress: OnProgress | None) -> Iterator[_Block]:
        """The corpus as it was read."""
        start, total = 0, self.corpus.token_count
        while start < total:
            stop = min(start + BLOCK_TOKENS, total)
            ids, boundaries = self.corpus.read(start, stop)
            ends_line = stop == total or len(boundaries) > 0
            if stop < total and ends_line:
                stop = start + int(boundaries[-1])
                ids, boundaries = ids[: boundaries[-1]], boundaries[:-1]
            yield _Block(ids, boundaries, ends_line)
            start = stop
            if on_progress is not None:
                on_progress(start, total)
