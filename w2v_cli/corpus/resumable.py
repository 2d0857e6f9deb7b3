"""An encoded corpus that outlives the process: its ids in a folder, for a run that is resumed.

Two plain files of numbers, which grow while the text is read, and a safetensors file with everything else, written
last: where it is, the others are whole, and their checksums in it say whether they still are.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from w2v_cli.corpus.encode import EncodedCorpus, open_boundaries
from w2v_cli.corpus.vocabulary import MOST_TOKENS, Vocabulary
from w2v_cli.errors import CorpusError, ModelFileError
from w2v_cli.storage.locks import remove_leftovers
from w2v_cli.storage.tensors import TensorFile, parse_json, word_tensors, write_tensors

NAME = "corpus.safetensors"
_CHUNK_BYTES = 1 << 24


def keep_corpus(corpus: EncodedCorpus, folder: Path) -> None:
    """Make sure of the ids that `encode` has left in the folder, and write what belongs to them, if it is not there."""
    if (folder / NAME).exists():
        return
    remove_leftovers(folder / NAME)
    facts = {
        "token_count": corpus.token_count,
        "raw_token_count": corpus.raw_token_count,
        "fingerprint": corpus.fingerprint,
        "untokenised_share": corpus.untokenised_share,
        "checksums": [_checksum(file) for file in corpus.files],
    }
    for file in corpus.files:
        os.fsync(file.fileno())
    vocabulary = corpus.vocabulary
    tensors = {"counts": vocabulary.counts, **word_tensors(vocabulary.words)}
    write_tensors(folder / NAME, tensors, {"corpus": json.dumps(facts)})


def forget_corpus(folder: Path) -> None:
    """Let a folder keep no corpus: its ids are to be made anew, from other words perhaps.

    Raises
    ------
    CorpusError
        If it cannot be removed.
    """
    try:
        (folder / NAME).unlink(missing_ok=True)
    except OSError as error:
        raise CorpusError(f"cannot remove {folder / NAME}: {error.strerror}", hint="name another folder") from error


def kept_corpus(folder: Path) -> EncodedCorpus | None:
    """The corpus that a folder keeps, or None if it has none that is whole."""
    corpus = EncodedCorpus()
    try:
        _read(TensorFile(folder / NAME), corpus, folder)
    except (ModelFileError, OSError, KeyError, ValueError):
        corpus.close()
        return None
    corpus.seconds = {"count": 0.0, "encode": 0.0}
    open_boundaries(corpus)
    return corpus


def _read(kept: TensorFile, corpus: EncodedCorpus, folder: Path) -> None:
    """Fill a corpus with what is kept, all of it checked: an id without a word would be a row outside the tables.

    Raises
    ------
    ModelFileError, OSError, KeyError, ValueError
        If it is damaged, or not what `keep_corpus` writes.
    """
    match parse_json(kept.metadata["corpus"]):
        case {
            "token_count": int(tokens),
            "raw_token_count": int(raw_tokens),
            "fingerprint": str(fingerprint),
            "untokenised_share": int() | float() as share,
            "checksums": [int(ids_checksum), int(boundaries_checksum)],
        } if 0 < tokens <= raw_tokens <= MOST_TOKENS and 0 <= share <= 1:
            pass
        case _:
            raise kept.wrong("says of its text what no text can have")
    words, counts = kept.words(), np.array(kept.tensor("counts", "I64", axes=1))
    if len(counts) != len(words) or words.repeated() is not None:
        raise kept.wrong("has words that are repeated, or of which there are more or fewer than counts")
    if len(counts) == 0 or counts.min() < 1 or counts.sum(dtype=np.float64) > MOST_TOKENS:
        raise kept.wrong("has counts that no text can have")
    corpus.open_files(folder, "rb")
    ids, boundaries = corpus.files
    if os.fstat(ids.fileno()).st_size != 4 * tokens or os.fstat(boundaries.fileno()).st_size % 8:
        raise kept.wrong("is about more ids, or fewer, than there are")
    value = 0
    for numbers in _numbers(ids, np.int32):
        value = zlib.crc32(numbers.data, value)
        if numbers.min() < 0 or numbers.max() >= len(words):
            raise kept.wrong("has ids that are not of its words")
    if value != ids_checksum:
        raise kept.wrong("does not belong to the ids beside it")
    value, last = 0, 0
    for numbers in _numbers(boundaries, np.int64):
        value = zlib.crc32(numbers.data, value)
        if numbers[0] <= last or not (numbers[1:] > numbers[:-1]).all():
            raise kept.wrong("has boundaries that do not ascend")
        last = int(numbers[-1])
    # The end of the last line is a boundary too.
    if value != boundaries_checksum or last > tokens:
        raise kept.wrong("does not belong to the boundaries beside it")
    corpus.vocabulary = Vocabulary(words, counts)
    corpus.token_count, corpus.raw_token_count = tokens, raw_tokens
    corpus.fingerprint, corpus.untokenised_share = fingerprint, float(share)


def _checksum(file: Any) -> int:
    """CRC-32 of a whole file."""
    value = 0
    for numbers in _numbers(file, np.uint8):
        value = zlib.crc32(numbers.data, value)
    return value


def _numbers(file: Any, dtype: DTypeLike) -> Iterator[np.ndarray]:
    """The numbers of a whole file, a chunk after the other."""
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        yield np.frombuffer(chunk, dtype)
