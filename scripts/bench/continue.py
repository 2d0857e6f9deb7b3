#!/usr/bin/env python3
"""Measure what going on with new text costs, and what it does to the words: new ones, and those that were known.

    scripts/bench/continue.py CORPUS --gold FILE [FILE ...] [--alphas 0.04,0.02] [--counts text,sum] [--freeze ,known]

The last part of CORPUS is new text. Some words of the gold sets, which a hash of their spelling chooses, are removed
from the part before it, so that they are new. A model of the first part goes on with the new text; another one is
trained on both parts. Both are scored on the pairs and questions with a new word, and on all others. CORPUS is text of
words in lower case between white space.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
import zlib
from itertools import product
from pathlib import Path
from typing import Any

import w2v_cli as w2v

# The share of the words of the gold sets that are made new is one of this many.
ONE_OF = 5


def main() -> None:
    """Print a row for each way to train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--gold", nargs="+", required=True, help="word pairs and analogies")
    parser.add_argument("--share", type=float, default=0.1, help="the share of the text that is new")
    parser.add_argument("--alphas", default="", help="learning rates to go on with; none: the default")
    parser.add_argument("--counts", default="text", help="values of --init-counts")
    parser.add_argument("--freeze", default="", help="values of --freeze to go on with; none: nothing is frozen")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--model", default="skipgram")
    parser.add_argument("--loss", default="ns")
    options = parser.parse_args()
    common = {name: getattr(options, name) for name in ("epochs", "threads", "model", "loss")}
    common["subsample"] = 1e-3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        new_words = {word for word in gold_words(options.gold) if zlib.crc32(word.encode()) % ONE_OF == 0}
        sets = [part for path in options.gold for part in divided(Path(path), new_words, folder)]
        divide(Path(options.corpus), options.share, new_words, folder)
        print("\t".join(["run", "wall s", "cpu s", *(f"{path.stem}" for path in sets)]), flush=True)
        old = run("first part", sets, "old.txt", folder, common)
        run("both parts", sets, ["old.txt", "new.txt"], folder, common)
        ways = product(options.alphas.split(","), options.counts.split(","), options.freeze.split(","))
        for alpha, counts, frozen in ways:
            more: dict[str, Any] = {"alpha": float(alpha)} if alpha else {}
            what = f"go on, alpha {alpha or 'default'}, {counts}" + (f", {frozen} frozen" if frozen else "")
            more |= {"init": old, "init_counts": counts, "freeze": [frozen] if frozen else []}
            run(what, sets, "new.txt", folder, {**common, **more})


def run(what: str, sets: list[Path], names: str | list[str], folder: Path, options: dict[str, Any]) -> w2v.Model:
    """Train, and print how long that took and what the vectors score."""
    corpus = [str(folder / name) for name in ([names] if isinstance(names, str) else names)]
    wall, processor = time.perf_counter(), time.process_time()
    model = w2v.train(corpus, **options)
    seconds = time.perf_counter() - wall, time.process_time() - processor
    scores = [model.evaluate(path).score for path in sets]
    shown = ("–" if score is None else f"{score:.1f}" for score in scores)
    print("\t".join([what, *(f"{x:.1f}" for x in seconds), *shown]), flush=True)
    return model


def gold_words(paths: list[str]) -> set[str]:
    """Return all words of some gold sets, in lower case."""
    return {word for path in paths for word in re.findall(r"[^\W\d_]+", Path(path).read_text().lower())}


def divided(path: Path, new_words: set[str], folder: Path) -> list[Path]:
    """Write the lines of a gold set with a new word to one file, and the others to another; return both."""
    lines = path.read_text().splitlines()
    parts: dict[str, list[str]] = {"new": [], "known": []}
    for line in lines:
        if line.startswith((":", "#")):
            for part in parts.values():
                part.append(line)
        else:
            parts["new" if new_words & {*re.findall(r"[^\W\d_]+", line.lower())} else "known"].append(line)
    files = []
    for name, part in parts.items():
        files.append(folder / f"{path.stem[:5]} {name}{path.suffix}")
        files[-1].write_text("\n".join(part) + "\n")
    return files


def divide(corpus: Path, share: float, new_words: set[str], folder: Path) -> None:
    """Write the first part of a text without the new words, and the rest of it."""
    text = corpus.read_text()
    cut = text.index(" ", int(len(text) * (1 - share)))
    pattern = re.compile(r"\S+")
    first = pattern.sub(lambda found: "" if found[0] in new_words else found[0], text[:cut])
    (folder / "old.txt").write_text(first)
    (folder / "new.txt").write_text(text[cut:])


if __name__ == "__main__":
    main()
