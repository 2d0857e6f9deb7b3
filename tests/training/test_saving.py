"""The end of a run: the ids free their disk space, and a model that cannot be written is saved elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, call

import w2v_cli as w2v
from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.errors import ModelFileError, StoppedError
from w2v_cli.training import saving as module
from w2v_cli.training.run import Observer, resume_training, train_model
from w2v_cli.training.state import Progress

CONFIG = TrainConfig(dim=4, epochs=3, min_count=1, subsample=0.0, threads=1)
# More epochs than any test has time for.
LONG = replace(CONFIG, epochs=10**6)


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "c.txt").write_text("the cat sat on the mat\n" * 50)
    return str(tmp_path / "c.txt")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "temporary"


class Removing(Observer):
    """Remove the folder of the output while the run goes on, and perhaps stop the run."""

    def __init__(self, folder: Path, stops: bool = False) -> None:
        self.folder, self.stops = folder, stops

    def training(self, progress: Progress) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> bool:
        return self.stops


@pytest.mark.parametrize("stops", [False, True])
def test_a_model_whose_folder_has_gone_is_kept_elsewhere(
    text: str, tmp_path: Path, temporary: Path, stops: bool
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ModelFileError, match=r"there is no folder .*; the model is in ") as caught:
        train_model(
            [text], LONG if stops else CONFIG, output=tmp_path / "out" / "m.safetensors",
            observer=Removing(tmp_path / "out", stops),
        )  # fmt: skip
    kept = Path(caught.value.message.split("the model is in ")[1].removesuffix(" instead"))
    assert kept.parent.parent == temporary and caught.value.exit_code == 3
    assert kept.name == ("m.partial.safetensors" if stops else "m.safetensors")
    assert sorted(w2v.load(kept).words) == ["cat", "mat", "on", "sat", "the"]


def failing_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Make every attempt to write a model in a folder fail, and return the paths that are tried."""
    real: Callable[..., None] = module.save_model
    tried: list[Path] = []

    def save_model(path: str | Path, *rest: object) -> None:
        tried.append(Path(path))
        if Path(path).resolve().is_relative_to(folder):
            raise ModelFileError(f"cannot write {path}: No space left on device", hint="free some space")
        real(path, *rest)

    monkeypatch.setattr(module, "save_model", save_model)
    return tried


def test_a_model_that_fits_nowhere_is_an_error_and_leaves_nothing(
    text: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = failing_at(tmp_path, monkeypatch)
    with pytest.raises(ModelFileError, match=r"cannot write .*m.safetensors: No space left on device$"):
        train_model([text], CONFIG, output=tmp_path / "m.safetensors")
    assert len(tried) == 3
    assert sorted(os.listdir(tmp_path)) == ["c.txt", "temporary"] and os.listdir(temporary) == []


def test_a_model_that_cannot_be_written_is_not_lost_with_checkpoints(
    text: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        tried = failing_at(tmp_path, patched)
        with pytest.raises(ModelFileError, match="No space left on device; nothing is lost") as caught:
            train_model([text], CONFIG, output=tmp_path / "m.safetensors", checkpoint=tmp_path / "run")
    output = tmp_path / "m.safetensors"
    assert f"w2v train --resume {tmp_path / 'run'} -o {output} writes it" in str(caught.value.hint)
    assert len(tried) == 1 and os.listdir(temporary) == []
    resume_training(tmp_path / "run", {"output": str(output)})
    train_model([text], CONFIG, output=tmp_path / "undisturbed.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "undisturbed.safetensors").read_bytes()


def test_the_command_tells_where_the_model_is_and_exits_with_3(
    text: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    failing_at(tmp_path / "full", monkeypatch)
    options = ["--dim", "4", "--min-count", "1", "--epochs", "1", "-q", "-o", "full/m.safetensors"]
    code, out, err = call(capsys, "train", text, *options)
    assert (code, out) == (3, "")
    assert err.startswith("Error: cannot write full/m.safetensors: No space left on device; the model is in ")
    assert w2v.load(next(temporary.glob("w2v-*/m.safetensors"))).dim == 4


@pytest.mark.parametrize("stops", [False, True])
def test_the_ids_take_no_disk_space_while_the_model_is_written(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: bool
) -> None:
    real, corpora, closed = module.save_model, list[EncodedCorpus](), list[bool]()

    class Watching(Observer):
        def encoded(self, corpus: EncodedCorpus, text: TextOptions) -> None:
            corpora.append(corpus)
            assert not any(file.closed for file in corpus.spool.files)

        def stop(self) -> bool:
            return stops

    def save_model(*arguments: Any) -> None:
        closed.extend(file.closed for file in corpora[0].spool.files)
        real(*arguments)

    monkeypatch.setattr(module, "save_model", save_model)
    try:
        train_model([text], LONG if stops else CONFIG, output=tmp_path / "m", observer=Watching())
    except StoppedError:
        assert stops
    assert closed == [True, True]


@pytest.mark.skipif(sys.platform != "linux", reason="names of 255 bytes")
@pytest.mark.parametrize("name", ["x" * 255, "한" * 85, "x" + "한" * 80 + ".safetensors", "m.safetensors"], ids=len)
def test_what_a_stopped_run_has_learnt_gets_a_name_that_the_disk_takes(text: str, tmp_path: Path, name: str) -> None:
    class Stopping(Observer):
        def stop(self) -> bool:
            return True

    with pytest.raises(StoppedError, match=r"what was learnt so far is in .*\.partial\.safetensors$"):
        train_model([text], LONG, output=tmp_path / name, observer=Stopping())
    (partial,) = set(os.listdir(tmp_path)) - {"c.txt"}
    stem = partial.removesuffix(".partial.safetensors")
    assert name.startswith(stem) and w2v.load(tmp_path / partial).dim == 4
    # No more is cut off than necessary.
    assert stem == name.removesuffix(".safetensors") or len(os.fsencode(partial + name[len(stem)])) > 255


def test_a_program_that_is_replaced_during_a_run_writes_the_version_that_trained(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = w2v.__version__
    monkeypatch.setattr("importlib.metadata.version", lambda name: "another")
    assert w2v.__version__ == "another"
    train_model([text], CONFIG, output=tmp_path / "m")
    assert w2v.load(tmp_path / "m").metadata["version"] == before


def test_a_source_tree_that_was_not_installed_tells_a_version_and_trains(text: str, tmp_path: Path) -> None:
    # Everything that the program depends on, without the program itself.
    others = tmp_path / "others"
    others.mkdir()
    for folder in (Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))):
        for path in folder.iterdir():
            if not path.name.startswith(("w2v_cli", "__editable__")) and not (others / path.name).exists():
                (others / path.name).symlink_to(path)
    # Link only the package: an installation may have left metadata beside it.
    (others / "w2v_cli").symlink_to(ROOT / "w2v_cli")
    environment = {**os.environ, "PYTHONPATH": str(others)}

    def run(*arguments: str) -> str:
        # -S leaves out all other site-packages.
        command = [sys.executable, "-S", "-m", "w2v_cli", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("--version") == "w2v, version unknown\n"
    run("train", text, "-o", "m", "--min-count", "1", "--dim", "4", "--epochs", "1")
    assert w2v.load(tmp_path / "m").metadata["version"] == "unknown"
