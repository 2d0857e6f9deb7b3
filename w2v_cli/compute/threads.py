"""Threads: work for a pool of them whose results are wanted in order, and how many numpy's products take."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    pool: ThreadPoolExecutor, threads: int, work: Callable[[Task], Result], tasks: Iterator[Task]
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, in order; a few tasks are ahead, and no more are taken than that."""
    ahead: deque[tuple[Task, Future[Result]]] = deque()
    try:
        for task in tasks:
            ahead.append((task, pool.submit(work, task)))
            if len(ahead) > 2 * threads:
                done, future = ahead.popleft()
                yield done, future.result()
        while ahead:
            done, future = ahead.popleft()
            yield done, future.result()
    finally:
        for _, future in ahead:
            future.cancel()


class _OneBlasThread:
    """The limit of one thread, which belongs to the process: the first user sets it, and the last one lifts it.

    With a limit of its own for each user, one that begins while another is at work would find a single thread, and
    restore that when the other has long ended.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limits: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Within, numpy's products take one thread: ours share the work, and BLAS's own would spin while they wait."""
        with self._lock:
            if self._users == 0:
                self._limits = threadpool_limits(1, user_api="blas")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._limits.restore_original_limits()


one_blas_thread = _OneBlasThread()
