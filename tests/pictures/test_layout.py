"""Layouts: neighbours stay together, the same input gives the same places, odd input gives a place too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import w2v_cli.pictures.layout as layout_module
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, MissingExtraError, ModelFileError
from w2v_cli.pictures.groups import group_words
from w2v_cli.pictures.layout import (
    lay_out,
    nearest_words,
    principal_components,
    read_positions,
    require_layout,
    spread,
)

REASON = "openTSNE is not here (it is in the extra plot)"


def bundles(count: int, dim: int = 8, number: int = 4) -> WordVectors:
    """Return words in bundles of directions: word i belongs to bundle i mod `number`."""
    random = np.random.default_rng(0)
    rows = np.tile(np.eye(number, dim), (count // number + 1, 1))[:count]
    rows = rows + 0.05 * random.standard_normal(rows.shape)
    return WordVectors([f"w{i}" for i in range(count)], rows.astype(np.float32))


def apart(positions: np.ndarray, number: int = 4) -> float:
    """Return the share of words whose nearest other word on the map is of their own bundle."""
    distances = ((positions[:, np.newaxis] - positions) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return float(np.mean(distances.argmin(axis=1) % number == np.arange(len(positions)) % number))


def test_principal_components_are_those_of_a_singular_value_decomposition() -> None:
    vectors = bundles(40)
    units = vectors.unit_rows - vectors.unit_rows.mean(axis=0)
    left, values, _ = np.linalg.svd(units.astype(np.float64))
    expected = np.abs(left[:, :2] * values[:2])  # a component has no sign of its own
    assert np.abs(principal_components(vectors)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("rows", [[[1]], [[2], [-3]], [[1, 1], [1, 1]], [[0, 0, 0]], [[0, 0], [1, 0], [0, 1]]])
def test_few_or_equal_words_and_one_dimension_have_places(rows: list[list[float]]) -> None:
    vectors = WordVectors([f"w{i}" for i in range(len(rows))], np.array(rows, np.float32))
    for method in ("pca", "tsne"):
        placed = lay_out(vectors, method, 1, 1)
        assert placed.method == "pca"
        assert placed.positions.shape == (len(rows), 2)
        assert placed.positions.min() >= 0 and placed.positions.max() <= 1
    assert group_words(vectors, 1).of_words.max() < len(rows)


def test_a_vector_without_finite_length_is_named() -> None:
    matrix = np.eye(3, dtype=np.float32)
    matrix[1, 1] = np.nan
    with pytest.raises(ModelFileError, match="the vector of bad has no finite length"):
        lay_out(WordVectors(["good", "bad", "fine"], matrix), "pca", 1, 1)


def test_the_nearest_words_are_those_of_a_matrix_of_all_cosines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "_WORDS_AT_ONCE", 7)
    vectors = bundles(30)
    cosines = vectors.unit_rows @ vectors.unit_rows.T
    np.fill_diagonal(cosines, -2)
    ids, found = nearest_words(vectors, 5)
    assert ids.tolist() == np.argsort(-cosines, axis=1, kind="stable")[:, :5].tolist()
    assert found == pytest.approx(-np.sort(-cosines, axis=1)[:, :5], abs=1e-5)


def test_further_words_lie_near_the_median_of_their_neighbours() -> None:
    vectors = bundles(80)
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    placed = spread(vectors, np.tile(corners, (10, 1)), "file")
    assert placed.laid_out == 40
    # All placed words of a bundle lie at its corner. Words are moved a little, so that none hides another.
    further = placed.positions[40:]
    assert np.abs(further - np.tile(corners, (10, 1))).max() < 0.2
    assert len(np.unique(further, axis=0)) == 40


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let t-SNE end early: bundles are apart long before."""
    pytest.importorskip("openTSNE", reason=REASON)
    monkeypatch.setattr(layout_module, "ROUNDS", (50, 50))


@pytest.mark.usefixtures("few_rounds")
def test_tsne_keeps_bundles_together_and_threads_do_not_matter() -> None:
    vectors = bundles(200)
    one = lay_out(vectors, "tsne", 1, 1)
    assert one.method == "tsne" and apart(one.positions) == 1
    assert one.positions.tolist() == lay_out(vectors, "tsne", 1, 2).positions.tolist()
    assert one.positions.shape == (200, 2) and np.isfinite(one.positions).all()


@pytest.mark.usefixtures("few_rounds")
def test_only_the_most_frequent_words_are_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "MOST_WORDS", 100)
    told: list[tuple[str, int, int]] = []
    placed = lay_out(bundles(150), "tsne", 1, 1, lambda *phase: told.append(phase))
    assert placed.laid_out == 100 and apart(placed.positions) > 0.95
    assert list(dict.fromkeys(phase for phase, _, _ in told)) == [
        "Finding neighbours",
        "Laying out",
        "Placing rarer words",
    ]
    rounds = [done for phase, done, _ in told if phase == "Laying out"]
    assert rounds == sorted(rounds) and max(rounds) == 100


def test_groups_are_bundles_named_by_frequent_typical_words() -> None:
    vectors = bundles(90, dim=9, number=9)
    groups = group_words(vectors, 1)
    assert groups.of_words.tolist() == [i % 9 for i in range(90)]
    ids = [[int(word[1:]) for word in name.split(", ")] for name in groups.names]
    assert [[i % 9 for i in three] for three in ids] == [[group] * 3 for group in range(9)]
    assert ids == [sorted(three) for three in ids]


def test_a_word_between_all_groups_names_none() -> None:
    vectors = bundles(90, dim=9, number=9)
    between = np.concatenate([np.ones((1, 9), np.float32), vectors.matrix])
    groups = group_words(WordVectors(["the", *vectors.words], between), 1)
    assert not any("the" in name for name in groups.names)


def test_a_name_of_a_group_is_not_long() -> None:
    vectors = WordVectors(["x" * 500, "y" * 500, "z" * 500], np.ones((3, 2), np.float32))
    assert len(group_words(vectors, 1).names[0]) < 70


def test_positions_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "places.npy"
    np.save(path, np.arange(6).reshape(3, 2))
    assert read_positions(path, 2).tolist() == [[0, 1], [2, 3]]
    assert read_positions(path, 9).shape == (3, 2)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 3)), r"holds \(3, 3\), not two numbers for each word"),
        (np.zeros((0, 2)), "not two numbers"),
        (np.array([[0, np.nan]]), "not a finite number"),
        (np.array([["a", "b"]]), "not a finite number"),
        (np.array([{}], object), "not a .npy file of numbers"),
    ],
)
def test_a_file_without_positions_is_refused(array: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "places.npy", array, allow_pickle=True)
    with pytest.raises(ModelFileError, match=message):
        read_positions(tmp_path / "places.npy", 3)


def test_a_text_or_a_missing_file_of_positions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "places.npy").write_text("0 1\n")
    with pytest.raises(ModelFileError, match=r"places\.npy: not a \.npy file of numbers"):
        read_positions(tmp_path / "places.npy", 3)
    with pytest.raises(ModelFileError, match=r"none\.npy: No such file"):
        read_positions(tmp_path / "none.npy", 3)


def test_a_mistyped_layout_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--layout tnse is neither tsne"):
        require_layout("tnse")
    monkeypatch.setattr(layout_module, "can_tsne", lambda: False)
    with pytest.raises(MissingExtraError, match="needs the package openTSNE"):
        require_layout("tsne")


def test_the_first_words_share_the_matrix() -> None:
    vectors = bundles(10)
    some = vectors.first(3)
    assert list(some.words) == ["w0", "w1", "w2"] and np.shares_memory(some.matrix, vectors.matrix)
    assert vectors.first(10) is vectors


def test_fewer_words_than_dimensions_are_placed_as_the_larger_matrix_would(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def eigh(matrix: np.ndarray, original: Callable[[np.ndarray], Any] = np.linalg.eigh) -> Any:
        sizes.append(matrix.shape)
        return original(matrix)

    monkeypatch.setattr(np.linalg, "eigh", eigh)
    rows = np.random.default_rng(4).standard_normal((20, 50)).astype(np.float32)
    units = rows.astype(np.float64) / np.linalg.norm(rows, axis=1, keepdims=True)
    units -= units.mean(axis=0)
    right = units @ np.linalg.svd(units)[2][:2].T
    found = principal_components(WordVectors([f"w{i}" for i in range(20)], rows))
    assert np.allclose(np.abs(found), np.abs(right), atol=1e-5)
    alike = principal_components(WordVectors(["a", "b"], np.ones((2, 3), np.float32)))
    assert not alike.any()
    # A matrix of 20,000 × 20,000 would take minutes, during which nothing could interrupt it.
    assert sizes == [(20, 20), (2, 2)]
