"""Checkpoints: parameters and standing of a run in one file, of which the last two are kept.

A checkpoint is written beside the older of the two and then renamed onto it, so whenever the machine stops there is a
whole one. Its checksum says whether it is; if not, the other one is taken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.engines.parameters import Parameters
from w2v_cli.engines.sampling import STEP_RULE
from w2v_cli.errors import ModelFileError, TrainingError
from w2v_cli.storage.locks import remove_leftovers
from w2v_cli.storage.tensors import TensorFile, checksum, parse_json, word_tensors, write_tensors
from w2v_cli.training.loss_sample import LOSS_RULE
from w2v_cli.training.schedule import BLOCK_ORDER, BLOCK_TOKENS, block_count
from w2v_cli.training.state import RunState

# What blocks, steps and losses are in this version. A checkpoint of a version where they were others is refused.
SHARES = {"block_tokens": BLOCK_TOKENS, "order": BLOCK_ORDER, "steps": STEP_RULE, "loss": LOSS_RULE}
NAMES = ("checkpoint-0.safetensors", "checkpoint-1.safetensors")


class Checkpoints:
    """The two checkpoints of a folder.

    Parameters
    ----------
    folder : it exists, and nobody else writes in it.
    corpus : a checkpoint of another text, or of other words of it, is refused.

    Attributes
    ----------
    damaged : the names of files that hold no whole checkpoint.
    """

    def __init__(self, folder: Path, corpus: EncodedCorpus) -> None:
        self.folder = folder
        words, counts = corpus.vocabulary.words, corpus.vocabulary.counts
        self._blocks = block_count(corpus.token_count)
        self._corpus = f"{corpus.fingerprint} {checksum({'counts': counts, **word_tensors(words)})}"
        self.damaged: list[str] = []
        self._newest = 1
        for name in NAMES:
            remove_leftovers(folder / name)

    def save(self, parameters: Parameters, standing: RunState) -> None:
        """Write a checkpoint in the place of the older one.

        Raises
        ------
        ModelFileError
            If it cannot be written; both older ones are as they were then.
        """
        tensors = {**parameters.tensors(), "losses": standing.losses}
        facts = json.dumps({"block": standing.block, **SHARES, "corpus": self._corpus})
        oldest = 1 - self._newest
        write_tensors(self.folder / NAMES[oldest], tensors, {"standing": facts, "checksum": checksum(tensors, facts)})
        self._newest = oldest

    def load(self, parameters: Parameters, epochs: int | None = None) -> RunState | None:
        """Fill the parameters from the newest whole checkpoint; None if there is no checkpoint yet.

        Parameters
        ----------
        epochs : of the run, which no checkpoint can have more of; None where that does not matter.

        Raises
        ------
        TrainingError
            If there are checkpoints, but none of them is whole, or it is of another program or corpus, or of no
            place of the run.
        """
        found: list[tuple[int, int, dict[str, Any], dict[str, np.ndarray]]] = []
        for place, name in enumerate(NAMES):
            if not (self.folder / name).exists():
                continue
            try:
                facts, tensors = self._read(self.folder / name, parameters)
                found.append((facts["block"], place, facts, tensors))
            except ModelFileError:
                self.damaged.append(name)
        if not found:
            if self.damaged:
                raise TrainingError(
                    f"no checkpoint in {self.folder} is whole: {', '.join(self.damaged)}",
                    hint="remove the folder and train again",
                )
            return None
        block, self._newest, facts, tensors = max(found, key=lambda item: item[:2])
        if any(facts.get(name) != value for name, value in SHARES.items()):
            raise TrainingError(
                f"the checkpoint in {self.folder} is of a version of other blocks or steps, or of another order",
                hint="go on with that version, or train again",
            )
        # It can only be so where the ids were lost, and made again from what the text and --vocab are now.
        if facts.get("corpus") != self._corpus:
            raise TrainingError(
                f"the checkpoint in {self.folder} is of another text, or of other words, than there are now",
                hint="bring the old text back, or train anew with another --checkpoint folder",
            )
        begun = len(tensors["losses"])
        if (
            block > self._blocks * begun
            or _ended(tensors["losses"]) != block // self._blocks
            or (epochs is not None and begun > epochs)
        ):
            raise TrainingError(
                f"the checkpoint in {self.folder} is at block {block:,} of {begun:,} epochs, where the run never is",
                hint="the folder has been changed; remove it and train again",
            )
        for name, table in parameters.tensors().items():
            table[:] = tensors[name]
        return RunState(block, np.array(tensors["losses"]))

    def _read(self, path: Path, parameters: Parameters) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What a whole checkpoint says and holds, memory-mapped."""
        file = TensorFile(path)
        tensors = {name: file.tensor(name, "F32", axes=2) for name in parameters.tensors()}
        tensors["losses"] = file.tensor("losses", "F64", axes=1)
        text = file.metadata.get("standing", "")
        if file.metadata.get("checksum") != checksum(tensors, text):
            raise file.wrong("is torn or damaged")
        if any(tensors[name].shape != table.shape for name, table in parameters.tensors().items()):
            raise TrainingError(
                f"{path} is of other words or dimensions than the run",
                hint="the folder has been changed; remove it and train again",
            )
        return _sound(file, text, tensors), tensors


def _ended(losses: np.ndarray) -> int:
    """How many epochs have a loss."""
    return int(np.count_nonzero(np.isfinite(losses)))


def _sound(file: TensorFile, text: str, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """What a checkpoint says, if it and the numbers are such as training saves: anybody can compute a checksum."""
    try:
        facts = parse_json(text)
    except ValueError as error:
        raise file.wrong("says nothing that can be understood") from error
    block = facts.get("block") if isinstance(facts, dict) else None
    if type(block) is not int or block < 0:
        raise file.wrong("does not say after which block it was saved")
    # The epochs that have ended have a loss, and those after them have none yet.
    losses, ended = tensors["losses"], _ended(tensors["losses"])
    if not np.isfinite(losses[:ended]).all() or not np.isnan(losses[ended:]).all():
        raise file.wrong("has losses that no run can have")
    tables = [tensor for name, tensor in tensors.items() if name != "losses"]
    with np.errstate(all="ignore"):
        # As `Parameters.finite` does, before they are saved.
        if not all(np.isfinite(table.sum()) for table in tables):
            raise file.wrong("has numbers that are NaN or infinite")
    return facts
