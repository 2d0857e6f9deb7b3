#!/usr/bin/env python3
"""Fuzz a reader with inputs that reach new code, and check that it accepts or refuses each of them and never crashes.

    pip install '.[fuzz]'
    scripts/torture/fuzz.py safetensors --seconds 600

The fuzzer is coverage-guided (atheris). It starts from the cases in tests/fuzz_cases, which the test suite replays. At
a crash it stops, and writes the input to a file named crash-…. Fix the bug, and add that file to the cases.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from w2v_cli.corpus import texts, tokens
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.embeddings import gold
from w2v_cli.errors import MissingExtraError, W2VError
from w2v_cli.formats import model_file
from w2v_cli.formats.reading import ReadOptions

CASES = Path(__file__).resolve().parents[2] / "tests" / "fuzz_cases"


def check_tokenizer(data: bytes, scratch: Path) -> None:
    """Check that both tokenizers find the same tokens as `bytes.split`."""
    compiled, plain = tokens.make_tokens(), tokens.PlainTokens()
    ids = compiled.add(data + tokens.PADDING)
    assert np.array_equal(ids, plain.add(data + tokens.PADDING))
    assert np.array_equal(compiled.counts, plain.counts)
    words = compiled.words
    found = [words.bytes_of(i) for i in ids.tolist() if i != tokens.NEWLINE_ID]
    assert found == data.split()


def check_reader(data: bytes, scratch: Path) -> None:
    """Check that a text has the same tokens however small the pieces are that it is read in.

    The first byte chooses the compression, the options and the size of the pieces; the rest is the text.
    """
    choice, text = data[:1] or b"\0", data[1:]
    suffix = ["", ".gz", ".bz2", ".xz"][choice[0] & 3]
    path = scratch / f"text{suffix}"
    path.write_bytes(text)
    options = TextOptions(
        errors=["strict", "replace", "ignore"][(choice[0] >> 2) % 3],
        lower=bool(choice[0] & 16),
        tokenize="words" if choice[0] & 32 else "whitespace",
    )
    results = []
    for size in (1 + (choice[0] >> 6), 1 << 16):
        try:
            pieces = texts.Texts([str(path)], options).pieces(size)
            results.append([token for piece in pieces for token in piece.data.split()])
        except W2VError:
            results.append([b"refused"])
    assert results[0] == results[1]


def _check_vectors(data: bytes, path: Path, format: str) -> None:
    """Check that a file is refused, or read as vectors with as many distinct words as rows."""
    path.write_bytes(data)
    try:
        vectors = model_file.ModelFile(path, ReadOptions(format)).vectors
    except W2VError:
        return
    assert len(vectors.words) == len(vectors.matrix)
    # floret's tables have no words.
    assert len(vectors.words) > 0 or vectors.parts is not None
    assert len(set(vectors.words)) == len(vectors.words)


def check_text(data: bytes, scratch: Path) -> None:
    """Check the reader of word2vec's text format."""
    _check_vectors(data, scratch / "vectors.txt", "text")


def check_binary(data: bytes, scratch: Path) -> None:
    """Check the reader of word2vec's binary format."""
    _check_vectors(data, scratch / "vectors.bin", "binary")


def check_fasttext(data: bytes, scratch: Path) -> None:
    """Check the reader of fastText's models."""
    _check_vectors(data, scratch / "vectors.bin", "fasttext")


def check_safetensors(data: bytes, scratch: Path) -> None:
    """Check the reader of w2v's own model files."""
    _check_vectors(data, scratch / "vectors.safetensors", "safetensors")


def check_gold(data: bytes, scratch: Path) -> None:
    """Check the reader of gold sets, which are analogies or rated word pairs."""
    path = scratch / "gold"
    path.write_bytes(data)
    try:
        found = gold.read_gold(path)
    except W2VError:
        return
    if isinstance(found, gold.PairSet):
        assert len(found.pairs) == len(found.ratings) > 0
    else:
        assert all(len(question) >= 4 for _, questions in found.sections for question in questions)


CHECKS: dict[str, Callable[[bytes, Path], None]] = {
    "tokenizer": check_tokenizer,
    "reader": check_reader,
    "text": check_text,
    "binary": check_binary,
    "fasttext": check_fasttext,
    "safetensors": check_safetensors,
    "gold": check_gold,
}


def main() -> None:
    if not __debug__:
        sys.exit("run it without -O, which removes the checks")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=CHECKS)
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, help="folder for inputs that reach new code; default: temporary")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        missing = MissingExtraError("fuzzing", "atheris")
        sys.exit(f"Error: {missing.message}\nHint: {missing.hint}")
    # All modules with a part in reading files.
    rooms = tuple(f"w2v_cli.{room}." for room in ("corpus", "embeddings", "formats", "storage"))
    for name, module in sorted(sys.modules.items()):
        if name.startswith(rooms):
            instrument(module, atheris.instrument_func)
    # The checks write a file for each input, millions in all, which is much cheaper in memory.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        scratch, kept = Path(folder, "scratch"), options.corpus or Path(folder, "kept")
        scratch.mkdir()
        kept.mkdir(exist_ok=True)
        arguments = [sys.argv[0], f"-max_total_time={options.seconds}", f"-seed={options.seed}"]
        arguments += ["-print_final_stats=1", "-max_len=4096", str(kept), str(CASES / options.target)]
        check = CHECKS[options.target]
        atheris.Setup(arguments, lambda data: check(data, scratch))
        atheris.Fuzz()


def instrument(module: types.ModuleType, instrument_func: Callable[[Any], Any]) -> None:
    """Show the fuzzer which branches a module's functions take. It cannot see into compiled functions."""
    owners = [module, *(kind for kind in vars(module).values() if isinstance(kind, type))]
    for owner in owners:
        for member in list(vars(owner).values()):
            function = getattr(member, "__func__", getattr(member, "fget", member))
            if isinstance(function, types.FunctionType) and function.__module__ == module.__name__:
                instrument_func(function)


if __name__ == "__main__":
    main()
