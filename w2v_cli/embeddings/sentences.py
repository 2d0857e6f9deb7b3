"""Vectors of lines of text: the mean of the vectors of their words, weighted or not.

Lines are handled in runs, so memory does not grow with the text, and a single line may be longer than a run. A row
depends on its own line and on nothing else. The principal component that Arora et al. subtract in the end is therefore
left in: it belongs to the whole set of lines, so every row would change with its neighbours.

Reference: Arora, Liang & Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings" (the weights).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice, pairwise, repeat
from typing import NamedTuple

import numpy as np

from w2v_cli.choices import LINE_WEIGHTS, require_choice
from w2v_cli.compute.threads import in_order
from w2v_cli.config import available_cores
from w2v_cli.corpus.texts import Piece, Texts
from w2v_cli.embeddings.vectors import WordVectors, normal_forms
from w2v_cli.errors import ModelFileError
from w2v_cli.storage.words import Words
from w2v_cli.subwords.table import SubwordTable

# Returns a vector for each of n words that the model does not know, float32 (n, D); zeros if it has none for a word.
Compose = Callable[[Sequence[str]], np.ndarray]
# A line: its tokens in UTF-8.
Line = Sequence[bytes]

# The a of the smooth inverse frequency a / (a + p), as in the paper.
SIF = 1e-3
# So many lines are added up at a time, and so much text is read at once; both limit what is in memory.
_RUN_LINES = 1 << 10
_PIECE_BYTES = 1 << 16


class LineVectors(NamedTuple):
    """The vectors of n lines.

    matrix : float32 (n, D); zeros for a line in which no word has a vector.
    known, composed, words : int64 (n,), how many words of each line are in the vocabulary, how many others have a
        composed vector, and how many words there are at all.
    bytes_read : how far the text has been read; 0 for lines that do not come from a text.
    """

    matrix: np.ndarray
    known: np.ndarray
    composed: np.ndarray
    words: np.ndarray
    bytes_read: int = 0


class _Sums(NamedTuple):
    """What has been added up for n lines: float64 (n, D), and counts of words, int64 (n,), as in `LineVectors`."""

    rows: np.ndarray
    known: np.ndarray
    composed: np.ndarray
    words: np.ndarray

    def vectors(self, bytes_read: int) -> LineVectors:
        """Return the means."""
        matrix = (self.rows / np.maximum(self.known + self.composed, 1)[:, np.newaxis]).astype(np.float32)
        if not np.isfinite(matrix).all():
            raise ModelFileError(
                "the vector of a line has NaN or infinity", hint="the model has diverged or is damaged"
            )
        return LineVectors(matrix, self.known, self.composed, self.words, bytes_read)


def _composer(parts: SubwordTable | None) -> Compose | None:
    """Return what composes vectors of unknown words; None if there are no vectors for parts of words."""
    return None if parts is None else lambda words: parts.unseen_vectors(Words.of(words))


class LineEmbedder:
    """Makes a vector of each line.

        v(line) = 1/n · Σ ω(w)·v(w)        mean: ω = 1        sif: ω(w) = a / (a + p(w))

    The sum is over the n tokens of the line that have a vector.

    Parameters
    ----------
    vectors : the words and their vectors; `sif` needs their counts.
    weights : one of `choices.LINE_WEIGHTS`.
    compose : makes vectors for unknown words, whose p is 0. None: they are composed of their parts if the vectors have
        parts, and otherwise left out.

    Raises
    ------
    ConfigError
        If there are no such weights.
    ModelFileError
        If the counts are unknown and the weights need them.

    Examples
    --------
    >>> embedder = LineEmbedder(WordVectors(["up", "high"], np.array([[0, 2], [1, 0]], np.float32)))
    >>> next(embedder.of_lines([[b"up", b"high"], [], [b"up", b"what"]])).matrix.tolist()
    [[0.5, 1.0], [0.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, vectors: WordVectors, weights: str = LINE_WEIGHTS[0], compose: Compose | None = None) -> None:
        require_choice("weights", weights, LINE_WEIGHTS)
        text = vectors.words.text.tobytes()
        spans = pairwise(vectors.words.offsets.tolist())
        self._ids = {text[start:stop]: word_id for word_id, (start, stop) in enumerate(spans)}
        self._matrix, self._compose = vectors.reusable, compose or _composer(vectors.parts)
        self._weights = None if weights == "mean" else sif_weights(vectors.counts)

    def of_lines(self, lines: Iterable[Line]) -> Iterator[LineVectors]:
        """Yield the vectors of lines, some at a time."""
        lines = iter(lines)
        while run := list(islice(lines, _RUN_LINES)):
            yield self._sums(run).vectors(0)

    def of_texts(self, texts: Texts) -> Iterator[LineVectors]:
        """Yield the vectors of the lines of texts, some at a time and in order; an empty line has a row, too.

        Raises
        ------
        CorpusError
            If a text cannot be read.
        """
        threads = available_cores()
        # The line that goes on in the next run, and how far the text has been read.
        unfinished, bytes_read = self._sums([[]]), 0
        with ThreadPoolExecutor(threads) as pool:
            for (_, bytes_read), sums in in_order(pool, threads, lambda run: self._sums(run[0]), _runs(texts)):
                for whole, part in zip(sums, unfinished, strict=True):
                    whole[0] += part[0]
                unfinished = _Sums(*(array[-1:] for array in sums))
                if len(sums.known) > 1:
                    yield _Sums(*(array[:-1] for array in sums)).vectors(bytes_read)

    def _sums(self, lines: Sequence[Line]) -> _Sums:
        """Add up the vectors of each of n lines."""
        words = np.fromiter(map(len, lines), np.int64, len(lines))
        tokens = list(chain.from_iterable(lines))
        ids = np.fromiter(map(self._ids.get, tokens, repeat(-1)), np.int64, len(tokens))
        self._find_other_forms(tokens, ids)
        further = self._composed(tokens, ids)
        found, line_of = ids >= 0, np.repeat(np.arange(len(lines)), words)
        counts = np.bincount(line_of[found], minlength=len(lines))
        composed = np.bincount(line_of[ids >= len(self._matrix)], minlength=len(lines))
        rows = np.zeros((len(lines), self._matrix.shape[1]))
        if found.any():
            filled = np.flatnonzero(counts)
            starts = (np.cumsum(counts) - counts)[filled]
            rows[filled] = np.add.reduceat(self._weighted(ids[found], further), starts, axis=0)
        return _Sums(rows, counts - composed, composed, words)

    def _find_other_forms(self, tokens: Sequence[bytes], ids: np.ndarray) -> None:
        """Give unknown words the ids of their normal forms NFC or NFD, in place, as `WordVectors.id_of` does."""
        for i in np.flatnonzero(ids < 0).tolist():
            if not tokens[i].isascii():
                forms = (form.encode() for form in normal_forms(tokens[i].decode()))
                ids[i] = next((self._ids[form] for form in forms if form in self._ids), -1)

    def _composed(self, tokens: Sequence[bytes], ids: np.ndarray) -> np.ndarray:
        """Return vectors for unknown words, float32 (n, D), and give these words ids from V on, in place."""
        unknown = np.flatnonzero(ids < 0)
        if self._compose is None or not len(unknown):
            return np.empty((0, self._matrix.shape[1]), np.float32)
        places: dict[bytes, int] = {}
        order = [places.setdefault(tokens[i], len(places)) for i in unknown.tolist()]
        composed = self._compose([token.decode() for token in places])
        # A word that even `compose` knows nothing about stays unknown.
        new_ids = np.where(composed.any(axis=1), len(self._matrix) + np.arange(len(composed)), -1)
        ids[unknown] = new_ids[order]
        return composed

    def _weighted(self, ids: np.ndarray, composed: np.ndarray) -> np.ndarray:
        """Return the weighted vectors of n tokens, float64 (n, D)."""
        own = ids < len(self._matrix)
        rows = np.empty((len(ids), self._matrix.shape[1]))
        rows[own], rows[~own] = self._matrix[ids[own]], composed[ids[~own] - len(self._matrix)]
        if self._weights is not None:
            rows[own] *= self._weights[ids[own], np.newaxis]
        return rows


def sif_weights(counts: np.ndarray | None) -> np.ndarray:
    """Return the smooth inverse frequency of each word, a / (a + p(w)), float64 (V,).

    Parameters
    ----------
    counts : int64 (V,), occurrences of each word.

    Raises
    ------
    ModelFileError
        If the counts are unknown.
    """
    if counts is None:
        raise ModelFileError(
            "the model does not say how often its words occur, and the weights sif need that",
            hint="take a model of w2v train, or the weights mean",
        )
    return SIF / (SIF + counts / max(1, counts.sum()))


def _runs(texts: Texts) -> Iterator[tuple[list[Line], int]]:
    """Cut texts into runs of lines, with how far the texts have been read.

    The last line of a run is not finished: the first line of the next run continues it. What is unfinished at the very
    end is empty.
    """
    ends_line, bytes_read = True, 0
    for piece in _real_pieces(texts):
        bytes_read = piece.bytes_read
        lines: list[Line] = [line.split() for line in piece.data.split(b"\n")]
        for start in range(0, len(lines), _RUN_LINES):
            run = lines[start : start + _RUN_LINES]
            is_last = start + _RUN_LINES >= len(lines)
            yield (run if is_last else [*run, []]), bytes_read
        ends_line = piece.data.endswith(b"\n") or (ends_line and not piece.data)
    if not ends_line:
        yield [[], []], bytes_read


def _real_pieces(texts: Texts) -> Iterator[Piece]:
    """Yield the pieces of a text without the newline that `Texts` puts at its end."""
    held: Piece | None = None
    for piece in texts.pieces(_PIECE_BYTES):
        if held is not None:
            yield held
        held = piece
