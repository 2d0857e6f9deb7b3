"""The order of a run: which block of the text comes next, and at which learning rate.

Both follow from the place in the run alone, so that they do not depend on threads, nor on whether a run was resumed.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from w2v_cli.compute.random import stream_key
from w2v_cli.config import TrainConfig

# Tokens of a block: long enough that Python's share of the time is small, short enough to stop and to share out
# at once. No window crosses a block's end.
BLOCK_TOKENS = 10_000
GOLDEN_SECTION = 0.618
# Points of an epoch at which the loss is measured, at most, and what lies between two of them at least.
MOST_POINTS, LEAST_TOKENS_BETWEEN_POINTS = 4, 4_000_000
# Of `Schedule.block_at`. Another order has another name, so that no run goes on in it that began in this one.
BLOCK_ORDER = "golden"


def block_count(token_count: int) -> int:
    """Blocks of an epoch."""
    return -(-token_count // BLOCK_TOKENS)


class Schedule:
    """The blocks of all epochs, in turn.

    Parameters
    ----------
    config : the run's choices.
    token_count : tokens of an epoch.
    alpha : the learning rate at the start where it is not that of `config`; both ends of it are as much lower.

    Attributes
    ----------
    blocks : of an epoch · total_tokens : of all epochs.
    alpha_start, alpha_min : the learning rate before the first token and after the last.
    """

    def __init__(self, config: TrainConfig, token_count: int, alpha: float | None = None) -> None:
        self.token_count = token_count
        self.blocks = block_count(token_count)
        self.total_tokens = token_count * config.epochs
        shorter = 1.0 if alpha is None else alpha / config.alpha_start
        self.alpha_min = config.alpha_min if config.min_alpha is not None else config.alpha_min * shorter
        self.alpha_start = max(config.alpha_start * shorter, self.alpha_min)
        self._seed = config.seed
        # How often the loss is measured: the sample is small beside what is trained between two points.
        points = max(1, min(MOST_POINTS, token_count // LEAST_TOKENS_BETWEEN_POINTS, self.blocks))
        self._points = {self.blocks * point // points for point in range(points)}

    def measures_at(self, place: int) -> bool:
        """Whether the loss is measured after so many blocks: at the end of every epoch, and in long ones on the way."""
        return place % self.blocks in self._points

    def alpha_at(self, tokens: np.ndarray | float) -> np.ndarray:
        """The learning rate after so many tokens of all epochs: linear, whoever trains them and when."""
        start, end = self.alpha_start, self.alpha_min
        return np.asarray(start - (start - end) * (np.asarray(tokens, np.float64) / self.total_tokens))

    def tokens_before(self, place: int) -> int:
        """Tokens of all epochs that come before a block; `place` counts the blocks through all epochs."""
        epoch, turn = divmod(place, self.blocks)
        return epoch * self.token_count + turn * BLOCK_TOKENS

    def block_at(self, epoch: int, turn: int) -> int:
        """Which block is trained at a turn of an epoch: the golden section of the text further on than the one before.

        So whatever is trained in a short time comes from all over the text. From the first block to the last, a text
        that changes its subject is learnt and forgotten again (enwiki-100m, analogies of three seeds: CBOW ns 37.7
        instead of 36.7 %, CBOW hs 28.7 instead of 28.2 %). The last block, which may be short, stays the last.
        """
        jumping = self.blocks - 1
        if turn >= jumping:
            return turn
        golden = round(jumping * GOLDEN_SECTION)
        near = (golden + sign * step for step in itertools.count() for sign in (1, -1))
        # Without a common divisor every block has its turn.
        stride = next(stride for stride in near if math.gcd(stride, jumping) == 1)
        return (turn * stride + stream_key(self._seed, epoch)) % jumping

    def span(self, block: int) -> tuple[int, int]:
        """Where a block of the text begins and ends, in tokens."""
        first = block * BLOCK_TOKENS
        return first, min(first + BLOCK_TOKENS, self.token_count)
