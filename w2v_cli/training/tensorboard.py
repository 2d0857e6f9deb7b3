"""Write the logs of runs as TensorBoard's event files. Needs the extra `tensorboard`."""

from __future__ import annotations

import calendar
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from w2v_cli.errors import ConfigError, MissingExtraError, ModelFileError
from w2v_cli.storage.atomic import atomic_file
from w2v_cli.storage.outputs import Named, require_apart
from w2v_cli.storage.siblings import naming
from w2v_cli.storage.urls import is_url
from w2v_cli.training.run_log import COLUMNS, VALIDATION_LOSS, RunLog

# TensorBoard recognises its files by `tfevents`. The name is always the same, so that writing a log again replaces it.
NAME = "events.out.tfevents.w2v"


def write_tensorboard(logs: Sequence[RunLog], folder: str | os.PathLike[str]) -> list[str]:
    """Write the steps and the epochs of runs; the step of TensorBoard is the number of words.

    Parameters
    ----------
    folder : made if it is missing. Each run gets a folder in it, named after its log, with one event file.

    Returns
    -------
    The event files.

    Raises
    ------
    MissingExtraError
        If tensorboardX is not installed.
    ConfigError
        If two logs have the same name.
    ModelFileError
        If the folder is not on this machine, or a file cannot be written.
    """
    # A path would merge the slashes of a URL, and make a folder called `s3:`.
    if is_url(folder) or not os.fspath(folder):
        raise ModelFileError(f"{os.fspath(folder)!r} is not a folder of this machine", hint="name one, and copy it")
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise MissingExtraError("writing files for TensorBoard", "tensorboardX") from None
    targets = [Path(folder) / Path(log.path).stem / NAME for log in logs]
    if len(set(targets)) < len(targets):
        raise ConfigError("two logs have the same name, and would get the same folder", hint="rename one")
    require_apart(
        [Named(str(target), "the events") for target in targets], [Named(log.path, "the log") for log in logs]
    )
    for log, target in zip(logs, targets, strict=True):
        with naming(target), tempfile.TemporaryDirectory() as made:
            target.parent.mkdir(parents=True, exist_ok=True)
            with SummaryWriter(made, write_to_disk=True) as writer:
                _add(log, writer.add_scalar)
            [written] = Path(made).iterdir()
            with atomic_file(target) as file, written.open("rb") as source:
                shutil.copyfileobj(source, file)
    return [str(target) for target in targets]


def _add(log: RunLog, add_scalar: Callable[..., None]) -> None:
    """Add every value of a log: of the losses only those that were measured, not their repetitions."""
    begun, measured = _seconds_since_1970(log.start.get("time")), set(log.losses)
    for name in COLUMNS[3:]:
        for words, seconds, value in zip(log.steps["words"], log.steps["seconds"], log.steps[name], strict=True):
            if value is not None and (name != "loss" or (words, value) in measured):
                add_scalar(name, value, words, begun + (seconds or 0.0))
    for epoch in log.epochs:
        for name in ("loss", VALIDATION_LOSS, "words_per_second"):
            if epoch.get(name) is not None:
                add_scalar(f"epoch/{name}", epoch[name], epoch["epoch"], begun + (epoch["seconds"] or 0.0))


def _seconds_since_1970(moment: object) -> float:
    """Return the time of a start event as a number, or 0 if it is none."""
    try:
        return float(calendar.timegm(time.strptime(str(moment), "%Y-%m-%dT%H:%M:%SZ")))
    except ValueError:
        return 0.0
