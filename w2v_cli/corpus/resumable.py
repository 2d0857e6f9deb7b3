"""An encoded corpus that outlives the process: its ids in a folder, for a run that is resumed.

The spool has two plain files of numbers, which grow while the text is read. A safetensors file with everything else is
written last: if it exists, the other two are complete, and its checksums tell whether they have changed since.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from w2v_cli.corpus.encode import EncodedCorpus
from w2v_cli.corpus.held_out import MOST_TOKENS as MOST_HELD_OUT
from w2v_cli.corpus.held_out import HeldOut
from w2v_cli.corpus.spool import Spool, checksum, telling_full_disk
from w2v_cli.corpus.vocabulary import Vocabulary
from w2v_cli.errors import CorpusError, ModelFileError
from w2v_cli.storage.locks import remove_leftovers
from w2v_cli.storage.tensors import TensorFile, parse_json, word_tensors, write_tensors
from w2v_cli.storage.tensors import checksum as checksum_of
from w2v_cli.storage.words import MOST_TOKENS

NAME = "corpus.safetensors"


class _Facts(NamedTuple):
    """What the metadata say of a corpus, as JSON under the key `corpus`."""

    token_count: int
    raw_token_count: int
    fingerprint: str
    untokenised_share: float
    checksums: list[int]


def keep_corpus(corpus: EncodedCorpus, folder: Path) -> None:
    """Write what belongs to the ids that `encode` has left in a folder, unless it is there already.

    Raises
    ------
    CorpusError, ModelFileError
        If the disk is full, or cannot be written.
    """
    if (folder / NAME).exists():
        return
    remove_leftovers(folder / NAME)
    with telling_full_disk(folder, named=True):
        corpus.spool.sync()
    facts = _Facts(
        corpus.token_count,
        corpus.raw_token_count,
        corpus.fingerprint,
        corpus.untokenised_share,
        corpus.spool.checksums(),
    )
    vocabulary = corpus.vocabulary
    tensors = {"counts": vocabulary.counts, **word_tensors(vocabulary.words)}
    described = {"corpus": json.dumps(facts._asdict())}
    if corpus.held_out is not None:
        tensors |= held_out_tensors(corpus.held_out)
        described["held_out"] = json.dumps(_held_out_facts(corpus.held_out))
    write_tensors(folder / NAME, tensors, described)


def forget_corpus(folder: Path) -> None:
    """Make a folder keep no corpus, because its ids are about to be made anew, perhaps from other words.

    Raises
    ------
    CorpusError
        If the file cannot be removed.
    """
    try:
        (folder / NAME).unlink(missing_ok=True)
    except OSError as error:
        raise CorpusError(f"cannot remove {folder / NAME}: {error.strerror}", hint="name another folder") from error


def kept_corpus(folder: Path) -> EncodedCorpus | None:
    """Return the corpus that a folder keeps, or None if it keeps none, or a damaged one."""
    try:
        kept = TensorFile(folder / NAME)
        facts, vocabulary = _facts(kept), _vocabulary(kept)
        with ExitStack() as stack:
            spool = Spool.reopen(folder)
            stack.callback(spool.close)
            _require_sound(spool, kept, facts, len(vocabulary))
            held_out = _held_out(kept, len(vocabulary))
            stack.pop_all()
    except (ModelFileError, OSError, KeyError, ValueError):
        return None
    return EncodedCorpus(vocabulary, spool, *facts[:4], {"count": 0.0, "encode": 0.0}, held_out)


def _facts(kept: TensorFile) -> _Facts:
    """Return what the metadata say.

    Raises
    ------
    ModelFileError, KeyError, ValueError
        If that is not what `keep_corpus` writes, or cannot be true of any text.
    """
    match parse_json(kept.metadata["corpus"]):
        case {
            "token_count": int(tokens),
            "raw_token_count": int(raw_tokens),
            "fingerprint": str(fingerprint),
            "untokenised_share": int() | float() as share,
            "checksums": [int(ids_checksum), int(boundaries_checksum)],
        } if 0 < tokens <= raw_tokens <= MOST_TOKENS and 0 <= share <= 1:
            return _Facts(tokens, raw_tokens, fingerprint, float(share), [ids_checksum, boundaries_checksum])
    raise kept.wrong("describes a text that cannot exist")


def _vocabulary(kept: TensorFile) -> Vocabulary:
    """Return the words and counts.

    Raises
    ------
    ModelFileError
        If they are not what `keep_corpus` writes.
    """
    words, counts = kept.words(), np.array(kept.tensor("counts", "I64", axes=1))
    if len(counts) != len(words) or words.repeated() is not None:
        raise kept.wrong("has repeated words, or not as many words as counts")
    if len(counts) == 0 or counts.min() < 1 or counts.sum(dtype=np.float64) > MOST_TOKENS:
        raise kept.wrong("has counts that no text can have")
    return Vocabulary(words, counts)


def held_out_tensors(held_out: HeldOut) -> dict[str, np.ndarray]:
    """Return the ids and boundaries of a held-out text by name."""
    return {"held_out_ids": held_out.ids, "held_out_boundaries": held_out.boundaries}


def _held_out_facts(held_out: HeldOut) -> dict[str, Any]:
    """Return what the metadata say of a held-out text."""
    return {
        "token_count": held_out.token_count,
        "unknown": held_out.unknown,
        "fingerprint": held_out.fingerprint,
        "checksum": checksum_of(held_out_tensors(held_out)),
    }


def _held_out(kept: TensorFile, words: int) -> HeldOut | None:
    """Return the held-out text, or None if there is none.

    Raises
    ------
    ModelFileError, ValueError
        If it is not what `keep_corpus` writes.
    """
    if "held_out" not in kept.metadata:
        return None
    match parse_json(kept.metadata["held_out"]):
        case {"token_count": int(tokens), "unknown": int(unknown), "fingerprint": str(fingerprint)} as facts:
            ids = np.array(kept.tensor("held_out_ids", "I32", axes=1))
            boundaries = np.array(kept.tensor("held_out_boundaries", "I64", axes=1))
            held_out = HeldOut(ids, boundaries, tokens, unknown, fingerprint)
            sound = len(ids) <= MOST_HELD_OUT and ((ids >= 0) & (ids < words)).all()
            inside = np.concatenate(([0], boundaries, [max(len(ids), 1)]))
            if sound and (np.diff(inside) > 0).all() and facts == _held_out_facts(held_out):
                return held_out
    raise kept.wrong("has a held-out text that no run can have")


def _require_sound(spool: Spool, kept: TensorFile, facts: _Facts, words: int) -> None:
    """Refuse ids and boundaries that training could not use: an id without a word would be a row outside the tables.

    Raises
    ------
    ModelFileError
        If they are damaged, or do not belong to the facts.
    """
    if not spool.holds(facts.token_count):
        raise kept.wrong("does not have as many ids as it says")

    def ids() -> Iterator[np.ndarray]:
        for chunk in spool.id_chunks():
            if chunk.min() < 0 or chunk.max() >= words:
                raise kept.wrong("has ids without a word")
            yield chunk

    def boundaries() -> Iterator[np.ndarray]:
        last = 0
        for chunk in spool.boundary_chunks():
            # The end of the last line is a boundary too.
            if chunk[0] <= last or not (chunk[1:] > chunk[:-1]).all() or chunk[-1] > facts.token_count:
                raise kept.wrong("has boundaries that do not ascend")
            last = int(chunk[-1])
            yield chunk

    if [checksum(ids()), checksum(boundaries())] != facts.checksums:
        raise kept.wrong("does not belong to the ids and boundaries beside it")
