"""The folder of a run with checkpoints: which files in it are ours, and whether a folder is such a one at all.

Whoever passes a folder on may have put anything into it. Nothing in it is read or replaced before it is known to be a
regular file that a run has written, and a model goes outside it only if the user says so.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from w2v_cli.corpus.encode import FILE_NAMES
from w2v_cli.corpus.resumable import NAME as CORPUS_NAME
from w2v_cli.errors import ModelFileError, TrainingError, W2VError
from w2v_cli.storage.outputs import Named
from w2v_cli.storage.tensors import TensorFile
from w2v_cli.training.checkpoint import NAMES as CHECKPOINT_NAMES
from w2v_cli.training.job import NAME as RUN_NAME
from w2v_cli.training.job import Job, load_job

# The safetensors files of a run, and the entry of their metadata that no other file has.
_MARKS = {CORPUS_NAME: "corpus", **dict.fromkeys(CHECKPOINT_NAMES, "standing")}
NAMES = (RUN_NAME, *FILE_NAMES, *_MARKS)
_HEAD_BYTES = 1 << 10
_SHOWN_NAMES = 3


def files_in(folder: Path) -> list[Named]:
    """Everything that a run with this checkpoint folder writes, apart from its model."""
    names = [Named(str(folder / name), "a file of the checkpoint folder") for name in NAMES]
    return [Named(str(folder), "the checkpoint folder"), *names]


def load_run(folder: Path) -> Job:
    """What the run of a folder was asked to do.

    Raises
    ------
    TrainingError
        If no run was begun in the folder, or one of its files is not of a run.
    ModelFileError
        If run.json cannot be understood.
    """
    _require_own_files(folder)
    return load_job(folder)


def begun_in(folder: Path) -> Job | None:
    """What the run of a folder was asked to do; None if the folder is empty, or is not there yet.

    Raises
    ------
    TrainingError
        If it holds anything else, which a new run could destroy.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if not _is_leftover(name))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrainingError(f"cannot look into {folder}: {error.strerror}", hint="name a new folder") from error
    if not names:
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
    """The whole command that resumes a run, for a shell; with the output, if it must be named."""
    words = ["w2v", "train", "--resume", os.fspath(folder)]
    if output is not None and not is_inside(output, folder):
        words += ["-o", output]
    return shlex.join(words)


def is_inside(path: str, folder: str | os.PathLike[str]) -> bool:
    """Whether a file lies in a folder or in one of its folders, wherever links lead."""
    real = os.path.realpath(folder)
    return os.path.commonpath([real, os.path.realpath(path)]) == real


def _is_leftover(name: str) -> bool:
    """Whether a name is that of a lock, or of a file that a killed process had not finished."""
    return name.startswith(".w2v-") and name.endswith((".lock", ".tmp", ".old"))


def _require_own_files(folder: Path) -> None:
    """Refuse a folder in which a file of one of our names is not one that a run has written."""
    for path in [*(folder / name for name in NAMES), *folder.glob(".w2v-*")]:
        try:
            mode = path.lstat().st_mode
        except OSError:  # it is not there
            continue
        if not stat.S_ISREG(mode):
            what = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            raise TrainingError(
                f"{path} is {what}, and a run has only regular files there",
                hint="remove it; if the folder comes from somebody else, look at the rest of it too",
            )
        if path.name in _MARKS and not _is_kept(path, _MARKS[path.name]):
            raise TrainingError(
                f"{path} is another file than a run would keep there", hint="move it elsewhere, or name another folder"
            )


def _is_kept(path: Path, mark: str) -> bool:
    """Whether a run has written a safetensors file, which may have been damaged since."""
    try:
        return mark in TensorFile(path).metadata
    except ModelFileError:
        pass
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}", hint="mend its permissions") from error
    # The header's length, under 16 MiB, and its first byte; or the mark. Damage rarely takes both.
    return not head or head[3:9] == bytes(5) + b"{" or f'"{mark}":'.encode() in head
