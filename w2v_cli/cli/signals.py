"""What a command does when it receives a signal to end.

In a training run, the first signal asks it to finish what it has begun, and the second one ends it at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from w2v_cli.cli.progress import ProgressLine
from w2v_cli.errors import StoppedError

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def end_tidily() -> None:
    """Let SIGTERM and SIGHUP raise an exception, as Ctrl-C does, so that no half-written file is left behind."""
    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


class Stop:
    """Whether a signal has arrived, and what it does.

    Until the work begins there is nothing to finish, so that even the first signal ends the run at once.

    Parameters
    ----------
    show : what prints the acknowledgement.

    Attributes
    ----------
    number : the signal that has arrived last; 0 if none has.
    working : whether the work has begun.
    state : the file from which the run can be resumed once the file exists, or None.
    resume_command : the command that resumes the run.
    """

    def __init__(self, show: ProgressLine) -> None:
        self._show = show
        self.state: os.PathLike[str] | str | None = None
        self.resume_command = ""
        self.number = 0
        self.working = False

    def asked(self) -> bool:
        """Return whether a signal has arrived."""
        return self.number != 0

    @property
    def exit_code(self) -> int:
        """The code that a shell expects of a program that a signal has ended: 130 after Ctrl-C."""
        return 128 + self.number

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Acknowledge a signal at once, and raise KeyboardInterrupt if there is nothing to wait for."""
        again, self.number = self.asked(), number
        if again or not self.working:
            self._show.say_at_once("Interrupted")
            if self._can_resume():
                self._show.say_at_once(f"Go on with {self.resume_command}")
            raise KeyboardInterrupt
        self._show.say_at_once("Interrupted: finishing what has begun; interrupt again to quit at once")

    def _can_resume(self) -> bool:
        # A signal handler must not wait for another machine.
        return isinstance(self.state, Path) and self.state.exists()


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Within this context, `stop` handles SIGINT, SIGTERM and SIGHUP, and the exit code follows from the signal."""
    # A signal that was ignored when the program started, as nohup arranges it, stays ignored.
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
        # A worker thread may be in the middle of a long step. It holds nothing that needs cleaning up.
        os._exit(stop.exit_code)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
