"""This machine's own reading of a corpus while the nodes count it: its sha256, and a checksum of each part."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

from w2v_cli.corpus.parts import Checksum
from w2v_cli.corpus.texts import Part, Texts


class OwnReading:
    """Reads all parts of a corpus in order, in a thread, as long as the context lasts.

    Attributes
    ----------
    part : the part that is being read · bytes_read : how far the texts have been read, bytes on disk.
    error : what went wrong, if anything.
    checksums : of the parts that have been read · fingerprint : the sha256 of the whole text, at the end.
    """

    def __init__(self, texts: Texts, parts: Sequence[Part]) -> None:
        self._texts, self._parts = texts, parts
        self.part = self.bytes_read = 0
        self.error: Exception | None = None
        self.checksums: list[int] = []
        self.fingerprint = ""
        self._ends = False
        self._thread = threading.Thread(target=self._read_all, daemon=True)

    def __enter__(self) -> OwnReading:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ends = True
        self._thread.join()

    def finished(self, seconds: float) -> bool:
        """Wait for so long at most; return whether the end is reached, or an error."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _read_all(self) -> None:
        digest, before = hashlib.sha256(), 0
        try:
            for number, part in enumerate(self._parts):
                self.part, checksum = number, Checksum(digest)
                for read in self._texts.only(part).digested(checksum):
                    if self._ends:
                        return
                    self.bytes_read = before + read
                before += part.size
                self.bytes_read = before
                self.checksums.append(checksum.value)
            self.fingerprint = digest.hexdigest()
        except Exception as error:
            self.error = error
