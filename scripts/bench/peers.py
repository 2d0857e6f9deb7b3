"""Train with gensim or fastText, the peers that trainers.py compares with w2v.

Each function trains once in this process, saves the vectors, and returns figures under the names that
`w2v train --json` gives them. The text must have lines short enough for both peers to read whole.
"""

from __future__ import annotations

import argparse
import ctypes
import resource
import sys
import time
from typing import Any

# glibc's number of the size from which memory comes from the system, and a size that every table has.
M_MMAP_THRESHOLD, LARGE = -3, 1 << 20


def run_gensim(options: argparse.Namespace) -> dict[str, Any]:
    """Train with gensim, in its fast mode that reads a `corpus_file`, and return the figures."""
    from gensim.models import Word2Vec

    alpha = {"alpha": options.alpha} if options.alpha else {}
    model = Word2Vec(
        vector_size=options.dim, window=options.window, sg=int(options.model == "skipgram"),
        hs=int(options.loss == "hs"), negative=options.negatives if options.loss == "ns" else 0,
        sample=options.subsample, min_count=options.min_count, workers=options.threads, seed=options.seed,
        epochs=options.epochs, max_final_vocab=options.max_vocab, **alpha,
    )  # fmt: skip
    started = time.perf_counter()
    model.build_vocab(corpus_file=options.lines)
    counted = time.perf_counter()
    model.train(
        corpus_file=options.lines, total_words=model.corpus_total_words, total_examples=model.corpus_count,
        epochs=model.epochs,
    )  # fmt: skip
    ended = time.perf_counter()
    words = model.wv.index_to_key
    counts = [model.wv.get_vecattr(word, "count") for word in words]
    outputs = model.syn1neg if options.loss == "ns" else None
    return _finished(options, words, counts, model.wv.vectors, outputs, counted - started, ended - counted)


def run_fasttext(options: argparse.Namespace) -> dict[str, Any]:
    """Train with fastText, without subwords, and return the figures."""
    settings = {
        "model": options.model, "loss": options.loss, "dim": options.dim, "ws": options.window,
        "neg": options.negatives, "t": options.subsample, "minCount": options.min_count, "thread": options.threads,
        "maxn": 0, "verbose": 0, **({"lr": options.alpha} if options.alpha else {}),
    }  # fmt: skip
    # With fewer than ten threads, fastText fills only a tenth of its table for each, and the rest keeps what was in
    # memory, which may be NaN. Memory that comes from the system is zeros.
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGE)
    # fastText does not report how long it counts words. A run of zero epochs does nothing else.
    _, count_seconds = _train_fasttext(options.lines, epoch=0, **settings)
    model, all_seconds = _train_fasttext(options.lines, epoch=options.epochs, **settings)
    words, counts = model.get_words(include_freq=True)
    # fastText counts the end of a line as a word, which w2v does not.
    kept = [row for row, word in enumerate(words) if word != "</s>"]
    # Without subwords, each row of the input table is a word.
    inputs = model.get_input_matrix()[kept]
    outputs = model.get_output_matrix()[kept] if options.loss != "hs" else None
    return _finished(
        options, [words[row] for row in kept], [int(counts[row]) for row in kept], inputs, outputs, count_seconds,
        all_seconds - count_seconds,
    )  # fmt: skip


def _train_fasttext(lines: str, **settings: Any) -> tuple[Any, float]:
    """Return fastText's model and how long it trained, seconds."""
    import fasttext

    started = time.perf_counter()
    model = fasttext.train_unsupervised(lines, **settings)
    return model, time.perf_counter() - started


PEERS = {"gensim": run_gensim, "fasttext": run_fasttext}


def _finished(
    options: argparse.Namespace,
    words: list[str],
    counts: list[int],
    inputs: Any,
    outputs: Any,
    count: float,
    train: float,
) -> dict[str, Any]:
    """Save a peer's vectors, which are scored later, and return its figures.

    Parameters
    ----------
    inputs, outputs : Vectors of the words, each (V, D); outputs is None if they belong to the nodes of a tree.
    count, train : Seconds.
    """
    import numpy as np

    from w2v_cli.formats.model_file import save_model

    # ru_maxrss is in KiB on Linux and in bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    tables = {"input_vectors": inputs, **({} if outputs is None else {"output_vectors": outputs})}
    tensors = {name: np.ascontiguousarray(table, np.float32) for name, table in tables.items()}
    save_model(options.model_file, words, np.array(counts, np.int64), tensors, {})
    tokens = int(sum(counts))
    return {
        "words_per_second": tokens * options.epochs / train,
        "seconds": {"count": count, "train": train},
        "tokens": tokens,
        "peak_rss_bytes": peak,
    }
