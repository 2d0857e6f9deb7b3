"""Compiled code on disk: whatever is wrong with a file or a folder, the code is compiled again and the run goes on."""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from w2v_cli.compute.jit import COMPILES

if not COMPILES:
    pytest.skip("numba does not compile here", allow_module_level=True)

import numba

from w2v_cli.compute import code_cache
from w2v_cli.compute.code_cache import CodeCache, cache_folders, listening, why_not_kept


def add_one(number: int) -> int:
    return number + 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that compiled code is saved in."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(code_cache, "_failures", [])
    monkeypatch.setattr(code_cache, "cache_folders", cache_folders.__wrapped__)
    return code_cache.cache_folders()[0]


def compilations(number: Any = 1) -> int:
    """Return how many functions a new process would compile to call `add_one`."""
    dispatcher: Any = numba.njit(add_one)
    dispatcher._cache = CodeCache(add_one, "sources")
    begun: list[None] = []
    with listening(lambda: begun.append(None)):
        assert dispatcher(number) == number + 1
    return len(begun)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda code: b"",
    "one byte": lambda code: code[:1],
    "the digest alone": lambda code: code[:32],
    "half": lambda code: code[: len(code) // 2],
    "all but one byte": lambda code: code[:-1],
    "one bit in the middle": lambda code: code[:5000] + bytes([code[5000] ^ 1]) + code[5001:],
    "zeros at the end": lambda code: code[:-4096] + bytes(4096),
    "random bytes": lambda code: os.urandom(len(code)),
    "a pickle of something else": lambda code: pickle.dumps({"a": 1}),
    "a pickle of numba's index": lambda code: pickle.dumps(numba.__version__) + pickle.dumps(("stamp", {})),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_compiled_again_and_replaced(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    assert [compilations(), compilations()] == [1, 0]
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert [compilations(), compilations()] == [1, 0]
    assert list(folder.iterdir()) == [path] and why_not_kept() is None


def test_the_code_of_another_signature_is_not_believed(folder: Path) -> None:
    compilations(1)
    (path,) = folder.iterdir()
    compilations(1.0)
    (other,) = set(folder.iterdir()) - {path}
    shutil.copy(other, path)
    assert [compilations(1), compilations(1)] == [1, 0]


def test_a_folder_in_the_place_of_a_file_does_no_harm(folder: Path) -> None:
    compilations()
    (path,) = folder.iterdir()
    path.unlink()
    path.mkdir()
    assert compilations() == 1
    assert list(folder.iterdir()) == [path]
    assert why_not_kept() == f"{folder}: Is a directory"


def test_a_disk_that_is_full_does_no_harm_and_nothing_is_left_on_it(folder: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert compilations() == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(folder.iterdir()) == []
    assert why_not_kept() == f"{folder}: File too large"
    assert [compilations(), compilations()] == [1, 0]


def test_a_file_that_must_not_be_read_is_compiled_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(path: Path) -> bytes:
        raise PermissionError(path)

    compilations()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", forbid)
        assert compilations() == 1
    assert compilations() == 0


def test_code_goes_into_the_next_folder_if_the_first_cannot_be_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(code_cache, "cache_folders", lambda: [tmp_path / "file" / "cache", tmp_path / "second"])
    assert [compilations(), compilations()] == [1, 0]
    assert len(list((tmp_path / "second").iterdir())) == 1 and why_not_kept() is None


def test_code_of_another_numba_is_replaced_and_of_another_processor_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compilations()
    with monkeypatch.context() as patch:
        patch.setattr(numba.core.codegen.CPUCodegen, "magic_tuple", lambda self: ("another", "processor", ""))
        assert [compilations(), compilations()] == [1, 0]
    assert compilations() == 0
    with monkeypatch.context() as patch:
        patch.setattr(numba, "__version__", "0.1")
        assert [compilations(), compilations()] == [1, 0]
        assert len(list(folder.iterdir())) == 1
    assert [compilations(), compilations()] == [1, 0]


def test_without_a_home_there_is_no_folder_called_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert [path.is_absolute() for path in cache_folders.__wrapped__()] == [True, True]
    # Without a home directory, `expanduser` leaves ~ as it is.
    monkeypatch.setenv("HOME", "~")
    assert cache_folders.__wrapped__() == [ROOT / "w2v_cli" / "__pycache__"]


def start(*arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for a program to succeed, and return what it has written."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out, err


def test_first_runs_at_once_all_answer_and_what_is_damaged_afterwards_is_compiled_again(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a b a\n" * 9)

    def vocab() -> subprocess.Popen[str]:
        cache = str(tmp_path / "cache")
        return start("-m", "w2v_cli", "vocab", "text.txt", folder=tmp_path, PYTHONPATH=str(ROOT), NUMBA_CACHE_DIR=cache)

    def answered(process: subprocess.Popen[str]) -> tuple[str, str]:
        out, err = ended(process)
        # In a log, every line begins with the time of day.
        return out, err[len("14:03:21 ") :]

    answers = [answered(process) for process in [vocab(), vocab()]]
    assert answers == [("a\t18\nb\t9\n", "Compiling for this processor\n")] * 2
    # "Compiling" is not printed if code is only loaded.
    assert ended(vocab()) == ("a\t18\nb\t9\n", "")
    files = sorted((tmp_path / "cache").glob("*/*"))
    assert {path.suffix for path in files} == {".nbc"}
    for path, damage in zip(files, [*DAMAGES.values()] * len(files), strict=False):
        path.write_bytes(damage(path.read_bytes()))
    assert answered(vocab()) == answers[0]
    assert ended(vocab()) == ("a\t18\nb\t9\n", "")
    assert sorted((tmp_path / "cache").glob("*/*")) == files


def test_where_no_folder_can_be_written_one_line_says_so_and_names_the_cure(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "w2v_cli", tmp_path / "w2v_cli", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "w2v_cli" / "__pycache__").touch()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "text.txt").write_text("a b a\n" * 9)
    nowhere = {"HOME": "~", "XDG_CACHE_HOME": "", "NUMBA_CACHE_DIR": "", "PYTHONPATH": str(tmp_path)}
    out, err = ended(start("-m", "w2v_cli", "vocab", "text.txt", folder=tmp_path / "here", **nowhere))
    assert out == "a\t18\nb\t9\n"
    compiling, trouble = (line[len("14:03:21 ") :] for line in err.splitlines())
    assert compiling.startswith("Compiling")
    assert trouble.startswith(f"Compiled code cannot be kept ({tmp_path}/w2v_cli/__pycache__: ")
    assert "NUMBA_CACHE_DIR" in trouble
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["text.txt"]


def test_children_of_a_fork_train_the_same_bytes_as_their_parent(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a b c d a c\n" * 99)
    program = (
        "import multiprocessing, warnings\n"
        "import w2v_cli as w2v\n"
        "warnings.simplefilter('ignore', DeprecationWarning)  # Python 3.12: of forks with threads\n"
        "def train(number):\n"
        "    model = w2v.train('text.txt', min_count=1, dim=8, epochs=1, threads=1)\n"
        "    return model.vectors.tobytes()\n"
        "parent = train(0)\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print([child == parent for child in pool.map(train, range(2))])\n"
    )
    process = start("-c", program, folder=tmp_path, PYTHONPATH=str(ROOT))
    assert ended(process)[0] == "[True, True]\n"


def test_nothing_is_compiled_within_the_trial_that_the_time_is_estimated_from(tmp_path: Path) -> None:
    # Subsampling drops the first two tokens, and keeps some of the others.
    (tmp_path / "text.txt").write_text("a b c d\n" * 99)
    program = (
        "from w2v_cli.compute.code_cache import CodeCache\n"
        "from w2v_cli.config import TrainConfig\n"
        "from w2v_cli.corpus.encode import encode\n"
        "from w2v_cli.corpus.texts import Texts\n"
        "from w2v_cli.training.trainer import Trainer\n"
        "with encode(Texts(['text.txt']), 1, None, 1, '.') as corpus:\n"
        "    trainer = Trainer(TrainConfig(min_count=1, subsample=1e-3, threads=1), corpus)\n"
        "    # Every function that is not in memory yet is looked up in the cache before it is compiled.\n"
        "    looked_up, load = [], CodeCache.load_overload\n"
        "    CodeCache.load_overload = lambda *arguments: looked_up.append(None) or load(*arguments)\n"
        "    trainer.compile()\n"
        "    before = len(looked_up)\n"
        "    trainer.estimate_seconds()\n"
        "    print(before > 0, len(looked_up) - before)\n"
    )
    assert ended(start("-c", program, folder=tmp_path, PYTHONPATH=str(ROOT)))[0] == "True 0\n"
