"""A node that counts parts of the corpus, and encodes them once it knows the vocabulary.

What it is asked to do is a call of one of its methods, as with a replica.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.cluster.backend import LostError
from w2v_cli.cluster.versions import versions
from w2v_cli.corpus.encode import compile_passes
from w2v_cli.corpus.encodings import Damage
from w2v_cli.corpus.parts import Checksum
from w2v_cli.corpus.passes import Provisional, TokenCounter, counting_threads, translated, translations_of
from w2v_cli.corpus.spool import Spool, telling_full_disk
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import PIECE_BYTES, Part, Texts
from w2v_cli.corpus.tokens import Tokens
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.corpus.vocabulary_file import ids_in
from w2v_cli.errors import CorpusError
from w2v_cli.storage.words import Words

# What can be asked of a node before it has begun.
_STATELESS = ("about", "begin", "progress")


class Sight(NamedTuple):
    """What a node says of itself: the versions that must agree, and the texts that it does not see as they are here."""

    host: str
    versions: dict[str, str]
    unseen: list[str]


class CountedPart(NamedTuple):
    """What a node says of a part that it has counted.

    Attributes
    ----------
    lengths : int64, the provisional ids of each of its pieces, with newlines.
    checksum : of the decompressed text.
    damage : the bytes that are not in the encoding.
    remarks : what the user should know.
    """

    lengths: np.ndarray
    checksum: int
    damage: Damage
    remarks: list[str]


class Counter:
    """A node that counts. Construct it, and call `begin` before anything but `about`.

    Parameters
    ----------
    paths, options : of the texts; the paths are absolute.
    threads : how many threads count · piece_bytes : see `encode`.
    """

    def __init__(
        self, paths: Sequence[str], options: TextOptions, threads: int, piece_bytes: int = PIECE_BYTES
    ) -> None:
        self._remarks = list[str]()
        self._texts = Texts(paths, options, self._remarks.append)
        self._threads, self._piece_bytes = threads, piece_bytes
        self._begun, self._read = False, 0
        self._batches = list[_Batch]()
        self._found: dict[int, tuple[_Batch, list[Provisional]]] = {}

    def answer(self, method: str, args: Sequence[Any]) -> tuple[Any, ...]:
        """Return what a method returns.

        Raises
        ------
        LostError
            If it needs what was known before the process was started again.
        W2VError
            If it cannot do that.
        """
        if not self._begun and method not in _STATELESS:
            raise LostError("it was started again")
        try:
            return getattr(self, method)(*args)
        except MemoryError as error:
            raise CorpusError("it has not enough memory") from error

    def about(self, sizes: Sequence[int]) -> tuple[Sight]:
        """Describe the node.

        Parameters
        ----------
        sizes : of the texts.
        """
        own = Texts(self._texts.paths).sizes
        unseen = [path for path, size, wanted in zip(self._texts.paths, own, sizes, strict=True) if size != wanted]
        return (Sight(platform.node(), versions(), unseen),)

    def begin(self) -> tuple[None]:
        """Make everything ready to count."""
        compile_passes()
        self._pool = ThreadPoolExecutor(self._threads)
        self._begun = True
        return (None,)

    def count(self, number: int, part: Part) -> tuple[CountedPart]:
        """Count a part, and keep its provisional ids.

        Raises
        ------
        CorpusError
            If it cannot be read, or the ids cannot be written.
        """
        checksum, damage = Checksum(), Damage()
        self._remarks.clear()
        with telling_full_disk(tempfile.gettempdir(), named=False):
            if not self._batches or not self._batches[-1].is_open:
                self._batches.append(_Batch(self._pool, counting_threads(self._texts, self._threads)))
            batch = self._batches[-1]
            pieces = batch.counter.count(
                self._texts.only(part).pieces(self._piece_bytes, checksum, damage), self._note_progress
            )
        self._found[number] = batch, pieces
        self._read = 0
        lengths = np.array([piece.length for piece in pieces], np.int64)
        return (CountedPart(lengths, checksum.value, damage, list(self._remarks)),)

    def _note_progress(self, read: int) -> None:
        self._read = read

    def progress(self) -> tuple[int]:
        """Return how much of the part that is being counted has been read, in bytes on disk."""
        return (self._read,)

    def table(self) -> tuple[tuple[Words, np.ndarray] | None]:
        """Return the distinct tokens of what was counted since the last call, with their counts; None for nothing."""
        if not self._batches or not self._batches[-1].is_open:
            return (None,)
        tokens = self._batches[-1].close()
        return ((tokens.words, tokens.counts),)

    def know(self, found: Mapping[int, Vocabulary]) -> tuple[None]:
        """Take the vocabulary, and translate the tables of all that was counted into its ids."""
        for batch in self._batches:
            batch.know(found[0])
        return (None,)

    def encode(self, number: int, first: int, last: int) -> tuple[tuple[np.ndarray, np.ndarray]]:
        """Return the ids of some pieces of a part, first…last−1, and their boundaries, as `translated` has them.

        Raises
        ------
        LostError
            If the part is not here.
        """
        if number not in self._found:
            raise LostError("it does not have this part of the text")
        batch, pieces = self._found[number]
        ids, boundaries, before = list[np.ndarray](), list[np.ndarray](), 0
        chunk = pieces[first:last]
        for _, own, starts in translated(self._pool, self._threads, batch.spool, chunk, batch.translations):
            ids.append(own)
            boundaries.append(starts + before)
            before += len(own)
        return ((np.concatenate(ids), np.concatenate(boundaries)),)

    def close(self) -> None:
        """Forget everything."""
        for batch in self._batches:
            batch.spool.close()
        if self._begun:
            self._pool.shutdown()
        self._begun = False


class _Batch:
    """Parts that were counted with the same tables.

    Attributes
    ----------
    is_open : whether more parts can be counted · counter : what counts them · spool : their provisional ids.
    translations : of each table, once the vocabulary is known.
    """

    def __init__(self, pool: ThreadPoolExecutor, threads: int) -> None:
        self.is_open = True
        self.spool = Spool.temporary(tempfile.gettempdir())
        self.counter = TokenCounter(pool, threads, self.spool)
        self.translations: list[np.ndarray] = []

    def close(self) -> Tokens:
        """End counting, and return the tokens."""
        self.is_open = False
        self._tokens, self._entries = self.counter.merged()
        return self._tokens

    def know(self, vocabulary: Vocabulary) -> None:
        """Translate the tables, and free them."""
        if self.is_open:
            self.close()
        if not self.translations:
            self.translations = translations_of(self._entries, ids_in(vocabulary, self._tokens))
            del self.counter, self._tokens, self._entries
