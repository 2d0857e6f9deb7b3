"""`Phrases` with gensim's names: counts by another route, scores worked by hand, files."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from w2v_cli.errors import ModelFileError
from w2v_cli.gensim.phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phraser, Phrases, npmi_scorer

TEXT = [
    ["the", "bank", "of", "america", "is", "in", "new", "york"],
    ["new", "york", "and", "the", "bank", "of", "england"],
    ["a", "bank", "of", "america", "of", "the", "new"],
    [],
    ["york", "new"],
] * 3


def counted(text: list[list[str]], connectors: frozenset[str], delimiter: str) -> dict[str, int]:
    """Count words and candidates by looking at every pair of places in a sentence."""
    counts: Counter[str] = Counter()
    for sentence in text:
        counts.update(word for word in sentence if word not in connectors)
        for first in range(len(sentence)):
            for last in range(first + 1, len(sentence)):
                ends, inside = (sentence[first], sentence[last]), sentence[first + 1 : last]
                if not connectors.intersection(ends) and connectors.issuperset(inside):
                    counts[delimiter.join(sentence[first : last + 1])] += 1
    return dict(counts)


@pytest.mark.parametrize("connectors", [frozenset(), ENGLISH_CONNECTOR_WORDS])
@pytest.mark.parametrize("delimiter", ["_", " "])
def test_words_and_candidates_are_counted(connectors: frozenset[str], delimiter: str) -> None:
    phrases = Phrases(TEXT, connector_words=connectors, delimiter=delimiter)
    assert phrases.vocab == counted(TEXT, connectors, delimiter)
    assert phrases.corpus_word_count == sum(map(len, TEXT))
    phrases.add_vocab(TEXT[:2])
    assert phrases.vocab == counted(TEXT + TEXT[:2], connectors, delimiter)


def test_phrases_are_joined_by_their_scores() -> None:
    phrases = Phrases(TEXT, min_count=1, threshold=0.5, connector_words=ENGLISH_CONNECTOR_WORDS)
    vocab = phrases.vocab
    expected = (vocab["new_york"] - 1) / vocab["new"] / vocab["york"] * len(vocab)
    assert phrases.find_phrases(TEXT)["new_york"] == pytest.approx(expected)
    assert phrases[TEXT[0]] == ["the", "bank_of_america", "is_in_new", "york"]
    frozen = phrases.freeze()
    assert frozen.phrasegrams == phrases.export_phrases() and Phraser is FrozenPhrases
    joined = frozen[TEXT]
    assert list(joined) == list(joined) == [frozen[sentence] for sentence in TEXT]
    assert list(frozen[iter(TEXT)]) == list(joined) and frozen[[]] == [] and list(frozen[[[], []]]) == [[], []]
    again = Phrases(phrases[TEXT], min_count=1, threshold=1, delimiter=" ")
    assert "new_york" in again.vocab


def test_npmi_is_the_normalized_mutual_information() -> None:
    phrases = Phrases(TEXT, min_count=1, threshold=0.2, scoring="npmi")
    total, vocab = phrases.corpus_word_count, phrases.vocab
    p_ab, p_a, p_b = (vocab[text] / total for text in ("new_york", "new", "york"))
    assert phrases.export_phrases()["new_york"] == pytest.approx(math.log(p_ab / p_a / p_b) / -math.log(p_ab))
    assert npmi_scorer(0, 1, 1, 1, 1, 9) == -math.inf == npmi_scorer(1, 1, 1, 1, 2, 9)


def ones(
    worda_count: Any, wordb_count: Any, bigram_count: Any, len_vocab: Any, min_count: Any, corpus_word_count: Any
) -> float:
    return 1.0


@pytest.mark.parametrize("scoring", ["default", "npmi", ones])
def test_files_hold_everything(scoring: Any, tmp_path: Path) -> None:
    phrases = Phrases(TEXT, min_count=1, threshold=0.5, scoring=scoring, connector_words=["of"])
    frozen = phrases.freeze()
    phrases.save(tmp_path / "phrases")
    frozen.save(tmp_path / "frozen")
    same, small = Phrases.load(tmp_path / "phrases"), FrozenPhrases.load(tmp_path / "frozen")
    assert same.vocab == phrases.vocab and same.scoring is phrases.scoring is small.scoring
    assert same.connector_words == {"of"} and same.export_phrases() == small.phrasegrams == frozen.phrasegrams
    same.add_vocab(TEXT)
    assert type(Phrases.load(tmp_path / "frozen")) is FrozenPhrases
    assert type(FrozenPhrases.load(tmp_path / "phrases")) is Phrases

    class Own(Phrases):
        pass

    Own(TEXT).save(tmp_path / "own")
    assert type(Own.load(tmp_path / "own")) is Own
    with pytest.raises(ModelFileError, match="does not hold Phrases") as caught:
        Phrases.load(tmp_path / "own")
    assert caught.value.hint == "load it with its own class"
    (tmp_path / "pickled").write_bytes(pickle.dumps({}))
    with pytest.raises(ModelFileError) as caught:
        FrozenPhrases.load(tmp_path / "pickled")
    assert "pickle of gensim" in str(caught.value.hint)


def test_the_limits_are_those_of_gensim() -> None:
    assert len(Phrases(TEXT, max_vocab_size=5).vocab) <= 5
    assert Phrases([]).vocab == {} and len(Phrases(TEXT).export_phrases()) == 0
    wrong: list[dict[str, Any]] = [
        {"min_count": 0}, {"threshold": -1}, {"scoring": "npmi", "threshold": 2}, {"scoring": "other"},
        {"scoring": lambda worda_count: 1},
    ]  # fmt: skip
    for options in wrong:
        with pytest.raises(ValueError, match=r"should|unknown|lacks"):
            Phrases(TEXT, **options)
