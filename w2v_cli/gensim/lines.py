"""The bytes and the lines of files, which may be packed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from w2v_cli.storage.opening import decompressed, open_input

_READ_BYTES = 1 << 20


def blocks_of(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked."""
    with open_input(path) as raw:
        stream = decompressed(os.fspath(path), raw)
        while data := stream.read(_READ_BYTES):
            yield data


def lines_of(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield the lines of a file, unpacked, without their ends."""
    begun: list[bytes] = []
    for data in blocks_of(path):
        first, *others = data.split(b"\n")
        begun.append(first)
        if others:
            yield b"".join(begun)
            yield from others[:-1]
            begun = [others[-1]]
    if any(begun):
        yield b"".join(begun)
