"""Hints about optional packages name a command that works: for this Python, and a package that an extra lists."""

from __future__ import annotations

import ast
import re
import sys

from conftest import ROOT

from w2v_cli.errors import MissingExtraError


def extras() -> dict[str, set[str]]:
    """Return the packages of each extra in pyproject.toml."""
    section = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]\n")[1].split("\n[")[0]
    lines = [line for line in section.splitlines() if line and not line.startswith("#")]
    return {
        line.split(" = ")[0]: {re.split(r"[<>=; ]", item)[0] for item in ast.literal_eval(line.split(" = ", 1)[1])}
        for line in lines
    }


def named_packages(folder: str) -> list[str]:
    """Return the packages that errors in the sources of a folder name, other than those of a table of protocols."""
    calls = [
        node
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "MissingExtraError"
    ]
    return [ast.literal_eval(call.args[1]) for call in calls if isinstance(call.args[1], ast.Constant)]


def test_every_package_that_an_error_names_is_a_requirement_of_an_extra() -> None:
    users = {name: packages for name, packages in extras().items() if name not in ("test", "quick", "bench", "fuzz")}
    # The packages of some protocols are named by `storage.remote`; the extra has what all of them need.
    protocols = users.pop("remote")
    assert protocols == {"fsspec", "aiohttp"}
    assert set(named_packages("w2v_cli")) == {package for packages in users.values() for package in packages}
    every = {package for packages in extras().values() for package in packages}
    assert {"atheris", "matplotlib"} <= set(named_packages("scripts")) <= every


def test_the_hint_installs_for_the_python_that_runs() -> None:
    error = MissingExtraError("reading .zst", "backports.zstd", "unpack the file")
    assert error.message == "reading .zst needs the package backports.zstd"
    assert error.hint == f"{sys.executable} -m pip install backports.zstd, or unpack the file"


def test_nothing_tells_to_install_w2v_from_the_index() -> None:
    pages = [
        path
        for folder in ("w2v_cli", "scripts")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md")
    ]
    for page in [*pages, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        assert not re.search(r"pip install '?w2v", page.read_text()), page
    table = (ROOT / "w2v_cli" / "help" / "install.md").read_text()
    for package, extra in re.findall(r"^\|[^|]*\| ([\w.-]+) \| `(\w+)` \|$", table, re.MULTILINE):
        assert package in extras()[extra]
