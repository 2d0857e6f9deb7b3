"""Fixtures and helpers that several test files use."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, AnyStr

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from w2v_cli.cli.main import run
from w2v_cli.config import TrainConfig
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.engines.block_trainer import SteppedBlocks
from w2v_cli.engines.choose import Step
from w2v_cli.formats.model_file import ModelFile, save_model
from w2v_cli.formats.reading import ReadOptions
from w2v_cli.storage.tensors import word_tensors, write_tensors
from w2v_cli.storage.words import Words
from w2v_cli.subwords.options import Subwords
from w2v_cli.subwords.table import SubwordTable
from w2v_cli.training.run import train_model
from w2v_cli.training.trainer import Trainer

SHARED = Path(__file__).parents[2] / "shared" / "data"
ROOT = Path(__file__).parents[1]
# A slow machine is no fault of the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
# The module that reads and writes .zst.
ZSTANDARD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
RUN_CONFIG = TrainConfig(dim=4, epochs=2, min_count=1, threads=1, subsample=0.0)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return a function that finds a file of real text or a gold set, and skips the test if the file is missing."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"{name} is missing (real text and gold sets are in ../shared/data)")
        return path

    return find


def write_unchecked(path: Path | str, words: Sequence[str], counts: Any, tensors: Any, metadata: Any) -> None:
    """Write a model file without the checks of `save_model`, as another program might write it."""
    counted = {} if counts is None else {"counts": np.asarray(counts, np.int64)}
    write_tensors(path, {**tensors, **word_tensors(words), **counted}, metadata)


def make_model(path: Path) -> None:
    """Write the smallest model file."""
    save_model(path, ["a"], None, {"input_vectors": np.ones((1, 2), np.float32)}, {"loss": "[1.5]"})


SUBWORD_WORDS = ["walk", "walked", "Fluß", "talk", "</s>", "река"]


def make_subword_model(path: Path | str, kind: str = "fasttext", buckets: int = 97, dim: int = 6) -> SubwordTable:
    """Write a model with vectors for parts of words; return their table."""
    subwords, words = Subwords(kind, 3, 5, buckets), Words.of(SUBWORD_WORDS)
    rows = np.random.default_rng(8).standard_normal((subwords.table_rows(len(words)), dim)).astype(np.float32)
    table = SubwordTable(subwords, rows, len(words))
    outputs = np.arange(len(words) * dim, dtype=np.float32).reshape(-1, dim)
    tables = {
        "input_vectors": table.vocabulary_vectors(words),
        "output_vectors": outputs,
        "subword_vectors": rows,
    }
    counts = np.arange(len(words), 0, -1) * 3
    save_model(path, words, counts, tables, {"subwords": subwords.as_json(), "corpus_tokens": "1000"})
    return table


def load_vectors(path: Path | str, format: str | None = None) -> WordVectors:
    """Return the words and vectors of a file in any readable format."""
    with ModelFile(path, ReadOptions(format)) as file:
        return file.vectors


def bits(matrix: np.ndarray) -> list[list[int]]:
    """Return the bits of float32 numbers as whole numbers, because equality of floats does not tell 0 from −0."""
    return np.ascontiguousarray(matrix).view(np.uint32).tolist()


def call(capture: pytest.CaptureFixture[AnyStr], *arguments: str) -> tuple[int, AnyStr, AnyStr]:
    """Run a command line, and return its exit code, stdout and stderr.

    The announcement that code is compiled is left out of stderr. It comes with the first test that needs the code,
    whichever that is, and only on a machine without a code cache.
    """
    with pytest.raises(SystemExit) as caught:
        run(arguments)
    captured = capture.readouterr()
    assert isinstance(caught.value.code, int)
    return caught.value.code, captured.out, _without_compiling(captured.err)


def _without_compiling(err: AnyStr) -> AnyStr:
    pattern = r"(?m)^(\d\d:\d\d:\d\d )?Compiling for this processor\n"
    return re.sub(pattern, "", err) if isinstance(err, str) else re.sub(pattern.encode(), b"", err)


def call_for_lines(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    """Like `call`, but return stdout as a list of lines."""
    code, out, err = call(capture, *arguments)
    return code, out.splitlines(), err


def assert_a_closed_pipe_is_silent(*arguments: str) -> None:
    """Check that a command exits with 0 and prints no error if its reader closes the pipe after one line."""
    command = [sys.executable, "-m", "w2v_cli", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.fixture(scope="session")
def whole_gradcheck(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Return a run of `w2v gradcheck` without options. It takes long, so all processes of pytest share one."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    kept, command = folder / "gradcheck.json", [sys.executable, "-m", "w2v_cli", "gradcheck"]
    with (folder / "gradcheck.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
            kept.write_text(json.dumps([done.returncode, done.stdout, _without_compiling(done.stderr)]))
    return subprocess.CompletedProcess(command, *json.loads(kept.read_text()))


# The words and vectors that tests of questions share; each adds words of its own.
ROYAL_WORDS = ["man", "woman", "king", "queen", "apple"]
ROYAL_VECTORS = [[0, 1, 1], [0, -1, 1], [1, 1, 1], [1, -1, 1], [-1, 0, -1]]


@pytest.fixture
def royal_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Sequence[float]]], Path]:
    """Change to a folder of the test's own; return a function that writes model.safetensors with more words there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("W2V_MODEL", raising=False)

    def write(more: Mapping[str, Sequence[float]]) -> Path:
        words, vectors = [*ROYAL_WORDS, *more], np.array([*ROYAL_VECTORS, *more.values()], np.float32)
        counts = np.arange(len(words), 0, -1, dtype=np.int64)
        save_model("model.safetensors", words, counts, {"input_vectors": vectors}, {})
        return tmp_path / "model.safetensors"

    return write


@pytest.fixture
def finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, which holds a text, the model of a finished run, and its checkpoint folder.

    The text is corpus.txt, with 600 tokens of 6 words; the model is in the file model, the checkpoints are in run.
    """
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("a b c d\ne a\n" * 50 + "f a b\n" * 100)
    train_model(["corpus.txt"], RUN_CONFIG, output="model", checkpoint="run")
    return tmp_path


@pytest.fixture
def memory() -> Iterator[Any]:
    """Return the file system behind memory:// URLs, empty; or skip the test if fsspec is not here."""
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not here (it is in the extra test)")
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def everything(folder: Path) -> dict[str, bytes | str]:
    """Return everything below a folder: files with their contents, links with their targets, others by name."""
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else "not a file"
        for path in folder.rglob("*")
    }


def in_child(work: Callable[[], object]) -> int:
    """Return the exit status of a process that does the work and nothing else."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(7)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def call_for_each_block(trainer: Trainer, step: Step) -> None:
    """Let a run call a step for each of its blocks, whatever its engine."""
    trainer.blocks = SteppedBlocks(step, trainer.corpus, trainer.sampler, trainer.parameters, trainer.schedule.rate)


# Without these, Chromium does not start as root, or asks for its own services at every start.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Opened:
    """A page in the browser, and what happened on it that should not."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def do(self, script: str, argument: object = None) -> Any:
        """Run a script on the page and return its value."""
        return self.page.evaluate(script, argument)

    def ask(self, text: str) -> None:
        """Type a question and press Enter."""
        self.page.fill("#query", text)
        self.page.press("#query", "Enter")
        # The address changes first, and the page answers when it is told of that.
        self.do("() => new Promise((resolve) => setTimeout(resolve))")

    @property
    def status(self) -> str:
        """What the page says about the question."""
        return str(self.page.inner_text("#status").split("\n")[0])

    @property
    def results(self) -> list[str]:
        """The nearest words that it lists."""
        return list(self.page.locator("#results bdi").all_text_contents())


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a browser, or skip the test if there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not here (it is in the extra test)")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not here (scripts/install_browser installs it)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Return a function that opens a page offline; the test fails if the page complains or asks for anything."""
    contexts, opened = [], []

    def open(path: Path, width: int = 1440, height: int = 900, address: str = "", **options: Any) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": height}, offline=True, **{"reduced_motion": "reduce", **options}
        )
        contexts.append(context)
        it = Opened(context.new_page())
        opened.append(it)
        it.page.on("console", lambda message: it.complaints.append(message.text))
        it.page.on("pageerror", lambda error: it.complaints.append(str(error)))
        it.page.on("request", lambda request: it.complaints.append(request.url))
        it.page.goto(f"{path.resolve().as_uri()}{address}")
        it.page.wait_for_selector("html[data-ready]")
        return it

    yield open
    for context in contexts:
        context.close()
    for it in opened:
        assert [text for text in it.complaints if not text.startswith(("file:", "data:", "blob:"))] == []
