"""The training step, compiled: one primitive for every objective made of logistic scores.

n input rows against m output rows, which are the target and its noise (negative sampling) or the nodes of a path
(hierarchical softmax): `logistic_errors` and `logistic_update`, or `pooled_errors` and `pooled_update` for the one
hidden vector of CBOW. The processor waits for σ between the two: whatever does not need it belongs there. Ji et al.
2016, "Parallelizing Word2Vec in Shared and Distributed Memory", for the step as a matrix product.

Tables and scratch are addresses, flat; a row is named by the offset of its first element. Every function takes float32
(what ships) and float64 (what the gradient check runs).
"""

from __future__ import annotations

from w2v_cli.compute.jit import inlined
from w2v_cli.compute.simd import (
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

# Two input rows by seven output rows, as many as two windows with five noise words have: fourteen sums and two inputs
# fill the registers of AVX2.
PAIR = 2
TILE = 7
# One hidden vector by six output rows, as many as a window with five noise words has.
POOLED_TILE = 6
# Scores of a pair with a tile lie together: seven and an idle one for the first input, then for the second.
CELL = PAIR * TOTALS


@inlined
def _score_pair(  # type: ignore[no-untyped-def]
    i, copies, dim, input_table, a, b, output_table, r0, r1, r2, r3, r4, r5, r6, inputs, scores, cell
):
    """The cell of S = I·Oᵀ for one pair of inputs, rows a and b, and TILE outputs.

    The inputs may be copied into scratch by the way: interleaved, LANES numbers of the one, LANES of the other, …
    """
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = constant(inputs, 0)
    t0 = t1 = t2 = t3 = t4 = t5 = t6 = constant(inputs, 0)
    place = i * dim
    for k in range(0, dim, LANES):
        x, y = load(input_table, a + k), load(input_table, b + k)
        if copies:
            store(inputs, place, x)
            store(inputs, place + LANES, y)
            place += PAIR * LANES
        o = load(output_table, r0 + k)
        s0, t0 = multiply_add(x, o, s0), multiply_add(y, o, t0)
        o = load(output_table, r1 + k)
        s1, t1 = multiply_add(x, o, s1), multiply_add(y, o, t1)
        o = load(output_table, r2 + k)
        s2, t2 = multiply_add(x, o, s2), multiply_add(y, o, t2)
        o = load(output_table, r3 + k)
        s3, t3 = multiply_add(x, o, s3), multiply_add(y, o, t3)
        o = load(output_table, r4 + k)
        s4, t4 = multiply_add(x, o, s4), multiply_add(y, o, t4)
        o = load(output_table, r5 + k)
        s5, t5 = multiply_add(x, o, s5), multiply_add(y, o, t5)
        o = load(output_table, r6 + k)
        s6, t6 = multiply_add(x, o, s6), multiply_add(y, o, t6)
    store_totals(scores, cell, s0, s1, s2, s3, s4, s5, s6)
    store_totals(scores, cell + TOTALS, t0, t1, t2, t3, t4, t5, t6)


@inlined
def _score(  # type: ignore[no-untyped-def]
    n, tiles, dim, input_table, input_offsets, output_table, output_offsets, inputs, scores
):
    """S = I·Oᵀ from the tables; the inputs are copied into scratch."""
    for tile in range(tiles):
        j = tile * TILE
        r0, r1, r2, r3 = output_offsets[j], output_offsets[j + 1], output_offsets[j + 2], output_offsets[j + 3]
        r4, r5, r6 = output_offsets[j + 4], output_offsets[j + 5], output_offsets[j + 6]
        for i in range(0, n, PAIR):
            _score_pair(
                i, tile == 0, dim, input_table, input_offsets[i], input_offsets[i + 1], output_table, r0, r1, r2, r3,
                r4, r5, r6, inputs, scores, (i // PAIR * tiles + tile) * CELL,
            )  # fmt: skip


@inlined
def _errors(n, tiles, alpha, labels, counts, stride, scores):  # type: ignore[no-untyped-def]
    """S becomes G = alpha·c·(Y − σ(S)), that is −alpha·∂loss/∂S."""
    one, width = constant(scores, 1), tiles * CELL
    rate = spread(alpha, 0)
    for pair in range(n // PAIR):
        for c in range(0, width, LANES):
            s = load(scores, pair * width + c)
            sigma = divide(one, add(one, exp(subtract(constant(scores, 0), s))))
            count = multiply(rate, load(counts, pair * stride + c))
            store(scores, pair * width + c, multiply(count, subtract(load(labels, c), sigma)))


@inlined
def _loss(count, tiles, labels, counts, stride, scores, terms):  # type: ignore[no-untyped-def]
    """Σ −c·log σ(±S) over the first `count` inputs, in nats, tallied in float64.

    −log σ(s) = ½(|s| − s) + log(1 + e^−|s|), here twice that
    """
    width = tiles * CELL
    zero, two = constant(scores, 0), constant(scores, 2)
    twice = 0.0
    for i in range(0, count, PAIR):
        row = i // PAIR * stride
        for c in range(0, width, LANES):
            sign = subtract(multiply(two, load(labels, c)), constant(scores, 1))
            s = multiply(sign, load(scores, i // PAIR * width + c))
            size = magnitude(s)
            logarithm = log1p(exp(subtract(zero, size)))
            store(terms, c, multiply(load(counts, row + c), multiply_add(two, logarithm, subtract(size, s))))
        # The twin of an odd row out is no input.
        inputs = min(PAIR, count - i)
        for c in range(0, width, CELL):
            for j in range(c, c + inputs * TOTALS):
                twice += terms[j]
    return 0.5 * twice


@inlined
def logistic_errors(  # type: ignore[no-untyped-def]
    input_table, input_offsets, count, output_table, output_offsets, labels, counts, stride, alpha, tiles, dim, inputs,
    scores, terms, wants_loss,
):  # fmt: skip
    """The first half of a step on `count` input rows against the outputs of so many tiles: G, for `logistic_update`.

        S = I·Oᵀ      G = alpha·c ⊙ (Y − σ(S))

    `labels` is Y's one row, laid out as the cells of one pair (`layout`); `counts` is c, how often an output counts
    for an input, of which a pair's cells begin `stride` further on than those of the pair before. Left for the other
    half: G in `scores`, a copy of I in `inputs`, and the twin of an odd row out. Returns the loss before the step, in
    nats, if wanted.
    """
    n = (count + 1) // PAIR * PAIR
    if n > count:
        # An odd row out is paired with itself, and its twin has no gradient.
        input_offsets[count] = input_offsets[count - 1]
    _score(n, tiles, dim, input_table, input_offsets, output_table, output_offsets, inputs, scores)
    loss = _loss(count, tiles, labels, counts, stride, scores, terms) if wants_loss else 0.0
    _errors(n, tiles, alpha, labels, counts, stride, scores)
    if n > count:
        width = tiles * CELL
        for twin in range(n // PAIR * width - width + TOTALS, n // PAIR * width, CELL):
            for j in range(twin, twin + TOTALS):
                scores[j] = 0
    return loss


@inlined
def logistic_update(  # type: ignore[no-untyped-def]
    count, tiles, distinct, dim, input_table, input_offsets, output_table, output_offsets, inputs, scores, moves
):
    """The second half of the step that `logistic_errors` begins: I += G·O and O += Gᵀ·I, LANES columns at a time.

    Both products are of the rows before the step, and rows that occur more than once take every one of their gradients.
    Inputs are read from scratch, as rows may be there more than once; outputs that may, all before any is written.
    `distinct` outputs are those of which no row is there twice, but for idle ones, which do not move.
    """
    n = (count + 1) // PAIR * PAIR
    for k in range(0, dim, LANES):
        for tile in range(tiles):
            j = tile * TILE
            o0, o1 = load(output_table, output_offsets[j] + k), load(output_table, output_offsets[j + 1] + k)
            o2, o3 = load(output_table, output_offsets[j + 2] + k), load(output_table, output_offsets[j + 3] + k)
            o4, o5 = load(output_table, output_offsets[j + 4] + k), load(output_table, output_offsets[j + 5] + k)
            o6 = load(output_table, output_offsets[j + 6] + k)
            p0 = p1 = p2 = p3 = p4 = p5 = p6 = constant(inputs, 0)
            g, place = tile * CELL, PAIR * k
            for i in range(0, n, PAIR):
                x, y = load(inputs, place), load(inputs, place + LANES)
                h = g + TOTALS
                e, f = spread(scores, g), spread(scores, h)
                p0 = multiply_add(e, x, multiply_add(f, y, p0))
                d, c = multiply(e, o0), multiply(f, o0)
                e, f = spread(scores, g + 1), spread(scores, h + 1)
                p1 = multiply_add(e, x, multiply_add(f, y, p1))
                d, c = multiply_add(e, o1, d), multiply_add(f, o1, c)
                e, f = spread(scores, g + 2), spread(scores, h + 2)
                p2 = multiply_add(e, x, multiply_add(f, y, p2))
                d, c = multiply_add(e, o2, d), multiply_add(f, o2, c)
                e, f = spread(scores, g + 3), spread(scores, h + 3)
                p3 = multiply_add(e, x, multiply_add(f, y, p3))
                d, c = multiply_add(e, o3, d), multiply_add(f, o3, c)
                e, f = spread(scores, g + 4), spread(scores, h + 4)
                p4 = multiply_add(e, x, multiply_add(f, y, p4))
                d, c = multiply_add(e, o4, d), multiply_add(f, o4, c)
                e, f = spread(scores, g + 5), spread(scores, h + 5)
                p5 = multiply_add(e, x, multiply_add(f, y, p5))
                d, c = multiply_add(e, o5, d), multiply_add(f, o5, c)
                e, f = spread(scores, g + 6), spread(scores, h + 6)
                p6 = multiply_add(e, x, multiply_add(f, y, p6))
                d, c = multiply_add(e, o6, d), multiply_add(f, o6, c)
                a, b = input_offsets[i] + k, input_offsets[i + 1] + k
                store(input_table, a, add(load(input_table, a), d))
                store(input_table, b, add(load(input_table, b), c))
                g += tiles * CELL
                place += PAIR * dim
            if distinct:
                store(output_table, output_offsets[j] + k, add(o0, p0))
                store(output_table, output_offsets[j + 1] + k, add(o1, p1))
                store(output_table, output_offsets[j + 2] + k, add(o2, p2))
                store(output_table, output_offsets[j + 3] + k, add(o3, p3))
                store(output_table, output_offsets[j + 4] + k, add(o4, p4))
                store(output_table, output_offsets[j + 5] + k, add(o5, p5))
                store(output_table, output_offsets[j + 6] + k, add(o6, p6))
            else:
                q = j * LANES
                store(moves, q + 0 * LANES, p0)
                store(moves, q + 1 * LANES, p1)
                store(moves, q + 2 * LANES, p2)
                store(moves, q + 3 * LANES, p3)
                store(moves, q + 4 * LANES, p4)
                store(moves, q + 5 * LANES, p5)
                store(moves, q + 6 * LANES, p6)
        if not distinct:
            for j in range(tiles * TILE):
                r = output_offsets[j] + k
                store(output_table, r, add(load(output_table, r), load(moves, j * LANES)))


@inlined
def _score_one(tiles, dim, hidden, output_table, output_offsets, scores):  # type: ignore[no-untyped-def]
    """S = h·Oᵀ of one hidden vector, from the tables."""
    for j in range(0, tiles * POOLED_TILE, POOLED_TILE):
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
        store_totals(scores, j // POOLED_TILE * CELL, s0, s1, s2, s3, s4, s5, constant(hidden, 0))


@inlined
def pooled_errors(  # type: ignore[no-untyped-def]
    hidden, output_table, output_offsets, labels, counts, alpha, tiles, dim, scores, terms, wants_loss
):
    """`logistic_errors` of one hidden vector, which is no row of a table: half the work, and no copies.

    There is no second input of a pair: its counts are 0, as the scratch begins.
    """
    _score_one(tiles, dim, hidden, output_table, output_offsets, scores)
    loss = _loss(1, tiles, labels, counts, 0, scores, terms) if wants_loss else 0.0
    _errors(PAIR, tiles, alpha, labels, counts, 0, scores)
    return loss


@inlined
def pooled_update(  # type: ignore[no-untyped-def]
    tiles, distinct, dim, hidden, hidden_sums, output_table, output_offsets, scores
):
    """The second half: sums = G·O and O += Gᵀ·h; rows that are not `distinct` are written when all have been read."""
    for j in range(0, tiles * POOLED_TILE, POOLED_TILE):
        r0, r1, r2 = output_offsets[j], output_offsets[j + 1], output_offsets[j + 2]
        r3, r4, r5 = output_offsets[j + 3], output_offsets[j + 4], output_offsets[j + 5]
        g = j // POOLED_TILE * CELL
        g0, g1, g2 = spread(scores, g), spread(scores, g + 1), spread(scores, g + 2)
        g3, g4, g5 = spread(scores, g + 3), spread(scores, g + 4), spread(scores, g + 5)
        for k in range(0, dim, LANES):
            o0, o1, o2 = load(output_table, r0 + k), load(output_table, r1 + k), load(output_table, r2 + k)
            o3, o4, o5 = load(output_table, r3 + k), load(output_table, r4 + k), load(output_table, r5 + k)
            d = multiply_add(g2, o2, multiply_add(g1, o1, multiply(g0, o0)))
            e = multiply_add(g5, o5, multiply_add(g4, o4, multiply(g3, o3)))
            store(hidden_sums, k, add(d, e) if j == 0 else add(load(hidden_sums, k), add(d, e)))
            if distinct:
                h = load(hidden, k)
                store(output_table, r0 + k, multiply_add(g0, h, o0))
                store(output_table, r1 + k, multiply_add(g1, h, o1))
                store(output_table, r2 + k, multiply_add(g2, h, o2))
                store(output_table, r3 + k, multiply_add(g3, h, o3))
                store(output_table, r4 + k, multiply_add(g4, h, o4))
                store(output_table, r5 + k, multiply_add(g5, h, o5))
    if not distinct:
        for j in range(tiles * POOLED_TILE):
            g0, row = spread(scores, j // POOLED_TILE * CELL + j % POOLED_TILE), output_offsets[j]
            for k in range(0, dim, LANES):
                store(output_table, row + k, multiply_add(g0, load(hidden, k), load(output_table, row + k)))
