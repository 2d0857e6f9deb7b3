"""What word2vec.c, gensim and fastText call the commands, options and values of w2v.

`cli.translation` puts a command line into w2v's spelling with these tables.
"""

from __future__ import annotations

import re

# Names are compared without their hyphens in front, in lower case, and with hyphens between their words. Spellings that
# `Option.aliases` holds are not repeated here.

# What takes the place of an option with a value, which is {}.
OPTIONS = {
    "train": "{}",
    "input": "{}",
    "corpus-file": "{}",
    "sentences": "{}",
    "output": "{}",
    "read-vocab": "--vocab {}",
    "pretrained-vectors": "--init {}",
    "max-final-vocab": "--max-vocab {}",
    "max-vocab-size": "--max-vocab {}",
    "vector-dim": "--dim {}",
    "dimension": "--dim {}",
    "ws": "--window {}",
    "neg": "--negatives {}",
    "t": "--subsample {}",
    "epoch": "--epochs {}",
    "thread": "--threads {}",
    "learning-rate": "--alpha {}",
    "topn": "-k {}",
    "model": "-m {}",
}
# What takes the place of an option for each of its values. Without a value the option is a flag and means 1.
SWITCHES = {
    "cbow": {"0": "--model skipgram", "1": "--model cbow"},
    "sg": {"0": "--model cbow", "1": "--model skipgram"},
    "hs": {"0": "", "1": "--loss hs"},
    "cbow-mean": {"0": "--cbow-sum", "1": ""},
    "shrink-windows": {"0": "--fixed-window", "1": ""},
    "binary": {"0": "--format text", "1": "--format binary"},
    "dummy4unknown": {"0": "--oov skip", "1": "--oov wrong"},
    "debug": {"0": "-q", "1": "", "2": ""},
    "verbose": {"0": "-q", "1": "-v", "2": "-v"},
}
# Options that nothing takes the place of, and why.
LEFT_OUT = {
    "sorted-vocab": "words are always sorted by their counts",
    "compute-loss": "the loss is always measured",
    "batch-words": "--batch-words has no counterpart",
    "lr-update-rate": "the learning rate falls steadily",
    "word-ngrams": "w2v has no vectors for sequences of words; see w2v phrases",
}
# Options of word2vec.c whose work takes another command in w2v, or another name of the output.
OF_WORD2VEC = ("binary", "classes", "save-vocab")
# What takes the place of a command, or of the first option of a line without one.
COMMANDS = {
    "-train": "train -train",
    "-input": "train -input",
    "word2vec": "train",
    "skipgram": "train --model skipgram",
    "cbow": "train --model cbow",
    "word2phrase": "phrases",
    "most-similar": "similar",
    "nn": "similar -m",
    "print-ngrams": "ngrams -m",
    "analogies": "analogy",
    "word-analogy": "analogy",
    "doesnt-match": "odd",
    "similarity": "distance",
    "accuracy": "eval",
    "compute-accuracy": "eval",
    "evaluate": "eval",
    "evaluate-word-analogies": "eval",
    "evaluate-word-pairs": "eval",
}
# Values of options with a choice.
VALUES = {
    "sg": "skipgram",
    "skip-gram": "skipgram",
    "bag-of-words": "cbow",
    "continuous-bag-of-words": "cbow",
    "negative": "ns",
    "neg": "ns",
    "negative-sampling": "ns",
    "hierarchical": "hs",
    "hierarchical-softmax": "hs",
    "full": "softmax",
    "full-softmax": "softmax",
    "bin": "binary",
    "txt": "text",
    "vec": "text",
    "word2vec": "text",
}


def key_of(typed: str, leave_hyphens: bool = False) -> str:
    """Return the name under which the tables hold a spelling such as -minCount, --min_count or -min-count."""
    name = typed if leave_hyphens else typed.lstrip("-")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower().replace("_", "-")
