"""The gradient checks of the formulas, at random points and at points that wrong code gets wrong.

`w2v gradcheck` and the tests run the same list. The checks of the training steps, which use the same windows, are in
`engines.step_catalogue`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from w2v_cli.gradients.activations import (
    log_sigmoid,
    log_softmax,
    sigmoid,
    sigmoid_gradient,
    softmax,
    softmax_jacobian,
)
from w2v_cli.gradients.architectures import CBOW, CBOW_SUM, SKIPGRAM, OutputLoss, window_cost
from w2v_cli.gradients.check import Check, Point
from w2v_cli.gradients.losses import (
    logistic_loss,
    logistic_table_loss,
    negative_sampling_rows,
    softmax_cross_entropy,
    softmax_loss,
)
from w2v_cli.gradients.network import Network, network_cost

MODELS = {"skipgram": SKIPGRAM, "cbow": CBOW, "cbow of sums": CBOW_SUM}
# The largest score of an extreme point, positive or negative: σ(±30) differs from 0 and 1 by only 1e-13.
EXTREME_SCORE = 30.0


@dataclass(frozen=True)
class Window:
    """A window at which gradients are checked.

    Attributes
    ----------
    name : what is particular about the window.
    center_id, context_ids, negative_ids : the word in the middle, those around it, and its noise words.
    is_about_words : whether the window is worth checking with losses without noise words, too.
    extreme : whether scores reach ±30.
    """

    name: str
    center_id: int
    context_ids: np.ndarray
    negative_ids: np.ndarray
    is_about_words: bool = True
    extreme: bool = False

    def tables(self, rng: np.random.Generator, vocab: int, dim: int) -> dict[str, np.ndarray]:
        """Return random input and output vectors, float64 (V, D), with scores of order 1, or up to ±30 if `extreme`."""
        scale = (EXTREME_SCORE if self.extreme else 1.0) ** 0.5 / dim**0.25
        tables = {name: scale * rng.standard_normal((vocab, dim)) for name in ("input_vectors", "output_vectors")}
        if self.extreme:
            # Move the first two context words so that their scores with the target are +30 and −30.
            target = tables["output_vectors"][self.center_id]
            for sign, word in zip((1, -1), self.context_ids, strict=False):
                row = tables["input_vectors"][word]
                row += target * (sign * EXTREME_SCORE - row @ target) / (target @ target)
        return tables


def nasty_windows(rng: np.random.Generator, vocab: int) -> list[Window]:
    """Return windows that wrong code gets wrong: repeated words, words in two roles, few words, and many words."""

    def words(count: int) -> np.ndarray:
        return rng.choice(np.arange(1, vocab), count, replace=count >= vocab)

    a, b, c = (int(word) for word in rng.choice(np.arange(1, vocab), 3, replace=False))
    return [
        Window("random", 0, words(4), words(5)),
        Window("repeated context word", a, np.array([b, c, b, b]), words(5)),
        Window("repeated negative", a, words(3), np.array([b, c, b, b, c]), is_about_words=False),
        Window("negative equal to the target", a, words(2), np.array([b, a, c, a, b]), is_about_words=False),
        Window("one context word", a, np.array([b]), words(5)),
        Window("no negatives", a, words(5), words(0), is_about_words=False),
        Window("one negative", a, words(2), words(1), is_about_words=False),
        Window("scores at ±30", a, np.array([b, c]), words(5), extreme=True),
        Window("same word in and out", a, np.array([b, a, c]), np.array([b, c, b])),
        Window("wide, 13 negatives", a, words(20), words(13)),
    ]


def catalogue(seed: int, dim: int, vocab: int) -> list[Check]:
    """Return all checks of the functions in `gradients`.

    Parameters
    ----------
    seed : random seed of the points.
    dim : D.
    vocab : V, at least 4.
    """
    checks = [*_activation_checks(seed, dim), *_loss_checks(seed, dim, vocab), *_network_checks(seed, dim, vocab)]
    for window in nasty_windows(generator(seed, "windows"), vocab):
        checks += _window_checks(window, seed, dim, vocab)
    return checks


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the random generator of one check; it does not depend on which other checks run."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def complex_loss_of(function: Callable[[Point], tuple[object, Point]]) -> Callable[[Point], object]:
    """Return the loss of an analytic function alone, which also accepts complex points."""
    return lambda point: function(point)[0]


def _check(name: str, point: Point, function: Callable[[Point], tuple[object, Point]]) -> Check:
    """Return the check of a function that is analytic."""
    return Check(name, point, function, complex_loss_of(function))


def _activation_checks(seed: int, dim: int) -> list[Check]:
    """Check each activation, reduced to a single number with random weights c: J = Σ c·f(x)."""
    rng = generator(seed, "activations")
    c = rng.standard_normal(dim)
    x = rng.standard_normal(dim)

    def elementwise(
        value: Callable[[np.ndarray], np.ndarray], gradient: Callable[[np.ndarray], np.ndarray], point: Point
    ) -> tuple[object, Point]:
        return (c * value(point["x"])).sum(), {"x": c * gradient(point["x"])}

    def by_jacobian(
        value: Callable[[np.ndarray], np.ndarray], jacobian: Callable[[np.ndarray], np.ndarray], point: Point
    ) -> tuple[object, Point]:
        return (c * value(point["x"])).sum(), {"x": c @ jacobian(point["x"])}

    functions = {
        "sigmoid": partial(elementwise, sigmoid, lambda x: sigmoid_gradient(sigmoid(x))),
        "log sigmoid": partial(elementwise, log_sigmoid, lambda x: sigmoid(-x)),
        "softmax": partial(by_jacobian, softmax, lambda x: softmax_jacobian(softmax(x))),
        "log softmax": partial(by_jacobian, log_softmax, lambda x: np.eye(dim) - softmax(x)),
    }
    return [
        _check(f"{name}{suffix}", {"x": scale * x}, function)
        for name, function in functions.items()
        for suffix, scale in (("", 1.0), (", scores at ±30", EXTREME_SCORE / np.abs(x).max()))
    ]


def _loss_checks(seed: int, dim: int, vocab: int) -> list[Check]:
    """Check the gradients of the losses, for their scores or for the vectors that make the scores."""
    rng = generator(seed, "losses")
    labels = rng.dirichlet(np.ones(dim), 3)
    codes = rng.integers(0, 2, 7).astype(float)

    def cross_entropy(point: Point) -> tuple[object, Point]:
        loss, gradient = softmax_cross_entropy(point["logits"], labels)
        return loss, {"logits": gradient}

    def path(point: Point) -> tuple[object, Point]:
        loss, grad_hidden, grad_rows = logistic_loss(point["hidden"], point["rows"], codes)
        return loss, {"hidden": grad_hidden, "rows": grad_rows}

    def prediction(point: Point) -> tuple[object, Point]:
        loss, grad_hidden, grad_output = softmax_loss(point["hidden"], point["output_vectors"], np.array([1]))
        return loss, {"hidden": grad_hidden, "output_vectors": grad_output}

    return [
        _check("softmax cross-entropy", {"logits": rng.standard_normal((3, dim))}, cross_entropy),
        _check(
            "logistic loss of a path",
            {"hidden": rng.standard_normal((3, dim)), "rows": rng.standard_normal((7, dim))},
            path,
        ),
        _check(
            "softmax loss of a pair",
            {"hidden": rng.standard_normal((1, dim)), "output_vectors": rng.standard_normal((vocab, dim))},
            prediction,
        ),
    ]


def _network_checks(seed: int, dim: int, classes: int) -> list[Check]:
    """Check the two-layer network, with one example and with several."""

    def cost(labels: np.ndarray, point: Point) -> tuple[object, Point]:
        loss, grad_x, gradients = network_cost(Network(*(point[name] for name in Network._fields)), point["x"], labels)
        return loss, {"x": grad_x, **gradients._asdict()}

    checks = []
    for name, examples in (("network", 1), ("network, a batch", 4)):
        rng = generator(seed, name)
        hidden = dim // 2 + 1
        shapes = {"x": (examples, dim), "w1": (dim, hidden), "b1": (hidden,), "w2": (hidden, classes), "b2": (classes,)}
        labels = np.eye(classes)[rng.integers(0, classes, examples)]
        point = {key: rng.standard_normal(shape) for key, shape in shapes.items()}
        checks.append(_check(name, point, partial(cost, labels)))
    return checks


def window_function(model: str, loss: OutputLoss, input_ids: np.ndarray) -> Callable[[Point], tuple[object, Point]]:
    """Return the function that computes the cost and the gradients of a whole window from both tables."""

    def cost(point: Point) -> tuple[object, Point]:
        inputs, outputs = point.values()
        value, grad_input, grad_output = window_cost(MODELS[model], inputs, outputs, input_ids, loss)
        return value, dict(zip(point, (grad_input, grad_output), strict=True))

    return cost


def noise_loss(window: Window) -> OutputLoss:
    """Return the loss of negative sampling: the center against the window's noise words."""
    output_ids, labels, counts = negative_sampling_rows(window.center_id, window.negative_ids)
    return partial(logistic_table_loss, output_ids=output_ids, labels=labels, counts=counts)


def path_loss(node_ids: np.ndarray, labels: np.ndarray) -> OutputLoss:
    """Return the loss of hierarchical softmax: the nodes of the center's path, labelled by its code."""
    return partial(logistic_table_loss, output_ids=node_ids, labels=labels.astype(float), counts=np.ones(len(node_ids)))


def softmax_pairs(model: str, window: Window) -> tuple[np.ndarray, OutputLoss]:
    """Return the ids of the words that predict under the full softmax, and the loss of their predictions.

    In skip-gram the center predicts each context word, as in the course solution (eq. 23; help/mathematics.md, section
    6). In CBOW the context predicts the center.
    """
    if model == "skipgram":
        return np.full(len(window.context_ids), window.center_id), partial(softmax_loss, target_ids=window.context_ids)
    return window.context_ids, partial(softmax_loss, target_ids=np.array([window.center_id]))


def _window_checks(window: Window, seed: int, dim: int, vocab: int) -> list[Check]:
    """Check a window with every model, and with every loss that the window is worth checking with."""
    checks = []
    for model in MODELS:
        for loss in ("ns", "softmax") if window.is_about_words else ("ns",):
            name = f"{model} {loss} window: {window.name}"
            input_ids, output_loss = window.context_ids, noise_loss(window)
            if loss == "softmax":
                input_ids, output_loss = softmax_pairs(model, window)
            point = window.tables(generator(seed, name), vocab, dim)
            checks.append(_check(name, point, window_function(model, output_loss, input_ids)))
    return checks
