"""`w2v plot`: a picture of a model's words, or of runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from w2v_cli.choices import MAP_TOP, MAP_WORDS, THEMES
from w2v_cli.cli.console import note, note_all
from w2v_cli.cli.options import FILE, WORD, model_option, only_model, reading_options, require_one_name
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.cli.unseen import note_composed
from w2v_cli.errors import ConfigError, install_command
from w2v_cli.formats.reading import ReadOptions

if TYPE_CHECKING:
    from w2v_cli.pictures.word_map import Drawn

_SHOWN_WORDS = 10


@click.command()
@click.argument("inputs", metavar="[INPUT...]", nargs=-1, type=FILE)
@click.option(
    "-o", "--output", metavar="FILE", type=FILE, required=True, help="The picture: a name that ends in .svg or .png."
)
@click.option(
    "--words",
    metavar="N",
    type=click.IntRange(min=2),
    help=f"Of a model: only the N most frequent words. Default: {MAP_WORDS:,}; with --around, all.",
)
@click.option("--around", metavar="WORD", type=WORD, help="Of a model: the words nearest to WORD.")
@click.option(
    "--top", metavar="N", type=click.IntRange(min=1), help=f"With --around: so many words. Default: {MAP_TOP}."
)
@click.option(
    "--axes",
    metavar="A:B C:D",
    type=WORD,
    nargs=2,
    help="Of a model: words from left to right as they are nearer to A or to B, and upwards from C to D.",
)
@click.option("--theme", type=click.Choice(THEMES), default="light", help="Colours on white, or on nearly black.")
@model_option("model_path", "The model to draw, instead of INPUT.", only_model)
@reading_options()
@click.pass_context
@pass_session
def plot(
    session: Session,
    context: click.Context,
    inputs: tuple[str, ...],
    output: str,
    words: int | None,
    around: str | None,
    top: int | None,
    axes: tuple[str, str] | None,
    theme: str,
    model_path: str,
    reading: ReadOptions,
) -> None:
    """Draw a model's words, or how runs went, as SVG or PNG.

    Of logs of w2v train --log: the loss, alpha and words/s against the words trained, one run over another.

    Of a file of vectors: a map on which words with near vectors lie near each other (t-SNE), with a label for as many
    words as find room; or what --around or --axes ask for. Without INPUT, it is the model that -m or W2V_MODEL
    names, or model.safetensors.

    The same input gives the same file, byte for byte. It needs matplotlib and openTSNE.

    \b
    Examples:
      w2v plot run.jsonl other.jsonl -o loss.svg
      w2v plot model.safetensors -o map.svg --words 5000
      w2v plot model.safetensors -o king.png --around king --top 100
      w2v plot model.safetensors -o axes.svg --axes man:woman bad:good
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.pictures.curves import is_log, plot_runs
    from w2v_cli.pictures.figures import check_picture
    from w2v_cli.pictures.word_map import parse_axis

    require_one_name(context, inputs, model_path)
    inputs = inputs or (model_path,)
    # matplotlib would report on its fonts and its folders.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    check_picture(output, inputs)
    kinds = {is_log(path) for path in inputs}
    if kinds == {True}:
        _refuse_map_options(inputs[0], words=words, around=around, top=top, axes=axes)
        note_all(plot_runs(inputs, output, theme=theme))
        note(f"Wrote {output}: {len(inputs)} run{'s' * (len(inputs) > 1)}")
        return
    if len(inputs) > 1:
        what = "vectors and logs do not go into one picture" if len(kinds) > 1 else "one picture shows one model"
        raise ConfigError(what, hint="draw a picture for each")
    if top is not None and around is None:
        raise ConfigError("--top says how many words are around another", hint="add --around WORD, or use --words")
    model = session.asked(inputs[0], reading)
    asked = [around] if around else [word for axis in axes or () for word in parse_axis(axis, model.word_vectors)]
    note_composed(asked, model.word_vectors)
    with ProgressLine() as show:
        drawn = model.plot(
            output,
            words=words,
            around=around,
            top=MAP_TOP if top is None else top,
            axes=axes,
            theme=theme,
            on_progress=show.picture,
        )
    _report(output, drawn)


def _refuse_map_options(log: str, **options: object) -> None:
    """Raise an error if an option of maps was given for the picture of a log."""
    for name, value in options.items():
        if value is not None:
            raise ConfigError(f"--{name} is for vectors, but {log} is the log of a run", hint=f"omit --{name}")


def _report(output: str, drawn: Drawn) -> None:
    """Say what was drawn, and what could not be drawn well."""
    from w2v_cli.pictures.layout import can_tsne

    if drawn.undrawn:
        words = ", ".join(drawn.undrawn[:_SHOWN_WORDS]) + (", …" if len(drawn.undrawn) > _SHOWN_WORDS else "")
        count = f"{len(drawn.undrawn):,} words, which have" if len(drawn.undrawn) > 1 else "1 word, which has"
        note(
            f"Note: no installed font can draw {count} no label: {words}; a font of that script, such as Noto's, helps"
        )
    if drawn.layout == "pca":
        why = "t-SNE takes more words" if can_tsne() else f"for t-SNE, {install_command('openTSNE')}"
        note(f"Note: laid out by PCA, which shows little of word vectors; {why}")
    note(f"Wrote {output}: {drawn.words:,} words, {len(drawn.labelled):,} of them labelled")
