"""gensim's name for `w2v_cli.gensim.word2vec` and the readers of sentences."""

from w2v_cli.gensim.keyedvectors import KeyedVectors as KeyedVectors
from w2v_cli.gensim.sentences import MAX_WORDS_IN_BATCH as MAX_WORDS_IN_BATCH
from w2v_cli.gensim.sentences import BrownCorpus as BrownCorpus
from w2v_cli.gensim.sentences import LineSentence as LineSentence
from w2v_cli.gensim.sentences import PathLineSentences as PathLineSentences
from w2v_cli.gensim.sentences import Text8Corpus as Text8Corpus
from w2v_cli.gensim.word2vec import Word2Vec as Word2Vec
