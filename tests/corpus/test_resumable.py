"""The ids that a run keeps are taken again only if a text can have them; otherwise the text is read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_cli.corpus.resumable import kept_corpus
from w2v_cli.storage.tensors import TensorFile, checksum, word_tensors, write_tensors
from w2v_cli.training.run import resume_training

pytestmark = pytest.mark.usefixtures("finished_run")
# The distinct words and the tokens in the text of `finished_run`.
WORDS, TOKENS = 6, 600


def rewrite_corpus(
    ids: np.ndarray, boundaries: np.ndarray, words: Any = None, counts: Any = None, **facts: Any
) -> None:
    """Replace the ids and boundaries of the kept corpus, perhaps its words and counts, and its facts.

    The checksums are written anew, so that only the content can be wrong.
    """
    kept, run = TensorFile("run/corpus.safetensors"), Path("run")
    tensors = {"counts": kept.tensor("counts", "I64", 1) if counts is None else np.array(counts)}
    tensors |= word_tensors(list(kept.words()) if words is None else words)
    (run / "ids.int32").write_bytes(ids.tobytes())
    (run / "boundaries.int64").write_bytes(boundaries.tobytes())
    files = [np.fromfile(run / name, np.uint8) for name in ("ids.int32", "boundaries.int64")]
    said = {**json.loads(kept.metadata["corpus"]), "checksums": [int(checksum({"": file}), 16) for file in files]}
    write_tensors(run / "corpus.safetensors", tensors, {"corpus": json.dumps({**said, **facts})})


def changed(array: np.ndarray, index: int, value: int) -> np.ndarray:
    copy = array.copy()
    copy[index] = value
    return copy


IDS, BOUNDARIES = np.zeros(TOKENS, np.int32), np.arange(2, TOKENS + 1, 2)


def test_a_rewritten_corpus_is_taken_if_nothing_is_wrong_with_it() -> None:
    rewrite_corpus(IDS, BOUNDARIES)
    corpus = kept_corpus(Path("run"))
    assert corpus is not None and (corpus.token_count, len(corpus.vocabulary)) == (TOKENS, WORDS)
    corpus.close()


@pytest.mark.parametrize(
    "content",
    [
        {"ids": changed(IDS, 7, WORDS)},
        {"ids": changed(IDS, TOKENS - 1, -1)},
        {"ids": changed(IDS, 0, -(2**31))},
        {"ids": IDS[:-1]},
        {"ids": IDS.view(np.uint8)[:-1]},
        {"ids": IDS.astype(np.int64)},
        {"boundaries": changed(BOUNDARIES, 0, 0)},
        {"boundaries": changed(BOUNDARIES, 0, -5)},
        {"boundaries": changed(BOUNDARIES, 5, int(BOUNDARIES[4]))},
        {"boundaries": changed(BOUNDARIES, -1, TOKENS + 1)},
        {"boundaries": BOUNDARIES.view(np.uint8)[:-3]},
        {"counts": [300, 200, 50, 50, 0, 50]},
        {"counts": [300, 200, 50, 50, -1, 50]},
        {"counts": [2**62, 2**62, 50, 50, 50, 50]},
        {"counts": [300, 200, 50, 50, 50]},
        {"words": ["a", "b", "c", "d", "e", "a"]},
        {"words": [], "counts": np.zeros(0, np.int64)},
        {"token_count": TOKENS - 1},
        {"token_count": float(TOKENS)},
        {"token_count": str(TOKENS)},
        {"token_count": -TOKENS},
        {"token_count": None},
        {"raw_token_count": 1},
        {"raw_token_count": 10**400},
        {"fingerprint": 7},
        {"untokenised_share": float("nan")},
        {"untokenised_share": []},
        {"checksums": 7},
        {"checksums": [1, 2]},
        {"checksums": []},
    ],
    ids=str,
)
def test_kept_ids_that_no_text_can_have_are_made_again(content: dict[str, Any]) -> None:
    rewrite_corpus(**{"ids": IDS, "boundaries": BOUNDARIES, **content})
    assert kept_corpus(Path("run")) is None
    resume_training("run", {"output": "other"})
    assert Path("other").read_bytes() == Path("model").read_bytes()


@pytest.mark.parametrize("facts", ["[]", "7", "[" * 100_000, "{}", "nonsense"])
def test_a_corpus_with_malformed_facts_is_not_taken(facts: str) -> None:
    kept = TensorFile("run/corpus.safetensors")
    tensors = {"counts": np.array(kept.tensor("counts", "I64", 1)), **word_tensors(list(kept.words()))}
    write_tensors("run/corpus.safetensors", tensors, {"corpus": facts})
    assert kept_corpus(Path("run")) is None
