"""`w2v tune`: the best options for a text, found by trying."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v_cli.choices import TRIALS
from w2v_cli.cli.console import answers_at_terminal
from w2v_cli.cli.options import (
    FILE,
    Duration,
    config_file_option,
    config_options,
    quiet_option,
    suffix_option,
    text_options,
)
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.tables import Cell, print_answers, table_options
from w2v_cli.errors import ConfigError

if TYPE_CHECKING:
    from w2v_cli.tuning.trials import Trial

_COLUMNS = ["trial", "share", "score", "seconds", "options"]
_DEFAULT_OUTPUT = "tuned.toml"


@click.command()
@click.argument("corpus", nargs=-1, type=FILE, required=True)
@click.option(
    "--score",
    metavar="GOLD|loss",
    type=FILE,
    multiple=True,
    required=True,
    help="The gold set that vectors are scored on, as by w2v eval. May be given several times: the mean counts. loss:"
    " the loss on held-out text (--validate, 5% by default), with its sign turned; only dim, epochs and alpha are tried"
    " then, because the others change what is predicted.",
)
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=TRIALS,
    help="How many different options to try, the defaults among them. 10 take less time than ten runs.",
)
@click.option(
    "--time",
    metavar="TIME",
    type=Duration(),
    help="Leave out trials that would end later than this: 90s, 10m, 2h. Default: no limit.",
)
@click.option(
    "--try",
    "tries",
    metavar="NAME=VALUES",
    multiple=True,
    help="Try these values of an option of w2v train: a range such as window=2:10, or a list such as model=skipgram or"
    " window=2,5,10. May be given several times. Default: the limits above.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=FILE,
    default=_DEFAULT_OUTPUT,
    help="Where the best options go, as TOML for w2v train --config.",
)
@click.option(
    "--log",
    metavar="FILE",
    type=FILE,
    help="Where the trials go, as JSON lines. If the file has trials of the same tuning, it goes on from there."
    " Default: as --output, with .jsonl.",
)
@config_options
@text_options
@suffix_option
@config_file_option
@quiet_option
@table_options
@click.pass_context
def tune(
    context: click.Context,
    corpus: tuple[str, ...],
    score: tuple[str, ...],
    trials: int,
    time: float | None,
    tries: tuple[str, ...],
    output: str,
    log: str | None,
    suffix: str | None,
    config_file: str | None,
    quiet: bool,
    style: str,
    **options: Any,
) -> None:
    """Find the best options of w2v train for a text.

    All trials begin on a ninth of the text. The better third of them goes on to a third of it, and the better third of
    those to the whole (successive halving). The first trial has the defaults, and goes on in any case. The others take
    about half of their options from the defaults, and draw the rest, unless --try says otherwise, from

    \b
      model=skipgram,cbow   dim=50:200     negatives=3:15        epochs=5:20
      loss=ns,hs            window=2:12    subsample=1e-5:1e-2   alpha=0.0125:0.1

    An option of w2v train that is given here is the same for all trials. The table has a line for each trial: its
    number, the share of the text that it reached, its score there, the seconds, and the options in which it differs
    from the defaults; the best one comes first. Scores on different shares cannot be compared.

    Every trial is recorded when it ends. The same command goes on where it was killed; more --trials or a later --time
    may be given then. With --threads 1 and without --time, the same --seed gives the same scores and options.

    \b
    Examples:
      w2v tune corpus.txt --score pairs.tsv
      w2v tune corpus.txt --score pairs.tsv --score analogies.txt --time 10m
      w2v tune corpus.txt --score pairs.tsv --model cbow --try window=2:20
      w2v tune corpus.txt --score loss --trials 9
      w2v train corpus.txt --config tuned.toml
    """
    # Those that the command line, a file of options or the environment gives.
    fixed = {k: v for k, v in options.items() if context.get_parameter_source(k) is not ParameterSource.DEFAULT}
    limits = _limits(tries)
    with ProgressLine(quiet) as show:
        show.say(f"Reading {', '.join(corpus)}")
        # Imported here so that `w2v --help` need not wait for numpy.
        from w2v_cli.api.tune import tune as find
        from w2v_cli.cli.trial_narrator import TrialNarrator
        from w2v_cli.storage.outputs import Named, require_apart

        log = os.path.splitext(output)[0] + ".jsonl" if log is None else log
        if config_file is not None:
            written = [Named(output, "the best options"), Named(log, "the trials")]
            require_apart(written, [Named(config_file, "the file of options")])
        try:
            tuned = find(
                corpus,
                score,
                trials=trials,
                time=time,
                tries=limits,
                output=output,
                log=log,
                observer=TrialNarrator(show),
                suffix=suffix,
                **fixed,
            )
        except KeyboardInterrupt:
            show.say(f"Every trial that has ended is in {log}; the same command goes on from there")
            raise
    titles = _COLUMNS if answers_at_terminal() else None
    print_answers(style, _COLUMNS, _rows(tuned.trials), map(vars, tuned.trials), titles=titles, decimals=".4g")
    best, usual = tuned.best, tuned.defaults
    if best is usual:
        show.say("No options were better than the defaults")
    elif usual.score is not None and best.score is not None:
        show.say(f"Trial {best.trial} scores {best.score:.4g} on the whole text, the defaults {usual.score:.4g}")
    show.say(f"Wrote {output}; every trial is in {log}")
    show.say(f"Next: w2v train {' '.join(corpus)} --config {output}")


def _limits(tries: Sequence[str]) -> dict[str, str]:
    """Return the limits that --try has given, by the names of the options."""
    limits: dict[str, str] = {}
    for text in tries:
        name, equals, values = text.partition("=")
        if not equals or not name or not values:
            raise ConfigError(f"--try {text} is not NAME=VALUES", hint="such as --try window=2:10")
        if name in limits:
            raise ConfigError(f"--try {name} is given twice", hint=f"write one list: --try {name}=A,B,C")
        limits[name] = values
    return limits


def _rows(trials: Sequence[Trial]) -> Iterator[list[Cell]]:
    """Yield a row for each trial."""
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.cli.trial_narrator import options_text, share_name

    for trial in trials:
        yield [str(trial.trial), share_name(trial.share), trial.score, trial.seconds, options_text(trial)]
