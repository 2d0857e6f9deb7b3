"""What a long command shows on stderr: remarks, and a bar on a terminal or a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from w2v_cli.cli.console import note

if TYPE_CHECKING:
    from w2v_cli.training.state import Progress

# Seconds between two plain lines where there is no terminal to redraw.
PLAIN_SECONDS = 10.0


class ProgressLine:
    """One bar at a time; nothing at all when `quiet`."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.phase = ""
        # Asked once: a terminal that goes away while the bar is shown is none any more.
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar: Any = None
        self._said_compiling = self._said_not_kept = False
        # Of the phase that is shown in plain lines: when it began, the last line, and what was done before it began.
        self._started = self._last_plain = time.monotonic()
        self._first = 0

    def say(self, message: str) -> None:
        """A remark of its own line."""
        self.done()
        if not self.quiet:
            note(message)

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Within, a remark if something is compiled, and another if the next run will have to compile it again."""
        # Here and not above: `w2v --help` must not wait for numba.
        from w2v_cli.compute.jit import told_of_compiling

        with told_of_compiling(self._say_compiling, self._say_not_kept):
            yield

    def corpus(self, phase: str, done: int, total: int | None) -> None:
        """A corpus pass: `count` in bytes, `encode` in tokens."""
        unit = {"count": "B", "encode": " tokens"}[phase]
        self._show({"count": "Counting", "encode": "Encoding"}[phase], done, total, unit, "")

    def training(self, progress: Progress) -> None:
        """The training itself."""
        loss = "–" if progress.loss is None else f"{progress.loss:.4f}"
        details = f"epoch {progress.epoch}, alpha {progress.alpha:.4f}, loss {loss}"
        self._show("Training", progress.tokens, progress.total_tokens, " words", details)

    def joining(self, done: int, total: int) -> None:
        """A pass over a corpus of ids, in tokens."""
        self._show("Joining", done, total, " tokens", "")

    def done(self) -> None:
        """Take the bar away."""
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
        if not self._terminal:
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
        """A line every so often: phase, share done, speed and what there is to say."""
        now = time.monotonic()
        if phase != self.phase:
            self.phase, self._started, self._last_plain, self._first = phase, now, now, done
        if now - self._last_plain < PLAIN_SECONDS:
            return
        self._last_plain = now
        # Of a run that is resumed, much was done before.
        speed = (done - self._first) / (now - self._started)
        parts = [f"{phase} {done / total:.0%}" if total else phase]
        if total and speed:
            parts.append(f"{duration((total - done) / speed)} left")
        parts += [f"{speed:,.0f}{unit}/s", *([details] if details else [])]
        note(", ".join(parts))


def duration(seconds: float) -> str:
    """A length of time as people say it: 0.3 s, 42 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
