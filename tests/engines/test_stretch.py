"""Several blocks in one call are trained exactly as one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.texts import Texts
from w2v_cli.engines.block_trainer import BlockTrainer, SteppedBlocks
from w2v_cli.engines.choose import make_step
from w2v_cli.engines.learning_rate import LearningRate
from w2v_cli.engines.objective import make_objective
from w2v_cli.engines.parameters import Parameters, initial_parameters
from w2v_cli.engines.sampling import make_sampler, windows_per_step

pytestmark = pytest.mark.skipif(not COMPILES, reason="numba does not import here")
BLOCK = 400
KINDS = [("skipgram", "ns"), ("cbow", "ns"), ("skipgram", "hs"), ("cbow", "hs")]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EncodedCorpus]:
    folder, rng = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0)
    words = [f"w{i}" for i in range(90)]
    weights = 1 / np.arange(1, 91)
    lines = [" ".join(rng.choice(words, rng.integers(0, 60), p=weights / weights.sum())) for _ in range(100)]
    (folder / "corpus.txt").write_text("\n".join(lines))
    with encode(Texts([str(folder / "corpus.txt")]), 1, None, 1, folder) as encoded:
        yield encoded


def both_ways(corpus: EncodedCorpus, threads: int = 1, **options: Any) -> list[tuple[BlockTrainer, Parameters]]:
    """Return what trains blocks one by one and in one call, each with tables of its own."""
    from w2v_cli.engines.compiled import CompiledBlocks

    subsample = options.pop("subsample", 1e-2)
    config = TrainConfig(**{"dim": 20, "subsample": subsample, **options})
    counts = corpus.vocabulary.counts
    objective = make_objective(config, counts)
    negatives = config.negatives if config.loss == "ns" else 0
    sampler = make_sampler(
        counts, subsample, 0.75, config.window, negatives, 5, config.fixed_window, windows_per_step(config)
    )
    rate, ways = LearningRate(0.05, 0.001, 3 * corpus.token_count), list[tuple[BlockTrainer, Parameters]]()
    for several in (False, True):
        outputs = len(counts) - (config.loss == "hs")
        tables = initial_parameters(len(counts), config.dim, 1, outputs, objective.output_name)
        step = make_step("compiled", objective, threads, wants_loss=False)
        one_by_one = SteppedBlocks(step, corpus, sampler, tables, rate)
        in_one_call = CompiledBlocks(objective, corpus, sampler, tables, rate, threads, BLOCK)
        ways.append((in_one_call if several else one_by_one, tables))
    return ways


def blocks_of(corpus: EncodedCorpus, numbers: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the numbers, spans and places in the run of some blocks."""
    spans = [[number * BLOCK, min((number + 1) * BLOCK, corpus.token_count)] for number in numbers]
    return np.array(numbers), np.array(spans), corpus.token_count + BLOCK * np.arange(len(numbers))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "options",
    [*({"model": model, "loss": loss} for model, loss in KINDS), {"fixed_window": True, "window": 9, "negatives": 12}],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_several_blocks_are_trained_as_one_by_one(corpus: EncodedCorpus, threads: int, options: dict[str, Any]) -> None:
    (steps, alone), (stretch, together) = both_ways(corpus, threads, **options)
    last = (corpus.token_count - 1) // BLOCK
    assert corpus.token_count % BLOCK
    for epoch, numbers in enumerate(([3, 1, 4, 0], [2], [last, 5, 3])):
        assert steps.train(epoch, *blocks_of(corpus, numbers)) == (-1, True)
        assert stretch.train(epoch, *blocks_of(corpus, numbers)) == (-1, True)
        pairs = (
            (alone.input_vectors, together.input_vectors),
            (alone.output_vectors, together.output_vectors),
        )
        for one, other in pairs:
            if threads == 1:
                assert one.tobytes() == other.tobytes()
            # Private copies are merged at the end of a call, so that the same moves are added up in another order.
            assert one == pytest.approx(other, abs=1e-5)
    untrained = both_ways(corpus, threads, **options)[0][1]
    assert untrained.output_vectors.tobytes() != alone.output_vectors.tobytes()


@pytest.mark.parametrize(("model", "loss"), KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -2e4])
def test_the_first_block_with_a_vector_without_bound_is_named(
    corpus: EncodedCorpus, model: str, loss: str, bad: float
) -> None:
    # The word is in a block only if the block holds it among its first kept tokens; the steps' own rule decides.
    for trainer, tables in both_ways(corpus, model=model, loss=loss, alpha=1e-9):
        ids, _ = corpus.read(2 * BLOCK, 3 * BLOCK)
        earlier = corpus.read(0, 2 * BLOCK)[0]
        only_here = np.setdiff1d(ids[:30], earlier)
        assert len(only_here)
        tables.input_vectors[only_here] = bad
        diverged, _ = trainer.train(0, *blocks_of(corpus, [0, 1, 2, 3]))
        assert diverged == 2 or (diverged == 1 and not np.isfinite(tables.input_vectors).all())


def test_blocks_without_a_context_word_are_told(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\na\nb\na b\n")
    with encode(Texts([str(tmp_path / "words.txt")]), 1, None, 1, tmp_path) as words:
        for trainer, _ in both_ways(words, subsample=0.0):
            at = np.zeros(1, np.int64)
            assert trainer.train(0, at, np.array([[0, 4]]), at) == (-1, False)
            assert trainer.train(0, at, np.array([[0, 6]]), at) == (-1, True)
