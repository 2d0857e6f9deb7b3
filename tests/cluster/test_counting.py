"""Nodes that count the text in turn, in one process: the vocabulary and the ids are those of one machine."""

from __future__ import annotations

import gzip
from collections import Counter as Tally
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.cluster import nodes as nodes_module
from w2v_cli.cluster import passes as passes_module
from w2v_cli.cluster.backend import LostError
from w2v_cli.cluster.counter import Counter
from w2v_cli.cluster.local import LocalBackend, LocalCluster
from w2v_cli.cluster.nodes import cluster_passes
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import encode
from w2v_cli.corpus.spool import FILE_NAMES
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import CorpusError, TrainingError, W2VError
from w2v_cli.training.observer import Observer
from w2v_cli.training.run import train_model

Before = Callable[[int, str], None]


@dataclass
class Encoded:
    """What encoding a text has made, and said."""

    facts: tuple[Any, ...] = ()
    error: tuple[str, str | None] | None = None
    remarks: list[str] = field(default_factory=list)
    progress: list[tuple[str, int, int | None]] = field(default_factory=list)

    @property
    def said(self) -> list[str]:
        """The remarks about the text."""
        return [remark for remark in self.remarks if not remark.endswith(("count the text", "counts the text"))]


def encoded(
    paths: list[str],
    counters: int = 0,
    part_bytes: int = 3000,
    before: Before = lambda node, method: None,
    vocab: str | None = None,
    piece_bytes: int = 200,
    **options: Any,
) -> Encoded:
    """Encode texts on this machine, or by nodes in turn."""
    done = Encoded()
    texts = Texts(paths, TextOptions(**options), done.remarks.append)
    cluster = Small(counters, part_bytes, before, piece_bytes)
    folder = Path("ids")
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        passes = cluster_passes(cluster, texts, 1, done.remarks.append, stack) if counters else None
        assert counters == 0 or passes is not None
        try:
            with encode(
                texts, 2, None, 2, folder, lambda *now: done.progress.append(now), piece_bytes, True, vocab, passes
            ) as corpus:
                words = corpus.vocabulary.words
                done.facts = (
                    words.text.tobytes(), words.offsets.tolist(), corpus.vocabulary.counts.tolist(),
                    corpus.token_count, corpus.raw_token_count, corpus.fingerprint, corpus.untokenised_share,
                    *((folder / name).read_bytes() for name in FILE_NAMES),
                )  # fmt: skip
        except W2VError as error:
            done.error = error.message, error.hint
    return done


class Small:
    """A `Cluster` of nodes that take small pieces of text."""

    def __init__(self, counters: int, part_bytes: int | None, before: Before, piece_bytes: int) -> None:
        self._counters, self.part_bytes, self._before = counters, part_bytes, before
        self._piece_bytes = piece_bytes

    def replicas(self, *_: object) -> LocalBackend:
        raise NotImplementedError

    def counters(self, make: Callable[[int], Counter]) -> LocalBackend:
        def small(number: int) -> Counter:
            counter = make(1 + number % 2)
            counter._piece_bytes = self._piece_bytes + number
            return counter

        return LocalBackend(small, self._counters, self._before)


def lines(seed: int, count: int) -> str:
    rng = np.random.default_rng(seed)
    words = ["the", "Cat,", "été", "Σοφός", "日本", "x" * 40, "sat.", "on", "mat", "e\u0301t"]
    chosen = [words[i] for i in np.minimum(rng.geometric(0.3, count * 7), len(words)) - 1]
    spaces = rng.choice([" ", "  ", "\n", " \n", "\n\n", "\t"], count * 7, p=[0.7, 0.05, 0.1, 0.05, 0.05, 0.05])
    return "".join(word + space for word, space in zip(chosen, spaces, strict=True))


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Change to a folder with texts: a long one, one of a single line, short ones, and a compressed one."""
    monkeypatch.chdir(tmp_path)
    # Chunks of few ids, so that several are under way.
    monkeypatch.setattr(passes_module, "CHUNK_IDS", 100)
    Path("long.txt").write_text(lines(1, 400), newline="")
    Path("line.txt").write_text("\ufeff" + lines(2, 300).replace("\n", " ") + "end")
    Path("short.txt").write_text("a cat sat")
    Path("empty.txt").write_text("")
    Path("packed.txt.gz").write_bytes(gzip.compress(lines(3, 300).encode()))
    return ["long.txt", "short.txt", "empty.txt", "line.txt", "packed.txt.gz", "short.txt"]


@pytest.mark.parametrize("counters", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [{}, {"lower": True, "tokenize": "words", "normalize": "nfc"}, {"errors": "replace"}, {"unwrap": True}],
    ids=lambda options: "-".join(options),
)
def test_nodes_make_the_files_of_one_machine(corpus: list[str], counters: int, options: dict[str, Any]) -> None:
    alone = encoded(corpus, **options)
    assert alone.error is None and alone.facts
    for part_bytes in (700, 100_000):
        dealt = encoded(corpus, counters, part_bytes, **options)
        assert dealt.facts == alone.facts
        assert dealt.said == alone.remarks
    # Progress is in the same units, and reaches the same end.
    for phase in ("count", "encode"):
        own, other = ([now for now in run.progress if now[0] == phase] for run in (alone, dealt))
        assert other[-1][1] == other[-1][2]
        assert phase == "encode" or other[-1] == own[-1]


def test_a_given_vocabulary_is_used(corpus: list[str]) -> None:
    Path("words").write_text("mat 9\nCat, 5\nnone 3\nthe 2\n")
    alone = encoded(corpus, vocab="words")
    assert alone.facts and encoded(corpus, 2, vocab="words").facts == alone.facts


@pytest.mark.parametrize(
    "options", [{"encoding": "utf-16"}, {"encoding": "cp1251"}, {"field": "text"}, {"column": "text"}]
)
def test_files_that_cannot_be_cut_are_whole(options: dict[str, Any]) -> None:
    text = "".join(f"слово номер {number % 7} и ещё\n" for number in range(300))
    if "encoding" in options:
        for name in ("a", "b"):
            Path(name).write_text(text, options["encoding"])
    elif "field" in options:
        for name in ("a", "b"):
            Path(name).write_text("".join(f'{{"text": "{line}"}}\n' for line in text.splitlines()))
    else:
        parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
        for name in ("a", "b"):
            parquet.write_table(pyarrow.table({"text": text.splitlines()}), name)
    alone = encoded(["a", "b"], **options)
    dealt = encoded(["a", "b"], 2, 500, **options)
    assert alone.facts and (dealt.facts, dealt.said) == (alone.facts, alone.remarks)


METHODS = ["about", "begin", "count", "progress", "table", "know", "encode"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("when", [1, 2, 5, 12])
def test_a_node_that_is_lost_anywhere_changes_nothing(corpus: list[str], method: str, when: int) -> None:
    calls, lost = Tally[str](), list[int]()

    def kill(node: int, called: str) -> None:
        calls[called] += 1
        # The process is started again, but does not know what it has counted.
        if called == method and calls[called] == when:
            lost.append(node)
            raise LostError("killed")

    dealt = encoded(corpus, 3, 2000, kill)
    assert dealt.facts == encoded(corpus).facts
    killed = [remark for remark in dealt.remarks if "count" in remark and "killed" in remark]
    # A question about progress that is not answered costs nothing by itself.
    assert len(killed) == len(lost) * (method != "progress")


@pytest.mark.parametrize("method", ["about", "begin", "count", "table", "know", "encode"])
def test_this_machine_counts_if_all_nodes_are_lost(corpus: list[str], method: str) -> None:
    def kill(node: int, called: str) -> None:
        calls[called] += 1
        if called == method and calls[called] > 4 * (method == "encode"):
            raise LostError("killed")

    calls = Tally[str]()
    if method in ("about", "begin"):
        remarks = list[str]()
        with ExitStack() as stack:
            assert cluster_passes(Small(2, 900, kill, 64), Texts(corpus), 1, remarks.append, stack) is None
        assert remarks[:2] == ["Node 1 does not count: killed", "Node 2 does not count: killed"]
        return
    dealt = encoded(corpus, 2, 2000, kill)
    assert dealt.facts == encoded(corpus).facts
    assert "this machine counts the text alone" in dealt.remarks[-1]


@pytest.mark.parametrize("bad", ["long.txt", "line.txt", "packed.txt.gz"])
def test_errors_are_those_of_one_machine(corpus: list[str], bad: str) -> None:
    data = Path(bad).read_bytes()
    Path(bad).write_bytes(data[:-40] if bad.endswith("gz") else data[:3000].rstrip() + b" na\xefve\n" + data[3000:])
    alone, dealt = encoded(corpus, tokenize="words"), encoded(corpus, 2, 1500, tokenize="words")
    assert alone.error is not None and bad in alone.error[0]
    assert dealt.error == alone.error


def test_files_of_other_kinds_are_refused_in_the_same_words(corpus: list[str]) -> None:
    Path("long.txt").write_bytes(b"%PDF-1.7\n" + Path("long.txt").read_bytes())
    assert encoded(corpus, 2).error == encoded(corpus).error != None  # noqa: E711
    Path("none.txt").write_text("\n \n" * 2000)
    assert encoded(["none.txt"], 2).error == encoded(["none.txt"]).error != None  # noqa: E711


def test_damaged_bytes_are_counted_together(corpus: list[str]) -> None:
    data = Path("long.txt").read_bytes().replace(b"mat", b"m\xe9t\xff")
    Path("long.txt").write_bytes(data)
    alone, dealt = encoded(corpus, errors="ignore"), encoded(corpus, 3, 700, errors="ignore")
    assert (dealt.facts, dealt.said) == (alone.facts, alone.remarks)
    assert "ignored" in alone.remarks[-1]


def test_what_is_said_about_a_text_is_said_once_with_its_name() -> None:
    for name in ("a.txt", "b.txt"):
        Path(name).write_text("这是一个没有空格的很长的句子它应该先被切分成词然后才能训练\n" * 50)
    alone = encoded(["a.txt", "b.txt"], encoding="utf-8", errors="replace")
    dealt = encoded(["a.txt", "b.txt"], 2, 400, errors="replace")
    assert dealt.said == alone.remarks and len(alone.remarks) == 1
    for name in ("a.txt", "b.txt"):
        Path(name).write_text("тёплый день и ещё слово\n" * 50)
    alone, dealt = (encoded(["a.txt", "b.txt"], count, 400, encoding="cp1251", errors="replace") for count in (0, 2))
    assert sorted(dealt.said) == sorted(alone.remarks) and "a.txt looks like UTF-8" in " ".join(alone.remarks)


def test_a_fault_of_a_node_is_not_taken_for_one_of_the_text(corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    count, calls = Counter.count, Tally[str]()

    def failing(self: Counter, number: int, part: Any) -> Any:
        calls["count"] += 1
        if calls["count"] == 2:
            raise CorpusError("the disk of /tmp is full: the text is kept there as ids")
        return count(self, number, part)

    monkeypatch.setattr(Counter, "count", failing)
    dealt = encoded(corpus, 2, 2000)
    assert dealt.facts == encoded(corpus).facts
    assert any("no longer counts: the disk of /tmp is full" in remark for remark in dealt.remarks)


def test_a_node_with_another_text_is_named(corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    count = Counter.count

    def counts_another(self: Counter, number: int, part: Any) -> Any:
        (counted,) = count(self, number, part)
        return (counted._replace(checksum=counted.checksum ^ (part.first == 3)),)

    monkeypatch.setattr(Counter, "count", counts_another)
    error = encoded(corpus, 2).error
    assert error is not None and "has read another text than this machine in line.txt" in error[0]


def test_a_node_that_reads_nothing_is_given_up(corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second node never replies to its first part, and the clock makes a step at every look at it."""
    clock, ready = [0.0], LocalBackend.ready
    frozen = list[Any]()

    def call(self: LocalBackend, replica: int, call: Any) -> list[Any]:
        refs = original(self, replica, call)
        if replica == 1 and call.method == "count":
            frozen.extend(refs)
        return refs

    def never(self: LocalBackend, refs: Any, seconds: float) -> list[Any]:
        clock[0] += 1.0
        return [ref for ref in ready(self, refs, seconds) if not any(ref is other for other in frozen)]

    original = LocalBackend.call
    monkeypatch.setattr(LocalBackend, "call", call)
    monkeypatch.setattr(LocalBackend, "ready", never)
    monkeypatch.setattr(passes_module.time, "perf_counter", lambda: clock[0])
    dealt = encoded(corpus, 2, 2000)
    assert any("it has read nothing for 60 s" in remark for remark in dealt.remarks)
    monkeypatch.undo()
    monkeypatch.chdir(Path("long.txt").absolute().parent)


def test_a_node_that_does_not_see_the_text_is_named_and_does_not_count(
    corpus: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    about, asked = Counter.about, list[Counter]()

    def blind(self: Counter, sizes: Any) -> Any:
        asked.append(self)
        sight = about(self, sizes)[0]
        return (sight._replace(host="far", unseen=list(self._texts.paths[:2])) if len(asked) == 2 else sight,)

    monkeypatch.setattr(Counter, "about", blind)
    called = set[int]()
    dealt = encoded(corpus, 2, 2000, lambda node, method: called.add(node) if method == "count" else None)
    assert dealt.remarks[0] == "far cannot see long.txt and 1 other text, so the others count the text"
    assert called == {0}
    assert dealt.facts == encoded(corpus).facts


def test_nodes_elsewhere_must_see_the_text(corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is forced: a short text is counted here, and so is one that no other host sees."""
    remarks = list[str]()

    def passes(texts: Texts) -> object:
        with ExitStack() as stack:
            return cluster_passes(Small(2, None, lambda node, method: None, 64), texts, 1, remarks.append, stack)

    assert passes(Texts(corpus)) is None and remarks == []
    monkeypatch.setattr(nodes_module, "LEAST_BYTES", 10)
    assert passes(Texts(corpus)) is None and remarks == []
    about, seen = Counter.about, False

    def far(self: Counter, sizes: Any) -> Any:
        return (about(self, sizes)[0]._replace(host="far", unseen=[] if seen else [self._texts.paths[0]]),)

    monkeypatch.setattr(Counter, "about", far)
    assert passes(Texts(corpus)) is None
    assert remarks == ["far cannot see long.txt, so this machine alone counts the text"]
    seen = True
    assert passes(Texts(corpus)) is not None
    assert remarks[1:] == ["2 nodes count the text"]
    with open("long.txt") as file:
        assert passes(Texts([f"/dev/fd/{file.fileno()}"])) is None
    assert passes(Texts(["-"])) is None


def test_a_node_with_other_versions_is_refused(corpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    about = Counter.about
    monkeypatch.setattr(
        Counter, "about", lambda self, sizes: (about(self, sizes)[0]._replace(host="far", versions={"Python": "3.9"}),)
    )
    with pytest.raises(TrainingError, match=r"the node far has Python 3\.9 instead of"):
        encoded(corpus, 2)


@pytest.mark.parametrize("checkpoint", [None, "run"])
def test_a_run_writes_the_same_model(corpus: list[str], checkpoint: str | None) -> None:
    remarks = list[str]()

    class Listener(Observer):
        def remark(self, message: str) -> None:
            remarks.append(message)

    config = TrainConfig(dim=4, epochs=1, min_count=1, threads=1, subsample=0.0)
    train_model(corpus, config, output="alone")
    machine = LocalCluster(1, counters=2, part_bytes=2000)
    train_model(corpus, config, output="model", machine=machine, checkpoint=checkpoint, observer=Listener())
    assert Path("model").read_bytes() == Path("alone").read_bytes()
    assert "2 nodes count the text" in remarks
