"""Model files: everything that is written can be read, nothing is left behind, and no bad file is believed."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import load_vectors, write_unchecked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2v_cli.api.model import load as load_model
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.formats.recorded import recorded_options
from w2v_cli.formats.summary import summary
from w2v_cli.storage.atomic import atomic_file, check_writable

WORDS = ["the", "Köln", "한국어", "\u00a0", "a\u0085b"]
COUNTS = np.array([9, 5, 3, 2, 1], dtype=np.int64)
MATRIX = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


def save(path: Path, **tensors: np.ndarray) -> None:
    save_model(path, WORDS, COUNTS, {"input_vectors": MATRIX, "output_vectors": -MATRIX, **tensors}, {"seed": "1"})


def split(path: Path) -> tuple[dict[str, Any], bytes]:
    """Split a file into header and data, as the format defines them."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(path: Path, header: Any, data: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_words_counts_vectors_and_metadata_come_back(model: Path) -> None:
    vectors = load_vectors(model)
    assert vectors.words == WORDS
    assert vectors.counts is not None and vectors.counts.tolist() == COUNTS.tolist()
    assert np.array_equal(vectors.matrix, MATRIX)
    assert np.array_equal(ModelFile(model).tables["output_vectors"], -MATRIX)
    assert ModelFile(model).metadata == {"seed": "1", "format": "w2v-cli", "format_version": "1"}


def test_the_safetensors_package_reads_the_same(model: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(model, framework="np") as file:
        assert np.array_equal(file.get_tensor("input_vectors"), MATRIX)
        assert file.get_tensor("word_bytes").tobytes().decode() == "".join(WORDS)
        assert file.metadata()["seed"] == "1"


def test_a_file_of_the_safetensors_package_is_read(model: Path, tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy")
    other = tmp_path / "other.safetensors"
    package.save_file(package.load_file(model), other)
    assert load_vectors(other).words == WORDS
    assert np.array_equal(load_vectors(other).matrix, MATRIX)


def test_the_same_model_is_the_same_bytes(model: Path, tmp_path: Path) -> None:
    reordered = {"output_vectors": -MATRIX, "input_vectors": MATRIX}
    save_model(tmp_path / "again", WORDS, COUNTS, reordered, {"seed": "1"})
    assert (tmp_path / "again").read_bytes() == model.read_bytes()


def test_rows_cut_from_a_wider_table_are_written_as_they_look(tmp_path: Path) -> None:
    padded = np.zeros((5, 16), dtype=np.float32)
    padded[:, :3] = MATRIX
    save(tmp_path / "m", input_vectors=padded[:, :3])
    assert np.array_equal(load_vectors(tmp_path / "m").matrix, MATRIX)


def test_loading_reads_through_a_memory_map(model: Path) -> None:
    assert not load_vectors(model).matrix.flags.owndata
    assert not load_vectors(model).matrix.flags.writeable


def test_a_new_file_gets_the_permissions_of_any_new_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    assert model.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_symbolic_link_stays_one(model: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(model)
    save(link)
    assert link.is_symlink() and load_vectors(model).words == WORDS


def test_a_failed_write_leaves_the_old_file_and_nothing_else(model: Path, tmp_path: Path) -> None:
    before = model.read_bytes()
    with pytest.raises(ZeroDivisionError), atomic_file(model) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert model.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_file_too_large_for_the_system_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(ModelFileError, match=r"cannot write .*: File too large"):
            save(tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_checking_a_path_touches_nothing(model: Path, tmp_path: Path) -> None:
    before = model.stat()
    check_writable(model)
    check_writable(tmp_path / "new")
    assert model.stat() == before
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_path_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(ModelFileError, match="new/ is a folder"):
        check_writable(f"{tmp_path}/new/")
    with pytest.raises(ModelFileError, match="there is no folder"):
        check_writable(tmp_path / "missing" / "model")
    with pytest.raises(ModelFileError, match="not a regular file"):
        check_writable("/dev/null")
    with pytest.raises(ModelFileError, match="File name too long"):
        check_writable(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused_beforehand(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ModelFileError, match="Permission denied"):
        check_writable(tmp_path / "model")


def raw_header(path: Path, text: bytes) -> None:
    path.write_bytes(struct.pack("<Q", len(text)) + text)


def edit_header(name: str, key: str, value: Any) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        header, data = split(path)
        header[name][key] = value
        join(path, header, data)

    return damage


def edit_data(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        header, data = split(path)
        start = header[name]["data_offsets"][0]
        join(path, header, data[:start] + content + data[start + len(content) :])

    return damage


def without(name: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        header, data = split(path)
        start, stop = header.pop(name)["data_offsets"]
        for entry in header.values():
            if entry.get("data_offsets", [0])[0] >= stop:
                entry["data_offsets"] = [offset - (stop - start) for offset in entry["data_offsets"]]
        join(path, header, data[:start] + data[stop:])

    return damage


def offsets(*values: int) -> bytes:
    return np.array(values, dtype="<i8").tobytes()


END = len("".join(WORDS).encode())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "there is no file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"<!DOCTYPE html><html></html>"), "is a web page, not vectors"),
        (lambda path: path.write_bytes(b"\x80\x04\x95" + bytes(100)), "is a Python pickle"),
        (lambda path: path.write_bytes(struct.pack("<Q", 2**63) + bytes(64)), "not a safetensors file"),
        (lambda path: path.write_bytes(struct.pack("<Q", 64) + b"[" * 64), "header is not JSON"),
        (lambda path: path.write_bytes(struct.pack("<Q", 200_000) + b"[" * 200_000), "header is not JSON"),
        (lambda path: path.write_bytes(struct.pack("<Q", 8) + b"\xff" * 8), "header is not JSON"),
        (lambda path: join(path, {"a": int("9" * 4000)}, b""), "malformed entry for a"),
        (lambda path: join(path, [1, 2], b""), "not a table"),
        (lambda path: join(path, {"a": 1}, b""), "malformed entry for a"),
        (lambda path: join(path, {"__metadata__": {"a": 1}}, b""), "metadata that are not text"),
        (lambda path: join(path, {"__metadata__": 7}, b""), "metadata that are not text"),
        (lambda path: join(path, {}, b""), "has no input_vectors"),
        (lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "is a Git LFS pointer"),
        (
            lambda path: join(path, {"emb": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
            "is a safetensors file of another program: it holds emb, and no words",
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is cut short"),
        (without("input_vectors"), "has no input_vectors"),
        (without("word_offsets"), "has no word_offsets"),
        (without("word_bytes"), "has no word_bytes"),
        (edit_header("input_vectors", "shape", [2**40, 2**40]), "malformed entry"),
        (edit_header("input_vectors", "shape", [5, 4]), "in 60 bytes"),
        (edit_header("input_vectors", "shape", [5, -3]), "malformed entry"),
        (edit_header("input_vectors", "shape", [5, True]), "malformed entry"),
        (edit_header("input_vectors", "shape", [5, 3.0]), "malformed entry"),
        (edit_header("input_vectors", "shape", [15]), "not as F32 with 2 axes"),
        (edit_header("input_vectors", "shape", [3, 5]), "has 3 vectors, 5 counts and 6 word_offsets"),
        (edit_header("input_vectors", "dtype", "I32"), "not as F32"),
        (edit_header("input_vectors", "dtype", "O"), "not as F32"),
        (edit_header("input_vectors", "data_offsets", [0, 2**63]), "is cut short"),
        (edit_header("input_vectors", "data_offsets", [60, 0]), "malformed entry"),
        (edit_header("output_vectors", "data_offsets", [88, 148]), "tensors overlap or leave a gap"),
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), "4 bytes after its last tensor"),
        (edit_header("counts", "data_offsets", [-8, 32]), "malformed entry"),
        (lambda path: path.write_bytes(struct.pack("<Q", 2**21) + b" " * 2**21), "a header of 2,097,152 bytes"),
        (lambda path: raw_header(path, b'{"a":{"a":1},"a":{"a":1}}'), "header is not JSON"),
        (
            lambda path: raw_header(path, b'{"a":' * 9000 + b"1" + b"}" * 9000),
            "header is not JSON|malformed entry",  # Python 3.13 can read it
        ),
        (edit_header("input_vectors", "data_offsets", [0]), "malformed entry"),
        (edit_data("word_offsets", offsets(0, 3, 3)), "do not ascend"),
        (edit_data("word_offsets", offsets(1)), "do not ascend"),
        (edit_data("word_offsets", offsets(0, 2**62, -(2**62))), "do not ascend"),
        (edit_data("word_offsets", offsets(0, 1, 2, 3, 4, END - 1)), "do not ascend"),
        (edit_data("word_bytes", b"\xff"), "has a word that is not UTF-8, number 0"),
        (edit_data("word_offsets", offsets(0, 3, 5)), "has a word that is not UTF-8, number 1"),
    ],
)
def test_a_bad_file_is_refused_by_name_and_reason(model: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(model)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_vectors(model)
    assert "model.safetensors" in caught.value.message


def test_a_word_twice_is_refused(tmp_path: Path) -> None:
    write_unchecked(tmp_path / "m", ["a", "a"], COUNTS[:2], {"input_vectors": MATRIX[:2]}, {})
    with pytest.raises(ModelFileError, match="the same word twice"):
        load_vectors(tmp_path / "m")


def test_a_model_without_words_is_refused(tmp_path: Path) -> None:
    write_unchecked(tmp_path / "m", [], COUNTS[:0], {"input_vectors": MATRIX[:0]}, {})
    with pytest.raises(ModelFileError, match="holds no vectors"):
        load_vectors(tmp_path / "m")


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "metadata",
    [
        {"text": "{}"},
        {"config": DEEP, "text": "{}", "loss": DEEP},
        {"config": "{}", "text": DEEP, "loss": '{"a": 1}'},
        {"config": "[]", "text": "{}"},
        {"config": "{}", "text": "3"},
        {"config": '{"dim": ' + "9" * 5000 + "}", "text": "{}"},
        {"config": '{"dim": "x"}', "text": "{}"},
        {"config": '{"model": 7}', "text": "{}"},
        {"config": "{}", "text": '{"errors": "strict", "another": 1}'},
    ],
)
def test_options_that_no_training_can_have_are_refused_and_not_shown(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, WORDS, COUNTS, {"input_vectors": MATRIX}, metadata)
    with pytest.raises(ModelFileError, match="does not say how it was trained"):
        recorded_options(ModelFile(path).metadata, str(path))
    assert summary(ModelFile(path))["loss"] is None
    assert load_model(path).losses == []


@pytest.mark.parametrize("counts", [[9, 5, 3, 2, -1], [2**62, 2**62, 3, 2, 1]])
def test_counts_that_no_text_can_have_are_refused(tmp_path: Path, counts: list[int]) -> None:
    write_unchecked(tmp_path / "model", WORDS, np.array(counts), {"input_vectors": MATRIX}, {})
    with pytest.raises(ModelFileError, match="has counts that no text can have"):
        load_vectors(tmp_path / "model")


@pytest.mark.parametrize("shape", [(5, 2), (4, 3)])
def test_tables_of_different_shapes_are_refused(tmp_path: Path, shape: tuple[int, int]) -> None:
    save(tmp_path / "model", output_vectors=np.ones(shape, np.float32))
    with pytest.raises(ModelFileError, match="has output_vectors of another shape than its 5 words × 3"):
        _ = ModelFile(tmp_path / "model").tables


def test_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path, "is a folder"), (tmp_path / "pipe", "is not a regular file")):
        with pytest.raises(ModelFileError, match=what):
            load_vectors(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_a_named_error_or_a_readable_model(model: Path, data: st.DataObject) -> None:
    content = bytearray(model.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = model.with_name("damaged")
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        vectors = load_vectors(damaged)
    except ModelFileError:
        return
    assert len(set(vectors.words)) == len(vectors.words) == len(vectors.matrix)


def test_a_killed_write_leaves_the_old_model(model: Path) -> None:
    before = model.read_bytes()
    script = (
        "import os, signal, sys; from w2v_cli.storage.atomic import atomic_file\n"
        "with atomic_file(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(model)])
    assert killed.returncode == -9
    assert model.read_bytes() == before
