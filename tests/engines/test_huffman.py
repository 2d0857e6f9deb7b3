"""Huffman codes are the shortest possible, unique for each word, and the same every time."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_cli.engines import huffman
from w2v_cli.engines.huffman import huffman_paths, word_outputs
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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_output_vector_of_a_word_is_the_sum_of_its_nodes(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are more words than are computed at a time, with paths of different lengths."""
    monkeypatch.setattr(huffman, "_NUMBERS", 40)
    rng = np.random.default_rng(4)
    paths = huffman_paths(rng.permutation(2 ** np.arange(30)))
    nodes: np.ndarray = rng.standard_normal((29, 5)).astype(dtype)
    expected = np.zeros((30, 5))
    for word in range(30):
        node_ids, labels = paths.of(word)
        for node, label in zip(node_ids, labels, strict=True):
            expected[word] = 0.9 * expected[word] + (label - 0.5) * nodes[node]
    found = word_outputs(paths, nodes)
    assert found.dtype == dtype
    # The sums are below 10, and numbers of that size are 10·eps apart.
    np.testing.assert_allclose(found, expected, rtol=0, atol=float(10 * np.finfo(dtype).eps))


def test_a_single_word_has_an_output_vector_of_zeros() -> None:
    assert word_outputs(huffman_paths(np.array([3])), np.zeros((0, 2))).tolist() == [[0, 0]]


def test_undamped_output_vectors_are_the_derivative_of_log_p(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huffman, "_NODE_ABOVE", 1.0)
    rng = np.random.default_rng(6)
    paths = huffman_paths(np.arange(1, 9))
    nodes = rng.standard_normal((7, 3))
    outputs = word_outputs(paths, nodes)
    for word in range(8):
        node_ids, labels = paths.of(word)
        _, gradient, _ = logistic_loss(np.zeros((1, 3)), nodes[node_ids], labels.astype(float), np.ones(len(labels)))
        np.testing.assert_allclose(outputs[word], -gradient[0], atol=1e-12)
