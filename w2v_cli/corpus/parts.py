"""A corpus in parts that can be read apart from each other, by different machines, and give the same tokens."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress

from w2v_cli.corpus.chunks import Digest
from w2v_cli.corpus.encodings import UTF8
from w2v_cli.corpus.texts import Part, Texts
from w2v_cli.storage.opening import OPENERS, open_input, suffix_of
from w2v_cli.storage.urls import is_url

# A plain file is cut at the first line end in so many bytes, or else at the first white space.
_CUT_BYTES = 1 << 20


def cut_parts(texts: Texts, part_bytes: int) -> list[Part]:
    """Cut a corpus into parts, in the order of the text.

    Short files are together in a part. A longer plain file is cut into ranges, at line ends if possible. Other files
    are whole, because their parts could not be read alone: they are compressed, not UTF-8, or have records, or their
    lines are joined.

    Parameters
    ----------
    texts : regular files.
    part_bytes : about how long a part is at most, on disk.
    """
    parts = list[Part]()
    for index, (path, size) in enumerate(zip(texts.paths, texts.sizes, strict=True)):
        if size > part_bytes and _can_be_cut(texts, path):
            parts += _ranges(texts, index, size, part_bytes)
        elif parts and parts[-1].stop is None and parts[-1].start == 0 and parts[-1].size + size <= part_bytes:
            parts[-1] = parts[-1]._replace(last=index + 1, size=parts[-1].size + size)
        else:
            parts.append(Part(index, index + 1, 0, None, size))
    return parts


def _can_be_cut(texts: Texts, path: str) -> bool:
    """Return whether the tokens of a file do not depend on the lines before them."""
    options = texts.options
    plain = suffix_of(path) not in OPENERS and not is_url(path)
    has_records = options.column is not None or options.field is not None
    return plain and options.encoding == UTF8 and not options.unwrap and not has_records


def _ranges(texts: Texts, index: int, size: int, part_bytes: int) -> list[Part]:
    """Cut a file into ranges of about the same length."""
    cuts, count = [0], -(-size // part_bytes)
    # Whoever reads the file will say what is wrong with it.
    with suppress(OSError), open_input(texts.paths[index]) as raw:
        for number in range(1, count):
            at = size * number // count
            raw.seek(at)
            length = _to_cut(raw.read(_CUT_BYTES), texts.options.errors)
            if length and cuts[-1] < at + length < size:
                cuts.append(at + length)
    stops = [*cuts[1:], None]
    return [
        Part(index, index + 1, start, stop, (size if stop is None else stop) - start)
        for start, stop in zip(cuts, stops, strict=True)
    ]


def _to_cut(data: bytes, errors: str) -> int:
    """Return how many bytes come before the next cut, or 0 if there is no place for one."""
    if end := data.find(b"\n") + 1:
        return end
    # Lines with damaged bytes are counted, so they must be whole.
    space = re.search(rb"\s", data) if errors == "strict" else None
    return 0 if space is None else space.end()


class Checksum:
    """The CRC-32 of a text, by which two machines know that they have read the same.

    Parameters
    ----------
    digest : another digest that is to be updated as well.
    """

    def __init__(self, digest: Digest | None = None) -> None:
        self.value = 0
        self._digest = digest

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""
        self.value = zlib.crc32(data, self.value)
        if self._digest is not None:
            self._digest.update(data)
