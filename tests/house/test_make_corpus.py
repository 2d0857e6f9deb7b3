"""The files of toyland are those that its script writes, and vectors learn its relations from the text alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, call

from w2v_cli.compute.jit import COMPILES

FILES = ("toyland.txt", "toyland-analogies.txt", "toyland-pairs.tsv")
SCRIPT = ROOT / "scripts" / "make_corpus.py"


def test_the_files_are_what_the_script_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, "-o", tmp_path], check=True)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (ROOT / "data" / name).read_bytes(), name


def analogy_score(capture: pytest.CaptureFixture[str], folder: Path, corpus: Path, *options: str) -> float:
    """Train on a text, and return the percentage of toyland's analogies that the vectors answer."""
    model = str(folder / "model.safetensors")
    assert call(capture, "train", str(corpus), "-q", "-o", model, *options)[0] == 0
    code, out, _ = call(capture, "eval", str(ROOT / "data" / "toyland-analogies.txt"), "-m", model, "--json")
    assert code == 0
    return float(json.loads(out)["score"])


@pytest.mark.skipif(not COMPILES, reason="the numpy engine takes minutes for this text")
@pytest.mark.parametrize(
    ("options", "least"),
    [
        ((), 90),
        (("--seed", "2"), 90),
        (("--loss", "hs", "--epochs", "2"), 90),
        (("--loss", "softmax", "--epochs", "2", "--dim", "30"), 85),
        (("--model", "cbow"), 90),
        (("--model", "cbow", "--loss", "hs", "--epochs", "2"), 90),
        (("--model", "cbow", "--loss", "softmax", "--epochs", "1", "--dim", "30"), 90),
    ],
)
def test_the_planted_analogies_are_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], least: float
) -> None:
    assert analogy_score(capsys, tmp_path, ROOT / "data" / "toyland.txt", *options) >= least


@pytest.mark.skipif(not COMPILES, reason="the numpy engine takes minutes for this text")
def test_vectors_from_a_text_with_shuffled_relations_answer_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run([sys.executable, SCRIPT, "-o", tmp_path, "--shuffle-relations"], check=True)
    assert (tmp_path / "toyland-analogies.txt").read_bytes() == (ROOT / "data" / FILES[1]).read_bytes()
    assert analogy_score(capsys, tmp_path, tmp_path / "toyland.txt") < 10
