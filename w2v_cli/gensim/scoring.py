"""What a trained model of gensim's says about contexts and sentences."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v_cli.gradients.activations import log_sigmoid

if TYPE_CHECKING:
    from w2v_cli.engines.huffman import Paths

logger = logging.getLogger("gensim.models.word2vec")


def likeliest_words(model: Any, context: Iterable[Any], topn: int) -> list[tuple[Any, float]] | None:
    """Return the likeliest words in the middle of a context, with the softmax of their scores.

    The scores are those of the mean (or with cbow_mean=0 the sum) of the context's vectors, also in skip-gram.

    Parameters
    ----------
    model : a Word2Vec.
    context : words, or the rows of words; unknown ones are left out.

    Returns
    -------
    The words with their probabilities, best first; None if the model knows no word of the context.

    Raises
    ------
    RuntimeError
        If the model has no trained output vectors of words: negative sampling alone leaves some.
    """
    if not model.negative or model.hs:
        raise RuntimeError("predict_output_word needs a model that was trained with negative > 0 and hs=0")
    if not hasattr(model, "syn1neg") or not len(model.wv.vectors):
        raise RuntimeError("the model has no output vectors: they are lost if only its wv is kept")
    rows = [model.wv.get_index(word) for word in context if model.wv.has_index_for(word)]
    if not rows:
        logger.warning("the model knows no word of the context")
        return None
    hidden = model.wv.vectors[rows].sum(axis=0)
    if model.cbow_mean:
        hidden = hidden / len(rows)
    scores = (model.syn1neg @ hidden).astype(np.float64)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    best = np.argsort(-shares, kind="stable")[:topn]
    return [(model.wv.index_to_key[row], float(shares[row])) for row in best.tolist()]


def log_probabilities(model: Any, sentences: Iterable[Sequence[Any]], most: int) -> np.ndarray:
    """Return Σ log P over all predictions of each sentence, float32 (n,).

    Every window has its full width. In skip-gram each context word predicts the center word; in CBOW the mean of the
    context does (with cbow_mean=0 its sum). Unknown words are left out.

    Parameters
    ----------
    model : a Word2Vec · most : no more sentences than this are read.

    Raises
    ------
    RuntimeError
        If the model has no words, or no Huffman tree.
    """
    if not model.wv.key_to_index:
        raise RuntimeError("you must first build vocabulary before scoring new data")
    if not model.hs:
        raise RuntimeError("score needs a model that was trained with hs=1 and negative=0")
    # Imported here because it loads numba.
    from w2v_cli.engines.huffman import huffman_paths

    paths = huffman_paths(np.asarray(model.wv.expandos["count"], np.int64))
    known = model.wv.key_to_index
    listed = ([known[word] for word in sentence if word in known] for sentence in islice(sentences, most))
    return np.array([_sentence_score(model, paths, ids) for ids in listed], np.float32)


def _sentence_score(model: Any, paths: Paths, ids: list[int]) -> float:
    total = 0.0
    for pos, center in enumerate(ids):
        context = ids[max(0, pos - model.window) : pos] + ids[pos + 1 : pos + 1 + model.window]
        if not context:
            continue
        hidden = np.asarray(model.wv.vectors[context], np.float64)
        if not model.sg:
            hidden = hidden.mean(axis=0, keepdims=True) if model.cbow_mean else hidden.sum(axis=0, keepdims=True)
        nodes, labels = paths.of(center)
        signs = np.where(labels == 1, 1.0, -1.0)
        total += float(log_sigmoid(signs * (hidden @ model.syn1[nodes].T)).sum())
    return total
