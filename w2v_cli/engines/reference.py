"""The numpy engine: the specification that the compiled engine must agree with.

It is simple rather than fast, so that it can be read beside the equations: each window is one call of `gradients`, and
each step subtracts the gradients that the calls return.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from w2v_cli.engines.objective import Objective
from w2v_cli.engines.sampling import Sample
from w2v_cli.engines.word_order import word_by_word
from w2v_cli.gradients.losses import logistic_loss


def train_logistic(
    objective: Objective, sample: Sample, alphas: np.ndarray, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """Train one block with negative sampling or hierarchical softmax, `Sample.step_windows` windows at a time.

    The input rows of the context words predict the center, as in word2vec.c: each on its own in skip-gram, and through
    their mean or sum in CBOW. They are scored against the center and the noise words of the step, or against the nodes
    of the center's path. With parts of words, a window has one hidden vector, the mean of all rows of the words that
    predict; in skip-gram that is the center, which predicts each context word in a step of its own, and the windows are
    trained in the order of `word_by_word`: the first step of window i uses the noise words of number i, the next step
    those of number i + 1, and so on. A step is −alpha × the exact gradient of the summed loss of its windows,
    times the rate of each row, except for the factor of `Objective.input_scale` (help/mathematics.md, sections 5 to 8;
    in the course solution, eq. 32 is the loss, eq. 35 and 41 are its gradients, and eq. 23 is the sum).

    Parameters
    ----------
    objective : the architecture and the loss.
    sample : the windows of the block.
    alphas : float64 (N,), the learning rate at each window. A step uses that of its first window.
    input_vectors, output_vectors : float (rows, ≥ D), changed in place. With float16, gradients are computed in
        float32, and a row is rounded whenever it moves.

    Returns
    -------
    The summed loss in nats, and the number of predictions that it sums.
    """
    total, predictions = 0.0, 0
    for step in _steps(objective, sample):
        alpha, moves = alphas[step[0].pos], list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
        for window in step:
            if not window.predicts:
                continue
            loss, grad_inputs, grad_outputs = window.loss(objective, input_vectors, output_vectors)
            grad_inputs *= objective.input_scale(len(window.input_rows))
            moves.append((input_vectors, window.input_rows, grad_inputs))
            moves.append((output_vectors, window.output_ids, grad_outputs))
            total += loss
            predictions += window.predictions
        for table, ids, grads in moves:
            if objective.frozen is not None:
                free = ~objective.frozen[table is output_vectors][ids]
                ids, grads = ids[free], grads[free]
            if objective.rates is not None:
                grads = grads * objective.rates[table is output_vectors][ids, None]
            # `table[ids] -= …` would keep only one of the gradients of a repeated row.
            np.subtract.at(table, ids, alpha * grads)
        if not np.isfinite(total):
            break  # the run has diverged, and the caller says so
    return total, predictions


def measure_logistic(
    objective: Objective, sample: Sample, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """Return the summed loss of a block in nats, and the number of predictions, without changing the tables."""
    some = [window for step in _steps(objective, sample) for window in step if window.predicts]
    losses = (window.loss(objective, input_vectors, output_vectors)[0] for window in some)
    return float(sum(losses)), sum(window.predictions for window in some)


def _numbers(rows: np.ndarray) -> np.ndarray:
    """Return rows of a table as numbers to compute with: float32 for float16, to which a step is rounded again."""
    return rows.astype(np.float32) if rows.dtype == np.float16 else rows


def _steps(objective: Objective, sample: Sample) -> Iterator[list[_Window]]:
    """Yield the windows that are trained together; where the center predicts, one context word at a time."""
    if not objective.center_predicts or objective.word_rows is None:
        some = range(len(sample.kept_ids))
        windows = [_Window(objective, sample, pos, pos, pos // sample.step_windows) for pos in some]
        for first in range(0, len(windows), sample.step_windows):
            yield windows[first : first + sample.step_windows]
        return
    order = word_by_word(sample.kept_ids, len(objective.word_rows.offsets) - 1).tolist()
    for i, pos in enumerate(order):
        targets = [at for at in range(sample.window_starts[pos], sample.window_stops[pos]) if at != pos]
        for noise, target_pos in enumerate(targets, start=i):
            yield [_Window(objective, sample, pos, target_pos, noise % len(order))]


class _Window:
    """A window of a block: the input rows of the words that predict, and the output rows they are scored against."""

    def __init__(self, objective: Objective, sample: Sample, pos: int, target_pos: int, noise: int) -> None:
        contexts, self.pos = sample.context_ids(pos), pos
        predicting = sample.kept_ids[pos : pos + 1] if objective.center_predicts else contexts
        self.input_rows = objective.input_rows(predicting)
        # Whether there is a context word, and anything to predict it or the center with.
        self.predicts = len(contexts) > 0 and len(self.input_rows) > 0
        if self.predicts:
            target_id = int(sample.kept_ids[target_pos])
            self.output_ids, self.labels, self.counts = objective.outputs(target_id, sample.negative_ids[noise])
            # With one hidden vector, all words that predict make one prediction together.
            self.predictions = 1 if objective.averages or objective.model == "cbow" else len(contexts)

    def loss(
        self, objective: Objective, input_vectors: np.ndarray, output_vectors: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the loss in nats, its gradient for each input row (n, D), and for each output row (m, D)."""
        model = objective.architecture
        hidden = model.hidden(_numbers(input_vectors[self.input_rows]))
        rows = _numbers(output_vectors[self.output_ids])
        loss, grad_hidden, grad_outputs = logistic_loss(hidden, rows, self.labels, self.counts)
        return float(loss), model.grad_rows(grad_hidden, len(self.input_rows)), grad_outputs
