"""gensim's name for `w2v_cli.gensim.keyedvectors`."""

from w2v_cli.gensim.keyedvectors import REAL as REAL
from w2v_cli.gensim.keyedvectors import Doc2VecKeyedVectors as Doc2VecKeyedVectors
from w2v_cli.gensim.keyedvectors import EuclideanKeyedVectors as EuclideanKeyedVectors
from w2v_cli.gensim.keyedvectors import KeyedVectors as KeyedVectors
from w2v_cli.gensim.keyedvectors import Word2VecKeyedVectors as Word2VecKeyedVectors
from w2v_cli.gensim.keyedvectors import _load_word2vec_format as _load_word2vec_format
from w2v_cli.gensim.keyedvectors import load_word2vec_format as load_word2vec_format
from w2v_cli.gensim.keyedvectors import prep_vectors as prep_vectors
from w2v_cli.gensim.keyedvectors import pseudorandom_weak_vector as pseudorandom_weak_vector
