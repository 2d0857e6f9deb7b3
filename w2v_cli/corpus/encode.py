"""The corpus as int32 ids in a file: the text is read once, then only ids.

First pass (count): pieces of text go to threads, each with its own token table, and come back as provisional
ids, which are spooled. Then the tables become one and the vocabulary is made. Second pass (encode): provisional
ids become vocabulary ids, in place, and words out of the vocabulary are dropped. The result does not depend on
the number of threads. The spools are unlinked files, so that nothing is left behind, whatever happens; or named ones,
for a run that may be resumed (`kept`).
"""

from __future__ import annotations

import errno
import os
import string
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.compute.jit import compiled
from w2v_cli.compute.threads import in_order
from w2v_cli.corpus.texts import PIECE_BYTES, Piece, Reader, TextOptions, input_size, name_of
from w2v_cli.corpus.tokens import FIRST_CAPACITY, NEWLINE_ID, PADDING, Tokens, make_tokens
from w2v_cli.corpus.vocabulary import Vocabulary, make_vocabulary
from w2v_cli.corpus.vocabulary_file import ids_in, read_vocabulary
from w2v_cli.errors import CorpusError, VocabularyError

# Called with the phase (count, encode), how much is done and of how much (None if unknown): bytes, tokens.
OnProgress = Callable[[str, int, "int | None"], None]
# What a newline becomes in the second pass; −1 is a word that is dropped.
NEWLINE_MARK = -2
# Of the ids and the boundaries, where they are kept under names.
FILE_NAMES = ("ids.int32", "boundaries.int64")


def compile_passes() -> float:
    """Compile whatever the two passes need, or load it from the cache; returns the seconds it took."""
    started = time.perf_counter()
    table, other = make_tokens(), make_tokens()
    # More words than a table begins with, so that growing is compiled too.
    other.add(b"%d " * FIRST_CAPACITY % tuple(range(FIRST_CAPACITY)) + PADDING)
    table.absorb(other)
    _translate(np.zeros(1, np.int32), np.zeros(1, np.int32), np.zeros(1, np.int64))
    return time.perf_counter() - started


class Spooled(NamedTuple):
    """A piece of text after the first pass: `length` provisional ids of a thread's table, from `place` on."""

    table: int
    place: int
    length: int


class EncodedCorpus:
    """A corpus as ids, and its vocabulary.

    Attributes
    ----------
    vocabulary : the words that are kept.
    token_count : tokens of those words, all of which are in the file.
    raw_token_count : tokens of the text.
    fingerprint : sha256 of the decompressed text.
    untokenised_share : share of the tokens that are words with ASCII punctuation at their end, 0…1.
    seconds : of the passes, by their names `count` and `encode`.
    """

    def __init__(self) -> None:
        self.vocabulary = Vocabulary([], np.zeros(0, np.int64))
        self.token_count = self.raw_token_count = 0
        self.fingerprint = ""
        self.untokenised_share = 0.0
        self.seconds: dict[str, float] = {}
        self._ids: Any = None
        self._boundaries: Any = None
        self._boundary_places = np.zeros(0, np.int64)

    def read(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens start…stop−1; any thread may ask.

        Returns
        -------
        ids : int32 (stop − start,).
        boundaries : int64, ascending, inside (0, stop − start): where a new sentence begins.
        """
        ids = np.empty(stop - start, np.int32)
        _read_at(self._ids, start, ids)
        places = self._boundary_places
        first, last = np.searchsorted(places, [start + 1, stop])
        return ids, np.asarray(places[first:last]) - start

    @property
    def boundary_bytes(self) -> int:
        """Of the map of boundaries, which is resident once it has been read."""
        return int(self._boundary_places.nbytes)

    @property
    def has_neighbours(self) -> bool:
        """Whether two words stand in one line somewhere; without any, there is nothing to predict."""
        places = self._boundary_places
        # The end of the last line is a boundary too, and no word follows it.
        between = len(places) - int(len(places) > 0 and places[-1] == self.token_count)
        return between < self.token_count - 1

    @property
    def files(self) -> tuple[Any, Any]:
        """The ids and the boundaries, int32 and int64, open for reading."""
        return self._ids, self._boundaries

    def open_files(self, folder: str | os.PathLike[str], mode: str | None = None) -> None:
        """Open both files: by their names in the mode given (`rb` or `x+b`), else new ones without names."""
        if mode is None:
            # Closed by `close`.
            self._ids = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
            self._boundaries = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        else:
            ids, boundaries = (os.path.join(folder, name) for name in FILE_NAMES)
            self._ids = open(ids, mode, opener=_open_no_link)  # noqa: SIM115
            self._boundaries = open(boundaries, mode, opener=_open_no_link)  # noqa: SIM115

    def close(self) -> None:
        """Give the disk space of files without names back."""
        self._boundary_places = np.zeros(0, np.int64)
        for file in (self._ids, self._boundaries):
            if file is not None:
                file.close()

    def __enter__(self) -> EncodedCorpus:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def encode(
    paths: Sequence[str],
    min_count: int,
    max_vocab: int | None,
    text: TextOptions,
    threads: int,
    spool_folder: str | os.PathLike[str],
    on_progress: OnProgress | None = None,
    piece_bytes: int = PIECE_BYTES,
    named: bool = False,
    vocab: str | None = None,
) -> EncodedCorpus:
    """Read texts once and turn them into ids.

    Parameters
    ----------
    paths : files, `-` for stdin.
    min_count, max_vocab : which words are kept.
    text : how bytes become tokens.
    threads : how many read, count and encode.
    spool_folder : where the ids lie, 4 bytes a token of the text.
    on_progress : called from this thread.
    piece_bytes : about how much text a thread takes at a time.
    named : the ids stay in the folder, under names, when the corpus is closed.
    vocab : a file that the words, their order and their counts are taken from, or None: from the texts.

    Raises
    ------
    CorpusError
        If a text cannot be read, or the disk is full.
    VocabularyError
        If no word is left.
    """
    report = on_progress or (lambda phase, done, total: None)
    given = None if vocab is None else read_vocabulary(vocab, min_count, max_vocab)
    corpus = EncodedCorpus()
    try:
        if named:
            # Not overwritten: what lies there may have another name elsewhere, which would lose its content too.
            for name in FILE_NAMES:
                Path(spool_folder, name).unlink(missing_ok=True)
        corpus.open_files(spool_folder, "x+b" if named else None)
        started = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            reader = Reader(paths, text, piece_bytes)
            # This thread is one of them where it has to decompress, and more than there are cores wait on each other.
            counters = max(1, threads - 1) if reader.compressed else threads
            tables, spooled = _count(pool, counters, reader, corpus._ids, report)
            table, translations = _merged(tables)
            corpus.fingerprint = reader.fingerprint
            corpus.raw_token_count = int(table.counts[NEWLINE_ID + 1 :].sum())
            corpus.untokenised_share = _untokenised_share(table)
            if given is not None:
                corpus.vocabulary, ids = given, ids_in(given, table)
            else:
                source = ", ".join(map(name_of, paths))
                corpus.vocabulary, ids = make_vocabulary(table, min_count, max_vocab, source)
            corpus.seconds["count"] = time.perf_counter() - started
            started = time.perf_counter()
            del table, tables
            ids[NEWLINE_ID] = NEWLINE_MARK
            corpus.token_count = _encode(
                pool, threads, corpus, [ids[translation] for translation in translations], spooled, report
            )
            if corpus.token_count == 0:
                raise VocabularyError(f"no word of {vocab} is in {', '.join(map(name_of, paths))}")
            corpus.seconds["encode"] = time.perf_counter() - started
    except BaseException as error:
        corpus.close()
        if isinstance(error, OSError):
            where = os.fspath(spool_folder)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            problem = f"the disk of {where} is full" if full else f"cannot write in {where}: {error.strerror or error}"
            raise CorpusError(
                f"{problem}: the text lies there as ids while it is trained on",
                hint="they take about 4 bytes a word; name an output (-o) on a larger disk",
            ) from error
        raise
    return corpus


def count_words(
    paths: Sequence[str],
    min_count: int,
    max_vocab: int | None,
    text: TextOptions,
    threads: int,
    on_progress: OnProgress | None = None,
    piece_bytes: int = PIECE_BYTES,
) -> Vocabulary:
    """The vocabulary that `encode` would make, by its first pass alone; nothing is written."""
    report = on_progress or (lambda phase, done, total: None)
    with ThreadPoolExecutor(threads) as pool:
        tables, _ = _count(pool, threads, Reader(paths, text, piece_bytes), None, report)
    table, _ = _merged(tables)
    return make_vocabulary(table, min_count, max_vocab, ", ".join(map(name_of, paths)))[0]


def _count(
    pool: ThreadPoolExecutor, threads: int, reader: Reader, spool: Any, report: OnProgress
) -> tuple[list[Tokens], list[Spooled]]:
    """First pass: the threads' tables, and where each piece's ids are, in order.

    The threads write the ids themselves, unless `spool` is None. A piece's place is known before its tokens are: it
    leaves room for as many as there can be, and the file has holes.
    """
    tables = [make_tokens() for _ in range(threads)]
    free: SimpleQueue[int] = SimpleQueue()
    for number in range(threads):
        free.put(number)

    def add(task: tuple[Piece, int]) -> Spooled:
        """Count a piece, and write its ids to their place."""
        piece, place = task
        number = free.get()
        try:
            ids = tables[number].add(piece.data + PADDING)
            if spool is not None:
                _write_at(spool, place, ids)
            return Spooled(number, place, len(ids))
        finally:
            free.put(number)

    def placed() -> Iterator[tuple[Piece, int]]:
        place = 0
        for piece in reader.pieces():
            yield piece, place
            # A token is a byte or more, and so is the end of a line.
            place += len(piece.data)

    total = input_size(reader.paths)
    spooled = []
    for (piece, _), ids in in_order(pool, threads, add, placed()):
        spooled.append(ids)
        report("count", piece.bytes_read, total)
    return tables, spooled


def _merged(tables: list[Tokens]) -> tuple[Tokens, list[np.ndarray]]:
    """The first table with the words of all, and how each one's ids translate; the others are given up in turn."""
    first = tables[0]
    for table in tables[1:]:
        table.seal()
    translations = [np.arange(first.size, dtype=np.int32)]
    while len(tables) > 1:
        translations.append(first.absorb(tables.pop(1)))
    first.seal()
    return first, translations


def _encode(
    pool: ThreadPoolExecutor,
    threads: int,
    corpus: EncodedCorpus,
    translations: list[np.ndarray],
    spooled: list[Spooled],
    report: OnProgress,
) -> int:
    """Second pass; returns the number of tokens in the file.

    What is written never reaches what is still to be read: the ids only become fewer.
    """

    def translate(piece: Spooled) -> tuple[np.ndarray, np.ndarray]:
        ids = np.empty(piece.length, np.int32)
        _read_at(corpus._ids, piece.place, ids)
        boundaries = np.empty(piece.length, np.int64)
        kept, newlines = _translate(ids, translations[piece.table], boundaries)
        return ids[:kept], boundaries[:newlines]

    done, total, written, last_boundary = 0, sum(piece.length for piece in spooled), 0, 0
    for piece, (ids, boundaries) in in_order(pool, threads, translate, iter(spooled)):
        _write_at(corpus._ids, written, ids)
        places = boundaries + written
        places = places[np.flatnonzero(np.diff(places, prepend=last_boundary))]
        if len(places):
            last_boundary = int(places[-1])
            corpus._boundaries.write(places)
        written += len(ids)
        done += piece.length
        report("encode", done, total)
    os.ftruncate(corpus._ids.fileno(), written * 4)
    corpus._boundaries.flush()
    open_boundaries(corpus)
    return written


def open_boundaries(corpus: EncodedCorpus) -> None:
    """Map the boundaries; a file of no bytes cannot be mapped."""
    if os.fstat(corpus._boundaries.fileno()).st_size:
        corpus._boundary_places = np.memmap(corpus._boundaries, np.int64, "r")


@compiled
def _translate(ids: Any, translation: Any, boundaries: Any) -> Any:
    """Translate ids in place, without the dropped words; returns how many are left, and how many boundaries."""
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


def _untokenised_share(table: Tokens) -> float:
    """The share of tokens of two bytes or more that end in ASCII punctuation."""
    offsets, counts = table.word_offsets[1:], table.counts[1:]
    if len(counts) == 0:
        return 0.0
    punctuation = np.zeros(256, bool)
    punctuation[list(string.punctuation.encode())] = True
    untokenised = punctuation[table.word_bytes[offsets[1:] - 1]] & (np.diff(offsets) > 1)
    return float(counts[untokenised].sum() / counts.sum())


def _open_no_link(path: str, flags: int) -> int:
    """Open a file as `open` does, unless it is a symbolic link, which could lead anywhere."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _write_at(file: Any, start: int, ids: np.ndarray) -> None:
    """Write ids from place `start` on."""
    view, done = ids.data.cast("B"), 0
    while done < len(view):
        done += os.pwrite(file.fileno(), view[done:], start * 4 + done)


def _read_at(file: Any, start: int, ids: np.ndarray) -> None:
    """Fill an array with the ids from place `start` on."""
    view, done = ids.data.cast("B"), 0
    while done < len(view):
        count = os.preadv(file.fileno(), [view[done:]], start * 4 + done)
        if count == 0:
            raise CorpusError("the spooled ids are shorter than they were written", hint="is the disk full?")
        done += count
