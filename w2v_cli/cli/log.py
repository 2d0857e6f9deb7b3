"""`w2v log`: how runs of training went."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.cli import charts
from w2v_cli.cli.console import note, note_all, print_fields, print_json, printable
from w2v_cli.cli.options import FILE, FOLDER
from w2v_cli.cli.progress import duration
from w2v_cli.cli.tables import print_csv, print_table, table_options

if TYPE_CHECKING:
    from w2v_cli.training.run_log import RunLog

# A name that is longer is cut in the table, so that several runs fit beside each other.
_MOST_NAME = 16
_COLUMNS = ["epoch", "words", "loss", "alpha", "words_per_second", "seconds"]


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, type=FILE, required=True)
@click.option(
    "--tensorboard",
    metavar="FOLDER",
    type=FOLDER,
    help="Also write each run for TensorBoard, into a folder of its own in FOLDER. Needs tensorboardX.",
)
@table_options
def log(files: tuple[str, ...], tensorboard: str | None, style: str) -> None:
    """Show the log of a training run, or compare several.

    FILE is what w2v train --log writes; the run may still be going on. Prints one row per epoch: the loss in nats per
    prediction, that on held-out text if the run has some, the learning rate, the speed within the epoch, and the time
    since training began. Of several runs, prints the losses side by side.

    \b
    Examples:
      w2v log run.jsonl
      w2v log small.jsonl large.jsonl
      w2v log --json run.jsonl | jq .loss
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.training.run_log import read_run_log

    logs = [read_run_log(file) for file in files]
    for run in logs:
        note_all(run.notices)
    if tensorboard is not None:
        from w2v_cli.training.tensorboard import write_tensorboard

        note(f"Wrote {', '.join(write_tensorboard(logs, tensorboard))}")
    epochs = [(run.path, epoch) for run in logs for epoch in run.epochs]
    if style == "json":
        for path, epoch in epochs:
            print_json({"file": path, **epoch})
        return
    if style == "csv":
        held_out = ["validation_loss"] if any("validation_loss" in epoch for _, epoch in epochs) else []
        columns = [*_COLUMNS, *held_out]
        print_csv(["file", *columns], [[path, *(epoch.get(name) for name in columns)] for path, epoch in epochs])
        return
    for run in logs:
        note(f"{run.path}: {_summary(run)}")
    if len(logs) == 1:
        _show_one(logs[0])
    else:
        _compare(logs)


def _summary(run: RunLog) -> str:
    """Say what was trained, and how far it has come."""
    config = run.start.get("config")
    options = config if isinstance(config, dict) else {}
    what = [str(options[name]) for name in ("model", "loss") if name in options]
    kind = " ".join(what) + (f", {options['dim']} dimensions" if "dim" in options else "")
    seconds = (run.steps["seconds"] or [None])[-1]
    after = "" if seconds is None else f" after {duration(seconds)}"
    if run.end is not None:
        outcome = str(run.end.get("outcome"))
        message = run.end.get("message")
        state = f"{outcome}{after}" + (f" ({message})" if message and outcome != "finished" else "")
    elif not run.begun:
        state = "is reading its corpus, or was ended while it did"
    else:
        share = f", at {run.last_words / run.total_words:.0%}" if run.total_words else ""
        state = f"has not ended: going on, or killed{after}{share}"
    return f"{kind}; {state}" if kind else state


def _show_one(run: RunLog) -> None:
    """Print the epochs of a run, and charts."""
    if run.epochs:
        validates = bool(run.validation_losses)
        rows = [
            [
                str(epoch["epoch"]),
                _loss(epoch),
                *([_loss(epoch, "validation_loss")] if validates else []),
                _general(epoch["alpha"]),
                _speed(epoch),
                _time(epoch),
            ]
            for epoch in run.epochs
        ]
        print_table(["epoch", "loss", *(["held out"] if validates else []), "alpha", "words/s", "time"], rows)
    width, marks = charts.terminal_width(), charts.marks_for(sys.stdout)
    if len(run.losses) > 1:
        logarithmic = charts.needs_logarithm(run.losses)
        scale = " (logarithmic scale)" if logarithmic else ""
        print_fields("")
        print_fields(f"loss from {run.losses[0][0]:,} to {run.losses[-1][0]:,} words{scale}")
        for line in charts.chart(run.losses, width, marks, logarithmic):
            print_fields(line)
    for name, title in (("alpha", "alpha"), ("words_per_second", "words/s")):
        points = run.points(name)
        if len(points) > 1:
            ends = f"  {_short(points[0][1])} to {_short(points[-1][1])}"
            line = charts.sparkline(points, max(width - len(f"words/s  {ends}"), 1), marks)
            print_fields(f"{title:<7}  {line}{ends}")


def _compare(runs: list[RunLog]) -> None:
    """Print the losses of several runs side by side, and a line with the course of each."""
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.training.run_log import short_names

    names = list(map(_cut, short_names([run.path for run in runs])))
    by_epoch = [{epoch["epoch"]: epoch for epoch in run.epochs} for run in runs]
    epochs = sorted(set().union(*by_epoch))
    rows = [[str(number), *(_loss(found.get(number)) for found in by_epoch)] for number in epochs]
    whole = [_whole(run) for run in runs]
    rows.append(["words/s", *map(_speed, whole)])
    rows.append(["time", *map(_time, whole)])
    print_table(["epoch", *names], rows)
    everything = [point for run in runs for point in run.losses]
    width, marks, margin = charts.terminal_width(), charts.marks_for(sys.stdout), max(map(len, names))
    logarithmic = bool(everything) and charts.needs_logarithm(everything)
    for name, run in zip(names, runs, strict=True):
        if run.losses:
            ends = f"  {run.losses[0][1]:.4f} to {run.losses[-1][1]:.4f}"
            room = max(width - margin - len(ends) - 2, 1)
            line = charts.sparkline(run.losses, room, marks, everything, logarithmic)
            print_fields(f"{name:<{margin}}  {line}{ends}")


def _cut(name: str) -> str:
    return printable(name if len(name) <= _MOST_NAME else "…" + name[1 - _MOST_NAME :])


def _whole(run: RunLog) -> dict[str, Any]:
    """Return the time that a run has trained so far, and its speed in that time."""
    seconds = (run.steps["seconds"] or [None])[-1]
    return {"seconds": seconds, "words_per_second": run.last_words / seconds if seconds else None}


def _loss(epoch: dict[str, Any] | None, name: str = "loss") -> str:
    value = None if epoch is None else epoch.get(name)
    return "–" if value is None else f"{value:.4f}"


def _speed(epoch: dict[str, Any]) -> str:
    return "–" if epoch["words_per_second"] is None else f"{epoch['words_per_second']:,.0f}"


def _time(epoch: dict[str, Any]) -> str:
    return "–" if epoch["seconds"] is None else duration(epoch["seconds"])


def _general(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
