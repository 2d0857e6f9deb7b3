"""Which lines are held out, that nothing of them is trained on or counted, and what is measured of a long text."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from w2v_cli.corpus import held_out
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.held_out import HeldOut, read_held_out
from w2v_cli.corpus.resumable import NAME, keep_corpus, kept_corpus
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import CorpusError
from w2v_cli.storage.tensors import TensorFile, write_tensors

# The golden section in 2⁻⁶⁴.
GOLDEN_SECTION = round((math.sqrt(5) - 1) / 2 * 2**52) << 12


def is_held_out(number: int, share: float) -> bool:
    """Tell by the definition whether passage `number`, counted from 1, is held out."""
    return number * GOLDEN_SECTION % 2**64 < share * 2**64


@pytest.fixture(scope="module")
def lines() -> list[str]:
    rng = np.random.default_rng(3)
    return [" ".join(f"w{i}" for i in rng.zipf(1.6, rng.integers(0, 9)) if i < 40) for _ in range(400)]


def written(folder: Path, name: str, lines: list[str]) -> Texts:
    (folder / name).write_text("\n".join(lines) + "\n")
    return Texts([str(folder / name)])


def tokens_of(ids: np.ndarray, boundaries: np.ndarray, corpus: EncodedCorpus) -> list[list[str]]:
    """Return the sentences as words."""
    words = [corpus.vocabulary.words[int(word_id)] for word_id in ids]
    edges = [0, *boundaries.tolist(), len(words)]
    return [words[first:last] for first, last in pairwise(edges)]


@pytest.mark.parametrize(("threads", "piece_bytes"), [(1, 1 << 20), (3, 64)])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_share_of_the_lines_is_neither_trained_on_nor_counted(
    tmp_path: Path, lines: list[str], share: float, threads: int, piece_bytes: int
) -> None:
    filled = [line for line in lines if line.split()]
    held = [line for number, line in enumerate(filled, 1) if is_held_out(number, share)]
    rest = [line for number, line in enumerate(filled, 1) if not is_held_out(number, share)]
    assert len(held) == pytest.approx(share * len(filled), abs=2)
    texts = written(tmp_path, "text.txt", lines)
    with (
        encode(texts, 2, None, threads, tmp_path, piece_bytes=piece_bytes, hold_out=share) as corpus,
        encode(written(tmp_path, "rest.txt", rest), 2, None, 1, tmp_path) as expected,
    ):
        assert list(corpus.vocabulary.words) == list(expected.vocabulary.words)
        assert corpus.vocabulary.counts.tolist() == expected.vocabulary.counts.tolist()
        assert (corpus.token_count, corpus.raw_token_count) == (expected.token_count, expected.raw_token_count)
        for mine, theirs in zip(corpus.read(0, corpus.token_count), expected.read(0, corpus.token_count), strict=True):
            assert mine.tolist() == theirs.tolist()
        # The fingerprint is that of the whole text, by which a resumed run knows it.
        assert corpus.fingerprint == texts.fingerprint()
        alone = read_held_out(written(tmp_path, "held.txt", held), corpus.vocabulary, 1, tmp_path, lambda *_: None)
        assert corpus.held_out is not None
        assert corpus.held_out.ids.tolist() == alone.ids.tolist()
        assert corpus.held_out.boundaries.tolist() == alone.boundaries.tolist()
        assert (corpus.held_out.token_count, corpus.held_out.unknown) == (alone.token_count, alone.unknown)
        assert alone.token_count + alone.unknown == sum(len(line.split()) for line in held)


def test_long_lines_are_held_out_in_pieces_and_no_window_spans_the_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"t{i}" for i in range(3_500)]
    texts = written(tmp_path, "text.txt", [" ".join(words)])
    with encode(texts, 1, None, 1, tmp_path, piece_bytes=1000, hold_out=0.3) as corpus:
        passages = [words[first : first + 1000] for first in range(0, 3500, 1000)]
        # The fractions of 1 to 4 golden sections are 0.62, 0.24, 0.85 and 0.47.
        assert [is_held_out(number, 0.3) for number in (1, 2, 3, 4)] == [False, True, False, False]
        assert tokens_of(*corpus.read(0, corpus.token_count), corpus) == [passages[0], passages[2] + passages[3]]
        assert corpus.held_out is not None and (corpus.held_out.token_count, corpus.held_out.unknown) == (0, 1000)


def test_the_choice_does_not_follow_a_period_of_the_text() -> None:
    chosen = np.array([number for number in range(1, 20_001) if is_held_out(number, 0.05)])
    for period in range(2, 30):
        shares = np.bincount(chosen % period, minlength=period) * period / len(chosen)
        assert (np.abs(shares - 1) < 0.3).all(), period


def test_a_share_of_few_lines_that_is_none_is_refused(tmp_path: Path) -> None:
    texts = written(tmp_path, "text.txt", ["a b c"] * 10)
    with pytest.raises(CorpusError, match=r"nothing of .*text\.txt would be held out") as caught:
        encode(texts, 1, None, 1, tmp_path, hold_out=0.01)
    assert "larger share" in str(caught.value.hint)


def test_pieces_from_all_over_a_long_text_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "MOST_TOKENS", 40)
    monkeypatch.setattr(held_out, "SPAN_TOKENS", 10)
    lines = [" ".join(f"t{i}" for i in range(first, first + 7)) for first in range(0, 700, 7)]
    texts = written(tmp_path, "text.txt", lines)
    with encode(texts, 1, None, 1, tmp_path, hold_out=texts) as corpus:
        found = corpus.held_out
        assert found is not None and found.token_count == 700
        sentences = tokens_of(found.ids, found.boundaries, corpus)
    expected = []
    for start in (0, 175, 350, 525):
        span = [f"t{i}" for i in range(start, start + 10)]
        # A line ends before every token whose number is a multiple of 7.
        cuts = [0, *(i for i in range(1, 10) if (start + i) % 7 == 0), 10]
        expected += [span[first:last] for first, last in pairwise(cuts)]
    assert sentences == expected


def test_a_folder_keeps_the_held_out_text(tmp_path: Path, lines: list[str]) -> None:
    texts = written(tmp_path, "text.txt", lines)
    folder = tmp_path / "run"
    folder.mkdir()
    with encode(texts, 1, None, 1, folder, named=True, hold_out=0.2) as corpus:
        keep_corpus(corpus, folder)
        expected = corpus.held_out
    found = kept_corpus(folder)
    assert found is not None and found.held_out is not None and expected is not None
    assert found.held_out.ids.tolist() == expected.ids.tolist()
    assert found.held_out.boundaries.tolist() == expected.boundaries.tolist()
    assert (found.held_out.token_count, found.held_out.unknown) == (expected.token_count, expected.unknown)
    found.close()
    # An id without a word would be a row outside the tables.
    kept = TensorFile(folder / NAME)
    tensors = {name: np.array(kept.tensor(name, kept.dtype(name) or "", axes=1)) for name in kept.names}
    tensors["held_out_ids"][3] = 10**6
    write_tensors(folder / NAME, tensors, kept.metadata)
    assert kept_corpus(folder) is None


def test_a_text_without_a_known_word_has_no_ids(tmp_path: Path, lines: list[str]) -> None:
    with encode(written(tmp_path, "text.txt", lines), 1, None, 1, tmp_path) as corpus:
        found = read_held_out(written(tmp_path, "x.txt", ["x y", "z"]), corpus.vocabulary, 1, tmp_path, lambda *_: None)
    assert isinstance(found, HeldOut) and (len(found.ids), found.token_count, found.unknown) == (0, 0, 3)
