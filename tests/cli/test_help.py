"""`w2v help`: the topics, listed and shown."""

from __future__ import annotations

import re

import click
import pytest
from conftest import ROOT, call, call_for_lines

from w2v_cli.cli import help as help_module

FOLDER = ROOT / "w2v_cli" / "help"


def test_the_list_has_every_topic_on_a_line_that_fits_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    code, lines, err = call_for_lines(capfd, "help")
    assert (code, err) == (0, "")
    assert {line.split()[0] for line in lines} == {path.stem for path in FOLDER.glob("*.md")}
    assert all(len(line) <= 80 and len(line.split()) > 4 for line in lines)


@pytest.mark.parametrize("name", help_module.TOPICS)
def test_a_topic_is_its_file_with_a_title_and_a_paragraph(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capfd, "help", name)
    assert (code, out, err) == (0, (FOLDER / f"{name}.md").read_text(encoding="utf-8"), "")
    assert re.match(r"# \S.*\n\n[A-Z]", out)


def test_a_terminal_shows_a_topic_in_its_pager(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paged: list[str] = []
    monkeypatch.setattr(help_module, "answers_at_terminal", lambda: True)
    monkeypatch.setattr(click, "echo_via_pager", paged.append)
    assert call(capfd, "help", "files") == (0, "", "")
    assert paged == [(FOLDER / "files.md").read_text(encoding="utf-8")]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("trianing", "did you mean training?"),
        ("Gensim", "did you mean gensim?"),
        ("train", "w2v train --help explains the command"),
        ("xyzzy", "w2v help lists the topics"),
    ],
)
def test_an_unknown_topic_is_told_with_what_may_have_been_meant(
    name: str, hint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capfd, "help", name)
    assert (code, out) == (2, "")
    assert err == f"Error: there is no topic {name!r}\nHint: {hint}\n"
