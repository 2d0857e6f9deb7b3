"""Which words a model of gensim's has: their counts, and the rules by which they are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.corpus.passes import OwnPasses
from w2v_cli.corpus.texts import PIECE_BYTES, Texts
from w2v_cli.corpus.tokens import NEWLINE_ID, token_total
from w2v_cli.corpus.vocabulary import by_count_then_bytes
from w2v_cli.gensim.spelling import as_key

# What a trim_rule returns.
RULE_DEFAULT, RULE_DISCARD, RULE_KEEP = 0, 1, 2

TrimRule = Callable[[Any, int, Any], int]


class Counted(NamedTuple):
    """The words of a text with their counts, and how many tokens it has."""

    counts: dict[str | int, int]
    tokens: int


def count_text(path: str, threads: int, in_order_of_text: bool) -> Counted:
    """Count the words of a text.

    Parameters
    ----------
    in_order_of_text : whether words come in the order in which the text has them first, which takes a single thread;
        otherwise the most frequent ones come first.

    Raises
    ------
    CorpusError
        If the text cannot be read.
    """
    tokens, _ = OwnPasses(Texts([path]), 1 if in_order_of_text else threads, PIECE_BYTES).count(None, _ignore)
    counts, words = tokens.counts, tokens.words
    entries = np.arange(NEWLINE_ID + 1, tokens.size)
    if not in_order_of_text:
        entries = entries[by_count_then_bytes(entries, counts, words)]
    listed = map(as_key, words.take(entries))
    return Counted(dict(zip(listed, counts[entries].tolist(), strict=True)), token_total(tokens))


def pruned(raw: Mapping[str | int, int], most: int, trim_rule: TrimRule | None) -> dict[str | int, int]:
    """Return the words that `max_vocab_size` leaves.

    gensim drops rare words while it counts, whenever there are too many, so that the words and the counts that are left
    depend on the order of the text. Here all words are counted. Then those are dropped that are rarer than the word at
    which the limit is reached.
    """
    if len(raw) <= most:
        return dict(raw)
    least = sorted(raw.values(), reverse=True)[most - 1] if most > 0 else math.inf
    return {word: count for word, count in raw.items() if is_kept(word, count, least, trim_rule)}


def is_kept(word: str | int, count: int, min_count: float, trim_rule: TrimRule | None) -> bool:
    """Return whether a word is kept: as the rule says, or if that leaves it open, by its count.

    Raises
    ------
    ValueError
        If the rule returns anything else.
    """
    rule = RULE_DEFAULT if trim_rule is None else trim_rule(word, count, min_count)
    if rule not in (RULE_DEFAULT, RULE_DISCARD, RULE_KEEP):
        raise ValueError(f"trim_rule returned {rule!r}, which is none of RULE_DEFAULT, RULE_DISCARD and RULE_KEEP")
    return rule == RULE_KEEP or (rule == RULE_DEFAULT and count >= min_count)


def min_count_for(counts: Iterable[int], most: int | None) -> int:
    """Return the least `min_count` that leaves at most so many words; 1 if there is no limit."""
    ordered = sorted(counts, reverse=True)
    return 1 if most is None or most >= len(ordered) else ordered[most] + 1


def downsampled(counts: Iterable[int], share: float) -> tuple[int, float]:
    """Return how many words subsampling thins out, and how many tokens it leaves on average; see `sampling`.

    Parameters
    ----------
    share : the threshold, as a share of all tokens; 0 keeps everything.
    """
    listed = list(counts)
    threshold, thinned, left = share * sum(listed), 0, 0.0
    for count in listed:
        kept = 1.0 if threshold == 0 else math.sqrt(threshold / count) + threshold / count
        thinned += kept < 1
        left += count * min(kept, 1.0)
    return thinned, left


def share_of_sample(sample: float | None, tokens: int) -> float:
    """Return the threshold of subsampling as a share of the text.

    From 1 on, `sample` is a count: words that occur more often are thinned out. A word with the share f is kept with
    the probability √(t ÷ f) + t ÷ f, which is 1 at f = t·(3 + √5) ÷ 2; gensim multiplies by this factor instead of
    dividing, and so do we.
    """
    if not sample or not tokens:
        return 0.0
    return float(sample) if sample < 1 else min(int(sample * (3 + math.sqrt(5)) / 2) / tokens, 1.0)


def _ignore(phase: str, done: int, total: int | None) -> None:
    """Report progress to nobody."""
