"""What several test files share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.cli.main import run
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.formats.model_file import ModelFile
from w2v_cli.storage.tensors import word_tensors, write_tensors

SHARED = Path(__file__).parents[2] / "shared" / "data"
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a file of real text or of a gold set; skips the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"{name} is not here (real text and gold sets lie in ../shared/data)")
        return path

    return find


def write_unchecked(path: Path | str, words: Sequence[str], counts: Any, tensors: Any, metadata: Any) -> None:
    """A model file as a stranger may write it: with contents that `save_model` refuses."""
    counted = {} if counts is None else {"counts": np.asarray(counts, np.int64)}
    write_tensors(path, {**tensors, **word_tensors(words), **counted}, metadata)


def load_vectors(path: Path | str, format: str | None = None) -> WordVectors:
    """Return the words and vectors of a file in any readable format."""
    with ModelFile(path, format) as file:
        return file.vectors


def call(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The command line's exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as caught:
        run(arguments)
    captured = capture.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, captured.out, captured.err


def call_for_lines(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """`call`, with the lines of stdout."""
    code, out, err = call(capture, *arguments)
    return code, out.splitlines(), err


def assert_a_closed_pipe_is_silent(*arguments: str) -> None:
    """A command whose reader goes after one line ends with 0 and says nothing."""
    command = [sys.executable, "-m", "w2v_cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
