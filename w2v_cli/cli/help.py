"""`w2v help`: the topics of the documentation, which are the Markdown files in `w2v_cli/help/`."""

from __future__ import annotations

import difflib
from importlib.resources import files

import click

from w2v_cli.cli.console import answers_at_terminal, print_rows
from w2v_cli.cli.main import COMMANDS
from w2v_cli.errors import ConfigError

# In the order in which a reader meets them.
TOPICS = [
    "install",
    "training",
    "corpus",
    "resume",
    "continue",
    "cluster",
    "files",
    "subwords",
    "evaluation",
    "drift",
    "pictures",
    "python",
    "gensim",
    "mathematics",
    "benchmarks",
    "design",
]


@click.command()
@click.argument("topic", required=False, shell_complete=lambda context, parameter, typed: _topics(typed))
def help(topic: str | None) -> None:
    """Explain a topic, or list the topics.

    A terminal shows the topic in its pager. The options of a command are in its own help: w2v train --help.

    \b
    Examples:
      w2v help
      w2v help training
      w2v help mathematics > mathematics.md
    """
    if topic is None:
        print_rows([f"{name:<11}  {_summary(name)}"] for name in TOPICS)
    elif topic not in TOPICS:
        raise ConfigError(f"there is no topic {topic!r}", hint=_suggestion(topic))
    elif answers_at_terminal():
        click.echo_via_pager(_text(topic))
    else:
        print_rows([line] for line in _text(topic).splitlines())


def _topics(typed: str) -> list[str]:
    """Return the topics that a shell may complete."""
    return [topic for topic in TOPICS if topic.startswith(typed)]


def _text(topic: str) -> str:
    """Return the Markdown of a topic."""
    return (files("w2v_cli") / "help" / f"{topic}.md").read_text(encoding="utf-8")


def _summary(topic: str) -> str:
    """Return the first sentence below the title, on one line."""
    paragraph = _text(topic).split("\n\n")[1]
    return " ".join(paragraph.split()).split(". ")[0].rstrip(".")


def _suggestion(topic: str) -> str:
    """Say what the user may have meant."""
    if topic in COMMANDS:
        return f"w2v {topic} --help explains the command"
    near = difflib.get_close_matches(topic.lower(), TOPICS, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else "w2v help lists the topics"
