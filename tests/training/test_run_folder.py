"""The checkpoint folder of a run: no older file is lost, and a folder that a stranger has made can do no harm."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import RUN_CONFIG, call, everything, make_model

from w2v_cli.errors import ConfigError, ModelFileError, TrainingError
from w2v_cli.storage.siblings import LOCK, sibling
from w2v_cli.training.checkpoint import NAMES as CHECKPOINTS
from w2v_cli.training.run import Observer, resume_training, train_model
from w2v_cli.training.run_folder import NAMES, is_inside

pytestmark = pytest.mark.usefixtures("finished_run")

FAST = ("--dim", "4", "--epochs", "2", "--min-count", "1", "--threads", "1", "--subsample", "0", "-q")


@pytest.mark.parametrize("name", [*NAMES, "notes.txt", ".hidden"])
def test_a_folder_that_is_not_of_a_run_is_not_taken_for_one(
    capsys: pytest.CaptureFixture[str], finished_run: Path, name: str
) -> None:
    Path("mine").mkdir()
    make_model(Path("mine", name))
    before = everything(finished_run)
    code, out, err = call(capsys, "train", "corpus.txt", "--checkpoint", "mine", *FAST)
    assert (code, out) == (3, "") and name in err and "Hint: --checkpoint takes a new folder" in err
    assert everything(finished_run) == before


def test_what_a_killed_start_has_left_does_not_make_a_folder_foreign() -> None:
    Path("new").mkdir()
    for name in (".w2v-0123abcd.lock", ".w2v-0123abcd-0123456789ab.tmp"):
        Path("new", name).touch()
    train_model(["corpus.txt"], RUN_CONFIG, output="other", checkpoint="new")
    assert Path("other").read_bytes() == Path("model").read_bytes()


def attempts(folder: str = "run") -> list[Callable[[], object]]:
    """Return both ways of using a checkpoint folder."""
    return [
        lambda: resume_training(folder, {"output": "other"}),
        lambda: train_model(["corpus.txt"], RUN_CONFIG, output="other", checkpoint=folder),
    ]


@pytest.mark.parametrize("name", ["corpus.safetensors", *CHECKPOINTS])
def test_a_model_in_the_place_of_a_file_of_the_run_stays(finished_run: Path, name: str) -> None:
    make_model(Path("run", name))
    before = everything(finished_run)
    for attempt in attempts():
        with pytest.raises(TrainingError, match=f"{name} was not written by a run"):
            attempt()
        assert everything(finished_run) == before


@pytest.mark.parametrize("make", ["link", "dangling", os.mkfifo, Path.mkdir])
@pytest.mark.parametrize("name", [*NAMES, ".w2v-0123abcd.lock"])
def test_no_file_of_the_folder_may_be_a_link_or_a_pipe(
    finished_run: Path, name: str, make: str | Callable[[Path], object]
) -> None:
    path = Path("run", name)
    if make == "link" and path.exists():
        path.rename("precious")
    path.unlink(missing_ok=True)
    if callable(make):
        make(path)
    else:
        path.symlink_to("../precious")
    before = everything(finished_run)
    for attempt in attempts():
        with pytest.raises(TrainingError, match=f"{name} is (a symbolic link|not a regular file)"):
            attempt()
        assert everything(finished_run) == before


def test_a_link_in_the_place_of_a_lock_is_found_in_an_empty_folder_too(finished_run: Path) -> None:
    Path("new").mkdir()
    Path("new", ".w2v-0123abcd.lock").symlink_to("../precious")
    before = everything(finished_run)
    with pytest.raises(TrainingError, match="is a symbolic link"):
        train_model(["corpus.txt"], RUN_CONFIG, output="other", checkpoint="new")
    assert everything(finished_run) == before


def test_a_file_that_has_another_name_elsewhere_keeps_its_content_there() -> None:
    # An archive can contain such links, to any file of the user who unpacks it.
    for name in ("corpus.safetensors", "ids.int32", "boundaries.int64"):
        Path("run", name).unlink()
    for name in ("ids.int32", "boundaries.int64"):
        Path(f"precious {name}").write_text("precious")
        os.link(f"precious {name}", Path("run", name))
    resume_training("run", {"output": "other"})
    assert [path.read_text() for path in Path().glob("precious *")] == ["precious"] * 2
    assert Path("other").read_bytes() == Path("model").read_bytes()


def cut(data: bytes) -> bytes:
    return data[:-1]


def flip_the_length(data: bytes) -> bytes:
    return data[:5] + b"\xff" + data[6:]


def flip_the_brace(data: bytes) -> bytes:
    return data[:8] + b"?" + data[9:]


def flip_the_mark(data: bytes) -> bytes:
    return data.replace(b'"corpus"', b'"corpse"').replace(b'"standing"', b'"standin?"')[:-1]


@pytest.mark.parametrize("damage", [cut, flip_the_length, flip_the_brace, flip_the_mark, lambda data: b""])
def test_damaged_files_of_the_run_are_made_again(damage: Callable[[bytes], bytes]) -> None:
    Path("run", CHECKPOINTS[1]).write_bytes(damage(Path("run", CHECKPOINTS[0]).read_bytes()))
    path = Path("run", "corpus.safetensors")
    kept = path.read_bytes()
    path.write_bytes(damage(kept))
    resume_training("run", {"output": "other"})
    assert Path("other").read_bytes() == Path("model").read_bytes() and path.read_bytes() == kept


def test_another_file_in_the_place_of_the_ids_facts_is_not_taken_for_a_damaged_one(finished_run: Path) -> None:
    Path("run", "corpus.safetensors").write_text("my notes\n")
    before = everything(finished_run)
    for attempt in attempts():
        with pytest.raises(TrainingError, match=r"corpus\.safetensors was not written by a run"):
            attempt()
    assert everything(finished_run) == before


def edit_run(**values: Any) -> None:
    path = Path("run", "run.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


CONFIG_VALUES = RUN_CONFIG.as_dict()


@pytest.mark.parametrize(
    "values",
    [
        {"sizes": 7},
        {"sizes": []},
        {"sizes": ["1"]},
        {"sizes": [-1]},
        {"sizes": [1.5]},
        {"sizes": {"a": 1}},
        {"corpus": "corpus.txt"},
        {"corpus": [7]},
        {"corpus": [["corpus.txt"]]},
        {"corpus": ["a\0b"]},
        {"corpus": ["\ud800"]},
        {"corpus": None},
        {"output": 7},
        {"output": ["model"]},
        {"output": "a\0b"},
        {"folder": None},
        {"folder": 7},
        {"checkpoint_every": -1},
        {"checkpoint_every": 0},
        {"checkpoint_every": float("nan")},
        {"checkpoint_every": "10m"},
        {"checkpoint_every": True},
        {"checkpoint_every": None},
        {"checkpoint_every": 10**400},
        {"config": []},
        {"config": {**CONFIG_VALUES, "dim": "4"}},
        {"config": {**CONFIG_VALUES, "alpha": 10**400}},
        {"config": {**CONFIG_VALUES, "model": ["skipgram"]}},
        {"config": {**CONFIG_VALUES, "vocab": "a\0b"}},
        {"config": {**CONFIG_VALUES, "vocab": 7}},
        {"text": []},
        {"text": {"errors": "none"}},
        {"text": {"errors": ["strict"]}},
        {"text": {"tokenize": 7}},
        {"text": {"lower": "yes"}},
        {"text": {"upper": True}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_run_that_cannot_be_understood_is_reported_in_a_sentence(
    capsys: pytest.CaptureFixture[str], finished_run: Path, values: dict[str, Any]
) -> None:
    edit_run(**values)
    before = everything(finished_run)
    code, out, err = call(capsys, "train", "--resume", "run", "-o", "other", "-q")
    assert (code, out) == (3, "") and err.startswith("Error: run/run.json cannot be understood: ")
    assert everything(finished_run) == before


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"7",
        b"null",
        b'"run"',
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"corpus": ' + b"[" * 100_000,
        b'{"corpus": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_file_that_describes_no_run_is_reported_in_a_sentence(
    capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    Path("run", "run.json").write_bytes(text)
    code, out, err = call(capsys, "train", "--resume", "run", "-o", "other", "-q")
    assert (code, out) == (3, "") and err.startswith("Error: run/run.json cannot be understood: ")
    code, out, err = call(capsys, "train", "corpus.txt", "--checkpoint", "run", *FAST)
    assert (code, out) == (3, "") and err.startswith("Error: run/run.json cannot be understood: ")


@pytest.mark.parametrize("key", ["checkpoint_every", "model"])
def test_values_that_are_nested_too_deep_to_be_shown_are_reported_in_a_sentence(key: str) -> None:
    path = Path("run", "run.json")
    before = json.loads(path.read_text())
    values = {**before, key: "HERE"} if key in before else {**before, "config": {**CONFIG_VALUES, key: "HERE"}}
    # Some are nested too deep for the parser, and some only for showing them in a message.
    for depth in range(50, 1000, 50):
        path.write_text(json.dumps(values).replace('"HERE"', "[" * depth + "]" * depth))
        with pytest.raises(ModelFileError, match="cannot be understood"):
            resume_training("run", {"output": "other"})


def resumed_output(error: ConfigError | TrainingError) -> list[str]:
    """Return the arguments of the command that a hint ends with."""
    assert error.hint is not None
    return shlex.split(error.hint[error.hint.index("w2v train --resume") :])[1:]


def link_to_a_file(folder: Path) -> str:
    Path("precious").write_text("precious")
    Path("run", "model").symlink_to("../precious")
    return str(folder / "run" / "model")


def link_to_a_folder(folder: Path) -> str:
    Path("elsewhere").mkdir()
    Path("run", "sub").symlink_to("../elsewhere")
    return str(folder / "run" / "sub" / "model")


@pytest.mark.parametrize(
    "output",
    [
        lambda folder: str(folder / "model"),
        lambda folder: str(folder / "run" / ".." / "model"),
        lambda folder: str(folder / "run.safetensors"),
        lambda folder: str(folder / "it's my model; rm -rf *"),
        link_to_a_file,
        link_to_a_folder,
    ],
)
def test_a_model_goes_outside_the_folder_only_if_the_user_says_so(
    capsys: pytest.CaptureFixture[str], finished_run: Path, output: Callable[[Path], str]
) -> None:
    wanted, trained = output(finished_run), Path("model").read_bytes()
    edit_run(output=wanted)
    Path("model").unlink()
    before = everything(finished_run)
    with pytest.raises(ConfigError, match=r"the run in run writes .*, which is outside that folder") as caught:
        resume_training("run")
    code, out, err = call(capsys, "train", "--resume", "run", "-q")
    assert (code, out) == (2, "") and f"Hint: {caught.value.hint}\n" in err
    assert everything(finished_run) == before
    assert call(capsys, *resumed_output(caught.value), "-q")[0] == 0
    assert Path(wanted).read_bytes() == trained


@pytest.mark.parametrize("what", ["output", "log"])
def test_a_url_of_this_machine_is_not_taken_for_a_file_of_the_folder_we_are_in(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    edit_run(**{"output": None, what: (finished_run / "elsewhere").as_uri()})
    before = everything(finished_run)
    monkeypatch.chdir("run")
    with pytest.raises(ConfigError, match="which is outside that folder"):
        resume_training(".")
    assert everything(finished_run) == before


def test_dots_do_not_lead_out_of_a_folder_that_is_a_url() -> None:
    assert is_inside("sftp://host/run/model", "sftp://host/run/")
    assert not is_inside("sftp://host/run/../model", "sftp://host/run")
    assert not is_inside("sftp://host/run2/model", "sftp://host/run")


def test_a_model_in_the_folder_need_not_be_named(finished_run: Path) -> None:
    edit_run(output=str(finished_run / "run" / "inside"))
    resume_training("run")
    assert Path("run", "inside").read_bytes() == Path("model").read_bytes()
    edit_run(output=None)
    assert resume_training("run").output is None


def test_a_run_that_was_finished_is_resumed_in_its_last_epoch() -> None:
    remarks: list[str] = []

    class Keeper(Observer):
        def remark(self, message: str) -> None:
            remarks.append(message)

    resume_training("run", {"output": "other"}, Keeper())
    assert f"Resuming in epoch {RUN_CONFIG.epochs}, at 100%" in remarks


def test_a_resumed_run_that_writes_no_model_does_not_claim_one(capsys: pytest.CaptureFixture[str]) -> None:
    edit_run(output=None)
    code, out, err = call(capsys, "train", "--resume", "run", "-q", "--json")
    assert (code, out) == (2, "")
    assert "the run in run was begun without an output, so no model was written" in err
    command = err.split("Hint: ")[1].removesuffix(" writes it\n")
    assert call(capsys, *shlex.split(command)[1:], "-q")[0] == 0
    assert Path("model.safetensors").exists()


def test_a_link_in_the_place_of_the_models_lock_makes_no_file_elsewhere(finished_run: Path) -> None:
    Path("run", "sub").mkdir()
    sibling(Path("run", "sub", "inside"), LOCK).symlink_to(finished_run / "elsewhere")
    edit_run(output=str(finished_run / "run" / "sub" / "inside"))
    with pytest.raises(ModelFileError, match=r"cannot write .*\.lock: Too many levels of symbolic links"):
        resume_training("run")
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_not_written_over_a_file_of_the_folder(finished_run: Path, name: str) -> None:
    before = everything(finished_run)
    why = r"does not write \.json" if name.endswith(".json") else r"\(the model\) and .* are the same file"
    with pytest.raises(ConfigError, match=why):
        resume_training("run", {"output": f"run/{name}"})
    assert everything(finished_run) == before
    edit_run(output=str(finished_run / "run" / name))
    with pytest.raises(ConfigError, match=why):
        resume_training("run")


def test_a_resumed_run_does_not_write_over_its_text_or_vocabulary(finished_run: Path) -> None:
    Path("words.tsv").write_text("a 9\nb 8\n")
    edit_run(config={**CONFIG_VALUES, "vocab": str(finished_run / "words.tsv")})
    before = everything(finished_run)
    for name in ("corpus.txt", "words.tsv"):
        with pytest.raises(ConfigError, match=f"would overwrite .*{name}"):
            resume_training("run", {"output": name})
    assert everything(finished_run) == before


@pytest.mark.parametrize("output", ["model", "its 'other' model", "run/inside"])
def test_a_second_run_in_a_folder_is_told_the_whole_command_that_resumes_the_first(
    capsys: pytest.CaptureFixture[str], finished_run: Path, output: str
) -> None:
    edit_run(output=str(finished_run / output))
    with pytest.raises(TrainingError, match="holds the checkpoints of another run") as caught:
        train_model(["corpus.txt"], RUN_CONFIG, checkpoint="run")
    arguments = resumed_output(caught.value)
    assert arguments[1:3] == ["--resume", "run"] and ("-o" in arguments) == (not output.startswith("run/"))
    assert call(capsys, *arguments, "-q")[0] == 0 and Path(output).exists()
