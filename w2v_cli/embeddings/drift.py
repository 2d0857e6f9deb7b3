"""Which words have moved between two models: the cosine of their two vectors, and what is left of their neighbours.

The cosine needs both models in one space. The neighbours do not: they are those within each model, so the overlap is a
second opinion that no rotation can spoil (Gonen, Jawahar, Seddah & Goldberg 2020, ACL).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from w2v_cli.embeddings.alignment import Alignment, Shared, cosines_of_shared, require_same_dim
from w2v_cli.embeddings.queries import Neighbour, nearest
from w2v_cli.embeddings.vectors import WordVectors

# The neighbours of so many words are looked for at once.
_ASKED = 256


class Drift(NamedTuple):
    """How far a word has moved.

    Attributes
    ----------
    word : the word · cosine : of its two vectors, in one space.
    overlap : the share of its old and new neighbours, taken together, that are both (Jaccard), 0…1.
    old_neighbours, new_neighbours : the nearest words in each model among those that both have, nearest first.
    """

    word: str
    cosine: float
    overlap: float
    old_neighbours: list[Neighbour]
    new_neighbours: list[Neighbour]


class Moves:
    """The shared words of two models, and how far each of them has moved.

    Parameters
    ----------
    shared : the words to compare.
    alignment : what rotates the new vectors into the old space; None if they are in it.

    Raises
    ------
    ConfigError
        If the vectors have different numbers of dimensions.
    ModelFileError
        If a vector holds NaN or infinity.
    """

    def __init__(self, old: WordVectors, new: WordVectors, shared: Shared, alignment: Alignment | None = None) -> None:
        require_same_dim(old, new)
        words = old.words.take(shared.first)
        self.old = WordVectors(words, old.rows(shared.first))
        rows = new.rows(shared.second)
        self.new = WordVectors(words, rows if alignment is None else alignment.apply(rows))
        every = np.arange(len(words))
        self.cosines = cosines_of_shared(self.old, self.new, Shared(every, every))

    def __len__(self) -> int:
        return len(self.old)

    def ranked(
        self, k: int, by: str = "cosine", top: int | None = None, ids: np.ndarray | None = None
    ) -> Iterator[Drift]:
        """Yield how far words have moved; the one that moved farthest comes first.

        By cosine, the neighbours of a word are looked for when it is its turn. By overlap, those of all words come
        first. Words that moved equally far come in the order of the old model.

        Parameters
        ----------
        k : how many neighbours a word has.
        by : one of `choices.DRIFT_MEASURES`; words of equal overlap are ranked by cosine.
        top : stop after so many words; None: all.
        ids : the rows of `old` and `new` to rank; None: all.
        """
        among = np.arange(len(self)) if ids is None else ids
        among = among[np.argsort(self.cosines[among], kind="stable")]
        if by == "cosine":
            yield from self._of(among[:top], k)
        else:
            yield from sorted(self._of(among, k), key=lambda drift: drift.overlap)[:top]

    def _of(self, ids: np.ndarray, k: int) -> Iterator[Drift]:
        """Yield how far each of some words has moved, with its k nearest words in both models."""
        for start in range(0, len(ids), _ASKED):
            asked = ids[start : start + _ASKED]
            excluded = [[word_id] for word_id in asked.tolist()]
            found = [nearest(side, side.rows(asked), k, excluded) for side in (self.old, self.new)]
            for word_id, before, after in zip(asked.tolist(), *found, strict=True):
                word, cosine = self.old.words[word_id], float(self.cosines[word_id])
                yield Drift(word, cosine, overlap(before, after), before, after)


def overlap(before: list[Neighbour], after: list[Neighbour]) -> float:
    """Return the Jaccard index of the words of two lists: |A ∩ B| / |A ∪ B|; 1 if both are empty."""
    one, other = ({neighbour.word for neighbour in found} for found in (before, after))
    return len(one & other) / len(one | other) if one or other else 1.0
