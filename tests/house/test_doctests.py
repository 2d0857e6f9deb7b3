"""The examples in the docstrings print what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "module", ["engines.huffman", "gradients.losses", "storage.words", "embeddings.queries", "embeddings.rated_pairs"]
)
def test_the_examples_of_a_module_are_right(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"w2v_cli.{module}"))
    assert results.attempted > 0, f"{module} has no example"
    assert results.failed == 0
