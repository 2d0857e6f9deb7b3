"""Measure how the speed of `w2v train` depends on threads, vocabulary and corpus, on texts that follow Zipf's law.

The cost per token must not grow with the corpus. It may grow with the vocabulary only because fewer rows are cached.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARIES = (10_000, 100_000, 1_000_000, 3_000_000)
MEGABYTES = (10, 100, 1000)
WORDS, SIZE = 100_000, 100
LINE_TOKENS = 1000
CHUNK_TOKENS = 1_000_000


def scaling(scratch: str | None) -> dict[str, list[dict[str, Any]]]:
    """Return three tables of words/s, in which only the threads, the corpus or the vocabulary varies.

    Parameters
    ----------
    scratch : The folder for the texts and models, or None for the system's.
    """
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        text = Path(folder) / "zipf.txt"
        write_zipf(text, WORDS, SIZE)
        threads = [row({"threads": n}, text, n) for n in range(1, cores + 1)]
        corpus = []
        for size in MEGABYTES:
            write_zipf(text, WORDS, size)
            corpus.append(row({"corpus MB": size}, text, cores))
        vocabulary = []
        for words in VOCABULARIES:
            write_zipf(text, words, SIZE)
            vocabulary.append(row({"words": words}, text, cores))
    return {"threads": threads, "corpus": corpus, "vocabulary": vocabulary}


def write_zipf(path: Path, words: int, megabytes: int) -> None:
    """Write a text in which the frequency of the word of rank r is about proportional to 1 ÷ r.

    Every word occurs at least once, so the text may become longer than `megabytes`.
    """
    rng = np.random.default_rng(1)
    names = np.array([spelled(rank) for rank in range(words)], object)
    share = np.cumsum(1 / np.arange(1, words + 1))
    written, first = 0, 0
    with path.open("wb") as out:
        while written < megabytes * 1_000_000 or first < words:
            ids = np.searchsorted(share, rng.random(CHUNK_TOKENS) * share[-1])
            # At most half of a chunk is given to words that have not occurred yet.
            unseen = np.arange(first, min(first + CHUNK_TOKENS // 2, words))
            ids[: len(unseen)] = unseen
            first += len(unseen)
            rng.shuffle(ids)
            for line in names[ids].reshape(-1, LINE_TOKENS):
                written += out.write(b" ".join(line) + b"\n")


def spelled(rank: int) -> bytes:
    """Return the word of a rank, spelled a, b, …, z, aa, ba, …, so that frequent words are short."""
    letters = bytearray()
    rank += 1
    while rank:
        rank, letter = divmod(rank - 1, 26)
        letters.append(ord("a") + letter)
    return bytes(letters)


def row(name: dict[str, Any], text: Path, threads: int) -> dict[str, Any]:
    """Train for one epoch, and return the figures as a row of a table that begins with `name`."""
    output = text.with_suffix(".safetensors")
    command = [sys.executable, "-m", "w2v_cli", "train", str(text), "-o", str(output), "--json", "-q"]
    command += ["--epochs", "1", "--min-count", "1", "--subsample", "1e-4", "--threads", str(threads)]
    figures = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    seconds, tokens = figures["seconds"], figures["tokens"]
    print(name, f"{figures['words_per_second']:,.0f} words/s", file=sys.stderr, flush=True)
    return {
        **{key: f"{value:,}" for key, value in name.items()},
        "tokens": f"{tokens:,}",
        "words/s": f"{figures['words_per_second']:,.0f}",
        "ns/token": f"{seconds['train'] / tokens * 1e9:.0f}",
        "count + encode, ns/token": f"{(seconds['count'] + seconds['encode']) / tokens * 1e9:.0f}",
        "peak memory": f"{figures['peak_rss_bytes'] / 2**20:,.0f} MiB",
    }
