"""`w2v convert`: vectors from one format into another."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from w2v_cli.choices import DTYPES, PROJECTOR_WORDS, WRITABLE
from w2v_cli.cli.console import note, note_all, print_json
from w2v_cli.cli.options import FILE, json_option, reading_options
from w2v_cli.cli.progress import announcing_compilation
from w2v_cli.errors import ConfigError, without_secrets
from w2v_cli.formats.reading import ReadOptions

if TYPE_CHECKING:
    from w2v_cli.formats.export import Cost
    from w2v_cli.formats.model_file import ModelFile


@click.command()
@click.argument("source", metavar="IN", type=FILE)
@click.argument("target", metavar="OUT", type=FILE)
@click.option("--center", is_flag=True, help="Take the mean of all vectors out of each, before all else.")
@click.option(
    "--remove-top",
    metavar="N",
    type=click.IntRange(min=1),
    help="Take out the mean and the first N principal components, which all words have in common.",
)
@click.option("--normalize", is_flag=True, help="Scale every vector to length 1.")
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Only the N most frequent words. Default: all; {PROJECTOR_WORDS:,} for projector.",
)
@click.option(
    "--dims",
    metavar="N",
    type=click.IntRange(min=1),
    help="Reduce the vectors to their first N principal components. Default: all dimensions as they are.",
)
@click.option(
    "--dtype",
    type=click.Choice(DTYPES),
    default="float32",
    help="float16 takes half the space; int8 a quarter, as whole numbers with a scale for each word, in .safetensors.",
)
@click.option(
    "--format",
    "target_format",
    type=click.Choice(WRITABLE),
    metavar="FORMAT",
    help=f"Format of OUT: {', '.join(WRITABLE)}. Default: as its suffix says.",
)
@reading_options("--from", "IN")
@click.option("--escape", is_flag=True, help="Write white space in words as \\u0020 instead of refusing such words.")
@json_option
def convert(
    source: str,
    target: str,
    center: bool,
    remove_top: int | None,
    normalize: bool,
    top: int | None,
    dims: int | None,
    dtype: str,
    target_format: str | None,
    reading: ReadOptions,
    escape: bool,
    as_json: bool,
) -> None:
    """Write vectors in another format.

    Of a model of w2v train, the mix of its input and output vectors is written if it is better for such a model; the
    model itself keeps both. --matrix chooses: w2v help files.

    The suffix of OUT says its format: .safetensors for models of w2v, .txt or .vec for word2vec's text format, .bin for
    its binary format, .glove for GloVe's text, .tsv for TensorBoard's projector (a.tsv has its words in
    a_metadata.tsv), .npy for numpy (a.npy has its words in a_words.txt). Each may be followed by .gz, .bz2, .xz or
    .zst. Text formats keep every bit of every number. The numbers of a model of int8 are float32 in every other format.

    --dims and --dtype int8 print recall@10: the share of the ten nearest words that stay among the ten nearest, for
    1,000 of the 10,000 most frequent words.

    --format fasttext writes a .bin that fastText and gensim read, with the parts of words if IN has them; --format
    floret writes their table alone, which spaCy reads.

    With --format projector, OUT is a folder that TensorBoard's Embedding Projector opens; with --format model2vec, one
    for model2vec and sentence-transformers. spaCy reads the text format.

    \b
    Examples:
      w2v convert model.safetensors model.bin
      w2v convert glove.6B.300d.txt glove.safetensors --normalize
      w2v convert model.safetensors small.vec.gz --top 50000 --matrix sum
      w2v convert model.safetensors flat.vec --remove-top 1
      w2v convert model.safetensors small.safetensors --dims 50 --dtype int8
      w2v convert model.safetensors look --format projector
      w2v convert model.safetensors static --format model2vec
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.flatten import AS_THEY_ARE, Flattening
    from w2v_cli.formats import export
    from w2v_cli.formats.contents import SUBWORD_VECTORS
    from w2v_cli.formats.matrices import MATRIX, chosen_vectors, default_matrix, description, require_matrix
    from w2v_cli.formats.model_file import ModelFile
    from w2v_cli.formats.target import check_target

    format, flattening = export.target_format(target, target_format, dtype), Flattening(center, remove_top or 0)
    asked = (reading.matrix or "input", flattening, normalize, top, dims)
    if format == "floret" and asked != ("input", AS_THEY_ARE, False, None, None):
        raise ConfigError(
            "floret's text holds the vectors of parts of words as they are",
            hint="leave out --matrix, --center, --remove-top, --normalize, --top and --dims",
        )
    check_target(target, format, source)
    with ModelFile(source, reading) as file, announcing_compilation(file.format):
        vectors, metadata = file.vectors, file.metadata
        matrix = reading.matrix or default_matrix(file.table_names, metadata, format)
        require_matrix(file.table_names, metadata, matrix, file.name)
        tables = file.tables
    wanted = PROJECTOR_WORDS if format == "projector" and top is None else top
    taken = chosen_vectors(vectors, tables, metadata, matrix, file.name)
    chosen, cost = export.select_smaller(taken, normalize, wanted, dims, dtype, flattening)
    note_all(file.remarks)
    if format == "projector":
        _note_size(len(chosen), len(vectors), top)
    # With all dimensions, --dims still turns the vectors.
    done = (matrix, flattening, normalize, dims, dtype, len(chosen))
    is_whole = done == ("input", AS_THEY_ARE, False, None, "float32", len(vectors))
    written, metadata = export.tables_to_write(format, tables, metadata, is_whole)
    if matrix != "input":
        metadata[MATRIX] = matrix
    paths = export.write_vectors(target, chosen, format, escape, metadata, written, dtype == "int8")
    lost = _lost(file, format, matrix, description(taken, matrix), written)
    if lost:
        note(f"Not in {target}: {', '.join(lost)}")
    names = list(map(without_secrets, paths))
    if as_json:
        facts = {"output": names, "words": len(chosen), "dim": chosen.dim, "dtype": dtype, "matrix": matrix}
        print_json(facts if cost is None else facts | cost.as_dict())
    else:
        if cost is not None:
            _say_cost(cost, chosen.dim)
        size = f"{len(written[SUBWORD_VECTORS]):,} rows" if format == "floret" else f"{len(chosen):,} words"
        note(f"Wrote {', '.join(names)}: {size} × {chosen.dim}")


def _say_cost(cost: Cost, dim: int) -> None:
    """Say what making the vectors smaller has cost."""
    if cost.variance is not None:
        others = ", ".join(f"{share} takes {count}" for share, count in cost.components.items())
        note(f"{dim} components explain {cost.variance:.1%} of the variance; {others}")
    note(f"recall@10 against float32: {cost.recall_at_10:.4f}")


def _lost(model: ModelFile, format: str, matrix: str, mixed: str, written: Collection[str]) -> list[str]:
    """Return what the source holds and the target does not. A sum holds the output vectors in some way.

    Parameters
    ----------
    mixed : how the vectors of a mix are made · written : the names of the tables that the target holds.
    """
    from w2v_cli.formats.export import lost_by

    kept = {*model.tables, *(["metadata"] if "config" in model.metadata else [])}
    kept |= {"counts"} if model.vectors.counts is not None else set()
    made_of_both = matrix != "input" and "output_vectors" in kept
    lost = lost_by(format, kept - ({"output_vectors"} if made_of_both else set()), written)
    if made_of_both and matrix == "output":
        lost.append("the input vectors")
    if made_of_both and matrix == "mix":
        lost.append(f"the input and output vectors apart (it has {mixed})")
    return lost


def _note_size(written: int, known: int, top: int | None) -> None:
    """Say which words the projector gets if the user has not chosen them, and if TensorBoard will not show them all."""
    from w2v_cli.formats.projector import MOST_WORDS

    if top is None and written < known:
        note(f"Note: only the {written:,} most frequent of {known:,} words; --top N takes more")
    if written > MOST_WORDS:
        note(f"Note: TensorBoard shows only the first {MOST_WORDS:,} of {written:,} words")
