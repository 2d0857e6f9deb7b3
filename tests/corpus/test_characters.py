"""What becomes of the characters of a text: invisible ones, capitals, normal forms, broken lines."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v_cli as w2v
from w2v_cli.corpus.characters import clean
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError


def tokens(tmp_path: Path, text: str, piece_bytes: int = 1 << 20, **options: object) -> list[list[str]]:
    """Return the words of each line of a text."""
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    pieces = Texts([str(path)], TextOptions(**options)).pieces(piece_bytes)  # type: ignore[arg-type]
    lines = b"".join(piece.data for piece in pieces).split(b"\n")
    return [[word.decode() for word in line.split()] for line in lines if line.strip()]


def prose(text: str, normalize: str = "none", lower: bool = False) -> list[str]:
    return clean(text, normalize, lower, "words").split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Donau\u00addampf\u00adschiff", ["Donaudampfschiff"]),  # soft hyphens, as in web pages
        ("sun\u2060shine moon\ufefflight \ufefffirst", ["sunshine", "moonlight", "first"]),  # joiners and marks
        ("bath\u200btub", ["bath", "tub"]),  # a zero-width space
        ("ភាសា\u200bខ្មែរ", ["ភាសា", "ខ្មែរ"]),  # Khmer, where it separates words
        ("کتاب\u200cها نمی\u200cدانم", ["کتاب\u200cها", "نمی\u200cدانم"]),  # Persian
        ("ක්\u200dරියාව ക്\u200dഷ", ["ක්\u200dරියාව", "ക്\u200dഷ"]),  # Sinhala, Malayalam
        ("\u202bשלום\u202c \u200eabc\u200f, a\u2066b\u2069c", ["שלום", "abc", "abc"]),  # directions
        ("葛\U000e0100城 a\ufe0fb", ["葛城", "ab"]),  # variation selectors
        ("שָׁ\u034fלוֹם", ["שָׁלוֹם"]),  # the grapheme joiner
        ("ᠮᠣᠩᠭᠣᠯ\u180eᠠ", ["ᠮᠣᠩᠭᠣᠯ\u180eᠠ"]),  # Mongolian, where the separator spells
        ("བཀྲ་ཤིས་ བདེ་ལེགས།", ["བཀྲ་ཤིས་", "བདེ་ལེགས"]),  # Tibetan, whose tsheg ends a syllable
        ("col·lecció, IL·LÚS; des·har in·hèrn", ["col·lecció", "IL·LÚS", "des·har", "in·hèrn"]),  # Catalan, Gascon
        ("DIS·MANIBVS a·b λόγος· και", ["DIS", "MANIBVS", "a", "b", "λόγος", "και"]),  # the dot separates
        ('צה״ל צה"ל ג׳ורג׳ "שלום" ״שלום״', ["צה״ל", 'צה"ל', "ג׳ורג׳", "שלום", "שלום"]),  # Hebrew abbreviations
        ('a"b "a" צ"b', ["a", "b", "a", "צ", "b"]),
        ("don\u00ad't well-\u2060known", ["don't", "well-known"]),
    ],
)
def test_invisible_characters_do_not_split_words(text: str, expected: list[str]) -> None:
    assert prose(text) == expected


def test_every_format_character_is_dropped_or_spelled_or_separates() -> None:
    separate = {
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) == "Cf" and prose(f"a{chr(code)}b") == ["a", "b"]
    }
    # The zero-width space; signs that are drawn around or before numbers; annotations, hieroglyphs, shorthand, music.
    visible = {0x200B, *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    visible |= {*range(0xFFF9, 0xFFFC), *range(0x13430, 0x13460), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)}
    assert separate <= {*map(chr, visible)}
    for code in (0xAD, 0x61C, 0x200E, 0x2060, 0x2064, 0xFEFF):
        assert prose(f"a{chr(code)}b") == ["ab"]


def test_tokens_between_white_space_keep_their_invisible_characters(tmp_path: Path) -> None:
    assert tokens(tmp_path, "sun\u00adshine བཀྲ་ཤིས་ a\u200bb") == [["sun\u00adshine", "བཀྲ་ཤིས་", "a\u200bb"]]


@pytest.mark.parametrize("tokenize", ["whitespace", "words"])
@pytest.mark.parametrize("normalize", ["none", "nfc", "nfkc"])
def test_a_turkish_capital_has_one_small_letter(tmp_path: Path, tokenize: str, normalize: str) -> None:
    text = "İZMİR İzmir izmir I\u0307zmir IRMAK Iğdır"
    (words,) = tokens(tmp_path, text, lower=True, tokenize=tokenize, normalize=normalize)
    assert words == ["izmir"] * 4 + ["irmak", "iğdır"]


def test_no_small_letter_is_longer_than_its_capital() -> None:
    letters = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    assert len(clean(letters, "none", lower=True, tokenize="whitespace")) == len(letters)


@given(st.text())
def test_lower_case_of_other_languages_is_what_python_says(text: str) -> None:
    text = text.replace("İ", "").replace("I\u0307", "")
    assert clean(text, "none", lower=True, tokenize="whitespace") == text.lower()


DECOMPOSED = unicodedata.normalize("NFD", "Ångström naïve Việt 한국")


def test_normal_forms_make_one_word_of_what_looks_alike(tmp_path: Path) -> None:
    text = f"{DECOMPOSED}\nÅngström naïve Việt 한국\n"
    assert len({word for line in tokens(tmp_path, text) for word in line}) == 8
    for tokenize in ("whitespace", "words"):
        first, second = tokens(tmp_path, text, normalize="nfc", tokenize=tokenize)
        assert first == second == ["Ångström", "naïve", "Việt", "한국"]
    assert tokens(tmp_path, "ｋａｔａ ﬁne ﾊﾟ", normalize="nfc") == [["ｋａｔａ", "ﬁne", "ﾊﾟ"]]
    assert tokens(tmp_path, "ｋａｔａ ﬁne ﾊﾟ a\u00a0b", normalize="nfkc") == [["kata", "fine", "パ", "a", "b"]]
    with pytest.raises(ConfigError, match="--normalize nfd is not one of none, nfc, nfkc"):
        TextOptions(normalize="nfd")


def test_an_invisible_character_does_not_keep_an_accent_from_its_letter() -> None:
    assert prose("ga\u00ad\u0308rten", normalize="nfc") == ["gärten"]


def test_a_model_records_how_its_text_was_normalised(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(f"{DECOMPOSED}\n" * 5, encoding="utf-8")
    model = w2v.train(tmp_path / "t.txt", dim=2, epochs=1, normalize="nfc", threads=1)
    assert json.loads(model.metadata["text"])["normalize"] == "nfc" and "naïve" in model
    assert model.training_options()[1] == TextOptions(normalize="nfc")
    # A model of an older version does not say it.
    model.metadata["text"] = json.dumps({"errors": "strict", "lower": True, "tokenize": "words"})
    assert model.training_options()[1] == TextOptions(lower=True, tokenize="words")
