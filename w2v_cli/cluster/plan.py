"""How often replicas merge, what that costs, and what it does to the model: a choice from what was measured.

    t_h = L + 4·w·H·D·(P−1)/P ÷ B     seconds for the H hot rows of both tables: L latency, B bytes a second
    t_V = 4·w·V·D·(P−1)/P ÷ B         seconds for all rows
    K   = max(2, ⌈t_V ÷ (10·t_h)⌉)    groups of the other rows, so that they take 60 % of the network at most
    t   = t_h + c·(H + (V−H)/K)       seconds in which nothing is trained: c to merge a row of both tables
    b   = v·t ÷ 0.06                  tokens of a replica between two merges, which then take 6 % of the time
    S   = K·b                         tokens of a replica after which every row has been merged

v is the speed of a replica in tokens a second, and w the 2 bytes of a number. See help/design.md, "Several replicas".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from w2v_cli.training.schedule import BLOCK_TOKENS

# The rows of each table that are merged most often. More of them cost time, and fewer of them quality.
HOT_ROWS = 2048
NUMBER_BYTES = 2
# A group is taken a round after it was cut. If it were cut again before that, its moves would be sent twice.
LEAST_GROUPS = 2
# The share of the time that waiting for the hot rows may take, and that of the network which the others may take.
WAITING, TRANSFER = 0.06, 0.6
# A run in which every row is merged less often than this is too short for its replicas.
LEAST_CYCLES = 20
# How much lower a score is after a run of 84 million tokens, in points of a mean of six scores, by number of replicas.
MEASURED_LOSS = {1: 0.0, 2: 0.1, 4: 0.8, 8: 1.0, 16: 3.3}
# The length of the run in which these were measured, and of one in which no loss was found with up to 8 replicas.
SHORT_RUN, LONG_RUN = 84_000_000, 334_000_000
# Up to the first number of replicas, the learning rate is that of one machine. More than the second have hardly been
# tried.
LIKE_ONE, MOST_TRIED = 4, 8


@dataclass(frozen=True)
class Network:
    """How long replicas take to exchange rows.

    Attributes
    ----------
    latency : seconds that the smallest exchange takes.
    bandwidth : bytes a second that a node sends, and receives at the same time.
    """

    latency: float
    bandwidth: float


@dataclass(frozen=True)
class Plan:
    """How often replicas merge.

    Attributes
    ----------
    replicas : P · words : V · dim : D.
    speed : v, tokens a second of one replica.
    round_blocks : b in blocks, at least 1.
    groups : K.
    network : L and B; None if they were not measured.
    row_seconds : c, how long a replica works to merge a row of both tables.
    """

    replicas: int
    words: int
    dim: int
    speed: float
    round_blocks: int
    groups: int
    network: Network | None = None
    row_seconds: float = 0.0

    @property
    def hot(self) -> int:
        """H, the number of hot rows of each table."""
        return min(HOT_ROWS, self.words)

    @property
    def round_tokens(self) -> int:
        """b, the tokens that a replica trains between two merges."""
        return self.round_blocks * BLOCK_TOKENS

    @property
    def cycle_tokens(self) -> int:
        """S, the tokens that a replica trains until every row has been merged."""
        return self.groups * self.round_tokens if self.words > self.hot else self.round_tokens

    @property
    def round_bytes(self) -> int:
        """The most bytes that a replica sends for a round; it receives as many."""
        return exchange_bytes(self.hot + (self.words - self.hot) / self.groups, self.dim, self.replicas)

    def fitting_replicas(self, total_tokens: int) -> int:
        """Return how many replicas a run can have in which every row is merged often enough; at least 1."""
        return max(1, total_tokens // (LEAST_CYCLES * self.cycle_tokens))

    def speed_up(self) -> float | None:
        """Return how many times faster than one node the replicas train; None if the network was not measured."""
        if self.replicas == 1:
            return 1.0
        if self.network is None:
            return None
        training, others = self.round_tokens / self.speed, (self.words - self.hot) / self.groups
        waiting = _exchange_seconds(self.network, self.hot, self.dim, self.replicas)
        waiting += self.row_seconds * (self.hot + others)
        travelling = exchange_bytes(others, self.dim, self.replicas) / self.network.bandwidth
        return self.replicas * training / (max(training, travelling) + waiting)


def exchange_bytes(rows: float, dim: int, replicas: int) -> int:
    """Return how many bytes a replica sends if all numbers of some rows of both tables are merged."""
    return int(4 * NUMBER_BYTES * rows * dim * (replicas - 1) / replicas)


def _exchange_seconds(network: Network, rows: float, dim: int, replicas: int) -> float:
    return network.latency + exchange_bytes(rows, dim, replicas) / network.bandwidth


def choose_plan(replicas: int, words: int, dim: int, speed: float, network: Network, row_seconds: float) -> Plan:
    """Return the plan that the formulas above give."""
    hot = min(HOT_ROWS, words)
    exchanging = _exchange_seconds(network, hot, dim, replicas)
    all_rows = exchange_bytes(words, dim, replicas) / network.bandwidth
    groups = max(LEAST_GROUPS, math.ceil(all_rows / (TRANSFER * exchanging / WAITING)))
    waiting = exchanging + row_seconds * (hot + (words - hot) / groups)
    blocks = max(1, round(speed * waiting / WAITING / BLOCK_TOKENS))
    return Plan(replicas, words, dim, speed, blocks, groups, network, row_seconds)


def given_plan(replicas: int, words: int, dim: int, speed: float, merge_every: int) -> Plan:
    """Return the plan for an interval that the user has chosen. It depends on nothing that is measured."""
    return Plan(replicas, words, dim, speed, max(1, round(merge_every / BLOCK_TOKENS)), LEAST_GROUPS)


def alpha_factor(replicas: int) -> float:
    """Return how much higher than on one machine the learning rate is: 1 up to four replicas, 1.35 with eight."""
    return max(1.0, 1.0 + 0.35 * math.log2(replicas / LIKE_ONE))


def expected_effect(replicas: int, total_tokens: int) -> str:
    """Say what merging is expected to do to the model, from what was measured."""
    short = f"a run of {SHORT_RUN // 10**6} million words"
    if replicas > MOST_TRIED:
        lost = f"16 of them lost {MEASURED_LOSS[16]} points of a mean of six scores in {short}"
        return f"More than {MOST_TRIED} replicas have hardly been tried: {lost}"
    if total_tokens >= LONG_RUN:
        return f"{replicas} replicas are expected to learn as well as one in a run of this length"
    points = f"about {_interpolated(replicas):.1f} points of a mean of six scores, measured in {short}"
    more = "; this one is shorter, and may lose more" if total_tokens < SHORT_RUN else ""
    return f"{replicas} replicas are expected to lose {points}{more}"


def _interpolated(replicas: int) -> float:
    """Return the measured loss, on a line between the numbers of replicas that were measured."""
    below = max(number for number in MEASURED_LOSS if number <= replicas)
    above = min(number for number in MEASURED_LOSS if number >= replicas)
    if below == above:
        return MEASURED_LOSS[below]
    share = math.log2(replicas / below) / math.log2(above / below)
    return MEASURED_LOSS[below] + share * (MEASURED_LOSS[above] - MEASURED_LOSS[below])
