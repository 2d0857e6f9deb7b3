"""gensim's own tests, with our classes in the place of gensim's."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import ROOT

# Why these cannot pass is in `w2v help gensim`.
CANNOT = {"Gensim320Test.test", "LoadWord2VecFormatTest.test_load_word2vec_format_space_stripping"}


def test_the_suite_of_keyed_vectors() -> None:
    pytest.importorskip("gensim.models", reason="gensim is not installed: pip install '.[bench]'")
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bench" / "gensim_suite.py")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    failures = {line.split(": ")[0].split(".", 1)[1] for line in done.stdout.splitlines() if line.startswith("  test")}
    assert failures == CANNOT, done.stdout + done.stderr
    assert "together: 35 pass, 2 fail" in done.stdout
