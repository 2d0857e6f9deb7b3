"""Threads: results of a thread pool in order, and a limit on the threads of numpy's matrix products."""

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
    """Yield each task with its result, in the order of the tasks.

    Only a few tasks are taken ahead of the result that is yielded, so that their results do not fill the memory.
    """
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
    """A limit of one thread for BLAS. It holds for the whole process: the first user sets it, the last one lifts it.

    If each user set and restored the limit, a user that starts while another is at work would find one thread, and
    would later restore that as if it were the original number.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limits: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Limit numpy's matrix products to one thread within the block.

        Our own threads already share the work, and waiting BLAS threads would take processor time from them.
        """
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
