"""`w2v tune` and `w2v.tune`: real trials on a little text, and the file of the best options."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, call, make_model

import w2v_cli as w2v
from w2v_cli.corpus.text_options import TextOptions
from w2v_cli.corpus.texts import Texts
from w2v_cli.errors import ConfigError, CorpusError, LogFileError
from w2v_cli.tuning.shares import shares_of
from w2v_cli.tuning.trials import Trial

PAIRS = str(ROOT / "data" / "toyland-pairs.tsv")
FIXED = {"threads": 1, "epochs": 1, "model": "skipgram", "loss": "ns", "min_count": 1, "subsample": 0.0}
FLAGS = [text for name, value in FIXED.items() for text in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with a part of toyland in corpus.txt."""
    monkeypatch.chdir(tmp_path)
    with open(ROOT / "data" / "toyland.txt") as file:
        Path("corpus.txt").write_text("".join(islice(file, 6_000)))
    return tmp_path


def test_the_command_writes_the_best_options_and_goes_on_where_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["tune", "corpus.txt", "--score", PAIRS, "--try", "dim=4:30", *FLAGS]
    code, out, err = call(capsys, *command, "--trials", "3", "--json")
    assert code == 0, err
    trials = [json.loads(line) for line in out.splitlines()]
    assert sorted(trial["trial"] for trial in trials) == [0, 1, 2]
    best = trials[0]
    assert best["share"] == 1
    assert best["scores"] == {PAIRS: best["score"]}
    assert best["score"] >= next(trial for trial in trials if trial["trial"] == 0)["score"]
    # The file says what the best trial was: training with it gives the same score.
    assert call(capsys, "train", "corpus.txt", "--config", "tuned.toml", "-q")[0] == 0
    assert w2v.load("model.safetensors").evaluate(PAIRS).score == best["score"]
    lines = Path("tuned.jsonl").read_text().splitlines()
    code, again, err = call(capsys, *command, "--trials", "3", "--json")
    assert (code, again) == (0, out)
    assert "known" in err
    assert Path("tuned.jsonl").read_text().splitlines() == lines
    # More trials begin with those that are known.
    code, out, _ = call(capsys, *command, "--trials", "4")
    assert (code, len(out.splitlines())) == (0, 4)
    assert Path("tuned.jsonl").read_text().splitlines()[: len(lines)] == lines
    code, _, err = call(capsys, *command, "--window", "3", "--try", "negatives=2:3")
    assert (code, err.splitlines()[-2]) == (
        3,
        "Error: tuned.jsonl holds the trials of another tuning: options, try differ",
    )


def test_python_gets_the_same_trials(folder: Path) -> None:
    seen: list[Trial] = []
    found = [
        w2v.tune("corpus.txt", PAIRS, trials=2, tries={"dim": (4, 30)}, on_trial=seen.append, **FIXED)  # type: ignore[arg-type]
        for _ in range(2)
    ]
    assert [(trial.trial, trial.options, trial.score) for trial in found[0].trials] == [
        (trial.trial, trial.options, trial.score) for trial in found[1].trials
    ]
    assert found[0].defaults.options == {}
    assert found[0].options.items() >= {"threads": 1, "epochs": 1, "min_count": 1}.items()
    assert len(seen) == 2 * (2 + 2 + 2)
    assert not any(folder.glob("tuned*"))
    model = w2v.train("corpus.txt", **found[0].options)
    assert model.evaluate(PAIRS).score == found[0].best.score


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"score": []}, ConfigError, "nothing to score"),
        ({"trials": 0}, ConfigError, "trials 0 is not a whole number"),
        ({"time": 0}, ConfigError, "--time 0 is not a length of time"),
        ({"time": True}, ConfigError, "--time True is not a length of time"),
        ({"tries": "window"}, ConfigError, "tries is no dict"),
        ({"output": "corpus.txt"}, ConfigError, "would overwrite"),
        ({"log": PAIRS}, ConfigError, "would overwrite"),
        ({"min_count": 1000}, w2v.W2VError, "no word occurs 1000 times"),
    ],
)
def test_what_cannot_be_tuned_is_refused(
    folder: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        w2v.tune("corpus.txt", **{"score": PAIRS, "trials": 2, **FIXED, **options})


@pytest.mark.parametrize("in_memory", [False, True])
def test_trials_go_on_from_a_model_with_its_options(folder: Path, in_memory: bool) -> None:
    options: dict[str, Any] = {**FIXED, "model": "cbow", "loss": "hs", "dim": 12}
    old = w2v.train("corpus.txt", output="old.safetensors", **options)
    init: Any = old if in_memory else "old.safetensors"
    trials: dict[str, Any] = {"trials": 2, "epochs": 1, "min_count": 1, "threads": 1, "tries": {"alpha": [0.3]}}
    trials["log"] = "trials.jsonl"
    found = w2v.tune("corpus.txt", PAIRS, **trials, init=init)
    assert (found.config.model, found.config.loss, found.config.dim) == ("cbow", "hs", 12)
    assert not {"model", "loss", "dim"} & {*found.options, *found.best.options}
    if not in_memory:
        trained = w2v.train("corpus.txt", **found.options)
        assert trained.evaluate(PAIRS).score == found.best.score
    other = w2v.train("corpus.txt", output="old.safetensors", **{**options, "seed": 2})
    with pytest.raises(LogFileError):
        w2v.tune("corpus.txt", PAIRS, **trials, init=other if in_memory else init)
    with pytest.raises(ConfigError, match="--dim is the same for all trials"):
        w2v.tune("corpus.txt", PAIRS, init=init, tries={"dim": (4, 30)}, epochs=1)


def test_a_trial_that_fails_has_no_score_and_the_others_go_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = ["--window", "5", "--negatives", "5", "--dim", "8", "--try", "alpha=50,0.05"]
    code, out, err = call(capsys, "tune", "corpus.txt", "--score", PAIRS, "--trials", "3", "--json", *FLAGS, *others)
    assert code == 0, err
    scores = {json.dumps(trial["options"]): trial["score"] for trial in map(json.loads, out.splitlines())}
    assert scores['{"alpha": 50.0}'] is None
    assert scores["{}"] is not None
    assert scores['{"alpha": 0.05}'] is not None
    assert "Trial" in err
    assert "failed: " in err


def test_a_gold_set_of_unknown_words_is_refused(folder: Path) -> None:
    Path("gold.txt").write_text("aaa bbb 1\nccc ddd 2\neee fff 3\n")
    with pytest.raises(ConfigError, match=r"gold.txt: no question can be asked after training on 1/9 of the text"):
        w2v.tune("corpus.txt", "gold.txt", trials=2, log="trials.jsonl", **FIXED)  # type: ignore[arg-type]
    # What the hint advises, such as another gold set, is another tuning, and goes to the same file by default.
    w2v.tune("corpus.txt", PAIRS, trials=1, log="trials.jsonl", **FIXED)  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["--output", "--log"])
@pytest.mark.parametrize(
    ("option", "path", "what"),
    [
        ("--init", "model.safetensors", "the model to go on from"),
        ("--vocab", "words.tsv", "the vocabulary"),
        ("--validate", "held.txt", "the held-out text"),
        ("--config", "options.toml", "the file of options"),
    ],
)
def test_no_file_that_an_option_names_is_overwritten(
    folder: Path, capsys: pytest.CaptureFixture[str], written: str, option: str, path: str, what: str
) -> None:
    if option == "--init":
        make_model(Path(path))
    else:
        Path(path).write_text("window = 3\n")
    before = Path(path).read_bytes()
    command = ["tune", "corpus.txt", "--score", PAIRS, option, path, written, f"./{path}"]
    code, _, err = call(capsys, *command)
    assert code == 2
    assert f"./{path} (" in err and f"would overwrite {path} ({what})" in err
    assert Path(path).read_bytes() == before


def test_shares_are_parts_of_the_text_as_it_is_read(folder: Path) -> None:
    texts = Texts(["corpus.txt"], TextOptions(lower=True))
    with shares_of(texts, (9, 3, 1)) as paths:
        ninth, third, whole = (Path(paths[part]).read_text().split() for part in (9, 3, 1))
    assert whole == Path("corpus.txt").read_text().lower().split()
    assert len(whole) / 12 < len(ninth) < len(whole) / 6
    assert len(whole) / 4 < len(third) < len(whole) / 2
    assert ninth[:1000] == third[:1000] == whole[:1000]
    assert ninth[-1000:] != whole[-1000:] or third[-1000:] != whole[-1000:]
    assert not any(map(Path.exists, map(Path, paths.values())))
    with pytest.raises(CorpusError, match="a pipe can be read only once"), shares_of(Texts(["-"]), (3,)):
        pass


def test_trials_can_be_scored_by_their_loss_on_held_out_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["tune", "corpus.txt", "--score", "loss", "--try", "dim=4:30", *FLAGS, "-o", "loss.toml"]
    code, out, err = call(capsys, *command, "--trials", "3", "--validate", "20%", "--json")
    assert code == 0, err
    best = json.loads(out.splitlines()[0])
    assert best["scores"] == {"loss": best["score"]}
    model = w2v.train("corpus.txt", **{**FIXED, **best["options"]}, validate="20%")
    assert model.validation_losses == [-best["score"]]
    # The share that was held out for tuning is not held out of what is trained with the options.
    found = w2v.tune("corpus.txt", "loss", trials=1, **FIXED)  # type: ignore[arg-type]
    assert "validate" not in found.options
    assert found.best.score is not None
    assert found.best.score < 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tries": {"window": (2, 5)}}, "--try window: losses can be compared only between models that make the same"),
        ({"tries": {"negatives": [5, 10]}}, "--try negatives: losses can be compared only"),
        ({"score": ["loss", PAIRS]}, "the loss and gold sets have no common mean"),
        ({"validate": "held-out.txt"}, "--score loss holds out a share of the text, not a file"),
    ],
)
def test_losses_about_different_predictions_are_not_compared(
    folder: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        w2v.tune("corpus.txt", **{"score": "loss", **FIXED, **options})
