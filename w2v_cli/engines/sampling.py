"""Everything random about a block: which tokens are kept, how wide each window is, and which noise words it meets.

It is drawn before training, as arrays that every engine reads, from random streams keyed by (seed, epoch, block). So it
depends neither on the engine nor on the number of threads.

Each block draws a pool of noise words, and its steps draw their noise words from that noise pool. They still follow the
noise distribution, and their rows are in the cache.

References: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality", for
subsampling and noise; Vose 1991 for the alias method; Steele et al. 2014 (SplitMix64) for the random stream.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from w2v_cli.compute.jit import COMPILES, compiled, inlined
from w2v_cli.compute.random import GOLDEN, LOW, MASK, below, mix, stream_key
from w2v_cli.config import LEAST_SUBSAMPLED, TrainConfig

MOST_STEP_WINDOWS = 4
# Size of a block's noise pool: small enough for the cache, and large enough to train vectors as good as those with new
# noise words in every step. The vectors of unseen words need a larger one (measured: help/design.md, "The noise pool").
POOL_WORDS, SUBWORD_POOL_WORDS = 2048, 16384
# The numbers of a block's two random streams.
WINDOWS, NOISE = 0, 1
# The name of the rules by which a `Sample` is drawn. Change it with the rules or the random streams: a checkpoint
# stores it, so that no run is resumed under other rules than it began with.
STEP_RULE = (
    f"up to {MOST_STEP_WINDOWS} share one radius and noise of a pool of {POOL_WORDS}, {SUBWORD_POOL_WORDS} for parts of"
    " words, in the order of training"
)


@dataclass(frozen=True)
class Sample:
    """The windows of one block. Each of its N kept tokens is the center of a window.

    Attributes
    ----------
    kept_ids : int32 (N,), the tokens that subsampling left.
    window_starts, window_stops : int32 (N,). The context of the token at `pos` is the kept tokens in
        [window_starts[pos], window_stops[pos]) without `pos` itself.
    negative_ids : int32 (steps, K), the noise words that all windows of a step share. A noise word that equals the
        target of a window does not count for that window.
    positions : int32 (N,), the position of each kept token in the block before subsampling.
    step_windows : number of consecutive windows in a step; the last step may have fewer.
    """

    kept_ids: np.ndarray
    window_starts: np.ndarray
    window_stops: np.ndarray
    negative_ids: np.ndarray
    positions: np.ndarray
    step_windows: int = 1

    @property
    def has_context(self) -> np.ndarray:
        """Whether each window has a context word, bool (N,)."""
        return self.window_stops - self.window_starts > 1

    def context_ids(self, pos: int) -> np.ndarray:
        """Return the context words of one window, int32 (n,)."""
        start, stop = self.window_starts[pos], self.window_stops[pos]
        return np.delete(self.kept_ids[start:stop], pos - start)


@dataclass(frozen=True)
class Sampler:
    """The distributions that blocks are sampled from.

    Attributes
    ----------
    keep_limits : uint32 (V,). A token of word i is kept if 32 random bits are ≤ keep_limits[i].
    noise_limits : uint32 (V,), the limits of the alias table. A uniformly drawn column i gives word i if 32 random bits
        are ≤ noise_limits[i], and word noise_aliases[i] otherwise.
    noise_aliases : int32 (V,).
    window : the largest radius of a window.
    fixed_window : whether every window has that radius.
    harmonic : whether a radius is at least d with probability 1/d; otherwise all radii up to the largest are alike.
    negatives : number of noise words in a step.
    step_windows : number of windows in a step, which share their radius and the noise words.
    pool_words : number of words that a block draws its noise words from.
    seed : the run's random seed.
    """

    keep_limits: np.ndarray
    noise_limits: np.ndarray
    noise_aliases: np.ndarray
    window: int
    fixed_window: bool
    harmonic: bool
    negatives: int
    step_windows: int
    pool_words: int
    seed: int

    def sample(self, ids: np.ndarray, boundaries: np.ndarray, epoch: int, block: int) -> Sample:
        """Draw the windows of one block.

        Parameters
        ----------
        ids : int32 (n,), the block's tokens.
        boundaries : int64, ascending positions in (0, n) where a new sentence begins. No window crosses one.
        epoch, block : together with the seed, the key of the random streams.
        """
        kept_ids, starts, stops, positions = (np.empty(len(ids), np.int32) for _ in range(4))
        kept = draw_windows(
            self._stream(epoch, block, WINDOWS),
            ids,
            boundaries,
            0,
            self.keep_limits,
            self.window,
            self.fixed_window,
            self.harmonic,
            self.step_windows,
            kept_ids,
            starts,
            stops,
            positions,
        )
        negative_ids = np.empty((-(-kept // self.step_windows), self.negatives), np.int32)
        if negative_ids.size:
            stream = self._stream(epoch, block, NOISE)
            draw_noise(stream, self.pool_words, self.noise_limits, self.noise_aliases, negative_ids.reshape(-1))
        return Sample(kept_ids[:kept], starts[:kept], stops[:kept], negative_ids, positions[:kept], self.step_windows)

    @property
    def keep_prob(self) -> np.ndarray:
        """The probability that a token of each word is kept, float64 (V,)."""
        return (self.keep_limits + 1.0) / 2.0**32

    @property
    def keeps_all(self) -> bool:
        """Whether every token is kept."""
        return bool((self.keep_limits == LOW).all())

    def keeping_all(self) -> Sampler:
        """Return the same distributions without subsampling."""
        return replace(self, keep_limits=np.full_like(self.keep_limits, LOW))

    def _stream(self, *parts: int) -> Any:
        """Return where one of the run's random streams starts; numba needs to be told that the number is unsigned."""
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
    harmonic: bool = False,
    pool_words: int = POOL_WORDS,
) -> Sampler:
    """Return the distributions for a vocabulary (word2vec.c).

        keep_prob(w) = √(t ÷ f) + t ÷ f      noise(w) ∝ count(w)^noise_exponent

    Here t is `subsample`, and f is the share of w among the tokens. With t = 0 every token is kept.

    Parameters
    ----------
    counts : int64 (V,), occurrences of each word. A word with the count 0 is always kept, and is no noise.
    subsample, noise_exponent : see above. A negative exponent draws rare words most often.
    window, negatives, seed, fixed_window, step_windows, harmonic, pool_words : as in `Sampler`.
    """
    with np.errstate(divide="ignore"):
        ratio = subsample * counts.sum() / counts if subsample > 0 else np.full(len(counts), np.inf)
        # Divided by the count with the largest weight, so that no power overflows.
        heaviest = counts[counts > 0].min() if noise_exponent < 0 else counts.max()
        weights = (counts / heaviest) ** noise_exponent
    weights[counts == 0] = 0
    noise_limits, noise_aliases = alias_table(weights)
    return Sampler(
        _limits(np.minimum(np.sqrt(ratio) + ratio, 1.0)),
        noise_limits,
        noise_aliases,
        window,
        fixed_window,
        harmonic,
        negatives,
        step_windows,
        pool_words,
        seed,
    )


def sampler_of(config: TrainConfig, counts: np.ndarray, tokens: int | None = None) -> Sampler:
    """Return the distributions of a run.

    Texts with fewer than `LEAST_SUBSAMPLED` tokens are not subsampled.

    Parameters
    ----------
    config : the run's choices.
    counts : int64 (V,), occurrences of each word.
    tokens : how many tokens the text has, if the counts are not those of the text alone.
    """
    tokens = int(counts.sum()) if tokens is None else tokens
    return make_sampler(
        counts,
        config.subsample_share(tokens) if tokens >= LEAST_SUBSAMPLED else 0.0,
        config.noise_power,
        config.window,
        config.negatives if config.loss == "ns" else 0,
        config.seed,
        config.fixed_window,
        windows_per_step(config),
        config.radius == "harmonic",
        SUBWORD_POOL_WORDS if config.center_has_parts else POOL_WORDS,
    )


def windows_per_step(config: TrainConfig) -> int:
    """Return the number of consecutive windows that are trained in one step, against the same noise words.

    It is 1 + negatives ÷ 5 in skip-gram with negative sampling, and at most 4. Sharing means fewer rows to fetch and
    larger matrix products, but with too many windows a word meets too few noise words. A CBOW window is a single
    prediction, and even two of them in a step make the vectors worse (measured: help/design.md, "Shared noise words").
    With parts of words, each prediction is a step, against the noise words of the word that it predicts.
    """
    several = config.model == "skipgram" and config.loss == "ns" and config.subwords is None
    return min(1 + config.negatives // 5, MOST_STEP_WINDOWS) if several else 1


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Vose's alias table for some weights.

    Parameters
    ----------
    weights : float64 (V,), not negative.

    Returns
    -------
    limits, uint32 (V,), and aliases, int32 (V,); see `Sampler`.
    """
    size = len(weights)
    share = weights * (size / weights.sum())
    aliases = np.arange(size, dtype=np.int32)
    _pair_columns(share, aliases)
    return _limits(np.minimum(share, 1.0)), aliases


def _limits(probabilities: np.ndarray) -> np.ndarray:
    """Return uint32 limits such that 32 random bits are ≤ the limit with the given probability (1 is certain)."""
    return np.maximum(np.ceil(probabilities * 2.0**32) - 1, 0).astype(np.uint32)


@compiled
def _pair_columns(share: Any, aliases: Any) -> None:
    """Fill up each column whose share is below 1 (poor) from a column whose share is above 1 (rich).

    Afterwards `share` holds the part of each column that belongs to its own word.
    """
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
    # The columns that are left differ from 1 only by rounding.
    for i in range(poor_count):
        share[poor[i]] = 1.0
    for i in range(rich_count):
        share[rich[i]] = 1.0


@inlined
def _clip(stops: Any, start: Any, end: Any, window: Any) -> None:
    """Shorten the windows that reach past the end of their sentence."""
    for pos in range(max(start, end - window), end):
        stops[pos] = min(stops[pos], end)


@compiled
def draw_windows(  # type: ignore[no-untyped-def]
    state, ids, boundaries, first, keep_limits, window, fixed_window, harmonic, step_windows,
    kept_ids, starts, stops, positions,
):  # fmt: skip
    """Fill the arrays of a `Sample` with windows; return the number of kept tokens.

    A window is written for every token, and overwritten by the next one if the token is not kept. A branch instead
    would slow the loop down, because the processor cannot predict which tokens are kept.

    All windows of a step have the radius that its first one draws. So their contexts nearly coincide, and the step has
    fewer input rows (measured: help/design.md, "Shared noise words").

    Parameters
    ----------
    boundaries : counted from the token that has the number `first` at the start of the block.
    """
    kept, sentence_start, next_boundary = 0, 0, 0
    radius, step_start = 1, 0
    for pos in range(len(ids)):
        if next_boundary < len(boundaries) and boundaries[next_boundary] - first == pos:
            _clip(stops, sentence_start, kept, window)
            sentence_start = kept
            next_boundary += 1
        state = (state + GOLDEN) & MASK
        bits = mix(state)
        if fixed_window:
            drawn = window
        elif harmonic:
            # ⌊1/u⌋ for u uniform in (0, 1] is at least d with probability 1/d. The quotient of floats is exact enough.
            drawn = min(window, np.int64(2.0**32 / (np.float64(bits & LOW) + 1.0)))
        else:
            drawn = 1 + np.int64(below(window, bits & LOW))
        # A window cannot be wider than its block, and a larger radius might overflow int32.
        radius = min(drawn, len(ids)) if kept == step_start else radius
        kept_ids[kept], positions[kept] = ids[pos], pos
        starts[kept], stops[kept] = max(kept - radius, sentence_start), kept + radius + 1
        kept += bits >> 32 <= keep_limits[ids[pos]]
        step_start += step_windows if kept == step_start + step_windows else 0
    _clip(stops, sentence_start, kept, window)
    return kept


@compiled
def draw_noise(state, pool_words, noise_limits, noise_aliases, negatives):  # type: ignore[no-untyped-def]
    """Draw the noise pool of a block, and from it the noise words of its steps."""
    pool = np.empty(pool_words, np.int32)
    for i in range(pool_words):
        state = (state + GOLDEN) & MASK
        bits = mix(state)
        column = below(len(noise_limits), bits >> 32)
        # Both arrays are read, because the processor could not predict a branch here.
        alias, own = noise_aliases[column], bits & LOW <= noise_limits[column]
        pool[i] = column if own else alias
    for i in range(len(negatives)):
        state = (state + GOLDEN) & MASK
        negatives[i] = pool[below(pool_words, mix(state) >> 32)]
