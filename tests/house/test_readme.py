"""The documentation is true: its commands exist, its links resolve, and the README's session runs as shown."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from conftest import ROOT

import w2v_cli
from w2v_cli.choices import READABLE, WRITABLE
from w2v_cli.cli.main import COMMANDS, w2v
from w2v_cli.compute.jit import COMPILES
from w2v_cli.engines.step_catalogue import step_checks
from w2v_cli.gradients.catalogue import catalogue

README = ROOT / "README.md"
TOPICS = sorted((ROOT / "w2v_cli" / "help").glob("*.md"))
PAGES = [README, ROOT / "data" / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *TOPICS]
MATHEMATICS = ROOT / "w2v_cli" / "help" / "mathematics.md"


def code_lines(page: Path) -> list[str]:
    """Return the indented lines of a page, without prompts. A line that ends in a backslash is joined with the next."""
    text = page.read_text().replace("\\\n", " ")
    return [line.strip().removeprefix("$ ") for line in text.splitlines() if line.startswith("    ")]


def spans(page: Path) -> list[str]:
    """Return the texts that a page sets in backquotes, each on one line."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


LINES = list(dict.fromkeys(line for page in PAGES for line in code_lines(page)))
SPANS = list(dict.fromkeys(span for page in PAGES for span in spans(page)))


def parse(words: list[str]) -> None:
    """Let click parse a command and its options, without running it."""
    name, arguments = words[1], words[2:]
    assert name in COMMANDS
    with click.Context(w2v, info_name="w2v") as context:
        command = w2v.get_command(context, name)
        assert command is not None
        command.make_context(name, list(arguments), parent=context)
    for argument in arguments:
        if argument.startswith("data/") and "text8" not in argument:
            assert (ROOT / argument).exists()


@pytest.fixture
def options_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the file of the documentation's `--config again.toml`, which is read when the command is parsed."""
    monkeypatch.chdir(tmp_path)
    Path("again.toml").touch()


@pytest.mark.usefixtures("options_file")
@pytest.mark.parametrize("line", [line for line in LINES if re.match(r"(scripts/)?w2v [a-z]|zcat", line)])
def test_a_command_and_its_options_exist(line: str) -> None:
    parse(shlex.split(line.split("|")[-1].split("   ")[0].split(" > ")[0]))


@pytest.mark.parametrize("span", [span for span in SPANS if re.match(r"w2v [a-z]", span)])
def test_a_command_in_a_sentence_exists(span: str) -> None:
    # A sentence may leave out the files of a command, and name its help.
    try:
        parse(shlex.split(span.split(" > ")[0]))
    except click.MissingParameter:
        pass
    except click.exceptions.Exit as left:
        assert left.exit_code == 0


def options() -> dict[str, list[click.Parameter]]:
    """Return the options of all commands by their names."""
    found: dict[str, list[click.Parameter]] = {"--help": [], "--version": [], "-h": []}
    with click.Context(w2v, info_name="w2v") as context:
        for name in COMMANDS:
            command = w2v.get_command(context, name)
            assert command is not None
            for parameter in command.params:
                for spelling in parameter.opts:
                    found.setdefault(spelling, []).append(parameter)
    return found


@pytest.mark.parametrize("span", [span for span in SPANS if re.match(r"--?[a-z]", span)])
def test_an_option_in_a_sentence_exists_and_has_that_choice(span: str) -> None:
    name, *values = span.split()
    scripts = "".join(path.read_text() for path in (ROOT / "scripts").rglob("*.py"))
    if f'"{name}"' in scripts:
        return
    parameters = options()[name]
    choices = [parameter.type.choices for parameter in parameters if isinstance(parameter.type, click.Choice)]
    if values and choices:
        assert any(values[0] in some for some in choices)


@pytest.mark.parametrize("line", [line for line in [*LINES, *SPANS] if "scripts/" in line])
def test_a_script_is_there(line: str) -> None:
    found = re.search(r"scripts/[\w./]+", line)
    assert found is not None
    assert (ROOT / found[0]).exists()


def test_the_readme_names_the_command_that_runs_the_tests() -> None:
    assert "scripts/test" in code_lines(README)


def test_the_table_of_formats_is_what_can_be_read_and_written() -> None:
    text = (ROOT / "w2v_cli" / "help" / "files.md").read_text()
    rows = re.findall(r"^\| `(\w+)`,.*\| (yes|no) \| (yes|no) \|$", text, re.MULTILINE)
    assert [name for name, read, _ in rows if read == "yes"] == list(READABLE)
    assert [name for name, _, write in rows if write == "yes"] == list(WRITABLE)


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 130


@pytest.mark.parametrize("page", TOPICS, ids=lambda page: page.stem)
def test_a_topic_fits_a_terminal(page: Path) -> None:
    for line in page.read_text().splitlines():
        # The rows of a table cannot be wrapped.
        if not line.startswith("|") and "](" not in line:
            assert sum(not unicodedata.combining(character) for character in line) <= 80, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_link_resolves(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


# One thread on the processor that wrote the README gives its digits. Another processor may have vectors of another
# width. It then adds float32 numbers in another order, and training magnifies the difference.
TOLERANCE = 0.05
NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"
# Times, speeds and memory depend on the machine and on what else it does.
MEASURED = re.compile(rf"{NUMBER} (?:s|MiB|words/s)\b")


def session() -> Iterator[tuple[str, list[str]]]:
    """Return the commands of the README's first session, each with what it prints."""
    section = README.read_text().split("## A first session\n")[1].split("\n## ")[0]
    block = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *output = entry.splitlines()
        yield command, output


def assert_alike(shown: str, printed: str) -> None:
    """Return whether two lines have the same words, and numbers that differ by less than the tolerance."""
    shown, printed = (" ".join(MEASURED.sub("?", line).split()) for line in (shown, printed))
    assert re.sub(NUMBER, "#", shown) == re.sub(NUMBER, "#", printed)
    for one, other in zip(re.findall(NUMBER, shown), re.findall(NUMBER, printed), strict=True):
        assert float(other.replace(",", "")) == pytest.approx(float(one.replace(",", "")), rel=TOLERANCE), printed


@pytest.mark.skipif(not COMPILES, reason="the session is one of the compiled engine")
def test_the_first_session_prints_what_the_readme_shows(
    tmp_path: Path, whole_gradcheck: subprocess.CompletedProcess[str]
) -> None:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    program = tmp_path / "bin" / "w2v"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m w2v_cli "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        # With more threads the order of the updates, and with it the vectors, differ from run to run.
        "W2V_THREADS": "1",
    }
    entries = list(session())
    assert len(entries) >= 5
    # This command has been run.
    ((checked, verdict),) = [entry for entry in entries if "gradcheck" in entry[0]]
    assert checked == "w2v gradcheck > checks.txt" and verdict == [whole_gradcheck.stderr.rstrip()]
    entries.remove((checked, verdict))
    for command, shown in entries:
        run = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert run.returncode == 0, run.stdout.decode()
        lines = [line.rstrip() for line in run.stdout.decode().splitlines()]
        # The page shows a terminal. Elsewhere, every line of a long command begins with the time of day.
        lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in lines]
        # Only the first run on a machine compiles.
        printed = [line for line in lines if line and not line.startswith("Compiling for")]
        assert len(printed) == len(shown), printed
        for one, other in zip(shown, printed, strict=True):
            assert_alike(one, other)


def test_a_changed_number_or_word_of_a_session_is_noticed() -> None:
    assert_alike("uncle    0.5946", "uncle\t0.6")
    for printed in ("uncle\t0.65", "aunt\t0.5946", "uncle\t0.5946\t1"):
        with pytest.raises(AssertionError):
            assert_alike("uncle    0.5946", printed)


@pytest.mark.parametrize("page", [README, ROOT / "w2v_cli" / "help" / "python.md"], ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("W2V_THREADS", "1")
    block = re.search(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    exec(block[1], {})
    assert Path("model.safetensors").exists()


def index() -> list[tuple[list[str], list[str], list[str]]]:
    """Return the rows of the index of the mathematics: equations, functions, and patterns of checks."""
    table = MATHEMATICS.read_text().split("\n## Index\n")[1]
    rows = re.findall(r"^\| (\d[^|]*) \|[^|]*\| ([^|]*) \| ([^|]*) \|$", table, re.MULTILINE)
    names = re.compile("`([^`]+)`").findall
    return [(equations(numbers), names(functions), names(checks)) for numbers, functions, checks in rows]


def equations(numbers: str) -> list[str]:
    """Return the equations in a list such as "1.1, 2.1–2.3"."""
    found = []
    for part in numbers.split(", "):
        (section, first), (_, last) = (end.split(".") for end in (part.split("–")[0], part.split("–")[-1]))
        found += [f"{section}.{number}" for number in range(int(first), int(last) + 1)]
    return found


def test_every_equation_is_in_the_index() -> None:
    # An equation has its number at the end of an indented line; "by (2.3)" there refers to another equation.
    numbered = r"^ {4}.*(?<!by) \((\d+\.\d+)\)(?: \[[^\]]+\])?$"
    derived = re.findall(numbered, MATHEMATICS.read_text(), re.MULTILINE)
    assert derived == sorted(set(derived), key=lambda number: [int(part) for part in number.split(".")])
    assert sorted(number for numbers, _, _ in index() for number in numbers) == sorted(derived)


def test_every_function_in_the_index_of_the_mathematics_exists() -> None:
    for numbers, functions, _ in index():
        assert functions, numbers
        for name in functions:
            room, module, *attributes = name.split(".")
            found: object = importlib.import_module(f"w2v_cli.{room}.{module}")
            for attribute in attributes:
                found = getattr(found, attribute)


def test_every_check_that_the_mathematics_names_exists() -> None:
    engines = ["reference", "compiled"] if COMPILES else ["reference"]
    names = [check.name for check in (*catalogue(0, 6, 10), *step_checks(engines, 0, 6, 10))]
    patterns = [pattern for _, _, patterns in index() for pattern in patterns]
    patterns += [match[1] for line in LINES if (match := re.match('w2v gradcheck -k "(.+?)"', line))]
    assert len(patterns) > 40
    for pattern in patterns:
        assert any(pattern in name for name in names), pattern


# In the code, a citation may continue in the next line of a comment. In a topic, it is a `w2v help` command.
CITATION = re.compile(
    r'(?:help/|`w2v help )(\w+)(?:\.md|`),[\s#]+(?:"([^"]+)"|sections?[\s#]+(\d+)(?:[\s#]+(?:and|to)[\s#]+(\d+))?)'
)


def citations() -> list[tuple[str, str]]:
    """What the code and the topics cite of the topics: each topic with a title, or with the number of a section."""
    found = set()
    for source in (*(ROOT / "w2v_cli").rglob("*.py"), *PAGES):
        for topic, title, *numbers in CITATION.findall(source.read_text()):
            found |= {(topic, re.sub(r"[\s#]+", " ", part)) for part in (title, *numbers) if part}
    return sorted(found)


@pytest.mark.parametrize(("topic", "part"), citations())
def test_a_cited_section_exists(topic: str, part: str) -> None:
    text = (ROOT / "w2v_cli" / "help" / f"{topic}.md").read_text()
    pattern = rf"^## {part} " if part.isdigit() else rf"^(?:##+ {re.escape(part)}$|\*\*{re.escape(part)}\.?\*\*)"
    assert re.search(pattern, text, re.MULTILINE), part


def test_the_citations_of_the_code_are_found() -> None:
    assert {("design", "Tiles"), ("design", "Large pages"), ("mathematics", "4")} <= set(citations())


def python_names() -> list[str]:
    """The functions and attributes of the library in the topics about it; of gensim's table, the column of w2v."""
    folder = ROOT / "w2v_cli" / "help"
    rows = [line.split(" | ")[-1] for line in (folder / "gensim.md").read_text().splitlines() if line.startswith("|")]
    text = "\n".join([(folder / "python.md").read_text(), README.read_text(), *rows])
    return sorted(set(re.findall(r"\b(?:w2v|model)\.[A-Za-z_]\w*\b(?!\.)", text)) - {"model.safetensors"})


@pytest.mark.parametrize("name", python_names())
def test_a_name_of_the_library_in_a_topic_exists(name: str) -> None:
    owner, attribute = name.split(".")
    assert hasattr(w2v_cli if owner == "w2v" else w2v_cli.Model, attribute)


@pytest.mark.parametrize("span", [span for span in SPANS if re.fullmatch(r"[a-z_]+/[a-z_/]+\.py", span)])
def test_a_module_in_a_sentence_exists(span: str) -> None:
    assert (ROOT / "w2v_cli" / span).exists() or (ROOT / span).exists()
