#!/usr/bin/env python3
"""Measure how well models know the forms of words: with parts of words, and without.

    .venv/bin/python scripts/bench/word_forms.py de.txt de_DE.aff
    .venv/bin/python scripts/bench/word_forms.py de.txt de_DE.aff --run "" --run "--subwords fasttext --max-ngram 5"

It makes questions a : b :: c : d from a text and a dictionary of hunspell, trains a model with each --run and each
seed, and prints the share of right answers. The rule of the questions:

* b is made of a, and d of c, by the same rule of the .aff file: the same flag, letters taken away, and suffix. a and c
  are words of the .dic file, and all four words are in the text. At least 3 letters stay.
* Rules with at least 5 pairs take turns, in a random order, and each draws two of its pairs. So no rule has many more
  questions than another.
* `known` draws among the pairs whose words are all at least as frequent as --min-count, and `all` among all pairs. In
  `all`, rare words are asked about in the share in which they are there. Words alone cannot answer about these, and no
  model can if d is rare, because answers are words of the vocabulary. Questions that a model cannot answer are wrong.

It downloads nothing. Dictionaries are in Debian's packages hunspell-de-de, hunspell-ru, hunspell-cs, hunspell-ko …, and
texts in libreoffice-help-de, gimp-help-de, manpages-de, debian-handbook …: `apt-get download PACKAGE`, `dpkg -x FILE
FOLDER`, and manual_text.py makes one text of the folders.
"""

from __future__ import annotations

import argparse
import bisect
import json
import random
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

READING = ["--tokenize", "words", "--lower"]
RUNS = ["", "--subwords fasttext"]
# What must stay of a word without its suffix, in letters; and how many pairs a rule must have.
LEAST_LETTERS, LEAST_PAIRS = 3, 5
# A suffix rule is a flag, the letters taken away, and the letters added. It has pairs of a word and a form.
Rule = tuple[str, str, str]
Pairs = dict[Rule, list[tuple[str, str]]]


class Dictionary(NamedTuple):
    """The words of a .dic file with their flags, and the suffixes of the .aff file beside it.

    suffixes : flag → letters taken away → letters added → conditions, of which one must match the end of the word.
    normal_form : NFD if the dictionary spells Korean syllables letter by letter, else NFC.
    """

    flags_of: dict[str, set[str]]
    suffixes: dict[str, dict[str, dict[str, list[re.Pattern[str]]]]]
    normal_form: Any


def read_dictionary(path: Path) -> Dictionary:
    """Read a dictionary of hunspell: the .aff file that is named, and the .dic file beside it."""
    raw = path.read_bytes()
    found = re.search(rb"^SET\s+(\S+)", raw, re.MULTILINE)
    encoding = found[1].decode() if found else "latin-1"
    affixes = raw.decode(encoding, "surrogateescape").splitlines()
    entries = path.with_suffix(".dic").read_bytes().decode(encoding, "surrogateescape").splitlines()[1:]
    kinds = [line.split()[1] for line in affixes if line.startswith("FLAG ")]
    kind = kinds[0] if kinds else "short"
    aliases = [line.split()[1] for line in affixes if line.startswith("AF ")][1:]

    suffixes: dict[str, dict[str, dict[str, list[re.Pattern[str]]]]] = {}
    for line in affixes:
        fields = line.split()
        # The first line of a flag has Y or N, and a number, and no condition.
        if len(fields) < 4 or fields[0] != "SFX" or (fields[2] in "YN" and fields[3].isdigit() and len(fields) == 4):
            continue
        _, flag, strip, add = fields[:4]
        condition = fields[4] if len(fields) > 4 else "."
        strip, add = strip.replace("0", ""), add.partition("/")[0].replace("0", "")
        pattern = re.compile(condition.replace("-", r"\-") + "$")
        suffixes.setdefault(flag, {}).setdefault(strip, {}).setdefault(add, []).append(pattern)

    flags_of: dict[str, set[str]] = {}
    for entry in entries:
        word, _, flags = entry.partition("\t")[0].strip().partition("/")
        if word:
            flags_of.setdefault(word.lower(), set()).update(split_flags(flags, kind, aliases))
    composed = all(unicodedata.is_normalized("NFC", word) for word in flags_of)
    return Dictionary(flags_of, suffixes, "NFC" if composed else "NFD")


def split_flags(flags: str, kind: str, aliases: list[str]) -> list[str]:
    """Return the flags of a word one by one."""
    flags = flags.split()[0] if flags.split() else ""
    if aliases and flags.isdigit():
        flags = aliases[int(flags) - 1]
    if kind == "num":
        return flags.split(",")
    if kind == "long":
        return re.findall("..", flags)
    return list(flags)


def forms_in(words: list[str], dictionary: Dictionary) -> Pairs:
    """Return the pairs of a word and a form of it that are both among the words, by the rule that relates them.

    Parameters
    ----------
    words : in the normal form of the dictionary.
    """
    ordered = sorted(words)
    pairs: Pairs = {}
    for word in ordered:
        for flag in sorted(dictionary.flags_of.get(word, ())):
            for strip, added in dictionary.suffixes.get(flag, {}).items():
                base = word.removesuffix(strip)
                if not word.endswith(strip) or len(unicodedata.normalize("NFC", base)) < LEAST_LETTERS:
                    continue
                for form in starting_with(base, ordered):
                    add = form.removeprefix(base)
                    if form != word and any(end.search(word) for end in added.get(add, ())):
                        pairs.setdefault((flag, strip, add), []).append((word, form))
    return pairs


def starting_with(start: str, ordered: list[str]) -> Iterator[str]:
    """Yield the words that begin so."""
    for at in range(bisect.bisect_left(ordered, start), len(ordered)):
        if not ordered[at].startswith(start):
            return
        yield ordered[at]


def draw_questions(pairs: Pairs, many: int, seed: int) -> dict[Rule, list[tuple[str, ...]]]:
    """Draw questions, from each rule in turn.

    Raises
    ------
    SystemExit
        If the rules do not have so many.
    """
    draws = random.Random(seed)
    rules = sorted(rule for rule, some in pairs.items() if len(some) >= LEAST_PAIRS)
    draws.shuffle(rules)
    if sum(len(pairs[rule]) * (len(pairs[rule]) - 1) for rule in rules) < 2 * many:
        raise SystemExit(f"there are only {len(rules)} rules with {LEAST_PAIRS} pairs: too few for {many} questions")
    drawn: dict[tuple[str, ...], Rule] = {}
    while len(drawn) < many:
        for rule in rules[: many - len(drawn)]:
            one, other = draws.sample(pairs[rule], 2)
            drawn.setdefault((*one, *other), rule)
    questions: dict[Rule, list[tuple[str, ...]]] = {}
    for question, rule in drawn.items():
        questions.setdefault(rule, []).append(question)
    return questions


def write_questions(path: Path, questions: dict[Rule, list[tuple[str, ...]]]) -> None:
    """Write questions as w2v eval reads them, a section for each rule."""
    lines = []
    for (flag, strip, add), some in questions.items():
        lines.append(f": {flag} -{strip} +{add}")
        lines += [unicodedata.normalize("NFC", " ".join(words)) for words in some]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def w2v(*arguments: object) -> str:
    """Run w2v, and return what it prints."""
    command = [sys.executable, "-m", "w2v_cli", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8").stdout


def right_answers(model: Path, questions: Path, has_parts: bool) -> int:
    """Return how many questions a model answers, with composed words if it has parts."""
    oov = "compose" if has_parts else "wrong"
    found = json.loads(w2v("eval", "--json", "--protocol", "strict", "--oov", oov, "-m", model, questions))
    return sum(section["correct"] for section in found["sections"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("affixes", type=Path, metavar="FILE.aff", help="the .dic file must be beside it")
    parser.add_argument("--questions", type=int, default=500, metavar="N")
    parser.add_argument("--min-count", type=int, default=5, metavar="N")
    parser.add_argument("--run", action="append", metavar="OPTIONS", help=f"of w2v train; default: {RUNS}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], metavar="N")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the questions there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        measure(arguments, folder, Path(temporary) / "model.safetensors")


def measure(arguments: argparse.Namespace, folder: Path, model: Path) -> None:
    """Make the questions, train every model, and print what it answers."""
    dictionary = read_dictionary(arguments.affixes)
    counts: dict[str, int] = {}
    for line in w2v("vocab", arguments.text, *READING).splitlines():
        word, _, count = line.partition("\t")
        counts[unicodedata.normalize(dictionary.normal_form, word)] = int(count)
    files = {"known": folder / "known.txt", "all": folder / "all.txt"}
    for (name, path), least in zip(files.items(), (arguments.min_count, 1), strict=True):
        pairs = forms_in([word for word, count in counts.items() if count >= least], dictionary)
        questions = draw_questions(pairs, arguments.questions, seed=1)
        write_questions(path, questions)
        asked = [words for some in questions.values() for words in some]
        answerable = sum(all(counts[word] >= arguments.min_count for word in words) for words in asked)
        composable = sum(counts[words[3]] >= arguments.min_count for words in asked)
        print(
            f"{name}: {len(asked)} questions of {len(questions)} rules, of which words alone can answer {answerable},"
            f" and parts {composable}"
        )
    print(f"| options | {' | '.join(files)} |\n|---|{'---|' * len(files)}")
    for run in arguments.run or RUNS:
        options = shlex.split(run)
        scores: dict[str, list[float]] = {name: [] for name in files}
        for seed in arguments.seeds:
            w2v("train", arguments.text, *READING, "--min-count", arguments.min_count, "-o", model, "--seed", seed,
                "--quiet", *options)  # fmt: skip
            for name, path in files.items():
                right = right_answers(model, path, "--subwords" in options)
                scores[name].append(100 * right / arguments.questions)
        cells = [f"{statistics.mean(some):.1f} ({min(some):.1f} to {max(some):.1f})" for some in scores.values()]
        print(f"| {run or 'words alone'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
