"""The limit on BLAS threads holds for the whole process, however many users it has at once."""

from __future__ import annotations

from typing import Any

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from w2v_cli.compute.threads import one_blas_thread


def blas_threads() -> list[int]:
    """Return how many threads each BLAS library of this process uses."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.parametrize("ends", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_blas_has_its_threads_again_whatever_the_order_in_which_overlapping_users_end(ends: tuple[int, ...]) -> None:
    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        users: list[Any] = [one_blas_thread() for _ in ends]
        for user in users:
            user.__enter__()
        for number in ends:
            assert set(blas_threads()) <= {1}
            users[number].__exit__(None, None, None)
        assert blas_threads() == before and set(before) != {1}


def test_blas_has_its_threads_again_after_an_error() -> None:
    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        with pytest.raises(ZeroDivisionError), one_blas_thread(), one_blas_thread():
            raise ZeroDivisionError
        assert blas_threads() == before
