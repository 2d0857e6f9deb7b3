"""Is a gradient right? Two numeric derivatives against it, element by element.

Central differences need the loss alone but lose digits to cancellation. The complex step has no cancellation,
and needs a loss that is analytic (Squire & Trapp 1998, "Using Complex Variables to Estimate Derivatives of Real
Functions").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Point = Mapping[str, np.ndarray]

# (f(x+h) − f(x−h)) ÷ 2h errs by h²·f‴/6 from truncation and by ε·f/h from rounding: this h balances the two.
STEP = 2.0**-17
# Squaring it underflows to nothing beside 1, so the complex step is exact to rounding.
COMPLEX_STEP = 1e-30
# An element is compared relative to its own size, or to this share of the largest of its array, or to this share
# of the loss, or of 1 if that is more: below that, all that can show is the rounding of larger terms.
FLOOR = 1e-3
FLOOR_OF_LOSS = {"central differences": 1e-4, "complex step": 1e-6}
# Worst seen over a thousand seeds of the catalogue: 4e-7 and 2e-11. A lost digit in a formula shows as 1e-3 or more.
TOLERANCES = {"central differences": 1e-5, "complex step": 1e-9}


@dataclass(frozen=True)
class Check:
    """One function at one point.

    Attributes
    ----------
    name : what is checked, and at which kind of point.
    point : the parameters, float64, that the loss is differentiated by.
    loss_and_gradients : a point → the loss and its gradients, by the parameters' names.
    complex_loss : a complex point → the loss by an analytic formula; None where there is none.
    """

    name: str
    point: Point
    loss_and_gradients: Callable[[Point], tuple[Any, Point]]
    complex_loss: Callable[[Point], Any] | None


@dataclass(frozen=True)
class Worst:
    """The element where a gradient and a numeric derivative differ most.

    Attributes
    ----------
    method : the numeric derivative.
    error : |analytic − numeric| relative to the larger of them, or to the floors above.
    parameter, row, column : where; a vector's row is 0.
    """

    method: str
    error: float
    parameter: str
    row: int
    column: int
    analytic: float
    numeric: float

    @property
    def severity(self) -> float:
        """The error in units of the method's tolerance: right up to 1. NaN is infinitely wrong."""
        return float("inf") if np.isnan(self.error) else self.error / TOLERANCES[self.method]


@dataclass(frozen=True)
class Finding:
    """What came out of a check.

    Attributes
    ----------
    check : its name · parameters : how many partial derivatives were compared.
    worst : for each method the worst element, the most severe one first.
    """

    check: str
    parameters: int
    worst: tuple[Worst, ...]

    @property
    def passed(self) -> bool:
        """Whether every method agrees within its tolerance."""
        return self.worst[0].severity <= 1


def run_check(check: Check) -> Finding:
    """Compare every partial derivative with both numeric ones.

    Raises
    ------
    ValueError
        If a gradient is missing or its shape is not its parameter's.
    """
    loss, gradients = check.loss_and_gradients(check.point)
    worst: list[Worst] = []
    for name, x in check.point.items():
        analytic = np.asarray(gradients.get(name))
        if analytic.shape != x.shape:
            raise ValueError(f"{check.name}: the gradient of {name} is {analytic.shape}, not {x.shape}")
        for method, numeric in _numeric_derivatives(check, name):
            size = np.maximum(np.abs(analytic), np.abs(numeric))
            largest = float(size[np.isfinite(size)].max(initial=0.0))
            floor = max(FLOOR * largest, FLOOR_OF_LOSS[method] * max(abs(float(loss)), 1.0), np.finfo(float).tiny)
            with np.errstate(invalid="ignore"):
                errors = np.abs(analytic - numeric) / np.maximum(size, floor)
            # argmax takes a NaN for the largest, as it should be.
            place = np.unravel_index(np.argmax(errors), x.shape)
            row, column = (0, *map(int, place))[-2:]
            numbers = float(analytic[place]), float(numeric[place])
            worst.append(Worst(method, float(errors[place]), name, row, column, *numbers))
    by_severity = sorted(worst, key=lambda element: element.severity, reverse=True)
    first_of_method = {element.method: element for element in reversed(by_severity)}
    return Finding(
        check.name,
        sum(x.size for x in check.point.values()),
        tuple(sorted(first_of_method.values(), key=lambda element: element.severity, reverse=True)),
    )


def _numeric_derivatives(check: Check, name: str) -> list[tuple[str, np.ndarray]]:
    """∂loss/∂(one parameter array) by every method that the check allows."""

    def central(move: np.ndarray) -> float:
        step = STEP * max(1.0, float(np.abs(check.point[name][move]).max()))
        ahead, behind = (
            check.loss_and_gradients({**check.point, name: check.point[name] + sign * step * move})[0]
            for sign in (1, -1)
        )
        return float(ahead - behind) / (2 * step)

    numeric = [("central differences", _each_element(check.point[name], central))]
    if check.complex_loss is not None:
        complex_loss = check.complex_loss

        def imaginary(move: np.ndarray) -> float:
            point = {other: x.astype(complex) for other, x in check.point.items()}
            point[name] = point[name] + 1j * COMPLEX_STEP * move
            return float(np.imag(complex_loss(point))) / COMPLEX_STEP

        numeric.append(("complex step", _each_element(check.point[name], imaginary)))
    return numeric


def _each_element(x: np.ndarray, derivative: Callable[[np.ndarray], float]) -> np.ndarray:
    """The derivative in the direction of each element of x; directions are boolean arrays of x's shape."""
    out = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        move = np.zeros(x.shape, bool)
        move[place] = True
        out[place] = derivative(move)
    return out
