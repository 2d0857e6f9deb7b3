"""What a long command shows on stderr: remarks and progress, as a bar on a terminal and as plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from w2v_cli.choices import PARSED_FORMATS
from w2v_cli.cli.console import note

if TYPE_CHECKING:
    from w2v_cli.training.state import Progress

# Seconds between two plain lines.
PLAIN_SECONDS = 10.0


class ProgressLine:
    """Shows one bar at a time, or nothing at all if `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.phase = ""
        # Asked only once: the terminal may go away while the bar is shown, and the bar must not become plain lines.
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar: Any = None
        self._said_compiling = self._said_not_kept = False
        # For plain lines: when the phase began, when the last line was printed, and how much was done at the beginning.
        self._started = self._last_plain = time.monotonic()
        self._done_before = 0

    def say(self, message: str) -> None:
        """Print a remark on a line of its own."""
        self.done()
        if not self.quiet:
            note(message)

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
        self._show({"count": "Counting", "encode": "Encoding"}[phase], done, total, unit, "")

    def training(self, progress: Progress) -> None:
        """Show the training itself."""
        loss = "–" if progress.loss is None else f"{progress.loss:.4f}"
        details = f"epoch {progress.epoch}, alpha {progress.alpha:.4f}, loss {loss}"
        self._show("Training", progress.tokens, progress.total_tokens, " words", details)

    def joining(self, done: int, total: int) -> None:
        """Show a pass over an encoded corpus, in tokens."""
        self._show("Joining", done, total, " tokens", "")

    def picture(self, phase: str, done: int, total: int) -> None:
        """Show how far a picture is, in words or, while t-SNE lays them out, in rounds."""
        self._show(phase, done, total, " rounds" if phase == "Laying out" else " words", "")

    def done(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
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

    def _show(self, phase: str, done: int, total: int | None, unit: str, details: str) -> None:
        if self.quiet:
            return
        if not self.terminal:
            self._show_plain(phase, done, total, unit, details)
            return
        if phase != self.phase:
            from tqdm import tqdm

            self.done()
            self.phase = phase
            self._bar = tqdm(
                desc=phase, initial=done, total=total, unit=unit, unit_scale=True, leave=False, dynamic_ncols=True
            )
        if details:
            self._bar.set_postfix_str(details, refresh=False)
        self._bar.update(done - self._bar.n)

    def _show_plain(self, phase: str, done: int, total: int | None, unit: str, details: str) -> None:
        """Print the phase, the share that is done, the speed and the details, at most every PLAIN_SECONDS."""
        now = time.monotonic()
        if phase != self.phase:
            self.phase, self._started, self._last_plain, self._done_before = phase, now, now, done
        if now - self._last_plain < PLAIN_SECONDS:
            return
        self._last_plain = now
        # A resumed run starts with much of the work done, which says nothing about its speed.
        speed = (done - self._done_before) / (now - self._started)
        parts = [f"{phase} {done / total:.0%}" if total else phase]
        if total and speed:
            parts.append(f"{duration((total - done) / speed)} left")
        parts += [f"{speed:,.0f}{unit}/s", *([details] if details else [])]
        note(", ".join(parts))


@contextmanager
def announcing_compilation(format: str) -> Iterator[None]:
    """Within this context, say so if code has to be compiled to read a file of this format."""
    if format not in PARSED_FORMATS:  # then numba is not needed
        yield
        return
    with ProgressLine().compiling():
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
