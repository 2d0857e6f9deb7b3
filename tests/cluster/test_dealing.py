"""The ledger of parts: every part is counted once, whichever nodes are lost, and its ids are somewhere at the end."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from w2v_cli.cluster.dealing import PartLedger


def test_the_longest_parts_are_dealt_first_and_in_order() -> None:
    ledger = PartLedger([5, 9, 5, 1], [0, 2])
    assert ledger.deal() == {0: 1, 2: 0}
    assert ledger.deal() == {}
    ledger.counted(2)
    assert ledger.deal() == {2: 2}
    assert ledger.counted_bytes == 5 and not ledger.settled
    ledger.counted(0)
    ledger.counted(2)
    ledger.deal()
    ledger.counted(0)
    assert ledger.settled and ledger.holders == {1: 0, 0: 2, 2: 2, 3: 0}


def test_counts_that_are_known_are_not_made_again_but_ids_are() -> None:
    ledger = PartLedger([2, 1], [0, 1])
    ledger.deal()
    ledger.counted(0)
    ledger.counted(1)
    ledger.merged(0)
    ledger.lost(0)
    assert ledger.settled and ledger.counted_bytes == 3
    ledger.need_ids()
    assert not ledger.settled and ledger.deal() == {1: 0}
    ledger.counted(1)
    assert ledger.holders == {0: 1, 1: 1}


@pytest.mark.parametrize("seed", range(20))
def test_no_part_is_forgotten_or_counted_twice(seed: int) -> None:
    random, nodes, parts = Random(seed), 5, 12
    ledger = PartLedger([random.randrange(9) for _ in range(parts)], range(nodes))
    merged, own = Counter[int](), {node: list[int]() for node in range(nodes)}
    while True:
        while not ledger.settled:
            ledger.deal()
            node = random.choice(sorted(ledger.busy))
            if random.random() < 0.1 and len(ledger.alive) > 1:
                ledger.lost(node)
            else:
                own[node].append(ledger.busy[node])
                ledger.counted(node)
        for node in list(ledger.alive):
            if random.random() < 0.2 and len(ledger.alive) > 1:
                ledger.lost(node)
            else:
                merged.update(own[node])
                own[node] = []
                ledger.merged(node)
        if ledger.settled:
            break
    assert merged == Counter(range(parts))
    ledger.need_ids()
    while not ledger.settled:
        for node in ledger.deal():
            ledger.counted(node)
    assert ledger.holders.keys() == set(range(parts))
    assert set(ledger.holders.values()) <= set(ledger.alive)
