"""`w2v info`: what a file of vectors says about itself."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from w2v_cli.cli.console import note_all, print_fields, print_json, printable
from w2v_cli.cli.options import FILE, json_option, model_option, only_model, reading_options, require_one_name
from w2v_cli.cli.progress import announcing_compilation
from w2v_cli.formats.reading import ReadOptions
from w2v_cli.storage.toml import toml_value
from w2v_cli.storage.urls import is_url

_TOML_KEY = re.compile("[A-Za-z0-9_-]+")

# What the formats are called in their programs; --json has only the names that --format takes.
_FORMATS = {
    "text": "text (word2vec's text format)",
    "binary": "binary (word2vec's binary format)",
    "model2vec": "model2vec (a folder, which sentence-transformers reads too)",
    "glove": "glove (GloVe's text format, which has no header)",
    "fasttext": "fasttext (fastText's model format)",
    "floret": "floret (floret's table of parts of words)",
}


@click.command()
@click.argument("model", metavar="[MODEL]", type=FILE, required=False)
@model_option("model_path", "The same as MODEL: a file of vectors, or a checkpoint folder.", only_model)
@reading_options(with_matrix=False)
@json_option
@click.pass_context
def info(context: click.Context, model: str | None, model_path: str, reading: ReadOptions, as_json: bool) -> None:
    """Show what is in a model and how it was made.

    Prints the facts as comments and the options as TOML, so w2v train --config can read the output. MODEL may also be a
    file of vectors from another program, or the folder of w2v train --checkpoint: then it shows how far the run has
    come and how to resume it.

    \b
    Examples:
      w2v info model.safetensors
      w2v info model.safetensors > again.toml
      w2v info run
      w2v info --json model.safetensors | jq .loss
    """
    require_one_name(context, [model] if model else [], model_path)
    path = model_path if model is None else model
    facts = _facts_of_run(path) if _is_folder(path) else _facts_of_file(path, reading)
    if as_json:
        print_json(facts)
        return
    for name, value in _shown(facts).items():
        if name != "config" and value is not None:
            _print_comment(name, ", ".join(map(str, value)) if isinstance(value, list) else value)
    for name, value in (facts["config"] or {}).items():
        if value is not None:
            written = toml_value(value) if _TOML_KEY.fullmatch(name) else None
            _print_comment(name, value) if written is None else print_fields(f"{name} = {written}")


def _is_folder(path: str) -> bool:
    """Return whether a model is really the checkpoint folder of a run; a URL is one if a run was begun in it."""
    if not is_url(path):
        return os.path.isdir(path) and not os.path.isfile(os.path.join(path, "tokenizer.json"))
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.training.job import NAME
    from w2v_cli.training.run_folder import folder_of

    with suppress(OSError):  # what is wrong will be said when the file is opened
        return (folder_of(path) / NAME).exists()
    return False


def _facts_of_run(folder: str) -> dict[str, Any]:
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.training.run_summary import run_summary

    return run_summary(folder)


def _facts_of_file(path: str, reading: ReadOptions) -> dict[str, Any]:
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.formats.model_file import ModelFile
    from w2v_cli.formats.summary import summary

    with ModelFile(path, reading) as file, announcing_compilation(file.format):
        facts = summary(file)
    note_all(file.remarks)
    return facts


def _shown(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts as people read them."""
    if facts["format"] != "checkpoint":
        shown = {**facts, "format": _FORMATS.get(facts["format"], facts["format"])}
        for key in ("subwords", "init"):
            if isinstance(facts.get(key), dict):
                shown[key] = ", ".join(f"{name} {value}" for name, value in facts[key].items())
        return shown
    blocks = "an unknown number of" if facts["blocks"] is None else f"{facts['blocks']:,}"
    done = f"{facts['blocks_done']:,} of {blocks} blocks, {facts['epochs_done']} of {facts['epochs']} epochs"
    more = f"finished; more epochs: {facts['resume']} --epochs {2 * facts['epochs']}"
    left_out = ("epochs_done", "epochs", "blocks_done", "blocks", "finished", "resume")
    return {
        **{name: value for name, value in facts.items() if name not in left_out},
        "format": "checkpoint folder of w2v train",
        "done": done,
        "resume": more if facts["finished"] else facts["resume"],
    }


def _print_comment(name: str, value: object) -> None:
    # Even the comments of TOML must not hold control characters.
    print_fields(f"# {printable(name)}", printable(str(value)))
