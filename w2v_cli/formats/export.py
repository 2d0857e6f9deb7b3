"""Write vectors to a file of any writable format. The file is either written completely or not at all.

Formats that separate words by spaces or newlines cannot hold every word. Words that they cannot hold are refused by
name, or escaped on request.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import IO, Any, NamedTuple

import numpy as np

from w2v_cli.choices import WITH_WORDS, WRITABLE
from w2v_cli.embeddings.compression import recall, reduce_dims, to_int8
from w2v_cli.embeddings.computed import Stored
from w2v_cli.embeddings.flatten import AS_THEY_ARE, Flattening, flattened
from w2v_cli.embeddings.matrix import first_not_finite
from w2v_cli.embeddings.vectors import WordVectors
from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.binary import write_binary
from w2v_cli.formats.contents import FASTTEXT, SUBWORD_VECTORS, SUBWORDS, subword_table
from w2v_cli.formats.fasttext_write import fasttext_writer
from w2v_cli.formats.model2vec import write_model2vec
from w2v_cli.formats.model_file import LOSSES, SCALES, save_model
from w2v_cli.formats.projector import labels, write_projector
from w2v_cli.formats.recognise import format_of_name
from w2v_cli.storage.atomic import atomic_file, atomic_files, packing
from w2v_cli.storage.opening import without_packing
from w2v_cli.storage.urls import local_path
from w2v_cli.storage.words import Words
from w2v_cli.subwords.table import SubwordTable

# What ends a word for a reader: word2vec.c and gensim split at ASCII white space, a word list at its lines. No reader
# accepts NUL in a word of a binary file, because that is what numbers look like after a wrong header.
_ENDS = dict.fromkeys(("text", "glove"), re.compile(r"[ \t\n\v\f\r]"))
_ENDS |= dict.fromkeys(("binary", "fasttext"), re.compile(r"[\0 \t\n\v\f\r]")) | dict.fromkeys(
    ("tsv", "npy"), re.compile(r"[\t\n\r]")
)
# Formats that hold float32 only, and what they are called.
_FLOAT32_ONLY = {
    "binary": "word2vec's binary format",
    "fasttext": "fastText's binary format",
    "floret": "floret's text",
}
_SHOWN_WORDS = 5
# How many components explain these shares of the variance is said.
_SHARES = (0.9, 0.95, 0.99)
EMPTY = "\\empty"
_DIVERGED = "the model has diverged or is damaged"
_NO_WORDS, _AS_IT_IS = "the model holds no vectors of words", "floret and safetensors hold such a model as it is"


def write_vectors(
    path: str | os.PathLike[str],
    vectors: WordVectors,
    format: str | None = None,
    escape: bool = False,
    metadata: Mapping[str, str] | None = None,
    tables: Mapping[str, np.ndarray] | None = None,
    int8: bool = False,
) -> list[str]:
    """Write words and vectors; every format, text included, keeps every bit of every number.

    Parameters
    ----------
    path : compressed if it ends in .gz, .bz2, .xz or .zst. The words of `tsv` and `npy` go to a second file, see
        `words_path`; `projector` and `model2vec` make folders, see `write_projector` and `write_model2vec`.
    vectors : float32, or float16 if the format allows it.
    format : one of `choices.WRITABLE`; None to choose by the suffix.
    escape : write white space in words as \\uXXXX, and an empty word as \\empty, instead of refusing them.
    metadata : how the model was made; only safetensors holds all of it.
    tables : the other tables of the model that are to be written too, such as those of parts of words, if the format
        holds them.
    int8 : store whole numbers with a scale for each row; only safetensors can. Loading them gives float32 again.

    Returns
    -------
    The paths of the files.

    Raises
    ------
    ConfigError
        If the suffix stands for no format, or the format cannot hold the numbers.
    ModelFileError
        If a file cannot be written, or could not be read again: it would hold NaN, infinity, or a word that the format
        cannot hold. Older files then stay as they were.
    """
    name, kind = local_path(os.fspath(path)), target_format(path, format, "int8" if int8 else str(vectors.matrix.dtype))
    tables, metadata = tables or {}, metadata or {}
    if kind == "safetensors":
        tensors = {**tables, "input_vectors": vectors.matrix}
        if int8:
            tensors["input_vectors"], tensors[SCALES] = to_int8(vectors.matrix)
        save_model(path, vectors.words, vectors.counts, tensors, metadata)
        return [name]
    if kind == "floret":
        return _write_floret(name, subword_table(tables, metadata, len(vectors), vectors.dim))
    if not len(vectors):
        raise ModelFileError(f"cannot write {name}: {_NO_WORDS}", hint=_AS_IT_IS)
    fault = vectors.fault(empty_words=True)  # `_words` has a better message for empty words
    if fault is not None:
        raise ModelFileError(f"cannot write {name}: the model {fault}", hint="no program could read it")
    _require_finite(vectors, "the vector of {} holds NaN or infinity", _DIVERGED)
    if kind == "projector":
        return write_projector(name, vectors)
    if kind == "model2vec":
        return write_model2vec(name, vectors, metadata or {})
    words = _words(vectors.words, kind, name, escape)
    contents: list[tuple[str, Callable[[IO[bytes]], None]]]
    contents = [(name, lambda file: _write_rows(file, kind, words, vectors.matrix))]
    if kind == "fasttext":
        if words is not vectors.words and SUBWORD_VECTORS in tables:
            raise ModelFileError(f"{name}: an escaped word has other parts than the word", hint="omit --escape")
        contents = [(name, fasttext_writer(words, vectors, tables, metadata))]
    if kind in WITH_WORDS:
        listed = labels(words) if kind == "tsv" else words
        contents.append((words_path(name), lambda file: _write_words(file, listed)))
    with atomic_files(*(target for target, _ in contents)) as files:
        for file, (_, write) in zip(files, contents, strict=True):
            with packing(file, name) as packer:
                write(packer)
    return [target for target, _ in contents]


def _write_floret(name: str, parts: SubwordTable | None) -> list[str]:
    """Write the table of a model's parts as floret's text; return the path of the file."""
    # Imported here because it loads numba, which the other formats do not need.
    from w2v_cli.formats.floret import require_floret, write_floret

    table = require_floret(parts)
    row = first_not_finite(table.vectors)
    if row is not None:
        raise ModelFileError(f"cannot write {name}: row {row} holds NaN or infinity", hint=_DIVERGED)
    with atomic_file(name) as file, packing(file, name) as packer:
        write_floret(packer, table)
    return [name]


def target_format(path: str | os.PathLike[str], format: str | None, dtype: str) -> str:
    """Return the format to write: `format` if it is given, and otherwise the one that the suffix stands for.

    Raises
    ------
    ConfigError
        If the suffix stands for no format, or the format cannot hold numbers of that type.
    """
    name, kind = os.fspath(path), format or format_of_name(path)
    if format is None and kind == "fasttext":  # the suffix is .ftz
        raise ConfigError(
            f"{name}: w2v does not quantise vectors for fastText", hint="name it .bin, and add --format fasttext"
        )
    if kind not in WRITABLE:
        what = f"{name} has no suffix that names a format" if kind is None else f"{kind} cannot be written"
        raise ConfigError(what, hint=f"--format takes one of {', '.join(WRITABLE)}")
    if kind in _FLOAT32_ONLY and dtype == "float16":
        raise ConfigError(f"{_FLOAT32_ONLY[kind]} holds float32 only", hint="omit --dtype")
    if kind != "safetensors" and dtype == "int8":
        raise ConfigError(f"{kind} cannot hold int8, only .safetensors can", hint="omit --dtype")
    return kind


def tables_to_write(
    format: str, tables: Mapping[str, np.ndarray], metadata: Mapping[str, str], is_whole: bool
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the tables and the metadata of a model that are written beside its words and vectors.

    A model with parts of words, or from fastText, stays whole, so that it can compose vectors and become a file of
    fastText again. Of other models, safetensors gets the vectors only.

    Parameters
    ----------
    is_whole : whether all words are written, with their input vectors as they are.
    """
    if is_whole and (format in ("fasttext", "floret") or SUBWORD_VECTORS in tables or FASTTEXT in metadata):
        return {**tables}, {**metadata}
    losses = {name: table for name, table in tables.items() if name == LOSSES}
    return losses, {name: text for name, text in metadata.items() if name not in (SUBWORDS, FASTTEXT)}


def lost_by(format: str, kept: Collection[str], written: Collection[str] = ()) -> list[str]:
    """Return what a format cannot hold of all that a file of vectors holds, besides words and one table, as nouns.

    Parameters
    ----------
    kept : the names of the tensors of a model, and `metadata` if it has any.
    written : the names of the tables that were given to `write_vectors`.
    """
    names = {
        SUBWORD_VECTORS: "the vectors of parts of words",
        "counts": "the counts of the words",
        "output_vectors": "the output vectors",
        "node_vectors": "the vectors of the tree's nodes",
        "metadata": "how the model was made",
    }
    held = {
        "safetensors": ("counts", "metadata", *written),
        "projector": ("counts",),
        "model2vec": ("metadata",),
        "fasttext": ("counts", *written),
        "floret": (SUBWORD_VECTORS,),
    }.get(format, ())
    words = ["the words"] if format == "floret" and "counts" in kept else []
    return words + [noun for name, noun in names.items() if name in kept and name not in held]


def words_path(path: str) -> str:
    """Return where the words of a file of numbers go: a.tsv has a_metadata.tsv, and a.npy has a_words.txt."""
    plain = without_packing(path)
    stem, suffix = os.path.splitext(plain)
    return stem + ("_metadata.tsv" if suffix.lower() == ".tsv" else "_words.txt") + path[len(plain) :].lower()


def select(
    vectors: WordVectors, normalize: bool = False, top: int | None = None, dtype: str = "float32"
) -> WordVectors:
    """Return a choice of vectors: scaled or not, for how many words, of which type.

    Parameters
    ----------
    normalize : scale every vector to length 1; zeros stay zeros.
    top : keep only this many of the first words; None: all.
    dtype : float32 or float16.

    Raises
    ------
    ModelFileError
        If a number is NaN, infinite or too large for float16, or if a vector to be normalised has no finite length.
    """
    some = vectors if top is None else vectors.first(top)
    # What is chosen here does not compose vectors of other words.
    chosen = WordVectors(some.words, some.matrix, some.counts)
    _require_finite(chosen, "the vector of {} holds NaN or infinity", _DIVERGED)
    if normalize:
        chosen = WordVectors(chosen.words, chosen.unit_rows, chosen.counts)
    if dtype == "float16":
        with np.errstate(over="ignore"):
            chosen = WordVectors(chosen.words, chosen.matrix.astype(np.float16), chosen.counts)
        _require_finite(
            chosen, "the vector of {} has a number that float16 cannot hold", "--normalize makes it small enough"
        )
    return chosen


class Cost(NamedTuple):
    """What making vectors smaller has cost.

    recall_at_10 : see `compression.recall`, against float32 of all dimensions.
    variance : the share of the variance that the components explain; None if all dimensions are there.
    components : how many components explain 90, 95 and 99 % of the variance; empty if all dimensions are there.
    """

    recall_at_10: float
    variance: float | None = None
    components: Mapping[str, int] = {}

    def as_dict(self) -> dict[str, Any]:
        """Return what is known, by name."""
        return {name: value for name, value in self._asdict().items() if value not in (None, {})}


def select_smaller(
    vectors: WordVectors,
    normalize: bool = False,
    top: int | None = None,
    dims: int | None = None,
    dtype: str = "float32",
    flattening: Flattening = AS_THEY_ARE,
) -> tuple[WordVectors, Cost | None]:
    """Return a choice of vectors as `select` does, perhaps with fewer dimensions or to be written as int8.

    Parameters
    ----------
    flattening : what all vectors have in common and is taken out, before anything else is done to them.
    dims : how many principal components to keep; they are normalised afterwards. None: all dimensions as they are.
    dtype : float32, float16, or int8: then the vectors are float32, and `write_vectors` is to round them.

    Returns
    -------
    The vectors, and what that has cost; None if nothing was done that has a cost.

    Raises
    ------
    ConfigError
        If there are fewer dimensions than `dims`.
    ModelFileError
        As `select`; or if there are no words.
    """
    if not len(vectors) and (normalize, top, dims, dtype, flattening) != (False, None, None, "float32", AS_THEY_ARE):
        raise ModelFileError(_NO_WORDS, hint=_AS_IT_IS)
    if flattening != AS_THEY_ARE:
        # Of all words, so that the vectors do not depend on how many of them are written.
        vectors = flattened(select(vectors), flattening)
    if dims is None and dtype != "int8":
        return select(vectors, normalize, top, dtype), None
    chosen = whole = select(vectors, top=top)
    variance, components = None, dict[str, int]()
    if dims is not None:
        chosen, axes = reduce_dims(whole, dims)
        variance = float(axes.shares[:dims].sum())
        components = {f"{share:.0%}": axes.count_for(share) for share in _SHARES}
    chosen = select(chosen, normalize=normalize, dtype="float32" if dtype == "int8" else dtype)
    as_read = Stored(*to_int8(chosen.matrix))[:] if dtype == "int8" else chosen.matrix.astype(np.float32, copy=False)
    return chosen, Cost(recall(whole, WordVectors(chosen.words, as_read)), variance, components)


def _require_finite(vectors: WordVectors, message: str, hint: str) -> None:
    """Raise an error, with the word in the place of {}, if a vector holds NaN or infinity."""
    row = first_not_finite(vectors.matrix)
    if row is not None:
        raise ModelFileError(message.format(vectors.words[row]), hint=hint)


def require_words(words: Sequence[str], kind: str, name: str) -> None:
    """Make sure that a format can hold these words.

    Raises
    ------
    ModelFileError
        If it cannot; the error names some of the words.
    """
    if kind in _ENDS:
        _words(words, kind, name, escape=False)


def _words(words: Sequence[str], kind: str, name: str, escape: bool) -> Sequence[str]:
    """Return the words as a format can hold them; raise an error if it cannot."""
    ends = _ENDS[kind]
    bad = [word for word in words if not word or ends.search(word)]
    if not bad:
        return words
    if not escape:
        more = f" and {len(bad) - _SHOWN_WORDS:,} more" if len(bad) > _SHOWN_WORDS else ""
        raise ModelFileError(
            f"{name}: {kind} cannot hold {', '.join(map(repr, bad[:_SHOWN_WORDS]))}{more}",
            hint="--escape of w2v convert writes white space as \\u0020; safetensors holds all but empty words",
        )
    escaped = [ends.sub(lambda match: f"\\u{ord(match[0]):04x}", word) or EMPTY for word in words]
    repeated = Words.of(escaped).repeated()
    if repeated is not None:
        raise ModelFileError(
            f"{name}: two words would both be written as {escaped[repeated[0]]}",
            hint="safetensors holds every word except an empty one",
        )
    return escaped


def _write_rows(file: IO[bytes], kind: str, words: Sequence[str], matrix: np.ndarray) -> None:
    """Write the vectors, and the words if the format holds them."""
    if kind == "binary":
        write_binary(file, words, matrix)
        return
    if kind == "npy":
        _write_npy(file, np.ascontiguousarray(matrix))
        return
    # Imported here because it loads numba, which the other formats do not need.
    from w2v_cli.formats.text import write_numbers, write_text

    if kind == "tsv":
        write_numbers(file, matrix, "\t")
    else:
        write_text(file, words, matrix, header=kind == "text")


def _write_words(file: IO[bytes], words: Sequence[str]) -> None:
    """Write one word per line."""
    file.write("".join(f"{word}\n" for word in words).encode())


def _write_npy(file: IO[bytes], matrix: np.ndarray) -> None:
    """Write what `numpy.save` writes; unlike it, an error says why a file cannot be written."""
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(matrix))
    file.write(matrix.data.cast("B"))
