"""stdout and stderr when they cannot be written: a remark is dropped, an answer that is lost is an error.

A training run must not die because its terminal is gone or the disk of its log is full. But a command that cannot write
its answer has failed, unless the reader has closed the pipe because it wants no more (`| head -1`).
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
    unwanted : whether the reader has closed the pipe, which is not a failure.
    """

    def __init__(self, error: OSError, closed: bool) -> None:
        why = "it is closed" if closed else error.strerror or str(error)
        super().__init__(f"cannot write the answer to stdout: {why}")
        self.unwanted = isinstance(error, BrokenPipeError)


class _Descriptor(io.RawIOBase):
    """The raw stream below sys.stdout or sys.stderr."""

    def __init__(self, descriptor: int, closed: bool) -> None:
        self._descriptor, self._closed = descriptor, closed
        self._answers, self._failed = descriptor == 1, False

    def write(self, data: Any, /) -> int:
        """Write some of the data. What cannot be written is dropped; the first failure on stdout is an error."""
        try:
            # After a failure, the rest of the buffer would fail once more when the interpreter ends.
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
    """Make stdout and stderr behave as this module says, and keep files from getting the numbers of closed streams.

    If something has replaced sys.stdout or sys.stderr, such as a test, the replacement stays.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Otherwise the next file that is opened, such as a model, would get this number, and all messages for
            # stderr would go into it. stdin and stdout are opened in the wrong direction, so using them still fails.
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_WRONLY)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.stderr, 2)
    # A character that the terminal's encoding lacks must not end the program.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _guarded(stream: TextIO | None, descriptor: int) -> TextIO:
    """Return a guarded stream with the encoding of Python's own one, which is None if the descriptor was closed."""
    raw = io.BufferedWriter(_Descriptor(descriptor, closed=stream is None))
    encoding = "utf-8" if stream is None else stream.encoding
    return io.TextIOWrapper(raw, encoding, line_buffering=descriptor == 2 or raw.isatty())


def flush_answers() -> None:
    """Write the rest of the answers.

    Raises
    ------
    AnswerError
        If they cannot be written.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def drop_answers() -> None:
    """Leave nothing to write, so that the interpreter cannot fail to write it when it ends."""
    with suppress(AnswerError, OSError, ValueError):
        flush_answers()
