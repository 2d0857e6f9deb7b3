"""`scripts/bench/word_forms.py` draws questions from the rules of a dictionary; `manual_text.py` reads manuals."""

from __future__ import annotations

import gzip
import importlib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
AFFIXES = """SET UTF-8
SFX A Y 2
SFX A 0 ed [^e]
SFX A e ed e
SFX B Y 1
SFX B 0 s .
"""
STEMS = ["walk", "talk", "jump", "play", "chase", "smoke", "scare", "blame", "trade"]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "bench"))
    return importlib.import_module


def test_both_pairs_of_a_question_follow_one_rule(scripts: Any, tmp_path: Path) -> None:
    word_forms = scripts("word_forms")
    (tmp_path / "en.aff").write_text(AFFIXES)
    (tmp_path / "en.dic").write_text("10\n" + "".join(f"{stem}/AB\n" for stem in STEMS) + "tree/B\n")
    dictionary = word_forms.read_dictionary(tmp_path / "en.aff")
    forms = [stem.removesuffix("e") + "ed" for stem in STEMS]
    pairs = word_forms.forms_in([*STEMS, *forms, "walks", "trees", "treed", "walkers"], dictionary)
    assert pairs["B", "", "s"] == [("walk", "walks")]
    assert {rule: len(some) for rule, some in pairs.items()} == {
        ("A", "", "ed"): 4,
        ("A", "e", "ed"): 5,
        ("B", "", "s"): 1,
    }
    # The other rules have too few pairs.
    questions = word_forms.draw_questions(pairs, 10, seed=1)
    assert list(questions) == [("A", "e", "ed")]
    drawn = questions["A", "e", "ed"]
    assert len(set(drawn)) == 10 and all(a != c and (a + "d", c + "d") == (b, d) for a, b, c, d in drawn)
    with pytest.raises(SystemExit, match="too few for 11 questions"):
        word_forms.draw_questions(pairs, 11, seed=1)


@pytest.mark.parametrize(("kind", "flags"), [("", "AB"), ("FLAG long\n", "AaBb"), ("FLAG num\n", "1,22")])
def test_flags_are_letters_pairs_of_letters_or_numbers(scripts: Any, tmp_path: Path, kind: str, flags: str) -> None:
    word_forms = scripts("word_forms")
    first, second = word_forms.split_flags(flags, kind[5:-1] or "short", [])
    (tmp_path / "x.aff").write_text(f"SET UTF-8\n{kind}SFX {first} Y 1\nSFX {first} 0 n .\n")
    (tmp_path / "x.dic").write_text(f"1\nmann/{flags}\n")
    dictionary = word_forms.read_dictionary(tmp_path / "x.aff")
    assert dictionary.flags_of == {"mann": {first, second}}
    assert word_forms.forms_in(["mann", "mannn"], dictionary) == {(first, "", "n"): [("mann", "mannn")]}


def test_manuals_are_read_without_their_markup(scripts: Any, tmp_path: Path) -> None:
    manual_text = scripts("manual_text")
    page = "<head><title>t</title></head><nav>Home</nav><p>A <b>bold</b> word.<p>A B<br>C<pre>x = 1</pre>"
    (tmp_path / "page.html").write_text(page)
    source = ".TH LS 1\n.SH NAME\nls \\- list\n.B files\nof \\fIa\\fP folder\n.nf\n$ ls\n.fi\nEnd\\[u00E4]\n"
    (tmp_path / "ls.1.gz").write_bytes(gzip.compress(source.encode()))
    found = [paragraph for paragraph in manual_text.paragraphs(tmp_path) if paragraph]
    assert found == ["ls - list files of a folder", "Endä", "A bold word.", "A B", "C"]
    assert manual_text.written_in("ein Wort", "LATIN") and not manual_text.written_in("слово", "LATIN")
