"""What a checkpoint folder says about its run, in Python and by `w2v info`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import RUN_CONFIG, call, everything

from w2v_cli.errors import ConfigError, TrainingError
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.training.run import resume_training, train_model
from w2v_cli.training.run_summary import run_summary


def test_a_finished_run_is_described_and_nothing_is_written(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(finished_run)
    facts = run_summary("run")
    assert (facts["words"], facts["corpus_tokens"], facts["finished"]) == (6, 600, True)
    # 600 tokens are one block, and the run has two epochs.
    assert (facts["blocks_done"], facts["blocks"], facts["epochs_done"], facts["epochs"]) == (2, 2, 2, 2)
    assert facts["corpus"] == [str(finished_run / "corpus.txt")] and len(facts["loss"]) == 2
    assert facts["resume"].startswith("w2v train --resume run -o ") and facts["config"]["dim"] == 4
    code, out, _ = call(capsys, "info", "run")
    assert code == 0 and "# done\t2 of 2 blocks, 2 of 2 epochs\n" in out and "# resume\tfinished;" in out
    assert "\ndim = 4\n" in out
    assert json.loads(call(capsys, "info", "--json", "-m", "run")[1]) == facts
    assert everything(finished_run) == before


def test_the_default_share_of_subsampling_is_named_once_the_text_is_known(finished_run: Path) -> None:
    config = replace(RUN_CONFIG, subsample=None)
    train_model(["corpus.txt"], config, output="default", checkpoint="default.run")
    with ModelFile("default") as file:
        recorded = json.loads(file.metadata["config"])["subsample"]
    assert run_summary("default.run")["config"]["subsample"] == recorded == config.subsample_share(600)
    with pytest.raises(ConfigError, match=r"--subsample 0\.01 cannot be given now: the run was begun without"):
        resume_training("default.run", {"output": "default", "subsample": 0.01})


def test_a_run_without_a_whole_checkpoint_is_at_its_beginning(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (finished_run / "run").glob("checkpoint-*"):
        path.write_bytes(b"")
    facts = run_summary(finished_run / "run")
    assert (facts["blocks_done"], facts["saved"], facts["finished"], facts["loss"]) == (0, None, False, [])
    (finished_run / "run" / "corpus.safetensors").unlink()
    assert run_summary("run")["blocks"] is None
    out = call(capsys, "info", "run")[1]
    assert "# done\t0 of an unknown number of blocks, 0 of 2 epochs\n# resume\tw2v train --resume run" in out


def test_a_folder_without_a_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingError, match="no run"):
        run_summary(tmp_path)
    assert call(capsys, "info", str(tmp_path))[0] == 3
