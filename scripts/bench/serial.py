#!/usr/bin/env python3
"""Measure how much of the training time is Python under its lock, and which speed-up that leaves many threads.

    scripts/bench/serial.py CORPUS [THREADS ...]

Compiled code runs without the lock, so only the rest of a worker's time can keep other workers waiting. The speed-up is
measured with the real workers, whose compiled code is replaced by sleeping for as long as one block took: threads that
sleep need no processor, so 64 of them can be tried on any machine.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from dataclasses import replace
from typing import Any

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.texts import Texts
from w2v_cli.engines import stretch
from w2v_cli.engines.arguments import Blocks
from w2v_cli.training.loss_sample import MeasuredLoss
from w2v_cli.training.trainer import Trainer

KERNELS = {
    ("skipgram", "ns"): "train_skipgram_blocks",
    ("cbow", "ns"): "train_cbow_blocks",
    ("skipgram", "hs"): "train_paths_blocks",
    ("cbow", "hs"): "train_paths_blocks",
}
# How long each simulated run would take if threads never waited for each other.
SECONDS = 3
# How often the text is read while Python's part is timed.
EPOCHS = 20


def main(path: str, threads: list[int]) -> None:
    """Print one line of JSON for each kind of training."""
    with tempfile.TemporaryDirectory() as folder, encode(Texts([path]), 5, None, 2, folder) as corpus:
        for (model, loss), name in KERNELS.items():
            block, python = time_alone(corpus, model, loss, name)
            row = {"model": model, "loss": loss, "block_ms": 1e3 * block, "python_us": 1e6 * python}
            row |= {"serial_share": python / block}
            row |= {f"speed_up_{n}": speed_up(corpus, model, loss, name, n, block) for n in threads}
            print(json.dumps(row), flush=True)


def time_alone(corpus: EncodedCorpus, model: str, loss: str, name: str) -> tuple[float, float]:
    """Return how long a block takes with one thread, and how much of that is not compiled code; seconds."""
    trainer = Trainer(TrainConfig(model=model, loss=loss, threads=1, epochs=1), corpus)
    trainer.compile()
    block = trainer.train().seconds / trainer.schedule.blocks
    kernel = getattr(stretch, name)

    def without_blocks(blocks: Blocks, *arguments: Any) -> Any:
        """Call the compiled code, which then has nothing to do."""
        return kernel(blocks._replace(firsts=blocks.firsts[:0]), *arguments)

    trainer = Trainer(TrainConfig(model=model, loss=loss, threads=1, epochs=EPOCHS), corpus)
    trainer._measure = lambda tally, index: MeasuredLoss(0.0, 0.0)  # type: ignore[method-assign]
    tally = trainer._tally(None)
    setattr(stretch, name, without_blocks)
    try:
        begun, more = time.perf_counter(), True
        while more:
            trainer._block_seconds = block
            more = trainer._train_next(tally)
        return block, (time.perf_counter() - begun) / tally.block
    finally:
        setattr(stretch, name, kernel)


def speed_up(corpus: EncodedCorpus, model: str, loss: str, name: str, threads: int, block: float) -> float:
    """Return the simulated speed-up of some threads, each of which would take `block` seconds for a block if alone."""
    kernel = getattr(stretch, name)
    config = TrainConfig(model=model, loss=loss, threads=threads)
    blocks = Trainer(config, corpus).schedule.blocks
    config = replace(config, epochs=math.ceil(SECONDS * threads / block / blocks))

    def sleeping(stretch_of_blocks: Any, *arguments: Any) -> tuple[int, bool]:
        time.sleep(len(stretch_of_blocks.firsts) * block)
        return -1, True

    trainer = Trainer(config, corpus)
    # Measuring the loss is compiled too, but here it would need the processor.
    trainer._measure = lambda tally, index: MeasuredLoss(0.0, 0.0)  # type: ignore[method-assign]
    setattr(stretch, name, sleeping)
    try:
        trained = trainer.train()
    finally:
        setattr(stretch, name, kernel)
    return trained.words_per_second / (min(10_000, corpus.token_count) / block)


if __name__ == "__main__":
    main(sys.argv[1], [int(n) for n in sys.argv[2:]] or [1, 16, 64])
