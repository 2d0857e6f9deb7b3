"""A state machine writes, converts, overwrites and cuts files of vectors, on a disk that may fill up.

Whatever happened, every file that was once written whole gives back its words and every bit of its vectors.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import load_vectors
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from w2v_cli.cli.main import run
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.export import write_vectors
from w2v_cli.storage.opening import without_packing

NAMES = [
    f"{stem}{suffix}{packed}"
    for stem in "ab"
    for suffix in (".safetensors", ".txt", ".bin", ".glove")
    for packed in ("", ".gz", ".bz2", ".xz", ".zst")
]
# The characters that formats use as syntax, and characters that must not be mistaken for them.
LETTERS = st.sampled_from("a1.-+e \t\n\r\x0b\x0c\0\x85\xa0\u2028\u3000\ufeffß한\U0001f600<")
WORDS = st.lists(st.text(LETTERS, max_size=4), min_size=1, max_size=4, unique=True)


def holds(name: str, word: str) -> bool:
    """Tell whether a format can hold a word, from the characters that end a word in it."""
    ends = {".safetensors": "(?!)", ".bin": "[\0 \t\n\v\f\r]"}.get(Path(without_packing(name)).suffix, "[ \t\n\v\f\r]")
    return word != "" and not re.search(ends, word)


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as on a full disk."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


class Files(RuleBasedStateMachine):
    """A folder, and what it must contain."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.contents: dict[str, WordVectors] = {}
        self.touched: str | None = None

    def teardown(self) -> None:
        for name in getattr(self, "contents", {}):
            self.check(name)
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def check(self, name: str) -> None:
        read, expected = load_vectors(self.folder / name), self.contents[name]
        assert list(read.words) == list(expected.words)
        assert read.matrix.tobytes() == expected.matrix.tobytes() and read.matrix.shape == expected.matrix.shape

    @invariant()
    def what_was_touched_is_whole_and_nothing_lies_beside_it(self) -> None:
        if not hasattr(self, "folder"):
            return
        if self.touched in self.contents:
            self.check(self.touched)
        self.touched = None
        assert sorted(os.listdir(self.folder)) == sorted(self.contents)

    @rule(name=st.sampled_from(NAMES), words=WORDS, data=st.data())
    def write(self, name: str, words: list[str], data: st.DataObject) -> None:
        shape = (len(words), data.draw(st.integers(1, 3)))
        numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
        vectors = WordVectors(words, data.draw(arrays(np.float32, shape, elements=numbers)))
        self.touched = name
        if all(holds(name, word) for word in words):
            write_vectors(self.folder / name, vectors)
            self.contents[name] = vectors
        else:
            with pytest.raises(ModelFileError):
                write_vectors(self.folder / name, vectors)

    @precondition(lambda self: self.contents)
    @rule(data=st.data(), onto=st.sampled_from(NAMES))
    def convert(self, data: st.DataObject, onto: str) -> None:
        source = data.draw(st.sampled_from(sorted(self.contents)))
        with pytest.raises(SystemExit) as ended:
            run(["convert", str(self.folder / source), str(self.folder / onto)])
        self.touched = onto
        if source == onto:
            assert ended.value.code == 2
        elif all(holds(onto, word) for word in self.contents[source].words):
            assert not ended.value.code
            self.contents[onto] = self.contents[source]
        else:
            assert ended.value.code == 3

    @precondition(lambda self: self.contents)
    @rule(data=st.data(), size=st.integers(0, 12))
    def write_on_a_full_disk(self, data: st.DataObject, size: int) -> None:
        source = data.draw(st.sampled_from(sorted(self.contents)))
        vectors, self.touched = self.contents[source], source
        longer = WordVectors([*vectors.words, "longer" * 9], np.vstack([vectors.matrix, vectors.matrix[:1]]))
        with full_after(size), pytest.raises(ModelFileError):
            write_vectors(self.folder / source, longer)

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def a_part_of_a_file_is_refused(self, data: st.DataObject) -> None:
        source = data.draw(st.sampled_from(sorted(self.contents)))
        whole = (self.folder / source).read_bytes()
        part = self.folder / f"part-{source}"
        part.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        try:
            found = load_vectors(part)
        except ModelFileError as error:
            assert str(part) in error.message
        else:
            expected = self.contents[source]
            if source.endswith((".glove", ".txt")):  # the last line may lack its newline and the end of its last number
                words, rows = len(found), expected.matrix[: len(found)]
                # GloVe's format does not record the number of lines.
                assert words == len(expected) or source.endswith(".glove")
                assert found.words == expected.words[:words] and found.matrix[:-1].tobytes() == rows[:-1].tobytes()
                assert found.matrix[-1, :-1].tobytes() == rows[-1, :-1].tobytes()
            else:  # without its last newline, the file is one that gensim could have written
                assert source.endswith(".bin") and found.matrix.tobytes() == expected.matrix.tobytes()
        part.unlink()


Files.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
TestFiles = Files.TestCase
