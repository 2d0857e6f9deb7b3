"""The checkpoint folder of a run: no older file is lost, and a folder that a stranger has made can do no harm."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import call

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.resumable import kept_corpus
from w2v_cli.errors import ConfigError, ModelFileError, TrainingError
from w2v_cli.formats.model_file import save_model
from w2v_cli.storage.siblings import LOCK, sibling
from w2v_cli.storage.tensors import TensorFile, checksum, word_tensors, write_tensors
from w2v_cli.training.checkpoint import NAMES as CHECKPOINTS
from w2v_cli.training.run import Observer, resume_training, train_model
from w2v_cli.training.run_folder import NAMES

CONFIG = TrainConfig(dim=4, epochs=2, min_count=1, threads=1, subsample=0.0)
FAST = ("--dim", "4", "--epochs", "2", "--min-count", "1", "--threads", "1", "--subsample", "0", "-q")
WORDS, TOKENS = 6, 600


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, which holds a text, the model of a finished run, and its checkpoint folder."""
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("a b c d\ne a\n" * 50 + "f a b\n" * 100)
    train_model(["corpus.txt"], CONFIG, output="model", checkpoint="run")
    return tmp_path


def everything(folder: Path) -> dict[str, bytes | str]:
    """Return everything below a folder: files with their contents, links with their targets, others by name."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else "not a file"
        for path in folder.rglob("*")
    }


def make_model(path: Path) -> None:
    save_model(path, ["a"], None, {"input_vectors": np.ones((1, 2), np.float32)}, {"loss": "[1.5]"})


@pytest.mark.parametrize("name", [*NAMES, "notes.txt", ".hidden"])
def test_a_folder_that_is_not_of_a_run_is_not_taken_for_one(
    capsys: pytest.CaptureFixture[str], folder: Path, name: str
) -> None:
    Path("mine").mkdir()
    make_model(Path("mine", name))
    before = everything(folder)
    code, out, err = call(capsys, "train", "corpus.txt", "--checkpoint", "mine", *FAST)
    assert (code, out) == (3, "") and name in err and "Hint: --checkpoint takes a new folder" in err
    assert everything(folder) == before


def test_what_a_killed_start_has_left_makes_no_folder_somebody_elses() -> None:
    Path("new").mkdir()
    for name in (".w2v-0123abcd.lock", ".w2v-0123abcd-0123456789ab.tmp"):
        Path("new", name).touch()
    train_model(["corpus.txt"], CONFIG, output="other", checkpoint="new")
    assert Path("other").read_bytes() == Path("model").read_bytes()


def attempts(folder: str = "run") -> list[Callable[[], object]]:
    """Return both ways of using a checkpoint folder."""
    return [
        lambda: resume_training(folder, {"output": "other"}),
        lambda: train_model(["corpus.txt"], CONFIG, output="other", checkpoint=folder),
    ]


@pytest.mark.parametrize("name", ["corpus.safetensors", *CHECKPOINTS])
def test_a_model_in_the_place_of_a_file_of_the_run_stays(folder: Path, name: str) -> None:
    make_model(Path("run", name))
    before = everything(folder)
    for attempt in attempts():
        with pytest.raises(TrainingError, match=f"{name} was not written by a run"):
            attempt()
        assert everything(folder) == before


@pytest.mark.parametrize("make", ["link", "dangling", os.mkfifo, Path.mkdir])
@pytest.mark.parametrize("name", [*NAMES, ".w2v-0123abcd.lock"])
def test_no_file_of_the_folder_may_be_a_link_or_a_pipe(
    folder: Path, name: str, make: str | Callable[[Path], object]
) -> None:
    path = Path("run", name)
    if make == "link" and path.exists():
        path.rename("precious")
    path.unlink(missing_ok=True)
    if callable(make):
        make(path)
    else:
        path.symlink_to("../precious")
    before = everything(folder)
    for attempt in attempts():
        with pytest.raises(TrainingError, match=f"{name} is (a symbolic link|not a regular file)"):
            attempt()
        assert everything(folder) == before


def test_a_link_in_the_place_of_a_lock_is_found_in_an_empty_folder_too(folder: Path) -> None:
    Path("new").mkdir()
    Path("new", ".w2v-0123abcd.lock").symlink_to("../precious")
    before = everything(folder)
    with pytest.raises(TrainingError, match="is a symbolic link"):
        train_model(["corpus.txt"], CONFIG, output="other", checkpoint="new")
    assert everything(folder) == before


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
def test_damaged_files_of_the_run_are_made_anew(damage: Callable[[bytes], bytes]) -> None:
    Path("run", CHECKPOINTS[1]).write_bytes(damage(Path("run", CHECKPOINTS[0]).read_bytes()))
    path = Path("run", "corpus.safetensors")
    kept = path.read_bytes()
    path.write_bytes(damage(kept))
    resume_training("run", {"output": "other"})
    assert Path("other").read_bytes() == Path("model").read_bytes() and path.read_bytes() == kept


def test_another_file_in_the_place_of_the_ids_facts_is_not_taken_for_a_damaged_one(folder: Path) -> None:
    Path("run", "corpus.safetensors").write_text("my notes\n")
    before = everything(folder)
    for attempt in attempts():
        with pytest.raises(TrainingError, match=r"corpus\.safetensors was not written by a run"):
            attempt()
    assert everything(folder) == before


def rewrite_corpus(
    ids: np.ndarray | None = None,
    boundaries: np.ndarray | None = None,
    words: Any = None,
    counts: Any = None,
    **facts: Any,
) -> None:
    """Replace parts of the kept corpus, and write the checksums that belong to the new content."""
    kept, run = TensorFile("run/corpus.safetensors"), Path("run")
    tensors = {"counts": kept.tensor("counts", "I64", 1) if counts is None else np.array(counts)}
    tensors |= word_tensors(list(kept.words()) if words is None else words)
    (run / "ids.int32").write_bytes(ids.tobytes())
    (run / "boundaries.int64").write_bytes(boundaries.tobytes())
    files = [np.fromfile(run / name, np.uint8) for name in ("ids.int32", "boundaries.int64")]
    said = {**json.loads(kept.metadata["corpus"]), "checksums": [int(checksum({"": file}), 16) for file in files]}
    write_tensors(run / "corpus.safetensors", tensors, {"corpus": json.dumps({**said, **facts})})


def changed(array: np.ndarray, place: int, value: int) -> np.ndarray:
    copy = array.copy()
    copy[place] = value
    return copy


IDS, BOUNDARIES = np.zeros(TOKENS, np.int32), np.arange(2, TOKENS + 1, 2)


def test_the_kept_corpora_of_these_tests_are_taken_where_nothing_is_wrong_with_them() -> None:
    rewrite_corpus(IDS, BOUNDARIES)
    corpus = kept_corpus(Path("run"))
    assert corpus is not None and (corpus.token_count, len(corpus.vocabulary)) == (TOKENS, WORDS)
    corpus.close()


@pytest.mark.parametrize(
    "content",
    [
        {"ids": changed(IDS, 7, WORDS)},
        {"ids": changed(IDS, TOKENS - 1, -1)},
        {"ids": changed(IDS, 0, -(2**31))},
        {"ids": IDS[:-1]},
        {"ids": IDS.view(np.uint8)[:-1]},
        {"ids": IDS.astype(np.int64)},
        {"boundaries": changed(BOUNDARIES, 0, 0)},
        {"boundaries": changed(BOUNDARIES, 0, -5)},
        {"boundaries": changed(BOUNDARIES, 5, int(BOUNDARIES[4]))},
        {"boundaries": changed(BOUNDARIES, -1, TOKENS + 1)},
        {"boundaries": BOUNDARIES.view(np.uint8)[:-3]},
        {"counts": [300, 200, 50, 50, 0, 50]},
        {"counts": [300, 200, 50, 50, -1, 50]},
        {"counts": [2**62, 2**62, 50, 50, 50, 50]},
        {"counts": [300, 200, 50, 50, 50]},
        {"words": ["a", "b", "c", "d", "e", "a"]},
        {"words": [], "counts": np.zeros(0, np.int64)},
        {"token_count": TOKENS - 1},
        {"token_count": float(TOKENS)},
        {"token_count": str(TOKENS)},
        {"token_count": -TOKENS},
        {"token_count": None},
        {"raw_token_count": 1},
        {"raw_token_count": 10**400},
        {"fingerprint": 7},
        {"untokenised_share": float("nan")},
        {"untokenised_share": []},
        {"checksums": 7},
        {"checksums": [1, 2]},
        {"checksums": []},
    ],
    ids=str,
)
def test_kept_ids_that_no_text_can_have_are_made_anew(content: dict[str, Any]) -> None:
    rewrite_corpus(**{"ids": IDS, "boundaries": BOUNDARIES, **content})
    assert kept_corpus(Path("run")) is None
    resume_training("run", {"output": "other"})
    assert Path("other").read_bytes() == Path("model").read_bytes()


@pytest.mark.parametrize("facts", ["[]", "7", "[" * 100_000, "{}", "nonsense"])
def test_facts_about_kept_ids_that_are_no_facts_are_not_believed(facts: str) -> None:
    kept = TensorFile("run/corpus.safetensors")
    tensors = {"counts": np.array(kept.tensor("counts", "I64", 1)), **word_tensors(list(kept.words()))}
    write_tensors("run/corpus.safetensors", tensors, {"corpus": facts})
    assert kept_corpus(Path("run")) is None


def rewrite_checkpoint(name: str, facts: Any = None, **tensors: np.ndarray) -> None:
    """Write a checkpoint of the run with parts replaced, and with the checksum that belongs to the new content."""
    file = TensorFile(f"run/{CHECKPOINTS[0]}")
    kinds = {"losses": ("F64", 1)}
    content = {name: np.array(file.tensor(name, *kinds.get(name, ("F32", 2)))) for name in file.names} | tensors
    standing = json.loads(file.metadata["standing"])
    said = json.dumps({**standing, **facts}) if isinstance(facts, dict) or facts is None else facts
    metadata = {"standing": said, "checksum": checksum(content, said)}
    write_tensors(f"run/{name}", content, metadata)


TABLE = np.ones((WORDS, 4), np.float32)
UNSOUND: list[dict[str, Any]] = [
    {"facts": {"block": -1}},
    {"facts": {"block": 1.0}},
    {"facts": {"block": "1"}},
    {"facts": {"block": True}},
    {"facts": {"block": None}},
    {"facts": "[1]"},
    {"facts": "7"},
    {"facts": "[" * 100_000},
    {"losses": np.array([0.0, np.nan, 0.0])},
    {"losses": np.array([np.nan, 0.0])},
    {"losses": np.array([np.inf, 0.0])},
    {"losses": np.zeros((2, 1))},
    {"losses": np.zeros(2, np.float32)},
    {"input_vectors": TABLE * np.float32("nan")},
    {"output_vectors": TABLE * np.float32("inf")},
]


@pytest.mark.parametrize("content", UNSOUND, ids=str)
def test_a_checkpoint_that_no_training_saves_is_as_good_as_a_torn_one(content: dict[str, Any]) -> None:
    remarks: list[str] = []
    observer = Observer()
    observer.remark = remarks.append  # type: ignore[method-assign]
    rewrite_checkpoint(CHECKPOINTS[1], **{"facts": {}, **content})
    resume_training("run", {"output": "other"}, observer)
    assert Path("other").read_bytes() == Path("model").read_bytes()
    assert f"run/{CHECKPOINTS[1]} is damaged: going on from the checkpoint before it" in remarks
    rewrite_checkpoint(CHECKPOINTS[0], **{"facts": {}, **content})
    Path("run", CHECKPOINTS[1]).unlink()
    with pytest.raises(TrainingError, match="no checkpoint in run is whole"):
        resume_training("run", {"output": "other"})


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ({"facts": {"block": 3}}, {}),
        ({"facts": {"block": 10**400}}, {}),
        ({"facts": {"block": 3}}, {"epochs": 9}),
        ({"facts": {"block": 1}, "losses": np.zeros(0)}, {}),
        ({"losses": np.zeros(3)}, {}),
        ({"losses": np.array([1, np.nan])}, {}),
    ],
    ids=str,
)
def test_a_checkpoint_of_no_place_of_the_run_is_refused(content: dict[str, Any], options: dict[str, Any]) -> None:
    rewrite_checkpoint(CHECKPOINTS[0], **{"facts": {}, **content})
    with pytest.raises(TrainingError, match=r"the checkpoint in run is at block .*, where the run never is"):
        resume_training("run", {"output": "other", **options})
    assert not Path("other").exists()


def edit_run(**values: Any) -> None:
    path = Path("run", "run.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


CONFIG_VALUES = CONFIG.as_dict()


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
def test_a_run_that_cannot_be_understood_is_a_sentence(
    capsys: pytest.CaptureFixture[str], folder: Path, values: dict[str, Any]
) -> None:
    edit_run(**values)
    before = everything(folder)
    code, out, err = call(capsys, "train", "--resume", "run", "-o", "other", "-q")
    assert (code, out) == (3, "") and err.startswith("Error: run/run.json cannot be understood: ")
    assert everything(folder) == before


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
def test_what_is_no_run_at_all_is_a_sentence(capsys: pytest.CaptureFixture[str], text: bytes) -> None:
    Path("run", "run.json").write_bytes(text)
    code, out, err = call(capsys, "train", "--resume", "run", "-o", "other", "-q")
    assert (code, out) == (3, "") and err.startswith("Error: run/run.json cannot be understood: ")
    code, out, err = call(capsys, "train", "corpus.txt", "--checkpoint", "run", *FAST)
    assert (code, out) == (3, "") and err.startswith("Error: run/run.json cannot be understood: ")


@pytest.mark.parametrize("place", ["checkpoint_every", "model"])
def test_values_that_are_nested_too_deep_to_be_shown_are_a_sentence(place: str) -> None:
    path = Path("run", "run.json")
    before = json.loads(path.read_text())
    values = {**before, place: "HERE"} if place in before else {**before, "config": {**CONFIG_VALUES, place: "HERE"}}
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
    capsys: pytest.CaptureFixture[str], folder: Path, output: Callable[[Path], str]
) -> None:
    wanted, trained = output(folder), Path("model").read_bytes()
    edit_run(output=wanted)
    Path("model").unlink()
    before = everything(folder)
    with pytest.raises(ConfigError, match=r"the run in run writes .*, which is outside that folder") as caught:
        resume_training("run")
    code, out, err = call(capsys, "train", "--resume", "run", "-q")
    assert (code, out) == (2, "") and f"Hint: {caught.value.hint}\n" in err
    assert everything(folder) == before
    assert call(capsys, *resumed_output(caught.value), "-q")[0] == 0
    assert Path(wanted).read_bytes() == trained


def test_a_model_in_the_folder_needs_not_be_named(folder: Path) -> None:
    edit_run(output=str(folder / "run" / "inside"))
    resume_training("run")
    assert Path("run", "inside").read_bytes() == Path("model").read_bytes()
    edit_run(output=None)
    assert resume_training("run").output is None


def test_a_resumed_run_that_writes_no_model_does_not_claim_one(capsys: pytest.CaptureFixture[str]) -> None:
    edit_run(output=None)
    code, out, err = call(capsys, "train", "--resume", "run", "-q", "--json")
    assert (code, out) == (2, "")
    assert "the run in run was begun without an output, so no model was written" in err
    command = err.split("Hint: ")[1].removesuffix(" writes it\n")
    assert call(capsys, *shlex.split(command)[1:], "-q")[0] == 0
    assert Path("model.safetensors").exists()


def test_a_link_in_the_place_of_the_models_lock_makes_no_file_elsewhere(folder: Path) -> None:
    Path("run", "sub").mkdir()
    sibling(Path("run", "sub", "inside"), LOCK).symlink_to(folder / "elsewhere")
    edit_run(output=str(folder / "run" / "sub" / "inside"))
    with pytest.raises(ModelFileError, match=r"cannot write .*\.lock: Too many levels of symbolic links"):
        resume_training("run")
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_not_written_over_a_file_of_the_folder(folder: Path, name: str) -> None:
    before = everything(folder)
    with pytest.raises(ConfigError, match=r"\(the model\) and .* are the same file"):
        resume_training("run", {"output": f"run/{name}"})
    assert everything(folder) == before
    edit_run(output=str(folder / "run" / name))
    with pytest.raises(ConfigError, match=r"\(the model\) and .* are the same file"):
        resume_training("run")


def test_a_resumed_run_does_not_write_over_its_text_or_vocabulary(folder: Path) -> None:
    Path("words.tsv").write_text("a 9\nb 8\n")
    edit_run(config={**CONFIG_VALUES, "vocab": str(folder / "words.tsv")})
    before = everything(folder)
    for name in ("corpus.txt", "words.tsv"):
        with pytest.raises(ConfigError, match=f"would overwrite .*{name}"):
            resume_training("run", {"output": name})
    assert everything(folder) == before


@pytest.mark.parametrize("output", ["model", "its 'other' model", "run/inside"])
def test_a_second_run_in_a_folder_is_told_the_whole_command_that_resumes_the_first(
    capsys: pytest.CaptureFixture[str], folder: Path, output: str
) -> None:
    edit_run(output=str(folder / output))
    with pytest.raises(TrainingError, match="holds the checkpoints of another run") as caught:
        train_model(["corpus.txt"], CONFIG, checkpoint="run")
    arguments = resumed_output(caught.value)
    assert arguments[1:3] == ["--resume", "run"] and ("-o" in arguments) == (not output.startswith("run/"))
    assert call(capsys, *arguments, "-q")[0] == 0 and Path(output).exists()
