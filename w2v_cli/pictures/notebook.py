"""What a notebook shows of a model: a table of facts, and the neighbours of a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from w2v_cli.embeddings.queries import similar
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ModelFileError
from w2v_cli.formats.summary import provenance
from w2v_cli.pictures.fonts import shown

# The most frequent words say little about a text: these ranks come after most of them.
_RANKS = (100, 200, 400, 800, 1600)
_EXAMPLES, _NEIGHBOURS = 3, 5
# Neighbours are found among so many words, so that a large model is shown as quickly as a small one.
_SEARCHED = 20_000
# Options that say most about a model.
_OPTIONS = ("model", "loss", "window", "negatives", "subsample", "epochs", "alpha", "seed")
_CELL = 'style="text-align: left; vertical-align: top"'


def model_html(vectors: WordVectors, metadata: Mapping[str, str], losses: Sequence[float]) -> str:
    """Return a description of a model as HTML.

    It has no scripts, and no colours of its own, so that it suits a light page and a dark one.

    Parameters
    ----------
    metadata, losses : how the model was made, as far as it is known.
    """
    rows = [("Words", f"{len(vectors):,}"), ("Dimensions", f"{vectors.dim:,}")]
    config = provenance(metadata)["config"] or {}
    options = [f"{name} {config[name]}" for name in _OPTIONS if config.get(name) is not None]
    if options:
        rows.append(("Trained with", escape(", ".join(options))))
    if losses:
        rows.append(("Loss", f"{losses[-1]:.4f} nats per prediction"))
    try:
        rows += _neighbours(vectors)
    except ModelFileError as error:
        rows.append(("Fault", escape(error.message)))
    cells = "".join(f"<tr><th {_CELL}>{name}</th><td {_CELL}>{value}</td></tr>" for name, value in rows)
    return f"<table><caption {_CELL}><b>Word vectors</b></caption><tbody>{cells}</tbody></table>"


def _neighbours(vectors: WordVectors) -> list[tuple[str, str]]:
    """Return a few words, each with the words nearest to it, as HTML; none if there are no two words."""
    ranks = [rank for rank in _RANKS if rank < len(vectors)][-_EXAMPLES:] or range(min(_EXAMPLES, len(vectors)))
    words = [vectors.words[rank] for rank in ranks]
    answers = similar(vectors, words, _NEIGHBOURS, restrict_vocab=_SEARCHED)
    found = zip(words, answers, strict=True)
    return [(f"Near {_word(word)}", ", ".join(_word(answer.word) for answer in near)) for word, near in found if near]


def _word(word: str) -> str:
    """Return a word for HTML, as pictures show it. It keeps its direction, so that Hebrew does not reorder a list."""
    return f"<bdi>{escape(shown(word))}</bdi>"
