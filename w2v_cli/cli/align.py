"""`w2v align`: the vectors of one model in the space of another."""

from __future__ import annotations

import click

from w2v_cli.cli.console import note, note_all, print_json
from w2v_cli.cli.options import FILE, json_option, reading_options
from w2v_cli.cli.session import Session, pass_session
from w2v_cli.errors import ConfigError, without_secrets
from w2v_cli.formats.reading import ReadOptions


@click.command()
@click.argument("first", metavar="A", type=FILE)
@click.argument("second", metavar="B", type=FILE)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=FILE,
    required=True,
    help="Where the rotated vectors of B go, in the format that the suffix names as in w2v convert.",
)
@reading_options(what="A and B")
@json_option
@pass_session
def align(session: Session, first: str, second: str, output: str, reading: ReadOptions, as_json: bool) -> None:
    """Rotate the vectors of B into the space of A.

    Two runs put their words into spaces of their own, so a vector of one cannot be compared with a vector of the other.
    The rotation that is used has the largest mean cosine of the words that both files have (orthogonal Procrustes, on
    vectors of length 1, without subtracting a mean). What is written are all words of B, also those that A lacks; their
    lengths, the cosines between them, and every answer of B stay as they are. If B has output vectors or vectors of
    parts of words, they are rotated too. A is only read.

    \b
    Examples:
      w2v align 1850.safetensors 1950.safetensors -o 1950-as-1850.safetensors
      w2v align old.vec new.vec -o new-aligned.vec
      w2v align --json a.bin b.bin -o c.bin | jq .cosine_after
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.alignment import align as align_vectors
    from w2v_cli.formats.export import lost_by, target_format
    from w2v_cli.formats.recognise import format_of_name
    from w2v_cli.formats.target import check_target
    from w2v_cli.storage.outputs import Named, require_apart

    if format_of_name(output) is None:
        hint = "such as .safetensors, .vec or .bin; --format is that of A and B"
        raise ConfigError(f"{output} has no suffix that names a format", hint)
    format = target_format(output, None, "float32")
    require_apart([Named(output, "the output")], [Named(first, "A"), Named(second, "B")])
    check_target(output, format)
    one, other = session.model(first, reading), session.model(second, reading)
    alignment = align_vectors(one.word_vectors, other.word_vectors)
    note_all([alignment.remark] if alignment.remark else [])
    other.rotated(alignment).save(output)
    facts = {"words": len(other), "dim": other.dim, "shared_words": alignment.words}
    if as_json:
        cosines = {"cosine_before": alignment.before, "cosine_after": alignment.after}
        print_json({"output": without_secrets(output), **facts, **cosines})
        return
    kept = {*other.tables, *(["metadata"] if "config" in other.metadata else [])}
    kept |= set() if other.counts is None else {"counts"}
    lost = lost_by(format, kept, other.tables)
    if "the output vectors" in lost and other.matrix != "input":
        lost.remove("the output vectors")
        lost.append(f"the input and output vectors apart (it has {other.matrix_description})")
    if lost:
        note(f"Not in {output}: {', '.join(lost)}")
    note(f"Mean cosine of {alignment.words:,} shared words: {alignment.before:.3f} before, {alignment.after:.3f} after")
    note(f"Wrote {output}: {len(other):,} words × {other.dim}")
