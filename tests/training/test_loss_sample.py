"""The reported loss is measured on a fixed sample of windows, is that of the saved model, and falls."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, call, call_for_each_block

from w2v_cli.config import TrainConfig
from w2v_cli.corpus.encode import EncodedCorpus, encode
from w2v_cli.corpus.texts import Texts
from w2v_cli.engines.choose import make_measure
from w2v_cli.engines.huffman import huffman_paths
from w2v_cli.engines.objective import make_objective
from w2v_cli.engines.sampling import sampler_of
from w2v_cli.errors import TrainingError
from w2v_cli.training import loss_sample
from w2v_cli.training.loss_sample import LossSample
from w2v_cli.training.run import train_model
from w2v_cli.training.schedule import Schedule
from w2v_cli.training.trainer import Trainer

KINDS = [(model, loss) for model in ("skipgram", "cbow") for loss in ("ns", "hs", "softmax")]
TOYLAND = str(ROOT / "data" / "toyland.txt")


def encoded(folder: Path, text: str, min_count: int = 1, max_vocab: int | None = None) -> EncodedCorpus:
    (folder / "text.txt").write_text(text)
    return encode(Texts([str(folder / "text.txt")]), min_count, max_vocab, 1, folder)


def drawn(corpus: EncodedCorpus, **options: Any) -> LossSample:
    config = TrainConfig(**options)
    return LossSample(corpus, sampler_of(config, corpus.vocabulary.counts))


@pytest.mark.parametrize(("model", "loss"), KINDS)
def test_the_loss_of_every_kind_falls_from_epoch_to_epoch(tmp_path: Path, model: str, loss: str) -> None:
    # Of two threads, one may be ahead of the other while the loss is measured.
    size: dict[str, Any] = {"threads": 1}
    text = tmp_path / "text.txt"
    text.write_text(Path(TOYLAND).read_text())
    if loss == "softmax":
        # It takes the time of a hundred noise words.
        size |= {"max_vocab": 60, "epochs": 3, "dim": 8}
        text.write_text(Path(TOYLAND).read_text()[:400_000])
    for seed in (1, 2, 3):
        losses = train_model([str(text)], TrainConfig(model=model, loss=loss, seed=seed, **size)).trained.losses
        assert (np.diff(losses) < 0).all(), losses


def test_seed_and_threads_do_not_change_the_windows_and_the_noise(tmp_path: Path) -> None:
    with encode(Texts([TOYLAND]), 5, None, 1, tmp_path) as corpus:
        one = drawn(corpus, seed=1, threads=1).samples
        for other in (drawn(corpus, seed=7, threads=4).samples, drawn(corpus, epochs=9, alpha=0.1).samples):
            assert len(one) == len(other)
            for mine, theirs in zip(one, other, strict=True):
                for array, same in zip(mine.__dict__.values(), theirs.__dict__.values(), strict=True):
                    assert np.array_equal(array, same)


def test_the_windows_come_from_all_over_the_text(tmp_path: Path) -> None:
    # Each hundredth of the text has a word that occurs only there.
    text = "\n".join(" ".join([f"w{part}"] * 3000) for part in range(100))
    with encoded(tmp_path, text) as corpus:
        samples = drawn(corpus, subsample=0.0).samples
        seen = np.unique(np.concatenate([sample.kept_ids for sample in samples]))
        assert len(seen) > 25
        assert np.abs(np.diff([int(corpus.vocabulary.words[i][1:]) for i in sorted(seen)])).max() < 100
        # No run draws these windows, because its epochs begin at 0.
        assert loss_sample.EPOCH < 0


def test_the_standard_error_is_that_of_a_sample_of_the_whole_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with encode(Texts([TOYLAND]), 5, None, 1, tmp_path) as corpus:
        trainer = Trainer(TrainConfig(epochs=1, threads=1), corpus)
        trained = trainer.train()
        tables = trainer.parameters.input_vectors, trainer.parameters.output_vectors
        measure = make_measure(trainer.engine, make_objective(trainer.config, corpus.vocabulary.counts))
        small = trainer.loss_sample.measure(measure, *tables)
        monkeypatch.setattr(loss_sample, "SHARE", 1)
        monkeypatch.setattr(loss_sample, "MOST_TOKENS", corpus.token_count)
        whole = LossSample(corpus, trainer.sampler).measure(measure, *tables)
    assert small.loss == trained.losses[-1] and small.standard_error == trained.standard_error
    # The sample is a fiftieth of the text, so its error is √50 times as large, up to chance in 25 groups.
    assert small.standard_error / whole.standard_error == pytest.approx(np.sqrt(50), rel=0.4)
    # Within four standard errors, which chance exceeds once in 16,000 times.
    assert abs(small.loss - whole.loss) < 4 * small.standard_error


def saved(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the tensors and the metadata of a model file, read without the project's code."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__")
    kinds = {"F32": "<f4", "I64": "<i8", "U8": "u1"}
    tensors = {
        name: np.frombuffer(data[8 + length :][slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(
            entry["shape"]
        )
        for name, entry in header.items()
    }
    return tensors, metadata


def log1p_exp(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def by_hand(tensors: dict[str, np.ndarray], config: TrainConfig, samples: list[Any]) -> float:
    """Return the mean loss of all predictions of the windows, computed one by one from the definition, in float64."""
    inputs = tensors["input_vectors"].astype(np.float64)
    outputs = tensors["node_vectors" if config.loss == "hs" else "output_vectors"].astype(np.float64)
    paths = huffman_paths(tensors["counts"]) if config.loss == "hs" else None
    losses: list[float] = []
    for sample in samples:
        for pos, center in enumerate(sample.kept_ids.tolist()):
            context = [
                int(sample.kept_ids[other])
                for other in range(sample.window_starts[pos], sample.window_stops[pos])
                if other != pos
            ]
            if not context:
                continue
            if config.loss == "softmax" and config.model == "skipgram":
                scores = outputs @ inputs[center]
                losses += [float(np.logaddexp.reduce(scores) - scores[word]) for word in context]
                continue
            hiddens = inputs[context] if config.model == "skipgram" else [inputs[context].mean(axis=0)]
            for hidden in hiddens:
                if config.loss == "softmax":
                    scores = outputs @ hidden
                    losses.append(float(np.logaddexp.reduce(scores) - scores[center]))
                elif paths is not None:
                    node_ids, labels = paths.of(center)
                    losses.append(float(log1p_exp(-(2.0 * labels - 1) * (outputs[node_ids] @ hidden)).sum()))
                else:
                    noise = [n for n in sample.negative_ids[pos // sample.step_windows].tolist() if n != center]
                    loss = log1p_exp(-outputs[center] @ hidden) + log1p_exp(outputs[noise] @ hidden).sum()
                    losses.append(float(loss))
    return float(np.mean(losses))


@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize(("model", "loss"), KINDS)
def test_the_last_loss_is_that_of_the_saved_model_computed_anew(
    tmp_path: Path, model: str, loss: str, engine: str
) -> None:
    lines = Path(TOYLAND).read_text().splitlines()[:200]
    with encoded(tmp_path, "\n".join(lines), 5) as corpus:
        config = TrainConfig(model=model, loss=loss, dim=12, epochs=2, threads=2, engine=engine)
        samples = LossSample(corpus, sampler_of(config, corpus.vocabulary.counts)).samples
    path = tmp_path / "model.safetensors"
    train_model([str(tmp_path / "text.txt")], config, output=path)
    tensors, metadata = saved(path)
    told = json.loads(metadata["loss"])
    assert len(told) == 2 and all(np.isfinite(told))
    # The model is float32, and so are the compiled engine's scores.
    assert told[-1] == pytest.approx(by_hand(tensors, config, samples), rel=1e-5)


def test_a_run_that_is_stopped_within_an_epoch_tells_the_loss_of_its_model(tmp_path: Path) -> None:
    with encode(Texts([TOYLAND]), 5, None, 1, tmp_path) as corpus:
        trainer = Trainer(TrainConfig(epochs=300, threads=1), corpus)
        trained = trainer.train(stop=lambda: True)
        measure = make_measure(trainer.engine, make_objective(trainer.config, corpus.vocabulary.counts))
        tables = trainer.parameters.input_vectors, trainer.parameters.output_vectors
        assert not trained.finished
        assert trained.losses[-1] == trainer.loss_sample.measure(measure, *tables).loss


def test_long_epochs_are_measured_on_the_way_and_all_at_their_ends() -> None:
    short, long = (Schedule(TrainConfig(epochs=2), tokens) for tokens in (500_000, 100_000_000))
    points = {blocks: [block for block in range(1, 2 * blocks + 1) if schedule.measures_at(block)]
              for blocks, schedule in ((50, short), (10_000, long))}  # fmt: skip
    assert points[50] == [50, 100]
    assert points[10_000] == [2500, 5000, 7500, 10_000, 12_500, 15_000, 17_500, 20_000]


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_a_little_text_is_learnt_whole_and_has_a_loss_in_every_epoch(tmp_path: Path, loss: str) -> None:
    (tmp_path / "abc.txt").write_text("a b c\n" * 10)
    trained = train_model([str(tmp_path / "abc.txt")], TrainConfig(loss=loss, dim=4, epochs=3)).trained
    assert len(trained.losses) == 3 and np.isfinite(trained.losses).all()
    # A standard error cannot be estimated from one group of windows.
    assert np.isnan(trained.standard_error)
    assert trained.losses[-1] < trained.losses[0]


def test_texts_below_ten_thousand_tokens_are_not_subsampled() -> None:
    config = TrainConfig()
    assert sampler_of(config, np.array([5000, 4999])).keeps_all
    assert not sampler_of(config, np.array([5000, 5000])).keeps_all


def test_a_subsampling_that_leaves_nothing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.txt").write_text("a b c d\n" * 5000)
    output = str(tmp_path / "model.safetensors")
    code, _, err = call(capsys, "train", str(tmp_path / "text.txt"), "-o", output, "--subsample", "1e-12")
    assert code == 3 and "--subsample 1e-12 keeps 2e-06 of the tokens, and 0 windows in an epoch, for 4 words" in err
    assert "raise --subsample" in err and os.listdir(tmp_path) == ["text.txt"]


def test_a_subsampling_that_leaves_next_to_nothing_is_named_unless_there_are_many_epochs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Each word is a hundredth of the text, so that about √(1e-6 ÷ 0.01) = 1 % of the tokens are kept.
    lines = (" ".join(f"w{10 * line + i}" for i in range(10)) for line in range(10))
    (tmp_path / "text.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "text.txt").write_text((tmp_path / "text.txt").read_text() * 400)
    command = ("train", str(tmp_path / "text.txt"), "-o", str(tmp_path / "m"), "--dim", "4", "--subsample", "1e-6")
    code, _, err = call(capsys, *command)
    assert code == 3 and "too little is left to learn from: --subsample 1e-06 keeps 0.01 of the tokens" in err
    assert call(capsys, *command, "--epochs", "100")[0] == 0


def test_a_subsampling_that_leaves_no_two_words_in_one_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Rare words are kept, but stand alone. The only lines of two words are of frequent ones.
    lines = [f"w{i}" for i in range(9000)] + ["a b"] * 500
    (tmp_path / "text.txt").write_text("\n".join(lines))
    options = ("--subsample", "2e-6", "--min-count", "1", "--epochs", "1", "--dim", "4")
    code, _, err = call(capsys, "train", str(tmp_path / "text.txt"), "-o", str(tmp_path / "m"), *options)
    assert code == 3 and "--subsample 2e-06 left no two words in one line" in err and "raise --subsample" in err


def test_a_text_of_which_few_lines_have_two_words_is_measured_there(tmp_path: Path) -> None:
    lines = ["x"] * 20_000
    lines[12_345] = "a b"
    with encoded(tmp_path, "\n".join(lines)) as corpus:
        sample = drawn(corpus)
        assert sample.predicts and sum((x.window_stops - x.window_starts > 1).sum() for x in sample.samples) == 2


@pytest.mark.parametrize("text", ["a b\nc\n", "a\nb c", "a b"])
def test_a_line_of_two_words_is_found_wherever_it_is(tmp_path: Path, text: str) -> None:
    with encoded(tmp_path, text) as corpus:
        assert corpus.has_neighbours


@pytest.mark.parametrize("text", ["a\nb\nc\n", "a\nb\nc", "a\n\n\nb\n"])
def test_lines_of_one_word_have_no_neighbours(tmp_path: Path, text: str) -> None:
    with encoded(tmp_path, text) as corpus:
        assert not corpus.has_neighbours and not drawn(corpus).predicts


def test_thousands_of_noise_words_take_fewer_windows_not_more_memory(tmp_path: Path) -> None:
    with encode(Texts([TOYLAND]), 5, None, 1, tmp_path) as corpus:
        few, many = (drawn(corpus, negatives=count).samples for count in (5, 5000))
    assert sum(sample.negative_ids.nbytes for sample in many) < 4 * loss_sample.MOST_NOISE
    assert sum(map(len, (x.kept_ids for x in many))) < sum(map(len, (x.kept_ids for x in few)))


def test_a_loss_of_a_model_that_is_worse_than_none_is_a_divergence(tmp_path: Path) -> None:
    with encode(Texts([TOYLAND]), 5, None, 1, tmp_path) as corpus:
        trainer = Trainer(TrainConfig(epochs=1, threads=1), corpus)

        # All numbers are finite and small, but all scores are wrong.
        def spoilt(sample: Any, alphas: np.ndarray, *tables: np.ndarray) -> tuple[float, int]:
            tables[0][:], tables[1][:] = 1, 1
            return 0.0, 0

        call_for_each_block(trainer, spoilt)
        with pytest.raises(TrainingError, match=r"diverged in epoch 1.*the loss is .* nats, that of an untrained"):
            trainer.train()


def test_the_untrained_loss_is_that_of_scores_of_zero(tmp_path: Path) -> None:
    with encode(Texts([TOYLAND]), 5, 300, 1, tmp_path) as corpus:
        for model, loss in KINDS:
            trainer = Trainer(TrainConfig(model=model, loss=loss, threads=1), corpus)
            assert not trainer.parameters.output_vectors.any()
            measured = trainer.loss_sample.measure(
                trainer._measure_block, trainer.parameters.input_vectors, trainer.parameters.output_vectors
            )
            # The sample has other targets than the text on average, and drops noise words that are the target.
            assert trainer._first_loss == pytest.approx(measured.loss, rel=0.1)
