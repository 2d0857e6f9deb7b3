"""`w2v train` on the command line: what it writes, what it says, and what it refuses before any work is done."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, call
from safetensors import safe_open

from w2v_cli.compute.jit import COMPILES
from w2v_cli.engines.parameters import initial_parameters
from w2v_cli.training.state import Trained

# Every remark in a log begins with so many characters that tell the time.
TIME = len("14:03:21 ")
FAST = ("--dim", "8", "--epochs", "2", "--min-count", "1", "--threads", "1")
SMALL = ("--dim", "2", "--vocab", "4")


Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def w2v(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Return a function that runs a command line in this process, in the test's folder, which saves a second each."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = list(map(str, arguments))
        return subprocess.CompletedProcess(words, *call(capsys, *words))

    return run


def w2v_alone(*arguments: object, folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own, as a shell would."""
    command = [sys.executable, "-m", "w2v_cli", *map(str, arguments)]
    settings = {"capture_output": True, "text": True, "cwd": folder, **options}
    return subprocess.run(command, **settings)  # type: ignore[call-overload]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{i}" for i in rng.zipf(1.5, 12) if i < 50) for _ in range(120)]
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(lines))
    return path


def test_training_ends_in_a_model_and_the_next_command(text: Path, tmp_path: Path) -> None:
    done = w2v_alone("train", text.name, *FAST, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "Wrote model.safetensors" in done.stderr
    following = done.stderr.splitlines()[-1].split("Next: w2v ")[1].split()
    assert w2v_alone(*following, folder=tmp_path).stdout.count("\n") == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "model.safetensors"]


def test_a_suffix_of_no_format_is_remarked_on(text: Path, tmp_path: Path, w2v: Program) -> None:
    for name in ("m.kv", "m.safetensors"):
        done = w2v("train", text, "-o", name, "--dim", 4, "--epochs", 1)
        assert ("m.kv is in w2v's format, safetensors" in done.stderr) == (name == "m.kv")
    with safe_open(tmp_path / "m.kv", "np") as model:
        assert "input_vectors" in model.keys()  # noqa: SIM118


def test_the_model_holds_what_it_promises(text: Path, tmp_path: Path, w2v: Program) -> None:
    assert w2v("train", text, *FAST, "--seed", 5, "-o", "out.safetensors").returncode == 0
    with safe_open(tmp_path / "out.safetensors", "numpy") as model:
        tensors = {name: model.get_tensor(name) for name in model.keys()}  # noqa: SIM118
        metadata = model.metadata()
    words = tensors["counts"].shape[0]
    assert tensors["input_vectors"].shape == tensors["output_vectors"].shape == (words, 8)
    assert tensors["input_vectors"].dtype == np.float32
    assert tensors["counts"].sum() == len(text.read_text().split())
    assert json.loads(metadata["config"])["dim"] == 8
    assert metadata["seed"] == "5"
    assert {"version", "corpus_fingerprint"} <= set(metadata)


def test_the_summary_has_the_promised_keys(text: Path, tmp_path: Path, w2v: Program) -> None:
    done = w2v("train", text, *FAST, "--json", "-q")
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert set(summary) == {
        "output", "words", "dim", "tokens", "epochs", "threads", "seed", "loss", "loss_standard_error",
        "words_per_second", "seconds", "peak_rss_bytes",
    }  # fmt: skip
    assert set(summary["seconds"]) == {"count", "encode", "compile", "train", "save"}
    assert len(summary["loss"]) == summary["epochs"] == 2
    assert summary["tokens"] == len(text.read_text().split())
    assert summary["words_per_second"] == pytest.approx(2 * summary["tokens"] / summary["seconds"]["train"])
    assert summary["peak_rss_bytes"] > 1 << 20


def test_one_thread_and_one_seed_write_the_same_bytes(text: Path, tmp_path: Path, w2v: Program) -> None:
    assert w2v("train", text, *FAST, "-o", "a").returncode == 0
    assert w2v_alone("train", text, *FAST, "-o", "b", folder=tmp_path).returncode == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_same_text_in_any_wrapping_makes_the_same_vectors(text: Path, tmp_path: Path, w2v: Program) -> None:
    content = text.read_bytes()
    (tmp_path / "c.gz").write_bytes(gzip.compress(content))
    half = content.index(b"\n", len(content) // 2) + 1
    (tmp_path / "1").write_bytes(content[:half])
    (tmp_path / "2").write_bytes(content[half:])
    vectors = []
    for corpus in ("corpus.txt", "c.gz", "-", "1 2"):
        command = ["train", *corpus.split(), *FAST, "-q"]
        done = w2v_alone(*command, folder=tmp_path, input=content, text=False) if corpus == "-" else w2v(*command)
        assert done.returncode == 0, done.stderr
        with safe_open(tmp_path / "model.safetensors", "numpy") as model:
            vectors.append(model.get_tensor("input_vectors"))
    assert all(np.array_equal(vectors[0], other) for other in vectors[1:])


def test_old_spellings_and_the_environment_are_understood(
    text: Path, w2v: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("W2V_THREADS", "1")
    old = ("--size", 6, "--iter", 1, "--sample", 0, "--negative", 2, "--min-count", 1, "--lr", 0.05)
    done = w2v("train", text, *old, "--json", "-q")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["dim"], summary["epochs"], summary["threads"]) == (6, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["corpus.txt", "--dim", "0"], 2, "--dim 0 is too small"),
        (["corpus.txt", "--alpha", "0.1", "--min-alpha", "0.2"], 2, "--min-alpha 0.2 is above --alpha 0.1"),
        (["corpus.txt", "--model", "glove"], 2, "'glove' is not"),
        (["none.txt"], 3, "none.txt cannot be read: No such file or directory"),
        (["corpus.txt", "none.txt"], 3, "none.txt cannot be read"),
        ([".", "--suffix", "md"], 3, "there are no files in the folder . whose name ends in md"),
        (["corpus.txt", "-o", "no/such/folder/model"], 3, "no/such/folder"),
        (["corpus.txt", "-o", "."], 3, "Error: "),
        (["corpus.txt", "-o", ""], 3, "Error: the name of the output is empty"),
        (["latin1.txt"], 3, "latin1.txt is not UTF-8 at byte 3 "),
        (["empty.txt"], 3, "there are no words in empty.txt"),
        (["corpus.txt", "--min-count", "100000"], 3, "no word occurs 100000 times or more in corpus.txt"),
        (["corpus.txt", "-o", "corpus.txt"], 2, "corpus.txt (the model) would overwrite corpus.txt (a text of"),
        (["corpus.txt", "--loss", "hs", "--negatives", "3"], 2, "--negatives has no meaning with --loss hs"),
        (["corpus.txt", "--loss", "hs", "--negative", "5"], 2, "--negatives has no meaning with --loss hs"),
        (["corpus.txt", "--loss", "hs", "--negatives", "0"], 2, "--negatives has no meaning with --loss hs"),
        (["corpus.txt", "--cbow-step", "scaled"], 2, "--cbow-step has no meaning with --model skipgram"),
        # Of several such options, the one that was typed first is named.
        (
            ["corpus.txt", "--loss", "hs", "--noise-exponent", "0.75", "--negatives", "5"],
            2,
            "--noise-exponent has no meaning with --loss hs",
        ),
        (["none.txt", "--checkpoint-every", "1m"], 2, "--checkpoint-every has no effect without --checkpoint"),
        (["corpus.txt", "--cbow-sum"], 2, "--cbow-sum has no meaning with --model skipgram"),
        (["corpus.txt", "--recipe", "best", "--model", "cbow"], 2, "--recipe best is not for --model cbow with --loss"),
        (["--resume", "run", "--recipe", "best"], 2, "--resume knows the options of its run"),
        (["corpus.txt", "--radius", "harmonic", "--fixed-window"], 2, "--radius has no meaning with --fixed-window"),
        (["corpus.txt", "--negatives", "0"], 2, "without noise every score would grow without bound"),
        (["corpus.txt", "--window", "3000000000"], 2, "--window 3000000000 is too large"),
        (["corpus.txt", "--subwords", "fasttext", "--minn", "7"], 2, "min-ngram 7 is above max-ngram 6"),
        (["corpus.txt", "-o", "x.floret"], 2, "add --subwords floret"),
        (["corpus.txt", "--cluster", "ray", "--subwords", "fasttext"], 2, "a cluster cannot train parts of words"),
        (["plain.gz"], 3, "plain.gz cannot be read"),
        ([], 2, "Missing argument"),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_no_file(
    text: Path, tmp_path: Path, arguments: list[str], code: int, message: str, w2v: Program
) -> None:
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9 words")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "plain.gz").write_text("not compressed")
    before = {path.name for path in tmp_path.iterdir()}
    done = w2v("train", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr
    # What options say is refused before the text is read.
    assert code == 3 or "Reading" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_failure_leaves_an_earlier_model_as_it_was(text: Path, tmp_path: Path, w2v: Program) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"precious")
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9 words")
    assert w2v("train", "latin1.txt").returncode == 3
    assert (tmp_path / "model.safetensors").read_bytes() == b"precious"


def test_raw_prose_gets_a_hint_and_words_are_found_in_it(tmp_path: Path, w2v: Program) -> None:
    (tmp_path / "prose.txt").write_text("The cat, the dog; the end. A cat! A dog? (The end.)\n" * 20)
    plain = w2v("train", "prose.txt", *FAST)
    assert "Hint: " in plain.stderr and "--tokenize words" in plain.stderr
    words = w2v("train", "prose.txt", *FAST, "--tokenize", "words", "--lower", "--json")
    assert "--tokenize words" not in words.stderr
    assert json.loads(words.stdout)["words"] == 5  # the cat dog end a


def test_the_softmax_tells_its_perplexity(text: Path, tmp_path: Path, w2v: Program) -> None:
    done = w2v("train", text, *FAST, "--loss", "softmax", "--json")
    summary = json.loads(done.stdout)
    assert summary["perplexity"] == [pytest.approx(math.exp(loss)) for loss in summary["loss"]]
    assert f"Perplexity by epoch: {', '.join(f'{x:,.1f}' for x in summary['perplexity'])}\n" in done.stderr


def test_a_loss_may_be_too_large_for_its_perplexity() -> None:
    trained = Trained(initial_parameters(2, 1, 1), [0.0, 1.0, 1000.0], 0.1, 1.0, 1.0)
    assert trained.perplexities == [1.0, pytest.approx(math.e), math.inf]


def without_numba(folder: Path) -> dict[str, str]:
    """Return an environment in which `import numba` fails."""
    (folder / "broken").mkdir()
    (folder / "broken" / "numba.py").write_text("raise ImportError('Numba needs another Python')")
    path = os.pathsep.join([str(folder / "broken"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path}


def test_without_numba_everything_works_and_one_line_says_so(text: Path, tmp_path: Path) -> None:
    environment = without_numba(tmp_path)
    done = w2v_alone("train", text.name, *FAST, folder=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert [line[TIME:] for line in done.stderr.splitlines() if "numba" in line] == [
        "numba does not import (ImportError: Numba needs another Python): training with the numpy engine, which is slow"
    ]
    refused = w2v_alone("train", text, *FAST, "--engine", "compiled", folder=tmp_path, env=environment)
    assert refused.returncode == 2 and "--engine compiled needs numba" in refused.stderr
    check = w2v_alone("gradcheck", "-k", "random", *SMALL, folder=tmp_path, env=environment)
    assert check.returncode == 0 and "the compiled engine is not checked" in check.stderr
    assert w2v_alone("similar", "w1", folder=tmp_path, env=environment).returncode == 0


def test_with_numba_disabled_everything_works_and_one_line_says_so(text: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = w2v_alone("train", text, *FAST, folder=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert [line[TIME:] for line in done.stderr.splitlines() if "NUMBA" in line] == [
        "NUMBA_DISABLE_JIT is set: training with the numpy engine, which is slow"
    ]
    assert "Compiling" not in done.stderr
    refused = w2v_alone("train", text, *FAST, "--engine", "compiled", folder=tmp_path, env=environment)
    assert refused.returncode == 2 and "NUMBA_DISABLE_JIT" in refused.stderr
    check = w2v_alone("gradcheck", "-k", "random", *SMALL, folder=tmp_path, env=environment)
    assert check.returncode == 0 and "the compiled engine is not checked" in check.stderr


@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
@pytest.mark.parametrize("threads", ["0", "-1"])
def test_the_number_of_numbas_own_threads_does_not_matter(text: Path, tmp_path: Path, threads: str) -> None:
    environment = {**os.environ, "NUMBA_NUM_THREADS": threads}
    done = w2v_alone("train", text, *FAST, "-v", folder=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "Engine compiled" in done.stderr and "numba does not import" not in done.stderr


def test_a_number_of_numbas_threads_that_is_no_number_is_one_sentence(text: Path, tmp_path: Path) -> None:
    done = w2v_alone("train", text, *FAST, "-q", folder=tmp_path, env={**os.environ, "NUMBA_NUM_THREADS": "many"})
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[0] == "Error: NUMBA_NUM_THREADS is not a whole number: many"
    assert done.stderr.count("\n") == 2 and "Traceback" not in done.stderr


@pytest.mark.skipif(not COMPILES, reason="numba does not import here")
@pytest.mark.parametrize("options", [(), ("--noise-exponent", "-0.5")])
def test_both_engines_write_nearly_the_same_vectors(
    text: Path, tmp_path: Path, options: tuple[str, ...], w2v: Program
) -> None:
    vectors = {}
    for engine in ("reference", "compiled"):
        assert w2v("train", text, *FAST, *options, "--engine", engine, "-o", engine).returncode == 0
        with safe_open(tmp_path / engine, "numpy") as model:
            vectors[engine] = model.get_tensor("input_vectors")
    # Differences of float32 rounding add up over a few thousand steps.
    assert np.abs(vectors["reference"] - vectors["compiled"]).max() < 1e-4
    assert np.abs(vectors["reference"]).max() > 0.05


def test_training_goes_on_when_nobody_reads_its_remarks(text: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "w2v_cli", "train", str(text), *FAST]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.close()
        assert process.wait() == 0
    assert (tmp_path / "model.safetensors").exists()


def test_a_large_window_reaches_the_whole_sentence(tmp_path: Path, w2v: Program) -> None:
    (tmp_path / "few.txt").write_text("a b c d\n" * 30)
    done = w2v("train", "few.txt", *FAST, "--subsample", 0, "--window", 2_000_000_000)
    assert done.returncode == 0, done.stderr


def test_threads_without_effect_are_named(text: Path, tmp_path: Path, w2v: Program) -> None:
    for threads, told in ((1, False), (2, True)):
        done = w2v("train", text, *FAST, "--engine", "reference", "--threads", threads)
        assert ("The numpy engine trains with one thread" in done.stderr) == told


def test_a_file_of_options_may_hold_the_defaults_of_options_without_effect(
    text: Path, tmp_path: Path, w2v: Program
) -> None:
    (tmp_path / "options.toml").write_text('loss = "hs"\nnegatives = 5\n')
    done = w2v("train", text, "--config", "options.toml", *FAST)
    assert done.returncode == 0, done.stderr
