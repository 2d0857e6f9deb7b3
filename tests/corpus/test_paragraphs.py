"""Lines become paragraphs and broken words whole, wherever a text is cut into chunks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v_cli as w2v
from w2v_cli.corpus.paragraphs import Unwrapper
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts

NOVEL = """  THE LIGHTHOUSE

The keeper had climbed the stair-
case twice that morn\u00ad
ing; the lamp,  he
    thought, was Anglo-
Saxon work of 1850-
1860, or some 20-
year old copy -
not a fake.
\t
He wrote to Jean-\r
Paul--\r
who an\u2010\r
swered a for\u00ac
tnight later.\r
\r

\tEnd-

ing
"""
PARAGRAPHS = [
    "THE LIGHTHOUSE",
    "The keeper had climbed the staircase twice that morning; the lamp, he thought, was Anglo-Saxon work of 1850-1860,"
    " or some 20-year old copy - not a fake.",
    "He wrote to Jean-Paul-- who answered a fortnight later.",
    "End-",
    "ing",
]


def lines(*paths: Path, piece_bytes: int = 1 << 20, **options: object) -> list[str]:
    texts = Texts([str(path) for path in paths], TextOptions(unwrap=True, **options))  # type: ignore[arg-type]
    read = b"".join(piece.data for piece in texts.pieces(piece_bytes))
    return [b" ".join(line.split()).decode() for line in read.split(b"\n") if line.strip()]


@pytest.mark.parametrize("piece_bytes", [*range(1, 30), 1 << 20])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_paragraph_becomes_one_line_however_it_is_cut(tmp_path: Path, piece_bytes: int, suffix: str) -> None:
    path = tmp_path / f"novel.txt{suffix}"
    path.write_bytes(gzip.compress(NOVEL.encode()) if suffix else NOVEL.encode())
    assert lines(path, piece_bytes=piece_bytes) == PARAGRAPHS


@pytest.mark.parametrize("piece_bytes", [1, 5, 1 << 20])
def test_words_are_found_in_joined_lines(tmp_path: Path, piece_bytes: int) -> None:
    (tmp_path / "novel.txt").write_text(NOVEL, encoding="utf-8")
    words = lines(tmp_path / "novel.txt", piece_bytes=piece_bytes, tokenize="words", lower=True)
    assert words[1].split()[5:11] == ["staircase", "twice", "that", "morning", "the", "lamp"]
    assert words[2:] == ["he wrote to jean-paul who answered a fortnight later", "end", "ing"]


def test_a_file_ends_a_paragraph(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("the light-")
    (tmp_path / "b").write_text("house\n")
    assert lines(tmp_path / "a", tmp_path / "b") == ["the light-", "house"]
    (tmp_path / "empty").write_text("")
    assert lines(tmp_path / "empty") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafe\u0301-\nteria", "cafe\u0301teria"),  # a hyphen after a mark
        ("пере-\nнос", "перенос"),
        ("Nord-\nÖsterreich", "Nord-Österreich"),
        ("so -\nand", "so - and"),
        ("-\nand", "- and"),
        ("he-\n“she”", "he- “she”"),
        ("\u00ad\nword", "word"),
        ("IN CAPI-\nTALS", "IN CAPI-TALS"),
        ("in-\n\n\nside", "in-\nside"),
    ],
)
def test_a_hyphen_at_the_end_of_a_line(text: str, expected: str) -> None:
    unwrapper = Unwrapper()
    assert (unwrapper.add(text) + unwrapper.rest()).strip() == expected


@given(st.lists(st.sampled_from(["a", "Ab", "-", "\u00ad", " ", "\n", "\t", "7", "é", "."])), st.integers(1, 9))
def test_chunks_of_any_size_make_the_same_text(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], piece_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("text") / "t"
    path.write_text("".join(parts), encoding="utf-8")
    assert lines(path, piece_bytes=piece_bytes) == lines(path)


def test_what_is_kept_between_chunks_does_not_grow() -> None:
    unwrapper = Unwrapper()
    # One word that is broken at every line end, and nothing but blank lines.
    returned = [unwrapper.add("letters-\n" * 100) for _ in range(100)]
    assert len("".join(returned) + unwrapper.rest()) <= 100 * 100 * len("letters-")
    assert all(len(part) < 2000 for part in returned)
    unwrapper.add("\n" * 10**6)
    assert len(unwrapper.rest()) < 1100


def test_a_long_word_keeps_the_paragraph_end_behind_it() -> None:
    unwrapper = Unwrapper()
    text = unwrapper.add("x" * 2000 + "\n") + unwrapper.add("\ny\n") + unwrapper.rest()
    assert text.split("\n")[0].strip() == "x" * 2000


def test_python_joins_lines_too(tmp_path: Path) -> None:
    (tmp_path / "novel.txt").write_text(NOVEL * 20, encoding="utf-8")
    model = w2v.train(tmp_path / "novel.txt", unwrap=True, dim=2, epochs=1, threads=1)
    assert "staircase" in model and "stair-" not in model and '"unwrap": true' in model.metadata["text"]
