"""A corpus may be a folder or a pattern of names, and a resumed run reads the same files again."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

import w2v_cli as w2v
from w2v_cli.cli.main import run
from w2v_cli.corpus.files import corpus_files
from w2v_cli.errors import CorpusError

FILES = ["b.txt", "a.txt", "deep/er/c.txt.gz", "deep/d.TXT", "notes.md", ".hidden.txt", ".git/e.txt", "odd[1].txt"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        path = Path("texts", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"word{path.name[0]} again word{path.name[0]}\n".encode() * 9
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    Path("empty").mkdir()


@pytest.mark.parametrize(
    ("path", "suffix", "found"),
    [
        ("texts", None, ["a.txt", "b.txt", "deep/d.TXT", "deep/er/c.txt.gz", "notes.md", "odd[1].txt"]),
        ("texts/", ".txt", ["a.txt", "b.txt", "deep/d.TXT", "deep/er/c.txt.gz", "odd[1].txt"]),
        ("texts", "gz", ["deep/er/c.txt.gz"]),
        ("texts", "md", ["notes.md"]),
        ("texts/*.txt", None, ["a.txt", "b.txt", "odd[1].txt"]),
        ("texts/?.txt", None, ["a.txt", "b.txt"]),
        ("texts/**", None, ["a.txt", "b.txt", "deep/d.TXT", "deep/er/c.txt.gz", "notes.md", "odd[1].txt"]),
        ("texts/**/*.txt*", None, ["a.txt", "b.txt", "deep/er/c.txt.gz", "odd[1].txt"]),
        ("texts/d*", ".txt", ["deep/d.TXT", "deep/er/c.txt.gz"]),
        ("texts/[ab].txt", None, ["a.txt", "b.txt"]),
        ("texts/odd[1].txt", None, ["odd[1].txt"]),
        ("texts/notes.md", ".txt", ["notes.md"]),
    ],
)
def test_folders_and_patterns_are_files_in_order(path: str, suffix: str | None, found: list[str]) -> None:
    assert corpus_files([path], suffix) == [f"texts/{name}" for name in found]


def test_files_and_stdin_stay_where_they_are() -> None:
    assert corpus_files(["none.txt", "-", "texts/b.txt", "texts/*.md"]) == [
        *["none.txt", "-", "texts/b.txt", "texts/notes.md"]
    ]


@pytest.mark.parametrize(
    ("path", "suffix", "message"),
    [
        ("empty", None, "there are no files in the folder empty"),
        ("texts", ".csv", "there are no files in the folder texts whose name ends in .csv"),
        ("texts/*.csv", None, r"no file matches texts/\*\.csv"),
        ("texts/*.md", "txt", r"no file matches texts/\*\.md whose name ends in txt"),
    ],
)
def test_nothing_found_is_an_error(path: str, suffix: str | None, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        corpus_files([path], suffix)


def test_a_link_that_leads_nowhere_is_not_left_out_silently() -> None:
    Path("texts/broken.txt").symlink_to("nothing")
    with pytest.raises(CorpusError, match=r"broken\.txt cannot be read"):
        w2v.train("texts", threads=1)


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        run(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_commands_and_python_take_them(capfd: pytest.CaptureFixture[str]) -> None:
    assert call("vocab", "texts", "--suffix", ".txt", "-q") == 0
    words = {line.split("\t")[0] for line in capfd.readouterr().out.splitlines()}
    assert words == {"again", "worda", "wordb", "wordc", "wordd", "wordo"}
    assert call("phrases", "texts/?.txt", "-o", "joined.txt", "-q") == 0
    assert Path("joined.txt").read_text().count("again") == 18
    options: Any = {"dim": 2, "epochs": 1, "threads": 1, "min_count": 1}
    assert set(w2v.train(Path("texts"), suffix=".txt", **options).words) == words
    assert set(w2v.train(["texts/a*", "texts/notes.md"], **options).words) == {"again", "worda", "wordn"}
    assert call("vocab", "empty") == 3 and "hidden files are not read" in capfd.readouterr().err


def test_a_resumed_run_reads_the_files_that_it_was_begun_with(capfd: pytest.CaptureFixture[str]) -> None:
    train = ["train", "texts", "--suffix", "txt", "--dim", "2", "--min-count", "1", "--threads", "1", "-q"]
    assert call(*train, "--epochs", "1", "--checkpoint", "run", "-o", "model") == 0
    assert call("train", "texts", "--suffix", "txt", "--resume", "run", "-o", "model", "-q", "--epochs", "2") == 0
    Path("texts/new.txt").write_text("other words\n")
    assert call("train", "--resume", "run", "-o", "model", "-q", "--epochs", "3") == 0
    assert "other" not in w2v.load("model")
    capfd.readouterr()
    assert call("train", "texts", "--suffix", "txt", "--resume", "run", "-o", "model", "-q") == 2
    error = capfd.readouterr().err
    assert "the corpus is not what the run was begun with" in error and "begin a run with --init" in error
