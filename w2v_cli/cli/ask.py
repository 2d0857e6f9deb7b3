"""`w2v similar`: ask the vectors."""

from __future__ import annotations

import click

from w2v_cli.cli.console import json_option, print_fields, print_json, vectors_option


@click.command()
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@vectors_option
@click.option("-k", "count", metavar="N", type=click.IntRange(min=1), default=10, help="Answers per word.")
@json_option
def similar(words: tuple[str, ...], vectors_path: str, count: int, as_json: bool) -> None:
    """Print the words nearest to each WORD, with cosines.

    One line per answer: the query, the word and the cosine of their angle, separated by tabs; best first. The
    search is exact. If a WORD is unknown, the others are answered and the exit code is 1.

    \b
    Examples:
      w2v similar king
      w2v similar -m wiki.safetensors -k 5 king queen Paris
      w2v similar --json king | jq -r '.neighbours[].word'
    """
    # Here and not above: `w2v --help` shall not wait for numpy.
    from w2v_cli.embeddings.files import load_vectors
    from w2v_cli.embeddings.queries import similar as most_similar

    vectors = load_vectors(vectors_path)
    known = [word for word in words if word in vectors]
    for word, neighbours in zip(known, most_similar(vectors, known, count), strict=True):
        if as_json:
            print_json({"query": word, "neighbours": [answer._asdict() for answer in neighbours]})
            continue
        for answer in neighbours:
            print_fields(word, answer.word, f"{answer.cosine:.4f}")
    if len(known) < len(words):
        raise vectors.unknown([word for word in words if word not in vectors])
