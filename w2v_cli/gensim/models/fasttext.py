"""gensim's name for `w2v_cli.gensim.fasttext`."""

from w2v_cli.gensim.fasttext import FastText as FastText
from w2v_cli.gensim.fasttext import load_facebook_model as load_facebook_model
from w2v_cli.gensim.fasttext import load_facebook_vectors as load_facebook_vectors
from w2v_cli.gensim.fasttext import save_facebook_model as save_facebook_model
from w2v_cli.gensim.fasttext_vectors import FastTextKeyedVectors as FastTextKeyedVectors
