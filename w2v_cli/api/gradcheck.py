"""`w2v.gradcheck`: is the mathematics right?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from w2v_cli.api.corpus import Corpus, corpus_paths
from w2v_cli.api.model import Model, load
from w2v_cli.choices import CHECKED_ENGINES, require_choice, require_whole
from w2v_cli.compute.jit import COMPILES
from w2v_cli.corpus.files import corpus_files
from w2v_cli.corpus.texts import Texts
from w2v_cli.corpus.vocabulary import first_ids
from w2v_cli.engines.choose import resolve_engine
from w2v_cli.engines.objective import make_objective
from w2v_cli.engines.sampling import sampler_of
from w2v_cli.engines.step_catalogue import corpus_checks, step_checks
from w2v_cli.errors import ConfigError, CorpusError
from w2v_cli.gradients.catalogue import catalogue
from w2v_cli.gradients.check import Check, Finding, run_check
from w2v_cli.option import plain_value

# The windows of a text are taken from its start.
_FIRST_TOKENS = 10_000
_DIM, _VOCAB = 6, 10
_LEAST_VOCAB = 4


def gradcheck(
    *,
    engine: str = "all",
    name: str = "",
    dim: int | None = None,
    vocab: int | None = None,
    seed: int = 0,
    at: tuple[Model | str | os.PathLike[str], Corpus] | None = None,
) -> Iterator[Finding]:
    """Compare every gradient with two numeric derivatives.

    The checks cover the derivations and the training steps of both engines. The steps run in float64 with learning rate
    1, at points where wrong code is likely to fail. The arguments are checked at once; each check runs when its finding
    is asked for.

    Parameters
    ----------
    engine : whose training steps are checked: all, reference or compiled. With `all`, the compiled engine is left out
        where numba does not work.
    name : run only the checks with this text in their name.
    dim : dimension of the vectors; None: 6. More is slower.
    vocab : number of words, at least 4; None: 10. More is slower.
    seed : random seed of the points.
    at : a trained model, or its path, and a corpus. The model's training steps are then checked at its own vectors and
        at windows from the start of the corpus.

    Returns
    -------
    Iterator of findings; `finding.passed` says whether both derivatives agree with the gradient.

    Raises
    ------
    ConfigError
        If an option has no such value, if no check has such a name, or if `at` is given together with `dim` or `vocab`.
    ModelFileError
        If the model does not say how it was trained, or lacks a table.
    CorpusError
        If the corpus cannot be read, or no line of it holds two words of the model.

    Examples
    --------
    >>> import w2v_cli as w2v
    >>> all(finding.passed for finding in w2v.gradcheck(name="sigmoid", dim=3, vocab=4))
    True
    """
    dim, vocab, seed = map(plain_value, (dim, vocab, seed))
    require_choice("engine", engine, CHECKED_ENGINES)
    require_whole("dim", dim, 1, optional=True)
    require_whole("vocab", vocab, _LEAST_VOCAB, optional=True)
    require_whole("seed", seed, 0)
    if at is not None and not (isinstance(at, tuple | list) and len(at) == 2):
        raise ConfigError("at is not a model and a corpus", hint='such as ("model.safetensors", "corpus.txt")')
    for option, value in (("dim", dim), ("vocab", vocab)):
        if at is not None and value is not None:
            raise ConfigError(f"--at and --{option}: the model has its own")
    engines = ["reference", *(["compiled"] if COMPILES else [])] if engine == "all" else [resolve_engine(engine)]
    if at is None:
        size = dim or _DIM, vocab or _VOCAB
        checks = [*catalogue(seed, *size), *step_checks(engines, seed, *size)]
    else:
        checks = _checks_at(*at, engines, seed)
    chosen = [check for check in checks if name in check.name]
    if not chosen:
        raise ConfigError(f"no check has {name!r} in its name", hint="w2v gradcheck lists them all")
    return map(run_check, chosen)


def _checks_at(
    trained: Model | str | os.PathLike[str], corpus: Corpus, engines: Sequence[str], seed: int
) -> list[Check]:
    """Return the checks of a trained model at windows from the start of a text."""
    with corpus_paths(corpus) as paths:
        paths = corpus_files(paths)
        Texts(paths).check_readable()
        model = trained if isinstance(trained, Model) else load(trained)
        config, text = model.training_options()
        counts = model.require_counts()
        output_name = make_objective(config, counts).output_name
        tables = [model.table("input_vectors"), model.table(output_name)]
        ids, boundaries = first_ids(Texts(paths, text), model.word_vectors.ids, _FIRST_TOKENS)
        sample = sampler_of(config, counts).sample(ids, boundaries, 0, 0)
        checks = corpus_checks(list(engines), config, counts, tables, sample, seed)
        if not checks:
            raise CorpusError(
                f"no two words of {model.name} stand in one line of {', '.join(paths)}", hint="is it the model's text?"
            )
        return checks
