"""Huffman codes: the binary tree of hierarchical softmax, as one path of nodes for every word.

Huffman 1952, "A Method for the Construction of Minimum-Redundancy Codes"; Morin & Bengio 2005, "Hierarchical
Probabilistic Neural Network Language Model".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from w2v_cli.compute.jit import compiled


@dataclass(frozen=True)
class Paths:
    """For every word the nodes from the root to its leaf, and at each of them the way taken.

    Attributes
    ----------
    starts : int64 (V + 1,); the path of word i is at starts[i]…starts[i + 1] − 1 of the other two.
    node_ids : int32, rows of node_vectors (V − 1, D); the root is the last row.
    labels : int8, the code: 1 for one branch, 0 for the other.
    """

    starts: np.ndarray
    node_ids: np.ndarray
    labels: np.ndarray

    @cached_property
    def longest(self) -> int:
        """Nodes of the longest path; looked for once, as it takes all of the vocabulary."""
        return int(np.diff(self.starts).max())

    def of(self, word_id: int) -> tuple[np.ndarray, np.ndarray]:
        """node_ids and labels of one word's path."""
        place = slice(self.starts[word_id], self.starts[word_id + 1])
        return self.node_ids[place], self.labels[place]


def huffman_paths(counts: np.ndarray) -> Paths:
    """The paths that make Σ count × length smallest.

    Two subtrees of the same count are taken in a fixed order, words before nodes, later words before earlier ones,
    so the tree depends on the counts alone. Paths have any length.

    Parameters
    ----------
    counts : int64 (V,), in any order: that of a vocabulary that was given need not be by count.
    """
    words = len(counts)
    order = np.argsort(-counts, kind="stable")
    parents = np.zeros(max(2 * words - 1, 1), np.int32)
    labels = np.zeros(max(2 * words - 1, 1), np.int8)
    depths = np.zeros(max(2 * words - 1, 1), np.int32)
    _build_tree(counts[order], parents, labels, depths)
    # The tree was built over the words in falling order of count; its leaves go back to the order of the vocabulary.
    for of_leaves in (parents, labels, depths):
        of_leaves[order] = of_leaves[:words].copy()
    starts = np.concatenate(([0], np.cumsum(depths[:words], dtype=np.int64)))
    node_ids, codes = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int8)
    _write_paths(parents, labels, starts, node_ids, codes)
    return Paths(starts, node_ids, codes)


@compiled
def _build_tree(counts: Any, parents: Any, labels: Any, depths: Any) -> None:
    """Join the two rarest subtrees until one is left; word i is i, node i is V + i; counts descend.

    Nodes are made in ascending order of count, so the rarest subtree is the last word or the oldest node left.
    """
    words = len(counts)
    totals = np.zeros(max(words - 1, 1), np.int64)
    word, oldest = words - 1, 0
    for node in range(words - 1):
        for branch in range(2):
            if word >= 0 and (oldest == node or counts[word] <= totals[oldest]):
                child = word
                totals[node] += counts[word]
                word -= 1
            else:
                child = words + oldest
                totals[node] += totals[oldest]
                oldest += 1
            parents[child] = node
            labels[child] = 1 - branch
    for child in range(2 * words - 3, -1, -1):
        depths[child] = depths[words + parents[child]] + 1


@compiled
def _write_paths(parents: Any, labels: Any, starts: Any, node_ids: Any, codes: Any) -> None:
    """From each leaf up to the root, written from the end of its path to the start."""
    words = len(starts) - 1
    for word in range(words):
        child = word
        for place in range(starts[word + 1] - 1, starts[word] - 1, -1):
            node_ids[place], codes[place] = parents[child], labels[child]
            child = words + parents[child]
