"""The rounds: every block is trained once, whatever replicas are lost, in the order of the run; slow ones get fewer."""

from __future__ import annotations

from random import Random

import pytest

from w2v_cli.cluster.rounds import Ledger, Shares


def test_blocks_are_dealt_in_turn() -> None:
    ledger = Ledger(10, first=2)
    assert ledger.deal({0: 2, 1: 2}) == {0: [2, 4], 1: [3, 5]}
    assert ledger.next == 6 and not ledger.settled


def test_a_slow_replica_gets_fewer() -> None:
    assert Ledger(100).deal({0: 4, 1: 1, 5: 2}) == {0: [0, 3, 5, 6], 1: [1], 5: [2, 4]}


def test_no_new_block_behind_the_stop_but_lost_ones_again() -> None:
    ledger = Ledger(100)
    ledger.deal({0: 2, 1: 2}, stop=3)
    assert ledger.next == 3
    ledger.trained(0, [0, 2])
    ledger.lost(1)
    assert not ledger.settled and not ledger.finished
    assert ledger.deal({0: 2}, stop=3) == {0: [1]}
    ledger.trained(0, [1])
    assert ledger.settled
    assert ledger.deal({0: 2}, stop=3) == {0: []}
    assert ledger.next == 3


def test_the_last_round_leaves_some_without_blocks() -> None:
    ledger = Ledger(4, first=3)
    assert ledger.deal({0: 5, 1: 5, 2: 5}) == {0: [3], 1: [], 2: []}
    for replica in range(3):
        ledger.trained(replica, [3] if replica == 0 else [])
    assert ledger.finished


def test_only_what_a_replica_says_counts_as_trained() -> None:
    ledger = Ledger(6)
    ledger.deal({0: 3, 1: 3})
    ledger.trained(0, [0, 4])
    ledger.trained(1, [1, 3, 5])
    assert not ledger.settled
    assert ledger.deal({1: 3}) == {1: [2]}


@pytest.mark.parametrize("seed", range(30))
def test_every_block_once_under_random_losses_and_changing_numbers_of_replicas(seed: int) -> None:
    random = Random(seed)
    total = random.randrange(1, 200)
    ledger, trained = Ledger(total), list[int]()
    while not ledger.finished:
        replicas = random.sample(range(6), random.randrange(1, 7))
        dealt = ledger.deal({replica: random.randrange(1, 9) for replica in replicas}, random.randrange(total + 1))
        for replica in replicas:
            assert dealt[replica] == sorted(dealt[replica])
            if random.random() < 0.4:
                ledger.lost(replica)
            else:
                done = dealt[replica][: random.randrange(1, 10)]
                ledger.trained(replica, done)
                trained += done
        assert sorted(trained + ledger.again) == list(range(ledger.next))
        if ledger.settled:
            assert sorted(trained) == list(range(ledger.next))
    assert sorted(trained) == list(range(total))


def test_a_replica_that_is_slow_in_three_rounds_gets_fewer_blocks_until_it_is_not() -> None:
    shares = Shares()
    slow = {0: 1.0, 1: 1.0, 2: 2.5}
    for _ in range(2):
        shares.notice(slow)
        assert [shares.quota(w, 20) for w in range(3)] == [20, 20, 20]
    shares.notice(slow)
    # As many as the others train in the same time, but no fewer than a quarter, and at least one block.
    assert [shares.quota(w, 20) for w in range(3)] == [20, 20, 8]
    shares.notice({0: 1.0, 1: 1.0, 2: 100.0})
    assert shares.quota(2, 20) == 5
    assert shares.quota(2, 1) == 1
    shares.notice({0: 1.0, 1: 1.0, 2: 1.9})
    assert shares.quota(2, 20) == 20


def test_a_replica_that_was_started_anew_is_not_slow() -> None:
    shares = Shares()
    for _ in range(3):
        shares.notice({0: 1.0, 1: 3.0})
    assert shares.quota(1, 9) == 3
    # The only one that has trained anything is not slow, and says nothing of the others.
    shares.notice({1: 1.0})
    assert shares.quota(1, 9) == 3
    shares.forget(1)
    assert shares.quota(1, 9) == 9
