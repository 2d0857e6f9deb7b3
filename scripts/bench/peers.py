"""gensim and fastText as `bench.py` runs them: one training in this process, figures as `w2v train --json` has them.

Both read a text of lines that they do not cut. fastText does not tell how long it counts; a run of no epochs does.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from typing import Any


def run_gensim(options: argparse.Namespace) -> dict[str, Any]:
    """Train with gensim on a corpus file."""
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
    # With hierarchical softmax the other table is of nodes.
    tables = [model.wv.vectors, model.syn1neg if options.loss == "ns" else model.syn1]
    return _finished(options, words, counts, tables, counted - started, ended - counted)


def run_fasttext(options: argparse.Namespace) -> dict[str, Any]:
    """Train with fastText, without subwords."""
    import fasttext

    settings = {
        "model": options.model, "loss": options.loss, "dim": options.dim, "ws": options.window,
        "neg": options.negatives, "t": options.subsample, "minCount": options.min_count, "thread": options.threads,
        "maxn": 0, "verbose": 0, **({"lr": options.alpha} if options.alpha else {}),
    }  # fmt: skip
    started = time.perf_counter()
    fasttext.train_unsupervised(options.lines, epoch=0, **settings)
    counted = time.perf_counter()
    model = fasttext.train_unsupervised(options.lines, epoch=options.epochs, **settings)
    ended = time.perf_counter()
    words, counts = model.get_words(include_freq=True)
    # Its end of line is a word of its own.
    kept = [place for place, word in enumerate(words) if word != "</s>"]
    # Without subwords the rows are the words'; hierarchical softmax has one node less.
    tables = [model.get_input_matrix()[kept], model.get_output_matrix()]
    tables[1] = tables[1][kept] if options.loss != "hs" else tables[1]
    count_seconds = counted - started
    train_seconds = ended - counted - count_seconds
    return _finished(
        options, [words[place] for place in kept], [int(counts[place]) for place in kept], tables, count_seconds,
        train_seconds,
    )  # fmt: skip


PEERS = {"gensim": run_gensim, "fasttext": run_fasttext}


def _finished(
    options: argparse.Namespace, words: list[str], counts: list[int], tables: list[Any], count: float, train: float
) -> dict[str, Any]:
    """Keep a peer's vectors for the scores; its figures."""
    import numpy as np

    from w2v_cli.formats.model_file import save_model

    # ru_maxrss is in KiB on Linux and in bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    names = ("input_vectors", "node_vectors" if options.loss == "hs" else "output_vectors")
    tensors = {name: np.ascontiguousarray(table, np.float32) for name, table in zip(names, tables, strict=True)}
    save_model(options.model_file, words, np.array(counts, np.int64), tensors, {})
    tokens = int(sum(counts))
    return {
        "words_per_second": tokens * options.epochs / train,
        "seconds": {"count": count, "train": train},
        "tokens": tokens,
        "peak_rss_bytes": peak,
    }
