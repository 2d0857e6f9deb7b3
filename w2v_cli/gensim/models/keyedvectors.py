"""gensim's name for `w2v_cli.gensim.keyedvectors`."""

from w2v_cli.gensim.keyedvectors import KeyedVectors as KeyedVectors
