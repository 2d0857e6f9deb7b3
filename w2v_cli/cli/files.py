"""`w2v convert` and `w2v info`: vectors from one format into another, and what a file says about itself."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.cli.console import json_option, note, print_fields, print_json, printable
from w2v_cli.errors import ModelFileError

if TYPE_CHECKING:
    import numpy as np

    from w2v_cli.formats.model_file import ModelFile


_TOML_KEY = re.compile("[A-Za-z0-9_-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_ASCII = re.compile("[^ -~]")


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option(
    "--matrix",
    type=click.Choice(["input", "output", "sum", "concat"]),
    default="input",
    help="Of a model: the input vectors, the output vectors, their sum, or both side by side (2 × D numbers).",
)
@click.option("--normalize", is_flag=True, help="Every vector at length 1.")
@click.option("--top", metavar="N", type=click.IntRange(min=1), help="Only the first N words, the most frequent.")
@click.option("--dtype", type=click.Choice(["float32", "float16"]), default="float32", help="float16 is half as large.")
@click.option(
    "--format",
    "wanted_format",
    type=click.Choice(["safetensors", "text", "binary", "glove", "tsv", "npy"]),
    help="Format of OUT. Default: as its suffix says.",
)
@click.option(
    "--from",
    "source_format",
    type=click.Choice(["safetensors", "text", "binary", "glove"]),
    help="Format of IN. Default: as its name and content say.",
)
@click.option("--escape", is_flag=True, help="Write white space in words as \\u0020 instead of refusing them.")
@json_option
def convert(
    source: str,
    target: str,
    matrix: str,
    normalize: bool,
    top: int | None,
    dtype: str,
    wanted_format: str | None,
    source_format: str | None,
    escape: bool,
    as_json: bool,
) -> None:
    """Write vectors in another format.

    Suffixes: .safetensors ours, .txt .vec word2vec's text, .bin its binary, .glove GloVe's text, .tsv for
    TensorBoard's projector (with _metadata.tsv), .npy (with _words.txt); .gz behind any of them. Text keeps every
    float32 to its last bit.

    \b
    Examples:
      w2v convert model.safetensors model.bin
      w2v convert glove.6B.300d.txt glove.safetensors --normalize
      w2v convert model.safetensors small.vec.gz --top 50000 --matrix sum
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.formats.export import select, target_format, write_vectors
    from w2v_cli.formats.model_file import ModelFile
    from w2v_cli.formats.target import check_target

    format = target_format(target, wanted_format, dtype)
    check_target(target, format, source)
    with ModelFile(source, source_format) as file:
        outputs = None if matrix == "input" else _output_vectors(file)
        chosen = select(file.vectors, outputs, matrix, normalize, top, dtype)
    paths = write_vectors(target, chosen, format, escape, file.metadata, file.losses)
    if as_json:
        print_json({"output": paths, "words": len(chosen), "dim": chosen.dim, "dtype": dtype, "matrix": matrix})
    else:
        note(f"Wrote {', '.join(paths)}: {len(chosen):,} words × {chosen.dim}")


def _output_vectors(model: ModelFile) -> np.ndarray:
    """The output vectors of a model, with rows for the same words."""
    if model.tensors is None:
        raise ModelFileError(f"{model.name} has one matrix only", hint="leave --matrix out")
    try:
        return model.table("output_vectors")
    except ModelFileError as error:
        raise ModelFileError(
            f"{model.name} has no output vectors", hint="--loss hs has vectors of tree nodes; take --matrix input"
        ) from error


@click.command()
@click.argument("model", metavar="MODEL")
@json_option
def info(model: str, as_json: bool) -> None:
    """Tell what is in a model and how it was made.

    The facts are comments, the options are TOML: what it prints is a file that w2v train --config accepts.

    \b
    Examples:
      w2v info model.safetensors
      w2v info model.safetensors > again.toml
      w2v info --json model.safetensors | jq .loss
    """
    from w2v_cli.formats.summary import summary

    facts = summary(model)
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


def _print_comment(name: str, value: Any) -> None:
    # TOML has no control characters in comments either.
    print_fields(f"# {printable(name)}", printable(str(value)))


def _toml(value: Any) -> str | None:
    """A text, number or truth value in TOML; None for what TOML cannot say, such as a path that is not Unicode."""
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return json.dumps(value) if math.isfinite(value) else None
    if not isinstance(value, str) or _SURROGATE.search(value):
        return None
    # In JSON's escapes a letter beyond U+FFFF is two halves, which TOML does not have.
    return _NOT_ASCII.sub(lambda letter: f"\\U{ord(letter[0]):08x}", json.dumps(value, ensure_ascii=False))
