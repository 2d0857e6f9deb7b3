"""The fields at the beginning of a file of fastText, and the options that they record."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from w2v_cli.errors import ConfigError, ModelFileError
from w2v_cli.formats.contents import FASTTEXT
from w2v_cli.formats.recorded import recorded_options
from w2v_cli.subwords.options import Subwords

MAGIC, VERSION = 793712314, 12
FIELDS = struct.Struct("<14id3i2q")
# The first fastText wrote neither its number and version, nor how many buckets a pruned model has kept.
FIRST_FIELDS, FIRST_VERSION = struct.Struct("<12id3iq"), 11
HIERARCHICAL_SOFTMAX, SUPERVISED = 1, 3
NOT_PRUNED = -1
# The numbers of losses and of models.
LOSSES = {"hs": HIERARCHICAL_SOFTMAX, "ns": 2, "softmax": 3}
MODELS = {"cbow": 1, "skipgram": 2}


@dataclass(frozen=True)
class Options:
    """What fastText records about the training of a model, under its names and in its order; the defaults are its own.

    Nothing but `bucket`, `minn` and `maxn` changes the vectors.
    """

    version: int = VERSION
    ws: int = 5
    epoch: int = 5
    minCount: int = 5
    neg: int = 5
    wordNgrams: int = 1
    loss: int = LOSSES["ns"]
    model: int = MODELS["skipgram"]
    bucket: int = 0
    minn: int = 0
    maxn: int = 0
    lrUpdateRate: int = 100
    t: float = 1e-4
    ntokens: int = 0

    def subwords(self) -> Subwords | None:
        """Return how words are cut into parts; None if they are not.

        Raises
        ------
        ConfigError
            If the lengths of n-grams contradict each other.
        """
        if self.maxn <= 0 and self.bucket == 0:
            return None
        return Subwords("fasttext", max(1, self.minn), self.maxn, self.bucket)

    def as_metadata(self) -> dict[str, str]:
        """Return the options as the metadata of a model file keep them."""
        return {FASTTEXT: json.dumps(asdict(self))}


def trained_with(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the model and the loss that fastText recorded, by w2v's names; nothing that w2v does not have."""
    try:
        options = Options(**json.loads(metadata[FASTTEXT]))
    except (KeyError, ValueError, TypeError):
        return {}
    models, losses = ({number: name for name, number in names.items()} for names in (MODELS, LOSSES))
    known = {"model": models.get(options.model), "loss": losses.get(options.loss)}
    return {name: value for name, value in known.items() if value is not None}


def options_of(metadata: Mapping[str, str], subwords: Subwords | None, tokens: int) -> Options:
    """Return the options to write for a model: those that fastText recorded, or those that w2v trained it with.

    Parameters
    ----------
    metadata : how the model was made · subwords : how its words are cut into parts.
    tokens : how many tokens its words have in the text, unless the metadata say it.
    """
    if FASTTEXT in metadata:
        try:
            options = Options(**json.loads(metadata[FASTTEXT]))
        except (ValueError, TypeError) as error:
            raise ModelFileError("the model's metadata do not hold fastText's options") from error
        if options.subwords() == subwords:
            return options
    try:
        config, _ = recorded_options(metadata, "the model")
    except ModelFileError:
        options = Options(ntokens=tokens)
    else:
        if config.loss == "hs":
            raise ModelFileError(
                "fastText would score the output vectors of this model by a Huffman tree of its own",
                hint="train with --loss ns for a file of fastText; --format text holds the words and vectors",
            )
        options = Options(
            ws=config.window,
            epoch=config.epochs,
            minCount=config.min_count,
            neg=config.negatives,
            loss=LOSSES[config.loss],
            model=MODELS[config.model],
            t=config.subsample_share(tokens),
            ntokens=tokens,
        )
    if subwords is None:
        return options
    return replace(options, bucket=subwords.buckets, minn=subwords.min_ngram, maxn=subwords.max_ngram)


def packed(options: Options, dim: int, words: int) -> bytes:
    """Return the bytes of the fields, for a model without labels that is not pruned."""
    values = asdict(options)
    version, tokens = values.pop("version"), values.pop("ntokens")
    # The rest, from `ws` to `t`, stands in the file in the order of the class.
    return FIELDS.pack(MAGIC, version, dim, *values.values(), words, words, 0, tokens, NOT_PRUNED)


@dataclass(frozen=True)
class Fields:
    """The fields of a file.

    Attributes
    ----------
    options : those that the file records · dim : D · words : V.
    pruned : how many buckets a pruned model has kept; −1: it is not pruned.
    """

    options: Options
    dim: int
    words: int
    pruned: int


def unpacked(data: bytes) -> Fields:
    """Return the fields that a file begins with.

    Raises
    ------
    ConfigError
        If this is no model of words that fastText could have written; the message is the end of a sentence.
    """
    if len(data) == FIRST_FIELDS.size:
        data = struct.pack("<2i", MAGIC, FIRST_VERSION) + data + struct.pack("<q", NOT_PRUNED)
    if len(data) < FIELDS.size:
        raise ConfigError("is cut short")
    _, version, dim, *numbers, t, size, words, labels, tokens, pruned = FIELDS.unpack(data)
    names = [item.name for item in fields(Options)]
    options = Options(**dict(zip(names, (version, *numbers, t, tokens), strict=True)))
    if not 0 < version <= VERSION:
        raise ConfigError(f"has version {version}, and w2v reads versions up to {VERSION}")
    if size != words + labels or min(size, words, labels) < 0 or not math.isfinite(t):
        raise ConfigError(
            "has fields that contradict each other",
            hint="the .bin file of floret is one such: use its .floret file, which save_floret_vectors writes",
        )
    if options.model == SUPERVISED or labels:
        raise ConfigError(
            "classifies texts: its vectors were trained to predict labels, and not the words around a word",
            hint="fastText itself can ask it: fasttext predict, and fasttext print-word-vectors",
        )
    if dim <= 0 or words == 0:
        raise ConfigError(f"holds no vectors: {words} words of {dim} dimensions")
    if pruned < NOT_PRUNED or tokens < 0:
        raise ConfigError("has impossible numbers of tokens or of pruned buckets")
    return Fields(options, dim, words, pruned)
