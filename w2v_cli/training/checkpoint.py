"""Checkpoints: the parameters and the state of a run in one file. The last two checkpoints are kept.

A new checkpoint replaces the older of the two and is written atomically, so a machine that stops at any time leaves at
least one whole checkpoint. A checksum tells whether a file is whole; if it is not, the other one is used.

A run that stops early has a third checkpoint, of the end of its best epoch, which only a better epoch replaces. If it
is the newest of all, the run goes on from there. So the newest state always knows which epoch the third file holds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.resumable import held_out_tensors
from w2v_cli.engines.parameters import Parameters, all_finite
from w2v_cli.engines.sampling import STEP_RULE
from w2v_cli.errors import ModelFileError, TrainingError
from w2v_cli.storage.locks import remove_leftovers
from w2v_cli.storage.remote import Url
from w2v_cli.storage.tensors import TensorFile, checksum, dtype_name, parse_json, write_tensors
from w2v_cli.training.held_out_loss import HELD_OUT_RULE
from w2v_cli.training.loss_sample import LOSS_RULE
from w2v_cli.training.schedule import BLOCK_ORDER, BLOCK_TOKENS, block_count
from w2v_cli.training.state import RunState
from w2v_cli.training.validation import best_epoch

# The rules for blocks, steps and losses in this version. A checkpoint that was made under other rules is refused.
RULES = {"block_tokens": BLOCK_TOKENS, "order": BLOCK_ORDER, "steps": STEP_RULE, "loss": LOSS_RULE}
NAMES = ("checkpoint-0.safetensors", "checkpoint-1.safetensors")
BEST = "best.safetensors"
ALL_NAMES = (*NAMES, BEST)


class Contents(NamedTuple):
    """What a checkpoint file holds.

    Attributes
    ----------
    facts : the description of the run's state and corpus.
    tensors : the tables and the losses, memory-mapped.
    """

    facts: dict[str, Any]
    tensors: dict[str, np.ndarray]


class Checkpoints:
    """The checkpoints in a folder, and a `BestEpoch` that keeps it there.

    Parameters
    ----------
    folder : an existing folder, or a URL, in which nobody else writes.
    corpus : the run's corpus. A checkpoint of another text, or of other words of the same text, is refused.

    Attributes
    ----------
    damaged : names of the files that hold no whole checkpoint.
    """

    # What `BestEpoch` says of memory: a file takes none.
    nbytes = 0

    def __init__(self, folder: Path | Url, corpus: EncodedCorpus) -> None:
        self.folder = folder
        self._blocks = block_count(corpus.token_count)
        self._corpus = f"{corpus.fingerprint} {checksum(corpus.vocabulary.tensors())}"
        self._rules = RULES
        if corpus.held_out is not None:
            self._corpus += f" {checksum(held_out_tensors(corpus.held_out))}"
            self._rules = {**RULES, "held_out": HELD_OUT_RULE}
        self.damaged: list[str] = []
        self._newest = 1
        for name in ALL_NAMES:
            if isinstance(folder, Path):
                remove_leftovers(folder / name)

    def save(self, parameters: Parameters, state: RunState) -> None:
        """Write a checkpoint over the older one.

        Raises
        ------
        ModelFileError
            If it cannot be written. Both existing checkpoints are unchanged then.
        """
        oldest = 1 - self._newest
        self._write(NAMES[oldest], parameters, state)
        self._newest = oldest

    def keep(self, parameters: Parameters, state: RunState) -> None:
        """Write the checkpoint of the best epoch, at its end, over that of an earlier one.

        Raises
        ------
        ModelFileError
            If it cannot be written. The earlier one is unchanged then.
        """
        self._write(BEST, parameters, state)

    def _write(self, name: str, parameters: Parameters, state: RunState) -> None:
        tensors = {**parameters.tensors(), "losses": state.losses}
        if state.validation_losses is not None:
            tensors["validation_losses"] = state.validation_losses
        facts = json.dumps({"block": state.block, **self._rules, "corpus": self._corpus})
        write_tensors(self.folder / name, tensors, {"standing": facts, "checksum": checksum(tensors, facts)})

    def fill(self, parameters: Parameters) -> None:
        """Fill tables with those of the best epoch.

        Raises
        ------
        ModelFileError, TrainingError
            If the file is missing or damaged.
        """
        best = self._read(BEST, parameters)
        for name, table in parameters.tensors().items():
            table[:] = best.tensors[name]

    def require_best(self, parameters: Parameters, validation_losses: np.ndarray) -> None:
        """Make sure that the best of the epochs that have ended is here.

        Raises
        ------
        TrainingError
            If its checkpoint is missing or damaged, or is that of another epoch.
        """
        best = best_epoch(validation_losses)
        if best is None:
            return
        try:
            if self._read(BEST, parameters).facts["block"] == best * self._blocks:
                return
        except ModelFileError:
            pass
        raise TrainingError(
            f"{self.folder / BEST} is missing or damaged, so that the vectors of epoch {best}, the best, are lost",
            hint="train again in another --checkpoint folder",
        )

    def load(self, parameters: Parameters, epochs: int | None = None) -> RunState | None:
        """Fill the parameters from the newest whole checkpoint; return None if there is no checkpoint yet.

        Parameters
        ----------
        parameters : overwritten in place.
        epochs : the epochs of the run, which no checkpoint may exceed; None to skip this check.

        Raises
        ------
        TrainingError
            If there are checkpoints, but none of them is whole, or the newest one is from another version, from another
            corpus, or at a point that the run never reaches.
        """
        newest = self._find_newest(parameters)
        if newest is None:
            return None
        self._require_same_run(newest, epochs)
        for name, table in parameters.tensors().items():
            table[:] = newest.tensors[name]
        held_out = newest.tensors.get("validation_losses")
        losses = np.array(newest.tensors["losses"])
        return RunState(newest.facts["block"], losses, None if held_out is None else np.array(held_out))

    def _find_newest(self, parameters: Parameters) -> Contents | None:
        """Return the newest whole checkpoint; None if there is no checkpoint at all.

        Raises
        ------
        TrainingError
            If there are checkpoints, but none of them is whole.
        """
        found: list[tuple[int, str, Contents]] = []
        for name in ALL_NAMES:
            if not (self.folder / name).exists():
                continue
            try:
                contents = self._read(name, parameters)
                found.append((contents.facts["block"], name, contents))
            except ModelFileError:
                self.damaged.append(name)
        if not found:
            if self.damaged:
                raise TrainingError(
                    f"no checkpoint in {self.folder} is whole: {', '.join(self.damaged)}",
                    hint="remove the folder and train again",
                )
            return None
        self._newest = max(((block, NAMES.index(name)) for block, name, _ in found if name != BEST), default=(0, 1))[1]
        return max(found, key=lambda item: item[:2])[2]

    def _read(self, name: str, parameters: Parameters) -> Contents:
        return _read(self.folder / name, parameters, "held_out" in self._rules)

    def _require_same_run(self, contents: Contents, epochs: int | None) -> None:
        """Refuse a checkpoint that is not one of this run; see `load`."""
        facts = contents.facts
        if any(facts.get(name) != value for name, value in self._rules.items()):
            raise TrainingError(
                f"the checkpoint in {self.folder} is from a version with other blocks or steps, or another order",
                hint="go on with that version, or train again",
            )
        # This happens only if the saved ids were lost and made again, from texts or a --vocab that have changed.
        if facts.get("corpus") != self._corpus:
            raise TrainingError(
                f"the checkpoint in {self.folder} is from another text, or from other words, than there are now",
                hint="bring the old text back, or train anew with another --checkpoint folder",
            )
        block, losses = facts["block"], contents.tensors["losses"]
        begun = len(losses)
        if (
            block > self._blocks * begun
            or _ended_epochs(losses) != block // self._blocks
            or (epochs is not None and begun > epochs)
        ):
            raise TrainingError(
                f"the checkpoint in {self.folder} is at block {block:,} of {begun:,} epochs, where the run never is",
                hint="the folder has been changed; remove it and train again",
            )


def _read(path: Path | Url, parameters: Parameters, validates: bool) -> Contents:
    """Read a checkpoint.

    Parameters
    ----------
    validates : whether the run has a held-out loss.

    Raises
    ------
    ModelFileError
        If it is not whole.
    TrainingError
        If it is whole, but its tables have other shapes than those of the run.
    """
    file = TensorFile(path)
    tensors = {name: file.tensor(name, dtype_name(table), axes=2) for name, table in parameters.tensors().items()}
    for name in ("losses", "validation_losses") if validates else ("losses",):
        tensors[name] = file.tensor(name, "F64", axes=1)
    text = file.metadata.get("standing", "")
    if file.metadata.get("checksum") != checksum(tensors, text):
        raise file.wrong("is torn or damaged")
    if any(tensors[name].shape != table.shape for name, table in parameters.tensors().items()):
        raise TrainingError(
            f"{path} has other words or dimensions than the run",
            hint="the folder has been changed; remove it and train again",
        )
    return Contents(_sound_facts(file, text, tensors), tensors)


def _ended_epochs(losses: np.ndarray) -> int:
    """Count the epochs that have ended, which are those with a loss."""
    return int(np.count_nonzero(np.isfinite(losses)))


def _sound_facts(file: TensorFile, text: str, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the facts of a checkpoint, if they and the tensors are such as training saves.

    The checksum alone does not show that, because anyone can compute it.
    """
    try:
        facts = parse_json(text)
    except ValueError as error:
        raise file.wrong("has a description that is not JSON") from error
    block = facts.get("block") if isinstance(facts, dict) else None
    if type(block) is not int or block < 0:
        raise file.wrong("does not say after which block it was saved")
    # Epochs that have ended have a loss; those after them have none yet.
    ended = _ended_epochs(tensors["losses"])
    tables = [tensor for name, tensor in tensors.items() if not name.endswith("losses")]
    for losses in (tensor for name, tensor in tensors.items() if name.endswith("losses")):
        sound = np.isfinite(losses[:ended]).all() and np.isnan(losses[ended:]).all()
        if not sound or len(losses) != len(tensors["losses"]):
            raise file.wrong("has losses that no run can have")
    # The same test as `Parameters.finite`, which the tables passed before they were saved.
    if not all(map(all_finite, tables)):
        raise file.wrong("has numbers that are NaN or infinite")
    return facts
