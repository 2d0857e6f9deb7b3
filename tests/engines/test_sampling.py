"""The samples of blocks follow the documented distributions."""

from __future__ import annotations

import itertools
import types
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_cli.compute.random import GOLDEN, MASK, mix_bits, stream_key
from w2v_cli.config import TrainConfig
from w2v_cli.engines import sampling
from w2v_cli.engines.sampling import (
    NOISE,
    POOL_WORDS,
    STEP_RULE,
    WINDOWS,
    Sample,
    alias_table,
    make_sampler,
    sampler_of,
    windows_per_step,
)

COUNTS = np.array([4000, 900, 60, 30, 10], np.int64)


def sample_of(ids: np.ndarray, boundaries: Sequence[int] = (), block: int = 0, **options: Any) -> Sample:
    choices: dict[str, Any] = {"subsample": 0.0, "noise_exponent": 0.75, "window": 5, "negatives": 5, "seed": 1}
    sampler = make_sampler(COUNTS, **{**choices, **options})
    return sampler.sample(ids.astype(np.int32), np.array(boundaries, np.int64), 0, block)


def test_the_mixer_is_splitmix64() -> None:
    # The first outputs of Steele, Lea & Flood's generator with the seed 0, as published with the reference code.
    state, outputs = 0, []
    for _ in range(3):
        state = (state + GOLDEN) & MASK
        outputs.append(mix_bits(state))
    assert outputs == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_keys_differ_for_every_seed_epoch_block_and_stream() -> None:
    streams = itertools.product(range(8), range(8), range(8), (WINDOWS, NOISE))
    assert len({stream_key(*stream) for stream in streams}) == 1024


def test_another_stream_has_another_name() -> None:
    # A run with this STEP_RULE must be resumed with exactly these samples. If they change, change STEP_RULE, too.
    sample = sample_of(np.arange(2000) % 5, [700], subsample=0.01, step_windows=2)
    known = zlib.crc32(b"".join(array.tobytes() for array in vars(sample).values() if isinstance(array, np.ndarray)))
    assert (STEP_RULE, known) == (
        "up to 4 share one radius and noise of a pool of 2048, 16384 for parts of words, in the order of training",
        3576297425,
    )


def test_a_fixed_window_reaches_its_whole_length_on_both_sides() -> None:
    sample = sample_of(np.zeros(50), window=4, fixed_window=True)
    inner = np.arange(4, 46)
    assert np.array_equal(inner - sample.window_starts[inner], np.full(42, 4))
    assert np.array_equal(sample.window_stops[inner] - inner, np.full(42, 5))


@pytest.mark.filterwarnings("error")
def test_a_large_noise_exponent_draws_the_most_frequent_word_alone() -> None:
    assert not sample_of(np.zeros(1000), noise_exponent=300.0).negative_ids.any()


@pytest.mark.filterwarnings("error")
def test_a_large_negative_noise_exponent_draws_the_rarest_word_alone() -> None:
    rarest = int(COUNTS.argmin())
    assert (COUNTS[rarest] == COUNTS).sum() == 1
    assert (sample_of(np.zeros(1000), noise_exponent=-1000.0).negative_ids == rarest).all()


def test_without_subsampling_every_token_is_kept() -> None:
    ids = np.arange(3000) % 5
    assert np.array_equal(sample_of(ids).kept_ids, ids)


def test_words_are_kept_with_the_probability_of_word2vec() -> None:
    n, threshold = 200_000, 1e-3
    sample = sample_of(np.zeros(n), subsample=threshold)
    ratio = threshold / (COUNTS[0] / COUNTS.sum())
    expected = np.sqrt(ratio) + ratio
    # Five standard deviations of a binomial share.
    assert len(sample.kept_ids) / n == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / n))


@pytest.mark.parametrize("subsample", [0.0, 1e-3])
def test_radii_are_uniform_from_one_to_the_window(subsample: float) -> None:
    window = 5
    # The radius of a window does not depend on whether a token is kept.
    sample = sample_of(np.zeros(500_000), window=window, subsample=subsample)
    n = len(sample.kept_ids)
    inner = np.arange(window, n - window)
    left = inner - sample.window_starts[inner]
    right = sample.window_stops[inner] - inner - 1
    assert np.array_equal(left, right)
    shares = np.bincount(left, minlength=window + 1) / len(inner)
    assert shares[0] == 0
    assert shares[1:] == pytest.approx(np.full(window, 1 / window), abs=5 * np.sqrt(0.16 / len(inner)))


@pytest.mark.parametrize("step_windows", [2, 4])
def test_the_windows_of_a_step_have_one_radius(step_windows: int) -> None:
    window = 5
    sample = sample_of(np.zeros(400_000), window=window, subsample=1e-3, step_windows=step_windows)
    # Whole steps that no end of the block shortens.
    n = len(sample.kept_ids) // step_windows * step_windows
    left = (np.arange(n) - sample.window_starts[:n]).reshape(-1, step_windows)[window:-window]
    right = (sample.window_stops[:n] - np.arange(n) - 1).reshape(-1, step_windows)[window:-window]
    assert np.array_equal(left, right) and (left == left[:, :1]).all()
    shares = np.bincount(left[:, 0], minlength=window + 1) / len(left)
    assert shares[1:] == pytest.approx(np.full(window, 1 / window), abs=5 * np.sqrt(0.16 / len(left)))
    # Neighbouring steps draw theirs independently.
    assert (left[1:, 0] == left[:-1, 0]).mean() == pytest.approx(1 / window, abs=5 * np.sqrt(0.16 / len(left)))


def test_a_harmonic_radius_reaches_a_distance_with_its_inverse_as_probability() -> None:
    window = 10
    sample = sample_of(np.zeros(400_000), window=window, harmonic=True)
    inner = np.arange(window, len(sample.kept_ids) - window)
    radii = inner - sample.window_starts[inner]
    for distance in range(1, window + 1):
        assert (radii >= distance).mean() == pytest.approx(1 / distance, abs=5 * np.sqrt(0.25 / len(radii)))
    assert radii.max() == window


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.sets(st.integers(1, 59)),
    st.integers(1, 8),
    st.integers(1, 4),
    st.floats(0.0, 0.1),
)
def test_no_window_leaves_its_sentence(
    ids: list[int], cuts: set[int], window: int, step_windows: int, subsample: float
) -> None:
    boundaries = sorted(cut for cut in cuts if cut < len(ids))
    sample = sample_of(np.array(ids), boundaries, window=window, step_windows=step_windows, subsample=subsample)
    sentence = np.searchsorted(boundaries, np.arange(len(ids)), side="right")[sample.positions]
    for pos in range(len(sample.kept_ids)):
        start, stop = sample.window_starts[pos], sample.window_stops[pos]
        assert 0 <= start <= pos < stop <= len(sample.kept_ids)
        assert (sentence[start:stop] == sentence[pos]).all()
        assert max(pos - start, stop - pos - 1) <= window


def test_positions_are_the_places_of_the_kept_tokens() -> None:
    ids = np.arange(5000) % 5
    sample = sample_of(ids, subsample=1e-3)
    assert 0 < len(sample.kept_ids) < 5000
    assert np.array_equal(ids[sample.positions], sample.kept_ids)
    assert (np.diff(sample.positions) > 0).all()


@pytest.mark.parametrize("power", [0.75, 0.0, -0.5, -1.5])
def test_noise_words_follow_the_counts_to_the_power(power: float) -> None:
    blocks = 100
    samples = [sample_of(np.zeros(1000), block=block, noise_exponent=power) for block in range(blocks)]
    draws = np.concatenate([sample.negative_ids.ravel() for sample in samples])
    shares = np.bincount(draws, minlength=len(COUNTS)) / draws.size
    weights = np.array([float(count) ** power for count in COUNTS])
    expected = weights / weights.sum()
    # There are two sources of chance: the words of the noise pools, and those drawn from the pools.
    assert shares == pytest.approx(expected, abs=5 * np.sqrt(0.25 / (blocks * POOL_WORDS) + 0.25 / draws.size))


@pytest.mark.parametrize("subwords", [None, "fasttext"])
def test_the_noise_words_of_a_block_come_from_a_pool_of_its_own(subwords: str | None) -> None:
    sampler = sampler_of(TrainConfig(subwords=subwords, subsample=0.0), np.ones(1_000_000, np.int64))
    pool_words = 2048 if subwords is None else 16384
    assert sampler.pool_words == pool_words
    sampler = replace(sampler, step_windows=1)
    blocks = [sampler.sample(np.zeros(10_000, np.int32), np.zeros(0, np.int64), 0, b).negative_ids for b in range(2)]
    # 50,000 are drawn from a pool, and two pools have few words in common.
    drawn = pool_words * (1 - np.exp(-50_000 / pool_words))
    assert all(0.98 * drawn < len(np.unique(block)) <= pool_words for block in blocks)
    assert len(np.intersect1d(blocks[0], blocks[1])) < 0.02 * pool_words
    # The noise words of a step are drawn independently, so that now and then one is drawn twice.
    pairs = [blocks[0][:, i] == blocks[0][:, j] for i in range(5) for j in range(i)]
    assert np.mean(pairs) == pytest.approx(1 / pool_words, abs=5 * np.sqrt(1 / pool_words / np.size(pairs)))


def test_neighbouring_windows_share_their_noise_and_no_others_do() -> None:
    sample = sample_of(np.zeros(1000), step_windows=3)
    assert sample.step_windows == 3 and sample.negative_ids.shape == (334, 5)
    assert (sample.negative_ids[1:] != sample.negative_ids[:-1]).any(axis=1).mean() > 0.9


def test_windows_do_not_depend_on_their_noise() -> None:
    ids = np.arange(3000) % 5
    some, others = (sample_of(ids, subsample=0.01, negatives=k, noise_exponent=power) for k, power in ((0, 1), (5, 0)))
    for name in ("kept_ids", "window_starts", "window_stops", "positions"):
        assert np.array_equal(getattr(some, name), getattr(others, name))


def test_the_more_noise_the_more_windows_share_it_up_to_a_limit() -> None:
    sharing = [windows_per_step(TrainConfig(negatives=negatives)) for negatives in (1, 4, 5, 15, 20, 1000)]
    assert sharing == [1, 1, 2, 4, 4, 4]
    assert windows_per_step(TrainConfig(model="cbow")) == windows_per_step(TrainConfig(loss="hs")) == 1


@settings(max_examples=50)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=200))
def test_the_alias_table_holds_exactly_the_weights(weights: list[float]) -> None:
    limits, aliases = alias_table(np.array(weights))
    own = (limits.astype(np.float64) + 1) / 2**32
    mass = own.copy()
    np.add.at(mass, aliases, 1 - own)
    # Each limit is rounded to a multiple of 2⁻³², and a column may be an alias of all the others.
    assert mass / len(weights) == pytest.approx(np.array(weights) / sum(weights), abs=len(weights) * 2**-31)


def test_a_sample_depends_on_its_block_alone() -> None:
    ids = np.arange(500) % 5
    first, again, other = (sample_of(ids, block=block) for block in (3, 3, 4))
    assert np.array_equal(first.negative_ids, again.negative_ids)
    assert not np.array_equal(first.negative_ids, other.negative_ids)


def test_the_stream_is_the_same_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, boundaries = np.arange(400) % 5, [3, 4, 100]
    compiled = sample_of(ids, boundaries, subsample=0.01)
    monkeypatch.setattr(sampling, "COMPILES", False)
    for name in ("mix", "below", "_clip", "draw_windows", "draw_noise", "_pair_columns"):
        function = getattr(sampling, name)
        plain = getattr(function, "py_func", function)
        monkeypatch.setattr(sampling, name, types.FunctionType(plain.__code__, plain.__globals__))
    plain_sample = sample_of(ids, boundaries, subsample=0.01)
    for name in vars(compiled):
        assert np.array_equal(getattr(compiled, name), getattr(plain_sample, name)), name
