"""The training kernels address memory without checks: nothing outside their tables and scratch is read or written.

Both tables and every part of the scratch lie between margins of NaN, or of a number that stands out among offsets. A
write outside a part changes a margin, and a read outside brings NaN into the tables.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
import pytest
from test_engines import LOGISTIC, needs_numba, objective_of, random_tables, zipf_sample

from w2v_cli.engines.choose import make_measure, make_step

if needs_numba.args[0]:
    pytest.skip("numba does not import here", allow_module_level=True)

from w2v_cli.compute.half import CONVERTS
from w2v_cli.engines import block, compiled
from w2v_cli.engines.arguments import Scratch
from w2v_cli.engines.objective import Rates
from w2v_cli.engines.parameters import aligned_zeros

# At least as many elements as the largest part has, and a multiple of a cache line: rows keep their alignment.
MARGIN = 1 << 16
# As a row it would be padding; as an offset it points into the margin before a table.
NO_OFFSET = -77
WORDS = 300


class Margins:
    """The arrays of a kernel, each between margins.

    Parameters
    ----------
    spoiled, elements : a plant: the name of an array, and how many elements at its end count as margin.
    """

    def __init__(self, spoiled: str = "", elements: int = 0) -> None:
        self.calls = 0
        self._spoiled, self._elements = spoiled, elements
        self._arrays: list[tuple[str, np.ndarray, int]] = []
        self._make_scratch = compiled.make_scratch

    def embed(self, name: str, array: np.ndarray) -> np.ndarray:
        """Copy an array to between two margins."""
        assert array.size <= MARGIN
        whole = aligned_zeros((array.size + 2 * MARGIN,), array.dtype)
        size = array.size - (self._elements if name == self._spoiled else 0)
        whole[:] = sentinel_of(array)
        whole[MARGIN : MARGIN + size] = array.ravel()[:size]
        self._arrays.append((name, whole, size))
        return whole[MARGIN : MARGIN + array.size].reshape(array.shape)

    def make_scratch(self, *shape: Any) -> Scratch:
        """Make the scratch of a kernel, each part between margins."""
        self.calls += 1
        return Scratch(**{name: self.embed(name, part) for name, part in self._make_scratch(*shape)._asdict().items()})

    def findings(self) -> set[str]:
        """Return what has happened to the margins and the tables since the last call."""
        found = set()
        for name, whole, size in self._arrays:
            for side, margin in (("before", whole[:MARGIN]), ("after", whole[MARGIN + size :])):
                if not np.array_equal(margin, np.full_like(margin, sentinel_of(margin)), equal_nan=True):
                    found.add(f"written {side} {name}")
            if name.endswith("table") and not np.isfinite(whole[MARGIN : MARGIN + size]).all():
                found.add(f"read from outside into {name}")
        self._arrays.clear()
        return found


def sentinel_of(array: np.ndarray) -> float:
    if array.dtype == np.uint16:
        # The bits of a float16.
        return float(np.float16(np.nan).view(np.uint16))
    return np.nan if array.dtype.kind == "f" else NO_OFFSET


def train(
    margins: Margins,
    kind: str,
    dim: int,
    window: int,
    negatives: int,
    threads: int,
    dtype: Any = np.float32,
    rated: bool = False,
) -> set[str]:
    """Train and measure a block; return what the margins have found.

    Parameters
    ----------
    rated : whether rows have rates, which lie between margins too.
    """
    objective = objective_of(kind, WORDS)
    step_windows = 2 if kind == "skipgram ns" else 1
    sample = zipf_sample(700, WORDS, window, negatives, step_windows=step_windows)
    tables = random_tables(WORDS, dim, dtype)
    if kind.endswith("hs"):
        tables[1] = tables[1][: WORDS - 1]
    if rated:
        rates = (margins.embed("rates", np.ones(len(table), np.float32)) for table in tables)
        objective = replace(objective, rates=Rates(*rates))
    inner = [margins.embed(name, table) for name, table in zip(("input table", "output table"), tables, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "make_scratch", margins.make_scratch)
        # Fewer than there are words, so that some rows have a private copy and others do not.
        patch.setattr(compiled, "HOT_WORDS", 64)
        step = make_step("compiled", objective, threads=threads)
        step(sample, np.full(len(sample.kept_ids), 0.01), *inner)
        make_measure("compiled", objective)(sample, *inner)
    assert not all(np.array_equal(*pair) for pair in zip(tables, inner, strict=True))
    return margins.findings()


def test_the_kernels_see_no_arrays() -> None:
    # So numba, which can check the indices of arrays, has none to check in them, and margins are needed.
    kernels = [node for node in ast.parse(inspect.getsource(block)).body if is_kernel(node)]
    assert [kernel.name for kernel in kernels] == ["train_skipgram", "train_cbow", "train_paths"]
    for kernel in kernels:
        replaced, *rest = kernel.body[1:]
        groups = [argument.arg for argument in kernel.args.args if argument.arg != "flags"]
        assert ast.unparse(replaced).split(" = ")[1] == f"({', '.join(f'addresses({group})' for group in groups)})"
        later = {node.id for statement in rest for node in ast.walk(statement) if isinstance(node, ast.Name)}
        assert not later & set(groups)


def is_kernel(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and [ast.unparse(name) for name in node.decorator_list] == ["compiled"]


@pytest.mark.parametrize("kind", LOGISTIC)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("dim", "window", "negatives"), [(1, 1, 1), (33, 5, 5), (100, 12, 13), (16, 3, 300)])
def test_a_step_touches_its_tables_and_its_scratch_alone(
    kind: str, threads: int, dim: int, window: int, negatives: int
) -> None:
    margins = Margins()
    assert train(margins, kind, dim, window, negatives, threads) == set()
    assert train(margins, kind, dim, window, negatives, threads, np.float64) == set()
    if CONVERTS and window == 5:
        assert train(margins, kind, dim, window, negatives, threads, np.float16) == set()
    assert margins.calls == (6 if CONVERTS and window == 5 else 4)


@pytest.mark.parametrize("kind", LOGISTIC)
@pytest.mark.parametrize(("dim", "negatives"), [(33, 5), (16, 13)])
def test_rates_are_read_and_written_within_their_parts_alone(kind: str, dim: int, negatives: int) -> None:
    assert train(Margins(), kind, dim, 5, negatives, threads=2, rated=True) == set()


# For each kind of step, parts whose ends are written, and how far from its end the last written element is: the last
# numbers of a cell belong to no output.
WRITTEN = {
    "skipgram ns": {
        "input_offsets": 1,
        "output_offsets": 1,
        "uses": 1,
        "input_uses": 1,
        "labels": 2,
        "scores": 1,
        "errors": 1,
        "counts": 1,
    }
    | {"patterns": 2, "usual_patterns": 2, "terms": 1, "inputs": 1, "moves": 1},
    "cbow ns": {
        "output_offsets": 1,
        "uses": 1,
        "input_uses": 1,
        "hidden": 1,
        "hidden_step": 1,
        "labels": 3,
        "scores": 9,
        "errors": 1,
    }
    | {"counts": 11, "usual_counts": 11, "terms": 1},
    "skipgram hs": {"output_offsets": 1, "labels": 1, "terms": 1},
    "cbow hs": {"output_offsets": 1, "hidden": 1, "hidden_step": 1, "labels": 9, "terms": 1},
}


@pytest.mark.parametrize(
    ("kind", "part", "elements"),
    [(kind, part, elements) for kind, parts in WRITTEN.items() for part, elements in parts.items()],
)
def test_a_write_one_element_beyond_a_part_is_found(kind: str, part: str, elements: int) -> None:
    assert f"written after {part}" in train(Margins(part, elements), kind, 32, 5, 5, threads=2)


@pytest.mark.parametrize(
    ("kind", "part", "negatives"),
    [
        # Behind the private copies lies the row of padding, which a step reads that is not a whole tile.
        ("cbow ns", "copies", 4),
        # A step reads the private copy of a hot row before it writes it.
        ("cbow ns", "input_copies", 5),
        ("skipgram hs", "copies", 5),
        # The root is the last row of the output table.
        ("skipgram hs", "output table", 5),
        ("cbow hs", "output table", 5),
    ],
)
def test_a_read_one_element_beyond_a_part_is_found(kind: str, part: str, negatives: int) -> None:
    assert "read from outside into output table" in train(Margins(part, 1), kind, 32, 5, negatives, threads=2)
