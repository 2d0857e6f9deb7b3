"""Text becomes ids: the vocabulary and the ids are those that plain Python finds by splitting and counting."""

from __future__ import annotations

import collections
import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_cli.compute.jit import COMPILES
from w2v_cli.corpus import passes as module
from w2v_cli.corpus import tokens, vocabulary
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.texts import Texts
from w2v_cli.corpus.tokens import PADDING, CompiledTokens, PlainTokens
from w2v_cli.errors import CorpusError, VocabularyError
from w2v_cli.storage import words as words_module

# Short and long words, words that differ only near the end or are prefixes of others, every kind of white space.
WORDS = st.one_of(
    st.text("ab", min_size=1, max_size=3),
    st.sampled_from(
        ["12345678", "123456789", "1234567890123456", "12345678901234567", "1234567890123457", "日本", "\x7f"]
    ),
    st.text(
        st.characters(blacklist_categories=["Cs"], blacklist_characters=" \n\t\r\x0b\x0c"), min_size=1, max_size=20
    ),
)
TEXTS = st.lists(
    st.tuples(WORDS, st.sampled_from([" ", "  ", "\n", "\n\n", "\t", "\r\n", "\x0b", "\x0c ", " \n "]))
).map(lambda parts: "".join(word + space for word, space in parts))


def expected(text: bytes, min_count: int, max_vocab: int | None) -> tuple[list[str], list[int], list[int], list[int]]:
    """Return words, counts, ids and sentence starts, as they are defined."""
    counts = collections.Counter(text.split())
    order = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    order = order[:max_vocab]
    ids_of = {word: i for i, word in enumerate(order)}
    ids: list[int] = []
    starts = []
    for line in text.split(b"\n"):
        starts.append(len(ids))
        ids += [ids_of[word] for word in line.split() if word in ids_of]
    boundaries = sorted({start for start in starts if 0 < start < len(ids)})
    return [word.decode() for word in order], [counts[word] for word in order], ids, boundaries


def encode_file(
    folder: Path, path: str, min_count: int = 1, max_vocab: int | None = None, **options: Any
) -> EncodedCorpus:
    return encode(
        Texts([path]), min_count, max_vocab, spool_folder=folder, **{"threads": 2, "piece_bytes": 64, **options}
    )


def encode_text(
    folder: Path, text: bytes, min_count: int = 1, max_vocab: int | None = None, **options: Any
) -> EncodedCorpus:
    path = folder / "corpus.txt"
    path.write_bytes(text)
    return encode_file(folder, str(path), min_count, max_vocab, **options)


def encode_any_text(
    folder: Path, text: bytes, min_count: int = 1, max_vocab: int | None = None, **options: Any
) -> EncodedCorpus:
    """Encode a text in a file without a name, as sentences from Python are: it may look like CSV or binary data."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(text)
        file.flush()
        return encode_file(folder, f"/dev/fd/{file.fileno()}", min_count, max_vocab, **options)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(1, 3), st.one_of(st.none(), st.integers(1, 5)), st.integers(1, 40), st.integers(1, 3))
def test_a_corpus_is_what_plain_python_makes_of_it(
    tmp_path_factory: pytest.TempPathFactory, text: str, min_count: int, max_vocab: int | None, piece: int, threads: int
) -> None:
    folder, data = tmp_path_factory.mktemp("corpus"), text.encode()
    words, counts, ids, boundaries = expected(data, min_count, max_vocab)
    if not words:
        with pytest.raises(VocabularyError):
            encode_any_text(folder, data, min_count, max_vocab)
        return
    with encode_any_text(folder, data, min_count, max_vocab, threads=threads, piece_bytes=piece) as corpus:
        assert corpus.vocabulary.words == words
        assert corpus.vocabulary.counts.tolist() == counts
        assert corpus.token_count == len(ids)
        assert corpus.raw_token_count == len(data.split())
        found_ids, found_boundaries = corpus.read(0, len(ids))
        assert found_ids.tolist() == ids and found_ids.dtype == np.int32
        assert found_boundaries.tolist() == boundaries
        # Reading a part gives the same tokens as reading everything.
        start, stop = len(ids) // 3, len(ids) - len(ids) // 4
        part, inside = corpus.read(start, stop)
        assert part.tolist() == ids[start:stop]
        assert inside.tolist() == [boundary - start for boundary in boundaries if start < boundary < stop]


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
def test_the_compiled_table_is_the_plain_one(texts: list[str]) -> None:
    compiled, plain = CompiledTokens(), PlainTokens()
    for text in texts:
        data = text.encode() + PADDING
        assert compiled.add(data).tolist() == plain.add(data).tolist()
    pairs: list[tuple[tokens.Tokens, tokens.Tokens]] = [(compiled, CompiledTokens()), (plain, PlainTokens())]
    for table, other in pairs:
        other.add(b"ab a zz\nab" + PADDING)
        other.seal()
        assert table.absorb(other).tolist() == plain_ids(table, other)
    compiled.seal()
    assert compiled.counts.tolist() == plain.counts.tolist()
    assert compiled.words.offsets.tolist() == plain.words.offsets.tolist()
    assert compiled.words.text.tolist() == plain.words.text.tolist()


@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
def test_tables_are_given_up_when_they_have_been_merged() -> None:
    tables: list[tokens.Tokens] = [CompiledTokens(), CompiledTokens()]
    for table, text in zip(tables, (b"a b", b"b c"), strict=True):
        table.add(text + PADDING)
    merged, translations = module.merged(tables)
    assert isinstance(merged, CompiledTokens)
    assert tables == [merged] and not len(merged._table.slots)
    assert words_of(merged)[1:] == [b"a", b"b", b"c"]
    assert [ids.tolist() for ids in translations] == [[0, 1, 2], [0, 2, 3]]


def words_of(table: tokens.Tokens) -> list[bytes]:
    words = table.words
    return [words.bytes_of(i) for i in range(table.size)]


def plain_ids(table: tokens.Tokens, other: tokens.Tokens) -> list[int]:
    entries = {word: entry for entry, word in enumerate(words_of(table))}
    return [entries[word] for word in words_of(other)]


@pytest.mark.skipif(not COMPILES, reason="numba does not work here")
def test_splitting_writes_nothing_beyond_its_arrays() -> None:
    import numba

    from w2v_cli.compute.hashing import SECRET
    from w2v_cli.corpus import token_kernels

    @numba.njit
    def split(data, end, secret, starts, lengths, hashes):  # type: ignore[no-untyped-def]
        return token_kernels._split(data, np.uint64(0), end, secret, starts, lengths, hashes)

    # A group of newlines after an unfinished token holds one entry more than it has bytes. Here it comes when the
    # arrays have space for 64 entries, but not for 65.
    text = b"a" * 64 + (b"\n" * 63 + b"a") * 7 + b"\n" * 64
    guarded = np.full((3, token_kernels.BATCH + 1), 77, np.uint64)
    data = np.frombuffer(text + PADDING, np.uint8)
    _, count = split(data, np.uint64(len(text)), SECRET, *(array[:-1] for array in guarded))
    assert count <= token_kernels.BATCH and (guarded[:, -1] == 77).all()


@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
def test_a_table_that_must_grow_many_times_loses_nothing() -> None:
    table = CompiledTokens()
    words = [str(number * 7919) for number in range(100_000)]
    ids = table.add(" ".join(words * 2).encode() + PADDING)
    assert ids[:100_000].tolist() == list(range(1, 100_001))
    assert np.array_equal(ids[:100_000], ids[100_000:])
    assert words_of(table)[1:] == [word.encode() for word in words]
    assert (table.counts[1:] == 2).all()


@pytest.mark.parametrize("make", [*([CompiledTokens] if COMPILES else []), PlainTokens])
def test_words_that_share_a_hash_stay_apart(make: Callable[[], tokens.Tokens]) -> None:
    # Two words of the same length that differ only in the middle.
    table = make()
    ids = table.add(b"aaaaaaaaXaaaaaaaa aaaaaaaaYaaaaaaaa aaaaaaaaXaaaaaaaa" + PADDING)
    assert ids.tolist() == [1, 2, 1]


@pytest.mark.parametrize("part", [1, 3, 1000])
def test_ties_are_ordered_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(vocabulary, "PART_WORDS", part)
    monkeypatch.setattr(words_module, "_WORDS_COPIED", part)
    text = "zz é a longprefix2 longprefix1 longprefix10 b b".encode()
    with encode_text(tmp_path, text) as corpus:
        assert corpus.vocabulary.words == ["b", "a", "longprefix1", "longprefix10", "longprefix2", "zz", "é"]


def test_nothing_is_left_behind_when_reading_fails(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        encode_text(tmp_path, b"good words " * 100 + b"\xff")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


def test_an_error_of_a_worker_is_raised_and_no_more_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(self: object, data: bytes) -> np.ndarray:
        raise MemoryError("no room")

    monkeypatch.setattr(CompiledTokens if COMPILES else PlainTokens, "add", fail)
    with pytest.raises(MemoryError, match="no room"):
        encode_text(tmp_path, b"some words " * 1000)


@pytest.mark.parametrize(
    ("text", "min_count", "message"),
    [(b"", 1, "there are no words in"), (b" \n\n ", 1, "no words in"), (b"a b a", 3, "no word occurs 3 times")],
)
def test_a_corpus_without_words_is_refused(tmp_path: Path, text: bytes, min_count: int, message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        encode_text(tmp_path, text, min_count)


def test_raw_prose_is_noticed(tmp_path: Path) -> None:
    with encode_text(tmp_path, b"This, surely, is prose. . -\n") as corpus:
        assert corpus.untokenised_share == pytest.approx(3 / 6)  # tokens of punctuation alone do not count


def test_progress_reaches_the_end_of_both_passes(tmp_path: Path) -> None:
    path = tmp_path / "corpus.gz"
    path.write_bytes(gzip.compress(b"some words\n" * 1000))
    seen: list[tuple[str, int, int | None]] = []
    with encode(Texts([str(path)]), 1, None, 1, tmp_path, lambda *args: seen.append(args), 1000):
        size = path.stat().st_size
        assert [item for item in seen if item[0] == "count"][-1] == ("count", size, size)
        last = seen[-1]
        assert last[0] == "encode" and last[1] == last[2]


def test_the_plain_table_is_used_without_numba(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "make_tokens", PlainTokens)
    words, counts, ids, _ = expected(b"a b a\nc a b", 1, None)
    with encode_text(tmp_path, b"a b a\nc a b") as corpus:
        assert (corpus.vocabulary.words, corpus.vocabulary.counts.tolist()) == (words, counts)
        assert corpus.read(0, 6)[0].tolist() == ids


def test_real_text_in_one_line_of_a_hundred_megabytes(tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    if not COMPILES:
        pytest.skip("the plain table takes a minute for this text")
    path = shared_data("enwiki-100m.txt.gz")
    with encode(Texts([str(path)]), 5, None, 2, tmp_path) as corpus:
        # gensim's build_vocab with min_count=5 finds the same numbers.
        assert len(corpus.vocabulary) == 67_889
        assert (corpus.token_count, corpus.raw_token_count) == (16_694_578, 16_938_130)
        assert corpus.vocabulary.counts.sum() == corpus.token_count
        assert corpus.vocabulary.words[:3] == ["the", "of", "and"]
