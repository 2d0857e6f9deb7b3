"""`w2v explore`: a model as a map in one HTML file."""

from __future__ import annotations

from dataclasses import asdict

import click

from w2v_cli.choices import MOST_SEED, PAGE_SIZE
from w2v_cli.cli.console import note, note_all, print_json
from w2v_cli.cli.options import FILE, json_option, model_options, quiet_option, require_one_name, threads_option
from w2v_cli.cli.progress import ProgressLine
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.errors import without_secrets
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("model", metavar="[MODEL]", type=FILE, required=False)
@click.option("-o", "--output", metavar="FILE", type=FILE, required=True, help="The page: a name that ends in .html.")
@click.option(
    "--words",
    metavar="N",
    type=click.IntRange(min=1),
    help="Show only the N most frequent words. Default: as many as fit into --max-size.",
)
@click.option(
    "--layout",
    metavar="tsne|pca|FILE.npy",
    type=FILE,
    help="How words get their places. FILE.npy has two numbers for each word, most frequent first; it may have them for"
    " fewer words. Default: tsne if openTSNE is installed, otherwise pca.",
)
@click.option(
    "--max-size",
    metavar="SIZE",
    default=PAGE_SIZE,
    help="Largest page. If the model does not fit, its numbers get fewer bits, and then the rarest words are left out.",
)
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0, max=MOST_SEED), default=1, help="Random seed of the layout."
)
@model_options
@threads_option
@quiet_option
@json_option
@click.pass_context
@pass_session
def explore(
    session: Session,
    context: click.Context,
    model: str | None,
    output: str,
    words: int | None,
    layout: str | None,
    max_size: str,
    seed: int,
    model_path: str,
    reading: ReadOptions,
    threads: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write a map of the words, as one page for a browser.

    Open the page in any browser; it needs no network and sends nothing. Words with near vectors lie near each other.
    Search for a word or for a sum such as king - man + woman, and see the words nearest to it.

    The 20,000 most frequent words get their places by t-SNE, which takes about a minute, and the others beside their
    nearest neighbours. t-SNE needs the package openTSNE. More: w2v help pictures.

    \b
    Examples:
      w2v explore -o map.html
      w2v explore wiki.safetensors -o wiki.html --words 50000
      w2v explore -m vectors.txt -o small.html --layout pca --max-size 3MB
    """
    require_one_name(context, [model] if model else [], model_path)
    path = model_path if model is None else model

    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.pictures.explore import title_of, write_map

    with ProgressLine(quiet) as show:
        asked = session.asked(path, reading, quiet)
        # Not `Model.explore`, which warns of what is noted below.
        made = write_map(
            output,
            asked.word_vectors,
            title_of(path),
            made_of=asked.made_of,
            source=path,
            words=words,
            layout=layout,
            max_size=max_size,
            seed=seed,
            threads=threads,
            on_progress=show.picture,
        )
    note_all(made.remarks)
    if as_json:
        print_json({**asdict(made), "path": without_secrets(made.path), "matrix": asked.matrix})
    elif not quiet:
        words_of = f"{made.words:,} word{'s' * (made.words > 1)}"
        note(f"Wrote {made.path}: {words_of} × {made.dim}, {made.bytes / 1e6:.1f} MB. Open it in a browser.")
