"""Labels never overlap, stay inside, and go to the most important points first."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from w2v_cli.pictures.labels import Label, place_labels

AREA = (0.0, 0.0, 200.0, 100.0)


def overlap(one: Label, other: Label) -> bool:
    """Tell whether two boxes share more than an edge."""
    left, lower, right, upper = one.box
    return left < other.box[2] and other.box[0] < right and lower < other.box[3] and other.box[1] < upper


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_a_crowd_do_not_overlap_and_stay_inside(seed: int) -> None:
    random = np.random.default_rng(seed)
    points, widths = random.uniform((0, 0), (200, 100), (400, 2)), random.uniform(5, 40, 400)
    placed = place_labels(points, lambda point: (widths[point], 8.0), AREA, distance=3.0, margin=1.0)
    assert len(placed) > 30
    assert not any(overlap(*pair) for pair in itertools.combinations(placed, 2))
    for point, (left, lower, right, upper) in placed:
        assert 0 <= left < right <= 200 and 0 <= lower < upper <= 100
        assert right - left == pytest.approx(widths[point]) and upper - lower == pytest.approx(8)


def test_a_label_lies_beside_its_point() -> None:
    (label,) = place_labels(np.array([[100.0, 50.0]]), lambda _: (20.0, 8.0), AREA, distance=3.0)
    assert label == (0, (103.0, 46.0, 123.0, 54.0))


def test_the_first_of_two_points_in_one_place_gets_the_label() -> None:
    points = np.array([[100.0, 50.0], [102.0, 50.0]])
    assert place_labels(points, lambda _: (150.0, 60.0), AREA, 3.0) == []
    assert [label.point for label in place_labels(points, lambda _: (90.0, 60.0), AREA, 3.0)] == [0, 1]
    assert [label.point for label in place_labels(points[:, ::-1], lambda _: (90.0, 90.0), AREA, 3.0)] == [0]


def test_a_label_avoids_points_and_boxes_that_are_taken() -> None:
    points = np.array([[100.0, 50.0], [110.0, 50.0]])
    (label, *_) = place_labels(points, lambda _: (20.0, 8.0), AREA, 3.0)
    assert label.box[2] == 97  # to the left, because the other point lies to the right
    (label, *_) = place_labels(points, lambda _: (20.0, 8.0), AREA, 3.0, taken=[(80, 48, 90, 52)])
    assert label.box[1] == 53  # above


def test_a_point_under_a_label_gets_none_unless_it_is_one_of_the_first() -> None:
    points, sizes = np.array([[50.0, 50.0], [56.0, 50.0]]), [(94.0, 94.0), (4.0, 4.0)]
    assert [label.point for label in place_labels(points, sizes.__getitem__, AREA, 1.0)] == [0]
    assert [label.point for label in place_labels(points, sizes.__getitem__, AREA, 1.0, first=2)] == [0]
    assert [label.point for label in place_labels(points, sizes.__getitem__, AREA, 7.0, first=2)] == [0, 1]


def test_no_more_labels_than_asked_for_and_none_for_points_that_must_not_have_one() -> None:
    points = np.array([[20.0, 50.0], [80.0, 50.0], [140.0, 50.0]])
    placed = place_labels(points, lambda point: None if point == 0 else (10.0, 8.0), AREA, 3.0, most=1)
    assert [label.point for label in placed] == [1]
