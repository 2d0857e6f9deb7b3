"""Check a gradient against two numeric derivatives, element by element.

Central differences need only the loss, but lose digits to cancellation. The complex step has no cancellation, but the
loss must be analytic (Squire & Trapp 1998, "Using Complex Variables to Estimate Derivatives of Real Functions").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Point = Mapping[str, np.ndarray]

# (f(x+h) − f(x−h)) ÷ 2h has an error of h²·f‴/6 from truncation and of ε·f/h from rounding. This h balances the two.
STEP = 2.0**-17
# Its square is negligible beside 1, so the complex step is exact up to rounding.
COMPLEX_STEP = 1e-30
# Errors are relative to the element's own size, to this share of the largest element of its array, or to this share of
# the loss (or of 1, if that is more), whichever is largest. Smaller elements consist mostly of rounding errors of
# larger terms.
FLOOR = 1e-3
FLOOR_OF_LOSS = {"central differences": 1e-4, "complex step": 1e-6}
# Far above the rounding errors of right gradients (measured: help/design.md, "Tolerances of the gradient check"), and
# far below what a wrong formula causes, which is 1e-3 or more.
TOLERANCES = {"central differences": 1e-5, "complex step": 1e-9}


@dataclass(frozen=True)
class Check:
    """A function to check, and the point at which to check it.

    Attributes
    ----------
    name : what is checked, and at which kind of point.
    point : float64 parameters by name; the loss is differentiated with respect to them.
    loss_and_gradients : computes the loss and its gradients, by parameter name, at a point.
    complex_loss : computes the loss at a complex point by an analytic formula; None if there is no such formula.
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
    method : name of the numeric derivative.
    error : |analytic − numeric| relative to the larger of the two, or to a floor; see `FLOOR`.
    parameter, row, column : position of the element; the row is 0 if the parameter is a vector.
    analytic, numeric : the two derivatives.
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
        """The error in units of the method's tolerance; a gradient is right up to 1, and NaN counts as infinite."""
        return float("inf") if np.isnan(self.error) else self.error / TOLERANCES[self.method]


@dataclass(frozen=True)
class Finding:
    """Result of a check.

    Attributes
    ----------
    check : name of the check.
    parameters : number of partial derivatives that were compared.
    worst : the worst element for each method, the most severe one first.
    """

    check: str
    parameters: int
    worst: tuple[Worst, ...]

    @property
    def passed(self) -> bool:
        """Whether the gradient agrees with every method within its tolerance."""
        return self.worst[0].severity <= 1


def run_check(check: Check) -> Finding:
    """Compare every partial derivative with the numeric ones.

    Raises
    ------
    ValueError
        If a gradient is missing, or its shape differs from its parameter's.
    """
    loss, gradients = check.loss_and_gradients(check.point)
    worst: list[Worst] = []
    for name, x in check.point.items():
        analytic = np.asarray(gradients.get(name))
        if analytic.shape != x.shape:
            raise ValueError(f"{check.name}: the gradient of {name} is {analytic.shape}, not {x.shape}")
        for method, numeric in _numeric_derivatives(check, name):
            worst.append(_worst(name, method, analytic, numeric, float(loss)))
    by_severity = sorted(worst, key=lambda element: element.severity, reverse=True)
    first_of_method = {element.method: element for element in reversed(by_severity)}
    return Finding(
        check.name,
        sum(x.size for x in check.point.values()),
        tuple(sorted(first_of_method.values(), key=lambda element: element.severity, reverse=True)),
    )


def _worst(name: str, method: str, analytic: np.ndarray, numeric: np.ndarray, loss: float) -> Worst:
    """Find the element of a parameter where the gradient and a numeric derivative differ most."""
    size = np.maximum(np.abs(analytic), np.abs(numeric))
    largest = float(size[np.isfinite(size)].max(initial=0.0))
    floor = max(FLOOR * largest, FLOOR_OF_LOSS[method] * max(abs(loss), 1.0), np.finfo(float).tiny)
    with np.errstate(invalid="ignore"):
        errors = np.abs(analytic - numeric) / np.maximum(size, floor)
    # argmax takes NaN for the largest value, and that is what is needed here.
    index = np.unravel_index(np.argmax(errors), errors.shape)
    row, column = (0, *map(int, index))[-2:]
    return Worst(method, float(errors[index]), name, row, column, float(analytic[index]), float(numeric[index]))


def _numeric_derivatives(check: Check, name: str) -> list[tuple[str, np.ndarray]]:
    """Return ∂loss/∂(one parameter array) by each method that the check allows, as (name of the method, derivative)."""

    def central(direction: np.ndarray) -> float:
        step = STEP * max(1.0, float(np.abs(check.point[name][direction]).max()))
        ahead, behind = (
            check.loss_and_gradients({**check.point, name: check.point[name] + sign * step * direction})[0]
            for sign in (1, -1)
        )
        return float(ahead - behind) / (2 * step)

    numeric = [("central differences", _each_element(check.point[name], central))]
    if check.complex_loss is not None:
        complex_loss = check.complex_loss

        def imaginary(direction: np.ndarray) -> float:
            point = {other: x.astype(complex) for other, x in check.point.items()}
            point[name] = point[name] + 1j * COMPLEX_STEP * direction
            return float(np.imag(complex_loss(point))) / COMPLEX_STEP

        numeric.append(("complex step", _each_element(check.point[name], imaginary)))
    return numeric


def _each_element(x: np.ndarray, derivative: Callable[[np.ndarray], float]) -> np.ndarray:
    """Return the derivative in the direction of each element of x; a direction is a boolean array of x's shape."""
    out = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        direction = np.zeros(x.shape, bool)
        direction[index] = True
        out[index] = derivative(direction)
    return out
