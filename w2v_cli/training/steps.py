"""The training step, compiled: one primitive for every objective made of logistic scores.

n input rows against m output rows, which are the target and its noise (negative sampling) or the nodes of a path
(hierarchical softmax): `logistic_step`, and `pooled_step` for the one hidden vector of CBOW. Ji et al. 2016,
"Parallelizing Word2Vec in Shared and Distributed Memory", for the step as a matrix product.

Tables and scratch are addresses, flat; a row is named by the offset of its first element. Every function takes float32
(what ships) and float64 (what the gradient check runs).
"""

from __future__ import annotations

from w2v_cli.jit import compiled
from w2v_cli.simd import (
    LANES,
    TOTALS,
    add,
    constant,
    divide,
    exp,
    load,
    log1p,
    magnitude,
    multiply,
    multiply_add,
    spread,
    store,
    store_totals,
    subtract,
)

# Two input rows by six output rows: twelve sums, two inputs and one output fill the registers of AVX2.
PAIR = 2
TILE = 6
# Scores of a pair with a tile lie together: six and two idle ones for the first input, then for the second.
CELL = PAIR * TOTALS


@compiled(forceinline=True)
def _score_pair(  # type: ignore[no-untyped-def]
    i, j, copies_inputs, copies_outputs, m, dim, input_table, a, b, output_rows, r0, r1, r2, r3, r4, r5, stride,
    inputs, outputs, scores,
):  # fmt: skip
    """The cell of S = I·Oᵀ for one pair of inputs, rows a and b, and TILE outputs, which may have been copied already.

    What is to be copied into scratch is copied by the way: interleaved, the first LANES numbers of every row of a pair
    or tile, their next LANES numbers, …
    """
    s0 = s1 = s2 = s3 = s4 = s5 = constant(inputs, 0)
    t0 = t1 = t2 = t3 = t4 = t5 = constant(inputs, 0)
    x_place, o_place, q = i * dim, j * dim, 0
    for k in range(0, dim, LANES):
        x, y = load(input_table, a + k), load(input_table, b + k)
        o0, o1, o2 = load(output_rows, r0 + q), load(output_rows, r1 + q), load(output_rows, r2 + q)
        o3, o4, o5 = load(output_rows, r3 + q), load(output_rows, r4 + q), load(output_rows, r5 + q)
        if copies_inputs:
            store(inputs, x_place, x)
            store(inputs, x_place + LANES, y)
        if copies_outputs:
            store(outputs, o_place, o0)
            store(outputs, o_place + LANES, o1)
            store(outputs, o_place + 2 * LANES, o2)
            store(outputs, o_place + 3 * LANES, o3)
            store(outputs, o_place + 4 * LANES, o4)
            store(outputs, o_place + 5 * LANES, o5)
        s0, t0 = multiply_add(x, o0, s0), multiply_add(y, o0, t0)
        s1, t1 = multiply_add(x, o1, s1), multiply_add(y, o1, t1)
        s2, t2 = multiply_add(x, o2, s2), multiply_add(y, o2, t2)
        s3, t3 = multiply_add(x, o3, s3), multiply_add(y, o3, t3)
        s4, t4 = multiply_add(x, o4, s4), multiply_add(y, o4, t4)
        s5, t5 = multiply_add(x, o5, s5), multiply_add(y, o5, t5)
        x_place += PAIR * LANES
        o_place += TILE * LANES
        q += stride
    cell = i // PAIR * (m // TILE * CELL) + j // TILE * CELL
    store_totals(scores, cell, s0, s1, s2, s3, s4, s5)
    store_totals(scores, cell + TOTALS, t0, t1, t2, t3, t4, t5)


@compiled(forceinline=True)
def _score_tile(  # type: ignore[no-untyped-def]
    j, copies_inputs, n, m, dim, input_table, input_offsets, output_table, output_offsets, inputs, outputs, scores
):
    """S = I·Oᵀ for TILE outputs: the first pair finds them in the table, the others in scratch."""
    r0, r1, r2 = output_offsets[j], output_offsets[j + 1], output_offsets[j + 2]
    r3, r4, r5 = output_offsets[j + 3], output_offsets[j + 4], output_offsets[j + 5]
    _score_pair(
        0, j, copies_inputs, True, m, dim, input_table, input_offsets[0], input_offsets[1], output_table, r0, r1, r2,
        r3, r4, r5, LANES, inputs, outputs, scores,
    )  # fmt: skip
    o = j * dim
    for i in range(PAIR, n, PAIR):
        _score_pair(
            i, j, copies_inputs, False, m, dim, input_table, input_offsets[i], input_offsets[i + 1], outputs, o,
            o + LANES, o + 2 * LANES, o + 3 * LANES, o + 4 * LANES, o + 5 * LANES, TILE * LANES, inputs, outputs,
            scores,
        )  # fmt: skip


@compiled(forceinline=True)
def _errors(n, m, scores, labels, scales):  # type: ignore[no-untyped-def]
    """S becomes G = scale·(Y − σ(S)), that is −alpha·∂loss/∂S."""
    one = constant(scores, 1)
    width = m // TILE * CELL
    for row in range(0, n // PAIR * width, width):
        for c in range(0, width, LANES):
            s = load(scores, row + c)
            sigma = divide(one, add(one, exp(subtract(constant(scores, 0), s))))
            store(scores, row + c, multiply(load(scales, c), subtract(load(labels, c), sigma)))


@compiled(forceinline=True)
def _loss(count, m, scores, labels, scales, terms):  # type: ignore[no-untyped-def]
    """Σ −log σ(±S) over the outputs that count, in nats, tallied in float64.

    −log σ(s) = ½(|s| − s) + log(1 + e^−|s|), here twice that
    """
    width = m // TILE * CELL
    zero, two = constant(scores, 0), constant(scores, 2)
    twice = 0.0
    for i in range(0, count, PAIR):
        for c in range(0, width, LANES):
            sign = subtract(multiply(two, load(labels, c)), constant(scores, 1))
            s = multiply(sign, load(scores, i // PAIR * width + c))
            size = magnitude(s)
            logarithm = log1p(exp(subtract(zero, size)))
            store(terms, c, multiply_add(two, logarithm, subtract(size, s)))
        # The twin of an odd row out is no input.
        inputs = min(PAIR, count - i)
        for c in range(0, width, CELL):
            for j in range(c, c + inputs * TOTALS):
                if scales[j] != 0:
                    twice += terms[j]
    return 0.5 * twice


@compiled(forceinline=True)
def _update(  # type: ignore[no-untyped-def]
    input_table, input_offsets, output_table, output_offsets, n, m, dim, inputs, outputs, scores
):
    """I += G·O and O += Gᵀ·I: products of the rows in scratch, added to the rows in the tables."""
    width = m // TILE * CELL
    for j in range(0, m, TILE):
        r0, r1, r2 = output_offsets[j], output_offsets[j + 1], output_offsets[j + 2]
        r3, r4, r5 = output_offsets[j + 3], output_offsets[j + 4], output_offsets[j + 5]
        for i in range(0, n, PAIR):
            a, b = input_offsets[i], input_offsets[i + 1]
            g = i // PAIR * width + j // TILE * CELL
            h = g + TOTALS
            g0, g1, g2 = spread(scores, g), spread(scores, g + 1), spread(scores, g + 2)
            g3, g4, g5 = spread(scores, g + 3), spread(scores, g + 4), spread(scores, g + 5)
            h0, h1, h2 = spread(scores, h), spread(scores, h + 1), spread(scores, h + 2)
            h3, h4, h5 = spread(scores, h + 3), spread(scores, h + 4), spread(scores, h + 5)
            x_place, o_place = i * dim, j * dim
            for k in range(0, dim, LANES):
                x, y = load(inputs, x_place), load(inputs, x_place + LANES)
                o = load(outputs, o_place)
                d, e = multiply_add(g0, o, constant(inputs, 0)), multiply_add(h0, o, constant(inputs, 0))
                store(output_table, r0 + k, multiply_add(g0, x, multiply_add(h0, y, load(output_table, r0 + k))))
                o = load(outputs, o_place + LANES)
                d, e = multiply_add(g1, o, d), multiply_add(h1, o, e)
                store(output_table, r1 + k, multiply_add(g1, x, multiply_add(h1, y, load(output_table, r1 + k))))
                o = load(outputs, o_place + 2 * LANES)
                d, e = multiply_add(g2, o, d), multiply_add(h2, o, e)
                store(output_table, r2 + k, multiply_add(g2, x, multiply_add(h2, y, load(output_table, r2 + k))))
                o = load(outputs, o_place + 3 * LANES)
                d, e = multiply_add(g3, o, d), multiply_add(h3, o, e)
                store(output_table, r3 + k, multiply_add(g3, x, multiply_add(h3, y, load(output_table, r3 + k))))
                o = load(outputs, o_place + 4 * LANES)
                d, e = multiply_add(g4, o, d), multiply_add(h4, o, e)
                store(output_table, r4 + k, multiply_add(g4, x, multiply_add(h4, y, load(output_table, r4 + k))))
                o = load(outputs, o_place + 5 * LANES)
                d, e = multiply_add(g5, o, d), multiply_add(h5, o, e)
                store(output_table, r5 + k, multiply_add(g5, x, multiply_add(h5, y, load(output_table, r5 + k))))
                store(input_table, a + k, add(load(input_table, a + k), d))
                store(input_table, b + k, add(load(input_table, b + k), e))
                x_place += PAIR * LANES
                o_place += TILE * LANES


@compiled(forceinline=True)
def logistic_step(  # type: ignore[no-untyped-def]
    input_table,
    input_offsets,
    count,
    output_table,
    output_offsets,
    labels,
    scales,
    m,
    dim,
    inputs,
    outputs,
    scores,
    terms,
    wants_loss,
):
    """One step on `count` input rows against m output rows; returns the loss before it, in nats, if wanted.

        S = I·Oᵀ      G = σ(S) − Y      I −= alpha·G·O      O −= alpha·Gᵀ·I

    Both products are of the rows before the step, and rows that occur more than once take every one of
    their gradients. `labels` is Y's one row and `scales` alpha, or 0 for an output that does not count: both
    laid out as the cells of one pair (`set_output`). m is a multiple of TILE, filled up with outputs that do
    not count.
    """
    n = (count + 1) // PAIR * PAIR
    if n > count:
        # An odd row out is paired with itself, and its twin has no gradient.
        input_offsets[count] = input_offsets[count - 1]
    _score_tile(
        0, True, n, m, dim, input_table, input_offsets, output_table, output_offsets, inputs, outputs, scores
    )  # fmt: skip
    for j in range(TILE, m, TILE):
        _score_tile(
            j, False, n, m, dim, input_table, input_offsets, output_table, output_offsets, inputs, outputs, scores
        )
    loss = _loss(count, m, scores, labels, scales, terms) if wants_loss else 0.0
    _errors(n, m, scores, labels, scales)
    if n > count:
        width = m // TILE * CELL
        for twin in range(n // PAIR * width - width + TOTALS, n // PAIR * width, CELL):
            for j in range(twin, twin + TOTALS):
                scores[j] = 0
    _update(input_table, input_offsets, output_table, output_offsets, n, m, dim, inputs, outputs, scores)
    return loss


@compiled(forceinline=True)
def _score_one(m, dim, hidden, output_table, output_offsets, scores):  # type: ignore[no-untyped-def]
    """S = h·Oᵀ of one hidden vector, from the tables."""
    for j in range(0, m, TILE):
        r0, r1, r2 = output_offsets[j], output_offsets[j + 1], output_offsets[j + 2]
        r3, r4, r5 = output_offsets[j + 3], output_offsets[j + 4], output_offsets[j + 5]
        s0 = s1 = s2 = s3 = s4 = s5 = constant(hidden, 0)
        for k in range(0, dim, LANES):
            h = load(hidden, k)
            s0 = multiply_add(h, load(output_table, r0 + k), s0)
            s1 = multiply_add(h, load(output_table, r1 + k), s1)
            s2 = multiply_add(h, load(output_table, r2 + k), s2)
            s3 = multiply_add(h, load(output_table, r3 + k), s3)
            s4 = multiply_add(h, load(output_table, r4 + k), s4)
            s5 = multiply_add(h, load(output_table, r5 + k), s5)
        store_totals(scores, j // TILE * CELL, s0, s1, s2, s3, s4, s5)


@compiled(forceinline=True)
def _update_one(m, dim, hidden, hidden_sums, output_table, output_offsets, scores):  # type: ignore[no-untyped-def]
    """sums += G·O, and then O += Gᵀ·h: all of the first before any of the second, for rows that repeat."""
    for j in range(0, m, TILE):
        r0, r1, r2 = output_offsets[j], output_offsets[j + 1], output_offsets[j + 2]
        r3, r4, r5 = output_offsets[j + 3], output_offsets[j + 4], output_offsets[j + 5]
        g = j // TILE * CELL
        g0, g1, g2 = spread(scores, g), spread(scores, g + 1), spread(scores, g + 2)
        g3, g4, g5 = spread(scores, g + 3), spread(scores, g + 4), spread(scores, g + 5)
        for k in range(0, dim, LANES):
            d = multiply_add(g0, load(output_table, r0 + k), load(hidden_sums, k))
            d = multiply_add(g1, load(output_table, r1 + k), d)
            d = multiply_add(g2, load(output_table, r2 + k), d)
            e = multiply(g3, load(output_table, r3 + k))
            e = multiply_add(g4, load(output_table, r4 + k), e)
            e = multiply_add(g5, load(output_table, r5 + k), e)
            store(hidden_sums, k, add(d, e))
    for j in range(m):
        g0, row = spread(scores, j // TILE * CELL + j % TILE), output_offsets[j]
        for k in range(0, dim, LANES):
            store(output_table, row + k, multiply_add(g0, load(hidden, k), load(output_table, row + k)))


@compiled(forceinline=True)
def pooled_step(  # type: ignore[no-untyped-def]
    hidden, hidden_sums, output_table, output_offsets, labels, scales, m, dim, scores, terms, wants_loss
):
    """`logistic_step` of one hidden vector, which is no row of a table: half the work, and no copies."""
    _score_one(m, dim, hidden, output_table, output_offsets, scores)
    loss = _loss(1, m, scores, labels, scales, terms) if wants_loss else 0.0
    _errors(PAIR, m, scores, labels, scales)
    _update_one(m, dim, hidden, hidden_sums, output_table, output_offsets, scores)
    return loss


@compiled(forceinline=True)
def set_output(j, label, scale, labels, scales):  # type: ignore[no-untyped-def]
    """Label and scale of output j, for both inputs of a pair."""
    place = j // TILE * CELL + j % TILE
    labels[place] = labels[place + TOTALS] = label
    scales[place] = scales[place + TOTALS] = scale
