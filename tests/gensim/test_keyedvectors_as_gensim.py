"""Every method of KeyedVectors against gensim's own on the same vectors; skipped where gensim is not installed.

Numbers must agree to 1e-6: gensim computes in float32, whose last digit is worth 6e-8 near 1.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.gensim import KeyedVectors

theirs = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is not installed: pip install '.[bench]'")

TOLERANCE = 1e-6
# Words of all kinds of frequency; some differ only in case.
WORDS = [*(f"word{i}" for i in range(56)), "Word3", "WORD7", "naïve", "Straße"]


class Pair:
    """The same vectors in gensim's class and in ours."""

    def __init__(self, seed: int, dtype: Any = np.float32) -> None:
        self.random = np.random.default_rng(seed)
        dim = int(self.random.integers(2, 40))
        # A common direction, as trained vectors have it, in some of them.
        matrix = self.random.normal(size=(len(WORDS), dim)) + self.random.normal(size=dim) * (seed % 3)
        matrix *= self.random.uniform(0.1, 5, (len(WORDS), 1))
        self.ours, self.gensim = KeyedVectors(dim, dtype=dtype), theirs.KeyedVectors(dim, dtype=dtype)
        for vectors in (self.ours, self.gensim):
            vectors.add_vectors(WORDS, matrix.astype(dtype))
            for row, word in enumerate(WORDS):
                vectors.set_vecattr(word, "count", int(1000 / (row % 20 + 1)))

    def some(self, count: int) -> list[str]:
        """Return distinct random words."""
        return [str(word) for word in self.random.choice(WORDS, count, replace=False)]

    def both(self, ask: Callable[[Any], Any]) -> None:
        """Require the same answer of both, or an error of the same class."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = ask(self.gensim)
            except Exception as error:
                with pytest.raises(type(error)):
                    ask(self.ours)
                return
            agree(ask(self.ours), expected)


def agree(ours: Any, expected: Any) -> None:
    """Require equal keys in equal order, and numbers that agree to the tolerance."""
    if isinstance(expected, dict):
        assert ours.keys() == expected.keys()
        for key in expected:
            agree(ours[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(ours) == len(expected), (ours, expected)
        for one, other in zip(ours, expected, strict=True):
            agree(one, other)
    elif isinstance(expected, np.ndarray):
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours, expected, rtol=TOLERANCE, atol=TOLERANCE)
    elif isinstance(expected, float | np.floating):
        assert float(ours) == pytest.approx(float(expected), rel=TOLERANCE, abs=TOLERANCE)
    else:
        assert ours == expected


@pytest.fixture(params=range(12))
def pair(request: pytest.FixtureRequest) -> Pair:
    return Pair(request.param)


# Questions of `most_similar`, by the number of words that they take.
QUESTIONS: dict[str, tuple[int, Callable[..., dict[str, Any]]]] = {
    "a word": (1, lambda a: {"positive": a}),
    "a list": (1, lambda a: {"positive": [a]}),
    "an analogy": (3, lambda a, b, c: {"positive": [b, c], "negative": [a], "topn": 5}),
    "many": (7, lambda *w: {"positive": list(w[:4]), "negative": list(w[4:]), "topn": 17}),
    "weights": (3, lambda a, b, c: {"positive": [(a, 0.3), b], "negative": [(c, -0.5)]}),
    "negative only": (2, lambda a, b: {"negative": [a, b]}),
    "a row": (1, lambda a: {"positive": [3, a]}),
    "a numpy row": (1, lambda a: {"positive": [np.int64(5)], "negative": a}),
    "all rows": (2, lambda a, b: {"positive": [a], "negative": [b], "topn": None}),
    "no answers": (1, lambda a: {"positive": a, "topn": 0}),
    "numpy's no answers": (1, lambda a: {"positive": a, "topn": np.uint8(0)}),
    "negative topn": (1, lambda a: {"positive": a, "topn": -3}),
    "every answer": (1, lambda a: {"positive": a, "topn": 1000}),
    "first rows": (2, lambda a, b: {"positive": [a, b], "restrict_vocab": 20}),
    "a clip": (2, lambda a, b: {"positive": [a, b], "clip_start": 11, "clip_end": 31}),
    "a clip of all rows": (2, lambda a, b: {"positive": [a], "topn": None, "clip_start": 11, "clip_end": 31}),
    "no end": (1, lambda a: {"positive": a, "clip_start": 40}),
    "unknown": (1, lambda a: {"positive": [a, "unknown"]}),
    "unknown row": (1, lambda a: {"positive": [a, 60]}),
    "nothing": (0, lambda: {}),
    "empty": (0, lambda: {"positive": [], "negative": []}),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_most_similar(pair: Pair, name: str) -> None:
    count, question = QUESTIONS[name]
    arguments = question(*pair.some(count))
    pair.both(lambda vectors: vectors.most_similar(**arguments))


def test_most_similar_of_vectors(pair: Pair) -> None:
    dim = pair.ours.vector_size
    vector, other = pair.random.normal(size=(2, dim)).astype(np.float32)
    (word,) = pair.some(1)
    pair.both(lambda vectors: vectors.most_similar(vector))
    pair.both(lambda vectors: vectors.most_similar([vector, word], [other]))
    pair.both(lambda vectors: vectors.most_similar([(vector, 0.3), word], [other], topn=None))
    pair.both(lambda vectors: vectors.most_similar(np.array([vector, other])))
    pair.both(lambda vectors: vectors.similar_by_vector(vector, topn=4, restrict_vocab=30))
    pair.both(lambda vectors: vectors.similar_by_word(word, topn=4))
    pair.both(lambda vectors: vectors.similar_by_key(word, 6, 30))
    pair.both(lambda vectors: vectors.similar_by_key(4))
    pair.both(lambda vectors: vectors.similar_by_word("unknown"))


def ask_cosmul(arguments: dict[str, Any], vectors: Any) -> Any:
    return vectors.most_similar_cosmul(**arguments)


def test_most_similar_cosmul(pair: Pair) -> None:
    a, b, c, d = pair.some(4)
    vector = pair.random.normal(size=pair.ours.vector_size).astype(np.float32)
    # A vector of length 1, so that no similarity is so small that float32 decides the product.
    vector /= np.linalg.norm(vector)
    questions: list[dict[str, Any]] = [
        {"positive": a},
        {"positive": [a, b], "negative": c},
        {"positive": [a, b], "negative": [c], "topn": None},
        {"positive": [a, b, vector], "topn": 3},
        {"positive": [a], "restrict_vocab": 10},
        {"positive": a, "topn": 0},
        {"positive": "unknown"},
        {"negative": d},
    ]
    for arguments in questions:
        pair.both(functools.partial(ask_cosmul, arguments))


def test_similarities_and_distances(pair: Pair) -> None:
    a, b, c, d, e = pair.some(5)
    vector = pair.random.normal(size=pair.ours.vector_size).astype(np.float32)
    for ask in [
        lambda v: v.similarity(a, b),
        lambda v: v.similarity(a, a),
        lambda v: v.similarity(a, "unknown"),
        lambda v: v.distance(a, b),
        lambda v: v.distance(a, a),
        lambda v: v.distances(a),
        lambda v: v.distances(a, [b, c]),
        lambda v: v.distances(vector, (b, c)),
        lambda v: v.distances(vector),
        lambda v: v.distances("unknown"),
        lambda v: v.distances(a, ["unknown"]),
        lambda v: v.n_similarity([a, b], [c]),
        lambda v: v.n_similarity([a, "unknown"], [c, d]),
        lambda v: v.n_similarity(["unknown"], [c, d]),
        lambda v: v.n_similarity([], [c]),
        lambda v: v.cosine_similarities(vector, v.vectors[:5]),
        lambda v: v.most_similar_to_given(a, [b, c, d]),
        lambda v: v.most_similar_to_given(a, []),
        lambda v: v.most_similar_to_given(a, ["unknown"]),
        lambda v: v.closer_than(a, b),
        lambda v: v.closer_than(a, a),
        lambda v: v.closer_than(a, "unknown"),
        lambda v: v.rank(a, b),
        lambda v: v.rank(3, 7),
        lambda v: v.rank(a, a),
        lambda v: v.rank_by_centrality([a, b, c, d]),
        lambda v: v.rank_by_centrality([a, b, c, d], use_norm=False),
        lambda v: v.rank_by_centrality([a, "unknown"]),
        lambda v: v.rank_by_centrality(["unknown"]),
        lambda v: v.rank_by_centrality([]),
        lambda v: v.doesnt_match([a, b, c, d, e]),
        lambda v: v.doesnt_match([a, b, "unknown"]),
        lambda v: v.doesnt_match([]),
        lambda v: v.relative_cosine_similarity(a, b),
        lambda v: v.relative_cosine_similarity(a, b, topn=3),
        lambda v: v.relative_cosine_similarity(a, b, topn=0),
        lambda v: v.words_closer_than(a, b),
    ]:
        pair.both(ask)


def test_vectors_of_keys(pair: Pair) -> None:
    a, b, c = pair.some(3)
    vector = pair.random.normal(size=pair.ours.vector_size).astype(np.float32)
    for ask in [
        lambda v: v[a],
        lambda v: v[[a, b, 4]],
        lambda v: v[(a, b)],
        lambda v: v[7],
        lambda v: v[np.int32(7)],
        lambda v: v["unknown"],
        lambda v: v[60],
        lambda v: v[-1],
        lambda v: v[[a, "unknown"]],
        lambda v: v[[]],
        lambda v: v.get_vector(a),
        lambda v: v.get_vector(a, norm=True),
        lambda v: v.get_vector("unknown", norm=True),
        lambda v: v.get_vector(a).flags.writeable,
        lambda v: v.word_vec(a, norm=True),
        lambda v: v.get_mean_vector([a, b, "unknown"]),
        lambda v: v.get_mean_vector([a, b, "unknown"], ignore_missing=False),
        lambda v: v.get_mean_vector([a, b], weights=[0.3, -2]),
        lambda v: v.get_mean_vector([a, b], weights=np.array([0.3, -2])),
        lambda v: v.get_mean_vector([a, b], weights=[1]),
        lambda v: v.get_mean_vector([a, vector], pre_normalize=False),
        lambda v: v.get_mean_vector([a, vector], post_normalize=True),
        lambda v: v.get_mean_vector(v.vectors[:4]),
        lambda v: v.get_mean_vector(["unknown"]),
        lambda v: v.get_mean_vector([]),
        lambda v: v.get_normed_vectors(),
        lambda v: (v.fill_norms(), v.norms)[1],
        lambda v: (v.unit_normalize_all(), v.vectors, v.norms.tolist())[1:],
        lambda v: (a in v, 3 in v, 60 in v, "unknown" in v, v.has_index_for(b), v.has_index_for("unknown")),
        lambda v: (v.get_index(a), v.get_index(5), v.get_index("unknown", 9), v.get_index(a, 9)),
        lambda v: v.get_index("unknown"),
        lambda v: (len(v), str(v), v.vector_size, v.index_to_key, v.key_to_index, v.next_index),
        lambda v: (v.vectors.dtype, v.vectors.shape, sorted(v.expandos), v.mapfile_path),
        lambda v: v.get_vecattr(c, "count"),
        lambda v: v.get_vecattr(c, "unknown"),
        lambda v: v.get_vecattr("unknown", "count"),
        lambda v: v.set_vecattr(c, "count", "many"),
    ]:
        pair.both(ask)


def state(vectors: Any) -> tuple[Any, ...]:
    """Return all that can be seen of vectors."""
    attributes = {name: values.tolist() for name, values in vectors.expandos.items()}
    return vectors.index_to_key, vectors.key_to_index, vectors.vectors, attributes


def test_changes(pair: Pair) -> None:
    a, b = pair.some(2)
    rows = pair.random.normal(size=(3, pair.ours.vector_size))
    for change in [
        lambda v: v.add_vectors("new", rows[0]),
        lambda v: v.add_vectors(["new2", a], rows[:2].astype(np.float32)),
        lambda v: v.add_vectors(["new3", a], rows[:2], replace=True),
        lambda v: v.add_vectors(["new4", "new5"], list(rows[:2])),
        lambda v: v.__setitem__(b, rows[2]),
        lambda v: v.__setitem__([a, "new6"], list(rows[:2])),
        lambda v: v.set_vecattr(a, "weight", 0.5),
        lambda v: v.set_vecattr(a, "tag", "noun"),
        lambda v: v.add_vector("new7", rows[1]),
        lambda v: v.sort_by_descending_frequency(),
        lambda v: v.allocate_vecattrs(["flag"], [bool]),
        lambda v: v.index_to_key.append("new8"),
        lambda v: v.resize_vectors(seed=3),
    ]:
        pair.both(change)
        # gensim grows attributes only when one is set, and keeps norms that do not fit any more.
        for vectors in (pair.ours, pair.gensim):
            vectors.allocate_vecattrs()
        pair.gensim.norms = None
        agree(state(pair.ours), state(pair.gensim))


def test_vectors_for_all(pair: Pair) -> None:
    a, b, c = pair.some(3)
    pair.both(lambda v: state(v.vectors_for_all([a, "unknown", b, a, 3])))
    pair.both(lambda v: state(v.vectors_for_all([a, b, c], allow_inference=False, copy_vecattrs=True)))
    pair.both(lambda v: v.vectors_for_all(["unknown"]).vectors.shape)


def test_reserved_rows() -> None:
    ours, gensim = KeyedVectors(3, 4), theirs.KeyedVectors(3, 4)
    for vectors in (ours, gensim):
        assert [vectors.add_vector(word, [1, 2, row]) for row, word in enumerate(["a", "b"])] == [0, 1]
    agree(state(ours), state(gensim))
    assert ours.next_index == gensim.next_index == 2
    # Rows without a key are no answers; gensim gives them as None.
    assert ours.most_similar("a", topn=5) == [("b", pytest.approx(gensim.similarity("a", "b")))]


def write_questions(path: Path, random: np.random.Generator) -> Path:
    """Write analogies of known and unknown words, of words that differ in case, and lines that are no questions."""
    lines = []
    for section in range(4):
        lines.append(f": section {section}")
        for _ in range(25):
            words = random.choice([*WORDS, "unknown"], 4)
            lines.append(" ".join(words))
        lines += ["three words only", ""]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"case_insensitive": False},
        {"dummy4unknown": True},
        {"restrict_vocab": 30},
        {"restrict_vocab": 58, "dummy4unknown": True},
        {"similarity_function": "most_similar_cosmul"},
    ],
    ids=str,
)
def test_analogies(pair: Pair, tmp_path: Path, options: dict[str, Any]) -> None:
    path = write_questions(tmp_path / "questions.txt", pair.random)
    # Questions that the vectors answer rightly, too.
    a, b, c = (pair.gensim[word] for word in WORDS[:3])
    for vectors in (pair.ours, pair.gensim):
        vectors.add_vectors(
            ["answer"], np.array([b / np.linalg.norm(b) - a / np.linalg.norm(a) + c / np.linalg.norm(c)])
        )
        vectors.fill_norms(force=True)
    with path.open("a") as file:
        file.write(": right\nword0 word1 word2 answer\nWORD0 Word1 word2 Answer\n")
    pair.both(lambda vectors: vectors.evaluate_word_analogies(str(path), **options))


def test_analogies_without_a_section_are_refused(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text("a b c d\n")
    pair.both(lambda vectors: vectors.evaluate_word_analogies(tmp_path / "questions.txt"))
    pair.both(lambda vectors: vectors.evaluate_word_analogies(tmp_path / "missing.txt"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"case_insensitive": False},
        {"dummy4unknown": True},
        {"restrict_vocab": 30},
        {"delimiter": ","},
        {"encoding": "latin-1"},
    ],
    ids=str,
)
def test_word_pairs(pair: Pair, tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "pairs.tsv"
    words = [*WORDS, "unknown"]
    lines = ["# a comment", "no rating here", "word1\tword2\tthree"]
    for one, other in zip(pair.random.choice(words, 60), pair.random.choice(words, 60), strict=True):
        lines.append(f"{one}\t{other}\t{pair.random.integers(0, 10)}")
    path.write_text(
        "\n".join(lines).replace("\t", options.get("delimiter", "\t")) + "\n", options.get("encoding", "utf8")
    )
    pair.both(lambda vectors: tuple(map(tuple, vectors.evaluate_word_pairs(str(path), **options)[:2])))
    pair.both(lambda vectors: vectors.evaluate_word_pairs(str(path), **options)[2])


def test_no_word_pairs(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("unknown\tword1\t3\n")
    pair.both(lambda vectors: vectors.evaluate_word_pairs(str(tmp_path / "pairs.tsv")))
    pair.both(lambda vectors: vectors.evaluate_word_pairs(str(tmp_path / "missing.tsv")))


@pytest.mark.parametrize("norm", [True, False])
def test_word_movers_distance(pair: Pair, norm: bool) -> None:
    pytest.importorskip("ot", reason="POT is not installed")
    one, other = pair.some(5), pair.some(7)
    pair.both(lambda vectors: vectors.wmdistance([*one, one[0], "unknown"], other, norm=norm))
    pair.both(lambda vectors: vectors.wmdistance(one, one[::-1], norm=norm))
    pair.both(lambda vectors: vectors.wmdistance(one[:1], one[:1], norm=norm))
    pair.both(lambda vectors: vectors.wmdistance(["unknown"], other, norm=norm))
    pair.both(lambda vectors: vectors.wmdistance([], other, norm=norm))


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_types_of_numbers(dtype: Any) -> None:
    pair = Pair(3, dtype)
    # float16 has three digits.
    rel = 3e-3 if dtype is np.float16 else TOLERANCE
    for ask in [lambda v: v.most_similar("word1", topn=None), lambda v: v.similarity("word1", "word2")]:
        assert ask(pair.ours) == pytest.approx(ask(pair.gensim), rel=rel, abs=rel)
    assert pair.ours["word1"].dtype == dtype


OPTIONS = [
    {"binary": binary, "prefix": prefix, "write_header": write_header}
    for binary, prefix, write_header in itertools.product((False, True), ("", "*dt_"), (True, False))
]


# gensim leaves files without a first line open.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_files_are_read_by_each_other(tmp_path: Path, options: dict[str, Any]) -> None:
    pair = Pair(1)
    ours, gensim = str(tmp_path / "ours"), str(tmp_path / "gensim")
    pair.ours.save_word2vec_format(ours, fvocab=f"{ours}.vocab", **options)
    pair.gensim.save_word2vec_format(gensim, fvocab=f"{gensim}.vocab", **options)
    assert Path(f"{ours}.vocab").read_text() == Path(f"{gensim}.vocab").read_text()
    binary, has_header = options["binary"], options["write_header"]
    if binary and not has_header:
        with pytest.raises(NotImplementedError):
            KeyedVectors.load_word2vec_format(ours, binary=True, no_header=True)
        return
    reading: dict[str, Any] = {"binary": binary, "no_header": not has_header}
    for extra in ({}, {"fvocab": f"{ours}.vocab"}, {"limit": 7}, {"datatype": np.float64}):
        states = [
            state(cls.load_word2vec_format(path, **reading, **extra))
            for path in (ours, gensim)
            for cls in (KeyedVectors, theirs.KeyedVectors)
        ]
        for other in states[1:]:
            agree(states[0], other)
            # float64 may tell nine digits from the fewest that restore a float32, which gensim writes.
            assert np.array_equal(states[0][2].astype(np.float32), other[2].astype(np.float32))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    pair = Pair(1)
    whole = {}
    for name, binary in (("text", False), ("binary", True)):
        pair.gensim.save_word2vec_format(str(tmp_path / name), binary=binary)
        whole[name] = (tmp_path / name).read_bytes()
    cases = {
        "text": [b"", b"a 1 2\n", whole["text"][:-400], b"2 3\na 1 2 3\nb 1 2\n", b"1 1\n\xff 1\n", b"1 1\na b\n"],
        "binary": [b"", b"a 1 2\n", whole["binary"][:-400], b"1 1\n\xff \0\0\x80\x3f"],
    }
    path = tmp_path / "bad"
    for name, contents in cases.items():
        for content in contents:
            path.write_bytes(content)
            with pytest.raises((ValueError, EOFError)) as expected:
                theirs.KeyedVectors.load_word2vec_format(str(path), binary=name == "binary")
            kind = next(kind for kind in (UnicodeDecodeError, EOFError, ValueError) if isinstance(expected.value, kind))
            with pytest.raises(kind):
                KeyedVectors.load_word2vec_format(str(path), binary=name == "binary")
    for cls in (KeyedVectors, theirs.KeyedVectors):
        with pytest.raises(FileNotFoundError):
            cls.load_word2vec_format(str(tmp_path / "missing"))


def test_words_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes("2 1\nna\u00efve 1\nstra\u00dfe 2\n".encode("latin-1"))
    every: list[dict[str, Any]] = [{"encoding": "latin-1"}, {"unicode_errors": "ignore"}, {"unicode_errors": "replace"}]
    for options in every:
        ours, gensim = (cls.load_word2vec_format(str(path), **options) for cls in (KeyedVectors, theirs.KeyedVectors))
        agree(state(ours), state(gensim))


def test_appended_files(tmp_path: Path) -> None:
    pair = Pair(2)
    for vectors, name in ((pair.ours, "ours"), (pair.gensim, "gensim")):
        path, vocabulary = str(tmp_path / name), str(tmp_path / f"{name}.vocab")
        vectors.save_word2vec_format(path, vocabulary, total_vec=2 * len(vectors), prefix="a_")
        vectors.save_word2vec_format(path, vocabulary, prefix="b_", write_header=False, append=True)
    assert (tmp_path / "ours.vocab").read_text() == (tmp_path / "gensim.vocab").read_text()
    ours, gensim = (cls.load_word2vec_format(str(tmp_path / "ours")) for cls in (KeyedVectors, theirs.KeyedVectors))
    assert len(ours) == 2 * len(pair.ours)
    agree(state(ours), state(gensim))


def test_another_attribute_orders_a_file(tmp_path: Path) -> None:
    pair = Pair(2)
    for row, word in enumerate(WORDS):
        for vectors in (pair.ours, pair.gensim):
            vectors.set_vecattr(word, "weight", (row * 7) % 11 / 2)
    path = str(tmp_path / "vectors")
    pair.both(
        lambda vectors: (vectors.save_word2vec_format(path, sort_attr="weight"), Path(path).read_text().split()[2::7])[
            1
        ][:1]
    )
    pair.both(lambda vectors: vectors.save_word2vec_format(path, fvocab=path + ".vocab", sort_attr="none"))
    pair.both(lambda vectors: vectors.save_word2vec_format(path, sort_attr="none"))
    agree(KeyedVectors.load_word2vec_format(path).index_to_key, WORDS)


def test_intersection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # gensim 4.4 calls what numpy has removed.
    monkeypatch.setattr(np, "fromstring", lambda data, dtype: np.frombuffer(data, dtype))
    pair, path = Pair(2), str(tmp_path / "others")
    others = theirs.KeyedVectors(pair.ours.vector_size)
    others.add_vectors(["word3", "unknown", "word5"], np.arange(3 * others.vector_size).reshape(3, -1))
    for binary in (False, True):
        others.save_word2vec_format(path, binary=binary)
        for vectors in (pair.ours, pair.gensim):
            vectors.vectors_lockf = np.ones(len(vectors), np.float32)
            vectors.intersect_word2vec_format(path, 0.25, binary)
        agree(state(pair.ours), state(pair.gensim))
        agree(pair.ours.vectors_lockf, pair.gensim.vectors_lockf)
    Pair(3).both(lambda vectors: vectors.intersect_word2vec_format(path))
