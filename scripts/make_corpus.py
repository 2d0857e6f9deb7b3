#!/usr/bin/env python3
"""Write toyland: a small text about an invented world, with analogies and similarity ratings that fit it.

Every fact is planted by one rule: *words are similar if the words around them are*. A capital and its country
both occur with the things of their land (its river, its dish, …). In addition, capitals occur with streets, and
countries with borders. A word vector is therefore the sum of a theme and a side, so capital − country is the same in
every land, and the analogies hold. A near-synonym shares a known part of its neighbours with the word that it
resembles, which gives the similarity ratings. `--shuffle-relations` permutes the themes of one side in the text and
leaves the analogies and ratings as they are, so vectors trained on that text must answer wrongly.

The output is byte-identical on every platform and Python version: the only source of randomness is `Random.random`,
whose stream is fixed for a seed, weights are integers, and nothing is iterated in hash order.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SEED = 1
# With these numbers the text takes 1.5 MB, and the analogies are learnt at every learning rate from 0.025 to 0.05.
SENTENCES_PER_MEMBER = 100
SENTENCES_PER_LIKENESS = 36
SENTENCES_OF_BACKGROUND = 2000

# The percentage of sentences in which a near-synonym, or a related word, occurs with the neighbours of the word that
# it resembles. The k-th likeness takes the k-th number of each list, starting again at the end.
NEAR_PERCENT = (100, 95, 90, 85, 80)
RELATED_PERCENT = (60, 50, 40, 30)


def words(text: str) -> list[str]:
    """Return the words of a text as a list."""
    return text.split()


# A sentence is two clauses joined by AND. In a clause, W stands for the word that it is about, T for the name of a
# thing of that word's theme, THING for such a thing's kind and name ("river" and the river's name), and a/b for one of
# several words. Any other word in capitals names one of these lists: a word of that list is drawn by Zipf's law, its
# r-th word with weight 1/r.
LISTS = {
    "THE": words("the a this that every another each some any no"),
    "OUR": words("the this that our your my"),
    "IN": words("of in to with on for by from at near under over behind across beyond without"),
    "AND": words("and but while because when though so until before after since unless"),
    "NOW": words("often always never again soon almost once perhaps today seldom there somewhere"),
    "MAY": words("would could will may must might should can cannot"),
    "MET": words("""saw made took knew gave found left kept brought held heard showed met carried remembered
        followed opened moved lost built sent bought forgot painted counted covered dropped"""),
    "MEET": words("""see make take know give find leave keep bring hold hear show meet carry remember follow
        open move lose build send buy forget paint count cover drop"""),
    "NOUN": words("""time day year thing house hand night water place story question morning letter winter
        summer wind table window garden door voice rain book wall corner paper lamp candle kitchen basket
        blanket hammer ladder bottle needle mirror pocket shelf"""),
}

BACKGROUND = (
    "THE NOUN IN NAME MET THE NOUN",
    "NAME MAY MEET THE NOUN IN THE NOUN",
    "NOW NAME MET NAME IN THE NOUN",
)

ABOUT_LIKENESS = (
    "THE W IN THE T MET THE T",
    "THE T MAY MEET THE W IN THE T",
    "NOW THE T MET THE W AND THE T",
)

# For each relation: the kinds of thing in a theme, the clauses about the left word, the clauses about the right word.
ABOUT = {
    "capital-country": (
        ("river", "dish", "hymn", "saint", "hill"),
        (
            "the streets/squares/alleys IN W MET OUR THING",
            "THE mayor/suburb/cathedral IN W MAY MEET T IN T",
            "NOW downtown/urban W MET T AND T",
            "OUR T MET the gates/towers/rooftops IN W",
        ),
        (
            "the borders/provinces/coasts IN W MET OUR THING",
            "THE parliament/army/treaty IN W MAY MEET T IN T",
            "NOW national/foreign W MET T AND T",
            "OUR T MET the frontiers/citizens/embassies IN W",
        ),
    ),
    "male-female": (
        ("manor", "badge", "sword", "harp", "oath"),
        (
            "THE W himself/proudly MET his THING",
            "he/sir IN THE W MAY MEET his T IN T",
            "NOW THE bearded/manly W MET T AND T",
            "OUR T IN THE W MET him/himself",
        ),
        (
            "THE W herself/gracefully MET her THING",
            "she/lady IN THE W MAY MEET her T IN T",
            "NOW THE maidenly/womanly W MET T AND T",
            "OUR T IN THE W MET herself/lady",
        ),
    ),
    "singular-plural": (
        ("swamp", "berry", "nest", "moss", "isle"),
        (
            "a/one single/lone W MET OUR THING",
            "NOW lives/wanders a solitary W itself IN T IN T",
            "THE W has/eats T AND T",
            "OUR T MET its single/lone W",
        ),
        (
            "many/several/few W MET OUR THING",
            "NOW live/wander both countless W themselves IN T IN T",
            "all W have/eat T AND T",
            "OUR T MET their many/several W",
        ),
    ),
    "positive-comparative": (
        ("cloth", "metal", "drink", "powder", "herb"),
        (
            "OUR THING was very/quite/rather W",
            "THE too/extremely W T MET T",
            "as/so W as OUR T AND T",
            "how/fairly W OUR T MAY be",
        ),
        (
            "OUR THING was much/far/slightly W than NAME",
            "THE ever/noticeably W T MET T",
            "even/somewhat W than OUR T AND T",
            "OUR T grew/became W and W",
        ),
    ),
}

FAMILY = words("""king queen prince princess duke duchess actor actress uncle aunt brother sister father mother
    son daughter husband wife nephew niece grandfather grandmother wizard witch monk nun hero heroine""")
ADJECTIVES = words("cold warm tall soft dark bright loud quick strong young sharp sweet rich deep")

# Each triple is a word, a near-synonym of it, and a word related to it.
LIKENESSES = (
    ("boat", "ship", "raft"),
    ("road", "path", "bridge"),
    ("forest", "wood", "meadow"),
    ("stone", "rock", "sand"),
    ("shop", "store", "stall"),
    ("doctor", "physician", "nurse"),
    ("teacher", "tutor", "pupil"),
    ("soldier", "warrior", "guard"),
    ("journey", "voyage", "map"),
    ("storm", "tempest", "cloud"),
    ("gift", "present", "ribbon"),
    ("cottage", "cabin", "tent"),
    ("thief", "robber", "judge"),
    ("feather", "plume", "wing"),
    ("jewel", "gem", "crown"),
    ("coat", "cloak", "glove"),
    ("bread", "loaf", "butter"),
    ("chair", "seat", "bench"),
    ("battle", "fight", "shield"),
    ("poem", "verse", "song"),
    ("field", "pasture", "plough"),
    ("fortress", "castle", "dungeon"),
    ("child", "infant", "toy"),
    ("dance", "ball", "drum"),
)

ONSETS = words("b d f g k l m n p r s t v z br dr gr kr pl st tr")


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


@dataclass(frozen=True)
class World:
    """What is true in toyland.

    Attributes
    ----------
    pairs : For each relation, its pairs of words.
    themes : For each relation, a tuple of things for each pair, in the same order.
    neighbours : For each entry of LIKENESSES, a tuple of neighbouring words for each of its three words.
    people : Names of people, for the sentences of the background.
    """

    pairs: Mapping[str, list[tuple[str, str]]]
    themes: Mapping[str, list[tuple[str, ...]]]
    neighbours: list[tuple[tuple[str, ...], ...]]
    people: list[str]


def invent(dice: Dice) -> World:
    """Make up the names, and decide what belongs to what."""
    clauses = [clause for _, left, right in ABOUT.values() for clause in (*left, *right)]
    english = " ".join([*clauses, *FAMILY, *ADJECTIVES]).replace("/", " ").split()
    taken = {*english, *(word for line in (*LISTS.values(), *LIKENESSES) for word in line)}

    def name(*endings: str) -> str:
        """Return a new word of toyland's language: two syllables, a consonant and perhaps one of the endings."""
        word = ""
        while not word or word in taken or word + "s" in taken:
            syllables = [dice.pick(ONSETS) + dice.pick("aeiou") for _ in range(2)]
            word = "".join(syllables) + dice.pick("lmnrtkd") + (dice.pick(endings) if endings else "")
        taken.add(word)
        return word

    beasts = [name() for _ in range(16)]
    pairs = {
        "capital-country": [(name("burg", "ford", "holm"), name("ia", "land", "stan")) for _ in range(16)],
        "male-female": list(zip(FAMILY[::2], FAMILY[1::2], strict=True)),
        "singular-plural": [(beast, beast + "s") for beast in beasts],
        "positive-comparative": [(adjective, adjective + "er") for adjective in ADJECTIVES],
    }
    themes = {
        relation: [tuple(f"{kind} {name()}" for kind in ABOUT[relation][0]) for _ in pairs[relation]]
        for relation in pairs
    }
    neighbours = [tuple(tuple(name() for _ in range(6)) for _ in triple) for triple in LIKENESSES]
    return World(pairs, themes, neighbours, [name() for _ in range(400)])


class Writer:
    """Turns clauses into sentences."""

    def __init__(self, dice: Dice, lists: Mapping[str, Sequence[str]]) -> None:
        self._dice, self._lists = dice, lists

    def _fill(self, token: str, word: str, theme: Sequence[str]) -> str:
        """Return what replaces a token of a clause."""
        if token == "W":
            return word
        if token == "THING":
            return self._dice.pick(theme)
        if token == "T":
            return self._dice.pick(theme).split()[-1]
        if token in self._lists:
            return self._dice.zipf(self._lists[token])
        return self._dice.pick(token.split("/"))

    def sentence(self, clauses: Sequence[str], word: str = "", theme: Sequence[str] = ()) -> str:
        """Return two randomly chosen clauses, filled in and joined by a conjunction."""
        tokens = f"{self._dice.pick(clauses)} AND {self._dice.pick(clauses)}".split()
        text = " ".join(self._fill(token, word, theme) for token in tokens)
        return re.sub(r"\ba (?=[aeiou])", "an ", text)


def tell(world: World, dice: Dice, shuffle: bool) -> Iterator[str]:
    """Yield every sentence about the world, theme by theme."""
    writer = Writer(dice, {**LISTS, "NAME": world.people})
    for relation, (_, left_clauses, right_clauses) in ABOUT.items():
        pairs, themes = world.pairs[relation], world.themes[relation]
        # The permutation is one cycle through all themes, so that no pair keeps its own.
        order = dice.order(len(pairs))
        wrong = dict(zip(order, [*order[1:], order[0]], strict=True))
        for k, (left, right) in enumerate(pairs):
            for _ in range(SENTENCES_PER_MEMBER):
                yield writer.sentence(left_clauses, left, themes[k])
                yield writer.sentence(right_clauses, right, themes[wrong[k] if shuffle else k])
    for k, triple in enumerate(LIKENESSES):
        shared = world.neighbours[k][0]
        for word, percent, own in zip(triple, (100, *percents(k)), world.neighbours[k], strict=True):
            for _ in range(SENTENCES_PER_LIKENESS):
                yield writer.sentence(ABOUT_LIKENESS, word, shared if dice.below(100) < percent else own)
    for _ in range(SENTENCES_OF_BACKGROUND):
        yield writer.sentence(BACKGROUND)


def percents(k: int) -> tuple[int, int]:
    """Return how many percent the near-synonym and the related word of the k-th likeness share with its first word."""
    return NEAR_PERCENT[k % len(NEAR_PERCENT)], RELATED_PERCENT[k % len(RELATED_PERCENT)]


def analogies(world: World) -> Iterator[str]:
    """Yield lines in the format of questions-words.txt, which match every pair with every other of its relation."""
    for relation, pairs in world.pairs.items():
        yield f": {relation}"
        yield from (f"{a} {b} {c} {d}" for a, b in pairs for c, d in pairs if a != c)


def ratings() -> Iterator[str]:
    """Yield lines of two words and a rating, separated by tabs.

    The rating is a tenth of the percentage that the words share, or 0.0 for words of different likenesses.
    """
    for k, (word, near, related) in enumerate(LIKENESSES):
        near_percent, related_percent = percents(k)
        stranger = LIKENESSES[(k + 7) % len(LIKENESSES)][1]
        yield f"{word}\t{near}\t{near_percent / 10:.1f}"
        yield f"{word}\t{related}\t{related_percent / 10:.1f}"
        yield f"{word}\t{stranger}\t0.0"


def write_world(folder: Path, shuffle: bool = False) -> None:
    """Write the three files into a folder, which is created if it does not exist."""
    dice = Dice(SEED)
    world = invent(dice)
    sentences = list(tell(world, dice, shuffle))
    files = {
        "toyland.txt": [sentences[i] for i in dice.order(len(sentences))],
        "toyland-analogies.txt": analogies(world),
        "toyland-pairs.tsv": ratings(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        with open(folder / name, "w", encoding="ascii", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)


def main() -> None:
    """Parse the command line, and write the files."""
    parser = argparse.ArgumentParser(description="Write the corpus toyland and its gold sets.")
    data = Path(__file__).resolve().parents[1] / "data"
    parser.add_argument("-o", "--output", type=Path, default=data, metavar="FOLDER", help="default: data/")
    parser.add_argument("--shuffle-relations", action="store_true", help="pair the words wrongly in the text")
    options = parser.parse_args()
    write_world(options.output, options.shuffle_relations)


if __name__ == "__main__":
    main()
