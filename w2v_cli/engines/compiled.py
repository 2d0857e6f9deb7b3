"""The fast engine: the numba kernels behind the reference engine's interface."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np

from w2v_cli.compute.random import stream_key
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.engines import block, private_copies, stretch, subword_block
from w2v_cli.engines.arguments import (
    MEAN_TILE,
    PAIR_TILE,
    Blocks,
    Draws,
    Flags,
    Room,
    Scratch,
    Tables,
    Tree,
    Windows,
    make_scratch,
    make_tree,
)
from w2v_cli.engines.learning_rate import LearningRate
from w2v_cli.engines.objective import Objective
from w2v_cli.engines.parameters import HOT_WORDS, Parameters
from w2v_cli.engines.sampling import Sample, Sampler
from w2v_cli.errors import CorpusError
from w2v_cli.gradients.architectures import SKIPGRAM

# The first words of the vocabulary are hot, as inputs and with negative sampling as outputs, because windows and noise
# are full of them; none are if the vocabulary is not in order of frequency (`--vocab`), and no inputs with parts of
# words. Of a small vocabulary one word in so many is hot, because otherwise each thread would train a model of its own.
WORDS_PER_HOT = 50
# All copies of a hot word's row together are used so often between two merges. They are never far from the row then, so
# all that they have moved is added (measured: help/design.md, "Private copies").
MOST_USES = 512
# Hierarchical softmax: this many nodes near the root, divided by the number of threads, are hot. Every window trains
# some of them, so they converge within a block, and threads average their copies at its end instead of summing them.
# With more threads, the average moves a node that has not converged by less, so fewer nodes are hot (measured:
# help/design.md, "Private copies").
HOT_NODES = 512


def train_logistic(
    objective: Objective,
    sample: Sample,
    alphas: np.ndarray,
    input_vectors: np.ndarray,
    output_vectors: np.ndarray,
    threads: int = 1,
    wants_loss: bool = True,
) -> tuple[float, int]:
    """Train negative sampling or hierarchical softmax over one block, as `reference.train_logistic` defines it.

    Parameters
    ----------
    sample : only skip-gram with negative sampling may have steps of several windows.
    alphas : float64 (N,), the learning rate at each window.
    input_vectors, output_vectors : float16, float32 or float64 (rows, D), D padded; changed in place.
    threads : how many threads train these tables at once.
    wants_loss : compute the loss; otherwise both results are 0.

    Returns
    -------
    The loss in nats, and the number of predictions that it is the sum of.

    Raises
    ------
    ValueError : if steps of several windows are not possible with the objective.
    """
    tables = _shared_tables(objective, input_vectors, output_vectors, threads)
    return _run_kernel(objective, sample, alphas, tables, wants_loss, learns=True)


def measure_logistic(
    objective: Objective, sample: Sample, input_vectors: np.ndarray, output_vectors: np.ndarray
) -> tuple[float, int]:
    """Measure the loss of a block with the training kernel, as `reference.measure_logistic` defines it.

    Returns
    -------
    The loss in nats, and the number of predictions that it is the sum of. The tables stay as they are.
    """
    tables = _tables(replace(objective, frozen=None), input_vectors, output_vectors)
    alphas = np.zeros(len(sample.kept_ids))
    return _run_kernel(objective, sample, alphas, tables, wants_loss=True, learns=False)


class CompiledBlocks:
    """A `BlockTrainer` that draws and trains several blocks in one call, exactly as `SteppedBlocks` would.

    Parameters
    ----------
    objective : negative sampling or hierarchical softmax.
    corpus : the text as ids.
    sampler : what the windows are drawn from.
    parameters : the tables, changed in place.
    rate : the learning rate of each token.
    threads : how many threads train them at once; each has work space of its own.
    longest : the most tokens of a block.
    """

    # With so many, Python takes less than a two-hundredth of the time
    # (measured: help/design.md, "Several blocks in one call").
    most = 32

    def __init__(
        self,
        objective: Objective,
        corpus: EncodedCorpus,
        sampler: Sampler,
        parameters: Parameters,
        rate: LearningRate,
        threads: int,
        longest: int,
    ) -> None:
        self._objective, self._corpus, self._longest, self._seed = objective, corpus, longest, sampler.seed
        # As an array that is always of the same type for numba: a map is read-only, an empty array need not be.
        self._boundaries = np.asarray(corpus.spool.boundaries).view()
        self._boundaries.flags.writeable = False
        self._tables = _shared_tables(objective, parameters.input_vectors, parameters.output_vectors, threads)
        self._draws = Draws(
            sampler.keep_limits, sampler.noise_limits, sampler.noise_aliases, sampler.window, sampler.fixed_window,
            sampler.harmonic, sampler.negatives, sampler.step_windows, sampler.pool_words, rate.start, rate.end,
            float(rate.total_tokens),
        )  # fmt: skip
        self._flags = _flags(objective, wants_loss=False, learns=True)
        self._of_thread = threading.local()

    def train(self, epoch: int, numbers: np.ndarray, spans: np.ndarray, trained: np.ndarray) -> tuple[int, bool]:
        """Train blocks, as `BlockTrainer` says."""
        space = self._of_thread
        if not hasattr(space, "room"):
            space.room, space.scratch = self._make_room(), self._make_scratch()
        firsts, stops = np.ascontiguousarray(spans.T)
        first_boundaries, stop_boundaries = np.searchsorted(self._boundaries, (firsts + 1, stops))
        blocks = Blocks(
            self._corpus.spool.files[0].fileno(), numbers, firsts, stops, self._boundaries, first_boundaries,
            stop_boundaries, trained, np.uint64(stream_key(self._seed, epoch)),
        )  # fmt: skip
        arguments, tree = (blocks, self._draws, space.room), _tree(self._objective, len(self._tables.outputs))
        if self._objective.word_rows is not None:
            diverged, learnt = stretch.train_subword_blocks(
                *arguments, self._objective.word_rows, tree, self._tables, space.scratch, self._flags
            )
        elif self._objective.paths is not None:
            diverged, learnt = stretch.train_paths_blocks(*arguments, tree, self._tables, space.scratch, self._flags)
        elif self._objective.model == "cbow":
            diverged, learnt = stretch.train_cbow_blocks(*arguments, self._tables, space.scratch, self._flags)
        else:
            diverged, learnt = stretch.train_skipgram_blocks(*arguments, self._tables, space.scratch, self._flags)
        if diverged == stretch.UNREAD:
            # Reading them again raises the error that says why.
            for span in spans.tolist():
                self._corpus.read(*span)
            raise CorpusError("the spooled ids could not be read for a moment", hint="start the run again")
        return int(diverged), bool(learnt)

    def _make_room(self) -> Room:
        draws, tokens = self._draws, self._longest
        ids, kept_ids, starts, stops, positions = (np.empty(tokens, np.int32) for _ in range(5))
        noise_ids = np.empty((-(-tokens // draws.per_step), draws.negatives), np.int32)
        return Room(ids, kept_ids, starts, stops, positions, noise_ids, np.empty(tokens))

    def _make_scratch(self) -> Scratch:
        draws = self._draws
        most_inputs = max(min(2 * draws.window + draws.per_step, self._longest), 1)
        return _make_scratch(self._objective, self._tables, most_inputs, draws.per_step, draws.negatives)


def _shared_tables(objective: Objective, input_vectors: np.ndarray, output_vectors: np.ndarray, threads: int) -> Tables:
    """Return both tables with the hot rows of a run, which so many threads train at once."""
    tables, outputs = _tables(objective, input_vectors, output_vectors), len(output_vectors)
    if threads == 1:
        return tables
    hot_words = min(HOT_WORDS, outputs // WORDS_PER_HOT) if objective.frequent_first else 0
    most_uses = max(MOST_USES // threads, 1)
    if objective.word_rows is None:
        tables = tables._replace(hot_inputs=hot_words, most_input_uses=most_uses)
    if objective.paths is None:
        return tables._replace(hot=hot_words, most_uses=most_uses)
    hot = min(HOT_NODES // threads, tables.first_hot)
    return tables._replace(first_hot=tables.first_hot - hot, hot=hot, share=1 / threads)


def _tables(objective: Objective, input_vectors: np.ndarray, output_vectors: np.ndarray) -> Tables:
    """Return both tables without hot rows; numba gets those of float16 as their bits."""
    inputs, outputs = (
        table.view(np.uint16) if table.dtype == np.float16 else table for table in (input_vectors, output_vectors)
    )
    is_tree = objective.paths is not None
    first_hot = len(outputs) if is_tree else 0
    tables = Tables(inputs, outputs, inputs.shape[1], is_tree, first_hot, hot=0, most_uses=1, share=1.0)
    if objective.frozen is not None:
        # One more, because the padding of a path has the number after that of the last output row.
        inputs, outputs = (np.append(flags, False).view(np.uint8) for flags in objective.frozen)
        tables = tables._replace(frozen_inputs=inputs, frozen_outputs=outputs, freezes=True)
    if objective.rates is not None:
        inputs, outputs = (np.append(rates, np.float32(0)) for rates in objective.rates)
        tables = tables._replace(input_rates=inputs, output_rates=outputs, rated=True)
    return tables


def _tree(objective: Objective, nodes: int) -> Tree:
    """Return the paths of hierarchical softmax to that many nodes, or an empty tree."""
    paths = objective.paths
    if paths is None:
        return Tree(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int8))
    tile = PAIR_TILE if objective.architecture is SKIPGRAM else MEAN_TILE
    if (tile, nodes) not in paths.tiled:
        paths.tiled[tile, nodes] = make_tree(paths.starts, paths.node_ids, paths.labels, tile, nodes)
    return paths.tiled[tile, nodes]


def _flags(objective: Objective, wants_loss: bool, learns: bool) -> Flags:
    means, paths = objective.model == "cbow", objective.paths is not None
    return Flags(means, objective.averages, objective.scales_step, wants_loss, learns, paths)


def _make_scratch(objective: Objective, tables: Tables, most_words: int, per_step: int, negatives: int) -> Scratch:
    """Allocate the scratch of an objective's kernel.

    Parameters
    ----------
    most_words : how many words the windows of a step have at most.
    """
    most_outputs = per_step + negatives if objective.paths is None else objective.paths.longest
    most_inputs = 1 if objective.center_predicts else most_words
    if objective.word_rows is not None:
        most_inputs *= int(np.diff(objective.word_rows.offsets).max())
    means = objective.architecture is not SKIPGRAM
    scratch = make_scratch(
        most_inputs, most_outputs, per_step, tables.hot, tables.hot_inputs, tables.dim, means,
        objective.paths is not None, tables.inputs.dtype, tables.freezes is not None, tables.rated is not None,
    )  # fmt: skip
    # The copies are zeros and so is what they would add, which makes them copies of the nodes as they are.
    private_copies.merge_nodes(tables, scratch)
    return scratch


def _run_kernel(
    objective: Objective, sample: Sample, alphas: np.ndarray, tables: Tables, wants_loss: bool, learns: bool
) -> tuple[float, int]:
    """Call the kernel for an objective's kind of step, with the scratch that the block needs."""
    paths, means = objective.paths, objective.model == "cbow"
    per_step, negatives = sample.step_windows, sample.negative_ids.shape[1]
    if per_step != 1 and (means or paths is not None or objective.word_rows is not None):
        raise ValueError("only skip-gram with negative sampling of whole words has steps of several windows")
    windows = Windows(
        sample.kept_ids, sample.window_starts, sample.window_stops, sample.negative_ids, alphas,
        len(sample.kept_ids), per_step, negatives,
    )  # fmt: skip
    flags = _flags(objective, wants_loss, learns)
    scratch = _make_scratch(objective, tables, _most_inputs(sample), per_step, negatives)
    tree = _tree(objective, len(tables.outputs))
    if objective.word_rows is not None:
        loss, predictions = subword_block.train_subwords(windows, objective.word_rows, tree, tables, scratch, flags)
    elif paths is not None:
        loss, predictions = block.train_paths(windows, tree, tables, scratch, flags)
    elif means:
        loss, predictions = block.train_cbow(windows, tables, scratch, flags)
    else:
        loss, predictions = block.train_skipgram(windows, tables, scratch, flags)
    private_copies.merge_nodes(tables, scratch)
    private_copies.merge_words(tables, scratch)
    return float(loss), int(predictions)


def _most_inputs(sample: Sample) -> int:
    """Return an upper bound of the input rows of one step."""
    pos = np.arange(len(sample.kept_ids), dtype=np.int32)
    before, after = (pos - sample.window_starts).max(initial=0), (sample.window_stops - pos).max(initial=1) - 1
    return max(min(int(before) + sample.step_windows + int(after), len(pos)), 1)
