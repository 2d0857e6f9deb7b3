"""Inputs that fuzzing has found or starts from: each is either understood or refused with an error of the project."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from conftest import ROOT

from w2v_cli.corpus import chunks

spec = importlib.util.spec_from_file_location("fuzz", ROOT / "scripts" / "torture" / "fuzz.py")
assert spec is not None and spec.loader is not None
fuzz = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz)


@pytest.mark.parametrize("target", fuzz.CHECKS)
def test_every_kept_case_of_a_target_passes(target: str, tmp_path: Path) -> None:
    cases = sorted((fuzz.CASES / target).iterdir())
    assert len(cases) > 1
    for case in cases:
        fuzz.CHECKS[target](case.read_bytes(), tmp_path)


def test_a_check_notices_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_last_cut", len)
    with pytest.raises(AssertionError):
        fuzz.CHECKS["reader"](b"\0one two", tmp_path)
