"""The two files in which an encoded corpus lies while it is trained on: its ids, and where its sentences begin.

They are either unlinked, so that nothing is left behind whatever happens, or have names in a folder, for a run that may
be resumed.
"""

from __future__ import annotations

import errno
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import DTypeLike

from w2v_cli.errors import CorpusError
from w2v_cli.storage.system import open_no_link, read_at, write_at

# The names of the files of ids, int32, and of boundaries, int64, in a folder.
FILE_NAMES = ("ids.int32", "boundaries.int64")
ID_BYTES, _BOUNDARY_BYTES = 4, 8
_CHUNK_BYTES = 1 << 24


class Spool:
    """The ids of a corpus, and its boundaries: ascending positions in the ids where a new sentence begins.

    Make one with `temporary`, `create` or `reopen`. To fill it, write ids anywhere, append boundaries, and
    `finish`. Any number of threads may read and write ids at the same time.

    Attributes
    ----------
    files : the ids and the boundaries, as open files.
    boundaries : int64, memory-mapped; empty before `finish`.
    """

    def __init__(self, open_file: Callable[[str], IO[bytes]]) -> None:
        with ExitStack() as stack:
            ids, boundaries = (stack.enter_context(open_file(name)) for name in FILE_NAMES)
            # Both are open, and stay so until `close`.
            stack.pop_all()
        self.files = (ids, boundaries)
        self.boundaries: np.ndarray = np.zeros(0, np.int64)
        self._last_boundary = 0

    @classmethod
    def temporary(cls, folder: str | os.PathLike[str]) -> Spool:
        """Make new files in a folder that have no names, so that they are gone when they are closed."""
        return cls(lambda _: tempfile.TemporaryFile(dir=folder))

    @classmethod
    def create(cls, folder: str | os.PathLike[str]) -> Spool:
        """Make new files with names in a folder, in place of old ones.

        Old files are removed rather than overwritten, because overwriting a file that has a second hard link would
        destroy it under that name too.
        """
        for name in FILE_NAMES:
            Path(folder, name).unlink(missing_ok=True)
        return cls(lambda name: open(Path(folder, name), "x+b", opener=open_no_link))

    @classmethod
    def reopen(cls, folder: str | os.PathLike[str]) -> Spool:
        """Open the files of a folder for reading.

        Raises
        ------
        OSError, ValueError
            If they cannot be opened, or are not such files.
        """
        spool = cls(lambda name: open(Path(folder, name), "rb", opener=open_no_link))  # noqa: SIM115
        try:
            spool._map_boundaries()
        except BaseException:  # such as a ValueError, if there is part of a boundary at the end
            spool.close()
            raise
        return spool

    def write_ids(self, start: int, ids: np.ndarray) -> None:
        """Write ids, int32, to the positions from `start` on."""
        view, done = ids.data.cast("B"), 0
        while done < len(view):
            done += write_at(self.files[0].fileno(), view[done:], start * ID_BYTES + done)

    def read_ids(self, start: int, ids: np.ndarray) -> None:
        """Fill an array, int32, with the ids from position `start` on.

        Raises
        ------
        CorpusError
            If the file ends before.
        """
        view, done = ids.data.cast("B"), 0
        while done < len(view):
            count = read_at(self.files[0].fileno(), view[done:], start * ID_BYTES + done)
            if count == 0:
                raise CorpusError("the spooled ids are shorter than they were written", hint="is the disk full?")
            done += count

    def read(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return tokens start…stop−1 of a finished spool; see `EncodedCorpus.read`."""
        ids = np.empty(stop - start, np.int32)
        self.read_ids(start, ids)
        first, last = np.searchsorted(self.boundaries, [start + 1, stop])
        return ids, np.asarray(self.boundaries[first:last]) - start

    def append_boundaries(self, boundaries: np.ndarray) -> None:
        """Append boundaries, int64, ascending, and leave out 0 and repeated ones, which begin no new sentence."""
        new = boundaries[np.flatnonzero(np.diff(boundaries, prepend=self._last_boundary))]
        if len(new):
            self._last_boundary = int(new[-1])
            self.files[1].write(new.data)

    def clear(self) -> None:
        """Forget everything that was written."""
        for file in self.files:
            file.seek(0)
            file.truncate()
        self._last_boundary = 0

    def finish(self, token_count: int) -> None:
        """Cut the ids off after the last token, and make the boundaries readable."""
        os.ftruncate(self.files[0].fileno(), token_count * ID_BYTES)
        self.files[1].flush()
        self._map_boundaries()

    def sync(self) -> None:
        """Wait until both files are on disk."""
        for file in self.files:
            os.fsync(file.fileno())

    def holds(self, token_count: int) -> bool:
        """Whether there are exactly `token_count` ids, and no boundary is cut off."""
        id_bytes, boundary_bytes = (os.fstat(file.fileno()).st_size for file in self.files)
        return id_bytes == token_count * ID_BYTES and boundary_bytes % _BOUNDARY_BYTES == 0

    def id_chunks(self) -> Iterator[np.ndarray]:
        """Read all ids, chunk by chunk."""
        return _chunks(self.files[0], np.int32)

    def boundary_chunks(self) -> Iterator[np.ndarray]:
        """Read all boundaries, chunk by chunk."""
        return _chunks(self.files[1], np.int64)

    def checksums(self) -> list[int]:
        """Return the CRC-32 of each file."""
        return [checksum(_chunks(file, np.uint8)) for file in self.files]

    def close(self) -> None:
        """Close both files, which frees the disk space of files without names."""
        self.boundaries = np.zeros(0, np.int64)
        for file in self.files:
            file.close()

    def _map_boundaries(self) -> None:
        # An empty file cannot be mapped.
        if os.fstat(self.files[1].fileno()).st_size:
            self.boundaries = np.memmap(self.files[1], np.int64, "r")


def checksum(chunks: Iterator[np.ndarray]) -> int:
    """Return the CRC-32 of all chunks together."""
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk.data, value)
    return value


@contextmanager
def telling_full_disk(folder: str | os.PathLike[str], named: bool) -> Iterator[None]:
    """Turn an OSError within the block, which writes a spool, into a CorpusError that names the folder.

    Parameters
    ----------
    folder : where the spool lies.
    named : whether its files have names, which they have in a checkpoint folder; the hint depends on it.

    Raises
    ------
    CorpusError
        Instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        where = os.fspath(folder)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        problem = f"the disk of {where} is full" if full else f"cannot write in {where}: {error.strerror or error}"
        other = "a --checkpoint folder" if named else "an output (-o)"
        raise CorpusError(
            f"{problem}: the text is kept there as ids",
            hint=f"they take about 4 bytes for each word; free some space, or name {other} on a larger disk",
        ) from error


def _chunks(file: IO[bytes], dtype: DTypeLike) -> Iterator[np.ndarray]:
    """Read a whole file as numbers, chunk by chunk."""
    file.seek(0)
    while data := file.read(_CHUNK_BYTES):
        yield np.frombuffer(data, dtype)
