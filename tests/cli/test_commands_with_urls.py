"""Every command with URLs in place of files."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call, call_for_lines

from w2v_cli.cli import progress
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.formats.model_file import save_model
from w2v_cli.storage import transfers

TRAIN = ("--dim", "4", "--epochs", "1", "--threads", "1", "--min-count", "1", "-q")


@pytest.fixture(autouse=True)
def folder(memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a text and a model, which memory:// has too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)
    Path("a.txt").write_text("new york is big\nrome is old\n" * 50)
    words, vectors = ["man", "woman", "king", "queen"], [[0, 1, 1], [0, -1, 1], [1, 1, 1], [1, -1, 1]]
    save_model("m.safetensors", words, np.array([4, 3, 2, 1]), {"input_vectors": np.array(vectors, np.float32)}, {})
    for name in ("a.txt", "m.safetensors"):
        memory.put_file(name, f"/{name}")


def both(capture: pytest.CaptureFixture[str], *arguments: str) -> None:
    """Check that a command says the same of `a.txt` and `m.safetensors`, whether they are files or URLs."""
    files = call(capture, *arguments)
    urls = call(
        capture, *(word if word.startswith("-") or "." not in word else f"memory://{word}" for word in arguments)
    )
    said, wanted = (
        # The copy in memory may be a second younger than the file.
        [re.sub(r"(?<=# written\t)\S+", "", text).replace("memory://", "") for text in texts]
        for texts in (urls[1:], files[1:])
    )
    assert said == wanted and files[0] == urls[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("vocab", "a.txt"),
        ("similar", "-m", "m.safetensors", "king"),
        ("analogy", "-m", "m.safetensors", "man", "king", "woman"),
        ("distance", "-m", "m.safetensors", "king", "queen"),
        ("info", "m.safetensors"),
    ],
)
def test_a_url_is_read_like_a_file(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> None:
    both(capsys, *arguments)


def test_gold_sets_may_be_urls(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    memory.pipe_file("/gold.txt", b": royal\nman king woman queen\n")
    code, lines, _ = call_for_lines(capsys, "eval", "memory://gold.txt", "-m", "memory://m.safetensors", "--json")
    assert code == 0 and json.loads(lines[0])["file"] == "memory://gold.txt"


def test_models_in_every_format_go_from_url_to_url(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("m.txt", "m.bin", "m.vec.gz", "m.tsv", "m.npy", "again.safetensors"):
        assert call(capsys, "convert", "memory://m.safetensors", f"memory://out/{name}")[0] == 0
        assert call(capsys, "convert", "m.safetensors", name)[0] == 0
        assert memory.cat_file(f"/out/{name}") == Path(name).read_bytes()
    assert memory.cat_file("/out/m_words.txt") == Path("m_words.txt").read_bytes()
    # The words beside the numbers are theirs, and may be replaced; others may not.
    assert call(capsys, "convert", "m.safetensors", "memory://out/m.npy")[0] == 0
    memory.pipe_file("/out/m_words.txt", b"somebody's notes")
    code, _, said = call(capsys, "convert", "m.safetensors", "memory://out/m.npy")
    assert code == 3 and "already exists and is not their word list" in said


def test_the_projector_needs_a_folder_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = call(capsys, "convert", "m.safetensors", "memory://look", "--format", "projector")
    assert code == 3 and "memory://look" in said and "folder of this machine" in said


def test_phrases_go_from_url_to_url(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--min-count", "5", "--threshold", "0.1", "-q")
    assert call(capsys, "phrases", "memory://a.txt", "-o", "memory://out/p.txt", *options)[0] == 0
    assert call(capsys, "phrases", "a.txt", "-o", "p.txt", *options)[0] == 0
    assert memory.cat_file("/out/p.txt") == Path("p.txt").read_bytes()


def test_training_goes_from_url_to_url_and_is_resumed(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = ("-o", "memory://out/m.safetensors")
    assert call(capsys, "train", "memory://*.txt", *model, *TRAIN, "--checkpoint", "memory://run")[0] == 0
    assert call(capsys, "train", "a.txt", "-o", "plain.safetensors", *TRAIN)[0] == 0
    assert memory.cat_file("/out/m.safetensors") == Path("plain.safetensors").read_bytes()
    memory.rm_file("/out/m.safetensors")
    code, _, said = call(capsys, "train", "--resume", "memory://run", *model)
    assert code == 0 and "Next: w2v similar -m memory://out/m.safetensors" in said
    assert memory.cat_file("/out/m.safetensors") == Path("plain.safetensors").read_bytes()
    code, out, _ = call(capsys, "info", "memory://run")
    assert code == 0 and "epochs = 1" in out and "w2v train --resume memory://run -o memory://out/m.safetensors" in out


def test_a_map_is_written_to_a_url(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "explore", "-m", "memory://m.safetensors", "-o", "memory://out/map.html", "-q")[0] == 0
    assert memory.cat_file("/out/map.html").startswith(b"<!DOCTYPE html>")


def test_a_curve_is_written_to_a_url(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert call(capsys, "plot", str(ROOT / "data/pictures/cbow.jsonl"), "-o", "memory://out/loss.svg")[0] == 0
    assert b"<svg" in memory.cat_file("/out/loss.svg")


def test_records_are_read_by_every_command_that_takes_a_corpus(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Path("a.txt").read_text().splitlines()
    memory.pipe_file("/a.jsonl", "".join(json.dumps({"text": line}) + "\n" for line in lines).encode())
    code, out, _ = call(capsys, "vocab", "memory://a.jsonl", "--field", "text", "-q")
    assert (code, out) == call(capsys, "vocab", "a.txt", "-q")[:2]
    for source, option in (("a.txt", ()), ("memory://a.jsonl", ("--field", "text"))):
        code, out, _ = call(capsys, "phrases", source, *option, "-o", "-", "--threshold", "0.1", "-q")
        assert code == 0 and out.startswith("new_york")
        assert call(capsys, "train", source, *option, "-o", "x.safetensors", *TRAIN)[0] == 0
    code, out, _ = call(capsys, "info", "x.safetensors")
    assert 'field = "text"' in out


def test_a_url_of_this_machine_is_a_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = (tmp_path / "m.safetensors").as_uri()
    assert call(capsys, "similar", "-m", here, "king")[:2] == call(capsys, "similar", "-m", "m.safetensors", "king")[:2]
    out = (tmp_path / "out.safetensors").as_uri()
    assert call(capsys, "train", (tmp_path / "a.txt").as_uri(), "-o", out, *TRAIN)[0] == 0
    assert (tmp_path / "out.safetensors").exists()


def test_a_protocol_may_have_capitals(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "train", "MEMORY://a.txt", "-o", "Memory://out/m.safetensors", *TRAIN)[0] == 0
    assert memory.exists("/out/m.safetensors")
    assert call(capsys, "similar", "-m", "MEMORY://m.safetensors", "king")[0] == 0
    assert call(capsys, "vocab", "MEMORY://*.txt", "-q")[:2] == call(capsys, "vocab", "a.txt", "-q")[:2]
    code, _, said = call(capsys, "train", "memory://a.txt", "-o", "MEMORY://a.txt")
    assert code == 2 and "would overwrite memory://a.txt" in said


@pytest.mark.parametrize(
    ("place", "command", "shown"),
    [
        ("open", ("similar", "-m", "memory://m.safetensors", "king"), "Downloading 0%, for 0.0 s, m.safetensors\n"),
        (
            "put_file",
            ("convert", "m.safetensors", "memory://out/m.safetensors"),
            "Uploading 0%, for 0.0 s, m.safetensors\n",
        ),
        ("put_file", ("train", "a.txt", "-o", "memory://out/n.safetensors", *TRAIN), None),
    ],
)
def test_a_download_or_an_upload_that_takes_long_is_shown_unless_quiet(
    memory: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    command: Sequence[str],
    shown: str | None,
) -> None:
    told, show, work = threading.Semaphore(0), ProgressLine.transfer, getattr(memory, place)

    def tell(line: ProgressLine, transfer: transfers.Transfer | None) -> None:
        show(line, transfer)
        told.release()

    def slowly(*arguments: object, **options: object) -> Any:
        # Of a phase, nothing is shown on the first time but on a terminal.
        assert told.acquire(timeout=60) and told.acquire(timeout=60)
        return work(*arguments, **options)

    for name in ("_FIRST_SECONDS", "_SECONDS"):
        monkeypatch.setattr(transfers, name, 0.001)
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    monkeypatch.setattr(ProgressLine, "transfer", tell)
    monkeypatch.setattr(memory, place, slowly)
    code, _, said = call(capsys, *command)
    assert code == 0 and (said == "" if shown is None else shown in said)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("train", "memroy://a.txt"), 2, "did you mean memory://?"),
        (("vocab", "s3:/bucket/a.txt"), 3, "a URL has two slashes: s3://bucket/a.txt"),
        (("similar", "-m", "memory://none", "king"), 3, "there is no file memory://none"),
        (("vocab", "memory://none.txt"), 3, "memory://none.txt cannot be read: No such file or directory"),
        (("vocab", "memory://*.zip"), 3, "no file matches memory://*.zip"),
        (("train", "a.txt", "-o", "https://127.0.0.1/m"), 3, "a web address can only be read"),
        (("train", "memory://a.txt", "-o", "memory://a.txt"), 2, "would overwrite memory://a.txt"),
        (("vocab", "ftp://me:pa55@127.0.0.1:1/a.txt"), 3, "ftp://***@127.0.0.1:1/a.txt cannot be read"),
    ],
)
def test_mistakes_are_explained(
    capsys: pytest.CaptureFixture[str], arguments: Sequence[str], code: int, said: str
) -> None:
    found, _, error = call(capsys, *arguments)
    assert found == code and said in error and "pa55" not in error and "Traceback" not in error


def test_a_password_is_shown_neither_in_answers_nor_in_a_traceback(
    memory: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, said = call(capsys, "convert", "m.safetensors", "memory://me:pa55@out/m.bin", "--json")
    assert code == 0 and "memory://***@out/m.bin" in out and "pa55" not in out + said
    code, out, said = call(capsys, "--debug", "vocab", "ftp://me:pa55@127.0.0.1:1/a.txt")
    assert code == 3 and "Traceback" in said and "pa55" not in out + said
