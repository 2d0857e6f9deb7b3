"""`w2v gradcheck`: is the mathematics right?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from w2v_cli.choices import CHECKED_ENGINES
from w2v_cli.cli.console import note, print_json
from w2v_cli.cli.options import FILE
from w2v_cli.cli.tables import print_csv, print_table, table_options

if TYPE_CHECKING:
    from w2v_cli.gradients.check import Finding


@click.command()
@click.option(
    "--engine", type=click.Choice(CHECKED_ENGINES), default="all", help="The engine whose training steps are checked."
)
@click.option(
    "-k",
    "name",
    metavar="TEXT",
    default="",
    show_default=False,
    help="Only checks with TEXT in their name. Default: all.",
)
@click.option(
    "--dim",
    metavar="N",
    type=click.IntRange(min=1),
    help="Dimension of the vectors; more is slower. Default: 6.",
)
@click.option("--vocab", metavar="N", type=click.IntRange(min=4), help="Number of words; more is slower. Default: 10.")
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, help="Random seed of the points.")
@click.option(
    "--at",
    nargs=2,
    metavar="MODEL CORPUS",
    type=FILE,
    help="Check the training steps of MODEL, at its own vectors and at windows from the start of CORPUS.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print every check, with its worst element: wide lines.")
@table_options
@click.pass_context
def gradcheck(
    context: click.Context,
    engine: str,
    name: str,
    dim: int | None,
    vocab: int | None,
    seed: int,
    at: tuple[str, str] | None,
    verbose: bool,
    style: str,
) -> None:
    """Check every gradient against two numeric derivatives.

    Checks the derivations and the training steps of both engines. The steps run in float64 with learning rate 1, at
    points where wrong code is likely to fail. Prints the worst relative errors of each group of checks, and every check
    that fails with the element that is wrong. The exit code is 1 if an error is too large.

    \b
    Examples:
      w2v gradcheck
      w2v gradcheck -k "repeated" --engine compiled --seed 7
      w2v gradcheck --at model.safetensors corpus.txt
      w2v gradcheck --json | jq -r 'select(.verdict != "ok").check'
    """
    # Imported here so that `w2v --help` need not wait for numpy.
    from w2v_cli.api.gradcheck import gradcheck as run_checks
    from w2v_cli.compute.jit import COMPILES, WHY_NOT_COMPILED
    from w2v_cli.gradients.check import TOLERANCES

    running = run_checks(engine=engine, name=name, dim=dim, vocab=vocab, seed=seed, at=at)
    if engine == "all" and not COMPILES:
        note(f"{WHY_NOT_COMPILED}: the compiled engine is not checked")
    findings = []
    for finding in running:
        findings.append(finding)
        if style == "json":
            print_json(_as_dict(finding))
    wrong = [finding for finding in findings if not finding.passed]
    if style != "json":
        methods = list(TOLERANCES)
        if not verbose and style != "csv":
            short = [method.removeprefix("central ") for method in methods]  # to fit 80 columns
            print_table(["group", "checks", *short, "verdict"], list(_group_rows(findings, methods)))
        if shown := findings if verbose or style == "csv" else wrong:
            columns = ["check", "parameters", *methods, "worst at", "analytic", "numeric", "verdict"]
            rows = [_row(finding, methods) for finding in shown]
            print_csv(columns, rows) if style == "csv" else print_table(columns, rows)
        checks = "1 check" if len(findings) == 1 else f"{len(findings)} checks"
        note(f"{checks}, {len(wrong)} wrong" if wrong else f"{checks}, all right")
    if wrong:
        context.exit(1)


def _group_rows(findings: list[Finding], methods: list[str]) -> Iterator[list[str]]:
    """Yield one row for each group: the number of checks, the worst relative error by each method, the verdict."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_group(finding.check), []).append(finding)
    for name, members in groups.items():
        elements = [element for finding in members for element in finding.worst]
        worst = {element.method: element.error for element in sorted(elements, key=lambda element: element.severity)}
        verdict = next((_verdict(finding) for finding in members if not finding.passed), "ok")
        yield [name, str(len(members)), *_cells(worst, methods), verdict]


def _group(check: str) -> str:
    """Return the group of a check: its name without its point and the variants of its step; parts of words are one."""
    if " subwords " in check:
        return "both engines' subwords step"
    return re.split("[:,]", check)[0].replace("cbow of sums", "cbow").replace(" scaled", "")


def _as_dict(finding: Finding) -> dict[str, object]:
    """Return a finding as --json prints it."""
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
    """Return a finding as a row of the table."""
    worst = finding.worst[0]
    return [
        finding.check,
        str(finding.parameters),
        *_cells(_errors(finding), methods),
        f"{worst.parameter}[{worst.row},{worst.column}]",
        f"{worst.analytic:+.8e}",
        f"{worst.numeric:+.8e}",
        _verdict(finding),
    ]


def _cells(errors: dict[str, float], methods: list[str]) -> list[str]:
    """Return the errors by method as cells of a table."""
    return [f"{errors[method]:.1e}" if method in errors else "–" for method in methods]


def _errors(finding: Finding) -> dict[str, float]:
    """Return the worst relative error by each method."""
    return {element.method: element.error for element in finding.worst}


def _verdict(finding: Finding) -> str:
    return "ok" if finding.passed else "MISMATCH"
