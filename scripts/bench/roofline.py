"""Measure how close the training step comes to the limits of one core.

The step's GFLOP/s are compared with those of sgemm, and its memory traffic with that of a copy.

* A window of n inputs and m outputs counts as 6·n·m·D flops, for the scores and two updates, as if it were trained
  alone. Windows that share a step do less work (a seventh less with 5 noise words, nearly half with 15).
* The traffic of a window is what it must read and write back if the cache is empty when its block begins: one new input
  row, the row of the target, and its share of the block's noise words.

Everything runs on one core, on word ids that follow Zipf's law. sgemm is numpy's. OpenBLAS chooses its kernels by the
processor, unless OPENBLAS_CORETYPE pins it to another one, which may make half as many operations a second. So all is
measured in a new process without that variable, and the table of limits says whose kernels were measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

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
# Tables of the first size fit in the cache; tables of the second are far too large for it.
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


# What makes OpenBLAS take the kernels of another processor than this one.
PIN = "OPENBLAS_CORETYPE"


def roofline() -> dict[str, list[dict[str, Any]]]:
    """Return three tables: the limits of the core, the window steps, and the full softmax."""
    # OpenBLAS reads the variable when it is loaded, and it is loaded already.
    unpinned = {name: value for name, value in os.environ.items() if name != PIN}
    measured = subprocess.run([sys.executable, __file__], env=unpinned, stdout=subprocess.PIPE, check=True)
    tables: dict[str, list[dict[str, Any]]] = json.loads(measured.stdout)
    return tables


def measured_here() -> dict[str, list[dict[str, Any]]]:
    """Measure the tables in this process."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with threadpool_limits(1):
        gemm, copy = gemm_rate(), copy_rate()
        limits = [
            {"sgemm GFLOP/s": f"{gemm:.0f}", "sgemm of": sgemm_name(), "copy GB/s, read + written": f"{copy:.1f}"}
        ]
        steps = []
        for words in (CACHED_WORDS, MANY_WORDS):
            counts, ids = zipf_ids(words, BLOCKS * BLOCK_TOKENS)
            steps += [step_row(TrainConfig(**choice), counts, ids, gemm, copy) for choice in STEPS]
        counts, ids = zipf_ids(SOFTMAX_WORDS, 3 * BLOCK_TOKENS)
        softmax = [softmax_row(TrainConfig(model=model, loss="softmax"), counts, ids) for model in ("skipgram", "cbow")]
    return {"limits of one core": limits, "window steps": steps, "full softmax": softmax}


def sgemm_name() -> str:
    """Return whose matrix product numpy uses, in which version, and for which processor its kernels are."""
    blas = next((found for found in threadpool_info() if found["user_api"] == "blas"), None)
    if blas is None:
        return "unknown"
    name = f"{blas['internal_api']} {blas['version']}"
    pinned = f"pinned by {PIN}" if PIN in os.environ else "not pinned"
    return f"{name}, {blas['architecture']}, {pinned}" if "architecture" in blas else name


def gemm_rate() -> float:
    """Return the GFLOP/s of numpy's product of two float32 matrices."""
    matrix = np.ones((GEMM_SIZE, GEMM_SIZE), np.float32)
    seconds = median_seconds(lambda: matrix @ matrix)
    return 2 * GEMM_SIZE**3 / seconds / 1e9


def copy_rate() -> float:
    """Return the GB/s, read plus written, of a copy that is too large for the cache."""
    source = np.ones(COPY_BYTES, np.uint8)
    target = np.zeros_like(source)
    return 2 * COPY_BYTES / median_seconds(lambda: np.copyto(target, source)) / 1e9


def zipf_ids(words: int, tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Return counts that fall as 1 ÷ rank, int64 (`words`,), and ids drawn in proportion to them, int32 (`tokens`,)."""
    weights = 1 / np.arange(1, words + 1)
    counts = np.maximum((100 * tokens * weights / weights.sum()).astype(np.int64), 1)
    draws = np.random.default_rng(1).random(tokens) * counts.sum()
    return counts, np.searchsorted(np.cumsum(counts), draws, side="right").astype(np.int32)


def step_row(config: TrainConfig, counts: np.ndarray, ids: np.ndarray, gemm: float, copy: float) -> dict[str, Any]:
    """Train all blocks with one kind of step, and return its row of the table.

    Parameters
    ----------
    counts, ids : As returned by `zipf_ids`.
    gemm : GFLOP/s of sgemm.
    copy : GB/s of a copy.
    """
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
    """Train all blocks with the full softmax, do its matrix products alone, and return a row that compares them."""
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
    """Return the objective, a sample of every block, and a function that trains on all of them."""
    objective, sampler = make_objective(config, counts), sampler_of(config, counts)
    none = np.zeros(0, np.int64)
    blocks = range(len(ids) // BLOCK_TOKENS)
    samples = [sampler.sample(ids[b * BLOCK_TOKENS : (b + 1) * BLOCK_TOKENS], none, 0, b) for b in blocks]
    outputs = len(counts) - (config.loss == "hs")
    parameters = initial_parameters(len(counts), config.dim, config.seed, outputs)
    # A run measures its loss elsewhere.
    step = make_step("compiled", objective, wants_loss=False)

    def all_steps() -> None:
        for sample in samples:
            alphas = np.full(len(sample.kept_ids), config.alpha_start)
            step(sample, alphas, parameters.input_vectors, parameters.output_vectors)

    return objective, samples, all_steps


def median_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median seconds of a call. One more call comes first and is not timed, to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    print(json.dumps(measured_here()))
