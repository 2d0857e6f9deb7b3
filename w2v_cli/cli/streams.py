"""stdout and stderr when they cannot be written: a message is dropped, an answer is not.

A run must not die because its terminal is gone or the disk of its log is full. But a command whose answer cannot be
written has failed, unless nobody wants the rest of it (`| head -1`).
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from w2v_cli.errors import W2VError


class AnswerError(W2VError):
    """An answer cannot be written to stdout.

    Attributes
    ----------
    unwanted : its reader has closed the pipe, which is no failure.
    """

    def __init__(self, error: OSError, closed: bool) -> None:
        why = "it is closed" if closed else error.strerror or str(error)
        super().__init__(f"cannot write the answer to stdout: {why}")
        self.unwanted = isinstance(error, BrokenPipeError)


class _Descriptor(io.RawIOBase):
    """What the stream of a descriptor writes to."""

    def __init__(self, descriptor: int, closed: bool) -> None:
        self._descriptor, self._closed = descriptor, closed
        self._answers, self._failed = descriptor == 1, False

    def write(self, data: Any, /) -> int:
        """Write some of the data; drop them where they cannot be written, with an error the first time on stdout."""
        try:
            # After a failure, what is still buffered would fail once more when the interpreter ends.
            if not self._failed:
                return os.write(self._descriptor, data)
        except OSError as error:
            if self._answers:
                self._failed = True
                raise AnswerError(error, self._closed) from error
        return len(data)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def guard_streams() -> None:
    """Let stdout and stderr be what this module says, and keep closed descriptors from becoming those of files.

    Streams that somebody has put in the place of the process's own are left alone.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Without this the next file that is opened, such as a model, would get this number, and with it every
            # message for stderr. stdin and stdout are opened for the wrong direction, so that using them still fails.
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_WRONLY)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.stderr, 2)
    # A word that the terminal's encoding lacks must not end the program.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _guarded(stream: TextIO | None, descriptor: int) -> TextIO:
    """A stream of the descriptor like the one that Python has made of it, which is None if it was closed."""
    raw = io.BufferedWriter(_Descriptor(descriptor, closed=stream is None))
    encoding = "utf-8" if stream is None else stream.encoding
    return io.TextIOWrapper(raw, encoding, line_buffering=descriptor == 2 or raw.isatty())


def flush_answers() -> None:
    """Write what is left of the answers; AnswerError if that fails."""
    if sys.stdout is not None:
        sys.stdout.flush()


def drop_answers() -> None:
    """Let nothing be left to write, so that the interpreter cannot fail to write it when it ends."""
    with suppress(AnswerError, OSError, ValueError):
        flush_answers()
