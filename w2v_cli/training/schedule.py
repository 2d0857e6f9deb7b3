"""The order of a run: which block of the text comes next, and at which learning rate.

Both depend only on how many blocks and tokens came before, not on the number of threads or on whether the run was
resumed. An `index` here is the number of a block in the order of the run, counted through all epochs. A `turn` is the
same within one epoch.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np

from w2v_cli.compute.random import stream_key
from w2v_cli.config import TrainConfig
from w2v_cli.engines.learning_rate import LearningRate

# Tokens of a block. Longer blocks leave less of the time to Python; shorter ones divide better among threads, and let a
# run stop sooner. No window crosses the end of a block.
BLOCK_TOKENS = 10_000
GOLDEN_SECTION = 0.618
# The most points of an epoch at which the loss is measured, and the fewest tokens between two of them.
MOST_POINTS, LEAST_TOKENS_BETWEEN_POINTS = 4, 4_000_000
# The name of the order that `Schedule.block_at` defines. Change it with the order: a checkpoint stores it, so that no
# run is resumed in another order than it began in.
BLOCK_ORDER = "golden"


def block_count(token_count: int) -> int:
    """Return the number of blocks in an epoch."""
    return -(-token_count // BLOCK_TOKENS)


@functools.cache
def _stride(jumping: int) -> int:
    """Return by how many blocks each turn moves ahead, if so many take part."""
    golden = round(jumping * GOLDEN_SECTION)
    near = (golden + sign * step for step in itertools.count() for sign in (1, -1))
    # Every block has its turn only if the stride and the number of blocks have no common divisor.
    return next(stride for stride in near if math.gcd(stride, jumping) == 1)


class Schedule:
    """The blocks of all epochs, in order, and the learning rate of each token.

    Parameters
    ----------
    config : the run's choices.
    token_count : tokens of an epoch.
    alpha : the learning rate at the start, if it differs from that of `config`. Both ends of the schedule are then
        scaled by the same factor.

    Attributes
    ----------
    blocks : number of blocks in an epoch · longest : the most tokens of a block.
    token_count, total_tokens : tokens of one epoch, and of all epochs together.
    rate : the learning rate of each token.
    """

    def __init__(self, config: TrainConfig, token_count: int, alpha: float | None = None) -> None:
        self.token_count = token_count
        self.blocks, self.longest = block_count(token_count), min(token_count, BLOCK_TOKENS)
        self.total_tokens = token_count * config.epochs
        factor = 1.0 if alpha is None else alpha / config.alpha_start
        end = config.alpha_min if config.min_alpha is not None else config.alpha_min * factor
        self.rate = LearningRate(max(config.alpha_start * factor, end), end, max(self.total_tokens, 1))
        self._seed = config.seed
        # Few points, so that measuring the loss takes little time beside training.
        points = max(1, min(MOST_POINTS, token_count // LEAST_TOKENS_BETWEEN_POINTS, self.blocks))
        self._measured_turns = {self.blocks * point // points for point in range(points)}

    def measures_at(self, index: int) -> bool:
        """Whether the loss is measured before a block: wherever an epoch has ended, and several times in a long one."""
        return index % self.blocks in self._measured_turns

    def tokens_before(self, index: Any) -> Any:
        """Return how many tokens of all epochs come before a block; an array for an array of indices."""
        epoch, turn = divmod(index, self.blocks)
        return epoch * self.token_count + turn * BLOCK_TOKENS

    def block_at(self, epoch: int, turn: int) -> int:
        """Return which block of the text is trained at a turn of an epoch.

        Each turn moves ahead by about the golden section of the text, so that the blocks of any short time come from
        all over it. In the order of the text, a text that changes its subject would be learnt and forgotten again
        (measured: help/design.md, "The order of blocks"). The last block, which may be short, stays last.
        """
        return int(self.blocks_at(epoch, np.array([turn]))[0])

    def blocks_at(self, epoch: int, turns: np.ndarray) -> np.ndarray:
        """Return which blocks are trained at some turns of an epoch, int64; see `block_at`."""
        jumping = self.blocks - 1
        if jumping == 0:
            return turns
        jumps = (turns * _stride(jumping) + stream_key(self._seed, epoch) % jumping) % jumping
        return np.where(turns < jumping, jumps, turns)

    def next_measured(self, index: int) -> int:
        """Return the first block behind a given one before which the loss is measured."""
        epoch, turn = divmod(index, self.blocks)
        return epoch * self.blocks + min((x for x in self._measured_turns if x > turn), default=self.blocks)

    def tokens_in(self, indices: np.ndarray) -> np.ndarray:
        """Return how many tokens blocks have, given by their indices."""
        return self.tokens_before(indices + 1) - self.tokens_before(indices)

    def spans(self, blocks: np.ndarray) -> np.ndarray:
        """Return where blocks of the text begin and end, in tokens: int64 (B, 2)."""
        firsts = blocks * BLOCK_TOKENS
        return np.stack([firsts, np.minimum(firsts + BLOCK_TOKENS, self.token_count)], axis=1)
