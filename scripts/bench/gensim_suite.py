#!/usr/bin/env python3
"""Run gensim's own tests with the classes of w2v_cli.gensim in the place of gensim's, and list what fails.

    .venv/bin/python scripts/bench/gensim_suite.py
    .venv/bin/python scripts/bench/gensim_suite.py test_word2vec test_phrases -v

gensim's wheel has its tests, as gensim.test. They are imported after every module that w2v has, such as
gensim.models.keyedvectors, and every class in it, has taken the place of gensim's. What w2v does not have, such as
gensim.corpora, stays gensim's; a private function that w2v lacks raises an error. Options of unittest, such as -k, are
understood too.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import pkgutil
import sys
import tempfile
import unittest
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

MODULES = ["test_keyedvectors", "test_datatype"]


def replace_classes() -> list[str]:
    """Put the modules and classes of w2v in the place of gensim's; return the names of the modules."""
    theirs = importlib.import_module("gensim.models")
    ours = importlib.import_module("w2v_cli.gensim.models")
    replaced = []
    for found in pkgutil.iter_modules(ours.__path__):
        original = importlib.import_module(f"gensim.models.{found.name}")
        module = importlib.import_module(f"w2v_cli.gensim.models.{found.name}")
        for name, value in vars(original).items():
            # Test modules import these as well: without them, none of their tests would run.
            if name.startswith("_") and callable(value) and not hasattr(module, name):
                setattr(module, name, lacking(name))
        sys.modules[f"gensim.models.{found.name}"] = module
        setattr(theirs, found.name, module)
        replaced.append(found.name)
    for name in dir(ours):
        if isinstance(getattr(theirs, name, None), type):
            setattr(theirs, name, getattr(ours, name))
    return replaced


def lacking(name: str) -> Callable[..., Any]:
    """Return what stands for a function of gensim that w2v does not have."""

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise NotImplementedError(f"w2v has no {name}")

    return refuse


class Result(unittest.TextTestResult):
    """Counts the tests that pass, too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1


def last_line(trace: str) -> str:
    """Return what a traceback says, in one line."""
    return next(line for line in reversed(trace.splitlines()) if line.strip())[:160]


def main() -> int:
    """Run the tests; return 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=MODULES, help="such as test_keyedvectors")
    parser.add_argument("-k", dest="patterns", action="append", help="only tests whose names match, as in unittest")
    parser.add_argument("-v", "--verbose", action="store_true", help="print whole tracebacks, and each test's name")
    options = parser.parse_args()
    # Nothing is printed of the log, which some tests read.
    logging.getLogger().addHandler(logging.NullHandler())
    print(f"w2v's: {', '.join(replace_classes())}")
    loader = unittest.TestLoader()
    if options.patterns:
        loader.testNamePatterns = [pattern if "*" in pattern else f"*{pattern}*" for pattern in options.patterns]
    passed = failed = 0
    home = os.getcwd()
    for name in options.modules:
        suite = loader.loadTestsFromName(f"gensim.test.{name}")
        stream = None if options.verbose else open("/dev/null", "w")  # noqa: SIM115
        runner = unittest.TextTestRunner(stream, resultclass=Result, verbosity=2 if options.verbose else 0)
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            # Some tests write files into the folder in which they run.
            os.chdir(folder)
            result: Any = runner.run(suite)
            os.chdir(home)
        wrong = [*result.failures, *result.errors]
        for test, trace in wrong:
            print(f"  {test.id().removeprefix('gensim.test.')}: {last_line(trace)}")
        for why, count in Counter(why for _, why in result.skipped).items():
            print(f"  {count} skipped: {why}")
        print(f"{name}: {result.passed} of {result.testsRun} pass")
        passed, failed = passed + result.passed, failed + len(wrong)
    print(f"together: {passed} pass, {failed} fail")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
