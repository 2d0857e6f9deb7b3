"""The training kernels address memory without checks: nothing outside their tables and scratch is read or written.

Every array that a kernel changes is put into a larger one, between margins of NaN, or of a number that no offset has. A
write outside changes a margin, and a read outside brings NaN into the tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_engines import LOGISTIC, needs_numba, objective_of, random_tables, zipf_sample

from w2v_cli.engines.choose import make_measure, make_step

if needs_numba.args[0]:
    pytest.skip("numba does not import here", allow_module_level=True)

from w2v_cli.engines import block, compiled

# More elements than the largest part of the scratch has, and a multiple of a cache line: rows keep their alignment.
MARGIN = 1 << 15
NO_OFFSET = -(1 << 60)
WORDS = 300


class Margins:
    """A kernel whose tables and scratch lie between margins."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self.calls = 0

    def __call__(self, *arguments: Any) -> Any:
        """Call the kernel, and look at the margins and the tables afterwards."""
        self.calls += 1
        names = self._kernel.py_func.__code__.co_varnames
        given = dict(zip(names, arguments, strict=False))
        surrounded = {}
        for name in ("input_vectors", "output_vectors", "offsets_scratch", "scratch"):
            array, sentinel = given[name], NO_OFFSET if name == "offsets_scratch" else np.nan
            whole = compiled.aligned_zeros((array.size + 2 * MARGIN,), array.dtype)
            whole[:] = sentinel
            whole[MARGIN:-MARGIN] = array.ravel()
            surrounded[name] = whole, whole[MARGIN:-MARGIN].reshape(array.shape), sentinel
        result = self._kernel(*({**given, **{name: inner for name, (_, inner, _) in surrounded.items()}}).values())
        for name, (whole, inner, sentinel) in surrounded.items():
            for side, margin in (("before", whole[:MARGIN]), ("after", whole[-MARGIN:])):
                assert np.array_equal(margin, np.full(MARGIN, sentinel, whole.dtype), equal_nan=True), (
                    f"the kernel has written {side} {name}"
                )
            if name.endswith("vectors"):
                assert np.isfinite(inner).all(), f"the kernel has read what is not its own, and put it into {name}"
                given[name][:] = inner
        return result


@pytest.fixture
def margins(monkeypatch: pytest.MonkeyPatch) -> Margins:
    surrounded = Margins(block.train_logistic)
    monkeypatch.setattr(block, "train_logistic", surrounded)
    return surrounded


def train(kind: str, dim: int, window: int, negatives: int, threads: int, dtype: Any = np.float32) -> None:
    step_windows = 2 if kind == "skipgram ns" else 1
    sample = zipf_sample(700, WORDS, window, negatives, step_windows=step_windows)
    tables = random_tables(WORDS, dim, dtype)
    step = make_step("compiled", objective_of(kind, WORDS), threads=threads)
    step(sample, np.full(len(sample.kept_ids), 0.01), *tables)
    make_measure("compiled", objective_of(kind, WORDS))(sample, *tables)


@pytest.mark.parametrize("kind", LOGISTIC)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dim", "window", "negatives"), [(1, 1, 1), (33, 5, 5), (100, 12, 13), (16, 3, 300)])
def test_a_step_touches_its_tables_and_its_scratch_alone(
    margins: Margins, kind: str, threads: int, dim: int, window: int, negatives: int
) -> None:
    train(kind, dim, window, negatives, threads)
    train(kind, dim, window, negatives, threads, np.float64)
    assert margins.calls == 4


@pytest.mark.parametrize("short", [0, 1])
def test_a_write_one_element_beyond_the_scratch_is_found(
    margins: Margins, monkeypatch: pytest.MonkeyPatch, short: int
) -> None:
    sizes = block.scratch_sizes

    def shortened(*shape: int) -> tuple[int, int]:
        offsets, numbers = sizes(*shape)
        return offsets, numbers - short

    monkeypatch.setattr(block, "scratch_sizes", shortened)
    if short:
        # The last element is of the copy of a hot row, which a step reads before it writes it: so the tables get a NaN.
        with pytest.raises(AssertionError, match=r"the kernel has (read what is not its own|written after scratch)"):
            train("cbow ns", 32, 5, 5, threads=2)
    else:
        train("cbow ns", 32, 5, 5, threads=2)


def test_an_offset_one_element_beyond_the_scratch_is_found(margins: Margins, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = block.scratch_sizes
    monkeypatch.setattr(block, "scratch_sizes", lambda *shape: (sizes(*shape)[0] - 1, sizes(*shape)[1]))
    with pytest.raises(AssertionError, match="the kernel has written after offsets_scratch"):
        train("cbow ns", 32, 5, 5, threads=2)
