"""The training step, compiled: one primitive for every objective made of logistic scores.

n input rows I against m output rows O, which are the target and its noise (negative sampling) or the nodes of a path
(hierarchical softmax), with labels Y and counts c:

    S = I·Oᵀ      G = ∂loss/∂S = c ⊙ (σ(S) − Y)      I −= alpha·G·O      O −= alpha·Gᵀ·I

Both products use the rows before the step, and a repeated row takes every one of its gradients. `errors` holds
−alpha·G, so that the updates are multiply-adds. If rows have rates, what each row moves by is multiplied by its own.

A step has two halves. `pair_errors` and `pair_update` take the input rows in pairs; `mean_errors` and `mean_update`
take the one hidden vector of CBOW. The processor waits for σ between the halves, so a kernel does there whatever does
not depend on it. The step as a matrix product: Ji et al. 2016, "Parallelizing Word2Vec in Shared and Distributed
Memory".

w, t and s are the addresses of `Windows`, `Tables` and `Scratch`; a row is named by the offset of its first number.
Every function works for float32, which ships, and for float64, which the gradient check uses.
"""

from __future__ import annotations

from w2v_cli.compute.elementary import exp, log1p
from w2v_cli.compute.jit import inlined
from w2v_cli.compute.simd import (
    LANES,
    add,
    broadcast,
    divide,
    load,
    load_broadcast,
    magnitude,
    multiply,
    multiply_add,
    store,
    subtract,
)
from w2v_cli.compute.tiles import (
    TOTALS,
    broadcast_tile,
    exchange,
    load_tile,
    score_pair,
    store_tile,
    store_totals,
    take,
    weighted_sum,
    zero_tile,
)
from w2v_cli.engines.arguments import CELL, MEAN_TILE, PAIR, PAIR_TILE

# Where a tile's vectors lie if they are neighbouring columns of one row, or one after the other in `moves`.
COLUMNS = tuple(i * LANES for i in range(4))
MOVES = tuple(i * LANES for i in range(PAIR_TILE))


@inlined
def pair_errors(t, s, count, tiles, stride, alpha, wants_loss):
    """Compute the errors of `count` input rows with the outputs of `tiles` tiles: the first half of a step.

    The counts of each pair of inputs begin `stride` numbers after those of the pair before. The function returns the
    loss before the step in nats, or 0 if it is not wanted. For the second half it leaves copies of the inputs; an odd
    row out is copied twice, as a pair.
    """
    n = (count + 1) // PAIR * PAIR
    if n > count:
        # An odd row out is paired with itself.
        s.input_offsets[count] = s.input_offsets[count - 1]
    _score_pairs(t, s, n, tiles)
    loss = _loss(s, s.counts, count, tiles, stride) if wants_loss else 0.0
    _errors(s, s.counts, n, tiles, stride, alpha)
    if n > count:
        # Its twin has no gradient.
        width = tiles * CELL
        for cell in range(n // PAIR * width - width + TOTALS, n // PAIR * width, CELL):
            for j in range(cell, cell + TOTALS):
                s.errors[j] = 0
    return loss


@inlined
def pair_update(t, s, count, tiles, repeats):
    """Move the input and output rows by their errors, LANES columns at a time: the second half of a step.

    Inputs are read from their copies, because a row may be both an input and repeated. If outputs may be repeated, all
    of them are read before any is written. Padding does not count as repeated, because it does not move.
    """
    n = (count + 1) // PAIR * PAIR
    for k in range(0, t.dim, LANES):
        for tile in range(tiles):
            rows = take(s.output_offsets, tile * PAIR_TILE, PAIR_TILE)
            outputs, moves = load_tile(t.outputs, rows, k), zero_tile(t.outputs, PAIR_TILE)
            cell, copy = tile * CELL, PAIR * k
            for i in range(0, n, PAIR):
                x, y = load(s.inputs, copy), load(s.inputs, copy + LANES)
                moves, x_move, y_move = exchange(s.errors, cell, x, y, outputs, moves)
                a, b = s.input_offsets[i] + k, s.input_offsets[i + 1] + k
                store(t.inputs, a, _moved(t, load(t.inputs, a), x_move, s.input_rates, i))
                store(t.inputs, b, _moved(t, load(t.inputs, b), y_move, s.input_rates, i + 1))
                cell += tiles * CELL
                copy += PAIR * t.dim
            if repeats:
                store_tile(s.moves, MOVES, tile * PAIR_TILE * LANES, moves)
            elif t.rated is None:
                store_tile(t.outputs, rows, k, add(outputs, moves))
            else:
                rates = broadcast_tile(take(s.output_rates, tile * PAIR_TILE, PAIR_TILE))
                store_tile(t.outputs, rows, k, multiply_add(rates, moves, outputs))
        if repeats:
            for j in range(tiles * PAIR_TILE):
                row = s.output_offsets[j] + k
                store(t.outputs, row, _moved(t, load(t.outputs, row), load(s.moves, j * LANES), s.output_rates, j))


@inlined
def _moved(t, row, move, rates, i):
    """Return a vector of a row after its move, which rate number i multiplies if rows have rates."""
    return add(row, move) if t.rated is None else multiply_add(load_broadcast(rates, i), move, row)


@inlined
def mean_of_rows(t, s, count, weight):
    """Compute hidden = weight·Σ rows, in tiles of neighbouring columns."""
    w, width = broadcast(t.inputs, weight), len(COLUMNS) * LANES
    tiled = t.dim if t.dim >= width else 0
    for column in range(0, tiled, width):
        # The last tile may overlap the one before.
        k = min(column, t.dim - width)
        sums = load_tile(t.inputs, COLUMNS, s.input_offsets[0] + k)
        for i in range(1, count):
            sums = add(sums, load_tile(t.inputs, COLUMNS, s.input_offsets[i] + k))
        store_tile(s.hidden, COLUMNS, k, multiply(w, sums))
    for k in range(tiled, t.dim, LANES):
        total = load(t.inputs, s.input_offsets[0] + k)
        for i in range(1, count):
            total = add(total, load(t.inputs, s.input_offsets[i] + k))
        store(s.hidden, k, multiply(w, total))


@inlined
def mean_errors(t, s, counts, tiles, alpha, wants_loss):
    """Compute the errors of one hidden vector, as `pair_errors` does for rows. Its pair has no second input."""
    for tile in range(tiles):
        rows, sums = take(s.output_offsets, tile * MEAN_TILE, MEAN_TILE), zero_tile(s.hidden, MEAN_TILE)
        for k in range(0, t.dim, LANES):
            sums = multiply_add(load(s.hidden, k), load_tile(t.outputs, rows, k), sums)
        store_totals(s.scores, tile * CELL, sums)
    loss = _loss(s, counts, 1, tiles, 0) if wants_loss else 0.0
    _errors(s, counts, PAIR, tiles, 0, alpha)
    return loss


@inlined
def mean_update(t, s, tiles, repeats):
    """Move the output rows, and compute hidden_step = −alpha·G·O, as `pair_update` does for rows."""
    for tile in range(tiles):
        rows = take(s.output_offsets, tile * MEAN_TILE, MEAN_TILE)
        errors = broadcast_tile(take(s.errors, tile * CELL, MEAN_TILE))
        rated = errors
        if t.rated is not None:
            rated = multiply(errors, broadcast_tile(take(s.output_rates, tile * MEAN_TILE, MEAN_TILE)))
        for k in range(0, t.dim, LANES):
            outputs = load_tile(t.outputs, rows, k)
            move = weighted_sum(errors, outputs)
            store(s.hidden_step, k, move if tile == 0 else add(load(s.hidden_step, k), move))
            if not repeats:
                store_tile(t.outputs, rows, k, multiply_add(rated, load(s.hidden, k), outputs))
    if repeats:
        for j in range(tiles * MEAN_TILE):
            error, row = load_broadcast(s.errors, j // MEAN_TILE * CELL + j % MEAN_TILE), s.output_offsets[j]
            if t.rated is not None:
                error = multiply(error, load_broadcast(s.output_rates, j))
            for k in range(0, t.dim, LANES):
                store(t.outputs, row + k, multiply_add(error, load(s.hidden, k), load(t.outputs, row + k)))


@inlined
def forget_steps(t, s):
    """Begin a sum of steps of one hidden vector: nothing has moved."""
    for k in range(0, t.dim, LANES):
        store(s.moved, k, broadcast(s.moved, 0))


@inlined
def follow_step(t, s, share):
    """Add hidden_step to `moved`, and move the hidden vector by a share of it, as if its rows had moved."""
    w = broadcast(s.hidden, share)
    for k in range(0, t.dim, LANES):
        move = load(s.hidden_step, k)
        store(s.moved, k, add(load(s.moved, k), move))
        store(s.hidden, k, multiply_add(w, move, load(s.hidden, k)))


@inlined
def move_inputs(t, s, step, count, weight):
    """Add weight·rate·step, of a hidden vector, to each input row: first to an odd one out, then to two at a time."""
    w, odd = broadcast(t.inputs, weight), count % PAIR
    if odd:
        x = w if t.rated is None else multiply(w, load_broadcast(s.input_rates, 0))
        for k in range(0, t.dim, LANES):
            row = s.input_offsets[0] + k
            store(t.inputs, row, multiply_add(x, load(step, k), load(t.inputs, row)))
    for i in range(odd, count, PAIR):
        a, b, x, y = s.input_offsets[i], s.input_offsets[i + 1], w, w
        if t.rated is not None:
            x, y = multiply(w, load_broadcast(s.input_rates, i)), multiply(w, load_broadcast(s.input_rates, i + 1))
        for k in range(0, t.dim, LANES):
            move = load(step, k)
            store(t.inputs, a + k, multiply_add(x, move, load(t.inputs, a + k)))
            store(t.inputs, b + k, multiply_add(y, move, load(t.inputs, b + k)))


@inlined
def _score_pairs(t, s, n, tiles):
    """Compute S = I·Oᵀ; at the first tile, copy the inputs to scratch, two interleaved LANES by LANES."""
    for tile in range(tiles):
        rows = take(s.output_offsets, tile * PAIR_TILE, PAIR_TILE)
        for i in range(0, n, PAIR):
            a, b, copy = s.input_offsets[i], s.input_offsets[i + 1], i * t.dim
            x_sums = y_sums = zero_tile(s.scores, PAIR_TILE)
            for k in range(0, t.dim, LANES):
                x, y = load(t.inputs, a + k), load(t.inputs, b + k)
                if tile == 0:
                    store(s.inputs, copy, x)
                    store(s.inputs, copy + LANES, y)
                    copy += PAIR * LANES
                x_sums, y_sums = score_pair(t.outputs, rows, k, x, y, x_sums, y_sums)
            cell = (i // PAIR * tiles + tile) * CELL
            store_totals(s.scores, cell, x_sums)
            store_totals(s.scores, cell + TOTALS, y_sums)


@inlined
def _errors(s, counts, n, tiles, stride, alpha):
    """Compute errors = −alpha·G = alpha·c ⊙ (Y − σ(S))."""
    zero, one, rate = broadcast(s.scores, 0), broadcast(s.scores, 1), broadcast(s.scores, alpha)
    width = tiles * CELL
    for pair in range(n // PAIR):
        for c in range(0, width, LANES):
            score = load(s.scores, pair * width + c)
            sigma = divide(one, add(one, exp(subtract(zero, score))))
            count = multiply(rate, load(counts, pair * stride + c))
            store(s.errors, pair * width + c, multiply(count, subtract(load(s.labels, c), sigma)))


@inlined
def _loss(s, counts, count, tiles, stride):
    """Return Σ −c·log σ(±S) over the first `count` inputs, in nats, summed in float64.

    −log σ(s) = ½(|s| − s) + log(1 + e^−|s|); the code sums twice that.
    """
    zero, one, two = broadcast(s.scores, 0), broadcast(s.scores, 1), broadcast(s.scores, 2)
    width, twice = tiles * CELL, 0.0
    for i in range(0, count, PAIR):
        row = i // PAIR * stride
        for c in range(0, width, LANES):
            sign = subtract(multiply(two, load(s.labels, c)), one)
            score = multiply(sign, load(s.scores, i // PAIR * width + c))
            size = magnitude(score)
            logarithm = log1p(exp(subtract(zero, size)))
            store(s.terms, c, multiply(load(counts, row + c), multiply_add(two, logarithm, subtract(size, score))))
        # The twin of an odd row out is not an input.
        inputs = min(PAIR, count - i)
        for c in range(0, width, CELL):
            for j in range(c, c + inputs * TOTALS):
                twice += s.terms[j]
    return 0.5 * twice
