"""How near the training step comes to what one core can do: its GFLOP/s beside sgemm's, its traffic beside a copy's.

A window of n inputs and m outputs counts as 6·n·m·D flops, the scores and two updates, as if it were trained by itself:
windows that share a step do fewer (a seventh with 5 noise words, nearly half with 15). Its traffic is what it must
fetch and write back if a block finds nothing in the cache: one new input row, the target, and its share of the block's
noise words. Everything runs on one core, on ids that follow Zipf's law, in this process.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from w2v_cli.config import TrainConfig
from w2v_cli.engines.choose import make_step
from w2v_cli.engines.objective import Objective, make_objective
from w2v_cli.engines.parameters import initial_parameters, padded
from w2v_cli.engines.sampling import POOL_WORDS, Sample, sampler_of
from w2v_cli.engines.softmax import batches
from w2v_cli.training.schedule import BLOCK_TOKENS

BLOCKS = 150
REPEATS = 5
GEMM_SIZE = 1024
COPY_BYTES = 1 << 28
# In the cache, and far beyond it.
CACHED_WORDS, MANY_WORDS = 3_000, 1_000_000
STEPS: list[dict[str, Any]] = [
    {},
    {"dim": 300},
    {"negatives": 15},
    {"model": "cbow"},
    {"loss": "hs"},
    {"model": "cbow", "loss": "hs"},
]  # fmt: skip
SOFTMAX_WORDS = 10_000


def roofline() -> dict[str, list[dict[str, Any]]]:
    """The limits of the core, the steps beside them, and the full softmax beside plain products of its shapes."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with threadpool_limits(1):
        gemm, copy = gemm_rate(), copy_rate()
        limits = [{"sgemm GFLOP/s": f"{gemm:.0f}", "copy GB/s, read + written": f"{copy:.1f}"}]
        steps = []
        for words in (CACHED_WORDS, MANY_WORDS):
            counts, ids = zipf_ids(words, BLOCKS * BLOCK_TOKENS)
            steps += [step_row(TrainConfig(**choice), counts, ids, gemm, copy) for choice in STEPS]
        counts, ids = zipf_ids(SOFTMAX_WORDS, 3 * BLOCK_TOKENS)
        softmax = [softmax_row(TrainConfig(model=model, loss="softmax"), counts, ids) for model in ("skipgram", "cbow")]
    return {"limits of one core": limits, "window steps": steps, "full softmax": softmax}


def gemm_rate() -> float:
    """GFLOP/s of numpy's product of two float32 matrices."""
    matrix = np.ones((GEMM_SIZE, GEMM_SIZE), np.float32)
    seconds = median_seconds(lambda: matrix @ matrix)
    return 2 * GEMM_SIZE**3 / seconds / 1e9


def copy_rate() -> float:
    """GB/s read and written together by a copy that is too large for the cache."""
    source = np.ones(COPY_BYTES, np.uint8)
    target = np.zeros_like(source)
    return 2 * COPY_BYTES / median_seconds(lambda: np.copyto(target, source)) / 1e9


def zipf_ids(words: int, tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts int64 (V,) that fall as 1 ÷ rank, and so many ids drawn by them, int32."""
    weights = 1 / np.arange(1, words + 1)
    counts = np.maximum((100 * tokens * weights / weights.sum()).astype(np.int64), 1)
    places = np.random.default_rng(1).random(tokens) * counts.sum()
    return counts, np.searchsorted(np.cumsum(counts), places, side="right").astype(np.int32)


def step_row(config: TrainConfig, counts: np.ndarray, ids: np.ndarray, gemm: float, copy: float) -> dict[str, Any]:
    """One kind of step over all blocks."""
    objective, samples, step = prepared(config, counts, ids)
    seconds = median_seconds(step)
    windows = flops = rows = 0
    for sample in samples:
        n = sample.window_stops - sample.window_starts - 1
        m: Any = 1 + config.negatives
        rows += len(n)
        if objective.paths is None:
            rows += len(n) + min(sample.negative_ids.size, POOL_WORDS)
        else:
            m = np.diff(objective.paths.starts)[sample.kept_ids]
            rows += int(m.sum())
        flops += int((6 * (np.minimum(n, 1) if config.model == "cbow" else n) * m * config.dim).sum())
        windows += len(n)
    rate = flops / seconds / 1e9
    traffic = 2 * rows * padded(config.dim) * 4 / seconds / 1e9
    noise = f", K={config.negatives}" if config.loss == "ns" else ""
    return {
        "step": f"{config.model} {config.loss}, D={config.dim}{noise}, V={len(counts):,}",
        "ns/window": f"{seconds / windows * 1e9:.0f}",
        "GFLOP/s": f"{rate:.1f}",
        "of sgemm": f"{rate / gemm:.0%}",
        "GB/s": f"{traffic:.1f}",
        "of copy": f"{traffic / copy:.0%}",
    }


def softmax_row(config: TrainConfig, counts: np.ndarray, ids: np.ndarray) -> dict[str, Any]:
    """The full softmax over all blocks, and plain products of the same shapes."""
    _, samples, step = prepared(config, counts, ids)
    seconds = median_seconds(step, repeats=1)
    output = np.ones((len(counts), config.dim), np.float32)
    flops, plain = 0, 0.0
    for sample in samples:
        for first, stop in batches(sample, [config.alpha_start], len(counts)):
            centers = sample.kept_ids[first:stop]
            inputs = len(np.unique(centers)) if config.model == "skipgram" else len(centers)
            hidden = np.ones((inputs, config.dim), np.float32)
            started = time.perf_counter()
            scores = hidden @ output.T
            scores @ output, scores.T @ hidden
            plain += time.perf_counter() - started
            flops += 6 * hidden.size * len(counts)
    return {
        "step": f"{config.model} softmax, D={config.dim}, V={len(counts):,}",
        "GFLOP/s": f"{flops / seconds / 1e9:.1f}",
        "plain sgemm of its shapes": f"{flops / plain / 1e9:.1f}",
        "of it": f"{plain / seconds:.0%}",
    }


def prepared(
    config: TrainConfig, counts: np.ndarray, ids: np.ndarray
) -> tuple[Objective, list[Sample], Callable[[], None]]:
    """The objective, its samples, and a function that takes all their steps."""
    objective, sampler = make_objective(config, counts), sampler_of(config, counts)
    none = np.zeros(0, np.int64)
    blocks = range(len(ids) // BLOCK_TOKENS)
    samples = [sampler.sample(ids[b * BLOCK_TOKENS : (b + 1) * BLOCK_TOKENS], none, 0, b) for b in blocks]
    outputs = len(counts) - (config.loss == "hs")
    parameters = initial_parameters(len(counts), config.dim, config.seed, outputs)
    step = make_step("compiled", objective)

    def all_steps() -> None:
        for sample in samples:
            alphas = np.full(len(sample.kept_ids), config.alpha_start)
            step(sample, alphas, parameters.input_vectors, parameters.output_vectors)

    return objective, samples, all_steps


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """The median time of some calls after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)
