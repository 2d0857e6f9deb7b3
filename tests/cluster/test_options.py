"""The options of a cluster, on the command line and in Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import call

import w2v_cli as w2v
from w2v_cli.errors import ConfigError


@pytest.mark.parametrize("option", [("--replicas", "2"), ("--merge-every", "10000"), ("--merge-every", "auto")])
def test_options_of_a_cluster_need_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("a b\n")
    code, out, err = call(capsys, "train", "corpus.txt", *option)
    assert (code, out) == (2, "")
    assert f"{option[0]} has no effect without --cluster" in err


@pytest.mark.parametrize("words", ["0", "-5", "many"])
def test_an_interval_is_a_number_of_words(capsys: pytest.CaptureFixture[str], words: str) -> None:
    code, _, err = call(capsys, "train", "corpus.txt", "--cluster", "ray", "--merge-every", words)
    assert code == 2 and "neither auto nor a number of words" in err


def test_python_refuses_the_same() -> None:
    for options in ({"replicas": 2}, {"merge_every": 10}, {"cluster": "dask"}, {"cluster": "ray", "replicas": 0}):
        with pytest.raises(ConfigError):
            w2v.train([["a", "b"]], **options)
