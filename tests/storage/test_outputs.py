"""Only the file that is named as output changes: no input, no other file, and nothing if two outputs are the same."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call, everything, load_vectors, make_model

import w2v_cli as w2v
from w2v_cli.config import TrainConfig
from w2v_cli.errors import ConfigError, LogFileError, ModelFileError, StoppedError, TrainingError
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.training.run import Observer, train_model

TEXT = "a b c d\n" * 50
FAST = ("--dim", "4", "--epochs", "1", "--min-count", "1", "--threads", "1", "--subsample", "0", "-q")
VECTORS = "3 2\na 1 0\nb 0 1\nc 1 1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text(TEXT)
    return tmp_path


def symlink(name: str, other: str) -> None:
    Path(other).symlink_to(name)


def in_a_linked_folder(name: str, other: str) -> None:
    Path("again").symlink_to(".")
    Path("again", other).symlink_to(name)


@pytest.mark.parametrize("alias", [os.link, symlink, in_a_linked_folder])
def test_two_names_of_one_file_are_one_file(alias: Callable[[str, str], None]) -> None:
    alias("corpus.txt", "other")
    for path in ("./corpus.txt", os.path.abspath("corpus.txt"), "other"):
        with pytest.raises(ConfigError, match=r"other \(the model\) would overwrite .* \(a text\)"):
            require_apart([Named("other", "the model")], [Named(path, "a text")])
    require_apart([Named("new", "the model")], [Named("corpus.txt", "a text")])


def test_a_url_of_this_machine_is_the_file_that_it_names(folder: Path) -> None:
    for output, source in (
        ("corpus.txt", "URL"),
        ("URL", "corpus.txt"),
        ("URL", "URL"),
        ("new", "NEW"),
        ("NEW", "new"),
    ):
        urls = {"URL": (folder / "corpus.txt").as_uri(), "NEW": (folder / "new").as_uri()}
        with pytest.raises(ConfigError, match="would overwrite"):
            require_apart([Named(urls.get(output, output), "it")], [Named(urls.get(source, source), "a text")])


def test_names_of_what_is_not_there_yet_are_compared_where_links_lead() -> None:
    Path("link").symlink_to("new")
    with pytest.raises(ConfigError, match=r"link \(one\) and \./new \(other\) are the same file"):
        require_apart([Named("link", "one"), Named("./new", "other")])
    require_apart([Named("link", "one"), Named("newer", "other")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "v.txt", "v.txt"], "v.txt (the output) would overwrite v.txt (the input)"),
        (["convert", "v.txt", "./v.txt"], "./v.txt (the output) would overwrite v.txt (the input)"),
        (["convert", "v_words.txt", "v.npy"], "v_words.txt (the words of v.npy) would overwrite v_words.txt"),
        (["convert", "v_words.txt.gz", "v.npy.gz"], "v_words.txt.gz (the words of v.npy.gz) would overwrite"),
        (["convert", "v_metadata.tsv", "v.tsv", "--from", "text"], "v_metadata.tsv (the words of v.tsv)"),
        (["convert", "linked", "v.npy"], "v_words.txt (the words of v.npy) would overwrite linked (the input)"),
        (["convert", "v.txt", "l.npy"], "l_words.txt (the words of l.npy) would overwrite v.txt (the input)"),
        (["convert", "v.txt", "t.npy"], "t.npy (the output) and t_words.txt (the words of t.npy) are the same file"),
        (["phrases", "corpus.txt", "-o", "corpus.txt"], "corpus.txt (the joined text) would overwrite"),
        (["phrases", "v.txt", "corpus.txt", "-o", "./corpus.txt"], "would overwrite corpus.txt (a text of the corpus)"),
        (["train", "corpus.txt", "-o", "corpus.txt"], "corpus.txt (the model) would overwrite corpus.txt (a text"),
        (["train", "corpus.txt", "--vocab", "v.tsv", "-o", "v.tsv"], "v.tsv (the model) would overwrite"),
        (["train", "corpus.txt", "--config", "c.toml", "-o", "c.toml"], "c.toml (the file of options)"),
        (["train", "corpus.txt", "--config", "v.toml", "-o", "v.tsv"], "v.tsv (the vocabulary)"),
        (["train", "m.partial.safetensors", "-o", "m.safetensors"], "m.partial.safetensors (the model if the run is"),
        (
            ["train", "corpus.txt", "--checkpoint", "run", "-o", "run/checkpoint-0.safetensors"],
            "run/checkpoint-0.safetensors (the model) and run/",
        ),
        (
            ["train", "corpus.txt", "--checkpoint", "run", "-o", "run"],
            "run (the model) and run (the checkpoint",
        ),
        (
            ["train", "D/ids.int32", "--checkpoint", "D"],
            "D/ids.int32 (a file of the checkpoint folder)",
        ),
        (["train", "corpus.txt", "--vocab", "D/ids.int32", "--checkpoint", "D"], "would overwrite"),
        (["train", "corpus.txt", "--config", "D/run.json", "--checkpoint", "D"], "D/run.json (the file of options)"),
    ],
)
def test_no_command_writes_over_its_input_or_one_output_over_another(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], message: str
) -> None:
    for name in ("v.txt", "v_words.txt", "v_metadata.tsv"):
        Path(name).write_text(VECTORS)
    Path("v_words.txt.gz").write_bytes(gzip.compress(VECTORS.encode()))
    Path("linked").symlink_to("v_words.txt")
    Path("l_words.txt").symlink_to("v.txt")
    Path("t.npy").symlink_to("nowhere")
    Path("t_words.txt").symlink_to("nowhere")
    Path("v.tsv").write_text("a\t9\nb\t8\n")
    Path("c.toml").write_text("dim = 4\n")
    Path("v.toml").write_text('vocab = "v.tsv"\n')
    Path("m.partial.safetensors").write_text(TEXT)
    Path("D").mkdir()
    Path("D/ids.int32").write_text("a 9\nb 8\n")
    Path("D/run.json").write_text("dim = 4\n")
    before = everything(folder)
    options = FAST if arguments[0] == "train" else ()
    code, out, err = call(capsys, *arguments, *options)
    assert (code, out) == (2, "") and message in err
    assert everything(folder) == before and not Path("run").exists()


def test_a_text_on_stdin_is_an_input(folder: Path) -> None:
    command = [sys.executable, "-m", "w2v_cli", "phrases", "-", "-o", "corpus.txt"]
    with open("corpus.txt") as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True)
    assert done.returncode == 2 and "corpus.txt (the joined text) would overwrite -" in done.stderr
    assert everything(folder) == {"corpus.txt": TEXT.encode()}


def test_python_does_not_write_over_what_it_has_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("v_words.txt").write_text(VECTORS)
    Path("words.tsv").write_text("a\t9\nb\t8\n")
    loaded, before = w2v.load("v_words.txt"), everything(folder)
    with pytest.raises(ConfigError, match=r"the words of v\.npy\) would overwrite .*v_words\.txt"):
        loaded.save("v.npy")
    with pytest.raises(ConfigError, match=r"would overwrite corpus\.txt"):
        w2v.train("corpus.txt", output="./corpus.txt", dim=4)
    with pytest.raises(ConfigError, match=r"would overwrite .*words\.tsv"):
        w2v.train("corpus.txt", output=Path("words.tsv"), vocab="words.tsv", dim=4)
    assert everything(folder) == before
    # It is still the same file when the working folder is another, where its relative name leads nowhere.
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    with pytest.raises(ConfigError, match="would overwrite"):
        loaded.save("../v.npy")


def test_a_model_may_be_saved_as_the_file_that_it_comes_from(folder: Path) -> None:
    w2v.Model.of(["a", "b"], np.eye(2, dtype=np.float32)).save("own.safetensors")
    loaded = w2v.load("own.safetensors")
    loaded.vectors[0] = [3, 4]
    loaded.save("./own.safetensors")
    assert w2v.load("own.safetensors").vectors.tolist() == [[3, 4], [0, 1]]
    url = (folder / "own.safetensors").as_uri()
    w2v.load(url).save(url)
    assert w2v.load(url).vectors.tolist() == [[3, 4], [0, 1]]


def test_an_object_may_be_saved_as_the_object_that_it_comes_from(memory: Any) -> None:
    for name in ("memory://b/own.safetensors", "memory:///b/own.safetensors"):
        w2v.Model.of(["a", "b"], np.eye(2, dtype=np.float32)).save("memory://b/own.safetensors")
        w2v.load("memory://b/own.safetensors").save(name)
    assert [*memory.store] == ["/b/own.safetensors"]


def test_python_takes_urls_of_this_machine_for_the_files_that_they_name(folder: Path) -> None:
    w2v.Model.of(["a", "b"], np.eye(2, dtype=np.float32)).save("own.safetensors")
    Path("notes.txt").write_text("precious")
    for link in ("map.svg", "map.html", "loss.svg"):
        Path(link).symlink_to("own.safetensors")
    before, loaded = everything(folder), w2v.load((folder / "own.safetensors").as_uri())
    for attempt in (
        lambda: w2v.train("corpus.txt", log=(folder / "corpus.txt").as_uri(), dim=4),
        lambda: w2v.train("corpus.txt", log=(folder / "notes.txt").as_uri(), dim=4),
        lambda: loaded.explore((folder / "map.html").as_uri()),
        lambda: loaded.plot((folder / "map.svg").as_uri()),
        lambda: w2v.plot_runs(["own.safetensors"], (folder / "loss.svg").as_uri()),
    ):
        with pytest.raises((ConfigError, LogFileError), match=r"would overwrite|exists and is not the log"):
            attempt()
    assert everything(folder) == before
    loaded.save((folder / "seen").as_uri(), format="projector")
    assert Path("seen", "vectors.tsv").is_file()


MODEL = w2v.Model.of(["a", "b", "c"], np.array([[1, 0], [0, 1], [1, 1]], np.float32))
FEWER = w2v.Model.of(["a", "b"], np.array([[1, 0], [0, 1]], np.float32))
COMPANIONS = {"v.npy": "v_words.txt", "v.tsv": "v_metadata.tsv"}
COMPANIONS |= {f"{name}.gz": f"{words}.gz" for name, words in COMPANIONS.items()}


@pytest.mark.parametrize(("name", "words"), COMPANIONS.items())
def test_a_list_of_words_is_replaced_with_the_numbers_it_belongs_to(
    capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    unpacked: Callable[[bytes], bytes] = gzip.decompress if name.endswith(".gz") else bytes
    for model in (MODEL, FEWER, MODEL):
        model.save(name)
        assert unpacked(Path(words).read_bytes()).decode().split() == list(model.words)
    Path("two.txt").write_text("2 1\nx 1\ny 2\n")
    assert call(capsys, "convert", "two.txt", name)[0] == 0
    assert unpacked(Path(words).read_bytes()) == b"x\ny\n"


@pytest.mark.parametrize(("name", "words"), COMPANIONS.items())
@pytest.mark.parametrize(
    "change",
    ["alone", "another", "longer", "unfinished", "columns", "carriage returns", "link", "folder", "damaged", "text"],
)
def test_a_file_that_is_not_the_list_of_words_of_the_output_is_not_replaced(
    capsys: pytest.CaptureFixture[str], folder: Path, name: str, words: str, change: str
) -> None:
    packed: Callable[[bytes], bytes] = gzip.compress if name.endswith(".gz") else bytes
    MODEL.save(name)
    companion, numbers = Path(words), Path(name)
    content = {"longer": b"a\nb\nc\nd\n", "unfinished": b"a\nb\nc", "columns": b"a\t1\nb\t2\nc\t3\n"}
    content |= {"carriage returns": b"a\r\nb\r\nc\r\n", "another": b"my notes\n"}
    if change in content:
        companion.write_bytes(packed(content[change]))
    elif change == "alone":
        numbers.unlink()
    elif change == "link":
        companion.rename("precious")
        companion.symlink_to("precious")
    elif change == "folder":
        companion.unlink()
        companion.mkdir()
    elif change == "damaged":
        numbers.write_bytes(b"\x1f\x8b\x08\x00 and no more")
    else:
        numbers.write_bytes(packed(b"three\nlines\nlong\n"))
    Path("two.txt").write_text("2 1\nx 1\ny 2\n")
    before = everything(folder)
    code, out, err = call(capsys, "convert", "two.txt", name)
    assert (code, out) == (3, "")
    if change != "folder":
        assert f"{words}, where the words of {name} would go, already exists and is not their word list" in err
        assert "Hint: remove or rename it, or give the output another name" in err
    with pytest.raises(ModelFileError):
        FEWER.save(name)
    assert everything(folder) == before


class StopAtOnce(Observer):
    """Stop a run before its first block."""

    def stop(self) -> bool:
        return True


def stop_a_run() -> None:
    config = TrainConfig(dim=4, epochs=10**8, min_count=1, threads=1, subsample=0.0, engine="reference")
    train_model(["corpus.txt"], config, output="m.safetensors", observer=StopAtOnce())


def test_the_model_of_a_stopped_run_replaces_that_of_an_earlier_one() -> None:
    for text in (TEXT, TEXT + "e f\n"):
        Path("corpus.txt").write_text(text)
        with pytest.raises(StoppedError, match=r"what was learnt so far is in m\.partial\.safetensors"):
            stop_a_run()
    assert sorted(load_vectors("m.partial.safetensors").words) == ["a", "b", "c", "d", "e", "f"]


def make_link(path: Path) -> None:
    with pytest.raises(StoppedError):
        stop_a_run()
    path.rename("precious")
    path.symlink_to("precious")


@pytest.mark.parametrize("make", [make_model, make_link, Path.mkdir, os.mkfifo, lambda path: path.write_text("notes")])
def test_a_run_that_could_not_be_stopped_without_losing_a_file_does_not_begin(
    folder: Path, make: Callable[[Path], object]
) -> None:
    make(Path("m.partial.safetensors"))
    before = everything(folder)
    with pytest.raises(TrainingError, match=r"m\.partial\.safetensors exists and was not left by a stopped run"):
        stop_a_run()
    assert everything(folder) == before
    # With a checkpoint folder, no such file is written.
    config = TrainConfig(dim=4, epochs=1, min_count=1, threads=1, subsample=0.0)
    train_model(["corpus.txt"], config, output="m.safetensors", checkpoint="run")
    assert {name: content for name, content in everything(folder).items() if name in before} == before
