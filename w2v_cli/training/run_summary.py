"""Describe a checkpoint folder: what its run is to do, how far it has come, and how to resume it."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from w2v_cli.corpus.resumable import NAME as CORPUS_NAME
from w2v_cli.errors import ModelFileError
from w2v_cli.storage.tensors import TensorFile, parse_json
from w2v_cli.training.checkpoint import NAMES as CHECKPOINT_NAMES
from w2v_cli.training.run_folder import load_run, resume_command
from w2v_cli.training.schedule import block_count


def run_summary(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the facts about the run of a checkpoint folder; None stands for what is not known yet.

    Only descriptions are read, so a damaged table is noticed when the run is resumed, and not here.

    Returns
    -------
    folder · format : "checkpoint" · corpus : its paths · output : the model file.
    words, corpus_tokens : None until the corpus has been read.
    saved : when the newest checkpoint was saved, ISO 8601, UTC; None if there is none.
    epochs_done, epochs, blocks_done, blocks : how much is done, and how much there is to do, in all epochs together.
    finished : whether nothing is left to do · loss : after each epoch that has ended, nats per prediction.
    resume : the command that resumes the run.
    config : the options for training and for reading the text.

    Raises
    ------
    TrainingError
        If no run was begun in the folder.
    ModelFileError
        If its run.json cannot be understood.
    """
    path = Path(folder)
    job = load_run(path)
    corpus, newest = _description(path / CORPUS_NAME, "corpus"), _newest(path)
    tokens = corpus.get("token_count")
    epoch_blocks = block_count(tokens) if isinstance(tokens, int) and tokens > 0 else None
    blocks = None if epoch_blocks is None else epoch_blocks * job.config.epochs
    block, losses, saved = newest or (0, [], None)
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
        "finished": blocks is not None and block >= blocks,
        "loss": losses,
        "resume": resume_command(folder, job.output),
        "config": {**job.config.as_dict(), **vars(job.texts.options)},
    }


def _newest(folder: Path) -> tuple[int, list[float], str] | None:
    """Return the block of the newest checkpoint, its losses, and when it was saved."""
    found = []
    for name in CHECKPOINT_NAMES:
        block = _description(folder / name, "standing").get("block")
        if isinstance(block, int):
            losses = np.array(TensorFile(folder / name).tensor("losses", "F64", axes=1))
            saved = datetime.fromtimestamp((folder / name).stat().st_mtime, timezone.utc)
            found.append((block, losses[np.isfinite(losses)].tolist(), saved.isoformat(timespec="seconds")))
    return max(found, default=None)


def _description(path: Path, key: str) -> dict[str, Any]:
    """Return what the metadata of a file say under a key, and how many words it has; nothing if it is damaged."""
    try:
        file = TensorFile(path)
        described = parse_json(file.metadata[key])
    except (ModelFileError, KeyError, ValueError):
        return {}
    words = {"words": len(file.tensor("counts", "I64", axes=1))} if file.dtype("counts") == "I64" else {}
    return {**described, **words} if isinstance(described, dict) else {}
