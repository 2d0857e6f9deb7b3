"""What macOS and Windows lack is hidden, and w2v writes the same files without it."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, everything

from w2v_cli.compute.jit import COMPILES
from w2v_cli.corpus.spool import Spool
from w2v_cli.errors import ModelFileError
from w2v_cli.storage import system
from w2v_cli.storage.atomic import atomic_file
from w2v_cli.storage.locks import exclusive

# Python and the packages come first: they have their own ways on every system. A file that is open cannot be renamed or
# removed, a folder cannot be opened, and nothing of Linux can be read.
HIDING = """
import builtins, ctypes, gzip, json, mmap, os, secrets, shutil, signal, sys, tempfile
import click, numpy, threadpoolctl
try:
    import isal.igzip, numba.core.caching, numba.misc.appdirs
except ImportError:
    pass

def gone(module, names):
    for name in names:
        vars(module).pop(name, None)

shutil._use_fd_functions = False
for name in ("fcntl", "resource", "readline", "termios", "pwd", "grp", "_posixsubprocess"):
    sys.modules[name] = None
gone(os, "pread preadv pwrite pwritev sched_getaffinity sysconf statvfs fchmod fchown chown fork getuid".split())
gone(os, "mkfifo register_at_fork getloadavg O_NOFOLLOW O_NONBLOCK O_DIRECTORY O_CLOEXEC".split())
gone(signal, "SIGHUP SIGKILL SIGUSR1 SIGUSR2 SIGPIPE SIGALRM SIGCHLD SIGQUIT SIGTSTP setitimer alarm".split())
gone(mmap, [name for name in vars(mmap) if name.startswith(("MAP_", "PROT_", "MADV_"))])
gone(sys, ["abiflags"])
listdir, readlink, isdir = os.listdir, os.readlink, os.path.isdir

def watched(function, closed):
    def call(*paths, **options):
        for path in paths[:2]:
            if isinstance(path, (str, os.PathLike)):
                if os.fspath(path).startswith(("/dev/fd", "/proc", "/sys")) and path != "/proc/self/maps":
                    raise FileNotFoundError(2, "hidden", str(path))
                if closed and any(os.path.realpath(path) == target_of(number) for number in listdir("/proc/self/fd")):
                    raise PermissionError(13, "open", str(path))
        return function(*paths, **options)
    return call

def target_of(number):
    try:
        return readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:
        return None

for module, names in ((os, "open stat replace rename unlink remove"), (builtins, "open")):
    for name in names.split():
        closed = name in ("replace", "rename", "unlink", "remove")
        setattr(module, name, watched(getattr(module, name), closed))

from w2v_cli.storage import system
system.MOVES_OPEN_FILES = False
"""
# What is done with w2v and without those parts of the system, in the same way.
WORK = """
import w2v_cli
from w2v_cli.cli.main import run

def w2v(line):
    try:
        run(line.split())
    except SystemExit as end:
        assert end.code == 0, line

TRAIN = "train corpus.txt --dim 4 --epochs 2 --min-count 1 --threads 1 --quiet"
w2v(f"{TRAIN} --checkpoint run --log log.jsonl --validate 0.1 -o model.safetensors")
w2v("train --resume run -o again.safetensors --quiet")
w2v(f"{TRAIN} --model cbow --engine reference --threads 2 -o cbow.safetensors --json")
for _ in range(2):
    w2v("convert again.safetensors pair.npy")
w2v("similar -m again.safetensors a")
sentences = [line.split() for line in open("corpus.txt")]
w2v_cli.train(sentences, dim=4, min_count=1, threads=1, validate=sentences[:20]).save("sentences.safetensors")
"""


def run(script: str, folder: Path) -> str:
    """Run a script in a folder that holds only a text; return what it prints."""
    folder.mkdir()
    (folder / "tmp").mkdir()
    (folder / "corpus.txt").write_text("a b c d\ne a\n" * 50 + "f a b\n" * 100)
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT), "W2V_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_what_other_systems_lack_the_files_are_the_same(tmp_path: Path) -> None:
    run(WORK, tmp_path / "here")
    shown = run(HIDING + WORK + "print(w2v_cli.compute.jit.COMPILES)", tmp_path / "elsewhere")
    assert shown.splitlines()[-1] == str(COMPILES)
    here, elsewhere = everything(tmp_path / "here"), everything(tmp_path / "elsewhere")
    # The log and run.json hold times and the folder.
    assert [name for name in here if here[name] != elsewhere.get(name)] == ["log.jsonl", "run/run.json"]
    assert "run/checkpoint-0.safetensors" in here and os.listdir(tmp_path / "elsewhere" / "tmp") == []


def test_a_lock_is_none_if_the_system_has_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with exclusive(tmp_path / "a"), pytest.raises(ModelFileError, match="another run"), exclusive(tmp_path / "a"):
        pass
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with exclusive(tmp_path / "a"), exclusive(tmp_path / "a"), atomic_file(tmp_path / "a") as file:
        file.write(b"x")
    assert everything(tmp_path) == {"a": b"x"}


@pytest.mark.parametrize("missing", [(), ("preadv", "pwrite")], ids=str)
def test_positions_are_read_and_written_by_several_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    for name in missing:
        monkeypatch.delattr(os, name)
    numbers = np.arange(10_000, dtype=np.int32)
    with closing(Spool.temporary(tmp_path)) as spool, ThreadPoolExecutor(4) as pool:
        starts = range(0, len(numbers), 100)
        list(pool.map(lambda start: spool.write_ids(start, numbers[start : start + 100]), starts))
        spool.finish(len(numbers))
        read = list(pool.map(lambda start: spool.read(start, start + 100)[0], starts))
        assert np.concatenate(read).tolist() == numbers.tolist()
        assert np.concatenate(list(spool.id_chunks())).tolist() == numbers.tolist()


@pytest.mark.parametrize("shares", [False, True])
def test_a_file_without_a_name_is_opened_again_at_the_start_or_has_a_name(
    monkeypatch: pytest.MonkeyPatch, shares: bool
) -> None:
    if shares:  # as on macOS, where opening /dev/fd/3 duplicates the descriptor
        real = os.open

        def duplicating(path: Any, *rest: Any, **options: Any) -> int:
            return os.dup(int(path[8:])) if "/dev/fd/" in str(path) else real(path, *rest, **options)

        monkeypatch.setattr(os, "open", duplicating)
    with system.nameless_file() as (file, path):
        assert system.is_stand_in(path) == shares
        file.write(b"a b")
        file.flush()
        assert Path(path).read_bytes() == b"a b" and file.tell() == 3
    assert not Path(path).exists() or not shares
