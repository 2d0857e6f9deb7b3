"""Words that were given the company of others are found, by `w2v.drift` and by `w2v drift`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call, call_for_lines

import w2v_cli as w2v
from w2v_cli.api.drift import moves_between
from w2v_cli.compute.jit import COMPILES
from w2v_cli.config import OPTIONS
from w2v_cli.embeddings.drift import Drift
from w2v_cli.errors import ConfigError, ModelFileError, UnknownWordError, VocabularyError
from w2v_cli.formats.model_file import save_model

WORDS = ["up", "high", "left", "down", "low"]
OLD = np.array([[0, 1], [0.1, 1], [1, 0], [0, -1], [0.1, -1]], np.float32)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[w2v.Model, w2v.Model]:
    """Two models in one space, between which left and low have changed places; also as old.txt and new.txt."""
    monkeypatch.chdir(tmp_path)
    old, new = w2v.Model.of(WORDS, OLD), w2v.Model.of([*WORDS, "more"], np.vstack([OLD[[0, 1, 4, 3, 2]], [[1, 1]]]))
    old.save("old.txt")
    new.save("new.txt")
    return old, new


def test_the_word_that_moved_farthest_comes_first(models: tuple[w2v.Model, w2v.Model]) -> None:
    found = w2v.drift(*models, k=2, aligned=True)
    assert [drift.word for drift in found] == ["left", "low", "up", "high", "down"]
    left, up = found[0], found[2]
    # cos((1, 0), (0.1, −1)) = 0.1 / √1.01
    assert left.cosine == pytest.approx(0.1 / 1.01**0.5)
    assert [near.word for near in left.old_neighbours] == ["high", "low"]
    # Words that are in one model only are no neighbours.
    assert [near.word for near in left.new_neighbours] == ["down", "low"]
    assert left.overlap == pytest.approx(1 / 3)
    assert up.cosine == 1
    assert ([near.word for near in up.old_neighbours], up.overlap) == (["high", "left"], 1 / 3)


def test_ranking_by_overlap_puts_equals_in_the_order_of_their_cosines(models: tuple[w2v.Model, w2v.Model]) -> None:
    found = w2v.drift(*models, k=2, by="overlap", aligned=True)
    assert [(drift.overlap, drift.cosine) for drift in found] == sorted(
        (drift.overlap, drift.cosine) for drift in found
    )
    assert {drift.word for drift in found} == {*WORDS}
    assert w2v.drift(*models, k=2, by="overlap", aligned=True, top=2) == found[:2]


def test_a_model_has_not_drifted_from_itself_however_it_is_turned(models: tuple[w2v.Model, w2v.Model]) -> None:
    old, _ = models
    turned = w2v.Model.of(WORDS, OLD @ np.array([[0, -1], [1, 0]]))
    assert w2v.drift(old, turned, aligned=True)[0].cosine < 0.5
    for drift in w2v.drift(old, turned, k=2):
        assert drift.cosine == pytest.approx(1, abs=1e-6)
        assert drift.overlap == 1


def test_given_words_and_limits_say_what_is_ranked(models: tuple[w2v.Model, w2v.Model]) -> None:
    found = w2v.drift(*models, ["up", "left", "up"], aligned=True)
    assert [drift.word for drift in found] == ["left", "up"]
    assert [drift.word for drift in w2v.drift(*models, words=2, aligned=True)] == ["up", "high"]
    counted = [w2v.Model.of(WORDS, OLD, np.array(counts)) for counts in ([9, 8, 7, 6, 1], [9, 1, 8, 7, 9])]
    assert {drift.word for drift in w2v.drift(*counted, min_count=5)} == {"up", "left", "down"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"only": ["up", "more", "nothing"]}, UnknownWordError, "the model: .*: more, nothing; the model: .*: nothing"),
        ({"only": ["low"], "words": 3}, UnknownWordError, "left out by --words or --min-count: low"),
        ({"only": "up"}, ConfigError, "only must be a list of words"),
        ({"min_count": 2}, ModelFileError, "does not say how often"),
        ({"by": "distance"}, ConfigError, "by distance is not one of cosine, overlap"),
        ({"k": 0}, ConfigError, "k 0 is not a whole number"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    models: tuple[w2v.Model, w2v.Model], options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        w2v.drift(*models, **options)  # type: ignore[arg-type]
    with pytest.raises(VocabularyError, match="no word in common"):
        w2v.drift(models[0], w2v.Model.of(["other"], OLD[:1]))


def test_models_with_the_same_output_vectors_are_in_one_space(
    models: tuple[w2v.Model, w2v.Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = OLD @ np.array([[0, -1], [1, 0]], np.float32)
    for name, vectors, outputs in (("a", OLD, OLD), ("b", turned, OLD), ("c", turned, turned)):
        save_model(f"{name}.safetensors", WORDS, None, {"input_vectors": vectors, "output_vectors": outputs}, {})
    code, lines, err = call_for_lines(capsys, "drift", "a.safetensors", "b.safetensors")
    assert (code, err) == (0, "One space: both models have the same output vectors\n")
    assert abs(float(lines[0].split("\t")[1])) < 0.5
    code, lines, err = call_for_lines(capsys, "drift", "a.safetensors", "c.safetensors")
    assert lines[0].split("\t")[1:3] == ["1.0000", "1.0000"]
    assert (
        err
        == "Rotated c.safetensors into the space of a.safetensors by 5 words: mean cosine 0.000 before, 1.000 after\n"
    )


def test_the_command_prints_a_line_for_each_word(
    models: tuple[w2v.Model, w2v.Model], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = w2v.drift(*models, k=2, aligned=True, top=3)
    arguments = ("drift", "old.txt", "new.txt", "-k", "2", "--aligned", "--top", "3")
    code, lines, err = call_for_lines(capsys, *arguments)
    assert (code, err) == (0, "")
    assert lines[0].split("\t") == ["left", "0.0995", "0.3333", "high low", "down low"]
    assert len(lines) == 3
    code, lines, _ = call_for_lines(capsys, *arguments, "--json")
    for line, drift in zip(lines, expected, strict=True):
        values = json.loads(line)
        assert list(values) == list(Drift._fields)
        assert values["cosine"] == drift.cosine
        assert values["new_neighbours"] == [near._asdict() for near in drift.new_neighbours]
    code, lines, err = call_for_lines(capsys, "drift", "old.txt", "new.txt", "more", "up", "--aligned", "-k", "1")
    assert (code, [line.split("\t")[0] for line in lines]) == (1, ["up"])
    assert err.startswith("Error: old.txt: not in the vocabulary: more\n")


def test_align_writes_what_drift_compares(
    models: tuple[w2v.Model, w2v.Model], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, "align", "old.txt", "new.txt", "-o", "turned.txt")
    assert (code, out) == (0, "")
    assert err.splitlines()[1] == "Wrote turned.txt: 6 words × 2"
    assert [drift.cosine for drift in w2v.drift(*models)] == pytest.approx(
        [drift.cosine for drift in w2v.drift(models[0], w2v.load("turned.txt"), aligned=True)], abs=1e-6
    )
    assert np.array_equal(w2v.load("turned.txt").vectors, models[0].align(models[1]).vectors)
    code, out, err = call(capsys, "align", "old.txt", "new.txt", "-o", "turned.bin", "--json")
    facts = json.loads(out)
    assert (facts["output"], facts["words"], facts["dim"], facts["shared_words"]) == ("turned.bin", 6, 2, 5)
    assert facts["cosine_before"] <= facts["cosine_after"] <= 1
    before = Path("new.txt").read_bytes()
    code, out, err = call(capsys, "align", "old.txt", "new.txt", "-o", "new.txt")
    assert (code, err.splitlines()[0]) == (2, "Error: new.txt (the output) would overwrite new.txt (B)")
    assert Path("new.txt").read_bytes() == before
    # No hint names an option that the command lacks: --format is that of A and B, and there is no -m.
    code, _, err = call(capsys, "align", "old.txt", "new.txt", "-o", "turned.xyz")
    assert code == 2 and "--format takes" not in err
    for command in (["align", "old.txt", "gone.txt", "-o", "turned.txt"], ["drift", "old.txt", "gone.txt"]):
        code, _, err = call(capsys, *command)
        assert code == 3 and "there is no file gone.txt" in err and "-m" not in err


@pytest.mark.skipif(not COMPILES, reason="the numpy engine takes minutes for this text")
def test_words_that_swapped_their_company_are_found_and_the_others_stay(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_corpus.py"
    subprocess.run([sys.executable, script, "-o", tmp_path, "--swap", "20"], check=True)
    old, new = (w2v.train(tmp_path / f"toyland-{slice}.txt", epochs=1, threads=1) for slice in ("old", "new"))
    swapped = {*(tmp_path / "toyland-swapped.txt").read_text().split()}
    assert len(swapped) == 40
    moves, _ = moves_between(old, new, words=None, min_count=1, aligned=False)
    cosines = dict(zip(moves.old.words, moves.cosines.tolist(), strict=True))
    kept = [cosine for word, cosine in cosines.items() if word not in swapped]
    assert auc([cosines[word] for word in swapped], kept) >= 0.95
    # A single rare word may fall below.
    assert np.mean(np.array(kept) >= 0.9) >= 0.99
    # Their neighbours are others, too.
    some = sorted(swapped)[:20]
    steady = [word for word in moves.old.words[:100] if word not in swapped][-20:]
    overlaps = [[drift.overlap for drift in w2v.drift(old, new, words, k=25)] for words in (some, steady)]
    assert auc(*overlaps) >= 0.95


def auc(changed: list[float], unchanged: list[float]) -> float:
    """Return the probability that the number of a changed word is smaller than that of an unchanged one."""
    return float((np.array(changed)[:, np.newaxis] < np.array(unchanged)).mean())


@pytest.mark.skipif(not COMPILES, reason="the numpy engine takes minutes for this text")
@pytest.mark.skipif("freeze" not in OPTIONS, reason="nothing can be frozen")
def test_slices_that_were_trained_against_one_output_matrix_show_the_same_words(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_corpus.py"
    subprocess.run([sys.executable, script, "-o", tmp_path, "--swap", "20"], check=True)
    slices = [tmp_path / f"toyland-{slice}.txt" for slice in ("old", "new")]
    compass: Any = w2v.train(slices, threads=1)
    frozen: dict[str, Any] = {"init": compass, "freeze": ["output"], "threads": 1}
    old, new = (w2v.train(slice, **frozen) for slice in slices)
    moves, alignment = moves_between(old, new, words=None, min_count=1, aligned=False)
    assert alignment is None
    swapped = {*(tmp_path / "toyland-swapped.txt").read_text().split()}
    cosines = dict(zip(moves.old.words, moves.cosines.tolist(), strict=True))
    kept = [cosine for word, cosine in cosines.items() if word not in swapped]
    assert auc([cosines[word] for word in swapped], kept) >= 0.95
    assert np.mean(kept) >= 0.9
