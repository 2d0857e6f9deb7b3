"""What all vectors have in common is taken out, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_cli.embeddings.flatten import Flattening, flattened
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError

RNG = np.random.default_rng(8)
# One direction that all vectors share, one along which they differ much, and noise.
COMMON, LARGE = np.linalg.qr(RNG.standard_normal((6, 2)))[0].T
MATRIX = (5 * COMMON + RNG.normal(0, 3, (400, 1)) * LARGE + RNG.normal(0, 0.5, (400, 6))).astype(np.float32)
VECTORS = WordVectors([f"w{i}" for i in range(400)], MATRIX)


def test_centered_vectors_have_no_mean_and_keep_their_differences() -> None:
    centered = flattened(VECTORS, Flattening(center=True)).matrix
    # Sums of 400 float32 of length 6.
    assert centered.mean(axis=0) == pytest.approx(np.zeros(6), abs=1e-5)
    assert centered[1:] - centered[:-1] == pytest.approx(MATRIX[1:] - MATRIX[:-1], abs=1e-5)


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_components_are_gone_and_the_others_stay(count: int) -> None:
    centered = MATRIX - MATRIX.mean(axis=0)
    _, values, axes = np.linalg.svd(centered, full_matrices=False)
    left = flattened(VECTORS, Flattening(components=count)).matrix @ axes.T
    assert left[:, :count] == pytest.approx(np.zeros((400, count)), abs=1e-4)
    assert left[:, count:] == pytest.approx((centered @ axes.T)[:, count:], abs=1e-4)
    assert abs(axes[0] @ LARGE) > 0.9 and values[0] > 3 * values[1]


def test_taking_out_every_dimension_is_refused() -> None:
    assert flattened(VECTORS, Flattening(components=5)).dim == 6
    with pytest.raises(ConfigError, match="--remove-top 6 would leave nothing of 6 dimensions"):
        flattened(VECTORS, Flattening(components=6))
