"""With parts of words, the windows of a block are trained word by word."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_cli.engines.word_order import word_by_word


@pytest.mark.parametrize("words", [2, 60, 2048, 5000])
def test_windows_of_a_word_follow_each_other_in_the_order_of_the_text(words: int) -> None:
    kept_ids = np.random.default_rng(1).integers(0, words, 300).astype(np.int32)
    kept_ids[1] = words - 1
    distances = (kept_ids.astype(np.int64) - kept_ids[0]) % words
    np.testing.assert_array_equal(word_by_word(kept_ids, words), np.argsort(distances, kind="stable"))


def test_an_empty_block_has_no_order() -> None:
    assert word_by_word(np.zeros(0, np.int32), 5).tolist() == []
