"""`w2v similar`, `analogy`, `odd`, `distance`: ask the vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from w2v_cli.cli.console import (
    given,
    json_option,
    open_vectors,
    print_fields,
    print_json,
    print_table,
    read_lines,
    vectors_option,
)
from w2v_cli.errors import ConfigError

if TYPE_CHECKING:
    from w2v_cli.embeddings.vectors import WordVectors


def count_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """-k: how many answers."""
    return click.option(
        "-k", "count", metavar="N", type=click.IntRange(min=1), default=10, help="Answers per question."
    )(command)


def restrict_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--restrict-vocab: answers among the first words."""
    return click.option(
        "--restrict-vocab",
        metavar="N",
        type=click.IntRange(min=1),
        help="Answer among the N most frequent words. Default: all.",
    )(command)


@click.command()
@click.argument("words", metavar="[WORD...]", nargs=-1)
@vectors_option
@click.option("--words-from", metavar="FILE", help="Ask for every line of FILE too; - is stdin.")
@click.option(
    "--vector-of",
    metavar="FILE",
    help="Ask for the vectors in FILE (- is stdin) too: D numbers a line, or .npy; of a text, the mean of its words.",
)
@count_option
@click.option("--exclude", metavar="WORD", multiple=True, help="Never answer this word; may be given several times.")
@restrict_option
@click.option("--threshold", metavar="X", type=click.FloatRange(-1, 1), help="Only answers with a cosine of X or more.")
@json_option
def similar(
    words: tuple[str, ...],
    vectors_path: str,
    words_from: str | None,
    vector_of: str | None,
    count: int,
    exclude: tuple[str, ...],
    restrict_vocab: int | None,
    threshold: float | None,
    as_json: bool,
) -> None:
    """Print the words nearest to each WORD, with cosines.

    One line per answer: the query, the word and the cosine of their angle, separated by tabs; best first, ties in
    vocabulary order. The search is exact. A WORD may be a sum, "king - man + woman": its words' vectors at length 1 are
    added. Without quotes, words that begin with + or - belong to the word before them; -- keeps them from being taken
    for options. - reads words or sums from stdin, one a line. If a word is unknown, the others are answered and the
    exit code is 1.

    \b
    Examples:
      w2v similar king
      w2v similar -m wiki.safetensors -k 5 "king - man + woman" Paris
      w2v similar -- king -man +woman
      cut -f 1 words.tsv | w2v similar --json - | jq -r '.neighbours[].word'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.directions import read_directions
    from w2v_cli.embeddings.queries import nearest, parse_query
    from w2v_cli.embeddings.queries import similar as most_similar

    if not words and words_from is None and vector_of is None:
        raise click.UsageError("Missing argument 'WORD...'.")
    vectors = open_vectors(vectors_path)
    asked = [
        *given(_sums(words, vectors), words_from, vector_of),
        *(read_lines(words_from) if words_from is not None else []),
    ]
    queries = [parse_query(text, vectors) for text in asked]
    known = [query for query in queries if all(word in vectors for word in query.words)]
    limits: dict[str, Any] = {"restrict_vocab": restrict_vocab, "threshold": threshold}
    names = [query.text for query in known]
    answers = most_similar(vectors, known, count, exclude=exclude, **limits)
    if vector_of is not None:
        more, directions = read_directions(vector_of, vectors)
        names += more
        answers += nearest(vectors, directions, count, [vectors.known_ids(exclude)] * len(more), **limits)
    for name, neighbours in zip(names, answers, strict=True):
        if as_json:
            print_json({"query": name, "neighbours": [answer._asdict() for answer in neighbours]})
            continue
        for answer in neighbours:
            print_fields(name, answer.word, f"{answer.cosine:.4f}")
    require_known(vectors, [word for query in queries for word in query.words])


def _sums(words: Sequence[str], vectors: WordVectors) -> list[str]:
    """Words that begin with a sign, and are none of the model's, joined to the word before them."""
    sums: list[str] = []
    for word in words:
        signed = word[:1] in ("+", "-") and word != "-" and word not in vectors
        if signed and sums and sums[-1] != "-":
            sums[-1] += f" {word}"
        else:
            sums.append(word)
    return sums


def require_known(vectors: WordVectors, words: Sequence[str]) -> None:
    """Raise the error that names all unknown words, if there are any."""
    unknown = [word for word in words if word not in vectors]
    if unknown:
        raise vectors.unknown(unknown)


@click.command()
@click.argument("words", metavar="A B C", nargs=-1, required=True)
@vectors_option
@click.option(
    "--method",
    type=click.Choice(["3cosadd", "3cosmul"]),
    default="3cosadd",
    help="3cosadd: cosine to b - a + c. 3cosmul: the product of the similarities to b and c over that to a.",
)
@count_option
@restrict_option
@json_option
def analogy(
    words: tuple[str, ...], vectors_path: str, method: str, count: int, restrict_vocab: int | None, as_json: bool
) -> None:
    """Answer what D is, where A is to B as C is to D.

    One line per answer: the question, the word and its score (the cosine with 3cosadd), separated by tabs; best first.
    A, B and C are no answers. - reads questions from stdin, three words a line.

    \b
    Examples:
      w2v analogy man king woman
      w2v analogy -k 1 --method 3cosmul Berlin Germany Paris
      cut -d " " -f 1-3 questions.txt | w2v analogy -k 1 --json -
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.queries import analogy as answer_analogies

    questions = [_three(line.split()) for line in given(words)] if "-" in words else [_three(words)]
    vectors = open_vectors(vectors_path)
    known = [question for question in questions if all(word in vectors for word in question)]
    score_name = "cosine" if method == "3cosadd" else "score"
    for question, answers in zip(known, answer_analogies(vectors, known, count, method, restrict_vocab), strict=True):
        if as_json:
            found = [{"word": answer.word, score_name: answer.score} for answer in answers]
            print_json({"question": question, "method": method, "answers": found})
            continue
        for answer in answers:
            print_fields(" ".join(question), answer.word, f"{answer.score:.4f}")
    require_known(vectors, [word for question in questions for word in question])


def _three(words: Sequence[str]) -> tuple[str, str, str]:
    if len(words) != 3:
        raise ConfigError(
            f"a question is three words, not {len(words)}: {' '.join(words)}", hint="A is to B as C is to ?"
        )
    return words[0], words[1], words[2]


@click.command()
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@vectors_option
@json_option
def odd(words: tuple[str, ...], vectors_path: str, as_json: bool) -> None:
    """Print the word that does not belong to the others.

    It is the one farthest from the mean of all; printed with its cosine to it, separated by a tab. Unknown words are
    left out, and the exit code is 1. - reads words from stdin, one a line.

    \b
    Examples:
      w2v odd breakfast cereal dinner lunch
      w2v odd -m wiki.safetensors Paris Berlin banana
      w2v odd --json Paris Berlin banana | jq -r '.words[].word'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.queries import odd_one_out

    asked = given(words)
    vectors = open_vectors(vectors_path)
    known = [word for word in dict.fromkeys(asked) if word in vectors]
    if len(known) < 3 and len(known) == len(set(asked)):
        raise ConfigError("which of one or two words does not belong cannot be said", hint="give three words or more")
    if len(known) >= 3:
        ranked = odd_one_out(vectors, known)
        if as_json:
            print_json({"odd": ranked[0].word, "words": [answer._asdict() for answer in ranked]})
        else:
            print_fields(ranked[0].word, f"{ranked[0].cosine:.4f}")
    require_known(vectors, asked)


@click.command()
@click.argument("words", metavar="A B...", nargs=-1, required=True)
@vectors_option
@json_option
def distance(words: tuple[str, ...], vectors_path: str, as_json: bool) -> None:
    """Print the cosine of every two of the words.

    Two words: their cosine. More: a table of all pairs. Cosines: 1 is the same direction; the distance is 1 - cosine.
    Unknown words are left out, and the exit code is 1. - reads words from stdin, one a line.

    \b
    Examples:
      w2v distance king queen
      w2v distance -m wiki.safetensors Paris Berlin Rome banana
      w2v distance --json king queen man | jq 'select(.cosine > 0.5)'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.embeddings.queries import cosines_between

    asked = given(words)
    if len(words) == 1 and words != ("-",):
        raise click.UsageError("Missing argument 'B...'.")
    vectors = open_vectors(vectors_path)
    known = [word for word in asked if word in vectors]
    cosines = cosines_between(vectors, known).tolist()
    pairs = [(i, j) for i in range(len(known)) for j in range(i + 1, len(known))]
    if as_json:
        for i, j in pairs:
            print_json({"a": known[i], "b": known[j], "cosine": cosines[i][j], "distance": 1 - cosines[i][j]})
    elif len(known) == 2:
        print_fields(*known, f"{cosines[0][1]:.4f}")
    elif len(known) > 2:
        rows = ([word, *(f"{cosine:.4f}" for cosine in row)] for word, row in zip(known, cosines, strict=True))
        print_table(["", *known], list(rows))
    require_known(vectors, asked)
