"""The gradient check passes, and it finds and names errors that are planted in the code."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ROOT, call

from w2v_cli.cli.gradcheck import gradcheck
from w2v_cli.cli.train import train
from w2v_cli.compute.jit import COMPILES
from w2v_cli.engines import compiled, objective, reference, softmax
from w2v_cli.engines.step_catalogue import step_checks
from w2v_cli.gradients import architectures, losses
from w2v_cli.gradients import catalogue as module
from w2v_cli.gradients.catalogue import catalogue
from w2v_cli.gradients.check import Check, run_check
from w2v_cli.gradients.network import parameter_count

needs_numba = pytest.mark.skipif(not COMPILES, reason="numba does not import here")


@pytest.mark.parametrize("seed", range(3))
def test_every_gradient_of_the_catalogue_is_right(seed: int) -> None:
    wrong = [finding for finding in map(run_check, catalogue(seed, 6, 10)) if not finding.passed]
    assert wrong == []


@pytest.mark.parametrize("options", [["--dim", "1", "--vocab", "4"], ["--dim", "17", "--vocab", "6", "-k", "step: re"]])
def test_the_command_finds_nothing_wrong(options: list[str]) -> None:
    done = CliRunner().invoke(gradcheck, options)
    assert done.exit_code == 0, done.output
    assert "all right" in done.stderr and "MISMATCH" not in done.stdout


def test_the_command_finds_nothing_wrong_without_options(whole_gradcheck: subprocess.CompletedProcess[str]) -> None:
    assert whole_gradcheck.returncode == 0, whole_gradcheck.stdout
    assert "all right" in whole_gradcheck.stderr and "MISMATCH" not in whole_gradcheck.stdout


def test_the_summary_has_one_line_a_group_and_fits_a_terminal(
    whole_gradcheck: subprocess.CompletedProcess[str],
) -> None:
    done = whole_gradcheck
    lines = done.stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    groups = {name: (int(count), verdict) for name, count, _, _, verdict in (re.split(" {2,}", x) for x in lines[1:])}
    assert groups["softmax"] == (2, "ok") and groups["skipgram ns window"] == (10, "ok")
    total = sum(count for count, _ in groups.values())
    assert done.stderr == f"{total} checks, all right\n"


def test_verbose_prints_every_check() -> None:
    done = CliRunner().invoke(gradcheck, ["-v", "-k", "network"])
    assert [line.split("  ")[0] for line in done.stdout.splitlines()] == ["check", "network", "network, a batch"]


def test_a_failure_is_printed_in_full_below_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_in_losses(lambda loss, *gradients: (loss, *(1.001 * gradient for gradient in gradients)))(monkeypatch)
    done = CliRunner().invoke(gradcheck, ["-k", "skipgram ns window: random"])
    lines = done.stdout.splitlines()
    assert done.exit_code == 1 and done.stderr == "1 check, 1 wrong\n"
    assert lines[1].startswith("skipgram ns window") and lines[1].endswith(" MISMATCH")
    assert lines[2].startswith("check ") and "worst at" in lines[2] and "analytic" in lines[2]
    assert len(lines) == 4 and lines[3].startswith("skipgram ns window: random") and lines[3].endswith("MISMATCH")


def test_json_has_one_object_a_check() -> None:
    done = CliRunner().invoke(gradcheck, ["--json", "-k", "network"])
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert [finding["check"] for finding in findings] == ["network", "network, a batch"]
    assert set(findings[0]) == {"check", "parameters", "worst_relative_error", "errors", "where", "verdict"}
    assert set(findings[0]["where"]) == {"parameter", "row", "column", "analytic", "numeric"}
    # x 6, W₁ 6 × 4, b₁ 4, W₂ 4 × 10, b₂ 10.
    assert findings[0]["parameters"] == 6 + parameter_count(6, 4, 10) == 84
    assert findings[0]["errors"]["complex step"] < 1e-12


def test_a_pattern_that_fits_nothing_is_refused() -> None:
    done = CliRunner().invoke(gradcheck, ["-k", "gradeint"])
    assert done.exit_code != 0 and done.stdout == ""


@pytest.mark.parametrize("option", ["--dim", "--vocab"])
def test_a_size_beside_a_model_is_refused(capsys: pytest.CaptureFixture[str], option: str) -> None:
    code, _, err = call(capsys, "gradcheck", "--at", "model", "corpus", option, "9")
    assert code == 2 and f"--at and {option}" in err


def test_every_model_and_loss_is_checked_with_every_choice_of_its_step() -> None:
    names = {check.name.split(" step")[0] for check in step_checks(["reference"], 0, 2, 4)}
    kinds = ("skipgram", "cbow", "cbow of sums", "cbow scaled")
    who = {"ns": "reference", "hs": "reference", "softmax": "both engines'"}
    parts = {
        f"reference {model} {step}subwords {loss}"
        for model in kinds[:2]
        for step in ("", "scaled ")
        for loss in ("ns", "hs")
    }
    assert names == {f"{engine} {kind} {loss}" for kind in kinds for loss, engine in who.items()} | parts


def test_the_tester_finds_the_very_element() -> None:
    x = {"v": np.arange(1.0, 7.0).reshape(2, 3)}

    def cube(point: Any) -> Any:
        gradient = 3 * point["v"] ** 2
        gradient[1, 2] *= 1.001
        return (point["v"] ** 3).sum(), {"v": gradient}

    finding = run_check(Check("cube", x, cube, lambda point: cube(point)[0]))
    assert not finding.passed
    for worst in finding.worst:
        assert (worst.parameter, worst.row, worst.column) == ("v", 1, 2)
        assert worst.error == pytest.approx(0.001, rel=0.01)
        assert (worst.analytic, worst.numeric) == pytest.approx((108.108, 108.0))
    assert run_check(Check("fixed", x, lambda p: ((p["v"] ** 3).sum(), {"v": 3 * p["v"] ** 2}), None)).passed


def test_a_gradient_that_is_no_number_is_wrong() -> None:
    nan = Check("nan", {"v": np.ones(3)}, lambda point: (point["v"].sum(), {"v": np.array([1, np.nan, 1])}), None)
    finding = run_check(nan)
    assert not finding.passed and finding.worst[0].column == 1


@pytest.mark.parametrize("gradients", [{}, {"v": np.ones(2)}])
def test_a_gradient_of_the_wrong_shape_is_an_error(gradients: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="gradient of v"):
        run_check(Check("shape", {"v": np.ones(3)}, lambda point: (0.0, gradients), None))


def plant_in_losses(change: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Change what `logistic_loss` returns, in every module that uses it."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = losses.logistic_loss
        for user in (losses, reference):
            monkeypatch.setattr(user, "logistic_loss", lambda *args: change(*right(*args)))

    return plant


def lose_a_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep only one of the gradients of a repeated output row, as numpy's `w[rows] += g` does."""

    def lossy(table: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
        table[ids] -= rows

    lossy_subtract = type("subtract", (), {"at": staticmethod(lossy)})
    monkeypatch.setattr(reference, "np", type("np", (), {**vars(np), "subtract": lossy_subtract}))


def lose_one_over_n(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out CBOW's factor 1/n in the gradients of the rows, as in word2vec.c's step."""
    wrong = architectures.CBOW._replace(grad_rows=lambda grad_hidden, n: np.repeat(grad_hidden, n, axis=0))
    monkeypatch.setitem(module.MODELS, "cbow", wrong)
    monkeypatch.setattr(objective, "CBOW", wrong)


def scale_softmax(monkeypatch: pytest.MonkeyPatch) -> None:
    right = softmax.grouped_softmax_loss

    def wrong(*args: Any) -> Any:
        loss, grad_hidden, grad_output = right(*args)
        return loss, grad_hidden, 1.001 * grad_output

    monkeypatch.setattr(softmax, "grouped_softmax_loss", wrong)


def plant_in_kernel(change: Callable[[np.ndarray, np.ndarray, Any], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """Change the tables after the compiled step, with a function of (before, after, sample)."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        right = compiled.train_logistic

        def wrong(objective: Any, sample: Any, alphas: Any, inputs: Any, outputs: np.ndarray, **options: Any) -> Any:
            before = outputs.copy()
            result = right(objective, sample, alphas, inputs, outputs, **options)
            change(before, outputs, sample)
            return result

        monkeypatch.setattr(compiled, "train_logistic", wrong)

    return plant


def scale_step(before: np.ndarray, after: np.ndarray, sample: Any) -> None:
    after += 0.001 * (after - before)


def halve_repeats(before: np.ndarray, after: np.ndarray, sample: Any) -> None:
    words, counts = np.unique(sample.negative_ids[0], return_counts=True)
    for word in words[counts > 1]:
        after[word] -= (after[word] - before[word]) / 2


@pytest.mark.parametrize(
    ("plant", "pattern", "culprits"),
    [
        (
            plant_in_losses(lambda loss, hidden, rows: (loss, 1.001 * hidden, rows)),
            "random",
            ["reference skip", "cbow ns"],
        ),
        (
            plant_in_losses(lambda loss, hidden, rows: (loss, hidden, -rows)),
            "random",
            ["reference cbow", "skipgram ns w"],
        ),
        (plant_in_losses(lambda loss, hidden, rows: (1.001 * loss, hidden, rows)), "random", ["reference skipgram hs"]),
        (lose_a_repeat, "repeated", ["reference skipgram ns step: repeated", "reference cbow hs step: repeated c"]),
        (
            lose_one_over_n,
            "random",
            ["cbow ns window", "cbow softmax window", "reference cbow ns", "reference cbow hs"],
        ),
        (scale_softmax, "random", ["both engines' skipgram softmax", "both engines' cbow softmax"]),
        pytest.param(plant_in_kernel(scale_step), "random", ["compiled skip", "compiled cbow hs"], marks=needs_numba),
        pytest.param(
            plant_in_kernel(halve_repeats), "repeated n", ["compiled skipgram ns step: rep"], marks=needs_numba
        ),
    ],
)
def test_a_planted_error_fails_the_command_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    pattern: str,
    culprits: list[str],
) -> None:
    plant(monkeypatch)
    engine = "compiled" if culprits[0].startswith("compiled") else "reference"
    options = ["--json", "--engine", engine, "--dim", "2", "--vocab", "4", "-k", pattern]
    done = CliRunner().invoke(gradcheck, options)
    assert done.exit_code == 1
    wrong = [json.loads(line)["check"] for line in done.stdout.splitlines() if '"MISMATCH"' in line]
    for culprit in culprits:
        assert any(name.startswith(culprit) for name in wrong), wrong


def test_the_findings_are_plain_numbers() -> None:
    finding = run_check(catalogue(0, 6, 10)[0])
    assert all(type(value) in (str, int, float) for value in dataclasses.asdict(finding.worst[0]).values())


@needs_numba
@pytest.mark.parametrize(
    "options", [[], ["--model", "cbow"], ["--loss", "hs"], ["--loss", "softmax", "--model", "cbow"]]
)
def test_a_trained_model_is_checked_at_its_own_vectors(tmp_path: Path, options: list[str]) -> None:
    text, model = str(ROOT / "data" / "toyland.txt"), str(tmp_path / "model")
    settings = ["--dim", "8", "--epochs", "1", "--max-vocab", "100", "-o", model, "-q"]
    trained = CliRunner().invoke(train, [text, *settings, *options])
    assert trained.exit_code == 0, trained.output
    done = CliRunner().invoke(gradcheck, ["--at", model, text, "--json"])
    assert done.exit_code == 0, done.output
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(findings) == 8 and all("step of the corpus" in finding["check"] for finding in findings)
    assert all(finding["errors"]["complex step"] < 1e-9 for finding in findings)
