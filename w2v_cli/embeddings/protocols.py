"""The rules by which the programs of the field score vectors. They disagree, and so give different scores.

References: word2vec.c: compute-accuracy.c; gensim: KeyedVectors.evaluate_word_analogies, evaluate_word_pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Protocol:
    """The details that the programs disagree about.

    Attributes
    ----------
    fold : maps a word to its form. Words of the same form count as one, with the vector of the most frequent of them.
    case : what `fold` does, for the description of a score.
    restrict_vocab : analogies are asked and answered among this many of the most frequent words; None: among all.
    restricts_pairs : whether `restrict_vocab` applies to word pairs too.
    oov : what happens to questions with unknown words: "skip", "wrong" or "compose".
    candidates : how many of the best words are searched for one whose form is not in the question; with 1, a word of
        such a form is taken as a wrong answer.
    least_score : the 3CosAdd score that an answer must exceed.
    single_precision : whether cosines of pairs are float32, whose rounding decides how equal pairs rank.
    """

    name: str
    fold: Callable[[str], str]
    case: str
    restrict_vocab: int | None
    restricts_pairs: bool
    oov: str
    candidates: int = 1
    least_score: float = -np.inf
    single_precision: bool = False


# word2vec.c: toupper in the C locale knows only ASCII, `bestd` starts at 0, demo-word-accuracy.sh restricts to 30,000.
# gensim: str.upper, most_similar(topn=5).
PROTOCOLS = {
    "word2vec": Protocol(
        "word2vec",
        lambda word: word.encode(errors="surrogatepass").upper().decode(errors="surrogatepass"),
        "ASCII case ignored",
        restrict_vocab=30_000,
        restricts_pairs=False,
        oov="skip",
        least_score=0.0,
    ),
    "gensim": Protocol(
        "gensim",
        str.upper,
        "case ignored",
        restrict_vocab=300_000,
        restricts_pairs=True,
        oov="skip",
        candidates=5,
        single_precision=True,
    ),
    "strict": Protocol("strict", str, "case kept", None, restricts_pairs=False, oov="wrong"),
}
