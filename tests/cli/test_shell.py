"""`w2v shell`: questions from a pipe and at a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from conftest import ROYAL_WORDS

from w2v_cli.cli.shell import completer

MORE: dict[str, list[float]] = {"kingdom": [-1, 0.2, -1], "it's": [0, 0, 1]}
WORDS = [*ROYAL_WORDS, *MORE]


@pytest.fixture(autouse=True)
def model(
    royal_model: Callable[[Mapping[str, Sequence[float]]], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    royal_model(MORE)


def ask(text: str, *options: str) -> tuple[int, list[str], str]:
    command = [sys.executable, "-m", "w2v_cli", "shell", *options]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_lines_are_commands_or_words_or_sums_and_the_end_is_the_end() -> None:
    code, out, err = ask(
        "similar -k 1 king\n\nking - man + woman\nodd man woman king kingdom\ndistance king queen\n"
        "analogy -k 1 man king woman\nit's\nexit\nsimilar man\n"
    )
    assert (code, err) == (0, "")
    assert out[0] == "king\tman\t0.8165"
    assert out[1].startswith("king - man + woman\tqueen\t")
    assert [line for line in out if line.startswith(("kingdom", "king\tq", "man king"))][:3] == [
        "kingdom\t" + out[5].split("\t")[1],
        "king\tqueen\t0.3333",
        next(line for line in out if line.startswith("man king woman\tqueen")),
    ]
    assert out[-1].startswith("it's\t") and not any(line.startswith("man\t") for line in out)


def test_nothing_that_goes_wrong_ends_the_session() -> None:
    code, out, err = ask("similar none\nanalogy man\npredict man\nsimilar --no\nking -\nqueen\n", "--json")
    assert code == 0
    assert [json.loads(line)["query"] for line in out] == ["queen"]
    assert err.count("Error") == 5 and "not in the vocabulary: none" in err and "Traceback" not in err


def test_help_lists_the_commands_and_explains_one() -> None:
    code, out, err = ask("help\nhelp odd\nhelp me\n")
    assert (code, err) == (0, "") and out[0].startswith("similar, analogy, odd") and out[-1] == out[0]
    assert "  Print the word that does not belong to the others." in out


def test_nothing_asked_and_no_model_are_ends_too() -> None:
    assert ask("") == (0, [], "")
    code, _, err = ask("king\n", "-m", "none.safetensors")
    assert code == 3 and "there is no file none.safetensors" in err


def test_a_closed_pipe_is_silent() -> None:
    command = [sys.executable, "-m", "w2v_cli", "shell"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"king\n" * 1000)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_words_are_completed_in_order() -> None:
    complete = completer(WORDS)
    assert [complete("king", number) for number in range(3)] == ["king", "kingdom", None]
    assert complete("simi", 0) == "similar" and complete("zzz", 0) is None


@pytest.mark.skipif(not hasattr(os, "forkpty"), reason="no pseudo-terminals here")
def test_at_a_terminal_there_is_a_prompt_completion_and_a_history(tmp_path: Path) -> None:
    import pty

    main, side = pty.openpty()
    command = [sys.executable, "-m", "w2v_cli", "shell"]
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=side) as process:
        os.close(side)
        screen = b""
        for typed, awaited in ((b"que\t\n", b"queen  king  "), (b"\x04", b"\n")):
            while b"w2v> " not in screen:
                screen += os.read(main, 4096)
            os.write(main, typed)
            screen = b""
            while awaited not in screen:
                screen += os.read(main, 4096)
        assert process.wait() == 0
    os.close(main)
    assert (tmp_path / "state" / "w2v" / "history").read_text().split("\n")[-2].strip() == "queen"


def test_a_line_may_name_another_model() -> None:
    Path("model.safetensors").rename("other.safetensors")
    code, out, err = ask(
        "similar -k 1 -m other.safetensors king\nodd -m other.safetensors man woman apple\nqueen\n",
        "-m",
        "other.safetensors",
    )
    assert (code, err) == (0, "") and out[0] == "king\tman\t0.8165" and out[1].startswith("apple\t")
    assert out[2].startswith("queen\t")
