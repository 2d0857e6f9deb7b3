"""`w2v gradcheck`: is the mathematics right?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from w2v_cli.cli.console import json_option, note, print_json, print_table

if TYPE_CHECKING:
    from w2v_cli.gradients.check import Check, Finding

# A text's windows are taken from its start.
FIRST_TOKENS = 10_000


@click.command()
@click.option(
    "--engine",
    type=click.Choice(["all", "reference", "compiled"]),
    default="all",
    help="Whose training steps to check.",
)
@click.option("-k", "pattern", metavar="TEXT", default="", help="Only the checks with TEXT in their name.")
@click.option(
    "--dim", metavar="N", type=click.IntRange(min=1), default=6, help="Dimension of the vectors; slower with more."
)
@click.option("--vocab", metavar="N", type=click.IntRange(min=4), default=10, help="Words; slower with more.")
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, help="Seed of the points.")
@click.option(
    "--at",
    nargs=2,
    metavar="MODEL CORPUS",
    help="Check the steps of a trained model instead, at its own vectors and windows of a text.",
)
@json_option
@click.pass_context
def gradcheck(
    context: click.Context,
    engine: str,
    pattern: str,
    dim: int,
    vocab: int,
    seed: int,
    at: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """Check every gradient against two numeric derivatives.

    The derivations of the mathematics and the shipped training steps, which run here in float64 with learning
    rate 1, at points that wrong code gets wrong. Prints for each the worst relative error and where it is; exit
    code 1 if one is too large.

    \b
    Examples:
      w2v gradcheck
      w2v gradcheck -k "repeated" --engine compiled --seed 7
      w2v gradcheck --at model.safetensors corpus.txt
      w2v gradcheck --json | jq -r 'select(.verdict != "ok").check'
    """
    for name in ("dim", "vocab"):
        if at is not None and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--at and --{name}: the model has its own")

    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.compute.jit import COMPILES, WHY_NOT_COMPILED
    from w2v_cli.engines.choose import resolve_engine
    from w2v_cli.engines.step_catalogue import step_checks
    from w2v_cli.errors import ConfigError
    from w2v_cli.gradients.catalogue import catalogue
    from w2v_cli.gradients.check import TOLERANCES, run_check

    engines = ["reference", "compiled"] if engine == "all" else [resolve_engine(engine)]
    if engine == "all" and not COMPILES:
        note(f"{WHY_NOT_COMPILED}: the compiled engine is not checked")
        engines.remove("compiled")
    if at is None:
        checks = [*catalogue(seed, dim, vocab), *step_checks(engines, seed, dim, vocab)]
    else:
        checks = _checks_at(*at, engines, seed)
    checks = [check for check in checks if pattern in check.name]
    if not checks:
        raise ConfigError(f"no check has {pattern!r} in its name", hint="w2v gradcheck lists them all")

    findings = []
    for check in checks:
        findings.append(run_check(check))
        if as_json:
            print_json(_as_dict(findings[-1]))
    wrong = sum(not finding.passed for finding in findings)
    if not as_json:
        columns = ["check", "parameters", *TOLERANCES, "worst at", "analytic", "numeric", "verdict"]
        print_table(columns, [_row(finding, list(TOLERANCES)) for finding in findings])
        note(f"{len(checks)} checks, {wrong} wrong" if wrong else f"{len(checks)} checks, all right")
    if wrong:
        context.exit(1)


def _as_dict(finding: Finding) -> dict[str, Any]:
    """A finding as --json prints it."""
    worst = finding.worst[0]
    return {
        "check": finding.check,
        "parameters": finding.parameters,
        "worst_relative_error": worst.error,
        "errors": _errors(finding),
        "where": {name: value for name, value in asdict(worst).items() if name not in ("method", "error")},
        "verdict": _verdict(finding),
    }


def _row(finding: Finding, methods: list[str]) -> list[str]:
    """A finding as a row of the table."""
    worst, errors = finding.worst[0], _errors(finding)
    return [
        finding.check,
        str(finding.parameters),
        *(f"{errors[method]:.1e}" if method in errors else "–" for method in methods),
        f"{worst.parameter}[{worst.row},{worst.column}]",
        f"{worst.analytic:+.8e}",
        f"{worst.numeric:+.8e}",
        _verdict(finding),
    ]


def _errors(finding: Finding) -> dict[str, float]:
    """The worst relative error by each method."""
    return {element.method: element.error for element in finding.worst}


def _verdict(finding: Finding) -> str:
    return "ok" if finding.passed else "MISMATCH"


def _checks_at(model: str, corpus: str, engines: list[str], seed: int) -> list[Check]:
    """The checks of a trained model at windows of the start of a text."""
    from w2v_cli.corpus.texts import Texts
    from w2v_cli.corpus.vocabulary import first_ids
    from w2v_cli.engines.objective import make_objective
    from w2v_cli.engines.sampling import sampler_of
    from w2v_cli.engines.step_catalogue import corpus_checks
    from w2v_cli.errors import CorpusError, ModelFileError
    from w2v_cli.formats.model_file import ModelFile

    Texts([corpus]).check_readable()
    with ModelFile(model) as file:
        vectors, (config, text) = file.vectors, file.choices()
    if vectors.counts is None:
        raise ModelFileError(f"{model} does not say how often its words occur", hint="--at takes a model of w2v train")
    tables = [file.table(name) for name in ("input_vectors", make_objective(config, vectors.counts).output_name)]
    ids, boundaries = first_ids(Texts([corpus], text), vectors.ids, FIRST_TOKENS)
    sample = sampler_of(config, vectors.counts).sample(ids, boundaries, 0, 0)
    checks = corpus_checks(engines, config, vectors.counts, tables, sample, seed)
    if not checks:
        raise CorpusError(f"no two words of {model} stand in one line of {corpus}", hint="is it the model's text?")
    return checks
