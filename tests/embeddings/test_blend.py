"""Blends of input and output vectors: the rows, the weight, and answers that do not depend on how they are computed."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_cli.embeddings import blend as module
from w2v_cli.embeddings import matrix as matrix_module
from w2v_cli.embeddings.blend import Blend, mix_weight
from w2v_cli.embeddings.queries import similar
from w2v_cli.embeddings.vectors import WordVectors

RNG = np.random.default_rng(3)
INPUTS = RNG.standard_normal((60, 5), np.float32)
OUTPUTS = 4 * RNG.standard_normal((60, 5), np.float32)
WORDS = [f"w{i}" for i in range(60)]
# Half the mean length of the input vectors ÷ that of the output vectors, in float64.
WEIGHT = 0.5 * np.linalg.norm(INPUTS, axis=1).mean() / np.linalg.norm(OUTPUTS, axis=1).mean()
MIX = INPUTS + WEIGHT * OUTPUTS.astype(np.float64)


def test_a_mix_adds_a_share_of_the_length_of_the_input_vectors() -> None:
    # float32: 24 bits.
    assert mix_weight(INPUTS, OUTPUTS, 0.5) == pytest.approx(WEIGHT, rel=1e-6)
    assert mix_weight(INPUTS, OUTPUTS, 0.75) == pytest.approx(1.5 * WEIGHT, rel=1e-6)
    assert mix_weight(INPUTS, 100 * OUTPUTS, 0.5) == pytest.approx(WEIGHT / 100, rel=1e-6)


def test_the_weight_of_vectors_without_any_length_or_with_nan_is_a_number() -> None:
    assert mix_weight(INPUTS, np.zeros_like(OUTPUTS), 0.5) == 0
    spoilt = INPUTS.copy()
    spoilt[7, 2] = np.nan
    others = np.delete(np.arange(60), 7)
    expected = mix_weight(INPUTS[others], OUTPUTS, 0.5)
    assert mix_weight(spoilt, OUTPUTS, 0.5) == pytest.approx(expected, rel=1e-6)
    assert mix_weight(INPUTS[:0], OUTPUTS[:0], 0.5) == 0


def test_of_a_large_vocabulary_a_sample_gives_nearly_the_same_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    # Frequent words have long vectors and rare ones short vectors, as training makes them.
    inputs = np.linspace(5, 1, 4096, dtype=np.float32)[:, np.newaxis]
    outputs = np.linspace(1, 2, 4096, dtype=np.float32)[:, np.newaxis]
    whole = mix_weight(inputs, outputs, 0.5)
    monkeypatch.setattr(module, "_SAMPLED", 512)
    monkeypatch.setattr(module, "_RUN", 16)
    sampled = mix_weight(inputs, outputs, 0.5)
    # 32 runs of 16 rows: each is half a step of the slope (4 and 1 in 32 runs) away from the mean of its part.
    assert sampled != whole and sampled == pytest.approx(whole, rel=0.04)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("mix", MIX), ("sum", INPUTS + OUTPUTS), ("concat", np.hstack([INPUTS, OUTPUTS]))],
)
def test_rows_are_the_same_one_at_a_time_and_all_at_once(kind: str, expected: np.ndarray) -> None:
    blend = Blend(INPUTS, OUTPUTS, kind)
    vectors = WordVectors(WORDS, blend)
    ids = np.array([7, 0, 7, 59])
    assert vectors.dim == expected.shape[1] == blend.shape[1]
    assert vectors.rows(ids) == pytest.approx(expected[ids], rel=1e-5, abs=1e-6)
    assert vectors["w3"] == pytest.approx(expected[3], rel=1e-5, abs=1e-6)
    assert np.array_equal(vectors.first(9).matrix, vectors.matrix[:9])
    assert np.array_equal(vectors.matrix, blend[:]) and vectors.matrix.dtype == np.float32


@pytest.mark.parametrize("kept", [0, 1 << 28])
@pytest.mark.parametrize("chunk", [1, 64, 1 << 24])
def test_answers_are_those_of_the_whole_mix(monkeypatch: pytest.MonkeyPatch, kept: int, chunk: int) -> None:
    monkeypatch.setattr(matrix_module, "_KEPT_BYTES", kept)
    monkeypatch.setattr(matrix_module, "_CHUNK_BYTES", chunk)
    blended, plain = WordVectors(WORDS, Blend(INPUTS, OUTPUTS, "mix")), WordVectors(WORDS, MIX.astype(np.float32))
    for restrict in (None, 20):
        found, expected = (similar(vectors, ["w3", "w40"], 5, restrict_vocab=restrict) for vectors in (blended, plain))
        assert [[n.word for n in row] for row in found] == [[n.word for n in row] for row in expected]
        cosines = [[n.cosine for n in row] for row in found]
        assert np.array(cosines) == pytest.approx(np.array([[n.cosine for n in row] for row in expected]), abs=1e-6)
    assert blended.norms == pytest.approx(np.linalg.norm(MIX, axis=1), rel=1e-5)


def test_a_large_mix_is_not_kept_and_a_small_one_is_when_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for kept, whole in ((60 * 5 * 4 - 1, False), (60 * 5 * 4, True)):
        monkeypatch.setattr(matrix_module, "_KEPT_BYTES", kept)
        vectors = WordVectors(WORDS, Blend(INPUTS, OUTPUTS, "mix"))
        first = similar(vectors, ["w3"])
        assert isinstance(vectors.held, Blend)
        assert similar(vectors, ["w3"]) == first and isinstance(vectors.held, np.ndarray) == whole


def test_only_a_mix_that_somebody_changed_is_edited() -> None:
    vectors = WordVectors(WORDS, Blend(INPUTS, OUTPUTS, "mix"))
    assert not vectors.edited
    handed_out = vectors.hand_out()
    assert not vectors.edited
    handed_out[59, 4] += 1
    assert vectors.edited and vectors["w59"][4] == handed_out[59, 4]
    assert WordVectors(WORDS, Blend(INPUTS, OUTPUTS, "mix"))["w59"][4] != handed_out[59, 4]
