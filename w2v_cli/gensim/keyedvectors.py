"""`KeyedVectors` with gensim's names, on w2v's functions and w2v's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.gensim.rows import KEY_TYPES, KeyedRows


class KeyedVectors(KeyedRows):
    """Keys with their vectors, and what can be asked of them."""

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
    ) -> Any:
        """Return the nearest keys to a weighted mean of vectors, with their cosines, best first."""
        if isinstance(topn, Integral) and topn < 1:
            return []
        terms = [(item, 1.0) for item in as_list(positive)] + [(item, -1.0) for item in as_list(negative)]
        terms = [item if isinstance(item, tuple) else (item, sign) for item, sign in terms]
        mean, own = np.zeros(self.vector_size), set()
        for key, weight in terms:
            mean += weight * np.asarray(self.get_vector(key, norm=True) if isinstance(key, KEY_TYPES) else key)
            if isinstance(key, KEY_TYPES) and self.has_index_for(key):
                own.add(self.get_index(key))
        mean /= np.linalg.norm(mean)
        if restrict_vocab:
            clip_start, clip_end = 0, restrict_vocab
        clip = slice(clip_start, clip_end or len(self.vectors))
        cosines = self.vectors[clip] @ mean.astype(np.float32) / self._filled_norms()[clip]
        if topn is None:
            return cosines
        order = np.argsort(-cosines, kind="stable")[: topn + len(own)] + clip_start
        found = [(self.index_to_key[i], float(cosines[i - clip_start])) for i in order if i not in own]
        return found[:topn]

    def save(self, fname: str | os.PathLike[str], *args: Any, **options: Any) -> None:
        """Write the keys, vectors and counts to a file of w2v, whatever its name is."""
        save_model(fname, self.index_to_key, self.expandos.get("count"), {"input_vectors": self.vectors}, {})

    @classmethod
    def load(cls, fname: str | os.PathLike[str], mmap: str | None = None) -> KeyedVectors:
        """Read what `save` wrote."""
        with ModelFile(fname) as file:
            vectors = file.vectors
        made = cls(vectors.dim)
        made.index_to_key = list(vectors.words)
        made.key_to_index = {key: index for index, key in enumerate(made.index_to_key)}
        made.vectors, made.next_index = np.array(vectors.matrix), len(vectors)
        if vectors.counts is not None:
            made.expandos["count"] = vectors.counts
        return made


def as_list(value: Any) -> Sequence[Any]:
    """Return one key or vector as a list of it, the rows of a matrix as a list, and None as an empty list."""
    if value is None:
        return []
    if isinstance(value, KEY_TYPES) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return [value]
    return list(value)
