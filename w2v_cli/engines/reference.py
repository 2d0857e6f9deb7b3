"""The numpy engine: the specification that the compiled engine must agree with.

It is simple rather than fast, so that it can be read beside the equations: each window is one call of `gradients`, and
each step subtracts the gradients that the calls return.
"""

from __future__ import annotations

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
    predict; in skip-gram that is the center, which predicts each context word, and the windows are trained in the order
    of `word_by_word`. A step is −alpha × the exact gradient of the summed loss of its windows, times the rate of each
    row, except for the factor of `Objective.input_scale` (help/mathematics.md, sections 5 to 8; in the course solution,
    eq. 32 is the loss, eq. 35 and 41 are its gradients, and eq. 23 is the sum).

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
    order = np.arange(len(sample.kept_ids))
    if objective.word_rows is not None and objective.center_predicts:
        order = word_by_word(sample.kept_ids, len(objective.word_rows.offsets) - 1)
    for first in range(0, len(order), sample.step_windows):
        alpha, moves = alphas[order[first]], list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
        for pos in order[first : first + sample.step_windows].tolist():
            window = _Window(objective, sample, pos)
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
    windows = (_Window(objective, sample, pos) for pos in range(len(sample.kept_ids)))
    some = [window for window in windows if window.predicts]
    losses = (window.loss(objective, input_vectors, output_vectors)[0] for window in some)
    return float(sum(losses)), sum(window.predictions for window in some)


def _numbers(rows: np.ndarray) -> np.ndarray:
    """Return rows of a table as numbers to compute with: float32 for float16, to which a step is rounded again."""
    return rows.astype(np.float32) if rows.dtype == np.float16 else rows


class _Window:
    """A window of a block: the input rows of the words that predict, and the output rows they are scored against."""

    def __init__(self, objective: Objective, sample: Sample, pos: int) -> None:
        center, contexts = sample.kept_ids[pos : pos + 1], sample.context_ids(pos)
        predicting, targets = (center, contexts) if objective.center_predicts else (contexts, center)
        self.input_rows = objective.input_rows(predicting)
        # Whether there is a context word, and anything to predict it or the center with.
        self.predicts = len(contexts) > 0 and len(self.input_rows) > 0
        if self.predicts:
            negative_ids = sample.negative_ids[pos // sample.step_windows]
            outputs = [objective.outputs(int(target), negative_ids) for target in targets]
            self.output_ids, self.labels, self.counts = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
            # In CBOW, all context words make one prediction together.
            self.predictions = len(contexts) if objective.model == "skipgram" else 1

    def loss(
        self, objective: Objective, input_vectors: np.ndarray, output_vectors: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the loss in nats, its gradient for each input row (n, D), and for each output row (m, D)."""
        model = objective.architecture
        hidden = model.hidden(_numbers(input_vectors[self.input_rows]))
        rows = _numbers(output_vectors[self.output_ids])
        loss, grad_hidden, grad_outputs = logistic_loss(hidden, rows, self.labels, self.counts)
        return float(loss), model.grad_rows(grad_hidden, len(self.input_rows)), grad_outputs
