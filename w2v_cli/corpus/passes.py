"""The two passes that turn texts into ids.

The first pass counts. Threads take pieces of text in turn, each thread with a token table of its own, and turn them
into provisional ids, which go to the spool. Then the tables are merged. The second pass translates provisional ids into
ids of the vocabulary, in place, and drops the words that the vocabulary does not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.compute.jit import compiled
from w2v_cli.compute.threads import in_order
from w2v_cli.corpus.spool import Spool
from w2v_cli.corpus.texts import Piece, Texts
from w2v_cli.corpus.tokens import PADDING, Tokens, make_tokens

# Called with the phase (count, encode), how much is done and of how much (None if unknown): bytes, tokens.
OnProgress = Callable[[str, int, "int | None"], None]
# What a newline is translated into. Other words that are not in the vocabulary become −1.
NEWLINE_MARK = -2


class Provisional(NamedTuple):
    """The provisional ids of a piece of text: `length` ids of the table with that number, in the spool from `start`."""

    table: int
    start: int
    length: int


class Counted(NamedTuple):
    """What the first pass has found.

    Attributes
    ----------
    tokens : all distinct tokens of the texts, with their counts.
    translations : for each thread's table, int32: the entry in `tokens` for each of its provisional ids.
    pieces : where the provisional ids of each piece are, in the order of the text.
    fingerprint : sha256 of the decompressed text, hexadecimal.
    """

    tokens: Tokens
    translations: list[np.ndarray]
    pieces: list[Provisional]
    fingerprint: str


def count_tokens(
    pool: ThreadPoolExecutor, threads: int, texts: Texts, piece_bytes: int, spool: Spool | None, report: OnProgress
) -> Counted:
    """Read all texts and count their tokens.

    Parameters
    ----------
    threads : number of threads, including this one.
    piece_bytes : about how much text a thread takes at a time.
    spool : where the provisional ids go; None if they are not needed.

    Raises
    ------
    CorpusError
        If a text cannot be read.
    """
    # If this thread has to decompress, it is one of the workers: more threads than cores would wait for each other.
    counters = max(1, threads - 1) if texts.compressed else threads
    tables = [make_tokens() for _ in range(counters)]
    free: SimpleQueue[int] = SimpleQueue()
    for number in range(counters):
        free.put(number)

    def count(task: tuple[Piece, int]) -> Provisional:
        """Count a piece in a worker thread, with a table that no other thread uses at that time."""
        piece, start = task
        number = free.get()
        try:
            ids = tables[number].add(piece.data + PADDING)
            if spool is not None:
                spool.write_ids(start, ids)
            return Provisional(number, start, len(ids))
        finally:
            free.put(number)

    digest, pieces, total = hashlib.sha256(), list[Provisional](), texts.total_bytes
    for (piece, _), provisional in in_order(pool, counters, count, _with_starts(texts.pieces(piece_bytes, digest))):
        pieces.append(provisional)
        report("count", piece.bytes_read, total)
    tokens, translations = merged(tables)
    return Counted(tokens, translations, pieces, digest.hexdigest())


def _with_starts(pieces: Iterator[Piece]) -> Iterator[tuple[Piece, int]]:
    """Give each piece the number of its first id in the spool, before it is known how many ids it has.

    A piece gets as much space as it can need, one id for each byte, so the file has holes.
    """
    start = 0
    for piece in pieces:
        yield piece, start
        start += len(piece.data)


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


def translate_ids(
    pool: ThreadPoolExecutor,
    threads: int,
    spool: Spool,
    pieces: list[Provisional],
    translations: list[np.ndarray],
    report: OnProgress,
) -> int:
    """Replace the provisional ids in the spool by ids of the vocabulary, write the boundaries, and finish the spool.

    Ids are written from the start of the file while others are still read behind them. They never meet, because a piece
    has fewer ids afterwards, or as many, but never more.

    Parameters
    ----------
    pieces : what `count_tokens` has returned.
    translations : for each thread's table, int32: the vocabulary's id for each provisional id, −1 for a word that is
        dropped, NEWLINE_MARK for a newline.

    Returns
    -------
    The number of tokens that are left.
    """

    def translate(piece: Provisional) -> tuple[np.ndarray, np.ndarray]:
        ids = np.empty(piece.length, np.int32)
        spool.read_ids(piece.start, ids)
        boundaries = np.empty(piece.length, np.int64)
        kept, newlines = translate_piece(ids, translations[piece.table], boundaries)
        return ids[:kept], boundaries[:newlines]

    done, total, written = 0, sum(piece.length for piece in pieces), 0
    for piece, (ids, boundaries) in in_order(pool, threads, translate, iter(pieces)):
        spool.write_ids(written, ids)
        spool.append_boundaries(boundaries + written)
        written += len(ids)
        done += piece.length
        report("encode", done, total)
    spool.finish(written)
    return written


@compiled
def translate_piece(ids: Any, translation: Any, boundaries: Any) -> Any:
    """Translate the ids of a piece in place and leave out dropped words; return the number of ids and of boundaries.

    Parameters
    ----------
    ids : int32 · translation : int32, as in `translate_ids` · boundaries : int64, filled, as long as `ids`.
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
