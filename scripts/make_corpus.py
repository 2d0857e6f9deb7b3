#!/usr/bin/env python3
"""Write toyland: a small text in plain English, with analogies and similarity ratings that fit it.

Every fact is planted by one rule: *words are similar if the words around them are*. A capital and its country both
occur with the things of their land (its food, its landscape, …), and neighbouring lands share some of them. In
addition, capitals occur with streets, and countries with borders. A word vector is therefore the sum of a theme and a
side, so capital − country is the same in every land, and the analogies hold. A near-synonym shares a known part of its
neighbours with the word that it resembles, which gives the similarity ratings. The words of a topic, such as fruit,
occur in the same sentences. `--shuffle-relations` permutes the themes of one side in the text and leaves the analogies
and ratings as they are, so vectors trained on that text must answer the analogies wrongly. `--swap N` writes the
halves of the text to two files, and lets N pairs of words change places in the second, so that each has the company of
the other: words whose meaning has changed, which `w2v drift` must find.

The word lists are in `toyland_words.py`. The output is byte-identical on every platform and Python version: the only
source of randomness is `Random.random`, whose stream is fixed for a seed, weights are integers, and nothing is iterated
in hash order.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from toyland_words import ABOUT, ABOUT_LIKENESS, ABOUT_THINGS, LIKENESSES, LISTS, PAIRS, TOPICS

SEED = 1
# With these numbers the text takes 1.6 MB, and every kind of training learns the analogies.
SENTENCES_PER_MEMBER = 165
SENTENCES_PER_LIKENESS = 66
SENTENCES_PER_THING = 16
SENTENCES_PER_TOPIC_WORD = 11

# The percentage of sentences in which a near-synonym, or a related word, occurs with the neighbours of the word that
# it resembles. The k-th likeness takes the k-th number of each list, starting again at the end.
NEAR_PERCENT = (100, 95, 90, 85, 80)
RELATED_PERCENT = (60, 50, 40, 30)


class Dice:
    """Random choices, all made from `Random.random`, because the other methods differ between Python versions."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n − 1."""
        return int(self._random() * n)

    def pick(self, items: Sequence[str]) -> str:
        """Return one of the items, all equally likely."""
        return items[self.below(len(items))]

    def zipf(self, items: Sequence[str]) -> str:
        """Return one of the items; the r-th has weight 1/r."""
        weights = [1_000_000 // rank for rank in range(1, len(items) + 1)]
        ticket = self.below(sum(weights))
        chosen = 0
        while ticket >= weights[chosen]:
            ticket -= weights[chosen]
            chosen += 1
        return items[chosen]

    def order(self, n: int) -> list[int]:
        """Return the numbers below n in a random order (Fisher–Yates shuffle)."""
        order = list(range(n))
        for last in range(n - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order


class Writer:
    """Turns clauses into sentences."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def _fill(self, token: str, word: str, theme: Sequence[str]) -> str:
        """Return what replaces a token of a clause."""
        if token == "W":
            return word
        if token == "T":
            return self._dice.pick(theme)
        if token in LISTS:
            return self._dice.zipf(LISTS[token])
        return self._dice.pick(token.split("/"))

    def sentence(self, clauses: Sequence[str], word: str, theme: Sequence[str]) -> str:
        """Return a randomly chosen clause, filled in. Every eighth one ends with a time or a circumstance."""
        tokens = self._dice.pick(clauses).split()
        if self._dice.below(8) == 0:
            tokens.append("THEN")
        text = " ".join(self._fill(token, word, theme) for token in tokens)
        return re.sub(r"\ba (?=[aeiou])", "an ", text.replace("_", " "))


def tell(dice: Dice, shuffle: bool) -> Iterator[str]:
    """Yield every sentence: about the pairs, the likenesses, the things of their themes, and the topics."""
    writer = Writer(dice)
    for relation, (left_clauses, right_clauses) in ABOUT.items():
        pairs = PAIRS[relation]
        # The permutation is one cycle through all themes, so that no pair keeps its own.
        order = dice.order(len(pairs))
        wrong = dict(zip(order, [*order[1:], order[0]], strict=True))
        for k, ((left, right), things) in enumerate(pairs):
            for _ in range(SENTENCES_PER_MEMBER):
                yield writer.sentence(left_clauses, left, things)
                yield writer.sentence(right_clauses, right, pairs[wrong[k]][1] if shuffle else things)
    for k, (triple, neighbours) in enumerate(LIKENESSES):
        for word, percent, own in zip(triple, (100, *percents(k)), neighbours, strict=True):
            for _ in range(SENTENCES_PER_LIKENESS):
                shares = dice.below(100) < percent
                yield writer.sentence(ABOUT_LIKENESS, word, neighbours[0] if shares else own)
    for thing in everything():
        for _ in range(SENTENCES_PER_THING):
            yield writer.sentence(ABOUT_THINGS, "", [thing])
    for members, clauses in TOPICS.values():
        for word in members:
            others = [other for other in members if other != word]
            for _ in range(SENTENCES_PER_TOPIC_WORD):
                yield writer.sentence(clauses, word, others)


def shuffled(dice: Dice, shuffle: bool = False) -> list[str]:
    """Return every sentence, in a random order."""
    sentences = list(tell(dice, shuffle))
    return [sentences[i] for i in dice.order(len(sentences))]


def everything() -> list[str]:
    """Return the things of all themes, each once, in the order of the word lists."""
    themes = [theme for themed in PAIRS.values() for _, theme in themed]
    themes += [theme for _, neighbours in LIKENESSES for theme in neighbours]
    return list(dict.fromkeys(thing for theme in themes for thing in theme))


def percents(k: int) -> tuple[int, int]:
    """Return how many percent the near-synonym and the related word of the k-th likeness share with its first word."""
    return NEAR_PERCENT[k % len(NEAR_PERCENT)], RELATED_PERCENT[k % len(RELATED_PERCENT)]


def analogies() -> Iterator[str]:
    """Yield lines in the format of questions-words.txt, which match every pair with every other of its relation."""
    for relation, themed in PAIRS.items():
        pairs = [pair for pair, _ in themed]
        yield f": {relation}"
        yield from (f"{a} {b} {c} {d}" for a, b in pairs for c, d in pairs if a != c)


def ratings() -> Iterator[str]:
    """Yield lines of two words and a rating, separated by tabs.

    The rating is a tenth of the percentage that the words share, or 0.0 for words of different likenesses.
    """
    for k, ((word, near, related), _) in enumerate(LIKENESSES):
        near_percent, related_percent = percents(k)
        stranger = LIKENESSES[(k + 7) % len(LIKENESSES)][0][1]
        yield f"{word}\t{near}\t{near_percent / 10:.1f}"
        yield f"{word}\t{related}\t{related_percent / 10:.1f}"
        yield f"{word}\t{stranger}\t0.0"


def swapped_pairs(dice: Dice, count: int) -> list[tuple[str, str]]:
    """Return so many pairs of words, none of them twice; the words of a pair are of different relations."""
    groups = [[word for pair, _ in themed for word in pair] for themed in PAIRS.values()]
    groups.append([word for triple, _ in LIKENESSES for word in triple[:2]])
    words = list({word: number for number, members in enumerate(groups) for word in members}.items())
    left = [words[i] for i in dice.order(len(words))]
    pairs: list[tuple[str, str]] = []
    while left and len(pairs) < count:
        word, group = left.pop()
        other = next((i for i, (_, its_group) in enumerate(left) if its_group != group), None)
        if other is not None:
            pairs.append((word, left.pop(other)[0]))
    if len(pairs) < count:
        raise SystemExit(f"toyland has only {len(pairs)} pairs of words of different relations")
    return pairs


def write_slices(folder: Path, count: int, seed: int) -> None:
    """Write the halves of the text, and the words that have changed places in the second, one per line."""
    dice = Dice(seed)
    sentences = shuffled(dice)
    old, new = sentences[: len(sentences) // 2], sentences[len(sentences) // 2 :]
    pairs = swapped_pairs(dice, count)
    swap = {word: other for one, two in pairs for word, other in ((one, two), (two, one))}
    write_files(
        folder,
        {
            "toyland-old.txt": old,
            "toyland-new.txt": (" ".join(swap.get(word, word) for word in sentence.split()) for sentence in new),
            "toyland-swapped.txt": swap,
        },
    )


def write_world(folder: Path, shuffle: bool = False) -> None:
    """Write the text and its gold sets."""
    text = shuffled(Dice(SEED), shuffle)
    write_files(folder, {"toyland.txt": text, "toyland-analogies.txt": analogies(), "toyland-pairs.tsv": ratings()})


def write_files(folder: Path, files: Mapping[str, Iterable[str]]) -> None:
    """Write files, given by their lines, into a folder, which is created if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        with open(folder / name, "w", encoding="ascii", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)


def main() -> None:
    """Parse the command line, and write the files."""
    parser = argparse.ArgumentParser(description="Write the corpus toyland and its gold sets.")
    data = Path(__file__).resolve().parents[1] / "data"
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: data/, but not for slices")
    parser.add_argument("--shuffle-relations", action="store_true", help="pair the words wrongly in the text")
    parser.add_argument("--swap", type=int, metavar="N", help="write two slices; N pairs of words swap places in one")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help="of the slices; default: %(default)s")
    options = parser.parse_args()
    if options.swap is None:
        write_world(options.output or data, options.shuffle_relations)
    elif options.output is None:
        parser.error("--swap needs -o FOLDER")
    else:
        write_slices(options.output, options.swap, options.seed)


if __name__ == "__main__":
    main()
