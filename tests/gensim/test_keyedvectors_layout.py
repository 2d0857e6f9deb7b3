"""gensim's names: the same classes however they are imported, and quickly."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT


def run_python(code: str) -> str:
    """Run a program in a fresh Python, because it changes sys.modules."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


ALIAS = "import sys, w2v_cli.gensim as gensim; sys.modules['gensim'] = gensim\n"


def test_classes_are_the_same_however_they_are_imported() -> None:
    code = ALIAS + (
        "import gensim\n"
        "early = gensim.models.KeyedVectors\n"
        "from gensim.models import KeyedVectors\n"
        "from gensim.models.keyedvectors import KeyedVectors as K2\n"
        "import gensim.models.keyedvectors as module\n"
        "import w2v_cli.gensim.models.keyedvectors as own\n"
        "import w2v_cli.gensim.keyedvectors as real\n"
        "every = {early, KeyedVectors, K2, module.KeyedVectors, own.KeyedVectors, real.KeyedVectors,\n"
        "    gensim.models.keyedvectors.KeyedVectors, gensim.KeyedVectors}\n"
        "assert len(every) == 1, every\n"
        "import pickle; kv = KeyedVectors(2, 1); kv.add_vector('a', [1, 2])\n"
        "assert type(pickle.loads(pickle.dumps(kv))) is KeyedVectors\n"
        "print(gensim.__version__)"
    )
    assert run_python(code).startswith("4.")


def test_the_import_is_light() -> None:
    code = "import sys, w2v_cli.gensim, w2v_cli.gensim.models; print('numba' in sys.modules, 'numpy' in sys.modules)"
    assert run_python(code).split() == ["False", "False"]
