"""Run commands that write files in a child process whose system calls are watched; for kill.py and faults.py.

A workplace has three folders. Commands read from `given` and write into `work`, which is their working folder and
contains older outputs. `tmp` takes the place of the system's temporary folder.
"""

from __future__ import annotations

import builtins
import contextlib
import fcntl
import io
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import w2v_cli as w2v
import w2v_cli.cli.main as door
from w2v_cli.config import TrainConfig
from w2v_cli.errors import W2VError
from w2v_cli.training.run import train_model

# The functions that make each kind of system call. `watch` adds reads, writes and memory maps of files.
CALLS: dict[str, list[tuple[Any, str]]] = {
    "open": [(os, "open"), (io, "open"), (builtins, "open")],
    "read": [(os, "pread"), (os, "preadv")],
    "write": [(os, "write"), (os, "pwrite"), (os, "ftruncate")],
    "sync": [(os, "fsync")],
    "rename": [(os, "replace"), (os, "rename")],
    "remove": [(os, "unlink"), (os, "rmdir")],
    "folder": [(os, "mkdir")],
    "list": [(os, "scandir"), (os, "listdir")],
    "map": [],
    "lock": [(fcntl, "flock")],
    "permissions": [(os, "chmod"), (os, "fchmod"), (os, "fchown")],
    "memory": [(np, name) for name in ("empty", "zeros", "ones", "full", "arange", "concatenate")],
    "thread": [(threading.Thread, "start")],
}
# Only an array of at least this many bytes can fail to get its memory.
LARGE_BYTES = 4096
TRAINING = ["--threads", "1", "--dim", "12", "--min-count", "1", "-q"]
Files = dict[str, bytes]


@dataclass(frozen=True)
class Command:
    """A command that writes files.

    Attributes
    ----------
    arguments : The arguments of `w2v`, or "save" and the path to which `Model.save` writes.
    outputs : The names of the files that it writes, the main one first.
    """

    arguments: tuple[str, ...]
    outputs: tuple[str, ...] = ()

    def work(self) -> None:
        """Run the command, and end this process."""
        if self.arguments[0] != "save":
            door.run(self.arguments)
        try:
            w2v.load("../given/model.safetensors").save(self.arguments[1])
        # Any other exception is a bug, and in_child prints its traceback.
        except (W2VError, MemoryError, RuntimeError) as error:
            sys.exit(door.explain(error))

    def rehearse(self) -> None:
        """Run the command in a process that lives on, so that its children have everything imported and compiled."""
        aside = io.TextIOWrapper(io.BytesIO())
        with contextlib.redirect_stdout(aside), contextlib.redirect_stderr(aside):
            if self.arguments[0] == "save":
                w2v.load("../given/model.safetensors").save(self.arguments[1])
            else:
                door.w2v.main(self.arguments, standalone_mode=False)


def _convert(target: str, *others: str) -> Command:
    return Command(("convert", "../given/model.safetensors", target), (target, *others))


_TRAIN = ("train", "../given/text", *TRAINING, "--epochs", "3", "-o", "model")
_PHRASES = ("phrases", "../given/text", "--threshold", "1", "--threads", "2", "-q", "-o")
WRITERS = {
    "convert .npy": _convert("a.npy", "a_words.txt"),
    "convert .tsv": _convert("a.tsv", "a_metadata.tsv"),
    "convert .npy.gz": _convert("a.npy.gz", "a_words.txt.gz"),
    "convert .txt": _convert("a.txt"),
    "convert .vec.gz": _convert("a.vec.gz"),
    "convert .bin": _convert("a.bin"),
    "convert .glove": _convert("a.glove"),
    "convert .safetensors": _convert("a.safetensors"),
    "convert .safetensors.gz": _convert("a.safetensors.gz"),
    "convert --format projector": Command(
        ("convert", "../given/model.safetensors", "look", "--format", "projector"),
        ("look/projector_config.pbtxt", "look/vectors.tsv", "look/words.tsv"),
    ),
    "explore": Command(("explore", "../given/model.safetensors", "-o", "map.html", "--layout", "pca"), ("map.html",)),
    "plot": Command(("plot", "../given/model.safetensors", "-o", "map.svg", "--words", "30"), ("map.svg",)),
    "phrases": Command((*_PHRASES, "joined.txt"), ("joined.txt",)),
    "phrases .gz": Command((*_PHRASES, "joined.txt.gz"), ("joined.txt.gz",)),
    "Python's save .safetensors": Command(("save", "a.safetensors"), ("a.safetensors",)),
    "Python's save .npy": Command(("save", "a.npy"), ("a.npy", "a_words.txt")),
    "Python's save .txt": Command(("save", "a.txt"), ("a.txt",)),
}
OTHERS = {
    "vocab": Command(("vocab", "../given/text")),
    "train": Command(_TRAIN, ("model",)),
    "train --checkpoint": Command((*_TRAIN, "--checkpoint", "run", "--checkpoint-every", "0.002s"), ("model",)),
    "train --resume": Command(("train", "--resume", "run", "--epochs", "3", "-o", "model", "-q"), ("model",)),
}


@dataclass(frozen=True)
class End:
    """How a child process ended: its exit status and what it printed."""

    code: int
    stdout: bytes
    stderr: str


class Workplace:
    """The folders of one command, with an older output that was made from other inputs.

    Attributes
    ----------
    before : The files in `work` when the command begins.
    old, new : The command's outputs before it runs and after.
    answer : What it prints.
    """

    def __init__(self, folder: Path, command: Command, dice: random.Random, tokens: int, words: int) -> None:
        self.folder, self.command = folder, command
        self.given, self.work, self.tmp = (folder / name for name in ("given", "work", "tmp"))
        for place in (self.given, self.work, self.tmp):
            place.mkdir(parents=True)
        # The arguments of a command contain paths relative to this folder.
        os.chdir(self.work)
        self.old, self.new = Files(), Files()
        for _ in range(2):
            self.old = self.new
            write_text(self.given / "text", dice, tokens, words)
            config = TrainConfig(threads=1, dim=12, min_count=1, epochs=3, loss="hs")
            train_model([str(self.given / "text")], config, output=self.given / "model.safetensors")
            empty(self.work)
            if "--resume" in command.arguments:
                config = TrainConfig(threads=1, dim=12, min_count=1, epochs=1)
                train_model(["../given/text"], config, output="model", checkpoint="run")
            self.before = contents(self.work) | self.old
            self.begin()
            command.rehearse()
            self.begin()
            end = self.run()
            if end.code:
                sys.exit(f"Error: {command.arguments} ended with {end.code}: {end.stderr}")
            self.answer, self.new = end.stdout, self.outputs()
        self.names, self.inputs = sorted(self.new), contents(self.given)

    def begin(self) -> None:
        """Restore `work` and `tmp` as they were before the command."""
        empty(self.work)
        empty(self.tmp)
        for name, data in self.before.items():
            path = self.work / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)

    def run(self, prepare: Callable[[], object] = lambda: None, seconds: float = 600, again: bool = False) -> End:
        """Run the command in a child process.

        Parameters
        ----------
        prepare : Called in the child before the command.
        seconds : Kill the child after this time.
        again : Resume the command's training run if it has a checkpoint folder, instead of beginning a new one.
        """
        command = self.command
        if again and "--checkpoint" in command.arguments and Path("run", "run.json").exists():
            command = OTHERS["train --resume"]
        said = self.folder / "stdout", self.folder / "stderr"

        def work() -> None:
            prepare()
            command.work()

        code = in_child(work, seconds, said, self.tmp)
        return End(code, said[0].read_bytes(), said[1].read_text(errors="replace"))

    def outputs(self) -> Files:
        """Return the outputs that exist."""
        return {name: Path(name).read_bytes() for name in self.command.outputs if Path(name).exists()}

    def faults_after_all(self) -> list[str]:
        """Run the command once more, undisturbed, and return a description of everything that is wrong then."""
        end = self.run(again=True)
        faults = [f"the next run ended with {end.code}: {end.stderr.strip()}"] if end.code else []
        if self.outputs() != self.new or end.stdout != self.answer:
            faults.append("the next run made something else")
        # The files in a checkpoint folder are not compared, because they depend on how many checkpoints were written.
        found = [name for name in contents(self.work) if ".w2v-" in name or not name.startswith("run/")]
        if sorted(found) != self.names:
            faults.append(f"left in the end: {sorted(found)}")
        if contents(self.given) != self.inputs:
            faults.append("an input has changed")
        return faults


def in_child(
    work: Callable[[], object], seconds: float, said: tuple[Path, Path] | None = None, tmp: Path | None = None
) -> int:
    """Do some work in a child process, and return its exit status.

    Parameters
    ----------
    seconds : Kill the child after this time.
    said : Files for its stdout and stderr, or None to share this process's.
    tmp : The folder for its temporary files, or None for the system's.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            if said is not None:
                for descriptor, path in zip((1, 2), said, strict=True):
                    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
            tempfile.tempdir = None if tmp is None else str(tmp)
            work()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    killer = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
    killer.start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    killer.cancel()
    killer.join()
    return status


def watch(kinds: Collection[str], meet: Callable[[bool], None]) -> None:
    """Have `meet` called before (False) and after (True) every call of these kinds, for the rest of the process."""

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            meet(False)
            result = call(*arguments, **options)
            meet(True)
            return result

        return wrapper

    def watched_memory(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            if result.nbytes >= LARGE_BYTES:
                meet(False)
                meet(True)
            return result

        return wrapper

    for kind in kinds:
        for owner, name in CALLS[kind]:
            setattr(owner, name, (watched_memory if kind == "memory" else watched)(getattr(owner, name)))
    if "map" in kinds:
        watched_map: Any = type("mmap", (mmap.mmap,), {"__new__": watched(mmap.mmap.__new__)})
        mmap.mmap = watched_map  # type: ignore[misc]
    # Python's file objects make their system calls in C, not through the functions of CALLS.
    methods = {"read": ("readinto", "readall"), "write": ("write", "truncate")}
    own = {name: watched(getattr(io.FileIO, name)) for kind in kinds for name in methods.get(kind, ())}
    if own:
        opened, raw_file = io.open, type("FileIO", (io.FileIO,), own)

        def open_watched(file: Any, mode: str = "r", buffering: int = -1, *others: Any, **options: Any) -> Any:
            if "b" not in mode or buffering == 0:
                return opened(file, mode, buffering, *others, **options)
            raw = raw_file(file, mode.replace("b", ""), options.get("closefd", True), options.get("opener"))
            kind = io.BufferedRandom if "+" in mode else io.BufferedReader if "r" in mode else io.BufferedWriter
            return kind(raw)

        io.open = builtins.open = open_watched


def contents(folder: Path) -> Files:
    """Return every file below a folder: relative path → content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def empty(folder: Path) -> None:
    """Remove everything in a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_text(path: Path, dice: random.Random, tokens: int, words: int = 200) -> None:
    """Write a text of random words in lines of nine. Some words are frequent, most are rare."""
    chosen = [f"w{dice.randrange(1 + dice.randrange(words))}" for _ in range(tokens)]
    path.write_text("\n".join(" ".join(chosen[i : i + 9]) for i in range(0, tokens, 9)))
