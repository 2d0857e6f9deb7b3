#!/usr/bin/env python3
"""How fast, how good, how big: w2v beside gensim and fastText, alternating, on the same text with the same options.

    pip install '.[bench]'
    scripts/bench.py corpus.txt --subsample 1e-4 --threads 2 --gold questions-words.txt --gold wordsim353.txt

Every trainer runs in a process of its own, A B C A B C …, so that a noisy machine is noisy for all of them.
words/s is one definition for all: tokens of the vocabulary, before subsampling, times epochs, per second of
training. gensim reads the text as `corpus_file` and cuts lines after 10,000 words: it is given lines of 1,000.
fastText does not tell how long it counts; a run of no epochs does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

W2V = [sys.executable, "-m", "w2v_cli"]
PEER_LINE_WORDS = 1000


def main() -> None:
    options = parse_arguments()
    if options.child:
        print(json.dumps(CHILDREN[options.child](options)))
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        options.lines = str(write_lines(options.corpus, Path(folder) / "lines.txt"))
        runs: list[dict[str, Any]] = []
        for round_number in range(options.rounds):
            seed = options.seed + round_number * options.every_seed
            for name in ["w2v", *options.peer]:
                options.model_file = str(Path(folder) / f"{name}.safetensors")
                run = measure(name, seed, options)
                if round_number == 0 or options.every_seed:
                    run["scores"] = scores(options.model_file, options.gold)
                runs.append(run)
                print(progress_line(run), file=sys.stderr, flush=True)
    report = {"machine": machine(), "options": shown(options), "runs": runs}
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    print(markdown(report))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="text, perhaps compressed")
    parser.add_argument(
        "--peer", action="append", choices=["gensim", "fasttext"], help="default: both; repeat for more"
    )
    parser.add_argument("--rounds", type=int, default=3, help="alternations (3)")
    parser.add_argument("--model", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--loss", choices=["ns", "hs"], default="ns")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--negatives", type=int, default=5)
    parser.add_argument("--subsample", type=float, default=1e-3)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--alpha", type=float, help="of the peers; default: their own")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every-seed", action="store_true", help="another seed, and scores, in every round")
    parser.add_argument("--gold", action="append", default=[], help="gold sets to score with; repeat for more")
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    parser.add_argument("--scratch", help="folder for the peers' text and the models; default: the system's")
    parser.add_argument("--child", choices=["gensim", "fasttext"], help=argparse.SUPPRESS)
    parser.add_argument("--lines", help=argparse.SUPPRESS)
    parser.add_argument("--model-file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.peer = options.peer if options.peer is not None else ["gensim", "fasttext"]
    return options


def write_lines(corpus: str, target: Path) -> Path:
    """The text in lines of at most PEER_LINE_WORDS words, for the peers; words are what w2v takes for words."""
    from w2v_cli.corpus.reader import Reader, TextOptions

    words: list[bytes] = []
    with target.open("wb") as out:
        for piece in Reader([corpus], TextOptions()).pieces():
            for number, line in enumerate(piece.data.split(b"\n")):
                if words and (number or len(words) >= PEER_LINE_WORDS):
                    for first in range(0, len(words), PEER_LINE_WORDS):
                        out.write(b" ".join(words[first : first + PEER_LINE_WORDS]) + b"\n")
                    words = []
                words += line.split()
    return target


def measure(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One run of one trainer: its figures, and the wall time and peak memory of its whole process."""
    common = [
        *("--dim", options.dim, "--window", options.window, "--negatives", options.negatives),
        *("--subsample", options.subsample, "--min-count", options.min_count, "--epochs", options.epochs),
        *("--threads", options.threads, "--seed", seed, "--model", options.model, "--loss", options.loss),
    ]
    if name == "w2v":
        command = [*W2V, "train", options.corpus, "-o", options.model_file, "--json", "-q", *common]
    else:
        command = [sys.executable, __file__, options.corpus, "--child", name, "--lines", options.lines, *common]
        command += ["--model-file", options.model_file] + (["--alpha", options.alpha] if options.alpha else [])
    started = time.perf_counter()
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    wall = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"Error: {name} failed: {' '.join(map(str, command))}")
    figures = json.loads(done.stdout)
    return {
        "trainer": name,
        "seed": seed,
        "words_per_second": figures["words_per_second"],
        "count_seconds": figures["seconds"]["count"] + figures["seconds"].get("encode", 0.0),
        "train_seconds": figures["seconds"]["train"],
        "wall_seconds": wall,
        "peak_rss_bytes": figures["peak_rss_bytes"],
        "tokens": figures["tokens"],
    }


def run_gensim(options: argparse.Namespace) -> dict[str, Any]:
    """Train with gensim, in this process."""
    from gensim.models import Word2Vec

    alpha = {"alpha": options.alpha} if options.alpha else {}
    model = Word2Vec(
        vector_size=options.dim, window=options.window, sg=int(options.model == "skipgram"),
        hs=int(options.loss == "hs"), negative=options.negatives if options.loss == "ns" else 0,
        sample=options.subsample, min_count=options.min_count, workers=options.threads, seed=options.seed,
        epochs=options.epochs, **alpha,
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
    return finished(options, words, counts, model.wv.vectors, counted - started, ended - counted)


def run_fasttext(options: argparse.Namespace) -> dict[str, Any]:
    """Train with fastText without subwords, in this process."""
    import fasttext
    import numpy as np

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
    matrix = np.stack([model.get_word_vector(words[place]) for place in kept])
    count_seconds = counted - started
    train_seconds = ended - counted - count_seconds
    return finished(
        options, [words[place] for place in kept], [int(counts[place]) for place in kept], matrix, count_seconds,
        train_seconds,
    )  # fmt: skip


CHILDREN = {"gensim": run_gensim, "fasttext": run_fasttext}


def finished(
    options: argparse.Namespace, words: list[str], counts: list[int], matrix: Any, count: float, train: float
) -> dict[str, Any]:
    """Keep a peer's vectors for the scores; its figures, as `w2v train --json` names them."""
    import numpy as np

    from w2v_cli.embeddings.files import save_model

    # ru_maxrss is in KiB on Linux and in bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    vectors = {"input_vectors": np.asarray(matrix, np.float32)}
    save_model(options.model_file, words, np.array(counts, np.int64), vectors, {})
    tokens = int(sum(counts))
    return {
        "words_per_second": tokens * options.epochs / train,
        "seconds": {"count": count, "train": train},
        "tokens": tokens,
        "peak_rss_bytes": peak,
    }


def scores(model_file: str, gold: list[str]) -> dict[str, float]:
    """The model's score on every gold set, by `w2v eval`."""
    if not gold:
        return {}
    done = subprocess.run([*W2V, "eval", *gold, "-m", model_file, "--json"], capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(result["file"]).stem: result["score"] for result in results if result["score"] is not None}


def progress_line(run: dict[str, Any]) -> str:
    gold = "".join(f", {name} {score:.1f}" for name, score in run.get("scores", {}).items())
    return (
        f"{run['trainer']:>8}: {run['words_per_second']:>11,.0f} words/s, count {run['count_seconds']:.2f} s, "
        f"train {run['train_seconds']:.1f} s, wall {run['wall_seconds']:.1f} s, "
        f"{run['peak_rss_bytes'] / 2**20:.0f} MB{gold}"
    )


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        name = names[0] if names else name
    return {"processor": name, "cores": len(os.sched_getaffinity(0)), "python": platform.python_version()}


def shown(options: argparse.Namespace) -> dict[str, Any]:
    """The options that shape a run."""
    hidden = {"child", "lines", "model_file", "json", "scratch", "gold", "peer"}
    return {name: value for name, value in vars(options).items() if name not in hidden and value is not None}


def markdown(report: dict[str, Any]) -> str:
    """Medians of every trainer, and how many times faster w2v was, pair by pair."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for run in report["runs"]:
        runs.setdefault(run["trainer"], []).append(run)
    gold = list(dict.fromkeys(name for run in report["runs"] for name in run.get("scores", {})))
    header = ["trainer", "words/s", "× w2v's", "count + encode", "whole command", "peak memory", *gold]
    rows = []
    for name, theirs in runs.items():
        ratios = [
            ours["words_per_second"] / run["words_per_second"] for ours, run in zip(runs["w2v"], theirs, strict=True)
        ]
        ratio = f"1/{statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})" if name != "w2v" else "1"
        marks = [[run["scores"][key] for run in theirs if "scores" in run] for key in gold]
        rows.append(
            [
                name,
                f"{_median(theirs, 'words_per_second'):,.0f}",
                ratio,
                f"{_median(theirs, 'count_seconds'):.2f} s",
                f"{_median(theirs, 'wall_seconds'):.1f} s",
                f"{_median(theirs, 'peak_rss_bytes') / 2**20:.0f} MB",
                *(f"{statistics.mean(values):.1f}" for values in marks),
            ]
        )
    options = ", ".join(f"{name} {value}" for name, value in report["options"].items())
    described = report["machine"]
    lines = [f"{described['processor']}, {described['cores']} cores, Python {described['python']}; {options}", ""]
    lines += ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


if __name__ == "__main__":
    main()
