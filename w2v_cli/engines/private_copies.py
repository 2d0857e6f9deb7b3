"""Private copies of rows: of the hot output rows, which many threads would write at once, and of frozen rows.

Threads that write the same rows wait for each other's cache lines. So each thread trains a copy of its own and now and
then merges it into the row: the row takes a share of what the copy has moved since the last merge, and the copy starts
again from there. Behind each copy lies the row as it was at that time; both begin as zeros.

A frozen row takes part in a step by a copy, which is moved in its place and then forgotten. So the step itself does not
know about freezing, and a frozen row is never written.
"""

from __future__ import annotations

from w2v_cli.compute.jit import helper, inlined
from w2v_cli.compute.simd import LANES, broadcast, distance, load, multiply_add, store, subtract


@inlined
def locate_outputs(t, s, count):
    """Turn the first `count` row numbers in `output_offsets` into offsets: a hot row's copy, or zeros for padding.

    The rates of the rows are written beside them.
    """
    padding = distance(t.outputs, s.copies)
    for j in range(count):
        row = s.output_offsets[j]
        if t.rated is not None:
            s.output_rates[j] = t.output_rates[row] if row >= 0 else 0
        i, offset = row - t.first_hot, row * t.dim
        if t.freezes is not None and row >= 0 and t.frozen_outputs[row]:
            offset = _copy_row(t.outputs, offset, s.kept_outputs, j * t.dim, t.dim)
        elif 0 <= i < t.hot:
            copy = padding + (1 + 2 * i) * t.dim
            if s.uses[i] <= 1:
                _merge(t, offset, copy)
                s.uses[i] = t.most_uses + 1
            s.uses[i] -= 1
            offset = copy
        s.output_offsets[j] = offset if row >= 0 else padding


@inlined
def replace_frozen_inputs(t, s, count):
    """Let the first `count` offsets in `input_offsets` be those of copies where rows are frozen."""
    if t.freezes is not None:
        for i in range(count):
            offset = s.input_offsets[i]
            if t.frozen_inputs[offset // t.dim]:
                s.input_offsets[i] = _copy_row(t.inputs, offset, s.kept_inputs, i * t.dim, t.dim)


@helper
def _copy_row(table, offset, copies, start, dim):
    """Copy a row of a table; return the offset of the copy as seen from the table."""
    for k in range(0, dim, LANES):
        store(copies, start + k, load(table, offset + k))
    return distance(table, copies) + start


@inlined
def merge_all(t, s):
    """Merge every copy that has been used, and forget that it was, so that the next block begins as the first one."""
    copies = distance(t.outputs, s.copies) + t.dim
    for i in range(t.hot):
        if s.uses[i] > 0:
            _merge(t, (t.first_hot + i) * t.dim, copies + 2 * i * t.dim)
            s.uses[i] = 0


@helper
def _merge(t, offset, copy):
    """Merge a copy into the row at an offset."""
    share = broadcast(t.outputs, t.share)
    for k in range(0, t.dim, LANES):
        moved = subtract(load(t.outputs, copy + k), load(t.outputs, copy + t.dim + k))
        row = multiply_add(share, moved, load(t.outputs, offset + k))
        store(t.outputs, offset + k, row)
        store(t.outputs, copy + k, row)
        store(t.outputs, copy + t.dim + k, row)
