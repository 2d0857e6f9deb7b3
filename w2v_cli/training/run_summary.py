"""Describe a checkpoint folder: what its run is to do, how far it has come, and how to resume it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from w2v_cli.corpus.resumable import NAME as CORPUS_NAME
from w2v_cli.errors import ModelFileError
from w2v_cli.storage.remote import Url
from w2v_cli.storage.tensors import TensorFile, parse_json
from w2v_cli.training.checkpoint import ALL_NAMES as CHECKPOINT_NAMES
from w2v_cli.training.run_folder import folder_of, load_run, resume_command
from w2v_cli.training.schedule import block_count
from w2v_cli.training.validation import best_epoch, stops_early


def run_summary(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the facts about the run of a checkpoint folder; None stands for what is not known yet.

    Only descriptions are read, so a damaged table is noticed when the run is resumed, and not here.

    Returns
    -------
    folder · format : "checkpoint" · corpus : its paths · output : the model file.
    words, corpus_tokens : None until the corpus has been read.
    saved : when the newest checkpoint was saved, ISO 8601, UTC; None if there is none, or the folder is a URL.
    epochs_done, epochs, blocks_done, blocks : how much is done, and how much there is to do, in all epochs together.
    finished : whether nothing is left to do · loss : after each epoch that has ended, nats per prediction.
    validation_loss : the same on held-out text, only of a run that has some · best_epoch : the epoch with the least,
        counted from 1, only of a run that stops early.
    resume : the command that resumes the run.
    config : the options for training and for reading the text; how much is subsampled by default is known when the text
        has been read.

    Raises
    ------
    TrainingError
        If no run was begun in the folder.
    ModelFileError
        If its run.json cannot be understood.
    """
    path = folder_of(folder)
    job = load_run(path)
    corpus, newest = _description(_opened(path / CORPUS_NAME), "corpus"), _newest(path)
    tokens = corpus.get("token_count")
    config, epoch_blocks = job.config, None
    if isinstance(tokens, int) and tokens > 0:
        epoch_blocks = block_count(tokens)
        config = replace(config, subsample=config.subsample_share(tokens))
    blocks = None if epoch_blocks is None else epoch_blocks * job.config.epochs
    block, losses, validated, saved = newest or (0, [], [], None)
    early = stops_early(np.array(validated), job.config.stop_early)
    return {
        "folder": os.fspath(folder),
        "format": "checkpoint",
        "corpus": list(job.texts.paths),
        "output": job.output,
        "words": corpus.get("words"),
        "corpus_tokens": tokens,
        "saved": saved,
        "epochs_done": len(losses),
        "epochs": job.config.epochs,
        "blocks_done": block,
        "blocks": blocks,
        "finished": blocks is not None and (block >= blocks or early),
        "loss": losses,
        **({} if job.config.validate is None else {"validation_loss": validated}),
        **({} if job.config.stop_early is None else {"best_epoch": best_epoch(np.array(validated))}),
        "resume": resume_command(folder, job.output),
        "config": {**config.as_dict(), **job.texts.options.as_dict()},
    }


def _newest(folder: Path | Url) -> tuple[int, list[float], list[float], str | None] | None:
    """Return the block of the newest checkpoint, its losses, those on held-out text, and when it was saved."""
    found = []
    for name in CHECKPOINT_NAMES:
        file = _opened(folder / name)
        block = _description(file, "standing").get("block")
        if file is not None and isinstance(block, int):
            found.append((block, _losses(file, "losses"), _losses(file, "validation_losses"), _time_of(folder / name)))
    return max(found, key=lambda item: item[0], default=None)


def _losses(file: TensorFile, name: str) -> list[float]:
    """Return the losses of the epochs that have ended; none if the run does not measure them."""
    if file.dtype(name) is None:
        return []
    losses = np.array(file.tensor(name, "F64", axes=1))
    known: list[float] = losses[np.isfinite(losses)].tolist()
    return known


def _time_of(path: Path | Url) -> str | None:
    """Return when a file was written, in UTC."""
    if not isinstance(path, Path):
        return None
    return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).isoformat(timespec="seconds")


def _opened(path: Path | Url) -> TensorFile | None:
    """Return a file of the folder, or None if it is missing or damaged."""
    try:
        return TensorFile(path)
    except ModelFileError:
        return None


def _description(file: TensorFile | None, key: str) -> dict[str, Any]:
    """Return what the metadata of a file say under a key, and how many words it has; nothing if it is damaged."""
    if file is None:
        return {}
    try:
        described = parse_json(file.metadata[key])
    except (KeyError, ValueError):
        return {}
    words = {"words": len(file.tensor("counts", "I64", axes=1))} if file.dtype("counts") == "I64" else {}
    return {**described, **words} if isinstance(described, dict) else {}
