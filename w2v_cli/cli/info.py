"""`w2v info`: what a file of vectors says about itself."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import click

from w2v_cli.cli.console import note_all, print_fields, print_json, printable
from w2v_cli.cli.options import FILE, json_option, reading_options
from w2v_cli.cli.progress import announcing_compilation
from w2v_cli.formats.reading import ReadOptions

_TOML_KEY = re.compile("[A-Za-z0-9_-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_ASCII = re.compile("[^ -~]")


@click.command()
@click.argument("model", metavar="MODEL", type=FILE)
@reading_options()
@json_option
def info(model: str, reading: ReadOptions, as_json: bool) -> None:
    """Show what is in a model and how it was made.

    Prints the facts as comments and the options as TOML, so w2v train --config can read the output.

    \b
    Examples:
      w2v info model.safetensors
      w2v info model.safetensors > again.toml
      w2v info --json model.safetensors | jq .loss
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.formats.model_file import ModelFile
    from w2v_cli.formats.summary import summary

    with ModelFile(model, reading) as file, announcing_compilation(file.format):
        facts = summary(file)
    note_all(file.remarks)
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if name != "config" and value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            _print_comment(name, shown)
    for name, value in (facts["config"] or {}).items():
        if value is not None:
            written = _toml(value) if _TOML_KEY.fullmatch(name) else None
            _print_comment(name, value) if written is None else print_fields(f"{name} = {written}")


def _print_comment(name: str, value: object) -> None:
    # Even the comments of TOML must not hold control characters.
    print_fields(f"# {printable(name)}", printable(str(value)))


def _toml(value: Any) -> str | None:
    """Return a text, number or truth value in TOML; None if TOML cannot hold it, such as a path that is not Unicode."""
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return json.dumps(value) if math.isfinite(value) else None
    if not isinstance(value, str) or _SURROGATE.search(value):
        return None
    # JSON would escape a letter beyond U+FFFF as two surrogates, which TOML does not allow.
    return _NOT_ASCII.sub(lambda letter: f"\\U{ord(letter[0]):08x}", json.dumps(value, ensure_ascii=False))
