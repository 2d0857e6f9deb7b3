"""A checkpoint that no run can have written is not believed, although its checksum is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.errors import TrainingError
from w2v_cli.storage.tensors import TensorFile, checksum, write_tensors
from w2v_cli.training.checkpoint import NAMES as CHECKPOINTS
from w2v_cli.training.run import Observer, resume_training

pytestmark = pytest.mark.usefixtures("finished_run")
# The distinct words in the text of `finished_run`.
WORDS = 6


class Remarks(Observer):
    """Keep the remarks of a run."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def remark(self, message: str) -> None:
        self.remarks.append(message)


def rewrite_checkpoint(name: str, facts: str | dict[str, Any], **tensors: np.ndarray) -> None:
    """Write a checkpoint of the run with some facts and tensors replaced, and with a matching checksum.

    Parameters
    ----------
    facts : Replaces some facts; or, as a string, the whole text of them.
    """
    file = TensorFile(f"run/{CHECKPOINTS[0]}")
    kinds = {"losses": ("F64", 1)}
    content = {name: np.array(file.tensor(name, *kinds.get(name, ("F32", 2)))) for name in file.names} | tensors
    standing = json.loads(file.metadata["standing"])
    said = facts if isinstance(facts, str) else json.dumps({**standing, **facts})
    metadata = {"standing": said, "checksum": checksum(content, said)}
    write_tensors(f"run/{name}", content, metadata)


TABLE = np.ones((WORDS, 4), np.float32)
UNSOUND: list[dict[str, Any]] = [
    {"facts": {"block": -1}},
    {"facts": {"block": 1.0}},
    {"facts": {"block": "1"}},
    {"facts": {"block": True}},
    {"facts": {"block": None}},
    {"facts": "[1]"},
    {"facts": "7"},
    {"facts": "[" * 100_000},
    {"losses": np.array([0.0, np.nan, 0.0])},
    {"losses": np.array([np.nan, 0.0])},
    {"losses": np.array([np.inf, 0.0])},
    {"losses": np.zeros((2, 1))},
    {"losses": np.zeros(2, np.float32)},
    {"input_vectors": TABLE * np.float32("nan")},
    {"output_vectors": TABLE * np.float32("inf")},
]


@pytest.mark.parametrize("content", UNSOUND, ids=str)
def test_a_checkpoint_that_no_training_saves_is_treated_as_damaged(content: dict[str, Any]) -> None:
    observer = Remarks()
    rewrite_checkpoint(CHECKPOINTS[1], **{"facts": {}, **content})
    resume_training("run", {"output": "other"}, observer)
    assert Path("other").read_bytes() == Path("model").read_bytes()
    assert f"run/{CHECKPOINTS[1]} is damaged: going on from the checkpoint before it" in observer.remarks
    rewrite_checkpoint(CHECKPOINTS[0], **{"facts": {}, **content})
    Path("run", CHECKPOINTS[1]).unlink()
    with pytest.raises(TrainingError, match="no checkpoint in run is whole"):
        resume_training("run", {"output": "other"})


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ({"facts": {"block": 3}}, {}),
        ({"facts": {"block": 10**400}}, {}),
        ({"facts": {"block": 3}}, {"epochs": 9}),
        ({"facts": {"block": 1}, "losses": np.zeros(0)}, {}),
        ({"losses": np.zeros(3)}, {}),
        ({"losses": np.array([1, np.nan])}, {}),
    ],
    ids=str,
)
def test_a_checkpoint_at_a_block_that_the_run_never_reaches_is_refused(
    content: dict[str, Any], options: dict[str, Any]
) -> None:
    rewrite_checkpoint(CHECKPOINTS[0], **{"facts": {}, **content})
    with pytest.raises(TrainingError, match=r"the checkpoint in run is at block .*, where the run never is"):
        resume_training("run", {"output": "other", **options})
    assert not Path("other").exists()
