"""The corpus of a run as replicas get it: what describes it, and its ids in files that a node sees or is sent."""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.spool import FILE_NAMES, Spool
from w2v_cli.corpus.vocabulary import Vocabulary

# How much of a file of ids is sent, and compared, at once.
CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class SharedCorpus:
    """What a replica must know of the corpus, apart from its ids.

    Attributes
    ----------
    vocabulary, token_count, raw_token_count, fingerprint, untokenised_share : as in `EncodedCorpus`.
    folder : where the files of the ids lie on the machine of the conductor.
    marks : the size of each file and a checksum of its ends, by which a replica knows whether it sees the same files.
    """

    vocabulary: Vocabulary
    token_count: int
    raw_token_count: int
    fingerprint: str
    untokenised_share: float
    folder: str
    marks: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, corpus: EncodedCorpus, folder: str) -> SharedCorpus:
        """Describe a corpus whose ids have names in a folder."""
        corpus.spool.sync()
        return cls(
            corpus.vocabulary, corpus.token_count, corpus.raw_token_count, corpus.fingerprint,
            corpus.untokenised_share, folder, _marks(folder),
        )  # fmt: skip

    def open(self, folder: str) -> EncodedCorpus:
        """Open the ids in a folder."""
        return EncodedCorpus(
            self.vocabulary, Spool.reopen(folder), self.token_count, self.raw_token_count, self.fingerprint,
            self.untokenised_share, seconds={},
        )  # fmt: skip

    def is_in(self, folder: str) -> bool:
        """Return whether the files of a folder are those of the ids."""
        with suppress(OSError):
            return _marks(folder) == self.marks
        return False


def _marks(folder: str) -> tuple[tuple[int, int], ...]:
    """Return the size and a checksum of the ends of each file of ids.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    marks = []
    for name in FILE_NAMES:
        with open(Path(folder, name), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            checksum = zlib.crc32(file.read(CHUNK_BYTES))
            file.seek(max(0, size - CHUNK_BYTES))
            marks.append((size, zlib.crc32(file.read(CHUNK_BYTES), checksum)))
    return tuple(marks)
