"""Huffman codes are the shortest possible, unique for each word, and the same every time."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_cli.engines.huffman import huffman_paths
from w2v_cli.gradients.losses import logistic_loss

# In any order, because a vocabulary from a file need not be sorted.
COUNTS = st.lists(st.integers(1, 1000), min_size=1, max_size=60).map(np.array)


def smallest_cost(counts: np.ndarray) -> int:
    """Return Σ count × length of an optimal code, as the sum of all joins, with a heap."""
    heap = counts.tolist()
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        cost += joined
        heapq.heappush(heap, joined)
    return cost


# There is no deadline, because the first call may compile.
@settings(deadline=None)
@given(COUNTS)
def test_no_code_is_shorter(counts: np.ndarray) -> None:
    assert counts @ np.diff(huffman_paths(counts).starts) == smallest_cost(counts)


@given(COUNTS)
def test_every_word_has_a_path_of_its_own_from_the_root(counts: np.ndarray) -> None:
    paths = huffman_paths(counts)
    if len(counts) == 1:
        assert len(paths.node_ids) == 0
        return
    seen = {tuple(zip(*(array.tolist() for array in paths.of(word)), strict=True)) for word in range(len(counts))}
    assert len(seen) == len(counts)
    assert {path[0][0] for path in seen} == {len(counts) - 2}
    assert {node for path in seen for node, _ in path} == set(range(len(counts) - 1))
    assert paths.longest == max(map(len, seen))
    # Kraft's equality, which holds for a full binary tree.
    assert sum(2.0 ** -len(path) for path in seen) == 1


@pytest.mark.parametrize("words", [2, 3, 50])
def test_the_probabilities_of_all_words_sum_to_one(words: int) -> None:
    rng = np.random.default_rng(words)
    paths = huffman_paths(np.sort(rng.integers(1, 100, words))[::-1])
    hidden, nodes = rng.standard_normal((1, 5)), rng.standard_normal((words - 1, 5))
    total = 0.0
    for word in range(words):
        node_ids, labels = paths.of(word)
        loss, _, _ = logistic_loss(hidden, nodes[node_ids], labels.astype(float))
        total += math.exp(-float(loss))
    assert total == pytest.approx(1, abs=1e-13)


def test_a_code_worked_by_hand() -> None:
    # 1 + 1 = 2 (node 0), 2 + 2 = 4 (node 1: the word first, then the node), 4 + 5 = 9 (node 2, the root).
    paths = huffman_paths(np.array([5, 2, 1, 1]))
    assert [paths.of(word)[0].tolist() for word in range(4)] == [[2], [2, 1], [2, 1, 0], [2, 1, 0]]
    assert [paths.of(word)[1].tolist() for word in range(4)] == [[0], [1, 1], [1, 0, 0], [1, 0, 1]]


def test_the_order_of_the_words_changes_neither_the_tree_nor_which_nodes_are_near_the_root() -> None:
    counts = np.array([5, 2, 1, 1])
    falling, shuffled = huffman_paths(counts), huffman_paths(counts[[2, 0, 3, 1]])
    for word, before in enumerate([2, 0, 3, 1]):
        for ours, theirs in zip(shuffled.of(word), falling.of(before), strict=True):
            assert ours.tolist() == theirs.tolist()


def test_paths_may_be_longer_than_forty_nodes() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 80:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    assert np.diff(huffman_paths(np.array(fibonacci[::-1])).starts).max() == 79
