"""What a long command shows on stderr: remarks and progress.

On a terminal, progress is a bar. Elsewhere it is a plain line now and then, and every line begins with the time of day,
so that a log tells in the morning what happened when.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from w2v_cli.choices import PARSED_FORMATS
from w2v_cli.cli.bar import Bar
from w2v_cli.cli.console import note
from w2v_cli.errors import without_secrets
from w2v_cli.storage.transfers import Transfer, told_of_transfers

if TYPE_CHECKING:
    from w2v_cli.training.state import Progress

# Seconds between two drawings of the bar, and between two plain lines.
BAR_SECONDS, PLAIN_SECONDS = 0.05, 10.0


class ProgressLine:
    """Shows one phase of the work at a time, or nothing at all if `quiet`.

    As a context manager, it also shows downloads and uploads, and removes the bar at the end, before an error is
    printed.

    Parameters
    ----------
    quiet : print nothing.
    timed : whether plain lines begin with the time of day, as they must in the log of a long command.
    """

    def __init__(self, quiet: bool = False, timed: bool = True) -> None:
        self.quiet = quiet
        self._timed = timed
        self.phase = ""
        # Asked only once: the terminal may go away while the bar is shown, and the bar must not become plain lines.
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar = Bar()
        self._open = ExitStack()
        self._closed = self._said_compiling = self._said_not_kept = False
        # When the phase began, when it was last shown, and how much was done at the beginning.
        self._started = self._last_shown = time.monotonic()
        self._done_before = 0
        self._first_day = time.strftime("%Y-%m-%d")

    def __enter__(self) -> ProgressLine:
        self._open.enter_context(told_of_transfers(self.transfer))
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()
        self.done()

    def say(self, message: str) -> None:
        """Print a remark on a line of its own."""
        self.done()
        if not self.quiet:
            note(self._time() + message)

    def say_at_once(self, message: str) -> None:
        """Print a remark although other output may be half written, as a signal handler must, and show no bar again.

        It is printed even if `quiet`.
        """
        self._closed = True
        # Not `print`: the signal may have arrived in the middle of one, which would fail.
        with suppress(OSError):
            os.write(2, f"{self._bar.erasing()}{self._time()}{message}\n".encode())

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Within this context, say so if code is compiled, and if the next run will have to compile it again."""
        # Imported here so that `w2v --help` need not wait for numba.
        from w2v_cli.compute.jit import told_of_compiling

        with told_of_compiling(self._say_compiling, self._say_not_kept):
            yield

    def corpus(self, phase: str, done: int, total: int | None) -> None:
        """Show a pass over the corpus: phase `count` in bytes, `encode` in tokens."""
        unit = {"count": "B", "encode": " tokens"}[phase]
        self.show({"count": "Counting", "encode": "Encoding"}[phase], done, total, unit)

    def training(self, progress: Progress) -> None:
        """Show the training itself."""
        loss = "–" if progress.loss is None else f"{progress.loss:.4f}"
        held_out = "" if progress.validation_loss is None else f", held out {progress.validation_loss:.4f}"
        details = [f"epoch {progress.epoch}", f"alpha {progress.alpha:.4f}"]
        self.show("Training", progress.tokens, progress.total_tokens, " words", f"loss {loss}{held_out}", details)

    def transfer(self, transfer: Transfer | None) -> None:
        """Show how far an object is on its way to or from another machine; None removes that."""
        if transfer is None:
            self.done()
            return
        # Some packages tell nothing before a large part has arrived. The speed is unknown until then.
        waited = "" if transfer.done else f"for {duration(time.monotonic() - self._started)}"
        name = without_secrets(transfer.name)
        self.show(transfer.what, transfer.done, transfer.total, "B", waited, [name], has_speed=not waited)

    def joining(self, done: int, total: int) -> None:
        """Show a pass over an encoded corpus, in tokens."""
        self.show("Joining", done, total, " tokens")

    def show(
        self,
        phase: str,
        done: int,
        total: int | None,
        unit: str,
        result: str = "",
        details: Sequence[str] = (),
        has_speed: bool = True,
    ) -> None:
        """Show how far a phase of the work has come.

        Parameters
        ----------
        done, total : so many units are done, of so many; no total if it is unknown.
        result : what the user wants to see most, even in a narrow terminal.
        details : what else there is to say, the most important first.
        has_speed : whether the speed is known.
        """
        now = time.monotonic()
        begins = phase != self.phase
        if begins:
            self.done()
            self.phase, self._started, self._last_shown, self._done_before = phase, now, now, done
        every = BAR_SECONDS if self.terminal else PLAIN_SECONDS
        if self.quiet or self._closed or (now - self._last_shown < every and not (begins and self.terminal)):
            return
        self._last_shown = now
        # A resumed run starts with much of the work done, which says nothing about its speed.
        seconds = now - self._started
        speed = (done - self._done_before) / seconds if seconds else 0.0
        share = min(done / total, 1.0) if total else None
        parts = [f"{phase} {scaled(done)}{unit}" if share is None else f"{phase} {share:.0%}"]
        parts += [result] if result else []
        parts += [f"{duration((total - done) / speed)} left"] if total and speed else []
        parts += [f"{scaled(speed)}{unit}/s"] if seconds and has_speed else []
        if self.terminal:
            self._bar.draw([*parts, *details[:1]], details[1:], share)
        else:
            note(self._time() + ", ".join([*parts, *details]))

    def picture(self, phase: str, done: int, total: int) -> None:
        """Show how far a picture is, in words or, while t-SNE lays them out, in rounds."""
        self.show(phase, done, total, " rounds" if phase == "Laying out" else " words")

    def done(self) -> None:
        """Remove the bar."""
        self._bar.erase()
        self.phase = ""

    def _say_compiling(self) -> None:
        if not self._said_compiling:
            self._said_compiling = True
            self.say("Compiling for this processor")

    def _say_not_kept(self, why: str) -> None:
        if not self._said_not_kept:
            self._said_not_kept = True
            self.say(
                f"Compiled code cannot be kept ({why}): every run compiles it again, "
                "unless NUMBA_CACHE_DIR names a folder that can be written"
            )

    def _time(self) -> str:
        """Return the beginning of a plain line: the time of day, with the date if the first day is over."""
        if self.terminal or not self._timed:
            return ""
        day, time_of_day = time.strftime("%Y-%m-%d %H:%M:%S").split()
        return f"{time_of_day} " if day == self._first_day else f"{day} {time_of_day} "


@contextmanager
def announcing_compilation(format: str) -> Iterator[None]:
    """Within this context, say so if code has to be compiled to read a file of this format."""
    if format not in PARSED_FORMATS:  # then numba is not needed
        yield
        return
    with ProgressLine(timed=False).compiling():
        yield


def duration(seconds: float) -> str:
    """Return a length of time as people say it: 0.3 s, 42 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def scaled(number: float) -> str:
    """Return a number with at most three digits before its point: 25, 12.3k, 7.71M."""
    for unit in ("", "k", "M", "G"):
        if number < 999.5:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g}T"
