"""An encoded corpus that outlives the process: its ids in a folder, for a run that is resumed.

Two plain files of numbers, which grow while the text is read, and a safetensors file with everything else, written
last: where it is, the others are whole, and their checksums in it say whether they still are.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from w2v_cli.atomic import remove_leftovers
from w2v_cli.corpus.encoded import EncodedCorpus, open_boundaries
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.errors import CorpusError, ModelFileError
from w2v_cli.storage import TensorFile, parse_json, word_tensors, write_tensors

NAME = "corpus.safetensors"
_BLOCK_BYTES = 1 << 24


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
        kept = TensorFile(folder / NAME)
        facts = parse_json(kept.metadata["corpus"])
        corpus.open_files(folder, "rb")
        if [_checksum(file) for file in corpus.files] != facts["checksums"]:
            raise kept.wrong("does not belong to the ids beside it")
        corpus.vocabulary = Vocabulary(kept.words(), np.array(kept.tensor("counts", "I64", axes=1)))
        corpus.token_count, corpus.raw_token_count = facts["token_count"], facts["raw_token_count"]
        corpus.fingerprint, corpus.untokenised_share = facts["fingerprint"], facts["untokenised_share"]
    except (ModelFileError, OSError, KeyError, ValueError):
        corpus.close()
        return None
    corpus.seconds = {"count": 0.0, "encode": 0.0}
    open_boundaries(corpus)
    return corpus


def _checksum(file: Any) -> int:
    """CRC-32 of a whole file."""
    value, place = 0, 0
    while block := os.pread(file.fileno(), _BLOCK_BYTES, place):
        value, place = zlib.crc32(block, value), place + len(block)
    return value
