"""gensim's name for `w2v_cli.gensim.callbacks`."""

from w2v_cli.gensim.callbacks import CallbackAny2Vec as CallbackAny2Vec
