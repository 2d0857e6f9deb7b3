"""Keys, each with a vector and with attributes: what gensim keeps of its vectors, under the same names."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from w2v_cli.errors import UnknownWordError

KEY_TYPES = (str, int, np.integer)

# A key is a str, or a whole number. Nothing else is checked: gensim takes any hashable value in some methods.
Key: TypeAlias = Any


class KeyedRows:
    """V keys with their vectors and attributes.

    Everything is an ordinary list, dict or array, as in gensim, and may be written to.

    Parameters
    ----------
    vector_size : D, the length of a vector.
    count : how many rows to reserve; `add_vector` fills them one after the other.
    dtype : the type of the numbers.
    mapfile_path : unused, as in gensim.

    Attributes
    ----------
    index_to_key : list of the V keys; None where a reserved row has no key yet.
    key_to_index : dict of the row of each key.
    vectors : (V, D).
    norms : the length of each vector, (V,), or None until somebody needs it.
    expandos : dict of the attributes, each an array (V,); see `set_vecattr`.
    next_index : the row that `add_vector` fills next.
    """

    def __init__(self, vector_size: int, count: int = 0, dtype: Any = np.float32, mapfile_path: Any = None) -> None:
        self.vector_size = vector_size
        self.index_to_key: list[Any] = [None] * count
        self.key_to_index: dict[Any, int] = {}
        self.next_index = 0
        self.vectors = np.zeros((count, vector_size), dtype)
        self.norms: np.ndarray | None = None
        self.expandos: dict[str, np.ndarray] = {}
        self.mapfile_path = mapfile_path

    def take_keys(self, keys: list[Any]) -> None:
        """Take these keys in place of those that there were, one for each row."""
        self.index_to_key, self.next_index = keys, len(keys)
        self.key_to_index = {key: row for row, key in enumerate(keys)}

    def __str__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    __repr__ = __str__

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, key: Key) -> bool:
        return self.has_index_for(key)

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> np.ndarray:
        """Return the vector of a key, (D,), or those of several keys, (n, D); KeyError if one is unknown."""
        if isinstance(key_or_keys, KEY_TYPES):
            return self.get_vector(key_or_keys)
        return np.vstack([self.get_vector(key) for key in key_or_keys])

    def __setitem__(self, keys: Key | list[Key], weights: Any) -> None:
        """Set the vector of a key, or those of a list of keys; unknown keys are added."""
        self.add_vectors(keys, weights, replace=True)

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row of a key; a whole number that is no key is a row itself.

        Raises
        ------
        KeyError
            If the key is unknown and there is no default.
        """
        index = self.key_to_index.get(key, -1)
        if index >= 0:
            return index
        if isinstance(key, int | np.integer) and 0 <= key < len(self.index_to_key):
            return int(key)
        if default is not None:
            return default
        raise UnknownWordError(f"Key '{key}' not present")

    def has_index_for(self, key: Key) -> bool:
        """Return whether a key has a row."""
        return self.get_index(key, -1) >= 0

    def get_vector(self, key: Key, norm: bool = False) -> np.ndarray:
        """Return the vector of a key, (D,), read-only; with `norm`, a copy of length 1.

        Raises
        ------
        KeyError
            If the key is unknown.
        """
        index = self.get_index(key)
        vector = self.vectors[index]
        if norm:
            vector = vector / self._filled_norms()[index]
        vector.flags.writeable = False
        return vector

    def fill_norms(self, force: bool = False) -> None:
        """Compute `norms` unless they are known; with `force`, in any case, as after writing to `vectors`."""
        if force or self.norms is None or len(self.norms) != len(self.vectors):
            self.norms = np.linalg.norm(self.vectors, axis=1)

    def _filled_norms(self) -> np.ndarray:
        self.fill_norms()
        norms: Any = self.norms
        return norms

    def get_normed_vectors(self) -> np.ndarray:
        """Return all vectors scaled to length 1, (V, D)."""
        return self.vectors / self._filled_norms()[:, np.newaxis]

    def unit_normalize_all(self) -> None:
        """Scale all vectors to length 1 in place; what their lengths said is lost."""
        self.vectors /= self._filled_norms()[:, np.newaxis]
        self.norms = np.ones(len(self.vectors))

    def add_vector(self, key: Key, vector: Any) -> int:
        """Add a key with its vector in the next reserved row, or else in a new one; return the row."""
        index = self.next_index
        if index < len(self) and self.index_to_key[index] is None:
            self.index_to_key[index] = key
            self.key_to_index[key] = index
            self.vectors[index] = vector
            self.norms = None
        else:
            index = len(self)
            warnings.warn(
                "each vector that is added alone copies all others; add many at once, or reserve rows with count=",
                UserWarning,
                stacklevel=2,
            )
            self.add_vectors([key], [vector])
        self.next_index = index + 1
        return index

    def add_vectors(
        self,
        keys: Key | Sequence[Key],
        weights: Any,
        extras: Mapping[str, np.ndarray] | None = None,
        replace: bool = False,
    ) -> None:
        """Add keys with their vectors, (n, D), in new rows. Of several equal keys, the first counts.

        Parameters
        ----------
        extras : attributes of the keys by name, each an array (n,).
        replace : whether known keys get the new vectors and attributes; otherwise they keep theirs.
        """
        if isinstance(keys, KEY_TYPES):
            keys, weights = [keys], np.asarray(weights).reshape(1, -1)
        weights, extras = np.asarray(weights), {name: np.asarray(extra) for name, extra in (extras or {}).items()}
        if weights.shape != (len(keys), self.vector_size):
            raise ValueError(f"{len(keys)} keys of {self.vector_size} numbers cannot have vectors {weights.shape}")
        new: list[int] = []
        for place, key in enumerate(keys):
            if key not in self.key_to_index:
                self.key_to_index[key] = len(self.index_to_key)
                self.index_to_key.append(key)
                new.append(place)
        self.vectors = np.vstack((self.vectors, weights[new].astype(self.vectors.dtype)))
        self.norms = None
        self.allocate_vecattrs()
        self.allocate_vecattrs(list(extras), [extra.dtype for extra in extras.values()])
        places = list(range(len(keys)))[::-1] if replace else new
        rows = [self.key_to_index[keys[place]] for place in places]
        self.vectors[rows] = weights[places]
        for name, extra in extras.items():
            self.expandos[name][rows] = extra[places]

    def allocate_vecattrs(self, attrs: Sequence[str] | None = None, types: Sequence[Any] | None = None) -> None:
        """Make room for attributes of all keys: new ones are zero.

        Parameters
        ----------
        attrs, types : the names and their types; None: those that there are.

        Raises
        ------
        TypeError
            If an attribute has another type already.
        """
        if attrs is None or types is None:
            attrs, types = list(self.expandos), [array.dtype for array in self.expandos.values()]
        for name, given in zip(attrs, types, strict=True):
            kind: Any = {int: np.int64, str: object}.get(given, given)
            before = self.expandos.get(name)
            if before is not None and not np.issubdtype(kind, before.dtype):
                raise TypeError(f"the attribute {name} has the type {before.dtype}, so it cannot hold {given}")
            if before is not None and len(before) == len(self):
                continue
            grown = np.zeros(len(self), kind if before is None else before.dtype)
            if before is not None:
                kept = min(len(before), len(self))
                grown[:kept] = before[:kept]
            self.expandos[name] = grown

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Set an attribute of a key. The first value of an attribute determines its type.

        Raises
        ------
        KeyError
            If the key is unknown.
        TypeError
            If the value does not have the attribute's type.
        """
        self.allocate_vecattrs([attr], [type(val)])
        self.expandos[attr][self.get_index(key)] = val

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """Return an attribute of a key, such as its `count`; KeyError if there is no such key or attribute."""
        index = self.get_index(key)
        return self.expandos[attr][index]

    def resize_vectors(self, seed: int = 0) -> None:
        """Make `vectors` and the attributes as long as `index_to_key`; new vectors are random and short."""
        before = self.vectors
        shape = (len(self.index_to_key), self.vector_size)
        if before.shape != shape:
            # This order of operations gives the numbers of gensim.
            numbers = np.random.default_rng(seed).random(shape, before.dtype)
            self.vectors = (numbers * 2 - 1) / self.vector_size
            self.vectors[: len(before), : before.shape[1]] = before
        self.allocate_vecattrs()
        self.norms = None

    def sort_by_descending_frequency(self) -> None:
        """Sort keys, vectors and attributes by the attribute `count`; equal counts are reversed, as in gensim."""
        if not len(self):
            return
        counts = np.asarray(self.expandos["count"], np.int64)
        order = np.lexsort((-np.arange(len(counts)), -counts))
        self.index_to_key = [self.index_to_key[index] for index in order]
        self.key_to_index = {key: index for index, key in enumerate(self.index_to_key)}
        self.allocate_vecattrs()
        self.expandos = {name: values[order] for name, values in self.expandos.items()}
        if len(self.vectors):
            self.vectors = self.vectors[order]
            self.norms = None
