"""Text that is held out of the training to measure the loss on: a share of the corpus, or a text of its own.

A share is taken by *passages*: lines, or pieces of `PASSAGE_TOKENS` tokens of longer lines. Passage number i, counted
from 1 through the whole corpus, is held out if the fractional part of i × 0.618… (the golden section) is below the
share. Such numbers spread over the text more evenly than any that are drawn, and have no period that could agree with
one of the text, as every twentieth line of alternating languages would. So the choice depends on the text and on the
share alone. Held-out passages are neither trained on nor counted.

Of a long held-out text a sample is measured: `MOST_TOKENS` tokens, in pieces of `SPAN_TOKENS` from all over it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from w2v_cli.compute.jit import COMPILES, compiled
from w2v_cli.compute.random import GOLDEN, MASK
from w2v_cli.corpus.passes import OnProgress, OwnPasses, Provisional
from w2v_cli.corpus.spool import Spool, telling_full_disk
from w2v_cli.corpus.texts import PIECE_BYTES, Texts
from w2v_cli.corpus.tokens import NEWLINE_ID, Tokens, token_total
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.corpus.vocabulary_file import ids_in
from w2v_cli.errors import CorpusError

PASSAGE_TOKENS = 1_000
MOST_TOKENS, SPAN_TOKENS = 200_000, 1_000


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A text as ids of a vocabulary, which is measured and not trained on.

    Attributes
    ----------
    ids : int32 (n,), the tokens that are measured: all of them, or a sample.
    boundaries : int64, ascending, inside (0, n): where a new sentence, or a piece of the sample, begins.
    token_count : tokens of the vocabulary in the text.
    unknown : tokens of other words, which are left out.
    fingerprint : sha256 of a text of its own, decompressed, hexadecimal; empty for a share of the corpus.
    """

    ids: np.ndarray
    boundaries: np.ndarray
    token_count: int
    unknown: int
    fingerprint: str = ""


def read_held_out(
    texts: Texts,
    vocabulary: Vocabulary,
    threads: int,
    spool_folder: str | os.PathLike[str],
    on_progress: OnProgress,
    piece_bytes: int = PIECE_BYTES,
) -> HeldOut:
    """Read texts as ids of a vocabulary that was made without them.

    Parameters
    ----------
    threads, spool_folder, on_progress, piece_bytes : as in `corpus.encode.encode`.

    Raises
    ------
    CorpusError
        If a text cannot be read, or the disk is full.
    """
    with telling_full_disk(spool_folder, named=False), ExitStack() as stack:
        spool = Spool.temporary(spool_folder)
        stack.callback(spool.close)
        passes = OwnPasses(texts, threads, piece_bytes)
        tokens, fingerprint = passes.count(spool, on_progress)
        ids, all_tokens = ids_in(vocabulary, tokens), token_total(tokens)
        known = passes.translate(vocabulary, ids, spool, on_progress)
        return _sampled(spool, known, all_tokens - known, fingerprint)


class HoldingOut(OwnPasses):
    """The passes of one machine, which put a share of the passages aside.

    Parameters
    ----------
    texts, threads, piece_bytes : as in `OwnPasses`.
    share : of the passages, above 0 and below 1.
    spool_folder : where the ids of those passages lie until `close`.
    """

    def __init__(
        self, texts: Texts, threads: int, piece_bytes: int, share: float, spool_folder: str | os.PathLike[str]
    ) -> None:
        super().__init__(texts, threads, piece_bytes)
        self._share, self._spool = share, Spool.temporary(spool_folder)
        self._held_pieces: list[Provisional] = []
        self._held_tokens = self._known = 0

    def count(self, spool: Spool | None, report: OnProgress) -> tuple[Tokens, str]:
        """Read all texts, and count the tokens that are not held out, as `Passes` says.

        Raises
        ------
        CorpusError
            If the text has so few passages that none is held out.
        """
        tokens, fingerprint = super().count(spool, report)
        if spool is not None:
            tokens.recount(tokens.counts - self._put_aside(spool, tokens.size))
        return tokens, fingerprint

    def _put_aside(self, spool: Spool, entries: int) -> np.ndarray:
        """Move the provisional ids of held-out passages to the other spool; return how often each entry is in them.

        In their place the end of a line is left, so that no window spans the gap.
        """
        limit, start, counts = int(self._share * 2.0**64), 0, np.zeros(entries, np.int64)
        fraction = length = 0
        for piece in self._pieces:
            ids = np.empty(piece.length, np.int32)
            spool.read_ids(piece.start, ids)
            held = np.empty(2 * piece.length, np.int32)
            count, fraction, length = put_aside(ids, held, _unsigned(fraction), length, _unsigned(limit))
            held = held[:count]
            if count:
                spool.write_ids(piece.start, ids)
                self._spool.write_ids(start, held)
                self._held_pieces.append(Provisional(piece.table, start, count))
                counts += np.bincount(self._entries[piece.table][held], minlength=entries)
            start += count
        counts[NEWLINE_ID] = 0
        self._held_tokens = int(counts.sum())
        if not self._held_tokens:
            raise CorpusError(
                f"{self._share:.3g} of so few lines is none: nothing of {self._texts} would be held out",
                hint="--validate takes a larger share, or another file",
            )
        return counts

    def _fill(self, spool: Spool, pieces: Sequence[Provisional], translations: Any, report: OnProgress) -> int:
        """Translate the ids of both spools."""
        self._known = super()._fill(self._spool, self._held_pieces, translations, lambda *_: None)
        return super()._fill(spool, pieces, translations, report)

    def held_out(self) -> HeldOut:
        """Return the passages that were put aside, after both passes."""
        return _sampled(self._spool, self._known, self._held_tokens - self._known)

    def close(self) -> None:
        """Free the disk space of the passages that were put aside."""
        self._spool.close()


def _unsigned(number: int) -> Any:
    """Return a number of 64 bits for `put_aside`; numba needs to be told that it is unsigned."""
    return np.uint64(number) if COMPILES else number


@compiled
def put_aside(ids: Any, held: Any, fraction: Any, length: Any, limit: Any) -> Any:
    """Move the held-out tokens of a piece of text from `ids` to `held`.

    Parameters
    ----------
    ids : int32 (n,), with NEWLINE_ID between lines, which also takes the place of tokens that are held out.
    held : int32 (2·n,), filled; each passage ends with NEWLINE_ID.
    fraction : the number of the current passage × the golden section, in 2⁻⁶⁴ · length : how many tokens it has so far;
        0 if it has not begun. Both are 0 for the first piece.
    limit : the share of the passages that are held out, in 2⁻⁶⁴.

    Returns
    -------
    How much of `held` is filled, and the next piece's `fraction` and `length`.
    """
    count = 0
    for i in range(len(ids)):
        ends = ids[i] == NEWLINE_ID or length == PASSAGE_TOKENS
        if ends and length > 0:
            if fraction < limit:
                held[count] = NEWLINE_ID
                count += 1
            length = 0
        if ids[i] != NEWLINE_ID:
            if length == 0:
                fraction = (fraction + GOLDEN) & MASK
            length += 1
            if fraction < limit:
                held[count] = ids[i]
                count += 1
                ids[i] = NEWLINE_ID
    return count, fraction, length


def _sampled(spool: Spool, known: int, unknown: int, fingerprint: str = "") -> HeldOut:
    """Read the tokens that are measured out of a finished spool."""
    if known <= MOST_TOKENS:
        ids, boundaries = spool.read(0, known)
        return HeldOut(ids, boundaries, known, unknown, fingerprint)
    spans = MOST_TOKENS // SPAN_TOKENS
    starts = [known * span // spans for span in range(spans)]
    read = [spool.read(start, start + SPAN_TOKENS) for start in starts]
    edges = [np.append(within, SPAN_TOKENS) + number * SPAN_TOKENS for number, (_, within) in enumerate(read)]
    # The end of the last piece is the end of the text.
    boundaries = np.concatenate(edges)[:-1]
    return HeldOut(np.concatenate([ids for ids, _ in read]), boundaries, known, unknown, fingerprint)
