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

# In the output vector of a word, how much a node counts for, compared with the next one on the path. With 1, the nodes
# near the root, which many words share, take the place of what tells these words apart (measured: help/design.md,
# "Which vectors answer").
_NODE_ABOVE = 0.9
# How many numbers of output vectors are computed at a time: few enough for the cache.
_NUMBERS = 1 << 15


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

    @cached_property
    def tiled(self) -> dict[tuple[int, int], Any]:
        """The same paths in the tiles of the compiled engine, which keeps them here from block to block."""
        return {}

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


def word_outputs(paths: Paths, node_vectors: np.ndarray) -> np.ndarray:
    """Return an output vector for each word, the sum of the nodes on its path (help/mathematics.md, 7.7):

        c = Σ 0.9^(L − l)·(label_l − ½)·v_l        over the nodes l = 1 … L of the path, from the root

    Without the power of 0.9, this is ∂ log P(w|h) ÷ ∂h at h = 0.

    Parameters
    ----------
    paths : of V words.
    node_vectors : float (V − 1, D).

    Returns
    -------
    (V, D), of the type of the node vectors.

    Examples
    --------
    >>> paths = huffman_paths(np.array([5, 2, 1]))
    >>> word_outputs(paths, np.array([[4.0], [2.0]])).tolist()
    [[-1.0], [-1.1], [2.9]]
    """
    outputs = np.empty((len(paths.starts) - 1, node_vectors.shape[1]), node_vectors.dtype)
    at_once = max(1, _NUMBERS // outputs.shape[1])
    for first in range(0, len(outputs), at_once):
        some = outputs[first : first + at_once]
        starts = paths.starts[first : first + len(some)]
        lengths = paths.starts[first + 1 : first + len(some) + 1] - starts
        sums = np.zeros(some.shape, np.promote_types(some.dtype, np.float32))
        for above in range(lengths.max()):
            # A path that is shorter than the longest one adds its first node 0 times.
            at = starts + np.maximum(lengths - 1 - above, 0)
            signs = np.where(above < lengths, paths.labels[at] - 0.5, 0)
            sums += node_vectors[paths.node_ids[at]] * (_NODE_ABOVE**above * signs)[:, None].astype(sums.dtype)
        some[:] = sums
    return outputs


def carried_nodes(old: Paths, node_vectors: np.ndarray, new: Paths, rows: np.ndarray) -> np.ndarray:
    """Return node vectors of a new tree that predict, to first order, what those of another tree did.

        u_w = ∂ log P(w|h) ÷ ∂h = Σ (label − ½)·v_n over the nodes n of the old path of w, at h = 0
        v = Σ p_w·u_w ÷ Σ p_w over one branch − the same over the other, where p_w = P(w|0) = 2^−(length of its path)

    The first difference is that of log P between the branches, which the score of a node stands for. A node with a
    branch of new words alone gets zeros. In a tree that has not changed, every node gets its own vector, but for
    rounding (measured: help/design.md, "Going on from a model").

    Parameters
    ----------
    old, node_vectors : the tree of a model, and its vectors, float32 (V' − 1, D).
    new : the tree of V words.
    rows : int32 (V,), the index of each word among those of `old`; −1 for a new word.
    """
    carried = np.zeros((max(len(rows) - 1, 0), node_vectors.shape[1]), np.float32)
    children = np.zeros((len(carried), 2), np.int64)
    weights = np.zeros(len(carried))
    vectors = np.ascontiguousarray(node_vectors, np.float32)
    if len(carried):
        _carry(
            old.starts, old.node_ids, old.labels, vectors, new.starts, new.node_ids, new.labels, rows, children,
            weights, carried,
        )  # fmt: skip
    return carried


@compiled
def _carry(  # type: ignore[no-untyped-def]
    old_starts, old_nodes, old_labels, vectors, starts, nodes, labels, rows, children, weights, carried
):
    """Fill `carried`, at first with Σ p_w·u_w of the words below each node, then from the root down with differences.

    A child is the index of a node, or −1 − the index of a word. Children come before their parents.
    """
    words, dim = len(rows), carried.shape[1]
    for word in range(words):
        for at in range(starts[word], starts[word + 1]):
            inner = at + 1 < starts[word + 1]
            children[nodes[at], labels[at]] = nodes[at + 1] if inner else -1 - word
    sides, masses = np.zeros((2, dim)), np.zeros(2)
    for turn in range(2):
        for i in range(words - 1):
            node = i if turn == 0 else words - 2 - i
            for branch in range(2):
                child, masses[branch] = children[node, branch], 0.0
                for k in range(dim):
                    sides[branch, k] = 0.0
                if child >= 0:
                    masses[branch] = weights[child]
                    for k in range(dim):
                        sides[branch, k] = carried[child, k]
                elif rows[-1 - child] >= 0:
                    row = rows[-1 - child]
                    masses[branch] = 0.5 ** (old_starts[row + 1] - old_starts[row])
                    for at in range(old_starts[row], old_starts[row + 1]):
                        for k in range(dim):
                            sides[branch, k] += masses[branch] * (old_labels[at] - 0.5) * vectors[old_nodes[at], k]
            known = masses[0] > 0 and masses[1] > 0
            if turn == 0:
                weights[node] = masses[0] + masses[1]
            for k in range(dim):
                if turn == 0:
                    carried[node, k] = sides[0, k] + sides[1, k]
                else:
                    carried[node, k] = sides[1, k] / masses[1] - sides[0, k] / masses[0] if known else 0.0


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
