"""Threads that work while the main thread watches them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

# How often the main thread looks at the workers.
POLL_SECONDS = 0.1
# How long a Ctrl-C waits for the workers. A block of a full softmax may take minutes, and it is lost in any case.
QUIT_SECONDS = 0.5


class Workers:
    """Threads that do one piece of work after another, until none is left, one fails, or they are stopped.

    Parameters
    ----------
    count : number of threads.
    work : does one piece of work and returns whether there was one left. All threads call it, at the same time.
    """

    def __init__(self, count: int, work: Callable[[], bool]) -> None:
        self._count = count
        self._work = work
        self._finished = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._error: BaseException | None = None

    def run(self, watch: Callable[[], bool], seconds: float) -> None:
        """Work until everything is done, `watch` returns true, or `seconds` have passed.

        The workers stop at the end of their piece of work. After a Ctrl-C, this thread waits for that no longer than
        `QUIT_SECONDS`.

        Parameters
        ----------
        watch : called in this thread every `POLL_SECONDS`, and once when the workers have finished.

        Raises
        ------
        BaseException
            Whatever `work` or `watch` raised.
        """
        deadline = time.perf_counter() + seconds
        started, quits_at = 0, math.inf
        try:
            for _ in range(self._count):
                threading.Thread(target=self._work_on, daemon=True).start()
                started += 1
            finished = False
            while not finished:
                finished = self._wait(started, min(POLL_SECONDS, seconds))
                if watch() or time.perf_counter() > deadline:
                    self._stop.set()
        except KeyboardInterrupt:
            quits_at = time.perf_counter() + QUIT_SECONDS
            raise
        finally:
            self._stop.set()
            # Not `Thread.join`: in Python 3.11 it may return after a Ctrl-C although the thread still runs.
            while not self._wait(started, POLL_SECONDS) and time.perf_counter() < quits_at:
                pass
        if self._error is not None:
            raise self._error

    def _work_on(self) -> None:
        """Work in one thread."""
        try:
            while not self._stop.is_set() and self._work():
                pass
        except BaseException as error:
            self._error = error
            self._stop.set()
        finally:
            with self._changed:
                self._finished += 1
                self._changed.notify_all()

    def _wait(self, workers: int, seconds: float) -> bool:
        """Wait until `workers` threads have finished, but no longer than `seconds`; return whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: self._finished >= workers, seconds)
