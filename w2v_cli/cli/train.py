"""`w2v train`: text in, model file out."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v_cli.choices import DEFAULT_MODEL, READABLE
from w2v_cli.cli.console import print_json
from w2v_cli.cli.options import (
    FILE,
    FOLDER,
    TEXT_OPTIONS,
    Duration,
    MergeInterval,
    config_file_option,
    config_options,
    json_option,
    quiet_option,
    suffix_option,
    text_options,
)
from w2v_cli.cli.progress import ProgressLine, duration
from w2v_cli.cli.signals import Stop, stopping
from w2v_cli.config import RECIPES, TrainConfig, option_name, recipe_options
from w2v_cli.errors import ConfigError, without_secrets

if TYPE_CHECKING:
    from w2v_cli.cli.narrator import Narrator
    from w2v_cli.training.origin import Origin
    from w2v_cli.training.run import Run
    from w2v_cli.training.state import Trained

# The row of the word in the suggested next command: too rare to be a function word, too frequent to be learnt badly.
_EXAMPLE_ROW = 300
_OUTPUT_HELP = (
    "The model file to write, in the format that its suffix names as in w2v convert. Only .safetensors holds the whole"
    " model; the others hold the words and their vectors."
)
# The losses of this many epochs are shown; --json prints all of them.
_MOST_SHOWN = 20


@click.command()
@click.argument("corpus", nargs=-1, type=FILE)
@click.option("-o", "--output", metavar="FILE", type=FILE, default=DEFAULT_MODEL, help=_OUTPUT_HELP)
@config_options
@click.option(
    "--recipe",
    type=click.Choice(tuple(RECIPES)),
    help="Options that work well together; w2v info prints which they were, and those that you give override them."
    " best: better vectors of a large text in the same time, for skipgram with hs.",
)
@text_options
@suffix_option
@config_file_option
@click.option(
    "--checkpoint",
    metavar="FOLDER",
    type=FOLDER,
    help="Save the state of the run in FOLDER now and then, so that it can be resumed. Takes about as much space as the"
    " model and the encoded text.",
)
@click.option("--checkpoint-every", type=Duration(), default="10m", help="Time between checkpoints: 30s, 10m, 1h.")
@click.option(
    "--resume",
    metavar="FOLDER",
    type=FOLDER,
    help="Resume the run in a --checkpoint FOLDER. It keeps its options, so only -o is needed.",
)
@click.option(
    "--log",
    metavar="FILE",
    type=FILE,
    help="Write the loss, the learning rate and the speed to a new FILE while training, as JSON lines; w2v log shows"
    " them. A resumed run goes on with its log.",
)
@click.option(
    "--cluster",
    type=click.Choice(("ray",)),
    help="Train on several machines: the Ray cluster of RAY_ADDRESS, or the one that runs on this machine, or else a"
    " local one. --threads are then those of each replica. See w2v help cluster.",
)
@click.option(
    "--replicas",
    metavar="N",
    type=click.IntRange(min=1),
    help="--cluster: how many copies of the model train, each a part of the text. Default: one on each node.",
)
@click.option(
    "--merge-every",
    metavar="N",
    type=MergeInterval(),
    default="auto",
    help="--cluster: words that a replica trains between two merges of the hot rows. auto: so that waiting takes about"
    " 6 % of the time; with N, the run can be repeated.",
)
@quiet_option
@click.option("-v", "--verbose", is_flag=True, help="Also print the engine, the fingerprint and all choices made.")
@json_option
@click.pass_context
def train(
    context: click.Context,
    corpus: tuple[str, ...],
    output: str,
    suffix: str | None,
    checkpoint: str | None,
    checkpoint_every: float,
    resume: str | None,
    log: str | None,
    cluster: str | None,
    replicas: int | None,
    merge_every: int | None,
    recipe: str | None,
    config_file: str | None,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Learn word vectors from text.

    CORPUS is one or more text files (.gz, .bz2, .xz and .zst too), folders of them, URLs, or - for stdin. A text is
    UTF-8 unless --encoding says otherwise, with one sentence per line and white space between words.

    The loss shown is the mean negative log-likelihood per prediction, in nats. It is measured on a fixed sample of
    windows from the whole text, always with the same noise words: after each epoch, and four times during a long
    epoch. The last loss is that of the saved model. -v adds its standard error.

    \b
    Examples:
      w2v train corpus.txt
      w2v train *.txt.gz -o wiki.safetensors --dim 300 --checkpoint wiki.run
      w2v train new.txt --init wiki.safetensors -o newer.safetensors
      zcat news.gz | w2v train - --tokenize words --lower --json
    """
    given = given_options(context)
    # A recipe stands for options, and is none of its own.
    given.pop("recipe", None)
    _check_usage(corpus, given, resume, {"--config": config_file, "--recipe": recipe})
    _check_cluster({name: given.pop(name) for name in ("cluster", "replicas", "merge_every") if name in given})
    text = {name: options.pop(name) for name in TEXT_OPTIONS}
    # A run that is resumed has its options in its folder; one with --init takes some from a file that is opened later.
    init = options["init"]
    config = _begun(options, given, _inherited(context, None)) if resume is None and init is None else None
    show = ProgressLine(quiet)
    stop = Stop(show)
    with stopping(stop), show:
        # Imported here so that `w2v --help` need not wait for numpy, and so that Ctrl-C is acknowledged meanwhile.
        from w2v_cli.cli.narrator import Narrator
        from w2v_cli.corpus.files import corpus_files
        from w2v_cli.corpus.text_options import TextOptions
        from w2v_cli.storage.outputs import Named
        from w2v_cli.training.job import NAME
        from w2v_cli.training.origin import Origin
        from w2v_cli.training.run import THIS_MACHINE, resume_training, train_model
        from w2v_cli.training.run_folder import folder_of, resume_command

        machine = THIS_MACHINE
        if cluster is not None:
            from w2v_cli.cluster.ray import RayCluster

            machine = RayCluster(replicas, merge_every)
        task = f"Reading {', '.join(corpus)}" if resume is None else f"Resuming the run in {resume}"
        narrator = Narrator(show, stop, verbose, task)
        files = corpus_files(corpus, suffix)
        folder = resume or checkpoint
        if folder is not None:
            # Without -o, a resumed run writes the output that its folder names, if any.
            to_name = output if resume is None else given.get("output")
            stop.state, stop.resume_command = folder_of(folder) / NAME, resume_command(folder, to_name)
        if resume is None:
            origin = None if init is None else Origin.read(init)
            config = config or _begun(options, given, _inherited(context, origin))
            read = [] if config_file is None else [Named(config_file, "the file of options")]
            run = train_model(
                files, config, TextOptions(**text), output, narrator, checkpoint, checkpoint_every, read, log, machine,
                origin,
            )  # fmt: skip
        else:
            run = resume_training(resume, {**given, **({"corpus": tuple(files)} if files else {})}, narrator, machine)
    if run.output is None:
        raise ConfigError(
            f"the run in {resume} was begun without an output, so no model was written",
            hint=f"{resume_command(str(resume), output)} writes it",
        )
    _say_result(run, run.output, narrator, resume or checkpoint)
    if as_json:
        print_json(_summary(run, run.output))


def _begun(
    options: dict[str, Any], given: dict[str, Any], inherited: Mapping[str, Any] = MappingProxyType({})
) -> TrainConfig:
    """Return the configuration of a new run; refuse an option that was given but has no effect, even its default.

    Parameters
    ----------
    inherited : what a model says of options that were not given.
    """
    config = TrainConfig.continued({k: v for k, v in options.items() if k not in inherited}, inherited)
    for name in options:
        if name in given:
            config.require_effect(name)
    return config


def _inherited(context: click.Context, origin: Origin | None) -> dict[str, Any]:
    """Return the options of the model to go on from, and of a recipe, that nothing else gives."""

    def not_given(options: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in options.items() if context.get_parameter_source(k) is ParameterSource.DEFAULT}

    inherited = {} if origin is None else not_given(origin.options)
    if context.params["recipe"] is not None:
        inherited |= not_given(recipe_options(context.params["recipe"], {**context.params, **inherited}))
    return inherited


def _check_usage(
    corpus: tuple[str, ...], given: dict[str, Any], resume: str | None, sources: Mapping[str, str | None]
) -> None:
    """Refuse a run without a text, options that a resumed run has already, and an interval between no checkpoints.

    Parameters
    ----------
    sources : what else gives options of the run, by the spelling of its option.
    """
    if resume is None and not corpus:
        raise click.UsageError("Missing argument 'CORPUS...'.")
    if "checkpoint_every" in given and resume is None and "checkpoint" not in given:
        raise ConfigError(
            "--checkpoint-every has no effect without --checkpoint",
            hint="--checkpoint FOLDER says where the checkpoints go",
        )
    if resume is not None and "checkpoint" in given:
        raise ConfigError("--resume names the checkpoint folder already", hint="leave --checkpoint out")
    for name, value in sources.items():
        if resume is not None and value is not None:
            raise ConfigError("--resume knows the options of its run", hint=f"leave {name} out")


def _check_cluster(given: dict[str, Any]) -> None:
    """Refuse options of a cluster without one."""
    for name in ("replicas", "merge_every"):
        if name in given and "cluster" not in given:
            raise ConfigError(f"{option_name(name)} has no effect without --cluster", hint="--cluster ray")


def given_options(context: click.Context) -> dict[str, Any]:
    """Return the options of the run that the command line gives, without the texts and without defaults."""
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        and name not in ("corpus", "suffix", "resume", "config_file", "quiet", "verbose", "as_json")
        and value != ()
    }


def _say_result(run: Run, output: str, narrator: Narrator, folder: str | None) -> None:
    """Say on stderr how the run ended, and what to do next."""
    from w2v_cli.training.run_folder import resume_command
    from w2v_cli.training.saving import model_format

    config, trained, words, show = run.config, run.trained, len(run.vocabulary), narrator.show
    losses = _some([f"{loss:.4f}" for loss in trained.losses])
    show.say(f"Loss by epoch, nats per prediction: {losses}")
    if show.terminal and len(narrator.losses) > 1:
        show.say(f"Loss  {_curve(narrator.losses)}")
    if narrator.verbose:
        known = not math.isnan(trained.standard_error)
        show.say(f"Standard error of the loss: {f'{trained.standard_error:.4f}' if known else '–'}")
    if config.loss == "softmax":
        show.say(f"Perplexity by epoch: {_some([f'{x:,.1f}' for x in trained.perplexities])}")
    _say_held_out(trained, config, show)
    show.say(", ".join(f"{phase} {duration(spent)}" for phase, spent in run.seconds.items()))
    format = model_format(output)
    size = f"{config.buckets:,} rows" if format == "floret" else f"{words:,} words"
    show.say(f"Wrote {output}: {size} × {config.dim}, {trained.words_per_second:,.0f} words/s")
    if format == "safetensors" and not output.endswith(".safetensors"):
        show.say(f"{output} is in w2v's format, safetensors; for another, see w2v help files")
    if format != "safetensors":
        how = "-o model.safetensors" if folder is None else resume_command(folder, DEFAULT_MODEL)
        held = "rows of parts only" if format == "floret" else f"words and vectors only ({_taken(run, format)})"
        show.say(f"{output} holds {held}; {how} writes the whole model, for predict and w2v convert")
    if format not in READABLE:
        return
    asked = [] if output == DEFAULT_MODEL and "W2V_MODEL" not in os.environ else ["-m", output]
    word = run.vocabulary.words[min(words - 1, _EXAMPLE_ROW)]
    # A table of floret has no words that could be similar.
    show.say(f"Next: {shlex.join(['w2v', 'ngrams' if format == 'floret' else 'similar', *asked, word])}")


def _taken(run: Run, format: str) -> str:
    """Say which vectors a file of another format got."""
    from w2v_cli.formats.matrices import description

    return description(*run.chosen(format))


def _say_held_out(trained: Trained, config: TrainConfig, show: ProgressLine) -> None:
    """Say what the loss on held-out text was, and which epoch is kept."""
    losses, best = trained.validation_losses, trained.best_epoch
    if not losses:
        return
    show.say(f"Held-out loss by epoch: {_some([f'{loss:.4f}' for loss in losses])}")
    if config.loss == "softmax":
        show.say(f"Held-out perplexity by epoch: {_some([f'{x:,.1f}' for x in trained.validation_perplexities])}")
    if best is None:
        return
    if len(losses) < config.epochs:
        none = "the last epoch" if config.stop_early == 1 else f"{config.stop_early} epochs"
        show.say(f"Stopped after epoch {len(losses)} of {config.epochs}: {none} brought no better held-out loss")
    show.say(f"The model is that of epoch {best}, with the best held-out loss, {losses[best - 1]:.4f}")


def _curve(losses: list[tuple[int, float]]) -> str:
    """Return the course of the loss as a line of characters for stderr."""
    from w2v_cli.cli import charts

    room = max(charts.terminal_width() - len("Loss  "), 1)
    return charts.sparkline(losses, room, charts.marks_for(sys.stderr), (), charts.needs_logarithm(losses))


def _some(values: list[str]) -> str:
    """Join all values; if there are very many, only the first and the last ones."""
    return ", ".join(values if len(values) <= _MOST_SHOWN else [*values[:3], "…", *values[3 - _MOST_SHOWN :]])


def _held_out_summary(run: Run) -> dict[str, Any]:
    """Return what --json prints about held-out text; nothing without any."""
    trained, held_out = run.trained, run.held_out
    if held_out is None:
        return {}
    perplexity = {"validation_perplexity": trained.validation_perplexities} if run.config.loss == "softmax" else {}
    return {
        "validation_loss": trained.validation_losses,
        **perplexity,
        "validation_tokens": held_out.token_count,
        "validation_unknown": held_out.unknown,
        **({} if trained.best_epoch is None else {"best_epoch": trained.best_epoch}),
    }


def _summary(run: Run, output: str) -> dict[str, Any]:
    """Return what --json prints about a run."""
    from w2v_cli.formats.matrices import default_matrix
    from w2v_cli.training.memory import peak_bytes
    from w2v_cli.training.saving import model_format

    config, trained, format = run.config, run.trained, model_format(output)
    cluster = {} if trained.cluster is None else trained.cluster._asdict()
    return {
        "output": without_secrets(output),
        **({} if format == "safetensors" else {"matrix": default_matrix(run.tensors, run.metadata, format)}),
        "words": len(run.vocabulary),
        "dim": config.dim,
        "tokens": run.token_count,
        "epochs": config.epochs,
        "threads": config.thread_count,
        **cluster,
        **({} if run.init is None else {"init": run.init._asdict()}),
        "seed": config.seed,
        "loss": trained.losses,
        "loss_standard_error": trained.standard_error,
        **({"perplexity": trained.perplexities} if config.loss == "softmax" else {}),
        **_held_out_summary(run),
        "words_per_second": trained.words_per_second,
        "seconds": run.seconds,
        "peak_rss_bytes": peak_bytes() or None,
    }
