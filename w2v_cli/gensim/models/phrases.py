"""gensim's name for `w2v_cli.gensim.phrases`."""

from w2v_cli.gensim.phrases import ENGLISH_CONNECTOR_WORDS as ENGLISH_CONNECTOR_WORDS
from w2v_cli.gensim.phrases import FrozenPhrases as FrozenPhrases
from w2v_cli.gensim.phrases import Phraser as Phraser
from w2v_cli.gensim.phrases import Phrases as Phrases
from w2v_cli.gensim.phrases import _PhrasesTransformation as _PhrasesTransformation
from w2v_cli.gensim.phrases import npmi_scorer as npmi_scorer
from w2v_cli.gensim.phrases import original_scorer as original_scorer
