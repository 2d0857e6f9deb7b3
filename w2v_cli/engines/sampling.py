"""Randomness is data: a block of ids becomes the arrays that every engine consumes.

Everything random about a block, that is which tokens are kept, how far each window reaches and which noise
words it meets, comes from streams keyed by (seed, epoch, block). So it depends neither on the engine nor on the
number of threads.

A block draws a pool of noise words, and its steps take theirs from the pool, at random: each follows the noise
distribution, and its row is in the cache.

Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality", for
subsampling and noise; Vose 1991 for the alias method; Steele et al. 2014 (SplitMix64) for the stream.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from w2v_cli.compute.jit import COMPILES, compiled
from w2v_cli.compute.random import GOLDEN, LOW, MASK, below, mix, stream_key
from w2v_cli.config import TrainConfig

MOST_STEP_WINDOWS = 4
# Noise words of a block. enwiki-100m, analogies of three seeds: with 2,048 of them skip-gram has 38.9 %, CBOW 38.1 %;
# with 1,024, 38.5 and 37.8; with noise drawn anew for every step, 37.7 and 38.1, at three quarters of CBOW's speed.
POOL_WORDS = 2048
# Texts with fewer tokens than this are not subsampled: too little of them would be left to learn from.
LEAST_SUBSAMPLED = 10_000
# Which of a block's two streams.
WINDOWS, NOISE = 0, 1
# Of all that a `Sample` is. Another rule, or stream, has another name: no run goes on in it that began in this one.
STEP_RULE = f"up to {MOST_STEP_WINDOWS} share noise of a pool of {POOL_WORDS}"


@dataclass(frozen=True)
class Sample:
    """The windows of one block: N kept tokens, each the center of one.

    Attributes
    ----------
    kept_ids : int32 (N,), the tokens that subsampling left.
    window_starts, window_stops : int32 (N,); the contexts of the token at `pos` are the kept tokens in
        [window_starts[pos], window_stops[pos]) without `pos` itself.
    negative_ids : int32 (steps, K), noise words, the same ones for all windows of a step; one that equals a window's
        target does not count for it.
    positions : int32 (N,), each kept token's place in the block before subsampling.
    step_windows : so many windows in a row are trained in one step; the last step may have fewer.
    """

    kept_ids: np.ndarray
    window_starts: np.ndarray
    window_stops: np.ndarray
    negative_ids: np.ndarray
    positions: np.ndarray
    step_windows: int = 1


@dataclass(frozen=True)
class Sampler:
    """The distributions that blocks are sampled from.

    Attributes
    ----------
    keep_limits : uint32 (V,); a token of word i is kept if 32 random bits are ≤ keep_limits[i].
    noise_limits : uint32 (V,), noise_aliases : int32 (V,); the alias table: a uniform column i stands if 32
        random bits are ≤ noise_limits[i], else its alias does.
    window : the largest radius · fixed_window : it is every window's
    negatives : noise words of a step · step_windows : windows of a step, which share them
    seed : of the run.
    """

    keep_limits: np.ndarray
    noise_limits: np.ndarray
    noise_aliases: np.ndarray
    window: int
    fixed_window: bool
    negatives: int
    step_windows: int
    seed: int

    def sample(self, ids: np.ndarray, boundaries: np.ndarray, epoch: int, block: int) -> Sample:
        """The windows of one block.

        Parameters
        ----------
        ids : int32 (n,), the block's tokens.
        boundaries : int64, ascending places in (0, n) where a new sentence begins; no window crosses one.
        epoch, block : the key of the random streams, with the seed.
        """
        kept_ids, starts, stops, positions = (np.empty(len(ids), np.int32) for _ in range(4))
        kept = _draw_windows(
            self._stream(epoch, block, WINDOWS),
            ids,
            boundaries,
            self.keep_limits,
            self.window,
            self.fixed_window,
            kept_ids,
            starts,
            stops,
            positions,
        )
        negative_ids = np.empty((-(-kept // self.step_windows), self.negatives), np.int32)
        if negative_ids.size:
            stream = self._stream(epoch, block, NOISE)
            _draw_noise(stream, self.noise_limits, self.noise_aliases, negative_ids.reshape(-1))
        return Sample(kept_ids[:kept], starts[:kept], stops[:kept], negative_ids, positions[:kept], self.step_windows)

    @property
    def keep_prob(self) -> np.ndarray:
        """The probability that a token of each word is kept, float64 (V,)."""
        return (self.keep_limits + 1.0) / 2.0**32

    @property
    def keeps_all(self) -> bool:
        """Whether no token is left out."""
        return bool((self.keep_limits == LOW).all())

    def keeping_all(self) -> Sampler:
        """The same distributions without subsampling."""
        return replace(self, keep_limits=np.full_like(self.keep_limits, LOW))

    def _stream(self, *parts: int) -> Any:
        """Where one of the run's streams starts; an integer of numba's must be told that it is unsigned."""
        key = stream_key(self.seed, *parts)
        return np.uint64(key) if COMPILES else key


def make_sampler(
    counts: np.ndarray,
    subsample: float,
    noise_exponent: float,
    window: int,
    negatives: int,
    seed: int,
    fixed_window: bool = False,
    step_windows: int = 1,
) -> Sampler:
    """The distributions for a vocabulary.

        keep_prob(w) = √(t ÷ f) + t ÷ f      noise(w) ∝ count(w)^noise_exponent

    with t = `subsample` (0 keeps every token) and f the share of w among the tokens (word2vec.c).

    Parameters
    ----------
    counts : int64 (V,), occurrences of each word.
    """
    ratio = subsample * counts.sum() / counts if subsample > 0 else np.full(len(counts), np.inf)
    noise_limits, noise_aliases = alias_table((counts / counts.max()) ** noise_exponent)
    return Sampler(
        _limits(np.minimum(np.sqrt(ratio) + ratio, 1.0)),
        noise_limits,
        noise_aliases,
        window,
        fixed_window,
        negatives,
        step_windows,
        seed,
    )


def sampler_of(config: TrainConfig, counts: np.ndarray) -> Sampler:
    """The distributions of a run over a vocabulary; counts int64 (V,).

    Texts of less than `LEAST_SUBSAMPLED` tokens are not subsampled.
    """
    return make_sampler(
        counts,
        config.subsample if counts.sum() >= LEAST_SUBSAMPLED else 0.0,
        config.noise_exponent,
        config.window,
        config.negatives if config.loss == "ns" else 0,
        config.seed,
        config.fixed_window,
        windows_per_step(config),
    )


def windows_per_step(config: TrainConfig) -> int:
    """Neighbouring windows that are trained in one step, against the same noise words.

    Of skip-gram 1 + negatives ÷ 5, at most 4: fewer rows to fetch, and larger products; too many, and a word meets too
    little noise (enwiki-100m, analogies: with 5 noise words 1, 2 and 4 windows have 38.4, 38.5 and 35.8 %; with 15, 2,
    4 and 6 have 41.5, 40.9 and 39.8 %; more noise was not tried). CBOW's windows are one prediction each, and notice
    even two (35.8 and 33.9 %).
    """
    several = config.model == "skipgram" and config.loss == "ns"
    return min(1 + config.negatives // 5, MOST_STEP_WINDOWS) if several else 1


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vose's alias table for weights float64 (V,): limits uint32 (V,) and aliases int32 (V,)."""
    size = len(weights)
    share = weights * (size / weights.sum())
    aliases = np.arange(size, dtype=np.int32)
    _pair_columns(share, aliases)
    return _limits(np.minimum(share, 1.0)), aliases


def _limits(probabilities: np.ndarray) -> np.ndarray:
    """uint32 limits such that 32 random bits are ≤ the limit with the given probability (1 is certain)."""
    return np.maximum(np.ceil(probabilities * 2.0**32) - 1, 0).astype(np.uint32)


@compiled
def _pair_columns(share: Any, aliases: Any) -> None:
    """Fill every column under 1 from one over 1; `share` becomes the part of a column that is its own."""
    poor = np.empty(len(share), np.int32)
    rich = np.empty(len(share), np.int32)
    poor_count, rich_count = 0, 0
    for i in range(len(share)):
        if share[i] < 1.0:
            poor[poor_count] = i
            poor_count += 1
        else:
            rich[rich_count] = i
            rich_count += 1
    while poor_count and rich_count:
        poor_count -= 1
        receiver, giver = poor[poor_count], rich[rich_count - 1]
        aliases[receiver] = giver
        share[giver] -= 1.0 - share[receiver]
        if share[giver] < 1.0:
            rich_count -= 1
            poor[poor_count] = giver
            poor_count += 1
    # What is left differs from 1 by rounding alone.
    for i in range(poor_count):
        share[poor[i]] = 1.0
    for i in range(rich_count):
        share[rich[i]] = 1.0


@compiled
def _clip(stops: Any, start: Any, end: Any, window: Any) -> None:
    """No window of a sentence reaches past its end."""
    for pos in range(max(start, end - window), end):
        stops[pos] = min(stops[pos], end)


@compiled
def _draw_windows(  # type: ignore[no-untyped-def]
    state, ids, boundaries, keep_limits, window, fixed_window, kept_ids, starts, stops, positions
):
    """Fill a `Sample`'s arrays of windows; returns the number of kept tokens.

    The window of a token that is not kept is overwritten by the next: whether it is could not be predicted.
    """
    kept, sentence_start, next_boundary = 0, 0, 0
    for pos in range(len(ids)):
        if next_boundary < len(boundaries) and boundaries[next_boundary] == pos:
            _clip(stops, sentence_start, kept, window)
            sentence_start = kept
            next_boundary += 1
        state = (state + GOLDEN) & MASK
        bits = mix(state)
        radius = window if fixed_window else 1 + np.int64(below(window, bits & LOW))
        # No window leaves its block; a larger radius might leave int32.
        radius = min(radius, len(ids))
        kept_ids[kept], positions[kept] = ids[pos], pos
        starts[kept], stops[kept] = max(kept - radius, sentence_start), kept + radius + 1
        kept += bits >> 32 <= keep_limits[ids[pos]]
    _clip(stops, sentence_start, kept, window)
    return kept


@compiled
def _draw_noise(state, noise_limits, noise_aliases, negatives):  # type: ignore[no-untyped-def]
    """Draw a block's pool of noise words, and from it those of its steps."""
    pool = np.empty(POOL_WORDS, np.int32)
    for i in range(POOL_WORDS):
        state = (state + GOLDEN) & MASK
        bits = mix(state)
        column = below(len(noise_limits), bits >> 32)
        # Both are read, as a branch on them could not be predicted.
        alias, own = noise_aliases[column], bits & LOW <= noise_limits[column]
        pool[i] = column if own else alias
    for i in range(len(negatives)):
        state = (state + GOLDEN) & MASK
        negatives[i] = pool[below(POOL_WORDS, mix(state) >> 32)]
