"""The checkpoint folder of a run: which files it has, and whether a folder is such a folder at all.

A folder may come from a stranger, who may have put anything into it. So no file in it is read or replaced before it is
known to be a regular file that a run has written, and a model is written outside the folder only if the user names it.

A folder may be a URL. Then it has no locks, and only the job and the checkpoints are in it: the ids stay on the machine
that trains, and are made again from the texts when the run is resumed.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from w2v_cli.corpus.resumable import NAME as CORPUS_NAME
from w2v_cli.corpus.spool import FILE_NAMES
from w2v_cli.errors import ModelFileError, TrainingError, W2VError
from w2v_cli.storage.outputs import Named
from w2v_cli.storage.remote import Url
from w2v_cli.storage.tensors import TensorFile
from w2v_cli.storage.urls import is_url, local_path
from w2v_cli.training.checkpoint import ALL_NAMES as CHECKPOINT_NAMES
from w2v_cli.training.job import NAME as RUN_NAME
from w2v_cli.training.job import Job, load_job

# The safetensors files of a run, each with a key of its metadata that files of other programs do not have.
_MARKS = {CORPUS_NAME: "corpus", **dict.fromkeys(CHECKPOINT_NAMES, "standing")}
NAMES = (RUN_NAME, *FILE_NAMES, *_MARKS)
_HEAD_BYTES = 1 << 10
_SHOWN_NAMES = 3


def folder_of(path: str | os.PathLike[str]) -> Path | Url:
    """Return the folder that the user has named."""
    name = os.fspath(path)
    return Url(name.rstrip("/")) if is_url(name) else Path(local_path(name))


def files_in(folder: Path | Url) -> list[Named]:
    """Return everything that a run with this checkpoint folder writes, apart from its model."""
    names = [Named(str(folder / name), "a file of the checkpoint folder") for name in NAMES]
    return [Named(str(folder), "the checkpoint folder"), *names]


def load_run(folder: Path | Url) -> Job:
    """Return what the run of a folder has to do.

    Raises
    ------
    TrainingError
        If no run was begun in the folder, or one of its files was not written by a run.
    ModelFileError
        If run.json cannot be understood.
    """
    if isinstance(folder, Path):
        _require_own_files(folder)
    return load_job(folder)


def begun_in(folder: Path | Url) -> Job | None:
    """Return what the run of a folder has to do, or None if the folder is empty or does not exist yet.

    Raises
    ------
    TrainingError
        If the folder holds anything else, which a new run could destroy.
    """
    try:
        listed: Iterable[str] = os.listdir(folder) if isinstance(folder, Path) else folder.names()
        names = sorted(name for name in listed if not _is_leftover(name))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrainingError(f"cannot list {folder}: {error.strerror}", hint="name a new folder") from error
    if not names:
        if isinstance(folder, Path):
            _require_own_files(folder)
        return None
    if RUN_NAME not in names:
        more = ", …" if len(names) > _SHOWN_NAMES else ""
        raise TrainingError(
            f"{folder} is not empty, and no run was begun in it: it holds {', '.join(names[:_SHOWN_NAMES])}{more}",
            hint="--checkpoint takes a new folder",
        )
    try:
        return load_run(folder)
    except W2VError as error:
        raise TrainingError(error.message, hint="--checkpoint takes a new folder") from error


def resume_command(folder: str | os.PathLike[str], output: str | None) -> str:
    """Return the complete shell command that resumes a run, including the output if it must be named."""
    words = ["w2v", "train", "--resume", os.fspath(folder)]
    if output is not None and not is_inside(output, folder):
        words += ["-o", output]
    return shlex.join(words)


def is_inside(path: str, folder: str | os.PathLike[str]) -> bool:
    """Return whether a file lies in a folder or below it, after all links are followed."""
    if is_url(path) or is_url(folder):
        # Some file systems understand `..` as a path does.
        return path.startswith(f"{os.fspath(folder).rstrip('/')}/") and ".." not in path.split("/")
    return Path(os.path.realpath(local_path(path))).is_relative_to(os.path.realpath(folder))


def _is_leftover(name: str) -> bool:
    """Return whether a name is that of a lock, or of a file that a killed process did not finish."""
    return name.startswith(".w2v-") and name.endswith((".lock", ".tmp", ".old"))


def _require_own_files(folder: Path) -> None:
    """Refuse a folder if a file in it has the name of a file of a run, but was not written by a run.

    Raises
    ------
    TrainingError
        If there is such a file.
    """
    for path in [*(folder / name for name in NAMES), *folder.glob(".w2v-*")]:
        try:
            mode = path.lstat().st_mode
        except OSError:  # there is no such file
            continue
        if not stat.S_ISREG(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            raise TrainingError(
                f"{path} is {what}, and a run has only regular files there",
                hint="remove it; if the folder comes from somebody else, look at the rest of it too",
            )
        if path.name in _MARKS and not _was_kept(path, _MARKS[path.name]):
            raise TrainingError(
                f"{path} was not written by a run, although it has the name of a file of a run",
                hint="move it elsewhere, or name another folder",
            )


def _was_kept(path: Path, mark: str) -> bool:
    """Return whether a run has written a safetensors file, even if the file has been damaged since."""
    try:
        return mark in TensorFile(path).metadata
    except ModelFileError:
        pass
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}", hint="check its permissions") from error
    # A safetensors file begins with the length of its header, here under 16 MiB, and a brace. The file is also taken
    # for that of a run if the mark is in it: damage rarely destroys both.
    return not head or head[3:9] == bytes(5) + b"{" or f'"{mark}":'.encode() in head
