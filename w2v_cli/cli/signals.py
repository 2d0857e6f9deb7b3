"""What a command does when it is told to end: in a long one the first signal asks, the second one does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from w2v_cli.errors import StoppedError

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def end_tidily() -> None:
    """Let SIGTERM and SIGHUP unwind a command as Ctrl-C does, so that it leaves no half-written file behind."""
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


class Stop:
    """Whether a signal has come, and what it does: before the work has begun there is nothing to wait for.

    Attributes
    ----------
    working : the work has begun.
    state : the file that a run can be resumed from once it is there, or None.
    resume_command : how.
    """

    def __init__(self) -> None:
        self.state: Path | None = None
        self.resume_command = ""
        self.number = 0
        self.working = False

    def asked(self) -> bool:
        """A signal has come."""
        return self.number != 0

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that ended so: 130 after Ctrl-C."""
        return 128 + self.number

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Acknowledge a signal at once. Not by `print`: the signal may have come in the middle of one."""
        again, self.number = self.asked(), number
        if again or not self.working:
            _tell("Interrupted\n")
            if self.state is not None and self.state.exists():
                _tell(f"Go on with {self.resume_command}\n")
            raise KeyboardInterrupt
        _tell("Interrupted: ending what is begun; once more quits at once\n")


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Within, SIGINT, SIGTERM and SIGHUP are up to `stop`, and their exit codes follow."""
    # A signal that was ignored when the program was started, as by nohup, stays so.
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop.handle)
    try:
        yield
    except StoppedError as error:
        error.exit_code = stop.exit_code
        raise
    except KeyboardInterrupt:
        # A worker may be within a long step, and holds nothing that would have to be given back.
        os._exit(stop.exit_code)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(message: str) -> None:
    with suppress(OSError):
        os.write(2, message.encode())
