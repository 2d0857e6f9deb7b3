"""The texts of a corpus: files, compressed files and pipes, read in pieces of whole tokens.

This is the one place that decides what separates words: ASCII white space, as in `bytes.split()`. A newline also ends a
sentence, and so does the end of a file.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, NamedTuple

from w2v_cli.corpus.chunks import Digest, FirstBytes, blocks_of, chunks_of
from w2v_cli.corpus.encodings import UTF8, Damage, as_utf8
from w2v_cli.corpus.guess import is_utf8
from w2v_cli.corpus.inputs import Input, bytes_read_of, inspected, is_nameless, is_piped, opened, state_of
from w2v_cli.corpus.paragraphs import Unwrapper
from w2v_cli.corpus.recognise import SAMPLE_BYTES, Kind, binary_kind, text_kind
from w2v_cli.corpus.records import json_texts, parquet_texts
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.unsegmented import unsegmented_hint
from w2v_cli.errors import CorpusError
from w2v_cli.storage.opening import (
    OPENERS,
    STDIN,
    absolute,
    decompressed,
    name_of,
    suffix_of,
)
from w2v_cli.storage.outputs import Named

PIECE_BYTES = 1 << 20
# For an error about one of several texts: usually the user has named a folder that holds other files too.
_LEAVE_OUT = "of a folder, --suffix .txt takes only the files with that suffix"


def _ignore(sentence: str) -> None:
    """Drop a remark that nobody wants to know."""


class Piece(NamedTuple):
    """Some whole tokens.

    Attributes
    ----------
    data : UTF-8.
    bytes_read : how far all texts together have been read, in bytes on disk, or for a pipe in bytes of text.
    """

    data: bytes
    bytes_read: int


class Part(NamedTuple):
    """A part of a corpus: some of its files, one after the other, or a range of one of them.

    Attributes
    ----------
    first, last : which files, first…last−1 of the corpus.
    start, stop : where the text begins and ends in a single plain file, in bytes; None for the end of the file.
    size : bytes on disk.
    """

    first: int
    last: int
    start: int
    stop: int | None
    size: int


@dataclass(frozen=True)
class Texts:
    """The texts of a corpus, and how their bytes become tokens.

    The first question about the files looks at each of them once; later questions get the same answers.

    Attributes
    ----------
    paths : files, in the order in which they are read; `-` is stdin.
    options : how bytes become tokens.
    on_remark : called with what the user should know about the texts, as sentences, while they are read.
    part : what is read of them; None for everything.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".txt") as file:
    ...     _ = file.write("A café.".encode())
    ...     file.flush()
    ...     texts = Texts([file.name], TextOptions(lower=True, tokenize="words"))
    ...     texts.total_bytes, b"".join(piece.data for piece in texts.pieces()).decode().split()
    (8, ['a', 'café'])
    """

    paths: Sequence[str]
    options: TextOptions = field(default_factory=TextOptions)
    on_remark: Callable[[str], object] = field(default=_ignore, compare=False, repr=False)
    part: Part | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", tuple(self.paths))

    def __str__(self) -> str:
        """All names, for a message."""
        return ", ".join(map(name_of, self.paths))

    @functools.cached_property
    def _inputs(self) -> list[Input]:
        return [inspected(path) for path in self.paths]

    def check_readable(self) -> None:
        """Make sure that every text can be opened.

        Raises
        ------
        CorpusError
            If one is missing, a directory or not permitted, or stdin is named twice.
        """
        if self.paths.count(STDIN) > 1:
            raise CorpusError("stdin can be read only once", hint="name - only once")
        for text in self._inputs:
            if text.problem is not None:
                raise text.problem

    @property
    def sizes(self) -> tuple[int, ...]:
        """The size of each text in bytes on disk; 0 for a pipe, or if it is missing."""
        return tuple(text.size for text in self._inputs)

    @property
    def total_bytes(self) -> int | None:
        """The size of all texts in bytes on disk, or None if one of them is not a regular file."""
        return sum(self.sizes) if self.are_files else None

    @property
    def are_files(self) -> bool:
        """Whether all texts are regular files, which can be read again."""
        return all(text.is_file for text in self._inputs)

    @property
    def have_names(self) -> bool:
        """Whether another process can open all texts by their names."""
        return self.are_files and not any(map(is_piped, self.paths))

    @property
    def missing(self) -> list[str]:
        """The paths where there is nothing."""
        return [text.path for text in self._inputs if text.path != STDIN and text.status is None]

    @property
    def compressed(self) -> bool:
        """Whether one of the texts has to be decompressed."""
        return any(suffix_of(path) in OPENERS for path in self.paths)

    @property
    def named(self) -> list[Named]:
        """The texts as inputs of a command, for `require_apart`."""
        hint = "name another output"
        if len(self.paths) > 1:
            hint += f", or leave this file out: {_LEAVE_OUT}"
        return [Named(text.path, "a text of the corpus", text.status, hint) for text in self._inputs]

    def absolute(self) -> Texts:
        """Return the same texts for any working folder."""
        return replace(self, paths=[absolute(path) for path in self.paths])

    def only(self, part: Part) -> Texts:
        """Return a part of these texts; what is said about it is the same as if everything were read."""
        return replace(self, part=part)

    def fingerprint(self) -> str:
        """Read everything, and return the sha256 that `pieces` computes, hexadecimal.

        It is that of the decompressed text, or of the column of Parquet files; no other option matters.
        """
        digest = hashlib.sha256()
        for _ in self.digested(digest):
            pass
        return digest.hexdigest()

    def digested(self, digest: Digest) -> Iterator[int]:
        """Update a digest with all that `pieces` would, and yield how far the texts have been read, bytes on disk.

        Raises
        ------
        CorpusError
            If a text cannot be read or decompressed, or changes while it is read.
        """
        before = 0
        for path in self.paths_read:
            with self._reading(path) as raw:
                read = 0
                for block in self._blocks(path, raw, PIECE_BYTES, digest):
                    read += len(block)
                    yield before + bytes_read_of(raw, self._start + read) - self._start
                before += bytes_read_of(raw, self._start + read) - self._start

    def pieces(
        self, piece_bytes: int = PIECE_BYTES, digest: Digest | None = None, damage: Damage | None = None
    ) -> Iterator[Piece]:
        """Read all texts, one after the other.

        Parameters
        ----------
        piece_bytes : about how much text a piece has; a longer token makes a longer piece.
        digest : updated with the decompressed text; None if nobody needs it.
        damage : where bytes are counted that are not in the encoding; None for a remark about them at the end.

        Raises
        ------
        CorpusError
            If a text cannot be read or decompressed, changes while it is read, is not in its encoding (with `errors`
            strict), or is a file of another kind, such as a PDF.
        MissingExtraError
            If a text is compressed with zstandard, and the package for that is not installed.
        """
        digest = hashlib.sha256() if digest is None else digest
        before, counted, remarks = 0, Damage() if damage is None else damage, set[str]()
        for path in self.paths_read:
            name = name_of(path)
            with self._reading(path) as raw:
                offset = self._start
                unwrapper = Unwrapper() if self.options.unwrap else None
                blocks = self._blocks(path, raw, piece_bytes, digest)
                for chunk in chunks_of(self._utf8(blocks, path, counted, remarks), name):
                    data = self.options.apply(chunk, name, offset, unwrapper)
                    offset += len(chunk)
                    yield Piece(data, before + bytes_read_of(raw, offset) - self._start)
                before += bytes_read_of(raw, offset) - self._start
            rest = b"" if unwrapper is None else self.options.clean(unwrapper.rest())
            # The sentence goes on if the file does.
            yield Piece(rest if self.part is not None and self.part.stop is not None else rest + b"\n", before)
        if damage is None and (repaired := counted.remark(self.options.errors)) is not None:
            self.on_remark(repaired)

    @property
    def paths_read(self) -> Sequence[str]:
        """The texts that are read."""
        return self.paths if self.part is None else self.paths[self.part.first : self.part.last]

    @property
    def _start(self) -> int:
        """Where a text begins in its file, in bytes."""
        return 0 if self.part is None else self.part.start

    @contextmanager
    def _reading(self, path: str) -> Iterator[IO[bytes]]:
        """Open a text, and make sure when it has been read that it has not changed meanwhile."""
        with opened(path) as raw:
            state = state_of(path, raw)
            if self._start:
                raw.seek(self._start)
            yield raw
            if state_of(path, raw) != state:
                raise CorpusError(
                    f"{name_of(path)} has changed while it was read",
                    hint="wait until it is written, or copy it first",
                )

    def _blocks(self, path: str, raw: IO[bytes], size: int, digest: Digest) -> Iterator[bytes]:
        """Return what is read of a text, in blocks of about `size` bytes: all of it, or a column of a Parquet file."""
        if self.part is not None and self.part.stop is not None:
            return blocks_of(FirstBytes(raw, self.part.stop - self.part.start), name_of(path), size, digest)
        if self.options.column is None:
            return blocks_of(decompressed(path, raw), name_of(path), size, digest)
        return parquet_texts(raw, name_of(path), self.options.column, self.options.record_end, size, digest)

    def _utf8(self, blocks: Iterator[bytes], path: str, damage: Damage, remarks: set[str]) -> Iterator[bytes]:
        """Return the blocks of a text as UTF-8, after a look at its beginning.

        Parameters
        ----------
        remarks : what has been said about the texts before this one; it is not said again.

        Raises
        ------
        CorpusError
            If the text begins like a file of another kind.
        """

        def require_text(kind: Kind | None) -> None:
            if kind is not None and (kind.is_certain or not is_piped(path)):
                others = f"; {_LEAVE_OUT}" if len(self.paths) > 1 else ""
                raise CorpusError(f"{name_of(path)} {kind.what}", hint=kind.hint + others)
            if kind is not None:
                remark(f"{name_of(path)} {kind.what}: {kind.hint}")

        def remark(sentence: str) -> None:
            if sentence not in remarks:
                remarks.add(sentence)
                self.on_remark(sentence)

        if is_nameless(path):
            return blocks
        encoding, errors = self.options.encoding, self.options.errors
        if self._start:
            # Whoever reads the beginning of the file looks at it. Only UTF-8 is cut into parts.
            return blocks if errors == "strict" else as_utf8(blocks, name_of(path), encoding, errors, damage)
        sample, blocks = _with_sample(blocks)
        if self.options.column is None:
            require_text(binary_kind(sample, path, encoding))
        if encoding != UTF8 and is_utf8(sample):
            remark(f"{name_of(path)} looks like UTF-8: is --encoding {encoding} right?")
        # UTF-8 without errors need not be decoded, which takes time.
        if encoding != UTF8 or errors != "strict":
            blocks = as_utf8(blocks, name_of(path), encoding, errors, damage)
            sample, blocks = _with_sample(blocks)
        if self.options.field is not None:
            blocks = json_texts(blocks, name_of(path), self.options.field, self.options.record_end, errors)
            sample, blocks = _with_sample(blocks)
        elif self.options.column is None:
            require_text(text_kind(sample, path))
        if (hint := unsegmented_hint(sample)) is not None:
            remark(hint)
        return blocks


def _with_sample(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return how a text begins, and all its blocks, those of the beginning included."""
    first, size = list[bytes](), 0
    for block in blocks:
        first.append(block)
        size += len(block)
        if size >= SAMPLE_BYTES:
            break
    return b"".join(first)[:SAMPLE_BYTES], itertools.chain(first, blocks)
