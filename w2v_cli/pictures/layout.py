"""Lay words out in the plane, so that words with near vectors lie near each other.

t-SNE (van der Maaten & Hinton 2008) keeps neighbourhoods, which is what people look at; openTSNE (Poličar et al. 2019)
computes it, from the exact neighbours that this package finds. PCA needs no other package, but shows little of word
vectors: it keeps the directions of largest variance, and those are few of many. The same words with the same seed get
the same places, however many threads there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.compute.threads import one_blas_thread
from w2v_cli.embeddings.queries import find_nearest
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, MissingExtraError, ModelFileError

# What computes a layout, as --layout names it; anything else is the name of a file.
METHODS = ("tsne", "pca")
# What a picture calls the methods of a `Layout`.
NAMES = {"tsne": "t-SNE", "pca": "PCA", "file": "the given file"}
# t-SNE takes time for every word. Rarer words are placed beside their nearest neighbours among these.
MOST_WORDS = 20_000
# With fewer words there are no neighbourhoods to keep.
FEWEST_WORDS = 50
PERPLEXITY = 30
# How many rounds of t-SNE exaggerate the attraction of neighbours, and how many do not.
ROUNDS = (250, 500)
# A further word lies at the median of this many of its nearest neighbours. The median, unlike the mean, does not put a
# word into the empty space between two regions.
PLACED_BY = 5
# How far a further word is moved from that point, as a share of the mean distance between words on the map. The median
# is often the very place of another word, which would then be hidden.
_JITTER = 0.5
_WORDS_AT_ONCE = 2_000
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))

# Told what is being done, how much of it is done, and how much there is.
OnProgress = Callable[[str, int, int], None]


def silent(phase: str, done: int, total: int) -> None:
    """Tell nobody."""


class Layout(NamedTuple):
    """Places of words in the plane.

    Attributes
    ----------
    positions : float32 (V, 2), from 0 to 1; the longer side of the map has length 1.
    method : tsne, pca or file.
    laid_out : how many of the first words the method placed; the others lie beside their nearest neighbours.
    """

    positions: np.ndarray
    method: str
    laid_out: int


def can_tsne() -> bool:
    """Return whether openTSNE is installed."""
    return find_spec("openTSNE") is not None


def default_method() -> str:
    """Return tsne or, if openTSNE is not installed, pca."""
    return "tsne" if can_tsne() else "pca"


def read_positions(path: str | os.PathLike[str], words: int) -> np.ndarray:
    """Read the positions of the most frequent words from a file of numpy's.

    Parameters
    ----------
    words : how many words there are to be placed; positions of further words are left out.

    Returns
    -------
    float64 (n, 2), n ≤ words.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or does not hold pairs of finite numbers.
    """
    try:
        positions = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        # numpy puts the name into some of these messages, and advises pickle in others.
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a .npy file of numbers"
        raise ModelFileError(
            f"{os.fspath(path)}: {why}", hint="--layout takes tsne, pca, or a .npy file with two numbers for each word"
        ) from error
    if not isinstance(positions, np.ndarray) or positions.ndim != 2 or positions.shape[1] != 2 or not len(positions):
        shape = getattr(positions, "shape", "several arrays")
        raise ModelFileError(f"{os.fspath(path)} holds {shape}, not two numbers for each word")
    if positions.dtype.kind not in "fiu" or not np.isfinite(positions).all():
        raise ModelFileError(f"{os.fspath(path)} holds what is not a finite number")
    return positions[:words].astype(np.float64)


def lay_out(vectors: WordVectors, method: str, seed: int, threads: int, on_progress: OnProgress = silent) -> Layout:
    """Place words by the method, all or, with t-SNE, the first `MOST_WORDS` of them; see `spread`.

    Parameters
    ----------
    method : tsne or pca; fewer than `FEWEST_WORDS` words are always laid out by PCA.
    seed : the random seed of t-SNE.

    Raises
    ------
    MissingExtraError
        If openTSNE is not installed.
    ModelFileError
        If a vector holds NaN or infinity.
    """
    if method == "pca" or len(vectors) < FEWEST_WORDS:
        return spread(vectors, principal_components(vectors), "pca", on_progress)
    laid_out = _tsne(vectors.first(MOST_WORDS), seed, threads, on_progress)
    return spread(vectors, laid_out, "tsne", on_progress)


def spread(vectors: WordVectors, laid_out: np.ndarray, method: str, on_progress: OnProgress = silent) -> Layout:
    """Scale the positions of the first words to the unit square, and place the other words among them.

    Parameters
    ----------
    laid_out : float (n, 2), the positions of the first n words.
    """
    positions = _scaled(laid_out)
    further = _beside_neighbours(vectors, positions, on_progress)
    return Layout(_scaled(np.concatenate([positions, further])).astype(np.float32), method, len(laid_out))


def principal_components(vectors: WordVectors) -> np.ndarray:
    """Return the first two principal components of the unit vectors, float64 (V, 2).

    X = U − mean(U)      C = Xᵀ·X      positions = X·E, the eigenvectors of C with the largest eigenvalues

    With fewer words than dimensions they come from X·Xᵀ, which is smaller: of an eigenvector v of it, Xᵀ·v is one of C.
    """
    units = vectors.unit_rows.astype(np.float64)
    # More threads would add in another order.
    with one_blas_thread():
        units -= units.mean(axis=0)
        few = len(units) < units.shape[1]
        _, axes = np.linalg.eigh(units @ units.T if few else units.T @ units)
        axes = axes[:, ::-1][:, :2]
        if few:
            axes = units.T @ axes
            lengths = np.linalg.norm(axes, axis=0)
            axes /= np.where(lengths > 1e-12, lengths, np.inf)  # no axis along which words differ
        # An eigenvector has no sign of its own: the largest of its numbers is made positive.
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1, 1)
        positions = units @ axes
    return np.pad(positions, ((0, 0), (0, 2 - positions.shape[1])))  # vectors of one number have one component


def nearest_words(vectors: WordVectors, k: int, on_progress: OnProgress = silent) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest other words of every word: their ids, int64 (V, k), and their cosines, float64 (V, k)."""
    ids, cosines = np.empty((len(vectors), k), np.int64), np.empty((len(vectors), k))
    for row, found in enumerate(_nearest(vectors, 0, k, None, "Finding neighbours", on_progress)):
        ids[row], cosines[row] = found
    return ids, cosines


def _nearest(
    vectors: WordVectors, start: int, k: int, among: int | None, phase: str, on_progress: OnProgress
) -> Iterator[Any]:
    """Yield for each word from `start` on what is nearest to it among the first words, without the word itself."""
    for first in range(start, len(vectors), _WORDS_AT_ONCE):
        on_progress(phase, first - start, len(vectors) - start)
        ids = range(first, min(first + _WORDS_AT_ONCE, len(vectors)))
        yield from find_nearest(vectors, vectors.rows(np.arange(ids.start, ids.stop)), k, [[i] for i in ids], among)


def _tsne(vectors: WordVectors, seed: int, threads: int, on_progress: OnProgress) -> np.ndarray:
    """Return the layout of t-SNE, float64 (V, 2)."""
    try:
        import openTSNE
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import PrecomputedNeighbors
    except ImportError:
        raise MissingExtraError("a layout by t-SNE", "openTSNE", "take --layout pca") from None
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    ids, cosines = nearest_words(vectors, int(3 * perplexity), on_progress)
    # Rounding may put a cosine above 1.
    index = PrecomputedNeighbors(ids, np.maximum(1 - cosines, 0))
    affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=threads, random_state=seed)
    start = principal_components(vectors)
    done = 0

    def tell(iteration: int, error: float, embedding: object) -> None:
        nonlocal done
        done = iteration if iteration > done else ROUNDS[0] + iteration
        on_progress("Laying out", done, sum(ROUNDS))

    tsne = openTSNE.TSNE(
        early_exaggeration_iter=ROUNDS[0],
        n_iter=ROUNDS[1],
        negative_gradient_method="fft" if len(vectors) > 1000 else "bh",
        n_jobs=threads,
        random_state=seed,
        callbacks=tell,
        callbacks_every_iters=25,
    )
    # openTSNE starts from coordinates whose first axis has this deviation.
    embedding = tsne.fit(affinities=affinities, initialization=start / (start[:, 0].std() or 1) * 1e-4)
    return np.asarray(embedding, np.float64)


def _beside_neighbours(vectors: WordVectors, positions: np.ndarray, on_progress: OnProgress) -> np.ndarray:
    """Return places for the words that have none yet, float64 (V − n, 2): the median of their nearest placed words."""
    n = len(positions)
    medians = np.empty((len(vectors) - n, 2))
    found = _nearest(vectors, n, min(PLACED_BY, n), n, "Placing rarer words", on_progress)
    for row, near in enumerate(found):
        medians[row] = np.median(positions[near.ids], axis=0)
    # Turning by the golden angle from word to word spreads words that share a place evenly around it.
    turn = _GOLDEN_ANGLE * np.arange(len(medians))
    reach = _JITTER / np.sqrt(len(vectors)) * np.sqrt((np.arange(len(medians)) % 100 + 1) / 100)
    return medians + reach[:, np.newaxis] * np.column_stack([np.cos(turn), np.sin(turn)])


def _scaled(positions: np.ndarray) -> np.ndarray:
    """Move and scale positions so that they begin at 0 and the longer side has length 1."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    return (positions - low) / ((high - low).max() or 1)


def require_layout(layout: str | os.PathLike[str]) -> None:
    """Refuse a layout that is neither a method nor looks like a file, such as a mistyped method.

    Raises
    ------
    ConfigError
        If it is neither.
    MissingExtraError
        If it is tsne and openTSNE is not installed.
    """
    name = os.fspath(layout)
    if name == "tsne" and not can_tsne():
        raise MissingExtraError("a layout by t-SNE", "openTSNE", "take --layout pca")
    if name not in METHODS and not name.endswith(".npy") and not os.path.exists(name):
        raise ConfigError(f"--layout {name} is neither tsne, pca nor a .npy file", hint="write tsne, pca or FILE.npy")
