#!/usr/bin/env python3
"""Compare the speed, quality and memory of w2v, gensim and fastText on the same text with the same options.

    pip install '.[bench]'
    scripts/bench/trainers.py corpus.txt --subsample 1e-4 --threads 2 --gold questions-words.txt --gold wordsim353.txt
    scripts/bench/trainers.py corpus.txt --loss softmax --max-vocab 10000 --peer fasttext
    scripts/bench/trainers.py corpus.txt --grid --peer gensim
    scripts/bench/trainers.py --roofline
    scripts/bench/trainers.py --scaling

Each trainer runs in its own process, in the order A B C A B C …, so that noise on the machine affects all of them.
words/s means the same for all: tokens of the vocabulary, before subsampling, times epochs, per second of training.
gensim reads the text as `corpus_file` and cuts lines after 10,000 words, so the peers get lines of 1,000 words.
fastText has no --max-vocab, so with that option all trainers get the text without the words that are left out.
With --loss softmax the loss of every trained model is measured again, at the same windows of the same text and over the
same words, because the loss that fastText reports treats every probability under 1/512 as zero and covers one thread.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from peers import PEERS

W2V = [sys.executable, "-m", "w2v_cli"]
PEER_LINE_WORDS = 1000
# The loss of a softmax is measured at this many tokens of the text, taken in runs of consecutive tokens.
LOSS_TOKENS, RUN_TOKENS = 100_000, 1000
# The kinds of training that --grid compares. Only negative sampling has noise words.
GRID = [
    {"model": model, "loss": loss, "dim": dim, "window": window, "negatives": negatives}
    for model, loss, dim, window, negatives in itertools.product(
        ("skipgram", "cbow"), ("ns", "hs"), (50, 100, 300), (5, 10), (5, 15)
    )
    if loss == "ns" or negatives == 5
]
Row = dict[str, Any]


def main() -> None:
    options = parse_arguments()
    if options.child:
        print(json.dumps(PEERS[options.child](options)))
        return
    report: Row = {"machine": machine(), "options": shown(options)}
    # These imports are here so that a peer's process, whose memory is measured, does not load what only they need.
    if options.roofline:
        from roofline import roofline

        report["tables"] = roofline()
    elif options.scaling:
        from scaling import scaling

        report["tables"] = scaling(options.scratch)
    else:
        report["runs"] = runs = compared(options)
        report["tables"] = {"grid": grid_rows(runs)} if options.grid else {"trainers": trainer_rows(runs)}
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    if options.plot:
        draw(report, options.plot)
    print(markdown(report))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", help="text, perhaps compressed")
    parser.add_argument(
        "--grid", action="store_true", help="many models, dimensions, windows and numbers of noise words"
    )
    parser.add_argument("--scaling", action="store_true", help="w2v by threads, vocabulary and corpus; makes its texts")
    parser.add_argument("--roofline", action="store_true", help="the training step beside sgemm and memory; one core")
    parser.add_argument("--peer", action="append", choices=list(PEERS), help="default: both; repeat for more")
    parser.add_argument("--rounds", type=int, default=3, help="alternations (3)")
    parser.add_argument("--model", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--loss", choices=["ns", "hs", "softmax"], default="ns")
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--negatives", type=int, default=5)
    parser.add_argument("--subsample", type=float, default=1e-3)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--max-vocab", type=int)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--alpha", type=float, help="of the peers; default: their own")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every-seed", action="store_true", help="another seed, and scores, in every round")
    parser.add_argument("--gold", action="append", default=[], help="gold sets to score with; repeat for more")
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    parser.add_argument("--plot", metavar="FILE", help="draw the words/s there (.svg, .png)")
    parser.add_argument("--scratch", help="folder for the peers' text and the models; default: the system's")
    parser.add_argument("--child", choices=list(PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--lines", help=argparse.SUPPRESS)
    parser.add_argument("--model-file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.corpus is None and not (options.scaling or options.roofline):
        parser.error("name a corpus")
    if options.peer is None:
        options.peer = [name for name in PEERS if options.loss != "softmax" or name == "fasttext"]
    if options.loss == "softmax" and "gensim" in options.peer:
        parser.error("gensim has no full softmax")
    return options


def compared(options: argparse.Namespace) -> list[Row]:
    """Run every trainer, for one kind of training or for the whole grid, and return the figures of each run."""
    kinds = GRID if options.grid else [{"model": options.model, "loss": options.loss}]
    runs: list[Row] = []
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        lines = Path(folder) / "lines.txt"
        write_lines(options.corpus, lines, options.max_vocab, options.min_count)
        options.lines = str(lines)
        for kind, round_number in itertools.product(kinds, range(options.rounds)):
            vars(options).update(kind)
            seed = options.seed + round_number * options.every_seed
            for name in ["w2v", *options.peer]:
                options.model_file = str(Path(folder) / f"{name}.safetensors")
                run = {**kind, **measure(name, seed, options)}
                if round_number == 0 or options.every_seed:
                    run["scores"] = scores(options.model_file, options.gold)
                    if options.loss == "softmax":
                        run["scores"]["loss, nats"] = true_loss(options.model_file, options)
                runs.append(run)
                print(progress_line(run), file=sys.stderr, flush=True)
    return runs


def write_lines(corpus: str, target: Path, max_vocab: int | None, min_count: int) -> None:
    """Write the text in lines of at most PEER_LINE_WORDS words, as w2v splits it into words.

    With `max_vocab`, only the words that w2v would keep with these options are written.
    """
    from w2v_cli.corpus.encode import encode
    from w2v_cli.corpus.texts import Texts

    kept = None
    if max_vocab is not None:
        with encode(Texts([corpus]), min_count, max_vocab, 1, target.parent) as encoded:
            kept = {word.encode() for word in encoded.vocabulary.words}
    words: list[bytes] = []
    with target.open("wb") as out:
        for piece in Texts([corpus]).pieces():
            for number, line in enumerate(piece.data.split(b"\n")):
                if words and (number or len(words) >= PEER_LINE_WORDS):
                    for first in range(0, len(words), PEER_LINE_WORDS):
                        out.write(b" ".join(words[first : first + PEER_LINE_WORDS]) + b"\n")
                    words = []
                words += [word for word in line.split() if kept is None or word in kept]
        out.write(b" ".join(words) + b"\n" if words else b"")


def measure(name: str, seed: int, options: argparse.Namespace) -> Row:
    """Run one trainer in a process of its own.

    Returns
    -------
    Row
        Its speed (words/s), seconds and peak memory (bytes), and the wall time of the whole process.
    """
    common = [
        *("--dim", options.dim, "--window", options.window),
        *("--subsample", options.subsample, "--min-count", options.min_count, "--epochs", options.epochs),
        *("--threads", options.threads, "--seed", seed, "--model", options.model, "--loss", options.loss),
        *(("--negatives", options.negatives) if options.loss == "ns" else ()),
    ]
    if name == "w2v":
        text = options.corpus if options.max_vocab is None else options.lines
        command = [*W2V, "train", text, "-o", options.model_file, "--json", "-q", *common]
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


def scores(model_file: str, gold: list[str]) -> dict[str, float]:
    """Return the model's score on each gold set, as `w2v eval` computes it."""
    if not gold:
        return {}
    done = subprocess.run([*W2V, "eval", *gold, "-m", model_file, "--json"], capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(result["file"]).stem: result["score"] for result in results if result["score"] is not None}


def true_loss(model_file: str, options: argparse.Namespace) -> float:
    """Return the mean −log P(predicted word | input) in nats, at windows from all over the text.

    P is the full softmax over the model's words.
    """
    import numpy as np

    from w2v_cli.config import TrainConfig
    from w2v_cli.engines.choose import make_step
    from w2v_cli.engines.objective import make_objective
    from w2v_cli.engines.sampling import sampler_of
    from w2v_cli.formats.model_file import ModelFile
    from w2v_cli.training.schedule import BLOCK_TOKENS

    with ModelFile(model_file) as model:
        vectors, held = model.vectors, model.tables
    assert vectors.counts is not None
    tables = [held[name].astype(np.float64) for name in ("input_vectors", "output_vectors")]
    known = {word.encode(): word_id for word, word_id in vectors.ids.items()}
    ids = np.fromiter((known[word] for word in Path(options.lines).read_bytes().split() if word in known), np.int32)
    starts = np.linspace(0, len(ids), max(1, min(LOSS_TOKENS, len(ids)) // RUN_TOKENS) + 1)[:-1].astype(int)
    ids = np.concatenate([ids[start : start + RUN_TOKENS] for start in starts])
    # All models have the same counts, so the same windows are sampled for each.
    config = TrainConfig(model=options.model, loss="softmax", window=options.window, subsample=options.subsample)
    sampler = sampler_of(config, vectors.counts)
    step = make_step("reference", make_objective(config, vectors.counts), options.threads)
    total, predictions = 0.0, 0
    for first in range(0, len(ids), BLOCK_TOKENS):
        block_ids = ids[first : first + BLOCK_TOKENS]
        runs = np.arange(RUN_TOKENS, len(block_ids), RUN_TOKENS)
        sample = sampler.sample(block_ids, runs, 0, first // BLOCK_TOKENS)
        # With a learning rate of zero the step only measures the loss.
        loss, count = step(sample, np.zeros(len(sample.kept_ids)), *tables)
        total, predictions = total + loss, predictions + count
    return total / predictions


def progress_line(run: Row) -> str:
    gold = "".join(f", {name} {score:.4g}" for name, score in run.get("scores", {}).items())
    return (
        f"{run['model']} {run['loss']} {run['trainer']:>8}: {run['words_per_second']:>11,.0f} words/s, "
        f"count {run['count_seconds']:.2f} s, train {run['train_seconds']:.1f} s, wall {run['wall_seconds']:.1f} s, "
        f"{run['peak_rss_bytes'] / 2**20:.0f} MiB{gold}"
    )


def machine() -> dict[str, Any]:
    """Describe the machine that the figures were measured on."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        name = names[0] if names else name
    return {"processor": name, "cores": len(os.sched_getaffinity(0)), "python": platform.python_version()}


def shown(options: argparse.Namespace) -> Row:
    """Return the options that affect the figures, for the heading of the report."""
    if options.roofline or options.scaling:
        return {}
    hidden = {"child", "lines", "model_file", "json", "plot", "scratch", "gold", "peer", "roofline", "scaling"}
    hidden |= set(GRID[0]) | {"grid"} if options.grid else {"grid"}
    return {name: value for name, value in vars(options).items() if name not in hidden and value is not None}


def trainer_rows(runs: list[Row]) -> list[Row]:
    """Return a row for each trainer: medians, and how many times as fast w2v was, compared run by run."""
    rows = []
    for name, theirs in by_trainer(runs).items():
        gold = list(dict.fromkeys(key for run in theirs for key in run.get("scores", {})))
        marks = {key: [run["scores"][key] for run in theirs if key in run.get("scores", {})] for key in gold}
        rows.append(
            {
                "trainer": name,
                "words/s": f"{_median(theirs, 'words_per_second'):,.0f}",
                "w2v is × as fast": ratio(runs, name),
                "count + encode": f"{_median(theirs, 'count_seconds'):.2f} s",
                "× ": ratio(runs, name, "count_seconds"),
                "whole command": f"{_median(theirs, 'wall_seconds'):.1f} s",
                "×": ratio(runs, name, "wall_seconds"),
                "peak memory": f"{_median(theirs, 'peak_rss_bytes') / 2**20:.0f} MiB",
                **{key: f"{statistics.mean(values):.4g}" for key, values in marks.items()},
            }
        )
    return rows


def grid_rows(runs: list[Row]) -> list[Row]:
    """Return a row for each kind of training: w2v's speed, each peer's, and their ratio."""
    rows = []
    for kind in GRID:
        trainers = by_trainer([run for run in runs if kind.items() <= run.items()])
        row: Row = {name: str(value) for name, value in kind.items() if kind["loss"] == "ns" or name != "negatives"}
        for name, theirs in trainers.items():
            row["words/s" if name == "w2v" else f"{name}, words/s"] = f"{_median(theirs, 'words_per_second'):,.0f}"
            if name != "w2v":
                row[f"× {name}"] = ratio(trainers["w2v"] + theirs, name)
        rows.append(row)
    return rows


def by_trainer(runs: list[Row]) -> dict[str, list[Row]]:
    """Return the runs of each trainer, in the order in which they ran."""
    trainers: dict[str, list[Row]] = {}
    for run in runs:
        trainers.setdefault(run["trainer"], []).append(run)
    return trainers


def ratio(runs: list[Row], name: str, key: str = "words_per_second") -> str:
    """Return how many times as fast as another trainer w2v was: the median, minimum and maximum over pairs of runs.

    Parameters
    ----------
    name : The other trainer. For w2v itself, "1" is returned.
    key : The figure to compare. "words_per_second" is better if larger, any other if smaller.
    """
    trainers = by_trainer(runs)
    pairs = zip(trainers["w2v"], trainers[name], strict=True)
    ratios = [ours[key] / run[key] if key == "words_per_second" else run[key] / ours[key] for ours, run in pairs]
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})" if name != "w2v" else "1"


def markdown(report: Row) -> str:
    """Return the report as Markdown: the machine, the options and every table."""
    options = "; " + ", ".join(f"{name} {value}" for name, value in report["options"].items())
    described = report["machine"]
    cores = f"{described['cores']} core" + "s" * (described["cores"] != 1)
    lines = [f"{described['processor']}, {cores}, Python {described['python']}{options.rstrip('; ')}"]
    for title, rows in report["tables"].items():
        columns = list(rows[0])
        cells = [columns, ["---"] * len(columns), *([str(row.get(column, "")) for column in columns] for row in rows)]
        lines += ["", f"{title}:", "", *("| " + " | ".join(line) + " |" for line in cells)]
    return "\n".join(lines)


def draw(report: Row, path: str) -> None:
    """Draw a bar chart of every table with a speed, in words/s or GFLOP/s, and save it to a file."""
    try:
        import matplotlib
    except ImportError:
        from w2v_cli.errors import MissingExtraError

        missing = MissingExtraError("--plot", "matplotlib")
        sys.exit(f"Error: {missing.message}\nHint: {missing.hint}")
    matplotlib.use("agg")
    # Text is kept as text, because glyph outlines would take ten times as many bytes.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "w2v"})
    from matplotlib import pyplot

    tables = [
        (title, [name for name in rows[0] if name in ("words/s", "GFLOP/s") or name.endswith(", words/s")], rows)
        for title, rows in report["tables"].items()
    ]
    tables = [table for table in tables if table[1]]
    heights = [1 + 0.2 * len(rows) * (len(speeds) + 0.5) for _, speeds, rows in tables]
    figure, axes = pyplot.subplots(
        len(tables), squeeze=False, figsize=(8, sum(heights)), height_ratios=heights, layout="constrained"
    )
    for axis, (title, speeds, rows) in zip(axes[:, 0], tables, strict=True):
        unit = 1e6 if speeds[0] == "words/s" else 1
        for position, speed in enumerate(speeds):
            values = [float(str(row[speed]).replace(",", "")) / unit for row in rows]
            offsets = [i + position / (len(speeds) + 1) for i in range(len(rows))]
            bars = axis.barh(offsets, values, height=1 / (len(speeds) + 1), label=speed.rpartition(", ")[0] or "w2v")
            axis.bar_label(bars, fmt="%.3g", padding=3)
        middle = (len(speeds) - 1) / 2 / (len(speeds) + 1)
        axis.set_yticks([i + middle for i in range(len(rows))], [bar_name(row) for row in rows])
        axis.invert_yaxis()
        axis.margins(x=0.1, y=0.01)
        axis.set_title(title, loc="left")
        axis.set_xlabel("million words/s" if speeds[0] == "words/s" else speeds[0])
        if len(speeds) > 1:
            axis.legend()
    # Without a date, and without random ids (svg.hashsalt above), the same figures make the same file.
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None)


def bar_name(row: Row) -> str:
    """Return the label of a row's bars: the cells before its first figure, with the column's name before a number."""
    names = list(itertools.takewhile(lambda name: "/" not in name and name != "tokens", row))
    return ", ".join(f"{name} {row[name]}" if row[name].replace(",", "").isdigit() else row[name] for name in names)


def _median(runs: list[Row], key: str) -> float:
    return statistics.median(run[key] for run in runs)


if __name__ == "__main__":
    main()
