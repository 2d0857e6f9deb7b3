"""`w2v phrases` finds the phrases that gensim finds, in several passes and with connectors; and the command itself."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import assert_a_closed_pipe_is_silent, call

import w2v_cli.corpus.phrases as phrases_module
from w2v_cli.corpus.encode import encode
from w2v_cli.corpus.phrases import ENGLISH_CONNECTORS, Joiner
from w2v_cli.corpus.texts import Texts

CONNECTORS = ["of", "the"]


def joined(folder: Path, text: str, passes: int = 1, **options: Any) -> tuple[list[dict[str, float]], list[str]]:
    """Return the phrases of every pass with their scores, and the lines of the joined text."""
    (folder / "text.txt").write_text(text)
    with encode(Texts([str(folder / "text.txt")]), 1, None, 2, folder) as corpus:
        joiner = Joiner(corpus, **options)
        found = [{phrase.text: phrase.score for phrase in joiner.find()} for _ in range(passes)]
        return found, b"".join(joiner.text()).decode().splitlines()


@pytest.fixture(scope="module")
def sentences() -> list[list[str]]:
    """Return lines of very different lengths, with words by Zipf's law and connectors among them."""
    rng = np.random.default_rng(4)
    words = np.array([*CONNECTORS, *(f"w{i}" for i in range(60))])
    shares = 1 / np.arange(1, len(words) + 1)
    text = rng.choice(words, 12_000, p=shares / shares.sum()).tolist()
    starts = [0, *sorted(rng.choice(np.arange(1, 12_000), 700, replace=False).tolist()), 12_000]
    return [text[start:stop] for start, stop in pairwise(starts)]


def word2phrase(
    worda_count: float,
    wordb_count: float,
    bigram_count: float,
    len_vocab: int,
    min_count: float,
    corpus_word_count: int,
) -> float:
    """Return the score of word2phrase.c as a scorer for gensim, whose own multiplies by len_vocab instead."""
    return (bigram_count - min_count) / worda_count / wordb_count * corpus_word_count


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("connectors", [[], CONNECTORS])
@pytest.mark.parametrize(("scoring", "threshold"), [("npmi", 0.12), ("word2phrase", 0.9)])
def test_phrases_scores_and_text_are_gensims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sentences: list[list[str]], scoring: str, threshold: float,
    connectors: list[str], threads: int,
) -> None:  # fmt: skip
    gensim = pytest.importorskip("gensim.models.phrases", reason="gensim is not here (it is in the bench extra)")
    monkeypatch.setattr(phrases_module, "CHUNK_TOKENS", 1000)

    model = gensim.Phrases(
        sentences, min_count=4, threshold=threshold, connector_words=frozenset(connectors), delimiter="+",
        scoring="npmi" if scoring == "npmi" else word2phrase,
    )  # fmt: skip
    (found,), lines = joined(
        tmp_path, "\n".join(map(" ".join, sentences)), min_count=4, threshold=threshold, scoring=scoring,
        connectors=connectors, delimiter="+", threads=threads,
    )  # fmt: skip
    assert lines == [" ".join(model[sentence]) for sentence in sentences]
    assert found == pytest.approx(model.export_phrases(), rel=1e-9) and len(found) > 20


def test_the_default_connectors_are_gensims() -> None:
    gensim = pytest.importorskip("gensim.models.phrases", reason="gensim is not here (it is in the bench extra)")
    assert set(ENGLISH_CONNECTORS) == gensim.ENGLISH_CONNECTOR_WORDS


def test_scores_are_the_formulas(tmp_path: Path) -> None:
    text = "a b c\n" * 6 + "a x\n" * 2 + "y b\n" * 2  # 26 tokens; a 8, b 8, a b 6, b c 6, c 6
    (found,), _ = joined(tmp_path, text, min_count=2, threshold=0.0)
    assert found == {"a_b": pytest.approx(4 / 64 * 26), "b_c": pytest.approx(4 / 48 * 26)}
    (found,), lines = joined(tmp_path, text, min_count=2, threshold=0.9, scoring="npmi")
    assert found == {}
    (found,), _ = joined(tmp_path, text, min_count=2, threshold=0.5, scoring="npmi")
    assert found["b_c"] == pytest.approx(np.log(6 / 26 / (8 / 26 * 6 / 26)) / -np.log(6 / 26))
    assert lines[0] == "a b c"


def test_phrases_do_not_overlap_nor_cross_lines_and_passes_make_them_longer(tmp_path: Path) -> None:
    text = "new york city hall\n" * 9 + "hall\nnew\n" + "x y z\n" * 3
    (found,), lines = joined(tmp_path, text, min_count=2, threshold=1.0)
    assert {"new_york", "york_city", "city_hall"} <= set(found) and "hall_new" not in found
    assert lines[0] == "new_york city_hall" and lines[9:11] == ["hall", "new"]
    (_, longer), lines = joined(tmp_path, text, passes=2, min_count=2, threshold=1.0)
    assert "new_york_city_hall" in longer and lines[0] == "new_york_city_hall"


def test_a_phrase_that_is_spelled_as_a_word_is_that_word(tmp_path: Path) -> None:
    found, lines = joined(
        tmp_path, "a b c\n" * 9 + "a_b c\n" * 9 + "d e f\n" * 40, passes=2, min_count=3, threshold=1.0
    )
    assert "a_b" in found[0] and lines[0] == "a_b_c" == lines[9]


def test_a_long_line_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases_module, "CHUNK_TOKENS", 10)
    _, lines = joined(tmp_path, "a b c d e f g " * 40, min_count=2, threshold=1e9)
    assert lines == ["a b c d e f g " * 39 + "a b c d e f g"]


def test_the_command_writes_the_text_and_prints_the_phrases(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("the king of spain and\nking of spain\n" * 9 + "no of and the\n" * 30)
    options = ["in.txt", "--connectors", "english", "--threshold", "1", "--min-count", "3"]
    code, out, err = call(capfd, "phrases", *options, "-o", "out.txt", "--json")
    assert code == 0 and "Pass 1: 1 phrases" in err
    # 192 words; king and spain are 18 of them each, and always stand together.
    assert json.loads(out) == {"phrase": "king_of_spain", "score": pytest.approx((18 - 3) / 18 / 18 * 192), "pass": 1}
    text = "the king_of_spain and\nking_of_spain\n" * 9 + "no of and the\n" * 30
    assert Path("out.txt").read_text() == text
    assert call(capfd, "phrases", "-q", *options, "-o", "-") == (0, text, "")


@pytest.mark.parametrize(("suffix", "unpacked"), [(".gz", gzip.decompress), (".xz", lzma.decompress)])
def test_a_name_that_says_how_it_is_compressed_gets_that(
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    unpacked: Callable[[bytes], bytes],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("new york\n" * 9)
    assert call(capfd, "phrases", "-q", "in.txt", "-o", f"out.txt{suffix}", "--threshold", "0")[0] == 0
    assert unpacked(Path(f"out.txt{suffix}").read_bytes()).decode() == "new_york\n" * 9


def test_what_cannot_be_done_is_refused(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.txt").write_text("a b\n")
    Path("empty.txt").write_text("\n")
    assert call(capfd, "phrases", "in.txt")[0] == 2
    assert call(capfd, "phrases", "in.txt", "-o", "-", "--json")[0] == 2
    assert call(capfd, "phrases", "in.txt", "-o", "x.txt", "--delimiter", " ")[0] == 2
    assert call(capfd, "phrases", "in.txt", "-o", "in.txt")[0] == 2
    code, _, err = call(capfd, "phrases", "empty.txt", "-o", "x.txt")
    assert code == 3 and "there are no words in empty.txt" in err and not Path("x.txt").exists()


def test_a_closed_pipe_is_silent(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("some words of a text\n" * 60_000)
    assert_a_closed_pipe_is_silent("phrases", "-q", str(tmp_path / "in.txt"), "-o", "-")
