"""Private copies of rows: of the hot rows, which many threads would write at once, and of frozen rows.

Threads that write the same rows wait for each other's cache lines. So each thread trains a copy of its own and now and
then merges it into the row: the row takes a share of what the copy has moved since the last merge, and the copy starts
again from there. Behind each copy lies the row as it was at that time; both begin as zeros.

A frozen row takes part in a step by a copy, which is moved in its place and then forgotten. So the step itself does not
know about freezing, and a frozen row is never written.
"""

from __future__ import annotations

import numpy as np

from w2v_cli.compute.jit import compiled, helper, inlined
from w2v_cli.compute.simd import LANES, addresses, broadcast, distance, load, multiply_add, store, subtract


@inlined
def locate_input(t, s, i, number):
    """Write input number i of a step: where its row begins, or a copy of it, and the rate of the row."""
    row = np.int64(number)
    offset = row * t.dim
    if t.rated is not None:
        s.input_rates[i] = t.input_rates[np.uint64(row)]
    if t.freezes is not None and t.frozen_inputs[np.uint64(row)]:
        offset = _copy_row(t.inputs, offset, s.kept_inputs, i * t.dim, t.dim)
    elif t.hot_inputs > 0:
        copies = distance(t.inputs, s.input_copies)
        offset = _use(t.inputs, row, row, copies, s.input_uses, t.hot_inputs, t.most_input_uses, 1.0, t.dim)
    s.input_offsets[i] = offset


@inlined
def locate_outputs(t, s, count):
    """Turn the first `count` rows of words in `output_offsets` into offsets: a hot row's copy, or zeros for padding.

    The rates of the rows are written beside them.
    """
    copies = distance(t.outputs, s.copies)
    padding = copies + 2 * t.hot * t.dim
    for j in range(count):
        row = s.output_offsets[j]
        offset = row * t.dim
        if t.rated is not None:
            s.output_rates[j] = t.output_rates[row] if row >= 0 else 0
        if t.freezes is not None and row >= 0 and t.frozen_outputs[row]:
            offset = _copy_row(t.outputs, offset, s.kept_outputs, j * t.dim, t.dim)
        elif t.hot > 0:
            # first_hot is 0 here, but with `row` instead of i, the compiler makes a branch of the choice in `_use`.
            i = row - t.first_hot
            offset = _use(t.outputs, row, i, copies, s.uses, t.hot, t.most_uses, t.share, t.dim)
        s.output_offsets[j] = offset if row >= 0 else padding


@inlined
def locate_node(t, s, j, node):
    """Write output number j of a step, which is a node or padding, and its rate. Its uses need not be counted."""
    offset = offset_of_node(t, s, node)
    if t.rated is not None:
        s.output_rates[j] = t.output_rates[node]
    if t.freezes is not None and t.frozen_outputs[node]:
        offset = _copy_row(t.outputs, node * t.dim, s.kept_outputs, j * t.dim, t.dim)
    s.output_offsets[j] = offset


@inlined
def offset_of_input(t, s, row):
    """Return where an input row begins, or its private copy if it is hot. No branch: it could not be predicted."""
    offset = row * t.dim
    if t.hot_inputs > 0:
        copy = distance(t.inputs, s.input_copies) + 2 * row * t.dim
        offset = copy if row < t.hot_inputs else offset
    return offset


@inlined
def offset_of_output(t, s, row):
    """Return where the output row of a word begins, or its private copy if it is hot, as `offset_of_input` does."""
    offset = row * t.dim
    if t.hot > 0:
        i = row - t.first_hot
        copy = distance(t.outputs, s.copies) + 2 * i * t.dim
        offset = copy if (i >= 0) & (i < t.hot) else offset
    return offset


@inlined
def offset_of_node(t, s, node):
    """Return where the row of a node begins, or its private copy if it is hot; zeros for padding."""
    i = node - t.first_hot
    return distance(t.outputs, s.copies) + 2 * i * t.dim if i >= 0 else node * t.dim


@inlined
def _use(table, row, i, copies, uses, hot, most_uses, share, dim):
    """Return where a row begins, or private copy number i if there is one, which is merged if it was used often.

    A branch on whether there is one could not be predicted, so the other rows count as uses of one more copy, which has
    uses without end. The offset is not taken from `offset_of_input`: that makes CBOW a seventh slower.
    """
    is_hot = (i >= 0) & (i < hot)
    copy, counted = copies + 2 * i * dim, i if is_hot else hot
    if uses[counted] <= 1:
        _merge(table, row * dim, copy, share, dim)
        uses[counted] = most_uses + 1
    uses[counted] -= 1
    return copy if is_hot else row * dim


@helper
def _copy_row(table, offset, copies, start, dim):
    """Copy a row of a table; return the offset of the copy as seen from the table."""
    for k in range(0, dim, LANES):
        store(copies, start + k, load(table, offset + k))
    return distance(table, copies) + start


@compiled
def merge_nodes(tables, scratch):
    """Merge the copies of all hot nodes."""
    t, s = addresses(tables), addresses(scratch)
    if t.is_tree:
        for node in range(t.first_hot, t.first_hot + t.hot):
            if t.freezes is None or not t.frozen_outputs[node]:
                _merge(t.outputs, node * t.dim, offset_of_node(t, s, node), t.share, t.dim)


@compiled
def merge_words(tables, scratch):
    """Merge every copy of a word's row that has been used, and forget that it was: other threads may train next."""
    t, s = addresses(tables), addresses(scratch)
    if not t.is_tree:
        for row in range(t.hot):
            if s.uses[row] > 0:
                _merge(t.outputs, row * t.dim, offset_of_output(t, s, row), t.share, t.dim)
                s.uses[row] = 0
    for row in range(t.hot_inputs):
        if s.input_uses[row] > 0:
            _merge(t.inputs, row * t.dim, offset_of_input(t, s, row), 1.0, t.dim)
            s.input_uses[row] = 0


@helper
def _merge(table, offset, copy, share, dim):
    """Merge a copy into the row at an offset."""
    part = broadcast(table, share)
    for k in range(0, dim, LANES):
        moved = subtract(load(table, copy + k), load(table, copy + dim + k))
        row = multiply_add(part, moved, load(table, offset + k))
        store(table, offset + k, row)
        store(table, copy + k, row)
        store(table, copy + dim + k, row)
