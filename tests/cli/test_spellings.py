"""Other programs' spellings, misspelled options, and words that begin with a hyphen: each is told what to type."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from conftest import call

from w2v_cli.cli import spellings
from w2v_cli.cli.main import COMMANDS, w2v
from w2v_cli.config import OPTIONS
from w2v_cli.formats.model_file import save_model

DEMO = (
    "-train text8 -output vectors.bin -cbow 1 -size 200 -window 8 -negative 25 -hs 0 -sample 1e-4 -threads 20 -binary 1"
    " -iter 15"
)
OURS = (
    "w2v train text8 -o vectors.bin --model cbow --dim 200 --window 8 --negatives 25 --subsample 1e-4 --threads 20"
    " --epochs 15"
)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def told(capture: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> tuple[str, str]:
    """Return the error and the hint of a command line that is refused."""
    found, out, err = call(capture, *arguments)
    assert (found, out) == (code, ""), err
    error, hint = err.splitlines()
    return error.removeprefix("Error: "), hint.removeprefix("Hint: ").removeprefix("in w2v's spelling: ")


@pytest.mark.parametrize("before", [["train"], ["word2vec"], []])
def test_the_demo_of_word2vec_is_given_in_our_spelling(before: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *before, *shlex.split(DEMO))[1] == OURS


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        # word2vec.c, whose default is CBOW
        ("train -train c.txt", "train c.txt --model cbow"),
        ("train -train c.txt -cbow 0 -output v -binary 0", "train c.txt --model skipgram -o v.txt"),
        ("train -train c.txt -cbow 0 -output v.txt -binary 1", "train c.txt --model skipgram -o v.txt.bin"),
        ("train -train c.txt -cbow 0 -hs 1 -negative 0 -debug 2", "train c.txt --model skipgram --loss hs"),
        ("train -train c.txt -cbow 1 -read-vocab v -min-count 3", "train c.txt --model cbow --vocab v --min-count 3"),
        ("train -train c.txt -cbow 1 -alpha 0.1 -debug 0", "train c.txt --model cbow --alpha 0.1 -q"),
        (
            "train -train c.txt -cbow 1 -output c.tsv -classes 500",
            "train c.txt --model cbow && w2v classes -k 500 > c.tsv",
        ),
        ("train -train c.txt -save-vocab 'a b'", "vocab c.txt --min-count 5 > 'a b'"),
        (
            "train -train c.txt -cbow 1 -save-vocab v -min-count 2 -output m.bin",
            "vocab c.txt --min-count 2 > v && w2v train c.txt --model cbow --min-count 2 -o m.bin",
        ),
        ("word2phrase -train c.txt -output p.txt -threshold 100", "phrases c.txt -o p.txt --threshold 100"),
        ("vocab -train c.txt -min-count 3", "vocab c.txt --min-count 3"),
        # gensim
        ("train c.txt --sg 1 --hs 1", "train c.txt --model skipgram --loss hs"),
        ("train c.txt --sg=0 --cbow-mean 0", "train c.txt --model cbow --cbow-sum"),
        ("train c.txt --sg", "train c.txt --model skipgram"),
        ("train c.txt --max-final-vocab 10 --vector-size 3", "train c.txt --max-vocab 10 --dim 3"),
        ("train c.txt --sorted-vocab True --compute-loss --batch_words 9", "train c.txt"),
        ("train --corpus-file c.txt --shrink-windows false", "train c.txt --fixed-window"),
        ("vocab c.txt --workers 2 --min_count 3", "vocab c.txt --threads 2 --min-count 3"),
        ("similar king --topn 5 --restrict_vocab 9", "similar king -k 5 --restrict-vocab 9"),
        ("most_similar king -model 'my v.bin'", "similar king -m 'my v.bin'"),
        ("doesnt_match a b c", "odd a b c"),
        ("nn v.bin king", "similar king -m v.bin"),
        ("accuracy questions.txt", "eval questions.txt"),
        ("eval gold.txt --dummy4unknown 1", "eval gold.txt --oov wrong"),
        ("convert a b --binary", "convert a b --format binary"),
        # fastText
        (
            "skipgram -input c.txt -output v.vec -lr 0.05 -epoch 2 -minCount 1 -ws 4 -neg 3 -loss ns -thread 4 -t 1e-4",
            "train c.txt --model skipgram -o v.vec --alpha 0.05 --epochs 2 --min-count 1 --window 4 --negatives 3"
            " --loss ns --threads 4 --subsample 1e-4",
        ),
        # values
        ("train c.txt --loss negative_sampling", "train c.txt --loss ns"),
        ("train c.txt --loss=NS", "train c.txt --loss ns"),
        ("train c.txt --model skip-gram", "train c.txt --model skipgram"),
        ("train c.txt --model sg -- -a.txt", "train --model skipgram -- c.txt -a.txt"),
        ("convert a b --format txt", "convert a b --format text"),
        ("analogy --method 3CosMul a b c", "analogy a b c --method 3cosmul"),
    ],
)
def test_another_spelling_is_answered_with_ours(theirs: str, ours: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *shlex.split(theirs))[1] == f"w2v {ours}"
    for command in ours.split(" && w2v "):
        name, *arguments = shlex.split(command.split(" > ")[0])
        parsed(name, arguments)


def parsed(name: str, arguments: list[str]) -> dict[str, object]:
    """Return the values of a command line that is not run, as the program would parse it."""
    with w2v.make_context("w2v", [name, *arguments]) as context:
        _, command, rest = w2v.resolve_command(context, [name, *arguments])
        assert command is not None
        return command.make_context(name, rest, parent=context).params


def test_fasttext_learns_parts_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    _, line = told(capsys, "train", "-input", "c.txt", "-output", "m", "-minn", "2", "-maxn", "5")
    assert line == "w2v train c.txt -o m --min-ngram 2 --max-ngram 5 --subwords fasttext"


def test_what_becomes_of_an_option_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    error, _ = told(capsys, "train", "-train", "c.txt", "-hs", "1", "-negative", "5", "-minn", "3", "-maxn", "6")
    assert error == (
        "w2v train does not know -train, -hs, -negative, -minn, -maxn;"
        " word2vec.c trains CBOW if it is not told; w2v trains one loss at a time"
    )


def test_vectors_to_begin_with_have_a_name_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    error, line = told(capsys, "train", "new.txt", "-pretrainedVectors", "old.vec", "--dim", "9")
    assert error.startswith("w2v train does not know -pretrainedVectors")
    assert line == "w2v train new.txt --init old.vec --dim 9"


@pytest.mark.parametrize(
    ("typed", "name", "value"),
    [
        ("--vector-size 7", "dim", 7),
        ("--vector_size=7", "dim", 7),
        ("--size 7", "dim", 7),
        ("--workers 3", "threads", 3),
        ("--ns-exponent 0.5", "noise_exponent", 0.5),
        ("--min_count 2", "min_count", 2),
        ("--iter 2", "epochs", 2),
        ("-qo -x", "output", "-x"),
    ],
)
def test_spellings_that_mean_the_same_are_accepted(typed: str, name: str, value: object) -> None:
    assert parsed("train", ["c.txt", *typed.split()])[name] == value


def test_attached_values_and_negative_numbers_are_still_read() -> None:
    Path("vectors.bin").touch()
    found = parsed("similar", ["-k5", "-mvectors.bin", "--threshold", "-0.5", "--exclude", "-x", "king"])
    assert {name: found[name] for name in ("count", "model_paths", "threshold", "exclude", "words")} == {
        "count": 5,
        "model_paths": ("vectors.bin",),
        "threshold": -0.5,
        "exclude": ("-x",),
        "words": ("king",),
    }


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("train c.txt --loss-type ns", ("w2v train has no option --loss-type", "did you mean --loss?")),
        ("train c.txt --vectors-size 3", ("w2v train has no option --vectors-size", "did you mean --dim?")),
        ("train c.txt --epoches 3", ("w2v train has no option --epoches", "did you mean --epochs?")),
        ("train c.txt -dimm 3", ("w2v train has no option -dimm", "did you mean --dim?")),
        ("similar king --jsn", ("w2v similar has no option --jsn", "did you mean --json?")),
    ],
)
def test_a_misspelled_option_is_told_what_may_have_been_meant(
    typed: str, message: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, *typed.split()) == message


@pytest.mark.parametrize(
    "typed", ["train c.txt --zzzz", "train c.txt -x", "vocab c.txt --normalize nfd", "--zzz train"]
)
def test_what_is_like_nothing_is_left_to_click(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, *typed.split())
    assert code == 2 and err.startswith("Usage: w2v")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("similar king -queen", "similar -- king -queen"),
        ("similar king -bucket", "similar -- king -bucket"),
        ("similar king -kind -k 5", "similar -k 5 -- king -kind"),
        ("analogy man -king woman", "analogy -- man -king woman"),
        ("odd -boat ship raft", "odd -- -boat ship raft"),
        ("distance king -queen", "distance -- king -queen"),
        ("predict -the cat", "predict -- -the cat"),
    ],
)
def test_words_that_begin_with_a_hyphen_are_told_of_two_hyphens(
    typed: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, *typed.split())[1] == f"put -- before words that begin with a hyphen: w2v {hint}"


def test_a_word_that_reads_as_a_model_is_told_of_two_hyphens(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "similar", "king", "-man", code=3) == (
        "there is no file an: -man means -m an",
        "put -- before words that begin with a hyphen: w2v similar -- king -man",
    )


def test_a_file_that_begins_with_a_hyphen_is_told_of_two_hyphens(capsys: pytest.CaptureFixture[str]) -> None:
    Path("-other").touch()  # without the file, this would be -o ther
    for name in ("-corpus.txt", "-other"):
        hint = told(capsys, "train", name)[1]
        assert hint == f"put -- before file names that begin with a hyphen: w2v train -- {name}"


def test_an_option_is_suggested_by_its_long_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "train", "--hepl")[1] == "did you mean --help?"
    assert told(capsys, "train", "--ouptut", "m")[1] == "did you mean --output?"


def test_the_shell_gives_the_same_answers(capsys: pytest.CaptureFixture[str]) -> None:
    save_model("m.safetensors", ["a", "b"], None, {"input_vectors": np.ones((2, 2), np.float32)}, {})
    done = subprocess.run(
        [sys.executable, "-m", "w2v_cli", "shell", "-m", "m.safetensors"],
        input="similar --topn 3 a\nsimilar -k 1 a\n",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "a\tb\t1.0000\n")
    assert done.stderr.splitlines()[1] == "Hint: in w2v's spelling: w2v similar a -k 3"


def options_of(name: str) -> dict[str, click.Parameter]:
    with click.Context(w2v, info_name="w2v") as context:
        command = w2v.get_command(context, name)
        assert command is not None
        return {spelling: option for option in command.params for spelling in option.opts}


def test_every_spelling_of_the_tables_leads_to_an_option_of_a_command() -> None:
    known = {name: options_of(name) for name in COMMANDS}
    spelled = [own.split()[0] for own in spellings.OPTIONS.values() if own != "{}"]
    spelled += [own.split()[0] for values in spellings.SWITCHES.values() for own in values.values() if own]
    for own in spelled:
        assert any(own in options for options in known.values()), own
    for own in spellings.COMMANDS.values():
        assert own.split()[0] in COMMANDS
    choices = {
        value
        for options in known.values()
        for option in options.values()
        if isinstance(option.type, click.Choice)
        for value in option.type.choices
    }
    assert set(spellings.VALUES.values()) <= choices


def test_the_tables_do_not_repeat_the_aliases_of_options() -> None:
    aliases = {alias for option in OPTIONS.values() for alias in option.aliases}
    assert not aliases & {*spellings.OPTIONS, *spellings.SWITCHES, *spellings.LEFT_OUT}


@pytest.mark.parametrize("line", ["train --help", "train c.txt -q --vector-size 3 --loss ns", "similar a -k 5 -m x"])
def test_a_command_line_without_surprises_does_not_import_the_translation(line: str) -> None:
    script = (
        "import sys\n"
        "from w2v_cli.cli.main import run\n"
        f"try:\n    run({line.split()})\n"
        "finally:\n    print([name for name in ('translation', 'spellings') if f'w2v_cli.cli.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
