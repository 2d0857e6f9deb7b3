"""`w2v gradcheck`: is the mathematics right?"""

from __future__ import annotations

from dataclasses import asdict

import click

from w2v_cli.cli.console import json_option, note, print_json, print_table


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
@json_option
@click.pass_context
def gradcheck(
    context: click.Context, engine: str, pattern: str, dim: int, vocab: int, seed: int, as_json: bool
) -> None:
    """Check every gradient against two numeric derivatives.

    The derivations of the mathematics and the shipped training steps, which run here in float64 with learning
    rate 1, at points that wrong code gets wrong. Prints for each the worst relative error and where it is; exit
    code 1 if one is too large.

    \b
    Examples:
      w2v gradcheck
      w2v gradcheck -k "repeated" --engine compiled --seed 7
      w2v gradcheck --json | jq -r 'select(.verdict != "ok").check'
    """
    # Here and not above: `w2v --help` shall not wait for numpy.
    from w2v_cli.errors import ConfigError
    from w2v_cli.gradients.catalogue import catalogue
    from w2v_cli.gradients.check import TOLERANCES, run_check
    from w2v_cli.jit import COMPILES, WHY_NOT_COMPILED
    from w2v_cli.training.checks import step_checks
    from w2v_cli.training.engines import resolve_engine

    engines = ["reference", "compiled"] if engine == "all" else [resolve_engine(engine)]
    if engine == "all" and not COMPILES:
        note(f"numba does not import ({WHY_NOT_COMPILED}): the compiled engine is not checked")
        engines.remove("compiled")
    checks = catalogue(seed, dim, vocab)
    checks += step_checks(engines, seed, dim, vocab)
    checks = [check for check in checks if pattern in check.name]
    if not checks:
        raise ConfigError(f"no check has {pattern!r} in its name", hint="w2v gradcheck lists them all")

    rows, wrong = [], 0
    for check in checks:
        finding = run_check(check)
        worst = finding.worst[0]
        wrong += not finding.passed
        verdict = "ok" if finding.passed else "MISMATCH"
        errors = {element.method: element.error for element in finding.worst}
        if as_json:
            where = {name: value for name, value in asdict(worst).items() if name not in ("method", "error")}
            print_json(
                {
                    "check": finding.check,
                    "parameters": finding.parameters,
                    "worst_relative_error": worst.error,
                    "errors": errors,
                    "where": where,
                    "verdict": verdict,
                }
            )
        rows.append(
            [
                finding.check,
                str(finding.parameters),
                *(f"{errors[method]:.1e}" if method in errors else "–" for method in TOLERANCES),
                f"{worst.parameter}[{worst.row},{worst.column}]",
                f"{worst.analytic:+.8e}",
                f"{worst.numeric:+.8e}",
                verdict,
            ]
        )
    if not as_json:
        print_table(["check", "parameters", *TOLERANCES, "worst at", "analytic", "numeric", "verdict"], rows)
        note(f"{len(checks)} checks, {wrong} wrong" if wrong else f"{len(checks)} checks, all right")
    if wrong:
        context.exit(1)
