"""`w2v classes`: words sorted into classes."""

from __future__ import annotations

import click

from w2v_cli.cli.console import json_option, open_vectors, print_json, print_rows, vectors_option


@click.command()
@vectors_option
@click.option("-k", "count", metavar="N", type=click.IntRange(min=1), default=500, help="How many classes.")
@click.option("--seed", metavar="N", type=click.IntRange(min=0, max=2**32 - 1), default=1, help="Of the first centers.")
@click.option("--sort", is_flag=True, help="By class, and within it by vocabulary order; else by vocabulary order.")
@json_option
def classes(vectors_path: str, count: int, seed: int, sort: bool, as_json: bool) -> None:
    """Sort the words into classes by their directions.

    Spherical k-means. One line per word: the word and its class, separated by a tab. Classes are numbered from 0 by
    their most frequent words. Needs scikit-learn: pip install 'w2v-cli[classes]'.

    \b
    Examples:
      w2v classes > classes.tsv
      w2v classes -m wiki.safetensors -k 50 --sort
      w2v classes -k 50 --json | jq -r 'select(.class == 7).word'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.classes import word_classes

    vectors = open_vectors(vectors_path)
    numbers = word_classes(vectors, count, seed).tolist()
    order = sorted(range(len(numbers)), key=numbers.__getitem__) if sort else range(len(numbers))
    sorted_words = ((vectors.words[word_id], numbers[word_id]) for word_id in order)
    if as_json:
        for word, number in sorted_words:
            print_json({"word": word, "class": number})
    else:
        print_rows((word, str(number)) for word, number in sorted_words)
