"""Tables of float16: both engines round to the format's precision, and whatever reads a table knows how."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_engines import LOGISTIC, needs_numba, objective_of, random_tables, zipf_sample
from test_subword_block import objective_of as objective_of_parts
from test_subword_block import tables_of

from w2v_cli.compute import half
from w2v_cli.engines.choose import make_measure, make_step, resolve_engine
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.parameters import Parameters, initial_parameters
from w2v_cli.engines.sampling import Sample
from w2v_cli.errors import ConfigError

converts = pytest.mark.skipif(needs_numba.args[0] or not half.CONVERTS, reason="compiled code knows no float16 here")
# Half the distance of two numbers of float16 is at most this share of them.
ROUNDING = 2.0**-11


def results(objective: Objective, sample: Sample, tables: list[np.ndarray]) -> dict[str, Any]:
    """Train a block with each engine, in float16, and with the reference engine in float32; measure its loss."""
    found = {}
    runs = {"exact": ("reference", "f4"), "reference": ("reference", "f2"), "ours": ("compiled", "f2")}
    for name, (engine, dtype) in runs.items():
        own = [table.astype(np.float16).astype(dtype) for table in tables]
        loss = make_step(engine, objective)(sample, np.full(len(sample.kept_ids), 0.02), *own)
        measured = make_measure(engine, objective)(sample, *own)
        assert [table.dtype for table in own] == [dtype, dtype]
        found[name] = [*(table.astype(np.float64) for table in own), np.array([*loss, *measured])]
    return found


def assert_near(found: dict[str, Any], tables: list[np.ndarray], roundings: int = 16) -> None:
    """Assert that the engines differ by some of the roundings of hundreds of steps, which move rows much further."""
    for i, start in enumerate(tables):
        largest = np.abs(found["exact"][i]).max()
        moved = np.abs(found["exact"][i] - start).max()
        assert np.abs(found["ours"][i] - found["reference"][i]).max() < min(roundings * ROUNDING * largest, moved / 2)
        assert 0 < np.abs(found["ours"][i] - found["exact"][i]).max() < 64 * ROUNDING * largest
    assert found["ours"][2] == pytest.approx(found["reference"][2], rel=1e-3)


@converts
@pytest.mark.parametrize("kind", LOGISTIC)
def test_both_engines_agree_to_the_precision_of_float16(kind: str) -> None:
    tables = random_tables(300, 33, np.float32)
    if kind.endswith("hs"):
        tables[1] = tables[1][:299]
    sample = zipf_sample(700, 300, 5, 13, step_windows=2 if kind == "skipgram ns" else 1)
    assert_near(results(objective_of(kind, 300), sample, tables), tables)


@converts
@pytest.mark.parametrize("kind", ["skipgram subwords ns", "cbow scaled subwords hs"])
def test_both_engines_agree_about_parts_of_words(kind: str) -> None:
    objective = objective_of_parts(kind)
    sample = zipf_sample(300, 60, 5, 5 if objective.paths is None else 0)
    tables = tables_of(objective, np.float32)
    # In skip-gram, compiled code moves the rows of a word once for many windows, so it rounds them less often.
    assert_near(results(objective, sample, tables), tables, 40)


@converts
@pytest.mark.parametrize("kind", ["skipgram ns", "cbow ns", "skipgram hs"])
def test_steps_of_length_0_change_no_bit(kind: str) -> None:
    # Private copies are merged at the end of the block.
    tables = [table.astype(np.float16) for table in random_tables(300, 48, np.float32)]
    before = [table.copy() for table in tables]
    sample = zipf_sample(300, 300)
    make_step("compiled", objective_of(kind, 300), threads=2)(sample, np.zeros(len(sample.kept_ids)), *tables)
    for table, old in zip(tables, before, strict=True):
        np.testing.assert_array_equal(table, old)


def test_float16_begins_with_the_numbers_of_float32_rounded() -> None:
    exact, rounded = (initial_parameters(50, 20, 1, dtype=dtype) for dtype in ("float32", "float16"))
    np.testing.assert_array_equal(rounded.input_vectors, exact.input_vectors.astype(np.float16))
    assert rounded.nbytes == exact.nbytes // 2


def test_a_large_sum_of_float16_is_finite_and_an_infinite_number_is_not() -> None:
    table = np.full((400, 400), 1000, np.float16)
    assert Parameters(table, table, 400).finite()
    table[3, 4] = np.inf
    assert not Parameters(table, table[:2], 400).finite()


def test_a_processor_without_float16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if needs_numba.args[0]:
        pytest.skip("nothing is compiled here")
    monkeypatch.setattr(half, "CONVERTS", False)
    with pytest.raises(ConfigError, match="--table float16 needs a processor"):
        resolve_engine("auto", "float16")
    assert resolve_engine("auto") == "compiled"
    assert resolve_engine("reference", "float16") == "reference"
