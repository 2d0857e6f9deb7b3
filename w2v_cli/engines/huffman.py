"""Huffman codes: the binary tree of hierarchical softmax, stored as a path of nodes for each word.

The loss is derived in help/mathematics.md, section 7. References: Huffman 1952, "A Method for the Construction of
Minimum-Redundancy Codes"; Morin & Bengio 2005, "Hierarchical Probabilistic Neural Network Language Model".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from w2v_cli.compute.jit import compiled


@dataclass(frozen=True)
class Paths:
    """The nodes from the root to the leaf of each word, and the branch taken at each of them.

    Attributes
    ----------
    starts : int64 (V + 1,). The path of word i is at starts[i]…starts[i + 1] − 1 in the other two arrays.
    node_ids : int32, rows of node_vectors (V − 1, D). The root is the last row.
    labels : int8, the Huffman code: 1 for one branch, 0 for the other.
    """

    starts: np.ndarray
    node_ids: np.ndarray
    labels: np.ndarray

    @cached_property
    def longest(self) -> int:
        """Number of nodes of the longest path; cached, because finding it takes a pass over the vocabulary."""
        return int(np.diff(self.starts).max())

    def of(self, word_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the node_ids and the labels of one word's path."""
        path = slice(self.starts[word_id], self.starts[word_id + 1])
        return self.node_ids[path], self.labels[path]


def huffman_paths(counts: np.ndarray) -> Paths:
    """Return the paths for which Σ count × length is smallest.

    Subtrees with equal counts are joined in a fixed order, words before nodes and later words before earlier ones, so
    the tree depends only on the counts. The length of a path is not limited.

    Parameters
    ----------
    counts : int64 (V,), in any order, because a vocabulary from a file need not be sorted.

    Examples
    --------
    The most frequent of three words has a path of one node, the root, which is the last of two nodes:

    >>> paths = huffman_paths(np.array([5, 2, 1]))
    >>> paths.of(0)
    (array([1], dtype=int32), array([0], dtype=int8))
    >>> np.diff(paths.starts).tolist()
    [1, 2, 2]
    """
    words = len(counts)
    order = np.argsort(-counts, kind="stable")
    parents = np.zeros(max(2 * words - 1, 1), np.int32)
    labels = np.zeros(max(2 * words - 1, 1), np.int8)
    depths = np.zeros(max(2 * words - 1, 1), np.int32)
    _build_tree(counts[order], parents, labels, depths)
    # The tree was built over the words sorted by count. Put its leaves back into the order of the vocabulary.
    for values in (parents, labels, depths):
        values[order] = values[:words].copy()
    starts = np.concatenate(([0], np.cumsum(depths[:words], dtype=np.int64)))
    node_ids, codes = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.int8)
    _write_paths(parents, labels, starts, node_ids, codes)
    return Paths(starts, node_ids, codes)


@compiled
def _build_tree(counts: Any, parents: Any, labels: Any, depths: Any) -> None:
    """Join the two rarest subtrees until one is left.

    Word i has the index i, and node i has the index V + i. `counts` must be sorted in descending order. Nodes are made
    in ascending order of count, so the rarest subtree is always the last word or the oldest node that is left.
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
    """Follow each leaf up to the root, and write its path from the end to the start."""
    words = len(starts) - 1
    for word in range(words):
        child = word
        for step in range(starts[word + 1] - 1, starts[word] - 1, -1):
            node_ids[step], codes[step] = parents[child], labels[child]
            child = words + parents[child]
