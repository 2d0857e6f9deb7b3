"""The two passes that turn texts into ids.

The first pass counts. Threads take pieces of text in turn, each thread with a token table of its own, and turn them
into provisional ids, which go to the spool. Then the tables are merged. The second pass translates provisional ids into
ids of the vocabulary, and drops the words that the vocabulary does not have.

On one machine, the second pass works in place. On a cluster, each node counts and translates parts of the corpus with
the same functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

import numpy as np

from w2v_cli.compute.jit import compiled
from w2v_cli.compute.threads import in_order
from w2v_cli.corpus.spool import Spool
from w2v_cli.corpus.texts import Piece, Texts
from w2v_cli.corpus.tokens import NEWLINE_ID, PADDING, Tokens, make_tokens
from w2v_cli.corpus.vocabulary import Vocabulary

# Called with the phase (count, encode), how much is done and of how much (None if unknown): bytes, tokens.
OnProgress = Callable[[str, int, "int | None"], None]
# What a newline is translated into. Other words that are not in the vocabulary become −1.
NEWLINE_MARK = -2


class Provisional(NamedTuple):
    """The provisional ids of a piece of text: `length` ids of the table with that number, in the spool from `start`."""

    table: int
    start: int
    length: int


class Passes(Protocol):
    """The two passes over a corpus, wherever they are made."""

    def count(self, spool: Spool | None, report: OnProgress) -> tuple[Tokens, str]:
        """Read all texts and count their tokens.

        Parameters
        ----------
        spool : for the provisional ids; None if they are not needed.

        Returns
        -------
        All distinct tokens of the texts, and the sha256 of the decompressed text, hexadecimal.

        Raises
        ------
        CorpusError
            If a text cannot be read.
        """

    def translate(self, vocabulary: Vocabulary, ids: np.ndarray, spool: Spool, report: OnProgress) -> int:
        """Fill the spool that `count` was given with ids of a vocabulary and boundaries, and finish it.

        Parameters
        ----------
        ids : int32, the vocabulary's id for each entry of the tokens; −1 for a word that is dropped.

        Returns
        -------
        The number of tokens that are left.
        """


class OwnPasses:
    """The passes of one machine.

    Parameters
    ----------
    threads : number of threads, including this one.
    piece_bytes : about how much text a thread takes at a time.
    """

    def __init__(self, texts: Texts, threads: int, piece_bytes: int) -> None:
        self._texts, self._threads, self._piece_bytes = texts, threads, piece_bytes

    def count(self, spool: Spool | None, report: OnProgress) -> tuple[Tokens, str]:
        """Read all texts and count their tokens, as `Passes` says."""
        digest, total = hashlib.sha256(), self._texts.total_bytes
        with ThreadPoolExecutor(self._threads) as pool:
            counter = TokenCounter(pool, counting_threads(self._texts, self._threads), spool)
            self._pieces = counter.count(
                self._texts.pieces(self._piece_bytes, digest), lambda done: report("count", done, total)
            )
        tokens, self._entries = counter.merged()
        return tokens, digest.hexdigest()

    def translate(self, vocabulary: Vocabulary, ids: np.ndarray, spool: Spool, report: OnProgress) -> int:
        """Translate the ids in the spool, as `Passes` says.

        Ids are written from the start of the file while others are still read behind them. They never meet, because a
        piece has fewer ids afterwards, or as many, but never more.
        """
        translations = translations_of(self._entries, ids)
        del self._entries
        return self._fill(spool, self._pieces, translations, report)

    def _fill(
        self, spool: Spool, pieces: Sequence[Provisional], translations: Sequence[np.ndarray], report: OnProgress
    ) -> int:
        """Translate the pieces of a spool in place, and finish it; return the number of tokens that are left."""
        done, total, written = 0, sum(piece.length for piece in pieces), 0
        with ThreadPoolExecutor(self._threads) as pool:
            for piece, own, boundaries in translated(pool, self._threads, spool, pieces, translations):
                spool.write_ids(written, own)
                spool.append_boundaries(boundaries + written)
                written += len(own)
                done += piece.length
                report("encode", done, total)
        spool.finish(written)
        return written


def counting_threads(texts: Texts, threads: int) -> int:
    """Return how many of so many threads count."""
    # If one has to decompress, it does no more: more threads than cores would wait for each other.
    return max(1, threads - 1) if texts.compressed else threads


class TokenCounter:
    """The first pass: threads that count, each with a token table of its own.

    Parameters
    ----------
    pool, threads : the threads, and how many of them count.
    spool : where the provisional ids go; None if they are not needed.
    """

    def __init__(self, pool: ThreadPoolExecutor, threads: int, spool: Spool | None) -> None:
        self._pool, self._threads, self._spool = pool, threads, spool
        self._tables = [make_tokens() for _ in range(threads)]
        self._free: SimpleQueue[int] = SimpleQueue()
        for number in range(threads):
            self._free.put(number)
        self._start = 0

    def count(self, pieces: Iterator[Piece], report: Callable[[int], object]) -> list[Provisional]:
        """Count pieces of text; return where the provisional ids of each are.

        Parameters
        ----------
        report : called with how far the texts have been read, in bytes.
        """
        counted = list[Provisional]()
        for (piece, _), provisional in in_order(self._pool, self._threads, self._count, self._with_starts(pieces)):
            counted.append(provisional)
            report(piece.bytes_read)
        return counted

    def _count(self, task: tuple[Piece, int]) -> Provisional:
        """Count a piece in a thread, with a table that no other thread uses at that time."""
        piece, start = task
        number = self._free.get()
        try:
            ids = self._tables[number].add(piece.data + PADDING)
            if self._spool is not None:
                self._spool.write_ids(start, ids)
            return Provisional(number, start, len(ids))
        finally:
            self._free.put(number)

    def _with_starts(self, pieces: Iterator[Piece]) -> Iterator[tuple[Piece, int]]:
        """Give each piece the number of its first id in the spool, before it is known how many ids it has.

        A piece gets as much space as it can need, one id for each byte, so the file has holes.
        """
        for piece in pieces:
            yield piece, self._start
            self._start += len(piece.data)

    def merged(self) -> tuple[Tokens, list[np.ndarray]]:
        """End counting; return all tokens and, for each table, int32: their entry for each of its provisional ids."""
        return merged(self._tables)


def merged(tables: list[Tokens]) -> tuple[Tokens, list[np.ndarray]]:
    """Merge all tables into the first, and drop each of the others from the list once it is merged, to free its memory.

    Returns
    -------
    The first table, and for each table, int32: the merged entry for each of its entries.
    """
    first = tables[0]
    for table in tables[1:]:
        table.seal()
    translations = [np.arange(first.size, dtype=np.int32)]
    while len(tables) > 1:
        translations.append(first.absorb(tables.pop(1)))
    first.seal()
    return first, translations


def translations_of(entries: list[np.ndarray], ids: np.ndarray) -> list[np.ndarray]:
    """Return for each table, int32: the vocabulary's id for each provisional id, or NEWLINE_MARK for the newline.

    Parameters
    ----------
    entries : of each table, as `merged` returns them · ids : as `Passes.translate` takes them; that of the newline is
        changed.
    """
    ids[NEWLINE_ID] = NEWLINE_MARK
    return [ids[own] for own in entries]


def translated(
    pool: ThreadPoolExecutor,
    threads: int,
    spool: Spool,
    pieces: Sequence[Provisional],
    translations: Sequence[np.ndarray],
) -> Iterator[tuple[Provisional, np.ndarray, np.ndarray]]:
    """Translate the provisional ids of pieces, and yield them in order.

    Parameters
    ----------
    spool : where the provisional ids are · translations : see `translations_of`.

    Yields
    ------
    A piece; its ids, int32; its boundaries, int64, where the first id of the piece is 0.
    """

    def translate(piece: Provisional) -> tuple[np.ndarray, np.ndarray]:
        ids = np.empty(piece.length, np.int32)
        spool.read_ids(piece.start, ids)
        boundaries = np.empty(piece.length, np.int64)
        kept, newlines = translate_piece(ids, translations[piece.table], boundaries)
        return ids[:kept], boundaries[:newlines]

    for piece, (ids, boundaries) in in_order(pool, threads, translate, iter(pieces)):
        yield piece, ids, boundaries


@compiled
def translate_piece(ids: Any, translation: Any, boundaries: Any) -> Any:
    """Translate the ids of a piece in place and leave out dropped words; return the number of ids and of boundaries.

    Parameters
    ----------
    ids : int32 · translation : int32, as `translations_of` returns it · boundaries : int64, filled, as long as `ids`.
    """
    kept, newlines = 0, 0
    for i in range(len(ids)):
        word_id = translation[ids[i]]
        if word_id >= 0:
            ids[kept] = word_id
            kept += 1
        elif word_id == NEWLINE_MARK:
            boundaries[newlines] = kept
            newlines += 1
    return kept, newlines
