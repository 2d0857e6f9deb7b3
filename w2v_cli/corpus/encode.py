"""A corpus as int32 ids in a file: the text is read once, and training reads only the ids.

The result does not depend on the number of threads.
"""

from __future__ import annotations

import os
import string
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from w2v_cli.corpus.held_out import HeldOut, HoldingOut, read_held_out
from w2v_cli.corpus.joining import Earlier, join_vocabulary
from w2v_cli.corpus.passes import OnProgress, OwnPasses, Passes, translate_piece
from w2v_cli.corpus.spool import Spool, telling_full_disk
from w2v_cli.corpus.texts import PIECE_BYTES, Texts
from w2v_cli.corpus.tokens import FIRST_CAPACITY, NEWLINE_ID, PADDING, Tokens, make_tokens, token_total
from w2v_cli.corpus.vocabulary import Vocabulary, make_vocabulary
from w2v_cli.corpus.vocabulary_file import ids_in, read_vocabulary
from w2v_cli.errors import VocabularyError


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """A corpus as ids, and its vocabulary.

    Attributes
    ----------
    vocabulary : the words that are kept.
    spool : the files of the ids and the boundaries.
    token_count : tokens of those words, all of which are in the spool.
    raw_token_count : tokens of the text.
    fingerprint : sha256 of the decompressed text, hexadecimal.
    untokenised_share : the share of the tokens that are words with ASCII punctuation at their end, 0…1.
    seconds : how long the passes took, by their names `count` and `encode`.
    held_out : what is measured and not trained on; None if nothing is. Nothing of it is in the other attributes.
    """

    vocabulary: Vocabulary
    spool: Spool
    token_count: int
    raw_token_count: int
    fingerprint: str
    untokenised_share: float
    seconds: Mapping[str, float]
    held_out: HeldOut | None = None

    def read(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return tokens start…stop−1; any number of threads may read at the same time.

        Returns
        -------
        ids : int32 (stop − start,).
        boundaries : int64, ascending, inside (0, stop − start): where a new sentence begins.
        """
        return self.spool.read(start, stop)

    @property
    def boundary_bytes(self) -> int:
        """The size of the map of boundaries, which is resident in memory once it has been read."""
        return int(self.spool.boundaries.nbytes)

    @property
    def has_neighbours(self) -> bool:
        """Whether any line has two words; if none has, there is nothing to predict."""
        boundaries = self.spool.boundaries
        # The end of the last line is a boundary too, and no word follows it.
        between = len(boundaries) - int(len(boundaries) > 0 and boundaries[-1] == self.token_count)
        return between < self.token_count - 1

    def close(self) -> None:
        """Free the disk space of the ids, unless they have names."""
        self.spool.close()

    def __enter__(self) -> EncodedCorpus:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def encode(
    texts: Texts,
    min_count: int,
    max_vocab: int | None,
    threads: int,
    spool_folder: str | os.PathLike[str],
    on_progress: OnProgress | None = None,
    piece_bytes: int = PIECE_BYTES,
    named: bool = False,
    vocab: str | None = None,
    passes: Passes | None = None,
    hold_out: float | Texts | None = None,
    earlier: Earlier | None = None,
) -> EncodedCorpus:
    """Read texts once and turn them into ids.

    Parameters
    ----------
    min_count : words that occur less often are dropped.
    max_vocab : at most this many words are kept, the most frequent ones; None keeps all.
    threads : number of threads that read, count and encode.
    spool_folder : where the ids lie; they take 4 bytes for each token of the text.
    on_progress : called in this thread.
    piece_bytes : about how much text a thread takes at a time.
    named : whether the ids stay in the folder, under names, when the corpus is closed.
    vocab : a file with the words, in order, and their counts; None to take them from the texts.
    passes : what reads the texts; None for this machine.
    hold_out : the share of the texts that is held out, on this machine only, or a text of its own.
    earlier : the words of a model, which those of the texts join; not together with `vocab`.

    Raises
    ------
    CorpusError
        If a text cannot be read, or the disk is full.
    VocabularyError
        If no word is left or in the texts, or `vocab` is not a vocabulary.
    """
    report = on_progress or _ignore
    given = None if vocab is None else read_vocabulary(vocab, min_count, max_vocab)
    with telling_full_disk(spool_folder, named), ExitStack() as closing, ExitStack() as stack:
        spool = Spool.create(spool_folder) if named else Spool.temporary(spool_folder)
        stack.callback(spool.close)
        started = time.perf_counter()
        if isinstance(hold_out, float):
            passes = HoldingOut(texts, threads, piece_bytes, hold_out, spool_folder)
            closing.callback(passes.close)
        passes = passes or OwnPasses(texts, threads, piece_bytes)
        tokens, fingerprint = passes.count(spool, report)
        raw_token_count, untokenised_share = token_total(tokens), _untokenised_share(tokens)
        if given is not None:
            vocabulary, ids = given, ids_in(given, tokens)
        elif earlier is not None:
            vocabulary, ids = join_vocabulary(earlier, tokens, min_count, max_vocab, str(texts))
        else:
            vocabulary, ids = make_vocabulary(tokens, min_count, max_vocab, str(texts))
        # The table is large, and the second pass does not need it.
        del tokens
        counted = time.perf_counter()
        token_count = passes.translate(vocabulary, ids, spool, report)
        if token_count == 0:
            raise VocabularyError(f"no word of {vocab if earlier is None else earlier.name} is in {texts}")
        held_out = None
        if isinstance(passes, HoldingOut):
            held_out = passes.held_out()
        elif isinstance(hold_out, Texts):
            held_out = read_held_out(hold_out, vocabulary, threads, spool_folder, report, piece_bytes)
        seconds = {"count": counted - started, "encode": time.perf_counter() - counted}
        # Nothing can fail any more, so the spool stays open.
        stack.pop_all()
    return EncodedCorpus(
        vocabulary, spool, token_count, raw_token_count, fingerprint, untokenised_share, seconds, held_out
    )


def count_words(
    texts: Texts,
    min_count: int,
    max_vocab: int | None,
    threads: int,
    on_progress: OnProgress | None = None,
    piece_bytes: int = PIECE_BYTES,
) -> Vocabulary:
    """Return the vocabulary that `encode` would make, by its first pass alone; nothing is written."""
    tokens, _ = OwnPasses(texts, threads, piece_bytes).count(None, on_progress or _ignore)
    return make_vocabulary(tokens, min_count, max_vocab, str(texts))[0]


def compile_passes() -> float:
    """Compile what the two passes need, or load it from the cache, and return the seconds it took."""
    started = time.perf_counter()
    table, other = make_tokens(), make_tokens()
    # More words than a table begins with, so that growing is compiled too.
    other.add(b"%d " * FIRST_CAPACITY % tuple(range(FIRST_CAPACITY)) + PADDING)
    table.absorb(other)
    translate_piece(np.zeros(1, np.int32), np.zeros(1, np.int32), np.zeros(1, np.int64))
    return time.perf_counter() - started


def _untokenised_share(tokens: Tokens) -> float:
    """Return the share of the tokens that have two bytes or more and end in ASCII punctuation."""
    words, counts = tokens.words, tokens.counts[NEWLINE_ID + 1 :]
    if counts.sum() == 0:
        return 0.0
    ends, lengths = words.offsets[NEWLINE_ID + 2 :], np.diff(words.offsets)[NEWLINE_ID + 1 :]
    punctuation = np.zeros(256, bool)
    punctuation[list(string.punctuation.encode())] = True
    untokenised = punctuation[words.text[ends - 1]] & (lengths > 1)
    return float(counts[untokenised].sum() / counts.sum())


def _ignore(phase: str, done: int, total: int | None) -> None:
    """Report progress to nobody."""
