"""Work for a pool of threads whose results are wanted in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

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
