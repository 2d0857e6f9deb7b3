"""The README's commands are commands: they exist, and so do their options and the files that they name."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from conftest import ROOT

from w2v_cli.choices import READABLE, WRITABLE
from w2v_cli.cli.main import COMMANDS, w2v

LINES = [
    line.strip()
    for page in ("README.md", "data/README.md")
    for line in (ROOT / page).read_text().splitlines()
    if line.startswith("    ")
]


def words_of(line: str) -> list[str]:
    """The command in a line, without what is said about it behind several spaces."""
    return shlex.split(re.split(r"\s{3,}| > |\|", line)[0])


@pytest.mark.parametrize("line", [line for line in LINES if re.match(r"(scripts/)?w2v |zcat", line)])
def test_a_command_and_its_options_exist(line: str) -> None:
    words = shlex.split(line.split("|")[-1].split("   ")[0].split(" > ")[0])
    name, arguments = words[1], words[2:]
    assert name in COMMANDS
    with click.Context(w2v, info_name="w2v") as context:
        command = w2v.get_command(context, name)
        assert command is not None
        command.make_context(name, list(arguments), parent=context)
    for argument in arguments:
        if argument.startswith("data/") and "text8" not in argument:
            assert (ROOT / argument).exists()


@pytest.mark.parametrize("line", [line for line in LINES if "scripts/" in line])
def test_a_script_is_there(line: str) -> None:
    assert (ROOT / re.search(r"scripts/[\w./]+", line)[0]).exists()  # type: ignore[index]


def test_the_table_of_formats_is_what_can_be_read_and_written() -> None:
    rows = re.findall(r"^\| `(\w+)`,.*\| (yes|no) \| (yes|no) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [name for name, read, _ in rows if read == "yes"] == list(READABLE)
    assert [name for name, _, write in rows if write == "yes"] == list(WRITABLE)
